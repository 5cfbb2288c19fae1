//! References inside a transaction: temporary identities and conditional references become real ones.
//!
//! What is replaced: `Reference.reference`, elements of type uri, url, oid, uuid and canonical whose whole value is the
//! fullUrl of an entry, and links in narratives. Source: <https://hl7.org/fhir/R4/http.html#trules>.

use std::collections::HashMap;
use std::ops::Range;

use super::Failure;
use crate::base::budget::Limits;
use crate::model::codec::read_json;
use crate::model::draft::write_string;
use crate::model::outcome::{Issue, IssueType};
use crate::model::primitive::Primitive;
use crate::model::reference::{Target, target};
use crate::model::resource::Resource;
use crate::model::schema::{Kind, ResourceType};
use crate::model::tree::Node;

/// A conditional reference: a type and a query.
pub(super) type Condition = (ResourceType, String);

/// The conditional references of a resource.
pub(super) fn conditions(resource: &Resource, base: &str) -> Vec<Condition> {
    let mut found = Vec::new();
    walk(resource.root(), &mut |node| {
        if is_reference(node)
            && let Target::Conditional(kind, query) = target(&node.text(), resource.tree().schema(), base)
        {
            found.push((kind, query.to_owned()));
        }
    });
    found
}

/// What the identities of a transaction turned out to be.
#[derive(Debug, Default)]
pub(super) struct Identities {
    /// fullUrl of an entry to `Type/id`.
    pub(super) full_urls: HashMap<String, String>,
    /// Conditional reference to `Type/id`.
    pub(super) conditions: HashMap<Condition, String>,
}

/// The resource with its references replaced; `full_url` is its own identity in the Bundle.
///
/// # Errors
/// When a `urn:uuid:` or `urn:oid:` reference leads to no entry.
pub(super) fn replace(
    resource: Resource,
    full_url: Option<&str>,
    identities: &Identities,
    base: &str,
    limits: &Limits,
) -> Result<Resource, Failure> {
    let schema = resource.tree().schema();
    let mut edits: Vec<(Range<usize>, String)> = Vec::new();
    let mut dangling: Vec<Issue> = Vec::new();
    // `Patient/1` inside an entry whose fullUrl is `http://x/fhir/Observation/2` means `http://x/fhir/Patient/1`.
    let root = full_url.and_then(|url| url.rsplitn(3, '/').nth(2));
    walk(resource.root(), &mut |node| {
        let told = || {
            let text = node.text();
            let fragment = text.find('#').unwrap_or(text.len());
            let (bare, fragment) = text.split_at(fragment);
            let new = identities.full_urls.get(bare).or_else(|| identities.full_urls.get(&format!("{}/{bare}", root?)));
            new.map(|new| format!("{new}{fragment}"))
        };
        match node.kind() {
            _ if is_reference(node) => {
                let text = node.text();
                let new = match target(&text, schema, base) {
                    Target::Conditional(kind, query) => identities.conditions.get(&(kind, query.to_owned())).cloned(),
                    Target::Contained(_) => None,
                    _ => told(),
                };
                if new.is_none() && (text.starts_with("urn:uuid:") || text.starts_with("urn:oid:")) {
                    let told = format!("\"{text}\" leads to no entry of this Bundle: give the entry meant this fullUrl.");
                    dangling.push(Issue::error(IssueType::NotFound, resource.kind().name(), told));
                }
                edits.extend(new.map(|new| (node.range(), quoted(&new))));
            }
            Kind::Primitive(Primitive::Uri | Primitive::Url | Primitive::Oid | Primitive::Uuid | Primitive::Canonical) => {
                edits.extend(told().map(|new| (node.range(), quoted(&new))));
            }
            Kind::Primitive(Primitive::Xhtml) => {
                let text = node.text();
                let mut new = text.to_string();
                for (from, to) in identities.full_urls.iter().filter(|(from, _)| text.contains(from.as_str())) {
                    new = new.replace(&format!("\"{from}\""), &format!("\"{to}\""));
                }
                if new != *text {
                    edits.push((node.range(), quoted(&new)));
                }
            }
            _ => {}
        }
    });
    if !dangling.is_empty() {
        return Err(super::refused(super::FailureKind::Invalid, dangling));
    }
    if edits.is_empty() {
        return Ok(resource);
    }
    let mut text = Vec::with_capacity(resource.text().len());
    let mut at = 0;
    for (range, new) in &edits {
        text.extend_from_slice(resource.text().get(at..range.start).unwrap_or(&[]));
        text.extend_from_slice(new.as_bytes());
        at = range.end;
    }
    text.extend_from_slice(resource.text().get(at..).unwrap_or(&[]));
    read_json(&text, schema, limits).map_err(|issues| super::refused(super::FailureKind::Invalid, issues))
}

fn is_reference(node: Node<'_>) -> bool {
    node.is_primitive() && node.key() == "reference" && node.type_name() == "string"
}

fn quoted(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 2);
    write_string(text, &mut out);
    out
}

/// Visits every primitive element, in document order.
fn walk<'t>(node: Node<'t>, visit: &mut impl FnMut(Node<'t>)) {
    for child in node.members() {
        if child.is_primitive() {
            visit(child);
        } else {
            walk(child, visit);
        }
    }
}
