//! `CombinedVariantOutput.tsv`: details, scores and findings of one sample or pair.
//!
//! Shapes: LocalApp ruo-2.2.0.12 and DRAGEN TSO500 2.6.2. Positions are on GRCh37, with `chr` before the chromosome.

use super::section::{self, Section};
use super::{detail, score, variant};
use crate::mapping::finding::{Findings, Pipeline, Run};
use crate::mapping::input::table::{Cell, Input, Sheet};

const CNV: [&str; 2] = ["Gene Amplifications", "Copy Number Variants"];

/// Sections without which the file is not whole; the last one tells that it was not cut off.
const NEEDED: [&str; 6] = ["Analysis Details", "TMB", "MSI", "Splice Variants", "Fusions", "Small Variants"];

/// Reads the file. `None` if something was refused.
pub(in crate::mapping::input) fn read(sheet: &Sheet, input: &mut Input<'_>) -> Option<Findings> {
    let before = input.problems.refusals.len();
    let (preamble, sections) = section::split(sheet, input);
    let find = |name: &str| sections.iter().find(|section| section.name == name);
    let last_row = sheet.rows.iter().rev().find(|row| !row.is_blank()).map_or(1, |row| row.number);
    let dragen = super::banner(&sheet.rows).is_some_and(|banner| banner.starts_with("DRAGEN"));
    for name in NEEDED.iter().filter(|name| find(name).is_none()) {
        // Seen in DRAGEN files that end with this section; it is told as "not reported", never as "nothing found".
        if *name == "Small Variants" && dragen && find("Large Rearrangements").is_some() {
            input.problems.warn(
                &input.file.name,
                last_row,
                0,
                "the file has no section [Small Variants]; small variants are told as not reported",
            );
        } else {
            input.refuse_at(
                last_row,
                1,
                format!("the file ends here without the section [{name}]: it is cut off or not a CombinedVariantOutput.tsv"),
            );
        }
    }
    if !CNV.iter().any(|name| find(name).is_some()) {
        input.refuse_at(
            last_row,
            1,
            "the file ends here without the section [Gene Amplifications] or [Copy Number Variants]: it is cut off",
        );
    }
    let pipeline = if dragen { Pipeline::Dragen } else { Pipeline::LocalApp };
    let mut run = detail::read(&preamble, find("Analysis Details")?, pipeline, input)?;
    if let Some(section) = find("Sequencing Run Details") {
        run.sequencing = detail::extras(section.pairs(input));
    }
    let mut findings = Findings::of(run);
    for section in &sections {
        read_section(section, &mut findings, input);
    }
    check_samples(&sections, &findings, input);
    if !sheet.ends_with_line_break {
        let data = sections.last().and_then(|section| section.rows.last().filter(|row| section.rows.len() > 1 && row.only().is_none()));
        if let Some(cell) = data.and_then(|row| row.filled().last()).cloned() {
            input.warn(&cell, "the last row has no line break at its end; make sure that the file is whole");
        }
    }
    (input.problems.refusals.len() == before).then_some(findings)
}

fn read_section(section: &Section<'_>, findings: &mut Findings, input: &mut Input<'_>) {
    match section.name {
        "Analysis Details" | "Sequencing Run Details" => {}
        "TMB" => findings.burden = score::burden(section, input),
        "MSI" => findings.microsatellites = score::microsatellites(section, input),
        "GIS" => findings.instability = score::instability(section, input),
        "Gene Amplifications" => findings.copy_numbers = variant::amplifications(section, input),
        "Copy Number Variants" => findings.copy_numbers = variant::copy_numbers(section, input),
        "Splice Variants" => findings.splices = variant::splices(section, input),
        "Fusions" => findings.fusions = variant::fusions(section, input),
        "Large Rearrangements" => findings.rearrangements = variant::rearrangements(section, input),
        "Small Variants" => findings.small_variants = variant::small_variants(section, input),
        _ => input.warn(
            section.heading,
            format!("{} is not known to Norn; it is kept in the source file and not interpreted", section.heading.text),
        ),
    }
}

/// Findings need a sample in which they were found.
fn check_samples(sections: &[Section<'_>], findings: &Findings, input: &mut Input<'_>) {
    let Some(run) = findings.runs.first() else { return };
    let mut check = |sample: bool, filled: bool, name: &str, what: &str| {
        let heading: Option<&Cell> = sections.iter().find(|section| section.name == name).map(|section| section.heading);
        if let (false, true, Some(heading)) = (sample, filled, heading) {
            input.refuse(heading, format!("[{name}] holds results, but [Analysis Details] has no {what} Sample ID"));
        }
    };
    let Run { dna, rna, .. } = run;
    let (dna, rna) = (dna.is_some(), rna.is_some());
    let scored = |value: Option<bool>| value.unwrap_or(false);
    check(dna, scored(findings.burden.as_ref().map(|b| b.total.value.is_some())), "TMB", "DNA");
    check(dna, scored(findings.microsatellites.as_ref().map(|m| m.percent.value.is_some())), "MSI", "DNA");
    check(dna, scored(findings.instability.as_ref().map(|i| i.score.value.is_some())), "GIS", "DNA");
    check(dna, !findings.small_variants.findings.is_empty(), "Small Variants", "DNA");
    for name in CNV {
        check(dna, !findings.copy_numbers.findings.is_empty(), name, "DNA");
    }
    check(dna, !findings.rearrangements.findings.is_empty(), "Large Rearrangements", "DNA");
    check(rna, !findings.splices.findings.is_empty(), "Splice Variants", "RNA");
    check(rna, !findings.fusions.findings.is_empty(), "Fusions", "RNA");
}
