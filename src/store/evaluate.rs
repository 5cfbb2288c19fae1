//! Filters and orders over the rows that one resource carries.

use std::cmp::Ordering;

use crate::base::clock::Instant;
use crate::search::plan::{Filter, NumberRow, ParameterNumber, Place, Rows, Sort, SortBy, SortValue};

/// The index rows of one version of a resource, however they are kept.
pub(crate) trait Carried: Copy {
    /// Whether the post is among them.
    fn has(self, post: u64) -> bool;
    /// The interval rows but for the time of the last update, which the store knows.
    fn numbers(self) -> impl Iterator<Item = NumberRow>;
    /// Parameter and text of each text row.
    fn texts(self) -> impl Iterator<Item = (ParameterNumber, impl AsRef<str>)>;
    /// The parameter of the time of the last update.
    fn last_updated(self) -> ParameterNumber;
}

impl Carried for &Rows {
    fn has(self, post: u64) -> bool {
        self.posts.binary_search(&post).is_ok()
    }

    fn numbers(self) -> impl Iterator<Item = NumberRow> {
        self.numbers.iter().copied()
    }

    fn texts(self) -> impl Iterator<Item = (ParameterNumber, impl AsRef<str>)> {
        self.texts.iter().map(|row| (row.parameter, &row.text))
    }

    fn last_updated(self) -> ParameterNumber {
        self.last_updated
    }
}

/// One version of a resource as a search sees it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Candidate<'r, R> {
    pub(crate) id: &'r str,
    pub(crate) rows: R,
    pub(crate) updated: Instant,
}

impl<R: Carried> Candidate<'_, R> {
    /// Whether it is wanted.
    pub(crate) fn holds(self, filter: &Filter) -> bool {
        match filter {
            Filter::All(filters) => filters.iter().all(|filter| self.holds(filter)),
            Filter::Any(filters) => filters.iter().any(|filter| self.holds(filter)),
            Filter::Not(filter) => !self.holds(filter),
            Filter::Post(post) => self.rows.has(*post),
            Filter::Number(parameter, test, unit) => {
                self.numbers(*parameter).any(|row| test.passes(row.low, row.high) && unit.passes(row.unit))
            }
            Filter::TextStart(parameter, text) => self.texts(*parameter).any(|own| own.as_ref().starts_with(text)),
            Filter::TextPart(parameter, text) => self.texts(*parameter).any(|own| own.as_ref().contains(text)),
            Filter::Id(ids) => ids.iter().any(|id| id.as_str() == self.id),
        }
    }

    /// Its value under a sort key.
    pub(crate) fn value(self, sort: Sort) -> Option<SortValue> {
        match (sort.by, sort.descending) {
            (SortBy::Id, _) => Some(SortValue::Text(self.id.to_owned())),
            (SortBy::Number(parameter), false) => self.numbers(parameter).map(|row| row.low).min().map(SortValue::Number),
            (SortBy::Number(parameter), true) => self.numbers(parameter).map(|row| row.high).max().map(SortValue::Number),
            (SortBy::Text(parameter), false) => self.texts(parameter).map(|text| text.as_ref().to_owned()).min().map(SortValue::Text),
            (SortBy::Text(parameter), true) => self.texts(parameter).map(|text| text.as_ref().to_owned()).max().map(SortValue::Text),
        }
    }

    fn numbers(self, parameter: ParameterNumber) -> impl Iterator<Item = NumberRow> {
        let at = self.updated.0;
        let updated = NumberRow { parameter: self.rows.last_updated(), low: at, high: at, unit: 0 };
        self.rows.numbers().chain([updated]).filter(move |row| row.parameter == parameter)
    }

    fn texts(self, parameter: ParameterNumber) -> impl Iterator<Item = impl AsRef<str>> {
        self.rows.texts().filter(move |(own, _)| *own == parameter).map(|(_, text)| text)
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
