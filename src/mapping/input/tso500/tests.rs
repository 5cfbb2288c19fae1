//! Files that are not what they should be, each with the place at which that shows.

use crate::mapping::{Format, Options, SourceFile, convert, demo};

/// The files of a demo case, the first or second of them changed.
fn damaged(case: usize, file: usize, edit: impl Fn(&str) -> Vec<u8>) -> Vec<SourceFile> {
    let mut files = demo::cases().swap_remove(case).files;
    let text = String::from_utf8(files[file].bytes.clone()).unwrap();
    files[file].bytes = edit(&text);
    files
}

/// Converts and expects a refusal at a row and column whose message has a part.
fn check_files(files: &[SourceFile], row: usize, column: usize, part: &str) {
    let refusals = convert(files, None, &Options::default()).map(|_| ()).expect_err(part);
    let found = refusals.iter().any(|refusal| (refusal.row, refusal.column) == (row, column) && refusal.message.contains(part));
    assert!(found, "wanted row {row}, column {column}, '{part}', found {refusals:#?}");
}

/// Replaces a text in the LocalApp case (0), the DRAGEN case (1) or the RNA case (2).
fn check(case: usize, from: &str, to: &str, row: usize, column: usize, part: &str) {
    let files = damaged(case, 0, |text| {
        assert!(text.contains(from), "{from}");
        text.replacen(from, to, 1).into_bytes()
    });
    check_files(&files, row, column, part);
}

#[test]
fn damaged_cells() {
    check(0, "\t0.3126\t", "\t0,3126\t", 57, 6, "decimal comma");
    check(0, "\t0.3126\t", "\t1.3126\t", 57, 6, "above 1");
    check(0, "\t0.3126\t", "\t31%\t", 57, 6, "percent");
    check(0, "\t0.3126\t", "\t\t", 57, 6, "'Allele Frequency' is empty");
    check(0, "\t1710\t", "\t#REF!\t", 57, 7, "spreadsheet");
    check(0, "\t55259515\t", "\t5.53E+07\t", 57, 3, "rounded");
    check(0, "\t55259515\t", "\t955259515\t", 57, 3, "has no base");
    check(0, "EGFR\tchr7\t55259515", "EGFR\t7\t55259515", 57, 2, "chromosome");
    check(0, "EGFR\tchr7\t55259515", "1-Mar\tchr7\t55259515", 57, 1, "date");
    check(0, "\t21/28", "\t21.aug", 57, 11, "exons");
    check(0, "\t21/28", "\t21/2", 57, 11, "exons");
    check(0, "55259515\tT\tG", "55259515\tT\tT", 57, 5, "the same");
    check(0, "55259515\tT\tG", "55259515\tT\tg", 57, 5, "A, C, G, T");
    check(0, "EGFR\t2.418", "1-Sep\t2.418", 37, 1, "date");
    check(0, "EGFR\t2.418", "EGFR\t2,418", 37, 2, "comma");
    check(0, "chr2:42522655", "chr2:4252265S", 46, 2, "no place");
    check(0, "EML4-ALK", "4-Apr", 46, 1, "no pair");
    check(0, "Total TMB\t8.6", "Total TMB\t8,6", 26, 2, "comma");
    check(0, "Percent Unstable MSI Sites\t3.36", "Percent Unstable MSI Sites\t336", 33, 2, "above 100");
    check(0, "2026-03-09", "2099-99-99", 8, 2, "no date");
    check(0, "21:14:37", "21.14.37", 9, 2, "time of day");
    check(1, "<DUP>", "<DUB>", 30, 3, "neither a gain");
    check(1, "32903580\t32907524", "32907524\t32903580", 43, 3, "no bases");
}

#[test]
fn damaged_structure() {
    check(
        0,
        "\t1710\tNP_005219.2:p.(Leu858Arg)\tNM_005228.4:c.2573T>G\tmissense_variant\t21/28",
        "\t1710",
        57,
        8,
        "ends after 7 of 11 cells",
    );
    check(0, "Depth\t", "Deepness\t", 49, 12, "no column 'Depth'");
    check(0, "Depth\t", "Gene\t", 49, 7, "stands here again");
    check(0, "[MSI]", "[TMB]", 30, 1, "[TMB] stands here again");
    check(0, "[MSI]", "[MSI", 30, 1, "damaged here");
    check(0, "Total TMB\t8.6", "Total TMB\t", 26, 2, "is missing");
    check(0, "Usable MSI Sites", "Usable Sites", 30, 1, "no 'Usable MSI Sites'");
    check(
        0,
        "NA\t\t\t\t\t\t\t\t\t\t\n\t\t\t\t\t\t\t\t\t\t\n[Fusions]",
        "NA\t\t\t\t\t\t\t\t\t\t\nMET\t14/21\tchr7:1\tchr7:2\t1\t1\n[Fusions]",
        42,
        1,
        "NA says",
    );
    let repeated = damaged(0, 0, |text| {
        let line = text.lines().nth(56).unwrap();
        text.replacen(line, &format!("{line}\n{line}"), 1).into_bytes()
    });
    check_files(&repeated, 58, 1, "the same as row 57");
}

#[test]
fn samples() {
    check(0, "DNA Sample ID\tIPD0101-D01-P01-A15", "DNA Sample ID\tIPD0101-D01-q01-A15", 6, 2, "character 13");
    check(0, "DNA Sample ID\tIPD0101-D01-P01-A15", "DNA Sample ID\tCL-NA12878N25-D01", 6, 2, "control");
    check(0, "DNA Sample ID\tIPD0101-D01-P01-A15", "DNA Sample ID\tIPD0101-R01-P01-A15", 6, 2, "character 9");
    check(0, "RNA Sample ID\tIPD0101-R03-P01-A15", "RNA Sample ID\tIPD0102-R03-P01-A15", 7, 2, "patient IPD0102");
    check(0, "Pair ID\tIPD0101", "Pair ID\tIPD0109", 5, 2, "patient IPD0109");
    check(0, "RNA Sample ID\tIPD0101-R03-P01-A15", "RNA Sample ID\tNA", 44, 1, "no RNA Sample ID");
    check(2, "RNA Sample ID\tIPH0315-R03-M01-A15", "RNA Sample ID\tNA", 4, 1, "nobody");
}

#[test]
fn wrong_files() {
    let file = |bytes: &[u8]| vec![SourceFile { name: "x.tsv".to_owned(), bytes: bytes.to_vec() }];
    check_files(&file(b""), 1, 1, "empty");
    check_files(&file(b"\n\t\n"), 1, 1, "empty");
    check_files(&file(b"gene\tvalue\nEGFR\t1\n"), 1, 1, "not a TruSight");
    check_files(&file(b"\xFF\xFET\0r\0"), 1, 1, "UTF-16");
    check_files(&damaged(0, 0, |text| text.replace("EML4-ALK", "EML4-ALK\0").into_bytes()), 46, 1, "NUL");
    check_files(&damaged(0, 0, |text| text.replace("EML4-ALK", "EML4\u{fffd}ALK").into_bytes()), 46, 1, "replacement");
    check_files(&damaged(0, 0, |text| text.replace("\t8.6", "\t8\r6").into_bytes()), 26, 2, "carriage return");
    let latin = damaged(0, 0, |text| {
        let at = text.find("EML4").unwrap();
        let mut bytes = text.as_bytes().to_vec();
        bytes[at] = 0xE6;
        bytes
    });
    check_files(&latin, 46, 1, "Latin-1");
    // Cut off in the middle of a row, and between two sections.
    let cut = |at: &'static str| damaged(0, 0, move |text| text.as_bytes()[..text.find(at).unwrap()].to_vec());
    check_files(&cut("1710\tNP"), 57, 8, "ends after 7");
    check_files(&cut("[Fusions]"), 42, 1, "without the section [Fusions]");
    check_files(&cut("[Small Variants]"), 46, 1, "without the section [Small Variants]");
    let metrics = demo::cases().swap_remove(0).files.split_off(1);
    check_files(&metrics, 0, 0, "alone");
    let forced = Options { from: Some(Format::Tso500Metrics), ..Options::default() };
    assert!(convert(&demo::cases().swap_remove(0).files, None, &forced).is_err());
}

#[test]
fn wrong_metrics() {
    let check = |from: &'static str, to: &'static str, row, column, part: &str| {
        let files = damaged(1, 1, |text| {
            assert!(text.contains(from), "{from}");
            text.replacen(from, to, 1).into_bytes()
        });
        check_files(&files, row, column, part);
    };
    check("\t766\t88", "\t766,5\t88", 28, 5, "comma");
    check("\t766\t88", "\t766", 28, 6, "missing here");
    check("\t766\t88", "\t766\t88\t1", 28, 7, "more values");
    check("\t150\t", "\t15O\t", 28, 2, "not a number");
    check("\t150\tNA", "\t\tNA", 28, 2, "guideline");
    check("\tIPO0208\tIPO0207\t", "\tIPO0208\tIPO0208\t", 16, 3, "two columns");
    check("COMPLETED_ALL_STEPS\tTRUE\tTRUE", "COMPLETED_ALL_STEPS\tTRUE\tYES", 17, 3, "neither TRUE");
    check("[Notes]", "[TNotes]", 65, 1, "without the section [Notes]");
    check("20/03/2026", "03/20/2026", 5, 2, "no date");
    check("[DNA Library QC Metrics for MSI]", "[DNA Library QC Metrics for CNV]", 36, 1, "stands here again");
    let other = damaged(1, 1, |text| text.replace("IPO0207", "IPO0299").into_bytes());
    check_files(&other, 15, 1, "another run");
}

#[test]
fn shapes_that_are_right() {
    let same = |edit: fn(&str) -> String| {
        let case = demo::cases().swap_remove(0);
        let files = damaged(0, 0, |text| edit(text).into_bytes());
        let told = |files: &[SourceFile]| {
            let bundle = convert(files, Some(&case.requisition), &Options::default()).unwrap().bundle;
            bundle.entries.into_iter().filter(|entry| !matches!(entry.kind, "Binary" | "DocumentReference")).collect::<Vec<_>>()
        };
        assert_eq!(told(&files), told(&case.files));
    };
    same(|text| text.replace('\n', "\r\n"));
    same(|text| format!("\u{feff}{text}"));
    same(|text| text.trim_end().to_owned());
    same(|text| text.replace("2026-03-09", "09.03.2026"));
    same(|text| text.replace("\n\t\t\t\t\t\t\t\t\t\t\n", "\n\n\n"));
    same(|text| {
        text.replace(
            "Splice Supporting Reads\tReference Reads Transcript\t\t\t\t\t\nNA",
            "Splice Supporting Reads\tReference Reads Transcript\nNA",
        )
    });
}
