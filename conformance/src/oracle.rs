//! An independent opinion on every resource that the server sends: fhirbolt's typed R4 model in strict mode.
//!
//! Behind the feature `typed`, since the model takes minutes to compile. Without it, every resource passes here.

use serde_json::Value;

/// What the typed model has against a resource.
#[cfg(feature = "typed")]
#[must_use]
pub fn objection(resource: &Value) -> Option<String> {
    use fhirbolt::serde::{DeserializationConfig, DeserializationMode};
    let strict = DeserializationConfig { mode: DeserializationMode::Strict };
    let text = type_first(resource).to_string();
    let read = fhirbolt::json::from_str::<fhirbolt::model::r4::Resource>(&text, Some(strict));
    read.err().map(|error| format!("the typed R4 model refuses the body: {error}"))
}

/// What the typed model has against a resource: nothing, when it is not compiled in.
#[cfg(not(feature = "typed"))]
#[must_use]
pub fn objection(_resource: &Value) -> Option<String> {
    None
}

/// The same JSON with `resourceType` as first member of every resource: fhirbolt finds it nowhere else.
#[cfg(any(feature = "typed", test))]
fn type_first(value: &Value) -> Value {
    match value {
        Value::Array(items) => items.iter().map(type_first).collect(),
        Value::Object(members) => {
            let (types, others): (Vec<_>, Vec<_>) = members.iter().partition(|(name, _)| *name == "resourceType");
            types.into_iter().chain(others).map(|(name, member)| (name.clone(), type_first(member))).collect()
        }
        other => other.clone(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_type_comes_first() {
        let value: Value =
            serde_json::from_str(r#"{"id":"1","resourceType":"Bundle","entry":[{"resource":{"id":"2","v":1.0,"resourceType":"Basic"}}]}"#)
                .unwrap();
        let expected = r#"{"resourceType":"Bundle","id":"1","entry":[{"resource":{"resourceType":"Basic","id":"2","v":1.0}}]}"#;
        assert_eq!(type_first(&value).to_string(), expected);
    }
}
