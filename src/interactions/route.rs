//! What stands at an address, and which methods are possible there: decided before a body is read.
//!
//! Source: <https://hl7.org/fhir/R4/http.html>, the summary of interactions.

use super::operation::{Level, Operation};
use super::request::{Target, Verb, no_version, short};
use super::{Failure, FailureKind, Gateway};
use crate::model::outcome::IssueType;
use crate::model::primitive::Id;
use crate::model::reference::Key;
use crate::model::schema::{ResourceType, Schema};
use crate::store::port::HistoryScope;

/// A method at an address that takes it.
#[derive(Debug, Clone)]
#[expect(missing_docs, reason = "named as in the specification")]
pub enum Route {
    /// A batch or transaction.
    Bundle,
    Capabilities,
    /// Of a type, perhaps only in the compartment around a resource; or of several types.
    Search(Option<ResourceType>, Option<Key>),
    /// A search of all types in the compartment around a resource.
    Compartment(Key),
    Operation(Operation, Level),
    Create(ResourceType),
    Read(Key),
    VersionRead(Key, u64),
    Update(Place),
    Patch(Place),
    Delete(Place),
    History(HistoryScope),
}

/// What an update, a patch or a deletion is sent to.
#[derive(Debug, Clone)]
pub enum Place {
    /// The resource with this identity.
    Instance(Key),
    /// What the query in the address finds of a type.
    Type(ResourceType),
}

impl Place {
    /// The target of a conditional interaction, or of a plain one.
    pub(super) fn with(self, query: &str) -> Target {
        match self {
            Self::Instance(key) => Target::Only(key),
            Self::Type(kind) => Target::Match(kind, query.to_owned()),
        }
    }
}

const ON_SYSTEM: &[&str] = &["GET", "HEAD", "POST"];
const ON_SEARCH: &[&str] = &["POST"];
const ON_INSTANCE: &[&str] = &["GET", "HEAD", "PUT", "PATCH", "DELETE"];
const ON_READ: &[&str] = &["GET", "HEAD"];

impl Gateway {
    /// Finds what is at an address, a path below the base without a slash at either end.
    ///
    /// # Errors
    /// When there is nothing, or the method is not possible there.
    pub fn route(&self, verb: Verb, path: &str) -> Result<Route, Failure> {
        let schema = self.schema();
        let parts: Vec<&str> = path.split('/').collect();
        match (verb, parts.as_slice()) {
            (verb, [.., name]) if name.starts_with('$') => self.operation_at(verb, &parts, name),
            (Verb::Post, [""]) => Ok(Route::Bundle),
            (Verb::Get, [""]) | (Verb::Post, ["_search"]) => Ok(Route::Search(None, None)),
            (_, ["_search"]) => Err(method(ON_SEARCH)),
            (_, [""]) => Err(method(ON_SYSTEM)),
            (Verb::Get, ["metadata"]) => Ok(Route::Capabilities),
            (Verb::Get, ["_history"]) => Ok(Route::History(HistoryScope::System)),
            (_, ["metadata" | "_history"]) => Err(method(ON_READ)),
            (verb, [kind]) => {
                let kind = resource_type(kind, schema)?;
                match verb {
                    Verb::Get => Ok(Route::Search(Some(kind), None)),
                    Verb::Post => Ok(Route::Create(kind)),
                    Verb::Patch => Ok(Route::Patch(Place::Type(kind))),
                    Verb::Put => Ok(Route::Update(Place::Type(kind))),
                    Verb::Delete => Ok(Route::Delete(Place::Type(kind))),
                }
            }
            (verb, [kind, "_search"]) => {
                let kind = resource_type(kind, schema)?;
                if verb == Verb::Post { Ok(Route::Search(Some(kind), None)) } else { Err(method(ON_SEARCH)) }
            }
            (verb, [kind, "_history"]) => {
                let kind = resource_type(kind, schema)?;
                if verb == Verb::Get { Ok(Route::History(HistoryScope::Type(kind))) } else { Err(method(ON_READ)) }
            }
            (verb, [kind, id]) => {
                let key = address(kind, id, schema)?;
                match verb {
                    Verb::Get => Ok(Route::Read(key)),
                    Verb::Put => Ok(Route::Update(Place::Instance(key))),
                    Verb::Patch => Ok(Route::Patch(Place::Instance(key))),
                    Verb::Delete => Ok(Route::Delete(Place::Instance(key))),
                    Verb::Post => Err(method(ON_INSTANCE)),
                }
            }
            (Verb::Get, [kind, id, "_history"]) => Ok(Route::History(HistoryScope::Instance(address(kind, id, schema)?))),
            (Verb::Get, [kind, id, "_history", version]) => {
                let key = address(kind, id, schema)?;
                let known = version.parse::<u64>().ok().filter(|_| version.bytes().all(|b| b.is_ascii_digit()));
                known.map(|version| Route::VersionRead(key.clone(), version)).ok_or_else(|| no_version(&key, short(version)))
            }
            (_, [kind, id, "_history"] | [kind, id, "_history", _]) => address(kind, id, schema).and(Err(method(ON_READ))),
            (verb, [kind, id, inner]) => self.inside(address(kind, id, schema)?, inner, verb == Verb::Get, ON_READ),
            (verb, [kind, id, inner, "_search"]) => self.inside(address(kind, id, schema)?, inner, verb == Verb::Post, ON_SEARCH),
            // A type that does not exist is told, whatever follows.
            (_, [kind, ..]) if schema.resource_type(kind).is_none() => resource_type(kind, schema).map(Route::Create),
            _ => Err(Failure::new(FailureKind::NotFound, IssueType::NotFound, "", format!("There is nothing at \"{}\".", short(path)))),
        }
    }

    /// A search in the compartment around a resource: of a type, or of all (`*`).
    fn inside(&self, key: Key, inner: &str, possible: bool, allowed: &'static [&'static str]) -> Result<Route, Failure> {
        let nothing = |told: String| Failure::new(FailureKind::NotFound, IssueType::NotFound, "", told);
        let compartment = self.compartment(key.kind).ok_or_else(|| {
            let known: Vec<_> = self.definitions().compartments().iter().map(|compartment| compartment.name).collect();
            nothing(format!("There is nothing at \"{key}/{}\": compartments are around {}.", short(inner), known.join(", ")))
        })?;
        let route = if inner == "*" {
            Route::Compartment(key)
        } else {
            let kind = resource_type(inner, self.schema())?;
            if self.membership(&key, kind).is_none() {
                return Err(nothing(format!("No {kind} can be in the compartment of a {}.", compartment.name)));
            }
            Route::Search(Some(kind), Some(key))
        };
        if possible { Ok(route) } else { Err(method(allowed)) }
    }

    fn operation_at(&self, verb: Verb, parts: &[&str], name: &str) -> Result<Route, Failure> {
        let schema = self.schema();
        let level = match parts {
            [_] => Level::System,
            [kind, _] => Level::Type(resource_type(kind, schema)?),
            [kind, id, _] => Level::Instance(address(kind, id, schema)?),
            [kind, id, "_history", version, _] => {
                let key = address(kind, id, schema)?;
                let known = version.parse::<u64>().map_err(|_| no_version(&key, short(version)))?;
                Level::Version(key, known)
            }
            _ => {
                let told = format!("There is nothing at \"{}\".", short(&parts.join("/")));
                return Err(Failure::new(FailureKind::NotFound, IssueType::NotFound, "", told));
            }
        };
        Operation::find(name, &level, verb).map(|operation| Route::Operation(operation, level))
    }
}

/// The resource type of that name.
///
/// # Errors
/// When R4 has none: nothing is at its address.
pub fn resource_type(name: &str, schema: &Schema) -> Result<ResourceType, Failure> {
    let unknown = || {
        Failure::new(FailureKind::NotFound, IssueType::NotSupported, "", format!("\"{}\" is not a resource type of FHIR R4.", short(name)))
    };
    schema.resource_type(name).ok_or_else(unknown)
}

fn address(kind: &str, id: &str, schema: &Schema) -> Result<Key, Failure> {
    let kind = resource_type(kind, schema)?;
    if id.starts_with('_') {
        let told = format!("There is nothing at \"{kind}/{}\".", short(id));
        return Err(Failure::new(FailureKind::NotFound, IssueType::NotSupported, "", told));
    }
    let told = || format!("\"{}\" is not an id: it has 1 to 64 characters out of A-Z, a-z, 0-9, '-' and '.'.", short(id));
    Ok(Key { kind, id: Id::new(id).ok_or_else(|| Failure::invalid(format!("{kind}.id"), told()))? })
}

pub(super) fn method(allowed: &'static [&'static str]) -> Failure {
    Failure::new(
        FailureKind::Method(allowed),
        IssueType::NotSupported,
        "",
        format!("This method is not possible here; possible are {}.", allowed.join(", ")),
    )
}
