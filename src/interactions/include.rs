//! `_include` and `_revinclude`: the resources around the matches of a page, each once.
//!
//! Source: <https://hl7.org/fhir/R4/search.html#revinclude>. Included resources never count as matches.

use std::collections::HashSet;
use std::sync::Arc;

use super::{Failure, FailureKind, Gateway};
use crate::model::codec::read_json;
use crate::model::outcome::IssueType;
use crate::model::reference::{self, Key};
use crate::model::resource::Resource;
use crate::search::extract;
use crate::search::key;
use crate::search::plan::{Filter, Plan};
use crate::search::resolve::{Inclusion, Search};
use crate::store::port::{Page, Version};

/// More included resources than this are refused: the client should ask for smaller pages.
const MOST: usize = 10_000;

impl Gateway {
    pub(super) async fn included(&self, search: &Search, page: &Page) -> Result<Vec<Arc<Version>>, Failure> {
        let mut seen: HashSet<Key> = page.hits.iter().map(|hit| hit.version.key.clone()).collect();
        let mut found = Vec::new();
        if !search.includes.is_empty() {
            for hit in &page.hits {
                for key in self.targets(&hit.version, &search.includes) {
                    if seen.insert(key.clone())
                        && let Some(version) = self.store.read(&key).await?.filter(|version| version.body.is_some())
                    {
                        found.push(version);
                    }
                }
                enough(found.len())?;
            }
        }
        for inclusion in &search.revincludes {
            if inclusion.target.is_some_and(|target| search.plan.of.iter().all(|of| of.kind != target)) {
                continue;
            }
            self.back(inclusion, page, &mut seen, &mut found).await?;
        }
        Ok(found)
    }

    /// Where the references of a match lead, in the order in which they stand.
    fn targets(&self, version: &Version, includes: &[Inclusion]) -> Vec<Key> {
        let wanted: Vec<_> = includes.iter().filter(|inclusion| inclusion.source == version.key.kind).collect();
        let Some(resource) = self.parsed(version).filter(|_| !wanted.is_empty()) else { return Vec::new() };
        let schema = self.catalog.schema();
        let mut keys = Vec::new();
        for inclusion in wanted {
            for target in extract::targets(&resource, &self.catalog, inclusion.parameter.code, &self.base) {
                let Some((key, _)) = reference::local(&target, schema) else { continue };
                if inclusion.target.is_none_or(|wanted| wanted == key.kind) {
                    keys.push(key);
                }
            }
        }
        keys
    }

    /// Resources of `inclusion.source` that refer to a match.
    async fn back(
        &self,
        inclusion: &Inclusion,
        page: &Page,
        seen: &mut HashSet<Key>,
        found: &mut Vec<Arc<Version>>,
    ) -> Result<(), Failure> {
        if page.hits.is_empty() {
            return Ok(());
        }
        let number = inclusion.parameter.number;
        let posts = page.hits.iter().map(|hit| Filter::Post(key::reference(number, &hit.version.key.to_string())));
        let mut plan = Plan {
            of: vec![self.catalog.of(inclusion.source).searched()],
            filter: Filter::Any(posts.collect()),
            sort: Vec::new(),
            after: None,
            limit: 1000,
            total: false,
        };
        loop {
            let next = self.store.search(&plan).await?;
            plan.after = next.hits.last().map(|hit| hit.place.clone());
            found.extend(next.hits.into_iter().map(|hit| hit.version).filter(|version| seen.insert(version.key.clone())));
            enough(found.len())?;
            if !next.more {
                return Ok(());
            }
        }
    }

    /// A stored resource read again.
    pub(super) fn parsed(&self, version: &Version) -> Option<Resource> {
        read_json(version.body.as_ref()?, self.catalog.schema(), &self.limits).ok()
    }
}

fn enough(count: usize) -> Result<(), Failure> {
    if count <= MOST {
        return Ok(());
    }
    let told = format!("More than {MOST} resources would be included: ask for smaller pages with _count.");
    Err(Failure::new(FailureKind::Unprocessable, IssueType::TooCostly, "_include", told))
}
