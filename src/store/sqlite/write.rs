//! The statements of one batch of commits: check everything a commit expects, then write it.
//!
//! A batch is one transaction. Commits see what earlier ones of their batch wrote. Since nothing is written before all checks
//! of a commit have passed, a refused commit leaves no trace and needs no savepoint; a database error fails the batch.

use std::collections::{BTreeMap, HashSet};
use std::sync::Arc;

use rusqlite::{Connection, params};

use super::merge::{Mark, Merge, Progress};
use super::read::{self, Current, method_code};
use super::recent::{Entry, State};
use super::search::Searcher;
use super::young::Young;
use super::{Prepared, PreparedWrite, Shared, failed, parameters, request};
use crate::base::clock::Instant;
use crate::model::primitive::Id;
use crate::model::reference::Key;
use crate::model::resource::Body;
use crate::store::port::{Expect, Match, Method, StoreError, Unmet, Version, Written};
use crate::store::prepared::{Content, Index};

/// Numbers that go on from batch to batch.
#[derive(Debug, Clone, Copy)]
pub(super) struct Numbers {
    pub(super) next_row: i64,
    pub(super) next_sequence: i64,
    /// Up to where the index tables are complete.
    pub(super) mark: Mark,
    /// Time of the last write.
    last: Instant,
    /// The generation of the search parameters.
    generation: u64,
}

impl Numbers {
    /// Reads where the store left off.
    pub(super) fn load(connection: &Connection) -> Result<Self, StoreError> {
        let number = |sql: &str| connection.query_row(sql, [], |row| row.get::<_, Option<i64>>(0)).map_err(failed);
        Ok(Self {
            next_row: number("SELECT max(rid) FROM resource")?.unwrap_or(0) + 1,
            next_sequence: number("SELECT max(seq) FROM change")?.unwrap_or(0) + 1,
            mark: Mark::read(connection)?,
            generation: number("SELECT generation FROM catalog")?.unwrap_or(0).cast_unsigned(),
            last: Instant(number("SELECT (SELECT updated FROM change ORDER BY seq DESC LIMIT 1)")?.unwrap_or(i64::MIN)),
        })
    }
}

/// What a transaction leaves.
pub(super) struct Ended {
    pub(super) numbers: Numbers,
    pub(super) progress: Progress,
    /// How many versions came to the recent ones.
    pub(super) come: usize,
}

/// One transaction under way.
pub(super) struct Batch<'c> {
    connection: &'c Connection,
    shared: &'c Shared,
    /// A generation of recent rows that is on its way into the tables.
    merge: Option<(&'c Merge, &'c Young)>,
    /// The time of what is written.
    now: Instant,
    numbers: Numbers,
    /// New resources that are not among the recent ones yet.
    fresh: Vec<Entry>,
    /// How many versions came to the recent ones.
    come: usize,
    progress: Progress,
    /// By how many resources each type grew.
    grown: BTreeMap<i64, i64>,
}

impl<'c> Batch<'c> {
    /// Opens the transaction.
    pub(super) fn begin(
        connection: &'c Connection,
        shared: &'c Shared,
        merge: Option<(&'c Merge, &'c Young)>,
        numbers: Numbers,
    ) -> Result<Self, StoreError> {
        connection.prepare_cached("BEGIN IMMEDIATE").and_then(|mut statement| statement.execute([])).map_err(failed)?;
        let (now, fresh, progress) = (numbers.last, Vec::new(), Progress::default());
        Ok(Self { connection, shared, merge, now, numbers, fresh, come: 0, progress, grown: BTreeMap::new() })
    }

    /// Tells the time of what is written from now on. Times have milliseconds and never go backwards.
    pub(super) fn at(&mut self, now: Instant) {
        self.now = now.to_milliseconds().max(self.numbers.last);
    }

    /// Writes index rows of `resources` resources among those that have waited. To be called before anything else.
    pub(super) fn merge(&mut self, resources: usize) -> Result<(), StoreError> {
        if let Some((merge, young)) = self.merge {
            merge.step(self.connection, resources, young, &mut self.progress)?;
        }
        self.numbers.mark = self.progress.mark.unwrap_or(self.numbers.mark);
        Ok(())
    }

    /// Makes everything durable; afterwards the commits may be answered.
    pub(super) fn finish(mut self) -> Result<Ended, StoreError> {
        self.settle()?;
        self.execute("COMMIT", [])?;
        Ok(Ended { numbers: self.numbers, progress: self.progress, come: self.come })
    }

    /// Checks and writes one commit. [`StoreError::Unmet`] refuses it without a trace; any other error spoils the batch.
    pub(super) fn apply(&mut self, commit: &Prepared) -> Result<Vec<Written>, StoreError> {
        if let Some(idempotency) = &commit.idempotency
            && let Some(answer) = request::replay(self.connection, &self.shared.kinds, idempotency)?
        {
            return Ok(answer);
        }
        if commit.generation != self.numbers.generation {
            return Err(StoreError::Unmet(Unmet::Catalog));
        }
        let mut currents = Vec::with_capacity(commit.writes.len());
        for (number, write) in commit.writes.iter().enumerate() {
            let current = read::current(self.connection, write.kind, &write.key)?;
            if !meets(write.expect, current.as_ref()) {
                let current = current.map(|current| current.version.version);
                return Err(StoreError::Unmet(Unmet::Version { write: number, current }));
            }
            currents.push(current);
        }
        for (number, expected) in commit.matches.iter().enumerate() {
            if !self.finds_again(expected)? {
                return Err(StoreError::Unmet(Unmet::Match(number)));
            }
        }
        let mut written = Vec::with_capacity(commit.writes.len());
        let mut rows = Vec::with_capacity(commit.writes.len());
        for (write, current) in commit.writes.iter().zip(currents) {
            let (row, answer) = match &write.index {
                Some(index) => self.index(write, index, current)?,
                None => self.write(write, current)?,
            };
            rows.push(row);
            written.push(answer);
        }
        if !commit.definitions.is_empty() {
            self.numbers.generation += 1;
            parameters::define(self.connection, &commit.definitions, self.numbers.generation)?;
        }
        parameters::advance(self.connection, &commit.progress)?;
        if let Some(idempotency) = &commit.idempotency {
            let oldest = Instant(self.now.0.saturating_sub(self.shared.options.idempotency_microseconds));
            request::remember(self.connection, idempotency, &rows, &written, self.now, oldest)?;
        }
        Ok(written)
    }

    fn write(&mut self, write: &PreparedWrite, current: Option<Current>) -> Result<(i64, Written), StoreError> {
        let alive = current.as_ref().is_some_and(|current| current.version.body.is_some());
        match (&write.content, current) {
            (None, Some(current)) if alive => {
                let next = self.next_version(&write.key, Method::Delete, Some(&current), None);
                self.supersede(write, &current, &next, None)?;
                Ok((current.row, Written { version: Some(next), created: false, changed: true }))
            }
            (None, current) => {
                let row = current.as_ref().map_or(0, |current| current.row);
                Ok((row, Written { version: current.map(|current| current.version), created: false, changed: false }))
            }
            (Some(content), Some(current)) if content.is_same_as(&current.version) => {
                Ok((current.row, Written { version: Some(current.version), created: false, changed: false }))
            }
            (Some(content), Some(current)) => {
                let next = self.next_version(&write.key, content.method, Some(&current), Some(&content.body));
                self.supersede(write, &current, &next, Some(content))?;
                Ok((current.row, Written { version: Some(next), created: !alive, changed: true }))
            }
            (Some(content), None) => {
                let next = self.next_version(&write.key, content.method, None, Some(&content.body));
                let row = self.insert(write, &next, content)?;
                Ok((row, Written { version: Some(next), created: true, changed: true }))
            }
        }
    }

    /// Replaces the index rows of a version that is still current.
    fn index(&mut self, write: &PreparedWrite, index: &Index, current: Option<Current>) -> Result<(i64, Written), StoreError> {
        let row = current.as_ref().map_or(0, |current| current.row);
        let same = |version: &Version| version.version == index.version && version.body.is_some();
        if let Some(version) = current.as_ref().map(|current| &current.version).filter(|version| same(version)) {
            // No change comes of it: whoever sees all changes until now may see the rows.
            let sequence = self.numbers.next_sequence - 1;
            let after = State { sequence, updated: version.updated, rows: Some(Arc::clone(&index.rows)) };
            self.reindex(row, write.kind, &write.key.id, after)?;
            self.execute("UPDATE carried SET keys = ?2 WHERE rid = ?1", params![row, index.keys])?;
        }
        Ok((row, Written { version: current.map(|current| current.version), created: false, changed: false }))
    }

    fn next_version(&self, key: &Key, method: Method, current: Option<&Current>, body: Option<&Body>) -> Arc<Version> {
        let number = current.map_or(0, |current| current.version.version) + 1;
        let body = body.map(|body| body.finish(number, self.now));
        Arc::new(Version { key: key.clone(), version: number, updated: self.now, method, body })
    }

    /// Writes the first version of a resource.
    fn insert(&mut self, write: &PreparedWrite, version: &Version, content: &Content) -> Result<i64, StoreError> {
        let row = self.numbers.next_row;
        self.numbers.next_row += 1;
        self.execute(
            "INSERT INTO resource (rid, kind, id, version, updated, method, body) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
            params![
                row,
                write.kind,
                write.key.id.as_str(),
                version.version.cast_signed(),
                version.updated.0,
                method_code(version.method),
                &content.tail[..]
            ],
        )?;
        self.carry(row, version, content)?;
        let sequence = self.feed(write.kind, row, version)?;
        let state = State { sequence, updated: version.updated, rows: Some(Arc::clone(&content.rows)) };
        self.fresh.push(Entry { row, kind: write.kind, id: write.key.id.clone(), state, before: Vec::new() });
        *self.grown.entry(write.kind).or_default() += 1;
        Ok(row)
    }

    /// Keeps the packed index rows of a living resource.
    fn carry(&self, row: i64, version: &Version, content: &Content) -> Result<(), StoreError> {
        self.execute(
            "INSERT OR REPLACE INTO carried (rid, id, updated, keys) VALUES (?1, ?2, ?3, ?4)",
            params![row, version.key.id.as_str(), version.updated.0, content.keys],
        )
    }

    /// Moves the current version to the history and puts another in its place.
    fn supersede(&mut self, write: &PreparedWrite, old: &Current, new: &Version, content: Option<&Content>) -> Result<(), StoreError> {
        self.execute(
            "INSERT INTO history (rid, version, updated, method, body)
             SELECT rid, version, updated, method, body FROM resource WHERE rid = ?1",
            [old.row],
        )?;
        self.execute(
            "UPDATE resource SET version = ?2, updated = ?3, method = ?4, body = ?5 WHERE rid = ?1",
            params![old.row, new.version.cast_signed(), new.updated.0, method_code(new.method), content.map(|content| &content.tail[..])],
        )?;
        let sequence = self.feed(write.kind, old.row, new)?;
        let after = State { sequence, updated: new.updated, rows: content.map(|content| Arc::clone(&content.rows)) };
        // The carried rows are replaced below: what they were is asked for before.
        self.reindex(old.row, write.kind, &write.key.id, after)?;
        match content {
            Some(content) => self.carry(old.row, new, content)?,
            None => self.execute("DELETE FROM carried WHERE rid = ?1", [old.row])?,
        }
        *self.grown.entry(write.kind).or_default() += i64::from(new.body.is_some()) - i64::from(old.version.body.is_some());
        Ok(())
    }

    /// Gives a resource other index rows, which wait among the recent ones. To be called before its carried rows change: they are
    /// kept in `stale`, so that after a crash it is known what the tables hold.
    fn reindex(&mut self, row: i64, kind: i64, id: &Id, after: State) -> Result<(), StoreError> {
        self.publish();
        let (newest, known) = self.shared.recent.newest(row);
        if !known {
            // One line in any case: a deleted resource carries nothing.
            let sql = "INSERT INTO stale (rid, updated, keys) SELECT ?1, ifnull(max(updated), 0), max(keys) FROM carried WHERE rid = ?1";
            self.execute(sql, [row])?;
        }
        let before = match newest {
            Some(state) => state,
            None => read::state(self.connection, row)?,
        };
        self.shared.recent.change((row, kind, id), &before, after);
        self.come += 1;
        Ok(())
    }

    /// Puts new resources among the recent ones; readers see them when the transaction has ended.
    fn publish(&mut self) {
        if !self.fresh.is_empty() {
            self.come += self.fresh.len();
            self.shared.recent.add(std::mem::take(&mut self.fresh));
        }
    }

    /// Appends a version to the change feed; gives its sequence number.
    fn feed(&mut self, kind: i64, row: i64, version: &Version) -> Result<i64, StoreError> {
        let sequence = self.numbers.next_sequence;
        self.numbers.next_sequence += 1;
        self.numbers.last = version.updated;
        let (number, method) = (version.version.cast_signed(), method_code(version.method));
        self.execute(
            "INSERT INTO change (seq, kind, rid, version, method, updated) VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
            params![sequence, kind, row, number, method, version.updated.0],
        )?;
        Ok(sequence)
    }

    /// Writes what searches need to know.
    fn settle(&mut self) -> Result<(), StoreError> {
        self.publish();
        for (kind, by) in std::mem::take(&mut self.grown) {
            self.execute("UPDATE kind SET living = living + ?2 WHERE code = ?1", params![kind, by])?;
        }
        Ok(())
    }

    /// Whether a search finds the same resources as before, among them those of earlier commits of this batch.
    fn finds_again(&mut self, expected: &Match) -> Result<bool, StoreError> {
        self.settle()?;
        let page = match Searcher::new(self.connection, self.shared).inside(&expected.plan) {
            // It was not too costly before: so something else is found.
            Err(StoreError::TooCostly(_)) => return Ok(false),
            page => page?,
        };
        let now: HashSet<&Key> = page.hits.iter().map(|hit| &hit.version.key).collect();
        let before: HashSet<&Key> = expected.found.iter().collect();
        Ok(!page.more && now == before)
    }

    fn execute(&self, sql: &str, parameters: impl rusqlite::Params) -> Result<(), StoreError> {
        self.connection.prepare_cached(sql).and_then(|mut statement| statement.execute(parameters)).map_err(failed)?;
        Ok(())
    }
}

fn meets(expect: Expect, current: Option<&Current>) -> bool {
    let number = current.map(|current| current.version.version);
    match expect {
        Expect::Anything => true,
        Expect::Absent => number.is_none(),
        Expect::Version(wanted) => number == Some(wanted),
        Expect::Current(Some(wanted)) => number == Some(wanted),
        Expect::Current(None) => current.is_none_or(|current| current.version.body.is_none()),
    }
}
