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
use crate::search::catalog::Catalog;
use crate::search::extract;
use crate::search::key;
use crate::search::plan::{Filter, Plan};
use crate::search::resolve::{Inclusion, Search};
use crate::store::port::Version;

/// More included resources than this are refused: the client should ask for smaller pages.
const MOST: usize = 10_000;

impl Gateway {
    /// What belongs around some resources; those in `seen` are there already.
    pub(super) async fn included(
        &self,
        search: &Search,
        mut around: Vec<Arc<Version>>,
        mut seen: HashSet<Key>,
        catalog: &Catalog,
    ) -> Result<Vec<Arc<Version>>, Failure> {
        let mut found: Vec<Arc<Version>> = Vec::new();
        let (mut includes, mut revincludes): (Vec<_>, Vec<_>) = (search.includes.iter().collect(), search.revincludes.iter().collect());
        while !around.is_empty() {
            if includes.is_empty() && revincludes.is_empty() {
                break;
            }
            let new = found.len();
            self.forth(&includes, &around, catalog, &mut seen, &mut found).await?;
            self.back(&revincludes, &around, &mut seen, &mut found).await?;
            // What was found leads on only by those that say so.
            includes.retain(|inclusion| inclusion.iterate);
            revincludes.retain(|inclusion| inclusion.iterate);
            around = found.get(new..).unwrap_or(&[]).to_vec();
        }
        Ok(found)
    }

    /// Resources to which some others refer.
    async fn forth(
        &self,
        inclusions: &[&Inclusion],
        around: &[Arc<Version>],
        catalog: &Catalog,
        seen: &mut HashSet<Key>,
        found: &mut Vec<Arc<Version>>,
    ) -> Result<(), Failure> {
        if inclusions.is_empty() {
            return Ok(());
        }
        for version in around {
            for key in self.targets(version, inclusions, catalog) {
                if seen.insert(key.clone())
                    && let Some(version) = self.store.read(&key).await?.filter(|version| version.body.is_some())
                {
                    found.push(version);
                }
            }
            enough(found.len())?;
        }
        Ok(())
    }

    /// Where the references of a resource lead, in the order in which they stand.
    fn targets(&self, version: &Version, inclusions: &[&Inclusion], catalog: &Catalog) -> Vec<Key> {
        let wanted: Vec<_> = inclusions.iter().filter(|inclusion| inclusion.source == version.key.kind).collect();
        let Some(resource) = self.parsed(version).filter(|_| !wanted.is_empty()) else { return Vec::new() };
        let schema = self.schema();
        let mut keys = Vec::new();
        for inclusion in wanted {
            for target in extract::targets(&resource, catalog, &inclusion.parameter.code, &self.base) {
                let Some((key, _)) = reference::local(&target, schema) else { continue };
                if inclusion.target.is_none_or(|wanted| wanted == key.kind) {
                    keys.push(key);
                }
            }
        }
        keys
    }

    /// Resources that refer to some others: one search for each type that may.
    async fn back(
        &self,
        inclusions: &[&Inclusion],
        around: &[Arc<Version>],
        seen: &mut HashSet<Key>,
        found: &mut Vec<Arc<Version>>,
    ) -> Result<(), Failure> {
        for of_source in inclusions.chunk_by(|a, b| a.source == b.source) {
            let Some(source) = of_source.first().map(|inclusion| inclusion.source) else { continue };
            let to = |inclusion: &Inclusion, version: &Version| {
                inclusion.target.is_none_or(|target| target == version.key.kind)
                    && (inclusion.parameter.targets.is_empty() || inclusion.parameter.targets.contains(&version.key.kind))
            };
            let posts = of_source.iter().flat_map(|inclusion| {
                let targets = around.iter().filter(|version| to(inclusion, version));
                targets.map(|version| Filter::Post(key::reference(inclusion.parameter.number, &version.key.to_string())))
            });
            let filter = Filter::Any(posts.collect());
            if filter == Filter::Any(Vec::new()) {
                continue;
            }
            let of = vec![self.catalog().of(source).searched()];
            let mut plan = Plan { of, filter, sort: Vec::new(), after: None, limit: 1000, total: false };
            loop {
                let next = self.store.search(&plan).await?;
                plan.after = next.hits.last().map(|hit| hit.place.clone());
                found.extend(next.hits.into_iter().map(|hit| hit.version).filter(|version| seen.insert(version.key.clone())));
                enough(found.len())?;
                if !next.more {
                    break;
                }
            }
        }
        Ok(())
    }

    /// A stored resource read again.
    pub(super) fn parsed(&self, version: &Version) -> Option<Resource> {
        read_json(version.body.as_ref()?, self.schema(), &self.limits).ok()
    }
}

fn enough(count: usize) -> Result<(), Failure> {
    if count <= MOST {
        return Ok(());
    }
    let told = format!("More than {MOST} resources would be included: ask for smaller pages with _count.");
    Err(Failure::new(FailureKind::Unprocessable, IssueType::TooCostly, "_include", told))
}
