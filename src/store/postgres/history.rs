//! Histories: of one resource from its own versions, of a type and of the whole store from the change feed. A page is one
//! statement, and so one snapshot.

use super::Shared;
use super::connect::Connection;
use super::dictionary::ready;
use super::fault::Fault;
use super::read::{id_of, version};
use crate::base::clock::Instant;
use crate::model::reference::Key;
use crate::store::port::{History, HistoryPlan, HistoryScope};

/// Versions of a type beyond this number are not counted.
const COUNTED: i64 = if cfg!(test) { 12 } else { 50_000 };

/// The wanted versions among lines with the columns `updated`, `method` and `next` (when the next version was written): those
/// from `$1` on, and those that were current at some moment from `$2` to right before `$3`; see [`HistoryPlan`].
const WANTED: &str = "($1::int8 IS NULL OR updated >= $1) AND ($2::int8 IS NULL OR (updated < $3::int8
    AND (updated >= $2 OR (method <> 2 AND (next IS NULL OR next > $2)))))";

pub(super) async fn page(connection: &Connection, shared: &Shared, plan: &HistoryPlan) -> Result<History, Fault> {
    match &plan.scope {
        HistoryScope::Instance(key) => instance(connection, shared, key, plan).await,
        HistoryScope::Type(kind) => feed(connection, shared, Some(shared.kinds.code(*kind)?), plan).await,
        HistoryScope::System => feed(connection, shared, None, plan).await,
    }
}

/// What [`WANTED`] asks about, the place to go on from, and how many lines to read: one more than wanted tells whether
/// anything follows.
fn asked(plan: &HistoryPlan) -> (Option<i64>, Option<i64>, Option<i64>, i64, i64) {
    let at = |moment: Instant| moment.0;
    let more = i64::try_from(plan.count.saturating_add(1)).unwrap_or(i64::MAX);
    (plan.since.map(at), plan.at.map(|(from, _)| at(from)), plan.at.map(|(_, to)| at(to)), plan.after.unwrap_or(i64::MAX), more)
}

/// The versions of one resource; their numbers are the places.
async fn instance(connection: &Connection, shared: &Shared, key: &Key, plan: &HistoryPlan) -> Result<History, Fault> {
    let code = shared.kinds.code(key.kind)?;
    let sql = format!(
        "WITH now AS (SELECT shard, rid, version, updated, method, body FROM resource WHERE shard = $6 AND kind = $7 AND id = $8),
         v AS (SELECT version, updated, method, body FROM now UNION ALL
               SELECT h.version, h.updated, h.method, h.body FROM now JOIN history h ON h.shard = $6 AND h.rid = now.rid),
         n AS (SELECT version, updated, method, body, lead(updated) OVER (ORDER BY version) AS next FROM v)
         SELECT version, updated, method, body, (SELECT version FROM now) AS last FROM n
         WHERE version < $4 AND {WANTED} ORDER BY version DESC LIMIT $5"
    );
    let (since, from, to, before, more) = asked(plan);
    let shard = shared.shard(key);
    let rows = connection.query(&sql, &[&since, &from, &to, &before, &more, &shard, &code, &key.id.as_str()]).await?;
    ready(connection, shared, &rows, &[3]).await?;
    let mut history = History::default();
    for row in rows.iter().take(plan.count) {
        history.versions.push(version(shared, row, 0, key.clone())?.into());
    }
    if rows.len() > plan.count {
        history.next = history.versions.last().map(|last| last.version.cast_signed());
    }
    let unfiltered = plan.since.is_none() && plan.at.is_none();
    history.total = match rows.first() {
        Some(first) if unfiltered => Some(first.try_get::<_, i64>(4)?.cast_unsigned()),
        Some(_) => None,
        // Nothing is left of it, or it never was.
        None => {
            let sql = "SELECT coalesce(max(version), 0) FROM resource WHERE shard = $1 AND kind = $2 AND id = $3";
            let number = connection.number(sql, &[&shard, &code, &key.id.as_str()]).await?;
            (number == 0 || unfiltered).then_some(number.cast_unsigned())
        }
    };
    Ok(history)
}

/// The lines of the change feed; their sequence numbers are the places.
async fn feed(connection: &Connection, shared: &Shared, code: Option<i32>, plan: &HistoryPlan) -> Result<History, Fault> {
    let of_kind = if code.is_some() { "c.kind = $6" } else { "$6::int4 IS NULL" };
    // When the next version was written is asked only where a period began before it.
    let sql = format!(
        "WITH n AS (
             SELECT c.seq, c.kind, c.rid, c.shard, c.version, c.updated, c.method,
                 CASE WHEN $2::int8 IS NULL OR c.updated >= $2 THEN NULL ELSE coalesce(
                     (SELECT r.updated FROM resource r WHERE r.shard = c.shard AND r.rid = c.rid AND r.version = c.version + 1),
                     (SELECT h.updated FROM history h WHERE h.shard = c.shard AND h.rid = c.rid AND h.version = c.version + 1))
                 END AS next
             FROM change c WHERE c.seq < $4 AND {of_kind} AND ($1::int8 IS NULL OR c.updated >= $1)
                 AND ($3::int8 IS NULL OR c.updated < $3)),
         page AS (SELECT * FROM n WHERE {WANTED} ORDER BY seq DESC LIMIT $5)
         SELECT n.version, n.updated, n.method, CASE WHEN r.version = n.version THEN r.body ELSE h.body END, n.seq, n.kind, r.id
         FROM page n JOIN resource r ON r.shard = n.shard AND r.rid = n.rid
         LEFT JOIN history h ON h.shard = r.shard AND h.rid = r.rid AND h.version = n.version ORDER BY n.seq DESC"
    );
    let (since, from, to, before, more) = asked(plan);
    let rows = connection.query(&sql, &[&since, &from, &to, &before, &more, &code]).await?;
    ready(connection, shared, &rows, &[3]).await?;
    let mut history = History::default();
    for row in rows.iter().take(plan.count) {
        let key = Key { kind: shared.kinds.kind(row.try_get(5)?)?, id: id_of(row.try_get(6)?)? };
        history.versions.push(version(shared, row, 0, key)?.into());
    }
    if rows.len() > plan.count
        && let Some(last) = plan.count.checked_sub(1).and_then(|last| rows.get(last))
    {
        history.next = Some(last.try_get(4)?);
    }
    if plan.since.is_none() && plan.at.is_none() {
        history.total = total(connection, code).await?;
    }
    Ok(history)
}

/// How many lines there are: the feed has no gaps, so that all of them are known; those of a type are counted up to a point.
async fn total(connection: &Connection, code: Option<i32>) -> Result<Option<u64>, Fault> {
    let Some(code) = code else { return Ok(Some(connection.number("SELECT seq FROM feed", &[]).await?.cast_unsigned())) };
    let sql = "SELECT count(*) FROM (SELECT 1 FROM change WHERE kind = $1 LIMIT $2) AS counted";
    let count = connection.number(sql, &[&code, &(COUNTED + 1)]).await?;
    Ok((count <= COUNTED).then_some(count.cast_unsigned()))
}
