//! The official suite for R4, from HL7's test cases: the folder that `NORN_SHARED_DATA` names.

use std::collections::HashMap;
use std::path::PathBuf;

use crate::base::budget::Limits;
use crate::base::clock::Instant;
use crate::definitions::Definitions;
use crate::fhirpath::{Environment, Expression, Mode, Moment, Number, Value};
use crate::model::codec::read_anyhow;
use crate::model::codec::xml::document::{self, Element, Node};
use crate::model::resource::Resource;
use crate::validate::Validator;

/// Cases that the suite and the specification tell differently; the specification is followed. Name, and why.
const EXCEPTIONS: [(&str, &str); 2] = [
    ("HighBoundaryDateTimeMillisecond1", "the last moment of 08 o'clock is 08:59:59.999; the suite takes @2014-01-01T08 for 08:00"),
    ("HighBoundaryDateTimeMillisecond3", "the same expression again"),
];

#[expect(
    clippy::disallowed_methods,
    reason = "a test may be told where the official cases lie; the gateway itself reads its environment in app::config"
)]
fn folder() -> Option<PathBuf> {
    let folder = std::env::var_os("NORN_SHARED_DATA").filter(|path| !path.is_empty());
    if folder.is_none() {
        println!("the official suite of FHIRPath was not run: NORN_SHARED_DATA is not set");
    }
    folder.map(|folder| PathBuf::from(folder).join("fhir-test-cases/fhirpath"))
}

fn attribute<'e>(element: &'e Element, name: &str) -> &'e str {
    element.attributes.iter().find(|attribute| attribute.name.local == name).map_or("", |attribute| attribute.value.as_str())
}

fn children<'e>(element: &'e Element, name: &'e str) -> impl Iterator<Item = &'e Element> {
    element.children.iter().filter_map(Node::element).filter(move |child| child.name.local == name)
}

fn text(element: &Element) -> String {
    element.children.iter().filter_map(|child| if let Node::Text(text) = child { Some(text.as_str()) } else { None }).collect()
}

fn told(value: &Value<'_>) -> String {
    match value {
        Value::Node(node) if node.is_primitive() => node.text().into_owned(),
        other => other.to_string(),
    }
}

/// Dates are told with `@` and times with `@T`; numbers by their value.
fn same(wanted: &str, found: &str) -> bool {
    let wanted = wanted.trim().strip_prefix("@T").or_else(|| wanted.trim().strip_prefix('@')).unwrap_or(wanted);
    wanted == found || matches!((Number::read(wanted), Number::read(found)), (Some(a), Some(b)) if a.compare(b).is_eq())
}

/// What is wrong with the answer to a case, if anything.
fn run(case: &Element, inputs: &HashMap<String, Resource>, validator: &Validator<'_>, definitions: &Definitions) -> Option<String> {
    let told_expression = children(case, "expression").next()?;
    let expression = text(told_expression);
    let invalid = attribute(told_expression, "invalid");
    let wanted: Vec<String> = children(case, "output").map(text).collect();
    let input = inputs.get(attribute(case, "inputfile")).or_else(|| inputs.get("patient-example.xml"))?;
    let compiled = match Expression::compile(&expression, &definitions.schema) {
        Ok(compiled) => compiled,
        Err(_) if !invalid.is_empty() => return None,
        Err(refused) => return Some(format!("{expression}: {refused}")),
    };
    let environment = Environment {
        mode: Mode::Strict,
        now: Some(Moment::at(Instant(1_700_000_000_000_000))),
        profiles: validator,
        ..Environment::of(input.root())
    };
    let found = match compiled.evaluate_with(input.root(), &environment) {
        Ok(found) if !invalid.is_empty() => return Some(format!("{expression}: {found:?}, but it is invalid ({invalid})")),
        Ok(found) => found,
        Err(_) if !invalid.is_empty() => return None,
        Err(error) => return Some(format!("{expression}: {error}")),
    };
    let mut answers: Vec<String> = found.iter().map(told).collect();
    if attribute(case, "predicate") == "true" {
        answers = vec![(!answers.is_empty()).to_string()];
    }
    let mut missing = answers.clone();
    let right = wanted.len() == answers.len()
        && if attribute(case, "ordered") == "false" {
            wanted.iter().all(|wanted| missing.iter().position(|found| same(wanted, found)).map(|at| missing.remove(at)).is_some())
        } else {
            wanted.iter().zip(&answers).all(|(wanted, found)| same(wanted, found))
        };
    (!right).then(|| format!("{expression}: {answers:?} instead of {wanted:?}"))
}

#[test]
fn the_official_suite_passes() {
    let Some(folder) = folder() else { return };
    let definitions = Definitions::embedded();
    let validator = Validator::new(crate::definitions::Library::embedded());
    let mut inputs = HashMap::new();
    for file in std::fs::read_dir(folder.join("input")).unwrap() {
        let path = file.unwrap().path();
        let bytes = std::fs::read(&path).unwrap();
        let read = read_anyhow(&bytes, &definitions.schema, &Limits::default());
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        inputs.insert(name, read.unwrap());
    }
    let suite = std::fs::read(folder.join("tests-fhir-r4.xml")).unwrap();
    let nodes = document::read(&suite).unwrap();
    let root = nodes.iter().find_map(Node::element).unwrap();
    let (mut count, mut wrong, mut excused) = (0, Vec::new(), 0);
    for case in children(root, "group").flat_map(|group| children(group, "test")) {
        count += 1;
        let name = attribute(case, "name");
        let excepted = EXCEPTIONS.iter().any(|(known, _)| *known == name);
        match run(case, &inputs, &validator, definitions) {
            Some(why) if !excepted => wrong.push(format!("{name}: {why}")),
            None if excepted => wrong.push(format!("{name} passes: it is no exception any more")),
            other => excused += usize::from(other.is_some()),
        }
    }
    println!("{} of {count} official cases of FHIRPath pass; {excused} are listed as exceptions", count - excused - wrong.len());
    assert!(wrong.is_empty(), "{} are wrong:\n{}", wrong.len(), wrong.join("\n"));
}
