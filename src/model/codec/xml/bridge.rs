//! fhirbolt's generic elements: the only file that calls fhirbolt.
//!
//! Reading: fhirbolt's XML reader makes an element tree of a shell, and the schema says how its JSON looks. Writing: a typed tree becomes
//! an element tree, and fhirbolt's XML writer puts it out. Primitive values go through as text wherever we choose, so that no digit changes.
//!
//! Source: `docs/decisions/0004-xml.md`, which also says what fhirbolt 0.4 is not asked to do, and why.

use fhirbolt::FhirReleases;
use fhirbolt::element::{Element, Primitive, Value};
use fhirbolt::serde::{DeserializationConfig, DeserializationMode};

use super::write::{self, Untold};
use super::{MOST_ELEMENTS, Shell};
use crate::model::draft::write_string;
use crate::model::primitive::{Json, Primitive as PrimitiveType};
use crate::model::schema::{Kind, Name, Schema, Slot, TypeId};
use crate::model::tree::{Node, Shape};

type R4 = Element<{ FhirReleases::R4 }>;
type R4Value = Value<{ FhirReleases::R4 }>;

/// The JSON of the resource in a shell, with its parts put back.
///
/// The error says what could not be read; after the scanner's checks it is not met.
pub(super) fn json(shell: &Shell, schema: &'static Schema) -> Result<String, String> {
    // Lax: the scanner has refused what is unknown, with better words, and asks the tables that everything else here goes by.
    let config = DeserializationConfig { mode: DeserializationMode::Lax };
    let element: R4 = fhirbolt::xml::from_str(&shell.xml, Some(config)).map_err(|fault| fault.to_string())?;
    let parts = shell.resources.iter().chain(&shell.narratives).map(String::len).sum::<usize>();
    let mut teller = Teller { shell, schema, out: String::with_capacity(shell.xml.len() + parts) };
    teller.object(&element, shell.ty, Some(schema.type_name(shell.ty)))?;
    Ok(teller.out)
}

/// Writes the JSON of elements.
struct Teller<'s> {
    shell: &'s Shell,
    schema: &'static Schema,
    out: String,
}

impl Teller<'_> {
    fn object(&mut self, element: &R4, ty: TypeId, resource: Option<&str>) -> Result<(), String> {
        self.out.push('{');
        let mut first = true;
        if let Some(resource) = resource {
            self.out.extend(["\"resourceType\":\"", resource, "\""]);
            first = false;
        }
        let mut members: Vec<(&'static Slot, &R4Value)> = Vec::with_capacity(element.len());
        for (key, value) in element {
            match self.schema.slot(ty, key) {
                Some(slot) => members.push((slot, value)),
                None if key == "resourceType" => {}
                None => return Err(format!("{} has no element {key}", self.schema.type_name(ty))),
            }
        }
        // Repeated elements change their place in fhirbolt's map.
        members.sort_by_key(|(slot, _)| slot.element);
        for (slot, value) in members {
            let many = self.schema.element(slot.element).is_some_and(|facts| facts.many());
            match self.schema.kind(slot.ty) {
                Kind::Primitive(primitive) => self.primitive(slot, primitive, many, value, &mut first)?,
                _ => {
                    self.key("", slot.key, &mut first);
                    self.each(many, items(value), |teller, item| teller.complex(item, slot.ty))?;
                }
            }
        }
        self.out.push('}');
        Ok(())
    }

    fn key(&mut self, prefix: &str, key: &str, first: &mut bool) {
        let comma = if std::mem::take(first) { "" } else { "," };
        self.out.extend([comma, "\"", prefix, key, "\":"]);
    }

    /// Writes one value, or an array of them.
    fn each<T>(&mut self, many: bool, items: &[T], mut tell: impl FnMut(&mut Self, &T) -> Result<(), String>) -> Result<(), String> {
        if many {
            self.out.push('[');
        }
        for (i, item) in items.iter().enumerate() {
            if i > 0 {
                self.out.push(',');
            }
            tell(self, item)?;
        }
        if many {
            self.out.push(']');
        }
        Ok(())
    }

    fn complex(&mut self, element: &R4, ty: TypeId) -> Result<(), String> {
        if self.schema.kind(ty) != Kind::AnyResource {
            return self.object(element, ty, None);
        }
        let json = part(element.get("value"), &self.shell.resources).ok_or("an inner resource got lost")?;
        self.out.push_str(json);
        Ok(())
    }

    fn primitive(&mut self, slot: &Slot, primitive: PrimitiveType, many: bool, value: &R4Value, first: &mut bool) -> Result<(), String> {
        // An attribute: the id of an element, the URL of an extension.
        if let Value::Primitive(value) = value {
            self.key("", slot.key, first);
            write_string(&text(value), &mut self.out);
            return Ok(());
        }
        let items = items(value);
        if items.iter().any(|item| item.contains_key("value")) {
            self.key("", slot.key, first);
            self.each(many, items, |teller, item| match item.get("value") {
                Some(value) => teller.value(value, primitive),
                None => {
                    teller.out.push_str("null");
                    Ok(())
                }
            })?;
        }
        if items.iter().any(|item| item.contains_key("extension")) {
            self.key("_", slot.key, first);
            self.each(many, items, |teller, item| teller.shadow(item))?;
        }
        Ok(())
    }

    /// What a primitive has besides its value: its id, which the scanner told as an extension with a value, and its extensions.
    fn shadow(&mut self, item: &R4) -> Result<(), String> {
        let Some(told) = item.get("extension").map(items) else {
            self.out.push_str("null");
            return Ok(());
        };
        let number = told.first().and_then(|first| first.get("value"));
        let extensions = told.get(usize::from(number.is_some())..).unwrap_or(&[]);
        let mut first = true;
        self.out.push('{');
        if number.is_some() {
            self.key("", "id", &mut first);
            write_string(part(number, &self.shell.ids).ok_or("an id got lost")?, &mut self.out);
        }
        if !extensions.is_empty() {
            let ty = self.schema.type_named("Extension").unwrap_or(TypeId::NONE);
            self.key("", "extension", &mut first);
            self.each(true, extensions, |teller, extension| teller.object(extension, ty, None))?;
        }
        self.out.push('}');
        Ok(())
    }

    fn value(&mut self, value: &R4Value, primitive: PrimitiveType) -> Result<(), String> {
        let Value::Primitive(told) = value else { return Err("a value has no text".to_owned()) };
        match primitive.json() {
            Json::Number | Json::Boolean => self.out.push_str(&text(told)),
            Json::String if primitive == PrimitiveType::Xhtml => {
                write_string(part(Some(value), &self.shell.narratives).ok_or("a narrative got lost")?, &mut self.out);
            }
            Json::String => write_string(&text(told), &mut self.out),
        }
        Ok(())
    }
}

fn items(value: &R4Value) -> &[R4] {
    match value {
        Value::Sequence(items) => items,
        Value::Element(item) => std::slice::from_ref(item),
        Value::Primitive(_) => &[],
    }
}

fn text(value: &Primitive) -> std::borrow::Cow<'_, str> {
    match value {
        Primitive::String(text) | Primitive::Decimal(text) => text.into(),
        Primitive::Bool(value) => value.to_string().into(),
        Primitive::Integer(value) => value.to_string().into(),
        Primitive::Integer64(value) => value.to_string().into(),
    }
}

/// The part whose number is told in the shell.
fn part<'p>(number: Option<&R4Value>, parts: &'p [String]) -> Option<&'p str> {
    let Some(Value::Primitive(number)) = number else { return None };
    parts.get(text(number).parse::<usize>().ok()?).map(String::as_str)
}

/// A resource in XML as fhirbolt writes it, with its parts cut out: where one belongs, its number stands after [`write::CUT`].
pub(super) struct Cut<'t> {
    pub(super) xml: Vec<u8>,
    pub(super) resources: Vec<Node<'t>>,
    pub(super) narratives: Vec<Node<'t>>,
}

/// The XML of a resource, with its parts cut out.
pub(super) fn xml(resource: Node<'_>) -> Result<Cut<'_>, Untold<'_>> {
    let mut builder = Builder { resources: Vec::new(), narratives: Vec::new(), elements: 0 };
    let mut element = builder.object(resource)?;
    element.insert("resourceType".to_owned(), Value::Primitive(Primitive::String(resource.type_name().to_owned())));
    let xml = fhirbolt::xml::to_vec(&element, None).map_err(|fault| Untold { node: resource, reason: fault.to_string() })?;
    Ok(Cut { xml, resources: builder.resources, narratives: builder.narratives })
}

/// Builds elements from typed nodes.
struct Builder<'t> {
    resources: Vec<Node<'t>>,
    narratives: Vec<Node<'t>>,
    elements: usize,
}

impl<'t> Builder<'t> {
    fn object(&mut self, object: Node<'t>) -> Result<R4, Untold<'t>> {
        self.count(object)?;
        let (schema, ty) = (object.tree().schema(), object.ty());
        let is_resource = schema.kind(ty) == Kind::Resource;
        let mut members: Vec<(&'static Slot, Option<Node<'t>>, Option<Node<'t>>)> = Vec::new();
        for member in object.members().filter(|member| member.name() != Name::NONE) {
            let key = write::key(member);
            let Some(slot) = schema.slot(ty, key) else {
                return Err(Untold { node: member, reason: format!("{} has no element {key}", schema.type_name(ty)) });
            };
            let place = members.iter().position(|(known, _, _)| known.key == slot.key);
            let place = place.and_then(|place| members.get_mut(place));
            match (place, member.is_shadow()) {
                (Some(entry), true) => entry.2 = Some(member),
                (Some(entry), false) => entry.1 = Some(member),
                (None, true) => members.push((slot, None, Some(member))),
                (None, false) => members.push((slot, Some(member), None)),
            }
        }
        // fhirbolt sorts once more, but not the parts of extensions.
        members.sort_by_key(|(slot, _, _)| slot.element);
        let mut element = R4::with_capacity(members.len() + 1);
        for (slot, value, shadow) in members {
            let attribute = (slot.key == "id" && !is_resource) || (slot.key == "url" && schema.type_name(ty) == "Extension");
            let told = match (schema.kind(slot.ty), value, shadow) {
                (Kind::Primitive(_), _, Some(shadow)) if attribute => {
                    return Err(Untold { node: shadow, reason: "an attribute has no id and no extensions".to_owned() });
                }
                (Kind::Primitive(_), Some(value), None) if attribute => Value::Primitive(Primitive::String(write::text(value)?)),
                (Kind::Primitive(primitive), value, shadow) => self.primitive(primitive, value, shadow)?,
                (_, Some(value), _) if value.shape() == Shape::Array => {
                    Value::Sequence(value.members().map(|item| self.complex(item)).collect::<Result<_, _>>()?)
                }
                (_, Some(value), _) => Value::Element(self.complex(value)?),
                (_, None, _) => continue,
            };
            element.insert(slot.key.to_owned(), told);
        }
        Ok(element)
    }

    fn count(&mut self, node: Node<'t>) -> Result<(), Untold<'t>> {
        self.elements += 1;
        let reason = || format!("the resource has more than {MOST_ELEMENTS} elements");
        if self.elements > MOST_ELEMENTS { Err(Untold { node, reason: reason() }) } else { Ok(()) }
    }

    fn complex(&mut self, node: Node<'t>) -> Result<R4, Untold<'t>> {
        if node.kind() != Kind::Resource {
            return self.object(node);
        }
        self.resources.push(node);
        Ok(cut(self.resources.len() - 1))
    }

    fn primitive(&mut self, ty: PrimitiveType, value: Option<Node<'t>>, shadow: Option<Node<'t>>) -> Result<R4Value, Untold<'t>> {
        let array = |node: Option<Node<'t>>| node.filter(|node| node.shape() == Shape::Array);
        if array(value).is_none() && array(shadow).is_none() {
            return Ok(Value::Element(self.item(ty, value, shadow)?));
        }
        let (mut values, mut shadows) = (array(value).map(Node::members), array(shadow).map(Node::members));
        let mut items = Vec::new();
        loop {
            let (value, shadow) = (values.as_mut().and_then(Iterator::next), shadows.as_mut().and_then(Iterator::next));
            if value.is_none() && shadow.is_none() {
                return Ok(Value::Sequence(items));
            }
            items.push(self.item(ty, value, shadow)?);
        }
    }

    /// One primitive: its value, its id, its extensions. A null of an array is none.
    fn item(&mut self, ty: PrimitiveType, value: Option<Node<'t>>, shadow: Option<Node<'t>>) -> Result<R4, Untold<'t>> {
        if let Some(value) = value {
            self.count(value)?;
        }
        let shadow = shadow.filter(|shadow| shadow.shape() == Shape::Object);
        let mut element = match value.filter(|value| value.is_primitive()) {
            Some(value) if ty == PrimitiveType::Xhtml => {
                self.narratives.push(value);
                cut(self.narratives.len() - 1)
            }
            Some(value) => R4::from([("value", Value::Primitive(Primitive::String(write::text(value)?)))]),
            None => R4::new(),
        };
        if let Some(shadow) = shadow {
            if ty == PrimitiveType::Xhtml {
                return Err(Untold { node: shadow, reason: "a narrative has no id and no extensions beside it".to_owned() });
            }
            element.extend(self.object(shadow)?);
        }
        Ok(element)
    }
}

/// An element that stands for the part of that number.
fn cut(number: usize) -> R4 {
    R4::from([("value", Value::Primitive(Primitive::String(format!("{}{number}{}", write::CUT, write::CUT))))])
}
