//! The version of how built-in search parameters become index rows.
//!
//! A store keeps the version with which its rows were made. Rows of an older one are made anew in the background, and until that
//! is done, parameters of the kinds that differ cannot be asked for.

use crate::definitions::ParameterKind;

/// The present version. Whoever changes what rows a stored resource gets counts it up, and adds a line to `CHANGES`.
pub const PRESENT: u64 = 2;

/// The version of stores that tell none.
pub const FIRST: u64 = 1;

/// With which version the rows of which kinds of parameters became others.
const CHANGES: &[(u64, &[ParameterKind])] = &[
    // Quantities are converted to base units without loss.
    (2, &[ParameterKind::Quantity]),
];

/// Whether rows of a kind are others now than with an older version.
#[must_use]
pub fn differs(kind: ParameterKind, since: u64) -> bool {
    CHANGES.iter().any(|(version, kinds)| *version > since && kinds.contains(&kind))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_version_tells_what_it_changed() {
        let told: Vec<u64> = CHANGES.iter().map(|(version, _)| *version).collect();
        assert_eq!(told, (FIRST + 1..=PRESENT).collect::<Vec<_>>());
        assert!(differs(ParameterKind::Quantity, 1) && !differs(ParameterKind::Quantity, 2) && !differs(ParameterKind::Token, 1));
    }
}
