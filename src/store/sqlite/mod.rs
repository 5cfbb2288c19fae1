//! A store in one SQLite file.
//!
//! One thread writes, several read. The file is in WAL mode with `synchronous = FULL`: a commit is answered only after the log
//! has reached the disk, and readers never wait for the writer. See `schema` for the tables.
//!
//! Source: <https://sqlite.org/wal.html>.

mod checkpoint;
mod dictionary;
mod explain;
mod history;
mod join;
mod kinds;
mod merge;
mod parameters;
mod pool;
mod read;
mod recent;
mod recover;
mod request;
mod runs;
mod schema;
mod search;
mod series;
mod sorted;
mod source;
mod tables;
mod verify;
mod write;
mod writer;
mod young;

#[cfg(test)]
pub(in crate::store) mod tests;

use std::fs::{File, TryLockError};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use rusqlite::config::DbConfig;
use rusqlite::{Connection, ErrorCode, OpenFlags};

pub use self::writer::Statistics;

use self::checkpoint::Checkpoints;
use self::kinds::Kinds;
use self::pool::Readers;
use self::recent::Recent;
use self::search::Searcher;
use self::write::Numbers;
use self::writer::Writer;
use super::port::{Answer, Change, Commit, Explanation, History, HistoryPlan, Page, Parameters, Store, StoreError, Version, Written};
use super::squeeze::Squeezer;
use crate::base::clock::Clock;
use crate::model::reference::Key;
use crate::model::schema::Schema;
use crate::search::plan::Plan;

/// A commit, ready to be written.
type Prepared = super::prepared::Prepared<i64>;
/// A write of one resource.
type PreparedWrite = super::prepared::PreparedWrite<i64>;

/// What can be tuned.
#[derive(Debug, Clone)]
pub struct Options {
    /// Threads that read.
    pub readers: usize,
    /// Bytes of pages that the writer keeps in memory.
    pub writer_cache: usize,
    /// Bytes of pages that each reader keeps in memory.
    pub reader_cache: usize,
    /// Bytes of the file that are mapped into memory for reading.
    pub mapped: usize,
    /// Bytes per page of a new file.
    pub page_size: u32,
    /// Most bytes that the file may grow to; none: as the disk allows.
    pub quota: Option<u64>,
    /// Microseconds for which idempotency keys are remembered.
    pub idempotency_microseconds: i64,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            readers: 4,
            writer_cache: 48 << 20,
            reader_cache: 20 << 20,
            mapped: 0,
            page_size: 4096,
            quota: None,
            idempotency_microseconds: 7 * 86_400_000_000,
        }
    }
}

/// A store in one SQLite file.
#[derive(Debug)]
pub struct Sqlite {
    shared: Arc<Shared>,
    readers: Readers,
    writer: Writer,
    /// Held as long as the store is open, so that no other process writes to the file.
    _lock: File,
}

/// What readers and the writer share.
#[derive(Debug)]
struct Shared {
    options: Options,
    kinds: Kinds,
    recent: Recent,
    squeezer: Arc<Squeezer>,
}

impl Sqlite {
    /// Opens the file, or creates it.
    ///
    /// # Errors
    /// [`StoreError::Unusable`] when it is not ours, is of a later version, or is in use by another process.
    pub fn open(path: &Path, schema: &'static Schema, clock: Arc<dyn Clock>, options: Options) -> Result<Self, StoreError> {
        let lock = lock(path)?;
        let flags = OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let create = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_CREATE;
        let mut connection = Connection::open_with_flags(path, flags | create).map_err(unusable)?;
        schema::prepare(&mut connection, options.page_size)?;
        set_up(&connection, options.writer_cache, options.mapped)?;
        connection.pragma_update(None, "synchronous", "FULL").map_err(failed)?;
        if let Some(quota) = options.quota {
            let pages = i64::try_from(quota / u64::from(options.page_size.max(512))).unwrap_or(i64::MAX);
            connection.pragma_update_and_check(None, "max_page_count", pages.max(1), |_| Ok(())).map_err(failed)?;
        }
        connection.pragma_update_and_check(None, "wal_autocheckpoint", 0, |_| Ok(())).map_err(failed)?;
        let kinds = Kinds::load(&mut connection, schema)?;
        let mut numbers = Numbers::load(&connection)?;
        let squeezer = Arc::new(dictionary::load(&connection, numbers.next_row)?);
        dictionary::serve(&connection, &squeezer)?;
        recover::recover(&mut connection, &mut numbers)?;
        let mut readers = Vec::with_capacity(options.readers);
        for _ in 0..options.readers.max(1) {
            let reader = Connection::open_with_flags(path, flags | OpenFlags::SQLITE_OPEN_READ_ONLY).map_err(unusable)?;
            set_up(&reader, options.reader_cache, options.mapped)?;
            dictionary::serve(&reader, &squeezer)?;
            readers.push(reader);
        }
        let background = Connection::open_with_flags(path, flags | OpenFlags::SQLITE_OPEN_READ_WRITE).map_err(unusable)?;
        let checkpoints = Checkpoints::start(background)?;
        let recent = Recent::new(numbers.next_row, numbers.mark.generation);
        let shared = Arc::new(Shared { options, kinds, recent, squeezer });
        let readers = Readers::start(readers)?;
        let writer = Writer::start(connection, Arc::clone(&shared), clock, numbers, checkpoints)?;
        Ok(Self { shared, readers, writer, _lock: lock })
    }

    /// Waits until the index rows of everything written before are in the tables. Searches find it either way.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn settle(&self) -> Result<(), StoreError> {
        self.writer.settle().await
    }

    /// What the writer did since the store was opened.
    #[must_use]
    pub fn statistics(&self) -> &Statistics {
        &self.writer.statistics
    }

    /// Checks everything that the store holds; gives faults in words, none if all is well.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn verify(&self) -> Result<Vec<String>, StoreError> {
        self.settle().await?;
        self.ask(|connection, shared| verify::verify(connection, &shared.kinds)).await
    }

    /// Asks a reader, with what it needs to understand the tables.
    async fn ask<T: Send + 'static>(
        &self,
        question: impl FnOnce(&Connection, &Shared) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        let shared = Arc::clone(&self.shared);
        self.readers.ask(move |connection| question(connection, &shared)).await
    }
}

impl Store for Sqlite {
    fn read<'a>(&'a self, key: &'a Key) -> Answer<'a, Option<Arc<Version>>> {
        let key = key.clone();
        Box::pin(self.ask(move |connection, shared| read::read(connection, shared.kinds.code(key.kind)?, key)))
    }

    fn read_version<'a>(&'a self, key: &'a Key, version: u64) -> Answer<'a, Option<Arc<Version>>> {
        let key = key.clone();
        Box::pin(self.ask(move |connection, shared| read::read_version(connection, shared.kinds.code(key.kind)?, key, version)))
    }

    fn history<'a>(&'a self, plan: &'a HistoryPlan) -> Answer<'a, History> {
        let plan = plan.clone();
        Box::pin(self.ask(move |connection, shared| history::page(connection, &shared.kinds, &plan)))
    }

    fn search<'a>(&'a self, plan: &'a Plan) -> Answer<'a, Page> {
        let plan = plan.clone();
        Box::pin(self.ask(move |connection, shared| Searcher::new(connection, shared).page(&plan)))
    }

    fn explain<'a>(&'a self, plan: &'a Plan) -> Answer<'a, Explanation> {
        let plan = plan.clone();
        Box::pin(self.ask(move |connection, shared| Searcher::new(connection, shared).explain(&plan)))
    }

    fn commit(&self, commit: Commit) -> Answer<'_, Vec<Written>> {
        Box::pin(async move {
            let (prepared, training) = Prepared::of(commit, |kind| self.shared.kinds.code(kind), &self.shared.squeezer)?;
            if let Some(training) = training {
                self.writer.train(training);
            }
            self.writer.commit(prepared).await
        })
    }

    fn changes(&self, after: i64, count: usize) -> Answer<'_, Vec<Change>> {
        Box::pin(self.ask(move |connection, shared| read::changes(connection, &shared.kinds, after, count)))
    }

    fn secret(&self, proposal: [u8; 32]) -> Answer<'_, [u8; 32]> {
        Box::pin(self.writer.secret(proposal))
    }

    fn parameters(&self) -> Answer<'_, Parameters> {
        Box::pin(self.ask(|connection, _| parameters::read(connection)))
    }

    /// The file is this process's alone.
    fn lease<'a>(&'a self, _: &'a str, _: &'a str, _: i64) -> Answer<'a, bool> {
        Box::pin(std::future::ready(Ok(true)))
    }

    fn close(&self) -> Answer<'_, ()> {
        Box::pin(async move {
            // Readers first: the writer's last checkpoint then finds nobody in the log.
            self.readers.close();
            self.writer.close().await;
            Ok(())
        })
    }
}

/// Takes the lock of the file: a file beside it, since SQLite's own locks come and go with each transaction.
fn lock(path: &Path) -> Result<File, StoreError> {
    let mut name = path.as_os_str().to_owned();
    name.push(".lock");
    let name = PathBuf::from(name);
    let cannot = |error: std::io::Error| StoreError::Unusable(format!("{}: {error}", name.display()));
    let file = File::options().read(true).write(true).create(true).truncate(false).open(&name).map_err(cannot)?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => Err(StoreError::Unusable(format!("{} is in use by another process", path.display()))),
        Err(TryLockError::Error(error)) => Err(cannot(error)),
    }
}

fn set_up(connection: &Connection, cache: usize, mapped: usize) -> Result<(), StoreError> {
    connection.busy_timeout(Duration::from_secs(10)).map_err(failed)?;
    connection.set_prepared_statement_cache_capacity(128);
    // Without it SQLite plans a statement anew for each value that its ranges are bound to.
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true).map_err(failed)?;
    rusqlite::vtab::array::load_module(connection).map_err(failed)?;
    let kibibytes = i64::try_from(cache >> 10).unwrap_or(i64::MAX);
    connection.pragma_update(None, "cache_size", -kibibytes).map_err(failed)?;
    connection.pragma_update_and_check(None, "mmap_size", i64::try_from(mapped).unwrap_or(i64::MAX), |_| Ok(())).map_err(failed)?;
    connection.pragma_update(None, "foreign_keys", false).map_err(failed)?;
    connection.pragma_update(None, "temp_store", "MEMORY").map_err(failed)
}

fn unusable(error: rusqlite::Error) -> StoreError {
    StoreError::Unusable(error.to_string())
}

fn failed(error: rusqlite::Error) -> StoreError {
    match error.sqlite_error_code() {
        Some(ErrorCode::DiskFull) => StoreError::Full,
        _ => StoreError::Failed(error.to_string()),
    }
}
