//! From a scenario to the bytes of its next request.

use std::sync::Arc;

use crate::arguments::Arguments;
use crate::patient::Patients;
use crate::sample::chance::Chance;
use crate::sample::observation::Observations;
use crate::scenario::Scenario;
use crate::search::Query;
use crate::stock::{Stock, Stored};
use crate::target::Target;
use crate::transaction::{self, ENTRIES};

/// What all connections share.
#[derive(Debug)]
pub(crate) struct Plan {
    /// The server.
    pub(crate) target: Arc<Target>,
    /// What it has.
    pub(crate) stock: Stock,
    /// Whether it is no FHIR server.
    pub(crate) bare: bool,
    patients: Patients,
    observations: Observations,
    base: String,
    create: String,
    validate: String,
    seed: u64,
}

impl Plan {
    /// Prepares the requests to `target`.
    pub(crate) fn new(target: Arc<Target>, stock: Stock, arguments: &Arguments) -> Self {
        Self {
            stock,
            bare: arguments.create_path.is_some() || arguments.read_path.is_some(),
            patients: Patients::new(),
            observations: Observations::new(),
            base: target.path(""),
            create: arguments.create_path.clone().unwrap_or_else(|| target.path("Observation")),
            validate: target.path("Observation/$validate"),
            seed: arguments.seed,
            target,
        }
    }
}

/// The requests of one connection, one after the other.
#[derive(Debug)]
pub(crate) struct Script {
    plan: Arc<Plan>,
    scenario: Scenario,
    chance: Chance,
    turn: usize,
    /// Which of how many connections this is, from 0.
    place: (usize, usize),
    body: Vec<u8>,
    request: Vec<u8>,
}

impl Script {
    /// The script of connection number `place.0` of `place.1`, in the stage number `run`.
    pub(crate) fn new(plan: &Arc<Plan>, scenario: Scenario, run: u32, place: (usize, usize)) -> Self {
        // The lower half of the streams belongs to seeding.
        let stream = (1 << 63) | (u64::from(run) << 32) | u64::try_from(place.0).unwrap_or(0);
        Self {
            chance: Chance::new(plan.seed, stream),
            plan: Arc::clone(plan),
            scenario,
            turn: place.0,
            place,
            body: Vec::new(),
            request: Vec::new(),
        }
    }

    /// The bytes of the next request.
    pub(crate) fn advance(&mut self) -> &[u8] {
        self.request.clear();
        self.body.clear();
        let Self { plan, chance, body, request, .. } = self;
        let (target, stock) = (&plan.target, &plan.stock);
        match self.scenario {
            Scenario::Read => {
                let path = chance.pick(&stock.observations).map_or("/", |stored| &*stored.path);
                target.get(request, path);
            }
            Scenario::Create | Scenario::Validate => {
                let subject = chance.pick(&stock.patients).map_or("Patient/example", |patient| patient.reference.as_str());
                plan.observations.write(body, None, subject, chance);
                let path = if self.scenario == Scenario::Create { &plan.create } else { &plan.validate };
                target.send(request, "POST", path, body);
            }
            Scenario::Update => {
                if let Some(stored) = own(&stock.observations, self.place, chance) {
                    let subject = stock.patient_of(stored).map_or("Patient/example", |patient| patient.reference.as_str());
                    plan.observations.write(body, Some(stored.id()), subject, chance);
                    target.send(request, "PUT", &stored.path, body);
                }
            }
            Scenario::Transaction => {
                transaction::write(body, &plan.patients, &plan.observations, ENTRIES, chance);
                target.send(request, "POST", &plan.base, body);
            }
            search => {
                let shapes = search.shapes();
                if let Some(shape) = shapes.get(self.turn % shapes.len().max(1)) {
                    let query = Query::new(*shape, stock, chance);
                    target.get(request, &target.path(&query.url));
                }
                self.turn += 1;
            }
        }
        &self.request
    }

    /// The body of the request that `advance` wrote last.
    pub(crate) fn body(&self) -> &[u8] {
        &self.body
    }
}

/// One of the Observations that only this connection updates, so that no two updates meet on one resource.
fn own<'a>(observations: &'a [Stored], (place, places): (usize, usize), chance: &mut Chance) -> Option<&'a Stored> {
    let own = observations.len().saturating_sub(place).div_ceil(places.max(1));
    let turn = chance.below(u64::try_from(own).unwrap_or(0));
    observations.get(place + places * usize::try_from(turn).unwrap_or(0)).or_else(|| chance.pick(observations))
}
