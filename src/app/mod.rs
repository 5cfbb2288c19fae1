//! The application: what `norn` does when it is called.
//!
//! Invariant: nothing imports this floor.

pub mod definitions;
