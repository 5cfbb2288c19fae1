//! Changes of sequence, copy number and structure that were found.

use super::{Extra, Number, Told};
use crate::genome::{Allele, Chromosome, gene};

/// A place of a base, counted from 1, on a chromosome.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Breakpoint {
    pub(crate) chromosome: Chromosome,
    pub(crate) position: u64,
}

/// A text that should be an HGVS name, and its two parts if it is one.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Notation {
    pub(crate) text: String,
    /// The accession of the reference sequence, if all of the text is a name.
    pub(crate) reference: Option<String>,
}

/// A substitution, insertion or deletion of a few bases.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct SmallVariant {
    pub(crate) gene: Option<Told<String>>,
    pub(crate) chromosome: Told<Chromosome>,
    /// First base of the reference call, counted from 1.
    pub(crate) position: Told<Number>,
    pub(crate) reference: Told<String>,
    pub(crate) alternative: Told<String>,
    pub(crate) allele: Allele,
    /// From 0 to 1.
    pub(crate) frequency: Told<Number>,
    pub(crate) depth: Told<Number>,
    pub(crate) protein: Option<Told<Notation>>,
    pub(crate) coding: Option<Told<Notation>>,
    pub(crate) consequences: Option<Told<String>>,
    pub(crate) exons: Option<Told<String>>,
    pub(crate) extras: Vec<Extra>,
}

/// More or fewer copies.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Direction {
    Gain,
    Loss,
}

/// A gene with another number of copies than normal.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct CopyNumber {
    pub(crate) gene: Told<String>,
    /// Coverage relative to what two copies give.
    pub(crate) fold_change: Told<Number>,
    /// Told by DRAGEN; LocalApp lists amplifications only.
    pub(crate) direction: Option<Told<Direction>>,
    pub(crate) copies: Option<Told<Number>>,
    pub(crate) extras: Vec<Extra>,
}

impl CopyNumber {
    pub(crate) fn is_loss(&self) -> bool {
        self.direction.as_ref().is_some_and(|told| told.value == Direction::Loss)
    }
}

/// The genes of a fusion, as far as the text tells them.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Partners {
    /// Candidates for the first gene; 5' if the fusion is directional.
    pub(crate) first: Vec<String>,
    /// Candidates for the second gene; 3' if the fusion is directional.
    pub(crate) second: Vec<String>,
    /// Whether first is 5' and second is 3'.
    pub(crate) directional: bool,
}

impl Partners {
    /// Reads a gene pair. `EML4-ALK` has a direction; `/` between the genes tells none; `;` lists candidates.
    /// `None` if it cannot be taken apart in one way.
    pub(crate) fn read(pair: &str) -> Option<Self> {
        let candidates =
            |side: &str| -> Option<Vec<String>> { side.split(';').map(|s| gene::is_symbol(s).then(|| s.to_owned())).collect() };
        if let Some((first, second)) = pair.split_once('/') {
            return Some(Self { first: candidates(first)?, second: candidates(second)?, directional: false });
        }
        match gene::split_pair(pair).as_slice() {
            [(first, second)] => Some(Self { first: candidates(first)?, second: candidates(second)?, directional: true }),
            _ => None,
        }
    }

    /// Whether genes and order are beyond doubt.
    pub(crate) fn is_sure(&self) -> bool {
        self.directional && self.first.len() == 1 && self.second.len() == 1
    }
}

/// Two genes read through as one transcript.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Fusion {
    pub(crate) pair: Told<String>,
    pub(crate) partners: Option<Partners>,
    pub(crate) breakpoints: [Told<Breakpoint>; 2],
    pub(crate) supporting_reads: Told<Number>,
    pub(crate) reference_reads: [Told<Number>; 2],
    pub(crate) extras: Vec<Extra>,
}

/// A transcript that leaves exons out.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Splice {
    pub(crate) gene: Told<String>,
    pub(crate) exons: Option<Told<String>>,
    pub(crate) breakpoints: [Told<Breakpoint>; 2],
    pub(crate) supporting_reads: Told<Number>,
    pub(crate) reference_reads: Told<Number>,
    pub(crate) extras: Vec<Extra>,
}

/// Exons of a gene lost or gained.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Rearrangement {
    pub(crate) gene: Told<String>,
    pub(crate) chromosome: Told<Chromosome>,
    /// First and last base.
    pub(crate) start: Told<Number>,
    pub(crate) stop: Told<Number>,
    pub(crate) exons: Option<Told<String>>,
    pub(crate) fold_change: Option<Told<Number>>,
    pub(crate) direction: Option<Told<Direction>>,
    pub(crate) extras: Vec<Extra>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn gene_pairs() {
        let check = |pair: &str, told: Option<(&str, &str, bool, bool)>| {
            let partners = Partners::read(pair);
            let got = partners.as_ref().map(|p| (p.first.join(";"), p.second.join(";"), p.directional, p.is_sure()));
            assert_eq!(got, told.map(|(a, b, d, s)| (a.to_owned(), b.to_owned(), d, s)), "{pair}");
        };
        check("EML4-ALK", Some(("EML4", "ALK", true, true)));
        check("NKX2-1-ALK", Some(("NKX2-1", "ALK", true, true)));
        check("SLC34A2-ROS1;GOPC", Some(("SLC34A2", "ROS1;GOPC", true, false)));
        check("PPARG/AC016683.6;PAX8", Some(("PPARG", "AC016683.6;PAX8", false, false)));
        check("CDK4/PDE3A", Some(("CDK4", "PDE3A", false, false)));
        check("AAA-BB-CC", None);
        check("EML4", None);
        check("A/B/C", None);
    }
}
