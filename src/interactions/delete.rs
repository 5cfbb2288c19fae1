//! delete, of one resource or of all that a search finds; what is not there stays so, and that is no failure.
//!
//! Source: <https://hl7.org/fhir/R4/http.html#delete>, <https://hl7.org/fhir/R4/http.html#3.1.0.7.1>.

use super::create::alone;
use super::request::{Delete, Tags, Target};
use super::update::stale;
use super::{ATTEMPTS, Answer, Failure, FailureKind, Gateway};
use crate::model::outcome::IssueType;
use crate::model::reference::Key;
use crate::store::port::{Commit, Expect, Match, StoreError, Unmet, Write, Written};

/// A deletion that is worked out.
pub(super) struct Deletion {
    /// What goes, and what must be current for it.
    pub(super) keys: Vec<(Key, Expect)>,
    /// What the search of a conditional deletion has to find again when writing.
    pub(super) expectation: Option<Match>,
}

impl Gateway {
    pub(super) async fn delete(&self, delete: Delete) -> Result<Answer, Failure> {
        for _ in 0..ATTEMPTS {
            let catalog = self.catalog();
            let Deletion { keys, expectation } = self.deletion(&delete).await?;
            let writes = keys.into_iter().map(|(key, expect)| Write::Delete { key, expect }).collect();
            let commit = Commit { writes, matches: expectation.into_iter().collect(), ..Commit::default() };
            match self.commit(&catalog, commit).await.map_err(alone)? {
                Ok(written) => return Ok(deleted(&written)),
                Err(StoreError::Unmet(Unmet::Match(_) | Unmet::Catalog)) => {}
                // What was found, or judged by `If-Match: *`, has changed meanwhile: judge again.
                Err(StoreError::Unmet(Unmet::Version { .. })) if delete.may_change() => {}
                Err(error) => return Err(error.into()),
            }
        }
        Err(StoreError::Unmet(Unmet::Match(0)).into())
    }

    /// Works out what goes.
    pub(super) async fn deletion(&self, delete: &Delete) -> Result<Deletion, Failure> {
        let (kind, condition) = match &delete.target {
            Target::Only(key) => {
                let expect = self.expected(key, delete.if_match.as_ref()).await?;
                return Ok(Deletion { keys: vec![(key.clone(), expect)], expectation: None });
            }
            Target::Match(kind, condition) => (*kind, condition),
        };
        let most = self.limits.deletes;
        let found = self.matching(self.condition(kind, condition, "condition").await?, most + 1).await?;
        if found.versions.len() > most {
            let told = format!(
                "More than {most} {kind} match \"{condition}\", the most that this server deletes at once: nothing was deleted; narrow the condition."
            );
            return Err(Failure::new(FailureKind::Precondition, IssueType::MultipleMatches, "condition", told));
        }
        let mut keys = Vec::with_capacity(found.versions.len());
        for version in &found.versions {
            match &delete.if_match {
                Some(tags) if !tags.cover(version.version) => return Err(stale(&version.key, version.version)),
                Some(_) => keys.push((version.key.clone(), Expect::Version(version.version))),
                None => keys.push((version.key.clone(), Expect::Anything)),
            }
        }
        Ok(Deletion { keys, expectation: Some(found.expectation) })
    }
}

impl Delete {
    /// Whether a version that changed meanwhile is a reason to judge again, and not to refuse.
    pub(super) fn may_change(&self) -> bool {
        matches!(self.target, Target::Match(..)) || self.if_match == Some(Tags::Any)
    }
}

/// What is answered for deletions that were done.
pub(super) fn deleted(written: &[Written]) -> Answer {
    match written {
        [] => Answer::Deleted(None),
        [only] => Answer::Deleted(only.version.clone()),
        many => Answer::DeletedAll(many.len()),
    }
}
