//! Text to tokens. Source: <http://hl7.org/fhirpath/N1/#tokens>.

use super::Invalid;
use super::moment::{Moment, MomentKind};

/// A token and its column, counted from 1.
#[derive(Debug, Clone)]
pub(super) struct Token {
    pub(super) kind: Kind,
    pub(super) column: usize,
}

/// What a token is.
#[derive(Debug, Clone)]
pub(super) enum Kind {
    /// A name; keywords are names until the parser sees them.
    Name(String),
    /// A name in backticks, which is never a keyword.
    Quoted(String),
    /// `%name`
    Variable(String),
    /// `$this`, `$index`, `$total`
    Special(String),
    /// `'text'`
    String(String),
    /// Digits, perhaps with a fraction.
    Number(String),
    /// `@2015-02-04`, `@T14:30`
    Moment(Moment),
    /// An operator or a bracket.
    Sign(&'static str),
}

const SIGNS: [&str; 24] =
    ["!=", "!~", "<=", ">=", ".", "(", ")", "[", "]", "{", "}", ",", "|", "=", "~", "<", ">", "+", "-", "*", "/", "&", ";", ":"];

/// Splits the text.
pub(super) fn tokens(text: &str) -> Result<Vec<Token>, Invalid> {
    let mut tokens = Vec::new();
    let (mut rest, mut column, mut counted) = (text, 1, 0);
    loop {
        // The column goes with the text, so that a long expression is not counted anew for each token.
        let now = |rest: &str| text.len() - rest.len();
        rest = match blank(rest) {
            Ok(rest) => rest,
            Err(()) => {
                let column = text.chars().count() + 1;
                return Err(Invalid { column, reason: "a comment is not closed".to_owned() });
            }
        };
        column += text.get(counted..now(rest)).unwrap_or("").chars().count();
        counted = now(rest);
        let Some(first) = rest.chars().next() else { return Ok(tokens) };
        let (kind, length) = token(rest, first).map_err(|reason| Invalid { column, reason })?;
        tokens.push(Token { kind, column });
        rest = rest.get(length..).unwrap_or("");
    }
}

/// The text after white space and comments.
fn blank(text: &str) -> Result<&str, ()> {
    let mut rest = text.trim_start();
    loop {
        rest = if let Some(comment) = rest.strip_prefix("//") {
            comment.find(['\n', '\r']).and_then(|end| comment.get(end..)).unwrap_or("")
        } else if let Some(comment) = rest.strip_prefix("/*") {
            comment.split_once("*/").ok_or(())?.1
        } else {
            return Ok(rest);
        };
        rest = rest.trim_start();
    }
}

fn token(rest: &str, first: char) -> Result<(Kind, usize), String> {
    let after = rest.get(first.len_utf8()..).unwrap_or("");
    Ok(match first {
        '\'' => {
            let (content, length) = quoted(rest, first)?;
            (Kind::String(content), length)
        }
        '`' | '"' => {
            let (content, length) = quoted(rest, first)?;
            (Kind::Quoted(content), length)
        }
        '%' => match after.chars().next() {
            Some(quote @ ('`' | '\'' | '"')) => {
                let (content, length) = quoted(after, quote)?;
                (Kind::Variable(content), length + 1)
            }
            _ => {
                let hyphens = after.starts_with("vs-") || after.starts_with("ext-");
                let name = run(after, |c| is_name(c) || (hyphens && c == '-'));
                if name.is_empty() {
                    return Err("the name of a variable is missing".to_owned());
                }
                (Kind::Variable(name.to_owned()), name.len() + 1)
            }
        },
        '$' => {
            let name = run(after, is_name);
            if !matches!(name, "this" | "index" | "total") {
                return Err("only $this, $index and $total exist".to_owned());
            }
            (Kind::Special(name.to_owned()), name.len() + 1)
        }
        '@' => {
            let (moment, length) = moment(after).ok_or("this is not a date or time: write @2015-02-04, @2015-02-04T14:30 or @T14:30")?;
            (Kind::Moment(moment), length + 1)
        }
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
            None => return Err(format!("the character '{first}' is not understood here")),
        },
    })
}

fn is_name(c: char) -> bool {
    c.is_ascii_alphanumeric() || c == '_'
}

fn run(text: &str, belongs: impl Fn(char) -> bool) -> &str {
    text.find(|c| !belongs(c)).and_then(|end| text.get(..end)).unwrap_or(text)
}

/// A date or time and its length: as much of the text as looks like one.
fn moment(text: &str) -> Option<(Moment, usize)> {
    let bytes = text.as_bytes();
    let digits = |from: usize, count: usize| (from..from + count).all(|at| bytes.get(at).is_some_and(u8::is_ascii_digit));
    let piece = |at: usize, sign: u8| bytes.get(at) == Some(&sign) && digits(at + 1, 2);
    let (mut at, mut kind) = (0, MomentKind::Time);
    if digits(0, 4) {
        (at, kind) = (4, MomentKind::Date);
        while at < 10 && piece(at, b'-') {
            at += 3;
        }
    }
    if bytes.get(at) == Some(&b'T') {
        at += 1;
        if kind == MomentKind::Date {
            kind = MomentKind::DateTime;
        }
        if digits(at, 2) {
            let hour = at;
            at += 2;
            while at < hour + 8 && piece(at, b':') {
                at += 3;
            }
            if at == hour + 8 && bytes.get(at) == Some(&b'.') && digits(at + 1, 1) {
                at += 1;
                while digits(at, 1) {
                    at += 1;
                }
            }
            if kind == MomentKind::DateTime {
                if bytes.get(at) == Some(&b'Z') {
                    at += 1;
                } else if (piece(at, b'+') || piece(at, b'-')) && piece(at + 3, b':') {
                    at += 6;
                }
            }
        }
    }
    let told = text.get(..at)?;
    let told = if kind == MomentKind::Time { told.strip_prefix('T')? } else { told };
    Some((Moment::read(kind, told)?, at))
}

/// The content between two quotes with escapes resolved, and the length with quotes in bytes.
fn quoted(text: &str, quote: char) -> Result<(String, usize), String> {
    let mut content = String::new();
    let mut chars = text.char_indices().skip(1);
    let open = || "a quote is not closed".to_owned();
    while let Some((at, c)) = chars.next() {
        match c {
            '\\' => match chars.next().ok_or_else(open)?.1 {
                'n' => content.push('\n'),
                't' => content.push('\t'),
                'r' => content.push('\r'),
                'f' => content.push('\u{c}'),
                'u' => {
                    let mut unit = || (0..4).try_fold(0, |code, _| Some(code * 16 + chars.next()?.1.to_digit(16)?));
                    let bad = || "four hexadecimal digits are needed after \\u".to_owned();
                    let high: u32 = unit().ok_or_else(bad)?;
                    let code = if (0xD800..0xDC00).contains(&high) {
                        let (slash, letter) = (chars.next().map(|c| c.1), chars.next().map(|c| c.1));
                        let mut unit = || (0..4).try_fold(0, |code, _| Some(code * 16 + chars.next()?.1.to_digit(16)?));
                        let low: u32 = unit().filter(|_| (slash, letter) == (Some('\\'), Some('u'))).ok_or_else(bad)?;
                        0x10000 + ((high - 0xD800) << 10) + low.wrapping_sub(0xDC00)
                    } else {
                        high
                    };
                    content.push(char::from_u32(code).ok_or_else(bad)?);
                }
                other => content.push(other),
            },
            c if c == quote => return Ok((content, at + c.len_utf8())),
            c => content.push(c),
        }
    }
    Err(open())
}
