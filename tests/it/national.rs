//! The profiles of the Norwegian national flow: what is right passes, what breaks a rule is told once and at its place, and the check
//! digits are those that a naive function of this file works out.

use std::cell::Cell;
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::process::Command;

use norn::base::budget::Limits;
use norn::definitions::{Definitions, Library};
use norn::model::codec::read_json;
use norn::model::outcome::{Issue, Severity};
use norn::validate::{NoContext, Validator, file};
use proptest::prelude::*;
use proptest::test_runner::TestRunner;
use serde_json::{Value, json};

use crate::support::Client;
use crate::support::process::Process;

const BASE: &str = "https://norn.health/fhir";
const OID: &str = "urn:oid:2.16.578.1.12.4.1.4.";

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("profiles/national")
}

/// The JSON files of a folder by name, with their text.
fn files(folder: &Path) -> BTreeMap<String, String> {
    let paths = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).filter(|path| path.is_file());
    paths.map(|path| (path.file_name().unwrap().to_str().unwrap().to_owned(), std::fs::read_to_string(path).unwrap())).collect()
}

fn check(text: &str) -> Vec<Issue> {
    file::check(text.as_bytes(), Library::embedded(), &[])
}

#[test]
fn definitions_and_good_examples_are_right() {
    let mut all = files(&root());
    let definitions = all.len();
    all.extend(files(&root().join("examples/good")));
    assert!(definitions > 20 && all.len() > definitions + 20, "{} files", all.len());
    for (name, text) in &all {
        assert_eq!(check(text).iter().map(Issue::to_string).collect::<Vec<_>>(), Vec::<String>::new(), "{name}");
    }
}

#[test]
fn each_bad_example_breaks_one_rule() {
    let golden = std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden/national/bad.tsv")).unwrap();
    let mut bad = files(&root().join("examples/bad"));
    let mut told = BTreeSet::new();
    for line in golden.lines().filter(|line| !line.starts_with('#')) {
        let [name, severity, place, word] = line.split('\t').collect::<Vec<_>>()[..] else { panic!("{line}: four cells, please") };
        let issues = check(&bad.remove(name).unwrap_or_else(|| panic!("there is no {name}")));
        let [only] = &issues[..] else { panic!("{name}: one issue, please: {issues:#?}") };
        assert_eq!((only.severity.code(), only.expression.as_str()), (severity, place), "{name}: {only}");
        assert!(only.diagnostics.contains(word), "{name}: {only} does not tell {word}");
        told.insert(word);
    }
    assert!(bad.is_empty(), "not in the golden list: {:?}", bad.keys());
    // No rule without an example that breaks it, and none without words for people.
    for (name, text) in files(&root()).iter().filter(|(name, _)| name.starts_with("StructureDefinition-")) {
        let definition: Value = serde_json::from_str(text).unwrap();
        let elements = definition["differential"]["element"].as_array().unwrap();
        for rule in elements.iter().filter_map(|element| element["constraint"].as_array()).flatten() {
            assert!(told.contains(rule["key"].as_str().unwrap()), "{name}: no example breaks {}", rule["key"]);
            assert!(rule["human"].as_str().unwrap().len() > 20, "{name}: {}", rule["key"]);
        }
    }
}

#[test]
fn the_guide_lists_every_definition_and_example() {
    let guide: Value = serde_json::from_str(&files(&root())["ImplementationGuide-national-flow.json"]).unwrap();
    let listed: BTreeSet<String> = guide["definition"]["resource"]
        .as_array()
        .unwrap()
        .iter()
        .inspect(|resource| assert!(!resource["description"].as_str().unwrap().is_empty()))
        .map(|resource| match resource["reference"]["display"].as_str() {
            Some(example) => example.to_owned(),
            None => format!("{}.json", resource["reference"]["reference"].as_str().unwrap().replace('/', "-")),
        })
        .collect();
    let mut there: BTreeSet<String> = files(&root()).into_keys().filter(|name| !name.starts_with("ImplementationGuide-")).collect();
    there.extend(files(&root().join("examples/good")).into_keys().map(|name| format!("examples/good/{name}")));
    assert_eq!(listed, there);
    for (name, text) in files(&root()) {
        let definition: Value = serde_json::from_str(&text).unwrap();
        let (kind, id) = (definition["resourceType"].as_str().unwrap(), definition["id"].as_str().unwrap());
        assert_eq!(name, format!("{kind}-{id}.json"));
        if kind != "NamingSystem" {
            assert_eq!(definition["url"], format!("{BASE}/{kind}/{id}"));
        }
    }
}

/// The digit that makes a sum of weighted digits a multiple of 11, if there is one.
fn check_digit(digits: &str, weights: &[u32]) -> Option<u32> {
    let sum: u32 = digits.chars().zip(weights).map(|(digit, weight)| digit.to_digit(10).unwrap() * weight).sum();
    match (11 - sum % 11) % 11 {
        10 => None,
        digit => Some(digit),
    }
}

fn ends_in(number: &str, at: usize, digit: Option<u32>) -> bool {
    number[at..=at].parse().ok() == digit
}

/// Whether a national number is right, and whether its first check digit is one that comes only from 2032 on.
fn naive_person(number: &str) -> (bool, bool) {
    let sum: u32 = number.chars().zip([3, 7, 6, 1, 8, 9, 4, 5, 2]).map(|(digit, weight)| digit.to_digit(10).unwrap() * weight).sum();
    let told: u32 = number[9..10].parse().unwrap();
    // As Skatteetaten writes it: k1 = {11, 12, 13, 14} - sum mod 11, where 11 and more begin again at 0.
    let old = (11 - sum % 11) % 11 == told;
    let new = (12..=14).any(|from| (from - sum % 11) % 11 == told);
    let second = ends_in(number, 10, check_digit(&number[..10], &[5, 4, 3, 2, 7, 6, 5, 4, 3, 2]));
    ((old || new) && second, !old && new)
}

/// The rules that an identifier breaks.
fn broken(validator: &Validator<'_>, system: &str, value: &str, kind: &str) -> Vec<String> {
    let resource = json!({ "resourceType": kind, "identifier": [{ "system": system, "value": value }], "name": if kind == "Patient" {
        json!([{ "text": "x" }]) } else { json!("x") } });
    let read = read_json(resource.to_string().as_bytes(), &Definitions::embedded().schema, &Limits::default()).unwrap();
    let profile = format!("{BASE}/StructureDefinition/national-{}", kind.to_lowercase());
    let issues = validator.profile(&read, &profile, &NoContext);
    let own = issues.iter().filter(|issue| issue.expression.contains("identifier"));
    own.map(|issue| issue.diagnostics.split(' ').nth(2).unwrap_or_default().to_owned()).collect()
}

#[test]
fn check_digits_are_those_of_a_naive_function() {
    let validator = Validator::new(Library::embedded());
    let counts = Cell::new((0, 0, 0));
    let months = prop::sample::select(vec![0_u32, 40, 65, 80]);
    let numbers = (0_u32..2, 1_u32..=28, 1_u32..=12, months, 0_u32..100_000, 0_u32..10, any::<bool>(), 0_u32..4);
    // Every other number gets check digits that are right by one of the four rules, so that both answers come often.
    TestRunner::deterministic()
        .run(&(numbers, 0_u32..10), |((d, day, month, test, rest, first, repaired, rule), second)| {
            let nine = format!("{:02}{:02}{rest:05}", day + 40 * d, month + test);
            let sum: u32 = nine.chars().zip([3, 7, 6, 1, 8, 9, 4, 5, 2]).map(|(c, w)| c.to_digit(10).unwrap() * w).sum();
            let first = if repaired { (11 + rule - sum % 11) % 11 % 10 } else { first };
            let ten = format!("{nine}{first}");
            let second = if repaired { check_digit(&ten, &[5, 4, 3, 2, 7, 6, 5, 4, 3, 2]).unwrap_or(second) } else { second };
            let number = format!("{ten}{second}");
            let found = broken(&validator, &format!("{OID}{}", 1 + d), &number, "Patient");
            let (good, later) = naive_person(&number);
            let doubts = found.iter().filter(|rule| *rule == "no-id-person-3").count();
            assert_eq!(found.len() - doubts == 0, good, "{number}: {found:?}");
            assert_eq!(doubts == 1, later, "{number}: {found:?}");
            let (right, wrong, new) = counts.get();
            counts.set((right + u32::from(good), wrong + u32::from(!good), new + u32::from(good && later)));
            Ok(())
        })
        .unwrap();
    let (right, wrong, new) = counts.get();
    assert!(right > 50 && wrong > 50 && new > 20, "{right} right, {wrong} wrong, {new} of 2032");
}

#[test]
fn organisation_numbers_are_those_of_a_naive_function() {
    let validator = Validator::new(Library::embedded());
    let counts = Cell::new((0, 0));
    TestRunner::deterministic()
        .run(&(10_000_000_u32..100_000_000, 0_u32..10, any::<bool>()), |(eight, digit, repaired)| {
            let eight = eight.to_string();
            let expected = check_digit(&eight, &[3, 2, 7, 6, 5, 4, 3, 2]);
            let number = format!("{eight}{}", expected.filter(|_| repaired).unwrap_or(digit));
            let good = ends_in(&number, 8, expected);
            let found = broken(&validator, &format!("{OID}101"), &number, "Organization");
            assert_eq!(found.is_empty(), good, "{number}: {found:?}");
            counts.set((counts.get().0 + u32::from(good), counts.get().1 + u32::from(!good)));
            Ok(())
        })
        .unwrap();
    let (right, wrong) = counts.get();
    assert!(right > 50 && wrong > 50, "{right} right, {wrong} wrong");
}

#[test]
fn the_command_knows_the_profiles_without_a_flag() {
    let folder = root().join("examples");
    let run = |file: &str| {
        let profile = format!("{BASE}/StructureDefinition/national-patient");
        Command::new(env!("CARGO_BIN_EXE_norn")).args(["validate", file, "--profile", &profile]).current_dir(&folder).output().unwrap()
    };
    assert_eq!(run("good/patient-d-number.json").status.code(), Some(0));
    let bad = run("bad/fodselsnummer-second-check-digit.json");
    assert_eq!(bad.status.code(), Some(1));
    assert!(
        String::from_utf8(bad.stdout).unwrap().contains("Patient.identifier[0]: The rule no-id-person-2 is broken: the second check digit")
    );
}

/// A server that is asked to store a patient under a misread number: 422 with the place, and the number stands neither in the answer
/// nor in the log.
#[tokio::test(flavor = "multi_thread")]
async fn a_misread_number_is_refused_and_never_repeated() {
    let folder = tempfile::TempDir::new().unwrap();
    let store = format!("sqlite:{}", folder.path().join("norn.db").display());
    let process = Process::start(&["serve", "--listen", "127.0.0.1:0", "--store", &store, "--log", "trace"]);
    let client = Client::new(&process.base);
    let bad = files(&root().join("examples/bad"));
    let text = &bad["fodselsnummer-second-check-digit.json"];
    let number = serde_json::from_str::<Value>(text).unwrap()["identifier"][0]["value"].as_str().unwrap().to_owned();
    let reply = client.post("Patient", text.clone()).await.expect(422).json();
    assert_eq!(reply["issue"][0]["expression"][0], "Patient.identifier[0]", "{reply}");
    assert!(reply["issue"][0]["diagnostics"].as_str().unwrap().contains("no-id-person-2"), "{reply}");
    assert!(!reply.to_string().contains(&number), "{reply}");
    client.post("Patient", files(&root().join("examples/good"))["patient-kari.json"].clone()).await.expect(201);
    // Codes of the flow are known to the terminology operations as well.
    let set = client.get(&format!("ValueSet/$expand?url={BASE}/ValueSet/treatment-response")).await.expect(200).json();
    assert_eq!(set["expansion"]["contains"].as_array().unwrap().len(), 5, "{set}");
    let log = process.stop_and_tell();
    assert!(log.last().is_some_and(|line| line.contains("stopped")), "the whole log is here: {log:#?}");
    assert!(!log.iter().any(|line| line.contains(&number)), "the log has the number");

    // Where it is only warned of, the log tells the place, and nothing more.
    let config = folder.path().join("warn.toml");
    std::fs::write(&config, "[validation]\nmode = \"warn\"\n").unwrap();
    let process =
        Process::start(&["serve", "--listen", "127.0.0.1:0", "--store", &store, "--config", config.to_str().unwrap(), "--log", "trace"]);
    Client::new(&process.base).post("Patient", text.clone()).await.expect(201);
    let log = process.stop_and_tell();
    assert!(log.iter().any(|line| line.contains("Patient.identifier[0]")), "{log:#?}");
    assert!(!log.iter().any(|line| line.contains(&number)), "the log has the number");
}

/// Severity of the rules: what would harm a patient is an error.
#[test]
fn warnings_are_few() {
    let warnings: Vec<String> = files(&root())
        .values()
        .flat_map(|text| {
            let definition: Value = serde_json::from_str(text).unwrap();
            let elements = definition["differential"]["element"].as_array().cloned().unwrap_or_default();
            elements.into_iter().flat_map(|element| element["constraint"].as_array().cloned().unwrap_or_default()).collect::<Vec<_>>()
        })
        .filter(|rule| rule["severity"] != Severity::Error.code())
        .map(|rule| rule["key"].as_str().unwrap().to_owned())
        .collect();
    assert_eq!(warnings, ["no-coh-1", "no-pat-2", "no-id-3", "no-id-person-3"]);
}
