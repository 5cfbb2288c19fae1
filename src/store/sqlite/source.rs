//! Row sources: for one condition each, the row ids that meet it, from large to small. A search intersects them.

use rusqlite::types::Value;
use rusqlite::{Connection, params, params_from_iter};

use super::failed;
use super::runs::Walk;
use super::series::{Series, Span};
use super::tables::{Norm, Row};
use crate::model::primitive::Id;
use crate::search::plan::{Filter, ParameterNumber, Test, Unit, WIDE};
use crate::store::normal::{reach, reach_of};
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
    /// Nobody will ask for row ids above `top`.
    pub(super) fn new(connection: &'c Connection, top: i64, posts: &[i64], listed: Vec<i64>) -> Self {
        Self { posts: posts.iter().map(|post| Walk::new(connection, *post, top)).collect(), listed, at: 0 }
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

/// A range of index rows, in which all rows of a condition stand, and others.
pub(super) enum Range<'f> {
    Numbers {
        parameter: ParameterNumber,
        unit: Unit,
        /// What each of its intervals must still meet.
        tests: Vec<&'f Filter>,
        /// The end by which they are found.
        end: End,
        /// Where that end lies, both bounds inside.
        from: i64,
        to: i64,
        /// Only narrow intervals are looked for: shorter ones need not be looked for as far.
        narrow: bool,
    },
    Texts {
        parameter: ParameterNumber,
        start: String,
    },
}

impl<'f> Range<'f> {
    /// The ranges of a condition, by one end and by the other; none if it would have to be looked for in the whole table.
    pub(super) fn of(filter: &'f Filter) -> Vec<Self> {
        match filter {
            Filter::Number(parameter, test, unit) => {
                let range = |(end, from, to): (End, i64, i64)| Self::Numbers {
                    parameter: *parameter,
                    unit: *unit,
                    tests: vec![filter],
                    end,
                    from,
                    to,
                    narrow: false,
                };
                ends(*test).into_iter().map(range).collect()
            }
            Filter::TextStart(parameter, text) => vec![Self::Texts { parameter: *parameter, start: text.clone() }],
            _ => Vec::new(),
        }
    }

    /// Where the narrow intervals stand that meet all conditions on a parameter, if these confine them from both sides. Resources
    /// with others, or several, are to be looked for elsewhere.
    pub(super) fn between(parameter: ParameterNumber, filters: &[&'f Filter]) -> Option<Self> {
        let own = || filters.iter().copied().filter(|filter| reach(filter).is_some_and(|(other, ..)| other == parameter));
        let (from, to) = common(own(), WIDE);
        let confined = from > i64::MIN && to < i64::MAX;
        // The one interval of a narrow resource meets them all: a unit that one of them wants is its unit.
        let unit = own().map(unit).find(|unit| *unit != Unit::Any).unwrap_or(Unit::Any);
        confined.then_some(Self::Numbers { parameter, unit, tests: own().collect(), end: End::Low, from, to, narrow: true })
    }

    /// The row ids up to `up_to` that meet the condition, largest first and once each; `None` if more than `bound` rows would have
    /// to be looked at.
    pub(super) fn gather(&self, connection: &Connection, up_to: i64, bound: i64) -> Result<Option<Vec<i64>>, StoreError> {
        let (mut rows, mut left) = (Vec::new(), bound);
        let all = match self {
            Self::Texts { parameter, start } => {
                let mut values = vec![Value::Integer((*parameter).into()), Value::Text(start.clone())];
                let end = successor(start);
                let before = if end.is_some() { "AND norm < ?4" } else { "" };
                values.extend(end.map(Value::Text));
                let mut all = true;
                for table in [Norm::YOUNG, Norm::TABLE] {
                    let sql = format!("SELECT rid, 0, 0 FROM {table} WHERE p = ?2 AND norm >= ?3 {before} LIMIT ?1");
                    all = all && self.part(connection, &sql, values.clone(), (up_to, 0), (&mut left, &mut rows))?;
                }
                all
            }
            Self::Numbers { parameter, unit, tests, end, from, to, narrow } => {
                let mut all = true;
                for series in Series::of(connection, *parameter, *unit)? {
                    let (from, to) = if *narrow { common(tests.iter().copied(), series.span.most()) } else { (*from, *to) };
                    let statements = match (end, series.span) {
                        (End::High, Span::Short | Span::Wide) => [
                            "SELECT rid, hi, w FROM young_hi WHERE s = ?2 AND hi >= ?3 AND hi <= ?4 LIMIT ?1",
                            "SELECT rid, hi, w FROM num_hi WHERE s = ?2 AND hi >= ?3 AND hi <= ?4 LIMIT ?1",
                        ],
                        // Both ends of a point are the low one.
                        _ => [
                            "SELECT rid, lo, w FROM young_lo WHERE s = ?2 AND lo >= ?3 AND lo <= ?4 LIMIT ?1",
                            "SELECT rid, lo, w FROM num_lo WHERE s = ?2 AND lo >= ?3 AND lo <= ?4 LIMIT ?1",
                        ],
                    };
                    for sql in statements {
                        let values = [series.code(), from, to].map(Value::Integer).to_vec();
                        all = all && self.part(connection, sql, values, (up_to, series.unit), (&mut left, &mut rows))?;
                    }
                }
                all
            }
        };
        if !all {
            return Ok(None);
        }
        descending(&mut rows);
        Ok(Some(rows))
    }

    /// Gathers the rows that a statement finds; tells whether they were not too many.
    fn part(
        &self,
        connection: &Connection,
        sql: &str,
        values: Vec<Value>,
        (up_to, unit): (i64, u64),
        (left, rows): (&mut i64, &mut Vec<i64>),
    ) -> Result<bool, StoreError> {
        let mut statement = connection.prepare_cached(sql).map_err(failed)?;
        let limit = Value::Integer(left.saturating_add(1));
        let mut found = statement.query(params_from_iter([limit].into_iter().chain(values))).map_err(failed)?;
        let (tests, by_high) =
            if let Self::Numbers { tests, end, .. } = self { (tests.as_slice(), *end == End::High) } else { (&[][..], false) };
        while let Some(row) = found.next().map_err(failed)? {
            *left -= 1;
            if *left < 0 {
                return Ok(false);
            }
            let rid: i64 = row.get(0).map_err(failed)?;
            let (end, width): (i64, i64) = (row.get(1).map_err(failed)?, row.get(2).map_err(failed)?);
            let (low, high) = if by_high { (end.wrapping_sub(width), end) } else { (end, end.wrapping_add(width)) };
            if rid <= up_to && tests.iter().all(|filter| meets(filter, low, high, unit)) {
                rows.push(rid);
            }
        }
        Ok(true)
    }
}

/// Where the low ends of intervals at most so wide lie that meet all of some conditions.
fn common<'f>(filters: impl Iterator<Item = &'f Filter>, width: i64) -> (i64, i64) {
    let reaches = filters.filter_map(|filter| reach_of(filter, width));
    reaches.fold((i64::MIN, i64::MAX), |(low, high), (_, from, to)| (low.max(from), high.min(to)))
}

/// Whether one interval meets a condition on numbers.
fn meets(filter: &Filter, low: i64, high: i64, unit: u64) -> bool {
    match filter {
        Filter::Number(_, test, wanted) => test.passes(low, high) && wanted.passes(unit),
        Filter::Any(filters) => filters.iter().any(|filter| meets(filter, low, high, unit)),
        _ => false,
    }
}

/// The unit that all alternatives of a condition on numbers want.
fn unit(filter: &Filter) -> Unit {
    match filter {
        Filter::Number(_, _, unit) => *unit,
        Filter::Any(filters) => {
            let mut units = filters.iter().map(unit);
            let first = units.next().unwrap_or(Unit::Any);
            if units.all(|unit| unit == first) { first } else { Unit::Any }
        }
        _ => Unit::Any,
    }
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
pub(super) enum End {
    Low,
    High,
}

/// The ends whose table confines a test, and where they lie; none if it would have to be walked whole.
fn ends(test: Test) -> Vec<(End, i64, i64)> {
    // One beyond the last number there is nothing: a range that ends before it begins.
    let above = |at: i64| at.checked_add(1).map_or((1, 0), |from| (from, i64::MAX));
    let below = |at: i64| at.checked_sub(1).map_or((1, 0), |to| (i64::MIN, to));
    match test {
        // An interval's low end is not above its high end.
        Test::Within(from, to) => vec![(End::Low, from, to)],
        // Either end may be the better one; their counts tell.
        Test::Overlaps(from, to) => vec![(End::Low, i64::MIN, to), (End::High, from, i64::MAX)],
        Test::StartsBefore(at) => vec![(End::Low, below(at).0, below(at).1)],
        Test::StartsAfter(at) => vec![(End::Low, above(at).0, above(at).1)],
        Test::EndsBefore(at) => vec![(End::High, below(at).0, below(at).1)],
        Test::EndsAfter(at) => vec![(End::High, above(at).0, above(at).1)],
        Test::NotWithin(..) => Vec::new(),
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
