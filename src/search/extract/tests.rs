//! The rows under which resources are found.

use super::rows;
use crate::base::budget::Limits;
use crate::definitions::Definitions;
use crate::definitions::tests::examples::examples;
use crate::model::codec::read_json;
use crate::search::catalog::Catalog;
use crate::search::key::{self, Aside};

fn catalog() -> Catalog {
    Catalog::new(Definitions::embedded()).unwrap()
}

#[test]
fn every_expression_of_the_tables_compiles() {
    let catalog = catalog();
    let served: usize = catalog.schema().resource_types().map(|kind| catalog.of(kind).parameters().count()).sum();
    assert!(served > 1900, "{served}");
}

#[test]
fn values_are_found_under_their_keys() {
    let catalog = catalog();
    let text = r#"{"resourceType":"Observation","id":"o","status":"final","code":{"coding":[{"system":"http://loinc.org","code":"94076-7"}],"text":"TMB"},
        "subject":{"reference":"http://here/fhir/Patient/p"},"effectiveDateTime":"2026-11","valueQuantity":{"value":14.9,"system":"http://unitsofmeasure.org","code":"1/1000000"}}"#;
    let resource = read_json(text.as_bytes(), catalog.schema(), &Limits::default()).unwrap();
    let rows = rows(&resource, &catalog, "http://here/fhir");
    let own = catalog.of(resource.kind());
    let number = |code: &str| own.parameter(code).unwrap_or_else(|| panic!("{code}")).parameter.number;
    for post in [
        own.type_post,
        key::token(number("code"), "http://loinc.org", "94076-7"),
        key::token_code(number("status"), "final"),
        key::token(number("status"), "http://hl7.org/fhir/observation-status", "final"),
        key::token_system(number("combo-code"), "http://loinc.org"),
        key::reference(number("patient"), "Patient/p"),
        key::reference(number("subject"), "Patient/p"),
        key::present(number("value-quantity")),
    ] {
        assert!(rows.posts.contains(&post));
    }
    assert!(!rows.posts.contains(&key::present(number("component-code"))));
    let date = rows.numbers.iter().find(|row| row.parameter == number("date")).unwrap();
    assert_eq!((date.high - date.low + 1) / 86_400_000_000, 30);
    let value = rows.numbers.iter().find(|row| row.parameter == number("value-quantity")).unwrap();
    assert_eq!(value.unit, key::unit("http://unitsofmeasure.org", "1/1000000"));
    println!("{} posts, {} numbers, {} texts", rows.posts.len(), rows.numbers.len(), rows.texts.len());
}

#[test]
fn numbers_of_what_is_kept_beside_parameters_are_unique() {
    let catalog = catalog();
    let mut seen = std::collections::HashSet::new();
    for compiled in catalog.schema().resource_types().flat_map(|kind| catalog.of(kind).parameters()) {
        let number = compiled.parameter.number;
        for number in [number, key::aside(number, Aside::Identifier), key::aside(number, Aside::Canonical)] {
            assert!(seen.insert(number), "{} {number}", compiled.parameter.code);
        }
    }
}

/// What a composite's parts are found by, the parameters of the parts find too: the index answers composites by that.
#[test]
fn parts_of_composites_stand_among_the_rows_of_their_parameters() {
    let catalog = catalog();
    let Some(examples) = examples("hl7.fhir.r4.examples-4.0.1.tgz", "package/") else {
        return eprintln!("NORN_PACKAGES is not set: the official examples were not run");
    };
    let mut groups = 0;
    for (name, text) in examples {
        let Ok(resource) = read_json(&text, catalog.schema(), &Limits::default()) else { continue };
        let rows = rows(&resource, &catalog, "http://here/fhir");
        for part in rows.groups.iter().flat_map(|group| &group.parts) {
            groups += 1;
            assert!(part.posts.iter().all(|post| rows.posts.contains(post)), "{name}");
            assert!(part.numbers.iter().all(|row| rows.numbers.contains(row)), "{name}");
            assert!(part.texts.iter().all(|row| rows.texts.contains(row)), "{name}");
        }
    }
    assert!(groups > 100, "{groups}");
}

#[test]
fn regions_of_sequences_are_counted_from_one() {
    let catalog = catalog();
    let sequence = |counted_from: u8, start: i32, end: i32| {
        format!(
            r#"{{"resourceType":"MolecularSequence","coordinateSystem":{counted_from},
            "referenceSeq":{{"referenceSeqId":{{"coding":[{{"system":"http://www.ncbi.nlm.nih.gov/nuccore","code":"NC_000007.14"}}]}}}},
            "variant":[{{"start":{start},"end":{end}}}]}}"#
        )
    };
    let all = |text: String| rows(&read_json(text.as_bytes(), catalog.schema(), &Limits::default()).unwrap(), &catalog, "");
    let own = catalog.of(catalog.schema().resource_type("MolecularSequence").unwrap());
    let positions = |text: String| {
        let wanted =
            ["variant-start", "variant-end"].map(|code| key::aside(own.parameter(code).unwrap().parameter.number, Aside::Position));
        all(text).numbers.into_iter().filter(|row| wanted.contains(&row.parameter)).collect::<Vec<_>>()
    };
    // The same base, and the same place between two bases.
    assert_eq!(positions(sequence(0, 99, 100)), positions(sequence(1, 100, 100)));
    assert_eq!(positions(sequence(0, 99, 99)), positions(sequence(1, 99, 100)));
    assert_ne!(positions(sequence(0, 99, 99)), positions(sequence(0, 99, 100)));
    let rows = all(sequence(0, 99, 100));
    let chromosome = own.parameter("chromosome").unwrap().parameter.number;
    assert!(rows.posts.contains(&key::token(chromosome, "http://terminology.hl7.org/CodeSystem/chromosome-human", "7")));
    assert_eq!(rows.groups.iter().filter(|group| group.parts.len() == 3).count(), 2);
}

#[test]
fn strings_are_folded() {
    let check = |text: &str, folded: &str| assert_eq!(key::fold(text), folded);
    check("Åse  Berg", "ase berg");
    check("ÉCLAIR", "eclair");
    check("Bjørn", "bjørn");
    check(" plain ASCII ", "plain ascii");
}
