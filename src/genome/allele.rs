//! A small change of sequence: what stood there, what stands there now.
//!
//! Callers tell indels with the base before them (VCF 4.3, section 1.6.1, REF): `CA>C` deletes an A.
//! Without the reference sequence such a change can be trimmed to what differs, but not shifted along a repeat.

use super::coordinate::Interbase;

/// What kind of change it is, once trimmed.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Change {
    /// One base for another.
    Snv,
    /// Several bases for as many others.
    Mnv,
    /// Bases added.
    Insertion,
    /// Bases taken away.
    Deletion,
    /// Bases for others, of another number.
    Delins,
}

/// A change at a place on a chromosome; both sequences over A, C, G, T, N; they differ.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct Allele {
    at: Interbase,
    reference: String,
    alternative: String,
}

/// Why something is not an allele.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum NotAnAllele {
    /// A letter that is not a base.
    #[error("a sequence is written with A, C, G, T and N")]
    Letters,
    /// Both sequences are the same.
    #[error("the two sequences are the same, so nothing changes")]
    Same,
    /// The place is before the first base.
    #[error("positions count from 1")]
    Position,
}

impl Allele {
    /// A change as VCF tells it: `position` of the first reference base counted from 1, reference never empty.
    ///
    /// # Errors
    /// When it is not a change of bases.
    pub fn from_vcf(position: u64, reference: &str, alternative: &str) -> Result<Self, NotAnAllele> {
        let bases = |text: &str| !text.is_empty() && text.bytes().all(|b| matches!(b, b'A' | b'C' | b'G' | b'T' | b'N'));
        if !bases(reference) || !bases(alternative) {
            return Err(NotAnAllele::Letters);
        }
        let start = position.checked_sub(1).ok_or(NotAnAllele::Position)?;
        let width = u64::try_from(reference.len()).map_err(|_| NotAnAllele::Position)?;
        let at = start.checked_add(width).and_then(|end| Interbase::new(start, end)).ok_or(NotAnAllele::Position)?;
        if reference == alternative {
            return Err(NotAnAllele::Same);
        }
        Ok(Self { at, reference: reference.to_owned(), alternative: alternative.to_owned() })
    }

    /// Where the reference bases stand.
    #[must_use]
    pub fn at(&self) -> Interbase {
        self.at
    }

    /// The bases of the reference; empty for a trimmed insertion.
    #[must_use]
    pub fn reference(&self) -> &str {
        &self.reference
    }

    /// The bases of the sample; empty for a trimmed deletion.
    #[must_use]
    pub fn alternative(&self) -> &str {
        &self.alternative
    }

    /// The same change without the bases that both sequences share at their ends: first the end, then the start,
    /// as `vt normalize` does, so that an indel stays at the place that the caller gave.
    #[must_use]
    pub fn trimmed(&self) -> Self {
        let shared_end = common(self.reference.bytes().rev(), self.alternative.bytes().rev());
        let keep = |text: &str| text.get(..text.len() - shared_end).unwrap_or_default().to_owned();
        let (reference, alternative) = (keep(&self.reference), keep(&self.alternative));
        let shared_start = common(reference.bytes(), alternative.bytes());
        let cut = |text: &str| text.get(shared_start..).unwrap_or_default().to_owned();
        let (reference, alternative) = (cut(&reference), cut(&alternative));
        let start = self.at.start() + wide(shared_start);
        let at = Interbase::new(start, start + wide(reference.len())).unwrap_or(self.at);
        Self { at, reference, alternative }
    }

    /// What kind of change it is.
    #[must_use]
    pub fn change(&self) -> Change {
        let trimmed = self.trimmed();
        match (trimmed.reference.len(), trimmed.alternative.len()) {
            (1, 1) => Change::Snv,
            (0, _) => Change::Insertion,
            (_, 0) => Change::Deletion,
            (r, a) if r == a => Change::Mnv,
            _ => Change::Delins,
        }
    }

    /// The change told with one anchor base before it, as VCF wants indels; `anchor` is the reference base there.
    /// Nothing to anchor on at the first base of the sequence: then `None`.
    #[must_use]
    pub fn anchored(&self, anchor: char) -> Option<Self> {
        let at = Interbase::new(self.at.start().checked_sub(1)?, self.at.end())?;
        Some(Self { at, reference: format!("{anchor}{}", self.reference), alternative: format!("{anchor}{}", self.alternative) })
    }
}

fn common(a: impl Iterator<Item = u8>, b: impl Iterator<Item = u8>) -> usize {
    a.zip(b).take_while(|(a, b)| a == b).count()
}

fn wide(count: usize) -> u64 {
    u64::try_from(count).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn changes_are_trimmed_and_named() {
        let check = |position, reference: &str, alternative: &str, start, trimmed: &str, change| {
            let allele = Allele::from_vcf(position, reference, alternative).unwrap();
            let small = allele.trimmed();
            assert_eq!((small.at().start(), format!("{}>{}", small.reference(), small.alternative())), (start, trimmed.to_owned()));
            assert_eq!(allele.change(), change);
        };
        check(10, "C", "T", 9, "C>T", Change::Snv);
        check(10, "CA", "C", 10, "A>", Change::Deletion);
        check(10, "C", "CAA", 10, ">AA", Change::Insertion);
        check(10, "CT", "AG", 9, "CT>AG", Change::Mnv);
        check(10, "CTG", "CAG", 10, "T>A", Change::Snv);
        check(10, "CTTG", "CAG", 10, "TT>A", Change::Delins);
        check(10, "CAAA", "CAA", 10, "A>", Change::Deletion);
    }

    #[test]
    fn what_is_no_change_is_refused() {
        assert_eq!(Allele::from_vcf(1, "A", "A"), Err(NotAnAllele::Same));
        assert_eq!(Allele::from_vcf(0, "A", "C"), Err(NotAnAllele::Position));
        assert_eq!(Allele::from_vcf(u64::MAX, "AA", "C"), Err(NotAnAllele::Position));
        for bad in ["", "a", "<DEL>", "A,C", "."] {
            assert_eq!(Allele::from_vcf(1, "A", bad), Err(NotAnAllele::Letters), "{bad}");
        }
    }

    proptest! {
        #[test]
        fn trimming_keeps_the_changed_sequence(before in "[ACGT]{0,6}", reference in "[ACGT]{1,6}", alternative in "[ACGT]{1,6}", after in "[ACGT]{0,6}") {
            prop_assume!(reference != alternative);
            let position = wide(before.len()) + 1;
            let whole = format!("{before}{reference}{after}");
            let apply = |allele: &Allele| {
                let (start, end) = (usize::try_from(allele.at().start()).unwrap(), usize::try_from(allele.at().end()).unwrap());
                assert_eq!(&whole[start..end], allele.reference());
                format!("{}{}{}", &whole[..start], allele.alternative(), &whole[end..])
            };
            let allele = Allele::from_vcf(position, &reference, &alternative).unwrap();
            prop_assert_eq!(apply(&allele), apply(&allele.trimmed()));
            prop_assert_eq!(allele.trimmed().trimmed(), allele.trimmed());
            let small = allele.trimmed();
            if let Some(gap) = usize::try_from(small.at().start()).unwrap().checked_sub(1) {
                let anchor = whole[gap..].chars().next().unwrap();
                prop_assert_eq!(apply(&allele), apply(&small.anchored(anchor).unwrap()));
            }
        }
    }
}
