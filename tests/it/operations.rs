//! Operations and compartments: labels of resources, searches around a resource, and everything around one.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use crate::support::{Client, TestGateway};

fn labels(parameters: &Value) -> (Vec<String>, Vec<String>, Vec<String>) {
    let meta = &parameters["parameter"][0]["valueMeta"];
    let list = |name: &str| meta[name].as_array().cloned().unwrap_or_default();
    let codes = |name| list(name).iter().map(|label| label["code"].as_str().unwrap().to_owned()).collect();
    (list("profile").iter().map(|url| url.as_str().unwrap().to_owned()).collect(), codes("tag"), codes("security"))
}

fn with_meta(meta: &Value) -> String {
    json!({"resourceType": "Parameters", "parameter": [{"name": "meta", "valueMeta": meta}]}).to_string()
}

#[tokio::test]
async fn labels_are_sets() {
    let server = TestGateway::start().await;
    let client = &server.client;
    let tag = |code: &str| json!({"system": "http://t", "code": code});
    let body = json!({"resourceType": "Basic", "id": "b", "meta": {"source": "http://s", "tag": [tag("a")]}, "code": {"text": "x"}, "language": "en"});
    client.put("Basic/b", body.to_string()).await.expect(201);
    let read = client.get("Basic/b/$meta").await.expect(200).json();
    assert_eq!(read["resourceType"], "Parameters");
    assert_eq!(read["parameter"][0]["valueMeta"]["versionId"], "1");
    let more =
        json!({"profile": ["http://p"], "tag": [tag("a"), {"system": "http://t", "code": "b", "display": "B"}], "security": [tag("s")]});
    let added = client.post("Basic/b/$meta-add", with_meta(&more)).await.expect(200).json();
    assert_eq!(labels(&added), (vec!["http://p".into()], vec!["a".into(), "b".into()], vec!["s".into()]));
    assert_eq!(added["parameter"][0]["valueMeta"]["versionId"], "2");
    // Once more changes nothing.
    let again = client.post("Basic/b/$meta-add", with_meta(&more)).await.expect(200).json();
    assert_eq!(again["parameter"][0]["valueMeta"]["versionId"], "2");
    assert_eq!(client.get("Basic?_tag=http://t|b&_security=http://t|s&_profile=http://p").await.matches(), ["b"]);
    let stored = client.get("Basic/b").await.json();
    assert_eq!((&stored["meta"]["source"], &stored["language"]), (&json!("http://s"), &json!("en")));
    let less = json!({"profile": ["http://p", "http://none"], "tag": [{"system": "http://t", "code": "a", "display": "other"}]});
    let left = client.post("Basic/b/$meta-delete", with_meta(&less)).await.expect(200).json();
    assert_eq!(labels(&left), (vec![], vec!["b".into()], vec!["s".into()]));
    assert!(client.get("Basic?_tag=http://t|a").await.matches().is_empty());
    assert_eq!(labels(&client.get("Basic/b/_history/2/$meta").await.expect(200).json()).1, ["a", "b"]);
    let other = json!({"resourceType": "Patient", "meta": {"tag": [tag("c"), tag("b")], "profile": ["http://q"]}});
    client.post("Patient", other.to_string()).await.expect(201);
    assert_eq!(labels(&client.get("Basic/$meta").await.expect(200).json()), (vec![], vec!["b".into()], vec!["s".into()]));
    let all = labels(&client.post("$meta", "").await.expect(200).json());
    assert_eq!((all.0, all.1.iter().cloned().collect::<BTreeSet<_>>().len(), all.2.len()), (vec!["http://q".into()], 2, 1));
    assert_eq!(client.get("Device/$meta").await.expect(200).json(), json!({"resourceType": "Parameters"}));
    let xml = client.send("GET", "Basic/b/$meta?_pretty=true", &[("accept", "application/fhir+xml")], "").await.unwrap().expect(200);
    assert!(xml.text().contains("<valueMeta>"), "{}", xml.text());
    let xml = r#"<Parameters xmlns="http://hl7.org/fhir"><parameter><name value="meta"/><valueMeta><tag><system value="http://t"/><code value="x"/></tag></valueMeta></parameter></Parameters>"#;
    client.send("POST", "Basic/b/$meta-add", &[("content-type", "application/fhir+xml")], xml).await.unwrap().expect(200);
    assert_eq!(client.get("Basic?_tag=http://t|x").await.matches(), ["b"]);
}

#[tokio::test]
async fn operations_that_are_not_there_are_refused_with_what_is() {
    let server = TestGateway::start().await;
    let client = &server.client;
    client.put("Basic/b", r#"{"resourceType":"Basic","id":"b","code":{"text":"x"}}"#).await.expect(201);
    for (method, path, body, status, about) in [
        ("GET", "Basic/b/$fly", "", 404, "$meta-add"),
        ("GET", "$fly", "", 404, "$meta"),
        ("POST", "Patient/$fly", "{}", 404, "$everything"),
        ("GET", "Basic/b/$everything", "", 404, "$meta"),
        ("GET", "Basic/b/$meta-add", "", 405, "POST"),
        ("DELETE", "Basic/b/$meta", "", 405, "GET, HEAD, POST"),
        ("POST", "Basic/b/_history/1/$meta-add", "{}", 404, "$meta"),
        ("POST", "Basic/b/$meta-add", r#"{"resourceType":"Parameters"}"#, 400, "valueMeta"),
        ("POST", "Basic/b/$meta-add", "", 400, "valueMeta"),
        (
            "POST",
            "Basic/none/$meta-add",
            r#"{"resourceType":"Parameters","parameter":[{"name":"meta","valueMeta":{"source":"x"}}]}"#,
            404,
            "Basic/none",
        ),
        ("GET", "Basic/none/$meta", "", 404, "Basic/none"),
        ("GET", "Patient/none/$everything", "", 404, "Patient/none"),
        ("GET", "Pasient/$meta", "", 404, "Pasient"),
        ("GET", "Basic/b/$meta?x=1", "", 400, "x"),
        ("GET", "Basic/b/Observation", "", 404, "Patient"),
        ("GET", "Patient/b/Medication", "", 404, "Medication"),
        ("PUT", "Patient/b/Observation", "{}", 405, "GET"),
        ("GET", "Patient/b/*?code=x", "", 400, "code"),
        ("GET", "Patient/b/*?_sort=_id", "", 400, "_sort"),
        ("GET", "Patient/b/*?_summary=true", "", 400, "_summary"),
        ("GET", "Patient/b/*?_type=Pasient", "", 400, "Pasient"),
        ("GET", "Patient/$everything?name=x", "", 400, "name"),
        ("GET", "Patient/$everything?start=x", "", 400, "start"),
    ] {
        let reply = client.send(method, path, &[("content-type", "application/fhir+json")], body).await.unwrap();
        assert_eq!((reply.status.as_u16(), reply.text().contains(about)), (status, true), "{method} {path}: {}", reply.text());
        assert!(reply.text().contains("OperationOutcome"));
    }
}

/// A patient with observations of several years, another patient, and whom they refer to.
async fn stock(client: &Client) {
    let reference = |to: &str| json!({"reference": to});
    let mut all = vec![
        json!({"resourceType": "Organization", "id": "clinic", "name": "C", "partOf": reference("Organization/trust")}),
        json!({"resourceType": "Organization", "id": "trust", "name": "T"}),
        json!({"resourceType": "Practitioner", "id": "dr"}),
        json!({"resourceType": "Patient", "id": "p", "managingOrganization": reference("Organization/clinic")}),
        json!({"resourceType": "Patient", "id": "mother", "generalPractitioner": [reference("Practitioner/other")]}),
        json!({"resourceType": "Practitioner", "id": "other"}),
        json!({"resourceType": "Medication", "id": "m", "code": {"text": "x"}}),
        json!({"resourceType": "MedicationRequest", "id": "r", "status": "active", "intent": "order", "subject": reference("Patient/p"), "medicationReference": reference("Medication/m")}),
        json!({"resourceType": "Observation", "id": "strange", "status": "final", "code": {"text": "x"}, "subject": reference("Patient/mother")}),
    ];
    for n in 0..7 {
        all.push(json!({"resourceType": "Observation", "id": format!("o{n}"), "status": "final", "code": {"coding": [{"code": format!("c{}", n % 2)}]},
            "subject": reference("Patient/p"), "performer": [reference("Practitioner/dr")], "focus": [reference("Patient/mother")], "effectiveDateTime": format!("201{n}-05-05")}));
    }
    for one in all {
        let key = format!("{}/{}", one["resourceType"].as_str().unwrap(), one["id"].as_str().unwrap());
        client.put(&key, one.to_string()).await.expect(201);
    }
}

/// All entries over all pages, as `mode Type/id`, while another observation comes with every page.
async fn pages(client: &Client, url: &str) -> (Vec<String>, usize) {
    let (mut url, mut told, mut count) = (url.to_owned(), Vec::new(), 0);
    loop {
        let page = client.get(&url).await.expect(200).json();
        assert_eq!(page["type"], "searchset");
        for entry in page["entry"].as_array().cloned().unwrap_or_default() {
            let resource = &entry["resource"];
            told.push(format!(
                "{} {}/{}",
                entry["search"]["mode"].as_str().unwrap(),
                resource["resourceType"].as_str().unwrap(),
                resource["id"].as_str().unwrap()
            ));
        }
        count += 1;
        let Some(next) = page["link"].as_array().unwrap().iter().find(|link| link["relation"] == "next") else { return (told, count) };
        url = next["url"].as_str().unwrap().to_owned();
    }
}

fn matching(told: &[String]) -> Vec<&str> {
    told.iter().filter_map(|one| one.strip_prefix("match ")).collect()
}

fn including(told: &[String]) -> BTreeSet<&str> {
    told.iter().filter_map(|one| one.strip_prefix("include ")).collect()
}

#[tokio::test]
async fn searches_in_a_compartment() {
    let server = TestGateway::start().await;
    let client = &server.client;
    stock(client).await;
    assert_eq!(client.get("Patient/p/Observation?code=c1&_sort=date").await.matches(), ["o1", "o3", "o5"]);
    let form = [("content-type", "application/x-www-form-urlencoded")];
    assert_eq!(client.send("POST", "Patient/p/Observation/_search", &form, "date=lt2012").await.unwrap().matches(), ["o1", "o0"]);
    let first = client.get("Patient/p/Observation?_count=3").await.expect(200).json();
    assert!(first["link"][0]["url"].as_str().unwrap().contains("/Patient/p/Observation?"), "{}", first["link"]);
    let (told, count) = pages(client, "Patient/p/Observation?_count=3").await;
    assert_eq!((matching(&told).len(), count), (7, 3));
    assert!(client.get("Patient/nobody/Observation").await.expect(200).matches().is_empty());
    let next = first["link"][1]["url"].as_str().unwrap();
    client.get(&next.replace("Patient/p/", "Patient/mother/")).await.expect(400);
    // A practitioner's compartment has what is done by the practitioner.
    assert_eq!(client.get("Practitioner/dr/Observation").await.matches().len(), 7);
    for size in [1, 2, 5, 100] {
        let (told, _) = pages(client, &format!("Patient/p/*?_count={size}")).await;
        let found: BTreeSet<&str> = matching(&told).into_iter().collect();
        assert_eq!((told.len(), found.len()), (9, 9), "{size}: {told:?}");
        assert!(found.contains("Patient/p") && found.contains("MedicationRequest/r") && found.contains("Observation/o6"));
    }
    let (told, _) = pages(client, "Patient/p/*?_type=MedicationRequest,Patient").await;
    assert_eq!(matching(&told), ["Patient/p", "MedicationRequest/r"]);
    let counted = client.get("Patient/p/*?_count=0").await.expect(200).json();
    assert_eq!((&counted["total"], &counted["entry"], counted["link"].as_array().unwrap().len()), (&json!(9), &Value::Null, 1));
    let (told, _) = pages(client, "Patient/p/*?_id=r").await;
    assert_eq!(matching(&told), ["MedicationRequest/r"]);
}

#[tokio::test]
async fn everything_around_a_patient() {
    let server = TestGateway::start().await;
    let client = &server.client;
    stock(client).await;
    let others = BTreeSet::from(["Organization/clinic", "Organization/trust", "Practitioner/dr", "Medication/m"]);
    let whole = client.get("Patient/p/$everything").await.expect(200).json();
    assert_eq!(whole["total"], 9);
    let (told, count) = pages(client, "Patient/p/$everything").await;
    assert_eq!((matching(&told).len(), including(&told), count), (9, others.clone(), 1));
    assert_eq!(matching(&told)[0], "Patient/p");
    for size in [1, 2, 4] {
        let (told, _) = pages(client, &format!("Patient/p/$everything?_count={size}")).await;
        let found: BTreeSet<&str> = matching(&told).into_iter().collect();
        assert_eq!((matching(&told).len(), found.len(), including(&told)), (9, 9, others.clone()), "{size}");
    }
    let found = async |query: &str| {
        let (told, _) = pages(client, &format!("Patient/p/$everything?{query}")).await;
        told.into_iter().map(|one| one.split_once(' ').unwrap().1.to_owned()).collect::<Vec<_>>().join(" ")
    };
    assert_eq!(found("_type=MedicationRequest,Medication").await, "MedicationRequest/r Medication/m");
    // What does not say when it was given is not left out.
    assert_eq!(found("_type=Observation&start=2012-01-01&end=2014").await, "Observation/o4 Observation/o3 Observation/o2");
    assert_eq!(found("_type=Observation,MedicationRequest&start=2016").await, "MedicationRequest/r Observation/o6");
    server.clock.advance(60_000_000);
    let now = client.put("Patient/fresh", r#"{"resourceType":"Patient","id":"fresh"}"#).await.json()["meta"]["lastUpdated"]
        .as_str()
        .unwrap()
        .to_owned();
    client.put("Practitioner/dr", r#"{"resourceType":"Practitioner","id":"dr","active":true}"#).await.expect(200);
    client
        .put("Patient/p", r#"{"resourceType":"Patient","id":"p","generalPractitioner":[{"reference":"Practitioner/dr"}]}"#)
        .await
        .expect(200);
    assert_eq!(found(&format!("_since={now}")).await, "Patient/p Practitioner/dr");
    let body = json!({"resourceType": "Parameters", "parameter": [{"name": "_type", "valueCode": "Observation"}, {"name": "start", "valueDate": "2016-01-01"}]});
    assert_eq!(client.post("Patient/p/$everything", body.to_string()).await.expect(200).matches(), ["o6"]);
    // All patients, one after the other.
    let (all, _) = pages(client, "Patient/$everything?_count=2").await;
    let found: BTreeSet<&str> = matching(&all).into_iter().collect();
    assert_eq!((matching(&all).len(), found.len()), (12, 12), "{all:?}");
    client.delete("Patient/p").await.expect(204);
    client.get("Patient/p/$everything").await.expect(410);
}

#[tokio::test]
async fn everything_around_a_study() {
    let server = TestGateway::start().await;
    let client = &server.client;
    let study = |id: &str, of: Value| json!({"resourceType": "ResearchStudy", "id": id, "status": "active", "partOf": of, "site": [{"reference": "Location/l"}]});
    let subject = |id: &str, study: &str| json!({"resourceType": "ResearchSubject", "id": id, "status": "candidate", "study": {"reference": study}, "individual": {"reference": "Patient/p"}});
    for one in [
        json!({"resourceType": "Organization", "id": "o", "name": "O"}),
        json!({"resourceType": "Location", "id": "l", "managingOrganization": {"reference": "Organization/o"}}),
        json!({"resourceType": "Patient", "id": "p"}),
        study("trial", json!([{"reference": "ResearchStudy/programme"}])),
        study("cohort", json!([{"reference": "ResearchStudy/trial"}])),
        study("arm", json!([{"reference": "ResearchStudy/cohort"}])),
        study("other", json!([{"reference": "ResearchStudy/programme"}])),
        subject("s1", "ResearchStudy/trial"),
        subject("s2", "ResearchStudy/arm"),
        subject("s3", "ResearchStudy/other"),
    ] {
        let key = format!("{}/{}", one["resourceType"].as_str().unwrap(), one["id"].as_str().unwrap());
        client.put(&key, one.to_string()).await.expect(201);
    }
    for url in ["ResearchStudy/trial/$everything", "ResearchStudy/trial/$everything?_count=2"] {
        let (told, _) = pages(client, url).await;
        let found: BTreeSet<&str> = matching(&told).into_iter().collect();
        let wanted = ["ResearchStudy/arm", "ResearchStudy/cohort", "ResearchStudy/trial", "ResearchSubject/s1", "ResearchSubject/s2"];
        assert_eq!((matching(&told).len(), found), (5, BTreeSet::from(wanted)), "{url}");
        // The patient of a subject is had by that patient's own $everything.
        assert!(including(&told).is_superset(&BTreeSet::from(["Location/l", "Organization/o"])) && !including(&told).contains("Patient/p"));
    }
}
