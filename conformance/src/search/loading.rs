//! Brings the resources to the server, one after another, and reads back when each was written.
//!
//! Some are written with other content first, and some that others refer to are deleted: neither may leave a trace in the index,
//! and a change makes no resource newer, since creation counts.

use std::collections::HashMap;

use serde_json::{Value, json};

use super::asking::{Server, told};
use super::parameters::TYPES;
use super::pools::versions;
use super::world::{World, name, type_of};

/// Loads the resources in their order, unless the server has just these, and gives the world that they make.
///
/// # Errors
/// If the server refuses one, or has other resources of these types.
pub(super) async fn load(server: &Server, mut resources: Vec<Value>) -> Result<World, String> {
    let before = written(server).await?;
    if before.is_empty() {
        for kind in TYPES {
            if let Some(one) = resources.iter().find(|resource| type_of(resource) == kind) {
                let doomed = renamed(one, "nobody");
                put(server, &doomed).await?;
                let reply = server.send("DELETE", &name(&doomed), None).await?;
                if !matches!(reply.status, 200 | 202 | 204) {
                    return Err(format!("{} was not deleted: status {}: {}", name(&doomed), reply.status, told(&reply)));
                }
            }
        }
        for (index, resource) in resources.iter().enumerate() {
            match other(&resources, index).filter(|_| twice(resource)) {
                Some(other) => put(server, &renamed(other, id(resource))).await?,
                None => put(server, resource).await?,
            }
        }
        for resource in resources.iter().filter(|resource| twice(resource)) {
            put(server, resource).await?;
        }
    }
    let times = if before.is_empty() { written(server).await? } else { before };
    if times.len() != resources.len() || !resources.iter().all(|resource| times.contains_key(&name(resource))) {
        let of = TYPES.join(", ");
        return Err(format!("the server has other resources than those of this run; it must be empty of {of}"));
    }
    for resource in &mut resources {
        let time = times.get(&name(resource)).cloned().unwrap_or_default();
        if let Some(body) = resource.as_object_mut() {
            let meta = body.entry("meta").or_insert_with(|| json!({}));
            meta.as_object_mut().map(|meta| meta.insert("lastUpdated".to_owned(), time));
        }
    }
    Ok(World::new(&server.base, resources))
}

async fn put(server: &Server, resource: &Value) -> Result<(), String> {
    let reply = server.send("PUT", &name(resource), Some(resource)).await?;
    if matches!(reply.status, 200 | 201) {
        Ok(())
    } else {
        Err(format!("{} was not written: status {}: {}: {resource}", name(resource), reply.status, told(&reply)))
    }
}

fn id(resource: &Value) -> &str {
    resource.get("id").and_then(Value::as_str).unwrap_or_default()
}

/// Whether a resource is written twice.
fn twice(resource: &Value) -> bool {
    id(resource).strip_prefix('r').and_then(|number| number.parse().ok()).is_some_and(|number| versions(number) > 1)
}

/// Another resource of the same type.
fn other(resources: &[Value], index: usize) -> Option<&Value> {
    let kind = type_of(resources.get(index)?);
    let (before, after) = resources.split_at_checked(index)?;
    after.iter().skip(1).chain(before).find(|other| type_of(other) == kind)
}

fn renamed(resource: &Value, id: &str) -> Value {
    let mut copy = resource.clone();
    if let Some(body) = copy.as_object_mut() {
        body.insert("id".to_owned(), json!(id));
    }
    copy
}

/// All resources of these types that the server has, and when each was written.
async fn written(server: &Server) -> Result<HashMap<String, Value>, String> {
    let mut times = HashMap::new();
    for kind in TYPES {
        let look = |page: &Value| {
            let entries = page.get("entry").and_then(Value::as_array).into_iter().flatten();
            for resource in entries.filter_map(|entry| entry.get("resource")).filter(|resource| type_of(resource) == kind) {
                let time = resource.get("meta").and_then(|meta| meta.get("lastUpdated")).cloned();
                times.insert(name(resource), time.unwrap_or_default());
            }
        };
        server.search(&format!("{kind}?_count=200"), look).await?.map_err(|words| format!("{kind}?_count=200 was refused: {words}"))?;
    }
    Ok(times)
}
