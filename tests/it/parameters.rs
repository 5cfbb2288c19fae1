//! Search parameters of this server's own: refused or taken, indexed while others write, over a crash, on several gateways.

use serde_json::{Value, json};

use crate::support::process::Process;
use crate::support::{Client, cluster};

const EXTENSION: &str = "http://example.org/ward";

/// A process over a fresh store.
struct Server {
    process: Process,
    client: Client,
    store: String,
    _folder: tempfile::TempDir,
}

impl Server {
    fn sqlite() -> Self {
        let folder = tempfile::TempDir::new().unwrap();
        let store = format!("sqlite:{}", folder.path().join("norn.db").display());
        Self::over(store, folder)
    }

    fn postgres() -> Self {
        Self::over(cluster::fresh(), tempfile::TempDir::new().unwrap())
    }

    fn over(store: String, folder: tempfile::TempDir) -> Self {
        let process = Process::serve_url(&store);
        Self { client: Client::new(&process.base), process, store, _folder: folder }
    }

    /// Kills the process without warning and starts another on the same store.
    fn kill(self) -> Self {
        self.process.kill();
        Self::over(self.store, self._folder)
    }
}

fn patient(id: &str, ward: &str) -> Value {
    json!({"resourceType": "Patient", "id": id, "active": true,
        "extension": [{"url": EXTENSION, "valueCode": ward}, {"url": "http://example.org/since", "valueDate": "2026-11-01"},
            {"url": "http://example.org/nurse", "valueReference": {"reference": format!("Practitioner/{ward}")}}]})
}

fn parameter(code: &str, kind: &str, expression: &str) -> Value {
    json!({"resourceType": "SearchParameter", "url": format!("http://example.org/SearchParameter/{code}"), "name": code, "status": "active",
        "description": "x", "code": code, "base": ["Patient"], "type": kind, "expression": expression})
}

fn ward() -> Value {
    parameter("ward", "token", &format!("Patient.extension('{EXTENSION}').value"))
}

fn since() -> Value {
    parameter("since", "date", "Patient.extension.where(url = 'http://example.org/since').value.ofType(date)")
}

/// Stores so many patients, in wards by turns.
async fn fill(client: &Client, from: usize, count: usize, wards: usize) {
    for chunk in (from..from + count).collect::<Vec<_>>().chunks(250) {
        let entry = |n: &usize| {
            let (id, ward) = (format!("p{n}"), format!("w{}", n % wards));
            json!({"resource": patient(&id, &ward), "request": {"method": "PUT", "url": format!("Patient/{id}")}})
        };
        let entries: Vec<Value> = chunk.iter().map(entry).collect();
        let bundle = json!({"resourceType": "Bundle", "type": "transaction", "entry": entries});
        client.post("", bundle.to_string()).await.expect(200);
    }
}

async fn status(client: &Client, id: &str) -> Value {
    client.get(&format!("SearchParameter/{id}/$status")).await.expect(200).json()
}

/// What the Task says is done.
fn done(task: &Value) -> u64 {
    task["output"][0]["valueDecimal"].as_u64().unwrap_or(0)
}

/// Waits until all is indexed; meanwhile a search is refused, or there is nothing to wait for any more.
async fn complete(client: &Client, id: &str, search: &str) -> Value {
    loop {
        let reply = client.get(search).await;
        let task = status(client, id).await;
        match task["status"].as_str().unwrap() {
            // Another gateway may hear of it a moment later.
            "completed" if client.get(search).await.status == 200 => return task,
            "completed" => {}
            "requested" | "in-progress" => {
                assert_eq!(reply.status, 400, "{}", reply.text());
                // Another gateway may not have heard of it.
                let told = ["cannot be asked for yet", "no search parameter"];
                assert!(told.iter().any(|told| reply.text().contains(told)), "{}", reply.text());
            }
            other => panic!("{other}: {task}"),
        }
    }
}

async fn total(client: &Client, search: &str) -> u64 {
    let reply = client.get(&format!("{search}&_total=accurate&_count=1")).await.expect(200);
    reply.json()["total"].as_u64().unwrap()
}

async fn is_served_like_any_other(server: Server) {
    let client = &server.client;
    client.put("Practitioner/w1", r#"{"resourceType":"Practitioner","id":"w1","active":true}"#).await.expect(201);
    fill(client, 0, 600, 3).await;
    let observation = |id: &str, of: &str| json!({"resourceType": "Observation", "id": id, "status": "final", "code": {"text": "x"}, "subject": {"reference": of}});
    client.put("Observation/o", observation("o", "Patient/p1").to_string()).await.expect(201);
    let nurse = parameter("nurse", "reference", "Patient.extension('http://example.org/nurse').value.ofType(Reference)");
    let mut both = parameter("ward-since", "composite", "Patient");
    both["component"] = json!([
        {"definition": "http://example.org/SearchParameter/ward", "expression": format!("extension('{EXTENSION}').value")},
        {"definition": "http://example.org/SearchParameter/since", "expression": "extension('http://example.org/since').value"}
    ]);
    // In one transaction: what they are made of comes with them.
    let entries: Vec<Value> = [("both", &both), ("ward", &ward()), ("since", &since()), ("nurse", &nurse)]
        .iter()
        .map(|(id, body)| {
            let mut body = (*body).clone();
            body["id"] = json!(id);
            json!({"resource": body, "request": {"method": "PUT", "url": format!("SearchParameter/{id}")}})
        })
        .collect();
    let bundle = json!({"resourceType": "Bundle", "type": "transaction", "entry": entries});
    client.post("", bundle.to_string()).await.expect(200);
    for (id, search) in [
        ("ward", "Patient?ward=w1"),
        ("since", "Patient?_sort=since"),
        ("nurse", "Patient?_include=Patient:nurse"),
        ("both", "Patient?ward-since=w1$2026-11"),
        ("ward", "Observation?subject:Patient.ward=w1"),
        ("ward", "Observation?subject.ward=w1"),
        ("nurse", "Practitioner?_has:Patient:nurse:active=true"),
    ] {
        let task = complete(client, id, search).await;
        assert_eq!((done(&task), task["output"][1]["valueDecimal"].as_u64()), (600, Some(600)), "{task}");
    }
    for (search, found) in [
        ("Patient?ward=w1", 200),
        ("Patient?ward=w1,w2", 400),
        ("Patient?ward:not=w1", 400),
        ("Patient?ward:missing=true", 0),
        ("Patient?since:missing=false", 600),
        ("Patient?since=lt2026-11-02&ward=w0", 200),
        ("Patient?nurse=Practitioner/w1", 200),
        ("Patient?nurse:Practitioner.active=true", 200),
        ("Patient?ward-since=w1$2026-11", 200),
        ("Patient?ward-since=w1$2026-12", 0),
        ("Practitioner?_has:Patient:nurse:active=true", 1),
        ("Observation?subject:Patient.ward=w1", 1),
        ("Observation?subject:Patient.ward=w2", 0),
    ] {
        assert_eq!(total(client, search).await, found, "{search}");
    }
    let page = client.get("Patient?ward=w1&_sort=ward,-_id&_count=2&_include=Patient:nurse").await.expect(200).json();
    let included: Vec<_> = page["entry"].as_array().unwrap().iter().filter(|entry| entry["search"]["mode"] == "include").collect();
    assert_eq!((included.len(), &included[0]["resource"]["id"]), (1, &json!("w1")));
    let statement = client.get("metadata").await.expect(200).json();
    let of_patient = statement["rest"][0]["resource"].as_array().unwrap().iter().find(|one| one["type"] == "Patient").unwrap();
    let told = of_patient["searchParam"].as_array().unwrap().iter().find(|one| one["name"] == "ward").unwrap();
    assert_eq!(told["definition"], "http://example.org/SearchParameter/ward");
    assert!(of_patient["searchInclude"].as_array().unwrap().contains(&json!("Patient:nurse")));

    // What a composite is made of cannot go before it.
    let refused = client.delete("SearchParameter/since").await.expect(422);
    assert!(refused.text().contains("SearchParameter/both"), "{}", refused.text());
    // The same definition in other words changes nothing.
    let mut again = ward();
    (again["id"], again["description"]) = (json!("ward"), json!("in other words"));
    client.put("SearchParameter/ward", again.to_string()).await.expect(200);
    assert_eq!(total(client, "Patient?ward=w1").await, 200);
    // Another expression starts anew, and what it was made of before never answers.
    again["expression"] = json!("Patient.extension('http://example.org/other').value.ofType(code)");
    client.put("SearchParameter/ward", again.to_string()).await.expect(200);
    complete(client, "ward", "Patient?ward=w1").await;
    assert_eq!(total(client, "Patient?ward=w1").await, 0);
    complete(client, "both", "Patient?ward-since=w1$2026-11").await;
    assert_eq!(total(client, "Patient?ward-since=w1$2026-11").await, 200);
    client.delete("SearchParameter/both").await.expect(204);
    again["status"] = json!("retired");
    client.put("SearchParameter/ward", again.to_string()).await.expect(200);
    client.get("Patient?ward=w1").await.expect(400);
    assert_eq!(status(client, "ward").await["status"], "cancelled");
    client.delete("SearchParameter/since").await.expect(204);
    let unknown = client.get("Patient?_sort=since").await.expect(400);
    assert!(unknown.text().contains("no search parameter"), "{}", unknown.text());
}

#[tokio::test(flavor = "multi_thread")]
async fn over_sqlite_it_is_served_like_any_other() {
    is_served_like_any_other(Server::sqlite()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn over_postgresql_it_is_served_like_any_other() {
    is_served_like_any_other(Server::postgres()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_served_is_refused_with_its_place() {
    let server = Server::sqlite();
    let client = &server.client;
    client
        .put("SearchParameter/taken", parameter("taken", "string", "Patient.name").to_string().replace('{', "{\"id\":\"taken\","))
        .await
        .expect(201);
    let with = |name: &str, value: Value| {
        let mut body = ward();
        body[name] = value;
        body
    };
    let part = |url: &str, expression: &str| json!({"definition": url, "expression": expression});
    let composite = |components: Value| {
        let mut body = parameter("pair", "composite", "Patient.name");
        body["component"] = components;
        body
    };
    let cases = [
        (with("expression", json!("Patient.name.")), "SearchParameter.expression", "column"),
        (with("expression", json!("Patient.name.substring(1)")), "SearchParameter.expression", "not served"),
        (with("expression", json!("Patient.nme")), "SearchParameter.expression", "nme"),
        (with("expression", json!("Patient.extension.valueCode")), "SearchParameter.expression", "value, not"),
        (with("expression", json!("Patient.name.status")), "SearchParameter.expression", "HumanName has no element"),
        (with("expression", json!("Patient.name.where(%resource.active)")), "SearchParameter.expression", "whole resource"),
        (with("expression", json!("Patient.generalPractitioner.resolve().name")), "SearchParameter.expression", "chain"),
        (with("expression", json!("Observation.code")), "SearchParameter.expression", "nothing on Patient"),
        (parameter("x", "date", "Patient.name"), "SearchParameter.expression", "date parameter reads"),
        (with("base", json!(["Patients"])), "SearchParameter.base", "Patients"),
        (with("code", json!("birthdate")), "SearchParameter.code", "already"),
        (with("code", json!("taken")), "SearchParameter.code", "already"),
        (with("code", json!("_ward")), "SearchParameter.code", "underscore"),
        (with("url", json!("http://example.org/SearchParameter/taken")), "SearchParameter.url", "SearchParameter/taken"),
        (with("type", json!("special")), "SearchParameter.type", "special"),
        (with("xpathUsage", json!("phonetic")), "SearchParameter.xpathUsage", "normal"),
        (with("target", json!(["Nobody"])), "SearchParameter.target", "Nobody"),
        (parameter("x", "composite", "Patient.name"), "SearchParameter.component", "two components"),
        (
            composite(json!([part("http://nowhere", "family"), part("http://nowhere", "given")])),
            "SearchParameter.component[0].definition",
            "no search parameter",
        ),
        (
            composite(json!([
                part("http://hl7.org/fhir/SearchParameter/individual-family", "family"),
                part("http://hl7.org/fhir/SearchParameter/individual-birthdate", "given")
            ])),
            "SearchParameter.component[1].expression",
            "date parameter reads",
        ),
    ];
    for (body, place, told) in cases {
        let reply = client.post("SearchParameter", body.to_string()).await;
        // Codes outside of their value sets are refused before: what a client hears is where and what all the same.
        assert!(reply.status == 422 || reply.status == 400, "{body}: {} {}", reply.status, reply.text());
        let issue = &reply.json()["issue"][0];
        assert!(issue["expression"][0].as_str().unwrap_or_default().starts_with(place), "{body}: {issue}");
        assert!(issue["diagnostics"].as_str().unwrap().contains(told), "{body}: {issue}");
        // A draft may be whatever it is.
        if reply.status == 422 && issue["code"] != "code-invalid" {
            let mut draft = body;
            draft["status"] = json!("draft");
            client.post("SearchParameter", draft.to_string()).await.expect(201);
        }
    }
    let entry = json!({"resource": parameter("x", "date", "Patient.name"), "request": {"method": "POST", "url": "SearchParameter"}});
    let bundle = json!({"resourceType": "Bundle", "type": "transaction", "entry": [
        {"resource": {"resourceType": "Basic", "code": {"text": "x"}}, "request": {"method": "POST", "url": "Basic"}}, entry]});
    let reply = client.post("", bundle.to_string()).await.expect(422);
    assert!(reply.json()["issue"][0]["expression"][0].as_str().unwrap().contains("Bundle.entry[1]"), "{}", reply.text());
}

#[tokio::test(flavor = "multi_thread")]
async fn one_that_equals_a_built_in_one_changes_nothing() {
    let server = Server::sqlite();
    let client = &server.client;
    let before = client.get("metadata").await.json()["rest"].clone();
    let mut by_url = parameter("birthdate", "date", "Patient.birthDate | Person.birthDate | RelatedPerson.birthDate");
    by_url["url"] = json!("http://hl7.org/fhir/SearchParameter/individual-birthdate");
    let by_meaning = parameter("birthdate", "date", "Patient.birthDate");
    for body in [by_url, by_meaning] {
        let created = client.post("SearchParameter", body.to_string()).await.expect(201).json();
        let task = status(client, created["id"].as_str().unwrap()).await;
        assert_eq!((&task["status"], task["output"].is_null()), (&json!("completed"), true), "{task}");
    }
    client.put("Patient/p", r#"{"resourceType":"Patient","id":"p","birthDate":"1970-01-02"}"#).await.expect(201);
    assert_eq!(total(client, "Patient?birthdate=1970").await, 1);
    assert_eq!(client.get("metadata").await.json()["rest"], before);
}

/// Patients enough for several transactions of indexing.
const MANY: usize = 3000;

#[tokio::test(flavor = "multi_thread")]
async fn indexing_goes_on_after_a_kill() {
    let mut server = Server::sqlite();
    fill(&server.client, 0, MANY, 2).await;
    server.client.put("SearchParameter/ward", ward().to_string().replacen('{', "{\"id\":\"ward\",", 1)).await.expect(201);
    let mut before = 0;
    // Killed again and again in the middle: every life goes on from where the last one was.
    for _ in 0..3 {
        let seen = loop {
            let task = status(&server.client, "ward").await;
            if done(&task) > before || task["status"] == "completed" {
                break done(&task);
            }
        };
        server = server.kill();
        let task = status(&server.client, "ward").await;
        assert!(done(&task) >= seen, "{task}");
        before = done(&task);
    }
    let task = complete(&server.client, "ward", "Patient?ward=w1").await;
    assert_eq!(done(&task), MANY as u64);
    assert_eq!(total(&server.client, "Patient?ward=w1").await, MANY as u64 / 2);
    assert_eq!(total(&server.client, "Patient?ward=w0&active=true").await, MANY as u64 / 2);
    check(server);
}

/// Stops the server and lets `norn check` look at what it left.
fn check(server: Server) {
    let Server { process, store, _folder, .. } = server;
    assert!(process.stop());
    let output = std::process::Command::new(env!("CARGO_BIN_EXE_norn")).args(["check", "--store", &store]).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stdout));
}

async fn what_is_written_meanwhile_is_found(server: Server) {
    fill(&server.client, 0, MANY / 2, 2).await;
    let put = server.client.put("SearchParameter/ward", ward().to_string().replacen('{', "{\"id\":\"ward\",", 1));
    let client = server.client.clone();
    // Each writer has patients of its own: it moves the first of them and adds others.
    let write = |writer: usize| {
        let client = client.clone();
        async move {
            let mut added = 0;
            for n in 0..60 {
                let moved = format!("p{}", writer * 300 + n);
                client.put(&format!("Patient/{moved}"), patient(&moved, "moved").to_string()).await.expect(200);
                let id = format!("new{writer}-{n}");
                client.put(&format!("Patient/{id}"), patient(&id, "added").to_string()).await.expect(201);
                if n % 3 == 0 {
                    client.delete(&format!("Patient/{id}")).await.expect(204);
                } else {
                    added += 1;
                }
            }
            added
        }
    };
    let (put, one, two, three, four) = tokio::join!(put, write(0), write(1), write(2), write(3));
    put.expect(201);
    complete(&server.client, "ward", "Patient?ward=moved").await;
    assert_eq!(total(&server.client, "Patient?ward=added").await, one + two + three + four);
    assert_eq!(total(&server.client, "Patient?ward=moved").await, 240);
    assert_eq!(total(&server.client, "Patient?ward=w0,w1").await, MANY as u64 / 2 - 240);
    check(server);
}

#[tokio::test(flavor = "multi_thread")]
async fn over_sqlite_what_is_written_meanwhile_is_found() {
    what_is_written_meanwhile_is_found(Server::sqlite()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn over_postgresql_what_is_written_meanwhile_is_found() {
    what_is_written_meanwhile_is_found(Server::postgres()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn two_gateways_on_one_database_agree() {
    let first = Server::postgres();
    let second = Process::serve_url(&first.store);
    let other = Client::new(&second.base);
    fill(&first.client, 0, 700, 2).await;
    first.client.put("SearchParameter/ward", ward().to_string().replacen('{', "{\"id\":\"ward\",", 1)).await.expect(201);
    // The other gateway has not looked yet: its writes have the rows all the same.
    fill(&other, 700, 300, 2).await;
    complete(&first.client, "ward", "Patient?ward=w1").await;
    complete(&other, "ward", "Patient?ward=w1").await;
    for client in [&first.client, &other] {
        assert_eq!(total(client, "Patient?ward=w1").await, 500);
    }
    // From the moment in which it is gone, no gateway answers by it.
    first.client.delete("SearchParameter/ward").await.expect(204);
    first.client.put("Patient/p1", patient("p1", "elsewhere").to_string()).await.expect(200);
    other.get("Patient?ward=w1").await.expect(400);
    // The same again is indexed again.
    other.put("SearchParameter/ward", ward().to_string().replacen('{', "{\"id\":\"ward\",", 1)).await.expect(201);
    complete(&first.client, "ward", "Patient?ward=w1").await;
    complete(&other, "ward", "Patient?ward=w1").await;
    assert_eq!((total(&first.client, "Patient?ward=w1").await, total(&other, "Patient?ward=elsewhere").await), (499, 1));
    // Whoever indexes may die: the other goes on when the lease is over.
    fill(&other, 1000, 600, 2).await;
    first.client.put("SearchParameter/since", since().to_string().replacen('{', "{\"id\":\"since\",", 1)).await.expect(201);
    second.kill();
    complete(&first.client, "since", "Patient?since=2026").await;
    assert_eq!(total(&first.client, "Patient?since=2026").await, 1600);
    check(first);
}
