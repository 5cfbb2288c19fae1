//! Questions that no index row answers: the resource is read for them. Each costs some ten microseconds a resource, so a search
//! should have another condition that few resources meet.

use std::sync::Arc;

use super::super::catalog::Catalog;
use super::super::extract::{self, LATITUDE};
use super::super::key::fold;
use super::super::plan::{Filter, Found, ParameterNumber, Probe, SortValue, Test, Unit};
use super::digits::Asked;
use crate::base::budget::Limits;
use crate::fhirpath::Value;
use crate::model::codec::read_json;
use crate::model::primitive::decimal::sort_key;
use crate::model::resource::Resource;
use crate::model::schema::ResourceType;
use crate::model::tree::{Node, Shape};

fn probe(catalog: &Arc<Catalog>, name: String, nothing: Found, ask: impl Fn(&Resource) -> Found + Send + Sync + 'static) -> Probe {
    let schema = catalog.schema();
    let read = move |body: &[u8]| read_json(body, schema, &Limits::default()).map_or_else(|_| nothing.clone(), |resource| ask(&resource));
    Probe { name: name.into(), ask: Arc::new(read) }
}

pub(super) fn holds(catalog: &Arc<Catalog>, name: String, ask: impl Fn(&Resource) -> bool + Send + Sync + 'static) -> Probe {
    probe(catalog, name, Found::Holds(false), move |resource| Found::Holds(ask(resource)))
}

/// `:text`: a label of the token starts with the text, without regard to letter case and accents.
pub(super) fn label(catalog: &Arc<Catalog>, kind: ResourceType, code: &str, text: &str) -> Probe {
    let (own, wanted, told) = (Arc::clone(catalog), fold(text), code.to_owned());
    holds(catalog, format!("{code}:text={text}"), move |resource| {
        let labels = own.of(kind).parameter(&told).map(|compiled| extract::labels(resource, compiled)).unwrap_or_default();
        resource.kind() == kind && labels.iter().any(|label| label.starts_with(&wanted))
    })
}

/// `:below` of a URI: it, or what its path goes on to.
pub(super) fn below(catalog: &Arc<Catalog>, kind: ResourceType, code: &str, url: &str) -> Probe {
    let (own, wanted, told) = (Arc::clone(catalog), url.trim_end_matches('/').to_owned(), code.to_owned());
    holds(catalog, format!("{code}:below={url}"), move |resource| {
        let urls = own.of(kind).parameter(&told).map(|compiled| extract::texts(resource, compiled, "")).unwrap_or_default();
        let is_below = |url: &String| url.strip_prefix(&wanted).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'));
        resource.kind() == kind && urls.iter().any(is_below)
    })
}

/// `ew` of a string: one of its texts ends with the text, without regard to letter case and accents.
pub(super) fn ends(catalog: &Arc<Catalog>, kind: ResourceType, code: &str, text: &str) -> Probe {
    let (own, wanted, told) = (Arc::clone(catalog), fold(text), code.to_owned());
    holds(catalog, format!("{code} ew {text}"), move |resource| {
        let texts = own.of(kind).parameter(&told).map(|compiled| extract::strings(resource, compiled)).unwrap_or_default();
        resource.kind() == kind && texts.iter().any(|text| text.ends_with(&wanted))
    })
}

/// Some element of a parameter is as wanted.
pub(super) fn element(
    catalog: &Arc<Catalog>,
    kind: ResourceType,
    code: &str,
    name: String,
    wanted: impl Fn(Node<'_>) -> bool + Send + Sync + 'static,
) -> Probe {
    let (own, told) = (Arc::clone(catalog), code.to_owned());
    holds(catalog, name, move |resource| {
        let expression = own.of(kind).parameter(&told).and_then(|compiled| compiled.expression.as_ref());
        let elements = expression.map(|expression| expression.evaluate(resource.root())).unwrap_or_default();
        resource.kind() == kind && elements.iter().filter_map(Value::node).any(&wanted)
    })
}

/// Numbers of more digits than keys can tell apart, compared as they are written.
pub(super) fn numbers(catalog: &Arc<Catalog>, kind: ResourceType, code: &str, asked: Asked) -> Probe {
    let (own, told) = (Arc::clone(catalog), code.to_owned());
    holds(catalog, format!("{code} digit by digit"), move |resource| {
        let numbers = own.of(kind).parameter(&told).map(|compiled| extract::numbers(resource, compiled)).unwrap_or_default();
        resource.kind() == kind && numbers.iter().any(|number| asked.holds(number))
    })
}

/// The values of a parameter as texts, to sort by.
pub(super) fn values(catalog: &Arc<Catalog>, kind: ResourceType, code: &str, base: &str) -> Probe {
    let (own, base, told) = (Arc::clone(catalog), base.to_owned(), code.to_owned());
    probe(catalog, code.to_owned(), Found::Values(Vec::new()), move |resource| {
        let texts = own.of(kind).parameter(&told).map(|compiled| extract::texts(resource, compiled, &base)).unwrap_or_default();
        Found::Values(texts.into_iter().map(SortValue::Text).collect())
    })
}

/// `_text`: all words stand in the narrative.
pub(super) fn narrative(catalog: &Arc<Catalog>, words: &str) -> Probe {
    let wanted = self::words(words);
    holds(catalog, format!("_text={words}"), move |resource| {
        let div = resource.root().get("text").and_then(|text| text.get_text("div"));
        div.is_some_and(|div| contains(&self::words(&without_markup(&div)), &wanted))
    })
}

/// `_content`: all words stand somewhere in the texts of the resource, its narrative included.
pub(super) fn content(catalog: &Arc<Catalog>, words: &str) -> Probe {
    fn gather(node: Node<'_>, text: &mut String) {
        for child in node.members() {
            match child.shape() {
                Shape::String | Shape::Escaped if child.type_name() == "xhtml" => text.push_str(&without_markup(&child.text())),
                Shape::String | Shape::Escaped => text.push_str(&child.text()),
                _ => gather(child, text),
            }
            text.push(' ');
        }
    }
    let wanted = self::words(words);
    holds(catalog, format!("_content={words}"), move |resource| {
        let mut text = String::new();
        gather(resource.root(), &mut text);
        contains(&self::words(&text), &wanted)
    })
}

fn contains(words: &[String], wanted: &[String]) -> bool {
    !wanted.is_empty() && wanted.iter().all(|word| words.contains(word))
}

/// Words without regard to letter case and accents: letters and digits that stand together.
fn words(text: &str) -> Vec<String> {
    fold(text).split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty()).map(str::to_owned).collect()
}

/// The text of a narrative; the references that XML itself defines are resolved.
fn without_markup(xhtml: &str) -> String {
    let mut text = String::with_capacity(xhtml.len());
    for piece in xhtml.split('<') {
        text.push_str(piece.split_once('>').map_or(piece, |(_, after)| after));
        text.push(' ');
    }
    [("&lt;", "<"), ("&gt;", ">"), ("&quot;", "\""), ("&apos;", "'"), ("&amp;", "&")]
        .iter()
        .fold(text, |text, (from, to)| text.replace(from, to))
}

/// The radius of the earth in metres, as a sphere of the same surface has it.
const EARTH: f64 = 6_371_008.8;

/// Locations at most so many metres away. The index tells those of about the same latitude.
pub(super) fn near(catalog: &Arc<Catalog>, parameter: ParameterNumber, latitude: f64, longitude: f64, metres: f64) -> Filter {
    let margin = (metres / EARTH).to_degrees() + 1e-9;
    let belt = Test::Within(sort_key(latitude - margin), sort_key(latitude + margin));
    let close = holds(catalog, format!("near={latitude}|{longitude}|{metres}|m"), move |resource| {
        let position = resource.root().get("position");
        let degrees = |name: &str| position.and_then(|position| position.get(name)).and_then(|node| node.raw().parse::<f64>().ok());
        let (Some(north), Some(east)) = (degrees("latitude"), degrees("longitude")) else { return false };
        distance((latitude, longitude), (north, east)) <= metres
    });
    Filter::All(vec![Filter::Number(parameter, belt, Unit::Exactly(LATITUDE)), Filter::Probe(close)])
}

/// The length of the great circle between two places (latitude, longitude in degrees), in metres.
fn distance(from: (f64, f64), to: (f64, f64)) -> f64 {
    let half = |a: f64, b: f64| ((b - a).to_radians() / 2.0).sin().powi(2);
    let across = from.0.to_radians().cos() * to.0.to_radians().cos() * half(from.1, to.1);
    2.0 * EARTH * (half(from.0, to.0) + across).sqrt().min(1.0).asin()
}
