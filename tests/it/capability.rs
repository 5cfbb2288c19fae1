//! The CapabilityStatement says what is there: it is compared with a golden file, and everything that it lists is called.
//!
//! `NORN_GOLDEN=write` in the environment writes the golden file anew.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use serde_json::{Map, Value, json};

use crate::support::{Client, TestGateway};

fn strings(list: &Value) -> Vec<String> {
    list.as_array().into_iter().flatten().map(|one| one.as_str().unwrap().to_owned()).collect()
}

fn codes(list: &Value) -> Vec<String> {
    list.as_array().into_iter().flatten().map(|one| one["code"].as_str().unwrap().to_owned()).collect()
}

/// The statement in short: types that can do the same stand together; search parameters have tests of their own.
fn short(statement: &Value, base: &str) -> String {
    let mut short = statement.clone();
    let mut groups: BTreeMap<String, Vec<Value>> = BTreeMap::new();
    for resource in statement["rest"][0]["resource"].as_array().unwrap() {
        let mut facts: Map<String, Value> = resource.as_object().unwrap().clone();
        let kind = facts.remove("type").unwrap();
        for long in ["searchParam", "searchInclude", "searchRevInclude"] {
            facts.remove(long);
        }
        groups.entry(Value::Object(facts).to_string()).or_default().push(kind);
    }
    let groups: Vec<Value> =
        groups.into_iter().map(|(facts, types)| json!({"types": types, "each": serde_json::from_str::<Value>(&facts).unwrap()})).collect();
    short["rest"][0]["resource"] = groups.into();
    (serde_json::to_string_pretty(&short).unwrap() + "\n").replace(base, "http://base")
}

#[tokio::test]
async fn the_statement_is_as_reviewed() {
    let server = TestGateway::start().await;
    let told = short(&server.client.get("metadata").await.expect(200).json(), &server.client.base);
    let golden = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden/capability/statement.json");
    if crate::support::writes_golden() {
        std::fs::write(&golden, &told).unwrap();
    }
    assert_eq!(told, std::fs::read_to_string(&golden).unwrap(), "the statement differs from {}", golden.display());
}

/// Calls one interaction of one type; a type has a body of its own if nothing is required of it.
async fn call(client: &Client, code: &str, kind: &str) {
    let bare = |id: &str| format!(r#"{{"resourceType":"{kind}","id":"{id}"}}"#);
    let is = |reply: &crate::support::client::Reply, allowed: &[u16]| {
        assert!(allowed.contains(&reply.status.as_u16()), "{code} of {kind}: {} {}", reply.status, reply.text());
    };
    // Without a resource, "not found", "this element is missing" and a broken rule show that somebody is there who looks.
    match code {
        "read" => is(&client.get(&format!("{kind}/none")).await, &[404]),
        "vread" => is(&client.get(&format!("{kind}/none/_history/1")).await, &[404]),
        "history-instance" => is(&client.get(&format!("{kind}/none/_history")).await, &[404]),
        "history-type" => is(&client.get(&format!("{kind}/_history?_count=1")).await, &[200]),
        "search-type" => is(&client.get(&format!("{kind}?_count=1")).await, &[200]),
        "delete" => is(&client.delete(&format!("{kind}/none")).await, &[204]),
        "create" | "update" => {
            let reply =
                if code == "create" { client.post(kind, bare("x")).await } else { client.put(&format!("{kind}/x"), bare("x")).await };
            is(&reply, &[201, 200, 400, 422]);
            let told = reply.text().contains("missing") || reply.text().contains("The rule");
            assert!(reply.status.is_success() || told, "{code} of {kind}: {}", reply.text());
        }
        "patch" => {
            let headers = [("content-type", "application/json-patch+json")];
            is(&client.send("PATCH", &format!("{kind}/none"), &headers, "[]").await.unwrap(), &[404]);
        }
        other => panic!("{kind} lists the interaction {other}, which nobody calls here"),
    }
}

#[tokio::test]
async fn every_interaction_that_is_listed_is_served() {
    let server = TestGateway::start().await;
    let client = &server.client;
    let statement = client.get("metadata").await.json();
    let rest = &statement["rest"][0];
    let mut called = BTreeSet::new();
    for resource in rest["resource"].as_array().unwrap() {
        let kind = resource["type"].as_str().unwrap();
        for code in codes(&resource["interaction"]) {
            call(client, &code, kind).await;
            called.insert(code);
        }
        for (flag, value) in [
            ("versioning", json!("versioned-update")),
            ("readHistory", json!(true)),
            ("updateCreate", json!(true)),
            ("conditionalCreate", json!(true)),
            ("conditionalUpdate", json!(true)),
            ("conditionalRead", json!("full-support")),
            ("conditionalDelete", json!("multiple")),
        ] {
            assert_eq!(resource[flag], value, "{kind}.{flag}");
        }
    }
    assert_eq!((called.len(), rest["resource"].as_array().unwrap().len()), (9, 146));
    // What the flags say, once with success.
    let json = ("content-type", "application/fhir+json");
    let basic = r#"{"resourceType":"Basic","id":"b","code":{"coding":[{"code":"x"}]}}"#;
    let send = async |method: &str, path: &str, header: (&'static str, &'static str), body: &'static str, status: u16| {
        client.send(method, path, &[json, header], body).await.unwrap().expect(status)
    };
    send("PUT", "Basic/b", ("if-none-match", "*"), basic, 201).await;
    send("PUT", "Basic/b", ("if-match", "W/\"7\""), basic, 412).await;
    send("GET", "Basic/b", ("if-none-match", "W/\"1\""), "", 304).await;
    send("GET", "Basic/b", ("if-modified-since", "Sun, 06 Nov 2094 08:49:37 GMT"), "", 304).await;
    send("POST", "Basic", ("if-none-exist", "code=x"), r#"{"resourceType":"Basic","code":{"text":"y"}}"#, 200).await;
    send("PUT", "Basic?code=x", ("prefer", ""), r#"{"resourceType":"Basic","code":{"coding":[{"code":"x"}],"text":"z"}}"#, 200).await;
    client.get("Basic/b/_history/2").await.expect(200);
    client.get("Basic/b/_history").await.expect(200);
    send("DELETE", "Basic?code=x", ("prefer", ""), "", 204).await;
    let system = BTreeSet::from_iter(codes(&rest["interaction"]));
    assert_eq!(system.iter().map(String::as_str).collect::<Vec<_>>(), ["batch", "history-system", "transaction"]);
    client.get("_history").await.expect(200);
    for kind in ["batch", "transaction"] {
        let reply = client.post("", json!({"resourceType": "Bundle", "type": kind}).to_string()).await.expect(200);
        assert_eq!(reply.json()["type"], format!("{kind}-response"));
    }
}

#[tokio::test]
async fn every_search_parameter_and_include_that_is_listed_is_served() {
    let server = TestGateway::start().await;
    let statement = server.client.get("metadata").await.json();
    for resource in statement["rest"][0]["resource"].as_array().unwrap() {
        let kind = resource["type"].as_str().unwrap();
        for parameter in resource["searchParam"].as_array().unwrap() {
            let (name, ty) = (parameter["name"].as_str().unwrap(), parameter["type"].as_str().unwrap());
            let value = match ty {
                "date" => "2020",
                "number" | "quantity" => "1",
                "uri" => "http://x",
                _ => "x",
            };
            let reply = server.client.get(&format!("{kind}?{name}={value}")).await;
            // A value of a composite or special parameter may have to look otherwise, but nobody may say that there is none.
            let known = matches!(ty, "composite" | "special") && !reply.text().contains("has no search parameter");
            assert!(reply.status == 200 || known, "{kind}?{name}: {}", reply.text());
        }
        let includes = strings(&resource["searchInclude"]).into_iter().map(|include| format!("&_include={include}"));
        let back = strings(&resource["searchRevInclude"]).into_iter().map(|include| format!("&_revinclude={include}"));
        server.client.get(&format!("{kind}?_count=1{}", includes.chain(back).collect::<String>())).await.expect(200);
    }
}

#[tokio::test]
async fn every_operation_compartment_and_format_that_is_listed_is_served() {
    let server = TestGateway::start().await;
    let client = &server.client;
    let statement = client.get("metadata").await.json();
    let rest = &statement["rest"][0];
    for format in strings(&statement["format"]) {
        let reply = client.get(&format!("metadata?_format={format}")).await.expect(200);
        assert_eq!(reply.header("content-type").contains("xml"), format.contains("xml"), "{format}");
        client.send("HEAD", &format!("metadata?_format={format}"), &[], "").await.unwrap().expect(200);
    }
    client.put("Patient/x", r#"{"resourceType":"Patient","id":"x"}"#).await.expect(201);
    client.put("ResearchStudy/x", r#"{"resourceType":"ResearchStudy","id":"x","status":"active"}"#).await.expect(201);
    for (number, format) in strings(&statement["patchFormat"]).iter().enumerate() {
        let body = match format.as_str() {
            "application/json-patch+json" => r#"[{"op":"add","path":"/active","value":true}]"#,
            "application/xml-patch+xml" => r#"<diff><replace sel="f:Patient/f:active/@value">false</replace></diff>"#,
            "application/fhir+json" => {
                r#"{"resourceType":"Parameters","parameter":[{"name":"operation","part":[{"name":"type","valueCode":"replace"},{"name":"path","valueString":"Patient.active"},{"name":"value","valueBoolean":true}]}]}"#
            }
            "application/fhir+xml" => {
                r#"<Parameters xmlns="http://hl7.org/fhir"><parameter><name value="operation"/><part><name value="type"/><valueCode value="delete"/></part><part><name value="path"/><valueString value="Patient.active"/></part></parameter></Parameters>"#
            }
            other => panic!("the patch format {other} is listed, which nobody sends here"),
        };
        let reply = client.send("PATCH", "Patient/x", &[("content-type", format)], body).await.unwrap().expect(200);
        assert_eq!(reply.header("etag"), format!("W/\"{}\"", number + 2), "{format}");
    }
    let meta = r#"{"resourceType":"Parameters","parameter":[{"name":"meta","valueMeta":{"tag":[{"code":"t"}]}}]}"#;
    assert_eq!(rest["operation"].as_array().unwrap().len(), 2);
    let asked = r#"{"resourceType":"Parameters","parameter":[{"name":"expression","valueString":"id"},{"name":"resource","resource":{"resourceType":"Patient","id":"x"}}]}"#;
    client.post("$fhirpath", asked).await.expect(200);
    client.get("$meta").await.expect(200);
    for resource in rest["resource"].as_array().unwrap() {
        let kind = resource["type"].as_str().unwrap();
        for operation in resource["operation"].as_array().unwrap() {
            assert!(operation["definition"].as_str().unwrap().starts_with("http"));
            match (operation["name"].as_str().unwrap(), kind) {
                ("meta", kind) => drop(client.get(&format!("{kind}/$meta")).await.expect(200)),
                ("everything", kind) => drop(client.get(&format!("{kind}/x/$everything")).await.expect(200)),
                (name @ ("meta-add" | "meta-delete"), "Patient") => {
                    drop(client.post(&format!("Patient/x/${name}"), meta).await.expect(200))
                }
                (name @ ("meta-add" | "meta-delete"), kind) => {
                    let status = if kind == "ResearchStudy" { 200 } else { 404 };
                    client.post(&format!("{kind}/x/${name}"), meta).await.expect(status);
                }
                ("validate", kind) => {
                    let sent = format!(r#"{{"resourceType":"{kind}"}}"#);
                    let told = client.post(&format!("{kind}/$validate"), sent).await.expect(200).json();
                    assert_eq!(told["resourceType"], "OperationOutcome", "{kind}");
                }
                (name @ ("expand" | "validate-code" | "lookup" | "subsumes" | "translate"), kind) => {
                    let gender = "http://hl7.org/fhir/administrative-gender";
                    let query = match (name, kind) {
                        ("expand", _) => "url=http://hl7.org/fhir/ValueSet/administrative-gender".to_owned(),
                        ("validate-code", "ValueSet") => {
                            format!("url=http://hl7.org/fhir/ValueSet/administrative-gender&system={gender}&code=male")
                        }
                        ("validate-code", _) => format!("url={gender}&code=male"),
                        ("lookup", _) => format!("system={gender}&code=male"),
                        ("subsumes", _) => format!("system={gender}&codeA=male&codeB=female"),
                        _ => format!("url=http://hl7.org/fhir/ConceptMap/cm-administrative-gender-v2&system={gender}&code=male"),
                    };
                    let told = client.get(&format!("{kind}/${name}?{query}")).await.expect(200).json();
                    let wanted = if name == "expand" { "ValueSet" } else { "Parameters" };
                    assert_eq!(told["resourceType"], wanted, "{kind}/${name}");
                }
                ("status", "SearchParameter") => {
                    let parameter = r#"{"resourceType":"SearchParameter","id":"x","status":"draft","url":"http://a.example/x","name":"x","description":"x","code":"x","base":["Patient"],"type":"token"}"#;
                    client.put("SearchParameter/x", parameter).await.expect(201);
                    let task = client.get("SearchParameter/x/$status").await.expect(200).json();
                    assert_eq!(task["status"], "cancelled", "a draft changes nothing");
                }
                (other, _) => panic!("{kind} lists the operation {other}, which nobody calls here"),
            }
        }
    }
    client.get("Patient/$everything").await.expect(200);
    let compartments = strings(&rest["compartment"]);
    assert_eq!(compartments.len(), 5);
    for url in compartments {
        let name = url.rsplit('/').next().unwrap();
        let kind = format!("{}{}", name[..1].to_uppercase(), &name[1..]);
        client.get(&format!("{kind}/x/*")).await.expect(200);
        client.get(&format!("{kind}/x/Observation")).await.expect(200);
    }
}
