//! The tables of runs: walking the row ids of a post, and changing them. See [`crate::store::runs`] for what a run is, and
//! [`super::young`] for why there are two tables.

use rusqlite::{Connection, OptionalExtension, Params, Row, params};

use super::failed;
use super::tables::Post;
use crate::store::port::StoreError;
use crate::store::runs::{change, has_room, pack, unpack};

/// The statements of a table.
struct Table {
    /// The run of a post that has a row id in its range, or the next above.
    covering: &'static str,
    /// The run of a post that lies wholly below a row id, next to it.
    below: &'static str,
    counts: &'static str,
    count_up_to: &'static str,
    delete: &'static str,
    insert: &'static str,
    all: &'static str,
}

macro_rules! table {
    ($name:literal) => {
        Table {
            covering: concat!("SELECT last, n, rids FROM ", $name, " WHERE k = ?1 AND last >= ?2 ORDER BY last LIMIT 1"),
            below: concat!("SELECT last, n, rids FROM ", $name, " WHERE k = ?1 AND last < ?2 ORDER BY last DESC LIMIT 1"),
            counts: concat!("SELECT n FROM ", $name, " WHERE k = ?1"),
            count_up_to: concat!("SELECT ifnull(sum(n), 0) FROM ", $name, " WHERE k = ?1 AND last <= ?2"),
            delete: concat!("DELETE FROM ", $name, " WHERE k = ?1 AND last = ?2"),
            insert: concat!("INSERT INTO ", $name, " (k, last, n, rids) VALUES (?1, ?2, ?3, ?4)"),
            all: concat!("SELECT k, last, n, rids FROM ", $name),
        }
    };
}

static YOUNG: Table = table!("young_run");
static OLD: Table = table!("run");

/// The row ids of one post, walked from large to small.
pub(super) struct Walk<'c>([Side<'c>; 2]);

impl<'c> Walk<'c> {
    /// Nobody will ask for row ids above `top`.
    pub(super) fn new(connection: &'c Connection, post: i64, top: i64) -> Self {
        Self([&YOUNG, &OLD].map(|table| Side { connection, table, post, top, rows: Vec::new(), at: 0, ended: false }))
    }

    /// The largest row id that is not above `most`, which never grows from call to call.
    pub(super) fn seek(&mut self, most: i64) -> Result<Option<i64>, StoreError> {
        let Self([young, old]) = self;
        Ok(young.seek(most)?.max(old.seek(most)?))
    }
}

/// What one of the tables has of a post.
struct Side<'c> {
    connection: &'c Connection,
    table: &'static Table,
    post: i64,
    top: i64,
    /// The rows of the run at hand, largest first.
    rows: Vec<i64>,
    /// Those before this one are done with.
    at: usize,
    /// There are no further runs.
    ended: bool,
}

impl Side<'_> {
    fn seek(&mut self, most: i64) -> Result<Option<i64>, StoreError> {
        if self.rows.last().is_none_or(|smallest| *smallest > most) && (self.ended || !self.load(most)?) {
            self.ended = true;
            return Ok(None);
        }
        let rest = self.rows.get(self.at..).unwrap_or(&[]);
        self.at += rest.partition_point(|row| *row > most);
        Ok(self.rows.get(self.at).copied())
    }

    /// Loads the run in which the row ids up to `most` begin; tells whether there is one.
    fn load(&mut self, most: i64) -> Result<bool, StoreError> {
        // Most often it is the newest one, or the run below; after a leap it is neither.
        let below = match (self.rows.first().copied(), self.rows.last().copied()) {
            (Some(largest), Some(smallest)) => (smallest.saturating_sub(most) <= largest - smallest).then_some(smallest),
            _ => (most == self.top).then_some(i64::MAX),
        };
        if let Some(below) = below {
            let Some(rows) = self.read(self.table.below, params![self.post, below])? else { return Ok(false) };
            let fits = rows.last().is_some_and(|smallest| *smallest <= most);
            self.take(rows);
            if fits {
                return Ok(true);
            }
        }
        if let Some(rows) = self.read(self.table.covering, params![self.post, most])?
            && rows.last().is_some_and(|smallest| *smallest <= most)
        {
            self.take(rows);
            return Ok(true);
        }
        let rows = self.read(self.table.below, params![self.post, most])?;
        let found = rows.is_some();
        self.take(rows.unwrap_or_default());
        Ok(found)
    }

    fn take(&mut self, rows: Vec<i64>) {
        (self.rows, self.at) = (rows, 0);
    }

    fn read(&self, sql: &str, parameters: impl Params) -> Result<Option<Vec<i64>>, StoreError> {
        Ok(one(self.connection, sql, parameters)?.map(|(rows, _)| rows))
    }
}

/// How many row ids a post has: exactly, or at least this many if there are more than `bound`.
pub(super) fn count(connection: &Connection, post: i64, bound: i64) -> Result<i64, StoreError> {
    let mut sum = 0;
    for table in [&YOUNG, &OLD] {
        let mut statement = connection.prepare_cached(table.counts).map_err(failed)?;
        let mut rows = statement.query([post]).map_err(failed)?;
        while sum <= bound
            && let Some(row) = rows.next().map_err(failed)?
        {
            sum += row.get::<_, i64>(0).map_err(failed)?;
        }
    }
    Ok(sum)
}

/// How many row ids up to `most` a post has.
pub(super) fn count_up_to(connection: &Connection, post: i64, most: i64) -> Result<i64, StoreError> {
    let mut sum = 0;
    for table in [&YOUNG, &OLD] {
        sum += connection
            .prepare_cached(table.count_up_to)
            .and_then(|mut statement| statement.query_row(params![post, most], |row| row.get::<_, i64>(0)))
            .map_err(failed)?;
        // One run may have rows on both sides.
        if let Some((rows, _)) = one(connection, table.covering, params![post, most.saturating_add(1)])? {
            sum += i64::try_from(rows.iter().filter(|row| **row <= most).count()).unwrap_or(0);
        }
    }
    Ok(sum)
}

/// Writes changes of posts, sorted. The last word on a row counts. What is added goes into the young table; what is taken away
/// may stand in either, and so may what is both taken away and added, which then stands in one. Gives by how many runs the young
/// table grew.
pub(super) fn write(connection: &Connection, changes: &[(Post, bool)]) -> Result<i64, StoreError> {
    let mut grown = 0;
    let (mut rows, mut away): (Vec<(i64, bool)>, Vec<(i64, bool)>) = (Vec::new(), Vec::new());
    for group in changes.chunk_by(|(a, _), (b, _)| a.0 == b.0) {
        rows.clear();
        away.clear();
        for same in group.chunk_by(|(a, _), (b, _)| a == b) {
            rows.extend(same.last().map(|(post, add)| (post.1, *add)));
            away.extend(same.first().filter(|(_, add)| !add).map(|(post, _)| (post.1, false)));
        }
        rows.reverse();
        away.reverse();
        let Some((Post(post, _), _)) = group.first() else { continue };
        write_post(connection, &OLD, *post, &away)?;
        grown += write_post(connection, &YOUNG, *post, &rows)?;
    }
    Ok(grown)
}

/// Moves runs of the young table that come after a place into the other table, so many at most; gives the place of the last
/// one, and how many they were.
pub(super) fn settle(connection: &Connection, after: (i64, i64), most: i64) -> Result<((i64, i64), i64), StoreError> {
    let sql = "SELECT k, last, n, rids FROM young_run WHERE (k, last) > (?1, ?2) ORDER BY k, last LIMIT ?3";
    let mut runs: Vec<(i64, Vec<i64>)> = Vec::new();
    let (mut statement, mut to) = (connection.prepare_cached(sql).map_err(failed)?, after);
    let mut lines = statement.query(params![after.0, after.1, most]).map_err(failed)?;
    while let Some(line) = lines.next().map_err(failed)? {
        to = (line.get(0).map_err(failed)?, line.get(1).map_err(failed)?);
        runs.push((to.0, run(line, 1).map_err(failed)?.ok_or_else(damaged)?.0));
    }
    for group in runs.chunk_by(|(a, _), (b, _)| a == b) {
        let rows: Vec<(i64, bool)> = group.iter().rev().flat_map(|(_, rows)| rows).map(|row| (*row, true)).collect();
        if let Some((post, _)) = group.first() {
            write_post(connection, &OLD, *post, &rows)?;
        }
    }
    let sql = "DELETE FROM young_run WHERE (k, last) > (?1, ?2) AND (k, last) <= (?3, ?4)";
    let values = params![after.0, after.1, to.0, to.1];
    let gone = connection.prepare_cached(sql).and_then(|mut statement| statement.execute(values)).map_err(failed)?;
    Ok((to, i64::try_from(gone).unwrap_or(i64::MAX)))
}

/// Writes changes of one post, largest row id first; gives by how many runs the table grew.
fn write_post(connection: &Connection, table: &Table, post: i64, mut changes: &[(i64, bool)]) -> Result<i64, StoreError> {
    if changes.is_empty() {
        return Ok(0);
    }
    let mut grown = 0;
    let newest = one(connection, table.below, params![post, i64::MAX])?;
    // What lies beyond the newest run goes into it if it has room, and else into new ones.
    let last = newest.as_ref().and_then(|(rows, _)| rows.first().copied()).unwrap_or(i64::MIN);
    let (beyond, within) = changes.split_at(changes.partition_point(|(row, _)| *row > last));
    match newest.filter(|(_, bytes)| has_room(*bytes)) {
        Some((rows, _)) if !beyond.is_empty() => {
            let smallest = rows.last().copied().unwrap_or(last);
            let own = changes.split_at(changes.partition_point(|(row, _)| *row >= smallest));
            grown += replace(connection, table, post, &rows, own.0)?;
            changes = own.1;
        }
        _ => {
            grown += replace(connection, table, post, &[], beyond)?;
            changes = within;
        }
    }
    while let Some((row, _)) = changes.last() {
        let (rows, _) = one(connection, table.covering, params![post, row])?.unwrap_or_default();
        let last = rows.first().copied();
        let (rest, own) = changes.split_at(last.map_or(0, |last| changes.partition_point(|(row, _)| *row > last)));
        grown += replace(connection, table, post, &rows, own)?;
        changes = rest;
    }
    Ok(grown)
}

/// Changes the row ids of a run, largest first; it may become several, or none. Gives how many more there are.
fn replace(connection: &Connection, table: &Table, post: i64, old: &[i64], changes: &[(i64, bool)]) -> Result<i64, StoreError> {
    let rows = change(old, changes);
    if rows == old {
        return Ok(0);
    }
    if let Some(last) = old.first() {
        let mut statement = connection.prepare_cached(table.delete).map_err(failed)?;
        statement.execute(params![post, last]).map_err(failed)?;
    }
    let mut grown = -i64::from(!old.is_empty());
    for run in pack(&rows) {
        connection
            .prepare_cached(table.insert)
            .and_then(|mut statement| statement.execute(params![post, run.last, run.count, run.bytes]))
            .map_err(failed)?;
        grown += 1;
    }
    Ok(grown)
}

/// One run: its rows, largest first, and how many bytes it takes.
fn one(connection: &Connection, sql: &str, parameters: impl Params) -> Result<Option<(Vec<i64>, usize)>, StoreError> {
    let mut statement = connection.prepare_cached(sql).map_err(failed)?;
    let found = statement.query_row(parameters, |line| run(line, 0)).optional().map_err(failed)?;
    found.map(|found| found.ok_or_else(damaged)).transpose()
}

/// The run in a line from this column on: its rows, and how many bytes it takes; `None` if it is damaged.
fn run(line: &Row<'_>, at: usize) -> rusqlite::Result<Option<(Vec<i64>, usize)>> {
    let bytes = line.get_ref(at + 2)?.as_blob()?;
    Ok(unpack(line.get(at)?, line.get(at + 1)?, bytes).map(|rows| (rows, bytes.len())))
}

fn damaged() -> StoreError {
    StoreError::Failed("a run of the index is damaged".to_owned())
}

/// All posts and their row ids, for checking.
pub(super) fn each(connection: &Connection, mut found: impl FnMut(i64, Option<Vec<i64>>)) -> Result<(), StoreError> {
    for table in [&YOUNG, &OLD] {
        let mut statement = connection.prepare(table.all).map_err(failed)?;
        let mut rows = statement.query([]).map_err(failed)?;
        while let Some(row) = rows.next().map_err(failed)? {
            let bytes = row.get_ref(3).map_err(failed)?.as_blob().unwrap_or(&[]);
            found(row.get(0).map_err(failed)?, unpack(row.get(1).map_err(failed)?, row.get(2).map_err(failed)?, bytes));
        }
    }
    Ok(())
}
