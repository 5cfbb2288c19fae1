//! The one thread that writes. It takes all commits that wait, writes them in one transaction, and answers when it is durable.
//!
//! Group commit: while the disk makes one batch durable the next one gathers, so that many writers share one sync. Index rows
//! that have waited go into the tables at the beginning of a transaction, since then the writers that were just answered are
//! busy elsewhere with what they send next, and the batch is taken in when that is done.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::time::{Duration, Instant};

use rusqlite::Connection;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, oneshot};

use super::checkpoint::Checkpoints;
use super::dictionary;
use super::merge::Merge;
use super::write::{Batch, Ended, Numbers};
use super::young::Young;
use super::{Prepared, Shared, failed};
use crate::base::clock::Clock;
use crate::store::port::{StoreError, Written};
use crate::store::squeeze::{Purpose, Training};

/// What a commit is answered.
type Answered = Result<Vec<Written>, StoreError>;

/// A commit that waits.
struct Waiting {
    commit: Prepared,
    answer: oneshot::Sender<Answered>,
    /// Its share of the memory that waiting commits may take.
    _room: OwnedSemaphorePermit,
}

enum Message {
    Commit(Box<Waiting>),
    /// Use these dictionaries from now on.
    Dictionaries(Vec<(Purpose, Vec<u8>)>),
    /// Keep this secret, unless there is one; tell which it is.
    Secret([u8; 32], oneshot::Sender<Result<[u8; 32], StoreError>>),
    /// Bring all index rows into the tables.
    Settle(oneshot::Sender<Result<(), StoreError>>),
    Close(oneshot::Sender<()>),
}

/// What the writer did since it was opened. Times are in nanoseconds, as the writer's thread sees them.
#[derive(Debug, Default)]
pub struct Statistics {
    /// Transactions, each with one sync of the disk.
    pub transactions: AtomicU64,
    /// Commits in them, refused ones included.
    pub commits: AtomicU64,
    /// Time for checking commits and writing resources, histories and the change feed.
    pub writing: AtomicU64,
    /// Time for index rows.
    pub indexing: AtomicU64,
    /// Time for making transactions durable.
    pub syncing: AtomicU64,
}

/// The way to the writer's thread.
#[derive(Debug)]
pub(super) struct Writer {
    queue: mpsc::Sender<Message>,
    room: Arc<Semaphore>,
    pub(super) statistics: Arc<Statistics>,
}

/// Commits in one transaction.
const BATCH: usize = 512;
/// Bytes of commits in one transaction, beyond which no further one is taken in.
const BATCH_BYTES: usize = 16 << 20;
/// Kibibytes of commits that may wait; more have to wait outside.
const ROOM: u32 = 64 << 10;
/// After so long without a commit the recent index rows go into the tables.
const IDLE: Duration = Duration::from_millis(500);
/// So many resources at a time.
const IDLE_STEP: usize = 256;

impl Writer {
    pub(super) fn start(
        connection: Connection,
        shared: Arc<Shared>,
        clock: Arc<dyn Clock>,
        numbers: Numbers,
        checkpoints: Checkpoints,
    ) -> Result<Self, StoreError> {
        let young = Young::load(&connection)?;
        let (queue, arriving) = mpsc::channel();
        let statistics = Arc::new(Statistics::default());
        let work =
            Work { connection, shared, clock, numbers, checkpoints, merge: None, young, owed: 0, statistics: Arc::clone(&statistics) };
        std::thread::Builder::new()
            .name("store-write".to_owned())
            .spawn(move || work.run(arriving))
            .map_err(|error| StoreError::Failed(format!("no thread for writing: {error}")))?;
        Ok(Self { queue, room: Arc::new(Semaphore::new(ROOM as usize)), statistics })
    }

    pub(super) async fn commit(&self, commit: Prepared) -> Answered {
        // A commit larger than all the room takes all of it.
        let share = u32::try_from(commit.size >> 10).unwrap_or(u32::MAX).clamp(1, ROOM);
        let room = Arc::clone(&self.room).acquire_many_owned(share).await.map_err(|_| StoreError::Closed)?;
        let (answer, answered) = oneshot::channel();
        let waiting = Box::new(Waiting { commit, answer, _room: room });
        self.queue.send(Message::Commit(waiting)).map_err(|_| StoreError::Closed)?;
        answered.await.unwrap_or(Err(StoreError::Closed))
    }

    /// Trains dictionaries on a thread of its own. If that fails, bytes stay larger than they need to be.
    pub(super) fn train(&self, training: Training) {
        let queue = self.queue.clone();
        let run = move || {
            let _ = queue.send(Message::Dictionaries(training.run()));
        };
        let _ = std::thread::Builder::new().name("store-train".to_owned()).spawn(run);
    }

    /// The secret of the store.
    pub(super) async fn secret(&self, proposal: [u8; 32]) -> Result<[u8; 32], StoreError> {
        let (answer, answered) = oneshot::channel();
        self.queue.send(Message::Secret(proposal, answer)).map_err(|_| StoreError::Closed)?;
        answered.await.unwrap_or(Err(StoreError::Closed))
    }

    /// Waits until all index rows are in the tables.
    pub(super) async fn settle(&self) -> Result<(), StoreError> {
        let (done, over) = oneshot::channel();
        self.queue.send(Message::Settle(done)).map_err(|_| StoreError::Closed)?;
        over.await.unwrap_or(Err(StoreError::Closed))
    }

    /// Lets the thread finish what waits and end.
    pub(super) async fn close(&self) {
        self.room.close();
        let (done, over) = oneshot::channel();
        if self.queue.send(Message::Close(done)).is_ok() {
            let _ = over.await;
        }
    }
}

/// The thread and what it works with.
struct Work {
    connection: Connection,
    shared: Arc<Shared>,
    clock: Arc<dyn Clock>,
    numbers: Numbers,
    checkpoints: Checkpoints,
    merge: Option<Merge>,
    young: Young,
    /// Index rows of so many resources are to go into the tables with the next transaction.
    owed: usize,
    statistics: Arc<Statistics>,
}

/// The commits of one transaction, and where more of them come from.
struct Gathering<'a> {
    batch: Vec<Waiting>,
    bytes: usize,
    arriving: Option<&'a mpsc::Receiver<Message>>,
    /// What came that is not a commit.
    other: Option<Message>,
}

impl Gathering<'_> {
    /// Takes in what has arrived, up to a full batch.
    fn gather(&mut self) {
        while self.batch.len() < BATCH
            && self.bytes < BATCH_BYTES
            && let Some(message) = self.arriving.and_then(|arriving| arriving.try_recv().ok())
        {
            match message {
                Message::Commit(waiting) => {
                    self.bytes += waiting.commit.size;
                    self.batch.push(*waiting);
                }
                other => {
                    self.other = Some(other);
                    self.arriving = None;
                }
            }
        }
    }
}

impl Work {
    fn run(mut self, arriving: mpsc::Receiver<Message>) {
        let mut idle = IDLE;
        let closing = loop {
            let message = match arriving.recv_timeout(idle) {
                Ok(message) => message,
                Err(RecvTimeoutError::Timeout) => {
                    // Bit by bit, so that a commit that comes does not wait long; after a failure not at once again.
                    idle = if matches!(self.tidy(IDLE_STEP), Ok(true)) { Duration::ZERO } else { IDLE };
                    continue;
                }
                Err(RecvTimeoutError::Disconnected) => break None,
            };
            idle = IDLE;
            let other = match message {
                Message::Commit(first) => self.serve(*first, &arriving),
                other => Some(other),
            };
            match other {
                Some(Message::Settle(done)) => {
                    let _ = done.send(self.settle());
                }
                // Without them all goes on as before.
                Some(Message::Dictionaries(new)) => {
                    let _ = dictionary::add(&self.connection, &self.shared.squeezer, &new);
                }
                Some(Message::Secret(proposal, answer)) => {
                    let _ = answer.send(self.secret(proposal));
                }
                Some(Message::Close(done)) => break Some(done),
                Some(Message::Commit(_)) | None => {}
            }
        };
        // What came after the closing is dropped with the queue, and its senders hear that the store is closed.
        drop(arriving);
        let _ = self.settle();
        let _ = self.connection.execute_batch("PRAGMA wal_checkpoint(TRUNCATE)");
        drop(self);
        if let Some(done) = closing {
            let _ = done.send(());
        }
    }

    /// Writes a commit together with those that arrive meanwhile, and answers; gives what arrived that is not a commit.
    fn serve(&mut self, first: Waiting, arriving: &mpsc::Receiver<Message>) -> Option<Message> {
        let mut gathering = Gathering { bytes: first.commit.size, batch: vec![first], arriving: Some(arriving), other: None };
        match self.attempt(&mut gathering, self.owed) {
            Ok(answers) => send(gathering.batch, answers),
            // One of several may be to blame: each gets its own transaction.
            Err(_) => {
                for waiting in gathering.batch {
                    let mut alone = Gathering { batch: vec![waiting], bytes: 0, arriving: None, other: None };
                    let answers = self.attempt(&mut alone, 0).unwrap_or_else(|error| vec![Err(error)]);
                    send(alone.batch, answers);
                }
            }
        }
        if self.merge.is_none() && self.shared.recent.is_full() {
            // If that fails, it is tried again after the next one.
            self.merge = Merge::begin(&self.connection, &self.shared.recent, &mut self.young).unwrap_or_default();
        }
        self.checkpoints.after_transaction(&self.connection);
        gathering.other
    }

    /// Writes index rows of `share` resources and a batch in one transaction. What a commit is answered may rest on what an
    /// earlier one wrote, so if the transaction fails nobody is answered.
    fn attempt(&mut self, gathering: &mut Gathering<'_>, share: usize) -> Result<Vec<Answered>, StoreError> {
        match self.transact(gathering, share) {
            Ok((answers, ended)) => {
                self.numbers = ended.numbers;
                // What comes in goes out a little faster, so that there are never many more than a generation.
                self.owed = ended.come + ended.come / 4;
                let merged = ended.progress.mark.is_some();
                self.shared.recent.keep();
                if let Some(merge) = &mut self.merge {
                    merge.advance(&ended.progress);
                }
                if let Some(young) = ended.progress.young {
                    self.young = young;
                }
                if merged {
                    self.merge = None;
                    self.shared.recent.drop_oldest();
                }
                Ok(answers)
            }
            Err(error) => {
                if !self.connection.is_autocommit() {
                    let _ = self.connection.execute_batch("ROLLBACK");
                }
                self.shared.recent.take_back();
                Err(error)
            }
        }
    }

    fn transact(&self, gathering: &mut Gathering<'_>, share: usize) -> Result<(Vec<Answered>, Ended), StoreError> {
        let counted = &self.statistics;
        let mut watch = Watch(Instant::now());
        let merge = self.merge.as_ref().map(|merge| (merge, &self.young));
        let mut transaction = Batch::begin(&self.connection, &self.shared, merge, self.numbers)?;
        transaction.merge(share)?;
        watch.lap(&counted.indexing);
        gathering.gather();
        // Not earlier: nobody's write may seem older than the moment at which it was sent.
        transaction.at(self.clock.now());
        counted.commits.fetch_add(gathering.batch.len() as u64, Ordering::Relaxed);
        counted.transactions.fetch_add(1, Ordering::Relaxed);
        let mut answers = Vec::with_capacity(gathering.batch.len());
        for waiting in &gathering.batch {
            answers.push(match transaction.apply(&waiting.commit) {
                Err(error) if !matches!(error, StoreError::Unmet(_)) => return Err(error),
                answer => answer,
            });
        }
        watch.lap(&counted.writing);
        let ended = transaction.finish()?;
        watch.lap(&counted.syncing);
        Ok((answers, ended))
    }

    /// Brings index rows of some resources into the tables; tells whether there are more.
    fn tidy(&mut self, resources: usize) -> Result<bool, StoreError> {
        if self.merge.is_none() {
            self.merge = Merge::begin(&self.connection, &self.shared.recent, &mut self.young)?;
        }
        if self.merge.is_some() {
            self.attempt(&mut Gathering { batch: Vec::new(), bytes: 0, arriving: None, other: None }, resources)?;
            self.checkpoints.after_transaction(&self.connection);
        }
        Ok(self.merge.is_some() || !self.shared.recent.is_empty())
    }

    fn secret(&self, proposal: [u8; 32]) -> Result<[u8; 32], StoreError> {
        self.connection.execute("INSERT OR IGNORE INTO secret (one, bytes) VALUES (0, ?1)", [proposal]).map_err(failed)?;
        self.connection.query_row("SELECT bytes FROM secret", [], |row| row.get(0)).map_err(failed)
    }

    fn settle(&mut self) -> Result<(), StoreError> {
        while self.tidy(usize::MAX)? {}
        Ok(())
    }
}

/// Measures one step after the other.
struct Watch(Instant);

impl Watch {
    fn lap(&mut self, sum: &AtomicU64) {
        let now = Instant::now();
        sum.fetch_add(u64::try_from((now - self.0).as_nanos()).unwrap_or(u64::MAX), Ordering::Relaxed);
        self.0 = now;
    }
}

fn send(batch: Vec<Waiting>, answers: Vec<Answered>) {
    for (waiting, answer) in batch.into_iter().zip(answers) {
        // A client that has gone does not hear it; what it asked for is done all the same.
        let _ = waiting.answer.send(answer);
    }
}
