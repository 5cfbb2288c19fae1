//! Regular expressions, which take time in proportion to the text. Source: <http://hl7.org/fhirpath/N1/#matchesregex-string-boolean>.
//!
//! A pattern is found anywhere in the text, and a dot stands for line ends, too. Patterns that need to go back (references to groups,
//! looking ahead) are refused.

use super::{Call, Function};
use crate::fhirpath::eval::{Found, Scope, Step, Stop};
use crate::fhirpath::value::Value;

/// Largest compiled patterns in bytes, each with the steps that looking at a byte of text costs: whatever a text is made of, no more than
/// so much is done for it.
const SIZES: [(usize, u64); 2] = [(16 << 10, 4), (1 << 20, 256)];
/// Longest pattern.
const LONGEST: usize = 2000;

/// A compiled regular expression.
#[derive(Debug, Clone)]
pub(in crate::fhirpath) struct Pattern {
    regex: regex::Regex,
    /// Steps for each byte of text.
    weight: u64,
}

impl Pattern {
    /// Compiles it; `whole` if it stands for the whole text.
    pub(in crate::fhirpath) fn new(text: &str, whole: bool) -> Result<Self, String> {
        if text.len() > LONGEST {
            return Err(format!("a regular expression has {LONGEST} bytes at most"));
        }
        let text = plain(text);
        let text = if whole { format!("^(?:{text})$") } else { text };
        for (size, weight) in SIZES {
            match regex::RegexBuilder::new(&text).dot_matches_new_line(true).size_limit(size).nest_limit(50).build() {
                Ok(regex) => return Ok(Self { regex, weight }),
                Err(regex::Error::CompiledTooBig(_)) => {}
                Err(_) => return Err("the regular expression is none, or needs to go back in the text, which is not served".to_owned()),
            }
        }
        Err("the regular expression is too large".to_owned())
    }

    /// How much compiling it costs, in small patterns.
    pub(in crate::fhirpath) fn cost(&self) -> u64 {
        self.weight / 4
    }
}

/// Other languages allow brackets and doubled signs inside of a class without an escape.
fn plain(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let (mut inside, mut fresh) = (false, false);
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        let first = std::mem::take(&mut fresh);
        match c {
            '\\' => {
                out.push(c);
                out.extend(chars.next());
                continue;
            }
            '[' if !inside => {
                (inside, fresh) = (true, true);
                out.push(c);
                if chars.peek() == Some(&'^') {
                    out.extend(chars.next());
                }
                continue;
            }
            ']' if inside && !first => inside = false,
            '[' if inside && chars.peek() != Some(&':') => out.push('\\'),
            '&' | '~' if inside => out.push('\\'),
            _ => {}
        }
        out.push(c);
    }
    out
}

pub(super) fn call<'t>(call: &'t Call, scope: &Scope<'_, 't>, found: &mut Found<'_, 't>) -> Step {
    let Some(text) = call.text(scope)? else { return Ok(()) };
    let made;
    let (pattern, empty) = match &call.pattern {
        Some(pattern) => (pattern, false),
        None => {
            let Some(told) = call.given_text(0, scope)? else { return Ok(()) };
            // Compiling costs far more than matching.
            scope.run.spend(20_000)?;
            made = Pattern::new(&told, call.function == Function::MatchesFull).map_err(Stop::impossible)?;
            scope.run.spend(2000 * made.cost())?;
            (&made, told.is_empty())
        }
    };
    scope.run.spend(1 + text.len() as u64 * pattern.weight)?;
    if call.function != Function::ReplaceMatches {
        return found(Value::Boolean(pattern.regex.is_match(&text)));
    }
    let Some(with) = call.given_text(1, scope)? else { return Ok(()) };
    if empty || pattern.regex.as_str().is_empty() {
        return found(Value::String(text));
    }
    let mut out = String::new();
    let mut last = 0;
    for captures in pattern.regex.captures_iter(&text) {
        let Some(whole) = captures.get(0) else { continue };
        out.push_str(text.get(last..whole.start()).unwrap_or(""));
        captures.expand(&with, &mut out);
        last = whole.end();
        scope.run.spend(1)?;
        if out.len() > 1 << 20 {
            scope.run.write(out.len())?;
        }
    }
    out.push_str(text.get(last..).unwrap_or(""));
    scope.run.write(out.len())?;
    found(Value::text_of(out))
}
