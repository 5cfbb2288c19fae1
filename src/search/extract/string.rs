//! String values: text, names, addresses. Source: <https://hl7.org/fhir/R4/search.html#string>.
//!
//! Each part of a name or an address is found by itself, from its start.

use super::{Sink, key};
use crate::model::tree::{Node, Shape};

/// Finds the strings of an element.
pub(super) fn extract(node: Node<'_>, sink: &mut Sink<'_>) {
    each(node, &mut |text| {
        sink.post(key::exact(sink.parameter, text));
        sink.text(key::fold(text));
    });
}

/// The strings of an element, folded.
pub(super) fn texts(node: Node<'_>, found: &mut impl FnMut(String)) {
    each(node, &mut |text| found(key::fold(text)));
}

fn each(node: Node<'_>, found: &mut impl FnMut(&str)) {
    if node.shape() != Shape::Object {
        return found(&node.text());
    }
    let parts: &[&str] = match node.type_name() {
        "HumanName" => &["text", "family", "given", "prefix", "suffix"],
        "Address" => &["text", "line", "city", "district", "state", "postalCode", "country"],
        "CodeableConcept" => &["text"],
        _ => &["text", "value", "display"],
    };
    for part in parts {
        node.all(part).for_each(|value| found(&value.text()));
    }
    if node.type_name() == "CodeableConcept" {
        node.all("coding").flat_map(|coding| coding.all("display")).for_each(|display| found(&display.text()));
    }
}
