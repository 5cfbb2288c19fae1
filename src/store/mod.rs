//! Where resources live: the port, its cache, and the databases behind it.
//!
//! Invariant: nothing here knows HTTP or reads a resource's content; bytes and rows come in ready.

pub mod cache;
#[cfg(test)]
mod contract;
pub(crate) mod evaluate;
mod keys;
mod normal;
pub mod port;
pub mod postgres;
mod prepared;
mod runs;
pub mod sqlite;
pub(crate) mod squeeze;
