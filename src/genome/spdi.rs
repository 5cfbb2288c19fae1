//! SPDI: a change as sequence, position, deletion, insertion.
//!
//! Positions count the gaps between bases from 0. The writer keeps the caller's placement: justifying an indel over a
//! repeat, as NCBI's canonical form does, needs the reference sequence.
//! Source: Holmes et al., Bioinformatics 2020, doi 10.1093/bioinformatics/btz856.

use super::allele::Allele;

/// Writes a change on the sequence of that accession: `NC_000007.13:55249070:C:T`.
#[must_use]
pub fn write(accession: &str, allele: &Allele) -> String {
    let small = allele.trimmed();
    format!("{accession}:{}:{}:{}", small.at().start(), small.reference(), small.alternative())
}

/// Reads what [`write`] wrote: the accession and the change, which has no anchor base.
#[must_use]
pub fn read(text: &str) -> Option<(&str, u64, &str, &str)> {
    let mut parts = text.split(':');
    let (accession, position, deleted, inserted) = (parts.next()?, parts.next()?, parts.next()?, parts.next()?);
    let digits = !position.is_empty() && position.bytes().all(|b| b.is_ascii_digit());
    (parts.next().is_none() && digits).then_some(())?;
    Some((accession, position.parse().ok()?, deleted, inserted))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn written_names_are_read_back(position in 1_u64..1 << 32, reference in "[ACGT]{1,5}", alternative in "[ACGT]{1,5}") {
            prop_assume!(reference != alternative);
            let allele = Allele::from_vcf(position, &reference, &alternative).unwrap();
            let (name, small) = (write("NC_000007.13", &allele), allele.trimmed());
            prop_assert_eq!(read(&name), Some(("NC_000007.13", small.at().start(), small.reference(), small.alternative())));
        }
    }

    #[test]
    fn placements_are_kept() {
        let check = |position, reference, alternative, name: &str| {
            assert_eq!(write("NC_000007.13", &Allele::from_vcf(position, reference, alternative).unwrap()), name);
        };
        check(55_249_071, "C", "T", "NC_000007.13:55249070:C:T");
        check(100, "CA", "C", "NC_000007.13:100:A:");
        check(100, "C", "CA", "NC_000007.13:100::A");
        for bad in ["NC_000007.13:1:A", "NC:x:A:T", "NC:1:A:T:G", "NC:+1:A:T"] {
            assert_eq!(read(bad), None, "{bad}");
        }
    }
}
