//! Findings as FHIR R4 resources of the Genomics Reporting guide, STU3 (3.0.0), in one transaction.
//!
//! Source: <https://hl7.org/fhir/uv/genomics-reporting/STU3/>. Which field goes where, and why, is told in
//! docs/mapping-tso500.md.

mod biomarker;
mod code;
mod negative;
mod observation;
mod quality;
mod report;
mod small;
mod source;
mod structural;
mod study;
mod subject;

use crate::mapping::Options;
use crate::mapping::bundle::{Bundle, Entry, Request, derived_id, urn};
use crate::mapping::finding::{Findings, Run};
use crate::mapping::inpred::NucleicAcid;
use crate::mapping::ledger::Account;
use crate::mapping::place::{Problems, SourceFile};
use crate::mapping::requisition::{Requisition, SourceClass};
use crate::model::draft::Draft;
use observation::Observation;

/// Writes findings as a transaction.
pub(in crate::mapping) fn write(
    findings: &Findings,
    requisition: &Requisition,
    files: &[SourceFile],
    options: &Options,
    account: &mut Account,
    problems: &mut Problems,
) -> Bundle {
    let mut writer = Writer::new(findings, requisition, files, options, account);
    writer.warn_of_build(problems);
    writer.subject();
    writer.study();
    writer.small_variants();
    writer.structural_variants();
    writer.negatives();
    writer.biomarkers();
    writer.quality();
    writer.sources();
    writer.report();
    for index in 0..files.len() {
        let target = writer.binary(index);
        writer.account.carry_rest(index, &format!("Binary/{target}.data"));
    }
    Bundle { entries: writer.entries }
}

/// What all parts of the transaction share while it is written.
struct Writer<'a> {
    findings: &'a Findings,
    requisition: &'a Requisition,
    files: &'a [SourceFile],
    options: &'a Options,
    account: &'a mut Account,
    entries: Vec<Entry>,
    /// The sample id that the report is named after.
    key: String,
    patient: String,
    study: String,
    /// URLs of the Observations that the report tells, and of those on quality.
    results: Vec<String>,
    qualities: Vec<String>,
}

impl<'a> Writer<'a> {
    fn new(
        findings: &'a Findings,
        requisition: &'a Requisition,
        files: &'a [SourceFile],
        options: &'a Options,
        account: &'a mut Account,
    ) -> Self {
        let sample = findings.sample();
        let key = sample.map(|sample| sample.text().to_owned()).unwrap_or_default();
        let patient = match &requisition.patient_identifier {
            Some(told) => format!("{}|{}", told.value.system.as_deref().unwrap_or_default(), told.value.value),
            None => sample.map(|sample| sample.patient().to_owned()).unwrap_or_default(),
        };
        let patient = urn(&derived_id("Patient", &patient));
        let study = urn(&derived_id("Procedure", &format!("{key}|study")));
        Self {
            findings,
            requisition,
            files,
            options,
            account,
            entries: Vec::new(),
            key,
            patient,
            study,
            results: Vec::new(),
            qualities: Vec::new(),
        }
    }

    /// The id of a resource of this report.
    fn id(&self, kind: &str, key: &str) -> String {
        derived_id(kind, &format!("{}|{key}", self.key))
    }

    /// The id of a resource of a sample, whatever the report is.
    fn sample_key(&self, of: NucleicAcid) -> String {
        let sample = if of == NucleicAcid::Rna { self.findings.rna() } else { self.findings.dna() };
        sample.map(|told| told.value.text().to_owned()).unwrap_or_default()
    }

    /// The URL of the Specimen of DNA or RNA, if there is one.
    fn specimen(&self, of: NucleicAcid) -> Option<String> {
        let key = self.sample_key(of);
        (!key.is_empty()).then(|| urn(&derived_id("Specimen", &key)))
    }

    /// The URL of the pipeline of a run.
    fn pipeline(&self, run: &Run) -> String {
        let version = run.pipeline_version.as_ref().map_or("", |told| told.value.as_str());
        let module = run.module_version.as_ref().map_or("", |told| told.value.as_str());
        urn(&derived_id("Device", &format!("{}|{version}|{module}", run.pipeline.name())))
    }

    /// The id of the Binary of an input file.
    fn binary(&self, index: usize) -> String {
        self.id("Binary", &self.role(index))
    }

    /// What an input file is in this report: a corrected file takes the place of the one before.
    fn role(&self, index: usize) -> String {
        if let Some(run) = self.findings.runs.iter().find(|run| run.file == index) {
            let samples: Vec<&str> = [&run.dna, &run.rna].into_iter().flatten().map(|told| told.value.text()).collect();
            return format!("combined|{}", samples.join("|"));
        }
        let number = self.findings.quality.files.iter().position(|(file, _)| *file == index).unwrap_or_default();
        format!("metrics|{number}")
    }

    /// When the findings held: when the tissue was taken, else the day on which the results were written.
    fn effective(&self) -> String {
        match (&self.requisition.collected, self.findings.runs.first()) {
            (Some(collected), _) => collected.value.clone(),
            (None, Some(run)) => run.date.value.text(),
            (None, None) => String::new(),
        }
    }

    /// The origin that the requisition tells. A tumour-only result never says it by itself.
    fn source_class(&self) -> Option<Draft> {
        match self.requisition.source_class.as_ref()?.value {
            SourceClass::Somatic => Some(code::concept(code::LOINC, "LA6684-0", "Somatic")),
            SourceClass::Germline => Some(code::concept(code::LOINC, "LA6683-2", "Germline")),
            SourceClass::Unknown => None,
        }
    }

    /// Adds the component on the origin.
    fn add_source_class(&mut self, observation: &mut Observation) {
        let Some(told) = &self.requisition.source_class else { return };
        if let Some(class) = self.source_class() {
            observation.add(self.account, observation::SOURCE_CLASS, "valueCodeableConcept", class, &[told.field]);
        }
    }

    fn warn_of_build(&mut self, problems: &mut Problems) {
        let Some(build) = &self.requisition.build else { return };
        if build.value == crate::genome::Assembly::GRCh38 {
            let message = "the requisition says GRCh38, and so the variants are placed; TSO500 LocalApp 2.2 and DRAGEN 2.6 report positions on GRCh37";
            problems.warn(&self.requisition.file, 0, 0, message);
        }
    }

    fn put(&mut self, kind: &'static str, id: String, resource: Draft) {
        self.entries.push(Entry { kind, id, resource, request: Request::Put });
    }

    /// Adds a finished Observation that the report tells.
    fn result(&mut self, observation: Observation) {
        self.results.push(observation.urn());
        let id = observation.id.clone();
        self.put("Observation", id, observation.finish());
    }
}
