//! What is particular to the PostgreSQL store; the rest is the contract.

#[path = "../../../tests/it/support/cluster.rs"]
#[allow(dead_code, reason = "the crash tests use the rest")]
mod cluster;

use crate::base::clock::Fixed;
use crate::search::plan::{Filter, Sort, SortBy, TextRow};
use crate::store::contract::{Fresh, commit, contract, create, delete, expecting, ids, key, noon, plan, post_of, put, schema};
use crate::store::port::{Expect, Idempotency, Match, Unmet};

use super::*;

/// Few connections: many tests run at a time.
fn options() -> Options {
    Options { readers: 1, searchers: 2, ..Options::default() }
}

fn open(url: &str, clock: &Fixed) -> Result<Postgres, StoreError> {
    let address = Address::read(url).unwrap();
    cluster::block_on(Postgres::open(&address, schema(), Arc::new(clock.clone()), options()))
}

pub(in crate::store) fn fresh() -> Fresh<Postgres> {
    let clock = Fixed::at(noon());
    let store = open(&cluster::fresh(), &clock).unwrap();
    Fresh { store: Arc::new(store), clock, _place: None }
}

/// A store whose resources are spread as in a cluster, on one server: joins that forget the shard give wrong answers.
pub(in crate::store) fn spread() -> Fresh<Postgres> {
    let (url, clock) = (cluster::fresh(), Fixed::at(noon()));
    cluster::block_on(Postgres::migrate(&Address::read(&url).unwrap())).unwrap();
    cluster::block_on(cluster::run(&url, "UPDATE norn_schema SET shards = 3"));
    Fresh { store: Arc::new(open(&url, &clock).unwrap()), clock, _place: None }
}

contract!(of_postgres, crate::store::postgres::tests::fresh());
contract!(of_postgres_in_shards, crate::store::postgres::tests::spread());

/// Two gateways on one database.
fn two() -> (Fresh<Postgres>, Fresh<Postgres>, String) {
    let (url, clock) = (cluster::fresh(), Fixed::at(noon()));
    let one = || Fresh { store: Arc::new(open(&url, &clock).unwrap()), clock: clock.clone(), _place: None };
    (one(), one(), url.clone())
}

/// A create that goes ahead only if nothing has the post yet.
fn if_none(id: &str, post: u64, with: &[u64]) -> Commit {
    let plan = Plan { limit: 1, total: false, ..plan("Left", Filter::Post(post_of("Left", post))) };
    Commit { matches: vec![Match { plan, found: Vec::new() }], ..commit(vec![create("Left", id, id, with)]) }
}

#[tokio::test(flavor = "multi_thread")]
async fn of_conditional_creates_in_two_gateways_one_wins() {
    let (a, b, _) = two();
    for round in 1..40 {
        let (a, b) = (Arc::clone(&a.store), Arc::clone(&b.store));
        let tasks = [a, b].into_iter().enumerate().map(|(number, store)| {
            tokio::spawn(async move { store.commit(if_none(&format!("n{round}-{number}"), round, &[round])).await })
        });
        let mut won = 0;
        for task in tasks.collect::<Vec<_>>() {
            match task.await.unwrap() {
                Ok(_) => won += 1,
                Err(StoreError::Unmet(Unmet::Match(0))) => {}
                Err(error) => panic!("{error}"),
            }
        }
        assert_eq!(won, 1, "round {round}");
    }
    assert_eq!(b.store.verify().await.unwrap(), [""; 0]);
}

#[tokio::test(flavor = "multi_thread")]
async fn conditional_creates_that_would_prevent_each_other_do() {
    // Each looks for what the other one writes: both may not go ahead, whatever the order.
    let (a, b, _) = two();
    for round in (1..80).step_by(2) {
        let (one, other) = (Arc::clone(&a.store), Arc::clone(&b.store));
        let first = tokio::spawn(async move { one.commit(if_none(&format!("a{round}"), round, &[round + 1])).await });
        let second = tokio::spawn(async move { other.commit(if_none(&format!("b{round}"), round + 1, &[round])).await });
        let done = [first.await.unwrap(), second.await.unwrap()];
        assert_eq!(done.iter().filter(|result| result.is_ok()).count(), 1, "round {round}: {done:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn gateways_share_one_feed_one_order_and_one_set_of_counters() {
    let (a, b, url) = two();
    // The clock of one is behind: what it writes is no older for that.
    a.clock.advance(9_000_000);
    let slow = Fixed::at(noon());
    let late = Arc::new(open(&url, &slow).unwrap());
    let mut tasks = tokio::task::JoinSet::new();
    for i in 0..240_u32 {
        let store = Arc::clone([&a.store, &b.store, &late][i as usize % 3]);
        tasks.spawn(async move {
            // Thirty compete for each of eight ids; the others come to stay.
            let racing = expecting(put("Left", &format!("race{}", i % 8), &format!("{i}"), &[1]), Expect::Absent);
            let stays = put("Left", &format!("n{i}"), "x", &[2]);
            (store.commit(commit(vec![stays])).await.is_ok(), store.commit(commit(vec![racing])).await.is_ok())
        });
    }
    let done = tasks.join_all().await;
    assert_eq!((done.iter().filter(|(ok, _)| *ok).count(), done.iter().filter(|(_, won)| *won).count()), (240, 8));
    let changes = b.store.changes(0, 1000).await.unwrap();
    assert!(changes.iter().zip(1..).all(|(change, place)| change.sequence == place));
    assert!(changes.is_sorted_by_key(|change| change.updated));
    assert_eq!((changes.len(), late.verify().await.unwrap()), (248, vec![]));
    let page = late.search(&plan("Left", Filter::All(vec![]))).await.unwrap();
    assert_eq!((page.hits.len(), page.total), (248, Some(248)));
    // What is acknowledged by one comes before what is created by another afterwards.
    for i in 0..20 {
        let store = [&a.store, &late, &b.store][i % 3];
        store.commit(commit(vec![put("Right", &format!("r{i}"), "x", &[])])).await.unwrap();
    }
    let page = b.store.search(&plan("Right", Filter::All(vec![]))).await.unwrap();
    assert_eq!(ids(&page), (0..20).rev().map(|i| format!("r{i}")).collect::<Vec<_>>());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_that_reaches_two_gateways_is_done_once() {
    let (a, b, _) = two();
    for round in 0..20 {
        let request = Commit {
            idempotency: Some(Idempotency { key: [round; 32], request: [1; 32] }),
            ..commit(vec![put("Left", &format!("n{round}"), "x", &[])])
        };
        let (one, other) = tokio::join!(a.store.commit(request.clone()), b.store.commit(request));
        let (one, other) = (one.unwrap(), other.unwrap());
        assert_eq!((one[0].version.clone(), one[0].created), (other[0].version.clone(), other[0].created));
    }
    assert_eq!(a.store.changes(0, 100).await.unwrap().len(), 20);
}

#[tokio::test]
async fn a_broken_connection_is_replaced_and_commits_go_on() {
    let url = cluster::fresh();
    let name = url.split("%3D").nth(1).unwrap().to_owned();
    let store = open(&format!("{url}&application_name={name}"), &Fixed::at(noon())).unwrap();
    for round in 0..8 {
        store.commit(commit(vec![put("Left", "a", &format!("{round}"), &[round])])).await.unwrap();
        assert_eq!(store.read(&key("Left", "a")).await.unwrap().unwrap().version, round + 1);
        assert_eq!(store.search(&plan("Left", Filter::Post(post_of("Left", round)))).await.unwrap().total, Some(1));
        let kill = format!("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = '{name}'");
        cluster::block_on(cluster::run(&url, &kill));
    }
}

/// Stands between a store and the server, and cuts the connection when a transaction is to be committed.
struct Cutter {
    folder: tempfile::TempDir,
    /// How many commits are still cut off, and whether the server hears of them.
    left: Arc<std::sync::Mutex<(usize, bool)>>,
}

impl Cutter {
    fn before(url: &str) -> (Self, String) {
        let (host, rest) = url.trim_start_matches("postgres://norn@").split_once('/').unwrap();
        let server = host.replace("%2F", "/") + "/.s.PGSQL.5432";
        let folder = tempfile::tempdir().unwrap();
        let left = Arc::new(std::sync::Mutex::new((0, false)));
        let _context = cluster::runtime().enter();
        let listener = tokio::net::UnixListener::bind(folder.path().join(".s.PGSQL.5432")).unwrap();
        let shared = Arc::clone(&left);
        tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                let server = tokio::net::UnixStream::connect(&server).await.unwrap();
                tokio::spawn(Self::carry(client, server, Arc::clone(&shared)));
            }
        });
        let own = format!("postgres://norn@{}/{rest}", folder.path().display().to_string().replace('/', "%2F"));
        (Self { folder, left }, own)
    }

    async fn carry(client: tokio::net::UnixStream, server: tokio::net::UnixStream, left: Arc<std::sync::Mutex<(usize, bool)>>) {
        use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, copy};
        let ((mut from, mut to), (mut back, mut up)) = (client.into_split(), server.into_split());
        let down = tokio::spawn(async move { copy(&mut back, &mut to).await });
        let mut buffer = vec![0; 1 << 16];
        while let Ok(count @ 1..) = from.read(&mut buffer).await {
            let commits = buffer[..count].windows(7).any(|window| window == b"COMMIT\0");
            let cut = commits && {
                let mut left = left.lock().unwrap();
                let cut = left.0 > 0;
                left.0 -= usize::from(cut);
                cut
            };
            if cut {
                // Nobody hears what the server says, if it hears anything at all.
                down.abort();
                if left.lock().unwrap().1 {
                    up.write_all(&buffer[..count]).await.unwrap();
                }
                break;
            }
            if up.write_all(&buffer[..count]).await.is_err() {
                break;
            }
        }
        down.abort();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_commit_whose_answer_is_lost_is_done_once_and_told() {
    let cluster = cluster::Cluster::start(false);
    let (cutter, through) = Cutter::before(&cluster.url());
    let store = open(&through, &Fixed::at(noon())).unwrap();
    for (round, heard) in [true, false, true, false].into_iter().enumerate() {
        *cutter.left.lock().unwrap() = (1, heard);
        let id = format!("n{round}");
        let written = store.commit(commit(vec![create("Left", &id, "x", &[1]), put("Left", "a", &id, &[])])).await.unwrap();
        assert!(written[0].created && written[0].changed, "{heard}");
        assert_eq!(cutter.left.lock().unwrap().0, 0, "the connection was cut");
        let plan = HistoryPlan::of(crate::store::port::HistoryScope::Instance(key("Left", "a")), 9);
        assert_eq!(store.history(&plan).await.unwrap().total, Some(round as u64 + 1));
        assert_eq!(written[1].version, store.read(&key("Left", "a")).await.unwrap());
    }
    assert_eq!(store.changes(0, 100).await.unwrap().len(), 8);
    assert_eq!(store.verify().await.unwrap(), [""; 0]);
    drop(cutter.folder);
}

#[tokio::test]
async fn a_database_that_is_not_ours_is_refused() {
    for (sql, reason) in [
        ("CREATE TABLE resource (a int)", "another application"),
        ("CREATE TABLE norn_schema (one int2, version int4, shards int2); INSERT INTO norn_schema VALUES (0, 999, 1)", "later version"),
    ] {
        let url = cluster::fresh();
        cluster::block_on(cluster::run(&url, sql));
        match open(&url, &Fixed::at(noon())) {
            Err(StoreError::Unusable(text)) => assert!(text.contains(reason), "{text}"),
            other => panic!("{other:?}"),
        }
    }
    let nobody = Address::read("postgres://norn:secret@127.0.0.1:1/none").unwrap();
    let error = cluster::block_on(Postgres::open(&nobody, schema(), Arc::new(Fixed::at(noon())), options())).unwrap_err().to_string();
    assert!(error.contains("cannot be reached") && !error.contains("secret") && !format!("{nobody:?}").contains("secret"), "{error}");
}

#[tokio::test]
async fn a_store_of_the_version_before_moves_whole_or_not_at_all() {
    let (url, clock) = (cluster::fresh(), Fixed::at(noon()));
    let store = open(&url, &clock).unwrap();
    for round in 0..20 {
        store.commit(commit(vec![put("Left", &format!("n{round}"), "x", &[round % 3])])).await.unwrap();
    }
    store.close().await.unwrap();
    let before = "CREATE TABLE span (s int4); DROP TABLE place; ALTER TABLE post DROP COLUMN first; UPDATE norn_schema SET version = 2; CREATE TABLE kept AS SELECT rid, keys
        FROM resource; UPDATE resource SET keys = substring(keys, 1, 3) WHERE id = 'n17'";
    cluster::block_on(cluster::run(&url, before));
    let error = open(&url, &clock).unwrap_err().to_string();
    assert!(error.contains("damaged"), "{error}");
    cluster::block_on(cluster::run(&url, "UPDATE resource r SET keys = k.keys FROM kept k WHERE k.rid = r.rid AND r.id = 'n17'"));
    let store = open(&url, &clock).unwrap();
    assert_eq!(store.verify().await.unwrap(), [""; 0]);
    let newest = Plan { sort: vec![Sort { by: SortBy::Updated, descending: true }], ..plan("Left", Filter::All(vec![])) };
    assert_eq!(store.search(&newest).await.unwrap().hits.len(), 20);
}

#[tokio::test]
async fn a_common_post_is_entered_where_the_rare_one_is() {
    let (url, clock) = (cluster::fresh(), Fixed::at(noon()));
    let store = open(&url, &clock).unwrap();
    let (group, common) = (|number: usize| 100 + number as u64 / 20, 7);
    let has_common = |number: usize| number.is_multiple_of(3) && !number.is_multiple_of(7);
    let id = |number: usize| format!("n{number}");
    for some in (0..200).collect::<Vec<usize>>().chunks(5) {
        // Of some the common post is taken away again.
        let posts = |number: usize| if number.is_multiple_of(3) { vec![common, group(number)] } else { vec![group(number)] };
        store.commit(commit(some.iter().map(|number| put("Left", &id(*number), "x", &posts(*number))).collect())).await.unwrap();
        let less = some.iter().filter(|number| number.is_multiple_of(21)).map(|number| put("Left", &id(*number), "y", &[group(*number)]));
        store.commit(commit(less.collect())).await.unwrap();
    }
    let right = async |store: &Postgres| {
        for rare in 0..10 {
            let both = [common, group(rare * 20)].map(|post| Filter::Post(post_of("Left", post)));
            let found = ids(&store.search(&plan("Left", Filter::All(both.to_vec()))).await.unwrap());
            let wanted = (rare * 20..rare * 20 + 20).rev().filter(|number| has_common(*number)).map(id);
            assert_eq!(found, wanted.collect::<Vec<_>>(), "{rare}");
        }
        assert_eq!(store.verify().await.unwrap(), [""; 0]);
    };
    right(&store).await;
    // A gateway of the version before writes lines that do not tell where they begin.
    cluster::block_on(cluster::run(&url, "UPDATE post SET first = NULL"));
    right(&store).await;
    store.close().await.unwrap();
    cluster::block_on(cluster::run(&url, "ALTER TABLE post DROP COLUMN first; UPDATE norn_schema SET version = 3"));
    let store = open(&url, &clock).unwrap();
    right(&store).await;
    cluster::block_on(cluster::run(&url, "UPDATE post SET first = first + 1 WHERE last = (SELECT max(last) FROM post WHERE n > 1)"));
    assert!(store.verify().await.unwrap().iter().any(|fault| fault.contains("does not begin where it says")));
}

#[tokio::test]
async fn damage_is_found() {
    for (damage, told) in [
        ("DELETE FROM post WHERE k = (SELECT min(k) FROM post)", "lacks the post"),
        ("INSERT INTO post VALUES (7, 2, 0, 1, NULL)", "which lacks it or was named before"),
        ("INSERT INTO gone SELECT k, last, shard FROM post LIMIT 1", "is told to lack the post"),
        ("INSERT INTO gone VALUES (7, 2, 0)", "which is told to be gone"),
        ("UPDATE post SET n = n + 1", "damaged"),
        ("DELETE FROM place WHERE ctid = (SELECT min(ctid) FROM place)", "does not stand at"),
        ("INSERT INTO place VALUES (1, 0, 1, 2, 3, '\\x030101')", "belongs to no resource"),
        ("UPDATE place SET n = n + 1", "damaged"),
        ("UPDATE resource SET body = substring(body, 1, 5) WHERE id = 'n2'", "the content of Left/n2 is damaged"),
        ("UPDATE resource SET keys = substring(keys, 1, 5) WHERE id = 'n2'", "are damaged"),
        ("UPDATE kind SET living = living + 1 WHERE name = 'Left'", "counter"),
        ("DELETE FROM change WHERE seq = 3", "gaps"),
        ("DELETE FROM history WHERE version = 1", "history"),
        ("UPDATE resource SET version = version + 1 WHERE id = 'n2'", "version"),
        ("UPDATE change SET updated = 5 WHERE seq = 4", "back in time"),
        ("UPDATE resource SET keys = NULL WHERE id = 'n2'", "neither alive nor deleted"),
    ] {
        let (url, clock) = (cluster::fresh(), Fixed::at(noon()));
        let store = open(&url, &clock).unwrap();
        for round in 0..9 {
            store
                .commit(commit(vec![put("Left", &format!("n{round}"), "x", &[round]), put("Left", "hot", &format!("{round}"), &[])]))
                .await
                .unwrap();
        }
        store.commit(commit(vec![delete("Left", "n4")])).await.unwrap();
        assert_eq!(store.verify().await.unwrap(), [""; 0]);
        cluster::block_on(cluster::run(&url, damage));
        let faults = store.verify().await.unwrap();
        assert!(faults.iter().any(|fault| fault.contains(told)), "{damage}: {faults:?}");
    }
}

#[tokio::test]
async fn texts_longer_than_the_index_are_found_and_sorted() {
    let f = fresh();
    let long = "ä".repeat(2000);
    let text = |end: &str| format!("{long}{end}");
    let writes = ["b", "", "a"].map(|end| {
        let mut write = put("Left", &format!("n{end}"), "x", &[]);
        if let crate::store::port::Write::Put { rows, .. } = &mut write {
            rows.texts = vec![TextRow { parameter: 103, text: text(end) }];
        }
        write
    });
    f.store.commit(commit(writes.to_vec())).await.unwrap();
    for (start, found) in [(text(""), 3), (text("b"), 1), (text("c"), 0), ("ä".repeat(60), 3), ("ä".repeat(61) + "b", 0)] {
        assert_eq!(f.store.search(&plan("Left", Filter::TextStart(103, start))).await.unwrap().total, Some(found));
    }
    let sort = vec![Sort { by: SortBy::Text(103), descending: true }];
    assert_eq!(ids(&f.store.search(&Plan { sort, ..plan("Left", Filter::All(vec![])) }).await.unwrap()), ["nb", "na", "n"]);
}

#[test]
fn the_statements_of_a_cluster_name_every_table() {
    let sql = citus(32);
    assert!(sql.starts_with("SELECT create_distributed_table('resource', 'shard', shard_count => 32);\n"));
    let url = cluster::fresh();
    cluster::block_on(Postgres::migrate(&Address::read(&url).unwrap())).unwrap();
    let schema = url.split("%3D").nth(1).unwrap().to_owned();
    let tables = cluster::block_on(async {
        let connection = Address::read(&url).unwrap().connect().await.unwrap();
        let rows = connection.query("SELECT tablename::text FROM pg_tables WHERE schemaname = $1", &[&schema]).await.unwrap();
        rows.iter().map(|row| row.get::<_, String>(0)).collect::<Vec<_>>()
    });
    assert_eq!(tables.len(), 15);
    for table in tables {
        assert!(sql.contains(&format!("'{table}'")), "{table}");
    }
}
