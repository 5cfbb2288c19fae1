//! Index rows as columns, the form in which they are sent: one array per column.

use super::Shared;
use super::flush::Values;
use crate::search::plan::{LinkRow, NumberRow, ParameterNumber};

/// Rows of one index table.
pub(super) trait Columns {
    const INSERT: &'static str;
    fn values(&self) -> Values<'_>;
}

/// Rows of `post`.
#[derive(Default)]
pub(super) struct Posts {
    lines: Vec<(i16, i64, i64)>,
    shards: Vec<i16>,
    posts: Vec<i64>,
    rows: Vec<i64>,
}

impl Posts {
    pub(super) const DELETE: &'static str = "DELETE FROM post AS t USING unnest($1::int2[], $2::int8[], $3::int8[]) AS w(shard, k, rid)
        WHERE t.shard = w.shard AND t.k = w.k AND t.rid = w.rid";

    pub(super) fn push(&mut self, shard: i16, post: i64, row: i64) {
        self.shards.push(shard);
        self.posts.push(post);
        self.rows.push(row);
    }

    pub(super) fn sort(&mut self) {
        let lines = self.shards.drain(..).zip(self.posts.drain(..)).zip(self.rows.drain(..));
        self.lines = lines.map(|((shard, post), row)| (shard, post, row)).collect();
        self.lines.sort_unstable();
        for (shard, post, row) in std::mem::take(&mut self.lines) {
            self.push(shard, post, row);
        }
    }
}

impl Columns for Posts {
    const INSERT: &'static str =
        "INSERT INTO post (shard, k, rid) SELECT w.shard, w.k, w.rid FROM unnest($1::int2[], $2::int8[], $3::int8[]) AS w(shard, k, rid)";

    fn values(&self) -> Values<'_> {
        vec![&self.shards, &self.posts, &self.rows]
    }
}

/// Rows of `num`.
#[derive(Default)]
pub(super) struct Numbers {
    shards: Vec<i16>,
    parameters: Vec<i32>,
    units: Vec<i64>,
    lows: Vec<i64>,
    highs: Vec<i64>,
    rows: Vec<i64>,
}

impl Numbers {
    pub(super) fn push(&mut self, shard: i16, row: i64, own: &NumberRow) {
        self.shards.push(shard);
        self.parameters.push(own.parameter.cast_signed());
        self.units.push(own.unit.cast_signed());
        self.lows.push(own.low);
        self.highs.push(own.high);
        self.rows.push(row);
    }
}

impl Columns for Numbers {
    const INSERT: &'static str = "INSERT INTO num (shard, p, u, lo, hi, rid) SELECT w.shard, w.p, w.u, w.lo, w.hi, w.rid
        FROM unnest($1::int2[], $2::int4[], $3::int8[], $4::int8[], $5::int8[], $6::int8[]) AS w(shard, p, u, lo, hi, rid)";

    fn values(&self) -> Values<'_> {
        vec![&self.shards, &self.parameters, &self.units, &self.lows, &self.highs, &self.rows]
    }
}

/// Rows of `txt`.
#[derive(Default)]
pub(super) struct Texts<'r> {
    shards: Vec<i16>,
    parameters: Vec<i32>,
    rows: Vec<i64>,
    texts: Vec<&'r [u8]>,
}

impl<'r> Texts<'r> {
    pub(super) fn push(&mut self, shard: i16, parameter: ParameterNumber, row: i64, text: &'r [u8]) {
        self.shards.push(shard);
        self.parameters.push(parameter.cast_signed());
        self.rows.push(row);
        self.texts.push(text);
    }
}

impl Columns for Texts<'_> {
    const INSERT: &'static str = "INSERT INTO txt (shard, p, rid, norm) SELECT w.shard, w.p, w.rid, w.norm
        FROM unnest($1::int2[], $2::int4[], $3::int8[], $4::bytea[]) AS w(shard, p, rid, norm)";

    fn values(&self) -> Values<'_> {
        vec![&self.shards, &self.parameters, &self.rows, &self.texts]
    }
}

/// Rows of `link`.
#[derive(Default)]
pub(super) struct Links<'r> {
    shards: Vec<i16>,
    parameters: Vec<i32>,
    kinds: Vec<i32>,
    ids: Vec<&'r str>,
    targets: Vec<i16>,
    rows: Vec<i64>,
}

impl<'r> Links<'r> {
    /// A target that is no `Type/id` of the schema can never be there, and needs no row.
    pub(super) fn push(&mut self, shared: &Shared, shard: i16, row: i64, own: &'r LinkRow) {
        let Some((name, id)) = own.target.split_once('/') else { return };
        let Some(kind) = shared.kinds.code_of_name(name) else { return };
        self.shards.push(shard);
        self.parameters.push(own.parameter.cast_signed());
        self.kinds.push(kind);
        self.ids.push(id);
        self.targets.push(shared.shard_of(name, id));
        self.rows.push(row);
    }
}

impl Columns for Links<'_> {
    const INSERT: &'static str = "INSERT INTO link (shard, p, kind, id, at, rid) SELECT w.shard, w.p, w.kind, w.id, w.at, w.rid
        FROM unnest($1::int2[], $2::int4[], $3::int4[], $4::text[], $5::int2[], $6::int8[]) AS w(shard, p, kind, id, at, rid)";

    fn values(&self) -> Values<'_> {
        vec![&self.shards, &self.parameters, &self.kinds, &self.ids, &self.targets, &self.rows]
    }
}
