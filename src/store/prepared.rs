//! Commits made ready before a writer takes them: types are codes, rows are sorted and packed.
//!
//! `K` is how a database tells types, `S` what else of a resource it keeps in a form of its own.

use std::collections::HashSet;
use std::sync::Arc;

use super::keys;
use super::port::{Commit, Expect, Idempotency, Match, Method, StoreError, Version, Write};
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
    /// `None` for a deletion.
    pub(crate) content: Option<Content<S>>,
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
    /// Prepares a commit. `code` gives the code of a type, `form` the form in which a body and its packed rows are kept.
    pub(crate) fn with(
        commit: Commit,
        code: impl Fn(ResourceType) -> Result<K, StoreError>,
        mut form: impl FnMut(&Body, Vec<u8>) -> (S, Vec<u8>),
    ) -> Result<Self, StoreError> {
        let mut size = 0;
        let mut writes = Vec::with_capacity(commit.writes.len());
        for write in commit.writes {
            let (key, expect, content) = match write {
                Write::Delete { key, expect } => (key, expect, None),
                Write::Put { key, method, body, mut rows, expect } => {
                    rows.tidy();
                    rows.mark_wide();
                    let keys = keys::pack(&rows);
                    size += body.size() + 3 * keys.len();
                    let (stored, keys) = form(&body, keys);
                    (key, expect, Some(Content { method, body, rows: Arc::new(*rows), keys, stored }))
                }
            };
            size += 200;
            writes.push(PreparedWrite { kind: code(key.kind)?, key, expect, content });
        }
        let mut seen = HashSet::new();
        if writes.len() > 1 && !writes.iter().all(|write| seen.insert(&write.key)) {
            return Err(StoreError::Failed("a commit writes one resource twice".to_owned()));
        }
        Ok(Self { writes, matches: commit.matches, idempotency: commit.idempotency, size })
    }
}

impl<S> Content<S> {
    /// Whether writing it over `version` would change nothing.
    pub(crate) fn is_same_as(&self, version: &Version) -> bool {
        self.method == Method::Update && version.body.as_ref().is_some_and(|body| self.body.same_content(body))
    }
}
