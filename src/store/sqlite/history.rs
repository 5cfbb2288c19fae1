//! Histories: of one resource from its own versions, of a type and of the whole store from the change feed.
//!
//! The feed has a line per version, and its times never go back: so the line at which a moment begins is found by halving,
//! without an index of times. A page looks at a bounded number of lines, whatever it finds.

use rusqlite::{Connection, OptionalExtension as _, params};

use super::kinds::Kinds;
use super::{failed, read};
use crate::base::clock::Instant;
use crate::model::reference::Key;
use crate::store::port::{History, HistoryPlan, HistoryScope, StoreError};

/// Lines that a page looks at before it says "go on from here".
const MOST: usize = if cfg!(test) { 5 } else { 10_000 };

/// Versions of a type beyond this number are not counted.
const COUNTED: i64 = if cfg!(test) { 12 } else { 50_000 };

pub(super) fn page(connection: &Connection, kinds: &Kinds, plan: &HistoryPlan) -> Result<History, StoreError> {
    // All statements of a page see the same moment.
    let snapshot = connection.unchecked_transaction().map_err(failed)?;
    match &plan.scope {
        HistoryScope::Instance(key) => instance(&snapshot, kinds.code(key.kind)?, key, plan),
        HistoryScope::Type(kind) => feed(&snapshot, kinds, Some(kinds.code(*kind)?), plan),
        HistoryScope::System => feed(&snapshot, kinds, None, plan),
    }
}

/// The versions of one resource; their numbers are the places.
fn instance(connection: &Connection, code: i64, key: &Key, plan: &HistoryPlan) -> Result<History, StoreError> {
    let Some(current) = read::current(connection, code, key)? else { return Ok(History { total: Some(0), ..History::default() }) };
    let unfiltered = plan.since.is_none() && plan.at.is_none();
    let mut history = History { total: unfiltered.then_some(current.version.version), ..History::default() };
    let before = plan.after.unwrap_or(i64::MAX);
    // The version right before the page tells how long the first one on it was current.
    let mut statement = connection
        .prepare_cached(
            "SELECT version, updated, method, plain(body) FROM resource WHERE rid = ?1 AND version <= ?2
             UNION ALL SELECT * FROM (SELECT version, updated, method, plain(body) FROM history
                                      WHERE rid = ?1 AND version <= ?2 ORDER BY version DESC)",
        )
        .map_err(failed)?;
    let mut rows = statement.query(params![current.row, before]).map_err(failed)?;
    let mut next: Option<Instant> = None;
    let mut last = None;
    while let Some(row) = rows.next().map_err(failed)? {
        let number: i64 = row.get(0).map_err(failed)?;
        let updated = Instant(row.get(1).map_err(failed)?);
        if number < before {
            if plan.since.is_some_and(|since| updated < since) {
                break;
            }
            if history.versions.len() >= plan.count {
                history.next = last;
                break;
            }
            if plan.wants(updated, read::method(row.get(2).map_err(failed)?), next) {
                history.versions.push(read::version(row, key.clone()).map_err(failed)?.into());
            }
            last = Some(number);
        }
        next = Some(updated);
    }
    Ok(history)
}

/// The lines of the change feed; their sequence numbers are the places.
fn feed(connection: &Connection, kinds: &Kinds, code: Option<i64>, plan: &HistoryPlan) -> Result<History, StoreError> {
    let newest = newest(connection)?;
    let oldest = plan.since.map_or(Ok(1), |since| first_at(connection, since, newest))?;
    let mut before = plan.after.unwrap_or(i64::MAX).min(newest + 1);
    if let Some((_, to)) = plan.at {
        before = before.min(first_at(connection, to, newest)?);
    }
    let mut history = History::default();
    if plan.since.is_none() && plan.at.is_none() {
        history.total = total(connection, code, newest)?;
    }
    let mut statement = match code {
        None => connection.prepare_cached(
            "SELECT seq, rid, version, method, updated FROM change WHERE seq < ?1 AND seq >= ?2 AND ?3 IS NULL ORDER BY seq DESC",
        ),
        Some(_) => connection.prepare_cached(
            "SELECT seq, rid, version, method, updated FROM change WHERE kind = ?3 AND seq < ?1 AND seq >= ?2 ORDER BY seq DESC",
        ),
    }
    .map_err(failed)?;
    let mut rows = statement.query(params![before, oldest, code]).map_err(failed)?;
    let (mut seen, mut last) = (0, None);
    while let Some(row) = rows.next().map_err(failed)? {
        if history.versions.len() >= plan.count || seen >= MOST.max(plan.count) {
            history.next = last;
            break;
        }
        let (rid, version): (i64, i64) = (row.get(1).map_err(failed)?, row.get(2).map_err(failed)?);
        let (method, updated) = (read::method(row.get(3).map_err(failed)?), Instant(row.get(4).map_err(failed)?));
        // Only a version from before the period asks how long it was current.
        let next = match plan.at {
            Some((from, _)) if updated < from => written(connection, rid, version + 1)?,
            _ => None,
        };
        if plan.wants(updated, method, next) {
            history.versions.push(read::version_of_row(connection, kinds, rid, version)?);
        }
        last = Some(row.get(0).map_err(failed)?);
        seen += 1;
    }
    Ok(history)
}

/// The sequence number of the newest line; 0 if there is none.
fn newest(connection: &Connection) -> Result<i64, StoreError> {
    let mut statement = connection.prepare_cached("SELECT coalesce(max(seq), 0) FROM change").map_err(failed)?;
    statement.query_row([], |row| row.get(0)).map_err(failed)
}

/// The first line written at a moment or later; one beyond the newest if there is none.
fn first_at(connection: &Connection, moment: Instant, newest: i64) -> Result<i64, StoreError> {
    let mut statement = connection.prepare_cached("SELECT updated FROM change WHERE seq = ?1").map_err(failed)?;
    let (mut low, mut high) = (1, newest + 1);
    while low < high {
        let middle = low + (high - low) / 2;
        let updated: i64 = statement.query_row([middle], |row| row.get(0)).map_err(failed)?;
        if updated < moment.0 {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    Ok(low)
}

/// When a version was written, if there is one of that number.
fn written(connection: &Connection, rid: i64, version: i64) -> Result<Option<Instant>, StoreError> {
    let mut statement = connection
        .prepare_cached(
            "SELECT updated FROM resource WHERE rid = ?1 AND version = ?2
             UNION ALL SELECT updated FROM history WHERE rid = ?1 AND version = ?2",
        )
        .map_err(failed)?;
    statement.query_row([rid, version], |row| row.get(0).map(Instant)).optional().map_err(failed)
}

/// How many lines there are: the feed has no gaps, so that all of them are known; those of a type are counted up to a point.
fn total(connection: &Connection, code: Option<i64>, newest: i64) -> Result<Option<u64>, StoreError> {
    let Some(code) = code else { return Ok(Some(newest.cast_unsigned())) };
    let mut statement =
        connection.prepare_cached("SELECT count(*) FROM (SELECT 1 FROM change WHERE kind = ?1 LIMIT ?2)").map_err(failed)?;
    let count: i64 = statement.query_row([code, COUNTED + 1], |row| row.get(0)).map_err(failed)?;
    Ok((count <= COUNTED).then_some(count.cast_unsigned()))
}
