//! The same requests over SQLite and over PostgreSQL have the same answers, byte for byte: clock and chance are the same, and
//! so are ids, times and versions.

use serde_json::{Value, json};

use crate::support::client::Reply;
use crate::support::gateway::BackEnd;
use crate::support::{Client, TestGateway};
use crate::surface::{self, Ask, ask};

/// Headers that tell when and to whom something was said, not what.
const APART: [&str; 3] = ["date", "content-length", "x-request-id"];

async fn send(client: &Client, asked: &Ask) -> Reply {
    let headers: Vec<(&str, &str)> = asked.headers.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    client.send(&asked.method, &asked.path, &headers, asked.body.clone()).await.unwrap()
}

/// Status, headers and body without what names the server itself.
fn told(reply: &Reply, base: &str) -> (u16, Vec<String>, String) {
    let kept = reply.headers.iter().filter(|(name, _)| !APART.contains(&name.as_str()));
    let mut headers: Vec<String> =
        kept.map(|(name, value)| format!("{name}: {}", plain(&String::from_utf8_lossy(value.as_bytes()), base))).collect();
    headers.sort();
    (reply.status.as_u16(), headers, plain(&String::from_utf8_lossy(&reply.body), base))
}

fn pick(choices: &[&str], n: usize) -> String {
    choices[n % choices.len()].to_owned()
}

/// A hundred resources of several types that refer to each other, some of them changed and deleted again.
fn writes() -> Vec<(String, String, Value)> {
    let mut all = Vec::new();
    for n in 0..12 {
        all.push((
            "PUT".to_owned(),
            format!("Patient/p{n}"),
            json!({"resourceType": "Patient", "id": format!("p{n}"),
            "name": [{"family": pick(&["Åse", "Berg", "berg", "Ole"], n), "given": [format!("G{n}")]}],
            "birthDate": format!("19{}0-0{}", 5 + n % 4, 1 + n % 9), "gender": pick(&["male", "female"], n),
            "identifier": [{"system": "http://x", "value": format!("{n}")}]}),
        ));
    }
    for n in 0..60 {
        all.push((
            "POST".to_owned(),
            "Observation".to_owned(),
            json!({"resourceType": "Observation", "status": pick(&["final", "amended"], n),
            "code": {"coding": [{"system": "http://loinc.org", "code": format!("{}-1", n % 5)}], "text": format!("Text {}", n % 3)},
            "subject": {"reference": format!("Patient/p{}", n % 13)}, "effectiveDateTime": format!("2026-0{}-1{}", 1 + n % 9, n % 10),
            "valueQuantity": {"value": 5 * (n % 7), "system": "http://unitsofmeasure.org", "code": pick(&["mg", "g"], n)}}),
        ));
    }
    for n in 0..6 {
        all.push(("DELETE".to_owned(), format!("Patient/p{}", n * 2), Value::Null));
        all.push((
            "PUT".to_owned(),
            format!("Patient/p{}", n * 2 + 1),
            json!({"resourceType": "Patient", "id": format!("p{}", n * 2 + 1), "active": n % 2 == 0}),
        ));
    }
    all
}

const READS: &[&str] = &[
    "Patient/p1",
    "Patient/p0",
    "Patient/nobody",
    "Patient/p1/_history",
    "Patient/p1/_history/1",
    "Patient/_history",
    "_history?_count=7",
    "Patient",
    "Patient?_sort=birthdate",
    "Patient?_sort=-family,_id",
    "Patient?name:contains=er",
    "Patient?gender:not=male",
    "Observation?_count=7&_total=accurate",
    "Observation?code=http://loinc.org|1-1",
    "Observation?_sort=-date&_count=9",
    "Observation?subject:Patient.family=berg",
    "Patient?_has:Observation:subject:code=2-1",
    "Observation?value-quantity=gt0.01|http://unitsofmeasure.org|g",
    "Observation?code-value-quantity=3-1$le20",
    "Observation?_sort=code,-value-quantity",
    "Observation?date=ge2026-03&date=lt2026-06&_summary=count",
    "Observation?subject=Patient/p3&_include=Observation:subject",
    "Patient?_revinclude=Observation:subject&_count=3",
    "Observation?code:text=text%201",
    "?_type=Patient,Observation&_sort=-_lastUpdated&_count=11",
    "Patient/p1/Observation",
    "Patient/p1/$everything",
    "Patient/p3/*",
    "$meta",
    "Patient/$meta",
    "Observation?_filter=status%20eq%20final%20and%20code%20eq%20%221-1%22",
    "Observation?_content=text",
    "Observation?hair=red",
    "Patient?birthdate=yesterday",
    "metadata",
];

/// The text without what names the server itself: its address, and the signed places of next links.
fn plain(text: &str, base: &str) -> String {
    let mut parts = text.split("_cursor=");
    let mut plain = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        plain.push_str("_cursor=");
        plain.push_str(part.trim_start_matches(|c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_')));
    }
    plain.replace(base, "BASE")
}

/// Where the next page is, below the base.
fn next(text: &str, base: &str) -> Option<String> {
    let bundle: Value = serde_json::from_str(text).ok()?;
    let next = bundle["link"].as_array()?.iter().find(|link| link["relation"] == "next")?["url"].as_str()?.to_owned();
    Some(next.strip_prefix(base)?.trim_start_matches('/').to_owned())
}

/// Two servers that have nothing in common but the requests.
async fn both() -> [TestGateway; 2] {
    [TestGateway::over_store(BackEnd::Sqlite).await, TestGateway::over_store(BackEnd::Postgres).await]
}

/// Sends everything to both, pages to the end, and gives how many answers were the same.
async fn alike(asked: Vec<Ask>) -> usize {
    let servers = both().await;
    let mut requests: Vec<[Ask; 2]> = asked.into_iter().map(|one| [one.clone(), one]).collect();
    let mut compared = 0;
    while let Some(pair) = requests.get(compared).cloned() {
        let (mut answers, mut pages) = (Vec::new(), Vec::new());
        for (server, asked) in servers.iter().zip(&pair) {
            server.clock.advance(1_000_000);
            let base = server.client.base();
            let reply = send(&server.client, asked).await;
            let answer = told(&reply, base);
            pages.extend(next(&String::from_utf8_lossy(&reply.body), base).map(|path| Ask { path, ..ask("GET", "", &[], "") }));
            answers.push(answer);
        }
        assert_eq!(answers[0], answers[1], "{} {} {:?} {}", pair[0].method, pair[0].path, pair[0].headers, pair[0].body);
        assert!(answers[0].0 < 500, "{} {}: {:?}", pair[0].method, pair[0].path, answers[0]);
        requests.extend(<[Ask; 2]>::try_from(pages));
        compared += 1;
    }
    compared
}

#[tokio::test(flavor = "multi_thread")]
async fn both_databases_answer_alike() {
    let writes = writes().into_iter().map(|(method, path, body)| {
        let headers = [("content-type", "application/fhir+json"), ("prefer", "return=representation")];
        let body = if body.is_null() { String::new() } else { body.to_string() };
        ask(&method, &path, if body.is_empty() { &[] } else { &headers }, body)
    });
    let compared = alike(writes.chain(READS.iter().map(|path| ask("GET", path, &[], ""))).collect()).await;
    println!("{compared} requests answered alike");
    assert!(compared > 150, "{compared}");
}

#[tokio::test(flavor = "multi_thread")]
async fn both_databases_answer_the_whole_surface_alike() {
    let compared = alike(surface::requests()).await;
    println!("{compared} requests answered alike");
    assert!(compared > 700, "{compared}");
}

#[tokio::test(flavor = "multi_thread")]
async fn both_databases_answer_later_alike() {
    let bundle = |kind: &str| {
        let entry = |id: &str| json!({"resource": {"resourceType": "Patient", "id": id}, "request": {"method": "PUT", "url": format!("Patient/{id}")}});
        let read = json!({"request": {"method": "GET", "url": "Patient/nobody"}});
        json!({"resourceType": "Bundle", "type": kind, "entry": [entry("a"), entry("b"), read]}).to_string()
    };
    let servers = both().await;
    let headers = [("content-type", "application/fhir+json"), ("prefer", "respond-async, return=representation")];
    let mut compared = 0;
    for (method, path, body) in [
        ("POST", "", bundle("batch")),
        ("POST", "", bundle("transaction")),
        ("GET", "Patient?_sort=_id", String::new()),
        ("GET", "Patient/_history", String::new()),
        ("GET", "_history?_count=1", String::new()),
        ("GET", "Patient/a/$everything", String::new()),
        ("GET", "Patient?hair=red", String::new()),
    ] {
        let mut answers = Vec::new();
        for server in &servers {
            server.clock.advance(1_000_000);
            let (client, base) = (&server.client, server.client.base());
            let first = client.send(method, path, &headers, body.clone()).await.unwrap();
            let mut told = vec![told(&first, base)];
            if first.status == 202 {
                let address = first.header("content-location").to_owned();
                // As a client does; how often it has to ask is nobody's business.
                let done = loop {
                    let reply = client.get(&address).await;
                    if reply.status != 202 {
                        break reply;
                    }
                    tokio::task::yield_now().await;
                };
                told.push(self::told(&done, base));
                told.push(self::told(&client.delete(&address).await, base));
                told.push(self::told(&client.get(&address).await, base));
            }
            answers.push(told);
        }
        assert_eq!(answers[0], answers[1], "{method} {path}");
        compared += answers[0].len();
    }
    println!("{compared} answers that came later were alike");
}
