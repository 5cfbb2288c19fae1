//! Bytes to interactions and back: the FHIR REST API over HTTP/1.1 and HTTP/2.
//!
//! [`server`] accepts and drains connections, `service` takes one request through: negotiation, body, interaction, answer.
//! Source: <https://hl7.org/fhir/R4/http.html>, RFC 9110.
//!
//! Invariant: no decision about resources is made here; no SQL.

mod binary;
mod body;
pub mod cors;
mod format;
pub mod job;
mod negotiate;
mod prefer;
mod request_id;
mod respond;
pub mod server;
mod service;
pub mod tls;

pub use service::Service;

/// Path under which the FHIR API is served.
pub const BASE_PATH: &str = "/fhir";
