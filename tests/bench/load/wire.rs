//! The answers of HTTP/1.1 (RFC 9112): where a head ends, how long the body is, and chunks.
//!
//! Invariant: no I/O; bytes in, facts out.

use std::fmt;

/// Longest head.
const LONGEST_HEAD: usize = 64 << 10;
/// Longest line of a chunk head or trailer.
const LONGEST_LINE: usize = 8 << 10;

/// The bytes are no answer of HTTP/1.1.
#[derive(Debug)]
pub(crate) struct Malformed(&'static str);

impl fmt::Display for Malformed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "malformed answer: {}", self.0)
    }
}

impl std::error::Error for Malformed {}

/// How the body is delimited (RFC 9112, section 6.3).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Framing {
    /// So many bytes follow.
    Length(usize),
    /// Chunks follow.
    Chunked,
    /// Everything until the connection ends belongs to it.
    UntilClose,
}

/// What the head of an answer says.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Head {
    /// Status code.
    pub(crate) status: u16,
    /// Bytes of the head, with the empty line.
    pub(crate) length: usize,
    /// How the body is delimited.
    pub(crate) framing: Framing,
    /// Whether the server closes the connection after this answer.
    pub(crate) close: bool,
}

impl Head {
    /// Reads a head at the start of `bytes`; `None` while it is not complete.
    pub(crate) fn read(bytes: &[u8]) -> Result<Option<Self>, Malformed> {
        let Some(end) = bytes.windows(4).position(|four| four == b"\r\n\r\n") else {
            return if bytes.len() > LONGEST_HEAD { Err(Malformed("a head without end")) } else { Ok(None) };
        };
        let length = end + 4;
        let text = bytes.get(..end).unwrap_or_default();
        let (version, status) = status_line(text)?;
        let mut close = version == b"HTTP/1.0";
        let mut chunked = false;
        let mut size = None;
        for (name, value) in fields(text) {
            if name.eq_ignore_ascii_case(b"content-length") {
                let n = decimal(value).ok_or(Malformed("Content-Length is no number"))?;
                if size.is_some_and(|other| other != n) {
                    return Err(Malformed("two different Content-Length"));
                }
                size = Some(n);
            } else if name.eq_ignore_ascii_case(b"transfer-encoding") {
                // Only the last coding decides whether the body ends by itself.
                chunked = tokens(value).last().is_some_and(|coding| coding.eq_ignore_ascii_case(b"chunked"));
                size = None;
            } else if name.eq_ignore_ascii_case(b"connection") {
                close |= tokens(value).any(|token| token.eq_ignore_ascii_case(b"close"));
                close &= !tokens(value).any(|token| token.eq_ignore_ascii_case(b"keep-alive"));
            }
        }
        let framing = match (status, chunked, size) {
            (100..=199 | 204 | 304, ..) => Framing::Length(0),
            (_, true, _) => Framing::Chunked,
            (_, false, Some(n)) => Framing::Length(n),
            (_, false, None) => Framing::UntilClose,
        };
        Ok(Some(Self { status, length, framing, close: close || framing == Framing::UntilClose }))
    }
}

/// The value of the first header field called `name` in a head.
pub(crate) fn field<'a>(head: &'a [u8], name: &str) -> Option<&'a str> {
    let (_, value) = fields(head).find(|(field, _)| field.eq_ignore_ascii_case(name.as_bytes()))?;
    std::str::from_utf8(value).ok()
}

fn status_line(head: &[u8]) -> Result<(&[u8], u16), Malformed> {
    let line = lines(head).next().unwrap_or_default();
    let mut words = line.splitn(3, |b| *b == b' ');
    let version = words.next().filter(|v| v.starts_with(b"HTTP/1.")).ok_or(Malformed("no HTTP/1 status line"))?;
    let status = words.next().filter(|code| code.len() == 3).and_then(decimal).ok_or(Malformed("no status code"))?;
    Ok((version, u16::try_from(status).unwrap_or(0)))
}

fn lines(head: &[u8]) -> impl Iterator<Item = &[u8]> {
    head.split(|b| *b == b'\n').map(<[u8]>::trim_ascii_end)
}

fn fields(head: &[u8]) -> impl Iterator<Item = (&[u8], &[u8])> {
    lines(head).skip(1).filter_map(|line| {
        let colon = line.iter().position(|b| *b == b':')?;
        Some((line.get(..colon)?, line.get(colon + 1..)?.trim_ascii()))
    })
}

fn tokens(value: &[u8]) -> impl Iterator<Item = &[u8]> {
    value.split(|b| *b == b',').map(<[u8]>::trim_ascii)
}

fn decimal(digits: &[u8]) -> Option<usize> {
    let text = std::str::from_utf8(digits).ok()?;
    if text.is_empty() || !text.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    text.parse().ok()
}

/// Reads chunks (RFC 9112, section 7.1) as their bytes arrive.
#[derive(Debug)]
pub(crate) struct Chunks(Expected);

#[derive(Debug, Clone, Copy)]
enum Expected {
    /// The line with the size of a chunk.
    Size,
    /// So many bytes of a chunk.
    Data(usize),
    /// The empty line after a chunk.
    LineEnd,
    /// A trailer field, or the empty line that ends the body.
    Trailer,
    /// Nothing more.
    Nothing,
}

impl Chunks {
    /// Before the first chunk.
    pub(crate) fn new() -> Self {
        Self(Expected::Size)
    }

    /// Whether the body is complete.
    pub(crate) fn complete(&self) -> bool {
        matches!(self.0, Expected::Nothing)
    }

    /// Takes what it can of `input`, appends the data to `body`, and tells how many bytes of `input` are used up.
    pub(crate) fn take(&mut self, input: &[u8], body: &mut Vec<u8>) -> Result<usize, Malformed> {
        let mut used = 0;
        loop {
            let rest = input.get(used..).unwrap_or_default();
            if let Expected::Data(wanted) = self.0 {
                let data = rest.get(..wanted).unwrap_or(rest);
                body.extend_from_slice(data);
                used += data.len();
                if data.len() < wanted {
                    self.0 = Expected::Data(wanted - data.len());
                    return Ok(used);
                }
                self.0 = Expected::LineEnd;
                continue;
            }
            if self.complete() {
                return Ok(used);
            }
            let Some(end) = rest.iter().position(|b| *b == b'\n') else {
                return if rest.len() > LONGEST_LINE { Err(Malformed("a chunk line without end")) } else { Ok(used) };
            };
            let line = rest.get(..end).unwrap_or_default().trim_ascii_end();
            self.0 = self.after(line)?;
            used += end + 1;
        }
    }

    fn after(&self, line: &[u8]) -> Result<Expected, Malformed> {
        match self.0 {
            Expected::Size => match chunk_size(line).ok_or(Malformed("no chunk size"))? {
                0 => Ok(Expected::Trailer),
                size => Ok(Expected::Data(size)),
            },
            Expected::LineEnd if line.is_empty() => Ok(Expected::Size),
            Expected::LineEnd => Err(Malformed("a chunk longer than its size")),
            Expected::Trailer if line.is_empty() => Ok(Expected::Nothing),
            other => Ok(other),
        }
    }
}

/// The hexadecimal size before any chunk extension.
fn chunk_size(line: &[u8]) -> Option<usize> {
    let digits = line.split(|b| *b == b';').next()?.trim_ascii();
    if digits.is_empty() || !digits.iter().all(u8::is_ascii_hexdigit) {
        return None;
    }
    usize::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok()
}
