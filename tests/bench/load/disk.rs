//! What a store takes on disk: a SQLite file with its log, or a PostgreSQL database.

use std::fs;
use std::path::{Path, PathBuf};

use crate::Failure;
use crate::arguments::Arguments;

/// Where to look.
#[derive(Debug)]
pub(crate) enum Disk {
    File(PathBuf),
    Database(String),
}

impl Disk {
    /// The store that the command line names, if it names one.
    pub(crate) fn named(arguments: &Arguments) -> Option<Self> {
        let database = || arguments.database.clone().map(Self::Database);
        arguments.file.clone().map(Self::File).or_else(database)
    }

    /// The bytes of the store, and beside them those of a log that is written anew again and again.
    pub(crate) async fn bytes(&self) -> Result<(u64, u64), Failure> {
        match self {
            Self::File(file) => {
                let size = |path: &Path| fs::metadata(path).map(|file| file.len());
                let mut log = file.clone().into_os_string();
                log.push("-wal");
                Ok((size(file).map_err(|error| format!("{}: {error}", file.display()))?, size(Path::new(&log)).unwrap_or(0)))
            }
            Self::Database(url) => {
                let (client, connection) = tokio_postgres::connect(url, tokio_postgres::NoTls).await?;
                let work = tokio::spawn(connection);
                let line = client.query_one("SELECT pg_database_size(current_database())", &[]).await?;
                drop(client);
                work.await??;
                Ok((u64::try_from(line.try_get::<_, i64>(0)?)?, 0))
            }
        }
    }
}
