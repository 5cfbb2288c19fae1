//! Differentials: the elements that a profile changes, each with the id and cardinality that its snapshot would tell.
//!
//! Authors write `Observation.valueQuantity` for `Observation.value[x]:valueQuantity`, leave out ids, and tell only one side of a
//! cardinality; what they leave out is taken from the profile that is derived from, else from the type.
//! Source: <https://hl7.org/fhir/R4/profiling.html#snapshot>, <https://hl7.org/fhir/R4/elementdefinition.html#id>.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::json::{list, text};
use crate::definitions::profile::Profile;
use crate::model::schema::{ElementFacts, Schema, TypeId};

/// The elements of a structure's differential, complete in these respects.
pub(super) fn complete(structure: &Value, base: Option<&Profile>, schema: &Schema) -> Vec<Value> {
    let elements = structure.get("differential").map_or(&[][..], |differential| list(differential, "element"));
    let mut ids = Ids { schema, last: BTreeMap::new() };
    elements
        .iter()
        .map(|element| {
            let id = ids.of(element);
            let step = id.rsplit('.').next().unwrap_or(&id);
            let unsliced = step.split_once(':').map(|(name, _)| format!("{}{name}", id.strip_suffix(step).unwrap_or("")));
            let row = |id: &str| base.and_then(|base| base.elements.iter().find(|row| row.id == id));
            let place = place(&id, schema);
            let of_type = place.as_ref().and_then(|place| place.facts).map_or((0, None), |facts| (facts.min, facts.max));
            let (min, max) = match (row(&id), &unsliced) {
                (Some(row), _) => (row.min, row.max),
                (None, Some(unsliced)) => (0, row(unsliced).map_or(of_type.1, |row| row.max)),
                (None, None) => of_type,
            };
            let mut whole = element.clone();
            if let Some(members) = whole.as_object_mut() {
                members.insert("id".into(), json!(id));
                members.entry("min").or_insert_with(|| json!(min));
                members.entry("max").or_insert_with(|| json!(max.map_or("*".to_owned(), |max| max.to_string())));
                // A choice that is told by its own name is of that type.
                if let Some(choice) = place.and_then(|place| place.choice).filter(|_| !members.contains_key("type")) {
                    members.insert("type".into(), json!([{ "code": schema.type_name(choice) }]));
                }
            }
            whole
        })
        .collect()
}

/// Gives elements their ids, in the order of the differential.
struct Ids<'s> {
    schema: &'s Schema,
    /// The id of the last element with a path, and of those that lead to it.
    last: BTreeMap<String, String>,
}

impl Ids<'_> {
    fn of(&mut self, element: &Value) -> String {
        let (path, slice, told) = (text(element, "path"), text(element, "sliceName"), text(element, "id"));
        let told = normal(told, self.schema);
        let id = if fits(&told, &normal(path, self.schema), slice) { told } else { self.computed(path, slice) };
        // What stood below an earlier slice is over.
        self.last.retain(|known, _| !known.strip_prefix(path).is_some_and(|rest| rest.starts_with('.')));
        self.last.insert(path.to_owned(), id.clone());
        id
    }

    fn computed(&self, path: &str, slice: &str) -> String {
        let Some((above, name)) = path.rsplit_once('.') else { return path.to_owned() };
        let parent = self.last.get(above).cloned().unwrap_or_else(|| self.computed(above, ""));
        let id = normal(&format!("{parent}.{name}"), self.schema);
        match id.rsplit_once(':').filter(|(_, last)| !last.contains('.') && !slice.is_empty() && *last == name) {
            Some((choice, _)) => format!("{choice}:{slice}"),
            None if slice.is_empty() => id,
            None => format!("{id}:{slice}"),
        }
    }
}

/// Whether an id that is told belongs to that path and slice.
fn fits(id: &str, path: &str, slice: &str) -> bool {
    let names = |id: &str| id.split('.').map(|step| step.split(':').next().unwrap_or(step).to_owned()).collect::<Vec<_>>();
    let own = id.rsplit('.').next().and_then(|step| step.split_once(':')).map_or("", |(_, slice)| slice);
    !id.is_empty() && names(id) == names(path) && (slice.is_empty() || own == slice)
}

/// An id or path with choices told by their element: `value[x]:valueQuantity` for `valueQuantity`.
fn normal(id: &str, schema: &Schema) -> String {
    let mut out = String::new();
    for step in id.split('.') {
        let name = step.split(':').next().unwrap_or(step);
        let so_far = if out.is_empty() { name.to_owned() } else { format!("{out}.{name}") };
        let choice = place(&so_far, schema).filter(|place| place.choice.is_some() && !name.ends_with("[x]")).and_then(|place| place.facts);
        if !out.is_empty() {
            out.push('.');
        }
        match choice {
            Some(facts) => {
                out.push_str(&format!("{}[x]:{}", schema.name(facts.name), step.split_once(':').map_or(step, |(_, slice)| slice)))
            }
            None => out.push_str(step),
        }
    }
    out
}

/// What the types say of the element at a place.
struct Place<'s> {
    facts: Option<&'s ElementFacts>,
    /// The type that the name of the last step told: `valueQuantity`, or the slice of that name.
    choice: Option<TypeId>,
}

/// Follows an id through the types.
fn place<'s>(id: &str, schema: &'s Schema) -> Option<Place<'s>> {
    let mut steps = id.split('.');
    let mut ty = schema.type_named(steps.next()?)?;
    let mut found = Place { facts: None, choice: None };
    for step in steps {
        let (name, slice) = step.split_once(':').unwrap_or((step, ""));
        let plain = name.strip_suffix("[x]").unwrap_or(name);
        let by_key = [name, slice]
            .into_iter()
            .find_map(|key| schema.slot(ty, key).filter(|slot| schema.element(slot.element).is_some_and(|e| e.choice)));
        let facts = match by_key {
            Some(slot) => schema.element(slot.element)?,
            None => schema.elements(ty).iter().find(|facts| schema.name(facts.name) == plain)?,
        };
        let choice = by_key.map(|slot| slot.ty);
        ty = choice.or(facts.types.first().copied())?;
        found = Place { facts: Some(facts), choice };
    }
    Some(found)
}
