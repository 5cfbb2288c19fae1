//! Reading versions, histories and the change feed. Each function is one snapshot; callers with several statements open a
//! transaction.

use std::sync::Arc;

use rusqlite::{Connection, OptionalExtension, Row, params};

use super::failed;
use super::kinds::Kinds;
use super::recent::State;
use crate::base::clock::Instant;
use crate::model::primitive::Id;
use crate::model::reference::Key;
use crate::model::resource::Body;
use crate::store::evaluate::Candidate;
use crate::store::keys::{self, Packed};
use crate::store::port::{Change, Method, StoreError, Version};

/// The current version of a resource as its line tells it.
#[derive(Debug, Clone)]
pub(super) struct Current {
    pub(super) row: i64,
    pub(super) version: Arc<Version>,
}

pub(super) fn current(connection: &Connection, code: i64, key: &Key) -> Result<Option<Current>, StoreError> {
    let mut statement = connection
        .prepare_cached("SELECT version, updated, method, plain(body), rid FROM resource WHERE kind = ?1 AND id = ?2")
        .map_err(failed)?;
    statement
        .query_row(params![code, key.id.as_str()], |row| Ok(Current { row: row.get(4)?, version: Arc::new(version(row, key.clone())?) }))
        .optional()
        .map_err(failed)
}

/// The current version.
pub(super) fn read(connection: &Connection, code: i64, key: Key) -> Result<Option<Arc<Version>>, StoreError> {
    let mut statement = connection
        .prepare_cached("SELECT version, updated, method, plain(body) FROM resource WHERE kind = ?1 AND id = ?2")
        .map_err(failed)?;
    statement.query_row(params![code, key.id.as_str()], |row| Ok(Arc::new(version(row, key.clone())?))).optional().map_err(failed)
}

pub(super) fn read_version(connection: &Connection, code: i64, key: Key, wanted: u64) -> Result<Option<Arc<Version>>, StoreError> {
    let Some(current) = read(connection, code, key.clone())? else { return Ok(None) };
    if current.version == wanted {
        return Ok(Some(current));
    }
    let mut statement = connection
        .prepare_cached(
            "SELECT version, updated, method, plain(body) FROM history
             WHERE rid = (SELECT rid FROM resource WHERE kind = ?1 AND id = ?2) AND version = ?3",
        )
        .map_err(failed)?;
    statement
        .query_row(params![code, key.id.as_str(), wanted.cast_signed()], |row| Ok(Arc::new(version(row, key.clone())?)))
        .optional()
        .map_err(failed)
}

/// A version by row id and number, current or not; for what is known to exist.
pub(super) fn version_of_row(connection: &Connection, kinds: &Kinds, row: i64, number: i64) -> Result<Arc<Version>, StoreError> {
    let key = key_of_row(connection, kinds, row)?;
    let mut statement = connection
        .prepare_cached(
            "SELECT version, updated, method, plain(body) FROM resource WHERE rid = ?1 AND version = ?2
             UNION ALL SELECT version, updated, method, plain(body) FROM history WHERE rid = ?1 AND version = ?2",
        )
        .map_err(failed)?;
    statement.query_row(params![row, number], |row| Ok(Arc::new(version(row, key.clone())?))).map_err(failed)
}

fn key_of_row(connection: &Connection, kinds: &Kinds, row: i64) -> Result<Key, StoreError> {
    let mut statement = connection.prepare_cached("SELECT kind, id FROM resource WHERE rid = ?1").map_err(failed)?;
    let (code, id): (i64, String) = statement.query_row([row], |row| Ok((row.get(0)?, row.get(1)?))).map_err(failed)?;
    Ok(Key { kind: kinds.kind(code)?, id: id_of(&id)? })
}

/// Looks at what the living resource of a row id carries for searches.
pub(super) fn carried<T>(
    connection: &Connection,
    row: i64,
    look: impl FnOnce(Candidate<'_, Packed<'_>>) -> Result<T, StoreError>,
) -> Result<T, StoreError> {
    let mut statement = connection.prepare_cached("SELECT id, updated, plain(keys) FROM carried WHERE rid = ?1").map_err(failed)?;
    let mut lines = statement.query([row]).map_err(failed)?;
    let damaged = || StoreError::Failed(format!("the keys of row {row} are damaged"));
    let line = lines.next().map_err(failed)?.ok_or_else(damaged)?;
    let id = line.get_ref(0).map_err(failed)?.as_str().map_err(|_| damaged())?;
    let rows = Packed::of(line.get_ref(2).map_err(failed)?.as_blob().map_err(|_| damaged())?).ok_or_else(damaged)?;
    look(Candidate { row, id, rows, updated: Instant(line.get(1).map_err(failed)?) })
}

/// What the index knows of a resource that had no other version lately; a deleted one has no rows.
pub(super) fn state(connection: &Connection, row: i64) -> Result<State, StoreError> {
    let mut statement = connection.prepare_cached("SELECT updated, plain(keys) FROM carried WHERE rid = ?1").map_err(failed)?;
    let read = |line: &Row<'_>| Ok((Instant(line.get(0)?), keys::unpack(line.get_ref(1)?.as_blob()?)));
    match statement.query_row([row], read).optional().map_err(failed)? {
        Some((updated, Some(rows))) => Ok(State { sequence: 0, updated, rows: Some(Arc::new(rows)) }),
        Some((_, None)) => Err(StoreError::Failed(format!("the keys of row {row} are damaged"))),
        None => Ok(State { sequence: 0, updated: Instant(0), rows: None }),
    }
}

/// The living resource of a row id.
pub(super) fn hit(connection: &Connection, kinds: &Kinds, row: i64) -> Result<Arc<Version>, StoreError> {
    let mut statement =
        connection.prepare_cached("SELECT version, updated, method, plain(body), kind, id FROM resource WHERE rid = ?1").map_err(failed)?;
    let mut rows = statement.query([row]).map_err(failed)?;
    let row = rows.next().map_err(failed)?.ok_or_else(|| StoreError::Failed(format!("the index names row {row}, which is not there")))?;
    let id = row.get_ref(5).map_err(failed)?.as_str().map_err(|error| failed(error.into()))?;
    let key = Key { kind: kinds.kind(row.get(4).map_err(failed)?)?, id: id_of(id)? };
    Ok(Arc::new(version(row, key).map_err(failed)?))
}

pub(super) fn changes(connection: &Connection, kinds: &Kinds, after: i64, count: usize) -> Result<Vec<Change>, StoreError> {
    let mut statement = connection
        .prepare_cached(
            "SELECT c.seq, c.kind, r.id, c.version, c.method, c.updated FROM change c JOIN resource r ON r.rid = c.rid
             WHERE c.seq > ?1 ORDER BY c.seq LIMIT ?2",
        )
        .map_err(failed)?;
    let mut rows = statement.query(params![after, i64::try_from(count).unwrap_or(i64::MAX)]).map_err(failed)?;
    let mut changes = Vec::new();
    while let Some(row) = rows.next().map_err(failed)? {
        let code: i64 = row.get(1).map_err(failed)?;
        let id: String = row.get(2).map_err(failed)?;
        let version: i64 = row.get(3).map_err(failed)?;
        changes.push(Change {
            sequence: row.get(0).map_err(failed)?,
            key: Key { kind: kinds.kind(code)?, id: id_of(&id)? },
            version: version.cast_unsigned(),
            method: method(row.get(4).map_err(failed)?),
            updated: Instant(row.get(5).map_err(failed)?),
        });
    }
    Ok(changes)
}

/// Takes a version from the columns version, updated, method and body, which come first.
pub(super) fn version(row: &Row<'_>, key: Key) -> rusqlite::Result<Version> {
    let body: Option<Vec<u8>> = row.get(3)?;
    let (version, updated) = (row.get::<_, i64>(0)?.cast_unsigned(), Instant(row.get(1)?));
    let body = body.map(|tail| Body::restore(&key, tail, version, updated));
    Ok(Version { key, version, updated, method: method(row.get(2)?), body })
}

fn id_of(text: &str) -> Result<Id, StoreError> {
    Id::new(text).ok_or_else(|| StoreError::Failed(format!("the store holds \"{text}\", which is no id")))
}

/// The number that stands for a method in the tables.
pub(super) fn method_code(method: Method) -> i64 {
    match method {
        Method::Create => 0,
        Method::Update => 1,
        Method::Delete => 2,
    }
}

pub(super) fn method(code: i64) -> Method {
    match code {
        0 => Method::Create,
        1 => Method::Update,
        _ => Method::Delete,
    }
}
