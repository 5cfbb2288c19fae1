//! The gateway from outside: real sockets, real files, real processes.

#![expect(clippy::unwrap_used, clippy::print_stdout, clippy::panic, clippy::indexing_slicing, reason = "tests stop at the first surprise")]

mod alike;
mod binary;
mod capability;
mod conditional;
mod conformance;
mod crash;
mod demo;
mod examples;
mod extraction;
mod fhirpath;
mod headers;
mod history;
mod hostile;
mod import;
mod jobs;
mod mutations;
mod national;
mod operations;
mod parameters;
mod patch;
mod profiles;
mod races;
mod released;
mod rest;
mod search;
mod support;
mod surface;
mod terminology;
mod tidy;
mod validation;
