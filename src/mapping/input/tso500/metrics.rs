//! `MetricsOutput.tsv`: quality of a whole run, one column per sample.
//!
//! The guidelines (LSL, USL) stand in the file and differ between versions of the software; metric names repeat between
//! DNA and RNA sections. In `[Analysis Status]` the samples begin in the second column, elsewhere in the fourth.

use super::section::{self, Section};
use crate::mapping::finding::quality::Subject;
use crate::mapping::input::table::{Cell, Input, Row, Sheet};

/// A metric and its values, by index of the column.
#[derive(Clone, Debug)]
pub(in crate::mapping::input) struct Line {
    pub(super) name: Cell,
    pub(super) low: Option<Cell>,
    pub(super) high: Option<Cell>,
    pub(super) values: Vec<Cell>,
}

/// A section of metrics.
#[derive(Clone, Debug)]
pub(in crate::mapping::input) struct Panel {
    pub(super) heading: Cell,
    pub(super) name: String,
    pub(super) subject: Subject,
    pub(super) samples: Vec<Cell>,
    pub(super) lines: Vec<Line>,
}

/// The whole file.
#[derive(Clone, Debug)]
pub(in crate::mapping::input) struct Metrics {
    pub(super) header: Vec<(String, Cell)>,
    pub(super) status_heading: Cell,
    pub(super) status_samples: Vec<Cell>,
    pub(super) status: Vec<Line>,
    pub(super) panels: Vec<Panel>,
    pub(super) notes: Vec<Cell>,
}

const GUIDED: [&str; 3] = ["Metric (UOM)", "LSL Guideline", "USL Guideline"];

/// Reads the file. `None` if something was refused.
pub(in crate::mapping::input) fn read(sheet: &Sheet, input: &mut Input<'_>) -> Option<Metrics> {
    let before = input.problems.refusals.len();
    let (_, sections) = section::split(sheet, input);
    let last_row = sheet.rows.iter().rev().find(|row| !row.is_blank()).map_or(1, |row| row.number);
    for name in ["Header", "Run QC Metrics", "Analysis Status", "Notes"] {
        if !sections.iter().any(|section| section.name == name) {
            input.refuse_at(
                last_row,
                1,
                format!("the file ends here without the section [{name}]: it is cut off or not a MetricsOutput.tsv"),
            );
        }
    }
    if !sections.iter().any(|section| matches!(subject(section.name), Some(Subject::Dna | Subject::Rna))) {
        input.refuse_at(last_row, 1, "the file ends here without metrics of DNA or RNA libraries: it is cut off");
    }
    let status = sections.iter().find(|section| section.name == "Analysis Status")?;
    let (status_samples, status_lines) = read_status(status, input);
    let mut metrics = Metrics {
        header: Vec::new(),
        status_heading: status.heading.clone(),
        status_samples,
        status: status_lines,
        panels: Vec::new(),
        notes: Vec::new(),
    };
    for section in &sections {
        match (section.name, subject(section.name)) {
            ("Header", _) => {
                let pairs = section.pairs(input);
                metrics.header = pairs.into_iter().filter_map(|(key, value)| Some((key.text.clone(), value?.clone()))).collect();
            }
            ("Analysis Status", _) => {}
            ("Notes", _) => metrics.notes = section.rows.iter().flat_map(|row| row.filled()).cloned().collect(),
            (_, Some(subject)) => metrics.panels.extend(read_panel(section, subject, input)),
            _ => {
                let message = format!("{} is not known to Norn; it is kept in the source file and not interpreted", section.heading.text);
                input.warn(section.heading, message);
            }
        }
    }
    (input.problems.refusals.len() == before).then_some(metrics)
}

fn subject(section: &str) -> Option<Subject> {
    if section == "Run QC Metrics" {
        Some(Subject::Run)
    } else if !section.ends_with("Metrics") && !section.contains("QC Metrics for") {
        None
    } else if section.starts_with("DNA ") {
        Some(Subject::Dna)
    } else if section.starts_with("RNA ") {
        Some(Subject::Rna)
    } else {
        None
    }
}

/// The header of the status table has an empty first cell; its rows begin with what they tell.
fn read_status(section: &Section<'_>, input: &mut Input<'_>) -> (Vec<Cell>, Vec<Line>) {
    let Some((head, rows)) = section.rows.split_first() else {
        input.refuse(section.heading, "[Analysis Status] is empty: the file is cut off or damaged");
        return (Vec::new(), Vec::new());
    };
    if let Some(first) = head.cell(0) {
        input.refuse(first, "the first cell of the samples' row in [Analysis Status] should be empty; the file is damaged");
    }
    let samples = names(head, 1, input);
    let lines = rows.iter().filter_map(|row| read_line(row, 1, samples.len(), input)).collect();
    (samples, lines)
}

fn read_panel(section: &Section<'_>, subject: Subject, input: &mut Input<'_>) -> Option<Panel> {
    let Some((head, rows)) = section.rows.split_first() else {
        input.refuse(section.heading, format!("[{}] is empty: the file is cut off or damaged", section.name));
        return None;
    };
    for (index, wanted) in GUIDED.iter().enumerate() {
        if head.cell(index).is_none_or(|cell| cell.text != *wanted) {
            input.refuse_at(head.number, index + 1, format!("'{wanted}' should stand here; the file is damaged or of another version"));
            return None;
        }
    }
    let samples = names(head, 3, input);
    let mut lines: Vec<Line> = Vec::new();
    for row in rows {
        let Some(line) = read_line(row, 3, samples.len(), input) else { continue };
        if lines.iter().any(|known| known.name.text == line.name.text) {
            input.refuse(&line.name, format!("{} stands here again in [{}]", line.name.text, section.name));
        }
        lines.push(line);
    }
    Some(Panel { heading: section.heading.clone(), name: section.name.to_owned(), subject, samples, lines })
}

/// The names of the samples, from a column on; no name is missing between two or comes twice.
fn names(head: &Row, from: usize, input: &mut Input<'_>) -> Vec<Cell> {
    let mut names: Vec<Cell> = Vec::new();
    for cell in head.cells.iter().skip(from).flatten() {
        if cell.column != from + names.len() + 1 {
            input.refuse_at(head.number, from + names.len() + 1, "the name of a sample is missing here: the columns have shifted");
            return names;
        }
        if names.iter().any(|known| known.text == cell.text) {
            input.refuse(cell, format!("the sample '{}' has two columns", cell.text));
        }
        input.account.name(cell.field, "sample");
        names.push(cell.clone());
    }
    if names.is_empty() {
        input.refuse_at(head.number, from + 1, "no sample is named here");
    }
    names
}

/// A row of values, from a column on, one for each sample.
fn read_line(row: &Row, from: usize, samples: usize, input: &mut Input<'_>) -> Option<Line> {
    let Some(name) = row.cell(0) else {
        input.refuse_at(row.number, 1, "the name of a metric is missing here");
        return None;
    };
    for cell in row.cells.iter().skip(1).flatten() {
        input.account.name(cell.field, &name.text);
    }
    let values: Vec<Cell> = row.cells.iter().skip(from).take(samples).flatten().cloned().collect();
    if values.len() < samples {
        let at = (from..from + samples).find(|index| row.cell(*index).is_none()).unwrap_or(from);
        input.refuse_at(
            row.number,
            at + 1,
            format!("the value of {} is missing here: the row is cut off or its columns have shifted", name.text),
        );
        return None;
    }
    if let Some(extra) = row.cells.iter().skip(from + samples).flatten().next() {
        input.refuse(extra, format!("{} has more values than there are samples: the columns have shifted", name.text));
        return None;
    }
    let guideline = |index| if from == 3 { row.cell(index).cloned() } else { None };
    let (low, high) = (guideline(1), guideline(2));
    if from == 3 && (low.is_none() || high.is_none()) {
        input.refuse_at(
            row.number,
            if low.is_none() { 2 } else { 3 },
            format!("the guideline of {} is missing here; none is written NA", name.text),
        );
        return None;
    }
    Some(Line { name: name.clone(), low, high, values })
}
