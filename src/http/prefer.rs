//! The preferences of a client, and which of them were followed.
//!
//! Source: RFC 7240; <https://hl7.org/fhir/R4/http.html#ops>, <https://hl7.org/fhir/R4/http.html#return>.

use hyper::HeaderMap;
use hyper::header::HeaderValue;

use crate::interactions::{Answer, Handling};

/// What `Prefer` asks for; what is not known is no one's concern.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(super) struct Preferences {
    /// `return=`
    pub(super) returns: Option<Return>,
    /// `handling=`
    pub(super) handling: Option<Handling>,
    /// `respond-async`
    pub(super) respond_async: bool,
}

/// `Prefer: return=`
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Return {
    Minimal,
    Representation,
    Outcome,
}

impl Return {
    fn told(self) -> &'static str {
        match self {
            Self::Minimal => "return=minimal",
            Self::Representation => "return=representation",
            Self::Outcome => "return=OperationOutcome",
        }
    }
}

impl Preferences {
    /// Reads the preferences. The first word on each counts (RFC 7240, section 2); a value that is not known counts as none.
    pub(super) fn read(headers: &HeaderMap) -> Self {
        let mut preferences = Self::default();
        let mut seen: Vec<String> = Vec::new();
        // A semicolon should introduce a parameter of a preference, but many clients part preferences by it.
        let lists = headers.get_all("prefer").iter().filter_map(|value| value.to_str().ok());
        for one in lists.flat_map(|value| value.split([',', ';'])) {
            let (name, value) = one.split_once('=').unwrap_or((one, ""));
            let (name, value) = (name.trim().to_ascii_lowercase(), value.trim().trim_matches('"'));
            if seen.contains(&name) {
                continue;
            }
            match (name.as_str(), value) {
                ("return", "minimal") => preferences.returns = Some(Return::Minimal),
                ("return", "representation") => preferences.returns = Some(Return::Representation),
                ("return", "OperationOutcome") => preferences.returns = Some(Return::Outcome),
                ("handling", "lenient") => preferences.handling = Some(Handling::Lenient),
                ("respond-async", "") => preferences.respond_async = true,
                ("handling", "strict") => preferences.handling = Some(Handling::Strict),
                _ => {}
            }
            seen.push(name);
        }
        preferences
    }

    /// The value of `Preference-Applied` for an answer: the preferences that made a difference to it.
    pub(super) fn applied(self, answer: &Answer) -> Option<HeaderValue> {
        let returned = self.returns.filter(|returns| match answer {
            Answer::Written { .. } | Answer::Batch(_) | Answer::Transaction(_) => true,
            // Of what is deleted there is no representation.
            Answer::Deleted(_) | Answer::DeletedAll(_) => *returns != Return::Representation,
            _ => false,
        });
        let handled = self.handling.filter(|_| matches!(answer, Answer::Bundle(_))).map(|handling| match handling {
            Handling::Strict => "handling=strict",
            Handling::Lenient => "handling=lenient",
        });
        let told = returned.map(Return::told).or(handled)?;
        Some(HeaderValue::from_static(told))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(values: &[&'static str], returns: Option<Return>, handling: Option<Handling>) {
        let mut headers = HeaderMap::new();
        for value in values {
            headers.append("prefer", HeaderValue::from_static(value));
        }
        assert_eq!(Preferences::read(&headers), Preferences { returns, handling, respond_async: false }, "{values:?}");
    }

    #[test]
    fn preferences_are_read() {
        check(&[], None, None);
        check(&["return=minimal"], Some(Return::Minimal), None);
        check(&["Return = \"minimal\" , handling=lenient"], Some(Return::Minimal), Some(Handling::Lenient));
        check(&["return=representation; handling=strict"], Some(Return::Representation), Some(Handling::Strict));
        check(&["return=OperationOutcome", "return=minimal"], Some(Return::Outcome), None);
        check(&["return=nothing, return=minimal"], None, None);
        check(&["taste=sweet, handling=lenient"], None, Some(Handling::Lenient));
        check(&["returns=minimal"], None, None);
        let mut headers = HeaderMap::new();
        headers.append("prefer", HeaderValue::from_static("respond-async, wait=10"));
        assert!(Preferences::read(&headers).respond_async);
    }
}
