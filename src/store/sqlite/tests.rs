//! What is particular to the SQLite store; the rest is the contract.

use std::sync::atomic::Ordering;

use crate::base::clock::Fixed;
use crate::store::contract::{self, Fresh, contract, noon, schema};

use super::*;

pub(in crate::store) fn fresh() -> Fresh<Sqlite> {
    let place = tempfile::tempdir().unwrap();
    let clock = Fixed::at(noon());
    let store = open(&place.path().join("store.db"), &clock).unwrap();
    Fresh { store: Arc::new(store), clock, _place: Some(place) }
}

fn open(path: &Path, clock: &Fixed) -> Result<Sqlite, StoreError> {
    Sqlite::open(path, schema(), Arc::new(clock.clone()), Options::default())
}

contract!(of_sqlite, crate::store::sqlite::tests::fresh());

#[tokio::test]
async fn waiting_commits_share_a_transaction() {
    let f = fresh();
    let mut tasks = tokio::task::JoinSet::new();
    for i in 0..256 {
        let store = Arc::clone(&f.store);
        tasks.spawn(async move { store.commit(contract::commit(vec![contract::put("Left", &format!("n{i}"), "x", &[1])])).await });
    }
    for result in tasks.join_all().await {
        result.unwrap();
    }
    let statistics = f.store.statistics();
    assert_eq!(statistics.commits.load(Ordering::Relaxed), 256);
    assert!(statistics.transactions.load(Ordering::Relaxed) <= 64);
}
