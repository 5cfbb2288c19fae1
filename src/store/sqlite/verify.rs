//! Checking a whole store: that the file is sound, that the index rows are exactly those of the living resources, and that
//! versions, histories, counters and the change feed tell the same story.

use rusqlite::Connection;

use super::kinds::Kinds;
use super::recover::each_state;
use super::runs::{self, Walk};
use super::tables::{Changes, Post, Row, TableVisitor, Tables};
use super::{failed, read};
use crate::store::port::StoreError;

/// More faults than this are not listed.
const MOST: usize = 100;
/// Resources looked at together.
const STEP: i64 = 5000;

/// Faults in words, at most [`MOST`]; none if all is well. Looks at everything, so it takes its time.
pub(super) fn verify(connection: &Connection, kinds: &Kinds) -> Result<Vec<String>, StoreError> {
    let snapshot = connection.unchecked_transaction().map_err(failed)?;
    let mut faults = Vec::new();
    told(&snapshot, "PRAGMA integrity_check(20)", |line| (line != "ok").then(|| format!("the file is damaged: {line}")), &mut faults)?;
    index(&snapshot, &mut faults)?;
    for (sql, meaning) in STORIES {
        told(&snapshot, sql, |what| Some(format!("{meaning}: {what}")), &mut faults)?;
    }
    bodies(&snapshot, kinds, &mut faults)?;
    faults.truncate(MOST);
    Ok(faults)
}

/// Each gives a line of text for every fault of its kind.
const STORIES: &[(&str, &str)] = &[
    (
        "SELECT name || ' has ' || (SELECT count(*) FROM resource WHERE kind = code AND body IS NOT NULL) || ', not ' || living
         FROM kind WHERE living <> (SELECT count(*) FROM resource WHERE kind = code AND body IS NOT NULL)",
        "a type's counter is wrong",
    ),
    (
        "SELECT 'row ' || r.rid FROM resource r LEFT JOIN carried c ON c.rid = r.rid
         WHERE (r.body IS NULL) <> (c.rid IS NULL) OR (r.body IS NULL) <> (r.method = 2) OR (c.id, c.updated) <> (r.id, r.updated)",
        "a resource is neither alive nor deleted",
    ),
    ("SELECT count(*) || ' changes up to number ' || max(seq) FROM change HAVING max(seq) <> count(*)", "the change feed has gaps"),
    (
        "SELECT 'number ' || seq FROM (SELECT seq, updated, lag(updated) OVER (ORDER BY seq) AS before FROM change) WHERE before > updated",
        "the change feed goes back in time",
    ),
    (
        "SELECT 'row ' || r.rid FROM resource r LEFT JOIN (SELECT rid, count(*) AS n, max(version) AS last FROM change GROUP BY rid) c
         ON c.rid = r.rid WHERE c.n IS NOT r.version OR c.last IS NOT r.version",
        "the change feed does not tell all versions of a resource",
    ),
    (
        "SELECT 'row ' || r.rid FROM resource r LEFT JOIN (SELECT rid, count(*) AS n, max(version) AS last FROM history GROUP BY rid) h
         ON h.rid = r.rid WHERE ifnull(h.n, 0) <> r.version - 1 OR ifnull(h.last, 0) <> r.version - 1",
        "the history of a resource is not complete",
    ),
    ("SELECT 'row ' || rid FROM carried WHERE rid NOT IN (SELECT rid FROM resource)", "carried rows belong to no resource"),
    ("SELECT 'row ' || rid FROM history WHERE rid NOT IN (SELECT rid FROM resource)", "a history belongs to no resource"),
    ("SELECT 'number ' || seq FROM change WHERE rid NOT IN (SELECT rid FROM resource)", "a change belongs to no resource"),
];

fn told(connection: &Connection, sql: &str, fault: impl Fn(&str) -> Option<String>, faults: &mut Vec<String>) -> Result<(), StoreError> {
    let mut statement = connection.prepare(sql).map_err(failed)?;
    let mut rows = statement.query([]).map_err(failed)?;
    while faults.len() < MOST
        && let Some(row) = rows.next().map_err(failed)?
    {
        let line: String = row.get(0).map_err(failed)?;
        faults.extend(fault(&line));
    }
    Ok(())
}

/// Every row that a resource's keys name must be there; if there are as many rows as were named, there are no others.
fn index(connection: &Connection, faults: &mut Vec<String>) -> Result<(), StoreError> {
    let number = |sql: &str| connection.query_row(sql, [], |row| row.get::<_, Option<i64>>(0)).map_err(failed);
    let last = number("SELECT max(rid) FROM resource")?.unwrap_or(0);
    let mut counts = Counts { connection, faults, named: Vec::new() };
    let mut named_posts = 0;
    for after in (0..=last).step_by(usize::try_from(STEP).unwrap_or(1)) {
        let mut tables = Tables::default();
        each_state(connection, after, after + STEP, |row, state| tables.add(row, &state))?;
        tables.sort();
        tables.visit(&mut counts)?;
        named_posts += posts(connection, tables.posts(), counts.faults);
    }
    for (table, young, named) in counts.named {
        let there = number(&format!("SELECT (SELECT count(*) FROM {table}) + (SELECT count(*) FROM {young})"))?.unwrap_or(0);
        if there > named {
            faults.push(format!("{} rows of {table} belong to no resource", there - named));
        }
    }
    let mut there = 0;
    runs::each(connection, |post, rows| match rows {
        Some(rows) => there += rows.len(),
        None => faults.push(format!("a run of the post {post} is damaged")),
    })?;
    if there > named_posts {
        faults.push(format!("{} row ids of runs belong to no resource", there - named_posts));
    }
    Ok(())
}

/// Looks for posts, sorted, in the runs; gives how many are there.
fn posts(connection: &Connection, posts: &[(Post, bool)], faults: &mut Vec<String>) -> usize {
    let mut there = 0;
    for group in posts.chunk_by(|(a, _), (b, _)| a.0 == b.0) {
        let Some((first, _)) = group.first() else { continue };
        let mut walk = Walk::new(connection, first.0, i64::MAX);
        for (Post(post, row), _) in group.iter().rev() {
            match walk.seek(*row) {
                Ok(found) if found == Some(*row) => there += 1,
                Ok(_) if faults.len() < MOST => faults.push(format!("row {row} lacks the post {post}")),
                // A damaged run is told below.
                Ok(_) | Err(_) => {}
            }
        }
    }
    there
}

struct Counts<'c> {
    connection: &'c Connection,
    faults: &'c mut Vec<String>,
    /// The tables, old and young, and how many of the rows that resources name are there.
    named: Vec<(&'static str, &'static str, i64)>,
}

impl TableVisitor for Counts<'_> {
    fn visit<R: Row>(&mut self, rows: &Changes<R>) -> Result<(), StoreError> {
        let tests: Vec<String> = R::COLUMNS.iter().zip(1..).map(|(column, number)| format!("{column} = ?{number}")).collect();
        let count = |table| format!("(SELECT count(*) FROM {table} WHERE {})", tests.join(" AND "));
        let sql = format!("SELECT {} + {}", count(R::TABLE), count(R::YOUNG));
        let mut statement = self.connection.prepare_cached(&sql).map_err(failed)?;
        let mut there = 0;
        for (row, _) in rows {
            row.bind(&mut statement, 1).map_err(failed)?;
            let count: i64 = match statement.raw_query().next().map_err(failed)? {
                Some(found) => found.get(0).map_err(failed)?,
                None => 0,
            };
            if count != 1 && self.faults.len() < MOST {
                let told = if count == 0 { "lacks" } else { "has twice" };
                self.faults.push(format!("row {} {told} {row:?} in {}", row.resource(), R::TABLE));
            }
            there += count;
        }
        match self.named.iter_mut().find(|(table, ..)| *table == R::TABLE) {
            Some((.., named)) => *named += there,
            None => self.named.push((R::TABLE, R::YOUNG, there)),
        }
        Ok(())
    }
}

/// Every body says which resource and version it is.
fn bodies(connection: &Connection, kinds: &Kinds, faults: &mut Vec<String>) -> Result<(), StoreError> {
    let mut statement = connection.prepare("SELECT rid FROM resource WHERE body IS NOT NULL").map_err(failed)?;
    let mut rows = statement.query([]).map_err(failed)?;
    while faults.len() < MOST
        && let Some(row) = rows.next().map_err(failed)?
    {
        let version = read::hit(connection, kinds, row.get(0).map_err(failed)?)?;
        let (kind, id, number) = (version.key.kind, &version.key.id, version.version);
        let head = format!("{{\"resourceType\":\"{kind}\",\"id\":\"{id}\",\"meta\":{{\"versionId\":\"{number}\",");
        if !version.body.as_ref().is_some_and(|body| body.starts_with(head.as_bytes())) {
            faults.push(format!("the content of {} does not say that it is version {number} of it", version.key));
        }
    }
    Ok(())
}
