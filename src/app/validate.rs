//! `norn validate`: files held against R4, the profiles that they claim, and those that are asked for.

use std::collections::BTreeMap;
use std::io::{Read as _, Write as _};
use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use super::Ended;
use super::arguments::{Report, Validate};
use super::{package, terminology};
use crate::definitions::{Definitions, Library};
use crate::model::outcome::{Issue, IssueType, Severity, operation_outcome};
use crate::validate::file;

/// What was found in one file.
struct Finding {
    file: String,
    issues: Vec<Issue>,
}

impl Finding {
    fn count(&self, severity: Severity) -> usize {
        self.issues.iter().filter(|issue| issue.severity == severity).count()
    }

    fn errors(&self) -> usize {
        self.count(Severity::Error) + self.count(Severity::Fatal)
    }
}

/// Checks the files; [`Ended::Refused`] when one has an error.
pub(super) async fn run(command: &Validate) -> Result<(), Ended> {
    terminology::install_usual(&command.terminology)?;
    let mut definitions = Vec::new();
    for name in &command.package {
        definitions.extend(package::resources(name, &command.registry).await?);
    }
    for path in &command.definitions {
        definitions.extend(read_definitions(path)?);
    }
    let library = Library::with(Definitions::embedded(), definitions)
        .map_err(|broken| Ended::Misused(format!("the definitions cannot be used: {broken}")))?;
    if let Some((url, broken)) = library.broken().first() {
        return Err(Ended::Misused(format!("the profile {url} cannot be used: {broken}")));
    }
    if let Some(unknown) = command.profile.iter().find(|url| library.profile(url).is_none()) {
        return Err(Ended::Misused(format!("the profile {unknown} is not known: give its definition with --definitions or --package")));
    }
    let mut out = std::io::stdout().lock();
    let mut findings = Vec::new();
    for path in &command.files {
        let bytes = read(path)?;
        let found = Finding { file: path.display().to_string(), issues: file::check(&bytes, &library, &command.profile) };
        // Each file's line comes as soon as it is checked.
        match command.format {
            Report::Human => tell(&found, &mut out),
            Report::Json => writeln!(out, "{}", as_json(&found)),
            Report::Sarif => Ok(()),
        }
        .map_err(cannot_write)?;
        findings.push(found);
    }
    match command.format {
        Report::Human => summary(&findings, &mut out),
        Report::Json => Ok(()),
        Report::Sarif => writeln!(out, "{}", sarif(&findings)),
    }
    .and_then(|()| out.flush())
    .map_err(cannot_write)?;
    if findings.iter().all(|found| found.errors() == 0) { Ok(()) } else { Err(Ended::Refused) }
}

fn cannot_write(error: std::io::Error) -> Ended {
    Ended::Failed(format!("stdout cannot be written: {error}"))
}

/// The bytes of a file; `-` stands for the standard input.
fn read(path: &Path) -> Result<Vec<u8>, Ended> {
    if path.as_os_str() == "-" {
        let mut bytes = Vec::new();
        return match std::io::stdin().lock().read_to_end(&mut bytes) {
            Ok(_) => Ok(bytes),
            Err(error) => Err(Ended::Misused(format!("stdin cannot be read: {error}"))),
        };
    }
    std::fs::read(path).map_err(|error| Ended::Misused(format!("{} cannot be read: {error}", path.display())))
}

/// The definitions in a file: a resource, or a Bundle of them; and those in a folder.
fn read_definitions(path: &PathBuf) -> Result<Vec<Value>, Ended> {
    if path.is_dir() {
        let entries = std::fs::read_dir(path).map_err(|error| Ended::Misused(format!("{} cannot be read: {error}", path.display())))?;
        let mut files: Vec<PathBuf> = entries.flatten().map(|entry| entry.path()).collect();
        files.retain(|file| file.extension().is_some_and(|ending| ending == "json" || ending == "xml"));
        files.sort();
        return files.iter().map(read_definitions).collect::<Result<Vec<_>, _>>().map(|all| all.into_iter().flatten().collect());
    }
    let definition =
        file::definition(&read(path)?).ok_or_else(|| Ended::Misused(format!("{} is no FHIR resource in JSON or XML", path.display())))?;
    let entries = definition
        .get("entry")
        .and_then(Value::as_array)
        .map(|entries| entries.iter().filter_map(|entry| entry.get("resource")).cloned().collect::<Vec<_>>());
    Ok(entries.unwrap_or_else(|| vec![definition]))
}

/// `path: severity place: what to do`, a line for each issue.
fn tell(found: &Finding, out: &mut impl std::io::Write) -> std::io::Result<()> {
    for issue in &found.issues {
        let place = [&issue.expression, &issue.location]
            .into_iter()
            .find(|place| !place.is_empty())
            .map_or(String::new(), |place| format!(" {place}:"));
        writeln!(out, "{}: {}:{place} {}", found.file, issue.severity.code(), issue.diagnostics)?;
    }
    if found.issues.is_empty() {
        writeln!(out, "{}: valid", found.file)?;
    }
    Ok(())
}

fn summary(findings: &[Finding], out: &mut impl std::io::Write) -> std::io::Result<()> {
    let errors: usize = findings.iter().map(Finding::errors).sum();
    let warnings: usize = findings.iter().map(|found| found.count(Severity::Warning)).sum();
    let of = |number: usize, what: &str| format!("{number} {what}{}", if number == 1 { "" } else { "s" });
    writeln!(out, "{}: {}, {}", of(findings.len(), "file"), of(errors, "error"), of(warnings, "warning"))
}

/// `{"file": …, "outcome": OperationOutcome}`
fn as_json(found: &Finding) -> String {
    format!("{{\"file\":{},\"outcome\":{}}}", json!(found.file), operation_outcome(&found.issues))
}

/// The findings in the Static Analysis Results Interchange Format, for code hosts and editors.
///
/// Source: <https://docs.oasis-open.org/sarif/sarif/v2.1.0/sarif-v2.1.0.html>.
fn sarif(findings: &[Finding]) -> String {
    let mut rules: BTreeMap<IssueType, Value> = BTreeMap::new();
    let mut results = Vec::new();
    for found in findings {
        for issue in &found.issues {
            rules.entry(issue.code).or_insert_with(|| json!({ "id": issue.code.code() }));
            let level = match issue.severity {
                Severity::Fatal | Severity::Error => "error",
                Severity::Warning => "warning",
                Severity::Information => "note",
            };
            results.push(json!({
                "ruleId": issue.code.code(),
                "level": level,
                "message": { "text": issue.diagnostics },
                "locations": [{
                    "physicalLocation": { "artifactLocation": { "uri": found.file } },
                    "logicalLocations": [{ "fullyQualifiedName": issue.expression }],
                }],
            }));
        }
    }
    let driver = json!({
        "name": "norn",
        "version": env!("CARGO_PKG_VERSION"),
        "rules": rules.into_values().collect::<Vec<_>>(),
    });
    json!({
        "$schema": "https://json.schemastore.org/sarif-2.1.0.json",
        "version": "2.1.0",
        "runs": [{ "tool": { "driver": driver }, "results": results }],
    })
    .to_string()
}
