//! The command line of the bare servers.

use std::net::SocketAddr;
use std::path::PathBuf;

use clap::{Parser, Subcommand};

/// Bare servers to measure against.
#[derive(Debug, Parser)]
#[command(name = "bare")]
pub(crate) struct Arguments {
    /// Which server.
    #[command(subcommand)]
    pub(crate) yardstick: Yardstick,
    /// Given by `cargo bench`; without meaning here.
    #[arg(long, hide = true, global = true)]
    bench: bool,
}

/// The servers.
#[derive(Debug, Subcommand)]
pub(crate) enum Yardstick {
    /// Answers every request with the same Observation.
    Hyper {
        /// Address and port; port 0 takes a free one.
        #[arg(long, default_value = "127.0.0.1:0")]
        listen: SocketAddr,
    },
    /// Stores every posted body in SQLite, durably, and reads it back.
    Insert {
        /// Address and port; port 0 takes a free one.
        #[arg(long, default_value = "127.0.0.1:0")]
        listen: SocketAddr,
        /// Database file; made when it is not there.
        #[arg(long)]
        store: PathBuf,
    },
}
