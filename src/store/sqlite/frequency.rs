//! Which keys are frequent: a small table without locks, so that choosing a driver does not count large keys again and again.

use std::sync::atomic::{AtomicU64, Ordering};

/// Keys known to have many rows. A hint only: an answer that is out of date makes a search slower, never wrong.
#[derive(Debug)]
pub(super) struct Frequencies {
    /// Slot = low bits of the key; the word holds the key's other bits and, in the low six, the logarithm of the count.
    slots: Box<[AtomicU64]>,
}

const SLOTS: u64 = 4096;
const LOGARITHM: u64 = 63;
/// Smaller counts are as quickly counted as remembered, and grow soon.
const WORTH: i64 = 1024;

impl Default for Frequencies {
    fn default() -> Self {
        Self { slots: (0..SLOTS).map(|_| AtomicU64::new(0)).collect() }
    }
}

impl Frequencies {
    /// A number of rows that the key has had at least, if it is known to have many.
    pub(super) fn at_least(&self, key: i64) -> Option<i64> {
        let word = self.slot(key)?.load(Ordering::Relaxed);
        let known = word != 0 && word & !LOGARITHM == key.cast_unsigned() & !LOGARITHM;
        known.then(|| 1_i64 << (word & LOGARITHM).min(62))
    }

    /// Remembers that the key has at least `count` rows.
    pub(super) fn learn(&self, key: i64, count: i64) {
        if count >= WORTH
            && let Some(slot) = self.slot(key)
        {
            slot.store((key.cast_unsigned() & !LOGARITHM) | u64::from(count.ilog2()), Ordering::Relaxed);
        }
    }

    fn slot(&self, key: i64) -> Option<&AtomicU64> {
        // Keys are hashes, so any bits will do; those that the word does not keep must be among them.
        self.slots.get(usize::try_from(key.cast_unsigned() % SLOTS).ok()?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn large_counts_are_remembered_and_small_ones_are_not() {
        let frequencies = Frequencies::default();
        for (key, count, known) in [(5, 10, None), (6, 1024, Some(1024)), (-7, 5000, Some(4096)), (i64::MIN, 1 << 40, Some(1 << 40))] {
            frequencies.learn(key, count);
            assert_eq!(frequencies.at_least(key), known, "{key}");
            assert_eq!(frequencies.at_least(key ^ (1 << 30)), None);
        }
    }
}
