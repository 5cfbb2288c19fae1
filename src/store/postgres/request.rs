//! Idempotency keys: a request that is sent again is answered as before, without writing.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use tokio_postgres::Row;

use super::Shared;
use super::batch::Outcome;
use super::connect::{Connection, Later, together};
use super::dictionary::ready;
use super::fault::Fault;
use super::read;
use crate::base::clock::Instant;
use crate::model::reference::Key;
use crate::store::port::{Idempotency, StoreError, Version, Written};

/// Bytes per remembered write: shard, row id, version, flags.
const RESULT: usize = 19;

/// What a request was, and what it was answered.
#[derive(Debug, Clone)]
pub(super) struct Remembered {
    pub(super) request: Vec<u8>,
    pub(super) results: Vec<u8>,
}

/// The requests with these keys that were made before.
pub(super) async fn known(connection: &Connection, shared: &Shared, keys: &[&Idempotency]) -> Result<Vec<(Vec<u8>, Remembered)>, Fault> {
    if keys.is_empty() {
        return Ok(Vec::new());
    }
    let mut by_shard: BTreeMap<i16, Vec<&[u8]>> = BTreeMap::new();
    for one in keys {
        by_shard.entry(shared.shard_of_bytes(&one.key)).or_default().push(&one.key);
    }
    let sql = "SELECT key, request, results FROM request WHERE shard = $1 AND key = ANY ($2::bytea[])";
    let questions = by_shard.iter().map(|(shard, keys)| {
        let one: Later<'_, Vec<Row>> = Box::pin(async move { connection.query(sql, &[shard, keys]).await });
        one
    });
    let rows: Vec<Row> = together(questions.collect()).await?.into_iter().flatten().collect();
    rows.iter().map(|row| Ok((row.try_get(0)?, Remembered { request: row.try_get(1)?, results: row.try_get(2)? }))).collect()
}

/// Writes down what is to be answered.
pub(super) fn results(outcomes: &[Outcome], version: impl Fn(&Outcome) -> u64) -> Vec<u8> {
    let mut results = Vec::with_capacity(outcomes.len() * RESULT);
    for outcome in outcomes {
        results.extend_from_slice(&outcome.shard.to_le_bytes());
        results.extend_from_slice(&outcome.row.to_le_bytes());
        results.extend_from_slice(&version(outcome).to_le_bytes());
        results.push(u8::from(outcome.created) | u8::from(outcome.changed) << 1);
    }
    results
}

/// Keeps requests, and forgets as many that are from before `oldest`, so that the table never grows without end.
pub(super) async fn remember(
    connection: &Connection,
    shared: &Shared,
    requests: &[(&Idempotency, Vec<u8>)],
    now: Instant,
    oldest: Instant,
) -> Result<(), Fault> {
    let shards: Vec<i16> = requests.iter().map(|(one, _)| shared.shard_of_bytes(&one.key)).collect();
    let keys: Vec<&[u8]> = requests.iter().map(|(one, _)| &one.key[..]).collect();
    let asked: Vec<&[u8]> = requests.iter().map(|(one, _)| &one.request[..]).collect();
    let results: Vec<&[u8]> = requests.iter().map(|(_, results)| &results[..]).collect();
    let forget =
        "DELETE FROM request WHERE shard = $1 AND key IN (SELECT key FROM request WHERE shard = $1 AND at < $2 ORDER BY at LIMIT $3)";
    let insert = "INSERT INTO request (shard, key, request, at, results)
        SELECT w.shard, w.key, w.request, $5, w.results
        FROM unnest($1::int2[], $2::bytea[], $3::bytea[], $4::bytea[]) AS w(shard, key, request, results)";
    let own: BTreeSet<i16> = shards.iter().copied().collect();
    for shard in own {
        connection.execute(forget, &[&shard, &oldest.0, &(2 * i64::try_from(requests.len()).unwrap_or(1))]).await?;
    }
    connection.execute(insert, &[&shards, &keys, &asked, &results, &now.0]).await?;
    Ok(())
}

/// Answers as before.
pub(super) async fn replay(connection: &Connection, shared: &Shared, remembered: &Remembered) -> Result<Vec<Written>, Fault> {
    let (results, _) = remembered.results.as_chunks::<RESULT>();
    let mut written = Vec::with_capacity(results.len());
    for result in results {
        let [s0, s1, rest @ ..] = *result;
        let [row @ .., _, _, _, _, _, _, _, _, flags] = rest;
        let [_, _, _, _, _, _, _, _, version @ .., _] = rest;
        let version = match i64::from_le_bytes(version) {
            0 => None,
            number => Some(version_of_row(connection, shared, i16::from_le_bytes([s0, s1]), i64::from_le_bytes(row), number).await?),
        };
        written.push(Written { version, created: flags & 1 != 0, changed: flags & 2 != 0 });
    }
    Ok(written)
}

/// A version by row id and number, current or not; for what is known to exist.
async fn version_of_row(connection: &Connection, shared: &Shared, shard: i16, row: i64, number: i64) -> Result<Arc<Version>, Fault> {
    let sql = "SELECT r.kind, r.id, v.version, v.updated, v.method, v.body FROM resource r JOIN (
            SELECT shard, rid, version, updated, method, body FROM resource WHERE shard = $1 AND rid = $2 AND version = $3
            UNION ALL
            SELECT shard, rid, version, updated, method, body FROM history WHERE shard = $1 AND rid = $2 AND version = $3
        ) v ON v.shard = r.shard AND v.rid = r.rid WHERE r.shard = $1 AND r.rid = $2";
    let rows = connection.query(sql, &[&shard, &row, &number]).await?;
    ready(connection, shared, &rows, &[5]).await?;
    let line = rows.first().ok_or_else(|| StoreError::Failed(format!("version {number} of row {row} is not there")))?;
    let key = Key { kind: shared.kinds.kind(line.try_get(0)?)?, id: read::id_of(line.try_get(1)?)? };
    Ok(Arc::new(read::version(shared, line, 2, key)?))
}
