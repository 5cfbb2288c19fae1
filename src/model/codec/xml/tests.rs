//! XML as others write it, XML as we write it, and the way there and back for everything that FHIR defines.

use std::collections::BTreeMap;
use std::io::Read;
use std::path::PathBuf;

use super::write::key;
use super::{read_xml, write_xml};
use crate::base::budget::Limits;
use crate::definitions::Definitions;
use crate::model::codec::read_json;
use crate::model::primitive::Json;
use crate::model::resource::Resource;
use crate::model::schema::{Kind, Schema, TypeId};
use crate::model::tree::{Node, Shape};

fn schema() -> &'static Schema {
    &Definitions::embedded().schema
}

fn told(issues: &[crate::model::outcome::Issue]) -> Vec<String> {
    issues.iter().map(ToString::to_string).collect()
}

fn read(xml: &str) -> Result<String, Vec<String>> {
    let resource = read_xml(xml.as_bytes(), schema(), &Limits::default()).map_err(|issues| told(&issues))?;
    Ok(String::from_utf8(resource.text().to_vec()).unwrap())
}

fn write(json: &str) -> Result<String, Vec<String>> {
    let xml = write_xml(json.as_bytes(), schema(), &Limits::default()).map_err(|issues| told(&issues))?;
    Ok(String::from_utf8(xml).unwrap())
}

/// A resource without what JSON leaves open: the order of members and the escapes of strings.
fn canonical(node: Node<'_>, out: &mut String) {
    match node.shape() {
        Shape::Object => {
            let mut members: Vec<_> = node.members().map(|member| (key(member), member.is_shadow(), member)).collect();
            members.sort_by_key(|(key, shadow, _)| (*key, *shadow));
            out.push('{');
            for (key, shadow, member) in members {
                out.push_str(&format!("{}{key}:", if shadow { "_" } else { "" }));
                canonical(member, out);
                out.push(',');
            }
            out.push('}');
        }
        Shape::Array => {
            out.push('[');
            for item in node.members() {
                canonical(item, out);
                out.push(',');
            }
            out.push(']');
        }
        Shape::String | Shape::Escaped => out.push_str(&format!("{:?}", node.text())),
        Shape::Number | Shape::Boolean | Shape::Null => out.push_str(node.json()),
    }
}

fn canonical_of(resource: &Resource) -> String {
    let mut out = String::new();
    canonical(resource.root(), &mut out);
    out
}

/// JSON to XML and back; gives what came back, if it is not the same.
fn there_and_back(json: &[u8], limits: &Limits) -> Result<(), String> {
    let before = read_json(json, schema(), limits).map_err(|issues| format!("JSON: {:?}", told(&issues)))?;
    let xml = write_xml(json, schema(), limits).map_err(|issues| format!("to XML: {:?}", told(&issues)))?;
    let after = read_xml(&xml, schema(), limits).map_err(|issues| format!("from XML: {:?}", told(&issues)))?;
    let (before, after) = (canonical_of(&before), canonical_of(&after));
    if before == after {
        return Ok(());
    }
    let same = before.bytes().zip(after.bytes()).take_while(|(a, b)| a == b).count();
    let near = |text: &str| text.chars().skip(same.saturating_sub(60)).take(120).collect::<String>();
    Err(format!("changed: {} became {}", near(&before), near(&after)))
}

#[test]
fn every_official_example_survives_the_way_to_xml_and_back() {
    #[expect(
        clippy::disallowed_methods,
        reason = "a test may be told where packages lie; the gateway reads its environment in app::config"
    )]
    let folder = std::env::var_os("NORN_PACKAGES").filter(|path| !path.is_empty()).map(PathBuf::from);
    let Some(bytes) = folder.and_then(|folder| std::fs::read(folder.join("hl7.fhir.r4.examples-4.0.1.tgz")).ok()) else {
        eprintln!("NORN_PACKAGES has no hl7.fhir.r4.examples-4.0.1.tgz: the official examples were not run");
        return;
    };
    let limits = Limits { bytes: usize::MAX, ..Limits::default() };
    let (mut count, mut failures) = (0, BTreeMap::new());
    let mut archive = tar::Archive::new(flate2::read::GzDecoder::new(bytes.as_slice()));
    for entry in archive.entries().unwrap() {
        let mut entry = entry.unwrap();
        let name = entry.path().unwrap().to_string_lossy().into_owned();
        let mut json = Vec::new();
        entry.read_to_end(&mut json).unwrap();
        // The package's own lists are no resources.
        if !name.ends_with(".json") || name.ends_with("/package.json") || name.ends_with(".index.json") {
            continue;
        }
        count += 1;
        if let Err(failure) = there_and_back(&json, &limits) {
            failures.insert(name, failure);
        }
    }
    eprintln!("{count} examples, {} not the same", failures.len());
    for (name, failure) in &failures {
        eprintln!("{name}: {}", failure.chars().take(600).collect::<String>());
    }
}
