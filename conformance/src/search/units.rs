//! The few UCUM units that the random resources use, and how they convert.
//!
//! Source: <https://ucum.org/ucum>. A unit that does not stand here equals only itself, to the letter; annotations in braces
//! are part of a unit's identity.

use super::number::Exact;

/// The system of UCUM codes.
pub(super) const UCUM: &str = "http://unitsofmeasure.org";

/// Code, kind, and how many canonical units one of it is.
const UNITS: [(&str, &str, u64, u64); 20] = [
    ("g", "mass", 1, 1),
    ("mg", "mass", 1, 1000),
    ("ug", "mass", 1, 1_000_000),
    ("kg", "mass", 1000, 1),
    ("m", "length", 1, 1),
    ("cm", "length", 1, 100),
    ("mm", "length", 1, 1000),
    ("s", "time", 1, 1),
    ("min", "time", 60, 1),
    ("h", "time", 3600, 1),
    ("d", "time", 86_400, 1),
    ("wk", "time", 604_800, 1),
    ("a", "time", 31_557_600, 1),
    ("mo", "time", 2_629_800, 1),
    ("/min", "frequency", 1, 60),
    ("1/min", "frequency", 1, 60),
    ("/s", "frequency", 1, 1),
    ("mg/dL", "mass concentration", 10, 1),
    ("mL/min", "flow", 1, 60_000_000),
    ("mL/min/{1.73_m2}", "flow of a body of 1.73 square metres", 1, 60_000_000),
];

/// The kind of a unit, and how many canonical units of that kind one of it is.
#[must_use]
pub(super) fn canonical(code: &str) -> Option<(&'static str, Exact)> {
    let (_, kind, above, below) = UNITS.iter().find(|(unit, ..)| *unit == code)?;
    Some((kind, Exact::fraction(*above, *below)?))
}
