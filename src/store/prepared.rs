//! Commits made ready before a writer takes them: types are codes, rows are sorted and packed.
//!
//! `K` is how a database tells types, `S` what else of a resource it keeps in a form of its own.

use std::collections::HashSet;
use std::sync::Arc;

use super::keys;
use super::port::{Commit, Definition, Expect, Idempotency, Match, Method, Progress, StoreError, Version, Write};
use crate::model::reference::Key;
use crate::model::resource::Body;
use crate::model::schema::ResourceType;
use crate::search::plan::Rows;

/// A commit, ready to be written.
#[derive(Debug)]
pub(crate) struct Prepared<K, S> {
    pub(crate) writes: Vec<PreparedWrite<K, S>>,
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
pub(crate) struct PreparedWrite<K, S> {
    pub(crate) key: Key,
    /// The code of its type.
    pub(crate) kind: K,
    pub(crate) expect: Expect,
    /// `None` for a deletion, and when only index rows are replaced.
    pub(crate) content: Option<Content<S>>,
    /// Index rows that replace those of a version.
    pub(crate) index: Option<Index>,
}

/// Index rows without content.
#[derive(Debug)]
pub(crate) struct Index {
    /// The version that they belong to.
    pub(crate) version: u64,
    pub(crate) rows: Arc<Rows>,
    /// The rows, packed, as the database keeps them.
    pub(crate) keys: Vec<u8>,
}

/// What is stored.
#[derive(Debug)]
pub(crate) struct Content<S> {
    pub(crate) method: Method,
    pub(crate) body: Body,
    pub(crate) rows: Arc<Rows>,
    /// The rows, packed, as the database keeps them.
    pub(crate) keys: Vec<u8>,
    pub(crate) stored: S,
}

impl<K, S> Prepared<K, S> {
    /// Prepares a commit. `code` gives the code of a type, `form` the form in which a body (if there is one) and packed rows are kept.
    pub(crate) fn with(
        mut commit: Commit,
        code: impl Fn(ResourceType) -> Result<K, StoreError>,
        mut form: impl FnMut(Option<&Body>, Vec<u8>) -> (S, Vec<u8>),
    ) -> Result<Self, StoreError> {
        let mut size = 0;
        let mut writes = Vec::with_capacity(commit.writes.len());
        for write in std::mem::take(&mut commit.writes) {
            let (key, expect, content, index) = match write {
                Write::Delete { key, expect } => (key, expect, None, None),
                Write::Put { key, method, body, rows, expect } => {
                    let (rows, keys) = packed(rows);
                    size += body.size() + 3 * keys.len();
                    let (stored, keys) = form(Some(&body), keys);
                    (key, expect, Some(Content { method, body, rows, keys, stored }), None)
                }
                Write::Index { key, version, rows } => {
                    let (rows, keys) = packed(rows);
                    size += 3 * keys.len();
                    let (_, keys) = form(None, keys);
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
        Ok(Self { writes, matches, idempotency, generation, definitions, progress, size })
    }
}

/// Rows as they are kept, and packed.
fn packed(mut rows: Box<Rows>) -> (Arc<Rows>, Vec<u8>) {
    rows.tidy();
    rows.mark_wide();
    let keys = keys::pack(&rows);
    (Arc::new(*rows), keys)
}

impl<S> Content<S> {
    /// Whether writing it over `version` would change nothing.
    pub(crate) fn is_same_as(&self, version: &Version) -> bool {
        self.method == Method::Update && version.body.as_ref().is_some_and(|body| self.body.same_content(body))
    }
}
