//! Under which rows a resource is found: one file per kind of search parameter.
//!
//! Source: <https://hl7.org/fhir/R4/search.html>, the table of each parameter type says which data types it reads and how.

pub(super) mod composite;
mod contained;
mod date;
mod near;
pub(super) mod number;
pub(super) mod quantity;
mod reference;
mod sequence;
mod string;
mod token;
mod uri;
pub mod version;

pub use contained::Inner;
pub(super) use near::LATITUDE;

use super::catalog::{Catalog, Compiled, Origin, Reading, TypeCatalog};
use super::key::{self, Aside};
use super::plan::{LinkRow, NumberRow, ParameterNumber, Rows, TextRow};
use crate::definitions::{Definitions, ParameterKind};
use crate::fhirpath::{Names, Value};
use crate::model::resource::Resource;

/// What a parameter of a resource is found by, gathered for the rows.
pub(super) struct Sink<'a> {
    rows: &'a mut Rows,
    parameter: ParameterNumber,
    /// This server's base URL: references under it are told relative to it.
    base: &'a str,
    definitions: &'static Definitions,
    quantities: &'a quantity::Seen,
}

impl Sink<'_> {
    fn post(&mut self, key: u64) {
        self.rows.posts.push(key);
    }

    fn interval(&mut self, low: i64, high: i64, unit: u64) {
        if low <= high {
            self.rows.numbers.push(NumberRow { parameter: self.parameter, low, high, unit });
        }
    }

    fn text(&mut self, text: String) {
        self.rows.texts.push(TextRow { parameter: self.parameter, text });
    }

    fn link(&mut self, target: String) {
        self.rows.links.push(LinkRow { parameter: self.parameter, target });
    }

    /// What is kept beside the parameter.
    fn aside(&mut self, what: Aside) -> Sink<'_> {
        Sink { rows: self.rows, parameter: key::aside(self.parameter, what), ..*self }
    }
}

/// The rows of a resource. `base` is this server's base URL.
#[must_use]
pub fn rows(resource: &Resource, catalog: &Catalog, base: &str) -> Rows {
    let own: &TypeCatalog = catalog.of(resource.kind());
    let mut rows = Rows { last_updated: own.last_updated, ..Rows::default() };
    rows.posts.reserve(48);
    rows.posts.push(own.type_post);
    contained::mark(resource, &mut rows);
    let there = Names::under(resource.root());
    let quantities = quantity::Seen::default();
    for compiled in own.all() {
        let Some(expression) = compiled.expression.as_ref().filter(|expression| !expression.is_empty_without(there)) else { continue };
        if compiled.parameter.kind == ParameterKind::Composite {
            composite::extract(compiled, own, resource, (base, catalog.definitions(), &quantities), &mut rows);
            continue;
        }
        let parameter = compiled.parameter.number;
        let mut sink = Sink { rows: &mut rows, parameter, base, definitions: catalog.definitions(), quantities: &quantities };
        let mut found = false;
        expression.each(resource.root(), |value| {
            if fits(compiled, &value) {
                found = true;
                element(compiled, value, &mut sink);
            }
        });
        if compiled.reading == Reading::Chromosome && !found {
            found = sequence::chromosome_of_accession(resource.root(), &mut sink);
        }
        if found {
            sink.post(key::present(parameter));
        }
    }
    rows.tidy();
    rows
}

/// Whether a value is of a type that the parameter reads. The expressions of R4 find nothing else.
fn fits(compiled: &Compiled, value: &Value<'_>) -> bool {
    compiled.origin == Origin::BuiltIn || reads(compiled, value)
}

fn reads(compiled: &Compiled, value: &Value<'_>) -> bool {
    value.node().is_none_or(|node| compiled.parameter.kind.reads(node.type_name()))
}

fn element(compiled: &Compiled, value: Value<'_>, sink: &mut Sink<'_>) {
    let node = match (compiled.parameter.kind, value) {
        // What a boolean expression finds (`deceased.exists() and …`) is a value, not an element.
        (ParameterKind::Token, Value::Boolean(value)) => return token::plain("", if value { "true" } else { "false" }, sink),
        (_, Value::Node(node)) => node,
        _ => return,
    };
    match compiled.reading {
        Reading::FirstPosition => sequence::first_position(node, &mut sink.aside(Aside::Position)),
        Reading::LastPosition => sequence::last_position(node, &mut sink.aside(Aside::Position)),
        Reading::Plain | Reading::Chromosome => {}
    }
    match compiled.parameter.kind {
        ParameterKind::Token => token::extract(node, sink),
        ParameterKind::String => string::extract(node, sink),
        ParameterKind::Reference => reference::extract(node, sink),
        ParameterKind::Date => date::extract(node, sink),
        ParameterKind::Number => number::extract(node, sink),
        ParameterKind::Quantity => quantity::extract(node, sink),
        ParameterKind::Uri => uri::extract(node, sink),
        ParameterKind::Special => near::extract(node, sink),
        ParameterKind::Composite => {}
    }
}

/// The values of a parameter in a resource as texts, to sort by: codes, references as the index tells them, URLs.
#[must_use]
pub fn texts(resource: &Resource, compiled: &Compiled, base: &str) -> Vec<String> {
    let mut texts = Vec::new();
    let Some(expression) = &compiled.expression else { return texts };
    expression.each(resource.root(), |value| match (compiled.parameter.kind, value) {
        (_, value) if !fits(compiled, &value) => {}
        (_, Value::Boolean(value)) => texts.push(value.to_string()),
        (ParameterKind::Token, Value::Node(node)) => token::codes(node, &mut texts),
        (ParameterKind::Reference, Value::Node(node)) => texts.extend(reference::told(node, base).into_iter().next()),
        (_, Value::Node(node)) => texts.push(node.text().into_owned()),
        _ => {}
    });
    if compiled.reading == Reading::Chromosome && texts.is_empty() {
        texts.extend(sequence::chromosomes(resource.root()).map(str::to_owned));
    }
    texts
}

/// The texts of a string parameter in a resource, folded.
#[must_use]
pub fn strings(resource: &Resource, compiled: &Compiled) -> Vec<String> {
    let Some(expression) = &compiled.expression else { return Vec::new() };
    let mut texts = Vec::new();
    expression.each(resource.root(), |value| {
        let node = value.node().filter(|_| fits(compiled, &value));
        node.into_iter().for_each(|node| string::texts(node, &mut |text| texts.push(text)));
    });
    texts
}

/// The texts beside the codes of a token parameter, folded: what `:text` looks at.
#[must_use]
pub fn labels(resource: &Resource, compiled: &Compiled) -> Vec<String> {
    let mut labels = Vec::new();
    let Some(expression) = &compiled.expression else { return labels };
    expression.each(resource.root(), |value| {
        let node = value.node().filter(|_| fits(compiled, &value));
        node.into_iter().for_each(|node| token::labels(node, &mut |label| labels.push(key::fold(label))));
    });
    labels
}

/// The rows of each element that a parameter finds in a resource, by themselves.
pub(super) fn elements(resource: &Resource, compiled: &Compiled, base: &str, definitions: &'static Definitions) -> Vec<Rows> {
    let mut all = Vec::new();
    let Some(expression) = &compiled.expression else { return all };
    let quantities = quantity::Seen::default();
    expression.each(resource.root(), |value| {
        if !fits(compiled, &value) {
            return;
        }
        let mut rows = Rows::default();
        let parameter = compiled.parameter.number;
        element(compiled, value, &mut Sink { rows: &mut rows, parameter, base, definitions, quantities: &quantities });
        all.push(rows);
    });
    if compiled.reading == Reading::Chromosome && all.is_empty() {
        let (mut rows, parameter) = (Rows::default(), compiled.parameter.number);
        let mut sink = Sink { rows: &mut rows, parameter, base, definitions, quantities: &quantities };
        if sequence::chromosome_of_accession(resource.root(), &mut sink) {
            all.push(rows);
        }
    }
    all
}

/// The numbers of a number or quantity parameter in a resource, as they are written.
pub(super) fn numbers(resource: &Resource, compiled: &Compiled) -> Vec<number::Written> {
    let mut numbers = Vec::new();
    let Some(expression) = &compiled.expression else { return numbers };
    expression.each(resource.root(), |value| {
        numbers.extend(value.node().filter(|_| fits(compiled, &value)).and_then(number::Written::of));
    });
    numbers
}

/// The targets of a reference parameter in a resource, as `reference::told` tells them: for `_include`.
#[must_use]
pub fn targets(resource: &Resource, catalog: &Catalog, code: &str, base: &str) -> Vec<String> {
    let Some(expression) = catalog.of(resource.kind()).parameter(code).and_then(|compiled| compiled.expression.as_ref()) else {
        return Vec::new();
    };
    expression.evaluate(resource.root()).iter().filter_map(Value::node).flat_map(|node| reference::told(node, base)).collect()
}

#[cfg(test)]
mod tests;
