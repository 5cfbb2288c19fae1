//! What the demo imports satisfies the Genomics Reporting profiles that it claims: codes, categories, slices, cardinalities.

use norn::base::budget::Limits;
use norn::definitions::{Definitions, Library};
use norn::mapping;
use norn::model::codec::read_json;
use norn::model::outcome::{Issue, Severity};
use norn::validate::Validator;
use norn::validate::bundle::Entries;

#[test]
fn every_resource_of_the_demo_satisfies_its_profile() {
    let definitions = Definitions::embedded();
    let validator = Validator::new(Library::embedded()).lenient();
    let mut claimed = 0;
    for case in mapping::demo::cases() {
        let conversion = mapping::convert(&case.files, Some(&case.requisition), &mapping::Options::default()).unwrap();
        let json = conversion.bundle.to_draft().to_json();
        let bundle = read_json(json.as_bytes(), &definitions.schema, &Limits::default()).unwrap();
        let resources: Vec<_> = bundle.root().all("entry").filter_map(|entry| entry.get("resource")).collect();
        let profiles = resources.iter().filter_map(|resource| resource.get("meta")).flat_map(|meta| meta.all("profile"));
        let genomic = profiles.filter(|profile| profile.text().starts_with("http://hl7.org/fhir/uv/genomics-reporting/")).count();
        assert!(genomic > 10, "{}: {genomic} resources claim a Genomics Reporting profile", case.name);
        claimed += genomic;
        let issues: Vec<String> = validator
            .claimed(&bundle, &Entries::of(&bundle))
            .iter()
            .filter(|issue| matches!(issue.severity, Severity::Error | Severity::Fatal))
            .map(Issue::to_string)
            .collect();
        assert!(issues.is_empty(), "{}:\n{}", case.name, issues.join("\n"));
    }
    println!("{claimed} resources of three cases satisfy the Genomics Reporting profiles that they claim");
}
