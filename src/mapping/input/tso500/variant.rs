//! The tables of findings.

use super::section::{Section, Table};
use crate::genome::hgvs::{self, Level};
use crate::genome::{Allele, Assembly, Chromosome, consequence, gene};
use crate::mapping::finding::variant::{Breakpoint, Direction, Notation, Partners};
use crate::mapping::finding::{Category, CopyNumber, Extra, Fusion, Rearrangement, SmallVariant, Splice, Told};
use crate::mapping::input::number::{self, Kind};
use crate::mapping::input::table::{Cell, Input, Row};

const SMALL: [&str; 11] = [
    "Gene",
    "Chromosome",
    "Genomic Position",
    "Reference Call",
    "Alternative Call",
    "Allele Frequency",
    "Depth",
    "P-Dot Notation",
    "C-Dot Notation",
    "Consequence(s)",
    "Affected Exon(s)",
];
const SPLICE: [&str; 6] =
    ["Gene", "Affected Exon", "Breakpoint 1", "Breakpoint 2", "Splice Supporting Reads", "Reference Reads Transcript"];
const FUSION: [&str; 6] =
    ["Gene Pair", "Breakpoint 1", "Breakpoint 2", "Fusion Supporting Reads", "Gene 1 Reference Reads", "Gene 2 Reference Reads"];
const REARRANGEMENT: [&str; 7] = ["Gene", "Chromosome", "Start", "Stop", "Affected Exon(s)", "Fold Change", "CNV Type"];

/// Reads each row of a table by `each`.
fn category<T>(
    section: &Section<'_>,
    expected: &[&str],
    input: &mut Input<'_>,
    mut each: impl FnMut(&Table<'_>, &Row, Vec<Extra>, &mut Input<'_>) -> Option<T>,
) -> Category<T> {
    let mut category = Category { told: true, ..Category::default() };
    let Some(table) = section.table(expected, input) else { return category };
    table.check_repeats(input);
    category.nothing = table.nothing.iter().map(|cell| cell.field).collect();
    for row in &table.rows {
        if let Some(gene) = negative_gene(row) {
            input.account.name(gene.field, "Gene");
            category.genes.push(gene);
            continue;
        }
        if !table.check(row, input) {
            continue;
        }
        let unknown = table.columns.iter().filter(|(_, heading)| !expected.contains(&heading.text.as_str()));
        let extras = unknown.filter_map(|(index, heading)| {
            let cell = row.cell(*index)?;
            Some(Extra { name: heading.text.clone(), text: told(cell) })
        });
        category.findings.extend(each(&table, row, extras.collect(), input));
    }
    category
}

/// A row such as `BRCA1`, `NA`: the gene was looked at and nothing was found.
fn negative_gene(row: &Row) -> Option<Told<String>> {
    let gene = row.cell(0).filter(|cell| gene::is_symbol(&cell.text) && cell.text != "NA")?;
    let mut rest = row.cells.iter().skip(1).flatten().peekable();
    (rest.peek().is_some() && rest.all(|cell| cell.text == "NA")).then(|| told(gene))
}

fn told(cell: &Cell) -> Told<String> {
    Told { value: cell.text.clone(), field: cell.field }
}

/// A cell that may be empty or NA.
fn optional<'s>(table: &Table<'s>, row: &'s Row, heading: &str) -> Option<&'s Cell> {
    table.cell(row, heading).filter(|cell| cell.text != "NA")
}

fn gene_of(cell: &Cell, input: &mut Input<'_>) -> Option<Told<String>> {
    if cell.text.split(';').all(gene::is_symbol) {
        return Some(told(cell));
    }
    let why = if gene::is_spreadsheet_date(&cell.text) {
        "a spreadsheet has made a date of a gene symbol"
    } else {
        "a gene symbol has letters, digits, hyphens and points"
    };
    input.refuse(cell, format!("'{}' is no gene: {why}; give the file that the pipeline wrote", cell.text));
    None
}

fn chromosome_of(cell: &Cell, input: &mut Input<'_>) -> Option<Told<Chromosome>> {
    let chromosome = cell.text.starts_with("chr").then(|| Chromosome::named(&cell.text)).flatten();
    if chromosome.is_none() {
        input.refuse(cell, format!("'{}' is no chromosome as chr1 to chr22, chrX, chrY or chrM", cell.text));
    }
    Some(Told { value: chromosome?, field: cell.field })
}

/// Whether a base, counted from 1, is on a chromosome of either assembly.
fn is_on(chromosome: Chromosome, position: u64) -> bool {
    let length = chromosome.length(Assembly::GRCh37).max(chromosome.length(Assembly::GRCh38));
    (1..=length).contains(&position)
}

fn breakpoint(table: &Table<'_>, row: &Row, heading: &str, input: &mut Input<'_>) -> Option<Told<Breakpoint>> {
    let cell = table.needed(row, heading, input)?;
    let point = cell.text.split_once(':').and_then(|(chromosome, position)| {
        let chromosome = Chromosome::named(chromosome.strip_prefix("chr")?)?;
        let digits = !position.starts_with('0') && position.bytes().all(|b| b.is_ascii_digit());
        let position = digits.then(|| position.parse().ok()).flatten()?;
        is_on(chromosome, position).then_some(Breakpoint { chromosome, position })
    });
    if point.is_none() {
        input.refuse(cell, format!("'{}' is no place on a chromosome as chr7:55087058", cell.text));
    }
    Some(Told { value: point?, field: cell.field })
}

/// Exons as `14/21`, `2-7/28` or `14`. What a spreadsheet or a cut has made of one is refused.
fn exons(cell: Option<&Cell>, input: &mut Input<'_>) -> Option<Told<String>> {
    let cell = cell?;
    let number = |text: &str| {
        (!text.is_empty() && text.len() < 5 && text.bytes().all(|b| b.is_ascii_digit())).then(|| text.parse::<u32>().ok()).flatten()
    };
    let good = cell.text.split([',', ';']).all(|item| {
        let (range, total) = item.split_once('/').map_or((item, None), |(range, total)| (range, Some(total)));
        let (first, last) = range.split_once('-').unwrap_or((range, range));
        let (Some(first), Some(last)) = (number(first), number(last)) else { return false };
        first <= last && total.is_none_or(|total| number(total).is_some_and(|total| last <= total))
    });
    if !good {
        input.refuse(cell, format!("'{}' names no exons as 14/21, 2-7/28 or 14; the cell is damaged or cut off", cell.text));
    }
    good.then(|| told(cell))
}

fn direction(cell: Option<&Cell>, input: &mut Input<'_>) -> Option<Told<Direction>> {
    let cell = cell?;
    let bare = cell.text.trim_start_matches('<').trim_end_matches('>').to_ascii_uppercase();
    let value = match bare.as_str() {
        "DUP" | "GAIN" | "AMP" => Direction::Gain,
        "DEL" | "LOSS" => Direction::Loss,
        _ => {
            input.refuse(cell, format!("'{}' is neither a gain (<DUP>, <GAIN>) nor a loss (<DEL>, <LOSS>)", cell.text));
            return None;
        }
    };
    Some(Told { value, field: cell.field })
}

fn notation(cell: Option<&Cell>, level: Level, input: &mut Input<'_>) -> Option<Told<Notation>> {
    let cell = cell?;
    let parsed = hgvs::parse(&cell.text, level);
    // The pipelines write this for each synonymous variant; it is noted with the variant and needs nobody's attention.
    let usual = level == Level::Protein && cell.text.ends_with("=))");
    if let (Err(why), false) = (&parsed, usual) {
        input.warn(cell, format!("'{}' is not an HGVS name ({why}); it is carried as a note", cell.text));
    }
    let reference = parsed.ok().map(|name| name.reference.to_owned());
    Some(Told { value: Notation { text: cell.text.clone(), reference }, field: cell.field })
}

/// `[Small Variants]`.
pub(super) fn small_variants(section: &Section<'_>, input: &mut Input<'_>) -> Category<SmallVariant> {
    category(section, &SMALL, input, |table, row, extras, input| {
        let chromosome = table.needed(row, "Chromosome", input).and_then(|cell| chromosome_of(cell, input));
        let position_cell = table.needed(row, "Genomic Position", input);
        let position = position_cell.and_then(|cell| number::read(cell, Kind::Count, input));
        let (reference, alternative) = (table.needed(row, "Reference Call", input), table.needed(row, "Alternative Call", input));
        let frequency = table.needed(row, "Allele Frequency", input).and_then(|cell| number::read(cell, Kind::Share, input));
        let depth = table.needed(row, "Depth", input).and_then(|cell| number::read(cell, Kind::Count, input));
        let gene = match optional(table, row, "Gene") {
            Some(cell) => Some(gene_of(cell, input)?),
            None => None,
        };
        let protein = notation(optional(table, row, "P-Dot Notation"), Level::Protein, input);
        let coding = notation(optional(table, row, "C-Dot Notation"), Level::Coding, input);
        let consequences = optional(table, row, "Consequence(s)");
        if let Some(cell) = consequences {
            for term in consequence::terms(&cell.text).filter(|term| consequence::number(term).is_none()) {
                input.warn(cell, format!("'{term}' is no Sequence Ontology term known to Norn; it is told as text"));
            }
        }
        let exons = exons(optional(table, row, "Affected Exon(s)"), input);
        let (chromosome, position, position_cell) = (chromosome?, position?, position_cell?);
        let (reference, alternative) = (reference?, alternative?);
        let at: Option<u64> = position.value.text().parse().ok();
        let Some(at) = at.filter(|at| is_on(chromosome.value, *at)) else {
            input.refuse(position_cell, format!("{} has no base {}", chromosome.value, position_cell.text));
            return None;
        };
        let allele = match Allele::from_vcf(at, &reference.text, &alternative.text) {
            Ok(allele) => allele,
            Err(why) => {
                input.refuse(alternative, format!("{} to {}: {why}", reference.text, alternative.text));
                return None;
            }
        };
        Some(SmallVariant {
            gene,
            chromosome,
            position,
            reference: told(reference),
            alternative: told(alternative),
            allele,
            frequency: frequency?,
            depth: depth?,
            protein,
            coding,
            consequences: consequences.map(told),
            exons,
            extras,
        })
    })
}

/// `[Gene Amplifications]` of LocalApp.
pub(super) fn amplifications(section: &Section<'_>, input: &mut Input<'_>) -> Category<CopyNumber> {
    category(section, &["Gene", "Fold Change"], input, |table, row, extras, input| {
        let gene = table.needed(row, "Gene", input).and_then(|cell| gene_of(cell, input));
        let fold_change = table.needed(row, "Fold Change", input).and_then(|cell| number::read(cell, Kind::Amount, input));
        Some(CopyNumber { gene: gene?, fold_change: fold_change?, direction: None, copies: None, extras })
    })
}

/// `[Copy Number Variants]` of DRAGEN.
pub(super) fn copy_numbers(section: &Section<'_>, input: &mut Input<'_>) -> Category<CopyNumber> {
    category(section, &["Gene", "Fold Change", "Copy Number Variant", "Absolute Copy Number"], input, |table, row, extras, input| {
        let gene = table.needed(row, "Gene", input).and_then(|cell| gene_of(cell, input));
        let fold_change = table.needed(row, "Fold Change", input).and_then(|cell| number::read(cell, Kind::Amount, input));
        let direction = table.needed(row, "Copy Number Variant", input).and_then(|cell| direction(Some(cell), input));
        let copies = match optional(table, row, "Absolute Copy Number") {
            Some(cell) => Some(number::read(cell, Kind::Amount, input)?),
            None => None,
        };
        Some(CopyNumber { gene: gene?, fold_change: fold_change?, direction: Some(direction?), copies, extras })
    })
}

/// `[Splice Variants]`.
pub(super) fn splices(section: &Section<'_>, input: &mut Input<'_>) -> Category<Splice> {
    category(section, &SPLICE, input, |table, row, extras, input| {
        let gene = table.needed(row, "Gene", input).and_then(|cell| gene_of(cell, input));
        let exons = exons(optional(table, row, "Affected Exon"), input);
        let (first, second) = (breakpoint(table, row, "Breakpoint 1", input), breakpoint(table, row, "Breakpoint 2", input));
        let mut reads = |heading| table.needed(row, heading, input).and_then(|cell| number::read(cell, Kind::Count, input));
        let (supporting, reference) = (reads("Splice Supporting Reads"), reads("Reference Reads Transcript"));
        Some(Splice {
            gene: gene?,
            exons,
            breakpoints: [first?, second?],
            supporting_reads: supporting?,
            reference_reads: reference?,
            extras,
        })
    })
}

/// `[Fusions]`.
pub(super) fn fusions(section: &Section<'_>, input: &mut Input<'_>) -> Category<Fusion> {
    category(section, &FUSION, input, |table, row, extras, input| {
        let cell = table.needed(row, "Gene Pair", input)?;
        if !cell.text.split(['-', '/', ';']).all(|part| part.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'_' | b'@')))
            || gene::is_spreadsheet_date(&cell.text)
        {
            input.refuse(cell, format!("'{}' is no pair of genes as EML4-ALK; give the file that the pipeline wrote", cell.text));
            return None;
        }
        let partners = Partners::read(&cell.text);
        if !partners.as_ref().is_some_and(Partners::is_sure) {
            input.warn(
                cell,
                format!("'{}' does not tell for sure which genes are fused in which order; the fusion is marked as ambiguous", cell.text),
            );
        }
        let (first, second) = (breakpoint(table, row, "Breakpoint 1", input), breakpoint(table, row, "Breakpoint 2", input));
        let mut reads = |heading| table.needed(row, heading, input).and_then(|cell| number::read(cell, Kind::Count, input));
        let supporting = reads("Fusion Supporting Reads");
        let (one, two) = (reads("Gene 1 Reference Reads"), reads("Gene 2 Reference Reads"));
        Some(Fusion {
            pair: told(cell),
            partners,
            breakpoints: [first?, second?],
            supporting_reads: supporting?,
            reference_reads: [one?, two?],
            extras,
        })
    })
}

/// `[Large Rearrangements]` of DRAGEN.
pub(super) fn rearrangements(section: &Section<'_>, input: &mut Input<'_>) -> Category<Rearrangement> {
    category(section, &REARRANGEMENT, input, |table, row, extras, input| {
        let gene = table.needed(row, "Gene", input).and_then(|cell| gene_of(cell, input));
        let chromosome = table.needed(row, "Chromosome", input).and_then(|cell| chromosome_of(cell, input));
        let mut place = |heading| table.needed(row, heading, input).and_then(|cell| number::read(cell, Kind::Count, input));
        let (start, stop) = (place("Start"), place("Stop"));
        let exons = exons(optional(table, row, "Affected Exon(s)"), input);
        let fold_change = match optional(table, row, "Fold Change") {
            Some(cell) => Some(number::read(cell, Kind::Amount, input)?),
            None => None,
        };
        let direction = direction(optional(table, row, "CNV Type"), input);
        let (chromosome, start, stop) = (chromosome?, start?, stop?);
        let (from, to): (Option<u64>, Option<u64>) = (start.value.text().parse().ok(), stop.value.text().parse().ok());
        if !matches!((from, to), (Some(from), Some(to)) if from <= to && is_on(chromosome.value, from) && is_on(chromosome.value, to)) {
            let column = table.cell(row, "Start").map_or(0, |cell| cell.column);
            input.refuse_at(
                row.number,
                column,
                format!("{} has no bases {} to {}", chromosome.value, start.value.text(), stop.value.text()),
            );
            return None;
        }
        Some(Rearrangement { gene: gene?, chromosome, start, stop, exons, fold_change, direction, extras })
    })
}
