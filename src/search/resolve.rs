//! A query and the definitions become a plan.
//!
//! What is not known or not served is told as an issue that names the parameter; the caller decides (`Prefer: handling`)
//! whether that refuses the search. A condition is never dropped silently.
//!
//! Source: <https://hl7.org/fhir/R4/search.html>; our reading of its open points is in `docs/search.md`.

mod condition;
mod digits;
mod expression;
mod include;
mod item;
mod order;
mod probe;
mod value;

use std::cell::Cell;
use std::sync::Arc;

pub use condition::modifiers;
pub use include::Inclusion;

use super::budget::Budget;
use super::catalog::{Catalog, Compiled, Origin, TypeCatalog};
use super::plan::{Filter, Plan, Sort};
use super::query::{Query, Summary, Total};
use super::terms::{Known, Need, Terms};
use crate::model::outcome::{Issue, IssueType};
use crate::model::schema::ResourceType;

/// What a query means.
#[derive(Clone, Debug)]
pub struct Search {
    /// What the store runs.
    pub plan: Plan,
    /// References to follow from the matches.
    pub includes: Vec<Inclusion>,
    /// References to follow back to the matches.
    pub revincludes: Vec<Inclusion>,
    /// Which parts of the resources are wanted.
    pub summary: Summary,
    /// Which elements are wanted; empty for all.
    pub elements: Vec<String>,
    /// The parts of the query that were understood, to be told in the self link.
    pub used: Query,
    /// Whether it rests on parameters of this server's own, and so on the generation of the catalog.
    pub own: bool,
    /// What has to be looked for on this server before the query can be understood; until then there are issues about it.
    pub needs: Vec<Need>,
    /// What the plan may read.
    pub budget: Budget,
    /// Each condition as it was written, and what it means; only if the search is to be explained.
    pub conditions: Vec<(String, Filter)>,
}

/// How many matches a page may have, and what finding them may cost.
#[derive(Clone, Copy, Debug)]
pub struct PageSize {
    /// Without `_count`.
    pub default: usize,
    /// At most, whatever `_count` says.
    pub most: usize,
    /// Most resources that one search reads to test what no index row tells.
    pub read: usize,
}

impl Default for PageSize {
    fn default() -> Self {
        Self { default: 50, most: 1000, read: 20_000 }
    }
}

/// With what a query is understood.
struct Resolver<'a> {
    catalog: &'a Arc<Catalog>,
    base: &'a str,
    terms: Terms<'a>,
    /// How many more links its chains may have: a chain through references to any type grows by all types at each step.
    links: Cell<usize>,
    /// Whether it met a parameter of this server's own.
    met_own: Cell<bool>,
    /// Whether it met one that cannot be asked for yet.
    met_unready: Cell<bool>,
}

/// Most links in the plan of a query.
const LINKS: usize = 2000;

/// Gives a query its meaning for some types, at least one. The search covers what was understood; the issues tell the rest.
///
/// `known` has the value sets and code systems of this server that the query depends on; [`Search::needs`] tells which are missing.
/// With several types only what all of them have can be asked for, and the order is by `_id` or `_lastUpdated`.
#[must_use]
pub fn resolve(
    query: &Query,
    kinds: &[ResourceType],
    catalog: &Arc<Catalog>,
    base: &str,
    size: PageSize,
    known: &Known,
) -> (Search, Vec<Issue>) {
    let terms = Terms::new(known, base);
    let (links, met_own, met_unready) = (Cell::new(LINKS), Cell::new(false), Cell::new(false));
    let resolver = Resolver { catalog, base, terms, links, met_own, met_unready };
    let types: Vec<&TypeCatalog> = kinds.iter().map(|kind| catalog.of(*kind)).collect();
    let mut issues = Vec::new();
    let mut used = Query { criteria: Vec::new(), sort: Vec::new(), includes: Vec::new(), revincludes: Vec::new(), ..query.clone() };
    let (mut filters, mut conditions) = (Vec::new(), Vec::new());
    for criterion in &query.criteria {
        match resolver.on_each(&types, |own| resolver.criterion(criterion, own)) {
            Ok(filter) => {
                if query.explain {
                    conditions.push((format!("{}={}", criterion.name(), criterion.values.join(",")), filter.clone()));
                }
                filters.push(filter);
                used.criteria.push(criterion.clone());
            }
            Err(issue) => issues.push(issue),
        }
    }
    let mut sort = Vec::new();
    for (code, descending) in &query.sort {
        match resolver.sort_by(code, &types) {
            Ok(by) => {
                sort.push(Sort { by, descending: *descending });
                used.sort.push((code.clone(), *descending));
            }
            Err(issue) => issues.push(issue),
        }
    }
    let includes = resolver.inclusions(&query.includes, "_include", &mut used.includes, &mut issues);
    let revincludes = resolver.inclusions(&query.revincludes, "_revinclude", &mut used.revincludes, &mut issues);
    elements(&query.elements, kinds, catalog, &mut issues);
    let count_only = query.summary == Some(Summary::Count) || query.count == Some(0);
    let limit = if count_only { 0 } else { query.count.unwrap_or(size.default).min(size.most) };
    let total = count_only || matches!(query.total, Some(Total::Accurate | Total::Estimate));
    // What is dear to test comes last.
    filters.sort_by_key(cost);
    let budget = Budget::of(size.read);
    let filter = budget.filter(only(filters, Filter::All));
    let sort = sort.into_iter().map(|sort| budget.sort(sort)).collect();
    let plan = Plan { of: types.iter().map(|own| own.searched()).collect(), filter, sort, after: None, limit, total };
    let summary = query.summary.unwrap_or(Summary::False);
    let (needs, own) = (resolver.terms.needs(), resolver.met_own.get());
    (Search { plan, includes, revincludes, summary, elements: query.elements.clone(), used, own, needs, budget, conditions }, issues)
}

impl Resolver<'_> {
    /// The parameter of a code; why it cannot be asked for, if it is known but not served yet.
    fn parameter<'t>(&self, own: &'t TypeCatalog, code: &str) -> Result<&'t Compiled, Option<String>> {
        let compiled = own.known(code).ok_or(None)?;
        match &compiled.origin {
            Origin::BuiltIn => {}
            Origin::Own => self.met_own.set(true),
            Origin::Unready(why) => {
                self.met_unready.set(true);
                return Err(Some(format!("{}.{code} cannot be asked for yet: {why}.", own.kind)));
            }
        }
        if let Some(why) = self.catalog.outdated_of(own, compiled) {
            self.met_unready.set(true);
            return Err(Some(format!("{}.{code} cannot be asked for at the moment: {why}.", own.kind)));
        }
        Ok(compiled)
    }

    /// A condition over several types: what it means for each of them.
    fn on_each(&self, types: &[&TypeCatalog], condition: impl Fn(&TypeCatalog) -> Result<Filter, Issue>) -> Result<Filter, Issue> {
        if let [own] = types {
            return condition(own);
        }
        let filters = types.iter().map(|own| condition(own)).collect::<Result<Vec<_>, _>>()?;
        if let [first @ Filter::Id(_), ..] = filters.as_slice() {
            return Ok(first.clone());
        }
        let of_type = |(own, filter): (&&TypeCatalog, Filter)| {
            if tells_type(&filter) { filter } else { Filter::All(vec![Filter::Post(own.type_post), filter]) }
        };
        Ok(Filter::Any(types.iter().zip(filters).map(of_type).collect()))
    }
}

/// Whether only resources of one type can meet a filter: keys and numbers of parameters belong to a type.
fn tells_type(filter: &Filter) -> bool {
    match filter {
        Filter::All(filters) => filters.iter().any(tells_type),
        Filter::Any(filters) => filters.iter().all(tells_type),
        Filter::Not(_) | Filter::Id(_) | Filter::Probe(_) => false,
        _ => true,
    }
}

/// What testing a filter on a resource costs: nothing but its rows, other resources, or its text.
fn cost(filter: &Filter) -> u8 {
    match filter {
        Filter::All(filters) | Filter::Any(filters) | Filter::Group(_, filters) => filters.iter().map(cost).max().unwrap_or(0),
        Filter::Not(inner) => cost(inner),
        Filter::Linked(_) | Filter::Referenced(_) => 1,
        Filter::Probe(_) => 2,
        _ => 0,
    }
}

/// One filter stands for itself.
fn only(mut filters: Vec<Filter>, many: fn(Vec<Filter>) -> Filter) -> Filter {
    if filters.len() == 1 { filters.remove(0) } else { many(filters) }
}

fn elements(names: &[String], kinds: &[ResourceType], catalog: &Catalog, issues: &mut Vec<Issue>) {
    let schema = catalog.schema();
    for name in names {
        let known = |kind: &ResourceType| schema.elements(kind.id()).iter().any(|element| schema.name(element.name) == name);
        if !kinds.iter().any(known) {
            let told = format!("There is no element \"{name}\" at the root: name elements of the root, for example status.");
            issues.push(Issue::error(IssueType::Value, "_elements", told));
        }
    }
}
