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

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::{Notify, watch};

use super::Shared;
use super::batch::GUARD;
use super::connect::{Connection, Statements};
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
const TOGETHER: usize = if cfg!(test) { 4 } else { 256 };
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
    fn left(&mut self, place: Place, last: i64) {
        let small = self.small.entry(place).or_insert(Small { lines: 0, from: i64::MAX });
        small.from = small.from.min(last);
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
async fn join(connection: &Connection, shared: &Shared, places: Vec<(Place, i64)>) -> Result<(), Fault> {
    let mut by_shard: BTreeMap<i16, Asked> = BTreeMap::new();
    for (place, from) in places {
        match place {
            Place::Post(post, shard) => by_shard.entry(shard).or_default().posts.push((post, from)),
            Place::Spot(spot, shard) => by_shard.entry(shard).or_default().spots.push((spot, from)),
        }
    }
    // Nobody waits for it to be durable: if it is lost, the lines are as they were.
    let begin = "BEGIN ISOLATION LEVEL READ COMMITTED; SET LOCAL synchronous_commit = off";
    connection.statement(GUARD).await?;
    let (begun, guard) = tokio::join!(connection.run(begin), connection.query(GUARD, &[]));
    begun.and(guard.map(drop))?;
    let (mut posts, mut spots): (Lines<i64>, Lines<Spot>) = Default::default();
    for (shard, asked) in by_shard {
        let (own, others) = asked.joined(connection, shard).await?;
        posts.extend(own);
        spots.extend(others);
    }
    let mut left = Vec::new();
    posts.iter().filter(|(.., line)| has_room(line)).for_each(|(shard, post, line)| left.push((Place::Post(*post, *shard), line.last)));
    spots.iter().filter(|(.., line)| has_room(line)).for_each(|(shard, spot, line)| left.push((Place::Spot(*spot, *shard), line.last)));
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
    left.into_iter().for_each(|(place, last)| counts.left(place, last));
    Ok(())
}

fn has_room(line: &Line) -> bool {
    line.bytes.as_ref().is_none_or(|bytes| i64::try_from(bytes.len()).unwrap_or(i64::MAX) < FULL)
}

/// Places of one shard, each with the name from which its lines are joined.
#[derive(Debug, Default)]
struct Asked {
    posts: Vec<(i64, i64)>,
    spots: Vec<(Spot, i64)>,
}

impl Asked {
    /// Takes the small lines away; gives what takes their place.
    async fn joined(mut self, connection: &Connection, shard: i16) -> Result<(Lines<i64>, Lines<Spot>), Fault> {
        // In one order, by whichever gateway.
        self.posts.sort_unstable();
        self.posts.dedup_by_key(|(post, _)| *post);
        self.spots.sort_unstable();
        self.spots.dedup_by_key(|(spot, _)| *spot);
        let (posts, from): (Vec<i64>, Vec<i64>) = self.posts.iter().copied().unzip();
        let (spots, spots_from): (Vec<Spot>, Vec<i64>) = self.spots.iter().copied().unzip();
        let (s, k) = series(&spots);
        let of_posts = connection.query(TAKE_POSTS, &[&shard, &posts, &from, &FULL]).await?;
        let of_spots = connection.query(TAKE_SPOTS, &[&shard, &s, &k, &spots_from, &FULL]).await?;
        let gone = connection.query(GONE, &[&shard, &posts]).await?;
        let mut named: BTreeMap<i64, BTreeSet<i64>> = BTreeMap::new();
        for row in of_posts {
            named.entry(row.try_get(0)?).or_default().extend(line(&row, 1)?);
        }
        let mut standing: BTreeMap<Spot, BTreeSet<i64>> = BTreeMap::new();
        for row in of_spots {
            standing.entry(Spot { s: row.try_get(0)?, k: row.try_get(4)? }).or_default().extend(line(&row, 1)?);
        }
        // Of what is gone, that which the lines at hand name; nothing says so any more then.
        let gone = gone.iter().map(|row| Ok((row.try_get(0)?, row.try_get(1)?))).collect::<Result<Vec<(i64, i64)>, Fault>>()?;
        let gone = gone.into_iter().filter(|(post, row)| named.get(post).is_some_and(|rows| rows.contains(row)));
        let (of, rows): (Vec<i64>, Vec<i64>) = gone.unzip();
        if !of.is_empty() {
            for settled in connection.query(SETTLE, &[&shard, &of, &rows]).await? {
                let (post, row): (i64, i64) = (settled.try_get(0)?, settled.try_get(1)?);
                named.entry(post).or_default().remove(&row);
            }
        }
        Ok((packed(shard, named), packed(shard, standing)))
    }
}

fn packed<K: Copy>(shard: i16, rows: BTreeMap<K, BTreeSet<i64>>) -> Lines<K> {
    let lines = |(key, rows): (K, BTreeSet<i64>)| pack(rows.into_iter().collect()).into_iter().map(move |line| (shard, key, line));
    rows.into_iter().flat_map(lines).collect()
}

const TAKE_POSTS: &str = "DELETE FROM post AS p USING unnest($2::int8[], $3::int8[]) AS w(k, low)
    WHERE p.shard = $1 AND p.k = w.k AND p.last >= w.low AND coalesce(octet_length(p.rids), 0) < $4::int8
    RETURNING p.k, p.last, p.n, p.rids";

const TAKE_SPOTS: &str = "DELETE FROM span AS p USING unnest($2::int4[], $3::int8[], $4::int8[]) AS w(s, k, low)
    WHERE p.shard = $1 AND p.s = w.s AND p.k = w.k AND p.last >= w.low AND coalesce(octet_length(p.rids), 0) < $5::int8
    RETURNING p.s, p.last, p.n, p.rids, p.k";

const GONE: &str = "SELECT k, rid FROM gone WHERE shard = $1 AND k = ANY ($2::int8[]) LIMIT 10000";

const SETTLE: &str = "DELETE FROM gone AS g USING unnest($2::int8[], $3::int8[]) AS w(k, rid)
    WHERE g.shard = $1 AND g.k = w.k AND g.rid = w.rid RETURNING g.k, g.rid";
