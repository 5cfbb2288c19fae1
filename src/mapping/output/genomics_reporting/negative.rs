//! Kinds of change, and what is told of a kind in which nothing is reported.
//!
//! "Analysed, nothing found", "analysed, but no call can be made" and "not analysed" are three answers; a missing
//! Observation would be none of them.

use super::Writer;
use super::code::{ABSENT_REASON, LOINC, TSO500, concept};
use super::observation::Observation;
use crate::mapping::finding::{Category, Told};
use crate::mapping::inpred::NucleicAcid;
use crate::mapping::ledger::FieldId;

/// A kind of change that the assay looks for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Kind {
    SmallVariant,
    CopyNumber,
    LargeRearrangement,
    Fusion,
    Splice,
}

impl Kind {
    fn code(self) -> (&'static str, &'static str) {
        match self {
            Self::SmallVariant => ("small-variant", "Small variant"),
            Self::CopyNumber => ("copy-number-variant", "Copy number variant"),
            Self::LargeRearrangement => ("large-rearrangement", "Large rearrangement"),
            Self::Fusion => ("fusion", "Gene fusion"),
            Self::Splice => ("splice-variant", "Splice variant"),
        }
    }

    fn nucleic_acid(self) -> NucleicAcid {
        match self {
            Self::Fusion | Self::Splice => NucleicAcid::Rna,
            _ => NucleicAcid::Dna,
        }
    }

    /// Headings of the metrics on which the kind rests.
    fn panels(self) -> &'static [&'static str] {
        match self {
            Self::SmallVariant => &["DNA Library QC Metrics", "DNA Library QC Metrics for Small Variant Calling and TMB"],
            Self::CopyNumber | Self::LargeRearrangement => &["DNA Library QC Metrics", "DNA Library QC Metrics for CNV"],
            Self::Fusion | Self::Splice => &["RNA Library QC Metrics"],
        }
    }
}

/// What a category holds, without its findings.
struct Nothing {
    empty: bool,
    told: bool,
    fields: Vec<FieldId>,
    genes: Vec<Told<String>>,
}

fn nothing<T>(category: &Category<T>) -> Nothing {
    Nothing { empty: category.findings.is_empty(), told: category.told, fields: category.nothing.clone(), genes: category.genes.clone() }
}

impl Writer<'_> {
    /// Adds the component that tells the kind of change.
    pub(super) fn add_category(&mut self, told: &mut Observation, kind: Kind) {
        let (code, display) = kind.code();
        told.add_own(self.account, "change-category", "Category of change", "valueCodeableConcept", concept(TSO500, code, display), &[]);
    }

    /// Adds one Observation for each kind in which nothing is reported.
    pub(super) fn negatives(&mut self) {
        let findings = self.findings;
        self.negative(Kind::SmallVariant, nothing(&findings.small_variants));
        self.negative(Kind::CopyNumber, nothing(&findings.copy_numbers));
        // LocalApp does not look for these, and DRAGEN need not.
        if findings.rearrangements.told {
            self.negative(Kind::LargeRearrangement, nothing(&findings.rearrangements));
        }
        self.negative(Kind::Fusion, nothing(&findings.fusions));
        self.negative(Kind::Splice, nothing(&findings.splices));
    }

    fn negative(&mut self, kind: Kind, category: Nothing) {
        if !category.empty {
            return;
        }
        let of = kind.nucleic_acid();
        let analysed = self.findings.run_of(of).is_some();
        let mut told = Observation::variant(self, &format!("none|{}", kind.code().0), of);
        let quality = &self.findings.quality;
        let failures = quality.failures(kind.panels());
        let (element, value, note) = if !analysed {
            let acid = if of == NucleicAcid::Rna { "RNA" } else { "DNA" };
            (
                "dataAbsentReason",
                concept(ABSENT_REASON, "not-performed", "Not Performed"),
                format!("Not analysed: no {acid} sample was run."),
            )
        } else if !category.told {
            ("dataAbsentReason", concept(ABSENT_REASON, "unknown", "Unknown"), "Not reported: the file has no section for it.".to_owned())
        } else if let Some(steps) = quality.incomplete() {
            (
                "valueCodeableConcept",
                concept(LOINC, "LA18198-4", "No call"),
                format!("None reported, but the pipeline is not complete: {steps}."),
            )
        } else if !failures.is_empty() {
            let text = format!("None reported, but quality is outside the guideline: {}.", failures.join(", "));
            ("valueCodeableConcept", concept(LOINC, "LA11884-6", "Indeterminate"), text)
        } else {
            ("valueCodeableConcept", concept(LOINC, "LA9634-2", "Absent"), "Analysed; none reported by the pipeline.".to_owned())
        };
        told.set_from(self.account, element, value, &category.fields);
        for gene in &category.genes {
            told.add(self.account, super::observation::GENE, "valueCodeableConcept", super::code::gene(&gene.value), &[gene.field]);
        }
        self.add_category(&mut told, kind);
        told.note(self.account, &note, &[]);
        self.result(told);
    }
}
