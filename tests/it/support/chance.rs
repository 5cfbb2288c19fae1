//! Numbers that look random and are the same in each run.

/// A sequence; its start is the number in it.
pub(crate) struct Chance(pub(crate) u64);

impl Chance {
    /// The next number, less than `below`.
    pub(crate) fn next(&mut self, below: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mixed = (self.0 ^ self.0 >> 30).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        let mixed = (mixed ^ mixed >> 27).wrapping_mul(0x94D0_49BB_1331_11EB);
        usize::try_from((mixed ^ mixed >> 31) % u64::try_from(below.max(1)).unwrap()).unwrap()
    }
}
