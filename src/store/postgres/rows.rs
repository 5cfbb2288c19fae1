//! Row ids: 64 bits that grow with time, made by the gateway, so that no counter in the database is asked for them.
//!
//! From high to low: milliseconds since 2020 (41 bits), a count within the millisecond (8 bits), the gateway (14 bits). Newest
//! first is then the order of creation. That clocks differ from gateway to gateway does no harm: every row id is larger than
//! all that were in the database when its transaction began. Row ids of one gateway are told by their ticks, milliseconds and
//! count, which lie close together: see `runs`.

use std::sync::atomic::{AtomicI64, Ordering};

use crate::base::clock::Instant;

/// 2020-01-01T00:00:00Z in microseconds.
const START: i64 = 1_577_836_800_000_000;
const COUNT_BITS: u32 = 8;
const GATEWAY_BITS: u32 = 14;
const GATEWAY: i64 = (1 << GATEWAY_BITS) - 1;

/// Makes the row ids of one gateway.
#[derive(Debug)]
pub(super) struct RowIds {
    gateway: i64,
    /// The last tick: milliseconds and count.
    last: AtomicI64,
}

impl RowIds {
    /// `opened` counts the starts of gateways over a database. Two that share a number would sooner or later make the same row
    /// id; the database then refuses the second, which is written anew.
    pub(super) fn new(opened: i64) -> Self {
        Self { gateway: opened & GATEWAY, last: AtomicI64::new(0) }
    }

    /// The next row id: larger than all before, and than `floor`.
    pub(super) fn next(&self, now: Instant, floor: i64) -> i64 {
        let least = ((now.0 - START).max(0) / 1000) << COUNT_BITS;
        let least = least.max((floor >> GATEWAY_BITS) + 1);
        let update = |last: i64| Some(least.max(last + 1));
        let before = self.last.fetch_update(Ordering::Relaxed, Ordering::Relaxed, update).unwrap_or_default();
        (least.max(before + 1) << GATEWAY_BITS) | self.gateway
    }

    /// A name for a line about resources up to `row`: a row id that no resource has.
    pub(super) fn name(&self, row: i64) -> i64 {
        self.next(Instant(START), row)
    }
}

/// The gateway that made a row id.
pub(super) fn gateway(row: i64) -> i64 {
    row & GATEWAY
}

/// What grows from one row id of a gateway to the next.
pub(super) fn tick(row: i64) -> i64 {
    row >> GATEWAY_BITS
}

/// The row id of a tick.
pub(super) fn of_tick(tick: i64, gateway: i64) -> i64 {
    (tick << GATEWAY_BITS) | gateway
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn row_ids_grow_whatever_the_clock_does() {
        let (a, b) = (RowIds::new(3), RowIds::new(16_384 + 4));
        let mut last = 0;
        for (at, floor) in [(START, 0), (START, 0), (START - 7, 0), (START + 5000, 0), (START + 4000, 0), (START, 1 << 46), (START, 0)] {
            let row = a.next(Instant(at), floor);
            assert!(row > last && row > floor && gateway(row) == 3 && of_tick(tick(row), 3) == row);
            last = row;
        }
        // Another gateway, whose clock is slow, goes on from what is in the database.
        assert!(b.next(Instant(START), last) > last);
        assert!(RowIds::new(0).next(Instant(START + 60 * 365 * 86_400_000_000), 0) > 0);
    }
}
