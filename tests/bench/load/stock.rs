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
    /// The Patients.
    pub(crate) patients: Vec<Patient>,
    /// The Observations.
    pub(crate) observations: Vec<Stored>,
    /// How many Observations the server has, those that are not known included.
    pub(crate) total: u64,
    /// Transactions that stored them.
    pub(crate) bundles: usize,
}

/// A known Patient.
#[derive(Debug)]
pub(crate) struct Patient {
    /// `Patient/id`.
    pub(crate) reference: String,
    /// The number in its identifier.
    pub(crate) number: u64,
}

/// A known Observation.
#[derive(Debug)]
pub(crate) struct Stored {
    /// Its path on the server; there may be a million of them.
    pub(crate) path: Box<str>,
    /// Which of the Patients it is of.
    pub(crate) patient: u32,
    /// The number in its identifier.
    pub(crate) number: u64,
}

impl Stored {
    /// Its logical id.
    pub(crate) fn id(&self) -> &str {
        self.path.rsplit_once('/').map_or("", |(_, id)| id)
    }
}

impl Stock {
    /// The Patient of an Observation.
    pub(crate) fn patient_of(&self, stored: &Stored) -> Option<&Patient> {
        self.patients.get(usize::try_from(stored.patient).ok()?)
    }
}

/// Stores, or looks up, what the scenarios need, until there are `wanted` resources.
pub(crate) async fn gather(
    stock: &mut Stock,
    arguments: &Arguments,
    target: &Arc<Target>,
    scenarios: &[Scenario],
    wanted: usize,
) -> Result<(), Failure> {
    let (began, before) = (Instant::now(), stock.patients.len() + stock.observations.len());
    match (&arguments.read_path, &arguments.create_path) {
        (Some(path), _) => stock.observations = vec![Stored { path: path.as_str().into(), patient: 0, number: 0 }],
        (None, Some(path)) if scenarios.contains(&Scenario::Read) => {
            stock.observations = seed::one_by_one(arguments.seed, target, path, wanted.max(1)).await?;
        }
        (None, Some(_)) => {}
        (None, None) if wanted == 0 => *stock = seed::look_up(target).await?,
        (None, None) => seed::transactions(stock, arguments.seed, target, wanted).await?,
    }
    let known = stock.patients.len() + stock.observations.len();
    if known > 1 {
        let seconds = began.elapsed().as_secs_f64();
        println!("{known} resources to aim at, after {seconds:.1} s ({:.0} per second)", (known - before) as f64 / seconds);
    }
    Ok(())
}
