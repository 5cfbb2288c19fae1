//! Index rows of resources, gathered over a batch and written together: what a resource has now, and what it has no longer.
//!
//! A post that an existing resource gets may be one that it had before, and that a run still names: then its line in `gone` is
//! taken away, and only if there is none the row id goes into a new line. A row id so stands once for each post that the resource
//! has: their number is told without looking at any resource. The line of the resource is locked meanwhile, so nobody else
//! changes its index rows; see `merge` for who else changes lines. In `span` what is no longer true stays (see `spans`).
//!
//! Whoever wants to give a resource other index rows without a new version locks its line and calls [`Index::change`].

use std::collections::{BTreeMap, HashSet};

use super::Shared;
use super::connect::{Connection, Later, Statements, together};
use super::fault::Fault;
use super::runs::{Line, pack};
use super::spans::{Spot, of_moment, of_number, of_text};
use crate::search::plan::{ParameterNumber, Rows};
use crate::store::keys::differ;

/// Where a resource is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct At {
    pub(super) shard: i16,
    pub(super) row: i64,
    /// Whether it has had no line before this transaction.
    pub(super) new: bool,
}

/// Changes of index rows.
#[derive(Debug, Default)]
pub(super) struct Index {
    /// Posts that new resources have.
    come: Vec<(i16, i64, i64)>,
    /// Posts that others have from now on, and perhaps had before.
    back: Vec<(i16, i64, i64)>,
    gone: Vec<(i16, i64, i64)>,
    spots: Vec<(i16, Spot, i64)>,
    /// Those of resources that may have stood there before.
    again: Vec<(i16, Spot, i64)>,
}

impl Index {
    /// Leads from the index rows that a resource has in the tables, if it is alive there, to others.
    pub(super) fn change(&mut self, at: At, old: Option<&Rows>, new: Option<&Rows>) {
        let none = Rows::default();
        let (old, new) = (old.unwrap_or(&none), new.unwrap_or(&none));
        differ(&old.posts, &new.posts, |post, add| {
            let list = match (add, at.new) {
                (true, true) => &mut self.come,
                (true, false) => &mut self.back,
                (false, _) => &mut self.gone,
            };
            list.push((at.shard, post.cast_signed(), at.row));
        });
        differ(&old.numbers, &new.numbers, |row, add| of_number(row).for_each(|spot| self.spot(at, spot, add)));
        differ(&old.texts, &new.texts, |row, add| self.spot(at, of_text(row.parameter, &row.text), add));
    }

    /// A resource was written at a moment.
    pub(super) fn updated(&mut self, at: At, parameter: ParameterNumber, moment: i64) {
        self.spot(at, of_moment(parameter, moment), true);
    }

    fn spot(&mut self, at: At, spot: Spot, add: bool) {
        if add {
            if at.new { &mut self.spots } else { &mut self.again }.push((at.shard, spot, at.row));
        }
    }

    /// Writes all of it.
    pub(super) async fn write(mut self, connection: &Connection, shared: &Shared) -> Result<(), Fault> {
        if !self.back.is_empty() {
            let back = self.returned(connection).await?;
            self.come.extend(self.back.iter().filter(|row| !back.contains(*row)));
        }
        let (posts, spots) = (lines(self.come), lines(self.spots));
        // Each in a line of its own, whose name tells whether it is there.
        let mut again: Lines<Spot> =
            self.again.into_iter().map(|(shard, spot, row)| (shard, spot, Line { last: row, count: 1, bytes: None })).collect();
        again.sort_unstable_by_key(|(shard, spot, line)| (*spot, line.last, *shard));
        again.dedup_by_key(|(shard, spot, line)| (*spot, line.last, *shard));
        shared.ragged.note(&posts, &spots, &again);
        self.gone.sort_unstable();
        let gone: (Vec<i16>, (Vec<i64>, Vec<i64>)) = self.gone.iter().map(|(shard, post, row)| (*shard, (*post, *row))).unzip();
        let (posts, spots, again) = (columns(&posts), columns(&spots), columns(&again));
        let mut statements: Statements<'_> = Vec::new();
        if !gone.0.is_empty() {
            statements.push((GONE, vec![&gone.0, &gone.1.0, &gone.1.1]));
        }
        let (spot_keys, again_keys) = (series(&spots.1), series(&again.1));
        if !posts.0.is_empty() {
            statements.push((POSTS, vec![&posts.0, &posts.1, &posts.2, &posts.3, &posts.4]));
        }
        for (sql, (shards, _, names, counts, bytes), (s, k)) in [(SPOTS, &spots, &spot_keys), (AGAIN, &again, &again_keys)] {
            if !shards.is_empty() {
                statements.push((sql, vec![shards, s, k, names, counts, bytes]));
            }
        }
        connection.send(&statements).await
    }

    /// Those that a run still names.
    async fn returned(&self, connection: &Connection) -> Result<HashSet<(i16, i64, i64)>, Fault> {
        let mut by_shard: BTreeMap<i16, (Vec<i64>, Vec<i64>)> = BTreeMap::new();
        let mut sorted = self.back.clone();
        sorted.sort_unstable();
        for (shard, post, row) in sorted {
            let own = by_shard.entry(shard).or_default();
            own.0.push(post);
            own.1.push(row);
        }
        let ask = |(shard, (posts, rows)): &(i16, (Vec<i64>, Vec<i64>))| {
            let (shard, posts, rows) = (*shard, posts.clone(), rows.clone());
            let question: Later<'_, _> = Box::pin(async move {
                let lines = connection.query(BACK, &[&shard, &posts, &rows]).await?;
                lines.iter().map(|line| Ok((shard, line.try_get(0)?, line.try_get(1)?))).collect::<Result<Vec<_>, Fault>>()
            });
            question
        };
        let shards: Vec<_> = by_shard.into_iter().collect();
        Ok(together(shards.iter().map(ask).collect()).await?.into_iter().flatten().collect())
    }
}

/// Lines with their shards and keys.
pub(super) type Lines<K> = Vec<(i16, K, Line)>;

/// Rows as lines, one or more per shard and key, in the order of the table.
fn lines<K: Ord + Copy>(mut rows: Vec<(i16, K, i64)>) -> Lines<K> {
    rows.sort_unstable_by_key(|(shard, key, _)| (*key, *shard));
    let mut lines = Vec::new();
    for own in rows.chunk_by(|a, b| (a.0, a.1) == (b.0, b.1)) {
        let Some((shard, key, _)) = own.first() else { continue };
        lines.extend(pack(own.iter().map(|(.., row)| *row).collect()).into_iter().map(|line| (*shard, *key, line)));
    }
    lines
}

/// Columns of lines: shards, keys, names, counts and bytes.
type Split<'l, K> = (Vec<i16>, Vec<K>, Vec<i64>, Vec<i16>, Vec<Option<&'l [u8]>>);

pub(super) fn columns<K: Copy>(lines: &[(i16, K, Line)]) -> Split<'_, K> {
    let mut split: Split<'_, K> = Default::default();
    for (shard, key, line) in lines {
        split.0.push(*shard);
        split.1.push(*key);
        split.2.push(line.last);
        split.3.push(line.count);
        split.4.push(line.bytes.as_deref());
    }
    split
}

pub(super) fn series(spots: &[Spot]) -> (Vec<i32>, Vec<i64>) {
    spots.iter().map(|spot| (spot.s, spot.k)).unzip()
}

const BACK: &str = "DELETE FROM gone AS g USING unnest($2::int8[], $3::int8[]) AS w(k, rid)
    WHERE g.shard = $1 AND g.k = w.k AND g.rid = w.rid RETURNING g.k, g.rid";

const GONE: &str =
    "INSERT INTO gone (k, rid, shard) SELECT w.k, w.rid, w.shard FROM unnest($1::int2[], $2::int8[], $3::int8[]) AS w(shard, k, rid)";

pub(super) const POSTS: &str = "INSERT INTO post (k, last, shard, n, rids) SELECT w.k, w.last, w.shard, w.n, w.rids
    FROM unnest($1::int2[], $2::int8[], $3::int8[], $4::int2[], $5::bytea[]) AS w(shard, k, last, n, rids)";

pub(super) const SPOTS: &str = "INSERT INTO span (s, k, last, shard, n, rids) SELECT w.s, w.k, w.last, w.shard, w.n, w.rids
    FROM unnest($1::int2[], $2::int4[], $3::int8[], $4::int8[], $5::int2[], $6::bytea[]) AS w(shard, s, k, last, n, rids)";

const AGAIN: &str = "INSERT INTO span (s, k, last, shard, n, rids) SELECT w.s, w.k, w.last, w.shard, w.n, w.rids
    FROM unnest($1::int2[], $2::int4[], $3::int8[], $4::int8[], $5::int2[], $6::bytea[]) AS w(shard, s, k, last, n, rids)
    ON CONFLICT (s, k, last, shard) DO NOTHING";
