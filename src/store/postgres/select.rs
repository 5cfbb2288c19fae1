//! The statements of a search: from a driver, tests, an order and a place to the lines of a page.

use std::fmt::Write as _;

use tokio_postgres::Row;

use super::Shared;
use super::connect::Connection;
use super::driver::Driver;
use super::fault::Fault;
use super::read;
use super::sql::{Side, Sql, Value, together};
use crate::model::reference::Key;
use crate::search::plan::{Filter, ParameterNumber, Place, Searched, Sort, SortBy, SortValue};
use crate::store::evaluate::Candidate;
use crate::store::keys::Packed;
use crate::store::port::{StoreError, Version};

/// What is looked for.
pub(super) struct Question<'q> {
    pub(super) of: &'q [Searched],
    pub(super) driver: Driver<'q>,
    pub(super) tests: Vec<&'q Filter>,
    pub(super) sort: &'q [Sort],
    pub(super) after: Option<&'q Place>,
    pub(super) limit: usize,
    /// Whether the packed rows are wanted, too.
    pub(super) keys: bool,
}

/// A resource that was found.
#[derive(Debug, Clone)]
pub(super) struct Line {
    pub(super) place: Place,
    pub(super) version: Version,
    keys: Vec<u8>,
}

impl Line {
    /// What it carries for searches, if that was wanted.
    pub(super) fn candidate(&self) -> Result<Candidate<'_, Packed<'_>>, StoreError> {
        let damaged = || StoreError::Failed(format!("the keys of row {} are damaged", self.place.row));
        let rows = Packed::of(&self.keys).ok_or_else(damaged)?;
        Ok(Candidate { row: self.place.row, id: self.version.key.id.as_str(), rows, updated: self.version.updated })
    }
}

/// How many of a sort's own rows are walked before giving up: a filter that passes too little of these is selective enough, or
/// lies far from the beginning, so that going through all matches is better.
const WINDOW: i64 = if cfg!(test) { 5 } else { 16_384 };

impl Question<'_> {
    /// The first lines after the place.
    pub(super) async fn lines(&self, connection: &Connection, shared: &Shared) -> Result<Vec<Line>, Fault> {
        let mut sql = Sql::new(shared);
        let (source, mut tests) = self.source(&mut sql)?;
        let limit = sql.number(i64::try_from(self.limit).unwrap_or(i64::MAX));
        if self.sort.is_empty() {
            if let Some(after) = self.after {
                let _ = write!(tests, " AND d.rid < {}", sql.number(after.row));
            }
            let found = format!("SELECT d.shard, d.rid FROM {source} WHERE {tests} ORDER BY d.rid DESC LIMIT {limit}");
            return self.fetch(connection, sql, &found).await;
        }
        let mut keys = String::new();
        for (number, sort) in self.sort.iter().enumerate() {
            let _ = write!(keys, ", {} AS s{number}", sort_key(&mut sql, sort, "d")?);
        }
        let after = self.after.map_or(Ok(String::from("true")), |place| after(&mut sql, self.sort, place))?;
        let order = order(self.sort, "e");
        let found = format!(
            "SELECT e.* FROM (SELECT d.shard, d.rid{keys} FROM {source} WHERE {tests} OFFSET 0) AS e
             WHERE {after} ORDER BY {order} LIMIT {limit}"
        );
        self.fetch(connection, sql, &found).await
    }

    /// The number of all.
    pub(super) async fn count(&self, connection: &Connection, shared: &Shared) -> Result<u64, Fault> {
        let mut sql = Sql::new(shared);
        let (source, tests) = self.source(&mut sql)?;
        let count = connection.number(&format!("SELECT count(*) FROM {source} WHERE {tests}"), &sql.values()).await?;
        Ok(count.cast_unsigned())
    }

    /// The first lines after the place, found by walking the index of the only sort key; `None` if that would take too long.
    /// The driver and its tests are left to the tests alone.
    pub(super) async fn walk(&self, connection: &Connection, shared: &Shared) -> Result<Option<Vec<Line>>, Fault> {
        let [Sort { by: SortBy::Number(parameter), descending }] = *self.sort else { return Ok(None) };
        let before = self.after.map(|place| (place.row, place.values.first().cloned().flatten()));
        let mut lines = Vec::new();
        if !matches!(before, Some((_, None))) {
            let from = match &before {
                Some((row, Some(SortValue::Number(value)))) => Some((*value, *row)),
                Some(_) => return Ok(None),
                None => None,
            };
            lines = self.window(connection, shared, (parameter, descending), from).await?;
            if lines.len() >= self.limit {
                return Ok(Some(lines));
            }
            // Not enough: either there are no more, or the window was too small.
            let mut sql = Sql::new(shared);
            let window = window(&mut sql, (parameter, descending), from);
            let skip = sql.number(WINDOW - 1);
            let beyond = connection.query(&format!("SELECT x.rid FROM {window} OFFSET {skip} LIMIT 1"), &sql.values()).await?;
            if !beyond.is_empty() {
                return Ok(None);
            }
        }
        // Last come those without a value, newest first.
        let mut sql = Sql::new(shared);
        let (source, mut tests) = self.source(&mut sql)?;
        let none = sql.parameter(parameter);
        let _ = write!(tests, " AND NOT EXISTS (SELECT 1 FROM num n WHERE n.shard = d.shard AND n.rid = d.rid AND n.p = {none} OFFSET 0)");
        if let Some((row, None)) = before {
            let _ = write!(tests, " AND d.rid < {}", sql.number(row));
        }
        let limit = sql.number(i64::try_from(self.limit - lines.len()).unwrap_or(i64::MAX));
        let found = format!("SELECT d.shard, d.rid, NULL::int8 AS s0 FROM {source} WHERE {tests} ORDER BY d.rid DESC LIMIT {limit}");
        lines.extend(self.fetch(connection, sql, &found).await?);
        Ok(Some(lines))
    }

    async fn window(
        &self,
        connection: &Connection,
        shared: &Shared,
        (parameter, descending): (ParameterNumber, bool),
        from: Option<(i64, i64)>,
    ) -> Result<Vec<Line>, Fault> {
        let mut sql = Sql::new(shared);
        let column = if descending { "hi" } else { "lo" };
        let window = window(&mut sql, (parameter, descending), from);
        let size = sql.number(WINDOW);
        let mut tests = Vec::new();
        for filter in &self.tests {
            tests.push(sql.test(filter, "d", Side::Over)?);
        }
        // A resource stands in the order with its first value only.
        let own = sort_key(&mut sql, &Sort { by: SortBy::Number(parameter), descending }, "d")?;
        tests.push(format!("d.s0 = {own}"));
        // Its row may come twice if intervals share an end; the rows then stand side by side.
        let limit = sql.number(i64::try_from(self.limit).unwrap_or(i64::MAX));
        // The order of the index, word by word: any other would be sorted, and all of the window tested.
        let direction = if descending { "DESC" } else { "ASC" };
        let found = format!(
            "SELECT d.* FROM (SELECT x.shard, x.rid, x.{column} AS s0,
                lag(x.rid) OVER (ORDER BY x.{column} {direction}, x.rid DESC) AS before
             FROM {window} LIMIT {size}) AS d WHERE d.before IS DISTINCT FROM d.rid AND {} ORDER BY d.s0 {direction}, d.rid DESC LIMIT {limit}",
            together(tests, " AND ", "true")
        );
        self.fetch(connection, sql, &found).await
    }

    fn source(&self, sql: &mut Sql<'_>) -> Result<(String, String), Fault> {
        let (source, mut tests) = self.driver.source(sql, self.of)?;
        for filter in &self.tests {
            let test = sql.test(filter, "d", Side::Over)?;
            let _ = write!(tests, " AND {test}");
        }
        Ok((source, tests))
    }

    /// The resources of what was found, in its order.
    async fn fetch(&self, connection: &Connection, sql: Sql<'_>, found: &str) -> Result<Vec<Line>, Fault> {
        let keys = if self.keys { "r.keys" } else { "NULL::bytea" };
        let columns: String = (0..self.sort.len()).map(|number| format!(", d.s{number}")).collect();
        let order = order(self.sort, "d");
        let text = format!(
            "SELECT r.kind, r.id, r.rid, r.version, r.updated, r.method, r.body, {keys}{columns}
             FROM ({found}) AS d JOIN resource r ON r.shard = d.shard AND r.rid = d.rid ORDER BY {order}"
        );
        let rows = connection.query(&text, &sql.values()).await?;
        rows.iter().map(|row| self.line(row, sql.shared)).collect()
    }

    fn line(&self, row: &Row, shared: &Shared) -> Result<Line, Fault> {
        let key = Key { kind: shared.kinds.kind(row.try_get(0)?)?, id: read::id_of(row.try_get(1)?)? };
        let version = read::version(row, 3, key)?;
        let keys = row.try_get::<_, Option<&[u8]>>(7)?.map(<[u8]>::to_vec).unwrap_or_default();
        let values = (8..).zip(self.sort).map(|(at, sort)| value(row, at, sort)).collect::<Result<_, Fault>>()?;
        Ok(Line { place: Place { values, row: row.try_get(2)? }, version, keys })
    }
}

/// The index rows `x` of a sort key in its order, after a value and row.
fn window(sql: &mut Sql<'_>, (parameter, descending): (ParameterNumber, bool), from: Option<(i64, i64)>) -> String {
    let (column, direction, beyond) = if descending { ("hi", "DESC", "<") } else { ("lo", "ASC", ">") };
    let mut text = format!("num x WHERE x.shard {} AND x.p = {}", sql.shared.all_shards(), sql.parameter(parameter));
    if let Some((value, row)) = from {
        let (value, row) = (sql.number(value), sql.number(row));
        let _ = write!(text, " AND x.{column} {beyond}= {value} AND (x.{column} {beyond} {value} OR x.rid < {row})");
    }
    let _ = write!(text, " ORDER BY x.{column} {direction}, x.rid DESC");
    text
}

/// The value of a sort key of the row `d`.
fn sort_key(sql: &mut Sql<'_>, sort: &Sort, d: &str) -> Result<String, Fault> {
    let own = |table: &str| format!("FROM {table} n WHERE n.shard = {d}.shard AND n.rid = {d}.rid");
    Ok(match (&sort.by, sort.descending) {
        (SortBy::Number(parameter), false) => format!("(SELECT min(n.lo) {} AND n.p = {})", own("num"), sql.parameter(*parameter)),
        (SortBy::Number(parameter), true) => format!("(SELECT max(n.hi) {} AND n.p = {})", own("num"), sql.parameter(*parameter)),
        (SortBy::Text(parameter), descending) => {
            let direction = if descending { "DESC" } else { "ASC" };
            format!("(SELECT n.norm {} AND n.p = {} ORDER BY n.norm {direction} LIMIT 1)", own("txt"), sql.parameter(*parameter))
        }
        (SortBy::Id, _) => format!("(SELECT n.id {})", own("resource")),
        (SortBy::Updated, _) => format!("(SELECT n.updated {})", own("resource")),
        (SortBy::Probe(_), _) => return Err(StoreError::Failed("SQL cannot sort by what only the text tells".to_owned()).into()),
    })
}

fn order(sorts: &[Sort], e: &str) -> String {
    let mut text = String::new();
    for (number, sort) in sorts.iter().enumerate() {
        let _ = write!(text, "{e}.s{number} {} NULLS LAST, ", if sort.descending { "DESC" } else { "ASC" });
    }
    text + e + ".rid DESC"
}

/// The rows `e` that come after a place: beyond it by one key and level by those before.
fn after(sql: &mut Sql<'_>, sorts: &[Sort], place: &Place) -> Result<String, Fault> {
    let (mut ways, mut level) = (Vec::new(), String::new());
    for (number, (sort, value)) in sorts.iter().zip(&place.values).enumerate() {
        // What has no value comes last: nothing is beyond it.
        let Some(value) = value else {
            let _ = write!(level, "e.s{number} IS NULL AND ");
            continue;
        };
        let mark = match (&sort.by, value) {
            (SortBy::Number(_) | SortBy::Updated, SortValue::Number(value)) => sql.number(*value),
            (SortBy::Text(_), SortValue::Text(text)) => sql.mark(Value::Bytes(text.clone().into_bytes())),
            (SortBy::Id, SortValue::Text(text)) => sql.mark(Value::Text(text.clone())),
            _ => return Err(StoreError::Failed("a place does not fit its order".to_owned()).into()),
        };
        let beyond = if sort.descending { "<" } else { ">" };
        ways.push(format!("({level}(e.s{number} {beyond} {mark} OR e.s{number} IS NULL))"));
        let _ = write!(level, "e.s{number} = {mark} AND ");
    }
    ways.push(format!("({level}e.rid < {})", sql.number(place.row)));
    Ok(together(ways, " OR ", "true"))
}

fn value(row: &Row, at: usize, sort: &Sort) -> Result<Option<SortValue>, Fault> {
    Ok(match sort.by {
        SortBy::Number(_) | SortBy::Updated => row.try_get::<_, Option<i64>>(at)?.map(SortValue::Number),
        SortBy::Id => row.try_get::<_, Option<String>>(at)?.map(SortValue::Text),
        SortBy::Text(_) | SortBy::Probe(_) => {
            let text = row.try_get::<_, Option<&[u8]>>(at)?;
            text.map(|text| SortValue::Text(String::from_utf8_lossy(text).into_owned()))
        }
    })
}

/// The order of the newest first, from where a chunk ended.
pub(super) fn after_row(row: i64) -> Place {
    Place { values: Vec::new(), row }
}
