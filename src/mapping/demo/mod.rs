//! Three made-up cases for a first look: files in the shapes that laboratories have, of patients that do not exist.

use super::SourceFile;

/// A case: files to convert together, and its requisition.
#[derive(Clone, Debug)]
pub struct Case {
    /// Short name.
    pub name: &'static str,
    /// What it shows.
    pub title: &'static str,
    /// The result files.
    pub files: Vec<SourceFile>,
    /// The requisition.
    pub requisition: SourceFile,
}

/// Puts files of a folder of this module into the binary.
macro_rules! file {
    ($folder:literal, $name:literal) => {
        SourceFile { name: $name.to_owned(), bytes: include_bytes!(concat!($folder, "/", $name)).to_vec() }
    };
}

/// The cases.
#[must_use]
pub fn cases() -> Vec<Case> {
    vec![
        Case {
            name: "lung-localapp",
            title: "Lung tumour, DNA and RNA, LocalApp 2.2: EGFR L858R, TERT promoter, indels, amplifications, EML4-ALK",
            files: vec![
                file!("lung-localapp", "IPD0101-D01-P01-A15_P_CombinedVariantOutput.tsv"),
                file!("lung-localapp", "260306_A09999_0042_AHSYNTHDRX5_MetricsOutput.tsv"),
            ],
            requisition: file!("lung-localapp", "requisition.toml"),
        },
        Case {
            name: "ovary-dragen-gis",
            title: "Ovarian tumour, DNA and RNA, DRAGEN 2.6 with HRD: BRCA1 frameshift, BRCA2 exon loss, GIS 58, RNA quality outside its guideline",
            files: vec![
                file!("ovary-dragen-gis", "IPO0207_CombinedVariantOutput.tsv"),
                file!("ovary-dragen-gis", "260318_A09998_0101_BHSYNTHDRX7_MetricsOutput.tsv"),
            ],
            requisition: file!("ovary-dragen-gis", "requisition.json"),
        },
        Case {
            name: "rna-only",
            title: "Lung metastasis, RNA alone, LocalApp 2.2: MET exon 14 skipping, AR-V7, RET fusion, two ambiguous gene pairs",
            files: vec![file!("rna-only", "IPH0315-R03-M01-A15_P_CombinedVariantOutput.tsv")],
            requisition: file!("rna-only", "requisition.toml"),
        },
    ]
}
