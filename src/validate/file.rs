//! A file as it comes: read as JSON or XML, leniently, so that all that is wrong with it is told at once.
//!
//! What the strict reader refuses (unknown elements, wrong types) comes first into the list; what it could make of the file is
//! then checked against R4, the profiles that it claims, and those that are asked for.

use std::collections::BTreeSet;

use serde_json::Value;

use super::Validator;
use super::bundle::Entries;
use crate::base::budget::Limits;
use crate::definitions::Library;
use crate::model::codec::{read_json_parts, read_xml_parts};
use crate::model::outcome::{Issue, IssueType};
use crate::model::resource::Resource;
use crate::model::schema::Schema;

/// What is wrong with a file, by R4, the profiles that it claims, and `profiles` (canonical URLs).
#[must_use]
pub fn check(bytes: &[u8], library: &Library, profiles: &[String]) -> Vec<Issue> {
    let (resource, mut issues) = match read(bytes, library.schema()) {
        Ok(parts) => parts,
        Err(issues) => return issues,
    };
    let profiles: Vec<&str> = profiles.iter().map(String::as_str).collect();
    let found = Validator::new(library).asked(&resource, &profiles, &Entries::of(&resource));
    add(&mut issues, found);
    issues
}

/// Adds what was found to what the reader has said, which is not said again.
pub fn add(said: &mut Vec<Issue>, found: Vec<Issue>) {
    let known: BTreeSet<(String, IssueType)> = said.iter().map(|issue| (issue.expression.clone(), issue.code)).collect();
    said.extend(found.into_iter().filter(|issue| !known.contains(&(issue.expression.clone(), issue.code))));
}

/// Reads a definition for a [`Library`] from JSON or XML; `None` when it is no resource.
#[must_use]
pub fn definition(bytes: &[u8]) -> Option<Value> {
    if is_xml(bytes) {
        let (resource, _) = read(bytes, Library::embedded().schema()).ok()?;
        return serde_json::from_slice(resource.text()).ok();
    }
    serde_json::from_slice(bytes).ok().filter(|value: &Value| value.get("resourceType").is_some())
}

fn read(bytes: &[u8], schema: &'static Schema) -> Result<(Resource, Vec<Issue>), Vec<Issue>> {
    let limits = Limits::default();
    if is_xml(bytes) { read_xml_parts(bytes, schema, &limits) } else { read_json_parts(bytes, schema, &limits) }
}

fn is_xml(bytes: &[u8]) -> bool {
    let text = bytes.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(bytes);
    text.iter().find(|byte| !byte.is_ascii_whitespace()) == Some(&b'<')
}
