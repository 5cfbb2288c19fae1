//! What is particular to the SQLite store; the rest is the contract.

use std::sync::atomic::Ordering;

use crate::base::clock::Fixed;
use crate::search::plan::{Filter, NumberRow, TextRow};
use crate::store::contract::{self, Fresh, commit, contract, delete, ids, key, noon, plan, put, schema};
use crate::store::port::Write;

use super::*;

pub(in crate::store) fn fresh() -> Fresh<Sqlite> {
    let place = tempfile::tempdir().unwrap();
    let clock = Fixed::at(noon());
    let path = place.path().join("store.db");
    let store = Sqlite::open(&path, schema(), Arc::new(clock.clone()), Options::default()).unwrap();
    Fresh { store: Arc::new(store), clock, _place: Some(place) }
}

fn open(path: &Path) -> Result<Sqlite, StoreError> {
    Sqlite::open(path, schema(), Arc::new(Fixed::at(noon())), Options::default())
}

contract!(of_sqlite, crate::store::sqlite::tests::fresh());

/// A write with rows of all kinds.
fn full(id: &str, round: u64) -> Write {
    let mut write = put("Left", id, &format!("{round}"), &[round % 5 + 1, round + 10]);
    if let Write::Put { rows, .. } = &mut write {
        let low = i64::try_from(round).unwrap();
        rows.numbers = vec![NumberRow { parameter: 101, low, high: low + 9, unit: 0 }];
        rows.texts = vec![TextRow { parameter: 103, text: format!("text {round}") }];
    }
    write
}

/// Writes enough for several generations of recent rows, with updates and deletions among them.
async fn fill(store: &Sqlite, rounds: u64) {
    for round in 0..rounds {
        let mut writes = vec![full(&format!("n{round}"), round), full("hot", round)];
        if round % 4 == 3 {
            // One that the tables have, or that is on its way there; it may have been deleted.
            writes.push(full(&format!("n{}", round * 2 / 3), round + 1000));
        }
        if round % 3 == 1 {
            writes.push(delete("Left", &format!("n{}", round / 2)));
        }
        store.commit(commit(writes)).await.unwrap();
    }
}

async fn all(store: &Sqlite) -> (Vec<String>, Option<u64>) {
    let page = store.search(&plan("Left", Filter::All(vec![]))).await.unwrap();
    (ids(&page), page.total)
}

#[tokio::test]
async fn waiting_commits_share_a_transaction() {
    let f = fresh();
    let mut tasks = tokio::task::JoinSet::new();
    for i in 0..256 {
        let store = Arc::clone(&f.store);
        tasks.spawn(async move { store.commit(commit(vec![put("Left", &format!("n{i}"), "x", &[1])])).await });
    }
    for result in tasks.join_all().await {
        result.unwrap();
    }
    let statistics = f.store.statistics();
    assert_eq!(statistics.commits.load(Ordering::Relaxed), 256);
    assert!(statistics.transactions.load(Ordering::Relaxed) <= 64);
}

#[tokio::test]
async fn a_closed_file_opens_with_everything_in_it() {
    let place = tempfile::tempdir().unwrap();
    let path = place.path().join("store.db");
    let store = open(&path).unwrap();
    fill(&store, 60).await;
    let (before, changes) = (all(&store).await, store.changes(0, 1000).await.unwrap());
    store.close().await.unwrap();
    drop(store);
    assert_eq!(std::fs::metadata(place.path().join("store.db-wal")).map_or(0, |file| file.len()), 0);
    let store = open(&path).unwrap();
    assert_eq!((all(&store).await, store.changes(0, 1000).await.unwrap()), (before, changes));
    assert_eq!(store.verify().await.unwrap(), [""; 0]);
    fill(&store, 70).await;
    assert_eq!(store.verify().await.unwrap(), [""; 0]);
    assert_eq!(store.read(&key("Left", "hot")).await.unwrap().unwrap().version, 130);
}

#[tokio::test]
async fn a_file_without_young_tables_and_short_series_gets_them() {
    let place = tempfile::tempdir().unwrap();
    let path = place.path().join("store.db");
    let store = open(&path).unwrap();
    let dated = |id: &str, low: i64, width: i64| {
        let mut write = put("Left", id, id, &[1]);
        if let Write::Put { rows, .. } = &mut write {
            rows.numbers = vec![NumberRow { parameter: 101, low, high: low + width, unit: 0 }];
        }
        write
    };
    for (number, width) in (0..).zip([0, 1, 2, 1, 3, 0, 1, 9]) {
        store.commit(commit(vec![dated(&format!("n{number}"), number, width)])).await.unwrap();
    }
    store.close().await.unwrap();
    drop(store);
    // As the version before left it: all rows in one table, short intervals among the wide ones.
    let before = rusqlite::Connection::open(&path).unwrap();
    let codes = [series::Span::Short, series::Span::Wide].map(|span| series::Series { parameter: 101, unit: 0, span }.code());
    let [short, wide] = codes;
    before
        .execute_batch(&format!(
            "INSERT INTO num_lo SELECT * FROM young_lo; INSERT INTO num_hi SELECT * FROM young_hi;
             INSERT INTO txt_norm SELECT * FROM young_norm; INSERT INTO run SELECT * FROM young_run;
             DROP TABLE young_lo; DROP TABLE young_hi; DROP TABLE young_norm; DROP TABLE young_run;
             UPDATE num_lo SET s = {wide} WHERE s = {short}; UPDATE num_hi SET s = {wide} WHERE s = {short};
             DELETE FROM series WHERE s = {short}; PRAGMA user_version = 4"
        ))
        .unwrap();
    let count = |sql: &str| before.query_row(sql, [], |row| row.get::<_, i64>(0)).unwrap();
    assert_eq!(count(&format!("SELECT count(*) FROM num_lo WHERE s = {wide}")), 6);
    let store = open(&path).unwrap();
    assert_eq!(store.verify().await.unwrap(), [""; 0]);
    assert_eq!(count(&format!("SELECT count(*) FROM num_lo WHERE s = {short}")), 3);
    store.commit(commit(vec![dated("n1", 7, 2), delete("Left", "n3")])).await.unwrap();
    assert_eq!(store.verify().await.unwrap(), [""; 0]);
}

#[tokio::test]
async fn after_a_crash_everything_acknowledged_is_there() {
    let place = tempfile::tempdir().unwrap();
    let path = place.path().join("store.db");
    let store = open(&path).unwrap();
    for round in 1..30 {
        // First it grows, then old resources get new versions, and generations of these are at all stages of their way.
        fill(&store, if round < 8 { round * 9 } else { 2 + round % 7 }).await;
        // What a crash leaves behind: the files as they are, with the recent rows in memory only.
        let copy = place.path().join(format!("copy{round}.db"));
        for end in ["", "-wal"] {
            std::fs::copy(format!("{}{end}", path.display()), format!("{}{end}", copy.display())).unwrap();
        }
        let copied = open(&copy).unwrap();
        assert_eq!(all(&copied).await, all(&store).await);
        assert_eq!(copied.changes(0, 1000).await.unwrap(), store.changes(0, 1000).await.unwrap());
        assert_eq!(copied.verify().await.unwrap(), [""; 0]);
    }
}

#[tokio::test]
async fn a_file_that_is_not_ours_is_refused() {
    let place = tempfile::tempdir().unwrap();
    let path = |name: &str| place.path().join(name);
    std::fs::write(path("text"), "This is no database, but long enough to look like one to whoever reads a header.".repeat(20)).unwrap();
    rusqlite::Connection::open(path("foreign")).unwrap().execute_batch("CREATE TABLE t (a)").unwrap();
    rusqlite::Connection::open(path("marked")).unwrap().execute_batch("PRAGMA application_id = 7").unwrap();
    open(&path("later")).unwrap().close().await.unwrap();
    rusqlite::Connection::open(path("later")).unwrap().execute_batch("PRAGMA user_version = 999").unwrap();
    open(&path("used")).unwrap().close().await.unwrap();
    let _used = open(&path("used")).unwrap();
    for (name, reason) in [
        ("text", "not a SQLite database"),
        ("foreign", "another application"),
        ("marked", "another application"),
        ("later", "later version"),
        ("used", "in use by another process"),
        ("no/such/folder", "No such file"),
    ] {
        match open(&path(name)) {
            Err(StoreError::Unusable(text)) => assert!(text.contains(reason), "{name}: {text}"),
            other => panic!("{name}: {other:?}"),
        }
    }
}

#[tokio::test]
async fn a_full_store_says_so_and_keeps_what_it_has() {
    let place = tempfile::tempdir().unwrap();
    let options = Options { quota: Some(600 << 10), ..Options::default() };
    let store = Sqlite::open(&place.path().join("store.db"), schema(), Arc::new(Fixed::at(noon())), options).unwrap();
    // Nothing that could be squeezed.
    let note = |i: usize| (0..190).map(|j| format!("{:016x}", contract::post_of("Left", (i * 1000 + j) as u64))).collect::<String>();
    let mut stored = 0;
    let error = loop {
        let writes = (0..4).map(|i| put("Left", &format!("n{}", stored + i), &note(stored + i), &[1])).collect();
        match store.commit(commit(writes)).await {
            Ok(_) => stored += 4,
            Err(error) => break error,
        }
    };
    assert!(matches!(error, StoreError::Full), "{error}");
    assert!(stored > 50);
    let page = store.search(&plan("Left", Filter::Post(contract::post_of("Left", 1)))).await.unwrap();
    assert_eq!((page.hits.len(), page.total), (stored, Some(stored as u64)));
    assert!(store.read(&key("Left", &format!("n{stored}"))).await.unwrap().is_none());
    assert_eq!(store.changes(0, 10_000).await.unwrap().len(), stored);
}

#[tokio::test]
async fn damage_is_found() {
    for (damage, told) in [
        ("DELETE FROM run WHERE k = (SELECT min(k) FROM run)", "lacks the post"),
        ("UPDATE run SET rids = x'81' WHERE k = (SELECT min(k) FROM run)", "damaged"),
        ("INSERT INTO run VALUES (7, 2, 1, x'')", "1 row ids of runs belong to no resource"),
        ("DELETE FROM young_run WHERE k = (SELECT max(k) FROM young_run)", "lacks the post"),
        ("INSERT OR IGNORE INTO run SELECT * FROM young_run", "row ids of runs belong to no resource"),
        ("DELETE FROM num_hi WHERE rid = 2; DELETE FROM young_hi WHERE rid = 2", "in num_hi"),
        ("INSERT INTO num_lo SELECT * FROM young_lo", "has twice Low"),
        ("INSERT INTO txt_norm VALUES (1, 'orphan', 2)", "1 rows of txt_norm belong to no resource"),
        ("UPDATE kind SET living = living + 1 WHERE name = 'Left'", "counter"),
        ("DELETE FROM change WHERE seq = 3", "gaps"),
        ("DELETE FROM history WHERE version = 1", "history"),
        ("UPDATE resource SET version = version + 1 WHERE rid = 2", "version"),
        ("UPDATE change SET updated = 5 WHERE seq = 4", "back in time"),
    ] {
        let place = tempfile::tempdir().unwrap();
        let path = place.path().join("store.db");
        let store = open(&path).unwrap();
        fill(&store, 10).await;
        assert_eq!(store.verify().await.unwrap(), [""; 0]);
        rusqlite::Connection::open(&path).unwrap().execute_batch(damage).unwrap();
        let faults = store.verify().await.unwrap();
        assert!(faults.iter().any(|fault| fault.contains(told)), "{damage}: {faults:?}");
    }
}
