//! The load driver: a closed loop of FHIR requests against any server, and a table of what came of it.
//!
//! It speaks plain HTTP/1.1 on kept-alive connections. Each of N connections sends its next request when the answer to
//! the one before is read completely. What the columns mean, and how to compare servers: `docs/benchmarks.md`.

#![expect(clippy::print_stdout, clippy::print_stderr, reason = "a command line tool")]

mod arguments;
mod connection;
mod disk;
mod histogram;
mod measure;
mod patient;
mod plan;
mod probe;
mod process;
mod report;
#[path = "../sample/mod.rs"]
mod sample;
mod scenario;
mod search;
mod seed;
mod stock;
mod tally;
mod target;
mod transaction;
mod wire;

use std::process::ExitCode;
use std::sync::Arc;

use clap::Parser as _;

use arguments::Arguments;
use disk::Disk;
use measure::Stage;
use plan::Plan;
use process::Process;
use report::Report;
use stock::Stock;
use target::Target;

/// Whatever ends the program.
type Failure = Box<dyn std::error::Error + Send + Sync>;

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let runtime = match arguments.threads {
        0 | 1 => tokio::runtime::Builder::new_current_thread().enable_all().build(),
        threads => tokio::runtime::Builder::new_multi_thread().worker_threads(threads).enable_all().build(),
    };
    let done = runtime.map_err(Failure::from).and_then(|runtime| runtime.block_on(run(&arguments)));
    match done {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(failure) => {
            eprintln!("load: {failure}");
            ExitCode::FAILURE
        }
    }
}

/// Runs every scenario with every number of connections; `false` when any answer was wrong.
async fn run(arguments: &Arguments) -> Result<bool, Failure> {
    let server = arguments.pid.map(Process::open).transpose()?;
    let target = Arc::new(Target::new(&arguments.base_url, arguments.prefer, &arguments.header)?);
    let scenarios = scenario::chosen(arguments)?;
    let mut report = Report::open(arguments)?;
    if let Some(server) = &server {
        let now = server.sample()?;
        println!("server before the first request: {:.1} MB resident, {:.1} MB at its peak", now.resident, now.peak);
    }
    let disk = Disk::named(arguments);
    let sizes = if arguments.scale.is_empty() { vec![arguments.seed_resources] } else { arguments.scale.clone() };
    let (mut stock, mut run) = (Stock::default(), 0);
    for size in sizes {
        stock::gather(&mut stock, arguments, &target, &scenarios, size).await?;
        if size > 0 {
            tokio::time::sleep(arguments.rest).await;
        }
        if let Some(disk) = &disk {
            report.disk(&stock, disk.bytes().await?);
        }
        let plan = Arc::new(Plan::new(Arc::clone(&target), stock, arguments));
        for fault in probe::probe(&plan, &scenarios).await? {
            report.wrong(fault);
        }
        report.head();
        for &scenario in &scenarios {
            for &connections in &arguments.connections {
                // Every stage draws from its own streams of chance, so that no request is sent twice.
                run += 1;
                let stage = Stage { scenario, connections, run };
                let row = measure::measure(&plan, &stage, arguments, server.as_ref()).await?;
                report.row(row);
            }
        }
        stock = Arc::into_inner(plan).ok_or("a connection is still at work")?.stock;
    }
    report.compare();
    report.close()
}
