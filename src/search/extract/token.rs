//! Token values: codings, identifiers, codes, booleans. Source: <https://hl7.org/fhir/R4/search.html#token>.

use super::{Sink, key};
use crate::definitions::Definitions;
use crate::model::tree::{Node, Shape};
use crate::terminology::Terminology;

/// Finds the systems and codes of an element.
pub(super) fn extract(node: Node<'_>, sink: &mut Sink<'_>) {
    if node.shape() != Shape::Object {
        let code = node.text();
        return plain(implied_system(node, &code, sink.definitions).unwrap_or(""), &code, sink);
    }
    match node.type_name() {
        "CodeableConcept" => node.all("coding").for_each(|coding| coded(coding, "system", "code", sink)),
        "Identifier" => {
            coded(node, "system", "value", sink);
            of_type(node, sink);
        }
        // The system of a ContactPoint (phone, email) is no namespace of its value.
        "ContactPoint" => coded(node, "", "value", sink),
        _ => coded(node, "system", "code", sink),
    }
}

pub(super) fn coded(node: Node<'_>, system: &str, code: &str, sink: &mut Sink<'_>) {
    let system = node.get_text(system).unwrap_or_default();
    match node.get_text(code) {
        Some(code) => plain(&system, &code, sink),
        // A coding without code is still one of its system.
        None if !system.is_empty() => sink.post(key::token_system(sink.parameter, &system)),
        None => {}
    }
}

/// An identifier together with the codings of its type.
fn of_type(identifier: Node<'_>, sink: &mut Sink<'_>) {
    let Some(value) = identifier.get_text("value") else { return };
    for coding in identifier.get("type").into_iter().flat_map(|ty| ty.all("coding")) {
        if let Some(code) = coding.get_text("code") {
            let system = coding.get_text("system").unwrap_or_default();
            sink.post(key::of_type_token(sink.parameter, &system, &code, &value));
        }
    }
}

/// The codes of an element, without their systems.
pub(super) fn codes(node: Node<'_>, codes: &mut Vec<String>) {
    if node.shape() != Shape::Object {
        return codes.push(node.text().into_owned());
    }
    let mut add = |node: Node<'_>, name: &str| codes.extend(node.get_text(name).map(std::borrow::Cow::into_owned));
    match node.type_name() {
        "CodeableConcept" => node.all("coding").for_each(|coding| add(coding, "code")),
        "Identifier" | "ContactPoint" => add(node, "value"),
        _ => add(node, "code"),
    }
}

/// What an element says for people beside its codes.
pub(super) fn labels(node: Node<'_>, label: &mut impl FnMut(&str)) {
    let mut tell = |node: Node<'_>, name: &str| node.get_text(name).iter().for_each(|text| label(text));
    match node.type_name() {
        "CodeableConcept" => {
            tell(node, "text");
            node.all("coding").for_each(|coding| tell(coding, "display"));
        }
        "Coding" => tell(node, "display"),
        "Identifier" => node.get("type").into_iter().for_each(|ty| tell(ty, "text")),
        _ => {}
    }
}

/// One system and code.
pub(super) fn plain(system: &str, code: &str, sink: &mut Sink<'_>) {
    sink.post(key::token(sink.parameter, system, code));
    sink.post(key::token_code(sink.parameter, code));
    if !system.is_empty() {
        sink.post(key::token_system(sink.parameter, system));
    }
}

/// The system of an element of type `code`, which its value set implies: `gender` finds `http://hl7.org/fhir/administrative-gender|male`.
fn implied_system(node: Node<'_>, code: &str, definitions: &Definitions) -> Option<&'static str> {
    if node.type_name() != "code" {
        return None;
    }
    let slots = definitions.schema.slots(node.parent()?.ty());
    let slot = slots.iter().find(|slot| slot.name == node.name() && slot.ty == node.ty())?;
    let terminology = Terminology::embedded();
    terminology.system_of(terminology.set(definitions.required_set(slot.element)?)?, code)
}
