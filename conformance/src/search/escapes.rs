//! Values of a query as text: their parts, the escapes in them, and their form in a URL.
//!
//! Source: <https://hl7.org/fhir/R4/search.html#escaping>.

use std::fmt::Write as _;

/// The parts between the separators that have no backslash before them. Escapes stay as they are.
#[must_use]
pub(super) fn split(text: &str, separator: char) -> Vec<String> {
    let mut parts = vec![String::new()];
    let mut escaped = false;
    for letter in text.chars() {
        if letter == separator && !escaped {
            parts.push(String::new());
        } else if let Some(part) = parts.last_mut() {
            part.push(letter);
        }
        escaped = letter == '\\' && !escaped;
    }
    parts
}

/// What is meant: `\,` is a comma.
#[must_use]
pub(super) fn plain(text: &str) -> String {
    let mut letters = text.chars();
    let mut meant = String::new();
    while let Some(letter) = letters.next() {
        meant.extend(if letter == '\\' { letters.next() } else { Some(letter) });
    }
    meant
}

/// The text with a backslash before each letter that means something in a value.
#[must_use]
pub(super) fn escape(text: &str) -> String {
    text.chars().flat_map(|letter| ['\\', letter].into_iter().skip(usize::from(!"\\,$|".contains(letter)))).collect()
}

/// Percent-encoded, as a name or value of a query.
#[must_use]
pub(super) fn encode(text: &str) -> String {
    let mut wire = String::new();
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~:/$,*".contains(&byte) {
            wire.push(char::from(byte));
        } else {
            let _ = write!(wire, "%{byte:02X}");
        }
    }
    wire
}

/// The text that was percent-encoded.
#[must_use]
pub(super) fn decode(text: &str) -> String {
    let mut bytes = Vec::new();
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        let hex = |byte: Option<u8>| byte.and_then(|byte| char::from(byte).to_digit(16)).unwrap_or(0);
        match byte {
            b'%' => bytes.push(u8::try_from(hex(rest.next()) * 16 + hex(rest.next())).unwrap_or(0)),
            b'+' => bytes.push(b' '),
            other => bytes.push(other),
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn escaped_separators_do_not_separate() {
        assert_eq!(split(r"a\,b,c\\,d", ','), [r"a\,b", r"c\\", "d"]);
        assert_eq!(plain(r"a\,b\\\|c\$"), r"a,b\|c$");
        for text in [r"a,b|c$d\e", "", r"\\", "Ø + é"] {
            assert_eq!(plain(&escape(text)), text);
            assert_eq!(split(&escape(text), ','), [escape(text)]);
            assert_eq!(decode(&encode(text)), text);
        }
    }
}
