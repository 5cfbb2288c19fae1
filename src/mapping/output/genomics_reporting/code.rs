//! Codes and the data types around them.
//!
//! LOINC answers are those of the lists that the profiles bind: LL1971-2 (assessment), LL2938-0 (chromosomes), LL1040-6
//! (assemblies), LL5323-2 (coordinate systems), LL378-1 (source class), LL4048-6 (method).

use crate::genome::{Assembly, Chromosome};
use crate::mapping::finding::Number;
use crate::model::draft::Draft;

pub(super) const LOINC: &str = "http://loinc.org";
pub(super) const SNOMED: &str = "http://snomed.info/sct";
pub(super) const SEQUENCE_ONTOLOGY: &str = "http://www.sequenceontology.org";
pub(super) const HGNC: &str = "http://www.genenames.org";
pub(super) const HGVS: &str = "http://varnomen.hgvs.org";
pub(super) const REFSEQ: &str = "http://www.ncbi.nlm.nih.gov/refseq";
pub(super) const UCUM: &str = "http://unitsofmeasure.org";
pub(super) const NCIT: &str = "http://ncicb.nci.nih.gov/xml/owl/EVS/Thesaurus.owl";
pub(super) const OBSERVATION_CATEGORY: &str = "http://terminology.hl7.org/CodeSystem/observation-category";
pub(super) const SECTION: &str = "http://terminology.hl7.org/CodeSystem/v2-0074";
pub(super) const TBD: &str = "http://hl7.org/fhir/uv/genomics-reporting/CodeSystem/tbd-codes-cs";
pub(super) const BIOMARKER_ONTOLOGY: &str = "http://hl7.org/fhir/uv/genomics-reporting/CodeSystem/molecular-biomarker-ontology-cs";
pub(super) const METHOD_TYPE: &str = "http://hl7.org/fhir/uv/genomics-reporting/CodeSystem/genomic-study-method-type-cs";
pub(super) const CHANGE_TYPE: &str = "http://hl7.org/fhir/uv/genomics-reporting/CodeSystem/genomic-study-change-type-cs";
pub(super) const DATA_FORMAT: &str = "http://hl7.org/fhir/uv/genomics-reporting/CodeSystem/genomic-study-data-format-cs";
pub(super) const ANNOTATION_TYPE: &str = "http://hl7.org/fhir/uv/genomics-reporting/CodeSystem/coded-annotation-types-cs";
pub(super) const PARTICIPANT: &str = "http://terminology.hl7.org/CodeSystem/provenance-participant-type";
pub(super) const OPERATION: &str = "http://terminology.hl7.org/CodeSystem/v3-DataOperation";
pub(super) const CONFIDENTIALITY: &str = "http://terminology.hl7.org/CodeSystem/v3-Confidentiality";
pub(super) const ABSENT_REASON: &str = "http://terminology.hl7.org/CodeSystem/data-absent-reason";
pub(super) const INTERPRETATION: &str = "http://terminology.hl7.org/CodeSystem/v3-ObservationInterpretation";

/// Terms that no public system has: names of TSO500's columns and metrics. docs/mapping-tso500.md lists them.
pub(super) const TSO500: &str = "https://norn.health/fhir/CodeSystem/tso500";
/// Says which mapping made a resource.
pub(super) const MAPPING: &str = "https://norn.health/fhir/CodeSystem/mapping";
/// Identifiers of InPreD samples.
pub(super) const INPRED_SAMPLE: &str = "https://norn.health/fhir/NamingSystem/inpred-sample";
/// Identifiers of InPreD patients.
pub(super) const INPRED_PATIENT: &str = "https://norn.health/fhir/NamingSystem/inpred-patient";
/// Identifiers of reports: the sample id that a report is named after.
pub(super) const REPORT: &str = "https://norn.health/fhir/NamingSystem/molecular-report";

/// URL of an extension of Genomics Reporting.
macro_rules! reporting {
    ($name:literal) => {
        concat!("http://hl7.org/fhir/uv/genomics-reporting/StructureDefinition/", $name)
    };
}

/// URL of an extension of our own.
macro_rules! norn {
    ($name:literal) => {
        concat!("https://norn.health/fhir/StructureDefinition/", $name)
    };
}

pub(super) use {norn, reporting};

/// A `Coding`; an empty display is left out.
pub(super) fn coding(system: &str, code: &str, display: &str) -> Draft {
    let coding = Draft::object().with("system", system).with("code", code);
    if display.is_empty() { coding } else { coding.with("display", display) }
}

/// A `CodeableConcept` of one coding.
pub(super) fn concept(system: &str, code: &str, display: &str) -> Draft {
    Draft::object().with("coding", Draft::array([coding(system, code, display)]))
}

/// A `CodeableConcept` of one coding and a text.
pub(super) fn concept_text(system: &str, code: &str, display: &str, text: &str) -> Draft {
    concept(system, code, display).with("text", text)
}

/// A `CodeableConcept` that is only text.
pub(super) fn text_concept(text: &str) -> Draft {
    Draft::object().with("text", text)
}

/// A `Reference`.
pub(super) fn reference(url: &str) -> Draft {
    Draft::object().with("reference", url)
}

/// An extension with a value.
pub(super) fn extension(url: &str, value_name: &'static str, value: Draft) -> Draft {
    Draft::object().with("url", url).with(value_name, value)
}

/// An extension of extensions.
pub(super) fn complex_extension(url: &str, parts: Vec<Draft>) -> Draft {
    Draft::object().with("extension", Draft::Array(parts)).with("url", url)
}

/// A number with its unit for people and its UCUM code.
pub(super) fn quantity(number: &Number, unit: &str, code: &str) -> Draft {
    plain_quantity(number).with("unit", unit).with("system", UCUM).with("code", code)
}

/// A number without unit.
pub(super) fn plain_quantity(number: &Number) -> Draft {
    Draft::object().with("value", Draft::number(number.text().to_owned()))
}

/// A count of reads.
pub(super) fn reads(number: &Number) -> Draft {
    quantity(number, "reads", "{reads}")
}

/// A whole number as a quantity without unit.
pub(super) fn base(position: u64) -> Draft {
    Draft::object().with("value", position)
}

/// An assembly as an answer of LL1040-6.
pub(super) fn assembly(assembly: Assembly) -> Draft {
    match assembly {
        Assembly::GRCh37 => concept(LOINC, "LA14029-5", "GRCh37"),
        Assembly::GRCh38 => concept(LOINC, "LA26806-2", "GRCh38"),
    }
}

const CHROMOSOMES: [&str; 24] = [
    "LA21254-0",
    "LA21255-7",
    "LA21256-5",
    "LA21257-3",
    "LA21258-1",
    "LA21259-9",
    "LA21260-7",
    "LA21261-5",
    "LA21262-3",
    "LA21263-1",
    "LA21264-9",
    "LA21265-6",
    "LA21266-4",
    "LA21267-2",
    "LA21268-0",
    "LA21269-8",
    "LA21270-6",
    "LA21271-4",
    "LA21272-2",
    "LA21273-0",
    "LA21274-8",
    "LA21275-5",
    "LA21276-3",
    "LA21277-1",
];

/// A chromosome as an answer of LL2938-0, which has none for the mitochondrial one.
pub(super) fn chromosome(chromosome: Chromosome) -> Option<Draft> {
    let code = CHROMOSOMES.get(chromosome.index())?;
    Some(concept(LOINC, code, &format!("Chromosome {}", chromosome.name())))
}

/// A gene: its HGNC number if it is known, and the symbol as the file has it.
pub(super) fn gene(symbol: &str) -> Draft {
    match crate::genome::gene::hgnc(symbol) {
        Some(number) => concept_text(HGNC, &number, symbol, symbol),
        None => text_concept(symbol),
    }
}
