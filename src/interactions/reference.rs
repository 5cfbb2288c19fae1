//! References inside a transaction: temporary identities and conditional references become real ones.
//!
//! What is replaced: `Reference.reference`, elements of type uri, url, oid and uuid (not canonical) whose whole value is the
//! fullUrl of an entry, and links in narratives. A reference to a version stays one: it names the version that the transaction
//! writes. Source: <https://hl7.org/fhir/R4/http.html#trules>.

use std::collections::HashMap;
use std::ops::Range;

use super::Failure;
use crate::base::budget::Limits;
use crate::model::codec::read_json;
use crate::model::draft::write_string;
use crate::model::outcome::{Issue, IssueType};
use crate::model::primitive::Primitive;
use crate::model::reference::{Key, Target, target};
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

/// The resources on this server to which a resource refers, in the order in which the references stand.
pub(super) fn targets(resource: &Resource, base: &str) -> Vec<Key> {
    let mut found = Vec::new();
    walk(resource.root(), &mut |node| {
        if is_reference(node)
            && let Target::Local { key, .. } = target(&node.text(), resource.tree().schema(), base)
        {
            found.push(key);
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
    /// `Type/id` to the version that is written, for those to whose versions others refer.
    pub(super) versions: HashMap<String, u64>,
}

impl Identities {
    /// The identity of the entry that a reference leads to, and whether it asks for a version; `root` is what relative
    /// references are relative to.
    fn of(&self, text: &str, root: Option<&str>) -> Option<(&str, bool)> {
        let full = |bare: &str| self.full_urls.get(bare).or_else(|| self.full_urls.get(&format!("{}/{bare}", root?)));
        match (full(text), text.split_once("/_history/")) {
            (Some(identity), _) => Some((identity, false)),
            (None, Some((bare, _))) => full(bare).map(|identity| (identity.as_str(), true)),
            (None, None) => None,
        }
    }
}

/// `Patient/1` inside an entry whose fullUrl is `http://x/fhir/Observation/2` means `http://x/fhir/Patient/1`.
fn root(full_url: Option<&str>) -> Option<&str> {
    full_url.and_then(|url| url.rsplitn(3, '/').nth(2))
}

/// The entries, as `Type/id`, to whose versions a resource refers.
pub(super) fn versioned(resource: &Resource, full_url: Option<&str>, identities: &Identities) -> Vec<String> {
    let mut found = Vec::new();
    walk(resource.root(), &mut |node| {
        if is_reference(node)
            && let Some((identity, true)) = identities.of(&node.text(), root(full_url))
        {
            found.push(identity.to_owned());
        }
    });
    found
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
    let root = root(full_url);
    walk(resource.root(), &mut |node| {
        let told = || {
            let text = node.text();
            let fragment = text.find('#').unwrap_or(text.len());
            let (bare, fragment) = text.split_at(fragment);
            let (identity, versioned) = identities.of(bare, root)?;
            match identities.versions.get(identity).filter(|_| versioned) {
                Some(version) => Some(format!("{identity}/_history/{version}{fragment}")),
                None => Some(format!("{identity}{fragment}")),
            }
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
            Kind::Primitive(Primitive::Uri | Primitive::Url | Primitive::Oid | Primitive::Uuid) => {
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
