//! The same requests over SQLite and over PostgreSQL have the same answers, byte for byte: clock and chance are the same, and
//! so are ids, times and versions.

use serde_json::{Value, json};

use crate::support::gateway::BackEnd;
use crate::support::{Client, TestGateway};

const JSON: &[(&str, &str)] = &[("content-type", "application/fhir+json"), ("prefer", "return=representation")];

/// Status, the headers that tell of the resource, and the body.
async fn ask(client: &Client, method: &str, path: &str, body: &str) -> (u16, Vec<String>, String) {
    let headers = if body.is_empty() { &[][..] } else { JSON };
    let reply = client.send(method, path, headers, body.to_owned()).await.unwrap();
    let told = ["location", "etag", "last-modified", "content-type", "content-location"].map(|name| reply.header(name).to_owned());
    (reply.status.as_u16(), told.to_vec(), reply.text().to_owned())
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

#[tokio::test(flavor = "multi_thread")]
async fn both_databases_answer_alike() {
    let servers = [TestGateway::over_store(BackEnd::Sqlite).await, TestGateway::over_store(BackEnd::Postgres).await];
    let writes = writes().into_iter().map(|(method, path, body)| {
        let body = if body.is_null() { String::new() } else { body.to_string() };
        (method, [path.clone(), path], body)
    });
    let reads = READS.iter().map(|path| ("GET".to_owned(), [*path, *path].map(str::to_owned), String::new()));
    let mut requests: Vec<(String, [String; 2], String)> = writes.chain(reads).collect();
    let mut compared = 0;
    while let Some((method, paths, body)) = requests.get(compared).cloned() {
        let (mut answers, mut pages) = (Vec::new(), Vec::new());
        for (server, path) in servers.iter().zip(&paths) {
            server.clock.advance(1_000_000);
            let (status, headers, text) = ask(&server.client, &method, path, &body).await;
            let base = server.client.base();
            pages.extend(next(&text, base));
            answers.push((status, headers.iter().map(|header| plain(header, base)).collect::<Vec<_>>(), plain(&text, base)));
        }
        assert_eq!(answers[0], answers[1], "{method} {}", paths[0]);
        // Pages to the end.
        requests.extend(<[String; 2]>::try_from(pages).map(|pages| ("GET".to_owned(), pages, String::new())));
        compared += 1;
    }
    println!("{compared} requests answered alike");
    assert!(compared > 150, "{compared}");
}
