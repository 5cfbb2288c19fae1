//! Norn: a FHIR R4 gateway for precision cancer medicine.
//!
//! The modules stand in floor order; each imports only floors below it (see ARCHITECTURE.md).

pub mod base;
pub mod model;
// what R4 and the profiles define, in tables
pub mod definitions;
// the one door to other servers
pub mod outbound;
// the command line and everything it wires together
pub mod app;
