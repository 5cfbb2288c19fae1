//! The command line of the load driver.

use std::path::PathBuf;
use std::time::Duration;

use clap::{Parser, ValueEnum};

use crate::scenario::Scenario;

/// Sends FHIR requests to a server in a closed loop, and tells rates and latencies.
#[derive(Debug, Parser)]
#[command(name = "load")]
pub(crate) struct Arguments {
    /// FHIR base URL, for example http://127.0.0.1:8080/fhir (plain HTTP only).
    #[arg(long)]
    pub(crate) base_url: String,
    /// What to measure, in this order; by default create, read, update, search and transaction.
    #[arg(long, value_enum, value_delimiter = ',')]
    pub(crate) scenario: Vec<Scenario>,
    /// Numbers of connections.
    #[arg(long, value_delimiter = ',', default_values_t = [1, 16, 64])]
    pub(crate) connections: Vec<usize>,
    /// Measured seconds of each stage.
    #[arg(long, default_value = "5", value_parser = seconds)]
    pub(crate) seconds: Duration,
    /// Seconds that each stage runs before the measured ones.
    #[arg(long, default_value = "1", value_parser = seconds)]
    pub(crate) warmup: Duration,
    /// Seconds to wait for answers after the end of a stage; an answer that takes longer is an error.
    #[arg(long, default_value = "30", value_parser = seconds)]
    pub(crate) timeout: Duration,
    /// Patients and Observations to store first, 100 in a transaction. 0 takes what the server has.
    #[arg(long, default_value_t = 10_000)]
    pub(crate) seed_resources: usize,
    /// Numbers of resources, growing: the store is filled up to the first, everything is measured, then it is filled up to the
    /// next, and so on. Instead of --seed-resources.
    #[arg(long, value_delimiter = ',', conflicts_with = "seed_resources")]
    pub(crate) scale: Vec<usize>,
    /// Seconds to leave the server alone between filling and measuring.
    #[arg(long, default_value = "3", value_parser = seconds)]
    pub(crate) rest: Duration,
    /// The SQLite file of the server, to tell its bytes.
    #[arg(long)]
    pub(crate) file: Option<PathBuf>,
    /// The PostgreSQL database of the server, as postgres://user@host/database, to tell its bytes.
    #[arg(long)]
    pub(crate) database: Option<String>,
    /// Names all chance: the same number gives the same requests.
    #[arg(long, default_value_t = 1)]
    pub(crate) seed: u64,
    /// Process id of the server, to tell its processor time and memory (Linux).
    #[arg(long)]
    pub(crate) pid: Option<u32>,
    /// Writes the results to this file.
    #[arg(long)]
    pub(crate) json: Option<PathBuf>,
    /// Name of the server in the results.
    #[arg(long, default_value = "server")]
    pub(crate) label: String,
    /// Results of an earlier run; adds a column with the rate as a share of that run's. May be given again.
    #[arg(long)]
    pub(crate) against: Vec<PathBuf>,
    /// For servers that are no FHIR servers: GET always this path.
    #[arg(long)]
    pub(crate) read_path: Option<String>,
    /// For servers that are no FHIR servers: POST to this path, and read where `Location` says.
    #[arg(long)]
    pub(crate) create_path: Option<String>,
    /// Further header field of every request, as "Name: value". May be given again.
    #[arg(long)]
    pub(crate) header: Vec<String>,
    /// What writes ask for in return.
    #[arg(long, value_enum, default_value = "minimal")]
    pub(crate) prefer: Prefer,
    /// Threads of the driver itself; one drives tens of thousands of requests per second.
    #[arg(long, default_value_t = 1)]
    pub(crate) threads: usize,
    /// Given by `cargo bench`; without meaning here.
    #[arg(long, hide = true)]
    bench: bool,
}

/// The value of `Prefer: return=` (FHIR R4, "RESTful API, managing return content").
#[derive(Debug, Clone, Copy, ValueEnum)]
pub(crate) enum Prefer {
    /// No body.
    Minimal,
    /// The resource as stored.
    Representation,
    /// No such header field: what the server does by itself.
    None,
}

fn seconds(text: &str) -> Result<Duration, String> {
    let seconds = text.parse::<f64>().map_err(|e| e.to_string())?;
    Duration::try_from_secs_f64(seconds).map_err(|e| e.to_string())
}
