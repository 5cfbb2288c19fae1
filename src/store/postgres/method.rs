//! How the tables tell methods, and when a version meets an expectation.

use crate::store::port::{Expect, Method};

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
