//! Elements as they stand in a JSON object: the value of a primitive under its name, its id and extensions under the name with
//! `_`, and for an element that repeats two lists with the same places.
//!
//! Source: <https://hl7.org/fhir/R4/json.html#primitive>.

use super::pointer::Pointer;
use crate::model::json::{Json, Value};

/// One occurrence of an element: its value, and what stands beside a primitive.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Element {
    pub(super) value: Option<Json>,
    pub(super) shadow: Option<Json>,
}

/// The name under which the id and extensions of a primitive stand.
pub(super) fn shadow_name(key: &str) -> String {
    format!("_{key}")
}

/// How often an element that repeats occurs.
pub(super) fn count(object: &Json, key: &str) -> usize {
    let length = |name: &str| object.member(name).map_or(0, |list| list.items().len());
    length(key).max(length(&shadow_name(key)))
}

/// Puts an occurrence before the one with that number.
pub(super) fn insert(object: &mut Json, key: &str, at: usize, element: Element) {
    let count = count(object, key);
    for (name, part) in [(key.to_owned(), element.value), (shadow_name(key), element.shadow)] {
        // A list that is not there is made only when it has something to hold.
        if part.is_some() || object.member(&name).is_some() {
            edit(object, &name, count, |items| items.insert(at.min(count), part.unwrap_or_else(Json::null)));
        }
    }
}

/// Takes the occurrence with that number away.
pub(super) fn take(object: &mut Json, key: &str, at: usize) -> Element {
    let count = count(object, key);
    let mut take = |name: &str| {
        object.member(name)?;
        let mut taken = None;
        edit(object, name, count, |items| taken = (at < count).then(|| items.remove(at)));
        taken.filter(|value| !value.is_null())
    };
    Element { value: take(key), shadow: take(&shadow_name(key)) }
}

/// Changes a list that has `count` places, some of which may be empty at its end; without any value it goes.
fn edit(object: &mut Json, name: &str, count: usize, change: impl FnOnce(&mut Vec<Json>)) {
    let mut items = match object.member_mut(name).map(|list| &mut list.value) {
        Some(Value::Array(items)) => std::mem::take(items),
        _ => Vec::new(),
    };
    items.resize(count, Json::null());
    change(&mut items);
    if items.iter().all(Json::is_null) {
        object.remove(name);
    } else {
        object.set(name, Json::new(Value::Array(items)));
    }
}

/// Puts an element that does not repeat in the place of `old`, which may be another choice of it.
pub(super) fn replace(object: &mut Json, old: &str, key: &str, element: Element) {
    if let Value::Object(members) = &mut object.value {
        for member in members {
            if member.name == old {
                key.clone_into(&mut member.name);
            } else if member.name.strip_prefix('_') == Some(old) {
                member.name = shadow_name(key);
            }
        }
    }
    set(object, key, element);
}

/// Sets an element that does not repeat.
pub(super) fn set(object: &mut Json, key: &str, element: Element) {
    for (name, part) in [(key.to_owned(), element.value), (shadow_name(key), element.shadow)] {
        match part {
            Some(part) => object.set(&name, part),
            None => drop(object.remove(&name)),
        }
    }
}

/// The object beside a primitive, which is made if it is not there.
pub(super) fn beside<'j>(object: &'j mut Json, key: &str, item: Option<usize>) -> Option<&'j mut Json> {
    let name = shadow_name(key);
    let empty = || Json::new(Value::Object(Vec::new()));
    let Some(at) = item else {
        if object.member(&name).is_none() {
            object.set(&name, empty());
        }
        return object.member_mut(&name);
    };
    let count = count(object, key);
    if object.member(&name).is_none() {
        object.set(&name, Json::new(Value::Array(Vec::new())));
    }
    let Value::Array(items) = &mut object.member_mut(&name)?.value else { return None };
    items.resize(count, Json::null());
    let place = items.get_mut(at)?;
    if place.is_null() {
        *place = empty();
    }
    Some(place)
}

/// Takes away what has become empty, from the inside outwards, since FHIR knows no empty objects and arrays.
pub(super) fn prune(document: &mut Json, mut at: Pointer) {
    while at.find(document).is_ok_and(is_empty) {
        let outer = Pointer(at.0.split_last().map_or(&[][..], |(_, outer)| outer).to_vec());
        // A place in a list of shadows stays, since the values beside it have the same places.
        let in_shadows = outer.0.last().is_some_and(|name| name.starts_with('_'))
            && outer.find(document).is_ok_and(|list| matches!(list.value, Value::Array(_)));
        if in_shadows {
            if let Ok(place) = at.find_mut(document) {
                *place = Json::null();
            }
        } else if at.remove(document).is_err() {
            return;
        }
        at = outer;
    }
}

fn is_empty(json: &Json) -> bool {
    match &json.value {
        Value::Object(members) => members.is_empty(),
        Value::Array(items) => items.iter().all(Json::is_null),
        _ => false,
    }
}
