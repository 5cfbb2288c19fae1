//! The runner, end to end: its binary against a small scripted server whose answers are known.
//!
//! What matters: an expectation that does not hold fails its case with the right words, the counts add up in the report
//! as in the JUnit file, and a server that is not there is said to be not there.

#![expect(clippy::unwrap_used, reason = "a test stops at what it did not foresee")]

use std::convert::Infallible;
use std::net::TcpListener;
use std::path::Path;
use std::process::{Command, Output};

use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;

const CASES: &str = r#"
about = "What a scripted server does and does not"

[[set.pair]]
as = "a"
resource = '{"resourceType":"Patient","id":"one"}'
[[set.pair]]
as = "b"
resource = '{"resourceType":"Patient","id":"two"}'

[[case]]
name = "what holds passes"
spec = "https://example.org/holds"
use = "pair"
step = [
  { request = "GET Patient/{{a}}", header = ['ETag equals W/"1"'], check = ["id equals {{a}}", "weight equals 1.50"], capture = { tag = "header ETag | tag" } },
  { request = "HEAD Patient/{{a}}?{{tag}}", at-once = 3, text = ["absent"] },
  { request = "GET Patient?identifier={{unique}}", finds = "b a", order = "a b", included = "" },
  { request = "GET Patient/nobody", status = 404, issue = "Patient/nobody", says = "unknown" },
]

[[case]]
name = "a wrong status fails"
spec = "https://example.org/status"
step = [ { request = "GET metadata" }, { request = "GET Patient/nobody", check = ["id exists"] } ]

[[case]]
name = "a wrong header, path and <text> fail together"
spec = "https://example.org/three"
[[case.step]]
request = "GET Patient/one"
header = ['ETag equals W/"2"']
check = ["id equals \"two\"", "birthDate exists"]
text = ["contains <Patient>"]

[[case]]
name = "a row seen twice fails"
spec = "https://example.org/paging"
use = "pair"
step = [ { request = "GET Patient?twice", finds = "a b" } ]

[[case]]
name = "a broken setup fails"
spec = "https://example.org/setup"
given = [ { as = "c", resource = '{"resourceType":"Banana"}' } ]
step = [ { request = "GET metadata" } ]

[[case]]
name = "an unstated capability is skipped"
spec = "https://example.org/skip"
only-if = "rest[0].resource[type=Patient].updateCreate equals true"
step = [ { request = "GET Patient/nobody" } ]

[[case]]
name = "a stated capability is used"
spec = "https://example.org/stated"
only-if = "fhirVersion equals 4.0.1"
step = [ { request = "GET metadata", check = ["fhirVersion equals 4.0.1"] } ]
"#;

/// What the scripted server answers: status, headers, body.
fn answer(method: &str, target: &str, base: &str) -> (u16, Vec<(&'static str, String)>, String) {
    let json = ("content-type", "application/fhir+json".to_owned());
    let page = |ids: &[&str], next: &str| {
        let entries: Vec<String> = ids
            .iter()
            .map(|id| format!(r#"{{"resource":{{"resourceType":"Patient","id":"{id}"}},"search":{{"mode":"match"}}}}"#))
            .collect();
        let link = if next.is_empty() { String::new() } else { format!(r#""link":[{{"relation":"next","url":"{base}/{next}"}}],"#) };
        format!(r#"{{"resourceType":"Bundle","type":"searchset",{link}"entry":[{}]}}"#, entries.join(","))
    };
    match (method, target) {
        ("GET", "metadata") => (200, vec![json], r#"{"resourceType":"CapabilityStatement","fhirVersion":"4.0.1"}"#.to_owned()),
        ("GET" | "HEAD", target) if target.starts_with("Patient/one") => {
            (200, vec![json, ("etag", "W/\"1\"".to_owned())], r#"{"resourceType":"Patient","id":"one","weight":1.50}"#.to_owned())
        }
        ("GET", target) if target.starts_with("Patient?identifier=") => (200, vec![json], page(&["one"], "Patient?page=2")),
        ("GET", "Patient?page=2") => (200, vec![json], page(&["two"], "")),
        ("GET", "Patient?twice") => (200, vec![json], page(&["one", "two", "one"], "")),
        ("POST", "Patient") => (201, vec![], String::new()),
        _ => {
            let outcome = format!(
                r#"{{"resourceType":"OperationOutcome","issue":[{{"severity":"error","code":"not-found","diagnostics":"unknown","expression":["{target}"]}}]}}"#
            );
            (404, vec![json], outcome)
        }
    }
}

async fn serve(request: Request<Incoming>, base: String) -> Result<Response<Full<Bytes>>, Infallible> {
    let method = request.method().to_string();
    let target = request.uri().to_string().trim_start_matches("/fhir/").to_owned();
    let body = request.into_body().collect().await.unwrap().to_bytes();
    let (status, mut headers, text) = answer(&method, &target, &base);
    if status == 201 {
        let id = if body.windows(3).any(|part| part == b"one") { "one" } else { "two" };
        headers.push(("location", format!("{base}/Patient/{id}/_history/1")));
    }
    let mut response = Response::builder().status(status);
    for (name, value) in headers {
        response = response.header(name, value);
    }
    Ok(response.body(Full::new(Bytes::from(text))).unwrap())
}

/// Starts the scripted server on a free port and gives its base URL.
fn start() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    listener.set_nonblocking(true).unwrap();
    let base = format!("http://{}/fhir", listener.local_addr().unwrap());
    let told = base.clone();
    std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async move {
            let listener = tokio::net::TcpListener::from_std(listener).unwrap();
            loop {
                let (stream, _) = listener.accept().await.unwrap();
                let base = told.clone();
                let service = service_fn(move |request| serve(request, base.clone()));
                tokio::spawn(hyper::server::conn::http1::Builder::new().serve_connection(TokioIo::new(stream), service));
            }
        });
    });
    base
}

/// Runs the binary over a folder with the cases above, and gives its output and the JUnit file.
fn run(cases: &str, arguments: &[&str]) -> (Output, Option<String>) {
    let folder = tempfile::tempdir().unwrap();
    let area = folder.path().join("scripted");
    std::fs::create_dir(&area).unwrap();
    std::fs::write(area.join("cases.toml"), cases).unwrap();
    let junit = folder.path().join("junit.xml");
    let output = Command::new(Path::new(env!("CARGO_BIN_EXE_conformance")))
        .args(["--suites", &folder.path().display().to_string(), "--junit", &junit.display().to_string()])
        .args(arguments)
        .output()
        .unwrap();
    let written = std::fs::read_to_string(&junit).ok();
    (output, written)
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).unwrap()
}

#[test]
fn the_report_tells_what_failed_and_why() {
    let base = start();
    let (output, junit) = run(CASES, &["--base-url", &base, "--verbose"]);
    let report = text(&output.stdout);
    assert_eq!(output.status.code(), Some(1), "{report}");
    assert_eq!(report.lines().last(), Some("2 passed, 4 failed, 1 skipped"), "{report}");
    let expected = [
        "  pass  what holds passes",
        "        scripted/cases.toml, case 2, step 2: GET BASE/Patient/nobody",
        "          status: expected 200, got 404 (not-found: Patient/nobody: unknown)",
        "        rule: https://example.org/status",
        "        > GET BASE/Patient/nobody",
        "        < 404",
        "          header ETag: expected equals W/\"2\", got `W/\"1\"`",
        "          id: expected equals \"two\", got \"one\"",
        "          birthDate: expected exists, got nothing there",
        "          body: expected contains <Patient>, got {\"resourceType\":\"Patient\",\"id\":\"one\",\"weight\":1.50}",
        "          matches: expected [a b], got [a a b]",
        "        scripted/cases.toml, case 5, creating `c`: POST BASE/Banana",
        "          status: expected 201, got 404 (not-found: Banana: unknown)",
        "        the CapabilityStatement does not say so: rest[0].resource[type=Patient].updateCreate: expected equals true, got nothing there",
        "  pass  a stated capability is used",
    ];
    for line in expected.map(|line| line.replace("BASE", &base)) {
        assert!(
            report.lines().any(|present| present == line || present.starts_with(&format!("{line}  ("))),
            "no line `{line}` in\n{report}"
        );
    }
    well_formed(&junit.unwrap());
}

/// The JUnit file can be read, and its counts are those of its cases.
fn well_formed(xml: &str) {
    let mut reader = quick_xml::Reader::from_str(xml);
    let (mut cases, mut failures, mut skipped, mut stated) = (0, 0, 0, Vec::new());
    loop {
        match reader.read_event().unwrap() {
            quick_xml::events::Event::Start(tag) | quick_xml::events::Event::Empty(tag) => match tag.name().as_ref() {
                "testcase" => cases += 1,
                "failure" => failures += 1,
                "skipped" => skipped += 1,
                _ => {
                    let value = |name: &str| tag.try_get_attribute(name).unwrap().unwrap().value.into_owned();
                    stated.push(["tests", "failures", "skipped"].map(|name| value(name).parse::<i32>().unwrap()));
                }
            },
            quick_xml::events::Event::Eof => break,
            _ => {}
        }
    }
    assert_eq!(stated, [[cases, failures, skipped], [cases, failures, skipped]]);
    assert_eq!((cases, failures, skipped), (7, 4, 1));
}

#[test]
fn exit_codes_and_messages() {
    let base = start();
    let check = |cases: &str, arguments: &[&str], code: i32, out: &str, error: &str| {
        let (output, _) = run(cases, arguments);
        let (stdout, stderr) = (text(&output.stdout), text(&output.stderr));
        assert_eq!(output.status.code(), Some(code), "{stdout}{stderr}");
        assert!(stdout.contains(out), "{stdout}");
        assert!(stderr.contains(error), "{stderr}");
    };
    check(CASES, &["--base-url", &base, "--case", "what HOLDS"], 0, "\n1 passed, 0 failed, 0 skipped\n", "");
    check(CASES, &["--base-url", &base, "--case", "unstated"], 0, "\n0 passed, 0 failed, 1 skipped\n", "");
    check(CASES, &["--base-url", &base, "--case", "unstated", "--no-skip"], 1, "\n0 passed, 1 failed, 0 skipped\n", "");
    check(CASES, &["--list", "--suite", "scripted"], 0, "scripted/cases: What a scripted server does and does not\n", "");
    check(CASES, &["--base-url", &base, "--suite", "other"], 2, "", "no case is chosen by --suite and --case");
    check(CASES, &["--base-url", "127.0.0.1:80"], 2, "", "is no URL");
    check(CASES, &[], 2, "", "--base-url");
    check(
        &CASES.replace("id exists", "id is"),
        &["--base-url", &base],
        2,
        "",
        "case 2 \"a wrong status fails\": step 2: check `id is`: `is` is no operator",
    );
    // A port that was free a moment ago and where nobody listens.
    let free = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let dead = format!("http://{free}/fhir");
    check(
        CASES,
        &["--base-url", &dead],
        2,
        "",
        &format!("conformance: no server answers at {dead}: client error (Connect): tcp connect error"),
    );
}
