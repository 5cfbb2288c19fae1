//! Three ways to a stock: transactions, single creates, or a look at what is there.

use std::sync::Arc;

use serde_json::Value;
use tokio::task::JoinSet;

use crate::Failure;
use crate::connection::{Answer, Connection};
use crate::patient::Patients;
use crate::sample::chance::Chance;
use crate::sample::observation::Observations;
use crate::stock::{Stock, stored};
use crate::target::Target;
use crate::transaction::{self, ENTRIES};
use crate::wire;

/// Connections that seed at the same time.
const CONNECTIONS: usize = 4;

/// Stores at least two resources, a Patient with up to 99 Observations in each transaction.
pub(crate) async fn transactions(seed: u64, target: &Arc<Target>, resources: usize) -> Result<Stock, Failure> {
    let mut tasks = JoinSet::new();
    for first in 0..CONNECTIONS {
        tasks.spawn(some_transactions(seed, Arc::clone(target), first, resources));
    }
    let mut bundles = Vec::new();
    while let Some(done) = tasks.join_next().await {
        bundles.extend(done??);
    }
    // The stock is in the same order at every run, whichever connection was faster.
    bundles.sort_unstable_by_key(|(number, _)| *number);
    let mut stock = Stock::default();
    for (_, ids) in bundles {
        let mut ids = ids.iter();
        let Some(patient) = ids.next() else { continue };
        let patient = format!("Patient/{patient}");
        stock.observations.extend(ids.map(|id| stored(target.path(&format!("Observation/{id}")), id, &patient)));
        stock.patients.push(patient);
    }
    Ok(stock)
}

/// The transactions `first`, `first + CONNECTIONS`, … with the ids that the server gave.
async fn some_transactions(seed: u64, target: Arc<Target>, first: usize, resources: usize) -> Result<Vec<(usize, Vec<String>)>, Failure> {
    let (patients, observations) = (Patients::new(), Observations::new());
    let mut connection = Connection::open(&target).await?;
    let (mut body, mut request) = (Vec::new(), Vec::new());
    let mut bundles = Vec::new();
    for number in (first..resources.div_ceil(ENTRIES)).step_by(CONNECTIONS) {
        let entries = ENTRIES.min(resources - number * ENTRIES).max(2);
        let mut chance = Chance::new(seed, u64::try_from(number)?);
        body.clear();
        request.clear();
        transaction::write(&mut body, &patients, &observations, entries, &mut chance);
        target.send(&mut request, "POST", &target.path(""), &body);
        let answer = connection.call(&request).await?;
        if answer.status != 200 {
            return Err(format!("seeding: {}", told(&answer)).into());
        }
        bundles.push((number, transaction::ids(answer.body, entries)?));
    }
    Ok(bundles)
}

/// Posts Observations to a server that is no FHIR server, and remembers where it put them.
pub(crate) async fn one_by_one(seed: u64, target: &Arc<Target>, path: &str, resources: usize) -> Result<Stock, Failure> {
    let mut tasks = JoinSet::new();
    for first in 0..CONNECTIONS * 4 {
        tasks.spawn(some_creates(seed, Arc::clone(target), path.to_owned(), first, resources));
    }
    let mut locations = Vec::new();
    while let Some(done) = tasks.join_next().await {
        locations.extend(done??);
    }
    locations.sort_unstable_by_key(|(number, _)| *number);
    let observations = locations.into_iter().map(|(_, path)| stored(path, "", "")).collect();
    Ok(Stock { observations, ..Stock::default() })
}

async fn some_creates(
    seed: u64,
    target: Arc<Target>,
    path: String,
    first: usize,
    resources: usize,
) -> Result<Vec<(usize, String)>, Failure> {
    let observations = Observations::new();
    let mut connection = Connection::open(&target).await?;
    let (mut body, mut request) = (Vec::new(), Vec::new());
    let mut locations = Vec::new();
    for number in (first..resources).step_by(CONNECTIONS * 4) {
        body.clear();
        request.clear();
        observations.write(&mut body, None, "Patient/example", &mut Chance::new(seed, u64::try_from(number)?));
        target.send(&mut request, "POST", &path, &body);
        let answer = connection.call(&request).await?;
        let location = wire::field(answer.head, "location").filter(|_| answer.status == 201);
        locations.push((number, location.ok_or_else(|| format!("seeding: {}", told(&answer)))?.to_owned()));
    }
    Ok(locations)
}

/// Takes the first thousand Observations that the server has, with their Patients.
pub(crate) async fn look_up(target: &Arc<Target>) -> Result<Stock, Failure> {
    let mut request = Vec::new();
    target.get(&mut request, &target.path("Observation?_count=1000"));
    let mut connection = Connection::open(target).await?;
    let answer = connection.call(&request).await?;
    if answer.status != 200 {
        return Err(format!("looking for Observations: {}", told(&answer)).into());
    }
    let bundle: Value = serde_json::from_slice(answer.body)?;
    let mut stock = Stock::default();
    for resource in bundle.get("entry").and_then(Value::as_array).into_iter().flatten().filter_map(|entry| entry.get("resource")) {
        let text = |pointer| resource.pointer(pointer).and_then(Value::as_str);
        let (Some("Observation"), Some(id), Some(subject)) = (text("/resourceType"), text("/id"), text("/subject/reference")) else {
            continue;
        };
        stock.observations.push(stored(target.path(&format!("Observation/{id}")), id, subject));
        stock.patients.push(subject.to_owned());
    }
    stock.patients.sort_unstable();
    stock.patients.dedup();
    if stock.observations.is_empty() { Err("the server has no Observations of patients; give --seed-resources".into()) } else { Ok(stock) }
}

/// An unexpected answer, in a few words.
pub(crate) fn told(answer: &Answer<'_>) -> String {
    let body = answer.body.get(..500).unwrap_or(answer.body);
    format!("{} {}", answer.status, String::from_utf8_lossy(body).trim())
}
