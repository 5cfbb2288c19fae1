//! A plan told to people: what is asked, by the names of parameters, and how a store went about it.
//!
//! Keys are hashes, so what a key stands for is told by the condition of the query that it came from.

use std::collections::HashMap;

use super::catalog::Catalog;
use super::key::{self, Aside};
use super::plan::{Filter, ParameterNumber, Plan, Sort, SortBy, Test, Unit};

/// How many alternatives of a condition are told.
const TOLD: usize = 8;

/// Names for keys and parameters.
#[derive(Debug)]
pub struct Names<'a> {
    keys: HashMap<u64, &'a str>,
    parameters: HashMap<ParameterNumber, String>,
}

impl<'a> Names<'a> {
    /// Those that the types of a plan know, and the conditions of a query, each with its text.
    #[must_use]
    pub fn of(catalog: &Catalog, conditions: &'a [(String, Filter)]) -> Self {
        let mut names = Self { keys: HashMap::new(), parameters: HashMap::new() };
        for kind in catalog.schema().resource_types() {
            names.keys.insert(key::of_type(kind), kind.name());
            for compiled in catalog.of(kind).parameters() {
                let (number, code) = (compiled.parameter.number, &compiled.parameter.code);
                names.parameters.insert(number, format!("{kind}.{code}"));
                names.parameters.insert(key::aside(number, Aside::Canonical), format!("{kind}.{code} in canonical units"));
                names.parameters.insert(key::aside(number, Aside::Position), format!("{kind}.{code} counted from 1"));
            }
        }
        for (text, filter) in conditions {
            names.learn(filter, text);
        }
        names
    }

    fn learn(&mut self, filter: &Filter, text: &'a str) {
        match filter {
            Filter::Post(key) => {
                self.keys.entry(*key).or_insert(text);
            }
            Filter::All(filters) | Filter::Any(filters) | Filter::Group(_, filters) => {
                filters.iter().for_each(|filter| self.learn(filter, text));
            }
            Filter::Not(inner) => self.learn(inner, text),
            Filter::Linked(link) | Filter::Referenced(link) => self.learn(&link.filter, text),
            _ => {}
        }
    }

    fn parameter(&self, number: ParameterNumber) -> &str {
        self.parameters.get(&number).map_or("a parameter", String::as_str)
    }

    /// A filter as a tree, one line for each node.
    #[must_use]
    pub fn tree(&self, filter: &Filter) -> String {
        let mut out = String::new();
        self.node(filter, 0, &mut out);
        out
    }

    fn node(&self, filter: &Filter, depth: usize, out: &mut String) {
        let mut line = |text: &str| {
            out.extend(std::iter::repeat_n("  ", depth));
            out.push_str(text);
            out.push('\n');
        };
        match filter {
            Filter::All(all) if all.is_empty() => line("everything"),
            Filter::Any(any) if any.is_empty() => line("nothing"),
            Filter::All(filters) => self.several("all of", filters, depth, out),
            Filter::Any(filters) => self.several("any of", filters, depth, out),
            Filter::Not(inner) => {
                line("not");
                self.node(inner, depth + 1, out);
            }
            Filter::Post(key) => {
                line(&format!("key: {}", self.keys.get(key).copied().unwrap_or("a reference to a resource that meets a condition")))
            }
            Filter::Number(number, test, unit) => {
                let unit = if *unit == Unit::Any { "" } else { ", in a unit" };
                line(&format!("interval: {} {}{unit}", self.parameter(*number), words(*test)));
            }
            Filter::TextStart(number, text) => line(&format!("text: {} starts with \"{text}\"", self.parameter(*number))),
            Filter::TextPart(number, text) => line(&format!("text: {} contains \"{text}\"", self.parameter(*number))),
            Filter::Id(ids) => {
                let told: Vec<_> = ids.iter().take(TOLD).map(|id| id.as_str()).collect();
                line(&format!("id: {} of {}", told.join(", "), ids.len()));
            }
            Filter::Linked(link) => {
                line(&format!("chain: {} leads to a {} that meets", self.parameter(link.parameter), link.to.kind));
                self.node(&link.filter, depth + 1, out);
            }
            Filter::Referenced(link) => {
                line(&format!("back: {} of a {} leads here, which meets", self.parameter(link.parameter), link.from.kind));
                self.node(&link.filter, depth + 1, out);
            }
            Filter::Group(number, filters) => {
                line(&format!("one element: {}", self.parameter(*number)));
                filters.iter().for_each(|filter| self.node(filter, depth + 1, out));
            }
            Filter::Probe(probe) => line(&format!("the resource itself: {}", probe.name)),
        }
    }

    fn several(&self, name: &str, filters: &[Filter], depth: usize, out: &mut String) {
        out.extend(std::iter::repeat_n("  ", depth));
        out.push_str(name);
        out.push('\n');
        filters.iter().take(TOLD).for_each(|filter| self.node(filter, depth + 1, out));
        if filters.len() > TOLD {
            out.extend(std::iter::repeat_n("  ", depth + 1));
            out.push_str(&format!("and {} more\n", filters.len() - TOLD));
        }
    }

    /// A plan as a tree: types, conditions, order.
    #[must_use]
    pub fn plan(&self, plan: &Plan) -> String {
        let kinds: Vec<_> = plan.of.iter().map(|of| of.kind.name()).collect();
        let told = if kinds.len() > TOLD { format!("{} types", kinds.len()) } else { kinds.join(", ") };
        let order: Vec<String> = plan.sort.iter().map(|sort| self.order(sort)).chain(["newest first".to_owned()]).collect();
        format!("search: {told}\n{}order: {}\nat most: {}\n", self.tree(&plan.filter), order.join(", then "), plan.limit)
    }

    fn order(&self, sort: &Sort) -> String {
        let by = match &sort.by {
            SortBy::Number(number) | SortBy::Text(number) => self.parameter(*number).to_owned(),
            SortBy::Id => "_id".to_owned(),
            SortBy::Updated => "_lastUpdated".to_owned(),
            SortBy::Probe(probe) => format!("{} (read from each match)", probe.name),
        };
        format!("{by} {}", if sort.descending { "descending" } else { "ascending" })
    }
}

fn words(test: Test) -> &'static str {
    match test {
        Test::Within(..) => "lies within",
        Test::NotWithin(..) => "does not lie within",
        Test::Overlaps(..) => "overlaps",
        Test::StartsBefore(_) => "starts before",
        Test::StartsAfter(_) => "starts after",
        Test::EndsBefore(_) => "ends before",
        Test::EndsAfter(_) => "ends after",
    }
}
