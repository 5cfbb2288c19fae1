//! References: where they lead, and whether they are what was asked for.
//!
//! Source: <https://hl7.org/fhir/R4/search.html#reference>.

use serde_json::Value;

/// Where a reference leads.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Link {
    /// To a resource of this server: type, id, version if there is one.
    Here(String, String, Option<String>),
    /// To somewhere else.
    Elsewhere(String),
}

impl Link {
    /// Reads a relative or absolute URL; what begins with the server's base is relative. Nothing from a contained resource.
    #[must_use]
    pub(super) fn parse(base: &str, url: &str) -> Option<Self> {
        let path = url.strip_prefix(base).map_or(url, |rest| rest.trim_start_matches('/'));
        let parts: Vec<&str> = path.split('/').collect();
        let typed = |name: &str| name.starts_with(|letter: char| letter.is_ascii_uppercase());
        match parts.as_slice() {
            _ if path.starts_with('#') || path.is_empty() => None,
            [name, id] if typed(name) => Some(Self::Here((*name).to_owned(), (*id).to_owned(), None)),
            [name, id, "_history", version] if typed(name) => {
                Some(Self::Here((*name).to_owned(), (*id).to_owned(), Some((*version).to_owned())))
            }
            _ => Some(Self::Elsewhere(url.to_owned())),
        }
    }

    /// Where an element of type Reference leads; nothing if it has an identifier or a display only.
    #[must_use]
    pub(super) fn of(base: &str, element: &Value) -> Option<Self> {
        Self::parse(base, element.get("reference")?.as_str()?)
    }

    /// The type of the resource that it leads to, if it is one of this server.
    #[must_use]
    pub(super) fn target(&self) -> Option<&str> {
        match self {
            Self::Here(name, ..) => Some(name),
            Self::Elsewhere(_) => None,
        }
    }

    /// `Type/id`, or the URL: the text by which references are put in order.
    #[must_use]
    pub(super) fn text(&self) -> String {
        match self {
            Self::Here(name, id, _) => format!("{name}/{id}"),
            Self::Elsewhere(url) => url.clone(),
        }
    }

    /// Whether it is what was asked for: an id, `Type/id`, or a URL. A version counts if one was asked for.
    #[must_use]
    pub(super) fn is(&self, base: &str, asked: &str) -> bool {
        match (Self::parse(base, asked), self) {
            (Some(Self::Here(name, id, version)), Self::Here(own, own_id, own_version)) => {
                name == *own && id == *own_id && (version.is_none() || version == *own_version)
            }
            (Some(Self::Elsewhere(url)), Self::Elsewhere(own)) => url == *own,
            (Some(Self::Elsewhere(id)), Self::Here(_, own, _)) => id == *own,
            _ => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn references_are_what_was_asked_for() {
        let check = |stored: &str, asked: &str, expected: bool| {
            let link = Link::of("http://x/fhir", &json!({"reference": stored}));
            assert_eq!(link.is_some_and(|link| link.is("http://x/fhir", asked)), expected, "{stored} as {asked}");
        };
        for stored in ["Patient/1", "http://x/fhir/Patient/1", "Patient/1/_history/2"] {
            for asked in ["1", "Patient/1", "http://x/fhir/Patient/1"] {
                check(stored, asked, true);
            }
            check(stored, "Group/1", false);
            check(stored, "2", false);
        }
        check("Patient/1/_history/2", "Patient/1/_history/2", true);
        check("Patient/1", "Patient/1/_history/2", false);
        check("https://y/fhir/Patient/1", "https://y/fhir/Patient/1", true);
        check("https://y/fhir/Patient/1", "Patient/1", false);
        check("https://y/fhir/Patient/1", "1", false);
        check("#1", "1", false);
        assert_eq!(Link::of("http://x/fhir", &json!({"display": "1"})), None);
    }
}
