//! Requests over the whole REST surface: what the CapabilityStatement lists, and every way to be refused. [`crate::alike`] sends them
//! to both databases.

use serde_json::{Value, json};

/// A request as it is sent.
#[derive(Debug, Clone)]
pub(crate) struct Ask {
    pub(crate) method: String,
    pub(crate) path: String,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: String,
}

const JSON: (&str, &str) = ("content-type", "application/fhir+json");
const XML: (&str, &str) = ("content-type", "application/fhir+xml");
const AS_XML: (&str, &str) = ("accept", "application/fhir+xml");
const JSON_PATCH: (&str, &str) = ("content-type", "application/json-patch+json");
const XML_PATCH: (&str, &str) = ("content-type", "application/xml-patch+xml");
const WHOLE: (&str, &str) = ("prefer", "return=representation");

pub(crate) fn ask(method: &str, path: &str, headers: &[(&str, &str)], body: impl ToString) -> Ask {
    let headers = headers.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    Ask { method: method.to_owned(), path: path.to_owned(), headers, body: body.to_string() }
}

fn get(path: &str) -> Ask {
    ask("GET", path, &[], "")
}

fn patient(id: &str, more: &Value) -> Value {
    let mut body = json!({"resourceType": "Patient", "id": id, "identifier": [{"system": "http://s", "value": id}]});
    for (name, value) in more.as_object().into_iter().flatten() {
        body[name] = value.clone();
    }
    body
}

/// All requests, in the order in which they are sent.
pub(crate) fn requests() -> Vec<Ask> {
    [writes(), patches(), conditions(), forms(), bundles(), histories(), operations(), binaries(), refusals()].concat()
}

fn writes() -> Vec<Ask> {
    let mut all: Vec<Ask> = (0..6)
        .map(|n| {
            let body = patient(&format!("s{n}"), &json!({"gender": if n % 2 == 0 { "male" } else { "female" }, "active": n < 4}));
            ask("PUT", &format!("Patient/s{n}"), &[JSON, WHOLE], body)
        })
        .collect();
    for prefer in ["return=minimal", "return=representation", "return=OperationOutcome", "return=minimal, return=representation", "x=y"] {
        all.push(ask("POST", "Patient", &[JSON, ("prefer", prefer)], json!({"resourceType": "Patient", "language": "nb"})));
        all.push(ask("PUT", "Patient/s5", &[JSON, ("prefer", prefer)], patient("s5", &json!({"language": prefer}))));
    }
    let xml = r#"<Patient xmlns="http://hl7.org/fhir"><id value="x1"/><active value="true"/><name><family value="Ærlig &amp; Sønn"/></name></Patient>"#;
    all.push(ask("PUT", "Patient/x1", &[XML, AS_XML, WHOLE], xml));
    all.push(ask("POST", "Patient", &[XML, WHOLE], xml.replace(r#"<id value="x1"/>"#, "")));
    let study = json!({"resourceType": "ResearchStudy", "id": "st", "status": "active"});
    all.push(ask("PUT", "ResearchStudy/st", &[JSON], study));
    let subject = json!({"resourceType": "ResearchSubject", "id": "su", "status": "candidate", "study": {"reference": "ResearchStudy/st"},
        "individual": {"reference": "Patient/s1"}});
    all.push(ask("PUT", "ResearchSubject/su", &[JSON], subject));
    let observation = json!({"resourceType": "Observation", "id": "so", "status": "final", "code": {"text": "x"},
        "subject": {"reference": "Patient/s1"}, "valueQuantity": {"value": 1.50, "unit": "mg"},
        "text": {"status": "generated", "div": "<div xmlns=\"http://www.w3.org/1999/xhtml\">words</div>"}});
    all.push(ask("PUT", "Observation/so", &[JSON], observation));
    all.extend([ask("DELETE", "Patient/s4", &[], ""), ask("DELETE", "Patient/s4", &[], ""), ask("DELETE", "Patient/nobody", &[], "")]);
    all
}

fn patches() -> Vec<Ask> {
    let part = |name: &str, kind: &str, value: Value| json!({"name": name, kind: value});
    let path_patch = |operation: &str, more: Vec<Value>| {
        let parts = [vec![part("type", "valueCode", json!(operation))], more].concat();
        json!({"resourceType": "Parameters", "parameter": [{"name": "operation", "part": parts}]}).to_string()
    };
    let replace =
        path_patch("replace", vec![part("path", "valueString", json!("Patient.gender")), part("value", "valueCode", json!("other"))]);
    let diff = r#"<diff xmlns:f="http://hl7.org/fhir"><replace sel="f:Patient/f:active/@value">false</replace></diff>"#;
    let mut all = Vec::new();
    for (kind, patch) in [
        (JSON_PATCH, r#"[{"op":"replace","path":"/active","value":false}]"#.to_owned()),
        (JSON_PATCH, r#"[{"op":"test","path":"/active","value":"no"}]"#.to_owned()),
        (JSON_PATCH, r#"[{"op":"remove","path":"/photo"}]"#.to_owned()),
        (JSON_PATCH, r#"[{"op":"add","path":"/hair","value":"red"}]"#.to_owned()),
        (JSON_PATCH, "[".to_owned()),
        (XML_PATCH, diff.to_owned()),
        (XML_PATCH, diff.replace("active", "photo")),
        (XML_PATCH, "<diff".to_owned()),
        (JSON, replace.clone()),
        (JSON, path_patch("delete", vec![part("path", "valueString", json!("Patient.active"))])),
        (JSON, path_patch("delete", vec![part("path", "valueString", json!("Patient.photo"))])),
        (JSON, path_patch("turn", vec![])),
        (("content-type", "text/plain"), "x".to_owned()),
    ] {
        for headers in [vec![kind, WHOLE], vec![kind, ("if-match", "W/\"99\"")], vec![kind, AS_XML, WHOLE]] {
            all.push(ask("PATCH", "Patient/s1", &headers, &patch));
        }
        all.push(ask("PATCH", "Patient?identifier=http://s|s2", &[kind], &patch));
        all.push(ask("PATCH", "Patient?identifier=http://s|nobody", &[kind], &patch));
        all.push(ask("PATCH", "Patient?identifier=http://s|", &[kind], &patch));
    }
    all.extend([ask("PATCH", "Patient/nobody", &[JSON], &replace), ask("PATCH", "Patient/s4", &[JSON], &replace), get("Patient/s1")]);
    all
}

fn conditions() -> Vec<Ask> {
    let body = |value: &str| {
        patient("", &json!({"id": null, "identifier": [{"system": "http://c", "value": value}]})).to_string().replace("\"id\":null,", "")
    };
    let mut all = Vec::new();
    for condition in ["identifier=http://c|1", "identifier=http://c|1", "identifier=http://c|", "hair=red", "", "_count=1", "name="] {
        all.push(ask("POST", "Patient", &[JSON, ("if-none-exist", condition)], body("1")));
        all.push(ask("PUT", &format!("Patient?{condition}"), &[JSON, WHOLE], body("1")));
        all.push(ask("PUT", &format!("Patient?{condition}"), &[JSON, ("if-match", "W/\"1\"")], body("1")));
    }
    all.push(ask("POST", "Patient", &[JSON], body("1")));
    for condition in ["identifier=http://c|1", "identifier=http://c|2", "identifier=http://c|"] {
        all.push(ask("POST", "Patient", &[JSON, ("if-none-exist", condition)], body("2")));
        all.push(ask("PUT", &format!("Patient?{condition}"), &[JSON], body("2")));
    }
    let own = patient("c9", &json!({"identifier": [{"system": "http://c", "value": "9"}]}));
    all.push(ask("PUT", "Patient?identifier=http://c|9", &[JSON], &own));
    all.push(ask("PUT", "Patient?identifier=http://c|8", &[JSON], &own));
    for (name, value) in [
        ("if-match", "W/\"1\""),
        ("if-match", "W/\"77\""),
        ("if-match", "*"),
        ("if-match", "1"),
        ("if-none-match", "*"),
        ("if-none-match", "W/\"1\""),
    ] {
        all.push(ask("PUT", "Patient/s0", &[JSON, (name, value)], patient("s0", &json!({"language": "nb"}))));
        all.push(ask("PUT", "Patient/new", &[JSON, (name, value)], patient("new", &json!({}))));
        all.push(ask("GET", "Patient/s0", &[(name, value)], ""));
        all.push(ask("DELETE", "Patient/new", &[(name, value)], ""));
    }
    for moment in ["Sun, 06 Nov 1994 08:49:37 GMT", "Sun, 06 Nov 2094 08:49:37 GMT", "yesterday"] {
        all.push(ask("GET", "Patient/s0", &[("if-modified-since", moment)], ""));
    }
    all.push(ask("DELETE", "Patient?identifier=http://c|9", &[("if-match", "W/\"5\"")], ""));
    for condition in ["identifier=http://c|9", "identifier=http://c|", "identifier=http://c|", "", "hair=red", "_id="] {
        all.push(ask("DELETE", &format!("Patient?{condition}"), &[], ""));
    }
    all
}

/// Formats, and how much of a resource is told.
fn forms() -> Vec<Ask> {
    let mut all = Vec::new();
    for place in ["Observation/so", "Observation?_id=so", "Observation/so/_history", "Observation/so/_history/1", "Patient/x1"] {
        let and = if place.contains('?') { '&' } else { '?' };
        for more in [
            "_summary=true",
            "_summary=text",
            "_summary=data",
            "_summary=count",
            "_summary=false",
            "_summary=half",
            "_elements=status",
            "_elements=Observation.status,subject",
            "_elements=hair",
            "_pretty=true",
            "_pretty=false",
            "_pretty=x",
            "_format=xml",
            "_format=json",
            "_format=application/fhir%2Bxml",
            "_format=pdf",
            "_format=xml&_pretty=true",
            "_summary=true&_format=xml",
            "_summary=true&_elements=status",
        ] {
            all.push(get(&format!("{place}{and}{more}")));
        }
        for accept in [
            "application/fhir+xml",
            "application/xml",
            "text/xml",
            "application/json",
            "*/*",
            "text/html",
            "image/png",
            "application/fhir+xml;q=0.5, application/fhir+json",
            "application/fhir+json; fhirVersion=4.0",
            "application/fhir+json; fhirVersion=3.0",
        ] {
            all.push(ask("GET", place, &[("accept", accept)], ""));
            all.push(ask("HEAD", place, &[("accept", accept)], ""));
        }
    }
    for path in ["metadata", "metadata?mode=full", "metadata?mode=normative", "metadata?_format=xml", "Observation?_count=1&_format=xml"] {
        all.push(get(path));
        all.push(ask("OPTIONS", path, &[], ""));
    }
    let form = ("content-type", "application/x-www-form-urlencoded");
    for (path, body) in [
        ("Patient/_search", "gender=male&_sort=_id"),
        ("Patient/_search?gender=female", "_sort=-_id&_count=2"),
        ("_search", "_type=Patient&_sort=_id"),
        ("Patient/s1/Observation/_search", "code:text=x"),
        ("Patient/_search", "hair=red"),
        ("Patient/_search", ""),
    ] {
        all.push(ask("POST", path, &[form], body));
        all.push(ask("POST", path, &[form, ("prefer", "handling=lenient"), AS_XML], body));
    }
    all.push(ask("POST", "Patient/_search", &[JSON], "{}"));
    all.push(ask("GET", "Patient?hair=red&_sort=_id", &[("prefer", "handling=lenient")], ""));
    all
}

/// Every interaction as an entry.
fn bundles() -> Vec<Ask> {
    let request = |method: &str, url: &str| json!({"request": {"method": method, "url": url}});
    let with = |method: &str, url: &str, resource: Value| json!({"resource": resource, "request": {"method": method, "url": url}});
    let patch = json!({"resourceType": "Parameters", "parameter": [{"name": "operation", "part": [{"name": "type", "valueCode": "delete"},
        {"name": "path", "valueString": "Patient.language"}]}]});
    let mut create = with(
        "POST",
        "Observation",
        json!({"resourceType": "Observation", "status": "final", "code": {"text": "y"},
        "subject": {"reference": "urn:uuid:6f2f0a4e-1f3b-4c86-9f0a-0f4b1c1a2b3c"}}),
    );
    create["fullUrl"] = json!("urn:uuid:6f2f0a4e-1f3b-4c86-9f0a-0f4b1c1a2b3d");
    let mut first = with("POST", "Patient", json!({"resourceType": "Patient", "identifier": [{"system": "http://t", "value": "1"}]}));
    first["fullUrl"] = json!("urn:uuid:6f2f0a4e-1f3b-4c86-9f0a-0f4b1c1a2b3c");
    first["request"]["ifNoneExist"] = json!("identifier=http://t|1");
    let mut matching = with("PUT", "Patient/s0", patient("s0", &json!({"language": "se"})));
    matching["request"]["ifMatch"] = json!("W/\"999\"");
    let good = vec![
        first.clone(),
        create,
        with("PUT", "Patient/s2", patient("s2", &json!({"language": "fi"}))),
        with(
            "PUT",
            "Patient?identifier=http://t|2",
            json!({"resourceType": "Patient", "identifier": [{"system": "http://t", "value": "2"}]}),
        ),
        with("PATCH", "Patient/s3", patch.clone()),
        with("PATCH", "Patient?identifier=http://s|s5", patch.clone()),
        request("DELETE", "Patient/x1"),
        request("DELETE", "Patient?identifier=http://t|3"),
        request("GET", "Patient/s1"),
        request("GET", "Patient/s1/_history/1"),
        request("GET", "Patient/s1/_history"),
        request("GET", "Patient/_history?_count=2"),
        request("GET", "Patient?gender=male&_sort=_id"),
        request("GET", "Patient/s1/Observation"),
        request("GET", "Patient/s1/$meta"),
        request("HEAD", "Patient/s1"),
        request("GET", "metadata?mode=x"),
    ];
    let bad = [
        request("GET", "Patient/nobody"),
        request("GET", "Patient?hair=red"),
        request("POST", "Patient"),
        matching,
        with("PUT", "Patient/s0", patient("s1", &json!({}))),
        with("PUT", "Patient?identifier=http://s|", patient("", &json!({}))),
        with("PATCH", "Patient/nobody", patch),
        request("TURN", "Patient/s1"),
        request("DELETE", "Patient"),
        json!({"request": {"method": "GET"}}),
        json!({}),
    ];
    let bundle = |kind: &str, entries: &[Value]| json!({"resourceType": "Bundle", "type": kind, "entry": entries});
    let mut all =
        vec![ask("POST", "", &[JSON], bundle("transaction", &good[..16])), ask("POST", "", &[JSON, WHOLE], bundle("batch", &good))];
    all.push(ask("POST", "", &[JSON, WHOLE, AS_XML], bundle("transaction", &good[..9])));
    all.push(ask("POST", "", &[JSON], bundle("batch", &bad)));
    for one in &bad {
        // A transaction with one bad entry leaves nothing behind.
        let lost = with("PUT", "Patient/lost", patient("lost", &json!({})));
        all.push(ask("POST", "", &[JSON], bundle("transaction", &[lost, one.clone()])));
        all.push(get("Patient/lost"));
    }
    all.push(ask("POST", "", &[JSON], bundle("transaction", &[first.clone(), first])));
    all.extend(["searchset", "collection", "dance"].map(|kind| ask("POST", "", &[JSON], bundle(kind, &[]))));
    all
}

fn histories() -> Vec<Ask> {
    let mut all = Vec::new();
    for place in ["Patient/s1/_history", "Patient/s4/_history", "Patient/_history", "_history", "Patient/nobody/_history"] {
        all.push(get(place));
        for more in [
            "_count=2",
            "_count=0",
            "_since=2026-11-18T11:07:00Z",
            "_since=2026",
            "_at=2026-11-18T11:07:10Z",
            "_at=2026-11-18",
            "_at=2031",
            "_since=2026-11-18T11:07:00Z&_count=3",
            "_at=2026-11-18T11:07&_count=5",
            "_since=x",
            "_sort=_id",
            "_list=1",
            "_count=x",
        ] {
            all.push(get(&format!("{place}?{more}")));
        }
        all.push(ask("GET", &format!("{place}?hair=red&_count=1"), &[("prefer", "handling=lenient"), AS_XML], ""));
    }
    all.extend(["Patient/s1/_history/1", "Patient/s1/_history/77", "Patient/s4/_history/2", "Patient/s1/_history/x"].map(get));
    all
}

fn operations() -> Vec<Ask> {
    let labels = json!({"resourceType": "Parameters", "parameter": [{"name": "meta", "valueMeta": {
        "tag": [{"system": "http://l", "code": "t"}], "security": [{"code": "R"}], "profile": ["http://p"]}}]});
    let mut all = Vec::new();
    for name in ["$meta-add", "$meta", "$meta-delete", "$meta-delete", "$meta"] {
        all.push(ask("POST", &format!("Patient/s1/{name}"), &[JSON], &labels));
        all.push(ask("POST", &format!("Patient/nobody/{name}"), &[JSON], &labels));
        all.push(ask(
            "POST",
            &format!("Patient/s2/{name}"),
            &[JSON, AS_XML],
            if name == "$meta-add" { "{}".to_owned() } else { labels.to_string() },
        ));
        all.push(get(&format!("Patient/s1/{name}")));
    }
    for path in [
        "$meta",
        "Patient/$meta",
        "Patient/s1/_history/1/$meta",
        "Patient/s1/$everything",
        "Patient/s1/$everything?_count=1",
        "Patient/$everything?_count=2",
        "Patient/s1/$everything?_type=Observation",
        "Patient/s1/$everything?start=2020&end=2021",
        "Patient/s1/$everything?_since=2030",
        "ResearchStudy/st/$everything",
        "Patient/nobody/$everything",
        "Observation/so/$everything",
        "$everything",
        "Patient/s1/$dance",
        "Patient/s1/*",
        "Patient/s1/*?_type=Observation",
        "Patient/s1/Organization",
        "Device/x/Observation",
        "Location/x/Observation",
    ] {
        all.push(get(path));
    }
    all
}

fn binaries() -> Vec<Ask> {
    let text = ("content-type", "text/plain; charset=utf-8");
    let mut all = vec![
        ask("PUT", "Binary/b", &[text, ("x-security-context", "Patient/s1")], "hello"),
        ask("POST", "Binary", &[("content-type", "image/png")], "PNG"),
        ask("PUT", "Binary/r", &[JSON], json!({"resourceType": "Binary", "id": "r", "contentType": "text/csv", "data": "YSxi"})),
        ask("PUT", "Binary/w", &[JSON], json!({"resourceType": "Patient", "id": "w"})),
        ask("PUT", "Binary/bad", &[JSON], json!({"resourceType": "Binary", "id": "bad", "contentType": "text/csv", "data": "?"})),
    ];
    for path in [
        "Binary/b",
        "Binary/r",
        "Binary/w",
        "Binary/b/_history/1",
        "Binary/nobody",
        "Binary/b?_format=xml",
        "Binary?_id=b",
        "Binary/b/_history",
    ] {
        for accept in ["*/*", "text/plain", "application/fhir+json", "application/fhir+xml", "application/json", "image/png"] {
            all.push(ask("GET", path, &[("accept", accept)], ""));
            all.push(ask("HEAD", path, &[("accept", accept)], ""));
        }
    }
    all.push(ask("PUT", "Binary/b", &[text, ("if-match", "W/\"9\"")], "x"));
    all.push(ask("PUT", "Binary?_id=b", &[text], "changed"));
    all.extend([get("Binary/b"), ask("DELETE", "Binary/b", &[], ""), get("Binary/b")]);
    all
}

/// Every way to be refused.
fn refusals() -> Vec<Ask> {
    let mut all = Vec::new();
    for body in [
        "",
        "{",
        "[]",
        "null",
        "{}",
        r#"{"resourceType":"Pasient"}"#,
        r#"{"resourceType":"Observation","id":"z"}"#,
        r#"{"resourceType":"Patient"}"#,
        r#"{"resourceType":"Patient","id":"other"}"#,
        r#"{"resourceType":"Patient","id":"z","hair":"red"}"#,
        r#"{"resourceType":"Patient","id":"z","active":"yes"}"#,
        r#"{"resourceType":"Patient","id":"z","birthDate":"2020-13-01"}"#,
        r#"{"resourceType":"Patient","id":"z","gender":null}"#,
        r#"{"resourceType":"Patient","id":"z","name":[]}"#,
        r#"{"resourceType":"Patient","id":"z","id":"z"}"#,
        r#"{"resourceType":"Patient","id":"z","name":{"family":"x"}}"#,
        "<Patient xmlns=\"http://hl7.org/fhir\"><id value=\"z\"/>",
        "<Patient><id value=\"z\"/></Patient>",
        "<!DOCTYPE x [<!ENTITY a \"b\">]><Patient xmlns=\"http://hl7.org/fhir\"><id value=\"z\"/></Patient>",
    ] {
        for kind in [JSON, XML, ("content-type", "text/plain"), ("content-type", "application/fhir+json; charset=latin1")] {
            all.push(ask("PUT", "Patient/z", &[kind], body));
            all.push(ask("POST", "Patient", &[kind, AS_XML], body));
        }
    }
    let good = patient("z", &json!({}));
    for (method, path) in [
        ("PUT", "Patient"),
        ("POST", "Patient/z"),
        ("PUT", ""),
        ("DELETE", ""),
        ("PATCH", ""),
        ("POST", "Patient/z/_history"),
        ("PUT", "Patient/z/_history/1"),
        ("DELETE", "Patient/z/_history/1"),
        ("TRACE", "Patient/z"),
        ("GET", "Pasient/z"),
        ("PUT", "Pasient/z"),
        ("GET", "Patient/a b"),
        ("PUT", "Patient/a_b"),
        ("PUT", "Patient/0123456789012345678901234567890123456789012345678901234567890123456789"),
        ("GET", "Patient/z/z/z/z"),
        ("GET", "Patient/%"),
        ("POST", "metadata"),
        ("DELETE", "metadata"),
        ("PUT", "_history"),
        ("POST", "Patient/_search/x"),
        ("GET", "Patient/_search"),
    ] {
        let path = path.replace(' ', "%20");
        all.push(ask(method, &path, &[JSON], if method == "GET" { String::new() } else { good.to_string() }));
        all.push(ask(method, &path, &[AS_XML], ""));
    }
    for search in [
        "birthdate=x",
        "_sort=hair",
        "_count=-1",
        "_count=x",
        "_total=x",
        "_summary=x",
        "_include=x",
        "_include=Patient:hair",
        "_revinclude=Patient",
        "name:dance=x",
        "organization.hair=x",
        "_has:Observation=x",
        "_has:Observation:hair:code=x",
        "_lastUpdated=zz2020",
        "_filter=x",
        "_cursor=abc",
        "_elements=",
        "identifier:of-type=x",
        "name:missing=x",
        "_list=",
        "_text=",
        "general-practitioner:Dance=x",
        "_id=a%00b",
        "%zz=1",
        "=x",
        "&&",
    ] {
        all.push(get(&format!("Patient?{search}")));
    }
    all.extend(
        ["Observation?value-quantity=x", "Observation?code-value-quantity=a", "Location?near=x", "?_type=Pasient", "?gender=male"].map(get),
    );
    all
}
