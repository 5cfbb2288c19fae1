//! Quality metrics: one Observation per section and sample, a component per metric with the file's own guideline.

use super::Writer;
use super::code::{INTERPRETATION, TSO500, concept, concept_text, plain_quantity};
use super::observation::Observation;
use crate::mapping::finding::quality::{Metric, Panel, Status, Subject, Verdict};
use crate::mapping::inpred::NucleicAcid;
use crate::model::draft::Draft;

impl Writer<'_> {
    /// Adds Observations on the quality of run and libraries.
    pub(super) fn quality(&mut self) {
        let quality = &self.findings.quality;
        let mut seen = std::collections::HashMap::<&str, usize>::new();
        for panel in &quality.panels {
            let count = seen.entry(panel.heading.value.as_str()).or_default();
            *count += 1;
            let key = if *count == 1 { panel.heading.value.clone() } else { format!("{}#{count}", panel.heading.value) };
            self.panel(panel, &key);
        }
        for status in &quality.statuses {
            self.status(status);
        }
    }

    fn add_quality(&mut self, told: Observation) {
        self.qualities.push(told.urn());
        let id = told.id.clone();
        self.put("Observation", id, told.finish());
    }

    fn panel(&mut self, panel: &Panel, key: &str) {
        let of = match panel.subject {
            Subject::Dna => Some(NucleicAcid::Dna),
            Subject::Rna => Some(NucleicAcid::Rna),
            Subject::Run => None,
        };
        let code = concept_text(TSO500, "sequencing-quality", "Sequencing quality", &panel.heading.value);
        let mut told = Observation::new(self, &format!("quality|{key}"), None, code, of);
        told.map(self.account, "code.text", &[panel.heading.field]);
        let judged = panel.metrics.iter().any(|metric| metric.verdict() != Verdict::Unjudged);
        let (code, display, text) = match (judged, panel.fails()) {
            (true, false) => ("within-guideline", "Within guideline", "All metrics with a guideline are within it"),
            (true, true) => ("outside-guideline", "Outside guideline", "A metric is outside its guideline"),
            (false, _) => ("no-guideline", "No guideline", "The file has no guideline for these metrics"),
        };
        told.set("valueCodeableConcept", concept_text(TSO500, code, display, text));
        for metric in &panel.metrics {
            self.metric(metric, &mut told);
        }
        self.add_quality(told);
    }

    fn metric(&mut self, metric: &Metric, told: &mut Observation) {
        let path = |element: &str| format!("component:{}.{element}", metric.name.value);
        told.map(self.account, &path("code"), &[metric.name.field]);
        told.map(self.account, &path("valueQuantity.value"), &[metric.value.field]);
        let mut value = plain_quantity(&metric.value.value);
        if !matches!(metric.unit.as_str(), "" | "NA") {
            value.set("unit", metric.unit.as_str());
        }
        let mut component = Draft::object().with("code", concept(TSO500, &metric.name.value, "")).with("valueQuantity", value);
        let interpretation = match metric.verdict() {
            Verdict::Within => Some(("N", "Normal")),
            Verdict::Below => Some(("L", "Low")),
            Verdict::Above => Some(("H", "High")),
            Verdict::Unjudged => None,
        };
        if let Some((code, display)) = interpretation {
            component.set("interpretation", Draft::array([concept(INTERPRETATION, code, display)]));
        }
        let mut range = Draft::object();
        for (name, bound) in [("low", &metric.low), ("high", &metric.high)] {
            if let Some(bound_value) = &bound.value {
                told.map(self.account, &path(&format!("referenceRange.{name}")), &[bound.field]);
                range.set(name, plain_quantity(bound_value));
            } else {
                told.map(self.account, &path(&format!("referenceRange without {name}")), &[bound.field]);
            }
        }
        if !range.is_empty() {
            component.set("referenceRange", Draft::array([range.with("text", "LSL and USL guideline in the file")]));
        }
        told.push(component);
    }

    fn status(&mut self, status: &Status) {
        let code = concept_text(TSO500, "analysis-status", "Analysis status", "Analysis Status");
        let mut told = Observation::new(self, &format!("status|{}", status.column.value), None, code, None);
        let (code, display) =
            if status.completed.value { ("completed", "Completed all steps") } else { ("incomplete", "Did not complete all steps") };
        told.set_from(self.account, "valueCodeableConcept", concept(TSO500, code, display), &[status.completed.field]);
        told.map(self.account, "component:sample", &[status.column.field]);
        told.add_own(self.account, "sample", "Sample", "valueString", status.column.value.as_str().into(), &[]);
        for (steps, code, display) in
            [(&status.failed, "failed-steps", "Failed steps"), (&status.not_executed, "steps-not-executed", "Steps not executed")]
        {
            let Some(steps) = steps else { continue };
            told.add_own(self.account, code, display, "valueString", steps.value.as_str().into(), &[steps.field]);
        }
        for (key, header) in &self.findings.quality.header {
            told.note(self.account, &format!("{key}: {}", header.value), &[header.field]);
        }
        self.add_quality(told);
    }
}
