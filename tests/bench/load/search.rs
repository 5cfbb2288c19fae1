//! The searches (FHIR R4, section "Search"), and what a right answer to each must look like.
//!
//! A *selective* shape is the same question at every size: it is worded so that about as many resources answer it in a store
//! of a million as in one of ten thousand. Its *broad* sister asks for a fixed share of everything.
//! A server that ignores a parameter answers fast and wrong, so every shape is checked before it is measured.

use norn::base::clock::Instant;
use serde_json::Value;

use crate::patient;
use crate::sample::analyte::{self, Analyte, PLATELETS, tenths};
use crate::sample::chance::Chance;
use crate::sample::observation::{DAYS, FIRST_DAY, identifier};
use crate::stock::Stock;
use crate::target::encoded;

/// One kind of search.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Shape {
    /// The Observation with an identifier.
    Token,
    /// Observations of a patient, with a code.
    SubjectCode,
    /// Observations of a time that is the shorter the more there are.
    Date,
    /// Observations with a value in a range that is the narrower the more there are.
    Quantity,
    /// Observations with a code and, on the same element, a value that is told the more precisely the more there are.
    Composite,
    /// Observations with a code, of the patient with an identifier.
    Chain,
    /// The Patient of the Observation with an identifier.
    Has,
    /// Observations of a patient, and the patient with them.
    Include,
    /// The newest 20 Observations of all.
    Newest,
    /// How many Observations a patient has.
    Count,
    /// Observations with a code: each tenth.
    TokenBroad,
    /// Observations of a week.
    DateBroad,
    /// Observations with a high value in a unit.
    QuantityBroad,
    /// Observations with a code and, on the same element, a high value.
    CompositeBroad,
    /// Observations with a code, of patients with a family name.
    ChainBroad,
    /// Male Patients with Observations of a code.
    HasBroad,
    /// How many Observations have a code.
    CountBroad,
}

impl Shape {
    /// The selective ones.
    pub(crate) const SELECTIVE: &[Self] = &[
        Self::Token,
        Self::SubjectCode,
        Self::Date,
        Self::Quantity,
        Self::Composite,
        Self::Chain,
        Self::Has,
        Self::Include,
        Self::Newest,
        Self::Count,
    ];

    /// The broad ones.
    pub(crate) const BROAD: &[Self] =
        &[Self::TokenBroad, Self::DateBroad, Self::QuantityBroad, Self::CompositeBroad, Self::ChainBroad, Self::HasBroad, Self::CountBroad];
}

/// As many resources as selective searches by value find, about.
const FOUND: u64 = 20;
/// Systems of the identifiers.
const RESULT: &str = "https://laboratory.example.org/NamingSystem/result";
const PATIENT: &str = "https://hospital.example.org/NamingSystem/patient";

/// One search, and what each of its matches must have.
#[derive(Debug, Default)]
pub(crate) struct Query {
    /// Relative to the base URL.
    pub(crate) url: String,
    /// The type of the matches.
    kind: &'static str,
    code: Option<&'static str>,
    /// `Patient/id`
    subject: Option<String>,
    /// The value of the first identifier.
    identifier: Option<String>,
    gender: Option<&'static str>,
    /// The id.
    id: Option<String>,
    /// From the first to right before the second, as far as they are written out.
    time: Option<(String, String)>,
    /// A unit, and from the first to the last tenth of it.
    value: Option<(&'static str, u64, u64)>,
    /// The answer is a number.
    count: bool,
    sorted: bool,
    /// The patient is to be there, too.
    included: bool,
}

impl Query {
    /// A search of this shape for values from `chance`.
    pub(crate) fn new(shape: Shape, stock: &Stock, chance: &mut Chance) -> Self {
        let analyte = analyte::any(chance);
        let stored = chance.pick(&stock.observations);
        let patient = stored.and_then(|stored| stock.patient_of(stored));
        let subject = patient.map(|patient| patient.reference.clone()).unwrap_or_default();
        let own = stored.map_or(0, |stored| stored.number);
        let of_code = || Self { kind: "Observation", code: Some(analyte.loinc), ..Self::default() };
        let of_subject = || Self { kind: "Observation", subject: Some(subject.clone()), ..Self::default() };
        let code = format!("code={}", encoded(&format!("http://loinc.org|{}", analyte.loinc)));
        let subject_is = format!("subject={}", encoded(&subject));
        match shape {
            Shape::Token => {
                Self { kind: "Observation", identifier: Some(identifier(own)), ..Self::default() }.at(&token("identifier", RESULT, own))
            }
            Shape::SubjectCode => Self { code: Some(analyte.loinc), ..of_subject() }.at(&format!("{subject_is}&{code}")),
            Shape::Date | Shape::DateBroad => {
                let whole = DAYS * 86_400;
                let length = if shape == Shape::Date { (whole * FOUND / stock.total.max(1)).clamp(1, whole) } else { 7 * 86_400 };
                let first = FIRST_DAY * 86_400 + chance.below(whole - length);
                let (from, to) = (second(first), second(first + length));
                let text = format!("date=ge{}&date=lt{}", encoded(&from), encoded(&to));
                Self { kind: "Observation", time: Some((from, to)), ..Self::default() }.at(&text)
            }
            Shape::Quantity => {
                let (low, length) = among(stock);
                let first = low + chance.below(VALUES - length);
                let bound =
                    |prefix: &str, at: u64| format!("value-quantity={}", encoded(&format!("{prefix}{}{}", tenths(at), unit(&PLATELETS))));
                let text = format!("{}&{}", bound("ge", first), bound("le", first + length - 1));
                Self { kind: "Observation", value: Some((PLATELETS.unit, first, first + length - 1)), ..Self::default() }.at(&text)
            }
            Shape::Composite => {
                let (low, length) = among(stock);
                let at = low + 100 + chance.below(VALUES - 200);
                // What is written stands for all that rounds to it.
                let (text, first, length) = match length {
                    0..4 => (tenths(at), at, 1),
                    4..40 => (format!("{}", at / 10), at / 10 * 10 - 5, 10),
                    _ => (format!("{}.{}e2", at / 1000, at / 100 % 10), at / 100 * 100 - 50, 100),
                };
                let code = format!("http://loinc.org|{}", PLATELETS.loinc);
                let text = format!("code-value-quantity={}", encoded(&format!("{code}${text}{}", unit(&PLATELETS))));
                Self {
                    kind: "Observation",
                    code: Some(PLATELETS.loinc),
                    value: Some((PLATELETS.unit, first, first + length - 1)),
                    ..Self::default()
                }
                .at(&text)
            }
            Shape::QuantityBroad | Shape::CompositeBroad => {
                let (low, high) = analyte.range;
                // Values reach to `low + 2 * (high - low)`: about every twentieth is higher than this.
                let more_than = low + (high - low) * 19 / 10;
                let value = format!("gt{}{}", tenths(more_than), unit(analyte));
                let text = match shape {
                    Shape::QuantityBroad => format!("value-quantity={}", encoded(&value)),
                    _ => format!("code-value-quantity={}", encoded(&format!("http://loinc.org|{}${value}", analyte.loinc))),
                };
                let code = (shape == Shape::CompositeBroad).then_some(analyte.loinc);
                Self { kind: "Observation", code, value: Some((analyte.unit, more_than + 1, u64::MAX)), ..Self::default() }.at(&text)
            }
            Shape::Chain => {
                let number = patient.map_or(0, |patient| patient.number);
                let text = format!("{}&{code}", token("subject:Patient.identifier", PATIENT, number));
                Self { code: Some(analyte.loinc), ..of_subject() }.at(&text)
            }
            Shape::ChainBroad => of_code().at(&format!("subject:Patient.family={}&{code}", patient::family(chance))),
            Shape::Has => {
                let id = subject.strip_prefix("Patient/").map(str::to_owned);
                Self { kind: "Patient", id, ..Self::default() }.at(&token("_has:Observation:patient:identifier", RESULT, own))
            }
            Shape::HasBroad => {
                let text = format!("gender=male&_has:Observation:patient:{code}");
                Self { kind: "Patient", gender: Some("male"), ..Self::default() }.at(&text)
            }
            Shape::Include => Self { included: true, ..of_subject() }.at(&format!("{subject_is}&_include=Observation:subject")),
            Shape::Newest => Self { kind: "Observation", sorted: true, ..Self::default() }.at("_sort=-date"),
            Shape::Count => Self { count: true, ..of_subject() }.at(&subject_is),
            Shape::CountBroad => Self { count: true, ..of_code() }.at(&code),
            Shape::TokenBroad => of_code().at(&code),
        }
    }

    fn at(mut self, parameters: &str) -> Self {
        let page = if self.count { "_summary=count" } else { "_count=20" };
        self.url = format!("{}?{parameters}&{page}", self.kind);
        self
    }

    /// Whether `bundle` answers this search: how many matches it has, or what is wrong with it.
    pub(crate) fn check(&self, bundle: &Value) -> Result<usize, String> {
        if bundle.get("type").and_then(Value::as_str) != Some("searchset") {
            return Err("no searchset Bundle".to_owned());
        }
        let resources: Vec<_> =
            bundle.get("entry").and_then(Value::as_array).into_iter().flatten().filter_map(|entry| entry.get("resource")).collect();
        let (matches, others): (Vec<_>, Vec<_>) = resources.into_iter().partition(|r| text(r, "/resourceType") == self.kind);
        if self.count {
            let total = bundle.get("total").and_then(Value::as_u64).ok_or("no total")?;
            return Ok(usize::try_from(total).unwrap_or(usize::MAX));
        }
        if matches.len() > 20 {
            return Err(format!("{} matches on a page of 20", matches.len()));
        }
        if let Some(stray) = matches.iter().find(|found| !self.fits(found)) {
            return Err(format!("a match that does not fit: {}/{}", self.kind, text(stray, "/id")));
        }
        if self.sorted && !matches.is_sorted_by(|a, b| text(a, "/effectiveDateTime") >= text(b, "/effectiveDateTime")) {
            return Err("not sorted by date".to_owned());
        }
        let patient = |r: &&Value| {
            text(r, "/resourceType") == "Patient" && self.subject.as_ref().is_some_and(|subject| subject.ends_with(text(r, "/id")))
        };
        if self.included && !matches.is_empty() && !others.iter().any(patient) {
            return Err("the included Patient is missing".to_owned());
        }
        Ok(matches.len())
    }

    fn fits(&self, found: &Value) -> bool {
        let has = |pointer: &str, wanted: Option<&str>| wanted.is_none_or(|wanted| text(found, pointer) == wanted);
        let subject = self.subject.as_ref().is_none_or(|subject| text(found, "/subject/reference").ends_with(subject.as_str()));
        let time = self.time.as_ref().is_none_or(|(from, to)| {
            // Without fractions of seconds texts sort as times do.
            let own = text(found, "/effectiveDateTime").get(..19).unwrap_or_default();
            from.get(..19).is_some_and(|from| from <= own) && to.get(..19).is_some_and(|to| own < to)
        });
        let value = self.value.is_none_or(|(unit, first, last)| {
            let value = found.pointer("/valueQuantity/value").and_then(Value::as_f64).unwrap_or_default();
            // Units are converted: in another one another number is right.
            text(found, "/valueQuantity/code") != unit || (first as f64 - 0.01..last as f64 + 0.01).contains(&(value * 10.0))
        });
        has("/code/coding/0/code", self.code)
            && has("/identifier/0/value", self.identifier.as_deref())
            && has("/gender", self.gender)
            && has("/id", self.id.as_deref())
            && subject
            && time
            && value
    }
}

/// Analytes, all equally often.
const ANALYTES: u64 = 10;
/// Different values, in tenths, that the platelets have.
const VALUES: u64 = (PLATELETS.range.1 - PLATELETS.range.0) * 2;

/// The lowest value of the platelets, and the length of a range of values that so many have as are to be found; in tenths.
fn among(stock: &Stock) -> (u64, u64) {
    (PLATELETS.range.0, (FOUND * VALUES * ANALYTES / stock.total.max(1)).clamp(1, VALUES / 2))
}

fn token(parameter: &str, system: &str, number: u64) -> String {
    format!("{parameter}={}", encoded(&format!("{system}|{}", identifier(number))))
}

fn unit(analyte: &Analyte) -> String {
    format!("|http://unitsofmeasure.org|{}", analyte.unit)
}

fn text<'a>(resource: &'a Value, pointer: &str) -> &'a str {
    resource.pointer(pointer).and_then(Value::as_str).unwrap_or_default()
}

/// A second counted from 1970-01-01, as a dateTime.
fn second(second: u64) -> String {
    let moment = Instant(i64::try_from(second * 1_000_000).unwrap_or(0)).to_string();
    format!("{}Z", moment.get(..19).unwrap_or_default())
}
