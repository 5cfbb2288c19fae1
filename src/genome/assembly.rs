//! The two human assemblies in clinical use: chromosomes, their RefSeq accessions with version, and their lengths.
//!
//! Source: NCBI assembly reports GCF_000001405.25 (GRCh37.p13) and GCF_000001405.40 (GRCh38.p14).

use std::fmt;

/// A reference assembly.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Assembly {
    /// Genome Reference Consortium human build 37; UCSC calls it hg19.
    GRCh37,
    /// Genome Reference Consortium human build 38; UCSC calls it hg38.
    GRCh38,
}

impl Assembly {
    /// The assembly of that name; UCSC's names are understood too.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        match name {
            "GRCh37" | "hg19" => Some(Self::GRCh37),
            "GRCh38" | "hg38" => Some(Self::GRCh38),
            _ => None,
        }
    }
}

impl fmt::Display for Assembly {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::GRCh37 => "GRCh37",
            Self::GRCh38 => "GRCh38",
        })
    }
}

/// A human chromosome: 1 to 22, X, Y, or the mitochondrial one.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Chromosome(u8);

/// Name, RefSeq accession and length in bases on GRCh37, the same on GRCh38.
type Facts = (&'static str, &'static str, u64, &'static str, u64);

const CHROMOSOMES: [Facts; 25] = [
    ("1", "NC_000001.10", 249_250_621, "NC_000001.11", 248_956_422),
    ("2", "NC_000002.11", 243_199_373, "NC_000002.12", 242_193_529),
    ("3", "NC_000003.11", 198_022_430, "NC_000003.12", 198_295_559),
    ("4", "NC_000004.11", 191_154_276, "NC_000004.12", 190_214_555),
    ("5", "NC_000005.9", 180_915_260, "NC_000005.10", 181_538_259),
    ("6", "NC_000006.11", 171_115_067, "NC_000006.12", 170_805_979),
    ("7", "NC_000007.13", 159_138_663, "NC_000007.14", 159_345_973),
    ("8", "NC_000008.10", 146_364_022, "NC_000008.11", 145_138_636),
    ("9", "NC_000009.11", 141_213_431, "NC_000009.12", 138_394_717),
    ("10", "NC_000010.10", 135_534_747, "NC_000010.11", 133_797_422),
    ("11", "NC_000011.9", 135_006_516, "NC_000011.10", 135_086_622),
    ("12", "NC_000012.11", 133_851_895, "NC_000012.12", 133_275_309),
    ("13", "NC_000013.10", 115_169_878, "NC_000013.11", 114_364_328),
    ("14", "NC_000014.8", 107_349_540, "NC_000014.9", 107_043_718),
    ("15", "NC_000015.9", 102_531_392, "NC_000015.10", 101_991_189),
    ("16", "NC_000016.9", 90_354_753, "NC_000016.10", 90_338_345),
    ("17", "NC_000017.10", 81_195_210, "NC_000017.11", 83_257_441),
    ("18", "NC_000018.9", 78_077_248, "NC_000018.10", 80_373_285),
    ("19", "NC_000019.9", 59_128_983, "NC_000019.10", 58_617_616),
    ("20", "NC_000020.10", 63_025_520, "NC_000020.11", 64_444_167),
    ("21", "NC_000021.8", 48_129_895, "NC_000021.9", 46_709_983),
    ("22", "NC_000022.10", 51_304_566, "NC_000022.11", 50_818_468),
    ("X", "NC_000023.10", 155_270_560, "NC_000023.11", 156_040_895),
    ("Y", "NC_000024.9", 59_373_566, "NC_000024.10", 57_227_415),
    // Both builds use the revised Cambridge sequence; UCSC's own hg19 had another one of 16,571 bases.
    ("M", "NC_012920.1", 16_569, "NC_012920.1", 16_569),
];

impl Chromosome {
    /// All chromosomes in karyotype order, the mitochondrial one last.
    pub fn all() -> impl Iterator<Item = Self> {
        (0_u8..25).map(Self)
    }

    /// The chromosome of a name such as `chr7`, `7`, `X` or `MT`.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        let bare = name.strip_prefix("chr").unwrap_or(name);
        let bare = if bare == "MT" { "M" } else { bare };
        Self::all().find(|chromosome| chromosome.name() == bare)
    }

    /// The assembly and chromosome of a RefSeq accession such as `NC_000007.13`.
    #[must_use]
    pub fn of_accession(accession: &str) -> Option<(Assembly, Self)> {
        [Assembly::GRCh37, Assembly::GRCh38]
            .into_iter()
            .find_map(|assembly| Self::all().find(|c| c.accession(assembly) == accession).map(|c| (assembly, c)))
    }

    fn facts(self) -> Facts {
        // Only numbers below 25 are ever made.
        CHROMOSOMES.get(usize::from(self.0)).copied().unwrap_or(("", "", 0, "", 0))
    }

    /// Its name without prefix: `7`, `X`, `M`.
    #[must_use]
    pub fn name(self) -> &'static str {
        self.facts().0
    }

    /// Its place in karyotype order, from 0: 22 for X, 23 for Y, 24 for M.
    #[must_use]
    pub fn index(self) -> usize {
        usize::from(self.0)
    }

    /// Its RefSeq accession with version.
    #[must_use]
    pub fn accession(self, assembly: Assembly) -> &'static str {
        match assembly {
            Assembly::GRCh37 => self.facts().1,
            Assembly::GRCh38 => self.facts().3,
        }
    }

    /// Its length in bases.
    #[must_use]
    pub fn length(self, assembly: Assembly) -> u64 {
        match assembly {
            Assembly::GRCh37 => self.facts().2,
            Assembly::GRCh38 => self.facts().4,
        }
    }
}

impl fmt::Display for Chromosome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "chr{}", self.name())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_accessions_are_inverse() {
        for chromosome in Chromosome::all() {
            assert_eq!(Chromosome::named(&chromosome.to_string()), Some(chromosome));
            assert_eq!(Chromosome::named(chromosome.name()), Some(chromosome));
            for assembly in [Assembly::GRCh37, Assembly::GRCh38] {
                let found = Chromosome::of_accession(chromosome.accession(assembly)).unwrap();
                assert_eq!(found.1, chromosome);
                assert!(found.0 == assembly || chromosome.name() == "M");
                assert!(chromosome.length(assembly) > 16_000);
                assert_eq!(Assembly::named(&assembly.to_string()), Some(assembly));
            }
        }
        for bad in ["chr0", "chr23", "chrx", "", "chr", "NC_000007", "chr7 "] {
            assert_eq!(Chromosome::named(bad), None, "{bad}");
        }
        assert_eq!(Chromosome::named("chrMT"), Chromosome::named("M"));
    }
}
