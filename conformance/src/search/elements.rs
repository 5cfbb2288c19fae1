//! The tiny path language of `parameters.txt`: from a resource to the elements that a parameter looks at.

use serde_json::Value;

/// The elements at `place`; lists are gone through, what is not there is left out.
#[must_use]
pub(super) fn select<'a>(from: &'a Value, place: &str) -> Vec<&'a Value> {
    place.split('|').flat_map(|one| walk(from, one)).collect()
}

fn walk<'a>(from: &'a Value, place: &str) -> Vec<&'a Value> {
    if place == "." {
        return vec![from];
    }
    let mut found = vec![from];
    for step in place.split('.') {
        let (name, condition) = match step.split_once('[') {
            Some((name, condition)) => (name, condition.trim_end_matches(']').split_once('=')),
            None => (step, None),
        };
        let name = name.replace(':', "");
        found = found.into_iter().filter_map(|value| value.get(&name)).flat_map(items).collect();
        if let Some((member, text)) = condition {
            found.retain(|value| value.get(member).and_then(Value::as_str) == Some(text));
        }
    }
    found
}

/// The items of a list, or the value itself.
fn items(value: &Value) -> &[Value] {
    value.as_array().map_or(std::slice::from_ref(value), Vec::as_slice)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn places_lead_to_elements() {
        let resource = json!({
            "telecom": [{"system": "phone", "value": "1"}, {"system": "email", "value": "2"}],
            "name": [{"family": "A", "given": ["B", "C"]}, {"given": ["D"]}],
            "valueQuantity": {"value": 1}, "component": [{"valueQuantity": {"value": 2}}, {}]
        });
        let check = |place: &str, expected: &Value| assert_eq!(&json!(select(&resource, place)), expected, "{place}");
        check("telecom[system=email].value", &json!(["2"]));
        check("name.given", &json!(["B", "C", "D"]));
        check("value:Quantity|component.value:Quantity", &json!([{"value": 1}, {"value": 2}]));
        check("nothing.at.all", &json!([]));
        check(".", &json!([resource]));
    }
}
