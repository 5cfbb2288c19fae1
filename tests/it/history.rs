//! Histories of a type and of the whole server: order, conditions, and pages that stay put while others write.

use crate::support::{Client, TestGateway};

const SECOND: i64 = 1_000_000;

/// Entries of a history Bundle as `METHOD Type/id version`.
fn told(bundle: &serde_json::Value) -> Vec<String> {
    let entries = bundle["entry"].as_array().cloned().unwrap_or_default();
    let base = |url: &str| url.rsplit('/').take(2).collect::<Vec<_>>().into_iter().rev().collect::<Vec<_>>().join("/");
    let one = |entry: &serde_json::Value| {
        let version = entry["response"]["etag"].as_str().unwrap().trim_matches(|c: char| !c.is_ascii_digit()).to_owned();
        format!("{} {} {version}", entry["request"]["method"].as_str().unwrap(), base(entry["fullUrl"].as_str().unwrap()))
    };
    entries.iter().map(one).collect()
}

async fn put(client: &Client, key: &str, text: &str) {
    let (kind, id) = key.split_once('/').unwrap();
    let body = format!(
        r#"{{"resourceType":"{kind}","id":"{id}","text":{{"status":"generated","div":"<div xmlns=\"http://www.w3.org/1999/xhtml\">{text}</div>"}}{}}}"#,
        if kind == "Basic" { r#","code":{"text":"x"}"# } else { "" }
    );
    let reply = client.put(key, body).await;
    assert!(reply.status.is_success(), "{}", reply.text());
}

#[tokio::test]
async fn histories_of_a_type_and_of_everything() {
    let server = TestGateway::start().await;
    let client = &server.client;
    put(client, "Patient/a", "1").await;
    put(client, "Basic/b", "1").await;
    server.clock.advance(10 * SECOND);
    let noon = client.get("Patient/a").await.json()["meta"]["lastUpdated"].as_str().unwrap().to_owned();
    put(client, "Patient/a", "2").await;
    let later = client.get("Patient/a").await.json()["meta"]["lastUpdated"].as_str().unwrap().to_owned();
    client.delete("Basic/b").await.expect(204);
    server.clock.advance(10 * SECOND);
    client.post("Patient", r#"{"resourceType":"Patient","active":true}"#).await.expect(201);
    let all = client.get("_history").await.expect(200).json();
    assert_eq!((all["type"].as_str(), &all["total"]), (Some("history"), &5.into()));
    let lines = told(&all);
    assert!(lines[0].starts_with("POST Patient/"), "{lines:?}");
    assert_eq!(lines[1..], ["DELETE Basic/b 2", "PUT Patient/a 2", "PUT Basic/b 1", "PUT Patient/a 1"]);
    let basics = client.get("Basic/_history").await.expect(200).json();
    assert_eq!((told(&basics), &basics["total"]), (vec!["DELETE Basic/b 2".to_owned(), "PUT Basic/b 1".to_owned()], &2.into()));
    assert!(told(&client.get("Encounter/_history").await.expect(200).json()).is_empty());
    for (query, expected) in [
        (format!("Basic/_history?_since={later}"), vec!["DELETE Basic/b 2"]),
        (format!("Patient/_history?_at={noon}"), vec!["PUT Patient/a 1"]),
        (format!("_history?_at={noon}"), vec!["PUT Basic/b 1", "PUT Patient/a 1"]),
        (format!("_history?_at={later}"), vec!["DELETE Basic/b 2", "PUT Patient/a 2"]),
        (format!("Patient/a/_history?_at={noon}"), vec!["PUT Patient/a 1"]),
        ("_history?_at=1999".to_owned(), vec![]),
    ] {
        assert_eq!(told(&client.get(&query).await.expect(200).json()), expected, "{query}");
    }
    // This year all of them were current at some time.
    assert_eq!(told(&client.get(&format!("_history?_at={}", &noon[..4])).await.expect(200).json()).len(), 5);
    for (query, about) in [
        ("_history?_at=2999", "_at"),
        ("Patient/_history?_since=noon", "_since"),
        ("_history?name=x", "name"),
        ("_history?_count=x", "_count"),
    ] {
        let refused = client.get(query).await.expect(400);
        assert!(refused.text().contains(about), "{query}: {}", refused.text());
    }
    client.get("Pasient/_history").await.expect(404);
    let post = client.post("Patient/_history", "{}").await.expect(405);
    assert_eq!(post.header("allow"), "GET, HEAD");
    assert!(
        client
            .send("GET", "_history", &[("accept", "application/fhir+xml")], "")
            .await
            .unwrap()
            .expect(200)
            .text()
            .contains("<Bundle xmlns")
    );
}

#[tokio::test]
async fn a_walk_meets_each_version_once_while_others_write() {
    let server = TestGateway::start().await;
    let client = &server.client;
    for n in 0..23 {
        put(client, &format!("Patient/p{}", n % 5), &n.to_string()).await;
        put(client, &format!("Basic/b{n}"), "x").await;
        server.clock.advance(SECOND);
    }
    let before = told(&client.get("Patient/_history").await.json());
    let (mut seen, mut url, mut pages) = (Vec::new(), "Patient/_history?_count=4".to_owned(), 0);
    loop {
        let page = client.get(&url).await.expect(200).json();
        seen.extend(told(&page));
        pages += 1;
        put(client, "Patient/p1", &format!("while {pages}")).await;
        client.delete("Patient/p2").await;
        let links = page["link"].as_array().unwrap();
        let Some(next) = links.iter().find(|link| link["relation"] == "next") else { break };
        url = next["url"].as_str().unwrap().to_owned();
    }
    assert_eq!((seen, pages), (before, 6));
    client.get(&url.replace("Patient/_history", "Basic/_history")).await.expect(400);
    client.get(&url.replace("_cursor=", "_cursor=A")).await.expect(400);
}
