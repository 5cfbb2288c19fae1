//! InPreD sample ids: 19 characters `PPPyyyy-Ann-Sxz-Mll` that tell patient, nucleic acid, assay, sample, and tumour site.
//!
//! Source: TSOPPI documentation, "InPreD nomenclature", version 4 (2025-03-17); site numbers are PCGR's primary sites.
//! Upper and lower case differ: `P` is a primary tumour before treatment, `p` one after it.

use std::fmt;

/// The nucleic acid of a sample.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub(crate) enum NucleicAcid {
    /// `D`: DNA of cells.
    Dna,
    /// `C`: cell-free DNA.
    CellFreeDna,
    /// `R`: RNA.
    Rna,
}

/// A sample id and its parts.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct SampleId {
    text: String,
    pub(crate) nucleic_acid: NucleicAcid,
}

/// What is wrong with a sample id, and at which character, counted from 1.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct BadSampleId {
    pub(crate) position: usize,
    pub(crate) reason: String,
}

impl fmt::Display for BadSampleId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} (character {})", self.reason, self.position)
    }
}

const PROJECTS: [&str; 4] = ["IPA", "IPD", "IPH", "IPO"];

const ASSAYS: [(&str, &str); 10] = [
    ("01", "TSO500 DNA"),
    ("02", "Archer FusionPlex Lung"),
    ("03", "TSO500 RNA"),
    ("04", "EPIC methylation"),
    ("05", "whole genome sequencing"),
    ("06", "TSO500 HRD"),
    ("07", "whole transcriptome sequencing"),
    ("50", "Twist exome"),
    ("51", "TruSeq mRNA"),
    ("52", "RNA exome"),
];

const SAMPLE_TYPES: [(char, &str); 15] = [
    ('N', "normal"),
    ('P', "primary tumour, before treatment"),
    ('p', "primary tumour, after treatment"),
    ('R', "regional metastasis, before treatment"),
    ('r', "regional metastasis, after treatment"),
    ('D', "distal metastasis, before treatment"),
    ('d', "distal metastasis, after treatment"),
    ('A', "after allogeneic transplantation"),
    ('C', "cell line"),
    ('E', "extramedullary, before treatment"),
    ('e', "extramedullary, after treatment"),
    ('L', "liquid"),
    ('M', "metastasis"),
    ('T', "primary tumour"),
    ('X', "unknown"),
];

const MATERIALS: [(char, &str); 8] = [
    ('A', "formalin-fixed, paraffin-embedded tissue"),
    ('B', "blood"),
    ('C', "cytology"),
    ('E', "extramedullary"),
    ('F', "fresh frozen tissue"),
    ('M', "fresh bone marrow"),
    ('S', "buccal swab"),
    ('X', "unknown"),
];

const SITES: [&str; 31] = [
    "any",
    "adrenal gland",
    "ampulla of Vater",
    "biliary tract",
    "bladder or urinary tract",
    "bone",
    "breast",
    "cervix",
    "central nervous system or brain",
    "colon or rectum",
    "oesophagus or stomach",
    "eye",
    "head and neck",
    "kidney",
    "liver",
    "lung",
    "lymphoid",
    "myeloid",
    "ovary or fallopian tube",
    "pancreas",
    "peripheral nervous system",
    "peritoneum",
    "pleura",
    "prostate",
    "skin",
    "soft tissue",
    "testis",
    "thymus",
    "thyroid",
    "uterus",
    "vulva or vagina",
];

impl SampleId {
    /// Reads an id; all of the text must be one.
    pub(crate) fn read(text: &str) -> Result<Self, BadSampleId> {
        let bad = |position: usize, reason: String| Err(BadSampleId { position, reason });
        if is_control(text) {
            return bad(1, format!("'{text}' names a control, not a patient's sample; no patient report is made from a control"));
        }
        let chars: Vec<char> = text.chars().collect();
        let at = |position: usize| chars.get(position - 1).copied();
        let told = |position: usize| at(position).map_or_else(|| "nothing".to_owned(), |c| format!("'{c}'"));
        let Some(project) = PROJECTS.iter().find(|project| text.starts_with(**project)) else {
            let right = (1..=3)
                .find(|n| !PROJECTS.iter().any(|project| text.get(..*n).is_some_and(|start| project.starts_with(start))))
                .unwrap_or(3);
            return bad(right, format!("an InPreD sample id begins with IPA, IPD, IPH or IPO, here stands {}", told(right)));
        };
        for position in 4..=19 {
            let (good, wanted) = match position {
                4..=7 => (at(position).is_some_and(|c| c.is_ascii_digit()), "a digit of the patient's number"),
                8 | 12 | 16 => (at(position) == Some('-'), "a hyphen"),
                9 => (at(9).is_some_and(|c| "DCR".contains(c)), "D (DNA), C (cell-free DNA) or R (RNA)"),
                10 | 11 => (at(position).is_some_and(|c| c.is_ascii_digit()), "a digit of the assay"),
                13 => (at(13).is_some_and(|c| SAMPLE_TYPES.iter().any(|(code, _)| *code == c)), "a sample type, in the right case"),
                14 => (at(14).is_some_and(|c| c.is_ascii_digit()), "the number of the attempt"),
                15 => (at(15).is_some_and(|c| ('1'..='9').contains(&c)), "the number of the replicate, from 1"),
                17 => (at(17).is_some_and(|c| MATERIALS.iter().any(|(code, _)| *code == c)), "a sample material"),
                _ => (at(position).is_some_and(|c| c.is_ascii_digit() || c == 'X'), "a digit of the tumour site, or X"),
            };
            if !good {
                return bad(position, format!("an InPreD sample id ({project}yyyy-Ann-Sxz-Mll) has here {wanted}, not {}", told(position)));
            }
        }
        if chars.len() > 19 {
            return bad(20, format!("an InPreD sample id has 19 characters; {} is too much", told(20)));
        }
        let id = Self {
            text: text.to_owned(),
            nucleic_acid: match at(9) {
                Some('R') => NucleicAcid::Rna,
                Some('C') => NucleicAcid::CellFreeDna,
                _ => NucleicAcid::Dna,
            },
        };
        if id.assay().1.is_none() {
            return bad(10, format!("no assay has the number {}", id.assay().0));
        }
        if id.site().1.is_none() {
            return bad(18, format!("no tumour site has the number {}; sites go from 00 to 30, or XX", id.site().0));
        }
        Ok(id)
    }

    /// The whole id.
    pub(crate) fn text(&self) -> &str {
        &self.text
    }

    fn part(&self, from: usize, to: usize) -> &str {
        self.text.get(from..to).unwrap_or_default()
    }

    /// The project of the node and the patient's number: `IPD0001`.
    pub(crate) fn patient(&self) -> &str {
        self.part(0, 7)
    }

    /// The assay's number and name.
    pub(crate) fn assay(&self) -> (&str, Option<&'static str>) {
        let code = self.part(9, 11);
        (code, ASSAYS.iter().find(|(known, _)| *known == code).map(|(_, name)| *name))
    }

    /// The sample type's letter and name.
    pub(crate) fn sample_type(&self) -> (&str, Option<&'static str>) {
        let code = self.part(12, 13);
        (code, SAMPLE_TYPES.iter().find(|(known, _)| code.starts_with(*known)).map(|(_, name)| *name))
    }

    /// The number of the attempt; 9 marks a validation.
    pub(crate) fn attempt(&self) -> &str {
        self.part(13, 14)
    }

    /// The number of the replicate.
    pub(crate) fn replicate(&self) -> &str {
        self.part(14, 15)
    }

    /// The material's letter and name.
    pub(crate) fn material(&self) -> (&str, Option<&'static str>) {
        let code = self.part(16, 17);
        (code, MATERIALS.iter().find(|(known, _)| code.starts_with(*known)).map(|(_, name)| *name))
    }

    /// The tumour site's number and name.
    pub(crate) fn site(&self) -> (&str, Option<&'static str>) {
        let code = self.part(17, 19);
        let name = if code == "XX" { Some("unknown") } else { code.parse().ok().and_then(|number: usize| SITES.get(number)).copied() };
        (code, name)
    }
}

/// Whether a text begins as the ids of patients' samples do, so that it must be one.
pub(crate) fn claims_to_be(text: &str) -> bool {
    let numbered = text.strip_prefix("IP").is_some_and(|rest| {
        let mut chars = rest.chars();
        chars.next().is_some_and(|c| c.is_ascii_uppercase()) && chars.next().is_some_and(|c| c.is_ascii_digit())
    });
    numbered || PROJECTS.iter().any(|project| text.starts_with(project))
}

/// Whether a text names a control: a cell line or a reference material that was sequenced along.
fn is_control(text: &str) -> bool {
    let upper = text.to_ascii_uppercase();
    upper.starts_with("CL-")
        || upper.starts_with("NTC")
        || ["ACROMETRIX", "NA12878", "HORIZON", "SERACARE", "SERA_CARE", "HD753", "HD799"].iter().any(|word| upper.contains(word))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn parts() {
        let id = SampleId::read("IPD0001-D01-p02-A15").unwrap();
        assert_eq!((id.patient(), id.nucleic_acid, id.assay().1), ("IPD0001", NucleicAcid::Dna, Some("TSO500 DNA")));
        assert_eq!((id.sample_type().1, id.attempt(), id.replicate()), (Some("primary tumour, after treatment"), "0", "2"));
        assert_eq!((id.material().0, id.site()), ("A", ("15", Some("lung"))));
        assert_eq!(SampleId::read("IPO1457-R03-E01-MXX").unwrap().site(), ("XX", Some("unknown")));
    }

    #[test]
    fn bad_ids_are_refused_with_the_position() {
        let check = |text: &str, position: usize| {
            let bad = SampleId::read(text).expect_err(text);
            assert_eq!(bad.position, position, "{text}: {bad}");
        };
        check("", 1);
        check("XPD0001-D01-P01-A15", 1);
        check("IPZ0001-D01-P01-A15", 3);
        check("IPDO001-D01-P01-A15", 4);
        check("IPD001-D01-P01-A15", 7);
        check("IPD0001_D01-P01-A15", 8);
        check("IPD0001-X01-P01-A15", 9);
        check("IPD0001-D99-P01-A15", 10);
        check("IPD0001-D01-n01-A15", 13);
        check("IPD0001-D01-PO1-A15", 14);
        check("IPD0001-D01-P00-A15", 15);
        check("IPD0001-D01-P01-a15", 17);
        check("IPD0001-D01-P01-A31", 18);
        check("IPD0001-D01-P01-A1", 19);
        check("IPD0001-D01-P01-A15_P", 20);
        check("CL-AcroMetrix-D01", 1);
        check("CL-NA12878N25-D01", 1);
        check("\u{c6}PD0001", 1);
    }

    proptest! {
        #[test]
        fn any_text_is_read_without_panic(text in "\\PC{0,24}") {
            if let Ok(id) = SampleId::read(&text) {
                prop_assert_eq!(id.text(), text);
            }
        }
    }
}
