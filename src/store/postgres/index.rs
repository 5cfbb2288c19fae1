//! Index rows of resources, gathered over a batch and written together: what a resource has now, and what it has no longer.
//!
//! A post that an existing resource gets may be one that it had before, and that a run still names: then its line in `gone` is
//! taken away, and only if there is none the row id goes into a new line. A row id so stands once for each post that the resource
//! has: their number is told without looking at any resource. The line of the resource is locked meanwhile, so nobody else
//! changes its index rows; see `merge` for who else changes lines. In `place` what is no longer true stays (see `spans`), and what
//! comes goes into fresh lines, one per series or a few, from which the joining brings it to its places.
//!
//! Whoever wants to give a resource other index rows without a new version locks its line and calls [`Index::change`].

use std::collections::{BTreeMap, HashSet};

use tokio_postgres::types::ToSql;

use super::Shared;
use super::connect::{Connection, Later, Statements, together};
use super::entries::{self, Standing, fresh_lines};
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
    standing: BTreeMap<i16, Standing>,
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
        differ(&old.numbers, &new.numbers, |row, add| self.spot(at, of_number(row), add));
        differ(&old.texts, &new.texts, |row, add| self.spot(at, of_text(row.parameter, &row.text), add));
    }

    /// A resource was written at a moment.
    pub(super) fn updated(&mut self, at: At, parameter: ParameterNumber, moment: i64) {
        self.spot(at, of_moment(parameter, moment), true);
    }

    fn spot(&mut self, at: At, spot: Spot, add: bool) {
        if add {
            self.standing.entry(at.shard).or_default().push((spot, at.row));
        }
    }

    /// Writes all of it.
    pub(super) async fn write(mut self, connection: &Connection, shared: &Shared) -> Result<(), Fault> {
        if !self.back.is_empty() {
            let back = self.returned(connection).await?;
            self.come.extend(self.back.iter().filter(|row| !back.contains(*row)));
        }
        let posts = lines(self.come);
        let mut fresh: Placed = Vec::new();
        for (shard, standing) in self.standing {
            fresh.extend(fresh_lines(standing, |row| shared.rows.name(row)).into_iter().map(|line| (shard, line)));
        }
        self.gone.sort_unstable();
        shared.ragged.note(&posts, &fresh, &self.gone);
        let gone: (Vec<i16>, (Vec<i64>, Vec<i64>)) = self.gone.iter().map(|(shard, post, row)| (*shard, (*post, *row))).unzip();
        let (posts, places) = (columns(&posts), Places::of(&fresh));
        let mut statements: Statements<'_> = Vec::new();
        if !gone.0.is_empty() {
            statements.push((GONE, vec![&gone.0, &gone.1.0, &gone.1.1]));
        }
        if !posts.0.is_empty() {
            statements.push((POSTS, vec![&posts.0, &posts.1, &posts.2, &posts.3, &posts.4, &posts.5]));
        }
        statements.extend(places.statement());
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

/// Columns of lines: shards, keys, names, counts, bytes and smallest row ids.
type Split<'l, K> = (Vec<i16>, Vec<K>, Vec<i64>, Vec<i16>, Vec<Option<&'l [u8]>>, Vec<Option<i64>>);

pub(super) fn columns<K: Copy>(lines: &[(i16, K, Line)]) -> Split<'_, K> {
    let mut split: Split<'_, K> = Default::default();
    for (shard, key, line) in lines {
        split.0.push(*shard);
        split.1.push(*key);
        split.2.push(line.last);
        split.3.push(line.count);
        split.4.push(line.bytes.as_deref());
        split.5.push(line.first);
    }
    split
}

/// Lines of the table `place` with their shards.
pub(super) type Placed = Vec<(i16, entries::Line)>;

/// Their columns.
#[derive(Debug, Default)]
pub(super) struct Places<'l> {
    shards: Vec<i16>,
    s: Vec<i32>,
    k: Vec<i64>,
    names: Vec<i64>,
    counts: Vec<i16>,
    rows: Vec<&'l [u8]>,
}

impl<'l> Places<'l> {
    pub(super) fn of(lines: &'l [(i16, entries::Line)]) -> Self {
        let mut places = Self::default();
        for (shard, line) in lines {
            places.shards.push(*shard);
            places.s.push(line.s);
            places.k.push(line.k);
            places.names.push(line.name);
            places.counts.push(line.count);
            places.rows.push(&line.bytes);
        }
        places
    }

    /// What puts them into the table.
    pub(super) fn statement<'s>(&'s self) -> Option<(&'static str, Vec<&'s (dyn ToSql + Sync)>)> {
        let values: Vec<&'s (dyn ToSql + Sync)> = vec![&self.shards, &self.s, &self.k, &self.names, &self.counts, &self.rows];
        (!self.s.is_empty()).then_some((PLACES, values))
    }
}

const BACK: &str = "DELETE FROM gone AS g USING unnest($2::int8[], $3::int8[]) AS w(k, rid)
    WHERE g.shard = $1 AND g.k = w.k AND g.rid = w.rid RETURNING g.k, g.rid";

const GONE: &str =
    "INSERT INTO gone (k, rid, shard) SELECT w.k, w.rid, w.shard FROM unnest($1::int2[], $2::int8[], $3::int8[]) AS w(shard, k, rid)";

pub(super) const POSTS: &str = "INSERT INTO post (k, last, shard, n, rids, first) SELECT w.k, w.last, w.shard, w.n, w.rids, w.first
    FROM unnest($1::int2[], $2::int8[], $3::int8[], $4::int2[], $5::bytea[], $6::int8[]) AS w(shard, k, last, n, rids, first)";

const PLACES: &str = "INSERT INTO place (s, k, name, shard, n, rows) SELECT w.s, w.k, w.name, w.shard, w.n, w.rows
    FROM unnest($1::int2[], $2::int4[], $3::int8[], $4::int8[], $5::int2[], $6::bytea[]) AS w(shard, s, k, name, n, rows)";
