//! Commits made ready before a writer takes them: types are codes, rows are sorted and packed, all of it is squeezed.

use std::collections::HashSet;
use std::sync::Arc;

use bytes::Bytes;

use super::kinds::Kinds;
use crate::model::reference::Key;
use crate::model::resource::Body;
use crate::search::plan::Rows;
use crate::store::keys;
use crate::store::port::{Commit, Expect, Idempotency, Match, Method, StoreError, Version, Write};
use crate::store::squeeze::{Purpose, Squeezer, Training};

/// A commit, ready to be written.
#[derive(Debug)]
pub(super) struct Prepared {
    pub(super) writes: Vec<PreparedWrite>,
    pub(super) matches: Vec<Match>,
    pub(super) idempotency: Option<Idempotency>,
    /// Roughly the memory it takes, in bytes.
    pub(super) size: usize,
}

/// A write of one resource.
#[derive(Debug)]
pub(super) struct PreparedWrite {
    pub(super) key: Key,
    /// The code of its type.
    pub(super) kind: i32,
    pub(super) expect: Expect,
    /// `None` for a deletion.
    pub(super) content: Option<Content>,
}

/// What is stored.
#[derive(Debug)]
pub(super) struct Content {
    pub(super) method: Method,
    pub(super) body: Body,
    pub(super) rows: Arc<Rows>,
    /// What of the body is kept, squeezed.
    pub(super) tail: Bytes,
    /// The rows, packed and squeezed.
    pub(super) keys: Vec<u8>,
}

impl Prepared {
    /// Prepares a commit; now and then there is something to train dictionaries on.
    pub(super) fn of(commit: Commit, kinds: &Kinds, squeezer: &Squeezer) -> Result<(Self, Option<Training>), StoreError> {
        let (mut size, mut training) = (0, None);
        let mut writes = Vec::with_capacity(commit.writes.len());
        for write in commit.writes {
            let (key, expect, content) = match write {
                Write::Delete { key, expect } => (key, expect, None),
                Write::Put { key, method, body, mut rows, expect } => {
                    rows.tidy();
                    rows.mark_wide();
                    let keys = keys::pack(&rows);
                    size += body.size() + 3 * keys.len();
                    training = training.or(squeezer.offer(body.tail(), &keys));
                    let tail = squeezer.squeeze(Purpose::Body, body.tail()).into();
                    let keys = squeezer.squeeze(Purpose::Keys, &keys);
                    (key, expect, Some(Content { method, body, rows: Arc::new(*rows), tail, keys }))
                }
            };
            size += 200;
            writes.push(PreparedWrite { kind: kinds.code(key.kind)?, key, expect, content });
        }
        let mut seen = HashSet::new();
        if writes.len() > 1 && !writes.iter().all(|write| seen.insert(&write.key)) {
            return Err(StoreError::Failed("a commit writes one resource twice".to_owned()));
        }
        Ok((Self { writes, matches: commit.matches, idempotency: commit.idempotency, size }, training))
    }
}

impl Content {
    /// Whether writing it over `version` would change nothing.
    pub(super) fn is_same_as(&self, version: &Version) -> bool {
        self.method == Method::Update && version.body.as_ref().is_some_and(|body| self.body.same_content(body))
    }
}

/// Whether what is there meets an expectation: the number of the current version, if there is one, and whether it is alive.
pub(super) fn meets(expect: Expect, current: Option<u64>, alive: bool) -> bool {
    match expect {
        Expect::Anything => true,
        Expect::Absent => current.is_none(),
        Expect::Version(wanted) | Expect::Current(Some(wanted)) => current == Some(wanted),
        Expect::Current(None) => !alive,
    }
}

/// The number that stands for a method in the tables.
pub(super) fn method_code(method: Method) -> i16 {
    match method {
        Method::Create => 0,
        Method::Update => 1,
        Method::Delete => 2,
    }
}

/// The method that a number stands for.
pub(super) fn method(code: i16) -> Method {
    match code {
        0 => Method::Create,
        1 => Method::Update,
        _ => Method::Delete,
    }
}
