//! Norn: a FHIR R4 gateway for precision cancer medicine.
//!
//! The modules stand in floor order; each imports only floors below it (see ARCHITECTURE.md).

pub mod base;
pub mod genome;
pub mod mapping;
pub mod model;
