//! String values: text, names, addresses. Source: <https://hl7.org/fhir/R4/search.html#string>.
//!
//! Each part of a name or an address is found by itself, from its start.

use super::{Sink, key};
use crate::model::tree::{Node, Shape};

/// Finds the strings of an element.
pub(super) fn extract(node: Node<'_>, sink: &mut Sink<'_>) {
    if node.shape() != Shape::Object {
        return one(node, sink);
    }
    let parts: &[&str] = match node.type_name() {
        "HumanName" => &["text", "family", "given", "prefix", "suffix"],
        "Address" => &["text", "line", "city", "district", "state", "postalCode", "country"],
        "CodeableConcept" => &["text"],
        _ => &["text", "value", "display"],
    };
    for part in parts {
        node.all(part).for_each(|value| one(value, sink));
    }
    if node.type_name() == "CodeableConcept" {
        node.all("coding").flat_map(|coding| coding.all("display")).for_each(|display| one(display, sink));
    }
}

fn one(node: Node<'_>, sink: &mut Sink<'_>) {
    let text = node.text();
    sink.post(key::exact(sink.parameter, &text));
    sink.text(key::fold(&text));
}
