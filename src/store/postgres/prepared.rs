//! Commits made ready before a writer takes them, with all that is kept squeezed; and how the tables tell methods.

use bytes::Bytes;

use super::kinds::Kinds;
use crate::store::port::{Commit, Expect, Method, StoreError};
use crate::store::prepared;
use crate::store::squeeze::{Purpose, Squeezer, Training};

/// A commit, ready to be written.
pub(super) type Prepared = prepared::Prepared<i32, Tail>;
/// A write of one resource.
pub(super) type PreparedWrite = prepared::PreparedWrite<i32, Tail>;
/// What is stored.
pub(super) type Content = prepared::Content<Tail>;

/// What of the body is kept, squeezed.
#[derive(Debug)]
pub(super) struct Tail(pub(super) Bytes);

/// Prepares a commit; now and then there is something to train dictionaries on.
pub(super) fn prepare(commit: Commit, kinds: &Kinds, squeezer: &Squeezer) -> Result<(Prepared, Option<Training>), StoreError> {
    let mut training = None;
    let prepared = Prepared::with(
        commit,
        |kind| kinds.code(kind),
        |body, keys| {
            let Some(body) = body else { return (Tail(Bytes::new()), squeezer.squeeze(Purpose::Keys, &keys)) };
            training = training.take().or(squeezer.offer(body.tail(), &keys));
            (Tail(squeezer.squeeze(Purpose::Body, body.tail()).into()), squeezer.squeeze(Purpose::Keys, &keys))
        },
    )?;
    Ok((prepared, training))
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
