//! Conditional interactions: limits, races, and what must never happen.

use norn::base::budget::Limits;
use serde_json::json;

use crate::support::TestGateway;

fn patient(value: u32, n: u32) -> String {
    format!(r#"{{"resourceType":"Patient","identifier":[{{"system":"http://x","value":"{value}"}}],"multipleBirthInteger":{n}}}"#)
}

#[tokio::test]
async fn more_matches_than_the_limit_delete_nothing() {
    let server = TestGateway::limited(Limits { deletes: 3, ..Limits::default() }).await;
    let client = &server.client;
    for n in 0..4 {
        client.post("Patient", patient(1, n)).await.expect(201);
    }
    let refused = client.delete("Patient?identifier=http://x|1").await.expect(412);
    assert!(refused.text().contains("multiple-matches") && refused.text().contains("More than 3 Patient"), "{}", refused.text());
    assert_eq!(client.get("Patient?identifier=http://x|1").await.matches().len(), 4);
    client.delete("Patient?identifier=http://x|1&_lastUpdated:missing=false&_id:missing=false").await.expect(400);
    let one = client.get("Patient?identifier=http://x|1").await.matches()[0].clone();
    client.delete(&format!("Patient?_id={one}&identifier=http://x|1")).await.expect(204);
    let told =
        client.send("DELETE", "Patient?identifier=http://x|1", &[("prefer", "return=OperationOutcome")], "").await.unwrap().expect(200);
    assert!(told.text().contains("3 resources are deleted"), "{}", told.text());
    assert!(client.get("Patient?identifier=http://x|1").await.matches().is_empty());
}

#[tokio::test]
async fn a_condition_never_means_everything() {
    let server = TestGateway::start().await;
    let client = &server.client;
    client.post("Patient", patient(1, 1)).await.expect(201);
    let lenient = &[("prefer", "handling=lenient"), ("content-type", "application/fhir+json")];
    for condition in [
        "",
        "identifier=",
        "hair=red",
        "_count=10",
        "_type=Patient",
        "_sort=birthdate",
        "_format=json",
        "_lastUpdated:missing=false",
        "identifier=http://x|1&name=",
        "_cursor=x",
        "&&",
    ] {
        for (method, body) in [("DELETE", String::new()), ("PUT", patient(1, 9)), ("PATCH", r#"{"resourceType":"Parameters","parameter":[{"name":"operation","part":[{"name":"type","valueCode":"delete"},{"name":"path","valueString":"Patient.identifier"}]}]}"#.to_owned())] {
            let refused = client.send(method, &format!("Patient?{condition}"), lenient, body).await.unwrap();
            assert_eq!(refused.status.as_u16(), 400, "{method} {condition}: {}", refused.text());
            assert!(refused.text().contains("OperationOutcome"), "{}", refused.text());
        }
    }
    let history = client.get("_history").await.json();
    assert_eq!(history["total"], 1, "{history}");
}

#[tokio::test(flavor = "multi_thread")]
async fn conditional_writes_in_a_race_leave_one_resource_or_none() {
    let server = TestGateway::start().await;
    let tasks: Vec<_> = (0..48_u32)
        .map(|n| {
            let client = server.client.clone();
            let json = [("content-type", "application/fhir+json")];
            tokio::spawn(async move {
                let (method, url, body) = match n % 3 {
                    0 => ("DELETE", "Patient?identifier=http://x|1".to_owned(), String::new()),
                    1 => ("PUT", "Patient?identifier=http://x|1".to_owned(), patient(1, n)),
                    _ => {
                        let entry = json!({"resource": serde_json::from_str::<serde_json::Value>(&patient(1, n)).unwrap(),
                            "request": {"method": "PUT", "url": "Patient?identifier=http://x|1"}});
                        ("POST", String::new(), json!({"resourceType": "Bundle", "type": "transaction", "entry": [entry]}).to_string())
                    }
                };
                let status = client.send(method, &url, &json, body).await.unwrap().status.as_u16();
                let left = client.get("Patient?identifier=http://x|1").await.matches().len();
                (status, left)
            })
        })
        .collect();
    for task in tasks {
        let (status, left) = task.await.unwrap();
        assert!(matches!(status, 200 | 201 | 204 | 409), "{status}");
        assert!(left <= 1, "{left} resources at once");
    }
}

#[tokio::test]
async fn two_entries_under_one_condition_are_refused() {
    let server = TestGateway::start().await;
    let entry = |n| {
        json!({"resource": serde_json::from_str::<serde_json::Value>(&patient(1, n)).unwrap(),
            "request": {"method": "POST", "url": "Patient", "ifNoneExist": "identifier=http://x|1"}})
    };
    let bundle = json!({"resourceType": "Bundle", "type": "transaction", "entry": [entry(1), entry(2)]});
    let refused = server.client.post("", bundle.to_string()).await.expect(400);
    assert!(refused.text().contains("same condition"), "{}", refused.text());
    assert_eq!(server.client.get("_history").await.json()["total"], 0);
}

#[tokio::test]
async fn an_update_under_a_condition_never_overwrites_a_stranger() {
    let server = TestGateway::start().await;
    let client = &server.client;
    client.put("Patient/p", r#"{"resourceType":"Patient","id":"p","active":true}"#).await.expect(201);
    let body = r#"{"resourceType":"Patient","id":"p","identifier":[{"system":"http://x","value":"1"}]}"#;
    client.put("Patient?identifier=http://x|1", body).await.expect(409);
    assert_eq!(client.get("Patient/p").await.json()["active"], true);
    client.delete("Patient/p").await.expect(204);
    client.put("Patient?identifier=http://x|1", body).await.expect(201);
    assert_eq!(client.get("Patient/p").await.header("etag"), "W/\"3\"");
}
