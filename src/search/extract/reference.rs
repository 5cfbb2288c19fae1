//! Reference values: where an element points. Source: <https://hl7.org/fhir/R4/search.html#reference>.

use super::key::Aside;
use super::{Sink, key, token};
use crate::model::reference::{Target, local, target};
use crate::model::tree::{Node, Shape};

/// Finds the targets of a reference or canonical.
pub(super) fn extract(node: Node<'_>, sink: &mut Sink<'_>) {
    for target in told(node, sink.base) {
        sink.post(key::reference(sink.parameter, &target));
        // What chains can follow: the resource as it is now.
        if matches!(local(&target, node.tree().schema()), Some((_, None))) {
            sink.link(target);
        }
    }
    if let Some(identifier) = node.get("identifier").filter(|_| node.type_name() == "Reference") {
        token::coded(identifier, "system", "value", &mut sink.aside(Aside::Identifier));
    }
}

/// What a reference points at, in the form of the index: `Type/id` on this server, else the URL as written; what has
/// a version (`|1.0` or `/_history/1`) is told with and without it. What is contained in the resource itself is no target.
pub(super) fn told(node: Node<'_>, base: &str) -> Vec<String> {
    let text = if node.shape() == Shape::Object { node.get_text("reference") } else { Some(node.text()) };
    let Some(text) = text else { return Vec::new() };
    match target(&text, node.tree().schema(), base) {
        Target::Local { key, version: None } => vec![key.to_string()],
        Target::Local { key, version: Some(version) } => vec![key.to_string(), format!("{key}/_history/{version}")],
        Target::Contained(_) | Target::Conditional(..) => Vec::new(),
        Target::Other(url) => match url.split_once('|').or_else(|| url.split_once("/_history/")) {
            Some((bare, _)) => vec![url.to_owned(), bare.to_owned()],
            None => vec![url.to_owned()],
        },
    }
}
