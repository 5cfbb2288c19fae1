//! Compartments: which resources belong to a patient, an encounter, a practitioner or a device.
//!
//! Source: <https://hl7.org/fhir/R4/compartmentdefinition.html>, for the types that the random resources have.

use super::links::Link;
use super::parameters;
use super::world::{World, type_of};

/// Compartment, type, and the parameters by which a resource of that type belongs.
const MEMBERS: [(&str, &str, &[&str]); 25] = [
    ("Patient", "Patient", &["link"]),
    ("Patient", "Observation", &["subject", "performer"]),
    ("Patient", "DiagnosticReport", &["subject"]),
    ("Patient", "Specimen", &["subject"]),
    ("Patient", "Encounter", &["patient"]),
    ("Patient", "Condition", &["patient", "asserter"]),
    ("Patient", "MolecularSequence", &["patient"]),
    ("Patient", "ResearchSubject", &["individual"]),
    ("Patient", "List", &["subject", "source"]),
    ("Encounter", "Encounter", &[]),
    ("Encounter", "Observation", &["encounter"]),
    ("Encounter", "DiagnosticReport", &["encounter"]),
    ("Encounter", "Condition", &["encounter"]),
    ("Practitioner", "Practitioner", &[]),
    ("Practitioner", "Patient", &["general-practitioner"]),
    ("Practitioner", "Observation", &["performer"]),
    ("Practitioner", "DiagnosticReport", &["performer"]),
    ("Practitioner", "Specimen", &["collector"]),
    ("Practitioner", "Encounter", &["practitioner", "participant"]),
    ("Practitioner", "Condition", &["asserter"]),
    ("Practitioner", "ResearchStudy", &["principalinvestigator"]),
    ("Practitioner", "List", &["source"]),
    ("Device", "Observation", &["subject", "device"]),
    ("Device", "DiagnosticReport", &["subject"]),
    ("Device", "Specimen", &["subject"]),
];

/// The types of which resources can belong to `Type/id`, by name.
#[must_use]
pub(super) fn types(within: &str) -> Vec<&'static str> {
    let owner = within.split('/').next().unwrap_or_default();
    let mut all: Vec<&str> = MEMBERS.iter().filter(|(own, ..)| *own == owner).map(|(_, kind, _)| *kind).collect();
    all.sort_unstable();
    all
}

/// Whether the resource at a place belongs to `Type/id`. The resource itself does; whether that is there does not matter.
#[must_use]
pub(super) fn belongs(world: &World, within: &str, place: usize) -> bool {
    let (owner, resource) = (within.split('/').next().unwrap_or_default(), world.at(place));
    let kind = type_of(resource);
    let by = MEMBERS.iter().find(|(own, member, _)| *own == owner && *member == kind).map(|(.., by)| *by);
    let parameters = by.unwrap_or_default().iter().filter_map(|code| parameters::find(kind, code));
    let mut links = parameters.flat_map(|own| world.elements(resource, own)).filter_map(|element| Link::of(&world.base, element));
    by.is_some() && (world.name_at(place) == within || links.any(|link| link.target().is_some() && link.text() == within))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn members_are_told_by_references() {
        let world = World::new(
            "http://x/fhir",
            vec![
                json!({"resourceType": "Patient", "id": "p"}),
                json!({"resourceType": "Observation", "id": "a", "subject": {"reference": "http://x/fhir/Patient/p"}}),
                json!({"resourceType": "Observation", "id": "b", "performer": [{"reference": "Patient/p/_history/2"}]}),
                json!({"resourceType": "Observation", "id": "c", "subject": {"reference": "Patient/q"}}),
                json!({"resourceType": "Organization", "id": "o"}),
            ],
        );
        let found: Vec<usize> = (0..5).filter(|place| belongs(&world, "Patient/p", *place)).collect();
        assert_eq!(found, [0, 1, 2]);
        assert!(types("Encounter/e").contains(&"Encounter"));
    }
}
