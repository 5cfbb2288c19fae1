//! Comparing JSON as FHIR means it: the order of members is free, the order of items and the digits of decimals are not.
//!
//! Source: <https://hl7.org/fhir/R4/json.html>, <https://hl7.org/fhir/R4/datatypes.html#decimal> (precision is significant).

use serde_json::Value;

/// Whether members that the expected value does not name are allowed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Extent {
    /// Both values have the same members.
    Whole,
    /// The actual value may have more members, at any depth: a server adds `id` and `meta`.
    Part,
}

/// The first difference, with the place where it is; `None` if there is none.
#[must_use]
pub fn difference(expected: &Value, actual: &Value, extent: Extent) -> Option<String> {
    differ("", expected, actual, extent)
}

fn differ(place: &str, expected: &Value, actual: &Value, extent: Extent) -> Option<String> {
    match (expected, actual) {
        (Value::Object(wanted), Value::Object(present)) => {
            for (name, value) in wanted {
                let inner = if place.is_empty() { name.clone() } else { format!("{place}.{name}") };
                match present.get(name) {
                    None => return Some(format!("`{inner}` is missing, expected {value}")),
                    Some(found) => {
                        if let Some(found) = differ(&inner, value, found, extent) {
                            return Some(found);
                        }
                    }
                }
            }
            let surplus = present.iter().find(|(name, _)| extent == Extent::Whole && !wanted.contains_key(*name));
            surplus.map(|(name, value)| format!("unexpected member `{name}` {}: {value}", at(place)))
        }
        (Value::Array(wanted), Value::Array(present)) => {
            if wanted.len() != present.len() {
                return Some(format!("{} items instead of {} {}", present.len(), wanted.len(), at(place)));
            }
            let pairs = wanted.iter().zip(present).enumerate();
            pairs.into_iter().find_map(|(index, (wanted, present))| differ(&format!("{place}[{index}]"), wanted, present, extent))
        }
        (wanted, present) if wanted == present => None,
        (wanted, present) => Some(format!("{present} instead of {wanted} {}", at(place))),
    }
}

fn at(place: &str) -> String {
    if place.is_empty() { "at the top".to_owned() } else { format!("at `{place}`") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn differences_have_a_place() {
        let check = |extent: Extent, expected: &str, actual: &str, difference_: Option<&str>| {
            let (expected, actual): (Value, Value) = (serde_json::from_str(expected).unwrap(), serde_json::from_str(actual).unwrap());
            assert_eq!(difference(&expected, &actual, extent).as_deref(), difference_);
        };
        check(Extent::Whole, r#"{"a":1,"b":[2]}"#, r#"{"b":[2],"a":1}"#, None);
        check(Extent::Whole, r#"{"a":1.0}"#, r#"{"a":1.00}"#, Some("1.00 instead of 1.0 at `a`"));
        check(Extent::Whole, r#"{"a":12345678901234567890.123456789}"#, r#"{"a":12345678901234567890.123456789}"#, None);
        check(Extent::Whole, r#"{"a":1}"#, r#"{"a":"1"}"#, Some("\"1\" instead of 1 at `a`"));
        check(Extent::Whole, r#"{"a":{"b":1}}"#, r#"{"a":{"b":1,"c":2}}"#, Some("unexpected member `c` at `a`: 2"));
        check(Extent::Part, r#"{"a":{"b":1}}"#, r#"{"a":{"b":1,"c":2},"id":"x"}"#, None);
        check(Extent::Part, r#"{"a":[{"b":1}]}"#, r#"{"a":[{"b":1},{}]}"#, Some("2 items instead of 1 at `a`"));
        check(Extent::Part, r#"{"a":[{"b":1}]}"#, r#"{"a":[{"c":1}]}"#, Some("`a[0].b` is missing, expected 1"));
        check(Extent::Part, "[1,2]", "[2,1]", Some("2 instead of 1 at `[0]`"));
    }
}
