//! The sample Observation: a laboratory result with two codings, a reference range and three components.
//!
//! Elements as in FHIR R4, section Observation. The performer is a logical reference, so that servers which
//! insist on existing targets take it; `obs-7` holds, since no component repeats the code.

use std::io::Write as _;

use norn::base::clock::Instant;

use super::analyte::{self, tenths};
use super::chance::Chance;
use super::template::Template;

/// First day on which a sample was taken, in days since 1970-01-01: 2024-01-01.
pub(crate) const FIRST_DAY: u64 = 19_723;
/// How many days samples were taken.
pub(crate) const DAYS: u64 = 900;

/// Writes Observations.
#[derive(Debug)]
pub(crate) struct Observations(Template);

impl Observations {
    /// Reads the template.
    pub(crate) fn new() -> Self {
        Self(Template::new(include_str!("observation.json")))
    }

    /// Appends an Observation of `subject` (a reference) with the given id, every other value drawn from `chance`; gives
    /// the number in its identifier ([`identifier`]).
    pub(crate) fn write(&self, out: &mut Vec<u8>, id: Option<&str>, subject: &str, chance: &mut Chance) -> u64 {
        let analyte = analyte::any(chance);
        let (low, high) = analyte.range;
        // Half of the values lie in the reference range, the others above it.
        let value = low + chance.below((high - low) * 2);
        let (flag, flag_name) = if value > high { ("H", "High") } else { ("N", "Normal") };
        let number = chance.bits();
        let identifier = identifier(number);
        let taken = FIRST_DAY * 86_400_000 + chance.below(DAYS * 86_400_000);
        let laboratory = 100 + chance.below(40);
        self.0.render(out, |hole, out| {
            // Writing into memory cannot fail.
            let _ = match hole {
                "id" => id.map_or(Ok(()), |id| write!(out, "\"id\":\"{id}\",")),
                "identifier" => out.write_all(identifier.as_bytes()),
                "loinc" => out.write_all(analyte.loinc.as_bytes()),
                "display" => out.write_all(analyte.display.as_bytes()),
                "local" => out.write_all(analyte.local.as_bytes()),
                "unit" => out.write_all(analyte.unit.as_bytes()),
                "subject" => out.write_all(subject.as_bytes()),
                "effective" => write!(out, "{}", moment(taken)),
                "issued" => write!(out, "{}", moment(taken + 7_200_000)),
                "laboratory" => write!(out, "{laboratory}"),
                "value" => out.write_all(tenths(value).as_bytes()),
                "low" => out.write_all(tenths(low).as_bytes()),
                "high" => out.write_all(tenths(high).as_bytes()),
                "flag" => out.write_all(flag.as_bytes()),
                "flagname" => out.write_all(flag_name.as_bytes()),
                // The three serum indices.
                _ => out.write_all(tenths(chance.below(90)).as_bytes()),
            };
        });
        number
    }
}

/// The value of an identifier with this number in it.
pub(crate) fn identifier(number: u64) -> String {
    format!("{number:016x}")
}

/// A moment from milliseconds since 1970-01-01.
fn moment(milliseconds: u64) -> Instant {
    Instant(i64::try_from(milliseconds).unwrap_or(0) * 1000)
}
