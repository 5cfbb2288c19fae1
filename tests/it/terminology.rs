//! The terminology operations over what is built in and what is stored.

use serde_json::{Value, json};

use crate::support::TestGateway;

/// The value of the first parameter of that name.
fn told(answer: &Value, name: &str) -> Value {
    let found = answer["parameter"].as_array().into_iter().flatten().find(|parameter| parameter["name"] == name);
    let members = found.and_then(Value::as_object).into_iter().flatten();
    members.filter(|(key, _)| key.starts_with("value")).map(|(_, value)| value.clone()).next().unwrap_or(Value::Null)
}

fn codes(answer: &Value) -> Vec<&str> {
    answer["expansion"]["contains"].as_array().into_iter().flatten().map(|one| one["code"].as_str().unwrap()).collect()
}

#[tokio::test]
async fn built_in_value_sets_and_code_systems_are_served() {
    let server = TestGateway::start().await;
    let client = &server.client;
    let gender = "http://hl7.org/fhir/ValueSet/administrative-gender";
    let whole = client.get(&format!("ValueSet/$expand?url={gender}")).await.expect(200).json();
    assert_eq!((codes(&whole), &whole["expansion"]["total"]), (vec!["male", "female", "other", "unknown"], &json!(4)));
    assert_eq!(whole["expansion"]["contains"][0]["display"], "Male");
    let page = client.get(&format!("ValueSet/$expand?url={gender}&offset=1&count=2")).await.expect(200).json();
    assert_eq!((codes(&page), &page["expansion"]["total"], &page["expansion"]["offset"]), (vec!["female", "other"], &json!(4), &json!(1)));
    let body =
        json!({"resourceType": "Parameters", "parameter": [{"name": "url", "valueUri": gender}, {"name": "filter", "valueString": "FEM"}]});
    assert_eq!(codes(&client.post("ValueSet/$expand", body.to_string()).await.expect(200).json()), ["female"]);
    for (query, status, issue) in [
        ("ValueSet/$expand?url=http://example.org/none", 404, "not-found"),
        ("ValueSet/$expand", 400, "required"),
        ("ValueSet/$expand?url=http://hl7.org/fhir/ValueSet/mimetypes", 422, "not-supported"),
        ("ValueSet/$expand?url=http://hl7.org/fhir/ValueSet/administrative-gender&colour=red", 400, "not-supported"),
        ("CodeSystem/$lookup?system=http://snomed.info/sct&code=1", 404, "not-found"),
        ("CodeSystem/$validate-code?url=http://snomed.info/sct&code=73211009", 422, "not-supported"),
    ] {
        let outcome = client.get(query).await.expect(status).json();
        assert_eq!(outcome["issue"][0]["code"], issue, "{query}");
    }
    let check = |query: String| async move { client.get(&query).await.expect(200).json() };
    let right =
        check(format!("ValueSet/$validate-code?url={gender}&system=http://hl7.org/fhir/administrative-gender&code=male&display=male"))
            .await;
    assert_eq!((told(&right, "result"), told(&right, "display")), (json!(true), json!("Male")));
    let wrong =
        check(format!("ValueSet/$validate-code?url={gender}&system=http://hl7.org/fhir/administrative-gender&code=male&display=Man")).await;
    assert_eq!(told(&wrong, "result"), json!(false));
    assert!(told(&wrong, "message").as_str().unwrap().contains("Male"), "{wrong}");
    let out = check(format!("ValueSet/$validate-code?url={gender}&system=http://hl7.org/fhir/administrative-gender&code=man")).await;
    assert_eq!(told(&out, "result"), json!(false));
    let able = client.get("metadata?mode=terminology").await.expect(200).json();
    assert_eq!(able["resourceType"], "TerminologyCapabilities");
    assert!(able["codeSystem"].as_array().unwrap().len() > 1_000);
    let role = "http://terminology.hl7.org/CodeSystem/v3-RoleCode";
    let looked = check(format!("CodeSystem/$lookup?system={role}&code=MTH")).await;
    assert_eq!((told(&looked, "display"), told(&looked, "name")), (json!("mother"), json!("RoleCode")));
    assert!(looked.to_string().contains(r#"{"name":"value","valueCode":"PRN"}"#), "{looked}");
    let outcome = |a: &str, b: &str| format!("CodeSystem/$subsumes?system={role}&codeA={a}&codeB={b}");
    assert_eq!(told(&check(outcome("PRN", "MTH")).await, "outcome"), "subsumes");
    assert_eq!(told(&check(outcome("MTH", "PRN")).await, "outcome"), "subsumed-by");
    let map = "http://hl7.org/fhir/uv/genomics-reporting/ConceptMap/GenomicStudyStatusMap";
    let translated = check(format!("ConceptMap/$translate?url={map}&system=http://hl7.org/fhir/event-status&code=completed")).await;
    assert_eq!(told(&translated, "result"), json!(true));
    assert!(translated.to_string().contains(r#""code":"available""#), "{translated}");
}

#[tokio::test]
async fn what_is_stored_stands_first_and_is_seen_at_once() {
    let server = TestGateway::start().await;
    let client = &server.client;
    let system = |codes: &[&str]| {
        let concepts: Vec<Value> = codes.iter().map(|code| json!({"code": code, "display": code.to_uppercase()})).collect();
        json!({"resourceType": "CodeSystem", "id": "c", "url": "http://s", "status": "active", "content": "complete", "caseSensitive": true, "concept": concepts})
    };
    client.put("CodeSystem/c", system(&["a"]).to_string()).await.expect(201);
    let set = json!({"resourceType": "ValueSet", "id": "v", "url": "http://v", "status": "active", "compose": {"include": [{"system": "http://s"}]}});
    client.put("ValueSet/v", set.to_string()).await.expect(201);
    let outer = json!({"resourceType": "ValueSet", "status": "active", "compose": {"include": [{"valueSet": ["http://v"]}]}});
    assert_eq!(codes(&client.get("ValueSet/v/$expand").await.expect(200).json()), ["a"]);
    client.put("CodeSystem/c", system(&["a", "b"]).to_string()).await.expect(200);
    for answer in [
        client.get("ValueSet/$expand?url=http://v").await,
        client.get("ValueSet/v/$expand").await,
        client.post("ValueSet/$expand", outer.to_string()).await,
        client
            .post(
                "ValueSet/$expand",
                json!({"resourceType": "Parameters", "parameter": [{"name": "valueSet", "resource": outer}]}).to_string(),
            )
            .await,
    ] {
        assert_eq!(codes(&answer.expect(200).json()), ["a", "b"]);
    }
    let concept = json!({"resourceType": "Parameters", "parameter": [{"name": "codeableConcept", "valueCodeableConcept": {"coding": [
        {"system": "http://other", "code": "a"}, {"system": "http://s", "code": "b"}]}}]});
    assert_eq!(told(&client.post("ValueSet/v/$validate-code", concept.to_string()).await.expect(200).json(), "result"), json!(true));
    assert_eq!(told(&client.get("CodeSystem/c/$validate-code?code=z").await.expect(200).json(), "result"), json!(false));
    client.delete("ValueSet/v").await;
    client.get("ValueSet/$expand?url=http://v").await.expect(404);
}
