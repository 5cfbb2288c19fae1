//! A look at the answers before they are measured: a fast wrong answer is no result.

use std::sync::Arc;

use serde_json::Value;

use crate::Failure;
use crate::connection::Connection;
use crate::plan::{Plan, Script};
use crate::sample::chance::Chance;
use crate::scenario::Scenario;
use crate::search::{Query, Shape};
use crate::seed::told;
use crate::transaction::{self, ENTRIES};
use crate::wire;

/// Searches of each shape; at least one of them must find something.
const TRIES: u64 = 8;

/// What is wrong with the answers of the server, one sentence per scenario.
pub(crate) async fn probe(plan: &Arc<Plan>, scenarios: &[Scenario]) -> Result<Vec<String>, Failure> {
    let mut connection = Connection::open(&plan.target).await?;
    let mut faults = Vec::new();
    for scenario in scenarios {
        let outcome = match scenario {
            Scenario::Create => create(plan, &mut connection).await,
            Scenario::Read if !plan.bare => read(plan, &mut connection).await,
            Scenario::Transaction => transaction(plan, &mut connection).await,
            search => searches(plan, &mut connection, search.shapes()).await,
        };
        if let Err(fault) = outcome {
            faults.push(format!("{}: {fault}", scenario.name()));
            // The failure may have been one of the connection.
            connection = Connection::open(&plan.target).await?;
        }
    }
    Ok(faults)
}

/// What was created can be read at its `Location`.
async fn create(plan: &Arc<Plan>, connection: &mut Connection) -> Result<(), Failure> {
    let mut script = Script::new(plan, Scenario::Create, 0, (0, 1));
    let answer = connection.call(script.advance()).await?;
    if answer.status != 201 {
        return Err(told(&answer).into());
    }
    let location = wire::field(answer.head, "location").ok_or("201 without Location")?.to_owned();
    let path = match location.split_once("://") {
        Some((_, rest)) => rest.find('/').and_then(|slash| rest.get(slash..)).unwrap_or("/").to_owned(),
        None if location.starts_with('/') => location,
        None => plan.target.path(&location),
    };
    let read = get(plan, connection, &path).await?;
    let sent: Value = serde_json::from_slice(script.body())?;
    let same = |pointer| sent.pointer(pointer) == read.pointer(pointer);
    if same("/identifier") && same("/valueQuantity/value") && same("/subject") {
        Ok(())
    } else {
        Err("what was created reads differently".into())
    }
}

/// A read gives the resource that was asked for.
async fn read(plan: &Arc<Plan>, connection: &mut Connection) -> Result<(), Failure> {
    let stored = plan.stock.observations.first().ok_or("nothing to read")?;
    let read = get(plan, connection, &stored.path).await?;
    if read.get("id").and_then(Value::as_str) == Some(stored.id()) { Ok(()) } else { Err("a read gave another resource".into()) }
}

/// Every entry of a transaction gets its place.
async fn transaction(plan: &Arc<Plan>, connection: &mut Connection) -> Result<(), Failure> {
    let mut script = Script::new(plan, Scenario::Transaction, 0, (0, 1));
    let answer = connection.call(script.advance()).await?;
    if answer.status != 200 {
        return Err(told(&answer).into());
    }
    transaction::ids(answer.body, ENTRIES).map(|_| ())
}

/// Searches find what they should, and only that.
async fn searches(plan: &Arc<Plan>, connection: &mut Connection, shapes: &[Shape]) -> Result<(), Failure> {
    let mut chance = Chance::new(0, 0);
    for &shape in shapes {
        let mut found = 0;
        for _ in 0..TRIES {
            let query = Query::new(shape, &plan.stock, &mut chance);
            let bundle = get(plan, connection, &plan.target.path(&query.url)).await?;
            found += query.check(&bundle).map_err(|wrong| format!("{wrong}: {}", query.url))?;
        }
        if found == 0 {
            return Err(format!("{TRIES} searches found nothing: {shape:?}").into());
        }
    }
    Ok(())
}

async fn get(plan: &Plan, connection: &mut Connection, path: &str) -> Result<Value, Failure> {
    let mut request = Vec::new();
    plan.target.get(&mut request, path);
    let answer = connection.call(&request).await?;
    if answer.status == 200 { Ok(serde_json::from_slice(answer.body)?) } else { Err(format!("GET {path}: {}", told(&answer)).into()) }
}
