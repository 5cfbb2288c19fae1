//! Filters as SQL.
//!
//! A condition becomes a test of one row, `d`, that is looked up in the index tables by shard and row id. The tests are fenced
//! (`OFFSET 0`): the database must neither turn them round nor take them together, since it cannot know how often a key occurs.
//!
//! What SQL cannot tell ([`is_told`]) becomes what is sure to hold for every match, seen from the right side of each negation;
//! what is found that way must be looked at again.

use std::fmt::Write as _;

use tokio_postgres::types::ToSql;

use super::Shared;
use super::schema::TEXT_INDEXED;
use crate::search::plan::{Filter, Link, ParameterNumber, Test, Unit};
use crate::store::normal::posts;
use crate::store::port::StoreError;

/// What a mark in a statement stands for.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Value {
    Number(i64),
    Numbers(Vec<i64>),
    Small(i32),
    Smalls(Vec<i32>),
    Text(String),
    Texts(Vec<String>),
    Bytes(Vec<u8>),
}

impl Value {
    fn kind(&self) -> &'static str {
        match self {
            Self::Number(_) => "int8",
            Self::Numbers(_) => "int8[]",
            Self::Small(_) => "int4",
            Self::Smalls(_) => "int4[]",
            Self::Text(_) => "text",
            Self::Texts(_) => "text[]",
            Self::Bytes(_) => "bytea",
        }
    }

    fn as_sql(&self) -> &(dyn ToSql + Sync) {
        match self {
            Self::Number(value) => value,
            Self::Numbers(values) => values,
            Self::Small(value) => value,
            Self::Smalls(values) => values,
            Self::Text(value) => value,
            Self::Texts(values) => values,
            Self::Bytes(value) => value,
        }
    }
}

/// A statement in the making: the values that its marks stand for.
pub(super) struct Sql<'s> {
    pub(super) shared: &'s Shared,
    values: Vec<Value>,
    names: usize,
}

/// On which side of a condition a superset lies: what is not known counts as met, or, inside a negation, as not met.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Side {
    Over,
    Under,
}

impl Side {
    fn other(self) -> Self {
        match self {
            Self::Over => Self::Under,
            Self::Under => Self::Over,
        }
    }

    fn unknown(self) -> String {
        match self {
            Self::Over => "true".to_owned(),
            Self::Under => "false".to_owned(),
        }
    }
}

impl<'s> Sql<'s> {
    pub(super) fn new(shared: &'s Shared) -> Self {
        Self { shared, values: Vec::new(), names: 0 }
    }

    /// The mark of a value.
    pub(super) fn mark(&mut self, value: Value) -> String {
        let kind = value.kind();
        self.values.push(value);
        format!("${}::{kind}", self.values.len())
    }

    pub(super) fn number(&mut self, number: i64) -> String {
        self.mark(Value::Number(number))
    }

    pub(super) fn parameter(&mut self, parameter: ParameterNumber) -> String {
        self.mark(Value::Small(parameter.cast_signed()))
    }

    /// The values in the order of their marks.
    pub(super) fn values(&self) -> Vec<&(dyn ToSql + Sync)> {
        self.values.iter().map(Value::as_sql).collect()
    }

    fn name(&mut self) -> String {
        self.names += 1;
        format!("t{}", self.names)
    }

    /// A row of a table that belongs to the row `d`.
    fn exists(&mut self, table: &str, d: &str, test: impl FnOnce(&mut Self, &str) -> String) -> String {
        let t = self.name();
        let test = test(self, &t);
        format!("EXISTS (SELECT 1 FROM {table} {t} WHERE {t}.shard = {d}.shard AND {t}.rid = {d}.rid AND {test}{})", self.fence())
    }

    /// Keeps the database from joining a test with the rest. In a cluster it must, to send it to where the rows are.
    fn fence(&self) -> &'static str {
        if self.shared.shards == 1 { " OFFSET 0" } else { "" }
    }

    /// The test of row `d`.
    pub(super) fn test(&mut self, filter: &Filter, d: &str, side: Side) -> Result<String, StoreError> {
        Ok(match filter {
            Filter::All(filters) => self.joined(filters, d, side, " AND ", "true")?,
            Filter::Any(filters) => match posts(filter) {
                Some(posts) if posts.len() > 1 => {
                    let posts = self.mark(Value::Numbers(posts));
                    self.exists("post", d, |_, t| format!("{t}.k = ANY ({posts})"))
                }
                _ => self.joined(filters, d, side, " OR ", "false")?,
            },
            Filter::Not(filter) => format!("NOT {}", self.test(filter, d, side.other())?),
            Filter::Post(post) => {
                let post = self.number(post.cast_signed());
                self.exists("post", d, |_, t| format!("{t}.k = {post}"))
            }
            Filter::Number(parameter, test, unit) => {
                self.exists("num", d, |sql, t| format!("{t}.p = {} AND {}", sql.parameter(*parameter), sql.interval(*test, *unit, t)))
            }
            Filter::TextStart(parameter, text) => {
                self.exists("txt", d, |sql, t| format!("{t}.p = {} AND {}", sql.parameter(*parameter), sql.starts(text, t)))
            }
            Filter::TextPart(parameter, text) => self.exists("txt", d, |sql, t| {
                let (parameter, text) = (sql.parameter(*parameter), sql.mark(Value::Bytes(text.clone().into_bytes())));
                format!("{t}.p = {parameter} AND position({text} IN {t}.norm) > 0")
            }),
            Filter::Id(ids) => {
                let ids = self.mark(Value::Texts(ids.iter().map(ToString::to_string).collect()));
                self.exists("resource", d, |_, t| format!("{t}.id = ANY ({ids})"))
            }
            Filter::Linked(link) => self.linked(link, d, side)?,
            Filter::Referenced(link) => self.referenced(link, d, side)?,
            Filter::Group(_, filters) if side == Side::Over => {
                // Each row of an element is one of the resource, so what some element must have the resource must have.
                let parts = filters.iter().map(|filter| self.implied(filter, d)).collect::<Result<Vec<_>, _>>()?;
                together(parts, " AND ", "true")
            }
            Filter::Group(..) | Filter::Probe(_) => side.unknown(),
        })
    }

    fn joined(&mut self, filters: &[Filter], d: &str, side: Side, with: &str, none: &str) -> Result<String, StoreError> {
        let parts = filters.iter().map(|filter| self.test(filter, d, side)).collect::<Result<Vec<_>, _>>()?;
        Ok(together(parts, with, none))
    }

    /// What a resource must meet if one of its elements is to meet the filter.
    fn implied(&mut self, filter: &Filter, d: &str) -> Result<String, StoreError> {
        let each = |sql: &mut Self, filters: &[Filter]| filters.iter().map(|one| sql.implied(one, d)).collect::<Result<Vec<_>, _>>();
        Ok(match filter {
            Filter::All(filters) => together(each(self, filters)?, " AND ", "true"),
            Filter::Any(filters) => together(each(self, filters)?, " OR ", "false"),
            Filter::Not(_) => "true".to_owned(),
            other => self.test(other, d, Side::Over)?,
        })
    }

    /// A chain: from the references of the row to living resources that meet the filter.
    fn linked(&mut self, link: &Link, d: &str, side: Side) -> Result<String, StoreError> {
        let (l, r) = (self.name(), self.name());
        let (parameter, kind) = (self.parameter(link.parameter), self.kind(link.to.kind)?);
        let test = self.test(&link.filter, &r, side)?;
        Ok(format!(
            "EXISTS (SELECT 1 FROM link {l} JOIN resource {r} ON {r}.shard = {l}.at AND {r}.kind = {l}.kind AND {r}.id = {l}.id
             WHERE {l}.shard = {d}.shard AND {l}.rid = {d}.rid AND {l}.p = {parameter} AND {l}.kind = {kind}
             AND {r}.body IS NOT NULL AND {test}{})",
            self.fence()
        ))
    }

    /// `_has`: from the row to living resources that refer to it and meet the filter.
    fn referenced(&mut self, link: &Link, d: &str, side: Side) -> Result<String, StoreError> {
        let (l, r) = (self.name(), self.name());
        let (parameter, kind) = (self.parameter(link.parameter), self.kind(link.to.kind)?);
        let test = self.test(&link.filter, &l, side)?;
        Ok(format!(
            "EXISTS (SELECT 1 FROM resource {r} JOIN link {l} ON {l}.shard {} AND {l}.p = {parameter} AND {l}.kind = {r}.kind
             AND {l}.id = {r}.id WHERE {r}.shard = {d}.shard AND {r}.rid = {d}.rid AND {r}.kind = {kind} AND {test}{})",
            self.shared.all_shards(),
            self.fence()
        ))
    }

    pub(super) fn kind(&mut self, kind: crate::model::schema::ResourceType) -> Result<String, StoreError> {
        let code = self.shared.kinds.code(kind)?;
        Ok(self.mark(Value::Small(code)))
    }

    /// A test of an interval row `t`.
    pub(super) fn interval(&mut self, test: Test, unit: Unit, t: &str) -> String {
        let mut sql = match test {
            Test::Within(from, to) => format!("{t}.lo >= {} AND {t}.hi <= {}", self.number(from), self.number(to)),
            Test::NotWithin(from, to) => format!("({t}.lo < {} OR {t}.hi > {})", self.number(from), self.number(to)),
            Test::Overlaps(from, to) => format!("{t}.lo <= {} AND {t}.hi >= {}", self.number(to), self.number(from)),
            Test::StartsBefore(at) => format!("{t}.lo < {}", self.number(at)),
            Test::StartsAfter(at) => format!("{t}.lo > {}", self.number(at)),
            Test::EndsBefore(at) => format!("{t}.hi < {}", self.number(at)),
            Test::EndsAfter(at) => format!("{t}.hi > {}", self.number(at)),
        };
        // Writing to a string cannot fail.
        let _ = match unit {
            Unit::Any => Ok(()),
            Unit::Exactly(unit) => write!(sql, " AND {t}.u = {}", self.number(unit.cast_signed())),
            Unit::Code(code) => write!(sql, " AND {t}.u & 4294967295 = {}", self.number(i64::from(code))),
        };
        sql
    }

    /// A test of a text row `t`, by the part of it that is in the index.
    pub(super) fn starts(&mut self, text: &str, t: &str) -> String {
        let start = text.as_bytes();
        if start.is_empty() {
            return "true".to_owned();
        }
        let indexed = start.get(..TEXT_INDEXED).unwrap_or(start);
        let column = format!("substring({t}.norm, 1, {TEXT_INDEXED})");
        let mut sql = format!("{column} >= {}", self.mark(Value::Bytes(indexed.to_vec())));
        if let Some(end) = successor(indexed) {
            let _ = write!(sql, " AND {column} < {}", self.mark(Value::Bytes(end)));
        }
        if start.len() > TEXT_INDEXED {
            let length = self.mark(Value::Small(i32::try_from(start.len()).unwrap_or(i32::MAX)));
            let _ = write!(sql, " AND substring({t}.norm, 1, {length}) = {}", self.mark(Value::Bytes(start.to_vec())));
        }
        sql
    }
}

/// Whether SQL tells all of a filter.
pub(super) fn is_told(filter: &Filter) -> bool {
    match filter {
        Filter::All(filters) | Filter::Any(filters) => filters.iter().all(is_told),
        Filter::Not(filter) => is_told(filter),
        Filter::Linked(link) | Filter::Referenced(link) => is_told(&link.filter),
        Filter::Group(..) | Filter::Probe(_) => false,
        _ => true,
    }
}

/// Several tests as one.
pub(super) fn together(mut parts: Vec<String>, with: &str, none: &str) -> String {
    match parts.len() {
        0 => none.to_owned(),
        1 => parts.remove(0),
        _ => format!("({})", parts.join(with)),
    }
}

/// The smallest bytes that are larger than all that start with `prefix`; `None` if there are none.
fn successor(prefix: &[u8]) -> Option<Vec<u8>> {
    let mut end = prefix.to_vec();
    while let Some(last) = end.pop() {
        if last < u8::MAX {
            end.push(last + 1);
            return Some(end);
        }
    }
    None
}
