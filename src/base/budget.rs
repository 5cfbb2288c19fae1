//! Limits on what foreign input may cost.

/// How large and deep a document may be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Largest request body in bytes, after decompression.
    pub bytes: usize,
    /// Deepest nesting of objects and arrays.
    pub depth: usize,
    /// Most entries in a batch or transaction Bundle.
    pub entries: usize,
    /// Most resources that one conditional deletion takes away.
    pub deletes: usize,
    /// Most issues told in one answer; the rest is counted.
    pub issues: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self { bytes: 64 << 20, depth: 64, entries: 20_000, deletes: 1000, issues: 100 }
    }
}
