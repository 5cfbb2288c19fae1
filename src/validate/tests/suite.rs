//! HL7's validator cases: the verdict of the reference validator, and an error at each place where it finds one.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::definitions::{Definitions, Library};
use crate::model::outcome::Severity;
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

/// A place without what the reference adds to it for people.
fn plain(place: &str) -> String {
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

fn texts<'a>(of: &'a Value, key: &str) -> Vec<&'a str> {
    of.get(key).and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str).collect()
}

/// The verdict and the places of errors that the reference tells.
fn expected(of: &Value) -> (bool, BTreeSet<String>) {
    let issues = of.get("issues").and_then(Value::as_array).cloned().unwrap_or_default();
    let errors = issues.iter().filter(|issue| matches!(issue["severity"].as_str(), Some("error" | "fatal")));
    (of["valid"].as_bool().unwrap(), errors.flat_map(|issue| texts(issue, "expression")).map(plain).collect())
}

#[test]
fn the_reference_agrees() {
    let Some(folder) = folder() else { return };
    let read = |name: &str| std::fs::read(folder.join(name)).ok();
    let manifest: Vec<Value> = serde_json::from_slice(&read("manifest.json").unwrap()).unwrap();
    let (mut list, mut agreed, mut places, mut found_places, mut runs) = (String::new(), 0, 0, 0, 0);
    let only = told("NORN_CASE");
    for case in manifest.iter().filter(|case| only.as_deref().is_none_or(|only| case["name"] == only)) {
        let bytes = read(case["file"].as_str().unwrap()).unwrap();
        let own = |of: &Value| {
            let mut names: Vec<String> = texts(of, "supporting").into_iter().chain(texts(of, "profiles")).map(str::to_owned).collect();
            names.extend(of.get("source").and_then(Value::as_str).map(str::to_owned));
            names.iter().filter_map(|name| read(name)).filter_map(|bytes| file::definition(&bytes)).collect::<Vec<_>>()
        };
        let mut rounds = vec![(case, None)];
        rounds.extend(case.get("profile").map(|profile| (profile, profile["source"].as_str())));
        for (round, source) in rounds {
            let mut definitions = own(case);
            if round != case {
                definitions.extend(own(round));
            }
            let library = Library::with(Definitions::embedded(), definitions).unwrap();
            let profile = source.map(|source| match read(source).and_then(|bytes| file::definition(&bytes)) {
                Some(definition) => definition["url"].as_str().unwrap_or_default().to_owned(),
                None => source.to_owned(),
            });
            let issues = file::check(&bytes, &library, profile.as_slice());
            let (valid, errors) = expected(round);
            let ours: BTreeSet<String> =
                issues.iter().filter(|issue| issue.severity <= Severity::Error).map(|issue| plain(&issue.expression)).collect();
            runs += 1;
            let met = errors.iter().filter(|place| ours.contains(*place)).count();
            (places, found_places) = (places + errors.len(), found_places + met);
            let agrees = ours.is_empty() == valid;
            agreed += usize::from(agrees);
            if !agrees || met < errors.len() || only.is_some() {
                list.push_str(&format!(
                    "{} {}/{}{}: {}\n  wanted {errors:?}\n",
                    if agrees { "place" } else { "VERDICT" },
                    case["module"].as_str().unwrap_or("-"),
                    case["name"].as_str().unwrap(),
                    if source.is_some() { " (profile)" } else { "" },
                    if valid { "valid" } else { "invalid" },
                ));
                for issue in issues.iter().filter(|issue| issue.severity <= Severity::Error) {
                    list.push_str(&format!("  found  {issue}\n"));
                }
                for issue in round["issues"].as_array().into_iter().flatten().filter(|_| only.is_some()) {
                    list.push_str(&format!("  told   {issue}\n"));
                }
            }
        }
    }
    if let Some(path) = told("NORN_SUITE_REPORT") {
        std::fs::write(path, &list).unwrap();
    }
    if only.is_none() {
        assert!(agreed >= 355 && found_places >= 152, "{agreed} verdicts and {found_places} places: fewer than before");
    }
    eprintln!("validator cases: {agreed} of {runs} verdicts agree, {found_places} of {places} errors at the same place");
}
