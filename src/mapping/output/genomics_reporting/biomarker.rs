//! TMB, MSI and GIS: Observations of the molecular-biomarker profile.
//!
//! Each names the rule by which it was counted, since a second TMB with another rule (InPreD's own) may stand beside it.

use super::Writer;
use super::code::{
    ABSENT_REASON, BIOMARKER_ONTOLOGY, LOINC, NCIT, TBD, TSO500, coding, concept, concept_text, plain_quantity, quantity, reporting,
    text_concept,
};
use super::observation::Observation;
use crate::mapping::finding::biomarker::{Stability, measured};
use crate::mapping::finding::quality::Subject;
use crate::mapping::finding::{Instability, Measured, Microsatellites, MutationalBurden};
use crate::mapping::inpred::NucleicAcid;
use crate::model::draft::Draft;

impl Writer<'_> {
    /// Adds all biomarkers that the files have a section for.
    pub(super) fn biomarkers(&mut self) {
        let findings = self.findings;
        if let Some(burden) = &findings.burden {
            self.burden(burden);
        }
        if let Some(microsatellites) = &findings.microsatellites {
            self.microsatellites(microsatellites);
        }
        if let Some(instability) = &findings.instability {
            self.instability(instability);
        }
    }

    fn biomarker(&mut self, key: &str, code: Draft) -> Observation {
        let mut told = Observation::new(self, key, Some(reporting!("molecular-biomarker")), code, Some(NucleicAcid::Dna));
        let category = concept(BIOMARKER_ONTOLOGY, "molgen", "");
        told.component(self.account, "biomarker-category", concept(TBD, "biomarker-category", ""), "valueCodeableConcept", category, &[]);
        told
    }

    /// Why there is no value: DNA was not analysed, or the pipeline could not tell.
    fn absent(&mut self, told: &mut Observation, value: &Measured) {
        let (code, display, note) = if self.findings.dna().is_none() {
            ("not-performed", "Not Performed", "Not analysed: no DNA sample was run.")
        } else {
            ("unknown", "Unknown", "DNA was analysed, but the pipeline reports NA.")
        };
        told.set_from(self.account, "dataAbsentReason", concept(ABSENT_REASON, code, display), &[value.field]);
        told.note(self.account, note, &[]);
    }

    /// A number beside the score; NA leaves the component out and is told by the score's own absence.
    fn part(
        &mut self,
        told: &mut Observation,
        code: &str,
        display: &str,
        value: &Measured,
        make: impl FnOnce(&crate::mapping::finding::Number) -> Draft,
    ) {
        match measured(value) {
            Some(number) => told.add_own(self.account, code, display, "valueQuantity", make(&number.value), &[number.field]),
            None => {
                let name = concept(TSO500, code, display);
                let reason = concept(ABSENT_REASON, if self.findings.dna().is_none() { "not-performed" } else { "unknown" }, "");
                told.component(self.account, code, name, "dataAbsentReason", reason, &[value.field]);
            }
        }
    }

    fn burden(&mut self, burden: &MutationalBurden) {
        let mut told = self.biomarker("tmb", concept(LOINC, "94076-7", "Mutations/Megabase [# Ratio] in Tumor"));
        let rule = "TMB by Illumina: eligible passing small variants, synonymous ones included, per megabase of coding region with enough coverage";
        told.set("method", concept_text(TSO500, "tmb-illumina", "TMB by Illumina", rule));
        match measured(&burden.total) {
            Some(total) => {
                let value = quantity(&total.value, "mutations per megabase", "1/1000000{Base}");
                told.set_from(self.account, "valueQuantity", value, &[total.field]);
            }
            None => self.absent(&mut told, &burden.total),
        }
        self.part(&mut told, "coding-region-size", "Coding region size", &burden.region, |n| plain_quantity(n).with("unit", "megabases"));
        self.part(&mut told, "eligible-variants", "Number of passing eligible variants", &burden.variants, |n| {
            quantity(n, "variants", "{variants}")
        });
        told.extras(self.account, &burden.extras);
        self.result(told);
    }

    fn microsatellites(&mut self, msi: &Microsatellites) {
        let name = "Microsatellite instability [Interpretation] in Cancer specimen Qualitative";
        let mut told = self.biomarker("msi", concept(LOINC, "81695-9", name));
        let guideline = self.findings.quality.metric(Subject::Dna, "USABLE_MSI_SITES").and_then(|metric| metric.low.value.clone());
        match measured(&msi.percent) {
            Some(percent) => {
                let usable = msi.usable.value.as_ref();
                let value = match self.options.msi.interpret(usable, &percent.value, guideline.as_ref()) {
                    Stability::Stable => concept_text(LOINC, "LA14122-8", "Stable", "Stable"),
                    Stability::Unstable => concept_text(LOINC, "LA26203-2", "MSI-H", "Unstable"),
                    Stability::LikelyUnstable => concept_text(TSO500, "msi-likely-unstable", "Likely unstable", "Likely unstable"),
                    Stability::Inconclusive => {
                        concept_text(TSO500, "msi-inconclusive", "Inconclusive", "Inconclusive: too few usable sites")
                    }
                };
                told.set_from(self.account, "valueCodeableConcept", value, &[percent.field]);
                let rule = self.options.msi.words(guideline.as_ref());
                told.set("method", concept_text(TSO500, "msi-inpred", "MSI by InPreD's rule", &rule));
            }
            None => self.absent(&mut told, &msi.percent),
        }
        self.part(&mut told, "msi-usable-sites", "Usable MSI sites", &msi.usable, |n| quantity(n, "sites", "{sites}"));
        self.part(&mut told, "msi-unstable-sites", "Total MSI sites unstable", &msi.unstable, |n| quantity(n, "sites", "{sites}"));
        self.part(&mut told, "msi-percent-unstable", "Percent unstable MSI sites", &msi.percent, |n| quantity(n, "%", "%"));
        told.extras(self.account, &msi.extras);
        self.result(told);
    }

    fn instability(&mut self, gis: &Instability) {
        let codes = [
            coding(TSO500, "genomic-instability-score", "Genomic instability score"),
            coding(NCIT, "C120465", "Homologous Recombination Repair Deficiency"),
        ];
        let code = Draft::object().with("coding", Draft::array(codes)).with("text", "Genomic instability score (GIS)");
        let mut told = self.biomarker("gis", code);
        told.set(
            "method",
            text_concept("Genomic instability score of DRAGEN TSO500 HRD, as computed by the pipeline; no threshold is applied"),
        );
        match measured(&gis.score) {
            Some(score) => told.set_from(self.account, "valueQuantity", quantity(&score.value, "score", "{score}"), &[score.field]),
            None => self.absent(&mut told, &gis.score),
        }
        if let Some(fraction) = &gis.tumor_fraction {
            self.part(&mut told, "tumor-fraction", "Tumor fraction", fraction, plain_quantity);
        }
        if let Some(ploidy) = &gis.ploidy {
            self.part(&mut told, "ploidy", "Ploidy", ploidy, plain_quantity);
        }
        told.extras(self.account, &gis.extras);
        self.result(told);
    }
}
