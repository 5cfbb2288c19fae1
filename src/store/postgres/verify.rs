//! Checking a whole store: that the runs name exactly the living resources that have a post, and all that stand where a value
//! is; and that versions, histories, counters and the change feed tell the same story.

use std::collections::HashSet;

use tokio_postgres::Row;

use super::Shared;
use super::batch::unpack;
use super::connect::Connection;
use super::dictionary::ready;
use super::entries;
use super::fault::Fault;
use super::read;
use super::runs::line;
use super::spans::{Spot, of_moment, of_number, of_text};
use crate::model::reference::Key;

/// More faults than this are not listed.
const MOST: usize = 100;
/// Lines read together.
const STEP: i64 = 1000;
/// Index rows held together in memory: the keys are gone through in as many shares as that takes.
const HELD: i64 = if cfg!(test) { 20 } else { 20_000_000 };

/// Each gives a line of text for every fault of its kind.
const STORIES: &[(&str, &str)] = &[
    (
        "SELECT k.name || ' has ' || coalesce(c.n, 0) || ', not ' || k.living FROM kind k LEFT JOIN
         (SELECT kind, count(*) AS n FROM resource WHERE body IS NOT NULL GROUP BY kind) c ON c.kind = k.code WHERE coalesce(c.n, 0) <> k.living",
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
];

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
    let named = connection.number("SELECT coalesce(sum(n), 0)::int8 FROM post", &[]).await?;
    let shares = u64::try_from(named / HELD).unwrap_or(0) + 1;
    for number in 0..shares {
        let share = Share { number, of: shares };
        if faults.len() < MOST {
            index(connection, shared, share, &mut faults).await?;
        }
    }
    for (sql, meaning) in STORIES {
        for row in connection.query(&format!("SELECT line FROM ({sql}) AS s(line) LIMIT 100"), &[]).await? {
            faults.push(format!("{meaning}: {}", row.try_get::<_, &str>(0)?));
        }
    }
    connection.run("COMMIT").await?;
    faults.truncate(MOST);
    Ok(faults)
}

/// A part of all keys.
#[derive(Debug, Clone, Copy)]
struct Share {
    number: u64,
    of: u64,
}

impl Share {
    fn has(self, key: i64) -> bool {
        key.cast_unsigned() % self.of == self.number
    }
}

/// A key, and a resource by shard and row id.
type Named<K> = HashSet<(K, i16, i64)>;

/// What the resources say is held against what the tables say, for the keys of a share.
async fn index(connection: &Connection, shared: &Shared, share: Share, faults: &mut Vec<String>) -> Result<(), Fault> {
    let (mut posts, mut spots): (Named<i64>, Named<Spot>) = Default::default();
    let mut resources = HashSet::new();
    let mut last = (i64::MIN, i16::MIN);
    loop {
        let sql = "SELECT rid, shard, kind, id, version, updated, method, body, keys FROM resource
            WHERE (rid, shard) > ($1, $2) ORDER BY rid, shard LIMIT $3";
        let lines = connection.query(sql, &[&last.0, &last.1, &STEP]).await?;
        let Some(end) = lines.last() else { break };
        last = (end.try_get(0)?, end.try_get(1)?);
        ready(connection, shared, &lines, &[7, 8]).await?;
        for row in &lines {
            let (own, shard) = (row.try_get(0)?, row.try_get(1)?);
            resources.insert((shard, own));
            if share.number == 0 {
                content(shared, row, faults)?;
            }
            let Some(keys) = row.try_get::<_, Option<&[u8]>>(8)? else { continue };
            let rows = match read::keys(shared, own, keys).and_then(|keys| unpack(own, &keys)) {
                Ok(rows) => rows,
                Err(error) => {
                    faults.push(error.to_string());
                    continue;
                }
            };
            posts.extend(rows.posts.iter().map(|post| (post.cast_signed(), shard, own)).filter(|(post, ..)| share.has(*post)));
            let places = rows.numbers.iter().map(of_number).chain(rows.texts.iter().map(|row| of_text(row.parameter, &row.text)));
            let places = places.chain([of_moment(rows.last_updated, row.try_get(5)?)]);
            spots.extend(places.map(|spot| (spot, shard, own)).filter(|(spot, ..)| share.has(spot.at)));
        }
    }
    named_posts(connection, share, posts, faults).await?;
    named_spots(connection, share, spots, &resources, faults).await
}

/// The text must be readable; what it says of itself is made when it is read.
fn content(shared: &Shared, row: &Row, faults: &mut Vec<String>) -> Result<(), Fault> {
    let key = Key { kind: shared.kinds.kind(row.try_get(2)?)?, id: read::id_of(row.try_get(3)?)? };
    match read::version(shared, row, 4, key.clone()) {
        Err(Fault::Store(error)) => faults.push(error.to_string()),
        Ok(version) if version.body.as_ref().is_some_and(|body| !body.ends_with(b"}")) => {
            faults.push(format!("the content of {key} is damaged: its end is missing"));
        }
        other => drop(other?),
    }
    Ok(())
}

/// Each living resource stands once in the runs of each of its posts, and in no others but those that `gone` tells.
async fn named_posts(connection: &Connection, share: Share, mut wanted: Named<i64>, faults: &mut Vec<String>) -> Result<(), Fault> {
    let mut gone: Named<i64> = HashSet::new();
    let mut last = (i64::MIN, i64::MIN);
    loop {
        let sql = "SELECT k, rid, shard FROM gone WHERE (k, rid) > ($1, $2) ORDER BY k, rid LIMIT $3";
        let lines = connection.query(sql, &[&last.0, &last.1, &STEP]).await?;
        let Some(end) = lines.last() else { break };
        last = (end.try_get(0)?, end.try_get(1)?);
        for row in &lines {
            gone.insert((row.try_get(0)?, row.try_get(2)?, row.try_get(1)?));
        }
    }
    gone.retain(|(post, ..)| share.has(*post));
    let told = |(post, _, row): &(i64, i16, i64)| format!("row {row} is told to lack the post {post}, but has it");
    faults.extend(gone.intersection(&wanted).take(MOST).map(told));
    let mut last = (i64::MIN, i64::MIN, i16::MIN);
    loop {
        let sql = "SELECT k, last, n, rids, shard, first FROM post WHERE (k, last, shard) > ($1, $2, $3) ORDER BY k, last, shard LIMIT $4";
        let lines = connection.query(sql, &[&last.0, &last.1, &last.2, &STEP]).await?;
        let Some(end) = lines.last() else { break };
        last = (end.try_get(0)?, end.try_get(1)?, end.try_get(4)?);
        for row in &lines {
            if faults.len() >= MOST {
                return Ok(());
            }
            let (post, shard) = (row.try_get(0)?, row.try_get(4)?);
            if !share.has(post) {
                continue;
            }
            let rows = named(row, faults);
            // A run of a gateway of the version before does not tell it.
            let first: Option<i64> = row.try_get(5)?;
            if first.is_some() && first.as_ref() != rows.last() {
                faults.push(format!("the run {} of the post {post} does not begin where it says", last.1));
            }
            for own in rows {
                let key = (post, shard, own);
                if !wanted.remove(&key) && !gone.remove(&key) {
                    faults.push(format!("a run of the post {post} names row {own}, which lacks it or was named before"));
                }
            }
        }
    }
    let told = |(post, _, row): &(i64, i16, i64)| format!("row {row} lacks the post {post}");
    faults.extend(wanted.iter().take(MOST).map(told));
    let told = |(post, _, row): &(i64, i16, i64)| format!("no run of the post {post} names row {row}, which is told to be gone");
    faults.extend(gone.iter().take(MOST).map(told));
    Ok(())
}

/// Each living resource stands where its values are; where it stood before it may stand, too.
async fn named_spots(
    connection: &Connection,
    share: Share,
    mut wanted: Named<Spot>,
    resources: &HashSet<(i16, i64)>,
    faults: &mut Vec<String>,
) -> Result<(), Fault> {
    let mut last = (i32::MIN, i64::MIN, i64::MIN, i16::MIN);
    loop {
        let sql = "SELECT s, k, name, n, rows, shard FROM place WHERE (s, k, name, shard) > ($1, $2, $3, $4)
            ORDER BY s, k, name, shard LIMIT $5";
        let lines = connection.query(sql, &[&last.0, &last.1, &last.2, &last.3, &STEP]).await?;
        let Some(end) = lines.last() else { break };
        last = (end.try_get(0)?, end.try_get(1)?, end.try_get(2)?, end.try_get(5)?);
        for row in &lines {
            if faults.len() >= MOST {
                return Ok(());
            }
            let shard = row.try_get(5)?;
            let standing = entries::line(row, 0).unwrap_or_else(|fault| {
                faults.push(format!("{fault:?}"));
                Vec::new()
            });
            for (spot, own) in standing.into_iter().filter(|(spot, _)| share.has(spot.at)) {
                if !wanted.remove(&(spot, shard, own)) && !resources.contains(&(shard, own)) {
                    faults.push(format!("row {own} stands at {spot:?}, but belongs to no resource"));
                }
            }
        }
    }
    faults.extend(wanted.iter().take(MOST).map(|(spot, _, row)| format!("row {row} does not stand at {spot:?}")));
    Ok(())
}

/// The row ids of a line; a damaged one is a fault.
fn named(row: &Row, faults: &mut Vec<String>) -> Vec<i64> {
    line(row, 1).unwrap_or_else(|fault| {
        faults.push(format!("{fault:?}"));
        Vec::new()
    })
}
