//! Index rows that another version of Norn made: nothing is asked of them until they are made anew.

use std::path::Path;
use std::process::Command;
use std::sync::Arc;

use norn::base::budget::Limits;
use norn::base::clock::System;
use norn::definitions::Definitions;
use norn::model::codec::read_json;
use norn::model::primitive::Id;
use norn::model::reference::Key;
use norn::search::catalog::Catalog;
use norn::search::extract;
use norn::store::port::{Commit, Definition, Progress, Store, Write};
use norn::store::postgres::{self, Address, Postgres};
use norn::store::sqlite::{self, Sqlite};
use serde_json::json;

use crate::support::process::Process;
use crate::support::{Client, cluster};

const COUNT: usize = 450;

/// What asks for quantities, in each way there is.
const QUANTITIES: [&str; 5] = [
    "Observation?value-quantity=5.4|http://unitsofmeasure.org|mg",
    "Observation?code-value-quantity=x$5.4",
    "Observation?_sort=value-quantity",
    "Patient?_has:Observation:patient:value-quantity=5.4",
    "Observation?_filter=value-quantity%20gt%205",
];

async fn open(url: &str) -> Box<dyn Store> {
    let (clock, schema) = (Arc::new(System), &Definitions::embedded().schema);
    match url.strip_prefix("sqlite:") {
        Some(path) => Box::new(Sqlite::open(Path::new(path), schema, clock, sqlite::Options::default()).unwrap()),
        None => Box::new(Postgres::open(&Address::read(url).unwrap(), schema, clock, postgres::Options::default()).await.unwrap()),
    }
}

/// Takes the numbers out of the rows of all Observations, as if an older version had made them, and tells that version.
async fn age(url: &str, version: &str, progress: &'static str) {
    let (store, catalog) = (open(url).await, Catalog::new(Definitions::embedded()).unwrap());
    let kind = catalog.schema().resource_type("Observation").unwrap();
    let mut writes = Vec::new();
    for number in 0..COUNT {
        let key = Key { kind, id: Id::new(&format!("o{number}")).unwrap() };
        let body = store.read(&key).await.unwrap().unwrap().body.clone().unwrap();
        let resource = read_json(&body, catalog.schema(), &Limits::default()).unwrap();
        let mut rows = extract::rows(&resource, &catalog, "http://x");
        rows.numbers.clear();
        writes.push(Write::Index { key, version: 1, rows: Box::new(rows) });
    }
    let (generation, id) = (store.parameters().await.unwrap().generation, Id::new("norn.extraction").unwrap());
    let definitions = vec![Definition { id: id.clone(), text: Some(version.to_owned().into()) }];
    let progress = vec![Progress { id, since: generation + 1, text: progress.into() }];
    store.commit(Commit { writes, generation, definitions, progress, ..Commit::default() }).await.unwrap();
    store.close().await.unwrap();
}

async fn rows_of_another_version(url: &str) {
    let process = Process::serve_url(url);
    let client = Client::new(&process.base);
    let entry = |number: usize| {
        let id = format!("o{number}");
        let body = json!({"resourceType": "Observation", "id": id, "status": "final", "subject": {"reference": "Patient/p"},
            "code": {"coding": [{"code": "x"}]},
            "valueQuantity": {"value": 5.4, "system": "http://unitsofmeasure.org", "code": "mg"}});
        json!({"resource": body, "request": {"method": "PUT", "url": format!("Observation/{id}")}})
    };
    client.put("Patient/p", r#"{"resourceType":"Patient","id":"p"}"#).await.expect(201);
    let entries: Vec<_> = (0..COUNT).map(entry).collect();
    client.post("", json!({"resourceType": "Bundle", "type": "transaction", "entry": entries}).to_string()).await.expect(200);
    let count =
        async |client: &Client, search: &str| client.get(&format!("{search}&_total=accurate")).await.expect(200).json()["total"].clone();
    for search in QUANTITIES {
        assert_ne!(count(&client, search).await, 0, "a fresh store answers at once: {search}");
    }
    client.put("SearchParameter/norn.extraction", r#"{"resourceType":"SearchParameter","id":"norn.extraction","url":"http://x/y","name":"x","status":"active","description":"x","code":"x","base":["Patient"],"type":"string","expression":"Patient.name.family"}"#).await.expect(422);
    assert!(process.stop());

    // As long as it is not done, whatever rests on these rows is refused, and all else is answered.
    age(url, "1 2", "failed 0 0 0 0 - a test").await;
    let process = Process::serve_url(url);
    let client = Client::new(&process.base);
    for search in QUANTITIES {
        assert!(client.get(search).await.expect(400).text().contains("makes its index anew"), "{search}");
    }
    assert_eq!(count(&client, "Observation?code=x").await, COUNT);
    assert!(process.stop());

    // The next version begins, is killed, and ends it.
    age(url, "1 1", "complete 0 0 0 0 - ").await;
    Process::serve_url(url).kill();
    let process = Process::serve_url(url);
    let client = Client::new(&process.base);
    assert_eq!(count(&client, "Observation?code=x").await, COUNT);
    for search in QUANTITIES {
        while client.get(search).await.status == 400 {}
        assert_eq!(count(&client, search).await, if search.starts_with("Patient") { 1 } else { COUNT }, "{search}");
    }
    assert!(process.stop());
    let check = Command::new(env!("CARGO_BIN_EXE_norn")).args(["check", "--store", url]).output().unwrap();
    assert!(check.status.success(), "{}", String::from_utf8_lossy(&check.stdout));

    // What a later version made is not touched.
    age(url, "3 3", "complete 0 0 0 0 - ").await;
    let serve = Command::new(env!("CARGO_BIN_EXE_norn")).args(["serve", "--listen", "127.0.0.1:0", "--store", url]).output().unwrap();
    assert_eq!(serve.status.code(), Some(3));
    assert!(String::from_utf8_lossy(&serve.stderr).contains("later version"), "{}", String::from_utf8_lossy(&serve.stderr));
}

#[tokio::test]
async fn rows_of_another_version_are_made_anew() {
    let folder = tempfile::TempDir::new().unwrap();
    rows_of_another_version(&format!("sqlite:{}", folder.path().join("norn.db").display())).await;
}

#[tokio::test]
async fn rows_of_another_version_are_made_anew_over_postgres() {
    rows_of_another_version(&cluster::fresh()).await;
}
