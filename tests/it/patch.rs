//! Patches over a real socket. The conformance cases test the rules; here stand races, and what patches do beside other entries.

use serde_json::{Value, json};

use crate::support::TestGateway;

const JSON_PATCH: &str = "application/json-patch+json";

/// A JSON Patch as a resource: its base64 is written here by hand, as a client would have it from its library.
fn binary(patch: &Value) -> Value {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let text = patch.to_string();
    let mut data = String::new();
    for chunk in text.as_bytes().chunks(3) {
        let bits = chunk.iter().fold(0_u32, |bits, byte| bits << 8 | u32::from(*byte)) << (8 * (3 - chunk.len()));
        let digit = |i: usize| char::from(DIGITS[(bits >> (18 - 6 * i)) as usize & 63]);
        data.extend((0..4).map(|i| if i <= chunk.len() { digit(i) } else { '=' }));
    }
    json!({"resourceType": "Binary", "contentType": JSON_PATCH, "data": data})
}

#[tokio::test(flavor = "multi_thread")]
async fn patches_at_the_same_time_all_take_effect() {
    let server = TestGateway::start().await;
    server.client.put("Patient/p", r#"{"resourceType":"Patient","id":"p","name":[{"given":["0"]}]}"#).await.expect(201);
    let tasks = (1..=12).map(|n| {
        let client = server.client.clone();
        tokio::spawn(async move {
            let patch = format!(r#"[{{"op":"add","path":"/name/0/given/-","value":"{n}"}}]"#);
            client.patch("Patient/p", JSON_PATCH, patch).await.status.as_u16()
        })
    });
    for task in tasks.collect::<Vec<_>>() {
        assert_eq!(task.await.unwrap(), 200);
    }
    let patient = server.client.get("Patient/p").await;
    assert_eq!(patient.json()["name"][0]["given"].as_array().unwrap().len(), 13);
    assert_eq!(patient.header("etag"), "W/\"13\"");
}

#[tokio::test]
async fn a_patch_that_changes_nothing_makes_no_version() {
    let server = TestGateway::start().await;
    let client = &server.client;
    let narrative = r#""text":{"status":"generated","div":"<div xmlns=\"http://www.w3.org/1999/xhtml\">a&#160;b<br /></div>"}"#;
    client.put("Patient/p", format!(r#"{{"resourceType":"Patient","active":true,"id":"p",{narrative}}}"#)).await.expect(201);
    let xml = r#"<diff xmlns="http://hl7.org/fhir"><replace sel="f:Patient/f:active/@value">true</replace></diff>"#;
    for (kind, patch) in [
        (JSON_PATCH, r#"[{"op":"test","path":"/active","value":true}]"#),
        ("application/xml-patch+xml", xml),
        ("application/fhir+json", r#"{"resourceType":"Parameters"}"#),
    ] {
        let answer = client.patch("Patient/p", kind, patch).await.expect(200);
        assert_eq!(answer.header("etag"), "W/\"1\"", "{kind}");
        assert_eq!(answer.body, client.get("Patient/p").await.body, "{kind}");
    }
}

#[tokio::test]
async fn decimals_keep_their_digits_through_every_patch() {
    let server = TestGateway::start().await;
    let client = &server.client;
    let observation = r#"{"resourceType":"Observation","id":"o","status":"final","code":{"text":"x"},"valueQuantity":{"value":1.50}}"#;
    client.put("Observation/o", observation).await.expect(201);
    let xml = r#"<diff xmlns="http://hl7.org/fhir"><replace sel="f:Observation/f:status/@value">corrected</replace></diff>"#;
    let path = r#"{"resourceType":"Parameters","parameter":[{"name":"operation","part":[{"name":"type","valueCode":"replace"},
        {"name":"path","valueString":"Observation.status"},{"name":"value","valueCode":"preliminary"}]}]}"#;
    for (kind, patch, status) in [
        (JSON_PATCH, r#"[{"op":"replace","path":"/status","value":"amended"}]"#, "amended"),
        ("application/xml-patch+xml", xml, "corrected"),
        ("application/fhir+json", path, "preliminary"),
    ] {
        let answer = client.patch("Observation/o", kind, patch).await.expect(200);
        assert_eq!(answer.json()["status"], status);
        assert!(answer.text().contains(r#""valueQuantity":{"value":1.50}"#), "{}", answer.text());
    }
}

#[tokio::test]
async fn patches_stand_beside_other_entries_of_a_transaction() {
    let server = TestGateway::start().await;
    let client = &server.client;
    client.put("Patient/p", r#"{"resourceType":"Patient","id":"p","identifier":[{"value":"1"}]}"#).await.expect(201);
    let doctor = "urn:uuid:61ebe359-bfdc-4613-8bf2-c5e300945f0a";
    let refer = json!([{"op": "add", "path": "/generalPractitioner", "value": [{"reference": doctor}]}]);
    let entry = |resource: Value, method: &str, url: &str| json!({"resource": resource, "request": {"method": method, "url": url}});
    let mut practitioner = entry(json!({"resourceType": "Practitioner", "active": true}), "POST", "Practitioner");
    practitioner["fullUrl"] = json!(doctor);
    let bundle = |entries: Value| json!({"resourceType": "Bundle", "type": "transaction", "entry": entries}).to_string();
    // The patched resource refers to what the same transaction creates; the patch may find its resource by a search.
    let entries = json!([entry(binary(&refer), "PATCH", "Patient?identifier=1"), practitioner.clone()]);
    let answer = client.post("", bundle(entries)).await.expect(200).json();
    let location = answer["entry"][1]["response"]["location"].as_str().unwrap();
    let reference = client.get("Patient/p").await.json()["generalPractitioner"][0]["reference"].as_str().unwrap().to_owned();
    assert!(location.contains(&reference), "{reference} in {location}");
    assert_eq!(answer["entry"][0]["response"]["etag"], "W/\"2\"");
    for (url, if_match, status) in [("Patient/p", Some("W/\"1\""), 412), ("Patient/none", None, 404), ("Patient?identifier=2", None, 404)] {
        let mut patch = entry(binary(&json!([{"op": "remove", "path": "/identifier"}])), "PATCH", url);
        if let Some(tag) = if_match {
            patch["request"]["ifMatch"] = json!(tag);
        }
        let failed = client.post("", bundle(json!([practitioner, patch]))).await.expect(status);
        assert!(failed.text().contains("Bundle.entry[1]"), "{}", failed.text());
    }
    let twice = entry(binary(&json!([{"op": "remove", "path": "/identifier"}])), "PATCH", "Patient/p");
    client.post("", bundle(json!([twice, twice]))).await.expect(400);
    let unknown = entry(json!({"resourceType": "Binary", "contentType": "text/plain", "data": "QQ=="}), "PATCH", "Patient/p");
    client.post("", bundle(json!([unknown]))).await.expect(415);
    assert_eq!(client.get("Practitioner?_total=accurate").await.json()["total"], 1);
    assert_eq!(client.get("Patient/p").await.header("etag"), "W/\"2\"");
}

#[tokio::test(flavor = "multi_thread")]
async fn transactions_that_patch_at_the_same_time_lose_no_change() {
    let server = TestGateway::start().await;
    server.client.put("Patient/p", r#"{"resourceType":"Patient","id":"p","name":[{"given":["0"]}]}"#).await.expect(201);
    let tasks = (1..=8).map(|n| {
        let client = server.client.clone();
        tokio::spawn(async move {
            let patch = binary(&json!([{"op": "add", "path": "/name/0/given/-", "value": n.to_string()}]));
            let entry = json!({"resource": patch, "request": {"method": "PATCH", "url": "Patient/p"}});
            let bundle = json!({"resourceType": "Bundle", "type": "transaction", "entry": [entry]});
            client.post("", bundle.to_string()).await.status.as_u16()
        })
    });
    for task in tasks.collect::<Vec<_>>() {
        assert_eq!(task.await.unwrap(), 200);
    }
    assert_eq!(server.client.get("Patient/p").await.json()["name"][0]["given"].as_array().unwrap().len(), 9);
}

#[tokio::test]
async fn the_capability_statement_tells_of_patch() {
    let server = TestGateway::start().await;
    let stated = server.client.get("metadata").await.json();
    assert_eq!(stated["patchFormat"][0], JSON_PATCH);
    let codes: Vec<&str> =
        stated["rest"][0]["resource"][0]["interaction"].as_array().unwrap().iter().map(|told| told["code"].as_str().unwrap()).collect();
    assert!(codes.contains(&"patch"), "{codes:?}");
    server.client.send("PATCH", "Patient/p", &[], "[]").await.unwrap().expect(415);
    let refused = server.client.patch("Patient/p", "application/merge-patch+json", "{}").await.expect(415);
    assert!(refused.header("accept-patch").contains(JSON_PATCH));
    assert!(refused.text().contains("application/xml-patch+xml"));
}
