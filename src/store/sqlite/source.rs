//! Row sources: for one condition each, the row ids that meet it, from large to small. A search intersects them.

use rusqlite::types::Value;
use rusqlite::{Connection, OptionalExtension, params, params_from_iter};

use super::failed;
use super::runs::Walk;
use crate::model::primitive::Id;
use crate::search::plan::{Filter, ParameterNumber, Test, Unit, WIDE};
use crate::store::port::StoreError;

/// The row ids that meet a condition: those of some posts, and those of a list.
pub(super) struct Source<'c> {
    posts: Vec<Walk<'c>>,
    /// Largest first.
    listed: Vec<i64>,
    /// Those of the list before this one are done with.
    at: usize,
}

impl<'c> Source<'c> {
    pub(super) fn new(connection: &'c Connection, posts: &[i64], listed: Vec<i64>) -> Self {
        Self { posts: posts.iter().map(|post| Walk::new(connection, *post)).collect(), listed, at: 0 }
    }

    /// The largest row id that is not above `most`, which never grows from call to call.
    fn seek(&mut self, most: i64) -> Result<Option<i64>, StoreError> {
        self.at += self.listed.get(self.at..).unwrap_or(&[]).partition_point(|row| *row > most);
        let mut largest = self.listed.get(self.at).copied();
        for walk in &mut self.posts {
            largest = largest.max(walk.seek(most)?);
        }
        Ok(largest)
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

/// Ranges of one of the index tables, in which all rows of a condition stand, and others.
pub(super) struct Range {
    parameter: ParameterNumber,
    /// What its intervals must still pass.
    test: Option<Test>,
    /// In which units it looks; `None` for texts, which have none.
    unit: Option<Unit>,
    /// Yields row id, low and high end.
    sql: String,
    /// What its marks stand for, after the limit (`?1`), the parameter (`?2`) and the unit (`?3`).
    values: Vec<Value>,
}

impl Range {
    /// The ranges of a condition, by one end and by the other; none if it would have to be looked for in the whole table.
    pub(super) fn of(filter: &Filter) -> Vec<Self> {
        match filter {
            Filter::Number(parameter, test, unit) => ends(*test).iter().map(|end| Self::number(*parameter, *test, *unit, *end)).collect(),
            Filter::TextStart(parameter, text) => vec![Self::text(*parameter, text)],
            _ => Vec::new(),
        }
    }

    /// Where the narrow intervals stand that may meet all conditions on a parameter, if these confine them from both sides.
    /// What stands there must still be tested, and intervals that are not narrow looked for elsewhere.
    pub(super) fn between(parameter: ParameterNumber, filters: &[&Filter]) -> Option<Self> {
        let own = filters.iter().filter_map(|filter| reach(filter)).filter(|(other, ..)| *other == parameter);
        let (low, high) = own.fold((i64::MIN, i64::MAX), |(low, high), (_, from, to)| (low.max(from), high.min(to)));
        let sql = "SELECT rid, lo, hi FROM num_lo WHERE p = ?2 AND u = ?3 AND lo >= ?4 AND lo <= ?5 LIMIT ?1".to_owned();
        let values = [low, high].map(Value::Integer).to_vec();
        (low > i64::MIN && high < i64::MAX).then_some(Self { test: None, unit: Some(Unit::Any), parameter, sql, values })
    }

    fn number(parameter: ParameterNumber, test: Test, unit: Unit, end: End) -> Self {
        let (table, range, values) = match (test, end) {
            // An interval's low end is not above its high end.
            (Test::Within(from, to), _) => ("num_lo", "lo >= ?4 AND lo <= ?5", vec![from, to]),
            (Test::Overlaps(_, to), End::Low) => ("num_lo", "lo <= ?4", vec![to]),
            (Test::Overlaps(from, _), End::High) => ("num_hi", "hi >= ?4", vec![from]),
            (Test::StartsBefore(at), _) => ("num_lo", "lo < ?4", vec![at]),
            (Test::StartsAfter(at), _) => ("num_lo", "lo > ?4", vec![at]),
            (Test::EndsBefore(at), _) => ("num_hi", "hi < ?4", vec![at]),
            (Test::EndsAfter(at), _) => ("num_hi", "hi > ?4", vec![at]),
            (Test::NotWithin(..), _) => ("num_lo", "1", Vec::new()),
        };
        let sql = format!("SELECT rid, lo, hi FROM {table} WHERE p = ?2 AND u = ?3 AND {range} LIMIT ?1");
        Self { test: Some(test), unit: Some(unit), parameter, sql, values: values.into_iter().map(Value::Integer).collect() }
    }

    fn text(parameter: ParameterNumber, text: &str) -> Self {
        let (mut sql, mut values) =
            ("SELECT rid, 0, 0 FROM txt_norm WHERE p = ?2 AND norm >= ?4".to_owned(), vec![Value::Text(text.to_owned())]);
        if let Some(end) = successor(text) {
            sql.push_str(" AND norm < ?5");
            values.push(Value::Text(end));
        }
        sql.push_str(" LIMIT ?1");
        Self { test: None, unit: None, parameter, sql, values }
    }

    /// The row ids up to `up_to` that meet the condition, largest first and once each; `None` if more than `bound` rows would have
    /// to be looked at.
    pub(super) fn gather(&self, connection: &Connection, up_to: i64, bound: i64) -> Result<Option<Vec<i64>>, StoreError> {
        let (mut rows, mut left) = (Vec::new(), bound);
        let mut unit = self.unit(connection, None)?;
        while let Some(own) = unit {
            if !self.part(connection, own, up_to, &mut left, &mut rows)? {
                return Ok(None);
            }
            unit = self.unit(connection, Some(own))?;
        }
        descending(&mut rows);
        Ok(Some(rows))
    }

    /// Gathers the rows of one unit; tells whether they were not too many.
    fn part(&self, connection: &Connection, unit: i64, up_to: i64, left: &mut i64, rows: &mut Vec<i64>) -> Result<bool, StoreError> {
        let mut statement = connection.prepare_cached(&self.sql).map_err(failed)?;
        let first = [left.saturating_add(1), self.parameter.into(), unit].map(Value::Integer);
        let mut found = statement.query(params_from_iter(first.iter().chain(&self.values))).map_err(failed)?;
        while let Some(row) = found.next().map_err(failed)? {
            *left -= 1;
            if *left < 0 {
                return Ok(false);
            }
            let rid: i64 = row.get(0).map_err(failed)?;
            let (low, high) = (row.get(1).map_err(failed)?, row.get(2).map_err(failed)?);
            if rid <= up_to && self.test.is_none_or(|test| test.passes(low, high)) {
                rows.push(rid);
            }
        }
        Ok(true)
    }

    /// The wanted unit that comes after another in the tables, or the first.
    fn unit(&self, connection: &Connection, after: Option<i64>) -> Result<Option<i64>, StoreError> {
        let Some(wanted) = self.unit else { return Ok(after.is_none().then_some(0)) };
        if let Unit::Exactly(unit) = wanted {
            return Ok(after.is_none().then_some(unit.cast_signed()));
        }
        let mut from = after.map_or(Some(i64::MIN), |unit| unit.checked_add(1));
        while let Some(least) = from {
            match unit_from(connection, self.parameter, least)? {
                Some(unit) if wanted.passes(unit.cast_unsigned()) => return Ok(Some(unit)),
                Some(unit) => from = unit.checked_add(1),
                None => break,
            }
        }
        Ok(None)
    }
}

/// The parameter that a condition is about, and where the low end of a narrow interval that meets it may lie.
pub(super) fn reach(filter: &Filter) -> Option<(ParameterNumber, i64, i64)> {
    match filter {
        Filter::Number(parameter, test, _) => {
            let (from, to) = match *test {
                Test::Within(from, to) => (from, to),
                Test::Overlaps(from, to) => (from.saturating_sub(WIDE), to),
                Test::StartsAfter(at) => (at, i64::MAX),
                Test::EndsAfter(at) => (at.saturating_sub(WIDE), i64::MAX),
                Test::StartsBefore(at) | Test::EndsBefore(at) => (i64::MIN, at),
                Test::NotWithin(..) => return None,
            };
            Some((*parameter, from, to))
        }
        Filter::Any(filters) => {
            let mut reaches = filters.iter().map(reach);
            reaches.next()?.and_then(|first| {
                reaches.try_fold(first, |(parameter, low, high), next| {
                    next.filter(|(other, ..)| *other == parameter).map(|(_, from, to)| (parameter, low.min(from), high.max(to)))
                })
            })
        }
        _ => None,
    }
}

/// The only unit in which a parameter has values, or 0 if it has none; `None` if there are several.
pub(super) fn only_unit(connection: &Connection, parameter: ParameterNumber) -> Result<Option<i64>, StoreError> {
    let unit = unit_from(connection, parameter, i64::MIN)?.unwrap_or(0);
    let another = unit.checked_add(1).map_or(Ok(None), |next| unit_from(connection, parameter, next))?;
    Ok(another.is_none().then_some(unit))
}

/// The first unit, not below `least`, in which a parameter has values.
fn unit_from(connection: &Connection, parameter: ParameterNumber, least: i64) -> Result<Option<i64>, StoreError> {
    let sql = "SELECT u FROM num_lo WHERE p = ?1 AND u >= ?2 ORDER BY u LIMIT 1";
    let mut statement = connection.prepare_cached(sql).map_err(failed)?;
    statement.query_row(params![parameter, least], |row| row.get(0)).optional().map_err(failed)
}

/// The row ids of living resources with these ids, largest first.
pub(super) fn with_ids(connection: &Connection, kinds: &[i64], ids: &[Id], up_to: i64) -> Result<Vec<i64>, StoreError> {
    let sql = "SELECT rid FROM resource WHERE kind = ?1 AND id = ?2 AND rid <= ?3 AND body IS NOT NULL";
    let mut statement = connection.prepare_cached(sql).map_err(failed)?;
    let mut rows = Vec::with_capacity(ids.len());
    for (kind, id) in kinds.iter().flat_map(|kind| ids.iter().map(move |id| (kind, id))) {
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
