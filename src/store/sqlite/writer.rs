//! The one thread that writes. It takes all commits that wait, writes them in one transaction, and answers when it is durable.
//!
//! Group commit: while the disk makes one batch durable the next one gathers, so that many writers share one sync.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use rusqlite::Connection;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc, oneshot};

use super::Options;
use super::frequency::Frequencies;
use super::kinds::Kinds;
use super::write::{Batch, Numbers, Prepared};
use crate::base::clock::Clock;
use crate::store::port::{StoreError, Written};

type Answer = oneshot::Sender<Result<Vec<Written>, StoreError>>;

/// A commit that waits.
pub(super) struct Waiting {
    commit: Prepared,
    answer: Answer,
    /// Its share of the memory that waiting commits may take.
    _room: OwnedSemaphorePermit,
}

enum Message {
    Commit(Waiting),
    Close(oneshot::Sender<()>),
}

/// What the writer did since it was opened.
#[derive(Debug, Default)]
pub struct Statistics {
    /// Transactions, each with one sync of the disk.
    pub transactions: AtomicU64,
    /// Commits in them, refused ones included.
    pub commits: AtomicU64,
}

/// The way to the writer's thread.
#[derive(Debug)]
pub(super) struct Writer {
    queue: mpsc::Sender<Message>,
    room: Arc<Semaphore>,
    pub(super) statistics: Arc<Statistics>,
}

/// Commits that may wait; more have to wait outside.
const QUEUE: usize = 1024;
/// Commits in one transaction.
const BATCH: usize = 512;
/// Bytes of commits in one transaction, beyond which no further one is taken in.
const BATCH_BYTES: usize = 16 << 20;
/// Kibibytes of commits that may wait.
const ROOM: u32 = 128 << 10;

/// What the thread works with.
pub(super) struct Work {
    pub(super) connection: Connection,
    pub(super) kinds: Arc<Kinds>,
    pub(super) frequencies: Arc<Frequencies>,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) options: Options,
    pub(super) numbers: Numbers,
}

impl Writer {
    pub(super) fn start(work: Work) -> Result<Self, StoreError> {
        let (queue, arriving) = mpsc::channel(QUEUE);
        let statistics = Arc::new(Statistics::default());
        let counted = Arc::clone(&statistics);
        std::thread::Builder::new()
            .name("store-write".to_owned())
            .spawn(move || work.run(arriving, &counted))
            .map_err(|error| StoreError::Failed(format!("no thread for writing: {error}")))?;
        Ok(Self { queue, room: Arc::new(Semaphore::new(ROOM as usize)), statistics })
    }

    pub(super) async fn commit(&self, commit: Prepared) -> Result<Vec<Written>, StoreError> {
        // A commit larger than all the room takes all of it.
        let share = u32::try_from(commit.size >> 10).unwrap_or(u32::MAX).clamp(1, ROOM);
        let room = Arc::clone(&self.room).acquire_many_owned(share).await.map_err(|_| StoreError::Closed)?;
        let (answer, answered) = oneshot::channel();
        self.queue.send(Message::Commit(Waiting { commit, answer, _room: room })).await.map_err(|_| StoreError::Closed)?;
        answered.await.unwrap_or(Err(StoreError::Closed))
    }

    /// Lets the thread finish what waits and end.
    pub(super) async fn close(&self) {
        self.room.close();
        let (done, over) = oneshot::channel();
        if self.queue.send(Message::Close(done)).await.is_ok() {
            let _ = over.await;
        }
    }
}

impl Work {
    fn run(mut self, mut arriving: mpsc::Receiver<Message>, statistics: &Statistics) {
        let mut closing = None;
        while closing.is_none() {
            let Some(first) = arriving.blocking_recv() else { break };
            let (mut batch, mut bytes, mut next) = (Vec::new(), 0, Some(first));
            while let Some(message) = next.take() {
                match message {
                    Message::Close(done) => closing = Some(done),
                    Message::Commit(waiting) => {
                        bytes += waiting.commit.size;
                        batch.push(waiting);
                        if batch.len() < BATCH && bytes < BATCH_BYTES {
                            next = arriving.try_recv().ok();
                        }
                    }
                }
            }
            if !batch.is_empty() {
                statistics.commits.fetch_add(batch.len() as u64, Ordering::Relaxed);
                statistics.transactions.fetch_add(1, Ordering::Relaxed);
                self.serve(batch);
            }
        }
        // What came after the closing is dropped with the queue, and its senders hear that the store is closed.
        drop(arriving);
        let _ = self.connection.execute_batch("PRAGMA wal_checkpoint(TRUNCATE)");
        drop(self);
        if let Some(done) = closing {
            let _ = done.send(());
        }
    }

    /// Writes a batch and answers.
    fn serve(&mut self, batch: Vec<Waiting>) {
        match self.attempt(&batch) {
            Ok(answers) => send(batch, answers),
            // One of several may be to blame: each gets its own transaction.
            Err(_) if batch.len() > 1 => {
                for waiting in batch {
                    self.serve(vec![waiting]);
                }
            }
            Err(error) => send(batch, vec![Err(error)]),
        }
    }

    /// Writes a batch in one transaction. What a commit is answered may rest on what an earlier one wrote, so if the transaction
    /// fails nobody is answered.
    fn attempt(&mut self, batch: &[Waiting]) -> Result<Vec<Result<Vec<Written>, StoreError>>, StoreError> {
        let result = self.transact(batch);
        if result.is_err() && !self.connection.is_autocommit() {
            let _ = self.connection.execute_batch("ROLLBACK");
        }
        result
    }

    fn transact(&mut self, batch: &[Waiting]) -> Result<Vec<Result<Vec<Written>, StoreError>>, StoreError> {
        let now = self.clock.now();
        let mut transaction = Batch::begin(&self.connection, &self.kinds, &self.frequencies, &self.options, now, self.numbers)?;
        let mut answers = Vec::with_capacity(batch.len());
        for waiting in batch {
            answers.push(match transaction.apply(&waiting.commit) {
                Err(error) if !matches!(error, StoreError::Unmet(_)) => return Err(error),
                answer => answer,
            });
        }
        self.numbers = transaction.finish()?;
        Ok(answers)
    }
}

fn send(batch: Vec<Waiting>, answers: Vec<Result<Vec<Written>, StoreError>>) {
    for (waiting, answer) in batch.into_iter().zip(answers) {
        // A client that has gone does not hear it; what it asked for is done all the same.
        let _ = waiting.answer.send(answer);
    }
}
