//! Bytes to resources and back.
//!
//! JSON is read in two steps: `scan` turns bytes into minified text and untyped nodes, `typed` walks the nodes with the
//! schema and holds the rules of FHIR's JSON. XML comes in and goes out over JSON ([`xml`]).
//!
//! Source: <https://hl7.org/fhir/R4/json.html>, <https://hl7.org/fhir/R4/xml.html>.

mod anyhow;
mod pretty;
mod scan;
mod typed;
pub mod xml;

use crate::base::budget::Limits;

use super::outcome::{Issue, IssueType};
use super::resource::Resource;
use super::schema::Schema;
use super::tree::Tree;

pub use anyhow::read_anyhow;
pub use pretty::pretty;
pub use xml::{read_xml, read_xml_parts, write_xml};

/// Reads a resource from JSON, strictly.
///
/// # Errors
/// All issues found, each with its path: broken JSON, unknown elements, wrong types, duplicate keys, empty objects and arrays,
/// nulls, bad primitives, missing required elements, an unknown or missing `resourceType`.
pub fn read_json(bytes: &[u8], schema: &'static Schema, limits: &Limits) -> Result<Resource, Vec<Issue>> {
    match read_json_parts(bytes, schema, limits)? {
        (resource, issues) if issues.is_empty() => Ok(resource),
        (_, issues) => Err(issues),
    }
}

/// Reads a resource from JSON and gives it together with what is wrong inside, for a batch, in which one bad entry does
/// not hinder the others. What has issues must not be stored.
///
/// # Errors
/// When it cannot be read as a resource at all.
pub fn read_json_parts(bytes: &[u8], schema: &'static Schema, limits: &Limits) -> Result<(Resource, Vec<Issue>), Vec<Issue>> {
    let scanned = scan::scan(bytes, limits.depth).map_err(|fault| vec![fault.issue(bytes)])?;
    let mut tree = Tree { text: scanned.text.into(), nodes: scanned.nodes, schema };
    let mut issues = typed::check(&mut tree, &scanned.keys, limits.issues);
    match Resource::of(tree) {
        Some(resource) => Ok((resource, issues)),
        None => {
            if issues.is_empty() {
                issues.push(Issue::error(IssueType::Structure, "", "This is not a FHIR R4 resource."));
            }
            Err(issues)
        }
    }
}

#[cfg(test)]
mod tests;
