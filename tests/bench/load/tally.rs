//! What one connection, or all of them, brought home.

use std::time::Duration;

use crate::histogram::Histogram;

/// Right answers with their latencies, and wrong ones.
#[derive(Debug)]
pub(crate) struct Tally {
    /// Latencies of the right answers inside the measured time.
    pub(crate) latencies: Histogram,
    /// Bytes of the bodies of those answers.
    pub(crate) bytes: u64,
    /// Wrong answers and broken connections, those of the warm-up included.
    pub(crate) errors: u64,
    /// What the first of them looked like.
    pub(crate) first_error: Option<String>,
}

impl Tally {
    /// Nothing yet.
    pub(crate) fn new() -> Self {
        Self { latencies: Histogram::new(), bytes: 0, errors: 0, first_error: None }
    }

    /// Counts a right answer.
    pub(crate) fn right(&mut self, latency: Duration, bytes: usize) {
        self.latencies.record(latency);
        self.bytes += u64::try_from(bytes).unwrap_or(0);
    }

    /// Counts a wrong answer; `what` is asked only for the first.
    pub(crate) fn wrong(&mut self, what: impl FnOnce() -> String) {
        self.errors += 1;
        self.first_error.get_or_insert_with(what);
    }

    /// Adds what another connection brought.
    pub(crate) fn add(&mut self, other: Self) {
        self.latencies.add(&other.latencies);
        self.bytes += other.bytes;
        self.errors += other.errors;
        self.first_error = self.first_error.take().or(other.first_error);
    }
}
