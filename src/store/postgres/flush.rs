//! What a batch has taken up goes into the tables: few statements, each with arrays of all its lines, sent one behind the other.
//!
//! Index rows come first: they hang on nothing but row ids, so several gateways write them side by side. Then the line of the
//! change feed is taken, which gives time and places and is held until the transaction has ended; what follows is short.

use std::collections::HashMap;
use std::pin::Pin;
use std::sync::Arc;

use tokio_postgres::types::ToSql;

use super::batch::{Batch, Known, New, Told};
use super::columns::{Columns, Links, Numbers, Posts, Texts};
use super::fault::Fault;
use super::prepared::method_code;
use super::{parameters, request};
use crate::base::clock::Instant;
use crate::model::reference::Key;
use crate::search::plan::{NumberRow, Rows};
use crate::store::keys::differ;
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

/// Lines of the table `resource`.
#[derive(Default)]
struct Lines<'b> {
    shards: Vec<i16>,
    rows: Vec<i64>,
    kinds: Vec<i32>,
    ids: Vec<&'b str>,
    versions: Vec<i64>,
    methods: Vec<i16>,
    bodies: Vec<Option<&'b [u8]>>,
    keys: Vec<Option<&'b [u8]>>,
}

impl<'b> Lines<'b> {
    fn push(&mut self, new: &'b New<'_>, version: &'b Version) {
        self.shards.push(new.shard);
        self.rows.push(new.row);
        self.kinds.push(new.kind);
        self.ids.push(new.key.id.as_str());
        self.versions.push(new.number.cast_signed());
        self.methods.push(method_code(new.method));
        self.bodies.push(version.body.as_deref());
        self.keys.push(new.content.map(|content| &content.keys[..]));
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
            known.stored = Some(new.content.map(|content| Arc::clone(&content.rows)));
            if let Some(version) = &new.version {
                known.now = Told::Stored(Arc::clone(version));
            }
        }
        self.flushed = self.news.len();
        Ok(())
    }

    /// Takes old index rows away and puts new ones in.
    async fn write_index(&self, last: &HashMap<&Key, usize>) -> Result<(), Fault> {
        let (mut gone, mut come) = (Posts::default(), Posts::default());
        let (mut numbers, mut texts, mut links) = (Numbers::default(), Texts::default(), Links::default());
        let mut emptied: (Vec<i16>, Vec<i64>) = Default::default();
        let none = Rows::default();
        for (key, number) in last {
            let (Some(known), Some(new)) = (self.known.get(*key), self.news.get(*number)) else { continue };
            let (shard, row) = (known.shard, known.row);
            let old = known.stored.as_ref().and_then(Option::as_deref);
            if old.is_some() {
                emptied.0.push(shard);
                emptied.1.push(row);
            }
            let rows = new.content.map_or(&none, |content| &content.rows);
            differ(&old.unwrap_or(&none).posts, &rows.posts, |post, add| {
                if add { &mut come } else { &mut gone }.push(shard, post.cast_signed(), row);
            });
            rows.numbers.iter().for_each(|own| numbers.push(shard, row, own));
            rows.texts.iter().for_each(|own| texts.push(shard, own.parameter, row, own.text.as_bytes()));
            rows.links.iter().for_each(|own| links.push(self.shared, shard, row, own));
        }
        // In the order of the index, so that neighbours meet the same pages.
        come.sort();
        let emptied: Values<'_> = vec![&emptied.0, &emptied.1];
        let (clear_numbers, clear_texts, clear_links) = (clear("num"), clear("txt"), clear("link"));
        self.together(vec![
            (Posts::DELETE, gone.values()),
            (&clear_numbers, emptied.clone()),
            (&clear_texts, emptied.clone()),
            (&clear_links, emptied),
            (Posts::INSERT, come.values()),
            (Numbers::INSERT, numbers.values()),
            (Texts::INSERT, texts.values()),
            (Links::INSERT, links.values()),
        ])
        .await
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
        let (mut inserts, mut updates, mut passed, mut changes) = (Lines::default(), Lines::default(), Lines::default(), Lines::default());
        let mut numbers = Numbers::default();
        let mut grown: HashMap<i32, i64> = HashMap::new();
        for (number, new) in self.news.iter().enumerate().skip(self.flushed) {
            let (Some(version), Some(known)) = (&new.version, self.known.get(new.key)) else { continue };
            changes.push(new, version);
            if last.get(new.key) != Some(&number) {
                passed.push(new, version);
                continue;
            }
            match known.stored {
                None => inserts.push(new, version),
                Some(_) => updates.push(new, version),
            }
            *grown.entry(new.kind).or_default() += i64::from(new.content.is_some()) - i64::from(was_alive(known));
            if let Some(content) = new.content {
                let updated = NumberRow { parameter: content.rows.last_updated, low: time.0, high: time.0, unit: 0 };
                numbers.push(new.shard, new.row, &updated);
            }
        }
        let sequences: Vec<i64> = (first..).take(changes.rows.len()).collect();
        grown.retain(|_, by| *by != 0);
        let (kinds, by): (Vec<i32>, Vec<i64>) = grown.into_iter().unzip();
        self.together(vec![
            (KEEP, vec![&updates.shards, &updates.rows]),
            (UPDATE, vec![&updates.shards, &updates.rows, &updates.versions, &time.0, &updates.methods, &updates.bodies, &updates.keys]),
            (
                INSERT,
                vec![
                    &inserts.shards,
                    &inserts.rows,
                    &inserts.kinds,
                    &inserts.ids,
                    &inserts.versions,
                    &time.0,
                    &inserts.methods,
                    &inserts.bodies,
                    &inserts.keys,
                ],
            ),
            (PASSED, vec![&passed.shards, &passed.rows, &passed.versions, &time.0, &passed.methods, &passed.bodies]),
            (CHANGED, vec![&changes.shards, &sequences, &changes.kinds, &changes.rows, &changes.versions, &changes.methods, &time.0]),
            (Numbers::INSERT, numbers.values()),
            (GROWN, vec![&kinds, &by]),
        ])
        .await
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
        let (mut gone, mut come) = (Posts::default(), Posts::default());
        let (mut numbers, mut texts, mut links) = (Numbers::default(), Texts::default(), Links::default());
        let mut lines: (Vec<i16>, Vec<i64>, Vec<&[u8]>) = Default::default();
        for (key, index) in &self.indexed {
            let Some(known) = self.known.get(*key).filter(|known| known.alive && known.number == index.version) else { continue };
            let (Some(old), Told::Stored(version)) = (known.stored.as_ref().and_then(Option::as_deref), &known.now) else { continue };
            let (shard, row) = (known.shard, known.row);
            lines.0.push(shard);
            lines.1.push(row);
            lines.2.push(&index.keys);
            differ(&old.posts, &index.rows.posts, |post, add| {
                if add { &mut come } else { &mut gone }.push(shard, post.cast_signed(), row);
            });
            let updated = NumberRow { parameter: index.rows.last_updated, low: version.updated.0, high: version.updated.0, unit: 0 };
            index.rows.numbers.iter().chain([&updated]).for_each(|own| numbers.push(shard, row, own));
            index.rows.texts.iter().for_each(|own| texts.push(shard, own.parameter, row, own.text.as_bytes()));
            index.rows.links.iter().for_each(|own| links.push(self.shared, shard, row, own));
        }
        come.sort();
        let emptied: Values<'_> = vec![&lines.0, &lines.1];
        let (clear_numbers, clear_texts, clear_links) = (clear("num"), clear("txt"), clear("link"));
        self.together(vec![
            (Posts::DELETE, gone.values()),
            (&clear_numbers, emptied.clone()),
            (&clear_texts, emptied.clone()),
            (&clear_links, emptied),
            (Posts::INSERT, come.values()),
            (Numbers::INSERT, numbers.values()),
            (Texts::INSERT, texts.values()),
            (Links::INSERT, links.values()),
            (REINDEX, vec![&lines.0, &lines.1, &lines.2]),
        ])
        .await
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

    /// Sends statements one behind the other and waits for all; those without lines are left out.
    async fn together(&self, statements: Vec<(&str, Values<'_>)>) -> Result<(), Fault> {
        let statements: Vec<_> = statements.into_iter().filter(|(_, values)| !is_empty(values)).collect();
        let mut sent: Vec<Later<'_>> = Vec::new();
        for (sql, _) in &statements {
            self.connection.statement(sql).await?;
        }
        for (sql, values) in &statements {
            sent.push(Box::pin(async move { self.connection.execute(sql, &plain(values)).await }));
        }
        in_step(sent).await
    }
}

/// The columns of one statement.
pub(super) type Values<'v> = Vec<&'v (dyn Column + 'v)>;

/// A parameter; if it is a list, a statement without lines need not be sent.
pub(super) trait Column: ToSql + Sync {
    fn is_empty(&self) -> bool;
    fn as_sql(&self) -> &(dyn ToSql + Sync);
}

impl<T: ToSql + Sync + Send> Column for Vec<T> {
    fn is_empty(&self) -> bool {
        Vec::is_empty(self)
    }

    fn as_sql(&self) -> &(dyn ToSql + Sync) {
        self
    }
}

impl Column for i64 {
    fn is_empty(&self) -> bool {
        false
    }

    fn as_sql(&self) -> &(dyn ToSql + Sync) {
        self
    }
}

fn is_empty(values: &Values<'_>) -> bool {
    values.iter().any(|column| column.is_empty())
}

fn plain<'v>(values: &'v Values<'_>) -> Vec<&'v (dyn ToSql + Sync)> {
    values.iter().map(|column| column.as_sql()).collect()
}

/// The number of lines that a statement changed.
type Later<'a> = Pin<Box<dyn Future<Output = Result<u64, Fault>> + Send + 'a>>;

/// Drives futures together, each begun in the order given; the first error in that order counts.
async fn in_step(futures: Vec<Later<'_>>) -> Result<(), Fault> {
    let mut open: Vec<_> = futures.into_iter().map(Some).collect();
    let mut faults: Vec<Option<Fault>> = open.iter().map(|_| None).collect();
    std::future::poll_fn(|context| {
        let mut waiting = false;
        for (slot, fault) in open.iter_mut().zip(&mut faults) {
            let Some(future) = slot else { continue };
            match future.as_mut().poll(context) {
                std::task::Poll::Pending => waiting = true,
                std::task::Poll::Ready(result) => {
                    *fault = result.err();
                    *slot = None;
                }
            }
        }
        if waiting { std::task::Poll::Pending } else { std::task::Poll::Ready(()) }
    })
    .await;
    faults.into_iter().flatten().next().map_or(Ok(()), Err)
}

fn was_alive(known: &Known) -> bool {
    known.stored.as_ref().is_some_and(Option::is_some)
}

/// All rows of some resources in one of the tables that are found by resource.
fn clear(table: &str) -> String {
    format!("DELETE FROM {table} AS t USING unnest($1::int2[], $2::int8[]) AS w(shard, rid) WHERE t.shard = w.shard AND t.rid = w.rid")
}

const KEEP: &str = "INSERT INTO history (shard, rid, version, updated, method, body)
    SELECT r.shard, r.rid, r.version, r.updated, r.method, r.body
    FROM unnest($1::int2[], $2::int8[]) AS w(shard, rid) JOIN resource r ON r.shard = w.shard AND r.rid = w.rid";

const UPDATE: &str = "UPDATE resource AS r SET version = w.version, updated = $4, method = w.method, body = w.body, keys = w.keys
    FROM unnest($1::int2[], $2::int8[], $3::int8[], $5::int2[], $6::bytea[], $7::bytea[]) AS w(shard, rid, version, method, body, keys)
    WHERE r.shard = w.shard AND r.rid = w.rid";

const REINDEX: &str = "UPDATE resource AS r SET keys = w.keys
    FROM unnest($1::int2[], $2::int8[], $3::bytea[]) AS w(shard, rid, keys) WHERE r.shard = w.shard AND r.rid = w.rid";

const INSERT: &str = "INSERT INTO resource (shard, rid, kind, id, version, updated, method, body, keys)
    SELECT w.shard, w.rid, w.kind, w.id, w.version, $6, w.method, w.body, w.keys
    FROM unnest($1::int2[], $2::int8[], $3::int4[], $4::text[], $5::int8[], $7::int2[], $8::bytea[], $9::bytea[])
        AS w(shard, rid, kind, id, version, method, body, keys)";

const PASSED: &str = "INSERT INTO history (shard, rid, version, updated, method, body)
    SELECT w.shard, w.rid, w.version, $4, w.method, w.body
    FROM unnest($1::int2[], $2::int8[], $3::int8[], $5::int2[], $6::bytea[]) AS w(shard, rid, version, method, body)";

const CHANGED: &str = "INSERT INTO change (shard, seq, kind, rid, version, method, updated)
    SELECT w.shard, w.seq, w.kind, w.rid, w.version, w.method, $7
    FROM unnest($1::int2[], $2::int8[], $3::int4[], $4::int8[], $5::int8[], $6::int2[]) AS w(shard, seq, kind, rid, version, method)";

const GROWN: &str = "UPDATE kind SET living = living + w.by FROM unnest($1::int4[], $2::int8[]) AS w(code, by) WHERE kind.code = w.code";
