//! Conditions: the searches that decide what a conditional interaction does.
//!
//! A condition is read more strictly than a search: what is empty, unknown, or about anything else than which resources are
//! meant refuses it, so that a slip never widens it. What it found is verified inside the commit,
//! with the codes that value sets had when it was decided.
//! Source: <https://hl7.org/fhir/R4/http.html#cond-update>, <https://hl7.org/fhir/R4/http.html#2.21.0.13.1>.

use std::collections::HashSet;
use std::sync::Arc;

use super::{Failure, FailureKind, Gateway};
use crate::model::outcome::IssueType;
use crate::model::reference::Key;
use crate::model::schema::ResourceType;
use crate::search::budget::Budget;
use crate::search::plan::{Filter, Plan};
use crate::search::query;
use crate::store::port::{Match, Version};

/// What a condition found, and how to verify it when writing.
pub(super) struct Matched {
    pub(super) versions: Vec<Arc<Version>>,
    pub(super) expectation: Match,
}

/// A condition understood.
pub(super) struct Understood {
    pub(super) plan: Plan,
    budget: Budget,
}

/// The same for a condition that may find one at most.
pub(super) struct OnlyMatch {
    pub(super) version: Option<Arc<Version>>,
    pub(super) expectation: Match,
}

impl Gateway {
    /// The only resource of a type that matches a search, for callers that prepare a transaction.
    ///
    /// # Errors
    /// When the search is not understood or finds more than one.
    pub async fn find(&self, kind: &str, condition: &str) -> Result<Option<Arc<Version>>, Failure> {
        let unknown = || Failure::invalid(kind, "This is not a resource type of FHIR R4.");
        let kind = self.schema().resource_type(kind).ok_or_else(unknown)?;
        Ok(self.only_match(kind, condition, "condition").await?.version)
    }

    /// Runs the search of a conditional interaction; more than one match is a failure.
    pub(super) async fn only_match(&self, kind: ResourceType, condition: &str, name: &str) -> Result<OnlyMatch, Failure> {
        self.only_match_but(kind, condition, name, &HashSet::new()).await
    }

    /// The same as if the resources in `gone` were not there any more.
    pub(super) async fn only_match_but(
        &self,
        kind: ResourceType,
        condition: &str,
        name: &str,
        gone: &HashSet<Key>,
    ) -> Result<OnlyMatch, Failure> {
        let hidden = gone.iter().filter(|key| key.kind == kind).count();
        let Matched { mut versions, expectation } = self.matching(self.condition(kind, condition, name).await?, hidden + 2).await?;
        versions.retain(|version| !gone.contains(&version.key));
        if versions.len() > 1 {
            return Err(several(kind, condition, name));
        }
        Ok(OnlyMatch { version: versions.pop(), expectation })
    }

    /// At most `most` resources that a condition finds. Whoever gets that many must not rely on the expectation.
    pub(super) async fn matching(&self, condition: Understood, most: usize) -> Result<Matched, Failure> {
        let plan = Plan { limit: most, ..condition.plan };
        let versions: Vec<_> = self.store.search(&plan).await?.hits.into_iter().map(|hit| hit.version).collect();
        let found = versions.iter().map(|version| version.key.clone()).collect();
        // It will be run again inside the commit.
        condition.budget.refill();
        Ok(Matched { versions, expectation: Match { plan, found } })
    }

    /// Reads a condition: search parameters of the type, encoded.
    pub(super) async fn condition(&self, kind: ResourceType, condition: &str, name: &str) -> Result<Understood, Failure> {
        let condition = condition.trim().trim_start_matches('?');
        let pairs =
            query::decode(condition).map_err(|bad| Failure::invalid(name, format!("The parameter {bad} is not percent-encoded UTF-8.")))?;
        let shapes = [
            "_sort",
            "_count",
            "_total",
            "_summary",
            "_elements",
            "_include",
            "_revinclude",
            "_type",
            "_contained",
            "_containedType",
            "_explain",
            query::CURSOR,
        ];
        for (parameter, value) in &pairs {
            let code = parameter.split_once(':').map_or(parameter.as_str(), |(code, _)| code);
            let told = match code {
                "_format" | "_pretty" => continue,
                _ if value.is_empty() => "it has no value, and to leave it out could match more than is meant.",
                code if shapes.contains(&code) => "it does not say which resources are meant.",
                _ => continue,
            };
            return Err(Failure::invalid(name, format!("A condition cannot have the parameter {parameter}: {told}")));
        }
        let (query, mut issues) = query::read(&pairs);
        let (search, more) = self.resolved(&query, &[kind], &self.catalog()).await?;
        issues.extend(more);
        if !issues.is_empty() {
            return Err(super::refused(FailureKind::Invalid, issues).inside(name));
        }
        if query.criteria.is_empty() {
            return Err(Failure::invalid(name, "The condition has no search parameter: it would match everything."));
        }
        if everything(&search.plan.filter) {
            return Err(Failure::invalid(name, format!("The condition \"{condition}\" holds for every {kind}: say which one is meant.")));
        }
        Ok(Understood { plan: Plan { sort: Vec::new(), total: false, ..search.plan }, budget: search.budget })
    }
}

/// More than one resource matches where one may.
pub(super) fn several(kind: ResourceType, condition: &str, name: &str) -> Failure {
    let told = format!("More than one {kind} matches \"{condition}\": the condition must find one at most.");
    Failure::new(FailureKind::Precondition, IssueType::MultipleMatches, name, told)
}

/// Whether a filter lets everything pass, whatever the resource.
fn everything(filter: &Filter) -> bool {
    match filter {
        Filter::All(filters) => filters.iter().all(everything),
        Filter::Any(filters) => filters.iter().any(everything),
        Filter::Not(filter) => nothing(filter),
        _ => false,
    }
}

fn nothing(filter: &Filter) -> bool {
    match filter {
        Filter::All(filters) => filters.iter().any(nothing),
        Filter::Any(filters) => filters.iter().all(nothing),
        Filter::Not(filter) => everything(filter),
        Filter::Id(ids) => ids.is_empty(),
        _ => false,
    }
}
