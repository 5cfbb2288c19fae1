//! A gateway on a free port over a fresh store, and a client to talk to it.

pub(crate) mod chance;
pub(crate) mod client;
pub(crate) mod cluster;
pub(crate) mod gateway;
pub(crate) mod process;

pub(crate) use client::Client;
pub(crate) use gateway::TestGateway;

/// Whether golden files are to be written anew.
#[expect(clippy::disallowed_methods, reason = "whoever runs the tests says whether golden files are to be written")]
pub(crate) fn writes_golden() -> bool {
    std::env::var_os("NORN_GOLDEN").is_some_and(|golden| golden == "write")
}
