//! The rows under which resources are found.

use super::rows;
use crate::base::budget::Limits;
use crate::definitions::Definitions;
use crate::model::codec::read_json;
use crate::search::catalog::Catalog;
use crate::search::key;

fn catalog() -> Catalog {
    Catalog::new(Definitions::embedded()).unwrap()
}

#[test]
fn every_expression_of_the_tables_compiles() {
    let catalog = catalog();
    let served: usize = catalog.schema().resource_types().map(|kind| catalog.of(kind).parameters().len()).sum();
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
fn strings_are_folded() {
    let check = |text: &str, folded: &str| assert_eq!(key::fold(text), folded);
    check("Åse  Berg", "ase berg");
    check("ÉCLAIR", "eclair");
    check("Bjørn", "bjørn");
    check(" plain ASCII ", "plain ascii");
}
