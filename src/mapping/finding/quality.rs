//! Quality of libraries and runs: metrics with the guidelines that the file itself tells.

use super::{Number, Told};
use crate::mapping::ledger::FieldId;

/// What a section of metrics is about.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub(crate) enum Subject {
    /// The sequencing run.
    Run,
    /// The DNA library.
    Dna,
    /// The RNA library.
    Rna,
}

/// A metric of one sample, or of the run.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Metric {
    pub(crate) name: Told<String>,
    pub(crate) unit: String,
    /// Lower and upper guideline; `None` inside where the file says NA.
    pub(crate) low: Told<Option<Number>>,
    pub(crate) high: Told<Option<Number>>,
    pub(crate) value: Told<Number>,
}

/// How a metric stands to its guideline.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Verdict {
    /// No guideline.
    Unjudged,
    Within,
    Below,
    Above,
}

impl Metric {
    pub(crate) fn verdict(&self) -> Verdict {
        match (&self.low.value, &self.high.value) {
            (None, None) => Verdict::Unjudged,
            (Some(low), _) if self.value.value.is_below(low.text()) => Verdict::Below,
            (_, Some(high)) if self.value.value.is_above(high.text()) => Verdict::Above,
            _ => Verdict::Within,
        }
    }

    pub(crate) fn fails(&self) -> bool {
        matches!(self.verdict(), Verdict::Below | Verdict::Above)
    }
}

/// A section of metrics, for our sample.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Panel {
    pub(crate) heading: Told<String>,
    pub(crate) subject: Subject,
    pub(crate) metrics: Vec<Metric>,
}

impl Panel {
    pub(crate) fn fails(&self) -> bool {
        self.metrics.iter().any(Metric::fails)
    }
}

/// Whether the pipeline did all its steps for a sample.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Status {
    /// Name of the column.
    pub(crate) column: Told<String>,
    pub(crate) completed: Told<bool>,
    pub(crate) failed: Option<Told<String>>,
    pub(crate) not_executed: Option<Told<String>>,
}

/// All that metrics files tell about our samples.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(crate) struct Quality {
    /// Numbers of the metrics files among the inputs, and whether samples of others stand in them.
    pub(crate) files: Vec<(usize, bool)>,
    pub(crate) panels: Vec<Panel>,
    pub(crate) statuses: Vec<Status>,
    /// Fields that say when and by what the metrics were written.
    pub(crate) header: Vec<(String, Told<String>)>,
    /// Notes of the file on itself.
    pub(crate) notes: Vec<FieldId>,
}

impl Quality {
    /// Whether a step of the pipeline failed or was left out for our samples.
    pub(crate) fn incomplete(&self) -> Option<String> {
        let status = self.statuses.iter().find(|status| !status.completed.value)?;
        let told = |steps: &Option<Told<String>>| steps.as_ref().map(|told| told.value.clone()).filter(|text| text != "NA");
        let steps: Vec<String> = [("failed", told(&status.failed)), ("not executed", told(&status.not_executed))]
            .into_iter()
            .filter_map(|(what, steps)| steps.map(|steps| format!("{what}: {steps}")))
            .collect();
        Some(if steps.is_empty() { "the pipeline did not complete all steps".to_owned() } else { steps.join("; ") })
    }

    /// The metrics that break their guideline in sections whose heading is one of these.
    pub(crate) fn failures(&self, headings: &[&str]) -> Vec<String> {
        let panels = self.panels.iter().filter(|panel| headings.contains(&panel.heading.value.as_str()));
        panels.flat_map(|panel| panel.metrics.iter().filter(|metric| metric.fails())).map(|metric| metric.name.value.clone()).collect()
    }

    /// The metric of that name about that subject.
    pub(crate) fn metric(&self, subject: Subject, name: &str) -> Option<&Metric> {
        self.panels
            .iter()
            .filter(|panel| panel.subject == subject)
            .flat_map(|panel| &panel.metrics)
            .find(|metric| metric.name.value == name)
    }
}
