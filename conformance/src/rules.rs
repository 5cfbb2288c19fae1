//! Rules that hold for every JSON answer, whatever the case is about.
//!
//! Source: <https://hl7.org/fhir/R4/json.html>: no empty arrays, objects or strings, `null` only as an item of an
//! array of primitives, no name twice in one object, and a resource says its type.

use std::collections::HashSet;

use serde_json::Value;

/// What is wrong with a body as FHIR JSON.
#[must_use]
pub fn faults(text: &str, root: &Value) -> Vec<String> {
    let mut faults = Vec::new();
    if root.get("resourceType").and_then(Value::as_str).is_none() {
        faults.push("the body is JSON but no resource: it has no resourceType".to_owned());
    }
    if let Some(name) = repeated_name(text) {
        faults.push(format!("the body has the name \"{name}\" twice in one object"));
    }
    empties("", root, &mut faults);
    faults
}

fn empties(place: &str, value: &Value, faults: &mut Vec<String>) {
    match value {
        Value::Null => faults.push(format!("the body has null at `{place}`")),
        Value::String(text) if text.is_empty() => faults.push(format!("the body has an empty string at `{place}`")),
        Value::Array(items) if items.is_empty() => faults.push(format!("the body has an empty array at `{place}`")),
        Value::Object(members) if members.is_empty() => faults.push(format!("the body has an empty object at `{place}`")),
        Value::Array(items) => {
            for (index, item) in items.iter().enumerate().filter(|(_, item)| !item.is_null()) {
                empties(&format!("{place}[{index}]"), item, faults);
            }
        }
        Value::Object(members) => {
            for (name, member) in members {
                empties(&if place.is_empty() { name.clone() } else { format!("{place}.{name}") }, member, faults);
            }
        }
        _ => {}
    }
}

/// The first name that one object of a valid JSON text has twice; a parsed tree cannot show it any more.
fn repeated_name(text: &str) -> Option<String> {
    let mut open: Vec<HashSet<&str>> = Vec::new();
    let mut rest = text;
    while let Some(at) = rest.find(['{', '}', '"']) {
        let (mark, after) = rest.get(at..)?.split_at(1);
        rest = after;
        match mark {
            "{" => open.push(HashSet::new()),
            "}" => drop(open.pop()),
            _ => {
                let (string, after) = rest.split_at(string_end(rest)?);
                rest = after.strip_prefix('"')?;
                if rest.trim_start().starts_with(':') && !open.last_mut()?.insert(string) {
                    return Some(string.to_owned());
                }
            }
        }
    }
    None
}

/// Where the closing quote stands.
fn string_end(text: &str) -> Option<usize> {
    let mut escaped = false;
    text.bytes().position(|byte| {
        let end = byte == b'"' && !escaped;
        escaped = byte == b'\\' && !escaped;
        end
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn faults_are_named() {
        let check = |text: &str, expected: &str| {
            let root = serde_json::from_str(text).unwrap();
            assert_eq!(faults(text, &root).join("; "), expected, "{text}");
        };
        check(r#"{"resourceType":"Patient","name":[{"given":["a",null],"_given":[null,{"id":"x"}]}]}"#, "");
        check(r#"{"id":"x"}"#, "the body is JSON but no resource: it has no resourceType");
        check(r#"{"resourceType":"Patient","name":[]}"#, "the body has an empty array at `name`");
        check(r#"{"resourceType":"Patient","name":[{}]}"#, "the body has an empty object at `name[0]`");
        check(r#"{"resourceType":"Patient","id":""}"#, "the body has an empty string at `id`");
        check(r#"{"resourceType":"Patient","id":null}"#, "the body has null at `id`");
        check(r#"{"resourceType":"Patient","id":"a","id" : "b"}"#, "the body has the name \"id\" twice in one object");
        check(r#"{"resourceType":"Patient","text":{"id":"a\\\"{id"},"contact":[{"id":"b"},{"id":"id"}]}"#, "");
    }
}
