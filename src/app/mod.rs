//! The application: what `norn` does when it is called.
//!
//! [`arguments`] and [`config`] read what the user wants, `wire` puts the gateway together, one file per command does it.
//!
//! Invariant: nothing imports this floor.

pub mod arguments;
pub mod config;
mod convert;
mod definitions;
mod demo;
mod fhirpath;
mod import;
mod lifecycle;
mod package;
pub mod packages;
mod serve;
mod telemetry;
mod terminology;
mod validate;
mod wire;

use std::process::ExitCode;

use clap::Parser as _;

use arguments::{Cli, Command};

/// How a command ended badly; each has its exit code.
#[derive(Debug)]
pub enum Ended {
    /// 1: the input was refused; what is wrong has been told.
    Refused,
    /// 2: the command was used wrongly.
    Misused(String),
    /// 3: something failed: a store, a port, a network.
    Failed(String),
}

/// Runs the command that the arguments name.
#[must_use]
pub fn run() -> ExitCode {
    let cli = Cli::parse();
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => return end(Err(Ended::Failed(format!("the runtime cannot be started: {error}")))),
    };
    let ended = runtime.block_on(async {
        match cli.command {
            Command::Serve(serve) => serve::run(&serve).await,
            Command::Demo(demo) => demo::run(&demo).await,
            Command::Import(import) => import::run(&import).await,
            Command::Convert(convert) => convert::run(&convert),
            Command::FhirPath(asked) => fhirpath::run(&asked),
            Command::Definitions(command) => definitions::run(&command).await,
            Command::Check(check) => serve::check(&check).await,
            Command::Migrate(migrate) => serve::migrate(&migrate).await,
            Command::Package(command) => package::run(&command).await,
            Command::Terminology(command) => terminology::run(&command),
            Command::Validate(command) => validate::run(&command).await,
        }
    });
    end(ended)
}

#[expect(clippy::print_stderr, reason = "the command line talks to a person")]
fn end(ended: Result<(), Ended>) -> ExitCode {
    match ended {
        Ok(()) => ExitCode::SUCCESS,
        Err(Ended::Refused) => ExitCode::from(1),
        Err(Ended::Misused(why)) => {
            eprintln!("norn: {why}");
            ExitCode::from(2)
        }
        Err(Ended::Failed(why)) => {
            eprintln!("norn: {why}");
            ExitCode::from(3)
        }
    }
}
