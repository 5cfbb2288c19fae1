//! A black-box conformance runner for FHIR R4 servers.
//!
//! Cases are data (TOML files under `suites/`); the runner sends their requests to a base URL and judges the answers.
//! The guide is `docs/conformance.md`.
//!
//! Invariant: nothing here knows the gateway; a server is known by its base URL alone.

pub mod case;
pub mod check;
pub mod client;
pub mod compare;
pub mod judge;
pub mod junit;
pub mod oracle;
pub mod outgoing;
pub mod path;
pub mod report;
pub mod results;
pub mod rules;
pub mod run;
pub mod search;
pub mod suites;
pub mod template;
