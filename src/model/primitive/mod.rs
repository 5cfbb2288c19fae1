//! The primitive types of FHIR R4 and the rules that their values obey.
//!
//! Source: <https://hl7.org/fhir/R4/datatypes.html#primitive>.

pub mod decimal;
pub mod id;
pub mod moment;
pub mod ratio;
pub mod unit;

pub use id::Id;

/// A primitive type.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[expect(missing_docs, reason = "named as in the specification")]
pub enum Primitive {
    Boolean,
    Integer,
    UnsignedInt,
    PositiveInt,
    Decimal,
    String,
    Markdown,
    Code,
    Id,
    Uri,
    Url,
    Canonical,
    Oid,
    Uuid,
    Base64Binary,
    Instant,
    Date,
    DateTime,
    Time,
    Xhtml,
}

/// Which kind of JSON value tells a primitive.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Json {
    /// A string.
    String,
    /// A number.
    Number,
    /// `true` or `false`.
    Boolean,
}

impl Primitive {
    /// The primitive type of that FHIR name.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        Some(match name {
            "boolean" => Self::Boolean,
            "integer" => Self::Integer,
            "unsignedInt" => Self::UnsignedInt,
            "positiveInt" => Self::PositiveInt,
            "decimal" => Self::Decimal,
            "string" => Self::String,
            "markdown" => Self::Markdown,
            "code" => Self::Code,
            "id" => Self::Id,
            "uri" => Self::Uri,
            "url" => Self::Url,
            "canonical" => Self::Canonical,
            "oid" => Self::Oid,
            "uuid" => Self::Uuid,
            "base64Binary" => Self::Base64Binary,
            "instant" => Self::Instant,
            "date" => Self::Date,
            "dateTime" => Self::DateTime,
            "time" => Self::Time,
            "xhtml" => Self::Xhtml,
            _ => return None,
        })
    }

    /// The JSON value that tells it.
    #[must_use]
    pub fn json(self) -> Json {
        match self {
            Self::Boolean => Json::Boolean,
            Self::Integer | Self::UnsignedInt | Self::PositiveInt | Self::Decimal => Json::Number,
            _ => Json::String,
        }
    }

    /// Checks the value (a string's content or a number's text); the error says what would be right.
    ///
    /// # Errors
    /// When the text is not a value of this type.
    pub fn check(self, text: &str) -> Result<(), &'static str> {
        let good = |holds: bool, wanted: &'static str| if holds { Ok(()) } else { Err(wanted) };
        match self {
            Self::Boolean | Self::Decimal => Ok(()),
            Self::Integer => good(whole(text).is_some(), "use a whole number from -2147483648 to 2147483647, without fraction or exponent"),
            Self::UnsignedInt => good(whole(text).is_some_and(|n| n >= 0), "use a whole number from 0 to 2147483647"),
            Self::PositiveInt => good(whole(text).is_some_and(|n| n > 0), "use a whole number from 1 to 2147483647"),
            Self::String | Self::Markdown => string(text),
            Self::Xhtml => good(text.trim_start().starts_with("<div"), "the narrative must be one <div> in XHTML"),
            Self::Code => good(code(text), "a code has no white space at its ends and only single spaces inside"),
            Self::Id => good(Id::is_valid(text), "an id has 1 to 64 characters out of A-Z, a-z, 0-9, '-' and '.'"),
            Self::Uri | Self::Url | Self::Canonical => {
                good(!text.is_empty() && !text.contains(|c: char| c.is_ascii_whitespace()), "a URI is not empty and has no white space")
            }
            Self::Oid => good(oid(text), "an OID looks like urn:oid:1.2.3"),
            Self::Uuid => good(uuid(text), "a UUID looks like urn:uuid:c757873d-ec9a-4326-a141-556f43239520, in lower case"),
            Self::Base64Binary => good(base64(text), "use base64 (RFC 4648, section 4) with padding"),
            Self::Instant => good(moment::instant(text).is_some(), "an instant looks like 2015-02-07T13:28:17.239+02:00"),
            Self::Date => good(moment::date(text).is_some(), "a date looks like 2018, 1973-06 or 1905-08-23, and must exist"),
            Self::DateTime => good(
                moment::date_time(text).is_some(),
                "a dateTime looks like 2018, 1973-06, 1905-08-23 or 2015-02-07T13:28:17-05:00, and must exist",
            ),
            Self::Time => good(moment::time(text).is_some(), "a time looks like 14:35:00"),
        }
    }
}

fn whole(text: &str) -> Option<i32> {
    let digits = text.strip_prefix('-').unwrap_or(text);
    digits.bytes().all(|b| b.is_ascii_digit()).then(|| text.parse().ok()).flatten()
}

fn string(text: &str) -> Result<(), &'static str> {
    if text.is_empty() {
        return Err("a string must not be empty: leave the element out");
    }
    if text.bytes().any(|b| b < b' ' && !matches!(b, b'\t' | b'\n' | b'\r')) {
        return Err("a string must not hold control characters other than tab, line feed and carriage return");
    }
    Ok(())
}

fn code(text: &str) -> bool {
    // The white space of the specification's patterns is that of ASCII: a no-break space is a character like others.
    !text.is_empty() && text.split(' ').all(|word| !word.is_empty() && !word.contains(|c: char| c.is_ascii_whitespace()))
}

fn oid(text: &str) -> bool {
    let Some(arcs) = text.strip_prefix("urn:oid:") else { return false };
    let arc = |arc: &str| !arc.is_empty() && arc.bytes().all(|b| b.is_ascii_digit()) && (arc == "0" || !arc.starts_with('0'));
    let mut parts = arcs.split('.');
    parts.next().is_some_and(|first| matches!(first, "0" | "1" | "2")) && arcs.contains('.') && parts.all(arc)
}

fn uuid(text: &str) -> bool {
    let Some(uuid) = text.strip_prefix("urn:uuid:") else { return false };
    uuid.len() == 36
        && uuid.bytes().enumerate().all(|(i, b)| match i {
            8 | 13 | 18 | 23 => b == b'-',
            _ => b.is_ascii_digit() || (b'a'..=b'f').contains(&b),
        })
}

fn base64(text: &str) -> bool {
    let (mut count, mut padding) = (0_usize, 0_usize);
    for b in text.bytes() {
        match b {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'+' | b'/' if padding == 0 => count += 1,
            b'=' => padding += 1,
            b' ' | b'\t' | b'\r' | b'\n' => {}
            _ => return false,
        }
    }
    count > 0 && padding <= 2 && (count + padding) % 4 == 0
}

#[cfg(test)]
mod tests;
