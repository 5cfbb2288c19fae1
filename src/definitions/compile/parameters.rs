//! `search-parameters.tsv` out of the SearchParameters of R4: one row per resource type and code.
//!
//! Source: <https://hl7.org/fhir/R4/searchparameter.html>, <https://hl7.org/fhir/R4/searchparameter-registry.html>.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::CompileError;
use super::catalogue::Catalogue;
use super::json::{flag, list, text, texts};
use crate::definitions::table::Writer;

/// Parameters that search by rules of their own and so need no expression.
const SPECIAL: [&str; 4] = ["_content", "_filter", "_query", "_text"];

/// So many targets mean any resource: R4 writes "any" out as all types but Parameters.
const ANY: usize = 145;

/// The table of search parameters.
pub(super) fn table(all: &Catalogue) -> Result<String, CompileError> {
    let by_url = &all.parameters;
    // The first one taken stands: experimental ones repeat `_id` and `Condition.subject` as examples, so they come last.
    let mut rows: BTreeMap<(&str, &str), &Value> = BTreeMap::new();
    for late in [false, true] {
        for parameter in by_url.values().filter(|parameter| flag(parameter, "experimental") == late) {
            for base in texts(parameter, "base") {
                if special(parameter) || !branches(text(parameter, "expression"), base).is_empty() {
                    rows.entry((base, text(parameter, "code"))).or_insert(parameter);
                }
            }
        }
    }
    let mut out = Writer::default();
    for ((base, code), parameter) in rows {
        let kind = if special(parameter) { "special" } else { text(parameter, "type") };
        let expression = branches(text(parameter, "expression"), base);
        let targets = targets(parameter, &expression);
        out.outer(&[base, code, kind, &expression, text(parameter, "url"), &targets]);
        for component in list(parameter, "component") {
            let url = text(component, "definition");
            let Some(part) = by_url.get(url) else {
                return Err(CompileError::Definition(
                    text(parameter, "url").to_owned(),
                    "a component refers to a parameter that is not there",
                ));
            };
            let expression = text(component, "expression");
            out.inner(&[text(part, "code"), corrected(url, expression), url]);
        }
    }
    Ok(out.finish())
}

fn special(parameter: &Value) -> bool {
    SPECIAL.contains(&text(parameter, "code"))
}

/// The types that a reference may lead to: those that every branch filters for (`resolve() is Patient`), else those that are told.
/// A parameter shared by many types tells the targets of all of them, which is too many for one.
fn targets(parameter: &Value, expression: &str) -> String {
    let filter = |branch: &str| branch.split_once(".where(resolve() is ").and_then(|(_, ty)| ty.strip_suffix(')')).map(str::to_owned);
    let filtered: Option<BTreeSet<String>> = union(expression).into_iter().map(filter).collect();
    let told = texts(parameter, "target");
    match filtered {
        Some(filtered) if !filtered.is_empty() => filtered.into_iter().collect::<Vec<_>>().join(" "),
        _ if told.len() >= ANY => "*".to_owned(),
        _ => told.into_iter().collect::<BTreeSet<_>>().into_iter().collect::<Vec<_>>().join(" "),
    }
}

/// R4 has the expressions of DocumentReference.relationship the wrong way round (later releases put it right).
fn corrected<'a>(url: &str, expression: &'a str) -> &'a str {
    match (url, expression) {
        ("http://hl7.org/fhir/SearchParameter/DocumentReference-relatesto", "code") => "target",
        ("http://hl7.org/fhir/SearchParameter/DocumentReference-relation", "target") => "code",
        _ => expression,
    }
}

/// The branches of a union that concern a type: those that begin with its name, or with no type at all.
fn branches(expression: &str, base: &str) -> String {
    let concerns = |branch: &&str| {
        let path = branch.trim_start_matches('(');
        let head = path.split(|c: char| !c.is_alphanumeric()).next().unwrap_or(path);
        head == base || !head.starts_with(|c: char| c.is_ascii_uppercase())
    };
    union(expression).into_iter().filter(concerns).map(valued).collect::<Vec<_>>().join(" | ")
}

/// Two slips of R4: `hasExtension(…)` is no function of FHIRPath, and a parameter that ends at an extension means its value,
/// since an extension itself has nothing to compare.
fn valued(branch: &str) -> String {
    let mut told = branch.to_owned();
    if let Some((before, rest)) = branch.split_once("hasExtension(")
        && let Some((url, after)) = rest.split_once(')')
    {
        told = format!("{before}extension({url}).exists(){after}");
    }
    let last = told.rsplit_once(".extension('").map_or("", |(_, last)| last);
    if last.ends_with("')") && last.matches('\'').count() == 1 {
        told.push_str(".value");
    }
    told
}

/// Splits a union at its top level, outside parentheses and quotes.
fn union(expression: &str) -> Vec<&str> {
    let (mut depth, mut quoted, mut from) = (0_u32, false, 0);
    let mut branches = Vec::new();
    for (at, c) in expression.char_indices() {
        match c {
            '\'' => quoted = !quoted,
            _ if quoted => {}
            '(' => depth += 1,
            ')' => depth = depth.saturating_sub(1),
            '|' if depth == 0 => {
                branches.push(expression.get(from..at).unwrap_or("").trim());
                from = at + 1;
            }
            _ => {}
        }
    }
    branches.push(expression.get(from..).unwrap_or("").trim());
    branches.retain(|branch| !branch.is_empty());
    branches
}
