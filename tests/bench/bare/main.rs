//! The two yardsticks of the benchmarks: servers that do nothing but the part no FHIR server can leave out.
//!
//! `hyper` answers every request with one constant Observation: the ceiling for reads. `insert` stores each body
//! durably in SQLite before it answers: the ceiling for writes. How to compare with them: `docs/benchmarks.md`.

#![expect(clippy::print_stdout, clippy::print_stderr, reason = "a command line tool")]

mod arguments;
mod constant;
mod insert;
#[path = "../sample/mod.rs"]
mod sample;
mod serve;
mod writer;

use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use clap::Parser as _;

use arguments::{Arguments, Yardstick};

/// Whatever ends the program.
type Failure = Box<dyn std::error::Error + Send + Sync>;

fn main() -> ExitCode {
    match run(Arguments::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            eprintln!("bare: {failure}");
            ExitCode::FAILURE
        }
    }
}

fn run(arguments: Arguments) -> Result<(), Failure> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    match arguments.yardstick {
        Yardstick::Hyper { listen } => {
            let page = constant::Page::new();
            runtime.block_on(serve::serve(listen, move |_| std::future::ready(page.answer())))?;
        }
        Yardstick::Insert { listen, store } => {
            let (service, writer) = insert::open(&store)?;
            let service = Arc::new(service);
            runtime.block_on(serve::serve(listen, move |request| insert::answer(Arc::clone(&service), request)))?;
            // Ends the connections, and with them the last handles on the writer's queue.
            runtime.shutdown_timeout(Duration::from_secs(2));
            writer.join().map_err(|_| "the writer thread failed")??;
        }
    }
    Ok(())
}
