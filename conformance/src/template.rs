//! Variables in case files: `{{name}}` stands for its value, `{{name|url}}` for its percent-encoded value.
//!
//! What a server sent is put in as it came and never expanded again; texts of the case itself may contain further variables.

use std::collections::BTreeMap;

/// How deep the texts of a case may refer to each other.
const DEPTH: u8 = 8;

/// The variables of one case.
#[derive(Debug, Clone, Default)]
pub struct Variables(BTreeMap<String, Variable>);

#[derive(Debug, Clone)]
enum Variable {
    Value(String),
    Text(String),
}

impl Variables {
    /// Gives a variable a final value.
    pub fn set(&mut self, name: &str, value: impl Into<String>) {
        self.0.insert(name.to_owned(), Variable::Value(value.into()));
    }

    /// Gives a variable a text that may contain variables itself; they are filled in when it is used.
    pub fn define(&mut self, name: &str, text: impl Into<String>) {
        self.0.insert(name.to_owned(), Variable::Text(text.into()));
    }

    /// The final value of a variable, if it has one.
    #[must_use]
    pub fn value(&self, name: &str) -> Option<&str> {
        match self.0.get(name) {
            Some(Variable::Value(value)) => Some(value),
            _ => None,
        }
    }

    /// The name of the variable that holds `value`.
    #[must_use]
    pub fn name_of(&self, value: &str) -> Option<&str> {
        self.0.iter().find(|(_, held)| matches!(held, Variable::Value(held) if held == value)).map(|(name, _)| name.as_str())
    }

    /// Puts values in place of variables.
    ///
    /// # Errors
    /// Says which variable is unknown, or that texts refer to each other without end.
    pub fn fill(&self, text: &str) -> Result<String, String> {
        self.expand(text, DEPTH)
    }

    fn expand(&self, text: &str, depth: u8) -> Result<String, String> {
        let mut filled = String::with_capacity(text.len());
        for piece in pieces(text)? {
            match piece {
                Piece::Plain(plain) => filled.push_str(plain),
                Piece::Variable { name, url } => {
                    let value = match self.0.get(name) {
                        None => return Err(format!("there is no variable `{name}` here")),
                        Some(Variable::Value(value)) => value.clone(),
                        Some(Variable::Text(_)) if depth == 0 => return Err(format!("variable `{name}` refers to itself")),
                        Some(Variable::Text(text)) => self.expand(text, depth - 1)?,
                    };
                    filled.push_str(&if url { percent_encode(&value) } else { value });
                }
            }
        }
        Ok(filled)
    }
}

/// A part of a text: as it stands, or a variable.
#[derive(Debug, PartialEq, Eq)]
pub enum Piece<'t> {
    /// Text as it stands.
    Plain(&'t str),
    /// A variable, and whether its value is to be percent-encoded.
    Variable {
        /// Its name.
        name: &'t str,
        /// Whether `|url` was asked for.
        url: bool,
    },
}

/// Cuts a text at its variables.
///
/// # Errors
/// If a `{{` is never closed, or the name between the braces is none.
pub fn pieces(text: &str) -> Result<Vec<Piece<'_>>, String> {
    let mut pieces = Vec::new();
    let mut rest = text;
    while let Some((plain, after)) = rest.split_once("{{") {
        let (inside, after) = after.split_once("}}").ok_or_else(|| format!("`{{{{` without `}}}}` near `{}`", start(after)))?;
        let (name, url) = match inside.split_once('|') {
            None => (inside.trim(), false),
            Some((name, filter)) if filter.trim() == "url" => (name.trim(), true),
            Some((_, filter)) => return Err(format!("`{}` is no filter; the only one is `url`", filter.trim())),
        };
        let good = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '-';
        if name.is_empty() || !name.chars().all(good) {
            return Err(format!("`{name}` is no name of a variable"));
        }
        pieces.push(Piece::Plain(plain));
        pieces.push(Piece::Variable { name, url });
        rest = after;
    }
    pieces.push(Piece::Plain(rest));
    Ok(pieces)
}

fn start(text: &str) -> String {
    text.chars().take(20).collect()
}

/// Percent-encodes everything but the unreserved characters of RFC 3986, section 2.3.
#[must_use]
pub fn percent_encode(text: &str) -> String {
    encode(text, |byte| byte.is_ascii_alphanumeric() || b"-._~".contains(&byte))
}

/// Percent-encodes what may not stand in a URL at all, and leaves reserved characters and existing escapes alone.
///
/// So case files can say `family=Sm\,ith|x` and non-ASCII letters plainly. RFC 3986, section 2.
#[must_use]
pub fn wire_form(target: &str) -> String {
    encode(target, |byte| byte.is_ascii_alphanumeric() || b"-._~:/?#[]@!$&'()*+,;=%".contains(&byte))
}

fn encode(text: &str, keep: impl Fn(u8) -> bool) -> String {
    let mut encoded = String::with_capacity(text.len());
    for byte in text.bytes() {
        if keep(byte) {
            encoded.push(char::from(byte));
        } else {
            encoded.push_str(&format!("%{byte:02X}"));
        }
    }
    encoded
}

#[cfg(test)]
mod tests {
    use super::*;

    fn variables() -> Variables {
        let mut variables = Variables::default();
        variables.set("id", "42");
        variables.set("sent", "{{id}}");
        variables.set("time", "2024-01-01T00:00:00+01:00");
        variables.define("url", "Patient/{{id}}");
        variables.define("loop", "{{loop}}");
        variables
    }

    #[test]
    fn variables_are_filled_in() {
        let check = |text: &str, expected: Result<&str, &str>| {
            let filled = variables().fill(text);
            assert_eq!(filled.as_deref().map_err(String::as_str), expected, "{text}");
        };
        check("no variable {a}", Ok("no variable {a}"));
        check("GET Patient/{{id}}/_history", Ok("GET Patient/42/_history"));
        check("{{ url }}?{{id}}", Ok("Patient/42?42"));
        check("{{sent}}", Ok("{{id}}"));
        check("{{time|url}}", Ok("2024-01-01T00%3A00%3A00%2B01%3A00"));
        check(r#"{"a":{"b":{"c":1}}}"#, Ok(r#"{"a":{"b":{"c":1}}}"#));
        check("{{nobody}}", Err("there is no variable `nobody` here"));
        check("{{loop}}", Err("variable `loop` refers to itself"));
        check("{{id", Err("`{{` without `}}` near `id`"));
        check("{{id|upper}}", Err("`upper` is no filter; the only one is `url`"));
        check("{{a b}}", Err("`a b` is no name of a variable"));
    }

    #[test]
    fn a_value_leads_back_to_its_name() {
        assert_eq!(variables().name_of("42"), Some("id"));
        assert_eq!(variables().name_of("43"), None);
    }

    #[test]
    fn targets_become_legal_on_the_wire() {
        let check = |target: &str, expected: &str| assert_eq!(wire_form(target), expected);
        check("Patient?name=a b", "Patient?name=a%20b");
        check("Patient?family=Müller", "Patient?family=M%C3%BCller");
        check(r"Patient?family=a\,b|c", "Patient?family=a%5C,b%7Cc");
        check("Patient?d=%2B01", "Patient?d=%2B01");
    }
}
