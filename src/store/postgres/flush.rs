//! What a batch has taken up goes into the tables: few statements, each with arrays of all its lines, sent one behind the other.
//!
//! Index rows come first: they hang on nothing but row ids, so several gateways write them side by side. Then the line of the
//! change feed is taken, which gives time and places and is held until the transaction has ended; what follows is short.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use super::batch::{Batch, Known, New, Stored, Told};
use super::connect::Statements;
use super::fault::Fault;
use super::index::{At, Index};
use super::method::method_code;
use super::{parameters, request};
use crate::base::clock::Instant;
use crate::model::reference::Key;
use crate::store::port::{StoreError, Version};

/// What the batch leaves behind in one place of the feed: whoever finds it there knows that the transaction was committed.
#[derive(Debug, Clone)]
pub(super) struct Claim {
    pub(super) sequence: i64,
    pub(super) shard: i16,
    pub(super) row: i64,
    pub(super) version: i64,
    pub(super) updated: i64,
}

/// Lines of the tables `resource`, `history` and `change`.
#[derive(Default)]
struct Lines<'b> {
    shards: Vec<i16>,
    rows: Vec<i64>,
    kinds: Vec<i32>,
    ids: Vec<&'b str>,
    versions: Vec<i64>,
    times: Vec<i64>,
    methods: Vec<i16>,
    bodies: Vec<Option<&'b [u8]>>,
    keys: Vec<Option<&'b [u8]>>,
}

impl<'b> Lines<'b> {
    fn push(&mut self, new: &'b New<'_>, time: Instant) {
        self.shards.push(new.shard);
        self.rows.push(new.row);
        self.kinds.push(new.kind);
        self.ids.push(new.key.id.as_str());
        self.versions.push(new.number.cast_signed());
        self.times.push(time.0);
        self.methods.push(method_code(new.method));
        self.bodies.push(new.content.map(|content| &content.tail[..]));
        self.keys.push(new.content.map(|content| &content.keys[..]));
    }

    /// What was current, for the history.
    fn keep(&mut self, known: &'b Known, stored: &'b Stored) {
        self.shards.push(known.shard);
        self.rows.push(known.row);
        self.versions.push(stored.version);
        self.times.push(stored.updated);
        self.methods.push(method_code(stored.method));
        self.bodies.push(stored.content.as_ref().map(|(tail, _)| &tail[..]));
    }
}

impl Batch<'_> {
    /// Puts everything that waits into the tables; afterwards searches on this connection see it.
    pub(super) async fn flush(&mut self) -> Result<(), Fault> {
        let fresh = self.news.get(self.flushed..).unwrap_or(&[]);
        if fresh.is_empty() {
            return Ok(());
        }
        // The last version of each resource is what it will be; the others are history at once.
        let mut last: HashMap<&Key, usize> = HashMap::new();
        for (number, new) in fresh.iter().enumerate() {
            last.insert(new.key, self.flushed + number);
        }
        self.write_index(&last).await?;
        let first = self.take_feed(fresh.len()).await?;
        let time = self.time.unwrap_or_default();
        for new in self.news.iter_mut().skip(self.flushed) {
            let body = new.content.map(|content| content.body.finish(new.number, time));
            let (key, version, method) = (new.key.clone(), new.number, new.method);
            new.version = Some(Arc::new(Version { key, version, updated: time, method, body }));
        }
        self.write_lines(&last, first, time).await?;
        for (key, number) in last {
            let (Some(known), Some(new)) = (self.known.get_mut(key), self.news.get(number)) else { continue };
            known.stored = Some(Stored {
                version: new.number.cast_signed(),
                updated: time.0,
                method: new.method,
                content: new.content.map(|content| (content.tail.clone(), Arc::clone(&content.rows))),
            });
            if let Some(version) = &new.version {
                known.now = Told::Stored(Arc::clone(version));
            }
        }
        self.flushed = self.news.len();
        Ok(())
    }

    /// Takes old index rows away and puts new ones in.
    async fn write_index(&self, last: &HashMap<&Key, usize>) -> Result<(), Fault> {
        let mut index = Index::default();
        for (key, number) in last {
            let (Some(known), Some(new)) = (self.known.get(*key), self.news.get(*number)) else { continue };
            index.change(at(known), alive(known).map(|(_, rows)| &**rows), new.content.map(|content| &*content.rows));
        }
        index.write(self.connection, self.shared).await
    }

    /// Takes places in the feed, and with them the time. Gives the first place.
    async fn take_feed(&mut self, count: usize) -> Result<i64, Fault> {
        let row = self.news.iter().map(|new| new.row).max().unwrap_or_default();
        let sql = "UPDATE feed SET seq = seq + $1, last = greatest(last, $2), row = greatest(row, $3) WHERE one = 0
            RETURNING seq, last, generation";
        let count = i64::try_from(count).unwrap_or(i64::MAX);
        let now = self.now.to_milliseconds();
        let lines = self.connection.query(sql, &[&count, &now.0, &row]).await?;
        let line = lines.first().ok_or_else(|| StoreError::Failed("the table feed is empty".to_owned()))?;
        let (last, time): (i64, i64) = (line.try_get(0)?, line.try_get(1)?);
        if line.try_get::<_, i64>(2)?.cast_unsigned() != self.began {
            return Err(parameters::moved());
        }
        // Held since the first flush, so it does not move between two.
        self.time = Some(Instant(time));
        let first = last - count + 1;
        self.first.get_or_insert(first);
        Ok(first)
    }

    /// Writes resources, histories, the change feed and what counts them.
    async fn write_lines(&self, last: &HashMap<&Key, usize>, first: i64, time: Instant) -> Result<(), Fault> {
        let (mut inserts, mut passed, mut changes) = (Lines::default(), Lines::default(), Lines::default());
        let mut updates: BTreeMap<i16, Lines<'_>> = BTreeMap::new();
        let mut moments = Index::default();
        let mut grown: HashMap<i32, i64> = HashMap::new();
        let mut created = Vec::new();
        for (number, new) in self.news.iter().enumerate().skip(self.flushed) {
            let Some(known) = self.known.get(new.key) else { continue };
            changes.push(new, time);
            if last.get(new.key) != Some(&number) {
                passed.push(new, time);
                continue;
            }
            match &known.stored {
                None => created.push(new),
                Some(stored) => {
                    passed.keep(known, stored);
                    updates.entry(new.shard).or_default().push(new, time);
                }
            }
            *grown.entry(new.kind).or_default() += i64::from(new.content.is_some()) - i64::from(alive(known).is_some());
            if let Some(content) = new.content {
                moments.updated(at(known), content.rows.last_updated, time.0);
            }
        }
        // In the order of the index by id: ids that grow with time then fill its pages.
        created.sort_unstable_by_key(|new| (new.kind, new.key.id.as_str()));
        created.into_iter().for_each(|new| inserts.push(new, time));
        let sequences: Vec<i64> = (first..).take(changes.rows.len()).collect();
        grown.retain(|_, by| *by != 0);
        let (kinds, by): (Vec<i32>, Vec<i64>) = grown.into_iter().unzip();
        let mut statements: Statements<'_> = Vec::new();
        if !passed.rows.is_empty() {
            statements.push((PASSED, vec![&passed.shards, &passed.rows, &passed.versions, &passed.times, &passed.methods, &passed.bodies]));
        }
        for (shard, lines) in &updates {
            statements.push((UPDATE, vec![shard, &lines.rows, &lines.versions, &time.0, &lines.methods, &lines.bodies, &lines.keys]));
        }
        if !inserts.rows.is_empty() {
            let Lines { shards, rows, kinds, ids, versions, methods, bodies, keys, .. } = &inserts;
            statements.push((INSERT, vec![shards, rows, kinds, ids, versions, &time.0, methods, bodies, keys]));
        }
        let Lines { shards, kinds: of, rows, versions, methods, .. } = &changes;
        statements.push((CHANGED, vec![shards, &sequences, of, rows, versions, methods, &time.0]));
        if !kinds.is_empty() {
            statements.push((GROWN, vec![&kinds, &by]));
        }
        let (sent, indexed) = tokio::join!(self.connection.send(&statements), moments.write(self.connection, self.shared));
        sent.and(indexed)
    }

    /// Replaces index rows of versions that are still current, and keeps definitions and progress.
    async fn write_parameters(&mut self) -> Result<(), Fault> {
        if self.indexed.is_empty() && self.definitions.is_empty() && self.progress.is_empty() {
            return Ok(());
        }
        self.replace_index().await?;
        parameters::grow(self.connection, self.began, self.generation - self.began).await?;
        for (generation, definitions) in &self.definitions {
            parameters::define(self.connection, definitions, *generation).await?;
        }
        for progress in &self.progress {
            parameters::advance(self.connection, progress).await?;
        }
        Ok(())
    }

    async fn replace_index(&self) -> Result<(), Fault> {
        let mut index = Index::default();
        let mut lines: (Vec<i16>, Vec<i64>, Vec<&[u8]>) = Default::default();
        for (key, new) in &self.indexed {
            let Some(known) = self.known.get(*key).filter(|known| known.alive && known.number == new.version) else { continue };
            let Some((_, old)) = alive(known) else { continue };
            index.change(at(known), Some(old), Some(&new.rows));
            lines.0.push(known.shard);
            lines.1.push(known.row);
            lines.2.push(&new.keys);
        }
        if lines.1.is_empty() {
            return Ok(());
        }
        index.write(self.connection, self.shared).await?;
        self.connection.execute(REINDEX, &[&lines.0, &lines.1, &lines.2]).await?;
        Ok(())
    }

    /// Everything into the tables; gives what to look for if nobody says whether the transaction was committed.
    pub(super) async fn finish(&mut self) -> Result<Option<Claim>, Fault> {
        self.flush().await?;
        self.write_parameters().await?;
        if !self.remember.is_empty() {
            let oldest = Instant(self.now.0.saturating_sub(self.shared.options.idempotency_microseconds));
            // The line of the feed keeps others from forgetting the same requests at the same time.
            if self.first.is_none() {
                self.connection.query("SELECT seq FROM feed WHERE one = 0 FOR UPDATE", &[]).await?;
            }
            request::remember(self.connection, self.shared, &self.remember, self.now, oldest).await?;
        }
        let claim = |new: &New<'_>| {
            let updated = self.time?.0;
            Some(Claim { sequence: self.first?, shard: new.shard, row: new.row, version: new.number.cast_signed(), updated })
        };
        Ok(self.news.first().and_then(claim))
    }
}

/// Where a resource is in the tables.
fn at(known: &Known) -> At {
    At { shard: known.shard, row: known.row, new: known.stored.is_none() }
}

/// What a resource has in the tables, if it is alive there.
fn alive(known: &Known) -> Option<&(bytes::Bytes, Arc<crate::search::plan::Rows>)> {
    known.stored.as_ref().and_then(|stored| stored.content.as_ref())
}

const UPDATE: &str = "UPDATE resource AS r SET version = w.version, updated = $4, method = w.method, body = w.body, keys = w.keys
    FROM unnest($2::int8[], $3::int8[], $5::int2[], $6::bytea[], $7::bytea[]) AS w(rid, version, method, body, keys)
    WHERE r.shard = $1 AND r.rid = w.rid";

const REINDEX: &str = "UPDATE resource AS r SET keys = w.keys
    FROM unnest($1::int2[], $2::int8[], $3::bytea[]) AS w(shard, rid, keys) WHERE r.shard = w.shard AND r.rid = w.rid";

const INSERT: &str = "INSERT INTO resource (shard, rid, kind, id, version, updated, method, body, keys)
    SELECT w.shard, w.rid, w.kind, w.id, w.version, $6, w.method, w.body, w.keys
    FROM unnest($1::int2[], $2::int8[], $3::int4[], $4::text[], $5::int8[], $7::int2[], $8::bytea[], $9::bytea[])
        AS w(shard, rid, kind, id, version, method, body, keys)";

const PASSED: &str = "INSERT INTO history (shard, rid, version, updated, method, body)
    SELECT w.shard, w.rid, w.version, w.updated, w.method, w.body
    FROM unnest($1::int2[], $2::int8[], $3::int8[], $4::int8[], $5::int2[], $6::bytea[]) AS w(shard, rid, version, updated, method, body)";

const CHANGED: &str = "INSERT INTO change (shard, seq, kind, rid, version, method, updated)
    SELECT w.shard, w.seq, w.kind, w.rid, w.version, w.method, $7
    FROM unnest($1::int2[], $2::int8[], $3::int4[], $4::int8[], $5::int8[], $6::int2[]) AS w(shard, seq, kind, rid, version, method)";

const GROWN: &str = "UPDATE kind SET living = living + w.by FROM unnest($1::int4[], $2::int8[]) AS w(code, by) WHERE kind.code = w.code";
