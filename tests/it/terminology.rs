//! The terminology operations over what is built in and what is stored.

use serde_json::{Value, json};

use std::path::Path;
use std::process::Command;

use crate::support::process::Process;
use crate::support::{Client, TestGateway};

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

/// A release of SNOMED CT in miniature, as its publisher lays it out, with an older state beside the snapshot.
fn release(folder: &Path) {
    let head = "id\teffectiveTime\tactive\tmoduleId\t";
    let terminology = folder.join("Snapshot/Terminology");
    let module = "900000000000207008";
    let concept = |id: &str| format!("{id}\t20240101\t1\t{module}\t900000000000074008\n");
    let description = |id: &str, concept: &str, term: &str| {
        format!("{id}\t20240101\t1\t{module}\t{concept}\ten\t900000000000003001\t{term}\t900000000000448009\n")
    };
    let is_a = |id: &str, from: &str, to: &str| format!("{id}\t20240101\t1\t{module}\t{from}\t{to}\t0\t116680003\t1\t2\n");
    for (name, text) in [
        ("sct2_Concept_Snapshot.txt", format!("{head}definitionStatusId\n{}{}{}", concept("1"), concept("22"), concept("333"))),
        (
            "sct2_Description_Snapshot-en.txt",
            format!(
                "{head}conceptId\tlanguageCode\ttypeId\tterm\tcaseSignificanceId\n{}{}{}",
                description("4", "1", "Neoplasm (disorder)"),
                description("5", "22", "Carcinoma (disorder)"),
                description("6", "333", "Finding (finding)")
            ),
        ),
        (
            "sct2_Relationship_Snapshot.txt",
            format!("{head}sourceId\tdestinationId\trelationshipGroup\ttypeId\tcharacteristicTypeId\tmodifierId\n{}", is_a("7", "22", "1")),
        ),
    ] {
        std::fs::create_dir_all(&terminology).unwrap();
        std::fs::write(terminology.join(name), text).unwrap();
    }
    std::fs::create_dir_all(folder.join("Full")).unwrap();
    std::fs::write(folder.join("Full/sct2_Concept_Full.txt"), format!("{head}definitionStatusId\n{}", concept("4444"))).unwrap();
    std::fs::write(folder.join("readme.txt"), "Not for loading.").unwrap();
}

#[tokio::test]
async fn a_site_loads_snomed_ct_and_all_of_the_gateway_knows_it() {
    let folder = tempfile::tempdir().unwrap();
    let (snomed, kept) = (folder.path().join("snomed"), folder.path().join("kept"));
    std::fs::create_dir_all(&snomed).unwrap();
    release(&snomed);
    let norn = |arguments: &[&str]| {
        let output = Command::new(env!("CARGO_BIN_EXE_norn")).args(arguments).output().unwrap();
        (output.status.code(), String::from_utf8(output.stdout).unwrap(), String::from_utf8(output.stderr).unwrap())
    };
    let kept_name = kept.to_str().unwrap();
    let (code, said, wrong) = norn(&["terminology", "load", snomed.to_str().unwrap(), "--terminology", kept_name]);
    let version = "http://snomed.info/sct/900000000000207008/version/20240101";
    assert_eq!((code, said.as_str()), (Some(0), format!("http://snomed.info/sct {version}: 3 concepts\n").as_str()), "{wrong}");
    // Loading it again changes nothing; what is none of the formats is told.
    norn(&["terminology", "load", snomed.to_str().unwrap(), "--terminology", kept_name]);
    let listed = norn(&["terminology", "list", "--terminology", kept_name]);
    assert_eq!(listed.1, format!("CodeSystem http://snomed.info/sct {version}: 3 concepts\n"));
    let (code, _, wrong) = norn(&["terminology", "load", snomed.join("readme.txt").to_str().unwrap(), "--terminology", kept_name]);
    assert!(code == Some(2) && wrong.contains("readme.txt") && wrong.contains("Loinc.csv"), "{code:?} {wrong}");

    let condition = |code: &str, display: &str| {
        json!({"resourceType": "Condition", "subject": {"display": "A"},
            "code": {"coding": [{"system": "http://snomed.info/sct", "code": code, "display": display}]}})
    };
    for (code, display, errors) in [("22", "Carcinoma (disorder)", 0), ("22", "Finding", 1), ("4444", "None", 1)] {
        let file = folder.path().join("condition.json");
        std::fs::write(&file, condition(code, display).to_string()).unwrap();
        let (ended, said, _) = norn(&["validate", file.to_str().unwrap(), "--terminology", kept_name]);
        assert_eq!(ended, Some(errors), "{said}");
    }

    let config = folder.path().join("norn.toml");
    std::fs::write(&config, format!("[terminology]\nfolder = {kept_name:?}\n")).unwrap();
    let store = format!("sqlite:{}", folder.path().join("norn.db").display());
    let server = Process::start(&["serve", "--listen", "127.0.0.1:0", "--store", &store, "--config", config.to_str().unwrap()]);
    let client = Client::new(&server.base);
    let looked = client.get("CodeSystem/$lookup?system=http://snomed.info/sct&code=22").await.expect(200).json();
    assert_eq!(told(&looked, "display"), "Carcinoma (disorder)");
    let subsumes = client.get("CodeSystem/$subsumes?system=http://snomed.info/sct&codeA=1&codeB=22").await.expect(200).json();
    assert_eq!(told(&subsumes, "outcome"), "subsumes");
    let set = "http://snomed.info/sct?fhir_vs=isa/1".replace('?', "%3F").replace('=', "%3D");
    let whole = client.get(&format!("ValueSet/$expand?url={set}")).await.expect(200).json();
    assert_eq!(codes(&whole), ["1", "22"]);
    for code in ["1", "22", "333"] {
        client.post("Condition", condition(code, "As the hospital calls it").to_string()).await.expect(201);
    }
    let found = client.get("Condition?code:below=http://snomed.info/sct|1").await.expect(200);
    assert_eq!(found.json()["total"], 2, "{}", found.text());
}
