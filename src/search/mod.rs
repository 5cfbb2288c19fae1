//! Search as data: from the text of a query to a plan that any store can run.
//!
//! [`query`] reads the text, [`resolve`] gives it meaning with the definitions and [`terms`], [`extract`] says under which rows a resource
//! is found, [`plan`] is what the store executes, within a [`budget`]. [`key`] makes the keys that extraction and resolution agree on.
//!
//! Invariant: no SQL, no HTTP, no clock.

pub mod budget;
pub mod catalog;
pub mod cursor;
pub mod custom;
pub mod explain;
pub mod extract;
pub mod key;
pub mod plan;
pub mod query;
pub mod resolve;
pub mod terms;
