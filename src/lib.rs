//! Norn: a FHIR R4 gateway for precision cancer medicine.
//!
//! The modules stand in floor order; each imports only floors below it (see ARCHITECTURE.md).

// 0: knows no FHIR
pub mod base;
// 10: FHIR R4 as values
pub mod model;
// 20: what R4 and the profiles define, in tables
pub mod definitions;
// 30: paths over resources; genomic vocabulary without FHIR
pub mod fhirpath;
pub mod genome;
// 32: what codes mean
pub mod terminology;
// 35: searches as data; changes to a resource; whether it is what its profiles say
pub mod patch;
pub mod search;
pub mod validate;
// 40: where resources live, and the one door to other servers
pub mod outbound;
pub mod store;
// 50: what FHIR lets a client do
pub mod interactions;
// 60: laboratory files to FHIR, with a ledger of every field
pub mod mapping;
// 70: bytes to interactions and back
pub mod http;
// 80: the command line and everything it wires together
pub mod app;
