//! The ground floor: clock, randomness, limits, and a map for names. Knows no FHIR.
//!
//! Time and chance enter the gateway only through these doors, so that tests can hold them still.
//!
//! Invariant: nothing here imports another module of this crate.

pub mod budget;
pub mod clock;
pub mod packed;
pub mod random;
pub mod table;
