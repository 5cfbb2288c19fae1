//! The path language of checks: where in a JSON body to look.
//!
//! `entry[0].resource.id`, `issue[*].code`, `link[relation=next].url`, `entry.length`, and `.` for the whole body.
//! Indexes are 0-based. A path selects no value, one, or (through `[*]` and `[key=value]`) several.

use std::borrow::Cow;

use serde_json::Value;

/// A parsed path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Path(Vec<Step>);

#[derive(Debug, Clone, PartialEq, Eq)]
enum Step {
    /// A member of an object; `length` of an array is its number of items.
    Member(String),
    /// An item of an array, 0-based.
    Item(usize),
    /// All items of an array.
    Every,
    /// The items of an array in which a value at the inner path has this text.
    Where(Path, String),
}

impl Path {
    /// Reads a path.
    ///
    /// # Errors
    /// Says what is wrong with it.
    pub fn parse(text: &str) -> Result<Self, String> {
        let mut steps = Vec::new();
        let mut rest = text;
        if rest == "." {
            return Ok(Self(steps));
        }
        while !rest.is_empty() {
            if let Some(inside) = rest.strip_prefix('[') {
                let (inside, after) = bracket(inside).ok_or_else(|| format!("path `{text}`: `[` without `]`"))?;
                steps.push(selector(inside).map_err(|problem| format!("path `{text}`: {problem}"))?);
                rest = after;
                if let Some(after) = rest.strip_prefix('.') {
                    rest = after;
                    if rest.is_empty() {
                        return Err(format!("path `{text}` ends in a dot"));
                    }
                }
            } else {
                let end = rest.find(['.', '[']).unwrap_or(rest.len());
                let (name, after) = rest.split_at(end);
                if name.is_empty() || name.contains(|c: char| c.is_whitespace() || c == ']') {
                    return Err(format!("path `{text}`: a name is missing or wrong before `{after}`"));
                }
                steps.push(Step::Member(name.to_owned()));
                rest = after;
                if let Some(after) = rest.strip_prefix('.') {
                    rest = after;
                    if rest.is_empty() || rest.starts_with('[') {
                        return Err(format!("path `{text}`: a name is missing after a dot"));
                    }
                }
            }
        }
        if steps.is_empty() { Err("an empty path; the whole body is `.`".to_owned()) } else { Ok(Self(steps)) }
    }

    /// The values that the path selects, in the order of the body.
    #[must_use]
    pub fn select<'v>(&self, root: &'v Value) -> Vec<Cow<'v, Value>> {
        let mut selected = vec![Cow::Borrowed(root)];
        for step in &self.0 {
            selected = selected.into_iter().flat_map(|value| step.apply(value)).collect();
        }
        selected
    }
}

impl Step {
    fn apply<'v>(&self, value: Cow<'v, Value>) -> Vec<Cow<'v, Value>> {
        // A length is made by us and has nothing inside.
        let Cow::Borrowed(value) = value else { return Vec::new() };
        match (self, value) {
            (Self::Member(name), Value::Object(members)) => members.get(name).map(Cow::Borrowed).into_iter().collect(),
            (Self::Member(name), Value::Array(items)) if name == "length" => vec![Cow::Owned(Value::from(items.len()))],
            (Self::Item(index), Value::Array(items)) => items.get(*index).map(Cow::Borrowed).into_iter().collect(),
            (Self::Every, Value::Array(items)) => items.iter().map(Cow::Borrowed).collect(),
            (Self::Where(path, text), Value::Array(items)) => {
                items.iter().filter(|item| path.select(item).iter().any(|found| plain(found) == *text)).map(Cow::Borrowed).collect()
            }
            _ => Vec::new(),
        }
    }
}

/// The text of a primitive value: a string without its quotes, a number with its digits.
#[must_use]
pub fn plain(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

/// Splits after the bracket that closes the one already taken.
fn bracket(text: &str) -> Option<(&str, &str)> {
    let mut depth = 0_u32;
    for (at, c) in text.char_indices() {
        match c {
            '[' => depth += 1,
            ']' if depth == 0 => return Some((text.get(..at)?, text.get(at + 1..)?)),
            ']' => depth -= 1,
            _ => {}
        }
    }
    None
}

/// Reads what stands in brackets.
fn selector(inside: &str) -> Result<Step, String> {
    if inside == "*" {
        return Ok(Step::Every);
    }
    if let Ok(index) = inside.parse() {
        return Ok(Step::Item(index));
    }
    let mut depth = 0_u32;
    for (at, c) in inside.char_indices() {
        match c {
            '[' => depth += 1,
            ']' => depth = depth.saturating_sub(1),
            '=' if depth == 0 => {
                let (path, text) = inside.split_at(at);
                return Ok(Step::Where(Path::parse(path)?, text.trim_start_matches('=').to_owned()));
            }
            _ => {}
        }
    }
    Err(format!("`[{inside}]` is neither an index, nor `*`, nor `key=value`"))
}

#[cfg(test)]
mod tests {
    use super::*;

    const BUNDLE: &str = r#"{"resourceType":"Bundle","total":1.50,"length":{"value":3},
        "link":[{"relation":"self","url":"s"},{"relation":"next","url":"n"}],
        "entry":[{"resource":{"id":"a","meta":{"tag":[{"code":"x"},{"code":"y"}]}},"search":{"mode":"match"}},
                 {"resource":{"id":"b"},"search":{"mode":"include"}}]}"#;

    #[test]
    fn paths_select() {
        let root: Value = serde_json::from_str(BUNDLE).unwrap();
        let check = |path: &str, expected: &str| {
            let found: Vec<String> = Path::parse(path).unwrap().select(&root).iter().map(|value| plain(value)).collect();
            assert_eq!(found.join(" "), expected, "{path}");
        };
        check("resourceType", "Bundle");
        check("total", "1.50");
        check("entry[0].resource.id", "a");
        check("entry[*].resource.id", "a b");
        check("entry[2].resource.id", "");
        check("entry.resource", "");
        check("entry.length", "2");
        check("length.value", "3");
        check("link[relation=next].url", "n");
        check("entry[search.mode=include].resource.id", "b");
        check("entry[resource.meta.tag[*].code=y].resource.id", "a");
        check("entry[resource.meta.tag[0].code=y].resource.id", "");
        check("entry[*].resource.meta.tag[*].code", "x y");
        check("nothing.at.all", "");
        assert_eq!(Path::parse(".").unwrap().select(&root).len(), 1);
    }

    #[test]
    fn bad_paths_are_refused() {
        let check = |path: &str, expected: &str| assert_eq!(Path::parse(path), Err(expected.to_owned()), "{path}");
        check("", "an empty path; the whole body is `.`");
        check("a[0", "path `a[0`: `[` without `]`");
        check("a[b]", "path `a[b]`: `[b]` is neither an index, nor `*`, nor `key=value`");
        check("a..b", "path `a..b`: a name is missing or wrong before `.b`");
        check("a.", "path `a.`: a name is missing after a dot");
        check("a[0].", "path `a[0].` ends in a dot");
    }
}
