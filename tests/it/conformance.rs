//! The conformance cases, over the wire against the real process.

use std::path::Path;
use std::time::Duration;

use conformance::report::{self, Summary};
use conformance::run::{Runner, Settings};
use conformance::search::{self, Options};
use conformance::suites::{self, Filter};

use crate::support::cluster;
use crate::support::process::Process;

#[tokio::test(flavor = "multi_thread")]
async fn every_case_passes() {
    let folder = tempfile::TempDir::new().unwrap();
    pass(&Process::serve(&folder.path().join("norn.db"))).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn every_case_passes_over_postgresql() {
    pass(&Process::serve_url(&cluster::fresh())).await;
}

async fn pass(process: &Process) {
    let suites = suites::load(&Path::new(env!("CARGO_MANIFEST_DIR")).join("conformance/suites")).unwrap();
    let chosen = suites.choose(&Filter { suites: Vec::new(), cases: Vec::new() }).unwrap();
    let settings = Settings { patience: Duration::from_secs(60), jobs: 4, skip: true };
    let outcomes = Runner::connect(&process.base, settings).await.unwrap().run(chosen).await;
    let summary = Summary::of(&outcomes);
    let mut told = Vec::new();
    report::report(&mut told, &process.base, &outcomes, false).unwrap();
    assert_eq!((summary.failed, summary.skipped), (0, 0), "{}", String::from_utf8_lossy(&told));
    println!("{} conformance cases passed", summary.passed);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_search_agrees_with_the_naive_evaluator() {
    let folder = tempfile::TempDir::new().unwrap();
    let store = format!("sqlite:{}", folder.path().join("norn.db").display());
    agree(&Process::serve_unvalidated(&store, folder.path())).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_search_agrees_with_the_naive_evaluator_over_postgresql() {
    let folder = tempfile::TempDir::new().unwrap();
    agree(&Process::serve_unvalidated(&cluster::fresh(), folder.path())).await;
}

async fn agree(process: &Process) {
    #[expect(clippy::disallowed_methods, reason = "a test may be told how long to run")]
    let queries = std::env::var("NORN_SOAK_QUERIES").ok().and_then(|queries| queries.parse().ok()).unwrap_or(2000);
    let options = Options { queries, seed: 1, resources: 300, jobs: 4, patience: Duration::from_secs(60) };
    let report = search::run(&process.base, options).await.unwrap();
    assert!(report.told.is_empty() && report.refused == 0, "{report}");
    assert!(report.found * 100 > report.agreed * 60, "too few searches find something\n{report}");
    println!("{} searches agreed, {} refused", report.agreed, report.refused);
}
