//! The neutral middle: what a laboratory found, in its own terms, each value with the field that it came from.
//!
//! Readers of formats fill it, writers of formats read it; neither knows the other.

pub(crate) mod biomarker;
pub(crate) mod quality;
pub(crate) mod variant;

use super::inpred::{NucleicAcid, SampleId};
use super::ledger::FieldId;
use super::moment::{Date, Time};
use super::place::Problems;
use super::requisition::Requisition;
use crate::genome::Assembly;
use crate::model::primitive::decimal::Decimal;

pub(crate) use biomarker::{Instability, Microsatellites, MutationalBurden};
pub(crate) use quality::Quality;
pub(crate) use variant::{CopyNumber, Fusion, Rearrangement, SmallVariant, Splice};

/// A value and the field that told it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Told<T> {
    pub(crate) value: T,
    pub(crate) field: FieldId,
}

/// A number, or `NA`.
pub(crate) type Measured = Told<Option<Number>>;

/// A number as it is written; it is a JSON number.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Number(String);

impl Number {
    /// Reads a number that JSON allows.
    pub(crate) fn new(text: &str) -> Option<Self> {
        let unsigned = text.strip_prefix('-').unwrap_or(text);
        let whole = unsigned.split(['.', 'e', 'E']).next().unwrap_or_default();
        let plain = whole == "0" || !whole.starts_with('0');
        (plain && !unsigned.starts_with('+') && Decimal::new(text).is_some()).then(|| Self(text.to_owned()))
    }

    pub(crate) fn text(&self) -> &str {
        &self.0
    }

    /// Whether its value is above another number's.
    pub(crate) fn is_above(&self, other: &str) -> bool {
        matches!((Decimal::new(&self.0), Decimal::new(other)), (Some(a), Some(b)) if a.compare(&b).is_gt())
    }

    /// Whether its value is below another number's.
    pub(crate) fn is_below(&self, other: &str) -> bool {
        matches!((Decimal::new(&self.0), Decimal::new(other)), (Some(a), Some(b)) if a.compare(&b).is_lt())
    }
}

/// A column or key that Norn does not know, kept word for word.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Extra {
    pub(crate) name: String,
    pub(crate) text: Told<String>,
}

/// The findings of one kind: what was reported, and the cells that say that there is nothing.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Category<T> {
    pub(crate) findings: Vec<T>,
    /// `NA` cells of empty sections.
    pub(crate) nothing: Vec<FieldId>,
    /// Genes that were looked at, with nothing found.
    pub(crate) genes: Vec<Told<String>>,
    /// Whether a file has a section for it.
    pub(crate) told: bool,
}

impl<T> Default for Category<T> {
    fn default() -> Self {
        Self { findings: Vec::new(), nothing: Vec::new(), genes: Vec::new(), told: false }
    }
}

impl<T> Category<T> {
    fn join(&mut self, mut other: Self) {
        self.findings.append(&mut other.findings);
        self.nothing.append(&mut other.nothing);
        self.genes.append(&mut other.genes);
        self.told |= other.told;
    }
}

/// The software that wrote a file.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Pipeline {
    /// Illumina's LocalApp.
    LocalApp,
    /// Illumina's DRAGEN.
    Dragen,
}

impl Pipeline {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::LocalApp => "TruSight Oncology 500 Local App",
            Self::Dragen => "DRAGEN TruSight Oncology 500 Analysis Software",
        }
    }
}

/// One run of the pipeline: what a result file says about itself.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Run {
    /// Number of the file among the inputs.
    pub(crate) file: usize,
    pub(crate) pipeline: Pipeline,
    pub(crate) banner: Told<String>,
    /// The line on the use that the results are meant for.
    pub(crate) disclaimer: Option<Told<String>>,
    pub(crate) pair: Option<Told<String>>,
    pub(crate) dna: Option<Told<SampleId>>,
    pub(crate) rna: Option<Told<SampleId>>,
    pub(crate) date: Told<Date>,
    pub(crate) time: Option<Told<Time>>,
    pub(crate) pipeline_version: Option<Told<String>>,
    pub(crate) module_version: Option<Told<String>>,
    pub(crate) library_kit: Option<Told<String>>,
    /// Sequencing Run Details and keys of other sections that Norn does not know.
    pub(crate) sequencing: Vec<Extra>,
    pub(crate) extras: Vec<Extra>,
}

impl Run {
    /// When the file was written, as an `instant`.
    pub(crate) fn instant(&self) -> String {
        self.date.value.instant(self.time.as_ref().map(|time| time.value).unwrap_or_default())
    }
}

/// All that the files tell.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Findings {
    /// The runs; never empty. At most one has DNA, at most one has RNA.
    pub(crate) runs: Vec<Run>,
    pub(crate) assembly: Assembly,
    pub(crate) burden: Option<MutationalBurden>,
    pub(crate) microsatellites: Option<Microsatellites>,
    pub(crate) instability: Option<Instability>,
    pub(crate) small_variants: Category<SmallVariant>,
    pub(crate) copy_numbers: Category<CopyNumber>,
    pub(crate) splices: Category<Splice>,
    pub(crate) fusions: Category<Fusion>,
    pub(crate) rearrangements: Category<Rearrangement>,
    pub(crate) quality: Quality,
}

impl Findings {
    /// The findings of a single run.
    pub(crate) fn of(run: Run) -> Self {
        Self {
            runs: vec![run],
            assembly: Assembly::GRCh37,
            burden: None,
            microsatellites: None,
            instability: None,
            small_variants: Category::default(),
            copy_numbers: Category::default(),
            splices: Category::default(),
            fusions: Category::default(),
            rearrangements: Category::default(),
            quality: Quality::default(),
        }
    }

    /// Takes in the findings of another run, of the nucleic acid that this one lacks.
    pub(crate) fn join(&mut self, other: Self) {
        let takes_dna = other.run_of(NucleicAcid::Dna).is_some();
        self.runs.extend(other.runs);
        if takes_dna {
            (self.burden, self.microsatellites, self.instability) = (other.burden, other.microsatellites, other.instability);
        }
        self.small_variants.join(other.small_variants);
        self.copy_numbers.join(other.copy_numbers);
        self.splices.join(other.splices);
        self.fusions.join(other.fusions);
        self.rearrangements.join(other.rearrangements);
    }

    /// The run in which DNA (of cells or cell-free) or RNA was analysed.
    pub(crate) fn run_of(&self, nucleic_acid: NucleicAcid) -> Option<&Run> {
        self.runs.iter().find(|run| if nucleic_acid == NucleicAcid::Rna { run.rna.is_some() } else { run.dna.is_some() })
    }

    /// The DNA sample.
    pub(crate) fn dna(&self) -> Option<&Told<SampleId>> {
        self.runs.iter().find_map(|run| run.dna.as_ref())
    }

    /// The RNA sample.
    pub(crate) fn rna(&self) -> Option<&Told<SampleId>> {
        self.runs.iter().find_map(|run| run.rna.as_ref())
    }

    /// The sample that names the report: DNA if there is any.
    pub(crate) fn sample(&self) -> Option<&SampleId> {
        self.dna().or(self.rna()).map(|told| &told.value)
    }

    /// Applies what the requisition decides, and holds both against each other.
    pub(crate) fn with_requisition(mut self, requisition: &Requisition, problems: &mut Problems) -> Self {
        if let Some(build) = &requisition.build {
            self.assembly = build.value;
        }
        let samples: Vec<&SampleId> = [self.dna(), self.rna()].into_iter().flatten().map(|told| &told.value).collect();
        requisition.check_against(&samples, problems);
        self
    }
}
