//! The official cases of the three languages, from HL7's test cases: the folder that `NORN_SHARED_DATA` names.

use std::path::PathBuf;

use super::resource;
use crate::base::budget::Limits;
use crate::model::codec::xml::document::{self, Element, Node};
use crate::model::json::{self, Json};
use crate::patch::{Patch, json as json_patch, xml as xml_patch};

/// A file of the suite, if it is there.
#[expect(
    clippy::disallowed_methods,
    reason = "a test may be told where the official cases lie; the gateway itself reads its environment in app::config"
)]
fn suite(name: &str) -> Option<String> {
    let Some(folder) = std::env::var_os("NORN_SHARED_DATA").filter(|path| !path.is_empty()) else {
        println!("the official suite {name} was not run: NORN_SHARED_DATA is not set");
        return None;
    };
    Some(std::fs::read_to_string(PathBuf::from(folder).join("fhir-test-cases/patch").join(name)).unwrap())
}

/// JSON whose members have no order.
fn canonical(json: &Json) -> serde_json::Value {
    serde_json::from_str(&json.write()).unwrap()
}

#[test]
fn all_official_cases_of_json_patch_pass() {
    let Some(text) = suite("json-patch-tests.json") else { return };
    let cases = json::read(&text).unwrap();
    for case in cases.items() {
        let name = case.member("comment").and_then(Json::text).unwrap();
        let patch = json_patch::Patch::read(&case.member("patch").unwrap().write());
        let outcome = patch.and_then(|patch| patch.apply(case.member("doc").unwrap().clone()));
        match (case.member("expected"), outcome) {
            (Some(wanted), Ok(patched)) => assert_eq!(canonical(&patched), canonical(wanted), "{name}"),
            (None, Err(_)) => {}
            (_, outcome) => panic!("{name}: {outcome:?}"),
        }
    }
    println!("{} official cases of JSON Patch pass", cases.items().len());
}

/// The cases of an XML suite.
fn cases(text: &str) -> Vec<Element> {
    let nodes = document::read(text.as_bytes()).unwrap();
    let root = nodes.into_iter().find_map(|node| node.element().cloned()).unwrap();
    root.children.iter().filter_map(Node::element).cloned().collect()
}

fn attribute<'e>(element: &'e Element, name: &str) -> &'e str {
    element.attributes.iter().find(|attribute| attribute.name.local == name).map_or("", |attribute| attribute.value.as_str())
}

fn child<'e>(element: &'e Element, name: &str) -> Option<&'e Element> {
    element.children.iter().filter_map(Node::element).find(|child| child.name.local == name)
}

/// The document that stands inside an element of a case; empty if there is none.
fn inner(holder: &Element) -> String {
    let element = holder.children.iter().find(|node| node.element().is_some());
    element.map_or_else(String::new, |node| document::write(std::slice::from_ref(node)))
}

/// A document without the white space of its layout.
fn laid_flat(text: &str) -> String {
    fn flat(nodes: &[Node]) -> Vec<Node> {
        let solid = nodes.iter().filter(|node| !node.is_blank()).cloned();
        let flat = |node| match node {
            Node::Element(element) => Node::Element(Element { children: flat(&element.children), ..element }),
            other => other,
        };
        solid.map(flat).collect()
    }
    let mut nodes = flat(&document::read(text.as_bytes()).unwrap_or_else(|issue| panic!("{issue}: {text}")));
    for node in &mut nodes {
        if let Node::Element(element) = node {
            element.attributes.sort_by(|a, b| a.name.local.cmp(&b.name.local));
        }
    }
    document::write(&nodes)
}

#[test]
fn all_official_cases_of_xml_patch_pass() {
    let Some(text) = suite("xml-patch-tests.xml") else { return };
    let cases = cases(&text);
    for case in &cases {
        let name = attribute(case, "name");
        let target = inner(child(case, "target").unwrap());
        let patch = document::write(&[Node::Element(child(case, "patch").unwrap().clone())]);
        let outcome = xml_patch::Patch::read(patch.as_bytes()).and_then(|patch| patch.apply(target.as_bytes()));
        match (child(case, "patched"), outcome) {
            (Some(wanted), Ok(patched)) => assert_eq!(laid_flat(&patched.unwrap_or(target)), laid_flat(&inner(wanted)), "{name}"),
            (None, Err(_)) => {}
            (_, outcome) => panic!("{name}: {outcome:?}"),
        }
    }
    println!("{} official cases of XML Patch pass", cases.len());
}

#[test]
fn all_official_cases_of_fhirpath_patch_pass() {
    let Some(text) = suite("fhir-patch-tests.xml") else { return };
    let cases = cases(&text);
    for case in &cases {
        let name = attribute(case, "name");
        let part = |part: &str| resource(&inner(child(case, part).unwrap()));
        let outcome = Patch::carried_by(&part("diff")).and_then(|patch| patch.apply(&part("input"), &Limits::default()));
        let shown = |resource: &crate::model::resource::Resource| serde_json::from_slice::<serde_json::Value>(resource.text()).unwrap();
        match (child(case, "output"), outcome) {
            (Some(_), Ok(patched)) => assert_eq!(shown(&patched), shown(&part("output")), "{name}"),
            (None, Err(_)) => {}
            (_, outcome) => panic!("{name}: {outcome:?}"),
        }
    }
    println!("{} official cases of FHIRPath Patch pass", cases.len());
}
