//! Identifiers in a requisition: `value` or `system|value`; Norwegian national numbers with their check digits.
//!
//! Systems: basisprofiler-r4 of HL7 Norway. Check digits: Skatteetaten, fødselsnummer, modulus 11 with two weights; in numbers given out
//! from 2032 on the first of them may leave a remainder of up to 3, and the number tells no sex
//! (<https://github.com/Skatteetaten/folkeregisteret-api-dokumentasjon>, om-tjenestene/nyttfnr2032).
//! Registers of test persons add 40, 65 or 80 to the month; those numbers are read too.

use super::source::Entry;
use crate::mapping::finding::Told;
use crate::mapping::ledger::FieldId;
use crate::mapping::place::Problems;
use crate::model::primitive::Primitive;

const FNR: &str = "urn:oid:2.16.578.1.12.4.1.4.1";
const DNR: &str = "urn:oid:2.16.578.1.12.4.1.4.2";
const FHN: &str = "urn:oid:2.16.578.1.12.4.1.4.3";

/// Weights of the digits that the first check digit is of, and of those of the second.
const FIRST: [u32; 10] = [3, 7, 6, 1, 8, 9, 4, 5, 2, 1];
const SECOND: [u32; 11] = [5, 4, 3, 2, 7, 6, 5, 4, 3, 2, 1];

/// Names of the naming systems that are used for the same systems.
const ALIASES: [(&str, &str); 6] = [
    ("http://hl7.no/fhir/NamingSystem/FNR", FNR),
    ("http://hl7.no/fhir/NamingSystem/DNR", DNR),
    ("http://hl7.no/fhir/NamingSystem/FHN", FHN),
    ("http://hl7.no/fhir/NamingSystem/HPR", "urn:oid:2.16.578.1.12.4.1.4.4"),
    ("http://hl7.no/fhir/NamingSystem/ENH", "urn:oid:2.16.578.1.12.4.1.4.101"),
    ("http://hl7.no/fhir/NamingSystem/RSH", "urn:oid:2.16.578.1.12.4.1.4.102"),
];

/// An identifier.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(in crate::mapping) struct Identifier {
    pub(in crate::mapping) system: Option<String>,
    pub(in crate::mapping) value: String,
    /// The number, if it is a national one.
    pub(in crate::mapping) national: Option<National>,
}

/// A national number of 11 digits whose check digits are right.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(in crate::mapping) struct National(Vec<u32>);

/// Reads an identifier; refuses a national number whose check digits are wrong.
pub(super) fn read(entry: &Entry, field: FieldId, person: bool, problems: &mut Problems, file: &str) -> Option<Told<Identifier>> {
    let mut refuse = |message: String| {
        problems.refuse(file, entry.row, entry.column, message);
        None
    };
    let (system, value) = match entry.value.split_once('|') {
        Some((system, value)) => {
            let known = ALIASES.iter().find(|(alias, _)| *alias == system).map_or(system, |(_, known)| known);
            if !known.contains(':') || Primitive::Uri.check(known).is_err() || value.is_empty() || value.contains('|') {
                return refuse(format!("'{}' is neither a value nor system|value, where the system is a URI", entry.value));
            }
            (Some(known.to_owned()), value.to_owned())
        }
        None => (None, entry.value.clone()),
    };
    let claims = match system.as_deref() {
        Some(FNR | DNR | FHN) => true,
        Some(_) => false,
        None => person && value.len() == 11 && value.bytes().all(|b| b.is_ascii_digit()),
    };
    if !claims {
        return Some(Told { value: Identifier { system, value, national: None }, field });
    }
    let Some(national) = National::read(&value) else {
        return refuse("this is no Norwegian national number: its 11 digits do not agree with their two check digits, or its day or month does not exist".to_owned());
    };
    if let Some(told) = &system
        && told != national.system()
    {
        return refuse(format!(
            "the number is of another kind than its system {told} says; its first digit tells fødselsnummer, D-nummer or hjelpenummer"
        ));
    }
    Some(Told { value: Identifier { system: Some(national.system().to_owned()), value, national: Some(national) }, field })
}

impl National {
    /// Reads 11 digits with right check digits.
    pub(in crate::mapping) fn read(text: &str) -> Option<Self> {
        let digits: Vec<u32> = text.chars().map(|c| c.to_digit(10)).collect::<Option<_>>()?;
        if digits.len() != 11 {
            return None;
        }
        let number = Self(digits);
        let most = if number.first() >= 8 { 0 } else { 3 };
        if number.remainder(&FIRST) > most || number.remainder(&SECOND) != 0 {
            return None;
        }
        (number.first() >= 8 || number.day_and_month().is_some()).then_some(number)
    }

    /// What is left of the weighted sum of the digits modulo 11.
    fn remainder(&self, weights: &[u32]) -> u32 {
        self.0.iter().zip(weights).map(|(digit, weight)| digit * weight).sum::<u32>() % 11
    }

    fn first(&self) -> u32 {
        self.0.first().copied().unwrap_or_default()
    }

    fn pair(&self, at: usize) -> u32 {
        self.0.get(at).copied().unwrap_or_default() * 10 + self.0.get(at + 1).copied().unwrap_or_default()
    }

    /// The system of its kind.
    pub(in crate::mapping) fn system(&self) -> &'static str {
        match self.first() {
            0..=3 => FNR,
            4..=7 => DNR,
            _ => FHN,
        }
    }

    /// Month and day of birth as `07-31`; a hjelpenummer tells none.
    pub(in crate::mapping) fn day_and_month(&self) -> Option<String> {
        if self.first() >= 8 {
            return None;
        }
        let day = if self.first() >= 4 { self.pair(0) - 40 } else { self.pair(0) };
        let month = match self.pair(2) {
            month @ 1..=12 => month,
            month @ 41..=52 => month - 40,
            month @ 66..=77 => month - 65,
            month @ 81..=92 => month - 80,
            _ => return None,
        };
        (1..=31).contains(&day).then(|| format!("{month:02}-{day:02}"))
    }

    /// The sex that the third digit of the personal number tells, in numbers given out before 2032.
    pub(in crate::mapping) fn gender(&self) -> Option<&'static str> {
        if self.first() >= 8 || self.remainder(&FIRST) != 0 {
            return None;
        }
        self.0.get(8).map(|digit| if digit % 2 == 0 { "female" } else { "male" })
    }
}
