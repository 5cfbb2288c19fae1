//! `kill -9` in the middle of writes: what was acknowledged is there, no half transaction is, and the index agrees.

use std::collections::BTreeSet;
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use serde_json::{Value, json};

use crate::support::process::Process;
use crate::support::{Client, cluster};

const ROUNDS: usize = 20;
const ROUNDS_OF_DATABASE: usize = 8;
const WRITERS: usize = 12;

/// What a writer had acknowledged: ids of single Observations, and numbers of transactions.
#[derive(Default)]
struct Acknowledged {
    singles: BTreeSet<String>,
    pairs: BTreeSet<String>,
}

fn observation(id: &str, tag: &str) -> Value {
    json!({"resourceType": "Observation", "id": id, "status": "final", "code": {"coding": [{"system": "http://crash", "code": tag}]}})
}

/// Writes until nobody answers, or the database is gone.
async fn write(client: Client, writer: usize, round: usize, count: Arc<AtomicUsize>) -> Acknowledged {
    let mut acknowledged = Acknowledged::default();
    for n in 0.. {
        let id = format!("r{round}w{writer}n{n}");
        if n % 3 == 0 {
            let entry = |part: &str| json!({"resource": observation(&format!("{id}{part}"), &id), "request": {"method": "PUT", "url": format!("Observation/{id}{part}")}});
            let bundle = json!({"resourceType": "Bundle", "type": "transaction", "entry": [entry("a"), entry("b"), entry("c")]});
            let Ok(reply) = client.send("POST", "", &[("content-type", "application/fhir+json")], bundle.to_string()).await else { break };
            if reply.status.is_server_error() {
                break;
            }
            assert_eq!(reply.status, 200);
            acknowledged.pairs.insert(id);
        } else {
            let Ok(reply) = client
                .send("PUT", &format!("Observation/{id}"), &[("content-type", "application/fhir+json")], observation(&id, &id).to_string())
                .await
            else {
                break;
            };
            if reply.status.is_server_error() {
                break;
            }
            assert_eq!(reply.status, 201);
            acknowledged.singles.insert(id);
        }
        count.fetch_add(1, Ordering::Relaxed);
    }
    acknowledged
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_acknowledged_is_lost_when_killed() {
    let folder = tempfile::TempDir::new().unwrap();
    let store = format!("sqlite:{}", folder.path().join("norn.db").display());
    let mut all = Acknowledged::default();
    for round in 0..ROUNDS {
        let process = Process::serve_url(&store);
        check(&Client::new(&process.base), &all).await;
        let writers = Writers::start(&process, round);
        writers.work(40 + round * 7).await;
        process.kill();
        writers.end(&mut all).await;
    }
    finish(&store, &all, ROUNDS).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_acknowledged_is_lost_over_postgresql_when_gateway_or_database_is_killed() {
    let mut cluster = cluster::Cluster::start(true);
    let store = cluster.url();
    let mut all = Acknowledged::default();
    for round in 0..ROUNDS_OF_DATABASE {
        // Two gateways on one database; in turn one of them is killed, or the database under both.
        let (one, two) = (Process::serve_url(&store), Process::serve_url(&store));
        check(&Client::new(&one.base), &all).await;
        let (first, second) = (Writers::start(&one, 2 * round), Writers::start(&two, 2 * round + 1));
        first.work(30 + round * 7).await;
        second.work(30 + round * 5).await;
        if round % 2 == 0 {
            one.kill();
            second.work(60 + round * 5).await;
            two.kill();
        } else {
            cluster.kill_and_restart();
            // The gateways find the database again and go on.
            let client = Client::new(&two.base);
            while client.get("Observation?_count=1").await.status != 200 {}
            let body = observation(&format!("after{round}"), "after").to_string();
            while !client.put(&format!("Observation/after{round}"), body.clone()).await.status.is_success() {}
            one.kill();
            two.kill();
        }
        first.end(&mut all).await;
        second.end(&mut all).await;
    }
    finish(&store, &all, ROUNDS_OF_DATABASE).await;
}

/// Looks at everything once more, with the gateway's own check.
async fn finish(store: &str, all: &Acknowledged, rounds: usize) {
    let process = Process::serve_url(store);
    check(&Client::new(&process.base), all).await;
    assert!(process.stop(), "SIGTERM ends the server well");
    let check = Command::new(env!("CARGO_BIN_EXE_norn")).args(["check", "--store", store]).output().unwrap();
    assert!(check.status.success(), "{}{}", String::from_utf8_lossy(&check.stdout), String::from_utf8_lossy(&check.stderr));
    println!("{rounds} kills, {} single writes and {} transactions acknowledged, all there", all.singles.len(), all.pairs.len());
}

/// Clients that write as fast as they are answered.
struct Writers {
    tasks: Vec<tokio::task::JoinHandle<Acknowledged>>,
    count: Arc<AtomicUsize>,
}

impl Writers {
    fn start(process: &Process, round: usize) -> Self {
        let (client, count) = (Client::new(&process.base), Arc::new(AtomicUsize::new(0)));
        let tasks = (0..WRITERS).map(|writer| tokio::spawn(write(client.clone(), writer, round, count.clone()))).collect();
        Self { tasks, count }
    }

    /// Waits until so many writes are acknowledged: another moment in each round, always while all writers are busy.
    async fn work(&self, writes: usize) {
        while self.count.load(Ordering::Relaxed) < writes {
            tokio::task::yield_now().await;
        }
    }

    async fn end(self, all: &mut Acknowledged) {
        for writer in self.tasks {
            let acknowledged = writer.await.unwrap();
            all.singles.extend(acknowledged.singles);
            all.pairs.extend(acknowledged.pairs);
        }
    }
}

/// Every acknowledged write is there, by id and by search; every transaction has all three parts or none.
async fn check(client: &Client, acknowledged: &Acknowledged) {
    let (mut seen, mut url) = (BTreeSet::new(), "Observation?_count=1000".to_owned());
    loop {
        let page = client.get(&url).await.expect(200);
        seen.extend(page.matches());
        let json = page.json();
        let Some(next) = json["link"].as_array().unwrap().iter().find(|link| link["relation"] == "next") else { break };
        url = next["url"].as_str().unwrap().to_owned();
    }
    for id in &acknowledged.singles {
        assert!(seen.contains(id), "{id} was acknowledged and is gone");
    }
    for id in &acknowledged.pairs {
        assert!(
            ["a", "b", "c"].iter().all(|part| seen.contains(&format!("{id}{part}"))),
            "transaction {id} was acknowledged and is not whole"
        );
    }
    for id in seen.iter().filter_map(|id| id.strip_suffix('a')) {
        assert!(["b", "c"].iter().all(|part| seen.contains(&format!("{id}{part}"))), "transaction {id} is there by half");
        assert_eq!(client.get(&format!("Observation?code=http://crash|{id}")).await.matches().len(), 3, "the index knows {id}");
    }
}
