//! Commits made ready outside the writer's thread, with all that is kept squeezed.

use super::kinds::Kinds;
use crate::store::port::{Commit, StoreError};
use crate::store::prepared;
use crate::store::squeeze::{Purpose, Squeezer, Training};

/// A commit, ready to be written.
pub(super) type Prepared = prepared::Prepared<i64, Tail>;
/// A write of one resource.
pub(super) type PreparedWrite = prepared::PreparedWrite<i64, Tail>;
/// What is stored.
pub(super) type Content = prepared::Content<Tail>;

/// What of the body is kept, squeezed.
#[derive(Debug)]
pub(super) struct Tail(pub(super) Vec<u8>);

/// Prepares a commit; now and then there is something to train dictionaries on.
pub(super) fn prepare(commit: Commit, kinds: &Kinds, squeezer: &Squeezer) -> Result<(Prepared, Option<Training>), StoreError> {
    let mut training = None;
    let prepared = Prepared::with(
        commit,
        |kind| kinds.code(kind),
        |body, keys| {
            let Some(body) = body else { return (Tail(Vec::new()), squeezer.squeeze(Purpose::Keys, &keys)) };
            training = training.take().or(squeezer.offer(body.tail(), &keys));
            (Tail(squeezer.squeeze(Purpose::Body, body.tail())), squeezer.squeeze(Purpose::Keys, &keys))
        },
    )?;
    Ok((prepared, training))
}
