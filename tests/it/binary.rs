//! Binary in its native form: any content in, the same content out.

use crate::support::TestGateway;

#[tokio::test]
async fn content_goes_in_and_out_as_it_is() {
    let server = TestGateway::start().await;
    let client = &server.client;
    let content: Vec<u8> = (0..=255).collect();
    let created = client
        .send("POST", "Binary", &[("content-type", "image/png"), ("x-security-context", "Patient/1")], content.clone())
        .await
        .unwrap()
        .expect(201);
    let id = created.json()["id"].as_str().unwrap().to_owned();
    assert!(created.header("location").ends_with(&format!("Binary/{id}/_history/1")));
    assert_eq!(created.json()["contentType"], "image/png");
    assert_eq!(created.json()["securityContext"]["reference"], "Patient/1");
    let path = format!("Binary/{id}");
    for accept in [None, Some("*/*"), Some("image/png"), Some("image/*;q=0.2"), Some("text/html, application/xml;q=0.9, */*;q=0.8")] {
        let headers: Vec<_> = accept.map(|accept| ("accept", accept)).into_iter().collect();
        let read = client.send("GET", &path, &headers, "").await.unwrap().expect(200);
        assert_eq!((read.header("content-type"), &read.body[..]), ("image/png", &content[..]), "{accept:?}");
        assert_eq!((read.header("etag"), read.header("x-security-context")), ("W/\"1\"", "Patient/1"));
        assert_eq!((read.header("x-content-type-options"), read.header("content-disposition")), ("nosniff", "attachment"));
        assert!(read.header("content-security-policy").starts_with("sandbox"));
    }
    for (accept, start) in [
        ("application/fhir+json", "{\"resourceType\":\"Binary\""),
        ("application/fhir+xml", "<"),
        ("application/json", "{"),
        ("application/xml", "<"),
    ] {
        let read = client.send("GET", &path, &[("accept", accept)], "").await.unwrap().expect(200);
        assert!(read.header("content-type").starts_with("application/fhir+") && read.text().starts_with(start), "{accept}");
    }
    assert_eq!(client.get(&format!("{path}?_format=json")).await.json()["contentType"], "image/png");
    assert_eq!(client.get(&format!("{path}/_history/1")).await.body[..], content[..]);
    let head = client.send("HEAD", &path, &[], "").await.unwrap().expect(200);
    assert_eq!((head.header("content-type"), head.header("content-length"), head.body.len()), ("image/png", "256", 0));
    client.send("GET", &path, &[("if-none-match", "W/\"1\"")], "").await.unwrap().expect(304);
    let refused = client.send("GET", &path, &[("accept", "text/plain")], "").await.unwrap().expect(406);
    assert!(refused.text().contains("image/png"), "{}", refused.text());
    client.send("GET", "Binary/none", &[("accept", "image/png")], "").await.unwrap().expect(404);
    client
        .send("PUT", &path, &[("content-type", "text/plain; charset=latin1"), ("if-match", "W/\"1\"")], "hello")
        .await
        .unwrap()
        .expect(200);
    let read = client.get(&path).await.expect(200);
    assert_eq!((read.header("content-type"), read.text(), read.header("etag")), ("text/plain; charset=latin1", "hello", "W/\"2\""));
    client.delete(&path).await.expect(204);
    client.get(&path).await.expect(410);
}

#[tokio::test]
async fn fhir_content_is_content_unless_it_is_a_binary() {
    let server = TestGateway::start().await;
    let client = &server.client;
    let put = async |id: &str, kind: &str, body: &'static str| {
        client.send("PUT", &format!("Binary/{id}"), &[("content-type", kind)], body).await.unwrap()
    };
    let patient = r#"{"resourceType":"Patient","active":true}"#;
    put("p", "application/fhir+json", patient).await.expect(201);
    let read = client.get("Binary/p").await.expect(200);
    assert_eq!((read.header("content-type"), read.text()), ("application/fhir+json", patient));
    put("b", "application/fhir+json", r#"{"resourceType":"Binary","id":"b","contentType":"text/plain","data":"aGVsbG8="}"#)
        .await
        .expect(201);
    assert_eq!(client.get("Binary/b").await.text(), "hello");
    put("x", "application/fhir+xml", r#"<Binary xmlns="http://hl7.org/fhir"><id value="x"/><contentType value="text/plain"/></Binary>"#)
        .await
        .expect(201);
    assert!(client.get("Binary/x").await.expect(200).body.is_empty());
    // What was meant as a Binary and is none is refused, not kept as content.
    let refused =
        put("w", "application/fhir+json", r#"{"resourceType":"Binary","id":"w","contentType":"text/plain","date":"x"}"#).await.expect(400);
    assert!(refused.text().contains("date"), "{}", refused.text());
    put("w", "application/fhir+json", r#"{"resourceType":"Binary","id":"other","contentType":"text/plain"}"#).await.expect(400);
    put("j", "application/json", "[1,2]").await.expect(201);
    assert_eq!(client.send("GET", "Binary/j", &[("accept", "application/json")], "").await.unwrap().text(), "[1,2]");
    client.send("POST", "Patient", &[("content-type", "image/png")], "x").await.unwrap().expect(415);
}

#[tokio::test]
async fn content_has_a_limit() {
    let limits = norn::base::budget::Limits { bytes: 4000, ..Default::default() };
    let server = TestGateway::limited(limits).await;
    let png = [("content-type", "image/png")];
    server.client.send("POST", "Binary", &png, vec![7; 2900]).await.unwrap().expect(201);
    let refused = server.client.send("POST", "Binary", &png, vec![7; 3100]).await.unwrap().expect(413);
    assert!(refused.text().contains("too-long"), "{}", refused.text());
    server.client.send("POST", "Binary", &png, vec![7; 5000]).await.unwrap().expect(413);
}
