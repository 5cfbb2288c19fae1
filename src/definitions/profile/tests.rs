//! The embedded profiles: spot facts of the published guides, and that every row fits the schema.

use super::{Profile, ProfileElement};
use crate::definitions::Definitions;
use crate::definitions::rules::{Demand, canonical, short};

fn profile(url: &str) -> &'static Profile {
    let url = url
        .replace("GR/", "http://hl7.org/fhir/uv/genomics-reporting/StructureDefinition/")
        .replace("MC/", "http://hl7.org/fhir/us/mcode/StructureDefinition/");
    Definitions::embedded().profile(&canonical(&url)).unwrap_or_else(|| panic!("{url} is missing"))
}

/// An element in one line: cardinality, then what is told: types, binding, slicing, constraints, values.
fn told(element: &ProfileElement) -> String {
    let max = element.max.map_or("*".to_owned(), |max| max.to_string());
    let mut told = format!("{}..{max}", element.min);
    for ty in &element.rules.types {
        told.push_str(&format!(" {}", ty.code));
        let name = |url: &'static str| url.rsplit('/').next().unwrap();
        told.extend(ty.profiles.iter().map(|url| format!("^{}", name(url))));
        told.extend(ty.targets.iter().map(|url| format!(">{}", name(url))));
    }
    if let Some(binding) = element.rules.binding {
        told.push_str(&format!(" {:?} {}", binding.strength, binding.value_set));
    }
    if let Some(slicing) = &element.slicing {
        told.push_str(&format!(" {}{:?}", if slicing.open { "open" } else { "closed" }, slicing.discriminators));
    }
    told.extend(element.rules.constraints.iter().map(|constraint| format!(" {}", constraint.key)));
    told.extend(element.rules.values.iter().map(|value| format!(" {:?} {} {}", value.demand, value.ty, value.json)));
    told
}

#[test]
fn profiles_say_what_their_guides_say() {
    let cases = r#"
        GR/variant Observation.code -> 1..1 Pattern CodeableConcept {"coding":[{"system":"http://loinc.org","code":"69548-6"}]}
        GR/variant Observation.category -> 2..* open[("value", "coding")]
        GR/variant Observation.category:labCategory.coding -> 1..1 Pattern Coding {"system":"http://terminology.hl7.org/CodeSystem/observation-category","code":"laboratory"}
        GR/variant Observation.value[x]:valueCodeableConcept -> 0..1 CodeableConcept Required http://loinc.org/vs/LL1971-2
        GR/variant Observation.component:gene-studied.value[x] -> 1..1 CodeableConcept Extensible http://hl7.org/fhir/uv/genomics-reporting/ValueSet/hgnc-vs
        GR/therapeutic-implication Observation.value[x] -> 0..0
        GR/therapeutic-implication Observation.derivedFrom:variant -> 0..* Reference>variant
        GR/genomic-report-note Extension.url -> 1..1 Fixed uri "http://hl7.org/fhir/uv/genomics-reporting/StructureDefinition/genomic-report-note"
        MC/mcode-genomic-variant Observation.subject -> 0..1 Reference>mcode-cancer-patient
        SimpleQuantity Quantity.comparator -> 0..0
        patient-birthPlace Extension.value[x] -> 1..1 Address
    "#;
    for case in cases.lines().map(str::trim).filter(|line| !line.is_empty()) {
        let (asked, expected) = case.split_once(" -> ").unwrap();
        let (url, id) = asked.split_once(' ').unwrap();
        let element = profile(url).elements.iter().find(|element| element.id == id).unwrap_or_else(|| panic!("{asked} is missing"));
        assert_eq!(told(element), expected, "{asked}");
    }
}

#[test]
fn heads_say_what_is_narrowed() {
    let variant = profile("GR/variant");
    assert_eq!((variant.version, variant.ty, variant.is_abstract), ("3.0.0", "Observation", false));
    assert!(variant.base.ends_with("/finding"));
    assert!(profile("GR/finding").is_abstract);
    let birth_place = profile("patient-birthPlace");
    assert_eq!(birth_place.ty, "Extension");
    assert_eq!(birth_place.contexts.iter().map(|context| (context.kind, context.expression)).collect::<Vec<_>>(), [("element", "Patient")]);
    assert!(Definitions::embedded().profile("http://hl7.org/fhir/uv/genomics-reporting/StructureDefinition/variant|3.0.0").is_some());
    assert!(Definitions::embedded().profile("http://example.org/unknown").is_none());
}

#[test]
fn elements_know_their_steps() {
    let element =
        profile("GR/variant").elements.iter().find(|element| element.id == "Observation.component:gene-studied.value[x]").unwrap();
    assert_eq!(element.steps().collect::<Vec<_>>(), [("Observation", None), ("component", Some("gene-studied")), ("value[x]", None)]);
    assert_eq!((element.path(), element.slice()), ("Observation.component.value[x]".to_owned(), None));
}

#[test]
fn every_row_fits_the_schema() {
    let definitions = Definitions::embedded();
    let schema = &definitions.schema;
    let mut count = 0;
    for profile in definitions.profiles() {
        count += 1;
        assert!(schema.type_named(profile.ty).is_some(), "{}: {}", profile.url, profile.ty);
        for element in &profile.elements {
            let place = format!("{} {}", profile.url, element.id);
            assert_eq!(element.steps().next(), Some((profile.ty, None)), "{place}");
            for ty in &element.rules.types {
                assert!(schema.type_named(ty.code).is_some(), "{place}: {}", ty.code);
                assert!(
                    ty.targets.is_empty() || matches!(ty.code, "Reference" | "canonical" | "CodeableReference"),
                    "{place}: {}",
                    ty.code
                );
            }
            for value in &element.rules.values {
                assert!(schema.type_named(value.ty).is_some(), "{place}: {}", value.ty);
                assert!(serde_json::from_str::<serde_json::Value>(value.json).is_ok(), "{place}: {}", value.json);
                assert!(value.demand != Demand::MaxLength || value.json.parse::<u32>().is_ok(), "{place}");
            }
        }
    }
    assert!(count > 800, "only {count} profiles");
}

#[test]
fn core_urls_are_told_short() {
    for (url, told) in
        [("http://hl7.org/fhir/StructureDefinition/Patient|4.0.1", "Patient"), ("http://example.org/p|1", "http://example.org/p")]
    {
        assert_eq!(short(url), told);
        assert_eq!(canonical(told), url.split('|').next().unwrap());
    }
}
