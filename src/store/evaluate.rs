//! Filters and orders over the rows that one resource carries.

use std::cmp::Ordering;

use bytes::Bytes;

use super::port::StoreError;
use crate::base::clock::Instant;
use crate::search::plan::{Filter, Found, GroupRow, Link, NumberRow, ParameterNumber, Place, Probe, Rows, Sort, SortBy, SortValue};

/// The index rows of one version of a resource, however they are kept.
pub(crate) trait Carried: Copy {
    /// Whether the post is among them.
    fn has(self, post: u64) -> bool;
    /// The interval rows but for the time of the last update, which the store knows.
    fn numbers(self) -> impl Iterator<Item = NumberRow>;
    /// Parameter and text of each text row.
    fn texts(self) -> impl Iterator<Item = (ParameterNumber, impl AsRef<str>)>;
    /// Parameter and target of each reference.
    fn links(self) -> impl Iterator<Item = (ParameterNumber, impl AsRef<str>)>;
    /// The elements of composites.
    fn groups(self) -> impl Iterator<Item = impl AsRef<GroupRow>>;
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

    fn links(self) -> impl Iterator<Item = (ParameterNumber, impl AsRef<str>)> {
        self.links.iter().map(|row| (row.parameter, &row.target))
    }

    fn groups(self) -> impl Iterator<Item = impl AsRef<GroupRow>> {
        self.groups.iter()
    }

    fn last_updated(self) -> ParameterNumber {
        self.last_updated
    }
}

/// The rest of the store, as far as a filter may ask for it.
pub(crate) trait World {
    /// The JSON text of the living resource of a row id.
    fn body(&self, row: i64) -> Result<Bytes, StoreError>;
    /// Whether the resource `link.to/id` is there and meets the link's filter.
    fn leads(&self, link: &Link, id: &str) -> Result<bool, StoreError>;
    /// Whether a resource refers by the link to `link.to/id` and meets its filter.
    fn reached(&self, link: &Link, id: &str) -> Result<bool, StoreError>;
}

/// A world in which nothing else is: for filters that ask for nothing ([`is_alone`]).
pub(crate) struct Nowhere;

impl World for Nowhere {
    fn body(&self, _: i64) -> Result<Bytes, StoreError> {
        Err(StoreError::Failed("a filter looks beyond its resource".to_owned()))
    }

    fn leads(&self, _: &Link, _: &str) -> Result<bool, StoreError> {
        Err(StoreError::Failed("a filter looks beyond its resource".to_owned()))
    }

    fn reached(&self, _: &Link, _: &str) -> Result<bool, StoreError> {
        Err(StoreError::Failed("a filter looks beyond its resource".to_owned()))
    }
}

/// Whether the rows of a resource are all that a filter asks for.
pub(crate) fn is_alone(filter: &Filter) -> bool {
    match filter {
        Filter::All(filters) | Filter::Any(filters) => filters.iter().all(is_alone),
        Filter::Not(filter) => is_alone(filter),
        Filter::Linked(_) | Filter::Referenced(_) | Filter::Probe(_) => false,
        _ => true,
    }
}

/// One version of a resource as a search sees it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Candidate<'r, R> {
    pub(crate) row: i64,
    pub(crate) id: &'r str,
    pub(crate) rows: R,
    pub(crate) updated: Instant,
}

impl<R: Carried> Candidate<'_, R> {
    /// Whether it is wanted.
    pub(crate) fn holds(self, filter: &Filter, world: &impl World) -> Result<bool, StoreError> {
        Ok(match filter {
            Filter::All(filters) => {
                for filter in filters {
                    if !self.holds(filter, world)? {
                        return Ok(false);
                    }
                }
                true
            }
            Filter::Any(filters) => {
                for filter in filters {
                    if self.holds(filter, world)? {
                        return Ok(true);
                    }
                }
                false
            }
            Filter::Not(filter) => !self.holds(filter, world)?,
            Filter::Post(post) => self.rows.has(*post),
            Filter::Number(parameter, test, unit) => {
                self.numbers(*parameter).any(|row| test.passes(row.low, row.high) && unit.passes(row.unit))
            }
            Filter::TextStart(parameter, text) => self.texts(*parameter).any(|own| own.as_ref().starts_with(text)),
            Filter::TextPart(parameter, text) => self.texts(*parameter).any(|own| own.as_ref().contains(text)),
            Filter::Id(ids) => ids.iter().any(|id| id.as_str() == self.id),
            Filter::Linked(link) => {
                let targets = self.rows.links().filter(|(parameter, _)| *parameter == link.parameter).map(|(_, target)| target);
                for target in targets {
                    if let Some(id) = target_id(link, target.as_ref())
                        && world.leads(link, id)?
                    {
                        return Ok(true);
                    }
                }
                false
            }
            // An id says nothing of the type.
            Filter::Referenced(link) => self.rows.has(link.to.post) && world.reached(link, self.id)?,
            Filter::Group(parameter, filters) => {
                for group in self.rows.groups().filter(|group| group.as_ref().parameter == *parameter) {
                    let mut all = true;
                    for (part, filter) in group.as_ref().parts.iter().zip(filters) {
                        let part = Candidate { row: self.row, id: self.id, rows: part, updated: self.updated };
                        all = all && part.holds(filter, world)?;
                    }
                    if all {
                        return Ok(true);
                    }
                }
                false
            }
            Filter::Probe(probe) => ask(probe, &world.body(self.row)?)? == Found::Holds(true),
        })
    }

    /// Its value under a sort key.
    pub(crate) fn value(self, sort: &Sort, world: &impl World) -> Result<Option<SortValue>, StoreError> {
        let texts = |parameter| self.texts(parameter).map(|text| text.as_ref().to_owned());
        Ok(match (&sort.by, sort.descending) {
            (SortBy::Id, _) => Some(SortValue::Text(self.id.to_owned())),
            (SortBy::Updated, _) => Some(SortValue::Number(self.updated.0)),
            (SortBy::Number(parameter), false) => self.numbers(*parameter).map(|row| row.low).min().map(SortValue::Number),
            (SortBy::Number(parameter), true) => self.numbers(*parameter).map(|row| row.high).max().map(SortValue::Number),
            (SortBy::Text(parameter), false) => texts(*parameter).min().map(SortValue::Text),
            (SortBy::Text(parameter), true) => texts(*parameter).max().map(SortValue::Text),
            (SortBy::Probe(probe), descending) => match ask(probe, &world.body(self.row)?)? {
                Found::Values(values) if descending => values.into_iter().max(),
                Found::Values(values) => values.into_iter().min(),
                Found::Holds(_) | Found::TooMuch => None,
            },
        })
    }

    /// Its place in an order.
    pub(crate) fn place(self, sorts: &[Sort], world: &impl World) -> Result<Place, StoreError> {
        Ok(Place { values: sorts.iter().map(|sort| self.value(sort, world)).collect::<Result<_, _>>()?, row: self.row })
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

fn ask(probe: &Probe, body: &[u8]) -> Result<Found, StoreError> {
    match (probe.ask)(body) {
        Found::TooMuch => Err(StoreError::TooCostly(probe.name.to_string())),
        found => Ok(found),
    }
}

/// The id in `Type/id`, if that is the type to which the link leads.
pub(crate) fn target_id<'t>(link: &Link, target: &'t str) -> Option<&'t str> {
    target.strip_prefix(link.to.kind.name())?.strip_prefix('/')
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
