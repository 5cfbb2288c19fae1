//! Group commit: one thread takes all waiting bodies into one SQLite transaction, and answers after its one fsync.

use std::path::Path;
use std::sync::mpsc::{self, Receiver, Sender};
use std::thread::JoinHandle;

use bytes::Bytes;
use rusqlite::Connection;
use tokio::sync::oneshot;

use crate::Failure;

/// Most bodies in one transaction.
const BATCH: usize = 1024;

/// The writer's thread.
pub(crate) type Handle = JoinHandle<rusqlite::Result<()>>;

/// A body that waits to be stored, and whom to tell its id.
#[derive(Debug)]
struct Waiting {
    body: Bytes,
    stored: oneshot::Sender<i64>,
}

/// The way to the writer. When all queues are dropped, the writer ends.
#[derive(Debug, Clone)]
pub(crate) struct Queue(Sender<Waiting>);

impl Queue {
    /// Opens `store` and starts the thread that writes to it.
    pub(crate) fn start(store: &Path) -> Result<(Self, Handle), Failure> {
        let connection = Connection::open(store)?;
        connection.pragma_update(None, "journal_mode", "WAL")?;
        connection.pragma_update(None, "synchronous", "FULL")?;
        connection.execute_batch("CREATE TABLE IF NOT EXISTS resource (id INTEGER PRIMARY KEY, body BLOB NOT NULL)")?;
        let last = connection.query_row("SELECT coalesce(max(id), 0) FROM resource", [], |row| row.get(0))?;
        let (sender, receiver) = mpsc::channel();
        let handle = std::thread::Builder::new().name("writer".to_owned()).spawn(move || write(connection, &receiver, last))?;
        Ok((Self(sender), handle))
    }

    /// Stores `body` durably and gives its id.
    pub(crate) async fn insert(&self, body: Bytes) -> Result<i64, Failure> {
        let (stored, id) = oneshot::channel();
        self.0.send(Waiting { body, stored })?;
        Ok(id.await?)
    }
}

/// Writes until every queue is gone. An error ends the thread, whereupon every waiting request fails.
fn write(mut connection: Connection, waiting: &Receiver<Waiting>, mut last: i64) -> rusqlite::Result<()> {
    let mut answers = Vec::with_capacity(BATCH);
    while let Ok(first) = waiting.recv() {
        let transaction = connection.transaction()?;
        {
            let mut insert = transaction.prepare_cached("INSERT INTO resource (id, body) VALUES (?1, ?2)")?;
            for next in std::iter::once(first).chain(waiting.try_iter().take(BATCH - 1)) {
                last += 1;
                insert.execute((last, next.body.as_ref()))?;
                answers.push((next.stored, last));
            }
        }
        transaction.commit()?;
        for (stored, id) in answers.drain(..) {
            // The client may have gone; its body stays stored.
            let _ = stored.send(id);
        }
    }
    Ok(())
}
