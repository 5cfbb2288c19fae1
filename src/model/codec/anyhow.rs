//! Resources to be looked at, not kept: what breaks a rule is read as far as it can be understood.
//!
//! Nothing read so may be stored. For tools that answer questions about a file in somebody's hand.

use super::xml::document::{self, Node};
use super::{read_json_parts, xml};
use crate::base::budget::Limits;
use crate::model::outcome::Issue;
use crate::model::resource::Resource;
use crate::model::schema::Schema;

/// Reads a resource from JSON or XML, whichever the bytes begin with, in spite of what is wrong inside of it.
///
/// # Errors
/// When it cannot be read as a resource at all.
pub fn read_anyhow(bytes: &[u8], schema: &'static Schema, limits: &Limits) -> Result<Resource, Vec<Issue>> {
    let text = bytes.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(bytes);
    let first = text.iter().find(|byte| !byte.is_ascii_whitespace());
    if first != Some(&b'<') {
        return read_json_parts(text, schema, limits).map(|(resource, _)| resource);
    }
    match xml::read_xml_parts(bytes, schema, limits) {
        Ok((resource, issues)) if issues.is_empty() => Ok(resource),
        // Elements out of order are left out above; in order, they are all read.
        other => match ordered(bytes, schema) {
            Some(text) => xml::read_xml_parts(text.as_bytes(), schema, limits).map(|(resource, _)| resource),
            None => other.map(|(resource, _)| resource),
        },
    }
}

/// The document with the elements of the resource in the order of the specification.
fn ordered(bytes: &[u8], schema: &'static Schema) -> Option<String> {
    let mut nodes = document::read(bytes).ok()?;
    for node in &mut nodes {
        if let Node::Element(root) = node {
            let ty = schema.resource_type(&root.name.local)?.id();
            let place = |node: &Node| {
                let slot = node.element().and_then(|element| schema.slot(ty, &element.name.local));
                slot.map_or(0, |slot| slot.element)
            };
            root.children.retain(|child| child.element().is_some());
            root.children.sort_by_key(place);
        }
    }
    Some(document::write(&nodes))
}
