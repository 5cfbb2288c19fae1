//! Which format the client sends and wants, and how much of the answer.
//!
//! Source: <https://hl7.org/fhir/R4/http.html#mime-type>, <https://hl7.org/fhir/R4/http.html#ops>; RFC 9110, section 12.

use hyper::HeaderMap;
use hyper::header::{ACCEPT, ACCEPT_CHARSET, ACCEPT_ENCODING, CONTENT_TYPE, HeaderName};

use super::prefer::Preferences;
use crate::interactions::{Failure, FailureKind};
use crate::model::outcome::IssueType;
use crate::patch;

/// A format of resources.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(super) enum Format {
    /// `application/fhir+json`
    #[default]
    Json,
    /// `application/fhir+xml`
    Xml,
}

impl Format {
    /// The media type of an answer in this format.
    pub(super) fn media_type(self) -> &'static str {
        match self {
            Self::Json => "application/fhir+json; charset=utf-8",
            Self::Xml => "application/fhir+xml; charset=utf-8",
        }
    }

    /// The format of a media type without parameters, or of a value of `_format`.
    fn named(name: &str) -> Option<Self> {
        match name {
            "application/fhir+json" | "application/json" | "text/json" | "json" | "application/json+fhir" => Some(Self::Json),
            "application/fhir+xml" | "application/xml" | "text/xml" | "xml" | "application/xml+fhir" => Some(Self::Xml),
            _ => None,
        }
    }
}

/// What a client wants of an answer.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Wanted {
    pub(super) format: Format,
    /// Whether `_format` told the format.
    pub(super) told: bool,
    pub(super) pretty: bool,
    pub(super) gzip: bool,
    pub(super) prefer: Preferences,
}

/// Reads what the client wants. `_format` goes before Accept, which may name anything where `native` content is served.
pub(super) fn wanted(headers: &HeaderMap, query: &str, native: bool) -> Result<Wanted, Failure> {
    let mut wanted = Wanted::default();
    let mut told = None;
    if query.contains("_format") || query.contains("_pretty") {
        for (name, value) in crate::search::query::decode(query).unwrap_or_default() {
            match name.as_str() {
                // A '+' in a URL means a space, but clients write `_format=application/fhir+json` all the same.
                "_format" => told = Some(value.replace(' ', "+")),
                "_pretty" => wanted.pretty = value == "true",
                _ => {}
            }
        }
    }
    wanted.told = told.is_some();
    wanted.format = match told {
        Some(value) => format_told(&value)?,
        None if native => accepted(text(headers, &ACCEPT)).unwrap_or_default(),
        None => accepted(text(headers, &ACCEPT))?,
    };
    if let Some(charsets) = text(headers, &ACCEPT_CHARSET)
        && !ranges(charsets).any(|(name, weight)| weight > 0 && matches!(name.to_ascii_lowercase().as_str(), "utf-8" | "*"))
    {
        return Err(not_acceptable("This server answers in UTF-8 only; Accept-Charset rules that out."));
    }
    if let Some(encodings) = text(headers, &ACCEPT_ENCODING) {
        wanted.gzip = ranges(encodings).any(|(name, weight)| weight > 0 && matches!(name, "gzip" | "*"));
    }
    wanted.prefer = Preferences::read(headers);
    Ok(wanted)
}

fn format_told(value: &str) -> Result<Format, Failure> {
    let mut parts = value.split(';').map(str::trim);
    let name = parts.next().unwrap_or("").to_ascii_lowercase();
    Format::named(&name)
        .filter(|_| !parts.any(other_version))
        .ok_or_else(|| not_acceptable("The format asked for by _format is not possible: use json or xml."))
}

pub(super) fn accepted(accept: Option<&str>) -> Result<Format, Failure> {
    let Some(accept) = accept else { return Ok(Format::Json) };
    let mut best: Option<(u16, Format)> = None;
    for (name, weight) in ranges(accept).filter(|(_, weight)| *weight > 0) {
        let format = match name {
            "*/*" | "application/*" | "text/*" => Some(Format::Json),
            name => Format::named(&name.to_ascii_lowercase()),
        };
        if let Some(format) = format.filter(|_| best.is_none_or(|(top, _)| weight > top)) {
            best = Some((weight, format));
        }
    }
    best.map(|(_, format)| format)
        .ok_or_else(|| not_acceptable("Accept names no format that this server has: use application/fhir+json or application/fhir+xml."))
}

/// The members of a list header with their weight in thousandths.
pub(super) fn ranges(list: &str) -> impl Iterator<Item = (&str, u16)> {
    list.split(',').map(|member| {
        let mut parts = member.split(';').map(str::trim);
        let name = parts.next().unwrap_or("");
        let mut weight = 1.0;
        for part in parts {
            if let Some(told) = part.strip_prefix("q=") {
                weight = told.parse::<f32>().unwrap_or(1.0);
            } else if other_version(part) {
                weight = 0.0;
                break;
            }
        }
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "clamped to 0..=1000 before")]
        let thousandths = (weight.clamp(0.0, 1.0) * 1000.0) as u16;
        (name, thousandths)
    })
}

/// Whether a media type's parameter asks for another release than R4 (<https://hl7.org/fhir/R4/http.html#version-parameter>).
fn other_version(parameter: &str) -> bool {
    parameter.strip_prefix("fhirVersion=").is_some_and(|version| !matches!(version.trim_matches('"'), "4.0" | "4.0.1"))
}

/// What a body is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Content {
    /// A resource.
    Resource(Format),
    /// A form of POST `_search`.
    Form,
    /// A patch document.
    Patch(patch::Format),
}

/// Reads Content-Type; without one, a body is taken for JSON. The sentence says what can be sent.
pub(super) fn content(headers: &HeaderMap, possible: &str) -> Result<Content, Failure> {
    let Some(told) = text(headers, &CONTENT_TYPE) else { return Ok(Content::Resource(Format::Json)) };
    let refuse = |why: &str| Err(Failure::new(FailureKind::MediaType, IssueType::NotSupported, "Content-Type", why));
    let mut parts = told.split(';').map(str::trim);
    let name = parts.next().unwrap_or("").to_ascii_lowercase();
    if parts.clone().any(other_version) {
        return refuse("Only FHIR 4.0 is possible as fhirVersion.");
    }
    let mut charsets = parts.filter_map(|part| part.strip_prefix("charset=").or_else(|| part.strip_prefix("Charset=")));
    if charsets.any(|charset| !charset.trim_matches('"').eq_ignore_ascii_case("utf-8")) {
        return refuse("Only UTF-8 is possible as charset.");
    }
    match (Format::named(&name), patch::Format::of_media_type(&name), name.as_str()) {
        (Some(format), ..) => Ok(Content::Resource(format)),
        (_, Some(format), _) => Ok(Content::Patch(format)),
        (.., "application/x-www-form-urlencoded") => Ok(Content::Form),
        _ => refuse(possible),
    }
}

/// The text of a header that stands once.
pub(super) fn text<'h>(headers: &'h HeaderMap, name: &HeaderName) -> Option<&'h str> {
    headers.get(name).and_then(|value| value.to_str().ok())
}

pub(super) fn not_acceptable(why: &str) -> Failure {
    Failure::new(FailureKind::NotAcceptable, IssueType::NotSupported, "Accept", why)
}
