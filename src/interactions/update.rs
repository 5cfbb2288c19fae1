//! update, and create under a given id. Source: <https://hl7.org/fhir/R4/http.html#update>.

use super::create::lost;
use super::request::{Tags, Update};
use super::{ATTEMPTS, Answer, Failure, FailureKind, Gateway};
use crate::model::outcome::IssueType;
use crate::model::reference::Key;
use crate::search::extract;
use crate::store::port::{Commit, Expect, Method, StoreError, Unmet, Write};

impl Gateway {
    pub(super) async fn update(&self, update: Box<Update>) -> Result<Answer, Failure> {
        let Update { key, resource, if_match, only_new } = *update;
        let body = resource.body(&key.id);
        let rows = Box::new(extract::rows(&resource, &self.catalog, &self.base));
        for _ in 0..ATTEMPTS {
            let expect = if only_new { Expect::Current(None) } else { self.expected(&key, if_match.as_ref()).await? };
            let write = Write::Put { key: key.clone(), method: Method::Update, body: body.clone(), rows: rows.clone(), expect };
            match self.store.commit(Commit { writes: vec![write], ..Commit::default() }).await {
                Ok(written) => {
                    let written = written.into_iter().next().ok_or_else(lost)?;
                    return Ok(Answer::Written { version: written.version.ok_or_else(lost)?, created: written.created });
                }
                Err(StoreError::Unmet(Unmet::Version { .. })) if only_new => return Err(exists(&key)),
                // `If-Match: *` was judged on a version that is gone: judge again.
                Err(StoreError::Unmet(Unmet::Version { .. })) if if_match == Some(Tags::Any) => {}
                Err(error) => return Err(error.into()),
            }
        }
        Err(StoreError::Unmet(Unmet::Match(0)).into())
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
            None => Err(Failure::new(
                FailureKind::Precondition,
                IssueType::Conflict,
                "If-Match",
                format!("There is no {key}, so no version can match."),
            )),
        }
    }
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
