//! Small lines joined: each transaction adds a line per key, and this makes few of many.
//!
//! A gateway counts the lines that it writes per key; where there are enough, it joins them, with what other gateways have added
//! meanwhile. Searches are right without it, and two gateways that join the same lines get in nobody's way: what one has taken
//! away the other does not find.
//!
//! Row ids that are named in `gone` are left out, and their lines there taken away. A writer that gives a resource a post back
//! takes the same line away; whoever comes second finds none and does the right thing: the writer adds the row id to a new line,
//! and this here leaves it where it is. Searches of several statements without a snapshot of their own hold `guard`, as this
//! does, so that nothing moves from a line that they have yet to read to one that they have read.

use std::collections::{BTreeSet, HashMap, HashSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::{Notify, watch};
use tokio_postgres::Row;

use super::Shared;
use super::batch::GUARD;
use super::connect::{Connection, Later, Statements, together};
use super::fault::Fault;
use super::index::{Lines, POSTS, SPOTS, columns, series};
use super::runs::{Line, line, pack};
use super::spans::Spot;

/// A key of either table, and its shard.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
enum Place {
    Post(i64, i16),
    Spot(Spot, i16),
}

/// Small lines of one place.
#[derive(Debug, Clone, Copy)]
struct Small {
    lines: u32,
    /// The least name among them.
    from: i64,
}

/// Where lines were added.
#[derive(Debug, Default)]
pub(super) struct Ragged {
    counts: Mutex<Counts>,
    ready: Notify,
}

#[derive(Debug, Default)]
struct Counts {
    small: HashMap<Place, Small>,
    ready: Vec<(Place, i64)>,
}

/// So many small lines are joined.
const ENOUGH: u32 = if cfg!(test) { 3 } else { 16 };
/// Places that are counted; beyond, those with few lines are forgotten.
const PLACES: usize = if cfg!(test) { 50 } else { 400_000 };
/// Places joined in one transaction.
const TOGETHER: usize = if cfg!(test) { 4 } else { 64 };
/// Lines looked at in one place.
const MOST: i64 = 200;
/// A line with more bytes is full enough to be left alone.
const FULL: i64 = if cfg!(test) { 2 } else { 600 };

impl Ragged {
    /// Hears of lines that are written.
    pub(super) fn note(&self, posts: &Lines<i64>, spots: &Lines<Spot>, again: &Lines<Spot>) {
        let mut counts = self.counts();
        for (shard, post, line) in posts {
            counts.note(Place::Post(*post, *shard), line);
        }
        for (shard, spot, line) in spots.iter().chain(again) {
            counts.note(Place::Spot(*spot, *shard), line);
        }
        if !counts.ready.is_empty() {
            self.ready.notify_one();
        }
    }

    /// Some places that are to be tidied up.
    fn take(&self) -> Vec<(Place, i64)> {
        let mut counts = self.counts();
        let left = counts.ready.len().saturating_sub(TOGETHER);
        counts.ready.split_off(left)
    }

    fn counts(&self) -> MutexGuard<'_, Counts> {
        // Losing a count does no harm.
        self.counts.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Counts {
    fn note(&mut self, place: Place, line: &Line) {
        if self.small.len() >= PLACES {
            self.small.retain(|_, small| {
                small.lines /= 2;
                small.lines > 0
            });
        }
        let small = self.small.entry(place).or_insert(Small { lines: 0, from: i64::MAX });
        *small = Small { lines: small.lines + 1, from: small.from.min(line.last) };
        if small.lines >= ENOUGH {
            let from = small.from;
            self.small.remove(&place);
            self.ready.push((place, from));
        }
    }

    /// A line with room was left, which the next ones may join.
    fn left(&mut self, place: Place, line: &Line) {
        let small = self.small.entry(place).or_insert(Small { lines: 0, from: i64::MAX });
        small.from = small.from.min(line.last);
    }
}

/// Joins lines until the store is closed.
pub(super) async fn run(shared: Arc<Shared>, mut closing: watch::Receiver<bool>) {
    let mut connection = None;
    loop {
        tokio::select! {
            biased;
            _ = closing.wait_for(|closing| *closing) => return,
            () = shared.ragged.ready.notified() => {}
        }
        loop {
            let places = shared.ragged.take();
            if places.is_empty() || *closing.borrow() {
                break;
            }
            // What fails is left as it is: the next lines of a place bring it here again.
            connection = match connection.take() {
                Some(connection) => Some(connection),
                None => shared.address.connect().await.ok(),
            };
            if let Some(own) = &connection
                && join(own, &shared, places).await.is_err()
                && own.run("ROLLBACK").await.is_err()
            {
                connection = None;
            }
        }
    }
}

/// Joins the small lines of some places in one transaction.
async fn join(connection: &Connection, shared: &Shared, mut places: Vec<(Place, i64)>) -> Result<(), Fault> {
    places.sort_unstable();
    places.dedup_by_key(|(place, _)| *place);
    // Nobody waits for it to be durable: if it is lost, the lines are as they were.
    connection.statement(GUARD).await?;
    let begin = "BEGIN ISOLATION LEVEL READ COMMITTED; SET LOCAL synchronous_commit = off";
    let (begun, guard) = tokio::join!(connection.run(begin), connection.query(GUARD, &[]));
    begun.and(guard.map(drop))?;
    let small = together(places.iter().map(|(place, from)| look(connection, *place, *from)).collect()).await?;
    let names: Vec<(Place, Vec<i64>)> =
        places.iter().zip(small).filter(|(_, names)| names.len() > 1).map(|((place, _), names)| (*place, names)).collect();
    let taken = together(names.iter().map(|(place, names)| take(connection, *place, names)).collect()).await?;
    let gone = together(names.iter().zip(&taken).map(|((place, _), rows)| settle(connection, *place, rows)).collect()).await?;
    let (mut posts, mut spots): (Lines<i64>, Lines<Spot>) = Default::default();
    let mut left = Vec::new();
    for (((place, _), rows), gone) in names.iter().zip(taken).zip(gone) {
        let rows: Vec<i64> = rows.into_iter().filter(|row| !gone.contains(row)).collect();
        for line in pack(rows) {
            if line.bytes.as_ref().is_none_or(|bytes| i64::try_from(bytes.len()).unwrap_or(i64::MAX) < FULL) {
                left.push((*place, line.clone()));
            }
            match place {
                Place::Post(post, shard) => posts.push((*shard, *post, line)),
                Place::Spot(spot, shard) => spots.push((*shard, *spot, line)),
            }
        }
    }
    let (posts, spots) = (columns(&posts), columns(&spots));
    let spot_keys = series(&spots.1);
    let mut statements: Statements<'_> = Vec::new();
    if !posts.0.is_empty() {
        statements.push((POSTS, vec![&posts.0, &posts.1, &posts.2, &posts.3, &posts.4]));
    }
    if !spots.0.is_empty() {
        statements.push((SPOTS, vec![&spots.0, &spot_keys.0, &spot_keys.1, &spots.2, &spots.3, &spots.4]));
    }
    connection.send(&statements).await?;
    connection.run("COMMIT").await?;
    let mut counts = shared.ragged.counts();
    left.iter().for_each(|(place, line)| counts.left(*place, line));
    Ok(())
}

/// The names of the small lines of a place.
fn look(connection: &Connection, place: Place, from: i64) -> Later<'_, Vec<i64>> {
    Box::pin(async move {
        let lines = match place {
            Place::Post(post, shard) => {
                let sql = "SELECT last FROM (SELECT last, octet_length(rids) AS size FROM post WHERE k = $1 AND shard = $2 AND last >= $3
                    ORDER BY last LIMIT $4) AS l WHERE coalesce(size, 0) < $5::int8";
                connection.query(sql, &[&post, &shard, &from, &MOST, &FULL]).await?
            }
            Place::Spot(Spot { s, k }, shard) => {
                let sql = "SELECT last FROM (SELECT last, octet_length(rids) AS size FROM span WHERE s = $1 AND k = $2 AND shard = $3
                    AND last >= $4 ORDER BY last LIMIT $5) AS l WHERE coalesce(size, 0) < $6::int8";
                connection.query(sql, &[&s, &k, &shard, &from, &MOST, &FULL]).await?
            }
        };
        lines.iter().map(|line| Ok(line.try_get(0)?)).collect()
    })
}

/// Takes lines away; gives the row ids that they named.
fn take<'a>(connection: &'a Connection, place: Place, names: &'a [i64]) -> Later<'a, Vec<i64>> {
    Box::pin(async move {
        let lines: Vec<Row> = match place {
            Place::Post(post, shard) => {
                let sql = "DELETE FROM post WHERE k = $1 AND shard = $2 AND last = ANY ($3::int8[]) RETURNING last, n, rids";
                connection.query(sql, &[&post, &shard, &names]).await?
            }
            Place::Spot(Spot { s, k }, shard) => {
                let sql = "DELETE FROM span WHERE s = $1 AND k = $2 AND shard = $3 AND last = ANY ($4::int8[]) RETURNING last, n, rids";
                connection.query(sql, &[&s, &k, &shard, &names]).await?
            }
        };
        let rows: BTreeSet<i64> = lines.iter().map(|row| line(row, 0)).collect::<Result<Vec<_>, Fault>>()?.into_iter().flatten().collect();
        Ok(rows.into_iter().collect())
    })
}

/// Those of some row ids that no longer have the post; nothing says so any more.
fn settle<'a>(connection: &'a Connection, place: Place, rows: &'a [i64]) -> Later<'a, HashSet<i64>> {
    Box::pin(async move {
        let Place::Post(post, shard) = place else { return Ok(HashSet::new()) };
        let sql = "DELETE FROM gone WHERE k = $1 AND shard = $2 AND rid = ANY ($3::int8[]) RETURNING rid";
        let lines = connection.query(sql, &[&post, &shard, &rows]).await?;
        lines.iter().map(|line| Ok(line.try_get(0)?)).collect()
    })
}
