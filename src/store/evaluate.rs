//! Filters and orders over the rows that one resource carries.

use std::cmp::Ordering;

use crate::base::clock::Instant;
use crate::search::plan::{Filter, NumberRow, Place, Rows, Sort, SortBy, SortValue};

/// One version of a resource as a search sees it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Candidate<'r> {
    pub(crate) id: &'r str,
    /// Sorted.
    pub(crate) rows: &'r Rows,
    pub(crate) updated: Instant,
}

impl Candidate<'_> {
    /// Whether it is wanted.
    pub(crate) fn holds(self, filter: &Filter) -> bool {
        match filter {
            Filter::All(filters) => filters.iter().all(|filter| self.holds(filter)),
            Filter::Any(filters) => filters.iter().any(|filter| self.holds(filter)),
            Filter::Not(filter) => !self.holds(filter),
            Filter::Post(post) => self.rows.posts.binary_search(post).is_ok(),
            Filter::Number(parameter, test, unit) => {
                self.numbers(*parameter).any(|row| test.passes(row.low, row.high) && unit.passes(row.unit))
            }
            Filter::TextStart(parameter, text) => self.texts(*parameter).any(|own| own.starts_with(text)),
            Filter::TextPart(parameter, text) => self.texts(*parameter).any(|own| own.contains(text)),
            Filter::Id(ids) => ids.iter().any(|id| id.as_str() == self.id),
        }
    }

    /// Its value under a sort key.
    pub(crate) fn value(self, sort: Sort) -> Option<SortValue> {
        match (sort.by, sort.descending) {
            (SortBy::Id, _) => Some(SortValue::Text(self.id.to_owned())),
            (SortBy::Number(parameter), false) => self.numbers(parameter).map(|row| row.low).min().map(SortValue::Number),
            (SortBy::Number(parameter), true) => self.numbers(parameter).map(|row| row.high).max().map(SortValue::Number),
            (SortBy::Text(parameter), false) => self.texts(parameter).min().map(|text| SortValue::Text(text.to_owned())),
            (SortBy::Text(parameter), true) => self.texts(parameter).max().map(|text| SortValue::Text(text.to_owned())),
        }
    }

    fn numbers(&self, parameter: u32) -> impl Iterator<Item = NumberRow> {
        let at = self.updated.0;
        let updated = NumberRow { parameter: self.rows.last_updated, low: at, high: at, unit: 0 };
        self.rows.numbers.iter().copied().chain([updated]).filter(move |row| row.parameter == parameter)
    }

    fn texts(&self, parameter: u32) -> impl Iterator<Item = &str> {
        self.rows.texts.iter().filter(move |row| row.parameter == parameter).map(|row| row.text.as_str())
    }
}

/// The order of two places: by the sort keys, then newest first.
pub(crate) fn compare(sorts: &[Sort], a: &Place, b: &Place) -> Ordering {
    for (sort, (a, b)) in sorts.iter().zip(a.values.iter().zip(&b.values)) {
        let order = match (a, b) {
            (Some(a), Some(b)) if sort.descending => b.cmp(a),
            (Some(a), Some(b)) => a.cmp(b),
            // What has no value comes last, whatever the direction.
            (a, b) => a.is_none().cmp(&b.is_none()),
        };
        if order.is_ne() {
            return order;
        }
    }
    b.row.cmp(&a.row)
}
