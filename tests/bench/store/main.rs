//! Measures the stores alone, SQLite and, if its URL is among the options, PostgreSQL: durable creates by concurrent writers,
//! with the writer's time split by kind of work; point reads with and without the cache; searches of several shapes, while
//! nothing is written and while much is.
//!
//! `cargo bench --bench store -- [resources] [writers] [folder] [option=value …]` (options: page, mapped, reader_cache,
//! writer_cache in bytes; postgres, the URL of an empty database, and its number of lanes); beside each figure for creates
//! stands that of a bare insert of the same bytes into one table with the same group commit.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::print_stdout,
    clippy::disallowed_methods,
    clippy::indexing_slicing,
    reason = "a measuring program"
)]

use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, LazyLock};
use std::time::{Duration, Instant};

use norn::base::budget::Limits;
use norn::base::clock::System;
use norn::model::codec::read_json;
use norn::model::primitive::{Id, Primitive};
use norn::model::reference::Key;
use norn::model::schema::{ElementDraft, Kind, ResourceType, Schema, TypeDraft};
use norn::search::plan::{Filter, NumberRow, Place, Plan, Rows, Searched, Sort, SortBy, Test, TextRow, Unit};
use norn::store::cache::Cached;
use norn::store::port::{Commit, Expect, Method, Store, Write};
use norn::store::postgres::{self, Postgres};
use norn::store::sqlite::{Options, Sqlite};

fn main() {
    let (options, arguments): (Vec<_>, Vec<_>) =
        std::env::args().skip(1).filter(|argument| !argument.starts_with("--")).partition(|argument| argument.contains('='));
    let option = |name: &str| options.iter().find_map(|option| option.strip_prefix(name)?.strip_prefix('=')?.parse::<usize>().ok());
    let mut tuned = Options::default();
    tuned.mapped = option("mapped").unwrap_or(tuned.mapped);
    tuned.reader_cache = option("reader_cache").unwrap_or(tuned.reader_cache);
    tuned.writer_cache = option("writer_cache").unwrap_or(tuned.writer_cache);
    tuned.page_size = option("page").and_then(|size| u32::try_from(size).ok()).unwrap_or(tuned.page_size);
    let database = options.iter().find_map(|option| option.strip_prefix("postgres="));
    let number = |at: usize, otherwise: u64| arguments.get(at).map_or(otherwise, |text| text.parse().expect("a number"));
    let (resources, writers) = (number(0, 40_000), number(1, 64));
    let folder = arguments.get(2).map_or_else(std::env::temp_dir, std::path::PathBuf::from).join("norn-bench-store");
    let _ = std::fs::remove_dir_all(&folder);
    std::fs::create_dir_all(&folder).unwrap();
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    let bare = runtime.block_on(bare(&folder.join("bare.db"), resources.min(40_000), writers));
    println!("bare insert          {bare:8.0} /s");
    runtime.block_on(measure(&folder, resources, writers, bare, tuned));
    if let Some(url) = database {
        let lanes = option("lanes").unwrap_or(postgres::Options::default().writers);
        runtime.block_on(measure_postgres(url, resources, writers, lanes));
    }
    std::fs::remove_dir_all(&folder).unwrap();
}

/// What the numbers of this bench mix into hashes.
fn mix(mut x: u64) -> u64 {
    x = x.wrapping_add(0x9E37_79B9_7F4A_7C15);
    x = (x ^ (x >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    x = (x ^ (x >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    x ^ (x >> 31)
}

fn schema() -> &'static Schema {
    static SCHEMA: LazyLock<&'static Schema> = LazyLock::new(build_schema);
    &SCHEMA
}

fn build_schema() -> &'static Schema {
    let element = |name, ty| ElementDraft { name, min: 0, max: Some(1), choice: false, types: vec![ty], summary: false, modifier: false };
    let elements = vec![element("id", "id"), element("meta", "Meta"), element("note", "string")];
    let drafts = [
        TypeDraft { name: "id", kind: Kind::Primitive(Primitive::Id), elements: Vec::new() },
        TypeDraft { name: "string", kind: Kind::Primitive(Primitive::String), elements: Vec::new() },
        TypeDraft { name: "Meta", kind: Kind::Complex, elements: Vec::new() },
        TypeDraft { name: "Observation", kind: Kind::Resource, elements },
    ];
    Box::leak(Box::new(Schema::build(&drafts, |_, _| "").unwrap()))
}

const PATIENTS: u64 = 5_000;
const CODES: u64 = 50;

fn patient_of(i: u64) -> u64 {
    mix(i ^ 77) % PATIENTS
}

fn code_of(i: u64) -> u64 {
    mix(i ^ 99) % CODES
}

/// A key that stands near those of the same neighbourhood.
fn near(neighbourhood: u64, k: u64) -> u64 {
    mix(neighbourhood) & 0xFFFF_FF00_0000_0000 | mix(k) >> 24
}

fn patient_post(patient: u64, what: u64) -> u64 {
    near(patient << 1, patient * 1000 + what)
}

fn code_post(code: u64) -> u64 {
    mix(code << 1 | 1)
}

/// 35 posts: shared ones, ones by code, ones by patient, and ones of this resource alone; 4 intervals, 3 texts.
fn rows(i: u64) -> Rows {
    let (patient, code) = (patient_of(i), code_of(i));
    let mut posts: Vec<u64> = (0..9).map(|j| mix(j << 40)).collect();
    posts.extend((0..6).map(|j| if j == 0 { code_post(code) } else { mix(code << 8 | j) }));
    posts.extend((0..14).map(|j| patient_post(patient, if j < 4 { j } else { j * 100 + code })));
    posts.extend((0..6).map(|j| near((i << 20) | (j / 3), (i << 24) | j)));
    let day = 86_400_000_000;
    let at = 1_500_000_000_000_000 + i64::try_from(mix(i ^ 3) % 2000).unwrap() * day;
    let value = i64::try_from(mix(i ^ 4) >> 20).unwrap();
    let numbers = vec![
        NumberRow { parameter: 2, low: at, high: at + day - 1, unit: 0 },
        NumberRow { parameter: 3, low: value, high: value, unit: 7 },
        NumberRow { parameter: 4, low: value, high: value, unit: 7 },
    ];
    let texts =
        (5..8).map(|parameter| TextRow { parameter, text: format!("text {} folded", mix(i ^ u64::from(parameter)) % 5000) }).collect();
    Rows { posts, numbers, texts, last_updated: 1, ..Rows::default() }
}

fn text(i: u64) -> String {
    format!("{{\"resourceType\":\"Observation\",\"note\":\"{i:0>2400}\"}}")
}

fn id(i: u64) -> Id {
    // Like a random UUID.
    let (a, b) = (mix(i), mix(i ^ 1 << 60));
    Id::new(&format!("{:08x}-{:04x}-{:04x}-{:04x}-{:012x}", a >> 32, a >> 16 & 0xFFFF, a & 0xFFFF, b >> 48, b & 0xFFFF_FFFF_FFFF)).unwrap()
}

fn key(kind: ResourceType, i: u64) -> Key {
    Key { kind, id: id(i) }
}

/// A write of a resource whose content tells `change`.
fn write(kind: ResourceType, i: u64, method: Method, change: &str) -> Commit {
    let text = text(i).replace("note\":\"0", &format!("note\":\"{change}"));
    let resource = read_json(text.as_bytes(), schema(), &Limits::default()).unwrap();
    let key = key(kind, i);
    let body = resource.body(&key.id);
    Commit { writes: vec![Write::Put { key, method, body, rows: Box::new(rows(i)), expect: Expect::Anything }], ..Commit::default() }
}

/// The same creates, reads and searches over PostgreSQL, in an empty schema.
async fn measure_postgres(url: &str, resources: u64, writers: u64, lanes: usize) {
    let kind = schema().resource_type("Observation").unwrap();
    let address = postgres::Address::read(url).unwrap();
    let options = postgres::Options { writers: lanes, ..postgres::Options::default() };
    let store = Arc::new(Postgres::open(&address, schema(), Arc::new(System), options).await.unwrap());
    let part = resources / 4;
    println!("PostgreSQL, {lanes} lanes:");
    for quarter in 0..4 {
        let counts = || {
            let s = store.statistics();
            [&s.transactions, &s.conflicts].map(|counter| counter.load(Ordering::Relaxed))
        };
        let (before, used) = (counts(), cpu());
        let own = Arc::clone(&store);
        let (rate, slow) = concurrently(writers, quarter * part..(quarter + 1) * part, move |i| {
            let store = Arc::clone(&own);
            async move { drop(store.commit(write(kind, i, Method::Create, "0")).await.unwrap()) }
        })
        .await;
        let after = counts();
        println!(
            "create {:>6}..{:<6} {rate:8.0} /s; p99 {slow:5.1} ms; {:4.1} per transaction, {} conflicts; CPU here {:5.1} us each",
            quarter * part,
            (quarter + 1) * part,
            part as f64 / (after[0] - before[0]) as f64,
            after[1] - before[1],
            (cpu() - used) * 1e6 / part as f64
        );
    }
    for tasks in [1, 16] {
        let own = Arc::clone(&store);
        let read = concurrently(tasks, 0..20_000, move |i| {
            let store = Arc::clone(&own);
            async move { assert!(store.read(&key(kind, mix(i) % resources.min(5000))).await.unwrap().is_some()) }
        });
        report("read", &format!("{tasks} readers"), read.await);
    }
    let shared: Arc<dyn Store> = store.clone();
    searches(&shared, kind, resources).await;
    let own = Arc::clone(&store);
    let update = concurrently(writers, 0..resources.min(8000), move |i| {
        let store = Arc::clone(&own);
        async move { drop(store.commit(write(kind, i, Method::Update, "1")).await.unwrap()) }
    });
    report("update", "", update.await);
    let verify = Instant::now();
    let faults = store.verify().await.unwrap();
    println!("verify               {:8.1} ms, faults: {faults:?}", milliseconds(verify.elapsed()));
    store.close().await.unwrap();
}

async fn measure(folder: &Path, resources: u64, writers: u64, bare: f64, options: Options) {
    let path = folder.join("store.db");
    let open = Instant::now();
    let store = Sqlite::open(&path, schema(), Arc::new(System), options).unwrap();
    println!("open                 {:8.1} ms", milliseconds(open.elapsed()));
    let store = Arc::new(Cached::new(store, 64 << 20));
    let kind = schema().resource_type("Observation").unwrap();
    let write = move |i: u64, method, change: &str| write(kind, i, method, change);
    // In parts, to see whether a larger store is slower.
    let part = resources / 4;
    for quarter in 0..4 {
        let before = counts(store.store());
        let (cpu, disk) = (cpu(), disk());
        let (rate, slow) = concurrently(writers, quarter * part..(quarter + 1) * part, {
            let store = Arc::clone(&store);
            move |i| {
                let store = Arc::clone(&store);
                async move { drop(store.commit(write(i, Method::Create, "0")).await.unwrap()) }
            }
        })
        .await;
        let after = counts(store.store());
        let each = |n: usize| (after[n] - before[n]) as f64 / 1000.0 / part as f64;
        let batch = part as f64 / (after[0] - before[0]) as f64;
        println!(
            "create {:>6}..{:<6} {rate:8.0} /s = {:2.0} % of bare; p99 {slow:5.1} ms; {batch:4.1} per transaction; \
             writer us each: write {:4.1} index {:4.1} sync {:5.1}; CPU {:5.1} us each; {:4.1} kB to disk each",
            quarter * part,
            (quarter + 1) * part,
            100.0 * rate / bare,
            each(2),
            each(3),
            each(4),
            (self::cpu() - cpu) * 1e6 / part as f64,
            (self::disk() - disk) as f64 / 1000.0 / part as f64,
        );
    }
    let settle = Instant::now();
    store.store().settle().await.unwrap();
    println!("settle               {:8.1} ms", milliseconds(settle.elapsed()));
    let size = |end: &str| std::fs::metadata(format!("{}{end}", path.display())).map_or(0, |file| file.len());
    println!("bytes per resource   {:8.0}; log {} MiB", size("") as f64 / resources as f64, size("-wal") >> 20);

    let read = |direct: bool| {
        let store = Arc::clone(&store);
        move |i: u64| {
            let store = Arc::clone(&store);
            async move {
                let key = key(kind, mix(i) % resources.min(5000));
                let read = if direct { store.store().read(&key).await } else { store.read(&key).await };
                assert!(read.unwrap().is_some());
            }
        }
    };
    for (name, direct, tasks) in
        [("direct, 1 reader", true, 1), ("direct, 16 readers", true, 16), ("cached, 1 reader", false, 1), ("cached, 16 readers", false, 16)]
    {
        report("read", name, concurrently(tasks, 0..if direct { 40_000 } else { 400_000 }, read(direct)).await);
    }
    let shared: Arc<dyn Store> = store.clone();
    searches(&shared, kind, resources).await;
    let busy = Arc::new(AtomicU64::new(resources));
    let writing = {
        let (store, busy) = (Arc::clone(&store), Arc::clone(&busy));
        tokio::spawn(concurrently(16, 0..u64::MAX, move |_| {
            let (store, i) = (Arc::clone(&store), busy.fetch_add(1, Ordering::Relaxed));
            async move { drop(store.commit(write(i, Method::Create, "0")).await.unwrap()) }
        }))
    };
    println!("while 16 writers create:");
    searches(&shared, kind, resources).await;
    writing.abort();
    for round in 1..3 {
        let result = concurrently(writers, 0..resources.min(8000), {
            let store = Arc::clone(&store);
            move |i| {
                let store = Arc::clone(&store);
                async move { drop(store.commit(write(i, Method::Update, &round.to_string())).await.unwrap()) }
            }
        })
        .await;
        report("update", &format!("round {round}"), result);
    }
    let verify = Instant::now();
    let faults = store.store().verify().await.unwrap();
    println!("verify               {:8.1} ms, faults: {faults:?}", milliseconds(verify.elapsed()));
    let close = Instant::now();
    store.close().await.unwrap();
    println!("close                {:8.1} ms; memory at most {} MiB", milliseconds(close.elapsed()), peak() >> 10);
}

async fn searches(store: &Arc<dyn Store>, kind: ResourceType, resources: u64) {
    let all = |filters: Vec<Filter>| Filter::All(filters);
    let plan = move |filter, sort: Vec<Sort>, limit, total| Plan {
        of: vec![Searched { kind, post: mix(0) }],
        filter,
        sort,
        after: None,
        limit,
        total,
    };
    let code = |i: u64| Filter::Post(code_post(code_of(i)));
    let patient = |i: u64| Filter::Post(patient_post(patient_of(i), 0));
    let day = 86_400_000_000_i64;
    let date = move |i: u64, days: i64| {
        let from = 1_500_000_000_000_000 + i64::try_from(mix(i) % 2000).unwrap() * day;
        Filter::Number(2, Test::Within(from, from + days * day - 1), Unit::Any)
    };
    let by_date = || vec![Sort { by: SortBy::Number(2), descending: true }];
    type Shape<'s> = (&'s str, Box<dyn Fn(u64) -> Plan + Send + Sync>);
    let shapes: Vec<Shape<'_>> = vec![
        ("one identifier", Box::new(move |i| plan(Filter::Post(near(i << 20, i << 24)), vec![], 20, false))),
        ("subject and code", Box::new(move |i| plan(all(vec![patient(i), code(i)]), vec![], 20, false))),
        ("subject and code, counted", Box::new(move |i| plan(all(vec![patient(i), code(i)]), vec![], 20, true))),
        ("newest 20 of a code", Box::new(move |i| plan(code(i), vec![], 20, false))),
        ("newest 20 of all", Box::new(move |_| plan(all(vec![]), vec![], 20, true))),
        ("newest 20 of all by date", Box::new(move |_| plan(all(vec![]), by_date(), 20, false))),
        ("newest 20 of a code by date", Box::new(move |i| plan(code(i), by_date(), 20, false))),
        ("subject by date", Box::new(move |i| plan(patient(i), by_date(), 20, false))),
        ("code on one day", Box::new(move |i| plan(all(vec![code(i), date(i, 1)]), vec![], 20, false))),
        ("code in a year", Box::new(move |i| plan(all(vec![code(i), date(i, 365)]), vec![], 20, false))),
        ("three codes", Box::new(move |i| plan(Filter::Any(vec![code(i), code(i + 1), code(i + 2)]), vec![], 20, false))),
        ("text start", Box::new(move |i| plan(Filter::TextStart(5, format!("text {}", mix(i ^ 5) % 5000)), vec![], 20, false))),
        ("count of a code", Box::new(move |i| plan(code(i), vec![], 0, true))),
        (
            "second page of a code",
            Box::new(move |i| Plan {
                after: Some(Place { values: vec![], row: i64::try_from(resources / 2).unwrap() }),
                ..plan(code(i), vec![], 20, false)
            }),
        ),
    ];
    for (name, shape) in shapes {
        let (store, shape) = (Arc::clone(store), Arc::new(shape));
        let result = concurrently(4, 0..2000, move |i| {
            let (store, shape) = (Arc::clone(&store), Arc::clone(&shape));
            async move {
                drop(store.search(&shape(mix(i) % resources)).await.unwrap());
            }
        });
        match tokio::time::timeout(Duration::from_secs(20), result).await {
            Ok(result) => report("search", name, result),
            Err(_) => println!("search {name}: too slow"),
        }
    }
}

/// Runs `each` for all numbers by so many tasks at once; gives the rate per second and the 99th percentile in milliseconds.
async fn concurrently<F, T>(tasks: u64, numbers: std::ops::Range<u64>, each: F) -> (f64, f64)
where
    F: Fn(u64) -> T + Send + Sync + 'static,
    T: Future<Output = ()> + Send,
{
    let (each, next, end) = (Arc::new(each), Arc::new(AtomicU64::new(numbers.start)), numbers.end);
    let start = Instant::now();
    let mut set = tokio::task::JoinSet::new();
    for _ in 0..tasks {
        let (each, next) = (Arc::clone(&each), Arc::clone(&next));
        set.spawn(async move {
            let mut times = Vec::new();
            loop {
                let number = next.fetch_add(1, Ordering::Relaxed);
                if number >= end {
                    return times;
                }
                let start = Instant::now();
                each(number).await;
                times.push(start.elapsed());
            }
        });
    }
    let mut times: Vec<Duration> = set.join_all().await.into_iter().flatten().collect();
    let rate = times.len() as f64 / start.elapsed().as_secs_f64();
    times.sort_unstable();
    (rate, times.get(times.len() * 99 / 100).copied().map_or(0.0, milliseconds))
}

fn report(what: &str, name: &str, (rate, slow): (f64, f64)) {
    println!("{what:<6} {name:<28} {rate:9.0} /s; p99 {slow:7.2} ms");
}

fn milliseconds(time: Duration) -> f64 {
    time.as_secs_f64() * 1000.0
}

fn counts(store: &Sqlite) -> [u64; 5] {
    let s = store.statistics();
    [&s.transactions, &s.commits, &s.writing, &s.indexing, &s.syncing].map(|counter| counter.load(Ordering::Relaxed))
}

/// Seconds of CPU that the process has used (Linux; elsewhere 0).
fn cpu() -> f64 {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let fields: Vec<&str> = stat.rsplit(')').next().unwrap_or("").split_whitespace().collect();
    [11, 12].iter().filter_map(|i| fields.get(*i)?.parse::<f64>().ok()).sum::<f64>() / 100.0
}

/// Bytes that the process has written (Linux; elsewhere 0).
fn disk() -> u64 {
    let io = std::fs::read_to_string("/proc/self/io").unwrap_or_default();
    io.lines().find_map(|line| line.strip_prefix("write_bytes: ")?.parse().ok()).unwrap_or(0)
}

/// The most memory that the process has used, in KiB (Linux; elsewhere 0).
fn peak() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap_or("0 kB");
    line.trim().trim_end_matches(" kB").parse().unwrap_or(0)
}

/// The yardstick: the same bytes into one table, as many as wait in one transaction. Gives the rate per second.
async fn bare(path: &Path, resources: u64, writers: u64) -> f64 {
    type Waiting = (String, Vec<u8>, tokio::sync::oneshot::Sender<()>);
    let (queue, arriving) = std::sync::mpsc::channel::<Waiting>();
    let connection = rusqlite::Connection::open(path).unwrap();
    connection
        .execute_batch(
            "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA wal_autocheckpoint = 16384;
             CREATE TABLE resource (rid INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, body BLOB NOT NULL) STRICT;",
        )
        .unwrap();
    let thread = std::thread::spawn(move || {
        while let Ok(first) = arriving.recv() {
            let mut answers = Vec::new();
            connection.execute_batch("BEGIN IMMEDIATE").unwrap();
            for (id, body, answer) in std::iter::once(first).chain(std::iter::from_fn(|| arriving.try_recv().ok()).take(511)) {
                let mut insert = connection.prepare_cached("INSERT INTO resource (id, body) VALUES (?1, ?2)").unwrap();
                insert.execute((id, body)).unwrap();
                answers.push(answer);
            }
            connection.execute_batch("COMMIT").unwrap();
            answers.into_iter().for_each(|answer| answer.send(()).unwrap());
        }
    });
    let (rate, _) = concurrently(writers, 0..resources, move |i| {
        let queue = queue.clone();
        async move {
            let (answer, answered) = tokio::sync::oneshot::channel();
            queue.send((id(i).to_string(), text(i).into_bytes(), answer)).unwrap();
            answered.await.unwrap();
        }
    })
    .await;
    thread.join().unwrap();
    rate
}
