//! The searches (FHIR R4, section "Search"), and what a right answer to each must look like.
//!
//! A server that ignores a parameter answers fast and wrong, so every shape is checked before it is measured.

use norn::base::clock::Instant;
use serde_json::Value;

use crate::patient;
use crate::sample::analyte::{self, Analyte, tenths};
use crate::sample::chance::Chance;
use crate::sample::observation::{DAYS, FIRST_DAY};
use crate::stock::Stock;
use crate::target::encoded;

/// One kind of search for Observations.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Shape {
    /// With a code.
    Code,
    /// Of a patient, with a code.
    SubjectCode,
    /// Of a week.
    Date,
    /// With a high value in a unit.
    Quantity,
    /// The newest 20 of all.
    Newest,
    /// Of a patient, and the patient with them.
    Include,
    /// With a code: only how many.
    Count,
    /// With a code, of patients with a family name.
    Chain,
}

impl Shape {
    /// What a clinical front end asks for, in equal shares.
    pub(crate) const MIX: &[Self] = &[Self::Code, Self::SubjectCode, Self::Date, Self::Quantity, Self::Newest, Self::Include, Self::Count];
}

/// One search with its values.
#[derive(Debug)]
pub(crate) struct Query {
    shape: Shape,
    analyte: &'static Analyte,
    subject: String,
    /// First day, and the day after the last: `YYYY-MM-DD`.
    days: (String, String),
    /// In tenths of the analyte's unit.
    more_than: u64,
    family: &'static str,
}

impl Query {
    /// A search of this shape for values from `chance`.
    pub(crate) fn new(shape: Shape, stock: &Stock, chance: &mut Chance) -> Self {
        let analyte = analyte::any(chance);
        let (low, high) = analyte.range;
        let first = FIRST_DAY + chance.below(DAYS - 7);
        Self {
            shape,
            analyte,
            subject: chance.pick(&stock.patients).cloned().unwrap_or_default(),
            days: (date(first), date(first + 7)),
            // Values reach to `low + 2 * (high - low)`: about every twentieth is higher than this.
            more_than: low + (high - low) * 19 / 10,
            family: patient::family(chance),
        }
    }

    /// The part of the URL after the question mark.
    pub(crate) fn text(&self) -> String {
        let code = || format!("code={}", encoded(&format!("http://loinc.org|{}", self.analyte.loinc)));
        let subject = || format!("subject={}", encoded(&self.subject));
        match self.shape {
            Shape::Code => format!("{}&_count=20", code()),
            Shape::SubjectCode => format!("{}&{}&_count=20", subject(), code()),
            Shape::Date => format!("date=ge{}&date=lt{}&_count=20", self.days.0, self.days.1),
            Shape::Quantity => {
                let value = format!("gt{}|http://unitsofmeasure.org|{}", tenths(self.more_than), self.analyte.unit);
                format!("value-quantity={}&_count=20", encoded(&value))
            }
            Shape::Newest => "_sort=-date&_count=20".to_owned(),
            Shape::Include => format!("{}&_include=Observation:subject&_count=20", subject()),
            Shape::Count => format!("{}&_summary=count", code()),
            Shape::Chain => format!("subject:Patient.family={}&{}&_count=20", self.family, code()),
        }
    }

    /// Whether `bundle` answers this search: how many matches it has, or what is wrong with it.
    pub(crate) fn check(&self, bundle: &Value) -> Result<usize, String> {
        if bundle.get("type").and_then(Value::as_str) != Some("searchset") {
            return Err("no searchset Bundle".to_owned());
        }
        let resources: Vec<_> =
            bundle.get("entry").and_then(Value::as_array).into_iter().flatten().filter_map(|entry| entry.get("resource")).collect();
        let (matches, others): (Vec<_>, Vec<_>) = resources.into_iter().partition(|r| text(r, "/resourceType") == "Observation");
        if self.shape == Shape::Count {
            let total = bundle.get("total").and_then(Value::as_u64).ok_or("no total")?;
            return Ok(usize::try_from(total).unwrap_or(usize::MAX));
        }
        if matches.len() > 20 {
            return Err(format!("{} matches on a page of 20", matches.len()));
        }
        if let Some(stray) = matches.iter().find(|observation| !self.fits(observation)) {
            return Err(format!("a match that does not fit: Observation/{}", text(stray, "/id")));
        }
        if self.shape == Shape::Newest && !matches.is_sorted_by(|a, b| text(a, "/effectiveDateTime") >= text(b, "/effectiveDateTime")) {
            return Err("not sorted by date".to_owned());
        }
        let patient = |r: &&Value| self.subject.ends_with(text(r, "/id")) && text(r, "/resourceType") == "Patient";
        if self.shape == Shape::Include && !matches.is_empty() && !others.iter().any(patient) {
            return Err("the included Patient is missing".to_owned());
        }
        Ok(matches.len())
    }

    fn fits(&self, observation: &Value) -> bool {
        let code = || text(observation, "/code/coding/0/code") == self.analyte.loinc;
        let subject = || text(observation, "/subject/reference").ends_with(&self.subject);
        match self.shape {
            Shape::Code | Shape::Chain => code(),
            Shape::SubjectCode => subject() && code(),
            Shape::Include => subject(),
            Shape::Date => {
                let day = text(observation, "/effectiveDateTime").get(..10).unwrap_or_default();
                *self.days.0 <= *day && *day < *self.days.1
            }
            Shape::Quantity => {
                let value = observation.pointer("/valueQuantity/value").and_then(Value::as_f64).unwrap_or_default();
                // Servers that convert units find others, too; those are theirs to answer for.
                value * 10.0 > self.more_than as f64 || text(observation, "/valueQuantity/code") != self.analyte.unit
            }
            Shape::Newest | Shape::Count => true,
        }
    }
}

fn text<'a>(resource: &'a Value, pointer: &str) -> &'a str {
    resource.pointer(pointer).and_then(Value::as_str).unwrap_or_default()
}

/// The date of a day counted from 1970-01-01.
fn date(day: u64) -> String {
    let moment = Instant(i64::try_from(day * 86_400_000_000).unwrap_or(0)).to_string();
    moment.get(..10).unwrap_or_default().to_owned()
}
