//! Copying the log back into the file, so that the log does not grow without end and no commit waits long for it.
//!
//! A thread of its own copies in the background; SQLite lets it run beside the writer. While writes go on it never reaches the
//! end of the log, which must be reached for the log to begin anew. So when the log is long and almost copied, the writer copies
//! the short rest itself, between two transactions.
//!
//! Source: <https://sqlite.org/wal.html#ckpt>, <https://sqlite.org/pragma.html#pragma_wal_checkpoint>.

use std::sync::mpsc::{self, SyncSender, TrySendError};
use std::time::Duration;

use rusqlite::Connection;

use super::failed;
use crate::store::port::StoreError;

/// Bytes that are copied at once in the background.
const PART: i64 = 8 << 20;
/// The log begins anew when it has this many bytes.
const LONG: i64 = 48 << 20;
/// When readers kept it from that so often that the log has this many bytes, the writer waits for them.
const TOO_LONG: i64 = 512 << 20;
/// How long it waits.
const PATIENCE: Duration = Duration::from_millis(500);

/// The writer's side.
#[derive(Debug)]
pub(super) struct Checkpoints {
    page_size: i64,
    wake: SyncSender<()>,
    /// The length of the log at which the writer steps in next.
    next: i64,
}

/// The log, in bytes.
#[derive(Debug, Clone, Copy)]
struct Log {
    length: i64,
    copied: i64,
}

impl Checkpoints {
    /// Starts the thread, which works on `background`.
    pub(super) fn start(background: Connection) -> Result<Self, StoreError> {
        let page_size: i64 = background.query_row("PRAGMA page_size", [], |row| row.get(0)).map_err(failed)?;
        // One wake-up may wait while a copy is under way; more would be too many.
        let (wake, woken) = mpsc::sync_channel(1);
        let run = move || {
            while let Ok(()) = woken.recv() {
                // A failure (the disk is full) shows in the writer's own work.
                let _ = checkpoint(&background, "PASSIVE", page_size);
            }
        };
        std::thread::Builder::new()
            .name("store-log".to_owned())
            .spawn(run)
            .map_err(|error| StoreError::Failed(format!("no thread for the log: {error}")))?;
        Ok(Self { page_size, wake, next: LONG })
    }

    /// To be called after each transaction.
    pub(super) fn after_transaction(&mut self, writer: &Connection) {
        let Ok(log) = checkpoint(writer, "NOOP", self.page_size) else { return };
        let rest = log.length - log.copied;
        if log.length < self.next.min(LONG) {
            self.next = LONG;
        }
        if log.length >= self.next && (rest < PART || log.length >= TOO_LONG) {
            let patient = log.length >= TOO_LONG && writer.busy_timeout(PATIENCE).is_ok();
            let _ = checkpoint(writer, if patient { "RESTART" } else { "PASSIVE" }, self.page_size);
            // If readers are still in the log it goes on growing; there is no use in trying again at once.
            self.next = log.length + PART;
        } else if rest >= PART {
            match self.wake.try_send(()) {
                Ok(()) | Err(TrySendError::Full(()) | TrySendError::Disconnected(())) => {}
            }
        }
    }
}

fn checkpoint(connection: &Connection, mode: &str, page_size: i64) -> Result<Log, StoreError> {
    let mut statement = connection.prepare_cached(&format!("PRAGMA wal_checkpoint({mode})")).map_err(failed)?;
    let read = |row: &rusqlite::Row<'_>| Ok(Log { length: row.get::<_, i64>(1)? * page_size, copied: row.get::<_, i64>(2)? * page_size });
    statement.query_row([], read).map_err(failed)
}
