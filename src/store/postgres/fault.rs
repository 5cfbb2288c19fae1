//! What can go wrong with a database on the other side of a network, and what to do about it.

use std::error::Error as _;

use tokio_postgres::Error;
use tokio_postgres::error::SqlState;

use crate::store::port::StoreError;

/// Why a statement did not do what it should.
#[derive(Debug)]
pub(super) enum Fault {
    /// Another transaction was in the way; done again, it may go well.
    Conflict(String),
    /// The connection is gone.
    Lost(String),
    /// Nothing helps but telling.
    Store(StoreError),
}

impl From<StoreError> for Fault {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

impl From<Error> for Fault {
    fn from(error: Error) -> Self {
        let text = told(&error);
        let Some(state) = error.code() else {
            let io = error.is_closed() || error.source().is_some_and(|cause| cause.is::<std::io::Error>());
            return if io { Self::Lost(text) } else { Self::Store(StoreError::Failed(text)) };
        };
        match *state {
            SqlState::T_R_SERIALIZATION_FAILURE | SqlState::T_R_DEADLOCK_DETECTED | SqlState::UNIQUE_VIOLATION => Self::Conflict(text),
            SqlState::DISK_FULL => Self::Store(StoreError::Full),
            SqlState::ADMIN_SHUTDOWN | SqlState::CRASH_SHUTDOWN | SqlState::CANNOT_CONNECT_NOW => Self::Lost(text),
            _ if state.code().starts_with("08") => Self::Lost(text),
            _ => Self::Store(StoreError::Failed(text)),
        }
    }
}

impl From<Fault> for StoreError {
    fn from(fault: Fault) -> Self {
        match fault {
            Fault::Conflict(text) | Fault::Lost(text) => Self::Failed(text),
            Fault::Store(error) => error,
        }
    }
}

/// An error with its causes. The database's own words never hold a password; the address does not stand in them.
pub(super) fn told(error: &Error) -> String {
    if let Some(error) = error.as_db_error() {
        return format!("{} ({})", error.message(), error.code().code());
    }
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(inner) = cause {
        text = format!("{text}: {inner}");
        cause = inner.source();
    }
    text
}
