//! Headers around the interactions: preferences that were followed, and scripts of other origins.

use crate::support::TestGateway;

const JSON: (&str, &str) = ("content-type", "application/fhir+json");

#[tokio::test]
async fn preferences_that_were_followed_are_told() {
    let server = TestGateway::start().await;
    let client = &server.client;
    let basic = r#"{"resourceType":"Basic","id":"b","code":{"text":"x"}}"#;
    let bundle = r#"{"resourceType":"Bundle","type":"batch","entry":[{"request":{"method":"GET","url":"Basic/b"}}]}"#;
    for (method, path, body, prefer, applied, kind) in [
        ("PUT", "Basic/b", basic, "return=minimal", "return=minimal", ""),
        ("PUT", "Basic/b", basic, "return=representation", "return=representation", "Basic"),
        ("PUT", "Basic/b", basic, "return=OperationOutcome, return=minimal", "return=OperationOutcome", "OperationOutcome"),
        ("PUT", "Basic/b", basic, "taste=sweet", "", "Basic"),
        ("GET", "Basic/b", "", "return=minimal", "", "Basic"),
        ("GET", "Basic?hair=red", "", "handling=lenient", "handling=lenient", "Bundle"),
        ("GET", "Basic", "", "handling=strict", "handling=strict", "Bundle"),
        ("GET", "Basic?hair=red", "", "handling=strict", "", "OperationOutcome"),
        ("GET", "Basic/_history?hair=red", "", "handling=lenient", "handling=lenient", "Bundle"),
        ("POST", "", bundle, "return=minimal", "return=minimal", "Bundle"),
        ("DELETE", "Basic/b", "", "return=representation", "", ""),
        ("DELETE", "Basic/b", "", "return=OperationOutcome", "return=OperationOutcome", "OperationOutcome"),
    ] {
        let reply = client.send(method, path, &[JSON, ("prefer", prefer)], body).await.unwrap();
        assert_eq!(reply.header("preference-applied"), applied, "{method} {path} {prefer}");
        let told = if reply.body.is_empty() { String::new() } else { reply.json()["resourceType"].as_str().unwrap().to_owned() };
        assert_eq!(told, kind, "{method} {path} {prefer}");
    }
}

#[tokio::test]
async fn scripts_of_allowed_origins_may_read_answers() {
    let ask = [("origin", "https://app.example"), ("access-control-request-method", "PUT"), ("access-control-request-headers", "if-match")];
    let foreign = [("origin", "https://evil.example"), ("access-control-request-method", "PUT")];
    // Not configured: as if there were no such thing.
    let server = TestGateway::start().await;
    let reply = server.client.send("OPTIONS", "Patient/1", &ask, "").await.unwrap().expect(405);
    assert_eq!((reply.header("access-control-allow-origin"), reply.header("allow").contains("GET")), ("", true));
    let server = TestGateway::across(&["https://app.example", "http://localhost:3000"], true).await;
    let client = &server.client;
    let reply = client.send("OPTIONS", "Patient/1", &ask, "").await.unwrap().expect(204);
    assert_eq!(reply.header("access-control-allow-origin"), "https://app.example");
    assert_eq!(reply.header("access-control-allow-credentials"), "true");
    assert_eq!(reply.header("access-control-max-age"), "600");
    for method in ["GET", "PUT", "PATCH", "DELETE"] {
        assert!(reply.header("access-control-allow-methods").contains(method));
    }
    for header in ["If-Match", "If-None-Exist", "Prefer", "Content-Type", "Authorization"] {
        assert!(reply.header("access-control-allow-headers").contains(header), "{header}");
    }
    let reply = client.send("OPTIONS", "Patient/1", &foreign, "").await.unwrap();
    assert!(reply.header("access-control-allow-origin").is_empty() && reply.header("access-control-allow-methods").is_empty());
    let body = r#"{"resourceType":"Basic","code":{"text":"x"}}"#;
    let reply = client.send("POST", "Basic", &[JSON, ("origin", "http://localhost:3000")], body).await.unwrap().expect(201);
    assert_eq!((reply.header("access-control-allow-origin"), reply.header("vary")), ("http://localhost:3000", "Origin"));
    for header in ["Location", "ETag", "Last-Modified", "Content-Location", "Link", "Preference-Applied"] {
        assert!(reply.header("access-control-expose-headers").contains(header), "{header}");
    }
    // Errors are for the script to read too; answers to others say that they depend on who asks.
    let reply = client.send("GET", "Pasient", &[("origin", "https://app.example")], "").await.unwrap().expect(404);
    assert_eq!(reply.header("access-control-allow-origin"), "https://app.example");
    let reply = client.send("GET", "metadata", &[("origin", "https://evil.example")], "").await.unwrap().expect(200);
    assert_eq!((reply.header("access-control-allow-origin"), reply.header("vary")), ("", "Origin"));
    assert_eq!(reply.json()["rest"][0]["security"]["cors"], true);
    let server = TestGateway::across(&["*"], false).await;
    let reply = server.client.send("GET", "metadata", &[("origin", "https://any.example")], "").await.unwrap().expect(200);
    assert_eq!((reply.header("access-control-allow-origin"), reply.header("access-control-allow-credentials")), ("*", ""));
}
