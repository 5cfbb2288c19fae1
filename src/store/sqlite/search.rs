//! Running a plan: counting a little to choose the driver, then one statement for the page and one for the total.
//!
//! Database planners misjudge hashed keys, so the choice is made here. With `m` rows in the smallest driver, going through all
//! of them costs `m`; walking an ordered source of `n` rows until `limit` of at most `m` matches are found costs about
//! `limit * n / m`. Both are cheap to compare once `m` is known, and it is counted no further than the comparison needs.

use rusqlite::types::Value;
use rusqlite::{CachedStatement, Connection};
use std::rc::Rc;

use super::failed;
use super::frequency::Frequencies;
use super::kinds::Kinds;
use super::read;
use crate::search::plan::{Place, Plan, Sort, SortValue};
use crate::store::port::{Hit, Page, StoreError};
use crate::store::sql::driver::{Candidate, Driver, Outline};
use crate::store::sql::{Dialect, Parameter, Statement, order};

/// SQLite's way to say it. Lists are passed as pointers (`rarray`), not as text.
#[derive(Debug)]
pub(super) struct Sqlite;

impl Dialect for Sqlite {
    fn mark(&self, number: usize) -> String {
        format!("?{number}")
    }

    fn listed(&self, column: &str, mark: &str) -> String {
        format!("{column} IN (SELECT value FROM rarray({mark}))")
    }

    fn unnested(&self, mark: &str) -> String {
        format!("(SELECT value AS rid FROM rarray({mark})) d")
    }

    fn contains(&self, column: &str, mark: &str) -> String {
        format!("instr({column}, {mark}) > 0")
    }
}

/// What every search needs besides its plan.
pub(super) struct Searcher<'s> {
    pub(super) connection: &'s Connection,
    pub(super) kinds: &'s Kinds,
    pub(super) frequencies: &'s Frequencies,
}

/// Windows in which a sort's index is walked before giving up: a filter that passes nothing in these is selective enough, or
/// lies far from the beginning, so that going through all matches is better. Tests use small ones, to get past them.
const WINDOWS: [i64; 4] = if cfg!(test) { [2, 2, 3, 4] } else { [64, 512, 4096, 16_384] };

/// Counting stops at these numbers of rows, one after the other.
const STAGES: [i64; 3] = if cfg!(test) { [3, 6, MOST] } else { [64, 1024, MOST] };
const MOST: i64 = if cfg!(test) { 9 } else { 16_384 };

impl Searcher<'_> {
    /// Runs a plan in one snapshot; the caller holds a transaction if it wants more from the same one.
    pub(super) fn page(&self, plan: &Plan) -> Result<Page, StoreError> {
        let snapshot = self.connection.unchecked_transaction().map_err(failed)?;
        let page = self.page_inside(plan)?;
        snapshot.finish().map_err(failed)?;
        Ok(page)
    }

    /// Runs a plan inside a transaction that is open already.
    pub(super) fn page_inside(&self, plan: &Plan) -> Result<Page, StoreError> {
        let (places, more) = self.places(plan)?;
        let total = match plan.total {
            true if plan.after.is_none() && plan.limit > 0 && !more => Some(places.len() as u64),
            true => Some(self.total(plan)?),
            false => None,
        };
        let hits = places
            .into_iter()
            .map(|place| Ok(Hit { version: read::hit(self.connection, self.kinds, place.row)?, place }))
            .collect::<Result<_, StoreError>>()?;
        Ok(Page { hits, more, total })
    }

    /// The places of one page, and whether more follow.
    pub(super) fn places(&self, plan: &Plan) -> Result<(Vec<Place>, bool), StoreError> {
        let outline = self.outline(plan)?;
        if plan.limit == 0 || outline.is_never() {
            return Ok((Vec::new(), false));
        }
        let wanted = plan.limit.saturating_add(1);
        let mut places = match plan.sort.as_slice() {
            [] => self.by_row(&outline, plan.after.as_ref().map(|place| place.row), wanted)?,
            sorts => self.sorted(plan, sorts, outline, wanted)?,
        };
        let more = places.len() > plan.limit;
        places.truncate(plan.limit);
        Ok((places, more))
    }

    fn outline(&self, plan: &Plan) -> Result<Outline, StoreError> {
        Ok(Outline::of(plan, self.kinds.code(plan.kind)?, i64::MAX))
    }

    fn by_row(&self, outline: &Outline, before: Option<i64>, wanted: usize) -> Result<Vec<Place>, StoreError> {
        let candidate = match outline.candidates().as_slice() {
            [only] if only.driver.is_ordered() => only.clone(),
            _ => match self.smallest(outline, self.worth(outline, wanted)?)? {
                Some(candidate) => candidate,
                None => self.rarest_ordered(outline)?,
            },
        };
        let mut places = Vec::new();
        self.run(&outline.page(&candidate, before, signed(wanted), &Sqlite), |row| {
            places.push(Place { values: Vec::new(), row: row.get(0)? });
            Ok(())
        })?;
        Ok(places)
    }

    fn sorted(&self, plan: &Plan, sorts: &[Sort], mut outline: Outline, wanted: usize) -> Result<Vec<Place>, StoreError> {
        let mut candidate = self.smallest(&outline, self.worth(&outline, wanted)?)?;
        if let (None, [sort]) = (&candidate, sorts) {
            if let Some(places) = self.walk(*sort, plan.after.as_ref(), &mut outline, wanted)? {
                return Ok(places);
            }
        } else if candidate.is_none() {
            candidate = self.smallest(&outline, i64::MAX)?;
        }
        let candidate = match candidate {
            Some(candidate) => candidate,
            None => self.rarest_ordered(&outline)?,
        };
        let mut places = Vec::new();
        self.run(&order::sorted_page(plan, &outline, &candidate, signed(wanted), &Sqlite), |row| {
            let values = (1..=sorts.len()).map(|column| Ok(value(row.get(column)?))).collect::<rusqlite::Result<_>>()?;
            places.push(Place { values, row: row.get(0)? });
            Ok(())
        })?;
        Ok(places)
    }

    /// Walks the sort's own index until the page is full; `None` if that took too long.
    fn walk(&self, sort: Sort, after: Option<&Place>, outline: &mut Outline, wanted: usize) -> Result<Option<Vec<Place>>, StoreError> {
        let mut places: Vec<Place> = Vec::new();
        let mut last = after.cloned();
        let beyond_values = last.as_ref().is_some_and(|place| place.values.first().is_none_or(Option::is_none));
        if !beyond_values {
            let mut exhausted = false;
            for window in WINDOWS {
                let from = last.as_ref().and_then(|place| Some((place.values.first()?.as_ref()?, place.row)));
                let mut chunk: Vec<Place> = Vec::new();
                let mut count = 0;
                self.run(&order::walk(sort, outline, from, window, &Sqlite), |row| {
                    let place = Place { values: vec![value(row.get(1)?)], row: row.get(0)? };
                    count += 1;
                    if chunk.last() != Some(&place) {
                        chunk.push(place);
                    }
                    Ok(())
                })?;
                exhausted = count < window;
                last = chunk.last().cloned().or(last);
                self.keep_passing(outline, &mut chunk)?;
                places.append(&mut chunk);
                if places.len() >= wanted {
                    places.truncate(wanted);
                    return Ok(Some(places));
                }
                if exhausted {
                    break;
                }
            }
            if !exhausted {
                return Ok(None);
            }
            last = None;
        }
        // Last come those without a value, newest first.
        let missing = order::without(sort.by);
        if !missing.is_never() {
            outline.conjuncts.push(missing);
            let rest = self.by_row(outline, last.map(|place| place.row), wanted - places.len())?;
            places.extend(rest.into_iter().map(|place| Place { values: vec![None], row: place.row }));
        }
        Ok(Some(places))
    }

    fn keep_passing(&self, outline: &Outline, places: &mut Vec<Place>) -> Result<(), StoreError> {
        if outline.conjuncts.is_empty() || places.is_empty() {
            return Ok(());
        }
        let rows: Vec<i64> = places.iter().map(|place| place.row).collect();
        let mut passing = std::collections::HashSet::new();
        self.run(&outline.passing(&rows, &Sqlite), |row| {
            passing.insert(row.get::<_, i64>(0)?);
            Ok(())
        })?;
        places.retain(|place| passing.contains(&place.row));
        Ok(())
    }

    /// The number of all matches of a plan.
    fn total(&self, plan: &Plan) -> Result<u64, StoreError> {
        let outline = self.outline(plan)?;
        if outline.is_never() {
            return Ok(0);
        }
        if outline.conjuncts.is_empty() {
            return Ok(self.living(outline.kind)?.cast_unsigned());
        }
        let candidate = match self.smallest(&outline, i64::MAX)? {
            Some(candidate) => candidate,
            None => self.rarest_ordered(&outline)?,
        };
        Ok(self.number(&outline.count(&candidate, &Sqlite))?.cast_unsigned())
    }

    /// How many resources a type has now.
    fn living(&self, kind: i64) -> Result<i64, StoreError> {
        let mut statement = self.connection.prepare_cached("SELECT living FROM kind WHERE code = ?1").map_err(failed)?;
        statement.query_row([kind], |row| row.get(0)).map_err(failed)
    }

    /// The driver with the fewest rows, if it has fewer than `bound` (or than the largest stage). Counting goes up in stages, so
    /// that it costs no more than a few times the rows of the rarest.
    fn smallest(&self, outline: &Outline, bound: i64) -> Result<Option<Candidate>, StoreError> {
        let mut candidates = outline.candidates();
        for stage in STAGES.into_iter().take_while(|stage| stage / 16 < bound) {
            let mut best: Option<(Candidate, i64)> = None;
            let mut open = Vec::new();
            for candidate in candidates {
                let count = self.estimate(outline, &candidate.driver, stage)?;
                if count >= stage {
                    open.push(candidate);
                } else if best.as_ref().is_none_or(|(_, least)| count < *least) {
                    best = Some((candidate, count));
                }
            }
            if let Some((candidate, count)) = best {
                return Ok((count < bound).then_some(candidate));
            }
            candidates = open;
        }
        Ok(None)
    }

    /// Up to how many rows going through all of them is cheaper than walking everything of the type until `wanted` are found.
    fn worth(&self, outline: &Outline, wanted: usize) -> Result<i64, StoreError> {
        let all = self.living(outline.kind)?;
        Ok(signed(wanted).saturating_mul(all).isqrt() + 1)
    }

    /// The rarest of the sources in row order.
    fn rarest_ordered(&self, outline: &Outline) -> Result<Candidate, StoreError> {
        let mut best = (outline.by_type(), i64::MAX);
        for candidate in outline.candidates().into_iter().filter(|candidate| candidate.driver.is_ordered()) {
            let count = self.estimate(outline, &candidate.driver, MOST)?;
            if count < best.1 {
                best = (candidate, count);
            }
        }
        Ok(best.0)
    }

    /// Counts the rows of a driver up to `bound`, or remembers that there are as many.
    fn estimate(&self, outline: &Outline, driver: &Driver, bound: i64) -> Result<i64, StoreError> {
        let known = match driver {
            Driver::Ids(ids) => return Ok(signed(ids.len())),
            Driver::Posts(posts) => match posts.as_slice() {
                [post] => Some(*post),
                _ => None,
            },
            Driver::Number(..) | Driver::TextStart(..) => None,
        };
        if let Some(count) = known.and_then(|post| self.frequencies.at_least(post))
            && count >= bound
        {
            return Ok(count);
        }
        let count = self.number(&outline.bounded_count(driver, bound, &Sqlite))?;
        if let Some(post) = known {
            self.frequencies.learn(post, count);
        }
        Ok(count)
    }

    fn number(&self, sql: &Statement<'_>) -> Result<i64, StoreError> {
        let mut number = 0;
        self.run(sql, |row| {
            number = row.get(0)?;
            Ok(())
        })?;
        Ok(number)
    }

    fn run(&self, sql: &Statement<'_>, mut each: impl FnMut(&rusqlite::Row<'_>) -> rusqlite::Result<()>) -> Result<(), StoreError> {
        let mut statement = self.connection.prepare_cached(&sql.text).map_err(failed)?;
        bind(&mut statement, &sql.parameters).map_err(failed)?;
        let mut rows = statement.raw_query();
        while let Some(row) = rows.next().map_err(failed)? {
            each(row).map_err(failed)?;
        }
        Ok(())
    }
}

fn bind(statement: &mut CachedStatement<'_>, parameters: &[Parameter]) -> rusqlite::Result<()> {
    for (parameter, number) in parameters.iter().zip(1..) {
        match parameter {
            Parameter::Integer(value) => statement.raw_bind_parameter(number, value),
            Parameter::Text(text) => statement.raw_bind_parameter(number, text),
            Parameter::Integers(values) => {
                statement.raw_bind_parameter(number, Rc::new(values.iter().map(|value| Value::Integer(*value)).collect::<Vec<_>>()))
            }
            Parameter::Texts(texts) => {
                statement.raw_bind_parameter(number, Rc::new(texts.iter().map(|text| Value::Text(text.clone())).collect::<Vec<_>>()))
            }
        }?;
    }
    Ok(())
}

fn value(value: Value) -> Option<SortValue> {
    match value {
        Value::Integer(number) => Some(SortValue::Number(number)),
        Value::Text(text) => Some(SortValue::Text(text)),
        Value::Null | Value::Real(_) | Value::Blob(_) => None,
    }
}

fn signed(count: usize) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}
