//! Norn: a FHIR R4 gateway for precision cancer medicine.
//!
//! The modules stand in floor order; each imports only floors below it (see ARCHITECTURE.md).

pub mod base;
pub mod fhirpath;
pub mod model;
pub mod search;
pub mod store;
