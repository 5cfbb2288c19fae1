//! The official examples: right by R4 and the profiles that they claim, but for those listed with their reasons.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use super::{errors, golden, read};
use crate::base::budget::Limits;
use crate::definitions::tests::examples::examples;
use crate::definitions::{Definitions, Library};
use crate::model::codec::read_json_parts;
use crate::model::outcome::{IssueType, Severity};
use crate::model::resource::Resource;
use crate::model::tree::Node;
use crate::validate::bundle::Entries;
use crate::validate::{Context, NoContext, Validator};

/// All examples are in sight of each other, after the entries of the one that is checked.
struct Shelf<'s> {
    by_key: &'s HashMap<String, Resource>,
    entries: Entries<'s>,
}

impl Context for Shelf<'_> {
    fn resolve(&self, reference: &str, from: Node<'_>) -> Option<Node<'_>> {
        self.entries.resolve(reference, from).or_else(|| self.by_key.get(reference).map(Resource::root))
    }
}

/// Checks all examples of a package; what is found must be what the golden file tells, with reasons:
/// `file  place  code  why the example is wrong`, with `[*]` for indices.
fn check(package: &str, folder: &str, expected: &str) {
    let Some(files) = examples(package, folder) else {
        eprintln!("NORN_PACKAGES is not set: the official examples of {package} were not run");
        return;
    };
    let validator = Validator::new(Library::embedded()).lenient();
    let (mut resources, mut by_key, mut claims) = (BTreeMap::new(), HashMap::new(), 0);
    for (name, content) in &files {
        // A package also holds files that are no resources, or that FHIR's JSON does not allow; the codec's tests look at these.
        let Ok((resource, issues)) = read_json_parts(content, &Definitions::embedded().schema, &Limits::default()) else { continue };
        if issues.iter().any(|issue| issue.code != IssueType::Required) {
            continue;
        }
        claims += usize::from(resource.root().get("meta").is_some_and(|meta| meta.get("profile").is_some()));
        if let Some(id) = resource.id() {
            by_key.insert(format!("{}/{id}", resource.kind()), resource.clone());
        }
        resources.insert(name.as_str(), resource);
    }
    let mut found = BTreeSet::new();
    let start = std::time::Instant::now();
    for (name, resource) in &resources {
        let shelf = Shelf { by_key: &by_key, entries: Entries::of(resource) };
        for issue in validator.claimed(resource, &shelf).iter().filter(|issue| issue.severity <= Severity::Error) {
            found.insert(format!("{name}\t{}\t{}\n", without_numbers(&issue.expression), issue.code.code()));
        }
    }
    eprintln!("{} examples of {package} checked in {:?}, {claims} of them against profiles", resources.len(), start.elapsed());
    let lines = golden(expected);
    let expected: BTreeSet<String> = lines
        .lines()
        .filter(|line| !line.starts_with('#'))
        .map(|line| line.rsplit_once('\t').filter(|(_, why)| !why.is_empty()).unwrap_or_else(|| panic!("{line}: why?")).0)
        .map(|finding| format!("{finding}\n"))
        .collect();
    let lines = |set: &BTreeSet<String>, other: &BTreeSet<String>| set.difference(other).cloned().collect::<String>();
    assert!(found == expected, "found besides:\n{}\nnot found:\n{}", lines(&found, &expected), lines(&expected, &found));
}

/// A place with `[*]` for each index.
fn without_numbers(place: &str) -> String {
    let mut parts = place.split('[');
    let mut out = parts.next().unwrap_or("").to_owned();
    parts.for_each(|part| out.push_str(&format!("[*{}", part.trim_start_matches(|c: char| c.is_ascii_digit()))));
    out
}

#[test]
fn the_examples_of_genomics_reporting_conform() {
    check("hl7.fhir.uv.genomics-reporting-3.0.0.tgz", "package/example/", "gr-examples.tsv");
}

#[test]
fn the_examples_of_mcode_conform() {
    check("hl7.fhir.us.mcode-4.0.0.tgz", "package/example/", "mcode-examples.tsv");
}

#[test]
fn the_examples_of_r4_conform() {
    check("hl7.fhir.r4.examples-4.0.1.tgz", "package/", "r4-examples.tsv");
}

/// The positive set, turned: every genomic observation whose category GE is another one is found wrong.
#[test]
fn the_examples_of_genomics_reporting_fail_without_their_category() {
    let Some(files) = examples("hl7.fhir.uv.genomics-reporting-3.0.0.tgz", "package/example/") else { return };
    let validator = Validator::new(Library::embedded()).lenient();
    let mut broken = 0;
    for (name, content) in files.iter().filter(|(name, _)| name.starts_with("Observation-")) {
        let resource = read(content);
        let text = String::from_utf8_lossy(resource.text()).into_owned();
        // A biomarker may go without the category.
        let profiles: Vec<_> = resource.root().get("meta").into_iter().flat_map(|meta| meta.all("profile")).map(|url| url.text()).collect();
        if profiles.is_empty() || profiles.iter().any(|url| url.ends_with("/molecular-biomarker")) {
            continue;
        }
        let other = read(text.replace("\"code\":\"GE\"", "\"code\":\"MB\"").as_bytes());
        let told = errors(validator.claimed(&other, &NoContext));
        assert!(told.iter().any(|issue| issue.contains("slice geCategory")), "{name}: {told:?}");
        broken += 1;
    }
    assert!(broken > 80, "{broken} observations were broken");
}
