//! Conditions on numbers of more digits than keys can tell apart: they are compared as they are written.
//!
//! Source: <https://hl7.org/fhir/R4/datatypes.html#decimal>, <https://hl7.org/fhir/R4/search.html#number>.

use std::cmp::Ordering;

use super::super::extract::number::Written;
use super::super::extract::quantity;
use super::super::key;
use super::super::plan::{Filter, Unit};
use super::super::query::{split, unescape};
use super::value::{Reading, prefix, told_by_keys};
use crate::model::primitive::decimal::Decimal;

/// A condition on numbers.
pub(super) struct Asked {
    prefix: String,
    number: Decimal,
    unit: Wanted,
}

/// In which units.
enum Wanted {
    /// These, as they are written.
    Written(Unit),
    /// All that can be converted to this one.
    Converted(quantity::Unit),
}

impl Asked {
    /// Reads a number or quantity with its prefix; `None` if it is wrong.
    pub(super) fn read(value: &str) -> Option<Self> {
        let parts = split(value, '|');
        let (prefix, text) = prefix(parts.first().map_or("", String::as_str));
        let unit = match parts.as_slice() {
            [_] => Wanted::Written(Unit::Any),
            [_, system, code] => match (unescape(system), unescape(code)) {
                (system, code) if system.is_empty() && code.is_empty() => Wanted::Written(Unit::Any),
                (system, code) if system.is_empty() => Wanted::Written(Unit::Code(key::unit_code(&code))),
                (system, code) => Wanted::Converted(quantity::Unit::coded(&system, &code)),
            },
            _ => return None,
        };
        Some(Self { prefix: prefix.to_owned(), number: Decimal::new(text)?, unit })
    }

    /// The same with an operator of `_filter` in place of the prefix.
    pub(super) fn with(self, operator: &str) -> Self {
        Self { prefix: operator.to_owned(), ..self }
    }

    /// Whether keys alone tell what meets it.
    pub(super) fn is_told_by_keys(&self) -> bool {
        told_by_keys(&self.number, |number| match &self.unit {
            Wanted::Written(_) => number.is_keyed_exactly(),
            Wanted::Converted(_) => quantity::Unit::keys_tell(number),
        })
    }

    /// Whether a number meets it, digit by digit.
    pub(super) fn holds(&self, written: &Written) -> bool {
        let same = [(1, 0); 2];
        match (&self.unit, &written.unit) {
            (Wanted::Written(unit), None) => unit.passes(0) && self.compare(written, same),
            (Wanted::Written(unit), Some(own)) => own.keys().any(|key| unit.passes(key)) && self.compare(written, same),
            (Wanted::Converted(unit), Some(own)) if own.key() == unit.key() => match own.common(unit) {
                Some(factors) => self.compare(written, factors),
                None => self.compare_keys(written, own, unit),
            },
            (Wanted::Converted(_), _) => false,
        }
    }

    /// Compares as it is written, after both are multiplied by their factors.
    fn compare(&self, written: &Written, [own, asked]: [(u64, i64); 2]) -> bool {
        let (low, high) = match self.prefix.as_str() {
            "eq" | "ne" => self.number.implied_range(),
            "ap" => self.number.around(),
            _ => (self.number.clone(), self.number.clone()),
        };
        let (low, high) = (low.times(asked.0, asked.1), high.times(asked.0, asked.1));
        // An end that is open lies beyond every number.
        let compare =
            |end: &Option<Decimal>, open: Ordering, with: &Decimal| end.as_ref().map_or(open, |end| end.times(own.0, own.1).compare(with));
        let from = |with: &Decimal| compare(&written.low, Ordering::Less, with);
        let to = |with: &Decimal| compare(&written.high, Ordering::Greater, with);
        // What a precision stands for ends before its upper bound.
        let equal = || from(&low).is_ge() && (to(&high).is_lt() || (to(&high).is_eq() && low.compare(&high).is_eq()));
        match self.prefix.as_str() {
            "ne" => !equal(),
            "gt" => to(&high).is_gt(),
            "lt" => from(&low).is_lt(),
            "ge" => to(&high).is_gt() || equal(),
            "le" => from(&low).is_lt() || equal(),
            "sa" => from(&high).is_gt(),
            "eb" => to(&low).is_lt(),
            "ap" => from(&high).is_le() && to(&low).is_ge(),
            "co" => {
                let (low, high) = written.stands_for();
                compare(&low, Ordering::Less, &self.number.times(asked.0, asked.1)).is_le()
                    && compare(&high, Ordering::Greater, &self.number.times(asked.0, asked.1)).is_gt()
            }
            _ => equal(),
        }
    }

    /// Compares after a conversion that is not exact.
    fn compare_keys(&self, written: &Written, own: &quantity::Unit, unit: &quantity::Unit) -> bool {
        let key = |number: &Decimal| unit.sort_key(number);
        let exact = key(&self.number);
        let (low, high) = match self.prefix.as_str() {
            "eq" | "ne" => {
                let (low, high) = self.number.implied_range();
                // Where conversion leaves no room between the bounds, the number itself still equals itself.
                (key(&low).min(exact), (key(&high) - 1).max(exact))
            }
            _ => (exact, exact),
        };
        let around = || {
            let (low, high) = self.number.around();
            (key(&low), key(&high))
        };
        let ends = |low: &Option<Decimal>, high: &Option<Decimal>| {
            let key = |number: &Decimal| own.sort_key(number);
            (low.as_ref().map_or(i64::MIN, key), high.as_ref().map_or(i64::MAX, key))
        };
        if self.prefix == "co" {
            let (low, high) = written.stands_for();
            let (low, high) = ends(&low, &high);
            return low <= exact && exact < high;
        }
        let (from, to) = ends(&written.low, &written.high);
        passes(&Reading::compare(&self.prefix, low, high, around, (0, Unit::Any)), from, to)
    }
}

/// Whether an interval meets the filter of a comparison.
fn passes(filter: &Filter, low: i64, high: i64) -> bool {
    match filter {
        Filter::Number(_, test, _) => test.passes(low, high),
        Filter::Any(filters) => filters.iter().any(|filter| passes(filter, low, high)),
        _ => false,
    }
}
