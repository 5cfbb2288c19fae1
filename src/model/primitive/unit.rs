//! Units of UCUM, so that 5 mg and 0.005 g can be compared.
//!
//! Source: <https://ucum.org/ucum>, <https://hl7.org/fhir/R4/search.html#quantity>. The arithmetic of units is that of the
//! package ucum-units.

use super::decimal::{Decimal, sort_key};
use super::ratio::Ratio;

/// The system of UCUM's codes.
pub const UCUM: &str = "http://unitsofmeasure.org";

/// Digits that count after conversion.
const DIGITS: usize = 14;

/// How a unit relates to the base units of its dimension.
#[derive(Clone, PartialEq, Debug)]
pub struct Canonical {
    factor: f64,
    offset: f64,
    /// The factor as it is meant, if that is a simple ratio and there is no offset.
    ratio: Option<Ratio>,
    /// The dimension and the annotations of the unit: only quantities with the same can be compared. Not for people.
    pub unit: String,
}

impl Canonical {
    /// The relation of a unit; `None` if it is none of UCUM's, or cannot be converted (arbitrary and logarithmic units).
    #[must_use]
    pub fn of(code: &str) -> Option<Self> {
        let analysis = ucum::analyze(code).ok()?;
        if analysis.is_special && analysis.offset == 0.0 {
            return None;
        }
        // mL/min/{1.73_m2} is another kind of quantity than mL/min.
        let annotations = code.split('{').skip(1).filter_map(|rest| rest.split_once('}')).map(|(annotation, _)| annotation);
        let unit = annotations.fold(format!("{:?}", analysis.dimension.0), |unit, annotation| unit + "{" + annotation);
        let ratio = if analysis.offset == 0.0 { Ratio::near(analysis.factor) } else { None };
        Some(Self { factor: analysis.factor, offset: analysis.offset, ratio, unit })
    }

    /// The number in another unit of the same dimension.
    #[must_use]
    pub fn convert(&self, number: f64, to: &Self) -> Option<f64> {
        (self.unit == to.unit).then(|| (number * self.factor + self.offset - to.offset) / to.factor)
    }

    /// Whether one of this unit is more than one of the other.
    #[must_use]
    pub fn is_coarser(&self, other: &Self) -> bool {
        self.factor > other.factor
    }

    /// An integer that sorts as the number does in base units, to 14 digits.
    #[must_use]
    pub fn sort_key(&self, number: &Decimal) -> i64 {
        if let Some(ratio) = &self.ratio {
            return ratio.apply(number, DIGITS).bounded_key();
        }
        let value = number.nearest() * self.factor + self.offset;
        sort_key(format!("{value:.13e}").parse().unwrap_or(value))
    }

    /// By what a number in this unit, and one in another that can be compared, have to be multiplied to compare them without
    /// loss; `None` if that cannot be.
    #[must_use]
    pub fn common(&self, other: &Self) -> Option<[(u64, i64); 2]> {
        self.ratio.as_ref()?.common(other.ratio.as_ref()?)
    }
}

/// An integer that sorts as a number does that is not converted, beside those that are.
#[must_use]
pub fn unconverted_key(number: &Decimal) -> i64 {
    number.divided(1, DIGITS).bounded_key()
}

/// Whether a code is a unit of UCUM.
#[must_use]
pub fn is_unit(code: &str) -> bool {
    ucum::validate(code).is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(number: f64, code: &str) -> (i64, String) {
        let canonical = Canonical::of(code).unwrap_or_else(|| panic!("{code}"));
        (canonical.sort_key(&Decimal::new(&number.to_string()).unwrap()), canonical.unit)
    }

    #[test]
    fn equal_quantities_have_equal_keys() {
        for ((a, from), (b, to)) in [
            ((5.0, "mg"), (0.005, "g")),
            ((7.0, "ug"), (0.007, "mg")),
            ((0.3, "kg"), (300.0, "g")),
            ((37.0, "Cel"), (98.6, "[degF]")),
            ((1.0, "h"), (3600.0, "s")),
            ((29.8, "/uL"), (29_800.0, "/mL")),
            ((12.0, "%"), (0.12, "1")),
        ] {
            assert_eq!(key(a, from), key(b, to), "{a} {from} = {b} {to}");
        }
    }

    #[test]
    fn kinds_of_unit_are_told_apart() {
        for (one, other) in [("mg", "mL"), ("mL/min", "mL/min/{1.73_m2}"), ("{a}", "{b}")] {
            assert_ne!(key(1.0, one).1, key(1.0, other).1, "{one} {other}");
        }
        assert_eq!([Canonical::of("no such unit"), Canonical::of("[iU]"), Canonical::of("[pH]")], [None, None, None]);
    }
}
