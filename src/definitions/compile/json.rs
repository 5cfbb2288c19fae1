//! Reads facts out of conformance resources: missing or wrongly typed elements read as empty.

use serde_json::Value;

/// The string `key` of an object, or nothing.
pub(super) fn text<'a>(of: &'a Value, key: &str) -> &'a str {
    of.get(key).and_then(Value::as_str).unwrap_or("")
}

/// The array `key` of an object, or nothing.
pub(super) fn list<'a>(of: &'a Value, key: &str) -> &'a [Value] {
    of.get(key).and_then(Value::as_array).map_or(&[], Vec::as_slice)
}

/// The strings of the array `key`.
pub(super) fn texts<'a>(of: &'a Value, key: &str) -> Vec<&'a str> {
    list(of, key).iter().filter_map(Value::as_str).collect()
}

/// Whether `key` is true.
pub(super) fn flag(of: &Value, key: &str) -> bool {
    of.get(key).and_then(Value::as_bool).unwrap_or(false)
}

/// The last part of a URL.
pub(super) fn tail(url: &str) -> &str {
    url.rsplit('/').next().unwrap_or(url)
}
