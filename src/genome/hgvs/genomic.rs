//! Genomic descriptions: `NC_000007.13:g.55259515T>G`.
//!
//! An insertion or deletion must be named at its most 3' place, and an insertion may have to be called a duplication;
//! both need the reference sequence. Such a change gets no name here rather than a wrong one.
//! Source: <https://hgvs-nomenclature.org/stable/recommendations/general/> (3' rule, prioritisation).

use super::super::allele::{Allele, Change};

/// The name of a change, if it can be given without the reference sequence.
#[must_use]
pub fn write(accession: &str, allele: &Allele) -> Option<String> {
    let small = allele.trimmed();
    let span = small.at().span()?;
    let place = if span.first() == span.last() { span.first().to_string() } else { format!("{}_{}", span.first(), span.last()) };
    let (reference, alternative) = (small.reference(), small.alternative());
    match allele.change() {
        Change::Snv => Some(format!("{accession}:g.{place}{reference}>{alternative}")),
        // An inversion goes before a deletion with insertion.
        Change::Mnv if reverse_complement(reference) == alternative => Some(format!("{accession}:g.{place}inv")),
        Change::Mnv | Change::Delins => Some(format!("{accession}:g.{place}delins{alternative}")),
        Change::Insertion | Change::Deletion => None,
    }
}

fn reverse_complement(bases: &str) -> String {
    let complement = |base| match base {
        'A' => 'T',
        'C' => 'G',
        'G' => 'C',
        'T' => 'A',
        other => other,
    };
    bases.chars().rev().map(complement).collect()
}
