//! Foreign input at random: mutated expressions, profiles and packages never make the gateway panic, and every evaluation ends.
//!
//! The mutations start from what is real: the invariants of R4, the profiles of the national flow, an archive. A fixed number of rounds is
//! the usual run; `NORN_HOSTILE_SECONDS` makes it go on, with other numbers, for as long as it says (`just soak`: ten minutes).

use std::io::Write as _;
use std::path::Path;
use std::time::{Duration, Instant};

use norn::base::budget::Limits;
use norn::definitions::package::{Package, PackageLimits};
use norn::definitions::{Definitions, Library};
use norn::fhirpath::{Environment, Expression, Mode};
use norn::model::codec::read_json;
use norn::model::resource::Resource;
use norn::validate::{NoContext, Validator};
use serde_json::Value;

use crate::support::chance::Chance;

/// What is put into expressions: words of the language, and things that grow.
const WORDS: [&str; 30] = [
    "(",
    ")",
    "[0]",
    ".",
    " and ",
    " implies ",
    " | ",
    " & ",
    "$this",
    "$total",
    "%resource",
    "%`",
    "'",
    "{}",
    "-",
    "*",
    " is ",
    "@2020-01-31",
    "9999999999",
    "0.00000001 'mg'",
    ".repeat($this & $this)",
    ".aggregate($total + $this, 1)",
    ".matches('(a+)+$')",
    ".descendants()",
    ".select($this | $this)",
    ".resolve()",
    ".replace('', 'xxxxxxxx')",
    ".all($this.exists())",
    "Patient",
    "\u{1F9EC}",
];

/// How long to go on, beyond the fixed rounds.
#[expect(clippy::disallowed_methods, reason = "whoever runs the tests says for how long")]
fn seconds() -> u64 {
    std::env::var("NORN_HOSTILE_SECONDS").ok().and_then(|seconds| seconds.parse().ok()).unwrap_or(0)
}

/// Runs `round` for that many rounds, and on until the time is over.
#[expect(clippy::print_stderr, reason = "a long run tells how far it came")]
fn rounds(fixed: u64, mut round: impl FnMut(&mut Chance)) {
    let (begun, mut number) = (Instant::now(), 0);
    while number < fixed || begun.elapsed().as_secs() < seconds() {
        round(&mut Chance(number));
        number += 1;
    }
    eprintln!("{number} rounds");
}

/// A text with a few places cut, doubled, or filled with a word.
fn mutated(text: &str, chance: &mut Chance) -> String {
    let mut chars: Vec<char> = text.chars().collect();
    for _ in 0..=chance.next(4) {
        let (at, length) = (chance.next(chars.len() + 1), chance.next(12));
        let end = (at + length).min(chars.len());
        match chance.next(3) {
            0 => drop(chars.drain(at..end)),
            1 => {
                let copy = chars[at..end].to_vec();
                let to = chance.next(chars.len() + 1);
                chars.splice(to..to, copy);
            }
            _ => drop(chars.splice(at..at, WORDS[chance.next(WORDS.len())].chars())),
        }
    }
    chars.into_iter().collect()
}

fn patient() -> Resource {
    let text = r#"{"resourceType":"Patient","id":"p","text":{"status":"generated","div":"<div xmlns=\"http://www.w3.org/1999/xhtml\">a</div>"},
        "name":[{"given":["aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa!"],"family":"Åsen","_family":{"extension":[{"url":"http://example.org/x","valueInteger":3}]}}],
        "birthDate":"1970-01","contact":[{"name":{"text":"B"}}],"multipleBirthInteger":2,"generalPractitioner":[{"reference":"Organization/o"}]}"#;
    read_json(text.as_bytes(), &Definitions::embedded().schema, &Limits::default()).unwrap()
}

#[test]
fn no_expression_makes_the_engine_fall() {
    let schema = &Definitions::embedded().schema;
    let types = ["Patient", "Observation", "Bundle", "Questionnaire", "ElementDefinition", "Extension"]
        .map(|name| schema.type_named(name).unwrap());
    let seeds: Vec<&str> = types.iter().flat_map(|ty| Definitions::embedded().constraints(*ty)).map(|rule| rule.expression).collect();
    assert!(seeds.len() > 30, "{} invariants", seeds.len());
    let patient = patient();
    let (mut compiled, mut answered) = (0, 0);
    rounds(20_000, |chance| {
        let text = mutated(seeds[chance.next(seeds.len())], chance);
        let Ok(expression) = Expression::compile(&text, schema) else { return };
        compiled += 1;
        for mode in [Mode::Strict, Mode::Lenient, Mode::Search] {
            let environment = Environment { mode, ..Environment::of(patient.root()) };
            answered += usize::from(expression.evaluate_with(patient.root(), &environment).is_ok());
        }
    });
    // Most mutations must reach the engine, or nothing is tested.
    assert!(compiled > 2_000 && answered > 1_000, "{compiled} compiled, {answered} answered");
}

#[test]
fn no_profile_makes_the_validator_fall() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("profiles/national");
    let mut seeds: Vec<String> = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.file_name().unwrap().to_str().unwrap().starts_with("StructureDefinition-"))
        .map(|path| std::fs::read_to_string(path).unwrap())
        .collect();
    seeds.sort();
    let patient = patient();
    let (mut read, mut taken, mut slowest) = (0, 0, (Duration::ZERO, 0));
    let (begun, mut number) = (Instant::now(), 0);
    // Definitions stay in memory for as long as the process, so the long run rests on the other tests beyond these rounds.
    while number < 150 || (number < 5_000 && begun.elapsed().as_secs() < seconds()) {
        let (mut chance, from) = (Chance(number), Instant::now());
        number += 1;
        let text = mutated(&seeds[chance.next(seeds.len())], &mut chance);
        let mut value = match serde_json::from_str::<Value>(&text) {
            Ok(value) => value,
            Err(_) => serde_json::from_str(&seeds[chance.next(seeds.len())]).unwrap(),
        };
        break_one(&mut value, &mut chance);
        read += 1;
        let url = value["url"].as_str().unwrap_or("").to_owned();
        let Ok(library) = Library::with(Definitions::embedded(), vec![value]) else { continue };
        taken += usize::from(library.broken().is_empty());
        drop(Validator::new(&library).asked(&patient, &[&url], &NoContext));
        slowest = slowest.max((from.elapsed(), number));
    }
    eprintln!("{number} profiles; the slowest took {:?}, it was number {}", slowest.0, slowest.1);
    assert!(read > 100 && taken > 10, "{read} read, {taken} taken");
}

/// Puts something else into one place of a definition.
fn break_one(value: &mut Value, chance: &mut Chance) {
    let parts = value.as_object().map(serde_json::Map::len).or(value.as_array().map(Vec::len)).unwrap_or(0);
    if parts == 0 || chance.next(5) == 0 {
        let other = [Value::Null, Value::Array(vec![]), "x[x]".into(), "Patient.name.name.name:a/b".into(), (-1).into(), true.into()];
        *value = other[chance.next(other.len())].clone();
        return;
    }
    let place = chance.next(parts);
    match value {
        Value::Object(members) => break_one(members.values_mut().nth(place).unwrap(), chance),
        Value::Array(items) => break_one(&mut items[place], chance),
        _ => {}
    }
}

#[test]
fn no_archive_makes_the_reader_of_packages_fall() {
    let limits = || PackageLimits { total: 1 << 20, ..PackageLimits::default() };
    let archive = |entries: &[(&str, &[u8])]| {
        let mut tar = tar::Builder::new(Vec::new());
        for (name, content) in entries {
            let mut header = tar::Header::new_gnu();
            header.set_size(content.len() as u64);
            header.set_mode(0o644);
            tar.append_data(&mut header, name, *content).unwrap();
        }
        tar.into_inner().unwrap()
    };
    let squeeze = |tar: &[u8]| {
        let mut gz = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        gz.write_all(tar).unwrap();
        gz.finish().unwrap()
    };
    let manifest = br#"{"name":"a.b","version":"1.0.0","dependencies":{"c.d":"2.0.0"}}"#;
    let seed =
        archive(&[("package/package.json", manifest), ("package/ValueSet-a.json", br#"{"resourceType":"ValueSet","url":"http://a"}"#)]);
    assert!(Package::from_tgz(&squeeze(&seed), limits()).is_ok());
    let (mut taken, mut refused) = (0, 0);
    rounds(3_000, |chance| {
        // Either the archive is broken inside of the compression, or the compression itself.
        let inside = chance.next(3) > 0;
        let mut bytes = if inside { seed.clone() } else { squeeze(&seed) };
        for _ in 0..=chance.next(6) {
            let at = chance.next(bytes.len());
            bytes[at] = u8::try_from(chance.next(256)).unwrap();
        }
        bytes.truncate(bytes.len() - if chance.next(4) == 0 { chance.next(bytes.len()) } else { 0 });
        let bytes = if inside { squeeze(&bytes) } else { bytes };
        match Package::from_tgz(&bytes, limits()) {
            Ok(package) => {
                taken += 1;
                drop(package.dependencies());
                drop(package.resources("ValueSet", drop));
            }
            Err(_) => refused += 1,
        }
    });
    assert!(taken > 50 && refused > 500, "{taken} taken, {refused} refused");
}
