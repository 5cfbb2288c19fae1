//! Small lines joined: each transaction adds a line per key, and this makes few of many.
//!
//! A gateway counts the lines that it writes per key; where there are enough, it joins them, with what other gateways have added
//! meanwhile. Searches are right without it, and two gateways that join the same lines get in nobody's way: what one has taken
//! away the other does not find. Fresh lines of a series are joined until there are enough values to spread over its places.
//!
//! Row ids that are named in `gone` are left out, and their lines there taken away; when many are gone of a key, its full lines are
//! written anew, too. A writer that gives a resource a post back takes the same line away; whoever comes second finds none and does
//! the right thing: the writer adds the row id to a new line, and this here leaves it where it is. Searches of several statements
//! without a snapshot of their own hold `guard`, as this does, so that nothing moves from a line that they have yet to read to one
//! that they have read.
//!
//! Lines that were joined leave room behind, which the database finds again when it is told to look (`VACUUM`).

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use tokio::sync::watch;
use tokio_postgres::Row;

use super::Shared;
use super::batch::GUARD;
use super::connect::{Connection, Statements};
use super::entries::{self, ROOM, Standing, fresh_lines, settled_lines};
use super::fault::Fault;
use super::index::{Lines, POSTS, Placed, Places, columns};
use super::ragged::{Place, Work};
use super::runs::{Line, line, pack};
use super::spans::fresh;

/// A line of a post with more bytes is full enough to be left alone.
const FULL: i64 = if cfg!(test) { 2 } else { 600 };
/// Fresh lines of a series that are taken at a time.
const TAKEN: i64 = if cfg!(test) { 5 } else { 64 };
/// So many values of a series are spread over its places.
const SPREAD: usize = if cfg!(test) { 8 } else { 1000 };
/// So many row ids that are gone of a post are left out at a time.
const SETTLED: i64 = if cfg!(test) { 5 } else { 4000 };
/// So many lines that were taken away leave room worth looking for, if it is a tenth of the table.
const ROOMY: i64 = if cfg!(test) { 40 } else { 20_000 };

/// Joins lines until the store is closed.
pub(super) async fn run(shared: Arc<Shared>, mut closing: watch::Receiver<bool>) {
    let mut connection = None;
    let mut taken = Taken::default();
    loop {
        tokio::select! {
            biased;
            _ = closing.wait_for(|closing| *closing) => return,
            () = shared.ragged.ready() => {}
        }
        loop {
            let work = shared.ragged.take();
            if work.is_empty() || *closing.borrow() {
                break;
            }
            // What fails is left as it is: the next lines of a place bring it here again.
            connection = match connection.take() {
                Some(connection) => Some(connection),
                None => shared.address.connect().await.ok(),
            };
            let Some(own) = &connection else { continue };
            match join(own, &shared, work).await {
                Ok(more) => taken.add(more),
                Err(_) if own.run("ROLLBACK").await.is_err() => connection = None,
                Err(_) => {}
            }
            if let Some(own) = &connection {
                // In a large store it takes a while, for which nobody who closes it should wait.
                tokio::select! {
                    biased;
                    _ = closing.wait_for(|closing| *closing) => return,
                    () = taken.tidy(own) => {}
                }
            }
        }
    }
}

/// Lines that were taken away since the room of their tables was last looked for.
#[derive(Debug, Default)]
struct Taken {
    posts: i64,
    places: i64,
}

impl Taken {
    fn add(&mut self, more: Self) {
        self.posts += more.posts;
        self.places += more.places;
    }

    /// Has the database look for room. It does so by itself, but late where much is written; if it refuses, nothing is wrong.
    async fn tidy(&mut self, connection: &Connection) {
        for (taken, table, lines) in [(&mut self.posts, "post", LINES_OF_POST), (&mut self.places, "place", LINES_OF_PLACE)] {
            if *taken < ROOMY || connection.number(lines, &[]).await.is_ok_and(|lines| *taken < lines / 10) {
                continue;
            }
            let _ = connection.run(&format!("VACUUM (SKIP_LOCKED, TRUNCATE OFF) {table}")).await;
            *taken = 0;
        }
    }
}

const LINES_OF_POST: &str = "SELECT reltuples::int8 FROM pg_class WHERE oid = 'post'::regclass";
const LINES_OF_PLACE: &str = "SELECT reltuples::int8 FROM pg_class WHERE oid = 'place'::regclass";

/// Joins the small lines of some places in one transaction; tells how many were taken away.
async fn join(connection: &Connection, shared: &Shared, work: Work) -> Result<Taken, Fault> {
    let mut by_shard: BTreeMap<i16, Asked> = BTreeMap::new();
    for (place, from) in work {
        match place {
            Place::Post(post, shard) => by_shard.entry(shard).or_default().posts.push((post, from)),
            Place::Gone(post, shard) => by_shard.entry(shard).or_default().thinned.push(post),
            Place::Fresh(s, shard) => by_shard.entry(shard).or_default().fresh.push(s),
            Place::Settled(s, k, shard) => by_shard.entry(shard).or_default().places.push(((s, k), from)),
        }
    }
    // Nobody waits for it to be durable: if it is lost, the lines are as they were.
    let begin = "BEGIN ISOLATION LEVEL READ COMMITTED; SET LOCAL synchronous_commit = off";
    connection.statement(GUARD).await?;
    let (begun, guard) = tokio::join!(connection.run(begin), connection.query(GUARD, &[]));
    begun.and(guard.map(drop))?;
    let (mut posts, mut places, mut spread, mut taken): (Lines<i64>, Placed, Placed, Taken) = Default::default();
    for (shard, mut asked) in by_shard {
        asked.order();
        posts.extend(asked.posts(connection, shard, &mut taken).await?);
        posts.extend(asked.thinned(connection, shard, &mut taken).await?);
        spread.extend(asked.spread(connection, shared, shard, &mut taken).await?.into_iter().map(|line| (shard, line)));
        places.extend(asked.places(connection, shared, shard, &mut taken).await?.into_iter().map(|line| (shard, line)));
    }
    let has_room = |line: &Line| line.bytes.as_ref().is_none_or(|bytes| i64::try_from(bytes.len()).unwrap_or(i64::MAX) < FULL);
    let settled = |(shard, line): &(i16, entries::Line)| {
        (!line.is_fresh() && line.count < ROOM).then_some((Place::Settled(line.s, line.k, *shard), line.name))
    };
    let own = posts.iter().filter(|(.., line)| has_room(line)).map(|(shard, post, line)| (Place::Post(*post, *shard), line.last));
    let joined: Work = own.chain(places.iter().filter_map(settled)).collect();
    let brought: Work = spread.iter().filter_map(settled).collect();
    places.append(&mut spread);
    let (posts, places) = (columns(&posts), Places::of(&places));
    let mut statements: Statements<'_> = Vec::new();
    if !posts.0.is_empty() {
        statements.push((POSTS, vec![&posts.0, &posts.1, &posts.2, &posts.3, &posts.4, &posts.5]));
    }
    statements.extend(places.statement());
    connection.send(&statements).await?;
    connection.run("COMMIT").await?;
    shared.ragged.left(joined, brought);
    Ok(taken)
}

/// What of one shard is to be joined.
#[derive(Debug, Default)]
struct Asked {
    /// Each with the name from which its lines are joined.
    posts: Vec<(i64, i64)>,
    places: Vec<((i32, i64), i64)>,
    /// Posts of which much is gone.
    thinned: Vec<i64>,
    /// Series whose fresh lines are joined.
    fresh: Vec<i32>,
}

impl Asked {
    /// In one order, by whichever gateway.
    fn order(&mut self) {
        self.posts.sort_unstable();
        self.posts.dedup_by_key(|(post, _)| *post);
        self.places.sort_unstable();
        self.places.dedup_by_key(|(place, _)| *place);
        self.thinned.sort_unstable();
        self.thinned.dedup();
        self.fresh.sort_unstable();
        self.fresh.dedup();
    }

    /// Takes small lines of posts away; gives what takes their place.
    async fn posts(&self, connection: &Connection, shard: i16, taken: &mut Taken) -> Result<Lines<i64>, Fault> {
        if self.posts.is_empty() {
            return Ok(Vec::new());
        }
        let (posts, from): (Vec<i64>, Vec<i64>) = self.posts.iter().copied().unzip();
        let rows = connection.query(TAKE_POSTS, &[&shard, &posts, &from, &FULL]).await?;
        let gone = pairs(&connection.query(GONE, &[&shard, &posts, &(2 * SETTLED)]).await?)?;
        without(connection, shard, named(&rows, taken)?, gone).await
    }

    /// Takes lines of posts away that name what is gone, however full; gives what takes their place.
    async fn thinned(&self, connection: &Connection, shard: i16, taken: &mut Taken) -> Result<Lines<i64>, Fault> {
        let mut lines = Vec::new();
        for post in &self.thinned {
            let gone = pairs(&connection.query(GONE, &[&shard, &[*post].as_slice(), &SETTLED]).await?)?;
            let Some(least) = gone.iter().map(|(_, row)| *row).min() else { continue };
            let rows: BTreeSet<i64> = gone.iter().map(|(_, row)| *row).collect();
            // Nobody else takes lines away meanwhile.
            let mut names = Vec::new();
            for own in connection.query(LINES_FROM, &[&shard, post, &least]).await? {
                if line(&own, 1)?.iter().any(|row| rows.contains(row)) {
                    names.push(own.try_get::<_, i64>(1)?);
                }
            }
            let own = connection.query(TAKE_NAMED, &[&shard, post, &names]).await?;
            lines.extend(without(connection, shard, named(&own, taken)?, gone).await?);
        }
        Ok(lines)
    }

    /// Takes fresh lines of series away; gives lines at their places, or fewer fresh ones if they are too few to be spread.
    async fn spread(&self, connection: &Connection, shared: &Shared, shard: i16, taken: &mut Taken) -> Result<Vec<entries::Line>, Fault> {
        if self.fresh.is_empty() {
            return Ok(Vec::new());
        }
        let series: Vec<i32> = self.fresh.iter().map(|s| fresh(*s)).collect();
        let standing = stand(&connection.query(TAKE_FRESH, &[&shard, &series, &TAKEN]).await?, taken)?;
        let mut by_series: BTreeMap<i32, Standing> = BTreeMap::new();
        standing.into_iter().for_each(|one| by_series.entry(one.0.s).or_default().push(one));
        let (many, few): (Vec<Standing>, Vec<Standing>) = by_series.into_values().partition(|own| own.len() >= SPREAD);
        let mut lines = settled_lines(many.concat(), |row| shared.rows.name(row));
        lines.extend(fresh_lines(few.concat(), |row| shared.rows.name(row)));
        Ok(lines)
    }

    /// Takes small lines at places away; gives what takes their place.
    async fn places(&self, connection: &Connection, shared: &Shared, shard: i16, taken: &mut Taken) -> Result<Vec<entries::Line>, Fault> {
        if self.places.is_empty() {
            return Ok(Vec::new());
        }
        let (places, from): (Vec<(i32, i64)>, Vec<i64>) = self.places.iter().copied().unzip();
        let (s, k): (Vec<i32>, Vec<i64>) = places.into_iter().unzip();
        let rows = connection.query(TAKE_PLACES, &[&shard, &s, &k, &from, &ROOM]).await?;
        Ok(settled_lines(stand(&rows, taken)?, |row| shared.rows.name(row)))
    }
}

/// The row ids of lines by their posts.
type Named = BTreeMap<i64, BTreeSet<i64>>;

fn named(rows: &[Row], taken: &mut Taken) -> Result<Named, Fault> {
    taken.posts += i64::try_from(rows.len()).unwrap_or(0);
    let mut named = Named::new();
    for row in rows {
        named.entry(row.try_get(0)?).or_default().extend(line(row, 1)?);
    }
    Ok(named)
}

fn stand(rows: &[Row], taken: &mut Taken) -> Result<Standing, Fault> {
    taken.places += i64::try_from(rows.len()).unwrap_or(0);
    let mut standing = Standing::new();
    for row in rows {
        standing.extend(entries::line(row, 0)?);
    }
    Ok(standing)
}

fn pairs(rows: &[Row]) -> Result<Vec<(i64, i64)>, Fault> {
    rows.iter().map(|row| Ok((row.try_get(0)?, row.try_get(1)?))).collect()
}

/// Lines of what is named without what is gone of it; nothing says so any more then.
async fn without(connection: &Connection, shard: i16, mut named: Named, gone: Vec<(i64, i64)>) -> Result<Lines<i64>, Fault> {
    let gone = gone.into_iter().filter(|(post, row)| named.get(post).is_some_and(|rows| rows.contains(row)));
    let (of, rows): (Vec<i64>, Vec<i64>) = gone.unzip();
    if !of.is_empty() {
        for (post, row) in pairs(&connection.query(SETTLE, &[&shard, &of, &rows]).await?)? {
            named.entry(post).or_default().remove(&row);
        }
    }
    let lines = |(key, rows): (i64, BTreeSet<i64>)| pack(rows.into_iter().collect()).into_iter().map(move |line| (shard, key, line));
    Ok(named.into_iter().flat_map(lines).collect())
}

const TAKE_POSTS: &str = "DELETE FROM post AS p USING unnest($2::int8[], $3::int8[]) AS w(k, low)
    WHERE p.shard = $1 AND p.k = w.k AND p.last >= w.low AND coalesce(octet_length(p.rids), 0) < $4::int8
    RETURNING p.k, p.last, p.n, p.rids";

const LINES_FROM: &str = "SELECT k, last, n, rids FROM post WHERE k = $2 AND last >= $3 AND shard = $1";

const TAKE_NAMED: &str = "DELETE FROM post WHERE k = $2 AND last = ANY ($3::int8[]) AND shard = $1 RETURNING k, last, n, rids";

const TAKE_FRESH: &str = "DELETE FROM place AS p USING
    (SELECT w.s, l.name FROM unnest($2::int4[]) AS w(s) CROSS JOIN LATERAL
        (SELECT name FROM place WHERE s = w.s AND k = 0 AND shard = $1 ORDER BY name LIMIT $3) AS l) AS t
    WHERE p.shard = $1 AND p.s = t.s AND p.k = 0 AND p.name = t.name RETURNING p.s, p.k, p.name, p.n, p.rows";

const TAKE_PLACES: &str = "DELETE FROM place AS p USING unnest($2::int4[], $3::int8[], $4::int8[]) AS w(s, k, low)
    WHERE p.shard = $1 AND p.s = w.s AND p.k = w.k AND p.name >= w.low AND p.n < $5::int2
    RETURNING p.s, p.k, p.name, p.n, p.rows";

const GONE: &str = "SELECT k, rid FROM gone WHERE shard = $1 AND k = ANY ($2::int8[]) LIMIT $3";

const SETTLE: &str = "DELETE FROM gone AS g USING unnest($2::int8[], $3::int8[]) AS w(k, rid)
    WHERE g.shard = $1 AND g.k = w.k AND g.rid = w.rid RETURNING g.k, g.rid";
