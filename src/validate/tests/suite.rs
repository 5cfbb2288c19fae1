//! HL7's validator cases: the same verdict as the reference, and errors at the same places, but for those listed with their reasons.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;
use std::path::{Path, PathBuf};

use serde_json::Value;

use super::golden;
use crate::definitions::{Definitions, Library};
use crate::model::outcome::{Issue, Severity};
use crate::model::schema::Kind;
use crate::validate::file;

/// What whoever runs the tests tells: where the cases are; one case to run; where to write what differs.
#[expect(clippy::disallowed_methods, reason = "whoever runs the tests says where the cases are")]
fn told(name: &str) -> Option<String> {
    std::env::var(name).ok()
}

fn folder() -> Option<PathBuf> {
    let Some(shared) = told("NORN_SHARED_DATA") else {
        eprintln!("NORN_SHARED_DATA is not set: HL7's validator cases were not run");
        return None;
    };
    Some(Path::new(&shared).join("fhir-test-cases/validator"))
}

/// A place without what the reference adds to it for people; `$` is the whole, as an empty path is here.
fn plain(place: &str) -> String {
    if place == "$" {
        return String::new();
    }
    let mut out = String::new();
    let mut rest = place;
    while !rest.is_empty() {
        let (marks, end) = match rest {
            _ if rest.starts_with("/*") => ("*/", 2),
            _ if rest.starts_with("[url=") => ("]", 1),
            _ if rest.starts_with(".ofType(") => (")", 1),
            _ => ("", 0),
        };
        if end > 0 {
            rest = rest.find(marks).and_then(|at| rest.get(at + end..)).unwrap_or("");
        } else {
            let next = rest.chars().next().unwrap();
            out.push(next);
            rest = &rest[next.len_utf8()..];
        }
    }
    out
}

/// A place as the reference's XML reader tells it, which has no numbers and begins anew in each resource: `/f:Patient/f:name`.
fn in_xml(place: &str) -> Option<String> {
    let steps = place.contains("/f:").then(|| place.trim_start_matches('/').split('/').map(|step| step.trim_start_matches("f:")))?;
    // XML names an element with its type, FHIRPath without.
    let schema = &Definitions::embedded().schema;
    let (mut path, mut ty) = (String::new(), None);
    for step in steps {
        let slot = ty.and_then(|ty| schema.slot(ty, step));
        let name = slot.map_or(step, |slot| schema.name(slot.name));
        path.push_str(if path.is_empty() { "" } else { "." });
        path.push_str(name);
        ty = slot.map(|slot| slot.ty).or_else(|| schema.type_named(step));
    }
    Some(path)
}

fn without_numbers(place: &str) -> String {
    place.split('[').map(|part| part.split_once(']').map_or(part, |(_, rest)| rest)).collect()
}

/// Whether one of our errors stands at a place of the reference.
fn is_met(place: &str, ours: &BTreeSet<String>, unreadable: bool) -> bool {
    if let Some(path) = in_xml(place) {
        // Below a resource in a Bundle, the names after its own are told.
        let tail = path.split_once('.').map(|(_, tail)| format!(".resource.{tail}"));
        return ours.iter().any(|own| {
            let own = without_numbers(own);
            own == path || (!place.starts_with('/') && tail.as_ref().is_some_and(|tail| own.ends_with(tail.as_str())))
        });
    }
    // The reference leaves out the primitive in which an extension stands; it names no element of an XML file that it cannot read.
    ours.contains(place) || ours.iter().any(|own| of_primitives(own) == place) || place == "(xml)" && unreadable
}

/// A place without the names of primitives that have extensions.
fn of_primitives(place: &str) -> String {
    let schema = &Definitions::embedded().schema;
    let (mut path, mut ty) = (String::new(), None);
    let steps: Vec<&str> = place.split('.').collect();
    for (i, step) in steps.iter().enumerate() {
        let name = step.split('[').next().unwrap();
        let found = ty.and_then(|ty| schema.slots(ty).iter().find(|slot| schema.name(slot.name) == name)).map(|slot| slot.ty);
        ty = found.or_else(|| schema.type_named(name));
        let primitive = ty.is_some_and(|ty| matches!(schema.kind(ty), Kind::Primitive(_)));
        if primitive && steps.get(i + 1).is_some_and(|next| next.starts_with("extension[")) {
            ty = schema.type_named("Element");
            continue;
        }
        path.push_str(if path.is_empty() { "" } else { "." });
        path.push_str(step);
    }
    path
}

fn texts<'a>(of: &'a Value, key: &str) -> Vec<&'a str> {
    of.get(key).and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str).collect()
}

/// The verdict and the places of errors that the reference tells.
fn expected(of: &Value) -> (bool, BTreeSet<String>) {
    let issues = of.get("issues").and_then(Value::as_array).cloned().unwrap_or_default();
    let errors = issues.iter().filter(|issue| matches!(issue["severity"].as_str(), Some("error" | "fatal")));
    (of["valid"].as_bool().unwrap(), errors.flat_map(|issue| texts(issue, "expression")).map(plain).collect())
}

/// Whether a case is about a resource of R4 in one of its formats: not CDS Hooks, CDA, logical models, JSON 5, health cards or links,
/// and not bytes that are no UTF-8.
fn is_of_r4(case: &Value, bytes: &[u8]) -> bool {
    let module = case["module"].as_str().unwrap_or("");
    let resource = bytes.starts_with(b"shlink") || matches!(module, "cda" | "cdshooks" | "logical" | "json5" | "shc");
    let text = std::str::from_utf8(bytes).map(|text| text.trim_start_matches('\u{feff}').trim_start());
    !resource && case.get("logical").is_none() && text.is_ok_and(|text| text.starts_with(['{', '<']))
}

/// How many agree, of how many.
#[derive(Default)]
struct Count {
    verdicts: (usize, usize),
    places: (usize, usize),
}

impl Count {
    fn add(counted: &mut (usize, usize), met: usize, all: usize) {
        *counted = (counted.0 + met, counted.1 + all);
    }
}

impl std::fmt::Display for Count {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let ((agreed, runs), (met, places)) = (self.verdicts, self.places);
        write!(f, "{agreed} of {runs} verdicts agree, {met} of {places} errors at the same place")
    }
}

/// One run of a case: plain, or with a profile.
struct Run<'a> {
    case: &'a Value,
    told: &'a Value,
    profile: bool,
    issues: Vec<Issue>,
}

impl Run<'_> {
    fn name(&self) -> String {
        format!("{}{}", self.case["name"].as_str().unwrap(), if self.profile { " (profile)" } else { "" })
    }

    /// Counts the run; gives its row if something differs: case, verdict of the reference, ours, places that we miss.
    fn row(&self, count: &mut Count) -> Option<String> {
        let (valid, errors) = expected(self.told);
        let ours: Vec<&Issue> = self.issues.iter().filter(|issue| issue.severity <= Severity::Error).collect();
        let places: BTreeSet<String> = ours.iter().map(|issue| plain(&issue.expression)).collect();
        let unreadable = ours.iter().any(|issue| !issue.location.is_empty() || issue.diagnostics.contains("cannot be read"));
        let missed: Vec<&str> = errors.iter().filter(|place| !is_met(place, &places, unreadable)).map(String::as_str).collect();
        let agrees = ours.is_empty() == valid;
        Count::add(&mut count.verdicts, usize::from(agrees), 1);
        Count::add(&mut count.places, errors.len() - missed.len(), errors.len());
        let verdict = |valid: bool| if valid { "valid" } else { "invalid" };
        let missed_all = if missed.is_empty() { "-".to_owned() } else { missed.join(" ") };
        (!agrees || !missed.is_empty()).then(|| format!("{}\t{}\t{}\t{missed_all}", self.name(), verdict(valid), verdict(ours.is_empty())))
    }

    fn report(&self, out: &mut String) {
        let _ = writeln!(out, "{}/{}", self.case["module"].as_str().unwrap_or("-"), self.name());
        for issue in self.issues.iter().filter(|issue| issue.severity <= Severity::Error) {
            let _ = writeln!(out, "  found  {issue}");
        }
        for issue in self.told["issues"].as_array().into_iter().flatten().filter(|issue| issue["severity"] == "error") {
            let _ = writeln!(out, "  told   {issue}");
        }
    }
}

fn runs<'a>(case: &'a Value, bytes: &[u8], read: &dyn Fn(&str) -> Option<Vec<u8>>) -> Vec<Run<'a>> {
    let own = |of: &Value| {
        let mut names: Vec<String> = texts(of, "supporting").into_iter().chain(texts(of, "profiles")).map(str::to_owned).collect();
        names.extend(of.get("source").and_then(Value::as_str).map(str::to_owned));
        names.iter().filter_map(|name| read(name)).filter_map(|bytes| file::definition(&bytes)).collect::<Vec<_>>()
    };
    let mut rounds = vec![(case, None)];
    rounds.extend(case.get("profile").map(|profile| (profile, profile["source"].as_str())));
    let run = |(told, source): (&'a Value, Option<&str>)| {
        let mut definitions = own(case);
        if told != case {
            definitions.extend(own(told));
        }
        let library = Library::with(Definitions::embedded(), definitions).unwrap();
        let profile = source.map(|source| match read(source).and_then(|bytes| file::definition(&bytes)) {
            Some(definition) => definition["url"].as_str().unwrap_or_default().to_owned(),
            None => source.to_owned(),
        });
        Run { case, told, profile: source.is_some(), issues: file::check(bytes, &library, profile.as_slice()) }
    };
    rounds.into_iter().map(run).collect()
}

#[test]
fn the_reference_agrees() {
    let Some(folder) = folder() else { return };
    let read = |name: &str| std::fs::read(folder.join(name)).ok();
    let manifest: Vec<Value> = serde_json::from_slice(&read("manifest.json").unwrap()).unwrap();
    let only = told("NORN_CASE");
    let (mut report, mut rows, mut of_r4, mut others) = (String::new(), Vec::new(), Count::default(), Count::default());
    for case in manifest.iter().filter(|case| only.as_deref().is_none_or(|only| case["name"] == only)) {
        let bytes = read(case["file"].as_str().unwrap()).unwrap();
        let count = if is_of_r4(case, &bytes) { &mut of_r4 } else { &mut others };
        for run in runs(case, &bytes, &read) {
            let row = run.row(count);
            if row.is_some() || only.is_some() {
                report.push_str(row.as_deref().unwrap_or("as wanted"));
                report.push('\n');
                run.report(&mut report);
            }
            rows.extend(row);
        }
    }
    if let Some(path) = told("NORN_SUITE_REPORT") {
        std::fs::write(path, &report).unwrap();
    }
    eprintln!("validator cases of R4: {of_r4}\nother validator cases: {others}");
    if only.is_some() {
        return;
    }
    // Twice the same name: rows are counted.
    let mut counted: BTreeMap<String, i32> = BTreeMap::new();
    rows.into_iter().for_each(|row| *counted.entry(row).or_default() += 1);
    for line in golden("cases.tsv").lines().filter(|line| !line.starts_with('#')) {
        let (row, _) = line.rsplit_once('\t').filter(|(_, why)| !why.is_empty()).unwrap_or_else(|| panic!("{line}: why?"));
        *counted.entry(row.to_owned()).or_default() -= 1;
    }
    let lines =
        |wanted: fn(i32) -> bool| -> String { counted.iter().filter(|(_, n)| wanted(**n)).map(|(row, _)| format!("{row}\n")).collect() };
    let (besides, gone) = (lines(|n| n > 0), lines(|n| n < 0));
    assert!(besides.is_empty() && gone.is_empty(), "differs besides:\n{besides}\nlisted, but differs no more:\n{gone}");
}
