//! Regions of molecular sequences: positions counted from 1 with both ends inside, and chromosomes of accessions.
//!
//! The parameters of MolecularSequence ask for positions counted from 1, and must find resources of both coordinate systems
//! (<https://hl7.org/fhir/R4/molecularsequence.html#search>). Counted from 0, a region ends before its end; an insertion has no
//! length there, and is told by the two bases around it when counted from 1.

use super::{Sink, token};
use crate::genome::assembly::Chromosome;
use crate::model::primitive::decimal::sort_key;
use crate::model::tree::Node;

const HUMAN_CHROMOSOMES: &str = "http://terminology.hl7.org/CodeSystem/chromosome-human";

/// `variant.start`, `referenceSeq.windowStart`.
pub(super) fn first_position(node: Node<'_>, sink: &mut Sink<'_>) {
    position(node, sink, |start, end| if end == Some(start) { start } else { start + 1 });
}

/// `variant.end`, `referenceSeq.windowEnd`.
pub(super) fn last_position(node: Node<'_>, sink: &mut Sink<'_>) {
    position(node, sink, |end, start| if start == Some(end) { end + 1 } else { end });
}

/// A position; `from_zero` tells it counted from 1, given it and the other end counted from 0.
fn position(node: Node<'_>, sink: &mut Sink<'_>, from_zero: impl Fn(i64, Option<i64>) -> i64) {
    let number = |node: Node<'_>| node.raw().parse::<i64>().ok();
    let Some(written) = number(node) else { return };
    let counted_from = node.tree().root().get("coordinateSystem").and_then(number);
    let other = match node.key() {
        "start" => "end",
        "end" => "start",
        "windowStart" => "windowEnd",
        _ => "windowStart",
    };
    let position = match counted_from {
        Some(0) => from_zero(written, node.parent().and_then(|region| region.get(other)).and_then(number)),
        _ => written,
    };
    // Positions are integers of 32 bits: a double holds them exactly.
    #[expect(clippy::cast_precision_loss, reason = "positions have 32 bits")]
    let key = sort_key(position as f64);
    sink.interval(key, key, 0);
}

/// Finds the chromosome that the accession of the reference sequence names; tells whether there is one.
pub(super) fn chromosome_of_accession(sequence: Node<'_>, sink: &mut Sink<'_>) -> bool {
    let names: Vec<_> = chromosomes(sequence).collect();
    names.iter().for_each(|name| token::plain(HUMAN_CHROMOSOMES, name, sink));
    !names.is_empty()
}

/// The chromosomes that the accessions of the reference sequence name (`NC_000007.14`).
pub(super) fn chromosomes(sequence: Node<'_>) -> impl Iterator<Item = &'static str> {
    let id = sequence.get("referenceSeq").and_then(|reference| reference.get("referenceSeqId"));
    id.into_iter().flat_map(|id| id.all("coding")).filter_map(|coding| chromosome(&coding.get_text("code")?))
}

/// The chromosome of an accession of any version; the code system has none for the mitochondrial one.
fn chromosome(accession: &str) -> Option<&'static str> {
    let number: u8 = accession.strip_prefix("NC_0000")?.split('.').next()?.parse().ok()?;
    let name = match number {
        23 => "X".to_owned(),
        24 => "Y".to_owned(),
        autosome => autosome.to_string(),
    };
    Chromosome::named(&name).map(Chromosome::name)
}
