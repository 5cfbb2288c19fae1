//! Text to tokens. Source: <http://hl7.org/fhirpath/N1/#tokens>.

use super::Invalid;

/// A token and its column, counted from 1.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Token {
    pub(super) kind: Kind,
    pub(super) column: usize,
}

/// What a token is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Kind {
    /// A name, also one in backticks; keywords are names until the parser sees them.
    Name(String),
    /// `%name`
    Variable(String),
    /// `$this`
    This,
    /// `'text'`
    String(String),
    /// Digits, perhaps with a fraction.
    Number(String),
    /// One of `. ( ) [ ] , | = !=`
    Sign(&'static str),
}

const SIGNS: [&str; 9] = ["!=", ".", "(", ")", "[", "]", ",", "|", "="];

/// Splits the text.
pub(super) fn tokens(text: &str) -> Result<Vec<Token>, Invalid> {
    let mut tokens = Vec::new();
    let mut rest = text;
    loop {
        rest = rest.trim_start();
        let column = text.get(..text.len() - rest.len()).unwrap_or("").chars().count() + 1;
        let invalid = |reason: &str| Err(Invalid { column, reason: reason.to_owned() });
        let Some(first) = rest.chars().next() else { return Ok(tokens) };
        let (kind, length) = match first {
            '\'' | '`' => {
                let Some((content, length)) = quoted(rest, first) else { return invalid("a quote is not closed") };
                (if first == '`' { Kind::Name(content) } else { Kind::String(content) }, length)
            }
            '%' => {
                let name = run(rest.get(1..).unwrap_or(""), is_name);
                (Kind::Variable(name.to_owned()), name.len() + 1)
            }
            '$' if rest.starts_with("$this") => (Kind::This, 5),
            c if c.is_ascii_digit() => {
                let whole = run(rest, |c| c.is_ascii_digit());
                let fraction = rest.get(whole.len()..).and_then(|r| r.strip_prefix('.')).map_or("", |r| run(r, |c| c.is_ascii_digit()));
                let length = whole.len() + if fraction.is_empty() { 0 } else { fraction.len() + 1 };
                (Kind::Number(rest.get(..length).unwrap_or(whole).to_owned()), length)
            }
            c if is_name(c) => {
                let name = run(rest, is_name);
                (Kind::Name(name.to_owned()), name.len())
            }
            _ => match SIGNS.iter().find(|sign| rest.starts_with(**sign)) {
                Some(sign) => (Kind::Sign(sign), sign.len()),
                None => return invalid(&format!("the character '{first}' is not understood here")),
            },
        };
        tokens.push(Token { kind, column });
        rest = rest.get(length..).unwrap_or("");
    }
}

fn is_name(c: char) -> bool {
    c.is_ascii_alphanumeric() || c == '_'
}

fn run(text: &str, belongs: impl Fn(char) -> bool) -> &str {
    text.find(|c| !belongs(c)).and_then(|end| text.get(..end)).unwrap_or(text)
}

/// The content between two quotes with escapes resolved, and the length with quotes in bytes.
fn quoted(text: &str, quote: char) -> Option<(String, usize)> {
    let mut content = String::new();
    let mut chars = text.char_indices().skip(1);
    while let Some((at, c)) = chars.next() {
        match c {
            '\\' => match chars.next()?.1 {
                'n' => content.push('\n'),
                't' => content.push('\t'),
                'r' => content.push('\r'),
                other => content.push(other),
            },
            c if c == quote => return Some((content, at + c.len_utf8())),
            c => content.push(c),
        }
    }
    None
}
