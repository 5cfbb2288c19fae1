//! Expressions as search parameters use them.

mod language;
mod official;

use super::{Expression, Names, Value};
use crate::base::budget::Limits;
use crate::definitions::Definitions;
use crate::model::codec::read_json;

#[test]
fn expressions_find_their_values() {
    let schema = &Definitions::embedded().schema;
    let check = |expression: &str, resource: &str, wanted: &str| {
        let resource = read_json(resource.as_bytes(), schema, &Limits::default()).unwrap();
        let compiled = Expression::compile(expression, schema).unwrap();
        let found: Vec<_> = compiled.evaluate(resource.root()).into_iter().map(|value| show(&value)).collect();
        assert_eq!(found.join(" "), wanted, "{expression}");
        assert!(found.is_empty() || !compiled.is_empty_without(Names::under(resource.root())), "{expression}");
    };
    let patient = r#"{"resourceType":"Patient","active":true,"name":[{"family":"A","given":["B","C"]},{"family":"D"}],
        "telecom":[{"system":"phone","value":"1"},{"system":"email","value":"2"}],"deceasedDateTime":"2020",
        "generalPractitioner":[{"reference":"Practitioner/1"},{"reference":"Organization/2"},{"reference":"https://x/fhir/Practitioner/3/_history/1"}],
        "extension":[{"url":"u","valueCode":"x"}]}"#;
    check("Patient.name.given", patient, "\"B\" \"C\"");
    check("Patient.name.family | Patient.active", patient, "\"A\" \"D\" true");
    check("Person.name", patient, "");
    check("Resource.active", patient, "true");
    check("Patient.telecom.where(system='email').value", patient, "\"2\"");
    check("Patient.deceased.exists() and Patient.deceased != false", patient, "true");
    check("(Patient.deceased as dateTime)", patient, "\"2020\"");
    check("Patient.deceased.as(Period)", patient, "");
    check("Patient.deceased.ofType(dateTime)", patient, "\"2020\"");
    check(
        "Patient.generalPractitioner.where(resolve() is Practitioner).reference",
        patient,
        "\"Practitioner/1\" \"https://x/fhir/Practitioner/3/_history/1\"",
    );
    check("Patient.name[1].family", patient, "\"D\"");
    check("Patient.extension('u').value", patient, "\"x\"");
    check("Patient.name.where(given.exists().not()).family", patient, "\"D\"");
    let deceased = r#"{"resourceType":"Patient","deceasedBoolean":false}"#;
    check("Patient.deceased.exists() and Patient.deceased != false", deceased, "false");
    let sequence = r#"{"resourceType":"MolecularSequence","coordinateSystem":0,"referenceSeq":{"windowStart":1},"variant":[{"start":7}]}"#;
    check("MolecularSequence.variant.start | %resource.referenceSeq.windowStart", sequence, "7 1");
}

fn show(value: &Value<'_>) -> String {
    match value {
        Value::Node(node) => node.json().to_owned(),
        Value::Boolean(value) => value.to_string(),
        other => format!("{other:?}"),
    }
}

#[test]
fn what_is_not_served_is_refused() {
    let schema = &Definitions::embedded().schema;
    for (expression, column) in
        [("Patient.name.rest(given)", 19), ("Patient.", 9), ("(a", 3), ("a b", 3), ("a ? b", 3), ("'x", 1), ("a + /* b", 9)]
    {
        let refused = Expression::compile(expression, schema).unwrap_err();
        assert_eq!(refused.column, column, "{expression}: {refused}");
    }
}
