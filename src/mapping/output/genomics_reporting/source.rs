//! The source files word for word (Binary, DocumentReference), and who made what from them (Provenance).

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use super::Writer;
use super::code::{CONFIDENTIALITY, OPERATION, PARTICIPANT, SNOMED, TSO500, concept, concept_text, reference, reporting, text_concept};
use super::observation::tag;
use crate::mapping::bundle::{derived_id, urn};
use crate::model::draft::Draft;

/// Version of the rules of this mapping. It is part of the Device that assembled the resources.
const MAPPING_VERSION: &str = "1";

impl Writer<'_> {
    /// The URL of the DocumentReference of an input file.
    pub(super) fn document_url(&self, index: usize) -> String {
        urn(&self.id("DocumentReference", &self.role(index)))
    }

    /// Whether samples of other patients stand in a file, so that it belongs to no single patient's record.
    fn is_shared(&self, index: usize) -> bool {
        self.findings.quality.files.iter().any(|(file, shared)| *file == index && *shared)
    }

    /// Adds each file as Binary and DocumentReference, and the Provenance.
    pub(super) fn sources(&mut self) {
        for (index, file) in self.files.iter().enumerate() {
            let (id, binary) = (self.id("DocumentReference", &self.role(index)), self.binary(index));
            let combined = self.findings.runs.iter().any(|run| run.file == index);
            let attachment = Draft::object()
                .with("contentType", "text/tab-separated-values")
                .with("url", format!("Binary/{binary}"))
                .with("size", u64::try_from(file.bytes.len()).unwrap_or(u64::MAX))
                .with("title", file.title());
            let mut document = Draft::object()
                .with("resourceType", "DocumentReference")
                .with("id", id.as_str())
                .with(
                    "meta",
                    Draft::object().with("profile", Draft::array([reporting!("genomic-data-file")])).with("tag", Draft::array([tag()])),
                )
                .with("status", "current")
                .with("docStatus", "final")
                .with("type", file_type(combined));
            // A file of a whole run names other patients' samples: no patient's record holds it.
            if !self.is_shared(index) {
                document.set("subject", reference(&self.patient));
            }
            document.set(
                "description",
                if combined {
                    "Combined variant output, as the pipeline wrote it"
                } else {
                    "Metrics of the run, as the pipeline wrote them"
                },
            );
            document.set("securityLabel", Draft::array([concept(CONFIDENTIALITY, "R", "restricted")]));
            document.set("content", Draft::array([Draft::object().with("attachment", attachment)]));
            if !self.is_shared(index) {
                document.set("context", Draft::object().with("related", Draft::array([reference(&self.report_url())])));
            }
            let bytes = Draft::object()
                .with("resourceType", "Binary")
                .with("id", binary.as_str())
                .with("contentType", "text/tab-separated-values")
                .with("securityContext", reference(&urn(&id)))
                .with("data", STANDARD.encode(&file.bytes));
            self.put("Binary", binary, bytes);
            self.put("DocumentReference", id, document);
        }
    }

    /// Adds the Provenance of all that was found, and the Device that stands for this mapping.
    pub(super) fn provenance(&mut self) {
        let device = derived_id("Device", &format!("norn|tso500|{MAPPING_VERSION}"));
        let mapping = Draft::object()
            .with("resourceType", "Device")
            .with("id", device.as_str())
            .with("meta", Draft::object().with("tag", Draft::array([tag()])))
            .with("status", "active")
            .with(
                "deviceName",
                Draft::array([Draft::object()
                    .with("name", "Norn mapping of TSO500 to Genomics Reporting")
                    .with("type", "user-friendly-name")]),
            )
            .with("type", concept(SNOMED, "706687001", "Software"))
            .with("version", Draft::array([Draft::object().with("type", text_concept("mapping")).with("value", MAPPING_VERSION)]));
        self.put("Device", device.clone(), mapping);
        let Some(run) = self.findings.runs.first() else { return };
        let agent = |role: &str, display: &str, url: &str| {
            Draft::object().with("type", concept(PARTICIPANT, role, display)).with("who", reference(url))
        };
        let mut agents: Vec<Draft> = Vec::new();
        for run in &self.findings.runs {
            agents.push(agent("performer", "Performer", &self.pipeline(run)));
        }
        agents.push(agent("assembler", "Assembler", &urn(&device)));
        let report = self.report_url();
        let targets = std::iter::once(&report).chain(&self.results).chain(&self.qualities).map(|url| reference(url));
        let entities =
            (0..self.files.len()).map(|index| Draft::object().with("role", "source").with("what", reference(&self.document_url(index))));
        let id = self.id("Provenance", "mapping");
        let provenance = Draft::object()
            .with("resourceType", "Provenance")
            .with("id", id.as_str())
            .with("meta", Draft::object().with("tag", Draft::array([tag()])))
            .with("target", Draft::array(targets))
            .with("occurredDateTime", run.instant())
            .with("recorded", run.instant())
            .with("activity", concept(OPERATION, "CREATE", "create"))
            .with("agent", Draft::Array(agents))
            .with("entity", Draft::array(entities));
        self.put("Provenance", id, provenance);
    }
}

fn file_type(combined: bool) -> Draft {
    if combined {
        concept_text(TSO500, "combined-variant-output", "Combined variant output", "TSO500 CombinedVariantOutput.tsv")
    } else {
        concept_text(TSO500, "metrics-output", "Metrics output", "TSO500 MetricsOutput.tsv")
    }
}
