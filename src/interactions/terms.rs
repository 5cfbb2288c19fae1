//! What a query depends on beside the resources it asks for: value sets and code systems of this server.

use std::sync::Arc;

use super::{Failure, FailureKind, Gateway};
use crate::model::outcome::{Issue, IssueType};
use crate::model::reference;
use crate::model::resource::Resource;
use crate::model::schema::ResourceType;
use crate::search::catalog::Catalog;
use crate::search::key;
use crate::search::plan::{Filter, Plan};
use crate::search::query::Query;
use crate::search::resolve::{Search, resolve};
use crate::search::terms::{Known, Need};

/// Most value sets and code systems that one query may depend on.
const MOST: usize = 100;

impl Gateway {
    /// Gives a query its meaning for some types.
    pub(super) async fn resolved(
        &self,
        query: &Query,
        kinds: &[ResourceType],
        catalog: &Arc<Catalog>,
    ) -> Result<(Search, Vec<Issue>), Failure> {
        let mut known = Known::new();
        loop {
            // What one value set imports is known when it was read: so it goes round by round.
            let (search, issues) = resolve(query, kinds, catalog, &self.base, self.page_size, &known);
            if search.needs.is_empty() {
                return Ok((search, issues));
            }
            if known.len() + search.needs.len() > MOST {
                let told = format!("The search depends on more than {MOST} value sets and code systems: ask with fewer.");
                return Err(Failure::new(FailureKind::Unprocessable, IssueType::TooCostly, "", told));
            }
            for need in search.needs {
                let found = self.look_for(&need).await?;
                known.insert(need, found.map(Arc::new));
            }
        }
    }

    /// A value set or code system of this server; of several the newest.
    async fn look_for(&self, need: &Need) -> Result<Option<Resource>, Failure> {
        let (kind, name) = match need {
            Need::ValueSet(name) => ("ValueSet", name),
            Need::CodeSystem(name) => ("CodeSystem", name),
        };
        self.stored_as(kind, name).await
    }

    /// The resource of a type that is stored under a canonical URL (perhaps with `|version`), or `Type/id`; of several the newest.
    pub(super) async fn stored_as(&self, kind: &str, name: &str) -> Result<Option<Resource>, Failure> {
        let schema = self.schema();
        let Some(kind) = schema.resource_type(kind) else { return Ok(None) };
        if let Some((key, None)) = reference::local(name, schema).filter(|(key, _)| key.kind == kind) {
            return Ok(self.store.read(&key).await?.and_then(|version| self.parsed(&version)));
        }
        let catalog = self.catalog();
        let own = catalog.of(kind);
        let (Some(url), Some(version)) = (own.parameter("url"), own.parameter("version")) else { return Ok(None) };
        let (bare, wanted) = name.split_once('|').map_or((name, None), |(bare, version)| (bare, Some(version)));
        let mut all = vec![Filter::Post(key::uri(url.parameter.number, bare))];
        all.extend(wanted.map(|wanted| Filter::Post(key::token_code(version.parameter.number, wanted))));
        let plan = Plan { of: vec![own.searched()], filter: Filter::All(all), sort: Vec::new(), after: None, limit: 1, total: false };
        Ok(self.store.search(&plan).await?.hits.first().and_then(|hit| self.parsed(&hit.version)))
    }
}
