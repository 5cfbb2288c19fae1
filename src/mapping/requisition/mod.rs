//! The requisition: who the patient is, what was ordered, where the tissue came from. TOML, or the same keys in JSON.
//!
//! All keys are optional; a key that is not known is refused, since it may be a known one misspelt.

mod identifier;
mod source;

use crate::genome::Assembly;
use crate::model::primitive::moment;

use super::finding::Told;
use super::inpred::{self, SampleId};
use super::ledger::Account;
use super::place::{Problems, SourceFile};
use source::Entry;

pub(super) use identifier::Identifier;

/// What the requisition says on the origin of the findings.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum SourceClass {
    Somatic,
    Germline,
    Unknown,
}

/// The patient's administrative gender, as FHIR's code.
type Gender = &'static str;

/// The requisition.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(super) struct Requisition {
    pub(super) file: String,
    pub(super) patient_identifier: Option<Told<Identifier>>,
    pub(super) patient_name: Option<Told<String>>,
    pub(super) birth_date: Option<Told<String>>,
    pub(super) sex: Option<Told<Gender>>,
    pub(super) order_identifier: Option<Told<Identifier>>,
    pub(super) requester: Option<Told<String>>,
    pub(super) specimen_identifier: Option<Told<Identifier>>,
    pub(super) specimen_type: Option<Told<String>>,
    pub(super) collected: Option<Told<String>>,
    pub(super) build: Option<Told<Assembly>>,
    pub(super) source_class: Option<Told<SourceClass>>,
    /// Row and column of the specimen's identifier.
    specimen_place: (usize, usize),
}

/// Reads a requisition and enters its values in the account.
pub(super) fn read(file: &SourceFile, account: &mut Account, problems: &mut Problems) -> Requisition {
    let mut requisition = Requisition { file: file.name.clone(), ..Requisition::default() };
    for entry in source::read(file, problems) {
        let field = account.enter(usize::MAX, file.title(), entry.row, entry.column, &entry.value);
        account.name(field, &entry.path);
        let told = |value: String| Some(Told { value, field });
        let mut refuse = |message: String| problems.refuse(&file.name, entry.row, entry.column, message);
        match entry.path.as_str() {
            "patient.identifier" => requisition.patient_identifier = identifier::read(&entry, field, true, problems, &file.name),
            "patient.name" => requisition.patient_name = told(entry.value),
            "patient.birth_date" => match moment::date(&entry.value) {
                Some(_) => requisition.birth_date = told(entry.value),
                None => refuse(format!("'{}' is no date as 1958, 1958-07 or 1958-07-31", entry.value)),
            },
            "patient.sex" => match gender(&entry.value) {
                Some(value) => requisition.sex = Some(Told { value, field }),
                None => refuse(format!("'{}' is none of female, male, other, unknown", entry.value)),
            },
            "order.identifier" => requisition.order_identifier = identifier::read(&entry, field, false, problems, &file.name),
            "order.requester" => requisition.requester = told(entry.value),
            "specimen.identifier" => {
                requisition.specimen_place = (entry.row, entry.column);
                requisition.specimen_identifier = identifier::read(&entry, field, false, problems, &file.name);
            }
            "specimen.type" => requisition.specimen_type = told(entry.value),
            "specimen.collected" => match moment::date_time(&entry.value) {
                Some(_) => requisition.collected = told(entry.value),
                None => refuse(format!("'{}' is no date or moment as 2026-03-02 or 2026-03-02T10:15:00+01:00", entry.value)),
            },
            "genome.build" => match Assembly::named(&entry.value) {
                Some(value) => requisition.build = Some(Told { value, field }),
                None => refuse(format!("'{}' is neither GRCh37 nor GRCh38", entry.value)),
            },
            // The word stands beside `build`, but reads as well at the top.
            "genome.source_class" | "source_class" if requisition.source_class.is_some() => refuse("source_class is told twice".to_owned()),
            "genome.source_class" | "source_class" => match source_class(&entry.value) {
                Some(value) => requisition.source_class = Some(Told { value, field }),
                None => refuse(format!("'{}' is none of somatic, germline, unknown", entry.value)),
            },
            _ => unknown(&entry, file, problems),
        }
    }
    requisition.check_person(problems);
    requisition
}

fn unknown(entry: &Entry, file: &SourceFile, problems: &mut Problems) {
    let known = "patient: identifier, name, birth_date, sex; order: identifier, requester; specimen: identifier, type, collected; genome: build, source_class";
    problems.refuse(&file.name, entry.key_row, entry.key_column, format!("the key '{}' is not known; known keys are {known}", entry.path));
}

fn gender(text: &str) -> Option<Gender> {
    Some(match text {
        "female" | "F" | "K" => "female",
        "male" | "M" => "male",
        "other" => "other",
        "unknown" => "unknown",
        _ => return None,
    })
}

fn source_class(text: &str) -> Option<SourceClass> {
    Some(match text {
        "somatic" => SourceClass::Somatic,
        "germline" => SourceClass::Germline,
        "unknown" => SourceClass::Unknown,
        _ => return None,
    })
}

impl Requisition {
    /// A national number tells birth date and sex; another one beside it is a reason to look twice.
    fn check_person(&self, problems: &mut Problems) {
        let Some(Told { value: Identifier { national: Some(national), .. }, .. }) = &self.patient_identifier else { return };
        if let (Some(birth), Some(day)) = (&self.birth_date, national.day_and_month())
            && let Some((_, month_and_day)) = birth.value.split_once('-')
            && month_and_day.len() == 5
            && month_and_day != day
        {
            problems.warn(
                &self.file,
                0,
                0,
                "the birth date is not the one in the patient's national number; make sure that both are of the same patient",
            );
        }
        if let (Some(sex), Some(told)) = (&self.sex, national.gender())
            && matches!(sex.value, "female" | "male")
            && sex.value != told
        {
            problems.warn(
                &self.file,
                0,
                0,
                "the sex is not the one in the patient's national number; make sure that both are of the same patient",
            );
        }
    }

    /// Whether the specimen's identifier is the sample id of one of the samples.
    pub(super) fn names_sample(&self, sample: &SampleId) -> bool {
        self.specimen_identifier
            .as_ref()
            .is_some_and(|told| told.value.value.strip_suffix("_P").unwrap_or(&told.value.value) == sample.text())
    }

    /// A specimen identifier that is an InPreD sample id must be one of the files' samples, lest patients are mixed up.
    pub(super) fn check_against(&self, samples: &[&SampleId], problems: &mut Problems) {
        let Some(told) = self.specimen_identifier.as_ref().filter(|told| inpred::claims_to_be(&told.value.value)) else { return };
        let (row, column) = self.specimen_place;
        let text = told.value.value.as_str();
        if samples.iter().any(|sample| sample.patient() == text) {
            return;
        }
        match SampleId::read(text.strip_suffix("_P").unwrap_or(text)) {
            Err(bad) => problems.refuse(&self.file, row, column, format!("sample id '{text}': {bad}")),
            Ok(id) if samples.iter().any(|sample| sample.patient() == id.patient()) => {}
            Ok(id) => {
                let of = samples.first().map_or("", |sample| sample.patient());
                problems.refuse(
                    &self.file,
                    row,
                    column,
                    format!("the requisition is on a sample of patient {}, the results are of patient {of}", id.patient()),
                );
            }
        }
    }
}

#[cfg(test)]
mod tests;
