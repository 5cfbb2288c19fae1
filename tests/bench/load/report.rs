//! The results: a line of a table as each stage ends, and all of them as JSON.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use norn::base::clock::{Clock as _, System};
use serde::{Deserialize, Serialize};

use crate::Failure;
use crate::arguments::Arguments;
use crate::measure::Stage;
use crate::process::Sample;
use crate::stock::Stock;
use crate::tally::Tally;

/// The results of a run, as they stand in the file.
#[derive(Debug, Serialize, Deserialize)]
struct Results {
    /// Name of the server.
    label: String,
    base_url: String,
    /// When the run began (UTC).
    started: String,
    seconds: f64,
    warmup: f64,
    seed: u64,
    seed_resources: usize,
    driver_threads: usize,
    /// Processors that the machine offers to driver and server together.
    processors: usize,
    /// Wrong answers found before measuring.
    faults: Vec<String>,
    /// What the store takes on disk, at each size.
    #[serde(default)]
    disk: Vec<OnDisk>,
    rows: Vec<Row>,
}

/// What a store of some size takes on disk.
#[derive(Debug, Serialize, Deserialize)]
struct OnDisk {
    observations: u64,
    bytes: u64,
    /// Of a log that is written anew again and again.
    log_bytes: u64,
}

/// The result of one stage.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Row {
    scenario: String,
    connections: usize,
    /// Observations that were there before anything was measured.
    #[serde(default)]
    observations: u64,
    requests: u64,
    requests_per_second: f64,
    p50_ms: f64,
    p99_ms: f64,
    max_ms: f64,
    errors: u64,
    first_error: Option<String>,
    body_mb_per_second: f64,
    /// Processor time of the server for 1,000 requests.
    cpu_ms_per_1000: Option<f64>,
    /// Processor time of the driver for 1,000 requests.
    driver_cpu_ms_per_1000: f64,
    resident_mb: Option<f64>,
    peak_mb: Option<f64>,
}

impl Row {
    /// Sums a stage up. `server` is its state at the end of the stage, and the processor time that it used.
    pub(crate) fn new(
        (stage, observations): (&Stage, u64),
        tally: &Tally,
        window: Duration,
        driver: Duration,
        server: Option<(Sample, Duration)>,
    ) -> Self {
        let requests = tally.latencies.total();
        let each = |time: Duration| milliseconds(time) * 1000.0 / requests.max(1) as f64;
        Self {
            scenario: stage.scenario.name(),
            connections: stage.connections,
            observations,
            requests,
            requests_per_second: requests as f64 / window.as_secs_f64(),
            p50_ms: milliseconds(tally.latencies.percentile(50)),
            p99_ms: milliseconds(tally.latencies.percentile(99)),
            max_ms: milliseconds(tally.latencies.longest()),
            errors: tally.errors,
            first_error: tally.first_error.clone(),
            body_mb_per_second: tally.bytes as f64 / 1e6 / window.as_secs_f64(),
            cpu_ms_per_1000: server.map(|(_, cpu)| each(cpu)),
            driver_cpu_ms_per_1000: each(driver),
            resident_mb: server.map(|(now, _)| now.resident),
            peak_mb: server.map(|(now, _)| now.peak),
        }
    }
}

/// The table and the file.
#[derive(Debug)]
pub(crate) struct Report {
    results: Results,
    file: Option<PathBuf>,
    against: Vec<Results>,
}

impl Report {
    /// Begins a report, with the earlier results that it is compared with.
    pub(crate) fn open(arguments: &Arguments) -> Result<Self, Failure> {
        let results = Results {
            label: arguments.label.clone(),
            base_url: arguments.base_url.clone(),
            started: System.now().to_string(),
            seconds: arguments.seconds.as_secs_f64(),
            warmup: arguments.warmup.as_secs_f64(),
            seed: arguments.seed,
            seed_resources: arguments.seed_resources,
            driver_threads: arguments.threads.max(1),
            processors: std::thread::available_parallelism().map_or(1, usize::from),
            faults: Vec::new(),
            disk: Vec::new(),
            rows: Vec::new(),
        };
        let against = arguments.against.iter().map(|file| earlier(file)).collect::<Result<_, _>>()?;
        Ok(Self { results, file: arguments.json.clone(), against })
    }

    /// Notes that the server answers wrongly.
    pub(crate) fn wrong(&mut self, fault: String) {
        println!("WRONG ANSWER, {fault}");
        self.results.faults.push(fault);
    }

    /// Tells what the store takes on disk.
    pub(crate) fn disk(&mut self, stock: &Stock, (bytes, log_bytes): (u64, u64)) {
        let observations = stock.total;
        let megabytes = |bytes: u64| bytes as f64 / 1e6;
        println!(
            "{observations} Observations: {:.1} MB on disk, {:.0} bytes for each; beside it {:.1} MB of log",
            megabytes(bytes),
            bytes as f64 / observations.max(1) as f64,
            megabytes(log_bytes)
        );
        self.results.disk.push(OnDisk { observations, bytes, log_bytes });
    }

    /// Prints how the rates of the smallest store compare with those of larger ones, if there were several.
    pub(crate) fn compare(&self) {
        let rows = &self.results.rows;
        let mut sizes: Vec<u64> = rows.iter().map(|row| row.observations).collect();
        sizes.dedup();
        let Some((first, larger)) = sizes.split_first().filter(|(_, larger)| !larger.is_empty()) else { return };
        let heads: String = larger.iter().map(|size| format!(" {:>10} {:>8}", size, "share")).collect();
        println!("\n{:<24} {:>5} {:>10}{heads}", "requests/s", "conns", first);
        for row in rows.iter().filter(|row| row.observations == *first) {
            let same = |size: &u64| {
                rows.iter()
                    .find(|other| other.observations == *size && other.scenario == row.scenario && other.connections == row.connections)
            };
            let shares: String = larger
                .iter()
                .filter_map(same)
                .map(|other| {
                    let share = 100.0 * other.requests_per_second / row.requests_per_second;
                    format!(" {:>10.0} {share:>6.0} %", other.requests_per_second)
                })
                .collect();
            println!("{:<24} {:>5} {:>10.0}{shares}", row.scenario, row.connections, row.requests_per_second);
        }
    }

    /// Prints the head of the table.
    pub(crate) fn head(&self) {
        let mut line = format!(
            "{:<24} {:>5} {:>10} {:>9} {:>9} {:>9} {:>7} {:>9} {:>9} {:>8} {:>8}",
            self.results.label, "conns", "requests/s", "p50 ms", "p99 ms", "max ms", "errors", "cpu ms/k", "driver/k", "RSS MB", "peak MB"
        );
        for earlier in &self.against {
            line.push_str(&format!(" {:>14}", format!("of {}", earlier.label)));
        }
        println!("{line}");
    }

    /// Prints and keeps the result of a stage.
    pub(crate) fn row(&mut self, row: Row) {
        let known = |n: Option<f64>| n.map_or_else(|| "-".to_owned(), |n| format!("{n:.1}"));
        let mut line = format!(
            "{:<24} {:>5} {:>10.0} {:>9.3} {:>9.3} {:>9.3} {:>7} {:>9} {:>9.1} {:>8} {:>8}",
            row.scenario,
            row.connections,
            row.requests_per_second,
            row.p50_ms,
            row.p99_ms,
            row.max_ms,
            row.errors,
            known(row.cpu_ms_per_1000),
            row.driver_cpu_ms_per_1000,
            known(row.resident_mb),
            known(row.peak_mb)
        );
        for earlier in &self.against {
            let same = earlier.rows.iter().find(|e| e.scenario == row.scenario && e.connections == row.connections);
            let share = same.map(|same| format!("{:.1} %", 100.0 * row.requests_per_second / same.requests_per_second));
            line.push_str(&format!(" {:>14}", share.unwrap_or_default()));
        }
        println!("{line}");
        if let Some(error) = &row.first_error {
            println!("    first error: {error}");
        }
        self.results.rows.push(row);
    }

    /// Writes the file, and tells whether every answer was right.
    pub(crate) fn close(self) -> Result<bool, Failure> {
        if let Some(file) = &self.file {
            fs::write(file, serde_json::to_vec_pretty(&self.results)?).map_err(|e| format!("{}: {e}", file.display()))?;
        }
        Ok(self.results.faults.is_empty() && self.results.rows.iter().all(|row| row.errors == 0))
    }
}

fn earlier(file: &Path) -> Result<Results, Failure> {
    let bytes = fs::read(file).map_err(|e| format!("{}: {e}", file.display()))?;
    serde_json::from_slice(&bytes).map_err(|e| format!("{}: {e}", file.display()).into())
}

fn milliseconds(time: Duration) -> f64 {
    time.as_secs_f64() * 1000.0
}
