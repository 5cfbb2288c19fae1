//! XML 1.0 at the level of characters: encoding, references, attribute values, places in the text.
//!
//! Source: <https://www.w3.org/TR/xml/#charsets>, `#sec-references`, `#AVNormalize`.

use std::borrow::Cow;

/// The text of a document: UTF-8 without byte order mark, and only characters that XML has.
///
/// The error has the place and the reason.
pub(super) fn text(bytes: &[u8]) -> Result<&str, (String, &'static str)> {
    let bytes = bytes.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(bytes);
    let (at, reason) = match std::str::from_utf8(bytes) {
        _ if matches!(bytes, [0xFE, 0xFF, ..] | [0xFF, 0xFE, ..] | [0, b'<', ..] | [b'<', 0, ..] | [0, 0, ..]) => {
            (0, "only UTF-8 is accepted, and this looks like UTF-16 or UTF-32")
        }
        // One mark is no part of the text; the XML reader would pass over a second one and tell wrong places.
        _ if bytes.starts_with(b"\xEF\xBB\xBF") => (0, "there is more than one byte order mark"),
        Err(fault) => (fault.valid_up_to(), "only UTF-8 is accepted, and these bytes are not"),
        Ok(text) => match illegal(text) {
            Some(at) => (at, "this character must not stand in XML"),
            None => return Ok(text),
        },
    };
    let before = bytes.get(..at).and_then(|before| std::str::from_utf8(before).ok()).unwrap_or("");
    Err((Places::new(before).tell(at), reason))
}

/// Where `text` has a character that XML 1.0 cannot tell, not even by a reference.
pub(super) fn illegal(text: &str) -> Option<usize> {
    let bytes = text.as_bytes();
    let mut at = 0;
    // Bytes are enough: U+FFFE and U+FFFF are EF BF BE and EF BF BF, and no other character holds these three in a row.
    while let Some(found) = bytes.get(at..)?.iter().position(|b| *b < b' ' || *b == 0xEF) {
        at += found;
        match bytes.get(at..) {
            Some([b'\t' | b'\n' | b'\r', ..]) => {}
            Some([0xEF, 0xBF, 0xBE | 0xBF, ..]) => return Some(at),
            Some([0xEF, ..]) => {}
            _ => return Some(at),
        }
        at += 1;
    }
    None
}

/// The character that the reference `&name;` stands for: one of the five of XML, or by number.
pub(super) fn reference(name: &str) -> Option<char> {
    Some(match name {
        "amp" => '&',
        "lt" => '<',
        "gt" => '>',
        "quot" => '"',
        "apos" => '\'',
        _ => {
            let digits = name.strip_prefix('#')?;
            let (digits, radix) = digits.strip_prefix('x').map_or((digits, 10), |hex| (hex, 16));
            // No sign: the standard parser takes one.
            if !digits.bytes().all(|b| b.is_ascii_hexdigit()) {
                return None;
            }
            let found = char::from_u32(u32::from_str_radix(digits, radix).ok()?)?;
            illegal(found.encode_utf8(&mut [0; 4])).is_none().then_some(found)?
        }
    })
}

/// Why an attribute value cannot be read.
pub(super) enum BadValue {
    /// A `<`.
    Bracket,
    /// An `&` that begins no reference.
    Ampersand,
    /// A reference to what XML does not know.
    Unknown(String),
}

impl BadValue {
    /// A sentence for the client.
    pub(super) fn sentence(&self) -> String {
        match self {
            Self::Bracket => "\"<\" must be written &lt; in an attribute".to_owned(),
            Self::Ampersand => "\"&\" must be written &amp;".to_owned(),
            Self::Unknown(name) => unknown_reference(name),
        }
    }
}

/// A sentence that refuses the reference `&name;`.
pub(super) fn unknown_reference(name: &str) -> String {
    let name: String = name.chars().take(40).collect();
    format!("the reference &{name}; is not known: use &amp; &lt; &gt; &quot; &apos; or a number such as &#160;")
}

/// The value of an attribute as XML reads it: references resolved, tabs and line breaks as spaces.
pub(super) fn value(raw: &str) -> Result<Cow<'_, str>, BadValue> {
    if !raw.bytes().any(|b| matches!(b, b'&' | b'<' | b'\t' | b'\n' | b'\r')) {
        return Ok(Cow::Borrowed(raw));
    }
    let mut out = String::with_capacity(raw.len());
    let mut rest = raw;
    while let Some(at) = rest.find(['&', '<', '\t', '\n', '\r']) {
        let (before, found) = rest.split_at(at);
        out.push_str(before);
        rest = found.get(1..).unwrap_or("");
        match found.as_bytes().first() {
            Some(b'<') => return Err(BadValue::Bracket),
            Some(b'&') => {
                let (name, after) = rest.split_once(';').ok_or(BadValue::Ampersand)?;
                if name.is_empty() || !name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'#') {
                    return Err(BadValue::Ampersand);
                }
                out.push(reference(name).ok_or_else(|| BadValue::Unknown(name.to_owned()))?);
                rest = after;
            }
            found => {
                // A line break is one space, however it is told.
                if found == Some(&b'\r') {
                    rest = rest.strip_prefix('\n').unwrap_or(rest);
                }
                out.push(' ');
            }
        }
    }
    out.push_str(rest);
    Ok(Cow::Owned(out))
}

/// Appends ` name="text"`, escaped so that every reader gets the same text back.
pub(super) fn push_attribute(name: &str, text: &str, out: &mut String) {
    out.push(' ');
    out.push_str(name);
    out.push_str("=\"");
    let mut rest = text;
    while let Some(at) = rest.find(['&', '<', '>', '"', '\t', '\n', '\r']) {
        let (before, found) = rest.split_at(at);
        out.push_str(before);
        out.push_str(match found.as_bytes().first() {
            Some(b'&') => "&amp;",
            Some(b'<') => "&lt;",
            Some(b'>') => "&gt;",
            Some(b'"') => "&quot;",
            Some(b'\t') => "&#9;",
            Some(b'\n') => "&#10;",
            _ => "&#13;",
        });
        rest = found.get(1..).unwrap_or("");
    }
    out.push_str(rest);
    out.push('"');
}

/// Whether the text is a JSON number that the JSON reader takes, as FHIR's numbers must be.
pub(super) fn is_number(text: &str) -> bool {
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
    let (number, exponent) = text.split_once(['e', 'E']).map_or((text, None), |(number, exponent)| (number, Some(exponent)));
    let (whole, fraction) = number.split_once('.').map_or((number, None), |(whole, fraction)| (whole, Some(fraction)));
    let whole = whole.strip_prefix('-').unwrap_or(whole);
    text.len() <= 1000
        && digits(whole)
        && (whole == "0" || !whole.starts_with('0'))
        && fraction.is_none_or(digits)
        && exponent.is_none_or(|exponent| digits(exponent.strip_prefix(['+', '-']).unwrap_or(exponent)))
}

/// Turns byte offsets (0-based) into lines and columns (1-based, columns in characters); cheap when they are asked in ascending order.
pub(super) struct Places<'t> {
    text: &'t str,
    at: usize,
    line: usize,
    column: usize,
}

impl<'t> Places<'t> {
    pub(super) fn new(text: &'t str) -> Self {
        Self { text, at: 0, line: 1, column: 1 }
    }

    /// `line 3, column 14`.
    pub(super) fn tell(&mut self, offset: usize) -> String {
        if offset < self.at {
            (self.at, self.line, self.column) = (0, 1, 1);
        }
        let offset = offset.min(self.text.len());
        for byte in self.text.as_bytes().get(self.at..offset).unwrap_or(&[]) {
            match byte {
                b'\n' => (self.line, self.column) = (self.line + 1, 1),
                // The later bytes of a character.
                0x80..0xC0 => {}
                _ => self.column += 1,
            }
        }
        self.at = offset;
        format!("line {}, column {}", self.line, self.column)
    }
}
