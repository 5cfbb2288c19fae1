//! The values that expressions work with: elements of the resource, and FHIRPath's own.

use std::borrow::Cow;
use std::fmt;

use super::moment::{Moment, MomentKind};
use super::number::Number;
use super::quantity::Quantity;
use crate::model::draft::write_string;
use crate::model::primitive::Primitive;
use crate::model::schema::Kind;
use crate::model::tree::{Node, Shape};

/// One item of a collection.
#[derive(Debug, Clone)]
pub enum Value<'t> {
    /// An element of the resource; a primitive without a value is told by the object with its extensions.
    Node(Node<'t>),
    /// What a reference points at, known only by its type.
    Resolved(&'static str),
    /// `true` or `false`.
    Boolean(bool),
    /// A string.
    String(Cow<'t, str>),
    /// An integer.
    Integer(i64),
    /// A decimal.
    Decimal(Number),
    /// A Date, a DateTime or a Time.
    Moment(Moment),
    /// A quantity.
    Quantity(Box<Quantity<'t>>),
    /// What `type()` tells: namespace and name.
    Type(&'static str, &'static str),
}

/// What a value is like, without looking at its content.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Class {
    Boolean,
    String,
    Integer,
    Decimal,
    Moment,
    Quantity,
    /// An element with children, or a primitive without a value.
    Other,
}

impl<'t> Value<'t> {
    /// The element, if it is one.
    #[must_use]
    pub fn node(&self) -> Option<Node<'t>> {
        match self {
            Self::Node(node) => Some(*node),
            _ => None,
        }
    }

    pub(super) fn text_of(text: String) -> Self {
        Self::String(Cow::Owned(text))
    }

    pub(super) fn class(&self) -> Class {
        match self {
            Self::Boolean(_) => Class::Boolean,
            Self::String(_) => Class::String,
            Self::Integer(_) => Class::Integer,
            Self::Decimal(_) => Class::Decimal,
            Self::Moment(_) => Class::Moment,
            Self::Quantity(_) => Class::Quantity,
            Self::Resolved(_) | Self::Type(..) => Class::Other,
            Self::Node(node) => match node.shape() {
                Shape::Object if is_quantity(*node) => Class::Quantity,
                Shape::String | Shape::Escaped => match node.kind() {
                    Kind::Primitive(Primitive::Date | Primitive::DateTime | Primitive::Instant | Primitive::Time) => Class::Moment,
                    _ => Class::String,
                },
                Shape::Number if node.kind() == Kind::Primitive(Primitive::Decimal) => Class::Decimal,
                Shape::Number => Class::Integer,
                Shape::Boolean => Class::Boolean,
                _ => Class::Other,
            },
        }
    }

    /// A boolean, or an element that is one.
    pub(super) fn boolean(&self) -> Option<bool> {
        match self {
            Self::Boolean(value) => Some(*value),
            Self::Node(node) if node.shape() == Shape::Boolean => Some(node.raw() == "true"),
            _ => None,
        }
    }

    /// A string, or an element that is told as one and is no date or time.
    pub(super) fn text(&self) -> Option<Cow<'t, str>> {
        match self {
            Self::String(text) => Some(text.clone()),
            Self::Node(node) if self.class() == Class::String => Some(node.text()),
            _ => None,
        }
    }

    /// An integer, or an element that is one.
    pub(super) fn integer(&self) -> Option<i64> {
        match self {
            Self::Integer(value) => Some(*value),
            Self::Node(node) if self.class() == Class::Integer => node.raw().parse().ok(),
            _ => None,
        }
    }

    /// A number, or an element that is one.
    pub(super) fn number(&self) -> Option<Number> {
        match self {
            Self::Integer(value) => Some(Number::whole(*value)),
            Self::Decimal(number) => Some(*number),
            Self::Node(node) if node.shape() == Shape::Number => Number::read(node.raw()),
            _ => None,
        }
    }

    /// A date or time, or an element that is one.
    pub(super) fn moment(&self) -> Option<Moment> {
        match self {
            Self::Moment(moment) => Some(*moment),
            Self::Node(node) => {
                let kind = match node.kind() {
                    Kind::Primitive(Primitive::Date) => MomentKind::Date,
                    Kind::Primitive(Primitive::DateTime | Primitive::Instant) => MomentKind::DateTime,
                    Kind::Primitive(Primitive::Time) => MomentKind::Time,
                    _ => return None,
                };
                Moment::read(kind, node.raw())
            }
            _ => None,
        }
    }

    /// A quantity, an element that is one, or a number, which is a quantity of no unit.
    pub(super) fn quantity(&self) -> Option<Cow<'_, Quantity<'t>>> {
        match self {
            Self::Quantity(quantity) => Some(Cow::Borrowed(quantity)),
            Self::Node(node) if node.shape() == Shape::Object => Quantity::of(*node).map(Cow::Owned),
            _ => self.number().map(|number| Cow::Owned(Quantity::plain(number))),
        }
    }

    /// Namespace and name of its type.
    pub(super) fn type_name(&self) -> (&'static str, &'static str) {
        match self {
            Self::Node(node) => {
                let name = element_type(*node);
                ("FHIR", if node.kind() == Kind::Backbone { "BackboneElement" } else { name })
            }
            Self::Resolved(name) => ("FHIR", name),
            Self::Boolean(_) => ("System", "Boolean"),
            Self::String(_) => ("System", "String"),
            Self::Integer(_) => ("System", "Integer"),
            Self::Decimal(_) => ("System", "Decimal"),
            Self::Quantity(_) => ("System", "Quantity"),
            Self::Type(..) => ("System", "ClassInfo"),
            Self::Moment(moment) => match moment.kind {
                MomentKind::Date => ("System", "Date"),
                MomentKind::DateTime => ("System", "DateTime"),
                MomentKind::Time => ("System", "Time"),
            },
        }
    }

    /// What `toString()` says of a value that has a text.
    pub(super) fn told(&self) -> Option<Cow<'t, str>> {
        Some(match self {
            Self::String(text) => text.clone(),
            Self::Node(node) if node.is_primitive() => node.text(),
            Self::Node(node) if is_quantity(*node) => Cow::Owned(Quantity::of(*node)?.to_string()),
            Self::Node(_) | Self::Resolved(_) | Self::Type(..) => return None,
            other => Cow::Owned(other.to_string()),
        })
    }
}

impl Value<'_> {
    /// The name of its type.
    #[must_use]
    pub fn type_of(&self) -> &'static str {
        self.type_name().1
    }

    /// As JSON: elements as they stand in the resource, FHIRPath's own values as JSON's; dates, times and quantities as strings.
    pub fn write_json(&self, out: &mut String) {
        match self {
            Self::Node(node) => out.push_str(node.json()),
            Self::Boolean(_) | Self::Integer(_) | Self::Decimal(_) => out.push_str(&self.to_string()),
            Self::String(text) => write_string(text, out),
            Self::Moment(_) | Self::Quantity(_) => write_string(&self.to_string(), out),
            Self::Resolved(name) => {
                out.push_str("{\"resourceType\":");
                write_string(name, out);
                out.push('}');
            }
            Self::Type(namespace, name) => {
                out.push_str("{\"namespace\":");
                write_string(namespace, out);
                out.push_str(",\"name\":");
                write_string(name, out);
                out.push('}');
            }
        }
    }
}

/// The name of an element's type, also of a primitive without a value.
pub(super) fn element_type(node: Node<'_>) -> &'static str {
    if !node.is_shadow() {
        return node.type_name();
    }
    let schema = node.tree().schema();
    let found = node.parent().and_then(|owner| {
        let element = schema.elements(owner.ty()).iter().find(|element| element.name == node.name())?;
        let chosen = || schema.slot(owner.ty(), node.property().strip_prefix('_')?).map(|slot| slot.ty);
        if element.choice { chosen() } else { element.types.first().copied() }
    });
    found.map_or_else(|| node.type_name(), |ty| schema.type_name(ty))
}

/// Whether an element is a Quantity or of a type that derives from it.
pub(super) fn is_quantity(node: Node<'_>) -> bool {
    node.kind() == Kind::Complex && matches!(node.type_name(), "Quantity" | "Age" | "Count" | "Distance" | "Duration")
}

/// As `toString()` tells it; elements as their JSON.
impl fmt::Display for Value<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Node(node) => f.write_str(node.json()),
            Self::Resolved(name) => f.write_str(name),
            Self::Boolean(value) => write!(f, "{value}"),
            Self::String(text) => f.write_str(text),
            Self::Integer(value) => write!(f, "{value}"),
            Self::Decimal(number) => write!(f, "{number}"),
            Self::Moment(moment) => write!(f, "{moment}"),
            Self::Quantity(quantity) => write!(f, "{quantity}"),
            Self::Type(namespace, name) => write!(f, "{namespace}.{name}"),
        }
    }
}
