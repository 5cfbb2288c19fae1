//! Quantities: a number with a unit of UCUM or of the calendar.
//!
//! Source: <http://hl7.org/fhirpath/N1/#quantity>, <https://hl7.org/fhir/R4/fhirpath.html#quantity>.

use std::borrow::Cow;
use std::cmp::Ordering;
use std::fmt;

use super::duration::CalendarUnit;
use super::number::{Cut, Number};
use crate::model::primitive::unit::{Canonical, UCUM};
use crate::model::tree::Node;

/// A number with a unit.
#[derive(Clone, Debug)]
pub struct Quantity<'t> {
    pub(super) number: Number,
    pub(super) unit: Unit<'t>,
}

/// A unit.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Unit<'t> {
    /// A word of the calendar, as it is written (`day`, `days`).
    Calendar(CalendarUnit, &'t str),
    /// A code of UCUM, or what another system calls its unit.
    Code(Cow<'t, str>),
}

impl<'t> Quantity<'t> {
    /// Its number.
    #[must_use]
    pub fn number(&self) -> Number {
        self.number
    }

    /// The code of its unit in UCUM, or its word if the calendar's has none.
    #[must_use]
    pub fn unit(&self) -> &str {
        self.code()
    }

    /// A number of no unit.
    pub(super) fn plain(number: Number) -> Self {
        Self { number, unit: Unit::Code(Cow::Borrowed("1")) }
    }

    /// A FHIR Quantity; `None` without a value, or with a comparator, which makes it a range.
    pub(super) fn of(node: Node<'t>) -> Option<Self> {
        if node.get("comparator").is_some() {
            return None;
        }
        let number = Number::read(node.get("value").filter(|value| value.is_primitive())?.raw())?;
        let ucum = node.get_text("system").is_some_and(|system| system == UCUM);
        let code = if ucum { node.get_text("code") } else { None };
        let unit = code.or_else(|| node.get_text("unit")).or_else(|| node.get_text("code")).unwrap_or(Cow::Borrowed("1"));
        Some(Self { number, unit: Unit::Code(unit) })
    }

    /// Reads what `toString()` writes: `5.4 'mg'`, `3 days`, `7`.
    pub(super) fn read(text: &'t str) -> Option<Self> {
        let text = text.trim();
        let end = text.find(|c: char| c.is_whitespace() || c == '\'').unwrap_or(text.len());
        let (number, unit) = (text.get(..end)?, text.get(end..)?.trim_start());
        let number = Number::read(number).filter(|_| !number.contains(['e', 'E']))?;
        if unit.is_empty() {
            return Some(Self::plain(number));
        }
        if let Some(code) = unit.strip_prefix('\'').and_then(|rest| rest.strip_suffix('\'')) {
            return (!code.is_empty()).then_some(Self { number, unit: Unit::Code(Cow::Borrowed(code)) });
        }
        let word = CalendarUnit::named(unit)?;
        Some(Self { number, unit: Unit::Calendar(word, unit) })
    }

    /// The calendar's unit of a duration that can be added to a date.
    pub(super) fn calendar(&self) -> Option<CalendarUnit> {
        match &self.unit {
            Unit::Calendar(unit, _) => Some(*unit),
            Unit::Code(code) => CalendarUnit::of_code(code).or_else(|| CalendarUnit::named(code)),
        }
    }

    /// The text of the unit.
    pub(super) fn code(&self) -> &str {
        match &self.unit {
            Unit::Calendar(unit, word) => unit.code().unwrap_or(word),
            Unit::Code(code) => code,
        }
    }

    fn months(&self) -> Option<Number> {
        match self.unit {
            Unit::Calendar(CalendarUnit::Year, _) => self.number.times(Number::whole(12)),
            Unit::Calendar(CalendarUnit::Month, _) => Some(self.number),
            _ => None,
        }
    }

    /// Both in the coarser of their two units; `None` if they do not measure the same.
    fn aligned(&self, other: &Self) -> Option<(Number, Number)> {
        match (self.months(), other.months()) {
            (Some(a), Some(b)) => return Some((a, b)),
            (None, None) => {}
            // A month of the calendar has no length of its own.
            _ => return None,
        }
        if self.code() == other.code() {
            return Some((self.number, other.number));
        }
        let (a, b) = (Canonical::of(self.code())?, Canonical::of(other.code())?);
        let convert = |number: Number, from: &Canonical, to: &Canonical| Number::near(from.convert(number.double(), to)?);
        if a.is_coarser(&b) {
            Some((self.number, convert(other.number, &b, &a)?))
        } else {
            Some((convert(self.number, &a, &b)?, other.number))
        }
    }

    /// Which one is larger; `None` if they do not measure the same.
    pub(super) fn compare(&self, other: &Self) -> Option<Ordering> {
        let (a, b) = self.aligned(other)?;
        // What differs past the digits of a double comes from the conversion.
        if self.code() != other.code() && self.months().is_none() {
            let near = |number: Number| Number::near(format!("{:.12e}", number.double()).parse().unwrap_or(f64::NAN));
            return Some(near(a)?.compare(near(b)?));
        }
        Some(a.compare(b))
    }

    /// Whether both are the same as far as the coarser one tells digits.
    pub(super) fn equivalent(&self, other: &Self) -> bool {
        let years = |a: &Self, b: &Self| match (&a.unit, &b.unit) {
            (Unit::Calendar(CalendarUnit::Year, _), Unit::Code(code)) => code == "a",
            (Unit::Calendar(CalendarUnit::Month, _), Unit::Code(code)) => code == "mo",
            _ => false,
        };
        if years(self, other) || years(other, self) {
            return self.number.compare(other.number).is_eq();
        }
        let Some((a, b)) = self.aligned(other) else { return false };
        let scale = a.scale().min(b.scale());
        matches!((a.cut(Cut::Round, scale), b.cut(Cut::Round, scale)), (Some(a), Some(b)) if a.compare(b).is_eq())
    }

    /// Whether both measure the same.
    pub(super) fn comparable(&self, other: &Self) -> bool {
        self.aligned(other).is_some()
    }

    /// The sum, in the finer of the two units.
    pub(super) fn plus(&self, other: &Self) -> Option<Self> {
        if self.unit == other.unit || (self.months().is_none() && self.code() == other.code()) {
            return Some(Self { number: self.number.plus(other.number)?, unit: self.unit.clone() });
        }
        if let (Some(a), Some(b)) = (self.months(), other.months()) {
            return Some(Self { number: a.plus(b)?, unit: Unit::Calendar(CalendarUnit::Month, "months") });
        }
        let (a, b) = (Canonical::of(self.code())?, Canonical::of(other.code())?);
        if a.is_coarser(&b) {
            let converted = Number::near(a.convert(self.number.double(), &b)?)?;
            return Some(Self { number: converted.plus(other.number)?, unit: other.unit.clone() });
        }
        let converted = Number::near(b.convert(other.number.double(), &a)?)?;
        Some(Self { number: self.number.plus(converted)?, unit: self.unit.clone() })
    }

    /// The product or quotient, with the unit that comes of it.
    pub(super) fn times(&self, other: &Self, over: bool) -> Option<Self> {
        let number = if over { self.number.over(other.number)? } else { self.number.times(other.number)? };
        let (a, b) = (self.code(), other.code());
        let group = |code: &str| if code.contains(['/', '.']) { format!("({code})") } else { code.to_owned() };
        let unit = match (a, b, over) {
            (_, "1", _) => a.to_owned(),
            ("1", _, false) => b.to_owned(),
            (_, _, true) if a == b => "1".to_owned(),
            (_, _, true) => format!("{}/{}", if a == "1" { "1".to_owned() } else { a.to_owned() }, group(b)),
            _ => format!("{a}.{}", group(b)),
        };
        (unit.len() <= 200).then_some(Self { number, unit: Unit::Code(Cow::Owned(unit)) })
    }

    /// The same amount in the unit of another quantity.
    pub(super) fn into_unit(self, other: &Quantity<'t>) -> Option<Self> {
        if self.code() == other.code() {
            return Some(Self { number: self.number, unit: other.unit.clone() });
        }
        let (from, to) = (Canonical::of(self.code())?, Canonical::of(other.code())?);
        let number = Number::near(from.convert(self.number.double(), &to)?)?;
        Some(Self { number, unit: other.unit.clone() })
    }

    /// The same without borrowing from the text it was read of.
    pub(super) fn into_owned<'o>(self) -> Quantity<'o> {
        let unit = match self.unit {
            Unit::Calendar(unit, word) => Unit::Calendar(unit, unit.word(word.ends_with('s'))),
            Unit::Code(code) => Unit::Code(Cow::Owned(code.into_owned())),
        };
        Quantity { number: self.number, unit }
    }

    /// The same unit with another number.
    pub(super) fn with(&self, number: Number) -> Self {
        Self { number, unit: self.unit.clone() }
    }
}

impl fmt::Display for Quantity<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.unit {
            Unit::Calendar(_, word) => write!(f, "{} {word}", self.number),
            Unit::Code(code) => write!(f, "{} '{code}'", self.number),
        }
    }
}
