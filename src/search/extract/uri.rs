//! URI values, compared to the letter. Source: <https://hl7.org/fhir/R4/search.html#uri>.

use super::{Sink, key};
use crate::model::tree::Node;

/// Finds a uri, url, canonical, oid or uuid.
pub(super) fn extract(node: Node<'_>, sink: &mut Sink<'_>) {
    sink.post(key::uri(sink.parameter, &node.text()));
}
