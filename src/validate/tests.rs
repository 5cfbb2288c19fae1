//! The validator against resources that are right, and against the same resources with one thing broken.

mod closer;
mod mutations;
mod official;
mod plans;
mod slices;
mod suite;

use crate::base::budget::Limits;
use crate::definitions::Definitions;
use crate::model::codec::read_json_parts;
use crate::model::outcome::{Issue, IssueType, Severity};
use crate::model::resource::Resource;

/// Where the profiles of the genomics reporting guide live.
const GENOMICS: &str = "http://hl7.org/fhir/uv/genomics-reporting/StructureDefinition/";

fn read(json: &[u8]) -> Resource {
    // A missing element is what these tests are about: the reader's word on it is passed over here.
    let parts = read_json_parts(json, &Definitions::embedded().schema, &Limits::default());
    match parts {
        Ok((resource, issues)) if issues.iter().all(|issue| issue.code == IssueType::Required) => resource,
        other => panic!("{other:?}: {}", String::from_utf8_lossy(json)),
    }
}

/// A file of `tests/golden/validate`.
fn golden(name: &str) -> String {
    let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden/validate").join(name);
    std::fs::read_to_string(&path).unwrap_or_else(|e| panic!("{}: {e}", path.display()))
}

fn errors(issues: Vec<Issue>) -> Vec<String> {
    issues.into_iter().filter(|issue| issue.severity <= Severity::Error).map(|issue| issue.to_string()).collect()
}
