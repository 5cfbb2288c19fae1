//! A search as it is asked: the text of its URL, taken apart.

use super::escapes::{decode, encode, split};
use super::parameters::TYPES;

/// A search.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Request {
    /// The type, or nothing for a search over all types.
    pub(super) kind: Option<String>,
    /// `Type/id` to whose compartment the matches have to belong.
    pub(super) within: Option<String>,
    /// Whether it is asked by POST.
    pub(super) post: bool,
    /// Names and values, decoded but with the escapes of values, in their order.
    pub(super) parameters: Vec<(String, String)>,
}

/// An `_include` or `_revinclude`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Include {
    /// Whether it is `_revinclude`.
    pub(super) reverse: bool,
    /// Whether it applies to included resources too.
    pub(super) iterate: bool,
    /// The type that has the reference; nothing for all.
    pub(super) source: Option<String>,
    /// Its parameter; nothing for all.
    pub(super) code: Option<String>,
    /// The type that it leads to, if that matters.
    pub(super) target: Option<String>,
}

impl Request {
    /// Takes `Type?name=value&...` apart; without a type it is a search over all. `Patient/x/Type` is one in a compartment, and what
    /// ends in `_search` is asked by POST.
    #[must_use]
    pub(super) fn parse(text: &str) -> Self {
        let (path, query) = text.split_once('?').unwrap_or((text, ""));
        let (path, post) = path.strip_suffix("_search").map_or((path, false), |path| (path.trim_end_matches('/'), true));
        let (within, kind) = path.rsplit_once('/').map_or((None, path), |(within, kind)| (Some(within.to_owned()), kind));
        let pair = |pair: &str| {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            (decode(name), decode(value))
        };
        let parameters = query.split('&').filter(|pair| !pair.is_empty()).map(pair).collect();
        Self { kind: Some(kind.to_owned()).filter(|kind| !matches!(kind.as_str(), "" | "*")), within, post, parameters }
    }

    /// The text that goes behind the base URL.
    #[must_use]
    pub(super) fn text(&self) -> String {
        let pairs: Vec<String> = self.parameters.iter().map(|(name, value)| format!("{}={}", encode(name), encode(value))).collect();
        let kind = self.kind.as_deref();
        let mut path = match &self.within {
            Some(within) => format!("{within}/{}", kind.unwrap_or("*")),
            None => kind.unwrap_or_default().to_owned(),
        };
        if self.post {
            path.push_str(if path.is_empty() { "_search" } else { "/_search" });
        }
        format!("{path}?{}", pairs.join("&"))
    }

    /// The types that are searched.
    #[must_use]
    pub(super) fn kinds(&self) -> Vec<String> {
        match (&self.kind, self.value("_type")) {
            (Some(kind), _) => vec![kind.clone()],
            (None, Some(types)) => split(types, ','),
            (None, None) if self.within.is_some() => {
                super::compartments::types(self.within.as_deref().unwrap_or_default()).into_iter().map(str::to_owned).collect()
            }
            (None, None) => TYPES.map(str::to_owned).to_vec(),
        }
    }

    /// The value of a parameter that is given once at most.
    #[must_use]
    pub(super) fn value(&self, name: &str) -> Option<&str> {
        self.parameters.iter().find(|(own, _)| own == name).map(|(_, value)| value.as_str())
    }

    /// The parameters that say which resources match.
    pub(super) fn criteria(&self) -> impl Iterator<Item = &(String, String)> {
        let shape = [
            "_sort",
            "_count",
            "_total",
            "_summary",
            "_type",
            "_include",
            "_revinclude",
            "_include:iterate",
            "_revinclude:iterate",
            "_contained",
            "_containedType",
        ];
        self.parameters.iter().filter(move |(name, _)| !shape.contains(&name.as_str()))
    }

    /// The keys of `_sort`: names, and whether each goes down.
    #[must_use]
    pub(super) fn sort(&self) -> Vec<(String, bool)> {
        let keys = split(self.value("_sort").unwrap_or_default(), ',');
        let key = |key: String| key.strip_prefix('-').map_or_else(|| (key.clone(), false), |name| (name.to_owned(), true));
        keys.into_iter().filter(|key| !key.is_empty()).map(key).collect()
    }

    /// What comes along with the matches.
    #[must_use]
    pub(super) fn includes(&self) -> Vec<Include> {
        let known = |text: &str| Some(text.to_owned()).filter(|text| text != "*");
        let include = |(name, value): &(String, String)| {
            let (name, iterate) = name.split_once(':').map_or((name.as_str(), false), |(name, _)| (name, true));
            let reverse = name == "_revinclude";
            let mut parts = value.split(':');
            let source = parts.next().and_then(known);
            let (code, target) = (parts.next().and_then(known), parts.next().map(str::to_owned));
            (reverse || name == "_include").then_some(Include { reverse, iterate, source, code, target })
        };
        self.parameters.iter().filter_map(include).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_are_taken_apart_and_put_together() {
        let text =
            "Observation?code=a%5C,b&subject:Patient.name=%C3%98&_sort=-date,_id&_include:iterate=Observation:has-member:Observation";
        let request = Request::parse(text);
        assert_eq!(request.text(), text);
        assert_eq!(request.kinds(), ["Observation"]);
        assert_eq!(request.sort(), [("date".to_owned(), true), ("_id".to_owned(), false)]);
        assert_eq!(request.criteria().count(), 2);
        let expected = Include {
            reverse: false,
            iterate: true,
            source: Some("Observation".to_owned()),
            code: Some("has-member".to_owned()),
            target: Some("Observation".to_owned()),
        };
        assert_eq!(request.includes(), [expected]);
        assert_eq!(Request::parse("?_type=Patient,List").kinds(), ["Patient", "List"]);
        for text in ["Patient/_search?gender=male", "_search?_type=List", "Patient/x/Observation?code=x", "Patient/x/*?_count=2"] {
            assert_eq!(Request::parse(text).text(), text);
        }
        let request = Request::parse("Patient/x/Observation/_search?code=x");
        assert_eq!((request.kind.as_deref(), request.within.as_deref(), request.post), (Some("Observation"), Some("Patient/x"), true));
        assert_eq!(Request::parse("Patient?_include=*").includes().first().and_then(|include| include.source.clone()), None);
    }
}
