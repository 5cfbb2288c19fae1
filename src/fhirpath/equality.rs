//! Whether two values are equal or equivalent, and which one is larger.
//!
//! Source: <http://hl7.org/fhirpath/N1/#equality>, `#equivalence`, `#comparison`.

use std::cmp::Ordering;

use super::environment::Run;
use super::eval::Stop;
use super::number::{Cut, Number};
use super::value::{Class, Value};
use crate::model::primitive::decimal::Decimal;
use crate::model::tree::{Node, Shape};

/// Whether two values are equal; `None` if their precision does not tell.
pub(super) fn equal<'t>(a: &Value<'t>, b: &Value<'t>, run: &Run<'_, 't>) -> Result<Option<bool>, Stop> {
    run.spend(1)?;
    Ok(match (a.class(), b.class()) {
        (Class::String, Class::String) => Some(same_text(a, b)),
        (Class::Integer | Class::Decimal, Class::Integer | Class::Decimal) => numbers(a, b).map(Ordering::is_eq),
        (Class::Boolean, Class::Boolean) => Some(a.boolean() == b.boolean()),
        (Class::Moment, Class::Moment) => match (a.moment(), b.moment()) {
            (Some(a), Some(b)) => a.compare(b).map_or(Some(false), |order| order.map(Ordering::is_eq)),
            _ => Some(false),
        },
        (Class::Quantity, Class::Quantity | Class::Integer | Class::Decimal) | (Class::Integer | Class::Decimal, Class::Quantity) => {
            match (a.quantity(), b.quantity()) {
                (Some(left), Some(right)) => left.compare(&right).map(Ordering::is_eq),
                // Quantities without a value, or with a comparator, are equal if all they tell is.
                _ => Some(deep(a, b, run)?),
            }
        }
        // A date of the resource is a string to who compares it with one.
        (Class::Moment, Class::String) => Some(a.node().is_some_and(|node| b.text().is_some_and(|text| *text == *node.raw()))),
        (Class::String, Class::Moment) => Some(b.node().is_some_and(|node| a.text().is_some_and(|text| *text == *node.raw()))),
        (Class::Other, Class::Other) => Some(match (a, b) {
            (Value::Type(space, name), Value::Type(other_space, other)) => space == other_space && name == other,
            (Value::Resolved(a), Value::Resolved(b)) => a == b,
            _ => deep(a, b, run)?,
        }),
        _ => Some(false),
    })
}

/// Two strings are compared without copying them, unless they hold escapes.
fn same_text(a: &Value<'_>, b: &Value<'_>) -> bool {
    fn raw<'v>(value: &'v Value<'_>) -> Option<&'v str> {
        match value {
            Value::String(text) => Some(text),
            Value::Node(node) if node.shape() == Shape::String => Some(node.raw()),
            _ => None,
        }
    }
    match (raw(a), raw(b)) {
        (Some(a), Some(b)) => a == b,
        _ => a.text() == b.text(),
    }
}

fn numbers(a: &Value<'_>, b: &Value<'_>) -> Option<Ordering> {
    if let (Some(a), Some(b)) = (a.integer(), b.integer()) {
        return Some(a.cmp(&b));
    }
    match (a.number(), b.number()) {
        (Some(a), Some(b)) => Some(a.compare(b)),
        // Numbers of more digits than we reckon with can still be compared.
        _ => Some(Decimal::new(&a.told()?)?.compare(&Decimal::new(&b.told()?)?)),
    }
}

fn deep<'t>(a: &Value<'t>, b: &Value<'t>, run: &Run<'_, 't>) -> Result<bool, Stop> {
    match (a, b) {
        (Value::Node(a), Value::Node(b)) => same_element(*a, *b, run),
        _ => Ok(false),
    }
}

/// Whether two elements have the same content; the order of their members does not matter, that of lists does.
fn same_element<'t>(a: Node<'t>, b: Node<'t>, run: &Run<'_, 't>) -> Result<bool, Stop> {
    run.spend(1 + a.json().len() as u64 / 64)?;
    if a.json() == b.json() {
        return Ok(true);
    }
    match (a.shape(), b.shape()) {
        (Shape::Object, Shape::Object) => {
            if a.members().count() != b.members().count() {
                return Ok(false);
            }
            for member in a.members() {
                let Some(other) = b.members().find(|other| other.name() == member.name() && other.is_shadow() == member.is_shadow()) else {
                    return Ok(false);
                };
                if member.ty() != other.ty() || !same_element(member, other, run)? {
                    return Ok(false);
                }
            }
            Ok(true)
        }
        (Shape::Array, Shape::Array) => {
            if a.members().count() != b.members().count() {
                return Ok(false);
            }
            for (a, b) in a.members().zip(b.members()) {
                if !same_element(a, b, run)? {
                    return Ok(false);
                }
            }
            Ok(true)
        }
        (Shape::Object | Shape::Array | Shape::Null, _) | (_, Shape::Object | Shape::Array | Shape::Null) => Ok(false),
        _ => Ok(equal(&Value::Node(a), &Value::Node(b), run)? == Some(true)),
    }
}

/// Whether two values are equivalent.
pub(super) fn equivalent<'t>(a: &Value<'t>, b: &Value<'t>, run: &Run<'_, 't>) -> Result<bool, Stop> {
    run.spend(1)?;
    Ok(match (a.class(), b.class()) {
        (Class::String, Class::String) => match (a.text(), b.text()) {
            (Some(a), Some(b)) => {
                run.spend((a.len() + b.len()) as u64 / 16)?;
                folded(&a).eq(folded(&b))
            }
            _ => false,
        },
        (Class::Integer | Class::Decimal, Class::Integer | Class::Decimal) => match (a.number(), b.number()) {
            (Some(a), Some(b)) => close(a, b),
            _ => numbers(a, b).is_some_and(Ordering::is_eq),
        },
        (Class::Moment, Class::Moment) => match (a.moment(), b.moment()) {
            (Some(a), Some(b)) => a.compare(b) == Some(Some(Ordering::Equal)),
            _ => false,
        },
        (Class::Quantity, Class::Quantity | Class::Integer | Class::Decimal) | (Class::Integer | Class::Decimal, Class::Quantity) => {
            match (a.quantity(), b.quantity()) {
                (Some(left), Some(right)) => left.equivalent(&right),
                _ => deep(a, b, run)?,
            }
        }
        (Class::Other, Class::Other) => match (a, b) {
            (Value::Node(a), Value::Node(b)) => like_element(*a, *b, run)?,
            _ => equal(a, b, run)? == Some(true),
        },
        _ => equal(a, b, run)? == Some(true),
    })
}

/// Decimals are rounded to the digits of the one that tells fewer.
fn close(a: Number, b: Number) -> bool {
    let scale = a.short().scale().min(b.short().scale());
    matches!((a.cut(Cut::Round, scale), b.cut(Cut::Round, scale)), (Some(a), Some(b)) if a.compare(b).is_eq())
}

/// Letters without their case, and white space as single spaces.
fn folded(text: &str) -> impl Iterator<Item = char> + '_ {
    text.split_whitespace()
        .enumerate()
        .flat_map(|(i, word)| (i > 0).then_some(' ').into_iter().chain(word.chars().flat_map(char::to_lowercase)))
}

fn like_element<'t>(a: Node<'t>, b: Node<'t>, run: &Run<'_, 't>) -> Result<bool, Stop> {
    run.spend(1)?;
    if a == b {
        return Ok(true);
    }
    let children = |node: Node<'t>| node.members().filter(|member| !member.is_shadow()).flat_map(Node::opened).map(Value::Node).collect();
    match (a.shape(), b.shape()) {
        (Shape::Object, Shape::Object) => {
            let (a, b): (Vec<_>, Vec<_>) = (children(a), children(b));
            same_bag(&a, &b, run, |a, b, run| {
                let names = |value: &Value<'t>| value.node().map(Node::name);
                Ok(names(a) == names(b) && equivalent(a, b, run)?)
            })
        }
        (Shape::Object, _) | (_, Shape::Object) => Ok(false),
        _ => equivalent(&Value::Node(a), &Value::Node(b), run),
    }
}

/// Whether each value of one list has its own partner in the other.
pub(super) fn same_bag<'t>(
    a: &[Value<'t>],
    b: &[Value<'t>],
    run: &Run<'_, 't>,
    fits: impl Fn(&Value<'t>, &Value<'t>, &Run<'_, 't>) -> Result<bool, Stop>,
) -> Result<bool, Stop> {
    if a.len() != b.len() {
        return Ok(false);
    }
    let mut free: Vec<&Value<'t>> = b.iter().collect();
    for value in a {
        let mut partner = None;
        for (i, other) in free.iter().enumerate() {
            if fits(value, other, run)? {
                partner = Some(i);
                break;
            }
        }
        match partner {
            Some(i) => drop(free.swap_remove(i)),
            None => return Ok(false),
        }
    }
    Ok(true)
}

/// Which of two values is larger; `None` if their precision or their units do not tell.
pub(super) fn compare<'t>(a: &Value<'t>, b: &Value<'t>, run: &Run<'_, 't>) -> Result<Option<Ordering>, Stop> {
    run.spend(1)?;
    let unlike = || {
        let ((_, a), (_, b)) = (a.type_name(), b.type_name());
        Stop::impossible(format!("a {a} cannot be compared with a {b}"))
    };
    match (a.class(), b.class()) {
        (Class::Integer | Class::Decimal, Class::Integer | Class::Decimal) => Ok(numbers(a, b)),
        (Class::String, Class::String) => Ok(a.text().zip(b.text()).map(|(a, b)| a.cmp(&b))),
        (Class::Moment, Class::Moment) => match (a.moment(), b.moment()) {
            (Some(a), Some(b)) => a.compare(b).ok_or_else(unlike),
            _ => Ok(None),
        },
        (Class::Quantity, Class::Quantity | Class::Integer | Class::Decimal) | (Class::Integer | Class::Decimal, Class::Quantity) => {
            Ok(a.quantity().zip(b.quantity()).and_then(|(a, b)| a.compare(&b)))
        }
        // An element without a value tells nothing.
        (Class::Other, _) if a.node().is_some_and(Node::is_shadow) => Ok(None),
        (_, Class::Other) if b.node().is_some_and(Node::is_shadow) => Ok(None),
        _ => Err(unlike()),
    }
}
