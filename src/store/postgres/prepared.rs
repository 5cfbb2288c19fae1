//! Commits made ready before a writer takes them, and how the tables tell methods.

use super::kinds::Kinds;
use crate::store::port::{Commit, Expect, Method, StoreError};
use crate::store::prepared;

/// A commit, ready to be written.
pub(super) type Prepared = prepared::Prepared<i32, ()>;
/// A write of one resource.
pub(super) type PreparedWrite = prepared::PreparedWrite<i32, ()>;
/// What is stored.
pub(super) type Content = prepared::Content<()>;

impl Prepared {
    pub(super) fn of(commit: Commit, kinds: &Kinds) -> Result<Self, StoreError> {
        Self::with(commit, |kind| kinds.code(kind), |_, keys| ((), keys))
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
