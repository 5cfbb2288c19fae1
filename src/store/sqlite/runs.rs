//! The `run` table: walking the row ids of a post, and changing them. See [`crate::store::runs`] for what a run is.

use rusqlite::{Connection, OptionalExtension, Params, params};

use super::failed;
use super::tables::Post;
use crate::store::port::StoreError;
use crate::store::runs::{change, has_room, pack, unpack};

/// The run of a post that has a row id in its range, or the next above.
const COVERING: &str = "SELECT last, n, rids FROM run WHERE k = ?1 AND last >= ?2 ORDER BY last LIMIT 1";
/// The run of a post that lies wholly below a row id, next to it.
const BELOW: &str = "SELECT last, n, rids FROM run WHERE k = ?1 AND last < ?2 ORDER BY last DESC LIMIT 1";

/// The row ids of one post, walked from large to small.
pub(super) struct Walk<'c> {
    connection: &'c Connection,
    post: i64,
    /// The rows of the run at hand, largest first.
    rows: Vec<i64>,
    /// Those before this one are done with.
    at: usize,
}

impl<'c> Walk<'c> {
    pub(super) fn new(connection: &'c Connection, post: i64) -> Self {
        Self { connection, post, rows: Vec::new(), at: 0 }
    }

    /// The largest row id that is not above `most`, which never grows from call to call.
    pub(super) fn seek(&mut self, most: i64) -> Result<Option<i64>, StoreError> {
        if self.rows.last().is_none_or(|smallest| *smallest > most) && !self.load(most)? {
            return Ok(None);
        }
        let rest = self.rows.get(self.at..).unwrap_or(&[]);
        self.at += rest.partition_point(|row| *row > most);
        Ok(self.rows.get(self.at).copied())
    }

    /// Loads the run in which the row ids up to `most` begin; tells whether there is one.
    fn load(&mut self, most: i64) -> Result<bool, StoreError> {
        if let Some(smallest) = self.rows.last().copied() {
            // Most often it is the run below.
            let Some(rows) = self.read(BELOW, params![self.post, smallest])? else { return Ok(false) };
            let fits = rows.last().is_some_and(|smallest| *smallest <= most);
            self.take(rows);
            if fits {
                return Ok(true);
            }
        }
        if let Some(rows) = self.read(COVERING, params![self.post, most])?
            && rows.last().is_some_and(|smallest| *smallest <= most)
        {
            self.take(rows);
            return Ok(true);
        }
        let rows = self.read(BELOW, params![self.post, most])?;
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
    let mut statement = connection.prepare_cached("SELECT n FROM run WHERE k = ?1").map_err(failed)?;
    let mut rows = statement.query([post]).map_err(failed)?;
    let mut sum = 0;
    while sum <= bound
        && let Some(row) = rows.next().map_err(failed)?
    {
        sum += row.get::<_, i64>(0).map_err(failed)?;
    }
    Ok(sum)
}

/// How many row ids up to `most` a post has.
pub(super) fn count_up_to(connection: &Connection, post: i64, most: i64) -> Result<i64, StoreError> {
    let whole = connection
        .prepare_cached("SELECT ifnull(sum(n), 0) FROM run WHERE k = ?1 AND last <= ?2")
        .and_then(|mut statement| statement.query_row(params![post, most], |row| row.get::<_, i64>(0)))
        .map_err(failed)?;
    // One run may have rows on both sides.
    let part = one(connection, COVERING, params![post, most.saturating_add(1)])?
        .map_or(0, |(rows, _)| rows.iter().filter(|row| **row <= most).count());
    Ok(whole + i64::try_from(part).unwrap_or(0))
}

/// Writes changes of posts, sorted. The last word on a row counts.
pub(super) fn write(connection: &Connection, changes: &[(Post, bool)]) -> Result<(), StoreError> {
    let mut rows: Vec<(i64, bool)> = Vec::new();
    for group in changes.chunk_by(|(a, _), (b, _)| a.0 == b.0) {
        rows.clear();
        for same in group.chunk_by(|(a, _), (b, _)| a == b) {
            rows.extend(same.last().map(|(post, add)| (post.1, *add)));
        }
        rows.reverse();
        if let Some((post, _)) = group.first() {
            write_post(connection, post.0, &rows)?;
        }
    }
    Ok(())
}

/// Writes changes of one post, largest row id first.
fn write_post(connection: &Connection, post: i64, mut changes: &[(i64, bool)]) -> Result<(), StoreError> {
    let newest = one(connection, BELOW, params![post, i64::MAX])?;
    // What lies beyond the newest run goes into it if it has room, and else into new ones.
    let last = newest.as_ref().and_then(|(rows, _)| rows.first().copied()).unwrap_or(i64::MIN);
    let (beyond, within) = changes.split_at(changes.partition_point(|(row, _)| *row > last));
    match newest.filter(|(_, bytes)| has_room(*bytes)) {
        Some((rows, _)) if !beyond.is_empty() => {
            let smallest = rows.last().copied().unwrap_or(last);
            let own = changes.split_at(changes.partition_point(|(row, _)| *row >= smallest));
            replace(connection, post, Some(last), &change(&rows, own.0))?;
            changes = own.1;
        }
        _ => {
            replace(connection, post, None, &change(&[], beyond))?;
            changes = within;
        }
    }
    while let Some((row, _)) = changes.last() {
        let (rows, _) = one(connection, COVERING, params![post, row])?.unwrap_or_default();
        let last = rows.first().copied();
        let (rest, own) = changes.split_at(last.map_or(0, |last| changes.partition_point(|(row, _)| *row > last)));
        replace(connection, post, last, &change(&rows, own))?;
        changes = rest;
    }
    Ok(())
}

/// Puts row ids, largest first, in the place of a run.
fn replace(connection: &Connection, post: i64, old: Option<i64>, rows: &[i64]) -> Result<(), StoreError> {
    if let Some(last) = old {
        let mut statement = connection.prepare_cached("DELETE FROM run WHERE k = ?1 AND last = ?2").map_err(failed)?;
        statement.execute(params![post, last]).map_err(failed)?;
    }
    for run in pack(rows) {
        connection
            .prepare_cached("INSERT INTO run (k, last, n, rids) VALUES (?1, ?2, ?3, ?4)")
            .and_then(|mut statement| statement.execute(params![post, run.last, run.count, run.bytes]))
            .map_err(failed)?;
    }
    Ok(())
}

/// One run: its rows, largest first, and how many bytes it takes.
fn one(connection: &Connection, sql: &str, parameters: impl Params) -> Result<Option<(Vec<i64>, usize)>, StoreError> {
    let mut statement = connection.prepare_cached(sql).map_err(failed)?;
    let found = statement
        .query_row(parameters, |row| {
            let bytes = row.get_ref(2)?.as_blob()?;
            Ok(unpack(row.get(0)?, row.get(1)?, bytes).map(|rows| (rows, bytes.len())))
        })
        .optional()
        .map_err(failed)?;
    match found {
        Some(None) => Err(StoreError::Failed("a run of the index is damaged".to_owned())),
        found => Ok(found.flatten()),
    }
}

/// All posts and their row ids in the order of the table, for checking.
pub(super) fn each(connection: &Connection, mut found: impl FnMut(i64, Option<Vec<i64>>)) -> Result<(), StoreError> {
    let mut statement = connection.prepare("SELECT k, last, n, rids FROM run").map_err(failed)?;
    let mut rows = statement.query([]).map_err(failed)?;
    while let Some(row) = rows.next().map_err(failed)? {
        let bytes = row.get_ref(3).map_err(failed)?.as_blob().unwrap_or(&[]);
        found(row.get(0).map_err(failed)?, unpack(row.get(1).map_err(failed)?, row.get(2).map_err(failed)?, bytes));
    }
    Ok(())
}
