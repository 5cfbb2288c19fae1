//! Positions on the earth, for `near`. Source: <https://hl7.org/fhir/R4/location.html#search>.

use super::Sink;
use crate::model::primitive::decimal::Decimal;
use crate::model::tree::Node;

/// The unit under which latitudes are kept, in degrees north.
pub(in crate::search) const LATITUDE: u64 = 1;
/// The unit under which longitudes are kept, in degrees east.
pub(in crate::search) const LONGITUDE: u64 = 2;

/// Finds the position of a Location.
pub(super) fn extract(node: Node<'_>, sink: &mut Sink<'_>) {
    for (name, unit) in [("latitude", LATITUDE), ("longitude", LONGITUDE)] {
        if let Some(degrees) = node.get(name).and_then(|node| Decimal::new(node.raw())) {
            let key = degrees.sort_key();
            sink.interval(key, key, unit);
        }
    }
}
