//! The formats that can be read, and which of them a file is in.

pub(super) mod number;
pub(super) mod table;
mod tso500;

use super::finding::Findings;
use super::ledger::Account;
use super::place::{Problems, SourceFile};

/// A format.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Format {
    /// Either file of a TruSight Oncology 500 run; its first line tells which.
    Tso500,
    /// `CombinedVariantOutput.tsv` of TruSight Oncology 500: LocalApp or DRAGEN.
    Tso500Combined,
    /// `MetricsOutput.tsv` of TruSight Oncology 500: LocalApp or DRAGEN.
    Tso500Metrics,
}

impl Format {
    /// All formats.
    pub const ALL: [Self; 3] = [Self::Tso500, Self::Tso500Combined, Self::Tso500Metrics];

    /// The name by which the command line calls it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Tso500 => "tso500",
            Self::Tso500Combined => "tso500-combined",
            Self::Tso500Metrics => "tso500-metrics",
        }
    }

    /// The format of that name.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|format| format.name() == name)
    }
}

/// Reads all files of one patient's analysis. `None` if something was refused.
pub(super) fn read(files: &[SourceFile], from: Option<Format>, account: &mut Account, problems: &mut Problems) -> Option<Findings> {
    let from = from.filter(|format| *format != Format::Tso500);
    let (mut combined, mut metrics) = (Vec::new(), Vec::new());
    for (index, file) in files.iter().enumerate() {
        let mut input = table::Input { index, file, account, problems };
        let Some(sheet) = table::read(&mut input) else { continue };
        match from.or_else(|| tso500::detect(&sheet)) {
            Some(Format::Tso500Metrics) => metrics.extend(tso500::metrics::read(&sheet, &mut input).map(|sheet| (index, sheet))),
            Some(_) => combined.extend(tso500::combined::read(&sheet, &mut input)),
            None => {
                let first = sheet.rows.first().map_or((1, 1), |row| (row.number, 1));
                input.problems.refuse(
                    &file.name,
                    first.0,
                    first.1,
                    "this is not a TruSight Oncology 500 file: its first line is neither that of a CombinedVariantOutput.tsv nor that of a MetricsOutput.tsv",
                );
            }
        }
    }
    if !problems.refusals.is_empty() {
        return None;
    }
    let findings = tso500::join::join(combined, files, problems)?;
    tso500::join::with_metrics(findings, metrics, files, account, problems)
}
