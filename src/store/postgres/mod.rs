//! A store in a PostgreSQL database (15 or later), which several gateways may share.
//!
//! A few lanes write, each one transaction at a time with all commits that wait; readers ask over connections of their own.
//! See `schema` for the tables and `docs/decisions/0005-postgresql.md` for what keeps several gateways from getting into each
//! other's way.
//!
//! Source: <https://www.postgresql.org/docs/15/mvcc.html>.

mod batch;
mod candidate;
mod connect;
mod dictionary;
mod entries;
mod explain;
mod fault;
mod flush;
mod history;
mod index;
mod kinds;
mod merge;
mod method;
mod moved;
mod order;
mod parameters;
mod parts;
mod pool;
mod ragged;
mod read;
mod recheck;
mod request;
mod rows;
mod runs;
mod schema;
mod search;
mod source;
mod spans;
mod trail;
mod verify;
mod way;
mod writer;

#[cfg(test)]
pub(in crate::store) mod tests;

use std::hash::Hasher as _;
use std::sync::Arc;

use siphasher::sip::SipHasher13;

pub use self::connect::Address;
pub use self::schema::citus;
pub use self::writer::Statistics;

use self::kinds::{Kinds, Sizes};
use self::pool::Pool;
use self::ragged::Ragged;
use self::rows::RowIds;
use self::search::Searcher;
use self::writer::Writer;
use super::port::{Answer, Change, Commit, Explanation, History, HistoryPlan, Page, Parameters, Store, StoreError, Version, Written};
use crate::base::clock::Clock;
use crate::model::reference::Key;
use crate::model::schema::Schema;
use crate::search::plan::Plan;
use crate::store::squeeze::Squeezer;

/// A commit, ready to be written.
type Prepared = super::prepared::Prepared<i32>;
/// A write of one resource.
type PreparedWrite = super::prepared::PreparedWrite<i32>;

/// What can be tuned.
#[derive(Debug, Clone)]
pub struct Options {
    /// Transactions that write at a time, beside the one that verifies searches.
    pub writers: usize,
    /// Connections for questions of one statement.
    pub readers: usize,
    /// Most connections for searches.
    pub searchers: usize,
    /// Microseconds for which idempotency keys are remembered.
    pub idempotency_microseconds: i64,
}

impl Default for Options {
    fn default() -> Self {
        Self { writers: 2, readers: 2, searchers: 16, idempotency_microseconds: 7 * 86_400_000_000 }
    }
}

/// A store in a PostgreSQL database.
#[derive(Debug)]
pub struct Postgres {
    shared: Arc<Shared>,
    pool: Pool,
    writer: Writer,
}

/// What readers and lanes share.
#[derive(Debug)]
struct Shared {
    options: Options,
    kinds: Kinds,
    sizes: Sizes,
    rows: RowIds,
    address: Address,
    squeezer: Squeezer,
    ragged: Ragged,
    /// Into how many shards resources are spread.
    shards: u16,
}

impl Shared {
    /// The shard of a resource: told by its key, so that whoever has the key need not ask.
    fn shard(&self, key: &Key) -> i16 {
        self.shard_of(key.kind.name(), key.id.as_str())
    }

    fn shard_of(&self, kind: &str, id: &str) -> i16 {
        // The separator stands in no name of a type.
        self.spread(&[kind.as_bytes(), b"/", id.as_bytes()])
    }

    fn shard_of_bytes(&self, key: &[u8]) -> i16 {
        self.spread(&[key])
    }

    fn spread(&self, parts: &[&[u8]]) -> i16 {
        if self.shards == 1 {
            return 0;
        }
        // The hash must never change: stored rows hold what comes out.
        let mut hasher = SipHasher13::new_with_keys(0x6e6f_726e, 0x73_6861_7264);
        parts.iter().for_each(|part| hasher.write(part));
        let number = hasher.finish() % u64::from(self.shards);
        let spread =
            usize::try_from(number).ok().and_then(|number| SPREAD.get(number)).filter(|_| usize::from(self.shards) == SPREAD.len());
        spread.copied().unwrap_or_else(|| i16::try_from(number).unwrap_or_default())
    }
}

/// Citus hashes the number of a shard once more. Of 32 of its shards each has just one of these.
const SPREAD: [i16; 32] =
    [8, 1, 31, 24, 10, 48, 5, 50, 4, 17, 16, 85, 36, 0, 37, 3, 52, 62, 136, 28, 6, 21, 39, 13, 2, 27, 58, 41, 9, 22, 11, 18];

impl Postgres {
    /// Opens the store in a database; creates or migrates its tables.
    ///
    /// # Errors
    /// [`StoreError::Unusable`] when the database refuses us, holds other tables, or those of a later version.
    pub async fn open(address: &Address, schema: &'static Schema, clock: Arc<dyn Clock>, options: Options) -> Result<Self, StoreError> {
        let connection = address.connect().await?;
        let state = schema::prepare(&connection).await?;
        let kinds = Kinds::load(&connection, schema).await?;
        let opened = connection.number("UPDATE feed SET opened = opened + 1 WHERE one = 0 RETURNING opened", &[]).await?;
        let written = connection.number("SELECT seq FROM feed WHERE one = 0", &[]).await?;
        let squeezer = Squeezer::new([], written.cast_unsigned());
        dictionary::load(&connection, &squeezer).await?;
        let mut address = address.clone();
        address.clustered(state.shards > 1);
        let pool = Pool::new(address.clone(), options.readers, options.searchers);
        let (rows, ragged) = (RowIds::new(opened), Ragged::default());
        let shared = Arc::new(Shared {
            options,
            kinds,
            sizes: Sizes::default(),
            rows,
            address: address.clone(),
            squeezer,
            ragged,
            shards: state.shards,
        });
        let writer = Writer::start(&address, &shared, &clock);
        Ok(Self { shared, pool, writer })
    }

    /// Creates the tables, or brings them to the present version; gives the version that they had and the one that they have.
    ///
    /// # Errors
    /// As [`Postgres::open`].
    pub async fn migrate(address: &Address) -> Result<(usize, usize), StoreError> {
        let state = schema::prepare(&address.connect().await?).await?;
        Ok((state.found, schema::VERSION))
    }

    /// Whether the database holds a store.
    ///
    /// # Errors
    /// When the database refuses us, or the store is one of a later version.
    pub async fn is_there(address: &Address) -> Result<bool, StoreError> {
        Ok(schema::look(&address.connect().await?).await?.is_some())
    }

    /// Spreads empty tables over a Citus cluster.
    ///
    /// # Errors
    /// When resources are stored already, or the database has no Citus.
    pub async fn distribute(address: &Address, shards: u16) -> Result<(), StoreError> {
        let connection = address.connect().await?;
        schema::prepare(&connection).await?;
        let stored = connection.number("SELECT count(*) FROM (SELECT 1 FROM change LIMIT 1) AS one", &[]).await?;
        if stored > 0 {
            return Err(StoreError::Unusable("only an empty store can be distributed".to_owned()));
        }
        connection.run("CREATE EXTENSION IF NOT EXISTS citus").await?;
        Ok(connection.run(&schema::citus(shards)).await?)
    }

    /// What the lanes did since the store was opened.
    #[must_use]
    pub fn statistics(&self) -> &Statistics {
        &self.writer.statistics
    }

    /// Checks everything that the store holds; gives faults in words, none if all is well.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn verify(&self) -> Result<Vec<String>, StoreError> {
        self.pool.with_own(|connection| async move { verify::verify(&connection, &self.shared).await }).await
    }
}

impl Store for Postgres {
    fn read<'a>(&'a self, key: &'a Key) -> Answer<'a, Option<Arc<Version>>> {
        Box::pin(self.pool.ask(move |connection| async move { read::read(&connection, &self.shared, key).await }))
    }

    fn read_version<'a>(&'a self, key: &'a Key, version: u64) -> Answer<'a, Option<Arc<Version>>> {
        Box::pin(self.pool.ask(move |connection| async move { read::read_version(&connection, &self.shared, key, version).await }))
    }

    fn history<'a>(&'a self, plan: &'a HistoryPlan) -> Answer<'a, History> {
        Box::pin(self.pool.ask(move |connection| async move { history::page(&connection, &self.shared, plan).await }))
    }

    fn search<'a>(&'a self, plan: &'a Plan) -> Answer<'a, Page> {
        Box::pin(self.pool.with_own(move |connection| async move { Searcher::new(&connection, &self.shared).page(plan).await }))
    }

    fn explain<'a>(&'a self, plan: &'a Plan) -> Answer<'a, Explanation> {
        Box::pin(self.pool.with_own(move |connection| async move { Searcher::new(&connection, &self.shared).explain(plan).await }))
    }

    fn commit(&self, commit: Commit) -> Answer<'_, Vec<Written>> {
        Box::pin(async move {
            let (prepared, training) = Prepared::of(commit, |kind| self.shared.kinds.code(kind), &self.shared.squeezer)?;
            if let Some(training) = training {
                tokio::spawn(dictionary::train(Arc::clone(&self.shared), training));
            }
            self.writer.commit(prepared).await
        })
    }

    fn changes(&self, after: i64, count: usize) -> Answer<'_, Vec<Change>> {
        Box::pin(self.pool.ask(move |connection| async move { read::changes(&connection, &self.shared, after, count).await }))
    }

    fn secret(&self, proposal: [u8; 32]) -> Answer<'_, [u8; 32]> {
        Box::pin(self.pool.ask(move |connection| async move { read::secret(&connection, proposal).await }))
    }

    fn parameters(&self) -> Answer<'_, Parameters> {
        Box::pin(self.pool.ask(move |connection| async move { parameters::read(&connection).await }))
    }

    fn lease<'a>(&'a self, name: &'a str, owner: &'a str, microseconds: i64) -> Answer<'a, bool> {
        Box::pin(self.pool.ask(move |connection| async move { parameters::lease(&connection, name, owner, microseconds).await }))
    }

    fn close(&self) -> Answer<'_, ()> {
        Box::pin(async move {
            self.writer.close().await;
            self.pool.close().await;
            Ok(())
        })
    }
}
