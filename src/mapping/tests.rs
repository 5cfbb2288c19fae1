//! The whole way: demo cases and traps against files that people have looked at, and what damage does.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use proptest::prelude::*;

use super::*;
use crate::mapping::ledger::Fate;

/// A case to convert: its name, its files, its requisition.
type Case = (String, Vec<SourceFile>, Option<SourceFile>);

fn golden() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden/tso500")
}

/// The demo cases, whose inputs stand beside the code, and those whose inputs stand beside the expected files.
fn cases() -> Vec<Case> {
    let mut cases: Vec<Case> = demo::cases().into_iter().map(|case| (case.name.to_owned(), case.files, Some(case.requisition))).collect();
    let mut files = Vec::new();
    for name in ["IPA4711_CombinedVariantOutput.tsv", "IPA4711_MetricsOutput.tsv"] {
        files.push(SourceFile { name: name.to_owned(), bytes: std::fs::read(golden().join("traps").join(name)).unwrap() });
    }
    cases.push(("traps".to_owned(), files, None));
    cases
}

fn first_difference(a: &str, b: &str) -> String {
    let at = a.lines().zip(b.lines()).position(|(a, b)| a != b).unwrap_or_else(|| a.lines().count().min(b.lines().count()));
    format!("line {}: expected {:?}, found {:?}", at + 1, a.lines().nth(at), b.lines().nth(at))
}

/// Rewritten by `just golden`; the difference is reviewed.
#[test]
fn bundles_and_ledgers_are_as_reviewed() {
    for (name, files, requisition) in cases() {
        let conversion = convert(&files, requisition.as_ref(), &Options::default()).unwrap_or_else(|e| panic!("{name}: {e:?}"));
        for (file, found) in [("expected.bundle.json", conversion.bundle.to_json()), ("expected.ledger.json", conversion.ledger.to_json())]
        {
            let path = golden().join(&name).join(file);
            let expected = std::fs::read_to_string(&path).unwrap_or_default();
            assert!(expected == found, "{}: {}", path.display(), first_difference(&expected, &found));
        }
        check(&files, requisition.as_ref(), &conversion);
    }
}

/// Number of cells that hold something, counted without our own reader.
fn filled_cells(file: &SourceFile) -> usize {
    let text = std::str::from_utf8(&file.bytes).unwrap();
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    text.split('\n').flat_map(|line| line.strip_suffix('\r').unwrap_or(line).split('\t')).filter(|cell| !cell.is_empty()).count()
}

/// What holds for every conversion, whatever the input: the ledger adds up, and the Bundle refers to itself only.
fn check(files: &[SourceFile], requisition: Option<&SourceFile>, conversion: &Conversion) {
    let ledger = &conversion.ledger;
    for file in files {
        let fields: Vec<_> = ledger.fields.iter().filter(|field| field.source == file.name).collect();
        assert_eq!(fields.len(), filled_cells(file), "{}", file.name);
        let places: BTreeSet<_> = fields.iter().map(|field| (field.row, field.column)).collect();
        assert_eq!(places.len(), fields.len(), "{}", file.name);
        let text = std::str::from_utf8(&file.bytes).unwrap();
        let lines: Vec<&str> = text.strip_prefix('\u{feff}').unwrap_or(text).lines().collect();
        for field in fields {
            assert_eq!(lines[field.row - 1].split('\t').nth(field.column - 1), Some(field.value.as_str()));
        }
    }
    let names: BTreeSet<&str> = files.iter().chain(requisition).map(|file| file.name.as_str()).collect();
    for field in &ledger.fields {
        assert!(names.contains(field.source.as_str()) && !field.account.is_empty(), "{field:?}");
    }
    assert_eq!([Fate::Mapped, Fate::Carried, Fate::Refused].map(|fate| ledger.count(fate)).iter().sum::<usize>(), ledger.fields.len());
    let text = conversion.bundle.to_json();
    let json: serde_json::Value = serde_json::from_str(&text).unwrap();
    let urls: BTreeSet<&str> = json["entry"].as_array().unwrap().iter().map(|entry| entry["fullUrl"].as_str().unwrap()).collect();
    assert_eq!(urls.len(), conversion.bundle.entries.len());
    for reference in text.split("\"reference\": \"").skip(1).map(|rest| rest.split('"').next().unwrap()) {
        assert!(urls.contains(reference), "{reference}");
    }
    // What the ledger names as a target is in the Bundle.
    let ids: BTreeSet<&str> = conversion.bundle.entries.iter().map(|entry| entry.id.as_str()).collect();
    for field in ledger.fields.iter().filter(|field| field.fate != Fate::Refused) {
        for target in field.account.split("; ") {
            let id = target.split('/').nth(1).and_then(|rest| rest.split('.').next()).unwrap_or_default();
            assert!(ids.contains(id), "{field:?}");
        }
    }
}

#[test]
fn the_same_input_gives_the_same_bytes() {
    for (_, files, requisition) in cases() {
        let told = || {
            let conversion = convert(&files, requisition.as_ref(), &Options::default()).unwrap();
            (conversion.bundle.to_json(), conversion.ledger.to_json())
        };
        assert_eq!(told(), told());
    }
}

#[test]
fn a_tumour_only_result_never_says_somatic() {
    for (name, files, requisition) in cases() {
        let text = convert(&files, requisition.as_ref(), &Options::default()).unwrap().bundle.to_json();
        assert!(!text.contains("LA6684-0") && !text.contains("omatic"), "{name}");
    }
    let case = demo::cases().swap_remove(0);
    let told = SourceFile { name: "r.toml".to_owned(), bytes: b"[genome]\nsource_class = \"somatic\"\n".to_vec() };
    assert!(convert(&case.files, Some(&told), &Options::default()).unwrap().bundle.to_json().contains("LA6684-0"));
}

#[test]
fn values_of_observations_are_as_the_category_wants() {
    let check = |name: &str, expected: &[(&str, &str)]| {
        let (_, files, requisition) = cases().into_iter().find(|case| case.0 == name).unwrap();
        let bundle = convert(&files, requisition.as_ref(), &Options::default()).unwrap().bundle;
        let mut told = BTreeMap::<String, BTreeSet<String>>::new();
        for entry in &bundle.entries {
            let resource: serde_json::Value = serde_json::from_str(&entry.resource.to_json()).unwrap();
            let Some(components) = resource["component"].as_array() else { continue };
            let Some(category) = components.iter().find(|component| component["code"]["coding"][0]["code"] == "change-category") else {
                continue;
            };
            let value = &resource["valueCodeableConcept"]["coding"][0]["display"];
            let absent = &resource["dataAbsentReason"]["coding"][0]["code"];
            let value = value.as_str().or(absent.as_str()).unwrap().to_owned();
            told.entry(category["valueCodeableConcept"]["coding"][0]["code"].as_str().unwrap().to_owned()).or_default().insert(value);
        }
        let told: Vec<(String, String)> = told.into_iter().map(|(k, v)| (k, v.into_iter().collect::<Vec<_>>().join(" "))).collect();
        let expected: Vec<(String, String)> = expected.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect();
        assert_eq!(told, expected, "{name}");
    };
    check(
        "lung-localapp",
        &[("copy-number-variant", "Present"), ("fusion", "Present"), ("small-variant", "Present"), ("splice-variant", "Absent")],
    );
    check(
        "ovary-dragen-gis",
        &[
            ("copy-number-variant", "Present"),
            ("fusion", "Indeterminate"),
            ("large-rearrangement", "Present"),
            ("small-variant", "Present"),
            ("splice-variant", "Indeterminate"),
        ],
    );
    check(
        "rna-only",
        &[
            ("copy-number-variant", "not-performed"),
            ("fusion", "Present"),
            ("small-variant", "not-performed"),
            ("splice-variant", "Present"),
        ],
    );
    check(
        "traps",
        &[
            ("copy-number-variant", "No call"),
            ("fusion", "not-performed"),
            ("small-variant", "Present"),
            ("splice-variant", "not-performed"),
        ],
    );
}

#[test]
fn dna_and_rna_may_come_in_two_files() {
    let case = demo::cases().swap_remove(0);
    let text = std::str::from_utf8(&case.files[0].bytes).unwrap();
    let part = |name: &str, text: String| SourceFile { name: name.to_owned(), bytes: text.into_bytes() };
    let empty = |text: &str, section: &str| {
        let (before, rest) = text.split_once(&format!("[{section}]")).unwrap();
        let (head, rest) = rest.split_once("\n").unwrap();
        let (columns, rest) = rest.split_once("\n").unwrap();
        let end = rest.find("\n\t\t").map_or("", |at| &rest[at..]);
        format!("{before}[{section}]{head}\n{columns}\nNA\n{end}")
    };
    let dna = part("dna.tsv", empty(&text.replace("\tIPD0101-R03-P01-A15\t", "\tNA\t"), "Fusions"));
    let mut rna = text.replace("\tIPD0101-D01-P01-A15\t", "\tNA\t").replace("8.6\t", "NA\t").replace("3.36\t", "NA\t");
    for section in ["Small Variants", "Gene Amplifications"] {
        rna = empty(&rna, section);
    }
    let rna = part("rna.tsv", rna);
    let both = convert(&[dna.clone(), rna.clone()], None, &Options::default()).unwrap();
    let whole = convert(&case.files[..1], None, &Options::default()).unwrap();
    let ids = |conversion: &Conversion| {
        let own = |entry: &&bundle::Entry| matches!(entry.kind, "Observation" | "DiagnosticReport" | "MolecularSequence");
        conversion.bundle.entries.iter().filter(own).map(|entry| entry.id.clone()).collect::<BTreeSet<_>>()
    };
    assert_eq!(ids(&both), ids(&whole));
    let twice = convert(&[dna.clone(), dna], None, &Options::default()).unwrap_err();
    assert!(twice[0].message.contains("same kind of sample"), "{twice:?}");
}

/// What a damaged copy of a file undergoes.
#[derive(Clone, Debug)]
enum Damage {
    DropLine(usize),
    RepeatLine(usize),
    SwapLines(usize, usize),
    DropCell(usize, usize),
    SetCell(usize, usize, String),
    Cut(usize),
    Insert(usize, u8),
}

fn damage() -> impl Strategy<Value = Damage> {
    let text = prop_oneof![
        Just("NA".to_owned()),
        Just(String::new()),
        Just("1,5".to_owned()),
        Just("1-Mar".to_owned()),
        Just("#REF!".to_owned()),
        Just("99999999999999999999".to_owned()),
        Just("[TMB]".to_owned()),
        "\\PC{0,12}",
        "[0-9.:/;-]{1,10}",
    ];
    prop_oneof![
        any::<usize>().prop_map(Damage::DropLine),
        any::<usize>().prop_map(Damage::RepeatLine),
        any::<(usize, usize)>().prop_map(|(a, b)| Damage::SwapLines(a, b)),
        any::<(usize, usize)>().prop_map(|(a, b)| Damage::DropCell(a, b)),
        (any::<usize>(), any::<usize>(), text).prop_map(|(a, b, text)| Damage::SetCell(a, b, text)),
        any::<usize>().prop_map(Damage::Cut),
        any::<(usize, u8)>().prop_map(|(a, b)| Damage::Insert(a, b)),
    ]
}

impl Damage {
    fn apply(&self, bytes: &[u8]) -> Vec<u8> {
        let mut lines: Vec<Vec<u8>> = bytes.split(|b| *b == b'\n').map(<[u8]>::to_vec).collect();
        let count = lines.len();
        match self {
            Self::DropLine(at) => drop(lines.remove(at % count)),
            Self::RepeatLine(at) => lines.insert(at % count, lines[at % count].clone()),
            Self::SwapLines(a, b) => lines.swap(a % count, b % count),
            Self::DropCell(at, cell) | Self::SetCell(at, cell, _) => {
                let line = &mut lines[at % count];
                let mut cells: Vec<Vec<u8>> = line.split(|b| *b == b'\t').map(<[u8]>::to_vec).collect();
                let cell = cell % cells.len();
                match self {
                    Self::SetCell(_, _, text) => cells[cell] = text.clone().into_bytes(),
                    _ => drop(cells.remove(cell)),
                }
                *line = cells.join(&b'\t');
            }
            Self::Cut(at) => return bytes[..at % bytes.len()].to_vec(),
            Self::Insert(at, byte) => {
                let mut bytes = bytes.to_vec();
                bytes.insert(at % bytes.len(), *byte);
                return bytes;
            }
        }
        lines.join(&b'\n')
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 600, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn damage_is_refused_with_a_place_or_accounted_for(case in 0_usize..4, file in any::<usize>(), damages in prop::collection::vec(damage(), 1..4)) {
        let (_, mut files, requisition) = cases().swap_remove(case);
        let at = file % files.len();
        for damage in &damages {
            if !files[at].bytes.is_empty() {
                files[at].bytes = damage.apply(&files[at].bytes);
            }
        }
        match convert(&files, requisition.as_ref(), &Options::default()) {
            Ok(conversion) => check(&files, requisition.as_ref(), &conversion),
            Err(refusals) => {
                prop_assert!(!refusals.is_empty());
                for refusal in refusals {
                    prop_assert!(refusal.row > 0 && refusal.column > 0 && !refusal.file.is_empty(), "{refusal}");
                }
            }
        }
    }
}
