//! Extensions on the elements of a profile that demand what R4 has no element for: they become invariants.
//!
//! Source: <http://hl7.org/fhir/extensions/StructureDefinition-narrative-language-control.html>,
//! <https://hl7.org/fhir/R5/elementdefinition-definitions.html#ElementDefinition.mustHaveValue>.

use serde_json::{Value, json};

use super::json::{flag, list, tail, text};

/// Adds the invariants that extensions of its elements stand for to a StructureDefinition.
pub(super) fn spell_out(structure: &mut Value) {
    for part in ["differential", "snapshot"] {
        let elements = structure.get_mut(part).and_then(|part| part.get_mut("element")).and_then(Value::as_array_mut);
        for element in elements.into_iter().flatten() {
            let more: Vec<Value> = list(element, "extension").iter().filter_map(invariant).collect();
            if let (Some(object), false) = (element.as_object_mut(), more.is_empty()) {
                let constraints = object.entry("constraint").or_insert_with(|| json!([])).as_array_mut();
                constraints.into_iter().for_each(|constraints| constraints.extend(more.iter().cloned()));
            }
        }
    }
}

fn invariant(extension: &Value) -> Option<Value> {
    let (key, expression) = match (tail(text(extension, "url")), text(extension, "valueCode")) {
        ("extension-ElementDefinition.mustHaveValue", _) if flag(extension, "valueBoolean") => ("must-have-value", "hasValue()"),
        ("narrative-language-control", "_no") => ("narrative-language-no", "div.toString().contains(' lang=').not()"),
        ("narrative-language-control", "_yes") => ("narrative-language-yes", "div.toString().contains(' lang=')"),
        ("narrative-language-control", "_resource") => (
            "narrative-language-resource",
            "%resource.language.exists() implies div.toString().contains(' lang=\"' + %resource.language + '\"')",
        ),
        _ => return None,
    };
    Some(json!({ "key": key, "severity": "error", "expression": expression }))
}
