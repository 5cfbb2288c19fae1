//! The value of a FHIRPath Patch operation: a `value[x]`, a resource, or an object told part by part.
//!
//! Source: <https://hl7.org/fhir/R4/fhirpatch.html>: "the content of the value part can be … an anonymous type … each element is a
//! part".

use super::element::{self, Element};
use crate::model::json::{self, Json, Value};
use crate::model::primitive::Primitive;
use crate::model::schema::{ElementFacts, Kind, Schema, Slot, TypeId};
use crate::model::tree::Node;

/// A value that has no place yet.
#[derive(Debug, Clone)]
pub(super) enum Content {
    /// A value of a type that has a name.
    Typed(TypeId, Element),
    /// An object, element by element.
    Parts(Vec<(String, Content)>),
}

impl Content {
    /// Reads what a part of a Parameters resource holds.
    ///
    /// The error says what is wrong.
    pub(super) fn read(part: Node<'_>) -> Result<Self, String> {
        let schema = part.tree().schema();
        let json = |node: Option<Node<'_>>| node.map(|node| json::read(node.json()).map_err(|fault| fault.message)).transpose();
        let held = |name: &str, shadow: bool| part.members().find(|member| member.key() == name && member.is_shadow() == shadow);
        let (value, shadow, resource) = (held("value", false), held("value", true), held("resource", false));
        let parts: Vec<Node<'_>> = part.all("part").collect();
        match (value.or(shadow), resource, parts.is_empty()) {
            (Some(told), None, true) => {
                let key = told.property().trim_start_matches('_');
                let ty = schema.slot(part.ty(), key).map_or(TypeId::NONE, |slot| slot.ty);
                Ok(Self::Typed(ty, Element { value: json(value)?, shadow: json(shadow)? }))
            }
            (None, Some(resource), true) => Ok(Self::Typed(resource.ty(), Element { value: json(Some(resource))?, shadow: None })),
            (None, None, false) => {
                let named = |part: Node<'_>| Ok((part.get_text("name").unwrap_or_default().into_owned(), Self::read(part)?));
                parts.into_iter().map(named).collect::<Result<_, String>>().map(Self::Parts)
            }
            _ => Err("a part has one of these: a value, a resource, or parts".to_owned()),
        }
    }

    /// The JSON property and value as an occurrence of an element of the type `owner`.
    ///
    /// The error says why the value cannot stand there.
    pub(super) fn fit(&self, owner: TypeId, facts: &ElementFacts, schema: &Schema) -> Result<(&'static str, Element), String> {
        let name = schema.name(facts.name);
        let mut slots = schema.slots(owner).iter().filter(|slot| slot.name == facts.name);
        match self {
            Self::Typed(ty, element) => {
                let fits = |slot: &&Slot| slot.ty == *ty || (!facts.choice && alike(*ty, slot.ty, schema));
                let slot = slots.find(fits).ok_or_else(|| {
                    let types: Vec<&str> = facts.types.iter().take(8).map(|ty| schema.type_name(*ty)).collect();
                    let more = if facts.types.len() > types.len() { ", …" } else { "" };
                    format!("a {} cannot stand in \"{name}\", which takes {}{more}", schema.type_name(*ty), types.join(", "))
                })?;
                Ok((slot.key, element.clone()))
            }
            Self::Parts(parts) => {
                let mut objects = slots.filter(|slot| matches!(schema.kind(slot.ty), Kind::Complex | Kind::Backbone));
                let (Some(slot), None) = (objects.next(), objects.next()) else {
                    return Err(format!(
                        "a value told in parts fits only to an element with one type that has elements; \"{name}\" is none"
                    ));
                };
                let mut object = Json::new(Value::Object(Vec::new()));
                for (name, content) in parts {
                    let facts = find(slot.ty, name, schema)?;
                    let (key, element) = content.fit(slot.ty, facts, schema)?;
                    add(&mut object, slot.ty, facts, key, element, schema)?;
                }
                Ok((slot.key, Element { value: Some(object), shadow: None }))
            }
        }
    }
}

/// Whether values of two types are told alike, so that the strict reader can judge the one in the place of the other: clients
/// often send a string for a code, or a date for a dateTime.
fn alike(given: TypeId, wanted: TypeId, schema: &Schema) -> bool {
    let is_quantity = |ty| matches!(schema.type_name(ty), "Quantity" | "Age" | "Count" | "Distance" | "Duration");
    match (schema.kind(given), schema.kind(wanted)) {
        (Kind::Primitive(given), Kind::Primitive(wanted)) => Primitive::json(given) == Primitive::json(wanted),
        (Kind::Resource, Kind::AnyResource) => true,
        _ => is_quantity(given) && is_quantity(wanted),
    }
}

/// The element of that name.
///
/// The error says that there is none.
pub(super) fn find<'s>(ty: TypeId, name: &str, schema: &'s Schema) -> Result<&'s ElementFacts, String> {
    let found = schema.elements(ty).iter().find(|facts| schema.name(facts.name) == name);
    found.ok_or_else(|| {
        let told: String = name.chars().filter(|c| !c.is_control()).take(60).collect();
        let hint = schema.slot(ty, name).map(|slot| format!(": its name is \"{}\", without a type", schema.name(slot.name)));
        format!("{} has no element \"{told}\"{}", schema.type_name(ty), hint.unwrap_or_default())
    })
}

/// Adds an occurrence of an element to an object: at the end of its list, or as the only one.
///
/// The error says that there is one already.
pub(super) fn add(
    object: &mut Json,
    owner: TypeId,
    facts: &ElementFacts,
    key: &str,
    element: Element,
    schema: &Schema,
) -> Result<(), String> {
    if facts.many() {
        let end = element::count(object, key);
        element::insert(object, key, end, element);
        return Ok(());
    }
    let there = |key: &str| object.member(key).is_some() || object.member(&element::shadow_name(key)).is_some();
    if schema.slots(owner).iter().any(|slot| slot.name == facts.name && there(slot.key)) {
        return Err(format!("\"{}\" is there already and does not repeat: use replace", schema.name(facts.name)));
    }
    element::set(object, key, element);
    Ok(())
}
