//! `_contained`: searches for resources inside of others.
//!
//! Source: <https://hl7.org/fhir/R4/search.html#contained>. What is contained is looked at as if it stood by itself beside all
//! resources, and the references that stay inside of a container lead to what they name there.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::elements::select;
use super::evaluate::{Expected, holding};
use super::includes::included;
use super::order;
use super::request::Request;
use super::world::{World, name, type_of};

/// What stands in names of resources that stay inside: no id has it.
pub(super) const MARK: char = '~';

/// All resources, and after them what they contain.
#[derive(Debug, Clone, Default)]
pub(super) struct Inside {
    pub(super) world: World,
    /// Places of contained resources, each with that of its container, in their order.
    pub(super) inner: Vec<(usize, usize)>,
}

impl Inside {
    /// Takes out what the resources contain; with the references that stay inside, if those are to lead anywhere.
    #[must_use]
    pub(super) fn of(world: &World, joined: bool) -> Self {
        let mut all: Vec<(String, Value)> = world.all().iter().map(|resource| (name(resource), resource.clone())).collect();
        let mut inner = Vec::new();
        for (place, container) in world.all().iter().enumerate() {
            let contained = select(container, "contained");
            let alias = |resource: &Value, id: &str| format!("{}/{}{MARK}{id}", type_of(resource), name(container).replace('/', "~"));
            let own = |resource: &Value| alias(resource, text(resource, "id"));
            let lead = |reference: &str| {
                let id = reference.strip_prefix('#').filter(|_| joined)?;
                let found = contained.iter().find(|resource| text(resource, "id") == id).map(|found| own(found));
                found.or_else(|| id.is_empty().then(|| alias(container, "")))
            };
            for resource in &contained {
                let mut copy = led(resource, &lead);
                if let Some(body) = copy.as_object_mut() {
                    let time = container.get("meta").and_then(|meta| meta.get("lastUpdated")).cloned();
                    let meta = body.entry("meta").or_insert_with(|| json!({}));
                    meta.as_object_mut().map(|meta| meta.insert("lastUpdated".to_owned(), time.unwrap_or_default()));
                }
                inner.push((all.len(), place));
                all.push((own(resource), copy));
            }
            if !contained.is_empty() {
                all.push((alias(container, ""), led(container, &lead)));
            }
        }
        Self { world: World::with_names(&world.base, all), inner }
    }
}

/// What a search with `_contained` has to give.
///
/// # Errors
/// If it asks for what this evaluator does not know.
pub(super) fn evaluate(world: &World, request: &Request) -> Result<Expected, String> {
    let kind = request.kind.as_deref().ok_or("contained resources are searched by one type")?;
    let (both, alone) = (request.value("_contained") == Some("both"), request.value("_containedType") == Some("contained"));
    let inside = Inside::of(world, true);
    let mut found: BTreeSet<usize> = inside.inner.iter().map(|(place, _)| *place).collect();
    found.retain(|place| type_of(inside.world.at(*place)) == kind);
    let mut own: BTreeSet<usize> = world.of(kind).filter(|_| both).collect();
    for (name, value) in request.criteria() {
        let holding = (holding(&inside.world, kind, name, value)?, holding(world, kind, name, value)?);
        found.retain(|place| holding.0.contains(place));
        own.retain(|place| holding.1.contains(place));
    }
    let of = |container: usize| inside.inner.iter().filter(move |(_, own)| *own == container).map(|(place, _)| *place);
    let around: BTreeSet<usize> = inside.inner.iter().filter(|(place, _)| found.contains(place)).map(|(_, container)| *container).collect();
    let around = &around | &own;
    let mut places: Vec<usize> = around.iter().copied().collect();
    order::sort(world, &request.sort(), &mut places)?;
    let mut matches = Vec::new();
    for place in places {
        let (name, found) = (world.name_at(place), &found);
        if !alone || own.contains(&place) {
            matches.push(name.clone());
        }
        if alone {
            let inner = of(place).filter(|place| found.contains(place));
            matches.extend(inner.map(|place| format!("{name}#{}", text(inside.world.at(place), "id"))));
        }
    }
    let along = if alone {
        // What is told is the contained resources: what they refer to outside comes along.
        included(&Inside::of(world, false).world, &request.includes(), &(&found | &own))
    } else {
        included(world, &request.includes(), &around)
    };
    let outside = along.into_iter().filter(|place| *place < world.all().len());
    Ok(Expected { matches, included: outside.map(|place| world.name_at(place)).collect() })
}

fn text<'v>(resource: &'v Value, member: &str) -> &'v str {
    resource.get(member).and_then(Value::as_str).unwrap_or_default()
}

/// A copy in which references lead elsewhere.
fn led(value: &Value, lead: &impl Fn(&str) -> Option<String>) -> Value {
    match value {
        Value::Array(items) => items.iter().map(|item| led(item, lead)).collect(),
        Value::Object(members) => {
            let member = |(name, value): (&String, &Value)| {
                let elsewhere = value.as_str().filter(|_| name == "reference").and_then(lead);
                (name.clone(), elsewhere.map_or_else(|| led(value, lead), Value::String))
            };
            members.iter().map(member).collect()
        }
        other => other.clone(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn contained_resources_are_found_in_their_containers() {
        let patient = json!({"resourceType": "Patient", "id": "c", "gender": "male", "managingOrganization": {"reference": "#o"}});
        let organization = json!({"resourceType": "Organization", "id": "o", "name": "Inner", "partOf": {"reference": "Organization/r"}});
        let world = World::new(
            "http://x/fhir",
            vec![
                json!({"resourceType": "Organization", "id": "r", "name": "Outer"}),
                json!({"resourceType": "Patient", "id": "a", "gender": "male"}),
                json!({"resourceType": "List", "id": "l", "status": "retired", "contained": [patient, organization], "subject": {"reference": "#c"}}),
            ],
        );
        let check = |text: &str, expected: &str, along: &str| {
            let found = super::super::evaluate::evaluate(&world, &Request::parse(text)).unwrap();
            assert_eq!(
                (found.matches.join(" "), found.included.into_iter().collect::<Vec<_>>().join(" ")),
                (expected.into(), along.into()),
                "{text}"
            );
        };
        check("Patient?gender=male&_contained=true", "List/l", "");
        check("Patient?gender=male&_contained=both", "List/l Patient/a", "");
        check("Patient?gender=male&_contained=both&_containedType=contained", "List/l#c Patient/a", "");
        check("Patient?organization.name=inner&_contained=true", "List/l", "");
        check("Patient?organization.partof.name=outer&_contained=true&_containedType=contained", "List/l#c", "");
        check("Organization?_include=Organization:partof&_contained=true&_containedType=contained", "List/l#o", "Organization/r");
        check("Patient?_id=c&_contained=true", "List/l", "");
        check("Patient?gender=female&_contained=true", "", "");
        check("Patient?organization.name=inner", "", "");
    }
}
