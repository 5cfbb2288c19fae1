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

/// A number as it is written: both ends, open where there is none, and its unit if it is a quantity.
pub(in crate::search) struct Written {
    pub(in crate::search) low: Option<Decimal>,
    pub(in crate::search) high: Option<Decimal>,
    pub(in crate::search) unit: Option<quantity::Unit>,
}

impl Written {
    /// The ends of what its precision stands for.
    pub(in crate::search) fn stands_for(&self) -> (Option<Decimal>, Option<Decimal>) {
        (self.low.as_ref().map(|low| low.implied_range().0), self.high.as_ref().map(|high| high.implied_range().1))
    }

    /// Reads a number, a quantity or a range.
    pub(super) fn of(node: Node<'_>) -> Option<Self> {
        if node.shape() != Shape::Object {
            let value = Decimal::new(&node.text())?;
            return Some(Self { low: Some(value.clone()), high: Some(value), unit: None });
        }
        let (low, high, unit) = quantity::interval(node)?;
        Some(Self { low, high, unit: Some(unit) })
    }
}
