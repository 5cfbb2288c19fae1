//! Running a plan: row ids from the tables and from the recent rows, in one order; then their resources; then the total.

use std::collections::HashSet;
use std::rc::Rc;

use rusqlite::types::Value;
use rusqlite::{CachedStatement, Connection};

use super::recent::{Question, Snapshot};
use super::{Shared, failed, read};
use crate::search::plan::{Place, Plan, Sort, SortValue};
use crate::store::evaluate::compare;
use crate::store::port::{Hit, Page, StoreError};
use crate::store::sql::driver::Outline;
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

/// A connection to search on, and what else that takes.
pub(super) struct Searcher<'s> {
    pub(super) connection: &'s Connection,
    pub(super) shared: &'s Shared,
}

/// Windows in which a sort's table is walked before giving up: a filter that passes too little in these is selective enough, or
/// lies far from the beginning, so that going through all matches is better. Tests use small ones, to get past them.
const WINDOWS: [i64; 4] = if cfg!(test) { [2, 2, 3, 4] } else { [64, 512, 4096, 16_384] };

impl Searcher<'_> {
    /// Runs a plan in a snapshot of its own.
    pub(super) fn page(&self, plan: &Plan) -> Result<Page, StoreError> {
        loop {
            let snapshot = self.connection.unchecked_transaction().map_err(failed)?;
            let page = self.attempt(plan)?;
            snapshot.finish().map_err(failed)?;
            // None if recent rows went into the tables between the snapshot and the look at them: a new snapshot has them.
            if let Some(page) = page {
                return Ok(page);
            }
        }
    }

    /// Runs a plan inside the writer's transaction.
    pub(super) fn inside(&self, plan: &Plan) -> Result<Page, StoreError> {
        self.attempt(plan)?.ok_or_else(|| StoreError::Failed("the writer lost its own rows".to_owned()))
    }

    fn attempt(&self, plan: &Plan) -> Result<Option<Page>, StoreError> {
        let snapshot = self.snapshot()?;
        let outline = Outline::of(plan, self.shared.kinds.code(plan.kind)?, snapshot.indexed);
        if outline.is_never() {
            return Ok(Some(Page { total: plan.total.then_some(0), ..Page::default() }));
        }
        let wanted = if plan.limit == 0 { 0 } else { plan.limit.saturating_add(1) };
        let count = plan.total && !outline.conjuncts.is_empty();
        let question = Question { plan, kind: outline.kind, snapshot, wanted, count };
        let Some(recent) = self.shared.recent.find(question) else { return Ok(None) };
        let mut places = self.merged(plan, &outline, recent.places, wanted)?;
        let more = places.len() > plan.limit;
        places.truncate(plan.limit);
        let total = match plan.total {
            false => None,
            true if !count => Some(self.living(outline.kind)?.cast_unsigned()),
            // The first page is the only one: that was all.
            true if plan.after.is_none() && plan.limit > 0 && !more => Some(places.len() as u64),
            true => Some(recent.total + self.total(&outline)?),
        };
        let hits = places
            .into_iter()
            .map(|place| Ok(Hit { version: read::hit(self.connection, &self.shared.kinds, place.row)?, place }))
            .collect::<Result<_, StoreError>>()?;
        Ok(Some(Page { hits, more, total }))
    }

    fn snapshot(&self) -> Result<Snapshot, StoreError> {
        let sql = "SELECT (SELECT seq FROM change ORDER BY seq DESC LIMIT 1), indexed FROM mark";
        let mut statement = self.connection.prepare_cached(sql).map_err(failed)?;
        let read = |row: &rusqlite::Row<'_>| Ok(Snapshot { sequence: row.get::<_, Option<i64>>(0)?.unwrap_or(0), indexed: row.get(1)? });
        statement.query_row([], read).map_err(failed)
    }

    /// The first `wanted` places of those in the tables and the recent ones.
    fn merged(&self, plan: &Plan, outline: &Outline, mut recent: Vec<Place>, wanted: usize) -> Result<Vec<Place>, StoreError> {
        if plan.sort.is_empty() {
            // All that is recent is newer than all that is in the tables.
            let missing = wanted - recent.len();
            if missing > 0 {
                recent.extend(self.by_row(outline, plan.after.as_ref().map(|place| place.row), missing)?);
            }
            return Ok(recent);
        }
        let mut places = if wanted > 0 { self.sorted(plan, outline, wanted)? } else { Vec::new() };
        if !recent.is_empty() {
            places.append(&mut recent);
            places.sort_by(|a, b| compare(&plan.sort, a, b));
            places.truncate(wanted);
        }
        Ok(places)
    }

    /// Matches in the tables, newest first.
    fn by_row(&self, outline: &Outline, before: Option<i64>, wanted: usize) -> Result<Vec<Place>, StoreError> {
        let driver = self.driver_by_row(outline, wanted)?;
        let mut places = Vec::new();
        self.run(&outline.page(&driver, before, signed(wanted), &Sqlite), |row| {
            places.push(Place { values: Vec::new(), row: row.get(0)? });
            Ok(())
        })?;
        Ok(places)
    }

    /// Matches in the tables, sorted.
    fn sorted(&self, plan: &Plan, outline: &Outline, wanted: usize) -> Result<Vec<Place>, StoreError> {
        let mut driver = self.smallest(outline, self.worth(outline, wanted)?)?;
        if let (None, [sort]) = (&driver, plan.sort.as_slice()) {
            if let Some(places) = self.walk(*sort, plan.after.as_ref(), outline, wanted)? {
                return Ok(places);
            }
        } else if driver.is_none() {
            driver = self.smallest(outline, i64::MAX)?;
        }
        let driver = match driver {
            Some(driver) => driver,
            None => self.rarest_ordered(outline)?,
        };
        let mut places = Vec::new();
        self.run(&order::sorted_page(plan, outline, &driver, signed(wanted), &Sqlite), |row| {
            let values = (1..=plan.sort.len()).map(|column| Ok(value(row.get(column)?))).collect::<rusqlite::Result<_>>()?;
            places.push(Place { values, row: row.get(0)? });
            Ok(())
        })?;
        Ok(places)
    }

    /// Walks the table in the order of the sort until there are enough; `None` if that took too long.
    fn walk(&self, sort: Sort, after: Option<&Place>, outline: &Outline, wanted: usize) -> Result<Option<Vec<Place>>, StoreError> {
        let mut places: Vec<Place> = Vec::new();
        let mut last = after.cloned();
        let beyond_values = last.as_ref().is_some_and(|place| place.values.first().is_none_or(Option::is_none));
        if !beyond_values {
            let mut exhausted = false;
            for window in WINDOWS {
                let from = last.as_ref().and_then(|place| Some((place.values.first()?.as_ref()?, place.row)));
                let (mut chunk, mut count): (Vec<Place>, i64) = (Vec::new(), 0);
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
            let rest = self.by_row(&outline.and(missing), last.map(|place| place.row), wanted - places.len())?;
            places.extend(rest.into_iter().map(|place| Place { values: vec![None], row: place.row }));
        }
        Ok(Some(places))
    }

    fn keep_passing(&self, outline: &Outline, places: &mut Vec<Place>) -> Result<(), StoreError> {
        if outline.conjuncts.is_empty() || places.is_empty() {
            return Ok(());
        }
        let rows: Vec<i64> = places.iter().map(|place| place.row).collect();
        let mut passing = HashSet::new();
        self.run(&outline.passing(&rows, &Sqlite), |row| {
            passing.insert(row.get::<_, i64>(0)?);
            Ok(())
        })?;
        places.retain(|place| passing.contains(&place.row));
        Ok(())
    }

    /// The number of matches in the tables.
    fn total(&self, outline: &Outline) -> Result<u64, StoreError> {
        let driver = match self.smallest(outline, i64::MAX)? {
            Some(driver) => driver,
            None => self.rarest_ordered(outline)?,
        };
        Ok(self.number(&outline.count(&driver, &Sqlite))?.cast_unsigned())
    }

    /// How many resources a type has now.
    pub(super) fn living(&self, kind: i64) -> Result<i64, StoreError> {
        let mut statement = self.connection.prepare_cached("SELECT living FROM kind WHERE code = ?1").map_err(failed)?;
        statement.query_row([kind], |row| row.get(0)).map_err(failed)
    }

    /// Runs a statement that gives one number.
    pub(super) fn number(&self, sql: &Statement<'_>) -> Result<i64, StoreError> {
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

pub(super) fn signed(count: usize) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}
