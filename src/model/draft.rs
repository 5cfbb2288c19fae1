//! A resource in the making: what our own code writes before the strict reader has seen it.
//!
//! Mappings and Bundles are put together as drafts, turned to JSON, and read by the same codec as a client's bytes.

use std::borrow::Cow;

/// A JSON value with members in the order in which they were added.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Draft {
    /// `true` or `false`.
    Boolean(bool),
    /// A number as it is to be written, digit by digit.
    Number(Cow<'static, str>),
    /// A string.
    String(Cow<'static, str>),
    /// An array; empty ones are left out when written.
    Array(Vec<Draft>),
    /// An object; empty ones are left out when written.
    Object(Vec<(&'static str, Draft)>),
    /// JSON text that is spliced in as it stands: a resource that has been read before.
    Raw(Cow<'static, str>),
}

impl Draft {
    /// An object without members.
    #[must_use]
    pub fn object() -> Self {
        Self::Object(Vec::new())
    }

    /// An array of values.
    pub fn array<T: Into<Self>>(items: impl IntoIterator<Item = T>) -> Self {
        Self::Array(items.into_iter().map(Into::into).collect())
    }

    /// A number from text that is a JSON number; decimals keep their digits.
    pub fn number(text: impl Into<Cow<'static, str>>) -> Self {
        Self::Number(text.into())
    }

    /// Adds a member to an object; on any other value it does nothing.
    #[must_use]
    pub fn with(mut self, name: &'static str, value: impl Into<Self>) -> Self {
        self.set(name, value);
        self
    }

    /// Adds a member if there is a value for it.
    #[must_use]
    pub fn with_some<T: Into<Self>>(self, name: &'static str, value: Option<T>) -> Self {
        match value {
            Some(value) => self.with(name, value),
            None => self,
        }
    }

    /// Adds a member to an object in place.
    pub fn set(&mut self, name: &'static str, value: impl Into<Self>) {
        if let Self::Object(members) = self {
            members.push((name, value.into()));
        }
    }

    /// Whether writing it would leave nothing.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        match self {
            Self::Array(items) => items.iter().all(Self::is_empty),
            Self::Object(members) => members.iter().all(|(_, value)| value.is_empty()),
            _ => false,
        }
    }

    /// The JSON text, without white space. Empty objects and arrays are left out, as FHIR forbids them.
    #[must_use]
    pub fn to_json(&self) -> String {
        let mut out = String::with_capacity(256);
        self.write(&mut out);
        out
    }

    /// Appends the JSON text to `out`.
    pub fn write(&self, out: &mut String) {
        match self {
            Self::Boolean(true) => out.push_str("true"),
            Self::Boolean(false) => out.push_str("false"),
            Self::Number(text) | Self::Raw(text) => out.push_str(text),
            Self::String(text) => write_string(text, out),
            Self::Array(items) => {
                out.push('[');
                let mut first = true;
                for item in items.iter().filter(|item| !item.is_empty()) {
                    if !std::mem::take(&mut first) {
                        out.push(',');
                    }
                    item.write(out);
                }
                out.push(']');
            }
            Self::Object(members) => {
                out.push('{');
                let mut first = true;
                for (name, value) in members.iter().filter(|(_, value)| !value.is_empty()) {
                    if !std::mem::take(&mut first) {
                        out.push(',');
                    }
                    write_string(name, out);
                    out.push(':');
                    value.write(out);
                }
                out.push('}');
            }
        }
    }
}

/// Appends `text` as a JSON string with quotes.
pub fn write_string(text: &str, out: &mut String) {
    out.push('"');
    for c in text.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            c if c < ' ' => {
                out.push_str("\\u00");
                for nibble in [u32::from(c) >> 4, u32::from(c) & 15] {
                    out.push(char::from_digit(nibble, 16).unwrap_or('0'));
                }
            }
            c => out.push(c),
        }
    }
    out.push('"');
}

impl From<&str> for Draft {
    fn from(text: &str) -> Self {
        Self::String(Cow::Owned(text.to_owned()))
    }
}

impl From<String> for Draft {
    fn from(text: String) -> Self {
        Self::String(Cow::Owned(text))
    }
}

impl From<bool> for Draft {
    fn from(value: bool) -> Self {
        Self::Boolean(value)
    }
}

impl From<u64> for Draft {
    fn from(value: u64) -> Self {
        Self::Number(Cow::Owned(value.to_string()))
    }
}

impl From<i64> for Draft {
    fn from(value: i64) -> Self {
        Self::Number(Cow::Owned(value.to_string()))
    }
}

impl<T: Into<Draft>> From<Vec<T>> for Draft {
    fn from(items: Vec<T>) -> Self {
        Self::array(items)
    }
}
