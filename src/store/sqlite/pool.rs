//! Readers: a few threads, each with its own read-only connection, that take questions from one queue.
//!
//! SQLite blocks the thread that asks it, so reads do not run on the threads that serve sockets. In WAL mode readers see a
//! snapshot and never wait for the writer.

use std::collections::VecDeque;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;

use rusqlite::Connection;
use tokio::sync::oneshot;

use crate::store::port::StoreError;

type Job = Box<dyn FnOnce(&Connection) + Send>;

/// The threads and their queue.
#[derive(Debug)]
pub(super) struct Readers {
    queue: Arc<Queue>,
    threads: Mutex<Vec<JoinHandle<()>>>,
}

struct Queue {
    jobs: Mutex<Jobs>,
    arrived: Condvar,
}

impl std::fmt::Debug for Queue {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Queue").finish_non_exhaustive()
    }
}

#[derive(Default)]
struct Jobs {
    waiting: VecDeque<Job>,
    closed: bool,
}

impl Queue {
    fn jobs(&self) -> MutexGuard<'_, Jobs> {
        // Jobs run outside the lock, so a panic cannot leave the queue half changed.
        self.jobs.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn next(&self) -> Option<Job> {
        let mut jobs = self.jobs();
        loop {
            if let Some(job) = jobs.waiting.pop_front() {
                return Some(job);
            }
            if jobs.closed {
                return None;
            }
            jobs = self.arrived.wait(jobs).unwrap_or_else(PoisonError::into_inner);
        }
    }
}

impl Readers {
    /// Starts one thread per connection.
    pub(super) fn start(connections: Vec<Connection>) -> Result<Self, StoreError> {
        let queue = Arc::new(Queue { jobs: Mutex::default(), arrived: Condvar::new() });
        let mut threads = Vec::new();
        for (number, connection) in connections.into_iter().enumerate() {
            let queue = Arc::clone(&queue);
            let run = move || {
                while let Some(job) = queue.next() {
                    // Whoever asked sees its answer vanish; the thread goes on with the next question.
                    let _ = catch_unwind(AssertUnwindSafe(|| job(&connection)));
                }
            };
            let builder = std::thread::Builder::new().name(format!("store-read-{number}"));
            threads.push(builder.spawn(run).map_err(|error| StoreError::Failed(format!("no thread for reading: {error}")))?);
        }
        Ok(Self { queue, threads: Mutex::new(threads) })
    }

    /// Runs `question` on the next free connection.
    pub(super) async fn ask<T: Send + 'static>(
        &self,
        question: impl FnOnce(&Connection) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        let (answer, answered) = oneshot::channel();
        {
            let mut jobs = self.queue.jobs();
            if jobs.closed {
                return Err(StoreError::Closed);
            }
            jobs.waiting.push_back(Box::new(move |connection| {
                // Nobody waits any more when a client has gone.
                if !answer.is_closed() {
                    let _ = answer.send(question(connection));
                }
            }));
        }
        self.queue.arrived.notify_one();
        answered.await.unwrap_or_else(|_| Err(StoreError::Failed("a question to the database broke off".to_owned())))
    }

    /// Answers what is asked already, then ends the threads.
    pub(super) fn close(&self) {
        self.queue.jobs().closed = true;
        self.queue.arrived.notify_all();
        for thread in self.threads.lock().unwrap_or_else(PoisonError::into_inner).drain(..) {
            let _ = thread.join();
        }
    }
}

impl Drop for Readers {
    fn drop(&mut self) {
        self.close();
    }
}
