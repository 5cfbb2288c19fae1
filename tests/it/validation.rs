//! Validation from outside: files on the command line, `$validate`, writes that are refused, and definitions of a site.

use std::path::Path;
use std::process::{Command, Output};

use serde_json::{Value, json};

use crate::support::process::Process;
use crate::support::{Client, TestGateway};

const RIGHT: &str = r#"{"resourceType":"Patient","name":[{"family":"Hansen"}]}"#;
const WRONG: &str =
    r#"{"resourceType":"Patient","gender":"woman","birthDate":"1970-13-01","contact":[{"gender":"female"}],"colour":"red"}"#;

/// Only a differential: every patient of this site has a family name.
fn profile() -> Value {
    json!({
        "resourceType": "StructureDefinition", "id": "named", "url": "http://a.example/StructureDefinition/named", "name": "Named",
        "status": "active", "fhirVersion": "4.0.1", "kind": "resource", "abstract": false, "type": "Patient",
        "baseDefinition": "http://hl7.org/fhir/StructureDefinition/Patient", "derivation": "constraint",
        "differential": { "element": [
            { "id": "Patient.name", "path": "Patient.name", "min": 1, "max": "1" },
            { "id": "Patient.name.family", "path": "Patient.name.family", "min": 1 },
        ] },
    })
}

fn norn(folder: &Path, arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_norn")).arg("validate").args(arguments).current_dir(folder).output().unwrap()
}

#[test]
fn files_are_checked_and_exit_codes_tell() {
    let folder = tempfile::TempDir::new().unwrap();
    let put = |name: &str, content: &str| std::fs::write(folder.path().join(name), content).unwrap();
    put("right.json", RIGHT);
    put("wrong.json", WRONG);
    put("right.xml", r#"<Patient xmlns="http://hl7.org/fhir"><name><family value="Hansen"/></name></Patient>"#);
    put("nameless.json", r#"{"resourceType":"Patient","active":true}"#);
    put("profile.json", &profile().to_string());

    let good = norn(folder.path(), &["right.json", "right.xml", "--format", "json"]);
    assert_eq!(good.status.code(), Some(0), "{good:?}");
    let lines: Vec<Value> = String::from_utf8(good.stdout).unwrap().lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(lines.iter().map(|line| line["file"].as_str().unwrap()).collect::<Vec<_>>(), ["right.json", "right.xml"]);
    assert!(lines.iter().all(|line| line["outcome"]["issue"][0]["severity"] == "information"), "{lines:?}");

    let bad = norn(folder.path(), &["wrong.json", "--format", "json"]);
    assert_eq!(bad.status.code(), Some(1));
    let told: Value = serde_json::from_slice(&bad.stdout).unwrap();
    let places: Vec<&str> = told["outcome"]["issue"].as_array().unwrap().iter().map(|i| i["expression"][0].as_str().unwrap()).collect();
    for place in ["Patient.gender", "Patient.birthDate", "Patient.contact[0]", "Patient.colour"] {
        assert!(places.iter().any(|found| place.starts_with(found) || found.starts_with(place)), "{place} is not among {places:?}");
    }
    assert_eq!(norn(folder.path(), &["wrong.json", "--format", "json"]).stdout, bad.stdout, "the same file gives the same list");

    let own = ["nameless.json", "--definitions", "profile.json", "--profile", "http://a.example/StructureDefinition/named"];
    let by_profile = norn(folder.path(), &own);
    assert_eq!(by_profile.status.code(), Some(1));
    assert!(String::from_utf8(by_profile.stdout).unwrap().contains("name is required here"), "a differential is enough");
    assert_eq!(norn(folder.path(), &["nameless.json"]).status.code(), Some(0));

    let sarif: Value = serde_json::from_slice(&norn(folder.path(), &["wrong.json", "--format", "sarif"]).stdout).unwrap();
    assert_eq!(sarif["version"], "2.1.0");
    assert!(sarif["runs"][0]["results"].as_array().unwrap().len() > 3, "{sarif}");

    for wrong in [&["--format", "json"][..], &["missing.json"], &["right.json", "--profile", "http://a.example/unknown"]] {
        let misused = norn(folder.path(), wrong);
        assert_eq!(misused.status.code(), Some(2), "{wrong:?}: {misused:?}");
        assert!(!misused.stderr.is_empty());
    }
}

#[tokio::test]
async fn a_resource_is_validated_without_being_stored() {
    let server = TestGateway::start().await;
    let client = &server.client;
    let told = client.post("Patient/$validate", RIGHT).await.expect(200).json();
    assert_eq!(told["issue"][0]["severity"], "information", "{told}");
    let wrong = r#"{"resourceType":"Patient","gender":"woman","deceasedBoolean":"no"}"#;
    let told = client.post("Patient/$validate", wrong).await.expect(200).json();
    let places: Vec<&Value> = told["issue"].as_array().unwrap().iter().map(|issue| &issue["expression"][0]).collect();
    assert!(places.contains(&&json!("Patient.gender")) && places.len() >= 2, "all at once, structure and codes: {told}");
    // In Parameters, with a profile; places are those in the resource.
    let variant = "http://hl7.org/fhir/uv/genomics-reporting/StructureDefinition/variant";
    let asked = json!({"resourceType": "Parameters", "parameter": [
        { "name": "resource", "resource": { "resourceType": "Observation", "status": "final", "code": { "text": "x" } } },
        { "name": "profile", "valueUri": variant },
    ]});
    let told = client.post("Observation/$validate", asked.to_string()).await.expect(200).json();
    assert!(told["issue"].as_array().unwrap().iter().any(|issue| issue["expression"][0] == "Observation.code"), "{told}");
    // A stored resource; a wrong mode; nothing to look at; nothing was stored by all this.
    client.put("Patient/x", r#"{"resourceType":"Patient","id":"x","active":true}"#).await.expect(201);
    client.get("Patient/x/$validate").await.expect(200);
    client.get("Patient/x/$validate?mode=delete").await.expect(200);
    client.get("Patient/x/$validate?mode=guess").await.expect(400);
    client.get("Patient/$validate").await.expect(400);
    assert_eq!(client.get("Patient?_summary=count").await.expect(200).json()["total"], 1);
}

#[tokio::test]
async fn a_write_that_breaks_a_rule_is_refused_whole() {
    let server = TestGateway::start().await;
    let client = &server.client;
    let period = r#"{"resourceType":"Patient","name":[{"period":{"start":"2020-02-01","end":"2020-01-01"}}]}"#;
    let told = client.post("Patient", period).await.expect(422).json();
    assert_eq!(told["issue"][0]["expression"][0], "Patient.name[0].period", "{told}");
    let claims = json!({"resourceType": "Observation", "status": "final", "code": { "text": "x" },
        "meta": { "profile": ["http://hl7.org/fhir/uv/genomics-reporting/StructureDefinition/variant"] }});
    client.post("Observation", claims.to_string()).await.expect(422);
    let transaction = json!({"resourceType": "Bundle", "type": "transaction", "entry": [
        { "resource": { "resourceType": "Patient", "active": true }, "request": { "method": "POST", "url": "Patient" } },
        { "resource": claims, "request": { "method": "POST", "url": "Observation" } },
    ]});
    let told = client.post("", transaction.to_string()).await.expect(422).json();
    assert!(told["issue"][0]["expression"][0].as_str().unwrap().starts_with("Bundle.entry[1]"), "{told}");
    for kind in ["Patient", "Observation"] {
        assert_eq!(client.get(&format!("{kind}?_summary=count")).await.json()["total"], 0, "{kind}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_site_validates_by_its_own_profiles() {
    let folder = tempfile::TempDir::new().unwrap();
    let store = folder.path().join("norn.db");
    let process = Process::serve(&store);
    Client::new(&process.base).put("StructureDefinition/named", profile().to_string()).await.expect(201);
    assert!(process.stop());
    let process = Process::serve(&store);
    let client = Client::new(&process.base);
    let claim =
        |rest: &str| format!(r#"{{"resourceType":"Patient","meta":{{"profile":["http://a.example/StructureDefinition/named"]}}{rest}}}"#);
    client.post("Patient", claim(r#","name":[{"family":"Hansen"}]"#)).await.expect(201);
    let told = client.post("Patient", claim(r#","active":true"#)).await.expect(422).json();
    assert_eq!(told["issue"][0]["diagnostics"], "name is required here: add it.", "{told}");
}
