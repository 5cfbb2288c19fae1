//! A query and the definitions become a plan.
//!
//! What is not known or not served is told as an issue that names the parameter; the caller decides (`Prefer: handling`)
//! whether that refuses the search. A condition is never dropped silently.
//!
//! Source: <https://hl7.org/fhir/R4/search.html>; our reading of its open points is in `docs/search.md`.

mod value;

use super::catalog::{Catalog, Compiled, TypeCatalog};
use super::key;
use super::plan::{Filter, Plan, Sort, SortBy};
use super::query::{Criterion, Include, Query, Summary, Total};
use crate::definitions::{Parameter, ParameterKind};
use crate::model::outcome::{Issue, IssueType};
use crate::model::schema::ResourceType;

/// An include with its names understood.
#[derive(Clone, Debug)]
pub struct Inclusion {
    /// The type that holds the reference.
    pub source: ResourceType,
    /// The reference parameter.
    pub parameter: &'static Parameter,
    /// The only type of target wanted.
    pub target: Option<ResourceType>,
}

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
}

/// How many matches a page may have.
#[derive(Clone, Copy, Debug)]
pub struct PageSize {
    /// Without `_count`.
    pub default: usize,
    /// At most, whatever `_count` says.
    pub most: usize,
}

impl Default for PageSize {
    fn default() -> Self {
        Self { default: 50, most: 1000 }
    }
}

/// Gives a query its meaning for one type. The search covers what was understood; the issues tell the rest.
#[must_use]
pub fn resolve(query: &Query, kind: ResourceType, catalog: &Catalog, base: &str, size: PageSize) -> (Search, Vec<Issue>) {
    let own = catalog.of(kind);
    let mut issues = Vec::new();
    let mut used = Query { criteria: Vec::new(), sort: Vec::new(), includes: Vec::new(), revincludes: Vec::new(), ..query.clone() };
    let mut filters = Vec::new();
    for criterion in &query.criteria {
        match filter(criterion, own, base) {
            Ok(filter) => {
                filters.push(filter);
                used.criteria.push(criterion.clone());
            }
            Err(issue) => issues.push(issue),
        }
    }
    let mut sort = Vec::new();
    for (code, descending) in &query.sort {
        match sort_by(code, own) {
            Ok(by) => {
                sort.push(Sort { by, descending: *descending });
                used.sort.push((code.clone(), *descending));
            }
            Err(issue) => issues.push(issue),
        }
    }
    let mut includes = Vec::new();
    let mut revincludes = Vec::new();
    for (wanted, is_reverse) in query.includes.iter().map(|i| (i, false)).chain(query.revincludes.iter().map(|i| (i, true))) {
        match inclusion(wanted, is_reverse, catalog) {
            Ok(found) => {
                let (list, told) = if is_reverse { (&mut revincludes, &mut used.revincludes) } else { (&mut includes, &mut used.includes) };
                list.push(found);
                told.push(wanted.clone());
            }
            Err(issue) => issues.push(issue),
        }
    }
    elements(&query.elements, kind, catalog, &mut issues);
    let count_only = query.summary == Some(Summary::Count) || query.count == Some(0);
    let limit = if count_only { 0 } else { query.count.unwrap_or(size.default).min(size.most) };
    let total = count_only || matches!(query.total, Some(Total::Accurate | Total::Estimate));
    let filter = if filters.len() == 1 { filters.remove(0) } else { Filter::All(filters) };
    let plan = Plan { of: vec![own.searched()], filter, sort, after: None, limit, total };
    let summary = query.summary.unwrap_or(Summary::False);
    (Search { plan, includes, revincludes, summary, elements: query.elements.clone(), used }, issues)
}

fn unknown(code: &str, own: &TypeCatalog) -> Issue {
    let known: Vec<_> = own.parameters().iter().map(|compiled| compiled.parameter.code).collect();
    let diagnostics = format!("{} has no search parameter \"{code}\" on this server. Served are: {}.", own.kind, known.join(", "));
    Issue::error(IssueType::NotSupported, code, diagnostics)
}

fn filter(criterion: &Criterion, own: &TypeCatalog, base: &str) -> Result<Filter, Issue> {
    let compiled = own.parameter(&criterion.code).ok_or_else(|| unknown(&criterion.name(), own))?;
    let parameter = compiled.parameter;
    let refuse = |reason: String| Issue::error(IssueType::Value, criterion.name(), reason);
    let unsupported = || {
        let modifiers = modifiers(compiled).join(", :");
        let possible = if modifiers.is_empty() { "it takes none".to_owned() } else { format!("possible are :{modifiers}") };
        let told = criterion.modifier.as_deref().unwrap_or("");
        Issue::error(
            IssueType::NotSupported,
            criterion.name(),
            format!("The modifier :{told} is not served for {} ({}); {possible}.", parameter.code, parameter.kind.code()),
        )
    };
    let modifier = criterion.modifier.as_deref();
    if modifier == Some("missing") && parameter.code != "_id" {
        return match criterion.values.as_slice() {
            [value] if value == "true" => Ok(Filter::Not(Box::new(present(parameter)))),
            [value] if value == "false" => Ok(present(parameter)),
            _ => Err(refuse(":missing takes true or false.".into())),
        };
    }
    let reading = value::Reading { parameter, modifier, base, own };
    let mut alternatives = Vec::with_capacity(criterion.values.len());
    for value in &criterion.values {
        match reading.filter(value) {
            Ok(filter) => alternatives.push(filter),
            Err(value::Unread::Modifier) => return Err(unsupported()),
            Err(value::Unread::Value(reason)) => return Err(refuse(reason)),
        }
    }
    let any = if alternatives.len() == 1 { alternatives.remove(0) } else { Filter::Any(alternatives) };
    Ok(if modifier == Some("not") { Filter::Not(Box::new(any)) } else { any })
}

/// Every resource has the elements that the server itself writes.
fn present(parameter: &Parameter) -> Filter {
    if parameter.code == "_lastUpdated" { Filter::All(Vec::new()) } else { Filter::Post(key::present(parameter.number)) }
}

/// The modifiers that a parameter takes here, for messages and the CapabilityStatement.
#[must_use]
pub fn modifiers(compiled: &Compiled) -> Vec<&'static str> {
    let mut all = match compiled.parameter.kind {
        _ if compiled.parameter.code == "_id" => return Vec::new(),
        ParameterKind::String => vec!["exact", "contains"],
        ParameterKind::Token => vec!["not"],
        ParameterKind::Reference => vec!["[type]"],
        _ => Vec::new(),
    };
    all.push("missing");
    all
}

fn sort_by(code: &str, own: &TypeCatalog) -> Result<SortBy, Issue> {
    let refuse = |why: String| Issue::error(IssueType::NotSupported, "_sort", why);
    if code == "_id" {
        return Ok(SortBy::Id);
    }
    let compiled = own.parameter(code).ok_or_else(|| refuse(format!("{} has no search parameter \"{code}\" to sort by.", own.kind)))?;
    let number = compiled.parameter.number;
    match compiled.parameter.kind {
        ParameterKind::Date | ParameterKind::Number | ParameterKind::Quantity => Ok(SortBy::Number(number)),
        ParameterKind::String => Ok(SortBy::Text(number)),
        kind => Err(refuse(format!(
            "Sorting by \"{code}\" is not served: it is a {}; sort by a date, number, quantity or string, or by _id.",
            kind.code()
        ))),
    }
}

fn inclusion(wanted: &Include, is_reverse: bool, catalog: &Catalog) -> Result<Inclusion, Issue> {
    let name = if is_reverse { "_revinclude" } else { "_include" };
    let refuse = |why: String| Issue::error(IssueType::NotSupported, name, why);
    let schema = catalog.schema();
    let source = schema.resource_type(&wanted.source).ok_or_else(|| refuse(format!("\"{}\" is not a resource type.", wanted.source)))?;
    let compiled = catalog.of(source).parameter(&wanted.code).filter(|compiled| compiled.parameter.kind == ParameterKind::Reference);
    let parameter = compiled.ok_or_else(|| refuse(format!("{source} has no reference parameter \"{}\".", wanted.code)))?.parameter;
    let target = match &wanted.target {
        None => None,
        Some(target) => Some(schema.resource_type(target).ok_or_else(|| refuse(format!("\"{target}\" is not a resource type.")))?),
    };
    Ok(Inclusion { source, parameter, target })
}

fn elements(names: &[String], kind: ResourceType, catalog: &Catalog, issues: &mut Vec<Issue>) {
    let schema = catalog.schema();
    for name in names {
        if !schema.elements(kind.id()).iter().any(|element| schema.name(element.name) == name) {
            issues.push(Issue::error(
                IssueType::Value,
                "_elements",
                format!("{kind} has no element \"{name}\": name elements of the root, for example status."),
            ));
        }
    }
}
