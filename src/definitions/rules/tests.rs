//! What the embedded tables demand of the types of R4.

use super::Strength;
use crate::definitions::Definitions;
use crate::model::outcome::Severity;
use crate::model::schema::{Kind, TypeId};

/// What is demanded of `Type.property`.
fn told(path: &str) -> String {
    let definitions = Definitions::embedded();
    let (ty, key) = path.rsplit_once('.').unwrap();
    let slot = definitions.schema.slot(definitions.schema.type_named(ty).unwrap(), key).unwrap();
    let rules = definitions.rules(slot.element).unwrap();
    let mut told = Vec::new();
    for ty in &rules.types {
        told.push(format!(
            "{}{}{}",
            ty.code,
            ty.profiles.iter().map(|url| format!("^{url}")).collect::<String>(),
            ty.targets.iter().map(|url| format!(">{url}")).collect::<String>()
        ));
    }
    told.extend(rules.binding.map(|binding| format!("{:?} {} {}", binding.strength, binding.value_set, binding.widest.unwrap_or("-"))));
    told.extend(rules.constraints.iter().map(|constraint| constraint.key.to_owned()));
    told.extend(rules.values.iter().map(|value| format!("{:?} {}", value.demand, value.json)));
    told.join(" ")
}

#[test]
fn elements_have_their_rules() {
    let cases = "
        Observation.status -> code Required http://hl7.org/fhir/ValueSet/observation-status|4.0.1 -
        Observation.subject -> Reference>Patient>Group>Device>Location
        Observation.specimen -> Reference>Specimen
        Observation.component -> Observation.component
        Patient.birthDate -> date
        Patient.language -> code Preferred http://hl7.org/fhir/ValueSet/languages http://hl7.org/fhir/ValueSet/all-languages
        Observation.referenceRange.low -> Quantity^SimpleQuantity
        Provenance.target -> Reference>Resource
        ValueSet.name -> string
        PlanDefinition.library -> canonical>Library
        Bundle.entry.link -> Bundle.link
        Narrative.div -> xhtml txt-1 txt-2
        Money.currency -> code Required http://hl7.org/fhir/ValueSet/currencies|4.0.1 -
        Extension.url -> uri
    ";
    for case in cases.lines().map(str::trim).filter(|line| !line.is_empty()) {
        let (path, expected) = case.split_once(" -> ").unwrap();
        assert_eq!(told(path), expected, "{path}");
    }
}

#[test]
fn types_have_their_invariants() {
    let definitions = Definitions::embedded();
    let keys = |ty: &str| {
        definitions
            .constraints(definitions.schema.type_named(ty).unwrap())
            .iter()
            .map(|constraint| constraint.key)
            .collect::<Vec<_>>()
            .join(" ")
    };
    for (ty, expected) in [
        ("Observation", "dom-2 dom-3 dom-4 dom-5 dom-6 obs-6 obs-7"),
        ("Observation.referenceRange", "obs-3"),
        ("Period", "per-1"),
        ("Age", "age-1 qty-3"),
        ("Element", "ele-1"),
        ("Extension", "ext-1"),
        ("Patient.contact", "pat-1"),
        ("Bundle", "bdl-1 bdl-2 bdl-3 bdl-4 bdl-7 bdl-9 bdl-10 bdl-11 bdl-12"),
        ("HumanName", ""),
    ] {
        let mut expected: Vec<_> = expected.split_ascii_whitespace().collect();
        expected.sort_unstable();
        assert_eq!(keys(ty), expected.join(" "), "{ty}");
    }
    let observation = definitions.constraints(definitions.schema.type_named("Observation").unwrap());
    let find = |key| observation.iter().find(|constraint| constraint.key == key).unwrap();
    assert_eq!(find("dom-6").severity, Severity::Warning);
    assert_eq!(find("obs-6").expression, "dataAbsentReason.empty() or value.empty()");
}

/// `inv-1` means different things at TestScript, Task and Parameters.
#[test]
fn a_key_with_several_meanings_has_the_right_one_everywhere() {
    let definitions = Definitions::embedded();
    for (ty, expected) in [
        ("Task", "lastModified.exists().not() or authoredOn.exists().not() or lastModified >= authoredOn"),
        (
            "Parameters.parameter",
            "(part.exists() and value.empty() and resource.empty()) or (part.empty() and (value.exists() xor resource.exists()))",
        ),
    ] {
        let found = definitions.constraints(definitions.schema.type_named(ty).unwrap()).iter().find(|constraint| constraint.key == "inv-1");
        assert_eq!(found.unwrap().expression, expected, "{ty}");
    }
}

#[test]
fn every_element_has_rules_that_agree_with_the_schema() {
    let definitions = Definitions::embedded();
    let schema = &definitions.schema;
    let (mut number, mut required) = (0, 0);
    for ty in (0..).map_while(|i| schema.facts(TypeId(i)).map(|_| TypeId(i))) {
        for element in schema.elements(ty) {
            let rules = definitions.rules(number).unwrap();
            let place = format!("{}.{}", schema.type_name(ty), schema.name(element.name));
            assert_eq!(
                rules.types.iter().map(|rule| rule.code).collect::<Vec<_>>(),
                element.types.iter().map(|id| schema.type_name(*id)).collect::<Vec<_>>(),
                "{place}"
            );
            for target in rules.types.iter().flat_map(|rule| &rule.targets) {
                let known = schema.type_named(target).is_some_and(|id| matches!(schema.kind(id), Kind::Resource | Kind::AnyResource));
                assert!(known, "{place} refers to {target}");
            }
            if let Some(binding) = rules.binding.filter(|binding| binding.strength == Strength::Required) {
                required += 1;
                let versions = definitions.archive().versions(crate::definitions::archive::Kind::Set, super::short(binding.value_set));
                // LOINC's own value sets are in no package.
                assert!(!versions.is_empty() || binding.value_set.starts_with("http://loinc.org/vs/"), "{place}: {}", binding.value_set);
            }
            number += 1;
        }
    }
    assert!(definitions.rules(number).is_none());
    assert!(required > 300, "only {required} required bindings");
}
