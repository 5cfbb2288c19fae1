//! Search as data: from the text of a query to a plan that any store can run.
//!
//! [`query`] reads the text, [`resolve`] gives it meaning with the definitions, [`extract`] says under which rows a resource
//! is found, [`plan`] is what the store executes.
//!
//! Invariant: no SQL, no HTTP, no clock.

pub mod plan;
