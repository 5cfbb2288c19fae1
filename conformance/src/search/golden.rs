//! Searches whose answers are known: what the evaluator and servers once disagreed about, judged by hand.
//!
//! The cases are lines of `cases/search-golden.jsonl`. The resources of a case carry a tag of their own, which its search asks for
//! too, so that it meets nothing else.

use serde::Deserialize;
use serde_json::{Value, json};

use super::evaluate::evaluate;
use super::request::Request;
use super::world::World;

/// The system of the tags.
const SYSTEM: &str = "https://conformance.example/golden";

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Line {
    /// The rule as a sentence.
    name: String,
    /// Resources in the order of their creation, with ids that no other case has. `{{base}}` is the server's base URL.
    resources: Vec<Value>,
    /// The search, as it stands behind the base URL. Without the tag.
    request: String,
    /// `Type/id` of the matches in their order.
    matches: Vec<String>,
}

/// A search whose answer is known.
#[derive(Debug)]
pub(super) struct Golden {
    pub(super) name: String,
    pub(super) request: Request,
    pub(super) matches: Vec<String>,
    resources: Vec<Value>,
}

/// All cases, for a server at `base`.
pub(super) fn cases(base: &str) -> Result<Vec<Golden>, String> {
    let text = include_str!("../../cases/search-golden.jsonl").replace("{{base}}", base);
    let lines = text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty());
    lines.map(|(index, line)| golden(index, line).map_err(|error| format!("search-golden.jsonl, line {}: {error}", index + 1))).collect()
}

fn golden(index: usize, line: &str) -> Result<Golden, serde_json::Error> {
    let mut line: Line = serde_json::from_str(line)?;
    let tag = format!("case-{}", index + 1);
    line.resources.iter_mut().for_each(|resource| mark(resource, &tag));
    let mut request = Request::parse(&line.request);
    request.parameters.push(("_tag".to_owned(), format!("{SYSTEM}|{tag}")));
    Ok(Golden { name: line.name, request, matches: line.matches, resources: line.resources })
}

/// Gives a resource, and what it contains, a tag.
fn mark(resource: &mut Value, tag: &str) {
    let Some(body) = resource.as_object_mut() else { return };
    let meta = body.entry("meta").or_insert_with(|| json!({}));
    meta.as_object_mut().map(|meta| meta.insert("tag".to_owned(), json!([{"system": SYSTEM, "code": tag}])));
    let contained = body.get_mut("contained").and_then(Value::as_array_mut);
    contained.into_iter().flatten().for_each(|inner| mark(inner, tag));
}

/// Makes sure that the evaluator itself gives the known answers, by which servers are judged.
pub(super) fn verify(cases: &[Golden], world: &World) -> Result<(), String> {
    for case in cases {
        let expected = evaluate(world, &case.request)?;
        if expected.matches != case.matches {
            return Err(format!("the evaluator is wrong: {}: it gives {:?}", case.name, expected.matches));
        }
    }
    Ok(())
}

/// The resources of all cases in the order of their creation.
pub(super) fn resources(cases: &[Golden]) -> Vec<Value> {
    cases.iter().flat_map(|case| case.resources.iter().cloned()).collect()
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;
    use crate::search::world::name;

    #[test]
    fn the_evaluator_gives_the_known_answers() {
        let base = "http://x/fhir";
        let cases = cases(base).unwrap();
        let all = resources(&cases);
        let names: HashSet<String> = all.iter().map(name).collect();
        assert_eq!(names.len(), all.len(), "two golden resources have the same id");
        verify(&cases, &World::new(base, all)).unwrap();
        assert!(cases.len() >= 10);
    }
}
