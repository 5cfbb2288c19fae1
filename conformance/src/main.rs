//! The command line of the conformance runner: arguments, suites, run, report.
//!
//! Exit code 0: all passed; 1: some failed; 2: wrong use (arguments, case files, or a server that cannot be reached).

use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

use clap::{Parser, Subcommand};
use conformance::junit;
use conformance::report::{self, Summary};
use conformance::run::{Runner, Settings};
use conformance::search;
use conformance::suites::{self, Filter};

/// Runs conformance cases against any FHIR R4 server and reports what held and what did not.
#[derive(Debug, Parser)]
#[command(name = "conformance", version, args_conflicts_with_subcommands = true, subcommand_negates_reqs = true)]
struct Arguments {
    #[command(subcommand)]
    command: Option<Command>,
    /// Base URL of the server, such as http://127.0.0.1:8080/fhir
    #[arg(long, value_name = "URL", required_unless_present = "list")]
    base_url: Option<String>,
    /// Folder with the suites [default: the suites that come with the runner]
    #[arg(long, value_name = "DIR")]
    suites: Option<PathBuf>,
    /// Only cases of this suite: an area (rest) or one file of it (rest/create); may be repeated
    #[arg(long, value_name = "NAME")]
    suite: Vec<String>,
    /// Only cases whose name contains this text, whatever its letter case; may be repeated
    #[arg(long, value_name = "PATTERN")]
    case: Vec<String>,
    /// Print the chosen cases and stop
    #[arg(long)]
    list: bool,
    /// Print request and response of every failure
    #[arg(long, short)]
    verbose: bool,
    /// Write the results as JUnit XML too
    #[arg(long, value_name = "FILE")]
    junit: Option<PathBuf>,
    /// Run also the cases that need a capability which the server does not state
    #[arg(long)]
    no_skip: bool,
    /// Cases run at the same time
    #[arg(long, value_name = "N", default_value_t = 4, value_parser = clap::value_parser!(u16).range(1..=64))]
    jobs: u16,
    /// Longest wait for one answer
    #[arg(long, value_name = "SECONDS", default_value_t = 30, value_parser = clap::value_parser!(u16).range(1..))]
    timeout: u16,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Asks random searches over random resources and compares the answers with a naive evaluator of the specification
    Search(Search),
}

#[derive(Debug, clap::Args)]
struct Search {
    /// Base URL of a server without resources, such as http://127.0.0.1:8080/fhir; it may have those of an earlier run like this one
    #[arg(long, value_name = "URL")]
    url: String,
    /// How many random searches
    #[arg(long, value_name = "N", default_value_t = 2000)]
    queries: usize,
    /// What resources and searches follow from
    #[arg(long, value_name = "N", default_value_t = 1)]
    seed: u64,
    /// About how many random resources
    #[arg(long, value_name = "N", default_value_t = 400)]
    resources: usize,
    /// Fail also when the server refuses a feature of search
    #[arg(long)]
    strict: bool,
    /// Searches asked at the same time
    #[arg(long, value_name = "N", default_value_t = 4, value_parser = clap::value_parser!(u16).range(1..=64))]
    jobs: u16,
    /// Longest wait for one answer
    #[arg(long, value_name = "SECONDS", default_value_t = 30, value_parser = clap::value_parser!(u16).range(1..))]
    timeout: u16,
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let passed = match &arguments.command {
        Some(Command::Search(search)) => compare(search),
        None => conform(&arguments),
    };
    match passed {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::from(1),
        Err(message) => {
            // Nothing is left to tell when even standard error is closed.
            let _ = writeln!(io::stderr(), "conformance: {message}");
            ExitCode::from(2)
        }
    }
}

/// Runs what the arguments ask for; true if no case failed.
fn conform(arguments: &Arguments) -> Result<bool, String> {
    let folder = suite_folder(arguments.suites.as_deref())?;
    let filter = Filter { suites: arguments.suite.clone(), cases: arguments.case.clone() };
    let chosen = suites::load(&folder)?.choose(&filter)?;
    if arguments.list {
        return tell(|out| report::list(out, &chosen)).map(|()| true);
    }
    let base = arguments.base_url.as_deref().unwrap_or_default();
    let settings =
        Settings { patience: Duration::from_secs(arguments.timeout.into()), jobs: arguments.jobs.into(), skip: !arguments.no_skip };
    let runtime = tokio::runtime::Runtime::new().map_err(|error| format!("cannot start: {error}"))?;
    let outcomes = runtime.block_on(async {
        let runner = Runner::connect(base, settings).await?;
        Ok::<_, String>(runner.run(chosen).await)
    })?;
    let summary = Summary::of(&outcomes);
    if let Some(file) = &arguments.junit {
        std::fs::write(file, junit::document(&outcomes)).map_err(|error| format!("cannot write {}: {error}", file.display()))?;
    }
    tell(|out| report::report(out, base, &outcomes, arguments.verbose))?;
    Ok(summary.failed == 0)
}

/// Compares a server's search with the evaluator; true if they agree.
fn compare(asked: &Search) -> Result<bool, String> {
    let options = search::Options {
        queries: asked.queries,
        seed: asked.seed,
        resources: asked.resources,
        jobs: asked.jobs.into(),
        patience: Duration::from_secs(asked.timeout.into()),
    };
    let runtime = tokio::runtime::Runtime::new().map_err(|error| format!("cannot start: {error}"))?;
    let report = runtime.block_on(search::run(&asked.url, options))?;
    tell(|out| writeln!(out, "{report}"))?;
    Ok(report.agrees() && (report.refused == 0 || !asked.strict))
}

/// The folder that was asked for, or the one that lies beside this package's sources.
fn suite_folder(asked: Option<&Path>) -> Result<PathBuf, String> {
    let folder = asked.map_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("suites"), Path::to_path_buf);
    if folder.is_dir() {
        Ok(folder)
    } else {
        Err(format!("there is no folder {}; name the folder with the suites by --suites", folder.display()))
    }
}

/// Writes to standard output; a reader that has gone away (`| head`) is no error of ours.
fn tell(write: impl FnOnce(&mut dyn Write) -> io::Result<()>) -> Result<(), String> {
    match write(&mut io::stdout().lock()) {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => Err(format!("cannot write the report: {error}")),
        _ => Ok(()),
    }
}
