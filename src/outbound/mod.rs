//! The one door to other servers: an HTTPS client with limits.
//!
//! Trust comes from the certificates of the operating system (or the file that `SSL_CERT_FILE` names).
//!
//! Invariant: nothing else in the gateway opens a connection to another machine. Addresses come from the operator's
//! configuration, never from a request; rules for addresses from requests will stand here when something needs them.

mod client;

pub use client::{Client, GetLimits, OutboundError};
