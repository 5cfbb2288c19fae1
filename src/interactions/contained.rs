//! `_contained`: searches for resources inside of others.
//!
//! The store finds the containers: by the post that says which types a resource contains, and by looking into them with the
//! condition of the search. What is told is the containers, or with `_containedType=contained` what was found in them.
//! Source: <https://hl7.org/fhir/R4/search.html#contained>.

use std::collections::HashSet;
use std::sync::Arc;

use super::{Failure, FailureKind, Gateway};
use crate::base::budget::Limits;
use crate::base::clock::Instant;
use crate::model::codec::read_json;
use crate::model::outcome::IssueType;
use crate::model::primitive::moment;
use crate::model::reference::Key;
use crate::model::resource::Resource;
use crate::model::schema::ResourceType;
use crate::search::catalog::Catalog;
use crate::search::extract::Inner;
use crate::search::key;
use crate::search::plan::{Filter, Found, Link, Plan, Probe, Rows, SortBy};
use crate::search::query::{Contained, Query};
use crate::search::resolve::Search;
use crate::store::evaluate::{Candidate, World};
use crate::store::port::{StoreError, Version};

/// Most resources to which chains from contained resources may lead.
const TARGETS: usize = 1000;
/// Most containers that are looked into to count what is found in them.
const COUNTED: usize = 10_000;

/// A resource to be told in a searchset.
pub(super) struct Entry {
    pub(super) version: Arc<Version>,
    /// For a contained resource: its container, and its id there.
    pub(super) inner: Option<(Key, String)>,
}

impl Entry {
    pub(super) fn of(version: &Arc<Version>) -> Self {
        Self { version: Arc::clone(version), inner: None }
    }

    /// Its address: for a contained resource that of the container with `#id`.
    pub(super) fn url(&self, base: &str) -> String {
        match &self.inner {
            Some((container, id)) => format!("{base}/{container}#{id}"),
            None => format!("{base}/{}", self.version.key),
        }
    }
}

/// A search for contained resources.
#[derive(Debug)]
pub(super) struct Within {
    contained: Contained,
    alone: bool,
    looking: Arc<Looking>,
}

/// With what a container is looked into.
#[derive(Debug)]
struct Looking {
    kind: ResourceType,
    filter: Filter,
    /// Chains that leave the container, each with the ids of the resources of this server that meet its condition.
    known: Vec<(Link, HashSet<String>)>,
    catalog: Arc<Catalog>,
    base: Arc<str>,
    limits: Limits,
}

/// A container that is looked into.
struct Container<'a> {
    looking: &'a Looking,
    inner: Inner<'a>,
    updated: Instant,
}

impl Container<'_> {
    /// Whether a resource meets a filter, given its number.
    fn meets(&self, number: usize, filter: &Filter) -> Result<bool, StoreError> {
        let rows = self.inner.rows(number, &self.looking.catalog, &self.looking.base);
        self.found(number, &rows, filter)
    }

    /// Whether the container by itself meets a filter: its chains do not lead into it, as in any search.
    fn itself(&self, filter: &Filter) -> bool {
        let number = self.inner.count();
        let mut rows = self.inner.rows(number, &self.looking.catalog, &self.looking.base);
        rows.links.retain(|link| !link.target.contains('#'));
        self.found(number, &rows, filter).unwrap_or(false)
    }

    fn found(&self, number: usize, rows: &Rows, filter: &Filter) -> Result<bool, StoreError> {
        let Some(resource) = self.inner.get(number) else { return Ok(false) };
        let id = resource.id().map_or("", |id| id.as_str());
        let row = i64::try_from(number).unwrap_or(i64::MAX);
        Candidate { row, id, rows, updated: self.updated }.holds(filter, self)
    }

    /// The numbers of what is wanted among what it contains.
    fn wanted(&self) -> impl Iterator<Item = usize> {
        let of_kind = |number: &usize| self.inner.get(*number).is_some_and(|resource| resource.kind() == self.looking.kind);
        let meets = |number: &usize| self.meets(*number, &self.looking.filter).unwrap_or(false);
        (0..self.inner.count()).filter(of_kind).filter(meets)
    }
}

impl World for Container<'_> {
    fn body(&self, row: i64) -> Result<bytes::Bytes, StoreError> {
        let resource = usize::try_from(row).ok().and_then(|number| self.inner.get(number));
        resource.map(|resource| resource.text().clone()).ok_or_else(|| StoreError::Failed("nothing is contained there".to_owned()))
    }

    fn leads(&self, link: &Link, id: &str) -> Result<bool, StoreError> {
        if id.starts_with('#') {
            return self.inner.local(link.to.kind, id).map_or(Ok(false), |number| self.meets(number, &link.filter));
        }
        Ok(self.looking.known.iter().any(|(known, ids)| known == link && ids.contains(id)))
    }

    fn reached(&self, _: &Link, _: &str) -> Result<bool, StoreError> {
        Err(StoreError::Failed("nothing refers to a contained resource".to_owned()))
    }
}

impl Looking {
    fn read(&self, body: &[u8]) -> Option<Resource> {
        read_json(body, self.catalog.schema(), &self.limits).ok()
    }

    fn container<'a>(&'a self, resource: &'a Resource) -> Container<'a> {
        let updated = resource.root().get("meta").and_then(|meta| meta.get_text("lastUpdated"));
        let updated = updated.and_then(|updated| moment::instant(&updated)).map_or(0, |interval| interval.start);
        Container { looking: self, inner: Inner::of(resource), updated: Instant(updated) }
    }
}

impl Within {
    /// Whether contained resources are told without their containers.
    pub(super) fn is_alone(&self) -> bool {
        self.alone
    }

    /// What is to be told of a resource that was found: itself, if it is one of those wanted, and what it contains.
    pub(super) fn entries(&self, version: &Arc<Version>) -> Vec<Entry> {
        let Some(resource) = version.body.as_ref().and_then(|body| self.looking.read(body)) else { return Vec::new() };
        let container = self.looking.container(&resource);
        let itself = self.contained == Contained::Both && resource.kind() == self.looking.kind && container.itself(&self.looking.filter);
        let mut entries: Vec<Entry> = itself.then(|| Entry::of(version)).into_iter().collect();
        for inner in container.wanted().filter_map(|number| container.inner.get(number)) {
            let id = inner.id().unwrap_or(&version.key.id).clone();
            let told = inner.id().map_or("", |id| id.as_str()).to_owned();
            let body = Some(inner.text().clone());
            let key = Key { kind: inner.kind(), id };
            entries.push(Entry {
                version: Arc::new(Version { key, body, ..Version::clone(version) }),
                inner: Some((version.key.clone(), told)),
            });
        }
        entries
    }

    /// The condition that a resource contains one that is wanted.
    fn probe(&self) -> Probe {
        let looking = Arc::clone(&self.looking);
        let ask = move |body: &[u8]| {
            let holds = looking.read(body).is_some_and(|resource| looking.container(&resource).wanted().next().is_some());
            Found::Holds(holds)
        };
        Probe { name: format!("contains a {} that is wanted", self.looking.kind).into(), ask: Arc::new(ask) }
    }
}

impl Gateway {
    /// Makes a search for resources of a type one for containers of such, if that is asked for.
    pub(super) async fn within(&self, search: &mut Search, query: &Query, kinds: &[ResourceType]) -> Result<Option<Within>, Failure> {
        let Some(contained) = query.contained else { return Ok(None) };
        let refuse = |told: &str| Failure::new(FailureKind::Invalid, IssueType::NotSupported, "_contained", told);
        let [kind] = *kinds else {
            return Err(refuse("Contained resources are searched by one type: write for example Medication?_contained=true."));
        };
        if query.contained_alone && !search.revincludes.is_empty() {
            return Err(refuse("Nothing refers to a contained resource from outside: take out _revinclude, or _containedType=contained."));
        }
        let filter = search.plan.filter.clone();
        let mut links = Vec::new();
        if !chains(&filter, &mut links) {
            return Err(refuse("Nothing refers to a contained resource from outside: _has and _list are not possible with _contained."));
        }
        let mut known = Vec::with_capacity(links.len());
        for link in links {
            let plan = Plan { of: vec![link.to], filter: link.filter.clone(), sort: Vec::new(), after: None, limit: TARGETS, total: false };
            let page = self.store.search(&plan).await?;
            if page.more {
                let told = format!("A chain from contained resources leads to more than {TARGETS} resources: make its condition narrower.");
                return Err(Failure::new(FailureKind::Unprocessable, IssueType::TooCostly, "_contained", told));
            }
            known.push((link.clone(), page.hits.iter().map(|hit| hit.version.key.id.to_string()).collect()));
        }
        let catalog = self.catalog();
        let own = catalog.of(kind);
        for sort in &mut search.plan.sort {
            match sort.by {
                SortBy::Id | SortBy::Updated => {}
                SortBy::Number(parameter) if parameter == own.last_updated => sort.by = SortBy::Updated,
                _ => return Err(refuse("With _contained, the order is by _lastUpdated or _id, those of the containers.")),
            }
        }
        let (of, base) = (Arc::clone(&catalog), Arc::clone(&self.base));
        let looking = Looking { kind, filter: filter.clone(), known, catalog: of, base, limits: self.limits };
        let within = Within { contained, alone: query.contained_alone, looking: Arc::new(looking) };
        let schema = self.schema();
        let both = contained == Contained::Both;
        let may = |other: &ResourceType| schema.slot(other.id(), "contained").is_some() || (both && *other == kind);
        search.plan.of = schema.resource_types().filter(may).map(|other| catalog.of(other).searched()).collect();
        let containing = Filter::Post(key::contains(kind));
        let inside = Filter::All(vec![containing.clone(), Filter::Probe(search.budget.probe(within.probe()))]);
        search.plan.filter = if both {
            // What either way needs, so that an index can drive the search.
            let mut all = vec![Filter::Any(vec![Filter::Post(own.type_post), containing.clone()])];
            all.extend(needed(&filter).into_iter().map(|needed| Filter::Any(vec![needed, containing.clone()])));
            all.push(Filter::Any(vec![Filter::All(vec![Filter::Post(own.type_post), filter]), inside]));
            Filter::All(all)
        } else {
            inside
        };
        Ok(Some(within))
    }

    /// How many entries a search with `_containedType=contained` has.
    pub(super) async fn count_within(&self, plan: &Plan, within: &Within) -> Result<u64, Failure> {
        let mut plan = Plan { sort: Vec::new(), after: None, limit: 1000, total: false, ..plan.clone() };
        let (mut count, mut looked) = (0, 0);
        loop {
            let page = self.store.search(&plan).await?;
            count += page.hits.iter().map(|hit| within.entries(&hit.version).len() as u64).sum::<u64>();
            looked += page.hits.len();
            plan.after = page.hits.last().map(|hit| hit.place.clone());
            if !page.more {
                return Ok(count);
            }
            if looked >= COUNTED {
                let told = format!(
                    "More than {COUNTED} resources contain what is asked for: it is not counted. Take out _total, or ask for less."
                );
                return Err(Failure::new(FailureKind::Unprocessable, IssueType::TooCostly, "_total", told));
            }
        }
    }
}

/// Gathers the chains of a filter, those within chains, too; `false` if something refers back.
fn chains<'f>(filter: &'f Filter, links: &mut Vec<&'f Link>) -> bool {
    match filter {
        Filter::All(filters) | Filter::Any(filters) | Filter::Group(_, filters) => filters.iter().all(|filter| chains(filter, links)),
        Filter::Not(filter) => chains(filter, links),
        Filter::Linked(link) => {
            links.push(link);
            chains(&link.filter, links)
        }
        Filter::Referenced(_) => false,
        _ => true,
    }
}

/// The conditions of a filter that posts alone answer.
fn needed(filter: &Filter) -> Vec<Filter> {
    match filter {
        Filter::All(filters) => filters.iter().flat_map(needed).collect(),
        Filter::Post(_) => vec![filter.clone()],
        Filter::Any(filters) if filters.iter().all(|filter| matches!(filter, Filter::Post(_))) => vec![filter.clone()],
        _ => Vec::new(),
    }
}
