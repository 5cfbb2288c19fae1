//! read and vread. Source: <https://hl7.org/fhir/R4/http.html#read>, <https://hl7.org/fhir/R4/http.html#cread>.

use std::sync::Arc;

use bytes::Bytes;

use super::request::{Read, VersionRead, no_version};
use super::{Answer, Failure, FailureKind, Gateway, subset};
use crate::model::outcome::{Issue, IssueType};
use crate::model::reference::Key;
use crate::search::query::{self, Summary};
use crate::store::port::Version;

impl Gateway {
    pub(super) async fn read(&self, read: Read) -> Result<Answer, Failure> {
        let version = self.store.read(&read.key).await?.ok_or_else(|| not_found(&read.key))?;
        let version = alive(version)?;
        let known = read.if_none_match.as_ref().map(|tags| tags.cover(version.version));
        // If-None-Match decides alone when it is there (RFC 9110, section 13.2.2).
        let fresh = known.unwrap_or_else(|| read.if_modified_since.is_some_and(|since| version.updated.seconds() <= since.seconds()));
        if fresh {
            return Ok(Answer::NotModified(version));
        }
        self.viewed(version, &read.view)
    }

    /// As much of a version as is wanted.
    fn viewed(&self, version: Arc<Version>, view: &[(String, String)]) -> Result<Answer, Failure> {
        let part = match &version.body {
            Some(body) => self.excerpt(body, view)?,
            None => None,
        };
        Ok(part.map_or_else(|| Answer::Resource(version.clone()), |part| Answer::Subset(version.clone(), part)))
    }

    /// The part of a resource that `_summary` and `_elements` ask for; `None` if that is all of it.
    pub(super) fn excerpt(&self, body: &Bytes, view: &[(String, String)]) -> Result<Option<Bytes>, Failure> {
        if view.is_empty() {
            return Ok(None);
        }
        let foreign = |(name, _): &&(String, String)| !matches!(name.as_str(), "_summary" | "_elements" | "_format" | "_pretty");
        let mut issues: Vec<_> = view.iter().filter(foreign).map(|(name, _)| subset::not_for_a_read(name)).collect();
        let (view, unread) = query::read(view);
        issues.extend(unread);
        if view.summary == Some(Summary::Count) {
            let told = "_summary=count is for searches: a read takes true, text, data or false.";
            issues.push(Issue::error(IssueType::Value, "_summary", told));
        }
        if !issues.is_empty() {
            return Err(super::refused(FailureKind::Invalid, issues));
        }
        Ok(subset::of(body, view.summary, &view.elements, self.schema(), &self.limits))
    }

    pub(super) async fn version_read(&self, read: VersionRead) -> Result<Answer, Failure> {
        let found = self.store.read_version(&read.key, read.version).await?;
        match found {
            Some(version) => self.viewed(alive(version)?, &read.view),
            None if self.store.read(&read.key).await?.is_none() => Err(not_found(&read.key)),
            None => Err(no_version(&read.key, read.version)),
        }
    }
}

pub(super) fn not_found(key: &Key) -> Failure {
    Failure::new(FailureKind::NotFound, IssueType::NotFound, "", format!("There is no {key}."))
}

/// The version, if it is not a deletion.
pub(super) fn alive(version: Arc<Version>) -> Result<Arc<Version>, Failure> {
    if version.body.is_some() {
        return Ok(version);
    }
    let told = format!("{} was deleted at {} (version {}).", version.key, version.updated, version.version);
    Err(Failure::new(FailureKind::Gone, IssueType::Deleted, "", told))
}
