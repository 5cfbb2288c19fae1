//! Steps against answers: what is noticed, and what is taken out.

use hyper::header::{HeaderMap, HeaderName, HeaderValue};

use super::*;
use crate::case::Statuses;

fn reply(status: u16, headers: &[(&str, &str)], body: &str) -> Reply {
    let headers: HeaderMap =
        headers.iter().map(|(name, value)| (name.parse::<HeaderName>().unwrap(), HeaderValue::from_str(value).unwrap())).collect();
    Reply { status, headers, body: body.as_bytes().to_vec().into() }
}

const JSON: (&str, &str) = ("content-type", "application/fhir+json;charset=utf-8");
const REFUSED: &str = r#"{"resourceType":"OperationOutcome","issue":[{"severity":"warning","code":"value","expression":["Patient.name"]},
    {"severity":"error","code":"invalid","diagnostics":"no such date","expression":["Patient.birthDate"]}]}"#;

#[test]
fn answers_are_judged() {
    let check = |step: &str, reply: &Reply, expected: &str| {
        let step: Step = toml::from_str(step).unwrap();
        assert_eq!(judge(&step, &Variables::default(), reply).join("; "), expected);
    };
    let patient = reply(200, &[JSON], r#"{"resourceType":"Patient","id":"1"}"#);
    check(r#"request = "GET Patient/1""#, &patient, "");
    check("request = ''\nstatus = 201", &patient, "status: expected 201, got 200");
    check("request = ''\nstatus = [201, 204]", &patient, "status: expected 201 or 204, got 200");
    check(
        "request = ''\ncheck = ['id equals 2', 'id exists', 'meta exists']",
        &patient,
        "id: expected equals 2, got \"1\"; meta: expected exists, got nothing there",
    );
    check("request = ''\nissue = 'x'", &patient, "body: expected an OperationOutcome, got Patient");

    let refused = reply(400, &[JSON], REFUSED);
    check("request = ''", &refused, "status: expected 200, got 400 (value: Patient.name)");
    check("request = ''\nstatus = 400\nissue = 'birthDate'\nsays = 'no such date'", &refused, "");
    check("request = ''\nstatus = 400\nissue = ''", &refused, "");
    check(
        "request = ''\nstatus = 400\nissue = 'Patient.name'",
        &refused,
        "issue: expected one with `Patient.name` in expression or location, got \
         {\"severity\":\"error\",\"code\":\"invalid\",\"diagnostics\":\"no such date\",\"expression\":[\"Patient.birthDate\"]}",
    );

    check("request = ''", &reply(200, &[], "hello"), "the answer has a body but no Content-Type");
    check(
        "request = ''",
        &reply(200, &[JSON], "{"),
        "body: expected JSON, got application/fhir+json;charset=utf-8 (EOF while parsing an object at line 1 column 1)",
    );
    check("request = ''", &reply(200, &[JSON], r#"{"resourceType":"Patient","name":[]}"#), "the body has an empty array at `name`");
    let xml = reply(200, &[("content-type", "application/fhir+xml")], "<Patient>\n  <id value=\"1\"/>\n <a> b</a> </Patient>\n");
    check("request = ''\ntext = ['equals <Patient><id value=\"1\"/><a> b</a></Patient>']", &xml, "");
    check("request = ''\ncheck = ['id exists']", &reply(200, &[], ""), "body: expected JSON, got no body");
    check("request = ''\ncheck = ['id equals {{who}}']", &patient, "there is no variable `who` here");
}

#[test]
fn values_are_captured() {
    let answer = reply(
        201,
        &[("location", "http://x/fhir/Patient/1/_history/2"), ("etag", "W/\"2\""), JSON],
        r#"{"resourceType":"Bundle","total":2,"link":[{"relation":"next","url":"http://x/?a|b"}],"entry":[{"id":"a"},{"id":"b"}]}"#,
    );
    let check = |source: &str, expected: Result<&str, &str>| {
        assert_eq!(capture(source, &answer).as_deref().map_err(String::as_str), expected, "{source}");
    };
    check("header Location", Ok("http://x/fhir/Patient/1/_history/2"));
    check("header Location | type", Ok("Patient"));
    check("header Location | id", Ok("1"));
    check("header Location | version", Ok("2"));
    check("header ETag | tag", Ok("2"));
    check("total", Ok("2"));
    check("link[relation=next].url", Ok("http://x/?a|b"));
    check("entry[*].id", Err("capture: `entry[*].id` selects 2 values instead of one"));
    check("header Last-Modified", Err("capture: the answer has no header Last-Modified"));
    check("total | version", Err("capture: there is no version in `2`"));
}

#[test]
fn statuses_read_well() {
    assert_eq!(Statuses::Many(vec![400, 422]).to_string(), "400 or 422");
    assert_eq!(Statuses::default().to_string(), "200");
}
