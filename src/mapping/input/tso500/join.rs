//! The files of one patient become one set of findings: DNA and RNA may come in two files, metrics in further ones.

use super::metrics::{Line, Metrics, Panel};
use crate::mapping::finding::quality::{Metric, Panel as Judged, Status, Subject, Verdict};
use crate::mapping::finding::{Findings, Told};
use crate::mapping::input::number::{self, Kind};
use crate::mapping::input::table::{Cell, Input};
use crate::mapping::ledger::Account;
use crate::mapping::moment::{Date, Time};
use crate::mapping::place::{Problems, SourceFile};

const OTHERS: &str = "belongs to another sample of the run";

/// Joins the findings of DNA and RNA files of one patient.
pub(in crate::mapping::input) fn join(files: Vec<Findings>, sources: &[SourceFile], problems: &mut Problems) -> Option<Findings> {
    let mut files = files.into_iter();
    let Some(mut all) = files.next() else {
        if let Some(source) = sources.first() {
            let message = "a MetricsOutput.tsv alone tells nothing about a patient; give the sample's CombinedVariantOutput.tsv with it";
            problems.refuse(&source.name, 0, 0, message);
        }
        return None;
    };
    for other in files {
        let name = other.runs.first().and_then(|run| sources.get(run.file)).map_or("", |source| source.name.as_str()).to_owned();
        let patients = (all.sample().map(|sample| sample.patient().to_owned()), other.sample().map(|sample| sample.patient().to_owned()));
        if let (Some(first), Some(second)) = &patients
            && first != second
        {
            problems.refuse(
                &name,
                0,
                0,
                format!("the file is of patient {second}, the one before of patient {first}; convert them one at a time"),
            );
            return None;
        }
        if (all.dna().is_some() && other.dna().is_some()) || (all.rna().is_some() && other.rna().is_some()) {
            problems.refuse(&name, 0, 0, "two files have results of the same kind of sample; convert them one at a time");
            return None;
        }
        all.join(other);
    }
    Some(all)
}

/// Adds what metrics files tell about the samples of the findings.
pub(in crate::mapping::input) fn with_metrics(
    mut findings: Findings,
    metrics: Vec<(usize, Metrics)>,
    sources: &[SourceFile],
    account: &mut Account,
    problems: &mut Problems,
) -> Option<Findings> {
    let ours = our_columns(&findings);
    for (index, metrics) in metrics {
        let Some(file) = sources.get(index) else { continue };
        add(&mut findings, &metrics, &ours, &mut Input { index, file, account, problems });
    }
    problems.refusals.is_empty().then_some(findings)
}

/// The names under which our samples may stand: nodes name columns after the pair, or after a sample.
fn our_columns(findings: &Findings) -> Vec<String> {
    let mut ours = Vec::new();
    for run in &findings.runs {
        let samples = [&run.dna, &run.rna].into_iter().flatten().map(|told| told.value.text());
        for name in run.pair.iter().map(|told| told.value.as_str()).chain(samples) {
            let bare = name.strip_suffix("_P").unwrap_or(name);
            ours.extend([bare.to_owned(), format!("{bare}_P")]);
        }
    }
    ours
}

fn add(findings: &mut Findings, metrics: &Metrics, ours: &[String], input: &mut Input<'_>) {
    let is_ours = |cell: &Cell| ours.contains(&cell.text);
    if !metrics.status_samples.iter().any(is_ours) && !metrics.panels.iter().any(|panel| panel.samples.iter().any(is_ours)) {
        let sample = findings.sample().map_or("", |sample| sample.text());
        input.refuse(&metrics.status_heading, format!("no column is of sample {sample} or its pair: the metrics are of another run"));
        return;
    }
    let shared = metrics.status_samples.iter().any(|cell| !is_ours(cell));
    findings.quality.files.push((input.index, shared));
    read_header(findings, metrics, input);
    findings.quality.notes.extend(metrics.notes.iter().map(|cell| cell.field));
    for cell in metrics.status_samples.iter().filter(|cell| !is_ours(cell)) {
        input.account.refused(cell.field, OTHERS);
    }
    for (at, column) in metrics.status_samples.iter().enumerate() {
        if is_ours(column) {
            findings.quality.statuses.extend(read_status(&metrics.status, at, column, input));
        } else {
            for cell in metrics.status.iter().filter_map(|line| line.values.get(at)) {
                input.account.refused(cell.field, OTHERS);
            }
        }
    }
    for panel in &metrics.panels {
        findings.quality.panels.extend(judge(panel, &is_ours, input));
    }
}

fn read_header(findings: &mut Findings, metrics: &Metrics, input: &mut Input<'_>) {
    for (key, cell) in &metrics.header {
        let good = match key.as_str() {
            _ if cell.text == "NA" => true,
            "Output Date" => Date::read(&cell.text).is_some(),
            "Output Time" => Time::read(&cell.text).is_some(),
            _ => true,
        };
        if !good {
            input.refuse(
                cell,
                format!(
                    "'{}' is no {}",
                    cell.text,
                    if key == "Output Date" { "date as 2021-02-24, 24.02.2021 or 24/02/2021" } else { "time of day as 09:46:53" }
                ),
            );
        }
        if key == "Output Date" && Date::is_ambiguous(&cell.text) {
            input.warn(cell, format!("'{}' is read as day, month, year", cell.text));
        }
        findings.quality.header.push((key.clone(), Told { value: cell.text.clone(), field: cell.field }));
    }
}

fn read_status(lines: &[Line], at: usize, column: &Cell, input: &mut Input<'_>) -> Option<Status> {
    let cell = |name: &str| lines.iter().find(|line| line.name.text == name).and_then(|line| line.values.get(at));
    let told = |cell: &Cell| Told { value: cell.text.clone(), field: cell.field };
    let Some(done) = cell("COMPLETED_ALL_STEPS") else {
        input.refuse(column, "[Analysis Status] does not tell COMPLETED_ALL_STEPS for this sample");
        return None;
    };
    let completed = match done.text.as_str() {
        "TRUE" => true,
        "FALSE" => false,
        _ => {
            input.refuse(done, format!("'{}' is neither TRUE nor FALSE", done.text));
            return None;
        }
    };
    if !completed {
        input.warn(done, format!("the pipeline did not complete all steps for {}; what it did not find is told as no call", column.text));
    }
    Some(Status {
        column: told(column),
        completed: Told { value: completed, field: done.field },
        failed: cell("FAILED_STEPS").map(told),
        not_executed: cell("STEPS_NOT_EXECUTED").map(told),
    })
}

/// The metrics of a section for our sample; cells of other samples are put down as such.
fn judge(panel: &Panel, is_ours: &impl Fn(&Cell) -> bool, input: &mut Input<'_>) -> Option<Judged> {
    let run = panel.subject == Subject::Run;
    let mut metrics = Vec::new();
    for sample in panel.samples.iter().filter(|sample| !run && !is_ours(sample)) {
        input.account.refused(sample.field, OTHERS);
    }
    for line in &panel.lines {
        let mut own = None;
        for (sample, cell) in panel.samples.iter().zip(&line.values) {
            if !run && !is_ours(sample) {
                input.account.refused(cell.field, OTHERS);
            } else if cell.text != "NA" && own.replace(cell).is_some() {
                input.refuse(cell, format!("two columns of this patient tell {}", line.name.text));
            }
        }
        let Some(cell) = own else { continue };
        let (Some(low), Some(high)) = (&line.low, &line.high) else { continue };
        let value = number::read(cell, Kind::Any, input);
        let (low, high) = (number::read_measured(low, Kind::Any, input), number::read_measured(high, Kind::Any, input));
        let (Some(value), Some(low), Some(high)) = (value, low, high) else { continue };
        let (name, unit) = name_and_unit(&line.name.text);
        let metric = Metric { name: Told { value: name.to_owned(), field: line.name.field }, unit: unit.to_owned(), low, high, value };
        let side = match metric.verdict() {
            Verdict::Below => Some(("below", &metric.low)),
            Verdict::Above => Some(("above", &metric.high)),
            _ => None,
        };
        if let Some((side, Told { value: Some(limit), .. })) = side {
            input.warn(cell, format!("{} in [{}] is {}, {side} the guideline {}", metric.name.value, panel.name, cell.text, limit.text()));
        }
        metrics.push(metric);
    }
    let heading = Told { value: panel.name.clone(), field: panel.heading.field };
    (!metrics.is_empty()).then_some(Judged { heading, subject: panel.subject, metrics })
}

/// `MEDIAN_INSERT_SIZE (bp)` is a name and a unit.
fn name_and_unit(text: &str) -> (&str, &str) {
    text.strip_suffix(')').and_then(|text| text.split_once(" (")).unwrap_or((text, ""))
}
