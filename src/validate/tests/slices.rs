//! Small profiles made for the rules that the published ones hardly use: each kind of discriminator, order, closed slices, limits.

use std::sync::OnceLock;

use super::{errors, golden, read};
use crate::definitions::{Definitions, Library, Source};
use crate::validate::bundle::Entries;
use crate::validate::{NoContext, Validator};

/// R4 with only the profiles of `profiles.tsv`.
fn definitions() -> &'static Definitions {
    static ONCE: OnceLock<Definitions> = OnceLock::new();
    let table = |name: &str| -> &'static str {
        let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("profiles/compiled").join(name);
        std::fs::read_to_string(path).unwrap().leak()
    };
    ONCE.get_or_init(|| {
        let source = Source {
            terminology: include_bytes!("../../../profiles/compiled/terminology.bin"),
            types: table("types.tsv"),
            parameters: table("search-parameters.tsv"),
            compartments: table("compartments.tsv"),
            constraints: table("constraints.tsv"),
            profiles: golden("profiles.tsv").leak(),
        };
        Definitions::load(source).unwrap()
    })
}

#[test]
fn occurrences_are_sorted_and_checked_by_their_slices() {
    let library = Library::of(definitions());
    let validator = Validator::new(&library);
    let mut failures = String::new();
    for line in golden("slices.txt").lines().filter(|line| !line.starts_with('#')) {
        let [name, members, places, words] = line.split(" | ").collect::<Vec<_>>()[..] else { panic!("{line}: four cells, please") };
        let url = format!("http://example.org/{name}");
        let ty = definitions().profile(&url).unwrap().ty;
        let resource = read(format!("{{\"resourceType\":\"{ty}\",{members}}}").as_bytes());
        let told = errors(validator.profile(&resource, &url, &NoContext));
        let mut found: Vec<&str> = told.iter().map(|issue| issue.split(": ").next().unwrap()).collect();
        found.sort_unstable();
        let expected: Vec<&str> = places.split(' ').filter(|place| *place != "-").collect();
        if found != expected || (words != "-" && !told.first().is_some_and(|issue| issue.contains(words))) {
            failures.push_str(&format!("\n{line}\n  found {told:#?}\n"));
        }
    }
    assert!(failures.is_empty(), "{failures}");
}

/// Whether the first of a long chain fits depends on the last; the question is given up before the stack is.
#[test]
fn long_chains_of_references_end() {
    let link = |i: usize| {
        let profile = if i == 0 { r#""meta":{"profile":["http://example.org/circle"]},"# } else { "" };
        let member = format!(r#"{{"reference":"Observation/{}"}}"#, i + 1);
        format!(
            r#"{{"resource":{{"resourceType":"Observation","id":"{i}",{profile}"status":"final","code":{{"text":"x"}},"hasMember":[{member}]}}}}"#
        )
    };
    let entries: Vec<String> = (0..2000).map(link).collect();
    let bundle = read(format!(r#"{{"resourceType":"Bundle","type":"collection","entry":[{}]}}"#, entries.join(",")).as_bytes());
    let library = Library::of(definitions());
    let told = errors(Validator::new(&library).claimed(&bundle, &Entries::of(&bundle)));
    assert!(told.is_empty(), "{told:?}");
}

#[test]
fn very_many_issues_are_counted() {
    let names = vec![r#"{"use":"wrong"}"#; 3000].join(",");
    let patient = read(format!(r#"{{"resourceType":"Patient","name":[{names}]}}"#).as_bytes());
    let library = Library::of(definitions());
    let told = errors(Validator::new(&library).claimed(&patient, &NoContext));
    assert_eq!((told.len(), told.last().map(String::as_str)), (1001, Some("2000 more errors are not listed.")));
}

/// However many warnings there are, a resource without errors is right.
#[test]
fn very_many_warnings_are_no_error() {
    let extensions = vec![r#"{"url":"http://a.site/unknown","valueBoolean":true}"#; 3000].join(",");
    let patient = read(format!(r#"{{"resourceType":"Patient","extension":[{extensions}]}}"#).as_bytes());
    let library = Library::of(definitions());
    let validator = Validator::new(&library).lenient();
    let all = validator.claimed(&patient, &NoContext);
    assert_eq!(all.last().map(|issue| issue.diagnostics.as_str()), Some("2000 more warnings are not listed."));
    assert_eq!((errors(all), validator.refused(&patient, &NoContext)), (Vec::new(), Vec::new()));
}
