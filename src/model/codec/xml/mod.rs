//! FHIR's XML, read into the same canonical JSON trees as JSON is, and written from them.
//!
//! Reading has three steps, each with one job. `scan` walks the bytes with the schema: it refuses what XML or FHIR's XML forbid,
//! and cuts the document into `Shell`s, one for each resource. `bridge` has fhirbolt turn a shell into JSON. The strict JSON
//! reader judges the whole, so every rule of FHIR holds in one place whatever the format was. [`write`] goes the same way back.
//!
//! Inner resources and narratives are cut out of a shell and told in it by number, for three reasons: memory is bounded by the largest
//! single resource of a Bundle, fhirbolt never meets a resource inside another, and narratives are carried over character by character.
//!
//! Source: <https://hl7.org/fhir/R4/xml.html>, <https://www.w3.org/TR/xml/>, `docs/decisions/0004-xml.md`.
//!
//! Invariant: no document type, no entity but the five of XML itself, nothing is ever fetched or expanded.

mod bridge;
pub(crate) mod document;
mod narrative;
mod scan;
mod syntax;
mod write;

use std::collections::HashSet;

use crate::base::budget::Limits;
use crate::model::outcome::{Issue, IssueType};
use crate::model::resource::Resource;
use crate::model::schema::{Schema, TypeId};

/// The namespace of FHIR's elements.
const FHIR: &str = "http://hl7.org/fhir";
/// The namespace of narratives.
const XHTML: &str = "http://www.w3.org/1999/xhtml";

/// Most elements of one resource, its inner resources not counted: in between each takes some 600 bytes of memory.
const MOST_ELEMENTS: usize = 500_000;

/// One resource in plain XML, with some parts cut out: an inner resource, a narrative, or (as an `extension`) the id of a primitive
/// is told as an element whose `value` is the number (0-based) of the part.
#[derive(Debug)]
struct Shell {
    ty: TypeId,
    xml: String,
    /// The JSON of the inner resources.
    resources: Vec<String>,
    /// The `<div>…</div>` texts.
    narratives: Vec<String>,
    /// The ids of primitives.
    ids: Vec<String>,
    /// How many elements it has.
    elements: usize,
}

impl Shell {
    fn new(ty: TypeId) -> Self {
        Self { ty, xml: String::new(), resources: Vec::new(), narratives: Vec::new(), ids: Vec::new(), elements: 0 }
    }
}

/// Reads a resource from XML, strictly.
///
/// # Errors
/// All issues found, each with its path and place: broken XML, a document type, another encoding than UTF-8, unknown elements and
/// attributes, text, elements out of order, and whatever [`super::read_json`] refuses.
pub fn read_xml(bytes: &[u8], schema: &'static Schema, limits: &Limits) -> Result<Resource, Vec<Issue>> {
    match read_xml_parts(bytes, schema, limits)? {
        (resource, issues) if issues.is_empty() => Ok(resource),
        (_, issues) => Err(issues),
    }
}

/// Reads a resource from XML and gives it together with what is wrong inside, as [`super::read_json_parts`] does; what the issues are
/// about may be missing in the resource, and must not be stored.
///
/// # Errors
/// When it cannot be read as a resource at all.
pub fn read_xml_parts(bytes: &[u8], schema: &'static Schema, limits: &Limits) -> Result<(Resource, Vec<Issue>), Vec<Issue>> {
    let (json, mut issues) = scan::json(bytes, schema, limits)?;
    let (resource, more) = super::read_json_parts(json.as_bytes(), schema, limits)?;
    // What was wrong is left out of the JSON, so that it is missing there: that is no issue of its own.
    let known: HashSet<String> =
        issues.iter().flat_map(|issue| [Some(&*issue.expression), parent(&issue.expression)]).flatten().map(str::to_owned).collect();
    issues.extend(more.into_iter().filter(|issue| !known.contains(&issue.expression)));
    Ok((resource, issues))
}

/// The path of the element around.
fn parent(path: &str) -> Option<&str> {
    path.rsplit_once('.').map(|(parent, _)| parent)
}

/// Writes a resource, told as JSON, as XML: elements in the order of the specification, no white space between them.
///
/// A resource that lacks required elements is written too: the answer to a search may leave elements out.
///
/// # Errors
/// When the JSON is not a resource that [`super::read_json`] takes, or holds what XML cannot tell: control characters, a narrative that is
/// not well-formed, an extension on an attribute, half a million elements in one resource.
pub fn write_xml(resource: &[u8], schema: &'static Schema, limits: &Limits) -> Result<Vec<u8>, Vec<Issue>> {
    // A resource as deep as allowed stands some levels deeper inside the Bundle in which it is answered.
    // All issues are wanted: were they cut off, one that matters could be among those not listed.
    let limits = Limits { depth: limits.depth.saturating_add(8), issues: usize::MAX, ..*limits };
    let (resource, mut issues) = super::read_json_parts(resource, schema, &limits)?;
    issues.retain(|issue| issue.code != IssueType::Required);
    if !issues.is_empty() {
        return Err(issues);
    }
    write::xml(&resource).map_err(|issue| vec![issue])
}

#[cfg(test)]
mod tests;
