//! The REST interactions over a real socket. The conformance cases test the rules of FHIR one by one; here stand the ways
//! of this gateway: races, limits, paging under writes, sharing of one status table.

use serde_json::json;

use crate::support::TestGateway;

#[tokio::test]
async fn a_resource_lives_through_its_versions() {
    let server = TestGateway::start().await;
    let client = &server.client;
    let created =
        client.post("Patient", r#"{"resourceType":"Patient","name":[{"family":"Åsen"}],"multipleBirthInteger":2}"#).await.expect(201);
    let location = created.header("location").to_owned();
    let id = created.json()["id"].as_str().unwrap().to_owned();
    assert_eq!(location, format!("{}/Patient/{id}/_history/1", client.base));
    assert_eq!(created.header("etag"), "W/\"1\"");
    let read = client.get(&format!("Patient/{id}")).await.expect(200);
    assert_eq!(read.body, created.body, "a read returns the stored bytes");
    server.clock.advance(5_000_000);
    let update = format!(r#"{{"resourceType":"Patient","id":"{id}","name":[{{"family":"Berg"}}]}}"#);
    client.put(&format!("Patient/{id}"), update.clone()).await.expect(200);
    let again = client.put(&format!("Patient/{id}"), update).await.expect(200);
    assert_eq!(again.header("etag"), "W/\"2\"", "the same content makes no new version");
    assert!(client.get("Patient?family=asen").await.matches().is_empty());
    assert_eq!(client.get("Patient?family=berg").await.matches(), std::slice::from_ref(&id));
    client.delete(&format!("Patient/{id}")).await.expect(204);
    client.delete(&format!("Patient/{id}")).await.expect(204);
    client.get(&format!("Patient/{id}")).await.expect(410);
    assert!(client.get("Patient?family=berg").await.matches().is_empty());
    let history = client.get(&format!("Patient/{id}/_history")).await.expect(200).json();
    assert_eq!(history["total"], 3);
    let verbs: Vec<_> = history["entry"].as_array().unwrap().iter().map(|entry| entry["request"]["method"].clone()).collect();
    assert_eq!(verbs, ["DELETE", "PUT", "POST"]);
    client.get(&format!("Patient/{id}/_history/1")).await.expect(200);
    client.get(&format!("Patient/{id}/_history/3")).await.expect(410);
    client.get(&format!("Patient/{id}/_history/4")).await.expect(404);
    client.put(&format!("Patient/{id}"), format!(r#"{{"resourceType":"Patient","id":"{id}","active":true}}"#)).await.expect(201);
    assert_eq!(client.get(&format!("Patient/{id}")).await.header("etag"), "W/\"4\"");
}

#[tokio::test(flavor = "multi_thread")]
async fn of_many_writers_with_one_version_one_wins() {
    let server = TestGateway::start().await;
    let body = |n: usize| format!(r#"{{"resourceType":"Basic","id":"race","code":{{"text":"{n}"}}}}"#);
    server.client.put("Basic/race", body(0)).await.expect(201);
    let tasks = (1..=40).map(|n| {
        let client = server.client.clone();
        tokio::spawn(async move {
            client
                .send("PUT", "Basic/race", &[("if-match", "W/\"1\""), ("content-type", "application/fhir+json")], body(n))
                .await
                .unwrap()
                .status
                .as_u16()
        })
    });
    let mut statuses = Vec::new();
    for task in tasks.collect::<Vec<_>>() {
        statuses.push(task.await.unwrap());
    }
    assert_eq!(statuses.iter().filter(|status| **status == 200).count(), 1);
    assert_eq!(statuses.iter().filter(|status| **status == 412).count(), 39);
}

#[tokio::test(flavor = "multi_thread")]
async fn conditional_creates_in_a_race_make_one_resource() {
    let server = TestGateway::start().await;
    let tasks = (0..40).map(|_| {
        let client = server.client.clone();
        let headers = [("if-none-exist", "identifier=http://x|1"), ("content-type", "application/fhir+json")];
        tokio::spawn(async move {
            let body = r#"{"resourceType":"Patient","identifier":[{"system":"http://x","value":"1"}]}"#;
            client.send("POST", "Patient", &headers, body).await.unwrap().status.as_u16()
        })
    });
    let mut statuses = Vec::new();
    for task in tasks.collect::<Vec<_>>() {
        statuses.push(task.await.unwrap());
    }
    assert_eq!(statuses.iter().filter(|status| **status == 201).count(), 1, "{statuses:?}");
    assert_eq!(server.client.get("Patient?identifier=http://x|1").await.matches().len(), 1);
}

#[tokio::test]
async fn a_failed_transaction_leaves_no_trace() {
    let server = TestGateway::start().await;
    let client = &server.client;
    client.put("Patient/p", r#"{"resourceType":"Patient","id":"p"}"#).await.expect(201);
    let entry =
        |resource: serde_json::Value, method: &str, url: &str| json!({"resource": resource, "request": {"method": method, "url": url}});
    let mut stale = entry(json!({"resourceType": "Patient", "id": "p", "active": true}), "PUT", "Patient/p");
    stale["request"]["ifMatch"] = json!("W/\"7\"");
    for (bad, status) in [
        (stale, 412),
        (
            entry(
                json!({"resourceType": "Observation", "status": "final", "code": {"text": "x"}, "subject": {"reference": "urn:uuid:nowhere"}}),
                "POST",
                "Observation",
            ),
            400,
        ),
        (
            entry(
                json!({"resourceType": "Observation", "status": "final", "code": {"text": "x"}, "subject": {"reference": "Patient?identifier=none"}}),
                "POST",
                "Observation",
            ),
            412,
        ),
        (json!({"request": {"method": "GET", "url": "Patient/none"}}), 404),
        (json!({"request": {"method": "GET", "url": "Patient?nonsense=1"}}), 400),
        (entry(json!({"resourceType": "Patient", "id": "q"}), "PUT", "Patient/other"), 400),
    ] {
        let good = entry(json!({"resourceType": "Basic", "code": {"text": "x"}}), "POST", "Basic");
        let bundle = json!({"resourceType": "Bundle", "type": "transaction", "entry": [good, bad]});
        let failed = client.post("", bundle.to_string()).await.expect(status);
        assert!(failed.json()["issue"][0]["expression"][0].as_str().unwrap().starts_with("Bundle.entry[1]"), "{}", failed.text());
        assert_eq!(client.get("Basic?_total=accurate").await.json()["total"], 0);
    }
    assert_eq!(client.get("Patient/p").await.header("etag"), "W/\"1\"");
}

#[tokio::test]
async fn a_transaction_ties_its_resources_together() {
    let server = TestGateway::start().await;
    let client = &server.client;
    client
        .put("Practitioner/dr", r#"{"resourceType":"Practitioner","id":"dr","identifier":[{"system":"http://hpr","value":"9"}]}"#)
        .await
        .expect(201);
    let bundle = json!({"resourceType": "Bundle", "type": "transaction", "entry": [
        {"fullUrl": "urn:uuid:61ebe359-bfdc-4613-8bf2-c5e300945f0a",
         "resource": {"resourceType": "Patient", "identifier": [{"system": "http://x", "value": "1"}], "managingOrganization": {"reference": "#o"}, "contained": [{"resourceType": "Organization", "id": "o", "name": "O"}]},
         "request": {"method": "POST", "url": "Patient", "ifNoneExist": "identifier=http://x|1"}},
        {"fullUrl": "urn:uuid:88f151c0-a954-468a-88bd-5ae15c08e059",
         "resource": {"resourceType": "Observation", "status": "final", "code": {"text": "x"}, "valueDecimal": 1},
         "request": {"method": "POST", "url": "Observation"}},
    ]});
    client.post("", bundle.to_string()).await.expect(400);
    let mut bundle = bundle;
    bundle["entry"][1]["resource"] = json!({"resourceType": "Observation", "status": "final", "code": {"text": "x"},
        "subject": {"reference": "urn:uuid:61ebe359-bfdc-4613-8bf2-c5e300945f0a"}, "performer": [{"reference": "Practitioner?identifier=http://hpr|9"}]});
    let first = client.post("", bundle.to_string()).await.expect(200).json();
    let second = client.post("", bundle.to_string()).await.expect(200).json();
    assert_eq!(first["type"], "transaction-response");
    assert_eq!(
        (first["entry"][0]["response"]["status"].as_str(), second["entry"][0]["response"]["status"].as_str()),
        (Some("201 Created"), Some("200 OK"))
    );
    let patients = client.get("Patient?identifier=http://x|1").await.matches();
    assert_eq!(patients.len(), 1);
    let found = client.get(&format!("Observation?patient={}&performer=Practitioner/dr&_include=Observation:subject", patients[0])).await;
    assert_eq!(found.matches().len(), 2);
    assert_eq!(found.json()["entry"].as_array().unwrap().iter().filter(|entry| entry["search"]["mode"] == "include").count(), 1);
    let back = client.get("Patient?identifier=http://x|1&_revinclude=Observation:subject&_total=accurate").await.json();
    assert_eq!((back["total"].clone(), back["entry"].as_array().unwrap().len()), (json!(1), 3));
}

#[tokio::test]
async fn pages_show_each_match_once_while_others_write() {
    let server = TestGateway::start().await;
    let client = &server.client;
    for n in 0..25 {
        let born = 1950 + n % 7;
        client
            .put(&format!("Patient/p{n}"), format!(r#"{{"resourceType":"Patient","id":"p{n}","birthDate":"{born}","active":true}}"#))
            .await
            .expect(201);
    }
    client.put("Patient/undated", r#"{"resourceType":"Patient","id":"undated","active":true}"#).await.expect(201);
    for sort in ["", "&_sort=birthdate", "&_sort=-birthdate", "&_sort=-birthdate,_id", "&_sort=_lastUpdated"] {
        let (mut seen, mut url) = (Vec::new(), format!("Patient?active=true&_count=4{sort}"));
        let mut extra = 0;
        loop {
            let page = client.get(&url).await.expect(200);
            seen.extend(page.matches());
            extra += 1;
            client
                .put(
                    &format!("Patient/new{extra}"),
                    format!(r#"{{"resourceType":"Patient","id":"new{extra}","birthDate":"1900","active":false}}"#),
                )
                .await;
            let links = page.json()["link"].as_array().unwrap().clone();
            let Some(next) = links.iter().find(|link| link["relation"] == "next") else { break };
            url = next["url"].as_str().unwrap().to_owned();
        }
        let mut unique = seen.clone();
        unique.sort();
        unique.dedup();
        assert_eq!((seen.len(), unique.len()), (26, 26), "{sort}: {seen:?}");
        if sort.contains("birthdate") {
            assert_eq!(seen.last().unwrap(), "undated", "{sort}");
        }
        let forged = url.replace("_cursor=", "_cursor=A");
        client.get(&forged).await.expect(400);
    }
}

#[tokio::test]
async fn the_same_request_key_does_nothing_twice() {
    let server = TestGateway::start().await;
    let send = |key: &'static str, body: &'static str| {
        let client = server.client.clone();
        async move { client.send("POST", "Basic", &[("idempotency-key", key), ("content-type", "application/fhir+json")], body).await.unwrap() }
    };
    let first = send("k1", r#"{"resourceType":"Basic","code":{"text":"a"}}"#).await.expect(201);
    let again = send("k1", r#"{"resourceType":"Basic","code":{"text":"a"}}"#).await.expect(201);
    assert_eq!(first.header("location"), again.header("location"));
    send("k1", r#"{"resourceType":"Basic","code":{"text":"b"}}"#).await.expect(422);
    assert_eq!(server.client.get("Basic?_total=accurate").await.json()["total"], 1);
}

#[tokio::test]
async fn broken_requests_are_refused_with_their_place() {
    let server = TestGateway::start().await;
    let client = &server.client;
    let check = async |method: &str, path: &str, headers: &[(&str, &str)], body: &str, status: u16, told: &str| {
        let reply = client.send(method, path, headers, body.to_owned()).await.unwrap();
        let text = reply.text().to_owned();
        assert_eq!(reply.status.as_u16(), status, "{method} {path} {body}: {text}");
        assert!(text.contains(told), "{method} {path}: {text}");
    };
    let json = &[("content-type", "application/fhir+json")];
    check("GET", "Patient?hair=red", &[], "", 400, "hair").await;
    check("GET", "Patient?birthdate=yesterday", &[], "", 400, "birthdate").await;
    check("GET", "Patient?name:above=x", &[], "", 400, ":above").await;
    for (search, told) in [
        ("Patient?general-practitioner.hair=x", "general-practitioner.hair"),
        ("Patient?general-practitioner:Device.name=x", "Device"),
        ("Patient?birthdate.name=x", "birthdate"),
        ("Patient?_has:Observation:patient=x", "_has"),
        ("Patient?_has:Observation:code:status=final", "code"),
        ("Patient?_has:Observation:patient:hair=red", "hair"),
        ("Observation?code-value-quantity=a", "2 parts"),
        ("Observation?code:in=http://example.org/no-such-set", "no-such-set"),
        ("Location?near=here", "near"),
        ("Patient?_filter=name%20eq", "three parts"),
        ("Patient?_type=Patient", "_type"),
        ("Patient?_sort=link.name", "link.name"),
        ("Observation?_sort=code-value-quantity", "no order"),
        ("?_type=Patient,Hair", "Hair"),
        ("?_type=Patient,Observation&birthdate=1970", "birthdate"),
    ] {
        check("GET", search, &[], "", 400, told).await;
    }
    check("GET", "Patient?_count=many", &[], "", 400, "_count").await;
    check("GET", "Patient?name=%ff", &[], "", 400, "name").await;
    check("GET", "Pasient", &[], "", 404, "Pasient").await;
    check("GET", "Patient/a_b", &[], "", 400, "a_b").await;
    check("GET", "Patient/x/y/z", &[], "", 404, "nothing").await;
    check("OPTIONS", "Patient/x", json, "{}", 405, "not served").await;
    check("POST", "Patient/x", json, r#"{"resourceType":"Patient"}"#, 405, "GET, HEAD, PUT, PATCH, DELETE").await;
    check(
        "POST",
        "Patient",
        json,
        r#"{"resourceType":"Observation","status":"final","code":{"text":"x"}}"#,
        400,
        "sent to the address of Patient",
    )
    .await;
    check("PUT", "Patient/x", json, r#"{"resourceType":"Patient","id":"y"}"#, 400, "Patient.id").await;
    check("PUT", "Patient/x", json, r#"{"resourceType":"Patient"}"#, 400, "Patient.id").await;
    check("POST", "Patient", json, "", 400, "no resource").await;
    check("POST", "Patient", &[("content-type", "text/plain")], "x", 415, "application/fhir+json").await;
    check("POST", "Patient", &[("content-type", "application/fhir+json; charset=latin1")], "{}", 415, "UTF-8").await;
    check("GET", "Patient", &[("accept", "image/png")], "", 406, "application/fhir+json").await;
    check("POST", "", json, r#"{"resourceType":"Bundle","type":"searchset"}"#, 400, "batch or transaction").await;
    check("PUT", "Patient/x", &[("if-match", "3")], r#"{"resourceType":"Patient","id":"x"}"#, 400, "If-Match").await;
    check("GET", "../etc/passwd", &[], "", 404, "not a resource type").await;
    assert!(client.get("Patient?_summary=count").await.json()["total"] == 0);
}
