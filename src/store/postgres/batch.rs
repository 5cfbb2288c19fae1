//! One batch of commits in one transaction: what they expect is checked, what they write is worked out.
//!
//! Commits see what earlier ones of their batch write. Nothing of a commit is taken up before all its checks have passed, so
//! a refused one leaves no trace. What is taken up waits in memory, and goes to the database together (`flush`): at the end,
//! or before a search must see it.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::Arc;

use bytes::Bytes;
use tokio_postgres::Row;

use super::connect::{Connection, Later, together};
use super::dictionary::ready;
use super::fault::Fault;
use super::method::meets;
use super::read;
use super::request::{self, Remembered};
use super::search::Searcher;
use super::{Prepared, PreparedWrite, Shared};
use crate::base::clock::Instant;
use crate::model::reference::Key;
use crate::search::plan::Rows;
use crate::store::keys;
use crate::store::port::{Definition, Idempotency, Match, Method, Progress, StoreError, Unmet, Version, Written};
use crate::store::prepared::{Content, Index};

/// What a commit is answered, before times are known.
pub(super) type Decided = Result<Vec<Outcome>, StoreError>;

/// What becomes of one write.
#[derive(Debug)]
pub(super) struct Outcome {
    pub(super) shard: i16,
    /// 0 if there is none.
    pub(super) row: i64,
    pub(super) version: Told,
    pub(super) created: bool,
    pub(super) changed: bool,
}

/// A version that is told to whoever wrote.
#[derive(Debug, Clone)]
pub(super) enum Told {
    /// There never was one.
    None,
    /// One that stands in the database.
    Stored(Arc<Version>),
    /// The one with this number among those that this batch writes.
    New(usize),
}

/// A version that this batch writes.
#[derive(Debug)]
pub(super) struct New<'c> {
    pub(super) key: &'c Key,
    pub(super) kind: i32,
    pub(super) shard: i16,
    pub(super) row: i64,
    pub(super) number: u64,
    pub(super) method: Method,
    /// `None` for a deletion.
    pub(super) content: Option<&'c Content>,
    /// With its time; there when it is in the tables.
    pub(super) version: Option<Arc<Version>>,
}

/// A resource as the batch knows it.
#[derive(Debug)]
pub(super) struct Known {
    pub(super) shard: i16,
    pub(super) row: i64,
    /// What is in the tables, if there is a line.
    pub(super) stored: Option<Stored>,
    pub(super) number: u64,
    pub(super) now: Told,
    pub(super) alive: bool,
}

/// The line of a resource.
#[derive(Debug)]
pub(super) struct Stored {
    /// The version of it, without the text.
    pub(super) version: i64,
    pub(super) updated: i64,
    pub(super) method: Method,
    /// What is kept of the text, if the resource is alive, and its index rows.
    pub(super) content: Option<(Bytes, Arc<Rows>)>,
}

/// A batch under way.
pub(super) struct Batch<'c> {
    pub(super) connection: &'c Connection,
    pub(super) shared: &'c Shared,
    pub(super) known: HashMap<&'c Key, Known>,
    pub(super) news: Vec<New<'c>>,
    /// Those before it are in the tables.
    pub(super) flushed: usize,
    /// The time of what is written, and the place in the feed of the first that is not in the tables; known from the first
    /// flush on.
    pub(super) time: Option<Instant>,
    /// The place in the feed of the first new version.
    pub(super) first: Option<i64>,
    /// The moment at which the batch began, and the largest row id then.
    pub(super) now: Instant,
    pub(super) floor: i64,
    /// The generation of the search parameters as the batch began, and as it is with what the batch defines.
    pub(super) began: u64,
    pub(super) generation: u64,
    pub(super) definitions: Vec<(u64, &'c [Definition])>,
    pub(super) progress: Vec<&'c Progress>,
    /// Index rows to be replaced.
    pub(super) indexed: Vec<(&'c Key, &'c Index)>,
    requests: HashMap<Vec<u8>, Remembered>,
    pub(super) remember: Vec<(&'c Idempotency, Vec<u8>)>,
}

/// Only one transaction at a time has it.
pub(super) const GUARD: &str = "SELECT k FROM guard WHERE k = 0 FOR UPDATE";

/// Lines of the table `resource` as a batch begins: locked until it ends.
const LINES: &str = "SELECT kind, id, version, updated, method, body, shard, rid, keys
    FROM resource WHERE shard = $1 AND kind = $2 AND id = ANY ($3::text[]) ORDER BY id FOR UPDATE";

impl<'c> Batch<'c> {
    /// Opens the transaction and reads what the commits are about.
    pub(super) async fn begin(
        connection: &'c Connection,
        shared: &'c Shared,
        commits: &'c [&'c Prepared],
        now: Instant,
    ) -> Result<Self, Fault> {
        let keys: HashSet<&Key> = commits.iter().flat_map(|commit| commit.writes.iter().map(|write| &write.key)).collect();
        // Locks are taken in one order, by whichever gateway.
        let mut groups: BTreeMap<(i16, i32), Vec<&str>> = BTreeMap::new();
        for key in &keys {
            groups.entry((shared.shard(key), shared.kinds.code(key.kind)?)).or_default().push(key.id.as_str());
        }
        let asked: Vec<&Idempotency> = commits.iter().filter_map(|commit| commit.idempotency.as_ref()).collect();
        let searches = commits.iter().any(|commit| !commit.matches.is_empty());
        // One behind the other on the wire, in this order: all that is read is read under the locks taken before.
        for sql in [GUARD, LINES] {
            connection.statement(sql).await?;
        }
        let guard = async {
            if searches {
                connection.query(GUARD, &[]).await?;
            }
            Ok(())
        };
        let questions = groups.iter().map(|((shard, kind), ids)| {
            let one: Later<'_, Vec<Row>> = Box::pin(async move { connection.query(LINES, &[shard, kind, ids]).await });
            one
        });
        let lines = together(questions.collect());
        let (begun, guard, requests, lines, floor) = tokio::join!(
            connection.run("BEGIN ISOLATION LEVEL READ COMMITTED"),
            guard,
            request::known(connection, shared, &asked),
            lines,
            connection.query("SELECT row, generation FROM feed WHERE one = 0", &[])
        );
        begun?;
        let guard: Result<(), Fault> = guard;
        guard?;
        let floor = floor?.pop().ok_or_else(|| StoreError::Failed("the table feed is empty".to_owned()))?;
        let generation = floor.try_get::<_, i64>(1)?.cast_unsigned();
        let mut batch = Self {
            connection,
            shared,
            known: HashMap::new(),
            news: Vec::new(),
            flushed: 0,
            time: None,
            first: None,
            now,
            floor: floor.try_get(0)?,
            began: generation,
            generation,
            definitions: Vec::new(),
            progress: Vec::new(),
            indexed: Vec::new(),
            requests: requests?.into_iter().collect(),
            remember: Vec::new(),
        };
        let lines: Vec<Row> = lines?.into_iter().flatten().collect();
        ready(connection, shared, &lines, &[5, 8]).await?;
        batch.learn(&keys.into_iter().collect::<Vec<_>>(), &lines)?;
        Ok(batch)
    }

    fn learn(&mut self, keys: &[&'c Key], lines: &[Row]) -> Result<(), Fault> {
        let by_name: HashMap<(i32, &str), &'c Key> =
            keys.iter().map(|key| Ok(((self.shared.kinds.code(key.kind)?, key.id.as_str()), *key))).collect::<Result<_, StoreError>>()?;
        for line in lines {
            let Some(key) = by_name.get(&(line.try_get(0)?, line.try_get(1)?)) else { continue };
            let version = read::version(self.shared, line, 2, (*key).clone())?;
            let (shard, row) = (line.try_get(6)?, line.try_get(7)?);
            let kept = (line.try_get::<_, Option<&[u8]>>(5)?, line.try_get::<_, Option<&[u8]>>(8)?);
            let content = match kept {
                (Some(tail), Some(keys)) => {
                    let rows = unpack(row, &read::keys(self.shared, row, keys)?)?;
                    Some((Bytes::copy_from_slice(tail), Arc::new(rows)))
                }
                _ => None,
            };
            let (number, alive) = (version.version, version.body.is_some());
            let stored = Stored { version: number.cast_signed(), updated: version.updated.0, method: version.method, content };
            let now = Told::Stored(Arc::new(version));
            self.known.insert(key, Known { shard, row, stored: Some(stored), number, now, alive });
        }
        Ok(())
    }

    /// Checks one commit and takes up what it writes. [`StoreError::Unmet`] refuses it without a trace.
    pub(super) async fn apply(&mut self, commit: &'c Prepared) -> Result<Applied, Fault> {
        if let Some(idempotency) = &commit.idempotency
            && let Some(remembered) = self.requests.get(&idempotency.key[..]).cloned()
        {
            if remembered.request != idempotency.request {
                return Ok(Applied::Decided(Err(StoreError::Unmet(Unmet::Idempotency))));
            }
            // What is to be told may be from this batch.
            self.flush().await?;
            return Ok(Applied::Replayed(request::replay(self.connection, self.shared, &remembered).await?));
        }
        if commit.generation != self.generation {
            return Ok(Applied::Decided(Err(StoreError::Unmet(Unmet::Catalog))));
        }
        for (number, write) in commit.writes.iter().enumerate() {
            let known = self.known.get(&write.key);
            let current = known.map(|known| known.number);
            if !meets(write.expect, current, known.is_some_and(|known| known.alive)) {
                return Ok(Applied::Decided(Err(StoreError::Unmet(Unmet::Version { write: number, current }))));
            }
        }
        for (number, expected) in commit.matches.iter().enumerate() {
            if !self.finds_again(expected).await? {
                return Ok(Applied::Decided(Err(StoreError::Unmet(Unmet::Match(number)))));
            }
        }
        let outcomes: Vec<Outcome> = commit.writes.iter().map(|write| self.write(write)).collect();
        if !commit.definitions.is_empty() {
            self.generation += 1;
            self.definitions.push((self.generation, &commit.definitions));
        }
        self.progress.extend(&commit.progress);
        if let Some(idempotency) = &commit.idempotency {
            let results = request::results(&outcomes, |outcome| self.number(outcome));
            let request = idempotency.request.to_vec();
            self.requests.insert(idempotency.key.to_vec(), Remembered { request, results: results.clone() });
            self.remember.push((idempotency, results));
        }
        Ok(Applied::Decided(Ok(outcomes)))
    }

    /// The number of the version that an outcome tells; 0 if none.
    fn number(&self, outcome: &Outcome) -> u64 {
        match &outcome.version {
            Told::None => 0,
            Told::Stored(version) => version.version,
            Told::New(number) => self.news.get(*number).map_or(0, |new| new.number),
        }
    }

    fn write(&mut self, write: &'c PreparedWrite) -> Outcome {
        if let Some(index) = &write.index {
            self.indexed.push((&write.key, index));
            let (shard, row) = self.known.get(&write.key).map_or((0, 0), |known| (known.shard, known.row));
            let version = self.known.get(&write.key).map_or(Told::None, |known| known.now.clone());
            return Outcome { shard, row, version, created: false, changed: false };
        }
        let kind = write.kind;
        let number = self.news.len();
        let next = |shard, row, number, method| New {
            key: &write.key,
            kind,
            shard,
            row,
            number,
            method,
            content: write.content.as_ref(),
            version: None,
        };
        let Some(known) = self.known.get_mut(&write.key) else {
            let shard = self.shared.shard(&write.key);
            let Some(content) = &write.content else {
                return Outcome { shard, row: 0, version: Told::None, created: false, changed: false };
            };
            let row = self.shared.rows.next(self.now, self.floor);
            self.news.push(next(shard, row, 1, content.method));
            self.known.insert(&write.key, Known { shard, row, stored: None, number: 1, now: Told::New(number), alive: true });
            return Outcome { shard, row, version: Told::New(number), created: true, changed: true };
        };
        let (shard, row, was_alive) = (known.shard, known.row, known.alive);
        let same = match &write.content {
            None => !known.alive,
            Some(content) => match &known.now {
                Told::Stored(version) => content.is_same_as(version),
                Told::New(before) => {
                    let before = self.news.get(*before).and_then(|before| before.content);
                    content.method == Method::Update && before.is_some_and(|before| before.body == content.body)
                }
                Told::None => false,
            },
        };
        if same {
            return Outcome { shard, row, version: known.now.clone(), created: false, changed: false };
        }
        known.number += 1;
        known.now = Told::New(number);
        known.alive = write.content.is_some();
        let method = write.content.as_ref().map_or(Method::Delete, |content| content.method);
        let new = next(shard, row, known.number, method);
        self.news.push(new);
        Outcome { shard, row, version: Told::New(number), created: write.content.is_some() && !was_alive, changed: true }
    }

    /// Whether a search finds the same resources as before, among them those of earlier commits of this batch.
    async fn finds_again(&mut self, expected: &Match) -> Result<bool, Fault> {
        self.flush().await?;
        let page = match Searcher::new(self.connection, self.shared).inside(&expected.plan).await {
            // It was not too costly before: so something else is found.
            Err(Fault::Store(StoreError::TooCostly(_))) => return Ok(false),
            page => page?,
        };
        let now: HashSet<&Key> = page.hits.iter().map(|hit| &hit.version.key).collect();
        let before: HashSet<&Key> = expected.found.iter().collect();
        Ok(!page.more && now == before)
    }

    /// What is told, when all is in the tables.
    pub(super) fn tell(&self, applied: Applied) -> Result<Vec<Written>, StoreError> {
        let outcomes = match applied {
            Applied::Replayed(written) => return Ok(written),
            Applied::Decided(decided) => decided?,
        };
        let tell = |outcome: Outcome| {
            let version = match outcome.version {
                Told::None => None,
                Told::Stored(version) => Some(version),
                Told::New(number) => {
                    let version = self.news.get(number).and_then(|new| new.version.clone());
                    Some(version.ok_or_else(|| StoreError::Failed("a version was not written".to_owned()))?)
                }
            };
            Ok(Written { version, created: outcome.created, changed: outcome.changed })
        };
        outcomes.into_iter().map(tell).collect()
    }
}

/// What became of a commit.
pub(super) enum Applied {
    /// It was checked, and taken up or refused.
    Decided(Decided),
    /// It was made before.
    Replayed(Vec<Written>),
}

pub(super) fn unpack(row: i64, bytes: &[u8]) -> Result<Rows, StoreError> {
    keys::unpack(bytes).ok_or_else(|| StoreError::Failed(format!("the keys of row {row} are damaged")))
}
