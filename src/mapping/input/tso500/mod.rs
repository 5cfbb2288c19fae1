//! The result files of Illumina TruSight Oncology 500: LocalApp (2.2) and DRAGEN (2.x).
//!
//! Both are tab-separated text in sections whose headings stand in square brackets. Lines may be padded with tabs to the
//! widest section or not; a section without results holds the single cell `NA`, or only its column headings.

pub(super) mod combined;
mod detail;
pub(super) mod join;
pub(super) mod metrics;
mod score;
mod section;
mod variant;

use super::Format;
use super::table::{Row, Sheet};

/// The format that a file's first line tells.
pub(super) fn detect(sheet: &Sheet) -> Option<Format> {
    let banner = banner(&sheet.rows)?;
    if !banner.contains("TruSight Oncology 500") {
        None
    } else if banner.ends_with("Combined Variant Output") {
        Some(Format::Tso500Combined)
    } else if banner.ends_with("Metrics Output") {
        Some(Format::Tso500Metrics)
    } else {
        None
    }
}

fn banner(rows: &[Row]) -> Option<&str> {
    Some(&rows.iter().find(|row| !row.is_blank())?.only()?.text)
}

#[cfg(test)]
mod tests;
