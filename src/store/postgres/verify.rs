//! Checking a whole store: that the index rows are exactly those of the living resources, and that versions, histories,
//! counters and the change feed tell the same story.

use std::collections::HashSet;

use tokio_postgres::Row;

use super::Shared;
use super::batch::unpack;
use super::columns::{Columns as _, Links};
use super::connect::Connection;
use super::fault::Fault;
use crate::search::plan::{LinkRow, NumberRow, Rows, TextRow};

/// More faults than this are not listed.
const MOST: usize = 100;
/// Resources looked at together.
const STEP: i64 = 1000;

/// Each gives a line of text for every fault of its kind.
const STORIES: &[(&str, &str)] = &[
    (
        "SELECT k.name || ' has ' || c.n || ', not ' || k.living FROM kind k CROSS JOIN LATERAL
         (SELECT count(*) AS n FROM resource WHERE kind = k.code AND body IS NOT NULL) c WHERE c.n <> k.living",
        "a type's counter is wrong",
    ),
    (
        "SELECT 'row ' || rid FROM resource WHERE (body IS NULL) <> (keys IS NULL) OR (body IS NULL) <> (method = 2)",
        "a resource is neither alive nor deleted",
    ),
    (
        "SELECT (SELECT count(*) FROM change) || ' changes up to number ' || f.seq FROM feed f
         WHERE f.seq <> (SELECT count(*) FROM change) OR f.seq <> (SELECT coalesce(max(seq), 0) FROM change)",
        "the change feed has gaps",
    ),
    (
        "SELECT 'number ' || seq FROM (SELECT seq, updated, lag(updated) OVER (ORDER BY seq) AS before FROM change) c WHERE before > updated",
        "the change feed goes back in time",
    ),
    (
        "SELECT 'row ' || r.rid FROM resource r LEFT JOIN
         (SELECT shard, rid, count(*) AS n, max(version) AS last FROM change GROUP BY shard, rid) c ON c.shard = r.shard AND c.rid = r.rid
         WHERE c.n IS DISTINCT FROM r.version OR c.last IS DISTINCT FROM r.version",
        "the change feed does not tell all versions of a resource",
    ),
    (
        "SELECT 'row ' || r.rid FROM resource r LEFT JOIN
         (SELECT shard, rid, count(*) AS n, max(version) AS last FROM history GROUP BY shard, rid) h ON h.shard = r.shard AND h.rid = r.rid
         WHERE coalesce(h.n, 0) <> r.version - 1 OR coalesce(h.last, 0) <> r.version - 1",
        "the history of a resource is not complete",
    ),
    (
        "SELECT 'row ' || h.rid FROM history h WHERE NOT EXISTS (SELECT 1 FROM resource r WHERE r.shard = h.shard AND r.rid = h.rid)",
        "a history belongs to no resource",
    ),
    (
        "SELECT 'number ' || c.seq FROM change c WHERE NOT EXISTS (SELECT 1 FROM resource r WHERE r.shard = c.shard AND r.rid = c.rid)",
        "a change belongs to no resource",
    ),
    (
        "SELECT 'row ' || r.rid FROM resource r JOIN kind k ON k.code = r.kind WHERE r.body IS NOT NULL
         AND left(convert_from(substring(r.body, 1, 300), 'SQL_ASCII'), 60 + length(k.name) + length(r.id) + length(r.version::text))
         NOT LIKE '{\"resourceType\":\"' || k.name || '\",\"id\":\"' || r.id || '\",\"meta\":{\"versionId\":\"' || r.version || '\",%'",
        "the content of a resource does not say which version it is",
    ),
];

/// The index tables.
const INDEX: [&str; 4] = ["post", "num", "txt", "link"];

/// Faults in words, at most [`MOST`]; none if all is well. Looks at everything, so it takes its time.
pub(super) async fn verify(connection: &Connection, shared: &Shared) -> Result<Vec<String>, Fault> {
    // The ways that are closed to searches are the right ones here.
    connection
        .run(
            "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY; SET LOCAL enable_seqscan = on; SET LOCAL enable_hashjoin = on;
             SET LOCAL enable_mergejoin = on",
        )
        .await?;
    let mut faults = Vec::new();
    index(connection, shared, &mut faults).await?;
    for (sql, meaning) in STORIES {
        for row in connection.query(&format!("SELECT line FROM ({sql}) AS s(line) LIMIT 100"), &[]).await? {
            faults.push(format!("{meaning}: {}", row.try_get::<_, &str>(0)?));
        }
    }
    connection.run("COMMIT").await?;
    faults.truncate(MOST);
    Ok(faults)
}

/// Every row that a resource's keys name must be there; if there are as many rows as were named, there are no others.
async fn index(connection: &Connection, shared: &Shared, faults: &mut Vec<String>) -> Result<(), Fault> {
    let mut named = [0; INDEX.len()];
    let mut last = (i16::MIN, i64::MIN);
    loop {
        let sql = "SELECT shard, rid, updated, keys FROM resource WHERE (shard, rid) > ($1, $2) ORDER BY shard, rid LIMIT $3";
        let lines = connection.query(sql, &[&last.0, &last.1, &STEP]).await?;
        let Some(end) = lines.last() else { break };
        last = (end.try_get(0)?, end.try_get(1)?);
        chunk(connection, shared, &lines, &mut named, faults).await?;
    }
    for (table, named) in INDEX.iter().zip(named) {
        let there = connection.number(&format!("SELECT count(*) FROM {table}"), &[]).await?;
        if there > named {
            faults.push(format!("{} rows of {table} belong to no resource", there - named));
        }
    }
    Ok(())
}

/// What the tables should hold for one resource.
struct Wanted {
    shard: i16,
    row: i64,
    rows: Rows,
}

async fn chunk(
    connection: &Connection,
    shared: &Shared,
    lines: &[Row],
    named: &mut [i64; 4],
    faults: &mut Vec<String>,
) -> Result<(), Fault> {
    let mut all = Vec::new();
    for line in lines {
        let (shard, row, keys): (_, _, Option<&[u8]>) = (line.try_get(0)?, line.try_get(1)?, line.try_get(3)?);
        let Some(keys) = keys else { continue };
        let mut rows = unpack(row, keys)?;
        let at = line.try_get(2)?;
        rows.numbers.push(NumberRow { parameter: rows.last_updated, low: at, high: at, unit: 0 });
        rows.links.retain(|link| is_kept(shared, link));
        all.push(Wanted { shard, row, rows });
    }
    let (shards, rows): (Vec<i16>, Vec<i64>) = all.iter().map(|one| (one.shard, one.row)).unzip();
    let posts: Vec<(i16, i64, i64)> =
        all.iter().flat_map(|one| one.rows.posts.iter().map(|post| (one.shard, post.cast_signed(), one.row))).collect();
    let at: Vec<i16> = posts.iter().map(|(shard, ..)| *shard).collect();
    let keys: Vec<i64> = posts.iter().map(|(_, post, _)| *post).collect();
    let owners: Vec<i64> = posts.iter().map(|(.., row)| *row).collect();
    let there = "SELECT p.k, p.rid FROM unnest($1::int2[], $2::int8[], $3::int8[]) AS w(shard, k, rid)
        JOIN post p ON p.shard = w.shard AND p.k = w.k AND p.rid = w.rid";
    let there = connection.query(there, &[&at, &keys, &owners]).await?;
    let there: HashSet<(i64, i64)> = there.iter().map(|row| Ok((row.try_get(0)?, row.try_get(1)?))).collect::<Result<_, Fault>>()?;
    for (_, post, row) in posts.iter().filter(|(_, post, row)| !there.contains(&(*post, *row))) {
        faults.push(format!("row {row} lacks the post {post}"));
    }
    let own = |table: &str, columns: &str| {
        format!(
            "SELECT t.rid, {columns} FROM unnest($1::int2[], $2::int8[]) AS w(shard, rid) JOIN {table} t ON t.shard = w.shard AND t.rid = w.rid"
        )
    };
    let numbers = connection.query(&own("num", "t.p, t.u, t.lo, t.hi"), &[&shards, &rows]).await?;
    let numbers = gather(&numbers, |row| {
        let (parameter, unit): (i32, i64) = (row.try_get(1)?, row.try_get(2)?);
        let (low, high) = (row.try_get(3)?, row.try_get(4)?);
        Ok(NumberRow { parameter: parameter.cast_unsigned(), low, high, unit: unit.cast_unsigned() })
    })?;
    let texts = connection.query(&own("txt", "t.p, t.norm"), &[&shards, &rows]).await?;
    let texts = gather(&texts, |row| {
        let text = String::from_utf8_lossy(row.try_get(2)?).into_owned();
        Ok(TextRow { parameter: row.try_get::<_, i32>(1)?.cast_unsigned(), text })
    })?;
    let links = "SELECT t.rid, t.p, k.name || '/' || t.id, t.at FROM unnest($1::int2[], $2::int8[]) AS w(shard, rid)
        JOIN link t ON t.shard = w.shard AND t.rid = w.rid JOIN kind k ON k.code = t.kind";
    let links = connection.query(links, &[&shards, &rows]).await?;
    let links = gather(&links, |row| Ok(LinkRow { parameter: row.try_get::<_, i32>(1)?.cast_unsigned(), target: row.try_get(2)? }))?;
    for Wanted { row, rows: own, .. } in &all {
        lack(*row, "num", &own.numbers, &numbers, faults);
        lack(*row, "txt", &own.texts, &texts, faults);
        lack(*row, "link", &own.links, &links, faults);
    }
    let counts = [there.len(), numbers.len(), texts.len(), links.len()];
    named.iter_mut().zip(counts).for_each(|(named, count)| *named += i64::try_from(count).unwrap_or(i64::MAX));
    Ok(())
}

/// Whether a reference has a row in the table.
fn is_kept(shared: &Shared, link: &LinkRow) -> bool {
    let mut links = Links::default();
    links.push(shared, 0, 0, link);
    links.values().iter().all(|column| !column.is_empty())
}

type There<T> = HashSet<(i64, T)>;

fn gather<T: std::hash::Hash + Eq>(rows: &[Row], read: impl Fn(&Row) -> Result<T, Fault>) -> Result<There<T>, Fault> {
    rows.iter().map(|row| Ok((row.try_get(0)?, read(row)?))).collect()
}

fn lack<T: std::hash::Hash + Eq + Clone + std::fmt::Debug>(
    row: i64,
    table: &str,
    wanted: &[T],
    there: &There<T>,
    faults: &mut Vec<String>,
) {
    for own in wanted.iter().filter(|own| !there.contains(&(row, (*own).clone()))) {
        faults.push(format!("row {row} lacks {own:?} in {table}"));
    }
}
