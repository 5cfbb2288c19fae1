//! Idempotency keys: a request that is sent again is answered as before, without writing.

use rusqlite::{Connection, OptionalExtension, params};

use super::kinds::Kinds;
use super::{failed, read};
use crate::base::clock::Instant;
use crate::store::port::{Idempotency, StoreError, Unmet, Written};

/// Bytes per remembered write: row id, version, flags.
const RESULT: usize = 17;

/// What was answered to a request before, if it was made before.
///
/// # Errors
/// [`Unmet::Idempotency`] when the key was used for another request.
pub(super) fn replay(connection: &Connection, kinds: &Kinds, idempotency: &Idempotency) -> Result<Option<Vec<Written>>, StoreError> {
    let mut statement = connection.prepare_cached("SELECT request, results FROM request WHERE key = ?1").map_err(failed)?;
    let known = statement.query_row([&idempotency.key[..]], |row| Ok((row.get(0)?, row.get(1)?))).optional().map_err(failed)?;
    let Some((request, results)): Option<(Vec<u8>, Vec<u8>)> = known else { return Ok(None) };
    if request != idempotency.request {
        return Err(StoreError::Unmet(Unmet::Idempotency));
    }
    let (results, _) = results.as_chunks::<RESULT>();
    results.iter().map(|result| recall(connection, kinds, *result)).collect::<Result<_, _>>().map(Some)
}

fn recall(connection: &Connection, kinds: &Kinds, result: [u8; RESULT]) -> Result<Written, StoreError> {
    let [row @ .., _, _, _, _, _, _, _, _, flags] = result;
    let [_, _, _, _, _, _, _, _, version @ .., _] = result;
    let version = match i64::from_le_bytes(version) {
        0 => None,
        number => Some(read::version_of_row(connection, kinds, i64::from_le_bytes(row), number)?),
    };
    Ok(Written { version, created: flags & 1 != 0, changed: flags & 2 != 0 })
}

/// Remembers what is answered to a request; `rows` are the row ids of the writes. Forgets two that are from before `oldest`, so
/// that the table never grows without end.
pub(super) fn remember(
    connection: &Connection,
    idempotency: &Idempotency,
    rows: &[i64],
    written: &[Written],
    now: Instant,
    oldest: Instant,
) -> Result<(), StoreError> {
    connection
        .prepare_cached("DELETE FROM request WHERE n IN (SELECT n FROM request ORDER BY n LIMIT 2) AND at < ?1")
        .and_then(|mut statement| statement.execute([oldest.0]))
        .map_err(failed)?;
    let mut results = Vec::with_capacity(written.len() * RESULT);
    for (row, written) in rows.iter().zip(written) {
        let version = written.version.as_ref().map_or(0, |version| version.version);
        results.extend_from_slice(&row.to_le_bytes());
        results.extend_from_slice(&version.to_le_bytes());
        results.push(u8::from(written.created) | u8::from(written.changed) << 1);
    }
    connection
        .prepare_cached("INSERT INTO request (key, request, at, results) VALUES (?1, ?2, ?3, ?4)")
        .and_then(|mut statement| statement.execute(params![&idempotency.key[..], &idempotency.request[..], now.0, results]))
        .map_err(failed)?;
    Ok(())
}
