//! Reading versions and the change feed. Each function is one statement, and so one snapshot; what a statement gives may need a
//! dictionary that another gateway has made, which is then read, too.

use std::sync::Arc;

use tokio_postgres::Row;

use super::Shared;
use super::connect::Connection;
use super::dictionary::ready;
use super::fault::Fault;
use super::method::method;
use crate::base::clock::Instant;
use crate::model::primitive::Id;
use crate::model::reference::Key;
use crate::model::resource::Body;
use crate::store::port::{Change, StoreError, Version};

/// The current version.
pub(super) async fn read(connection: &Connection, shared: &Shared, key: &Key) -> Result<Option<Arc<Version>>, Fault> {
    let sql = "SELECT version, updated, method, body FROM resource WHERE shard = $1 AND kind = $2 AND id = $3";
    let rows = connection.query(sql, &[&shared.shard(key), &shared.kinds.code(key.kind)?, &key.id.as_str()]).await?;
    ready(connection, shared, &rows, &[3]).await?;
    rows.first().map(|row| Ok(Arc::new(version(shared, row, 0, key.clone())?))).transpose()
}

/// One version, current or not.
pub(super) async fn read_version(connection: &Connection, shared: &Shared, key: &Key, wanted: u64) -> Result<Option<Arc<Version>>, Fault> {
    let sql = "SELECT version, updated, method, body FROM resource WHERE shard = $1 AND kind = $2 AND id = $3 AND version = $4
        UNION ALL
        SELECT h.version, h.updated, h.method, h.body FROM resource r JOIN history h ON h.shard = $1 AND h.rid = r.rid
        WHERE r.shard = $1 AND r.kind = $2 AND r.id = $3 AND h.version = $4";
    let Ok(number) = i64::try_from(wanted) else { return Ok(None) };
    let rows = connection.query(sql, &[&shared.shard(key), &shared.kinds.code(key.kind)?, &key.id.as_str(), &number]).await?;
    ready(connection, shared, &rows, &[3]).await?;
    rows.first().map(|row| Ok(Arc::new(version(shared, row, 0, key.clone())?))).transpose()
}

/// The change feed after a place. The places have no gaps, so their range tells the lines without looking at any other. In a
/// cluster one place may be seen before the one in front of it: what comes after a gap is left for the next question.
pub(super) async fn changes(connection: &Connection, shared: &Shared, after: i64, count: usize) -> Result<Vec<Change>, Fault> {
    let sql =
        "SELECT c.seq, c.kind, r.id, c.version, c.method, c.updated FROM change c JOIN resource r ON r.shard = c.shard AND r.rid = c.rid
         WHERE c.seq > $1 AND c.seq <= $2 ORDER BY c.seq";
    let last = after.saturating_add(i64::try_from(count).unwrap_or(i64::MAX));
    let rows = connection.query(sql, &[&after, &last]).await?;
    let mut changes = Vec::with_capacity(rows.len());
    for (row, place) in rows.iter().zip(after.saturating_add(1)..) {
        if row.try_get::<_, i64>(0)? != place {
            break;
        }
        let id: &str = row.try_get(2)?;
        changes.push(Change {
            sequence: place,
            key: Key { kind: shared.kinds.kind(row.try_get(1)?)?, id: id_of(id)? },
            version: row.try_get::<_, i64>(3)?.cast_unsigned(),
            method: method(row.try_get(4)?),
            updated: Instant(row.try_get(5)?),
        });
    }
    Ok(changes)
}

/// The secret of the store.
pub(super) async fn secret(connection: &Connection, proposal: [u8; 32]) -> Result<[u8; 32], Fault> {
    connection.query("INSERT INTO secret (one, bytes) VALUES (0, $1) ON CONFLICT DO NOTHING", &[&&proposal[..]]).await?;
    let rows = connection.query("SELECT bytes FROM secret", &[]).await?;
    let bytes: &[u8] = rows.first().map(|row| row.try_get(0)).transpose()?.unwrap_or(&[]);
    Ok(bytes.try_into().map_err(|_| StoreError::Failed("the secret is damaged".to_owned()))?)
}

/// Takes a version from four columns from `at` on: version, updated, method and what is kept of the body.
pub(super) fn version(shared: &Shared, row: &Row, at: usize, key: Key) -> Result<Version, Fault> {
    let (version, updated) = (row.try_get::<_, i64>(at)?.cast_unsigned(), Instant(row.try_get(at + 1)?));
    let tail = row.try_get::<_, Option<&[u8]>>(at + 3)?.map(|small| expanded(shared, &key, small)).transpose()?;
    let body = tail.map(|tail| Body::restore(&key, tail, version, updated));
    Ok(Version { key, version, updated, method: method(row.try_get(at + 2)?), body })
}

/// What is kept of a text, as it was.
pub(super) fn expanded(shared: &Shared, key: &Key, small: &[u8]) -> Result<Vec<u8>, StoreError> {
    shared.squeezer.expand(small).map_err(|what| StoreError::Failed(format!("the content of {key} is damaged: {what}")))
}

/// The packed index rows of a resource.
pub(super) fn keys(shared: &Shared, row: i64, small: &[u8]) -> Result<Vec<u8>, StoreError> {
    shared.squeezer.expand(small).map_err(|what| StoreError::Failed(format!("the keys of row {row} are damaged: {what}")))
}

pub(super) fn id_of(text: &str) -> Result<Id, StoreError> {
    Id::new(text).ok_or_else(|| StoreError::Failed(format!("the store holds \"{text}\", which is no id")))
}
