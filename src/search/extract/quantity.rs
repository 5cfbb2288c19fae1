//! Quantity values with their units. Source: <https://hl7.org/fhir/R4/search.html#quantity>.
//!
//! A quantity with a comparator (`<5`) is open on that side. A unit is found by its code and by its text. Beside the number as it
//! is written stands the number in canonical units, by which quantities of one dimension are compared.

use std::cell::RefCell;

use super::Sink;
use super::key::{self, Aside};
use crate::model::primitive::decimal::Decimal;
use crate::model::primitive::unit::{Canonical, UCUM, unconverted_key};
use crate::model::tree::Node;

/// The quantities of a resource that were read already, by their place in its text: several parameters are about the same ones.
pub(in crate::search) type Seen = RefCell<Vec<(usize, Option<Intervals>)>>;

/// What a quantity is found by: low end, high end and unit.
#[derive(Clone, Copy)]
pub(in crate::search) struct Intervals {
    written: (i64, i64, u64),
    text: Option<u64>,
    canonical: (i64, i64, u64),
}

/// Finds the value and unit of a Quantity, Money, or the ends of a Range: the row as it is written, and the one in canonical units.
pub(super) fn extract(node: Node<'_>, sink: &mut Sink<'_>) {
    let place = node.range().start;
    let known = sink.quantities.borrow().iter().find(|(other, _)| *other == place).map(|(_, known)| *known);
    let intervals = known.unwrap_or_else(|| {
        let intervals = Intervals::of(node);
        sink.quantities.borrow_mut().push((place, intervals));
        intervals
    });
    let Some(Intervals { written: (low, high, unit), text, canonical }) = intervals else { return };
    sink.interval(low, high, unit);
    if let Some(text) = text {
        sink.interval(low, high, text);
    }
    let (low, high, unit) = canonical;
    sink.aside(Aside::Canonical).interval(low, high, unit);
}

impl Intervals {
    fn of(node: Node<'_>) -> Option<Self> {
        let (low, high, unit) = interval(node)?;
        let ends = |sort_key: &dyn Fn(&Decimal) -> i64| match (&low, &high) {
            (Some(low), Some(high)) if low == high => (sort_key(low), sort_key(low)),
            (low, high) => (low.as_ref().map_or(i64::MIN, sort_key), high.as_ref().map_or(i64::MAX, sort_key)),
        };
        let (written, canonical) = (ends(&Decimal::sort_key), ends(&|end| unit.sort_key(end)));
        Some(Self { written: (written.0, written.1, unit.written), text: unit.text, canonical: (canonical.0, canonical.1, unit.key()) })
    }
}

/// Both ends, open where there is none, and the unit.
pub(super) fn interval(node: Node<'_>) -> Option<(Option<Decimal>, Option<Decimal>, Unit)> {
    match node.type_name() {
        "Range" => {
            let (low, high) = (node.get("low"), node.get("high"));
            let value = |end: Option<Node<'_>>| end.and_then(value);
            let (from, to) = (value(low), value(high));
            (from.is_some() || to.is_some()).then(|| (from, to, Unit::of(low.or(high))))
        }
        "Money" => {
            let currency = node.get_text("currency").unwrap_or_default();
            let value = value(node)?;
            Some((Some(value.clone()), Some(value), Unit::coded("urn:iso:std:iso:4217", &currency)))
        }
        _ => {
            let value = value(node)?;
            let (low, high) = match node.get_text("comparator").as_deref() {
                Some("<" | "<=") => (None, Some(value)),
                Some(">" | ">=") => (Some(value), None),
                _ => (Some(value.clone()), Some(value)),
            };
            Some((low, high, Unit::of(Some(node))))
        }
    }
}

fn value(node: Node<'_>) -> Option<Decimal> {
    Decimal::new(node.get("value")?.raw())
}

/// A unit as the index knows it.
pub(in crate::search) struct Unit {
    /// The key of system and code as they are written.
    pub(in crate::search) written: u64,
    /// The key of the unit's text for people, if that is another than the code.
    text: Option<u64>,
    canonical: Option<Canonical>,
}

impl Unit {
    /// A unit of a system; without a code (or with one that UCUM does not have) it stands for itself.
    pub(in crate::search) fn coded(system: &str, code: &str) -> Self {
        Self { written: key::unit(system, code), text: None, canonical: if system == UCUM { Canonical::of(code) } else { None } }
    }

    fn of(quantity: Option<Node<'_>>) -> Self {
        let text = |name: &str| quantity.and_then(|node| node.get_text(name));
        let (system, label) = (text("system").unwrap_or_default(), text("unit"));
        match text("code") {
            Some(code) => {
                let label = label.filter(|label| *label != code);
                Self { text: label.map(|label| key::unit("", &label)), ..Self::coded(&system, &code) }
            }
            None => Self::coded(&system, &label.unwrap_or_default()),
        }
    }

    /// The keys under which it is found as it is written.
    pub(in crate::search) fn keys(&self) -> impl Iterator<Item = u64> {
        [Some(self.written), self.text].into_iter().flatten()
    }

    /// Whether keys alone tell numbers in this unit from others of so many digits: keys in canonical units have 14 digits.
    pub(in crate::search) fn keys_tell(number: &Decimal) -> bool {
        number.is_short(13)
    }

    /// By what a number in this unit, and one in another of the same key, have to be multiplied to compare them digit by digit.
    pub(in crate::search) fn common(&self, other: &Self) -> Option<[(u64, i64); 2]> {
        if self.written == other.written {
            return Some([(1, 0); 2]);
        }
        self.canonical.as_ref()?.common(other.canonical.as_ref()?)
    }

    /// The key of all units with which it can be compared.
    pub(in crate::search) fn key(&self) -> u64 {
        self.canonical.as_ref().map_or(self.written, |canonical| key::unit("", &canonical.unit))
    }

    /// The sort key of a number in this unit, among those of units that can be compared.
    pub(in crate::search) fn sort_key(&self, number: &Decimal) -> i64 {
        self.canonical.as_ref().map_or_else(|| unconverted_key(number), |canonical| canonical.sort_key(number))
    }
}
