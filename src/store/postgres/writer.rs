//! The lanes that write. Each takes all commits that wait, writes them in one transaction, and answers when it is durable.
//!
//! Group commit: while the database makes one batch durable the next one gathers. Several lanes keep several of the server's
//! processors busy with index rows. Commits that verify searches have a lane of their own, since only one such transaction can
//! be under way in any case, whichever gateway it comes from.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tokio::sync::{Mutex, OwnedSemaphorePermit, Semaphore, mpsc, oneshot};
use tokio::task::JoinSet;

use super::batch::Batch;
use super::connect::{Address, Connection};
use super::fault::Fault;
use super::flush::Claim;
use super::merge;
use super::{Prepared, Shared};
use crate::base::clock::Clock;
use crate::store::port::{StoreError, Written};

/// What a commit is answered.
type Answered = Result<Vec<Written>, StoreError>;

/// A commit that waits.
struct Waiting {
    commit: Prepared,
    answer: oneshot::Sender<Answered>,
    /// Its share of the memory that waiting commits may take.
    _room: OwnedSemaphorePermit,
}

/// What the lanes did since the store was opened.
#[derive(Debug, Default)]
pub struct Statistics {
    /// Transactions that were committed.
    pub transactions: AtomicU64,
    /// Commits in them, refused ones included.
    pub commits: AtomicU64,
    /// Transactions that were done again because another one was in the way.
    pub conflicts: AtomicU64,
}

/// The way to the lanes.
#[derive(Debug)]
pub(super) struct Writer {
    plain: mpsc::UnboundedSender<Waiting>,
    searching: mpsc::UnboundedSender<Waiting>,
    room: Arc<Semaphore>,
    lanes: Mutex<JoinSet<()>>,
    closing: tokio::sync::watch::Sender<bool>,
    pub(super) statistics: Arc<Statistics>,
}

/// Commits in one transaction.
const BATCH: usize = 512;
/// Bytes of commits in one transaction, beyond which no further one is taken in.
const BATCH_BYTES: usize = 16 << 20;
/// Kibibytes of commits that may wait; more have to wait outside.
const ROOM: u32 = 64 << 10;
/// How often a transaction is done again when another one was in the way.
const CONFLICTS: u32 = 30;
/// How often a connection is sought before whoever waits is told, and how often when it must be learnt what became of a commit.
const ATTEMPTS: u32 = 4;
const ATTEMPTS_UNSURE: u32 = 60;
/// Pause before the next attempt.
const PAUSE: Duration = Duration::from_millis(500);

impl Writer {
    pub(super) fn start(address: &Address, shared: &Arc<Shared>, clock: &Arc<dyn Clock>) -> Self {
        let (plain, arriving) = mpsc::unbounded_channel();
        let (searching, searches) = mpsc::unbounded_channel();
        let (closing, closed) = tokio::sync::watch::channel(false);
        let statistics = Arc::new(Statistics::default());
        let (arriving, searches) = (Arc::new(Mutex::new(arriving)), Arc::new(Mutex::new(searches)));
        let mut lanes = JoinSet::new();
        for number in 0..=shared.options.writers.max(1) {
            let lane = Lane {
                address: address.clone(),
                connection: None,
                shared: Arc::clone(shared),
                clock: Arc::clone(clock),
                arriving: Arc::clone(if number == 0 { &searches } else { &arriving }),
                closing: closed.clone(),
                statistics: Arc::clone(&statistics),
            };
            lanes.spawn(lane.run());
        }
        lanes.spawn(merge::run(Arc::clone(shared), closed));
        Self { plain, searching, room: Arc::new(Semaphore::new(ROOM as usize)), lanes: Mutex::new(lanes), closing, statistics }
    }

    pub(super) async fn commit(&self, commit: Prepared) -> Answered {
        // A commit larger than all the room takes all of it.
        let share = u32::try_from(commit.size >> 10).unwrap_or(u32::MAX).clamp(1, ROOM);
        let room = Arc::clone(&self.room).acquire_many_owned(share).await.map_err(|_| StoreError::Closed)?;
        let queue = if commit.matches.is_empty() { &self.plain } else { &self.searching };
        let (answer, answered) = oneshot::channel();
        queue.send(Waiting { commit, answer, _room: room }).map_err(|_| StoreError::Closed)?;
        answered.await.unwrap_or(Err(StoreError::Closed))
    }

    /// Lets the lanes finish what waits and end.
    pub(super) async fn close(&self) {
        self.room.close();
        let _ = self.closing.send(true);
        while self.lanes.lock().await.join_next().await.is_some() {}
    }
}

/// One lane and what it works with.
struct Lane {
    address: Address,
    connection: Option<Connection>,
    shared: Arc<Shared>,
    clock: Arc<dyn Clock>,
    arriving: Arc<Mutex<mpsc::UnboundedReceiver<Waiting>>>,
    closing: tokio::sync::watch::Receiver<bool>,
    statistics: Arc<Statistics>,
}

/// How a batch ended badly.
enum Failure {
    /// Nothing was written; perhaps one commit of the batch is to blame.
    Nothing(StoreError),
    /// Nobody can say whether it was written.
    Unsure(StoreError),
}

impl Lane {
    async fn run(mut self) {
        while let Some(batch) = self.gather().await {
            self.serve(batch).await;
        }
    }

    /// Waits for a commit, and takes those that wait with it; `None` when no more will come.
    async fn gather(&mut self) -> Option<Vec<Waiting>> {
        let mut arriving = self.arriving.lock().await;
        let closing = async { drop(self.closing.wait_for(|closing| *closing).await) };
        let first = tokio::select! {
            biased;
            first = arriving.recv() => Some(first?),
            () = closing => None,
        };
        let first = match first {
            Some(first) => first,
            // What came before the closing is still written.
            None => {
                arriving.close();
                arriving.recv().await?
            }
        };
        let mut bytes = first.commit.size;
        let mut batch = vec![first];
        while batch.len() < BATCH
            && bytes < BATCH_BYTES
            && let Ok(waiting) = arriving.try_recv()
        {
            bytes += waiting.commit.size;
            batch.push(waiting);
        }
        Some(batch)
    }

    async fn serve(&mut self, batch: Vec<Waiting>) {
        let commits: Vec<&Prepared> = batch.iter().map(|waiting| &waiting.commit).collect();
        match self.attempt(&commits).await {
            Ok(answers) => send(batch, answers),
            Err(Failure::Nothing(error)) if batch.len() == 1 => send(batch, vec![Err(error)]),
            // One of several may be to blame: each gets its own transaction.
            Err(Failure::Nothing(_)) => {
                for waiting in batch {
                    let answer = match self.attempt(&[&waiting.commit]).await {
                        Ok(mut answers) => answers.pop().unwrap_or(Err(StoreError::Closed)),
                        Err(Failure::Nothing(error) | Failure::Unsure(error)) => Err(error),
                    };
                    send(vec![waiting], vec![answer]);
                }
            }
            Err(Failure::Unsure(error)) => {
                let answers = batch.iter().map(|_| Err(StoreError::Failed(error.to_string()))).collect();
                send(batch, answers);
            }
        }
    }

    /// Writes a batch, again if something that passes was in the way.
    async fn attempt(&mut self, commits: &[&Prepared]) -> Result<Vec<Answered>, Failure> {
        let (mut conflicts, mut losses) = (0, 0);
        loop {
            let connection = match self.connection.take().filter(|connection| !connection.is_closed()) {
                Some(connection) => connection,
                None => connect(&self.address, ATTEMPTS).await.map_err(Failure::Nothing)?,
            };
            let mut pending = None;
            match transact(&connection, &self.shared, commits, &*self.clock, &mut pending).await {
                Ok(answers) => {
                    self.connection = Some(connection);
                    self.statistics.transactions.fetch_add(1, Ordering::Relaxed);
                    self.statistics.commits.fetch_add(commits.len() as u64, Ordering::Relaxed);
                    return Ok(answers);
                }
                Err(Fault::Lost(why)) => {
                    drop(connection);
                    if let Some((Some(claim), answers)) = pending
                        && self.was_committed(&claim).await.map_err(|error| unsure(&why, &error))?
                    {
                        return Ok(answers);
                    }
                    losses += 1;
                    if losses > ATTEMPTS {
                        return Err(Failure::Nothing(StoreError::Failed(why)));
                    }
                }
                Err(fault) => {
                    // A connection that cannot even roll back is let go, which does the same.
                    self.connection = connection.run("ROLLBACK").await.is_ok().then_some(connection);
                    match fault {
                        Fault::Conflict(_) if conflicts < CONFLICTS => {
                            conflicts += 1;
                            self.statistics.conflicts.fetch_add(1, Ordering::Relaxed);
                        }
                        fault => return Err(Failure::Nothing(fault.into())),
                    }
                }
            }
        }
    }

    /// Whether a transaction was committed whose end was not heard of. It held the line of the feed, so whoever gets that line
    /// knows that the transaction is over, one way or the other.
    async fn was_committed(&self, claim: &Claim) -> Result<bool, StoreError> {
        let sql = "SELECT count(*) FROM change WHERE shard = $1 AND seq = $2 AND rid = $3 AND version = $4 AND updated = $5";
        let mut tries = 0;
        loop {
            let look = async {
                let connection = connect(&self.address, ATTEMPTS_UNSURE).await?;
                connection.run("BEGIN; SET LOCAL lock_timeout = '30s'; SELECT seq FROM feed WHERE one = 0 FOR UPDATE").await?;
                let found = connection.number(sql, &[&claim.shard, &claim.sequence, &claim.row, &claim.version, &claim.updated]).await?;
                connection.run("COMMIT").await?;
                Ok::<_, Fault>(found > 0)
            };
            match look.await {
                Err(Fault::Lost(_)) if tries < ATTEMPTS => tries += 1,
                answer => return Ok(answer?),
            }
        }
    }
}

fn unsure(why: &str, error: &StoreError) -> Failure {
    let text = format!("the connection broke while a commit was made durable ({why}), and it is not known whether it was ({error})");
    Failure::Unsure(StoreError::Failed(text))
}

/// Seeks a connection so many times; a server that is just starting again is waited for.
async fn connect(address: &Address, attempts: u32) -> Result<Connection, StoreError> {
    let mut tries = 1;
    loop {
        match address.connect().await {
            Err(Fault::Lost(_)) if tries < attempts => tries += 1,
            answer => return Ok(answer?),
        }
        tokio::time::sleep(PAUSE).await;
    }
}

/// What will be answered when the end of the transaction is known, and how to learn of it.
type Pending = Option<(Option<Claim>, Vec<Answered>)>;

/// Writes a batch in one transaction. What a commit is answered may rest on what an earlier one wrote, so if the transaction
/// fails nobody is answered.
async fn transact(
    connection: &Connection,
    shared: &Shared,
    commits: &[&Prepared],
    clock: &dyn Clock,
    pending: &mut Pending,
) -> Result<Vec<Answered>, Fault> {
    let mut batch = Batch::begin(connection, shared, commits, clock.now()).await?;
    let mut applied = Vec::with_capacity(commits.len());
    for commit in commits {
        applied.push(batch.apply(commit).await?);
    }
    let claim = batch.finish().await?;
    let answers: Vec<Answered> = applied.into_iter().map(|one| batch.tell(one)).collect();
    let (_, answers) = pending.insert((claim, answers));
    connection.run("COMMIT").await?;
    Ok(std::mem::take(answers))
}

fn send(batch: Vec<Waiting>, answers: Vec<Answered>) {
    for (waiting, answer) in batch.into_iter().zip(answers) {
        // A client that has gone does not hear it; what it asked for is done all the same.
        let _ = waiting.answer.send(answer);
    }
}
