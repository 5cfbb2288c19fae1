//! Under which rows a resource is found: one file per kind of search parameter.
//!
//! Source: <https://hl7.org/fhir/R4/search.html>, the table of each parameter type says which data types it reads and how.

mod date;
mod number;
mod quantity;
mod reference;
mod string;
mod token;
mod uri;

use super::catalog::{Catalog, TypeCatalog};
use super::key;
use super::plan::{ParameterNumber, Rows, TextRow};
use crate::definitions::{Definitions, ParameterKind};
use crate::fhirpath::{Names, Value};
use crate::model::resource::Resource;
use crate::model::tree::Node;

/// What a parameter of a resource is found by, gathered for the rows.
pub(super) struct Sink<'a> {
    rows: &'a mut Rows,
    parameter: ParameterNumber,
    /// This server's base URL: references under it are told relative to it.
    base: &'a str,
    definitions: &'static Definitions,
}

impl Sink<'_> {
    fn post(&mut self, key: u64) {
        self.rows.posts.push(key);
    }

    fn interval(&mut self, low: i64, high: i64, unit: u64) {
        if low <= high {
            self.rows.numbers.push(super::plan::NumberRow { parameter: self.parameter, low, high, unit });
        }
    }

    fn text(&mut self, text: String) {
        self.rows.texts.push(TextRow { parameter: self.parameter, text });
    }
}

/// The rows of a resource. `base` is this server's base URL.
#[must_use]
pub fn rows(resource: &Resource, catalog: &Catalog, base: &str) -> Rows {
    let own: &TypeCatalog = catalog.of(resource.kind());
    let mut rows = Rows { last_updated: own.last_updated, ..Rows::default() };
    rows.posts.reserve(48);
    rows.posts.push(own.type_post);
    let there = Names::under(resource.root());
    for compiled in own.parameters() {
        let Some(expression) = compiled.expression.as_ref().filter(|expression| !expression.is_empty_without(there)) else { continue };
        let parameter = compiled.parameter.number;
        let mut sink = Sink { rows: &mut rows, parameter, base, definitions: catalog.definitions() };
        let mut found = false;
        expression.each(resource.root(), |value| {
            found = true;
            match (compiled.parameter.kind, value) {
                // What a boolean expression finds (`deceased.exists() and …`) is a value, not an element.
                (ParameterKind::Token, Value::Boolean(value)) => token::plain("", if value { "true" } else { "false" }, &mut sink),
                (kind, Value::Node(node)) => element(kind, node, &mut sink),
                _ => {}
            }
        });
        if found {
            sink.post(key::present(parameter));
        }
    }
    rows.tidy();
    rows
}

fn element(kind: ParameterKind, node: Node<'_>, sink: &mut Sink<'_>) {
    match kind {
        ParameterKind::Token => token::extract(node, sink),
        ParameterKind::String => string::extract(node, sink),
        ParameterKind::Reference => reference::extract(node, sink),
        ParameterKind::Date => date::extract(node, sink),
        ParameterKind::Number => number::extract(node, sink),
        ParameterKind::Quantity => quantity::extract(node, sink),
        ParameterKind::Uri => uri::extract(node, sink),
        ParameterKind::Composite | ParameterKind::Special => {}
    }
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
