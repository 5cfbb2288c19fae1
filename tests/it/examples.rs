//! All R4 resources of HL7's examples go in by PUT, come back the same to the digit, and are found by their search parameters.
//!
//! Needs the folder that `NORN_PACKAGES` names; without it the suite says that it was not run.

use std::collections::BTreeMap;
use std::io::Read as _;
use std::path::PathBuf;

use norn::base::budget::Limits;
use norn::definitions::{Definitions, ParameterKind};
use norn::fhirpath::Value as Found;
use norn::model::codec::read_json;
use norn::model::primitive::moment;
use norn::model::tree::Node;
use norn::search::catalog::Catalog;
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::Value;

use crate::support::TestGateway;

/// The examples by file name, if the package is there.
fn examples() -> Option<BTreeMap<String, Vec<u8>>> {
    #[expect(clippy::disallowed_methods, reason = "tests read where the packages are")]
    let folder = PathBuf::from(std::env::var_os("NORN_PACKAGES")?);
    let archive = std::fs::File::open(folder.join("hl7.fhir.r4.examples-4.0.1.tgz")).unwrap();
    let mut archive = tar::Archive::new(flate2::read::GzDecoder::new(archive));
    let mut found = BTreeMap::new();
    for entry in archive.entries().unwrap() {
        let mut entry = entry.unwrap();
        let name = entry.path().unwrap().file_name().unwrap().to_string_lossy().into_owned();
        if name.ends_with(".json") && name != "package.json" && name != ".index.json" {
            let mut bytes = Vec::new();
            entry.read_to_end(&mut bytes).unwrap();
            found.insert(name, bytes);
        }
    }
    Some(found)
}

/// The resource without what the server writes.
fn content(mut resource: Value) -> Value {
    let map = resource.as_object_mut().unwrap();
    if let Some(meta) = map.get_mut("meta").and_then(Value::as_object_mut) {
        meta.remove("versionId");
        meta.remove("lastUpdated");
        if meta.is_empty() {
            map.remove("meta");
        }
    }
    resource
}

#[tokio::test(flavor = "multi_thread")]
async fn all_examples_come_back_and_are_found() {
    let Some(examples) = examples() else { return println!("the official examples were not run: NORN_PACKAGES is not set") };
    let server = TestGateway::start().await;
    assert_eq!(examples.len(), 5306);
    let mut refused = String::new();
    let mut stored = Vec::new();
    let all: Vec<_> = examples.iter().collect();
    for chunk in all.chunks(64) {
        let tasks: Vec<_> = chunk
            .iter()
            .map(|(name, bytes)| {
                let (client, name, bytes) = (server.client.clone(), (*name).clone(), bytes::Bytes::copy_from_slice(bytes));
                tokio::spawn(async move {
                    let sent: Value = serde_json::from_slice(&bytes).unwrap();
                    let path = format!("{}/{}", sent["resourceType"].as_str().unwrap(), sent["id"].as_str().unwrap());
                    let put = client.put(&path, bytes).await;
                    if !put.status.is_success() {
                        let json = put.json();
                        let issue = &json["issue"][0];
                        return Err(format!(
                            "{name}\t{}\t{}\t{}\n",
                            put.status.as_u16(),
                            issue["expression"][0].as_str().unwrap_or(""),
                            issue["diagnostics"].as_str().unwrap()
                        ));
                    }
                    let back = client.send("GET", &path, &[("accept", "application/fhir+json")], "").await.unwrap().expect(200).json();
                    assert_eq!(content(back), content(sent), "{name}");
                    Ok(path)
                })
            })
            .collect();
        for task in tasks {
            match task.await.unwrap() {
                Ok(path) => stored.push(path),
                Err(line) => refused.push_str(&line),
            }
        }
    }
    let golden = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/golden/examples/refused.tsv");
    if crate::support::writes_golden() {
        std::fs::write(golden, &refused).unwrap();
    }
    assert_eq!(refused, std::fs::read_to_string(golden).unwrap_or_default(), "what is refused differs from {golden}");
    println!("{} of {} examples stored and read back the same", stored.len(), examples.len());
    let refused: Vec<&str> = refused.lines().filter_map(|line| line.split('\t').next()).collect();
    let kept = examples.iter().filter(|(name, _)| !refused.contains(&name.as_str()));
    search_all(&server, kept).await;
}

/// A search on each parameter that has a value in an example finds that example.
async fn search_all(server: &TestGateway, examples: impl Iterator<Item = (&String, &Vec<u8>)>) {
    let definitions = Definitions::embedded();
    let catalog = Catalog::new(definitions).unwrap();
    let limits = Limits::default();
    let mut tried: BTreeMap<(String, String), usize> = BTreeMap::new();
    let mut lost = Vec::new();
    for (name, bytes) in examples {
        let Ok(resource) = read_json(bytes, &definitions.schema, &limits) else { continue };
        let id = resource.id().unwrap().as_str();
        for compiled in catalog.of(resource.kind()).parameters() {
            let Some(expression) = &compiled.expression else { continue };
            let count = tried.entry((resource.kind().name().to_owned(), compiled.parameter.code.to_string())).or_default();
            // Each parameter with its first few resources; the thousands of definitions would repeat themselves.
            if *count >= 3 {
                continue;
            }
            let Some(value) = expression.evaluate(resource.root()).iter().find_map(|found| query_value(compiled.parameter.kind, found))
            else {
                continue;
            };
            *count += 1;
            let query =
                format!("{}?{}={}&_id={id}", resource.kind(), compiled.parameter.code, utf8_percent_encode(&value, NON_ALPHANUMERIC));
            let reply = server.client.get(&query).await;
            if reply.status != 200 || reply.matches() != [id] {
                lost.push(format!("{name}: {query}"));
            }
        }
    }
    tried.retain(|_, count| *count > 0);
    println!(
        "{} parameters of {} types have values; {} searches",
        tried.len(),
        tried.keys().map(|(kind, _)| kind).collect::<std::collections::BTreeSet<_>>().len(),
        tried.values().sum::<usize>()
    );
    assert!(lost.is_empty(), "{} searches do not find their resource:\n{}", lost.len(), lost.join("\n"));
}

/// A value to search for, written from the element's data type as a client would.
fn query_value(kind: ParameterKind, found: &Found<'_>) -> Option<String> {
    let escaped = |text: &str| text.replace('\\', "\\\\").replace(',', "\\,").replace('|', "\\|").replace('$', "\\$");
    let node = match found {
        Found::Node(node) => *node,
        Found::Boolean(value) => return Some(value.to_string()),
        _ => return None,
    };
    let text = |node: Node<'_>, name: &str| node.get_text(name).map(|text| escaped(&text));
    if node.is_primitive() {
        return match kind {
            ParameterKind::Reference if node.text().starts_with('#') => None,
            // Some date parameters reach elements that may also be told as free text.
            ParameterKind::Date => moment::date_time(&node.text()).map(|_| node.text().into_owned()),
            ParameterKind::Number => Some(node.text().into_owned()),
            _ => Some(escaped(&node.text())),
        };
    }
    match (kind, node.type_name()) {
        (ParameterKind::Token, "CodeableConcept") => node.all("coding").find_map(|coding| query_value(kind, &Found::Node(coding))),
        (ParameterKind::Token, "Identifier") => Some(format!("{}|{}", text(node, "system").unwrap_or_default(), text(node, "value")?)),
        (ParameterKind::Token, "ContactPoint") => text(node, "value"),
        (ParameterKind::Token, _) => Some(format!("{}|{}", text(node, "system").unwrap_or_default(), text(node, "code")?)),
        (ParameterKind::String, "HumanName") => text(node, "family").or_else(|| text(node, "given")).or_else(|| text(node, "text")),
        (ParameterKind::String, "Address") => text(node, "city").or_else(|| text(node, "line")).or_else(|| text(node, "text")),
        (ParameterKind::Reference, _) => node.get_text("reference").filter(|text| !text.starts_with('#')).map(|text| escaped(&text)),
        (ParameterKind::Date, "Period") => node.get_text("start").map(|start| format!("ge{start}")),
        (ParameterKind::Date, "Timing") => node.get_text("event").map(|event| format!("ap{event}")),
        (ParameterKind::Quantity, "Quantity" | "Age" | "Duration") if node.get("comparator").is_none() => {
            let unit = text(node, "code").map(|code| format!("|{}|{code}", text(node, "system").unwrap_or_default()));
            Some(format!("{}{}", node.get("value")?.raw(), unit.unwrap_or_default()))
        }
        (ParameterKind::Quantity, "Money") => {
            Some(format!("{}|urn:iso:std:iso:4217|{}", node.get("value")?.raw(), text(node, "currency")?))
        }
        _ => None,
    }
}
