//! patch, of the resource at an address or of the only one that a search finds.
//!
//! A patch is worked out on the version that is current and written only if that is still so; if others wrote in between, it is
//! worked out anew. Source: <https://hl7.org/fhir/R4/http.html#patch>.

use super::create::{alone, lost};
use super::read::{alive, not_found};
use super::request::{Interaction, Request, Tags, Target, tags};
use super::update::stale;
use super::{ATTEMPTS, Answer, Failure, FailureKind, Gateway};
use crate::model::codec::read_json;
use crate::model::outcome::IssueType;
use crate::model::reference::Key;
use crate::model::resource::Resource;
use crate::patch::{Fault, FaultKind, Patch};
use crate::search::extract;
use crate::store::port::{Commit, Expect, Match, Method, StoreError, Unmet, Write};

/// patch
#[derive(Debug, Clone)]
pub struct PatchOf {
    /// Which resource.
    pub target: Target,
    /// What changes.
    pub patch: Patch,
    /// Versions that must be current.
    pub if_match: Option<Tags>,
}

/// A patch that is worked out.
pub(super) struct Patched {
    pub(super) key: Key,
    /// What the resource will be.
    pub(super) resource: Resource,
    /// The version that was patched.
    pub(super) version: u64,
}

/// Gives a PATCH request its meaning.
pub(super) fn interpret(request: &Request, target: Target) -> Result<Interaction, Failure> {
    let patch = match (&request.patch, &request.resource) {
        (Some((format, bytes)), _) => Patch::read(*format, bytes)?,
        (None, Some(resource)) => Patch::carried_by(resource)?,
        (None, None) => {
            return Err(Failure::new(FailureKind::Invalid, IssueType::Required, "", "The request has no patch in its body."));
        }
    };
    let if_match = tags(request.if_match.as_deref(), "If-Match")?;
    Ok(Interaction::Patch(Box::new(PatchOf { target, patch, if_match })))
}

impl Gateway {
    pub(super) async fn patch(&self, patch: PatchOf) -> Result<Answer, Failure> {
        for _ in 0..ATTEMPTS {
            let catalog = self.catalog();
            let (Patched { key, resource, version }, found) = self.patched(&patch).await?;
            let body = resource.body(&key.id);
            let rows = Box::new(extract::rows(&resource, &catalog, &self.base));
            let write = Write::Put { key, method: Method::Update, body, rows, expect: Expect::Version(version) };
            let commit = Commit { writes: vec![write], matches: found.into_iter().collect(), ..Commit::default() };
            match self.commit(&catalog, commit).await.map_err(alone)? {
                Ok(written) => {
                    let version = written.into_iter().next().and_then(|written| written.version);
                    return Ok(Answer::Written { version: version.ok_or_else(lost)?, created: false });
                }
                // Others wrote in between: the same patch on what is there now, if it may still be done.
                Err(StoreError::Unmet(Unmet::Version { .. } | Unmet::Match(_) | Unmet::Catalog)) => {}
                Err(error) => return Err(error.into()),
            }
        }
        Err(StoreError::Unmet(Unmet::Match(0)).into())
    }

    /// Works a patch out on the current version; with what the search of a conditional patch has to find again when writing.
    pub(super) async fn patched(&self, patch: &PatchOf) -> Result<(Patched, Option<Match>), Failure> {
        let (current, found) = match &patch.target {
            Target::Only(key) => (self.store.read(key).await?.ok_or_else(|| not_found(key))?, None),
            Target::Match(kind, condition) => {
                let found = self.only_match(*kind, condition, "condition").await?;
                let none = || Failure::new(FailureKind::NotFound, IssueType::NotFound, "", format!("No {kind} matches \"{condition}\"."));
                (found.version.ok_or_else(none)?, Some(found.expectation))
            }
        };
        let current = alive(current)?;
        if patch.if_match.as_ref().is_some_and(|tags| !tags.cover(current.version)) {
            return Err(stale(&current.key, current.version));
        }
        let stored = read_json(current.body.as_deref().unwrap_or_default(), self.schema(), &self.limits);
        let stored = stored.map_err(|issues| StoreError::Failed(format!("{} as stored cannot be read: {issues:?}", current.key)))?;
        let resource = patch.patch.apply(&stored, &self.limits)?;
        self.validation.check(&resource)?;
        Ok((Patched { key: current.key.clone(), resource, version: current.version }, found))
    }
}

impl From<Fault> for Failure {
    fn from(fault: Fault) -> Self {
        let kind = match fault.kind {
            FaultKind::Unknown => FailureKind::MediaType,
            FaultKind::Malformed => FailureKind::Invalid,
            FaultKind::TooLarge => FailureKind::TooLarge,
            FaultKind::Unfit => FailureKind::Unprocessable,
        };
        super::refused(kind, fault.issues)
    }
}
