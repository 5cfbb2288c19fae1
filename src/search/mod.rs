//! Search as data: from the text of a query to a plan that any store can run.
//!
//! [`query`] reads the text, [`resolve`] gives it meaning with the definitions, [`extract`] says under which rows a resource
//! is found, [`plan`] is what the store executes. [`key`] makes the keys that extraction and resolution agree on.
//!
//! Invariant: no SQL, no HTTP, no clock.

pub mod catalog;
pub mod cursor;
pub mod custom;
pub mod extract;
pub mod key;
pub mod plan;
pub mod query;
pub mod resolve;
