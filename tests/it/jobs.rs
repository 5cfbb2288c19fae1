//! Requests that a client does not wait for: from the first answer over the questions to the end.

use norn::http::job::JobOptions;
use serde_json::{Value, json};

use crate::support::{Client, TestGateway};

const JSON: (&str, &str) = ("content-type", "application/fhir+json");

/// Begins a job; gives the address to ask at.
async fn begin(client: &Client, method: &str, path: &str, prefer: &str, body: &str) -> String {
    let reply = client.send(method, path, &[JSON, ("prefer", prefer)], body.to_owned()).await.unwrap().expect(202);
    assert_eq!((reply.header("preference-applied"), &reply.json()["resourceType"]), ("respond-async", &json!("OperationOutcome")));
    reply.header("content-location").to_owned()
}

/// Asks until the job is done, as a client does.
async fn done(client: &Client, address: &str) -> Value {
    loop {
        let reply = client.get(address).await;
        if reply.status == 200 {
            return reply.json();
        }
        assert_eq!((reply.status.as_u16(), reply.header("x-progress").is_empty(), reply.body.len()), (202, false, 0));
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn long_requests_answer_later() {
    let server = TestGateway::start().await;
    let client = &server.client;
    let basic = json!({"resource": {"resourceType": "Basic", "code": {"text": "x"}}, "request": {"method": "POST", "url": "Basic"}});
    let bundle = |kind: &str| {
        json!({"resourceType": "Bundle", "type": kind, "entry": [basic, {"request": {"method": "GET", "url": "Basic/none"}}]}).to_string()
    };
    let batch = begin(client, "POST", "", "respond-async", &bundle("batch")).await;
    let told = done(client, &batch).await;
    assert_eq!((told["type"].as_str(), told["entry"].as_array().unwrap().len()), (Some("batch-response"), 2));
    assert_eq!(
        (&told["entry"][0]["response"]["status"], &told["entry"][1]["response"]["status"]),
        (&json!("201 Created"), &json!("404 Not Found"))
    );
    // The answer stays, and can be had as XML.
    assert_eq!(done(client, &batch).await["entry"], told["entry"]);
    let xml = client.send("GET", &batch, &[("accept", "application/fhir+xml")], "").await.unwrap().expect(200);
    assert!(xml.text().contains("<Bundle"), "{}", xml.text());
    let good = json!({"resourceType": "Bundle", "type": "transaction", "entry": [basic]}).to_string();
    let told = done(client, &begin(client, "POST", "", "respond-async, return=representation", &good).await).await;
    assert_eq!(told["entry"][0]["resource"]["type"], "transaction-response");
    assert_eq!(told["entry"][0]["resource"]["entry"][0]["resource"]["resourceType"], "Basic");
    let told = done(client, &begin(client, "POST", "", "respond-async", &bundle("transaction")).await).await;
    assert_eq!(told["entry"][0]["response"]["status"], "404 Not Found");
    assert_eq!(told["entry"][0]["response"]["outcome"]["resourceType"], "OperationOutcome");
    client.put("Patient/p", r#"{"resourceType":"Patient","id":"p"}"#).await.expect(201);
    for (path, kind, entries) in [
        ("Basic?_count=1", "searchset", 1),
        ("Basic/_history", "history", 2),
        ("Patient/p/$everything", "searchset", 1),
        ("Patient/p/*", "searchset", 1),
    ] {
        let told = done(client, &begin(client, "GET", path, "respond-async", "").await).await;
        let inner = &told["entry"][0]["resource"];
        assert_eq!((inner["type"].as_str(), inner["entry"].as_array().unwrap().len()), (Some(kind), entries), "{path}: {told}");
        assert_eq!(told["entry"][0]["response"]["status"], "200 OK");
    }
    // What is quick is answered at once; what is wrong too.
    let read = client.send("GET", "Patient/p", &[("prefer", "respond-async")], "").await.unwrap().expect(200);
    assert_eq!(read.header("preference-applied"), "");
    client.send("GET", "Pasient", &[("prefer", "respond-async")], "").await.unwrap().expect(404);
}

#[tokio::test]
async fn jobs_are_bounded_and_can_be_ended() {
    // Nothing runs here, so that every job waits for as long as the test likes.
    let server = TestGateway::with_jobs(JobOptions { most: 2, at_once: 0, ..JobOptions::default() }).await;
    let client = &server.client;
    let first = begin(client, "GET", "Basic", "respond-async", "").await;
    let second = begin(client, "GET", "Basic", "respond-async", "").await;
    server.clock.advance(5_000_000);
    let waits = client.get(&first).await.expect(202);
    assert_eq!((waits.header("x-progress"), waits.header("retry-after")), ("waiting for 5 s", "1"));
    let refused = client.send("GET", "Basic", &[("prefer", "respond-async")], "").await.unwrap().expect(429);
    assert!(refused.text().contains("throttled"), "{}", refused.text());
    client.get("Basic").await.expect(200);
    client.delete(&first).await.expect(202);
    client.get(&first).await.expect(404);
    client.delete(&first).await.expect(404);
    client.get(&second).await.expect(202);
    begin(client, "GET", "Basic", "respond-async", "").await;
    let wrong = client.send("PUT", &second, &[JSON], "{}").await.unwrap().expect(405);
    assert_eq!(wrong.header("allow"), "GET, HEAD, DELETE");
    client.get("_async/none").await.expect(404);
}

#[tokio::test]
async fn answers_are_kept_for_a_while() {
    let server = TestGateway::with_jobs(JobOptions { keep_seconds: 60, ..JobOptions::default() }).await;
    let client = &server.client;
    let address = begin(client, "GET", "Basic", "respond-async", "").await;
    done(client, &address).await;
    server.clock.advance(60_000_000);
    client.get(&address).await.expect(200);
    server.clock.advance(1_000_000);
    client.get(&address).await.expect(404);
}
