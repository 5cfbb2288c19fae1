//! The project's own definitions, for the Norwegian national flow of tumour samples: `profiles/national`, as they are published.
//!
//! They are differentials over R4 and Genomics Reporting, and are compiled as those that a site adds, when a process first validates:
//! so the files that people read and the rules that are checked cannot differ. What it costs stands in decision 10.

use std::sync::OnceLock;

use serde_json::Value;

/// The files of `profiles/national` that are validated by.
const FILES: [&str; 24] = [
    include_str!("../../profiles/national/CodeSystem-board-outcome.json"),
    include_str!("../../profiles/national/CodeSystem-national-flow.json"),
    include_str!("../../profiles/national/CodeSystem-not-evaluable-reason.json"),
    include_str!("../../profiles/national/CodeSystem-response-criteria.json"),
    include_str!("../../profiles/national/CodeSystem-treatment-response.json"),
    include_str!("../../profiles/national/StructureDefinition-cohort-marker.json"),
    include_str!("../../profiles/national/StructureDefinition-fusion-partner.json"),
    include_str!("../../profiles/national/StructureDefinition-genomic-position.json"),
    include_str!("../../profiles/national/StructureDefinition-inpred-sample-id.json"),
    include_str!("../../profiles/national/StructureDefinition-national-cohort.json"),
    include_str!("../../profiles/national/StructureDefinition-national-enrolment.json"),
    include_str!("../../profiles/national/StructureDefinition-national-organization.json"),
    include_str!("../../profiles/national/StructureDefinition-national-outcome.json"),
    include_str!("../../profiles/national/StructureDefinition-national-patient.json"),
    include_str!("../../profiles/national/StructureDefinition-national-practitioner.json"),
    include_str!("../../profiles/national/StructureDefinition-national-referral.json"),
    include_str!("../../profiles/national/StructureDefinition-national-report.json"),
    include_str!("../../profiles/national/StructureDefinition-national-specimen.json"),
    include_str!("../../profiles/national/StructureDefinition-national-trial.json"),
    include_str!("../../profiles/national/StructureDefinition-norwegian-identifier.json"),
    include_str!("../../profiles/national/ValueSet-board-outcome.json"),
    include_str!("../../profiles/national/ValueSet-not-evaluable-reason.json"),
    include_str!("../../profiles/national/ValueSet-response-criteria.json"),
    include_str!("../../profiles/national/ValueSet-treatment-response.json"),
];

/// The definitions as JSON resources, read once.
#[must_use]
pub fn resources() -> &'static [Value] {
    static ONCE: OnceLock<Vec<Value>> = OnceLock::new();
    ONCE.get_or_init(|| FILES.iter().filter_map(|text| serde_json::from_str(text).ok()).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::definitions::{Definitions, Library};

    #[test]
    fn every_file_is_built_in_and_readable() {
        let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("profiles/national");
        let mut published = Vec::new();
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            let name = path.file_name().unwrap().to_str().unwrap().to_owned();
            if ["StructureDefinition-", "CodeSystem-", "ValueSet-"].iter().any(|kind| name.starts_with(kind)) {
                published.push(serde_json::from_str::<Value>(&std::fs::read_to_string(path).unwrap()).unwrap());
            }
        }
        let sorted = |mut all: Vec<Value>| {
            all.sort_by_key(|resource| resource["url"].to_string());
            all
        };
        assert_eq!(sorted(resources().to_vec()), sorted(published));
        assert_eq!(resources().len(), FILES.len());
        assert!(Library::with(Definitions::embedded(), Vec::new()).unwrap().broken().is_empty());
    }
}
