//! FHIRPath from outside: the command line and `$fhirpath`.

use std::process::{Command, Output};

use serde_json::{Value, json};

use crate::support::TestGateway;

fn norn(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_norn")).args(arguments).output().unwrap()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

#[test]
fn the_command_prints_the_values_of_a_file() {
    let folder = tempfile::TempDir::new().unwrap();
    let path = |name: &str| folder.path().join(name).display().to_string();
    std::fs::write(path("o.json"), r#"{"resourceType":"Observation","status":"final","code":{"text":"c"},"valueQuantity":{"value":1.50}}"#)
        .unwrap();
    // What breaks a rule can be asked, too: here the order of elements.
    std::fs::write(
        path("p.xml"),
        r#"<Patient xmlns="http://hl7.org/fhir"><birthDate value="2020-02-29"/><active value="true"/></Patient>"#,
    )
    .unwrap();
    for (expression, file, wanted) in [
        ("value", "o.json", r#"[{"value":1.50}]"#),
        ("value.value * 2", "o.json", "[3.00]"),
        ("birthDate + 1 year | active", "p.xml", r#"["2021-02-28",true]"#),
        ("name", "p.xml", "[]"),
    ] {
        let output = norn(&["fhirpath", expression, &path(file)]);
        assert_eq!((text(&output.stdout).trim(), output.status.code()), (wanted, Some(0)), "{expression}: {}", text(&output.stderr));
    }
    for (expression, file, told) in [
        ("value +", "o.json", "FHIRPath, column 8"),
        ("valueQuantity", "o.json", "valueQuantity"),
        ("1 + 'a'", "o.json", "cannot be reckoned"),
        ("value", "none.json", "cannot be read"),
    ] {
        let output = norn(&["fhirpath", expression, &path(file)]);
        assert_eq!((output.status.code(), text(&output.stdout).as_str()), (Some(1), ""), "{expression}");
        assert!(text(&output.stderr).contains(told), "{expression}: {}", text(&output.stderr));
    }
    let traced = norn(&["fhirpath", "active.trace('seen')", &path("p.xml")]);
    assert_eq!((text(&traced.stdout).trim(), text(&traced.stderr).trim()), ("[true]", "seen: [true]"));
    assert_eq!(norn(&["fhirpath", "active"]).status.code(), Some(2));
}

#[test]
fn a_batch_is_answered_line_by_line() {
    let folder = tempfile::TempDir::new().unwrap();
    std::fs::write(folder.path().join("p.json"), r#"{"resourceType":"Patient","id":"p"}"#).unwrap();
    let batch = folder.path().join("b.jsonl");
    let lines = "{\"id\":1,\"expression\":\"id\",\"file\":\"p.json\"}\n\n{\"id\":\"two\",\"expression\":\"(\",\"file\":\"p.json\"}\n\
                 {\"id\":3,\"expression\":\"1 + 1\"}\n{\"id\":4,\"expression\":\"id\",\"file\":\"none.json\"}\nnot JSON\n";
    std::fs::write(&batch, lines).unwrap();
    let output = norn(&["fhirpath", "--batch", &batch.display().to_string()]);
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    let told: Vec<Value> = text(&output.stdout).lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let ids: Vec<&Value> = told.iter().map(|line| &line["id"]).collect();
    assert_eq!(ids, [&json!(1), &json!("two"), &json!(3), &json!(4), &Value::Null]);
    assert_eq!((&told[0]["result"], &told[2]["result"]), (&json!(["p"]), &json!([2])));
    for number in [1, 3, 4] {
        assert!(told[number]["error"].is_string() && told[number].get("result").is_none(), "{}", told[number]);
    }
}

fn asked(expression: &str, more: &[Value]) -> String {
    let patient = json!({"resourceType": "Patient", "id": "p", "active": true, "birthDate": "1974-12-25",
        "name": [{"family": "A", "given": ["X", "Y"]}, {"family": "B"}], "contact": [{"gender": "male"}]});
    let mut parameters = vec![json!({"name": "expression", "valueString": expression}), json!({"name": "resource", "resource": patient})];
    parameters.extend_from_slice(more);
    json!({"resourceType": "Parameters", "parameter": parameters}).to_string()
}

#[tokio::test]
async fn an_expression_comes_with_its_resource() {
    let server = TestGateway::start().await;
    let client = &server.client;
    let context = json!({"name": "context", "valueString": "name"});
    let variables = json!({"name": "variables", "part": [{"name": "v", "valueString": "X"}]});
    for (expression, more, wanted) in [
        ("name.given", vec![], json!([{"name": "result", "valueString": "X"}, {"name": "result", "valueString": "Y"}])),
        ("name.count() + 0.5", vec![], json!([{"name": "result", "valueDecimal": 2.5}])),
        ("birthDate", vec![], json!([{"name": "result", "valueDate": "1974-12-25"}])),
        ("name[1]", vec![], json!([{"name": "result", "valueHumanName": {"family": "B"}}])),
        ("4 'mg'", vec![], json!([{"name": "result", "valueQuantity": {"value": 4, "system": "http://unitsofmeasure.org", "code": "mg"}}])),
        ("family", vec![context], json!([{"name": "result", "valueString": "A"}, {"name": "result", "valueString": "B"}])),
        (
            "(name.given = %v) | 1",
            vec![variables],
            json!([{"name": "result", "valueBoolean": false}, {"name": "result", "valueInteger": 1}]),
        ),
        (
            "contact",
            vec![],
            json!([{"name": "result", "part": [{"name": "type", "valueString": "BackboneElement"},
            {"name": "json", "valueString": "{\"gender\":\"male\"}"}]}]),
        ),
    ] {
        let answer = client.post("$fhirpath", asked(expression, &more)).await.expect(200).json();
        assert_eq!(answer["parameter"], wanted, "{expression}");
    }
    let whole = client.post("$fhirpath", asked("$this", &[])).await.expect(200).json();
    assert_eq!(whole["parameter"][0]["resource"]["id"], "p");
    assert_eq!(client.post("$fhirpath", asked("{}", &[])).await.expect(200).json(), json!({"resourceType": "Parameters"}));
    let bomb = "(1|2|3|4|5|6|7|8|9|10).repeat($this + 1)";
    for (body, status, told) in [
        (asked("name.(", &[]), 400, "column 6"),
        (asked("nothing", &[]), 422, "nothing"),
        (asked("name.given.single()", &[]), 422, "several"),
        (asked(bomb, &[]), 422, "the evaluation takes too"),
        (json!({"resourceType": "Parameters", "parameter": [{"name": "expression", "valueString": "1"}]}).to_string(), 400, "resource"),
        (json!({"resourceType": "Patient"}).to_string(), 400, "Parameters"),
    ] {
        let outcome = client.post("$fhirpath", body.clone()).await.expect(status).text().to_owned();
        assert!(outcome.contains(told), "{body}: {outcome}");
    }
    client.get("$fhirpath").await.expect(405);
    client.post("Patient/$fhirpath", asked("1", &[])).await.expect(404);
}
