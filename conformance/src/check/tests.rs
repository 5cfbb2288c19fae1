//! Cases of the check language: a line, and the complaint it makes (`""` if it holds).

use super::*;

const BODY: &str = r#"{"resourceType":"Observation","status":"final","n":1,"s":"1","v":5.40,
    "code":{"coding":[{"system":"x","code":"a"},{"system":"y","code":"b"}]}}"#;

#[test]
fn json_checks() {
    let root: Value = serde_json::from_str(BODY).unwrap();
    let check = |line: &str, complaint: &str| assert_eq!(json(line, &root).err().unwrap_or_default(), complaint, "{line}");
    check("status exists", "");
    check("status absent", "status: expected absent, got \"final\"");
    check("issued absent", "");
    check("issued exists", "issued: expected exists, got nothing there");
    check("status equals final", "");
    check("status equals \"final\"", "");
    check("status equals amended", "status: expected equals amended, got \"final\"");
    check("n equals 1", "");
    check("n equals \"1\"", "n: expected equals \"1\", got 1");
    check("s equals \"1\"", "");
    check("s equals 1", "s: expected equals 1, got \"1\"");
    check("v equals 5.40", "");
    check("v equals 5.4", "v: expected equals 5.4, got 5.40");
    check("status differs amended", "");
    check("issued differs amended", "issued: expected differs amended, got nothing there");
    check("code.coding[*].code count 2", "");
    check(
        "code.coding count 2",
        "code.coding: expected count 2, got [{\"system\":\"x\",\"code\":\"a\"},{\"system\":\"y\",\"code\":\"b\"}]",
    );
    check("code.coding.length equals 2", "");
    check("code.coding[*].code includes b", "");
    check("code.coding[*].code includes c", "code.coding[*].code: expected includes c, got 2 values: a, b");
    check("code.coding[*].code excludes c", "");
    check("code.coding[*].code equals a", "code.coding[*].code: expected equals a, got 2 values: a, b");
    check("code.coding[*].code any-of [\"a\",\"b\",\"c\"]", "");
    check("code.coding[*].code any-of [\"a\"]", "code.coding[*].code: expected any-of [\"a\"], got 2 values: a, b");
    check(
        "code.coding[*].code any-of a",
        "code.coding[*].code: expected any-of a, got 2 values: a, b (the check is wrong: its value is no JSON array)",
    );
    check("code.coding[*].code same-set [\"b\",\"a\"]", "");
    check("code.coding[*].code same-set [\"b\"]", "code.coding[*].code: expected same-set [\"b\"], got 2 values: a, b");
    check("code.coding[*].code same-list [\"a\",\"b\"]", "");
    check("code.coding[*].code same-list [\"b\",\"a\"]", "code.coding[*].code: expected same-list [\"b\",\"a\"], got 2 values: a, b");
    check("status contains ina", "");
    check("status lacks ina", "status: expected lacks ina, got \"final\"");
    check("status starts-with fi", "");
    check("status starts-with al", "status: expected starts-with al, got \"final\"");
    check("code matches-json {\"coding\":[{\"code\":\"a\"},{\"system\":\"y\"}]}", "");
    check(
        "code.coding[0] matches-json {\"code\":\"b\"}",
        "code.coding[0]: expected matches-json {\"code\":\"b\"}, got {\"system\":\"x\",\"code\":\"a\"}; \"a\" instead of \"b\" at `code`",
    );
}

#[test]
fn header_and_text_checks() {
    let look_up = |name: &str| (name == "Content-Type").then(|| "application/fhir+json; charset=UTF-8".to_owned());
    let check = |line: &str, complaint: &str| assert_eq!(header(line, look_up).err().unwrap_or_default(), complaint, "{line}");
    check("Content-Type exists", "");
    check("Content-Type starts-with application/fhir+json", "");
    check("Content-Type contains charset=utf-8", "");
    check("Content-Type equals text/html", "header Content-Type: expected equals text/html, got `application/fhir+json; charset=UTF-8`");
    check("ETag absent", "");
    check("ETag lacks W/", "");
    check("ETag equals W/\"1\"", "header ETag: expected equals W/\"1\", got no such header");

    let check = |line: &str, body: &str, complaint: &str| assert_eq!(text(line, body).err().unwrap_or_default(), complaint, "{line}");
    check("absent", "", "");
    check("contains <Patient", "<Patient xmlns=\"x\"/>", "");
    check("contains <Observation", "<Patient/>", "body: expected contains <Observation, got <Patient/>");
    check("exists", "", "body: expected exists, got no body");
}

#[test]
fn wrong_lines_are_refused() {
    let check = |linted: Result<(), String>, complaint: &str| assert_eq!(linted, Err(complaint.to_owned()));
    check(lint_json("status"), &format!("check `status`: `` is no operator; there are {}", names()));
    check(lint_json("status is final"), &format!("check `status is final`: `is` is no operator; there are {}", names()));
    check(lint_json("status exists indeed"), "check `status exists indeed`: `exists` takes no value");
    check(lint_json("status equals"), "check `status equals`: `equals` needs a value");
    check(lint_json("a[b] exists"), "path `a[b]`: `[b]` is neither an index, nor `*`, nor `key=value`");
    check(lint_header("ETag count 1"), "check `ETag count 1`: this operator is for JSON only");
    check(lint_text("same-set []"), "check `same-set []`: this operator is for JSON only");
    assert_eq!(lint_json("telecom[value=555 1234].use equals {{use}}"), Ok(()));
}

fn names() -> String {
    Operator::ALL.iter().map(|(name, _)| *name).collect::<Vec<_>>().join(", ")
}
