//! Three ways to a stock: transactions, single creates, or a look at what is there.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use serde_json::Value;
use tokio::task::JoinSet;

use crate::Failure;
use crate::connection::{Answer, Connection};
use crate::patient::Patients;
use crate::sample::chance::Chance;
use crate::sample::observation::Observations;
use crate::stock::{Patient, Stock, Stored};
use crate::target::Target;
use crate::transaction::{self, ENTRIES};
use crate::wire;

/// Connections that seed at the same time.
const CONNECTIONS: usize = 4;

/// How often it is told how far the seeding has come.
const TOLD: Duration = Duration::from_secs(10);

/// Stores a Patient with up to 99 Observations in each transaction, until there are so many resources. What was stored before
/// is gone on from, so that a store grows to the same resources in one go or in several.
pub(crate) async fn transactions(stock: &mut Stock, seed: u64, target: &Arc<Target>, resources: usize) -> Result<(), Failure> {
    let done = Arc::new(AtomicUsize::new(stock.bundles));
    let mut tasks = JoinSet::new();
    for first in 0..CONNECTIONS {
        tasks.spawn(some_transactions(seed, Arc::clone(target), stock.bundles + first, resources, Arc::clone(&done)));
    }
    let mut bundles = Vec::new();
    let mut told = tokio::time::interval(TOLD);
    told.tick().await;
    loop {
        tokio::select! {
            ended = tasks.join_next() => match ended {
                Some(ended) => bundles.extend(ended??),
                None => break,
            },
            _ = told.tick() => println!("{} of {resources} resources are stored", done.load(Ordering::Relaxed) * ENTRIES),
        }
    }
    // The stock is in the same order at every run, whichever connection was faster.
    bundles.sort_unstable_by_key(|bundle| bundle.number);
    for Bundle { patient, mut observations, .. } in bundles {
        let own = u32::try_from(stock.patients.len())?;
        observations.iter_mut().for_each(|stored| stored.patient = own);
        stock.total += u64::try_from(observations.len())?;
        stock.observations.append(&mut observations);
        stock.patients.push(patient);
        stock.bundles += 1;
    }
    Ok(())
}

/// What a transaction stored.
struct Bundle {
    number: usize,
    patient: Patient,
    observations: Vec<Stored>,
}

/// The transactions `first`, `first + CONNECTIONS`, … with the ids that the server gave.
async fn some_transactions(
    seed: u64,
    target: Arc<Target>,
    first: usize,
    resources: usize,
    done: Arc<AtomicUsize>,
) -> Result<Vec<Bundle>, Failure> {
    let (patients, observations) = (Patients::new(), Observations::new());
    let mut connection = Connection::open(&target).await?;
    let (mut body, mut request) = (Vec::new(), Vec::new());
    let mut bundles = Vec::new();
    for number in (first..resources.div_ceil(ENTRIES)).step_by(CONNECTIONS) {
        let entries = ENTRIES.min(resources - number * ENTRIES).max(2);
        let mut chance = Chance::new(seed, u64::try_from(number)?);
        body.clear();
        request.clear();
        let numbers = transaction::write(&mut body, &patients, &observations, entries, &mut chance);
        target.send(&mut request, "POST", &target.path(""), &body);
        let answer = connection.call(&request).await?;
        if answer.status != 200 {
            return Err(format!("seeding: {}", told(&answer)).into());
        }
        let ids = transaction::ids(answer.body, entries)?;
        let mut written = ids.iter().zip(numbers);
        let (patient, own) = written.next().ok_or("an empty transaction")?;
        bundles.push(Bundle {
            number,
            patient: Patient { reference: format!("Patient/{patient}"), number: own },
            observations: written.map(|(id, number)| stored(target.path(&format!("Observation/{id}")), number)).collect(),
        });
        done.fetch_add(1, Ordering::Relaxed);
    }
    Ok(bundles)
}

/// An Observation at `path`; whose it is becomes known later.
fn stored(path: impl Into<Box<str>>, number: u64) -> Stored {
    Stored { path: path.into(), patient: 0, number }
}

/// Posts Observations to a server that is no FHIR server, and remembers where it put them.
pub(crate) async fn one_by_one(seed: u64, target: &Arc<Target>, path: &str, resources: usize) -> Result<Vec<Stored>, Failure> {
    let mut tasks = JoinSet::new();
    for first in 0..CONNECTIONS * 4 {
        tasks.spawn(some_creates(seed, Arc::clone(target), path.to_owned(), first, resources));
    }
    let mut locations = Vec::new();
    while let Some(done) = tasks.join_next().await {
        locations.extend(done??);
    }
    locations.sort_unstable_by_key(|(number, _)| *number);
    Ok(locations.into_iter().map(|(_, path)| stored(path, 0)).collect())
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

/// Takes the first thousand Observations that the server has, with their Patients. Searches by identifier need such as this
/// driver makes.
pub(crate) async fn look_up(target: &Arc<Target>) -> Result<Stock, Failure> {
    let mut connection = Connection::open(target).await?;
    let bundle = get(target, &mut connection, "Observation?_count=1000&_include=Observation:subject").await?;
    let total = get(target, &mut connection, "Observation?_summary=count").await?;
    let mut stock = Stock { total: total.get("total").and_then(Value::as_u64).unwrap_or(0), ..Stock::default() };
    let resources: Vec<_> =
        bundle.get("entry").and_then(Value::as_array).into_iter().flatten().filter_map(|entry| entry.get("resource")).collect();
    let text = |resource: &Value, pointer: &str| resource.pointer(pointer).and_then(Value::as_str).map(str::to_owned);
    let number =
        |resource: &Value| text(resource, "/identifier/0/value").and_then(|value| u64::from_str_radix(&value, 16).ok()).unwrap_or_default();
    let mut known = HashMap::new();
    for resource in &resources {
        if let (Some("Patient"), Some(id)) = (text(resource, "/resourceType").as_deref(), text(resource, "/id")) {
            let reference = format!("Patient/{id}");
            known.insert(reference.clone(), u32::try_from(stock.patients.len())?);
            stock.patients.push(Patient { reference, number: number(resource) });
        }
    }
    for resource in resources {
        if let (Some("Observation"), Some(id), Some(subject)) =
            (text(resource, "/resourceType").as_deref(), text(resource, "/id"), text(resource, "/subject/reference"))
            && let Some(patient) = known.get(&subject)
        {
            let path = target.path(&format!("Observation/{id}")).into();
            stock.observations.push(Stored { path, patient: *patient, number: number(resource) });
        }
    }
    if stock.observations.is_empty() { Err("the server has no Observations of patients; give --seed-resources".into()) } else { Ok(stock) }
}

async fn get(target: &Target, connection: &mut Connection, url: &str) -> Result<Value, Failure> {
    let mut request = Vec::new();
    target.get(&mut request, &target.path(url));
    let answer = connection.call(&request).await?;
    if answer.status == 200 { Ok(serde_json::from_slice(answer.body)?) } else { Err(format!("GET {url}: {}", told(&answer)).into()) }
}

/// An unexpected answer, in a few words.
pub(crate) fn told(answer: &Answer<'_>) -> String {
    let body = answer.body.get(..500).unwrap_or(answer.body);
    format!("{} {}", answer.status, String::from_utf8_lossy(body).trim())
}
