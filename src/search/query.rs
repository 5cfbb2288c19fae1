//! The text of a search, read but not yet given meaning.
//!
//! Source: <https://hl7.org/fhir/R4/search.html>; escapes `\,` `\|` `\$` `\\` (section 3.1.1.4.2).

use crate::model::outcome::{Issue, IssueType};

/// A condition: `code:modifier=value,value`, perhaps on another resource.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Criterion {
    /// How to come from the resource to the one that the condition is about; most often no step at all.
    pub path: Vec<Step>,
    /// The parameter's code.
    pub code: String,
    /// What stands after the colon.
    pub modifier: Option<String>,
    /// The alternatives, still escaped.
    pub values: Vec<String>,
    /// How a value is compared.
    pub how: How,
}

/// How a value is compared, beside its modifier.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum How {
    /// As the parameter's kind says.
    #[default]
    Plain,
    /// An item is the same (`eq` of a `_filter`).
    Equals,
    /// An item is another (`ne`).
    Unequal,
    /// An item has it inside (`co`).
    Contains,
    /// An item is larger or smaller, as the prefix of the value says.
    Ordered,
    /// A string ends with it (`ew`).
    Ends,
    /// A period overlaps with that of the value (`po`).
    Overlaps,
}

/// A step from one resource to another.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Step {
    /// `subject:Patient.` or `subject.`: to the resources to which a reference parameter leads (a chain).
    Forward {
        /// Code of the reference parameter.
        code: String,
        /// The only type wanted.
        target: Option<String>,
    },
    /// `_has:Observation:patient:`: to the resources that refer here.
    Reverse {
        /// Their type.
        source: String,
        /// Code of their reference parameter.
        code: String,
    },
}

impl Criterion {
    /// Reads a name such as `subject:Patient.name:exact`; the values are still escaped.
    ///
    /// # Errors
    /// When `_has` lacks a part.
    pub fn new(name: &str, values: Vec<String>) -> Result<Self, String> {
        let mut path = Vec::new();
        let mut rest = name;
        loop {
            if let Some(reverse) = rest.strip_prefix("_has:") {
                let mut parts = reverse.splitn(3, ':');
                let (Some(source), Some(code), Some(then)) = (parts.next(), parts.next(), parts.next()) else {
                    return Err(format!(
                        "\"{name}\" is not understood: write _has:Type:parameter:parameter, for example _has:Observation:patient:code."
                    ));
                };
                path.push(Step::Reverse { source: source.to_owned(), code: code.to_owned() });
                rest = then;
            } else if let Some((head, then)) = rest.split_once('.') {
                let (code, target) = head.split_once(':').map_or((head, None), |(code, target)| (code, Some(target.to_owned())));
                path.push(Step::Forward { code: code.to_owned(), target });
                rest = then;
            } else {
                let (code, modifier) = rest.split_once(':').map_or((rest, None), |(code, modifier)| (code, Some(modifier.to_owned())));
                return Ok(Self { path, code: code.to_owned(), modifier, values, how: How::Plain });
            }
        }
    }

    /// Its name as the client wrote it.
    #[must_use]
    pub fn name(&self) -> String {
        let mut name = String::new();
        for step in &self.path {
            match step {
                Step::Forward { code, target: None } => name.extend([code.as_str(), "."]),
                Step::Forward { code, target: Some(target) } => name.extend([code.as_str(), ":", target, "."]),
                Step::Reverse { source, code } => name.extend(["_has:", source.as_str(), ":", code, ":"]),
            }
        }
        name.push_str(&self.code);
        if let Some(modifier) = &self.modifier {
            name.extend([":", modifier]);
        }
        name
    }
}

/// `_include` or `_revinclude`: `Type:code`, `Type:code:Target`, `Type:*` or `*`.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Include {
    /// The type that holds the reference; `*` for any.
    pub source: String,
    /// Code of the reference parameter; `*` for all.
    pub code: String,
    /// The only type of target wanted.
    pub target: Option<String>,
    /// Whether it is followed again from what was included (`:iterate`).
    pub iterate: bool,
}

/// `_total`
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[expect(missing_docs, reason = "named as in the specification")]
pub enum Total {
    None,
    Estimate,
    Accurate,
}

/// `_summary`
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[expect(missing_docs, reason = "named as in the specification")]
pub enum Summary {
    True,
    Text,
    Data,
    Count,
    False,
}

/// `_contained`: whether resources inside of others are searched.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[expect(missing_docs, reason = "named as in the specification")]
pub enum Contained {
    True,
    Both,
}

/// A search as written.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Query {
    /// All of them must hold.
    pub criteria: Vec<Criterion>,
    /// Codes in order of importance; `true` for descending.
    pub sort: Vec<(String, bool)>,
    /// `_count`
    pub count: Option<usize>,
    /// `_total`
    pub total: Option<Total>,
    /// `_summary`
    pub summary: Option<Summary>,
    /// `_elements`
    pub elements: Vec<String>,
    /// `_include`
    pub includes: Vec<Include>,
    /// `_revinclude`
    pub revincludes: Vec<Include>,
    /// `_type`: the types of a search over several.
    pub types: Vec<String>,
    /// `_contained`; `None` for false.
    pub contained: Option<Contained>,
    /// `_containedType=contained`: whether contained resources are told without their containers.
    pub contained_alone: bool,
    /// `_explain`: whether to tell how the search is run, instead of what it finds.
    pub explain: bool,
    /// Where to go on: the token of a next link.
    pub cursor: Option<String>,
}

/// The parameter in which our page links carry their place.
pub const CURSOR: &str = "_cursor";

/// Reads decoded name-value pairs. Issues name the parameter; what they are about is left out of the query.
#[must_use]
pub fn read(pairs: &[(String, String)]) -> (Query, Vec<Issue>) {
    let mut query = Query::default();
    let mut issues = Vec::new();
    for (name, value) in pairs {
        if let Err(reason) = parameter(&mut query, name, value) {
            issues.push(Issue::error(IssueType::Value, name.clone(), reason));
        }
    }
    (query, issues)
}

fn parameter(query: &mut Query, name: &str, value: &str) -> Result<(), String> {
    let (code, modifier) = name.split_once(':').map_or((name, None), |(code, modifier)| (code, Some(modifier)));
    if value.is_empty() {
        // "Empty parameters are not an error - they are just ignored" (section 3.1.1.3); the self link leaves them out.
        return Ok(());
    }
    let choice = |all: &str| format!("\"{value}\" is not possible here: use one of {all}.");
    match (code, modifier) {
        ("_sort", None) => {
            for key in value.split(',').filter(|key| !key.is_empty()) {
                query.sort.push(key.strip_prefix('-').map_or((key.to_owned(), false), |code| (code.to_owned(), true)));
            }
        }
        ("_count", None) => {
            query.count = Some(value.parse().map_err(|_| format!("\"{value}\" is not a number: _count takes a whole number from 0."))?)
        }
        ("_total", None) => {
            query.total = Some(match value {
                "none" => Total::None,
                "estimate" => Total::Estimate,
                "accurate" => Total::Accurate,
                _ => return Err(choice("none, estimate, accurate")),
            });
        }
        ("_summary", None) => {
            query.summary = Some(match value {
                "true" => Summary::True,
                "text" => Summary::Text,
                "data" => Summary::Data,
                "count" => Summary::Count,
                "false" => Summary::False,
                _ => return Err(choice("true, text, data, count, false")),
            });
        }
        ("_contained", None) => {
            query.contained = match value {
                "false" => None,
                "true" => Some(Contained::True),
                "both" => Some(Contained::Both),
                _ => return Err(choice("false, true, both")),
            };
        }
        ("_containedType", None) => {
            query.contained_alone = match value {
                "container" => false,
                "contained" => true,
                _ => return Err(choice("container, contained")),
            };
        }
        ("_explain", None) => {
            query.explain = match value {
                "true" => true,
                "false" => false,
                _ => return Err(choice("true, false")),
            };
        }
        ("_elements", None) => query.elements.extend(value.split(',').filter(|name| !name.is_empty()).map(str::to_owned)),
        // "recurse" is what STU3 called it.
        ("_include", None | Some("iterate" | "recurse")) => query.includes.push(include(value, modifier.is_some())?),
        ("_revinclude", None | Some("iterate" | "recurse")) => query.revincludes.push(include(value, modifier.is_some())?),
        ("_type", None) => query.types.extend(value.split(',').filter(|name| !name.is_empty()).map(str::to_owned)),
        (CURSOR, None) => query.cursor = Some(value.to_owned()),
        ("_format" | "_pretty", None) => {}
        _ => {
            // The commas of a _filter belong to its language.
            let values = if name == "_filter" { vec![value.to_owned()] } else { split(value, ',') };
            query.criteria.push(Criterion::new(name, values)?);
        }
    }
    Ok(())
}

fn include(value: &str, iterate: bool) -> Result<Include, String> {
    if value == "*" {
        return Ok(Include { source: "*".to_owned(), code: "*".to_owned(), target: None, iterate });
    }
    let mut parts = value.split(':').map(str::to_owned);
    match (parts.next(), parts.next(), parts.next(), parts.next()) {
        (Some(source), Some(code), target, None) if !source.is_empty() && !code.is_empty() => Ok(Include { source, code, target, iterate }),
        _ => Err(format!(
            "\"{value}\" is not understood: write Type:parameter or Type:parameter:TargetType, for example Observation:subject."
        )),
    }
}

/// Splits at a character that is not escaped by `\`; the pieces stay escaped.
#[must_use]
pub fn split(text: &str, at: char) -> Vec<String> {
    let mut pieces = vec![String::new()];
    let mut escaped = false;
    for c in text.chars() {
        if c == at && !escaped {
            pieces.push(String::new());
            continue;
        }
        escaped = c == '\\' && !escaped;
        if let Some(piece) = pieces.last_mut() {
            piece.push(c);
        }
    }
    pieces
}

/// Resolves the escapes.
#[must_use]
pub fn unescape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        match (c, chars.peek()) {
            ('\\', Some(next @ (',' | '|' | '$' | '\\'))) => {
                out.push(*next);
                chars.next();
            }
            _ => out.push(c),
        }
    }
    out
}

/// Decodes `application/x-www-form-urlencoded` text, as in a URL's query or the body of POST `_search`.
///
/// # Errors
/// When a percent sequence is broken or is not UTF-8: the name of the pair.
pub fn decode(text: &str) -> Result<Vec<(String, String)>, String> {
    let mut pairs = Vec::new();
    for pair in text.split('&').filter(|pair| !pair.is_empty()) {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        let one = |text: &str| {
            let spaced = text.replace('+', " ");
            let whole = spaced.split('%').skip(1).all(|rest| rest.get(..2).is_some_and(|hex| hex.bytes().all(|b| b.is_ascii_hexdigit())));
            let decoded = percent_encoding::percent_decode_str(&spaced).decode_utf8().map(std::borrow::Cow::into_owned);
            decoded.ok().filter(|decoded| whole && !decoded.contains('\0'))
        };
        match (one(name), one(value)) {
            (Some(name), Some(value)) => pairs.push((name, value)),
            _ => return Err(name.to_owned()),
        }
    }
    Ok(pairs)
}
