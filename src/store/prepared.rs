//! Commits made ready before a writer takes them: types are codes (`K`, as the database tells them), rows are sorted and packed, all
//! that is kept is squeezed.

use std::collections::HashSet;
use std::sync::Arc;

use bytes::Bytes;

use super::keys;
use super::port::{Commit, Definition, Expect, Idempotency, Match, Method, Progress, StoreError, Version, Write};
use super::squeeze::{Purpose, Squeezer, Training};
use crate::model::reference::Key;
use crate::model::resource::Body;
use crate::model::schema::ResourceType;
use crate::search::plan::Rows;

/// A commit, ready to be written.
#[derive(Debug)]
pub(crate) struct Prepared<K> {
    pub(crate) writes: Vec<PreparedWrite<K>>,
    pub(crate) matches: Vec<Match>,
    pub(crate) idempotency: Option<Idempotency>,
    pub(crate) generation: u64,
    pub(crate) definitions: Vec<Definition>,
    pub(crate) progress: Vec<Progress>,
    /// Roughly the memory it takes, in bytes.
    pub(crate) size: usize,
}

/// A write of one resource.
#[derive(Debug)]
pub(crate) struct PreparedWrite<K> {
    pub(crate) key: Key,
    /// The code of its type.
    pub(crate) kind: K,
    pub(crate) expect: Expect,
    /// `None` for a deletion, and when only index rows are replaced.
    pub(crate) content: Option<Content>,
    /// Index rows that replace those of a version.
    pub(crate) index: Option<Index>,
}

/// Index rows without content.
#[derive(Debug)]
pub(crate) struct Index {
    /// The version that they belong to.
    pub(crate) version: u64,
    pub(crate) rows: Arc<Rows>,
    /// The rows, packed and squeezed.
    pub(crate) keys: Vec<u8>,
}

/// What is stored.
#[derive(Debug)]
pub(crate) struct Content {
    pub(crate) method: Method,
    pub(crate) body: Body,
    pub(crate) rows: Arc<Rows>,
    /// What of the body is kept, squeezed.
    pub(crate) tail: Bytes,
    /// The rows, packed and squeezed.
    pub(crate) keys: Vec<u8>,
}

impl<K> Prepared<K> {
    /// Prepares a commit; now and then there is something to train dictionaries on. `code` gives the code of a type.
    pub(crate) fn of(
        mut commit: Commit,
        code: impl Fn(ResourceType) -> Result<K, StoreError>,
        squeezer: &Squeezer,
    ) -> Result<(Self, Option<Training>), StoreError> {
        let mut training = None;
        let mut size = 0;
        let mut writes = Vec::with_capacity(commit.writes.len());
        for write in std::mem::take(&mut commit.writes) {
            let (key, expect, content, index) = match write {
                Write::Delete { key, expect } => (key, expect, None, None),
                Write::Put { key, method, body, rows, expect } => {
                    let (rows, keys) = packed(rows);
                    size += body.size() + 3 * keys.len();
                    training = training.or(squeezer.offer(body.tail(), &keys));
                    let tail = squeezer.squeeze(Purpose::Body, body.tail()).into();
                    let keys = squeezer.squeeze(Purpose::Keys, &keys);
                    (key, expect, Some(Content { method, body, rows, tail, keys }), None)
                }
                Write::Index { key, version, rows } => {
                    let (rows, keys) = packed(rows);
                    size += 3 * keys.len();
                    let keys = squeezer.squeeze(Purpose::Keys, &keys);
                    (key, Expect::Anything, None, Some(Index { version, rows, keys }))
                }
            };
            size += 200;
            writes.push(PreparedWrite { kind: code(key.kind)?, key, expect, content, index });
        }
        let mut seen = HashSet::new();
        if writes.len() > 1 && !writes.iter().all(|write| seen.insert(&write.key)) {
            return Err(StoreError::Failed("a commit writes one resource twice".to_owned()));
        }
        let Commit { matches, idempotency, generation, definitions, progress, .. } = commit;
        Ok((Self { writes, matches, idempotency, generation, definitions, progress, size }, training))
    }
}

/// Rows as they are kept, and packed.
fn packed(mut rows: Box<Rows>) -> (Arc<Rows>, Vec<u8>) {
    rows.tidy();
    rows.mark_wide();
    let keys = keys::pack(&rows);
    (Arc::new(*rows), keys)
}

impl Content {
    /// Whether writing it over `version` would change nothing.
    pub(crate) fn is_same_as(&self, version: &Version) -> bool {
        self.method == Method::Update && version.body.as_ref().is_some_and(|body| self.body.same_content(body))
    }
}
