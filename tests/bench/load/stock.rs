//! The resources that the server has before anything is measured: what reads, updates and searches aim at.

use std::sync::Arc;
use std::time::Instant;

use crate::Failure;
use crate::arguments::Arguments;
use crate::scenario::Scenario;
use crate::seed;
use crate::target::Target;

/// Known resources.
#[derive(Debug, Default)]
pub(crate) struct Stock {
    /// References to the Patients.
    pub(crate) patients: Vec<String>,
    /// The Observations.
    pub(crate) observations: Vec<Stored>,
}

/// A known Observation.
#[derive(Debug)]
pub(crate) struct Stored {
    /// Its path on the server.
    pub(crate) path: String,
    /// Its logical id.
    pub(crate) id: String,
    /// The reference to its Patient.
    pub(crate) subject: String,
}

/// Stores, or looks up, what the scenarios need.
pub(crate) async fn gather(arguments: &Arguments, target: &Arc<Target>, scenarios: &[Scenario]) -> Result<Stock, Failure> {
    let began = Instant::now();
    let wanted = arguments.seed_resources;
    let stock = match (&arguments.read_path, &arguments.create_path) {
        (Some(path), _) => Stock { observations: vec![stored(path.clone(), "", "")], ..Stock::default() },
        (None, Some(path)) if scenarios.contains(&Scenario::Read) => seed::one_by_one(arguments.seed, target, path, wanted.max(1)).await?,
        (None, Some(_)) => Stock::default(),
        (None, None) if wanted == 0 => seed::look_up(target).await?,
        (None, None) => seed::transactions(arguments.seed, target, wanted).await?,
    };
    let known = stock.patients.len() + stock.observations.len();
    if known > 1 {
        let seconds = began.elapsed().as_secs_f64();
        println!("{known} resources to aim at, after {seconds:.1} s ({:.0} per second)", known as f64 / seconds);
    }
    Ok(stock)
}

/// An Observation at `path`.
pub(crate) fn stored(path: impl Into<String>, id: &str, subject: &str) -> Stored {
    Stored { path: path.into(), id: id.to_owned(), subject: subject.to_owned() }
}
