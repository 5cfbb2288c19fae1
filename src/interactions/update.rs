//! update, create under a given id, and update of the only resource that a search finds.
//!
//! Source: <https://hl7.org/fhir/R4/http.html#update>, <https://hl7.org/fhir/R4/http.html#cond-update>.

use std::collections::HashSet;

use super::create::{alone, lost};
use super::request::{Tags, Target, Update};
use super::{ATTEMPTS, Answer, Failure, FailureKind, Gateway};
use crate::model::outcome::IssueType;
use crate::model::reference::Key;
use crate::search::extract;
use crate::store::port::{Commit, Expect, Match, Method, StoreError, Unmet, Write};

/// An update of which is known what it writes to.
pub(super) struct Aimed {
    pub(super) key: Key,
    pub(super) expect: Expect,
    /// What the search of a conditional update has to find again when writing.
    pub(super) expectation: Option<Match>,
    /// Whether the condition found something.
    pub(super) found: bool,
}

impl Gateway {
    pub(super) async fn update(&self, update: Box<Update>) -> Result<Answer, Failure> {
        for _ in 0..ATTEMPTS {
            let catalog = self.catalog();
            let Aimed { key, expect, expectation, .. } = self.aim(&update, &HashSet::new()).await?;
            let body = update.resource.body(&key.id);
            let rows = Box::new(extract::rows(&update.resource, &catalog, &self.base));
            let write = Write::Put { key: key.clone(), method: Method::Update, body, rows, expect };
            let commit = Commit { writes: vec![write], matches: expectation.into_iter().collect(), ..Commit::default() };
            match self.commit(&catalog, commit).await.map_err(alone)? {
                Ok(written) => {
                    let written = written.into_iter().next().ok_or_else(lost)?;
                    return Ok(Answer::Written { version: written.version.ok_or_else(lost)?, created: written.created });
                }
                Err(StoreError::Unmet(Unmet::Match(_) | Unmet::Catalog)) => {}
                Err(StoreError::Unmet(Unmet::Version { .. })) if update.may_change() => {}
                Err(StoreError::Unmet(Unmet::Version { .. })) if update.only_new => return Err(exists(&key)),
                Err(error) => return Err(error.into()),
            }
        }
        Err(StoreError::Unmet(Unmet::Match(0)).into())
    }

    /// Finds what an update writes to, as if the resources in `gone` were not there any more.
    pub(super) async fn aim(&self, update: &Update, gone: &HashSet<Key>) -> Result<Aimed, Failure> {
        let (kind, condition) = match &update.target {
            Target::Only(key) => {
                let expect = if update.only_new { Expect::Current(None) } else { self.expected(key, update.if_match.as_ref()).await? };
                return Ok(Aimed { key: key.clone(), expect, expectation: None, found: false });
            }
            Target::Match(kind, condition) => (*kind, condition),
        };
        let matched = self.only_match_but(kind, condition, "condition", gone).await?;
        let (id, expectation) = (update.resource.id(), Some(matched.expectation));
        if let Some(version) = matched.version {
            let key = version.key.clone();
            if let Some(id) = id.filter(|id| **id != key.id) {
                let told = format!("The resource says that its id is \"{id}\", but \"{condition}\" finds {key}: make them the same.");
                return Err(Failure::invalid(format!("{kind}.id"), told));
            }
            let expect = match &update.if_match {
                _ if update.only_new => return Err(exists(&key)),
                Some(tags) if !tags.cover(version.version) => return Err(stale(&key, version.version)),
                Some(_) => Expect::Version(version.version),
                None => Expect::Anything,
            };
            return Ok(Aimed { key, expect, expectation, found: true });
        }
        if update.if_match.is_some() {
            return Err(nothing_there(&format!("{kind} that matches \"{condition}\"")));
        }
        let Some(id) = id else {
            return Ok(Aimed { key: Key { kind, id: self.new_id() }, expect: Expect::Absent, expectation, found: false });
        };
        let key = Key { kind, id: id.clone() };
        if self.store.read(&key).await?.is_some_and(|version| version.body.is_some() && !gone.contains(&key)) {
            let told = format!("{key} is there already, but does not match \"{condition}\": nothing was written.");
            return Err(Failure::new(FailureKind::Conflict, IssueType::Conflict, format!("{kind}.id"), told));
        }
        Ok(Aimed { key, expect: Expect::Current(None), expectation, found: false })
    }

    /// What must be current for a write under If-Match to go ahead.
    pub(super) async fn expected(&self, key: &Key, if_match: Option<&Tags>) -> Result<Expect, Failure> {
        let Some(tags) = if_match else { return Ok(Expect::Anything) };
        if let Tags::These(versions) = tags
            && let [Some(version)] = versions.as_slice()
        {
            return Ok(Expect::Version(*version));
        }
        match self.store.read(key).await?.filter(|current| current.body.is_some()) {
            Some(current) if tags.cover(current.version) => Ok(Expect::Version(current.version)),
            Some(current) => Err(stale(key, current.version)),
            None => Err(nothing_there(&key.to_string())),
        }
    }
}

impl Update {
    /// Whether a version that changed meanwhile is a reason to judge again, and not to refuse.
    pub(super) fn may_change(&self) -> bool {
        matches!(self.target, Target::Match(..)) || self.if_match == Some(Tags::Any)
    }
}

fn nothing_there(what: &str) -> Failure {
    let told = format!("There is no {what}, so no version can match.");
    Failure::new(FailureKind::Precondition, IssueType::Conflict, "If-Match", told)
}

/// If-Match names another version than the current one.
pub(super) fn stale(key: &Key, current: u64) -> Failure {
    let told = format!(
        "The current version of {key} is W/\"{current}\", which If-Match does not name: read it again, then send your change anew."
    );
    Failure::new(FailureKind::Precondition, IssueType::Conflict, "If-Match", told)
}

pub(super) fn exists(key: &Key) -> Failure {
    Failure::new(FailureKind::Precondition, IssueType::Conflict, "If-None-Match", format!("{key} is there already."))
}
