//! create and conditional create. Source: <https://hl7.org/fhir/R4/http.html#create>.

use super::request::Create;
use super::{ATTEMPTS, Answer, Failure, FailureKind, Gateway};
use crate::model::outcome::IssueType;
use crate::model::reference::Key;
use crate::model::schema::ResourceType;
use crate::search::extract;
use crate::search::query;
use crate::search::resolve::resolve;
use crate::store::port::{Commit, Expect, Match, Method, StoreError, Unmet, Version, Write};

impl Gateway {
    pub(super) async fn create(&self, create: Box<Create>) -> Result<Answer, Failure> {
        let Create { resource, if_none_exist, idempotency } = *create;
        let kind = resource.kind();
        let key = Key { kind, id: self.new_id() };
        let body = resource.body(&key.id);
        let rows = Box::new(extract::rows(&resource, &self.catalog, &self.base));
        let write = Write::Put { key, method: Method::Create, body, rows, expect: Expect::Absent };
        for _ in 0..ATTEMPTS {
            let mut matches = Vec::new();
            if let Some(condition) = &if_none_exist {
                let found = self.only_match(kind, condition, "If-None-Exist").await?;
                if let Some(version) = found.version {
                    return Ok(Answer::Written { version, created: false });
                }
                matches.push(found.expectation);
            }
            match self.store.commit(Commit { writes: vec![write.clone()], matches, idempotency: idempotency.clone() }).await {
                Ok(written) => {
                    return written
                        .into_iter()
                        .next()
                        .and_then(|w| w.version)
                        .map(|version| Answer::Written { version, created: true })
                        .ok_or_else(lost);
                }
                Err(StoreError::Unmet(Unmet::Match(_))) => {}
                Err(error) => return Err(error.into()),
            }
        }
        Err(StoreError::Unmet(Unmet::Match(0)).into())
    }

    /// The only resource of a type that matches a search, for callers that prepare a transaction.
    ///
    /// # Errors
    /// When the search is not understood or finds more than one.
    pub async fn find(&self, kind: &str, condition: &str) -> Result<Option<std::sync::Arc<Version>>, Failure> {
        let unknown = || Failure::invalid(kind, "This is not a resource type of FHIR R4.");
        let kind = self.catalog.schema().resource_type(kind).ok_or_else(unknown)?;
        Ok(self.only_match(kind, condition, "condition").await?.version)
    }

    /// Runs the search of a conditional interaction; more than one match is a failure.
    pub(super) async fn only_match(&self, kind: ResourceType, condition: &str, name: &str) -> Result<OnlyMatch, Failure> {
        let condition = condition.trim().trim_start_matches('?');
        let pairs =
            query::decode(condition).map_err(|bad| Failure::invalid(name, format!("The parameter {bad} is not percent-encoded UTF-8.")))?;
        let (mut query, mut issues) = query::read(&pairs);
        query.count = Some(2);
        let (search, more) = resolve(&query, &[kind], &self.catalog, &self.base, self.page_size);
        issues.extend(more);
        if !issues.is_empty() {
            return Err(super::refused(FailureKind::Invalid, issues).inside(name));
        }
        if query.criteria.is_empty() {
            return Err(Failure::invalid(name, "The condition has no search parameter: it would match everything."));
        }
        let page = self.store.search(&search.plan).await?;
        if page.hits.len() > 1 {
            let told = format!("More than one {kind} matches \"{condition}\": the condition must find one at most.");
            return Err(Failure::new(FailureKind::Precondition, IssueType::MultipleMatches, name, told));
        }
        let version = page.hits.into_iter().next().map(|hit| hit.version);
        let found = version.iter().map(|version| version.key.clone()).collect();
        Ok(OnlyMatch { version, expectation: Match { plan: search.plan, found } })
    }
}

/// What the search of a conditional interaction found, and how to verify it when writing.
pub(super) struct OnlyMatch {
    pub(super) version: Option<std::sync::Arc<Version>>,
    pub(super) expectation: Match,
}

/// A write that came back without its version: the store broke its contract.
pub(super) fn lost() -> Failure {
    StoreError::Failed("a write was acknowledged without a version".into()).into()
}
