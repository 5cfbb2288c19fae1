//! A Bundle that is right, and what the validator says when one thing in it is broken.

use serde_json::Value;

use super::{GENOMICS, errors, golden, read};
use crate::definitions::Library;
use crate::model::outcome::Severity;
use crate::validate::{NoContext, Validator, bundle, profile};

/// The number of the entry whose resource has that id.
fn entry(bundle: &Value, id: &str) -> usize {
    bundle["entry"].as_array().unwrap().iter().position(|entry| entry["resource"]["id"] == id).unwrap_or_else(|| panic!("no entry {id}"))
}

fn edit(resource: &mut Value, told: &str) {
    let mut words = told.trim().splitn(3, ' ');
    let (verb, pointer, value) = (words.next().unwrap(), words.next().unwrap(), words.next());
    let value: Option<Value> = value.map(|value| serde_json::from_str(value).unwrap_or_else(|e| panic!("{told}: {e}")));
    let (parent, last) = pointer.rsplit_once('/').unwrap();
    let missing = || panic!("{told}: there is no such place");
    if verb == "+" {
        return resource.pointer_mut(pointer).and_then(Value::as_array_mut).unwrap_or_else(missing).push(value.unwrap());
    }
    match (resource.pointer_mut(parent).unwrap_or_else(|| panic!("{told}: there is no such place")), value) {
        (Value::Object(members), Some(value)) => drop(members.insert(last.to_owned(), value)),
        (Value::Object(members), None) => drop(members.remove(last).unwrap_or_else(|| panic!("{told}: nothing to remove"))),
        (Value::Array(items), Some(value)) => items[last.parse::<usize>().unwrap()] = value,
        (Value::Array(items), None) => drop(items.remove(last.parse().unwrap())),
        _ => panic!("{told}: nothing can stand there"),
    }
    // FHIR has no empty arrays.
    if resource.pointer(parent).and_then(Value::as_array).is_some_and(Vec::is_empty) {
        edit(resource, &format!("- {parent}"));
    }
}

#[test]
fn the_bundle_is_right() {
    let issues = bundle::check(&read(golden("bundle.json").as_bytes()), Library::embedded());
    assert!(issues.is_empty(), "{issues:#?}");
}

#[test]
fn every_break_is_found_where_it_is() {
    let validator = Validator::new(Library::embedded());
    let whole: Value = serde_json::from_str(&golden("bundle.json")).unwrap();
    let mut failures = String::new();
    for line in golden("mutations.txt").lines().filter(|line| !line.starts_with('#')) {
        let [id, edits, places, words] = line.split(" | ").collect::<Vec<_>>()[..] else { panic!("{line}: four cells, please") };
        let mut broken = whole.clone();
        let number = entry(&broken, id);
        edits.split(" ;; ").for_each(|one| edit(&mut broken["entry"][number]["resource"], one));
        let resource = read(broken.to_string().as_bytes());
        let issues = validator.claimed(&resource, &bundle::Entries::of(&resource));
        let issues: Vec<_> = issues.into_iter().filter(|issue| issue.severity == Severity::Error).collect();
        let mut expected: Vec<String> = places
            .split(' ')
            .filter(|place| *place != "-")
            .map(|place| {
                let (id, path) = place.split_once('.').map_or((place, String::new()), |(id, path)| (id, format!(".{path}")));
                format!("Bundle.entry[{}].resource{path}", entry(&whole, id))
            })
            .collect();
        expected.sort();
        let mut found: Vec<String> = issues.iter().map(|issue| issue.expression.clone()).collect();
        found.sort();
        let own = issues.iter().filter(|issue| issue.expression.starts_with(&format!("Bundle.entry[{number}].")));
        let told = words == "-" || own.clone().any(|issue| issue.diagnostics.contains(words));
        if found != expected || !told {
            failures.push_str(&format!("\n{line}\n  found {issues:#?}\n"));
        }
    }
    assert!(failures.is_empty(), "{failures}");
}

/// Issues come in document order, and twice the same.
#[test]
fn issues_stand_in_the_order_of_the_document() {
    let mut broken: Value = serde_json::from_str(&golden("bundle.json")).unwrap();
    let number = entry(&broken, "v1");
    for one in ["- /status", "- /code", "= /component/2/valueQuantity/system \"x:y\"", "- /category/0"] {
        edit(&mut broken["entry"][number]["resource"], one);
    }
    let resource = read(broken["entry"][number]["resource"].to_string().as_bytes());
    let url = format!("{GENOMICS}variant|3.0.0");
    let told = errors(profile::check(&resource, &url, Library::embedded(), &NoContext));
    assert_eq!(told, errors(profile::check(&resource, &url, Library::embedded(), &NoContext)));
    let places: Vec<&str> = told.iter().map(|issue| issue.split(':').next().unwrap()).collect();
    assert_eq!(places, ["Observation", "Observation", "Observation", "Observation", "Observation.component[2].value.system"], "{told:#?}");
}

#[test]
fn a_profile_that_is_not_known_or_not_for_the_type_is_told() {
    let bundle: Value = serde_json::from_str(&golden("bundle.json")).unwrap();
    let patient = read(bundle["entry"][0]["resource"].to_string().as_bytes());
    for (url, words) in [("http://example.org/own", "is not known here"), (&format!("{GENOMICS}variant"), "is one of Observation")] {
        let told = errors(profile::check(&patient, url, Library::embedded(), &NoContext));
        assert!(told.len() == 1 && told[0].contains(words), "{url}: {told:?}");
    }
}
