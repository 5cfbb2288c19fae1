//! Judges one answer by what a step expects, and takes captured values out of it.

use serde_json::Value;

use crate::case::Step;
use crate::client::Reply;
use crate::template::Variables;
use crate::{check, oracle, path::Path, path::plain, rules};

/// Everything that is not as the step expects, one sentence each; empty if all is well.
#[must_use]
pub fn judge(step: &Step, variables: &Variables, reply: &Reply) -> Vec<String> {
    let body = json(reply);
    if !step.status.allow(reply.status) {
        let told = body.as_ref().ok().and_then(summary).map(|text| format!(" ({text})")).unwrap_or_default();
        // What follows from a wrong status would only hide it.
        return vec![format!("status: expected {}, got {}{told}", step.status, reply.status)];
    }
    let mut wrong = always(reply, body.as_ref());
    let mut note = |held: Result<(), String>| wrong.extend(held.err());
    for line in &step.header {
        note(variables.fill(line).and_then(|line| check::header(&line, |name| reply.header(name))));
    }
    let text = readable(reply);
    for line in &step.text {
        note(variables.fill(line).and_then(|line| check::text(&line, &text)));
    }
    if !step.check.is_empty() || step.issue.is_some() || step.says.is_some() {
        match &body {
            Err(problem) => note(Err(problem.clone())),
            Ok(body) => {
                for line in &step.check {
                    note(variables.fill(line).and_then(|line| check::json(&line, body)));
                }
                if let Some(text) = &step.issue {
                    note(variables.fill(text).and_then(|text| issue(body, &text, &["expression", "location"])));
                }
                if let Some(text) = &step.says {
                    note(variables.fill(text).and_then(|text| issue(body, &text, &["expression", "location", "diagnostics", "details"])));
                }
            }
        }
    }
    wrong
}

/// The body as JSON.
///
/// # Errors
/// Says why it is none.
pub fn json(reply: &Reply) -> Result<Value, String> {
    if reply.body.is_empty() {
        return Err("body: expected JSON, got no body".to_owned());
    }
    let content_type = reply.header("content-type").unwrap_or_else(|| "no Content-Type".to_owned());
    serde_json::from_slice(&reply.body).map_err(|error| format!("body: expected JSON, got {content_type} ({error})"))
}

/// The body as text checks see it: white space between the tags of XML is a matter of taste.
fn readable(reply: &Reply) -> String {
    let text = reply.text();
    if !reply.header("content-type").is_some_and(|value| value.to_lowercase().contains("xml")) {
        return text;
    }
    let mut pieces = text.split('>');
    let mut joined = pieces.next().unwrap_or_default().to_owned();
    for piece in pieces {
        let next = piece.trim_start();
        joined.push('>');
        joined.push_str(if next.starts_with('<') || next.is_empty() { next } else { piece });
    }
    joined
}

/// What must hold for every answer.
fn always(reply: &Reply, body: Result<&Value, &String>) -> Vec<String> {
    let mut wrong = Vec::new();
    let content_type = reply.header("content-type").map(|value| value.to_lowercase());
    match content_type {
        None if !reply.body.is_empty() => wrong.push("the answer has a body but no Content-Type".to_owned()),
        Some(value) if value.contains("json") && !reply.body.is_empty() => match body {
            Err(problem) => wrong.push(problem.clone()),
            Ok(body) => {
                wrong.extend(rules::faults(&reply.text(), body));
                wrong.extend(oracle::objection(body));
            }
        },
        _ => {}
    }
    wrong
}

/// Whether an error of the OperationOutcome mentions `text` in one of `parts`.
fn issue(body: &Value, text: &str, parts: &[&str]) -> Result<(), String> {
    if body.get("resourceType").and_then(Value::as_str) != Some("OperationOutcome") {
        let got = body.get("resourceType").map_or_else(|| "no resource".to_owned(), plain);
        return Err(format!("body: expected an OperationOutcome, got {got}"));
    }
    let issues = body.get("issue").and_then(Value::as_array).cloned().unwrap_or_default();
    let grave = |issue: &&Value| matches!(issue.get("severity").and_then(Value::as_str), Some("error" | "fatal"));
    let errors: Vec<&Value> = issues.iter().filter(grave).collect();
    if errors.is_empty() {
        return Err("issue: expected one with severity error or fatal, got none".to_owned());
    }
    let mentions = |part: Option<&Value>| part.is_some_and(|part| strings(part).iter().any(|string| string.contains(text)));
    if errors.iter().any(|issue| parts.iter().any(|part| mentions(issue.get(*part)))) {
        return Ok(());
    }
    let wanted = if text.is_empty() { "one that says where".to_owned() } else { format!("one with `{text}` in {}", parts.join(" or ")) };
    let told: Vec<String> = errors.iter().map(ToString::to_string).collect();
    Err(format!("issue: expected {wanted}, got {}", told.join(", ")))
}

/// All strings inside a value.
fn strings(value: &Value) -> Vec<&str> {
    match value {
        Value::String(text) => vec![text],
        Value::Array(items) => items.iter().flat_map(strings).collect(),
        Value::Object(members) => members.values().flat_map(strings).collect(),
        _ => Vec::new(),
    }
}

/// The first issue of an OperationOutcome in short.
fn summary(body: &Value) -> Option<String> {
    let issue = body.get("issue")?.get(0)?;
    let code = issue.get("code").map(plain).unwrap_or_default();
    let place = issue.get("expression").or_else(|| issue.get("location")).and_then(|all| all.get(0)).map(plain);
    let text = issue.get("diagnostics").or_else(|| issue.get("details").and_then(|details| details.get("text"))).map(plain);
    Some([Some(code), place, text].into_iter().flatten().collect::<Vec<_>>().join(": "))
}

/// Takes a value out of an answer: `header Location | version`, `entry[0].resource.id`, `meta.lastUpdated`.
///
/// # Errors
/// If there is no such value, or not exactly one.
pub fn capture(source: &str, reply: &Reply) -> Result<String, String> {
    // A bar inside brackets belongs to the path.
    let (source, part) = match source.rsplit_once('|') {
        Some((source, part)) if !part.contains(']') => (source.trim(), Some(part.trim())),
        _ => (source.trim(), None),
    };
    let value = match source.strip_prefix("header ") {
        Some(name) => reply.header(name.trim()).ok_or_else(|| format!("capture: the answer has no header {name}"))?,
        None => match Path::parse(source)?.select(&json(reply)?).as_slice() {
            [one] => plain(one),
            several => return Err(format!("capture: `{source}` selects {} values instead of one", several.len())),
        },
    };
    match part {
        None => Ok(value),
        Some(part) => piece(part, &value).ok_or_else(|| format!("capture: there is no {part} in `{value}`")),
    }
}

/// The parts that can be asked for after a bar.
pub const PARTS: [&str; 4] = ["type", "id", "version", "tag"];

/// A part of a versioned reference (`…/Patient/1/_history/2`) or of an entity tag (`W/"2"`).
fn piece(part: &str, value: &str) -> Option<String> {
    if part == "tag" {
        return Some(value.trim_start_matches("W/").strip_prefix('"')?.strip_suffix('"')?.to_owned());
    }
    let (reference, version) = match value.split_once("/_history/") {
        Some((reference, version)) => (reference, Some(version)),
        None => (value, None),
    };
    let mut segments = reference.rsplit('/');
    let (id, kind) = (segments.next(), segments.next());
    match part {
        "id" => id.map(str::to_owned),
        "type" => kind.map(str::to_owned),
        "version" => version.map(str::to_owned),
        _ => None,
    }
}

#[cfg(test)]
mod tests;
