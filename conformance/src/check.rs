//! The check language: `place operator value`, one line per check.
//!
//! The same operators judge JSON (`place` is a path), headers (`place` is a header name) and text (no place).
//! A value is JSON; what is not JSON is taken as a string, so `equals final` and `equals "final"` are the same, but
//! `equals 1` is a number and `equals "1"` a string.

use serde_json::Value;

use crate::compare::{Extent, difference};
use crate::path::{Path, plain};

/// What a check asks of the values at its place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Operator {
    /// There is a value.
    Exists,
    /// There is none.
    Absent,
    /// There are exactly this many.
    Count,
    /// There is a value, and every value equals this one, deeply and to the digit.
    Equals,
    /// There is a value, and none equals this one.
    Differs,
    /// Some value equals this one.
    Includes,
    /// No value equals this one.
    Excludes,
    /// There is a value, and every value is one of this JSON array.
    AnyOf,
    /// Some value is a string that contains this text.
    Contains,
    /// No value is a string that contains this text.
    Lacks,
    /// There is a value, and every value is a string that starts with this text.
    StartsWith,
    /// The values are those of this JSON array, in any order.
    SameSet,
    /// The values are those of this JSON array, in this order.
    SameList,
    /// There is one value, and it has all that this JSON has; more members are allowed.
    MatchesJson,
}

use Operator as Op;

impl Operator {
    const ALL: [(&'static str, Self); 14] = [
        ("exists", Op::Exists),
        ("absent", Op::Absent),
        ("count", Op::Count),
        ("equals", Op::Equals),
        ("differs", Op::Differs),
        ("includes", Op::Includes),
        ("excludes", Op::Excludes),
        ("any-of", Op::AnyOf),
        ("contains", Op::Contains),
        ("lacks", Op::Lacks),
        ("starts-with", Op::StartsWith),
        ("same-set", Op::SameSet),
        ("same-list", Op::SameList),
        ("matches-json", Op::MatchesJson),
    ];

    /// Whether headers and text can be judged by it, which are one string or none.
    fn suits_text(self) -> bool {
        matches!(self, Op::Exists | Op::Absent | Op::Equals | Op::Differs | Op::Contains | Op::Lacks | Op::StartsWith)
    }

    fn named(word: &str) -> Result<Self, String> {
        let known = Self::ALL.iter().find(|(name, _)| *name == word).map(|(_, operator)| *operator);
        known.ok_or_else(|| {
            let names: Vec<&str> = Self::ALL.iter().map(|(name, _)| *name).collect();
            format!("`{word}` is no operator; there are {}", names.join(", "))
        })
    }
}

/// A check, cut into its parts.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Line<'l> {
    place: &'l str,
    operator: Operator,
    value: &'l str,
}

impl<'l> Line<'l> {
    fn parse(line: &'l str) -> Result<Self, String> {
        let line = line.trim();
        // A place may hold spaces inside brackets: telecom[value=555 1234].
        let mut depth = 0_u32;
        let end = line.find(|c: char| {
            match c {
                '[' => depth += 1,
                ']' => depth = depth.saturating_sub(1),
                _ => {}
            }
            depth == 0 && c.is_whitespace()
        });
        let (place, rest) = line.split_at(end.unwrap_or(line.len()));
        let Self { operator, value, .. } = Self::without_place(rest).map_err(|problem| format!("check `{line}`: {problem}"))?;
        Ok(Self { place, operator, value })
    }

    fn without_place(line: &'l str) -> Result<Self, String> {
        let line = line.trim();
        let (word, value) = line.split_once(char::is_whitespace).unwrap_or((line, ""));
        let (operator, value) = (Operator::named(word)?, value.trim());
        match operator {
            Op::Exists | Op::Absent if !value.is_empty() => Err(format!("`{word}` takes no value")),
            Op::Exists | Op::Absent => Ok(Self { place: "", operator, value }),
            _ if value.is_empty() => Err(format!("`{word}` needs a value")),
            _ => Ok(Self { place: "", operator, value }),
        }
    }
}

/// Reads a JSON check without applying it; variables may still be in it.
///
/// # Errors
/// Says what is wrong with the line.
pub fn lint_json(line: &str) -> Result<(), String> {
    Path::parse(Line::parse(line)?.place).map(|_| ())
}

/// Reads a header check without applying it.
///
/// # Errors
/// Says what is wrong with the line.
pub fn lint_header(line: &str) -> Result<(), String> {
    let parsed = Line::parse(line)?;
    if parsed.operator.suits_text() { Ok(()) } else { Err(format!("check `{line}`: this operator is for JSON only")) }
}

/// Reads a text check without applying it.
///
/// # Errors
/// Says what is wrong with the line.
pub fn lint_text(line: &str) -> Result<(), String> {
    let parsed = Line::without_place(line).map_err(|problem| format!("check `{line}`: {problem}"))?;
    if parsed.operator.suits_text() { Ok(()) } else { Err(format!("check `{line}`: this operator is for JSON only")) }
}

/// Judges a JSON body; the error says what was expected and what came.
///
/// # Errors
/// If the check does not hold, or cannot be read.
pub fn json(line: &str, root: &Value) -> Result<(), String> {
    let parsed = Line::parse(line)?;
    let found = Path::parse(parsed.place)?.select(root);
    let found: Vec<&Value> = found.iter().map(AsRef::as_ref).collect();
    hold(parsed.operator, parsed.value, &found)
        .map_err(|problem| format!("{}: expected {}, got {}{problem}", parsed.place, told(&parsed), listed(&found)))
}

/// Judges a header: `None` if the answer lacks it. `contains` and `lacks` do not look at letter case here,
/// since media types, charsets, methods and directives have none.
///
/// # Errors
/// If the check does not hold, or cannot be read.
pub fn header(line: &str, look_up: impl Fn(&str) -> Option<String>) -> Result<(), String> {
    let parsed = Line::parse(line)?;
    let present = look_up(parsed.place);
    let held = match parsed.operator {
        Op::Contains | Op::Lacks => {
            textual(parsed.operator, &parsed.value.to_lowercase(), present.as_deref().map(str::to_lowercase).as_deref())
        }
        operator => textual(operator, parsed.value, present.as_deref()),
    };
    let got = present.map_or_else(|| "no such header".to_owned(), |present| format!("`{present}`"));
    if held { Ok(()) } else { Err(format!("header {}: expected {}, got {got}", parsed.place, told(&parsed))) }
}

/// Judges the body as text.
///
/// # Errors
/// If the check does not hold, or cannot be read.
pub fn text(line: &str, body: &str) -> Result<(), String> {
    let parsed = Line::without_place(line)?;
    let present = if body.is_empty() { None } else { Some(body) };
    if textual(parsed.operator, parsed.value, present) {
        Ok(())
    } else {
        Err(format!("body: expected {}, got {}", told(&parsed), present.map_or("no body".to_owned(), shortened)))
    }
}

fn textual(operator: Operator, value: &str, present: Option<&str>) -> bool {
    match (operator, present) {
        (Op::Exists, present) => present.is_some(),
        (Op::Absent, present) => present.is_none(),
        (Op::Lacks, None) => true,
        (Op::Equals, Some(present)) => present == value,
        (Op::Differs, Some(present)) => present != value,
        (Op::Contains, Some(present)) => present.contains(value),
        (Op::Lacks, Some(present)) => !present.contains(value),
        (Op::StartsWith, Some(present)) => present.starts_with(value),
        _ => false,
    }
}

/// Whether the values at a place are as asked; the error adds what the list of values does not show.
fn hold(operator: Operator, text: &str, found: &[&Value]) -> Result<(), String> {
    let value = || serde_json::from_str::<Value>(text).unwrap_or_else(|_| Value::String(text.to_owned()));
    let list = || match serde_json::from_str(text) {
        Ok(Value::Array(items)) => Ok(items),
        _ => Err(" (the check is wrong: its value is no JSON array)".to_owned()),
    };
    let some_and_all = |test: &dyn Fn(&Value) -> bool| !found.is_empty() && found.iter().all(|value| test(value));
    let held = match operator {
        Op::Exists => !found.is_empty(),
        Op::Absent => found.is_empty(),
        Op::Count => text.parse() == Ok(found.len()),
        Op::Equals => some_and_all(&|present| *present == value()),
        Op::Differs => some_and_all(&|present| *present != value()),
        Op::Includes => found.contains(&&value()),
        Op::Excludes => !found.contains(&&value()),
        Op::AnyOf => {
            let allowed = list()?;
            some_and_all(&|present| allowed.contains(present))
        }
        Op::Contains => found.iter().any(|present| present.as_str().is_some_and(|present| present.contains(text))),
        Op::Lacks => !found.iter().any(|present| present.as_str().is_some_and(|present| present.contains(text))),
        Op::StartsWith => some_and_all(&|present| present.as_str().is_some_and(|present| present.starts_with(text))),
        Op::SameList => list()?.iter().collect::<Vec<_>>() == found,
        Op::SameSet => {
            let sorted = |mut texts: Vec<String>| {
                texts.sort();
                texts
            };
            sorted(list()?.iter().map(Value::to_string).collect()) == sorted(found.iter().map(ToString::to_string).collect())
        }
        Op::MatchesJson => match found {
            [one] => match difference(&value(), one, Extent::Part) {
                None => true,
                Some(difference) => return Err(format!("; {difference}")),
            },
            _ => false,
        },
    };
    if held { Ok(()) } else { Err(String::new()) }
}

/// What was expected, as the check says it.
fn told(line: &Line<'_>) -> String {
    let word = Operator::ALL.iter().find(|(_, operator)| *operator == line.operator).map_or("", |(word, _)| word);
    if line.value.is_empty() { word.to_owned() } else { format!("{word} {}", shortened(line.value)) }
}

/// The values that came, for a message.
fn listed(found: &[&Value]) -> String {
    match found {
        [] => "nothing there".to_owned(),
        [one] => shortened(&one.to_string()),
        several => {
            let texts: Vec<String> = several.iter().map(|value| plain(value)).collect();
            format!("{} values: {}", several.len(), shortened(&texts.join(", ")))
        }
    }
}

fn shortened(text: &str) -> String {
    const LONGEST: usize = 300;
    match text.char_indices().nth(LONGEST) {
        None => text.to_owned(),
        Some((end, _)) => format!("{}… ({} bytes)", text.get(..end).unwrap_or(text), text.len()),
    }
}

#[cfg(test)]
mod tests;
