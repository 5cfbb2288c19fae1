//! References: how one resource points at another.
//!
//! Source: <https://hl7.org/fhir/R4/references.html>.

use super::primitive::Id;
use super::schema::{ResourceType, Schema};

/// A resource's address on this server.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct Key {
    /// Its type.
    pub kind: ResourceType,
    /// Its logical id.
    pub id: Id,
}

impl std::fmt::Display for Key {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}/{}", self.kind, self.id)
    }
}

/// What a reference's text means.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Target<'a> {
    /// `Patient/1`, `Patient/1/_history/2`, or the same under this server's base.
    Local {
        /// The resource.
        key: Key,
        /// The version, if the reference names one.
        version: Option<&'a str>,
    },
    /// `#contained`, without the `#`.
    Contained(&'a str),
    /// `Patient?identifier=…`, to be resolved inside a transaction: type and query.
    Conditional(ResourceType, &'a str),
    /// Anything else: a URN, or a URL of another server.
    Other(&'a str),
}

/// Reads a reference; `base` is this server's base URL without a slash at its end.
#[must_use]
pub fn target<'a>(text: &'a str, schema: &Schema, base: &str) -> Target<'a> {
    if let Some(id) = text.strip_prefix('#') {
        return Target::Contained(id);
    }
    let relative = text.strip_prefix(base).and_then(|rest| rest.strip_prefix('/')).filter(|_| !base.is_empty()).unwrap_or(text);
    if let Some((kind, query)) = relative.split_once('?')
        && let Some(kind) = schema.resource_type(kind)
    {
        return Target::Conditional(kind, query);
    }
    local(relative, schema).map_or(Target::Other(text), |(key, version)| Target::Local { key, version })
}

/// Reads `Type/id` or `Type/id/_history/version`.
#[must_use]
pub fn local<'a>(text: &'a str, schema: &Schema) -> Option<(Key, Option<&'a str>)> {
    let mut parts = text.split('/');
    let kind = schema.resource_type(parts.next()?)?;
    let id = Id::new(parts.next()?)?;
    let version = match parts.next() {
        None => None,
        Some("_history") => Some(parts.next().filter(|version| Id::is_valid(version))?),
        Some(_) => return None,
    };
    parts.next().is_none().then_some((Key { kind, id }, version))
}

/// The type and id at the end of a URL of any server: `https://ehr.example/fhir/Patient/1` gives `Patient`, `1`.
#[must_use]
pub fn tail(url: &str, schema: &Schema) -> Option<Key> {
    let url = url.split_once("/_history/").map_or(url, |(before, _)| before);
    let (rest, id) = url.rsplit_once('/')?;
    let kind = rest.rsplit_once('/').map_or(rest, |(_, kind)| kind);
    Some(Key { kind: schema.resource_type(kind)?, id: Id::new(id)? })
}
