//! Current versions in memory, before any store: a read that hits costs no question to the database.
//!
//! The cache is exact: it never answers a version older than an acknowledged write. A plain cache would race: a reader loads
//! the old version, a writer commits and caches the new one, and the reader puts the old one back. So keys are spread over
//! shards, each with an epoch that every write moves when it begins and when it ends. A reader caches what it loaded only if
//! the epoch is what it was before loading; a writer caches what it wrote only if nobody else wrote to the shard meanwhile,
//! and otherwise takes the key out.

use std::future::ready;
use std::hash::{BuildHasher, RandomState};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use moka::sync::Cache;

use super::port::{Answer, Change, Commit, Explanation, History, HistoryPlan, Page, Parameters, Store, StoreError, Version, Written};
use crate::model::reference::Key;
use crate::search::plan::Plan;

/// A store with a cache before it.
#[derive(Debug)]
pub struct Cached<S> {
    shared: Arc<Shared<S>>,
}

#[derive(Debug)]
struct Shared<S> {
    store: S,
    versions: Cache<Key, Arc<Version>>,
    shards: Vec<Mutex<u64>>,
    hasher: RandomState,
}

/// Enough that writers rarely meet in one.
const SHARDS: u64 = 1024;

impl<S: Store + 'static> Cached<S> {
    /// Bytes that are a good size for a small machine.
    pub const DEFAULT_BYTES: u64 = 64 << 20;

    /// Puts a cache of at most so many bytes before `store`.
    #[must_use]
    pub fn new(store: S, bytes: u64) -> Self {
        let versions = Cache::builder().max_capacity(bytes).weigher(|_, version: &Arc<Version>| weight(version)).build();
        let shards = (0..SHARDS).map(|_| Mutex::new(0)).collect();
        Self { shared: Arc::new(Shared { store, versions, shards, hasher: RandomState::new() }) }
    }

    /// The store behind.
    #[must_use]
    pub fn store(&self) -> &S {
        &self.shared.store
    }
}

fn weight(version: &Version) -> u32 {
    // Two copies of the key, counters and links come to about this.
    const OVERHEAD: usize = 300;
    let body = version.body.as_ref().map_or(0, bytes::Bytes::len);
    u32::try_from(body + 2 * version.key.id.as_str().len() + OVERHEAD).unwrap_or(u32::MAX)
}

/// The shards that a commit writes to: number and epoch.
type Touched = Vec<(usize, u64)>;

impl<S: Store> Shared<S> {
    fn shard_of(&self, key: &Key) -> usize {
        usize::try_from(self.hasher.hash_one(key) % SHARDS).unwrap_or(0)
    }

    #[expect(clippy::expect_used, reason = "there is at least one shard")]
    /// The epoch of a shard; while it is held, nothing enters or leaves the shard.
    fn shard(&self, number: usize) -> MutexGuard<'_, u64> {
        // A number below SHARDS; the cache itself is never left half changed, so a panic elsewhere does no harm.
        let shard = self.shards.get(number).or(self.shards.first());
        shard.expect("shards exist").lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn load(&self, key: &Key) -> Result<Option<Arc<Version>>, StoreError> {
        let number = self.shard_of(key);
        let before = *self.shard(number);
        let loaded = self.store.read(key).await?;
        if let Some(version) = &loaded {
            let now = self.shard(number);
            if *now == before {
                self.versions.insert(key.clone(), Arc::clone(version));
            }
        }
        Ok(loaded)
    }

    /// Moves the epochs of the shards that a commit will write to.
    fn begin(&self, keys: &[Key]) -> Touched {
        let mut touched: Touched = keys.iter().map(|key| (self.shard_of(key), 0)).collect();
        touched.sort_unstable();
        touched.dedup();
        for (number, epoch) in &mut touched {
            let mut now = self.shard(*number);
            *now += 1;
            *epoch = *now;
        }
        touched
    }

    /// Caches what a commit wrote, if nobody interfered; else forgets it.
    fn end(&self, keys: &[Key], touched: &[(usize, u64)], written: &[Written]) {
        for (number, epoch) in touched {
            let mut now = self.shard(*number);
            let alone = *now == *epoch;
            *now += 1;
            for key in keys.iter().filter(|key| self.shard_of(key) == *number) {
                match written.iter().filter_map(|written| written.version.as_ref()).find(|version| version.key == *key) {
                    Some(version) if alone => self.versions.insert(key.clone(), Arc::clone(version)),
                    _ => self.versions.invalidate(key),
                }
            }
        }
    }

    async fn commit(&self, commit: Commit) -> Result<Vec<Written>, StoreError> {
        let keys: Vec<Key> = commit.writes.iter().map(|write| write.key().clone()).collect();
        // A request that was made before is answered with the versions of then, which may not be current any more.
        let current = commit.idempotency.is_none();
        let touched = self.begin(&keys);
        let result = self.store.commit(commit).await;
        // Even a commit that failed may have been written.
        self.end(&keys, &touched, result.as_deref().ok().filter(|_| current).unwrap_or(&[]));
        result
    }
}

impl<S: Store + 'static> Store for Cached<S> {
    fn read<'a>(&'a self, key: &'a Key) -> Answer<'a, Option<Arc<Version>>> {
        match self.shared.versions.get(key) {
            Some(version) => Box::pin(ready(Ok(Some(version)))),
            None => Box::pin(self.shared.load(key)),
        }
    }

    fn read_version<'a>(&'a self, key: &'a Key, version: u64) -> Answer<'a, Option<Arc<Version>>> {
        match self.shared.versions.get(key) {
            Some(current) if current.version == version => Box::pin(ready(Ok(Some(current)))),
            _ => self.shared.store.read_version(key, version),
        }
    }

    fn history<'a>(&'a self, plan: &'a HistoryPlan) -> Answer<'a, History> {
        self.shared.store.history(plan)
    }

    fn search<'a>(&'a self, plan: &'a Plan) -> Answer<'a, Page> {
        self.shared.store.search(plan)
    }

    fn explain<'a>(&'a self, plan: &'a Plan) -> Answer<'a, Explanation> {
        self.shared.store.explain(plan)
    }

    fn commit(&self, commit: Commit) -> Answer<'_, Vec<Written>> {
        let shared = Arc::clone(&self.shared);
        Box::pin(async move {
            // In a task of its own: if whoever asked goes away, the store writes all the same, and the cache must hear of it.
            let task = tokio::spawn(async move { shared.commit(commit).await });
            task.await.unwrap_or_else(|error| Err(StoreError::Failed(format!("a commit broke off: {error}"))))
        })
    }

    fn changes(&self, after: i64, count: usize) -> Answer<'_, Vec<Change>> {
        self.shared.store.changes(after, count)
    }

    fn secret(&self, proposal: [u8; 32]) -> Answer<'_, [u8; 32]> {
        self.shared.store.secret(proposal)
    }

    fn parameters(&self) -> Answer<'_, Parameters> {
        self.shared.store.parameters()
    }

    fn lease<'a>(&'a self, name: &'a str, owner: &'a str, microseconds: i64) -> Answer<'a, bool> {
        self.shared.store.lease(name, owner, microseconds)
    }

    fn close(&self) -> Answer<'_, ()> {
        self.shared.store.close()
    }
}

#[cfg(test)]
mod tests;
