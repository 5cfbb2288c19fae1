//! A resource that passed the strict reader.
//!
//! Source: <https://hl7.org/fhir/R4/resource.html>.

use bytes::Bytes;

use super::primitive::Id;
use super::reference::Key;
use super::schema::{Name, ResourceType, TypeId};
use super::tree::{Node, Tree};
use crate::base::clock::Instant;

/// A resource: its tree, its type, and the id it says it has.
#[derive(Debug, Clone)]
pub struct Resource {
    tree: Tree,
    kind: ResourceType,
    id: Option<Id>,
}

impl Resource {
    /// Takes a typed tree; `None` if its root is no resource.
    pub(super) fn of(tree: Tree) -> Option<Self> {
        let kind = tree.root().resource_type()?;
        let id = tree.root().get_text("id").and_then(|id| Id::new(&id));
        Some(Self { tree, kind, id })
    }

    /// Takes a resource that stands inside another one (an entry of a Bundle) out as its own.
    #[must_use]
    pub fn extract(node: Node<'_>) -> Option<Self> {
        let tree = node.tree();
        let range = node.range();
        let first = node.index() as usize;
        let base = u32::try_from(range.start).ok()?;
        let last = tree.nodes.get(first)?.next as usize;
        let mut nodes = tree.nodes.get(first..last)?.to_vec();
        for stored in &mut nodes {
            stored.start -= base;
            stored.end -= base;
            stored.next -= node.index();
            stored.around = stored.around.saturating_sub(node.index());
        }
        nodes.first_mut()?.name = Name::NONE;
        Self::of(Tree { text: tree.text.slice(range), nodes, schema: tree.schema })
    }

    /// Its type.
    #[must_use]
    pub fn kind(&self) -> ResourceType {
        self.kind
    }

    /// The id in its own `id` element.
    #[must_use]
    pub fn id(&self) -> Option<&Id> {
        self.id.as_ref()
    }

    /// Its root element.
    #[must_use]
    pub fn root(&self) -> Node<'_> {
        self.tree.root()
    }

    /// Its tree.
    #[must_use]
    pub fn tree(&self) -> &Tree {
        &self.tree
    }

    /// Its JSON text, minified, as it came in.
    #[must_use]
    pub fn text(&self) -> &Bytes {
        self.tree.text()
    }

    /// The version and time that `meta` says it has.
    #[must_use]
    pub fn version_id(&self) -> Option<String> {
        Some(self.root().get("meta")?.get_text("versionId")?.into_owned())
    }

    /// The stored form under `id`, still without version and time, which the store knows only when it writes.
    #[must_use]
    pub fn body(&self, id: &Id) -> Body {
        let mut tail = Vec::with_capacity(self.text().len());
        let root = self.root();
        tail.push(b'"');
        for member in root.get("meta").into_iter().flat_map(Node::members) {
            if !matches!(member.key(), "versionId" | "lastUpdated") {
                self.append(member, &mut tail);
            }
        }
        tail.push(b'}');
        for member in root.members() {
            // The root's resourceType has no element name; id and meta are told anew, their shadows (`_id`) are kept.
            let told = member.name() == Name::NONE && member.ty() == TypeId::NONE;
            if !told && (member.is_shadow() || !matches!(member.key(), "id" | "meta")) {
                self.append(member, &mut tail);
            }
        }
        tail.push(b'}');
        Body { head: head(self.kind, id), tail: tail.into() }
    }

    /// Appends `,"key":value` as it stands in the text.
    fn append(&self, member: Node<'_>, out: &mut Vec<u8>) {
        let range = member.range();
        let text = self.text();
        // The key stands right before the value, in quotes: find its opening quote backwards.
        let before = text.get(..range.start.saturating_sub(2)).unwrap_or(&[]);
        let key = before.iter().rposition(|b| *b == b'"').unwrap_or(0);
        out.push(b',');
        out.extend_from_slice(text.get(key..range.end).unwrap_or(&[]));
    }
}

/// What comes before the version: type and id tell all of it.
fn head(kind: ResourceType, id: &Id) -> String {
    format!("{{\"resourceType\":\"{kind}\",\"id\":\"{id}\",\"meta\":{{\"versionId\":\"")
}

/// The stored form of a resource, waiting for its version and time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Body {
    head: String,
    tail: Bytes,
}

impl Body {
    /// All that a store must keep beside type, id, version and time.
    #[must_use]
    pub fn tail(&self) -> &Bytes {
        &self.tail
    }

    /// The finished form of what a store has kept.
    #[must_use]
    pub fn restore(key: &Key, tail: impl Into<Bytes>, version: u64, updated: Instant) -> Bytes {
        Self { head: head(key.kind, &key.id), tail: tail.into() }.finish(version, updated)
    }

    /// Writes the version (1, 2, …) and the time into `meta`.
    #[must_use]
    pub fn finish(&self, version: u64, updated: Instant) -> Bytes {
        let (version, updated) = (version.to_string(), updated.to_string());
        let parts: [&[u8]; 5] = [self.head.as_bytes(), version.as_bytes(), b"\",\"lastUpdated\":\"", updated.as_bytes(), &self.tail];
        parts.concat().into()
    }

    /// Whether `stored` is this content under another version and time.
    #[must_use]
    pub fn same_content(&self, stored: &[u8]) -> bool {
        let Some(rest) = stored.strip_prefix(self.head.as_bytes()) else { return false };
        let Some(rest_length) = rest.len().checked_sub(self.tail.len()) else { return false };
        let Some((between, tail)) = rest.split_at_checked(rest_length) else { return false };
        // Only another version and another time may stand between; anything else is other content.
        let Some(between) = std::str::from_utf8(between).ok().and_then(|text| text.split_once("\",\"lastUpdated\":\"")) else {
            return false;
        };
        let (version, updated) = between;
        tail == &self.tail[..] && version.bytes().all(|b| b.is_ascii_digit()) && !updated.contains('"')
    }

    /// Length of the finished form, give or take the digits of the version.
    #[must_use]
    pub fn size(&self) -> usize {
        self.head.len() + self.tail.len() + 44
    }
}
