//! `kill -9` in the middle of writes: what was acknowledged is there, no half transaction is, and the index agrees.

use std::collections::BTreeSet;
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use serde_json::json;

use crate::support::Client;
use crate::support::process::Process;

const ROUNDS: usize = 20;
const WRITERS: usize = 12;

/// What a writer had acknowledged: ids of single Observations, and numbers of transactions.
#[derive(Default)]
struct Acknowledged {
    singles: BTreeSet<String>,
    pairs: BTreeSet<String>,
}

async fn write(client: Client, writer: usize, round: usize, count: Arc<AtomicUsize>) -> Acknowledged {
    let mut acknowledged = Acknowledged::default();
    for n in 0.. {
        let id = format!("r{round}w{writer}n{n}");
        let observation = |id: &str, tag: &str| json!({"resourceType": "Observation", "id": id, "status": "final", "code": {"coding": [{"system": "http://crash", "code": tag}]}});
        if n % 3 == 0 {
            let entry = |part: &str| json!({"resource": observation(&format!("{id}{part}"), &id), "request": {"method": "PUT", "url": format!("Observation/{id}{part}")}});
            let bundle = json!({"resourceType": "Bundle", "type": "transaction", "entry": [entry("a"), entry("b"), entry("c")]});
            let Ok(reply) = client.send("POST", "", &[("content-type", "application/fhir+json")], bundle.to_string()).await else { break };
            assert_eq!(reply.status, 200);
            acknowledged.pairs.insert(id);
        } else {
            let Ok(reply) = client
                .send("PUT", &format!("Observation/{id}"), &[("content-type", "application/fhir+json")], observation(&id, &id).to_string())
                .await
            else {
                break;
            };
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
    let store = folder.path().join("norn.db");
    let mut all = Acknowledged::default();
    for round in 0..ROUNDS {
        let process = Process::serve(&store);
        let client = Client::new(&process.base);
        check(&client, &all).await;
        let count = Arc::new(AtomicUsize::new(0));
        let writers: Vec<_> = (0..WRITERS).map(|writer| tokio::spawn(write(client.clone(), writer, round, count.clone()))).collect();
        // Killed at another moment in each round, always while all writers are busy.
        while count.load(Ordering::Relaxed) < 40 + round * 7 {
            tokio::task::yield_now().await;
        }
        process.kill();
        for writer in writers {
            let acknowledged = writer.await.unwrap();
            all.singles.extend(acknowledged.singles);
            all.pairs.extend(acknowledged.pairs);
        }
    }
    let process = Process::serve(&store);
    check(&Client::new(&process.base), &all).await;
    assert!(process.stop(), "SIGTERM ends the server well");
    let check =
        Command::new(env!("CARGO_BIN_EXE_norn")).args(["check", "--store", &format!("sqlite:{}", store.display())]).output().unwrap();
    assert!(check.status.success(), "{}", String::from_utf8_lossy(&check.stdout));
    println!("{ROUNDS} kills, {} single writes and {} transactions acknowledged, all there", all.singles.len(), all.pairs.len());
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
