//! The preliminary genomic report, which refers to all the rest.
//!
//! Profiles: genomic-report, and national-report of `profiles/national`, which stands on it. It is preliminary until a molecular tumour board has met.

use super::Writer;
use super::code::{ANNOTATION_TYPE, LOINC, REPORT, SECTION, concept, extension, norn, reference, reporting};
use super::observation::tag;
use crate::mapping::bundle::urn;
use crate::mapping::inpred::NucleicAcid;
use crate::model::draft::Draft;

impl Writer<'_> {
    /// The URL of the report.
    pub(super) fn report_url(&self) -> String {
        urn(&self.id("DiagnosticReport", "report"))
    }

    /// Adds the report and its Provenance.
    pub(super) fn report(&mut self) {
        let id = self.id("DiagnosticReport", "report");
        let mut extensions = vec![extension(reporting!("genomic-study-reference"), "valueReference", reference(&self.study))];
        extensions.extend(
            self.qualities
                .iter()
                .map(|url| extension("http://hl7.org/fhir/StructureDefinition/workflow-supportingInfo", "valueReference", reference(url))),
        );
        extensions.extend(self.disclaimers(&id));
        let specimens = [NucleicAcid::Dna, NucleicAcid::Rna].into_iter().filter_map(|of| self.specimen(of)).map(|url| reference(&url));
        let issued = self.findings.runs.first().map(crate::mapping::finding::Run::instant);
        let report = Draft::object()
            .with("resourceType", "DiagnosticReport")
            .with("id", id.as_str())
            .with("meta", Draft::object().with("profile", self.report_profiles()).with("tag", Draft::array([tag()])))
            .with("extension", Draft::Array(extensions))
            .with("identifier", Draft::array([Draft::object().with("system", REPORT).with("value", self.key.as_str())]))
            .with("basedOn", Draft::array([reference(&self.order_url())]))
            .with("status", "preliminary")
            .with("category", Draft::array([concept(SECTION, "GE", "Genetics")]))
            .with("code", concept(LOINC, "51969-4", "Genetic analysis report"))
            .with("subject", reference(&self.patient))
            .with("effectiveDateTime", self.effective())
            .with_some("issued", issued)
            .with("specimen", Draft::array(specimens))
            .with("result", Draft::array(self.results.iter().map(|url| reference(url))));
        self.put("DiagnosticReport", id, report);
        self.provenance();
    }

    /// What the report claims. The national profile wants a patient whose numbers tell their system, so that they mean one person.
    fn report_profiles(&self) -> Draft {
        let named = self.requisition.patient_identifier.as_ref().is_none_or(|told| told.value.system.is_some());
        Draft::array([reporting!("genomic-report")].into_iter().chain(named.then_some(norn!("national-report"))))
    }

    /// The files' own word on what their results may be used for.
    fn disclaimers(&mut self, id: &str) -> Vec<Draft> {
        let mut notes: Vec<(String, Draft)> = Vec::new();
        for told in self.findings.runs.iter().filter_map(|run| run.disclaimer.as_ref()) {
            self.account.carried(told.field, &format!("DiagnosticReport/{id}.extension:coded-note.valueAnnotation.text"));
            if notes.iter().any(|(text, _)| *text == told.value) {
                continue;
            }
            let kind = extension(
                reporting!("annotation-code"),
                "valueCodeableConcept",
                concept(ANNOTATION_TYPE, "test-disclaimer", "Test Disclaimer"),
            );
            let annotation = Draft::object().with("extension", Draft::array([kind])).with("text", told.value.as_str());
            notes.push((told.value.clone(), extension(reporting!("genomic-report-note"), "valueAnnotation", annotation)));
        }
        notes.into_iter().map(|(_, note)| note).collect()
    }
}
