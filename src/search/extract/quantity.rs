//! Quantity values with their units. Source: <https://hl7.org/fhir/R4/search.html#quantity>.
//!
//! A quantity with a comparator (`<5`) is open on that side. A unit without code is found by its text.

use super::{Sink, key};
use crate::model::primitive::decimal::Decimal;
use crate::model::tree::Node;

/// Finds the value and unit of a Quantity, Money, or the ends of a Range.
pub(super) fn extract(node: Node<'_>, sink: &mut Sink<'_>) {
    match node.type_name() {
        "Range" => {
            let (low, high) = (node.get("low"), node.get("high"));
            let value = |end: Option<Node<'_>>| end.and_then(value);
            let unit = low.or(high).map_or(0, unit);
            match (value(low), value(high)) {
                (None, None) => {}
                (low, high) => sink.interval(low.unwrap_or(i64::MIN), high.unwrap_or(i64::MAX), unit),
            }
        }
        "Money" => {
            let currency = node.get_text("currency").unwrap_or_default();
            if let Some(value) = value(node) {
                sink.interval(value, value, key::unit("urn:iso:std:iso:4217", &currency));
            }
        }
        _ => {
            let Some(value) = value(node) else { return };
            let (low, high) = match node.get_text("comparator").as_deref() {
                Some("<" | "<=") => (i64::MIN, value),
                Some(">" | ">=") => (value, i64::MAX),
                _ => (value, value),
            };
            sink.interval(low, high, unit(node));
        }
    }
}

fn value(node: Node<'_>) -> Option<i64> {
    Decimal::new(node.get("value")?.raw()).map(|value| value.sort_key())
}

fn unit(node: Node<'_>) -> u64 {
    let system = node.get_text("system").unwrap_or_default();
    let code = node.get_text("code").or_else(|| node.get_text("unit")).unwrap_or_default();
    key::unit(&system, &code)
}
