//! A gateway on a free port over a fresh store, and a client to talk to it.

pub(crate) mod client;
pub(crate) mod cluster;
pub(crate) mod gateway;
pub(crate) mod process;

pub(crate) use client::Client;
pub(crate) use gateway::TestGateway;
