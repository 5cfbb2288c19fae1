//! Row sources: for one condition each, the row ids that meet it, from large to small. A search intersects them.

use rusqlite::types::Value;
use rusqlite::{Connection, params, params_from_iter};

use super::failed;
use super::runs::Walk;
use crate::model::primitive::Id;
use crate::search::plan::{Filter, ParameterNumber, Test};
use crate::store::port::StoreError;

/// The row ids that meet a condition.
pub(super) enum Source<'c> {
    /// Those that have one of these posts.
    Posts(Vec<Walk<'c>>),
    /// These, largest first; those before the number are done with.
    Listed(Vec<i64>, usize),
}

impl Source<'_> {
    /// The largest row id that is not above `most`, which never grows from call to call.
    fn seek(&mut self, most: i64) -> Result<Option<i64>, StoreError> {
        match self {
            Self::Posts(walks) => {
                let mut largest = None;
                for walk in walks {
                    largest = largest.max(walk.seek(most)?);
                }
                Ok(largest)
            }
            Self::Listed(rows, at) => {
                *at += rows.get(*at..).unwrap_or(&[]).partition_point(|row| *row > most);
                Ok(rows.get(*at).copied())
            }
        }
    }
}

/// The largest row id that is in all sources and not above `most`.
pub(super) fn next(sources: &mut [Source<'_>], mut most: i64) -> Result<Option<i64>, StoreError> {
    let (mut agreed, all) = (0, sources.len());
    // Goes round until all sources in turn have named the same row.
    while agreed < all {
        for source in &mut *sources {
            match source.seek(most)? {
                None => return Ok(None),
                Some(row) if row == most => agreed += 1,
                Some(row) => (most, agreed) = (row, 1),
            }
            if agreed >= all {
                break;
            }
        }
    }
    Ok(Some(most))
}

/// A range of one of the index tables, in which all rows of a condition stand, and others.
pub(super) struct Range<'f> {
    filter: &'f Filter,
    /// Yields row id, low end, high end and unit.
    sql: String,
    values: Vec<Value>,
}

impl<'f> Range<'f> {
    /// The ranges of a condition; none if it would have to be looked for in the whole table.
    pub(super) fn of(filter: &'f Filter) -> Vec<Self> {
        match filter {
            Filter::Number(parameter, test, _) => ends(*test).iter().map(|end| Self::number(filter, *parameter, *test, *end)).collect(),
            Filter::TextStart(parameter, text) => vec![Self::text(filter, *parameter, text)],
            _ => Vec::new(),
        }
    }

    fn number(filter: &'f Filter, parameter: ParameterNumber, test: Test, end: End) -> Self {
        let (table, test, values) = match (test, end) {
            // An interval's low end is not above its high end.
            (Test::Within(from, to), _) => ("num_lo", "lo >= ? AND lo <= ?", vec![from, to]),
            (Test::Overlaps(_, to), End::Low) => ("num_lo", "lo <= ?", vec![to]),
            (Test::Overlaps(from, _), End::High) => ("num_hi", "hi >= ?", vec![from]),
            (Test::StartsBefore(at), _) => ("num_lo", "lo < ?", vec![at]),
            (Test::StartsAfter(at), _) => ("num_lo", "lo > ?", vec![at]),
            (Test::EndsBefore(at), _) => ("num_hi", "hi < ?", vec![at]),
            (Test::EndsAfter(at), _) => ("num_hi", "hi > ?", vec![at]),
            (Test::NotWithin(..), _) => ("num_lo", "1", Vec::new()),
        };
        let sql = format!("SELECT rid, lo, hi, u FROM {table} WHERE p = ? AND {test} LIMIT ?");
        Self { filter, sql, values: std::iter::once(parameter.into()).chain(values).map(Value::Integer).collect() }
    }

    fn text(filter: &'f Filter, parameter: ParameterNumber, text: &str) -> Self {
        let mut range = Self { filter, sql: "SELECT rid, 0, 0, 0 FROM txt_norm WHERE p = ?".to_owned(), values: Vec::new() };
        range.values.push(Value::Integer(parameter.into()));
        for (test, bound) in [(" AND norm >= ?", Some(text.to_owned())), (" AND norm < ?", successor(text))] {
            if let Some(bound) = bound {
                range.sql.push_str(test);
                range.values.push(Value::Text(bound));
            }
        }
        range.sql.push_str(" LIMIT ?");
        range
    }

    /// The row ids up to `up_to` that meet the condition, largest first and once each; `None` if more than `bound` rows would have
    /// to be looked at.
    pub(super) fn gather(&self, connection: &Connection, up_to: i64, bound: i64) -> Result<Option<Vec<i64>>, StoreError> {
        let mut statement = connection.prepare_cached(&self.sql).map_err(failed)?;
        let limit = Value::Integer(bound.saturating_add(1));
        let mut found = statement.query(params_from_iter(self.values.iter().chain([&limit]))).map_err(failed)?;
        let (mut rows, mut seen) = (Vec::new(), 0);
        while let Some(row) = found.next().map_err(failed)? {
            seen += 1;
            if seen > bound {
                return Ok(None);
            }
            let rid: i64 = row.get(0).map_err(failed)?;
            let passes = match self.filter {
                Filter::Number(_, test, unit) => {
                    let unit_of_row: i64 = row.get(3).map_err(failed)?;
                    test.passes(row.get(1).map_err(failed)?, row.get(2).map_err(failed)?) && unit.passes(unit_of_row.cast_unsigned())
                }
                _ => true,
            };
            if passes && rid <= up_to {
                rows.push(rid);
            }
        }
        descending(&mut rows);
        Ok(Some(rows))
    }
}

/// The row ids of living resources with these ids, largest first.
pub(super) fn with_ids(connection: &Connection, kind: i64, ids: &[Id], up_to: i64) -> Result<Vec<i64>, StoreError> {
    let sql = "SELECT rid FROM resource WHERE kind = ?1 AND id = ?2 AND rid <= ?3 AND body IS NOT NULL";
    let mut statement = connection.prepare_cached(sql).map_err(failed)?;
    let mut rows = Vec::with_capacity(ids.len());
    for id in ids {
        let found = statement.query_map(params![kind, id.as_str(), up_to], |row| row.get(0)).map_err(failed)?;
        rows.extend(found.collect::<rusqlite::Result<Vec<i64>>>().map_err(failed)?);
    }
    descending(&mut rows);
    Ok(rows)
}

fn descending(rows: &mut Vec<i64>) {
    rows.sort_unstable_by(|a, b| b.cmp(a));
    rows.dedup();
}

/// An end of an interval; each has a table in its order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum End {
    Low,
    High,
}

/// The ends whose table confines a test; none if it would have to be walked whole.
fn ends(test: Test) -> &'static [End] {
    match test {
        Test::Within(..) | Test::StartsBefore(_) | Test::StartsAfter(_) => &[End::Low],
        Test::EndsBefore(_) | Test::EndsAfter(_) => &[End::High],
        // Either end may be the better one; their counts tell.
        Test::Overlaps(..) => &[End::Low, End::High],
        Test::NotWithin(..) => &[],
    }
}

/// The smallest text, by code points, that is larger than every text starting with `prefix`; `None` if there is none.
fn successor(prefix: &str) -> Option<String> {
    let mut end = prefix.to_owned();
    while let Some(last) = end.pop() {
        // The step over the surrogates, which are no characters.
        let next = if last == '\u{D7FF}' { Some('\u{E000}') } else { char::from_u32(u32::from(last) + 1) };
        if let Some(next) = next {
            end.push(next);
            return Some(end);
        }
    }
    None
}
