//! The statements of one batch of commits: check everything a commit expects, then write it.
//!
//! A batch is one transaction. Commits see what earlier ones of their batch wrote. Since nothing is written before all checks
//! of a commit have passed, a refused commit leaves no trace and needs no savepoint; a database error fails the batch.

use std::collections::{BTreeMap, HashSet};
use std::sync::Arc;

use rusqlite::{Connection, OptionalExtension, params};

use super::frequency::Frequencies;
use super::kinds::Kinds;
use super::pending::Pending;
use super::read::{self, Current, method_code};
use super::search::Searcher;
use super::{Options, failed};
use crate::base::clock::Instant;
use crate::model::reference::Key;
use crate::model::resource::Body;
use crate::search::plan::Rows;
use crate::store::keys;
use crate::store::port::{Commit, Expect, Idempotency, Match, Method, StoreError, Unmet, Version, Write, Written};

/// A commit made ready outside the writer's thread: types are codes, rows are sorted and packed.
#[derive(Debug)]
pub(super) struct Prepared {
    writes: Vec<PreparedWrite>,
    matches: Vec<Match>,
    idempotency: Option<Idempotency>,
    /// Roughly the memory it takes, in bytes.
    pub(super) size: usize,
}

#[derive(Debug)]
struct PreparedWrite {
    key: Key,
    code: i64,
    expect: Expect,
    /// `None` for a deletion.
    content: Option<Content>,
}

#[derive(Debug)]
struct Content {
    method: Method,
    body: Body,
    rows: Box<Rows>,
    keys: Vec<u8>,
}

impl Prepared {
    pub(super) fn of(commit: Commit, kinds: &Kinds) -> Result<Self, StoreError> {
        let mut size = 0;
        let mut writes = Vec::with_capacity(commit.writes.len());
        for write in commit.writes {
            let (key, expect, content) = match write {
                Write::Delete { key, expect } => (key, expect, None),
                Write::Put { key, method, body, mut rows, expect } => {
                    keys::tidy(&mut rows);
                    let keys = keys::pack(&rows);
                    size += body.size() + 3 * keys.len();
                    (key, expect, Some(Content { method, body, rows, keys }))
                }
            };
            size += 200;
            writes.push(PreparedWrite { code: kinds.code(key.kind)?, key, expect, content });
        }
        let mut seen = HashSet::new();
        if writes.len() > 1 && !writes.iter().all(|write| seen.insert(&write.key)) {
            return Err(StoreError::Failed("a commit writes one resource twice".to_owned()));
        }
        Ok(Self { writes, matches: commit.matches, idempotency: commit.idempotency, size })
    }
}

/// Numbers that go on from batch to batch.
#[derive(Debug, Clone, Copy)]
pub(super) struct Numbers {
    next_row: i64,
    next_sequence: i64,
    /// Time of the last write.
    last: Instant,
}

impl Numbers {
    /// Reads where the store left off.
    pub(super) fn load(connection: &Connection) -> Result<Self, StoreError> {
        let number = |sql: &str| connection.query_row(sql, [], |row| row.get::<_, Option<i64>>(0)).map_err(failed);
        Ok(Self {
            next_row: number("SELECT max(rid) FROM resource")?.unwrap_or(0) + 1,
            next_sequence: number("SELECT max(seq) FROM change")?.unwrap_or(0) + 1,
            last: Instant(number("SELECT (SELECT updated FROM change ORDER BY seq DESC LIMIT 1)")?.unwrap_or(i64::MIN)),
        })
    }
}

/// One transaction under way.
pub(super) struct Batch<'c> {
    connection: &'c Connection,
    kinds: &'c Kinds,
    frequencies: &'c Frequencies,
    options: &'c Options,
    /// The time of everything in the batch.
    now: Instant,
    numbers: Numbers,
    pending: Pending,
    /// By how many resources each type grew.
    grown: BTreeMap<i64, i64>,
}

impl<'c> Batch<'c> {
    /// Opens the transaction. Times have milliseconds and never go backwards.
    pub(super) fn begin(
        connection: &'c Connection,
        kinds: &'c Kinds,
        frequencies: &'c Frequencies,
        options: &'c Options,
        now: Instant,
        numbers: Numbers,
    ) -> Result<Self, StoreError> {
        connection.prepare_cached("BEGIN IMMEDIATE").and_then(|mut statement| statement.execute([])).map_err(failed)?;
        let now = now.to_milliseconds().max(numbers.last);
        Ok(Self { connection, kinds, frequencies, options, now, numbers, pending: Pending::default(), grown: BTreeMap::new() })
    }

    /// Makes everything durable; afterwards the commits may be answered.
    pub(super) fn finish(mut self) -> Result<Numbers, StoreError> {
        self.pending.flush(self.connection)?;
        for (kind, by) in std::mem::take(&mut self.grown) {
            self.execute("UPDATE kind SET living = living + ?2 WHERE code = ?1", params![kind, by])?;
        }
        self.execute("COMMIT", [])?;
        Ok(self.numbers)
    }

    /// Checks and writes one commit. [`StoreError::Unmet`] refuses it without a trace; any other error spoils the batch.
    pub(super) fn apply(&mut self, commit: &Prepared) -> Result<Vec<Written>, StoreError> {
        if let Some(idempotency) = &commit.idempotency
            && let Some(answer) = self.replay(idempotency)?
        {
            return Ok(answer);
        }
        let mut currents = Vec::with_capacity(commit.writes.len());
        for (number, write) in commit.writes.iter().enumerate() {
            let current = read::current(self.connection, write.code, &write.key)?;
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
            let (row, answer) = self.write(write, current)?;
            rows.push(row);
            written.push(answer);
        }
        if let Some(idempotency) = &commit.idempotency {
            self.remember(idempotency, &rows, &written)?;
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
            (Some(content), Some(current)) if alive && content.method == Method::Update && content.is_same_as(&current.version) => {
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
            "INSERT INTO resource (rid, kind, id, version, updated, method, keys, body) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
            params![
                row,
                write.code,
                write.key.id.as_str(),
                version.version.cast_signed(),
                version.updated.0,
                method_code(version.method),
                content.keys,
                version.body.as_deref()
            ],
        )?;
        self.pending.replace(row, None, Some((&content.rows, version.updated)));
        *self.grown.entry(write.code).or_default() += 1;
        self.feed(write.code, row, version)?;
        Ok(row)
    }

    /// Moves the current version to the history and puts another in its place.
    fn supersede(&mut self, write: &PreparedWrite, old: &Current, new: &Version, content: Option<&Content>) -> Result<(), StoreError> {
        self.execute(
            "INSERT INTO history (rid, version, updated, method, body)
             SELECT rid, version, updated, method, body FROM resource WHERE rid = ?1",
            [old.row],
        )?;
        self.execute(
            "UPDATE resource SET version = ?2, updated = ?3, method = ?4, keys = ?5, body = ?6 WHERE rid = ?1",
            params![
                old.row,
                new.version.cast_signed(),
                new.updated.0,
                method_code(new.method),
                content.map(|content| &content.keys),
                new.body.as_deref()
            ],
        )?;
        let unpacked = match &old.keys {
            Some(keys) => Some(keys::unpack(keys).ok_or_else(|| StoreError::Failed(format!("the keys of {} are damaged", write.key)))?),
            None => None,
        };
        let before = unpacked.as_ref().map(|rows| (rows, old.version.updated));
        self.pending.replace(old.row, before, content.map(|content| (&*content.rows, new.updated)));
        let by = i64::from(new.body.is_some()) - i64::from(old.version.body.is_some());
        *self.grown.entry(write.code).or_default() += by;
        self.feed(write.code, old.row, new)
    }

    /// Appends a version to the change feed.
    fn feed(&mut self, code: i64, row: i64, version: &Version) -> Result<(), StoreError> {
        let sequence = self.numbers.next_sequence;
        self.numbers.next_sequence += 1;
        self.numbers.last = version.updated;
        let (number, method) = (version.version.cast_signed(), method_code(version.method));
        self.execute(
            "INSERT INTO change (seq, kind, rid, version, method, updated) VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
            params![sequence, code, row, number, method, version.updated.0],
        )
    }

    /// Whether a search finds the same resources as before, among them those of earlier commits of this batch.
    fn finds_again(&mut self, expected: &Match) -> Result<bool, StoreError> {
        self.pending.flush(self.connection)?;
        for (kind, by) in std::mem::take(&mut self.grown) {
            self.execute("UPDATE kind SET living = living + ?2 WHERE code = ?1", params![kind, by])?;
        }
        let searcher = Searcher { connection: self.connection, kinds: self.kinds, frequencies: self.frequencies };
        let page = searcher.page_inside(&expected.plan)?;
        let now: HashSet<&Key> = page.hits.iter().map(|hit| &hit.version.key).collect();
        let before: HashSet<&Key> = expected.found.iter().collect();
        Ok(!page.more && now == before)
    }

    /// What was answered to a request before, if it was made before.
    fn replay(&self, idempotency: &Idempotency) -> Result<Option<Vec<Written>>, StoreError> {
        let mut statement = self.connection.prepare_cached("SELECT request, results FROM request WHERE key = ?1").map_err(failed)?;
        let known = statement.query_row([&idempotency.key[..]], |row| Ok((row.get(0)?, row.get(1)?))).optional().map_err(failed)?;
        let Some((request, results)): Option<(Vec<u8>, Vec<u8>)> = known else { return Ok(None) };
        if request != idempotency.request {
            return Err(StoreError::Unmet(Unmet::Idempotency));
        }
        let (results, _) = results.as_chunks::<RESULT>();
        results.iter().map(|result| self.recall(*result)).collect::<Result<_, _>>().map(Some)
    }

    /// Remembers what is answered to a request, and forgets two that are too old: so the table never grows without end.
    fn remember(&self, idempotency: &Idempotency, rows: &[i64], written: &[Written]) -> Result<(), StoreError> {
        self.execute(
            "DELETE FROM request WHERE n IN (SELECT n FROM request ORDER BY n LIMIT 2) AND at < ?1",
            [self.now.0.saturating_sub(self.options.idempotency_microseconds)],
        )?;
        let mut results = Vec::with_capacity(written.len() * RESULT);
        for (row, written) in rows.iter().zip(written) {
            let version = written.version.as_ref().map_or(0, |version| version.version);
            results.extend_from_slice(&row.to_le_bytes());
            results.extend_from_slice(&version.to_le_bytes());
            results.push(u8::from(written.created) | u8::from(written.changed) << 1);
        }
        self.execute(
            "INSERT INTO request (key, request, at, results) VALUES (?1, ?2, ?3, ?4)",
            params![&idempotency.key[..], &idempotency.request[..], self.now.0, results],
        )
    }

    fn recall(&self, result: [u8; RESULT]) -> Result<Written, StoreError> {
        let [row @ .., _, _, _, _, _, _, _, _, flags] = result;
        let [_, _, _, _, _, _, _, _, version @ .., _] = result;
        let (row, version) = (i64::from_le_bytes(row), i64::from_le_bytes(version));
        let version = match version {
            0 => None,
            number => Some(read::version_of_row(self.connection, self.kinds, row, number)?),
        };
        Ok(Written { version, created: flags & 1 != 0, changed: flags & 2 != 0 })
    }

    fn execute(&self, sql: &str, parameters: impl rusqlite::Params) -> Result<(), StoreError> {
        self.connection.prepare_cached(sql).and_then(|mut statement| statement.execute(parameters)).map_err(failed)?;
        Ok(())
    }
}

/// Bytes per remembered write: row id, version, flags.
const RESULT: usize = 17;

impl Content {
    fn is_same_as(&self, version: &Version) -> bool {
        version.body.as_ref().is_some_and(|body| self.body.same_content(body))
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
