//! Jobs: requests that a client does not wait for (`Prefer: respond-async`).
//!
//! The answer is 202 with an address to ask at; there is 202 while the job goes on, then 200 with a Bundle of type
//! batch-response. Jobs are held in memory, bounded in number and time: a restart forgets them.
//! Source: <https://hl7.org/fhir/R4/async.html>, <https://hl7.org/fhir/R5/async-bundle.html>.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::Semaphore;
use tokio::task::AbortHandle;

use super::prefer::Preferences;
use crate::base::clock::Instant;
use crate::interactions::operation::Operation;
use crate::interactions::{Answer, Failure, FailureKind, Gateway, Interaction};
use crate::model::outcome::IssueType;

/// The path, below the base, under which jobs are asked about.
pub(super) const PATH: &str = "_async/";

/// How many jobs there may be, and for how long.
#[derive(Debug, Clone, Copy)]
pub struct JobOptions {
    /// Most jobs at a time: waiting, running, and done but still kept.
    pub most: usize,
    /// Most that run at the same time; others wait.
    pub at_once: usize,
    /// Longest time that one may run, in seconds.
    pub seconds: u64,
    /// How long an answer is kept, in seconds.
    pub keep_seconds: u32,
}

impl Default for JobOptions {
    fn default() -> Self {
        Self { most: 100, at_once: 2, seconds: 600, keep_seconds: 3600 }
    }
}

/// All jobs of a server.
#[derive(Debug)]
pub(super) struct Jobs {
    options: JobOptions,
    table: Mutex<Table>,
    places: Arc<Semaphore>,
}

#[derive(Debug, Default)]
struct Table {
    jobs: HashMap<String, Job>,
    closed: bool,
}

#[derive(Debug)]
struct Job {
    begun: Instant,
    prefer: Preferences,
    state: Arc<Mutex<State>>,
    task: AbortHandle,
}

#[derive(Debug)]
enum State {
    Waiting,
    Running,
    Done { at: Instant, outcome: Arc<Result<Answer, Failure>> },
}

/// What is told of a job.
pub(super) enum Progress {
    /// It goes on: in words.
    Going(String),
    /// It is done, and what its client preferred.
    Done(Arc<Result<Answer, Failure>>, Preferences),
}

/// Whether an interaction may take so long that a client would rather not wait.
pub(super) fn is_long(interaction: &Interaction) -> bool {
    match interaction {
        Interaction::Search(_)
        | Interaction::Compartment(_)
        | Interaction::History(_)
        | Interaction::Batch(_)
        | Interaction::Transaction(_) => true,
        Interaction::Operation(of) => of.operation == Operation::Everything,
        _ => false,
    }
}

fn hold<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // Nothing is left half changed under these locks, so a panic elsewhere does no harm.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Jobs {
    pub(super) fn new(options: JobOptions) -> Self {
        Self { options, table: Mutex::default(), places: Arc::new(Semaphore::new(options.at_once)) }
    }

    /// Begins a job; gives the id by which it is asked about, which nobody can guess.
    pub(super) fn start(&self, gateway: &Arc<Gateway>, interaction: Interaction, prefer: Preferences) -> Result<String, Failure> {
        let now = gateway.clock.now();
        let mut table = hold(&self.table);
        self.forget(&mut table, now);
        if table.closed {
            let told = "The server is shutting down: try again in a moment.";
            return Err(Failure::new(FailureKind::Unavailable, IssueType::Transient, "", told));
        }
        if table.jobs.len() >= self.options.most {
            let told = format!(
                "There are {} jobs already, the most that this server keeps: wait, or DELETE those you need no more.",
                self.options.most
            );
            return Err(Failure::new(FailureKind::Busy, IssueType::Throttled, "Prefer", told));
        }
        let id = gateway.random.uuid();
        let state = Arc::new(Mutex::new(State::Waiting));
        let task = tokio::spawn(run(Arc::clone(gateway), interaction, Arc::clone(&state), Arc::clone(&self.places), self.options.seconds));
        table.jobs.insert(id.clone(), Job { begun: now, prefer, state, task: task.abort_handle() });
        Ok(id)
    }

    /// What has become of a job; `None` if there is none of that id, or its answer was not asked for in time.
    pub(super) fn progress(&self, id: &str, now: Instant) -> Option<Progress> {
        let mut table = hold(&self.table);
        self.forget(&mut table, now);
        let job = table.jobs.get(id)?;
        let seconds = now.seconds() - job.begun.seconds();
        let state = hold(&job.state);
        Some(match &*state {
            State::Waiting => Progress::Going(format!("waiting for {seconds} s")),
            State::Running => Progress::Going(format!("begun {seconds} s ago")),
            State::Done { outcome, .. } => Progress::Done(Arc::clone(outcome), job.prefer),
        })
    }

    /// Ends a job and forgets it; gives whether there was one.
    pub(super) fn cancel(&self, id: &str) -> bool {
        let job = hold(&self.table).jobs.remove(id);
        job.inspect(|job| job.task.abort()).is_some()
    }

    /// Ends all jobs, and takes no more. A commit that the store has begun is finished all the same.
    pub(super) fn close(&self) {
        let mut table = hold(&self.table);
        table.closed = true;
        table.jobs.drain().for_each(|(_, job)| job.task.abort());
    }

    /// Forgets answers that were kept long enough.
    fn forget(&self, table: &mut Table, now: Instant) {
        let oldest = now.0.saturating_sub(i64::from(self.options.keep_seconds) * 1_000_000);
        table.jobs.retain(|_, job| !matches!(&*hold(&job.state), State::Done { at, .. } if at.0 < oldest));
    }
}

async fn run(gateway: Arc<Gateway>, interaction: Interaction, state: Arc<Mutex<State>>, places: Arc<Semaphore>, seconds: u64) {
    let Ok(_place) = places.acquire_owned().await else { return };
    *hold(&state) = State::Running;
    let outcome = tokio::time::timeout(Duration::from_secs(seconds), gateway.execute(interaction)).await.unwrap_or_else(|_| {
        let told = format!("The request took longer than {seconds} s, the most that this server gives a job.");
        Err(Failure::new(FailureKind::Timeout, IssueType::Timeout, "", told))
    });
    *hold(&state) = State::Done { at: gateway.clock.now(), outcome: Arc::new(outcome) };
}
