//! Number values. Source: <https://hl7.org/fhir/R4/search.html#number>.

use super::{Sink, quantity};
use crate::model::primitive::decimal::Decimal;
use crate::model::tree::{Node, Shape};

/// Finds the value of a number, or the ends of a Range.
pub(super) fn extract(node: Node<'_>, sink: &mut Sink<'_>) {
    if node.shape() == Shape::Object {
        return quantity::extract(node, sink);
    }
    if let Some(value) = Decimal::new(&node.text()) {
        let key = value.sort_key();
        sink.interval(key, key, 0);
    }
}
