//! The cache passes the contract over both stores, and stays exact when readers and writers race.

use std::collections::HashMap;

use tokio::sync::oneshot;

use super::*;
use crate::store::contract::{self, Fresh, Naive, contract, key, noon, put, schema};
use crate::store::port::{Expect, Method, Write};

fn cached<S: Store + 'static>(fresh: Fresh<S>) -> Fresh<Cached<S>> {
    let store = Arc::into_inner(fresh.store).unwrap();
    Fresh { store: Arc::new(Cached::new(store, 1 << 20)), clock: fresh.clock, _place: fresh._place }
}

contract!(of_the_oracle, crate::store::cache::tests::cached(contract::naive()));
contract!(of_sqlite, crate::store::cache::tests::cached(crate::store::sqlite::tests::fresh()));

/// A store whose answers wait until they are let go, so that a test can put events into any order.
#[derive(Debug)]
struct Slow {
    inner: Naive,
    reads: Mutex<HashMap<u64, oneshot::Receiver<()>>>,
    asked: std::sync::atomic::AtomicU64,
}

impl Slow {
    fn gate(&self) -> Option<oneshot::Receiver<()>> {
        let number = self.asked.fetch_add(1, std::sync::atomic::Ordering::SeqCst);
        self.reads.lock().unwrap().remove(&number)
    }
}

impl Store for Slow {
    fn read<'a>(&'a self, key: &'a Key) -> Answer<'a, Option<Arc<Version>>> {
        let gate = self.gate();
        let answer = self.inner.read(key);
        Box::pin(async move {
            if let Some(gate) = gate {
                let _ = gate.await;
            }
            answer.await
        })
    }

    fn commit(&self, commit: Commit) -> Answer<'_, Vec<Written>> {
        let gate = self.gate();
        let answer = self.inner.commit(commit);
        Box::pin(async move {
            if let Some(gate) = gate {
                let _ = gate.await;
            }
            answer.await
        })
    }

    fn read_version<'a>(&'a self, key: &'a Key, version: u64) -> Answer<'a, Option<Arc<Version>>> {
        self.inner.read_version(key, version)
    }

    fn history<'a>(&'a self, plan: &'a HistoryPlan) -> Answer<'a, History> {
        self.inner.history(plan)
    }

    fn search<'a>(&'a self, plan: &'a Plan) -> Answer<'a, Page> {
        self.inner.search(plan)
    }

    fn changes(&self, after: i64, count: usize) -> Answer<'_, Vec<Change>> {
        self.inner.changes(after, count)
    }

    fn secret(&self, proposal: [u8; 32]) -> Answer<'_, [u8; 32]> {
        self.inner.secret(proposal)
    }

    fn parameters(&self) -> Answer<'_, Parameters> {
        self.inner.parameters()
    }

    fn lease<'a>(&'a self, name: &'a str, owner: &'a str, microseconds: i64) -> Answer<'a, bool> {
        self.inner.lease(name, owner, microseconds)
    }

    fn close(&self) -> Answer<'_, ()> {
        self.inner.close()
    }
}

/// The first answers wait for these gates.
fn slow(gates: u64) -> (Arc<Cached<Slow>>, Vec<oneshot::Sender<()>>) {
    let (open, closed): (Vec<_>, Vec<_>) = (0..gates).map(|_| oneshot::channel()).unzip();
    let inner = Naive::new(Arc::new(crate::base::clock::Fixed::at(noon())));
    let reads = Mutex::new((0..).zip(closed).collect());
    (Arc::new(Cached::new(Slow { inner, reads, asked: Default::default() }, 1 << 20)), open)
}

fn write(note: &str) -> Commit {
    contract::commit(vec![put("Left", "a", note, &[])])
}

async fn version(store: &Cached<Slow>) -> Option<u64> {
    store.read(&key("Left", "a")).await.unwrap().map(|version| version.version)
}

/// Runs a future far enough that it has asked the store.
async fn started<T: Send + 'static>(future: impl Future<Output = T> + Send + 'static) -> tokio::task::JoinHandle<T> {
    let task = tokio::spawn(future);
    for _ in 0..20 {
        tokio::task::yield_now().await;
    }
    task
}

#[tokio::test]
async fn a_late_reader_does_not_bring_back_the_old_version() {
    let (store, mut gates) = slow(3);
    drop(gates.remove(0));
    store.commit(write("one")).await.unwrap();
    store.shared.versions.invalidate_all();
    let reader = started({
        let store = Arc::clone(&store);
        async move { version(&store).await }
    })
    .await;
    drop(gates.remove(1));
    store.commit(write("two")).await.unwrap();
    drop(gates);
    assert_eq!(reader.await.unwrap(), Some(1), "it asked before the write");
    assert_eq!(version(&store).await, Some(2));
}

#[tokio::test]
async fn writers_that_overlap_do_not_leave_the_older_version() {
    // Two commits; the first one written is the last one answered.
    let (store, mut gates) = slow(2);
    let commit = |note: &'static str| {
        let store = Arc::clone(&store);
        started(async move { store.commit(write(note)).await.unwrap() })
    };
    let (first, second) = (commit("one").await, commit("two").await);
    drop(gates.remove(1));
    second.await.unwrap();
    drop(gates);
    first.await.unwrap();
    assert_eq!(version(&store).await, Some(2));
}

#[tokio::test]
async fn a_writer_that_goes_away_leaves_no_old_version() {
    let (store, mut gates) = slow(2);
    drop(gates.remove(0));
    store.commit(write("one")).await.unwrap();
    let gone = started({
        let store = Arc::clone(&store);
        async move { store.commit(write("two")).await }
    })
    .await;
    gone.abort();
    assert!(gone.await.is_err());
    drop(gates);
    started(async {}).await.await.unwrap();
    assert_eq!(version(&store).await, Some(2));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn racing_readers_never_see_less_than_was_acknowledged() {
    let f = cached(crate::store::sqlite::tests::fresh());
    assert_eq!(f.store.store().statistics().commits.load(std::sync::atomic::Ordering::Relaxed), 0);
    let acknowledged: Arc<Vec<Mutex<u64>>> = Arc::new((0..4).map(|_| Mutex::new(0)).collect());
    let mut tasks = tokio::task::JoinSet::new();
    for task in 0..12_usize {
        let (store, acknowledged) = (Arc::clone(&f.store), Arc::clone(&acknowledged));
        tasks.spawn(async move {
            for round in 0..150_usize {
                let which = (round * 7 + task) % 4;
                let key = key("Left", &format!("n{which}"));
                if task < 4 {
                    let body = contract::body(&key, &format!("{task} {round}"));
                    let rows = Box::new(contract::rows("Left", &[]));
                    let write = Write::Put { key: key.clone(), method: Method::Update, body, rows, expect: Expect::Anything };
                    let written = store.commit(contract::commit(vec![write])).await.unwrap().remove(0);
                    let mut most = acknowledged[which].lock().unwrap();
                    *most = written.version.unwrap().version.max(*most);
                } else {
                    let least = *acknowledged[which].lock().unwrap();
                    if task % 3 == 0 {
                        store.shared.versions.invalidate(&key);
                    }
                    let seen = store.read(&key).await.unwrap().map_or(0, |version| version.version);
                    assert!(seen >= least, "version {seen} was read after {least} had been acknowledged");
                }
            }
        });
    }
    tasks.join_all().await;
    assert_eq!(schema().resource_types().count(), 2);
}
