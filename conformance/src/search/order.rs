//! The order of the matches.
//!
//! Source: <https://hl7.org/fhir/R4/search.html#sort>; what it leaves open is told in the head of this module, section "Order".

use std::cmp::Ordering;

use serde_json::Value;

use super::folding::fold;
use super::links::Link;
use super::matching::{Measure, measure, number_of, texts};
use super::number::{Decimal, Exact, Reach};
use super::parameters::{self, Kind, Parameter};
use super::world::{World, type_of};
use super::{moment, tokens, units};

/// Digits of a quantity that count.
const DIGITS: usize = 14;

/// What a resource is put in order by.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
enum Key {
    Text(String),
    /// Before every number.
    Least,
    Number(Exact),
    /// After every number.
    Most,
    Moment(i64),
}

/// Puts places in order by the keys of `_sort`, then newest first.
///
/// # Errors
/// If a type has no such parameter, or its kind has no order.
pub(super) fn sort(world: &World, by: &[(String, bool)], places: &mut Vec<usize>) -> Result<(), String> {
    let mut rows: Vec<(Vec<Option<Key>>, usize)> = Vec::new();
    for place in places.drain(..) {
        let key = |(code, down): &(String, bool)| key(world, world.at(place), code, *down);
        rows.push((by.iter().map(key).collect::<Result<_, _>>()?, place));
    }
    rows.sort_by(|one, other| {
        let pairs = one.0.iter().zip(&other.0).zip(by);
        let keys = pairs.map(|((one, other), (_, down))| match (one, other) {
            (None, None) => Ordering::Equal,
            (None, Some(_)) => Ordering::Greater,
            (Some(_), None) => Ordering::Less,
            (Some(one), Some(other)) if *down => other.cmp(one),
            (Some(one), Some(other)) => one.cmp(other),
        });
        keys.fold(Ordering::Equal, Ordering::then).then(other.1.cmp(&one.1))
    });
    places.extend(rows.into_iter().map(|(_, place)| place));
    Ok(())
}

/// The smallest value of a resource, or the largest when the order goes down.
fn key(world: &World, resource: &Value, code: &str, down: bool) -> Result<Option<Key>, String> {
    let kind = type_of(resource);
    let parameter = parameters::find(kind, code).ok_or_else(|| format!("{kind} has no parameter {code}"))?;
    let keys = world.elements(resource, parameter).into_iter().flat_map(|element| keys(world, resource, parameter, element, down));
    if matches!(parameter.kind, Kind::Composite | Kind::Near) {
        return Err(format!("{kind}.{code} has no order"));
    }
    Ok(if down { keys.max() } else { keys.min() })
}

/// The values of one element as keys.
fn keys(world: &World, resource: &Value, parameter: &Parameter, element: &Value, down: bool) -> Vec<Key> {
    match parameter.kind {
        Kind::Token(shape) => {
            tokens::codes(shape, element).into_iter().filter_map(|(_, code)| code.map(|code| Key::Text(code.into()))).collect()
        }
        Kind::Text(shape) => texts(shape, element).into_iter().map(|text| Key::Text(fold(text))).collect(),
        Kind::Uri => element.as_str().map(|text| Key::Text(text.to_owned())).into_iter().collect(),
        Kind::Reference => Link::of(&world.base, element).map(|link| Key::Text(link.text())).into_iter().collect(),
        Kind::Date => moment::of(element).map(|span| Key::Moment(if down { span.high } else { span.low })).into_iter().collect(),
        Kind::Number(shape) => number_of(shape, element, resource).map(Key::Number).into_iter().collect(),
        Kind::Quantity => measure(element).map(|own| end(canonical(own), down)).into_iter().collect(),
        Kind::Composite | Kind::Near => Vec::new(),
    }
}

fn canonical(own: Measure<'_>) -> Reach {
    let unit = own.code.filter(|_| own.system == Some(units::UCUM)).and_then(units::canonical);
    match unit {
        Some((_, factor)) => own.value.in_units_of(&factor),
        None => own.value,
    }
}

/// The end of a number by which it is put in order: the lower one upwards, the upper one downwards.
fn end(own: Reach, down: bool) -> Key {
    let number = if down { own.high } else { own.low };
    number.map_or(if down { Key::Most } else { Key::Least }, |number| Key::Number(counted(&number)))
}

/// As much of the number of a quantity as counts: its first digits, and sizes that are not out of all bounds.
fn counted(number: &Exact) -> Exact {
    let bounds = [Decimal::parse("1E-300"), Decimal::parse("1E300")];
    let ([Some(least), Some(most)], false) = (bounds, *number == number.negative()) else { return number.clone() };
    let rounded = number.rounded(DIGITS);
    let size = rounded.size().clamp(least.value, most.value);
    if rounded == rounded.size() { size } else { size.negative() }
}
