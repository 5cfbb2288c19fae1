//! FHIR R4 as values: resources, their trees of elements, primitive types, and the codecs that make them from bytes.
//!
//! A [`resource::Resource`] exists only if its bytes passed the strict reader, so nothing above checks syntax again.
//!
//! Invariant: no clock, no I/O, no store, no HTTP; `serde_json::Value` never stands for a resource.

pub mod codec;
pub mod draft;
pub(crate) mod json;
pub mod outcome;
pub mod primitive;
pub mod reference;
pub mod resource;
pub mod schema;
pub mod tree;
