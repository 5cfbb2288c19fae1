//! Date values as intervals. Source: <https://hl7.org/fhir/R4/search.html#date>.
//!
//! A Period without start or end is open there; a Timing is found by its outer limits.

use super::Sink;
use crate::model::primitive::moment::{self, Interval};
use crate::model::tree::{Node, Shape};

/// Finds the interval of an element.
pub(super) fn extract(node: Node<'_>, sink: &mut Sink<'_>) {
    if let Some((low, high)) = interval(node) {
        sink.interval(low, high, 0);
    }
}

/// First and last microsecond.
fn interval(node: Node<'_>) -> Option<(i64, i64)> {
    if node.shape() != Shape::Object {
        return moment::date_time(&node.text()).map(|Interval { start, end }| (start, end - 1));
    }
    match node.type_name() {
        "Period" => {
            let end = |name: &str| node.get(name).and_then(interval);
            match (end("start"), end("end")) {
                (None, None) => None,
                (start, end) => Some((start.map_or(i64::MIN, |s| s.0), end.map_or(i64::MAX, |e| e.1))),
            }
        }
        "Timing" => {
            let events = node.all("event").filter_map(interval);
            let bounds = node
                .get("repeat")
                .and_then(|repeat| repeat.get("bounds"))
                .filter(|bounds| bounds.type_name() == "Period")
                .and_then(interval);
            events.chain(bounds).reduce(|a, b| (a.0.min(b.0), a.1.max(b.1)))
        }
        _ => None,
    }
}
