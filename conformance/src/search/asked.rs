//! The values of random searches: what is asked of one parameter, taken from a resource that has it.

use serde_json::Value;

use super::chance::Chance;
use super::elements::select;
use super::escapes::escape;
use super::links::Link;
use super::matching::texts;
use super::parameters::{Kind, Parameter};
use super::pools::{CODES, DATES, DECIMALS, UNITS, WORDS};
use super::questions::Questioner;
use super::terminology::{CODES as KIND_CODES, KINDS, SETS};
use super::tokens;
use super::units::UCUM;
use super::world::World;

const PREFIXES: [&str; 15] = ["", "", "", "", "", "eq", "ne", "gt", "lt", "ge", "le", "sa", "eb", "ap", "ap"];

impl Questioner<'_> {
    /// A modifier, or none, and a value with its escapes; nothing if the resource has no such element.
    pub(super) fn value(&mut self, place: usize, parameter: &Parameter) -> Option<(String, String)> {
        let world = self.world;
        let resource = world.at(place);
        let elements = world.elements(resource, parameter);
        let element = *self.chance.pick(&elements)?;
        let chance = &mut self.chance;
        let bare = |value: String| Some((String::new(), value));
        match parameter.kind {
            Kind::Composite => bare(composite(chance, world, resource, parameter, &elements)?),
            Kind::Token(shape) => token(chance, shape, element),
            Kind::Text(shape) => text(chance, shape, element),
            Kind::Reference => reference(chance, world, parameter, element),
            Kind::Uri => uri(chance, element),
            kind => bare(simple(chance, world, resource, kind, element)?),
        }
    }
}

/// A value without modifier, of a kind that may be part of a composite.
fn simple(chance: &mut Chance, world: &World, resource: &Value, kind: Kind, element: &Value) -> Option<String> {
    match kind {
        Kind::Token(shape) => code(chance, shape, element),
        Kind::Text(shape) => {
            let text = chance_text(chance, shape, element)?;
            Some(escape(&beginning(chance, text)))
        }
        Kind::Date => Some(format!("{}{}", chance.one(&PREFIXES), date(chance, world, element)?)),
        Kind::Number(shape) => {
            let zero = resource.get("coordinateSystem").and_then(Value::as_i64) == Some(0);
            let off = chance.one(&[0, 0, 0, 0, 1, -1, 3]);
            Some(format!("{}{}", chance.one(&PREFIXES), element.as_i64()? + i64::from(zero && shape == "start") + off))
        }
        Kind::Quantity => quantity(chance, element),
        Kind::Near => {
            let text = |name: &str| element.get(name).map(Value::to_string);
            let (latitude, longitude) = (text("latitude")?, text("longitude")?);
            let limit = chance.one(&["5|km", "400|km", "400", "300|km", "30", "5000|m", "20000|km"]);
            Some(format!("{latitude}|{longitude}|{limit}"))
        }
        _ => None,
    }
}

/// One of the texts of an element.
fn chance_text<'a>(chance: &mut Chance, shape: &str, element: &'a Value) -> Option<&'a str> {
    chance.pick(&texts(shape, element)).copied()
}

/// The first letters of a text, in another letter case sometimes. White space at the ends is open, and not asked for.
fn beginning(chance: &mut Chance, text: &str) -> String {
    let text = text.trim();
    let count = 1 + chance.below(text.chars().count() + 2);
    let part: String = text.chars().take(count).collect();
    let part = part.trim_end();
    match chance.below(4) {
        0 => part.to_uppercase(),
        1 => part.to_lowercase(),
        _ => part.to_owned(),
    }
}

/// `code`, `system|code`, `|code` or `system|` of an element; another code rarely.
fn code(chance: &mut Chance, shape: &str, element: &Value) -> Option<String> {
    let all = tokens::codes(shape, element);
    let (system, code) = chance.pick(&all)?.clone();
    let code = code.map(|code| escape(&code)).filter(|_| !chance.percent(8)).unwrap_or_else(|| escape(chance.one(&CODES)));
    let plain = matches!(shape, "code" | "contact" | "deceased");
    match (chance.below(10), system) {
        _ if plain => Some(code),
        (0..4, Some(system)) => Some(format!("{system}|{code}")),
        (4, Some(system)) => Some(format!("{system}|")),
        (5, _) | (0..3, None) => Some(format!("|{code}")),
        _ => Some(code),
    }
}

fn token(chance: &mut Chance, shape: &str, element: &Value) -> Option<(String, String)> {
    if chance.percent(10) {
        let places = match shape {
            "concept" => "text|coding.display",
            "coding" => "display",
            "identifier" => "type.text",
            _ => "none",
        };
        let read: Vec<&str> = select(element, places).into_iter().filter_map(Value::as_str).collect();
        if let Some(text) = chance.pick(&read) {
            return Some(("text".to_owned(), escape(&beginning(chance, text))));
        }
    }
    if shape == "identifier" && chance.percent(30) {
        let kinds = select(element, "type.coding");
        if let Some(kind) = chance.pick(&kinds) {
            let text = |from: &Value, name: &str| from.get(name).and_then(Value::as_str).map(escape);
            if let (Some(system), Some(code), Some(value)) = (text(kind, "system"), text(kind, "code"), text(element, "value")) {
                return Some(("of-type".to_owned(), format!("{system}|{code}|{value}")));
            }
        }
    }
    if matches!(shape, "concept" | "coding") && chance.percent(12) {
        if chance.percent(50) {
            return Some((chance.one(&["in", "in", "not-in"]).to_owned(), chance.one(&SETS).to_owned()));
        }
        return Some((chance.one(&["below", "above"]).to_owned(), format!("{KINDS}|{}", chance.one(&KIND_CODES))));
    }
    let modifier = if chance.percent(12) { "not" } else { "" };
    Some((modifier.to_owned(), code(chance, shape, element)?))
}

fn text(chance: &mut Chance, shape: &str, element: &Value) -> Option<(String, String)> {
    let text = chance_text(chance, shape, element)?.to_owned();
    let text = if chance.percent(8) { chance.one(WORDS).to_owned() } else { text };
    let (modifier, value) = match chance.below(5) {
        0 => ("exact", if chance.percent(80) { text } else { text.to_lowercase() }),
        1 => {
            let from = chance.below(text.chars().count());
            let rest: String = text.chars().skip(from).collect();
            ("contains", beginning(chance, &rest))
        }
        _ => ("", beginning(chance, &text)),
    };
    Some((modifier.to_owned(), escape(&value)))
}

fn reference(chance: &mut Chance, world: &World, parameter: &Parameter, element: &Value) -> Option<(String, String)> {
    let bare = |value: String| Some((String::new(), value));
    if let Some(identifier) = element.get("identifier").filter(|_| !parameter.only) {
        return Some(("identifier".to_owned(), code(chance, "identifier", identifier)?));
    }
    match Link::of(&world.base, element)? {
        Link::Elsewhere(url) => bare(escape(&url)),
        Link::Here(kind, id, version) => match (chance.below(10), version) {
            (0 | 1, _) => bare(id),
            (2 | 3, _) => bare(format!("{}/{kind}/{id}", world.base)),
            (4 | 5, _) if !parameter.only => Some((kind, id)),
            (6, Some(version)) => bare(format!("{kind}/{id}/_history/{version}")),
            _ => bare(format!("{kind}/{id}")),
        },
    }
}

/// A date: that of the element, or less precise, or another one.
fn date(chance: &mut Chance, world: &World, element: &Value) -> Option<String> {
    let places = "start|end|event|repeat.boundsPeriod.start|repeat.boundsPeriod.end";
    let own: Vec<&str> =
        element.as_str().map_or_else(|| select(element, places).into_iter().filter_map(Value::as_str).collect(), |text| vec![text]);
    let text = *chance.pick(&own)?;
    // A time of a write is like no date of the pool; the others may well be.
    let pooled = DATES.contains(&text) || text.len() <= 10;
    Some(match chance.below(10) {
        0 => text.get(..4).unwrap_or(text).to_owned(),
        1 => text.get(..7).unwrap_or(text).to_owned(),
        2 => text.get(..10).unwrap_or(text).to_owned(),
        3 => text.get(..16).map_or_else(|| text.to_owned(), |minute| format!("{minute}{}", chance.one(&["", "Z", "+01:00", "-05:00"]))),
        4 if !pooled => {
            let place = chance.below(world.all().len());
            select(world.at(place), "meta.lastUpdated").into_iter().filter_map(Value::as_str).next().unwrap_or(text).to_owned()
        }
        4 | 5 if pooled => chance.one(DATES).to_owned(),
        _ => text.to_owned(),
    })
}

/// A quantity: its own unit, none, or another one.
fn quantity(chance: &mut Chance, element: &Value) -> Option<String> {
    let own = element.get("value").map(Value::to_string).filter(|_| chance.percent(60));
    let number = own.unwrap_or_else(|| chance.one(DECIMALS).to_owned());
    let text = |name: &str| element.get(name).and_then(Value::as_str).map(escape);
    let prefix = chance.one(&PREFIXES);
    let unit = match (chance.below(8), text("system"), text("code"), text("unit")) {
        (0..3, Some(system), Some(code), _) => format!("|{system}|{code}"),
        (3, _, Some(code), _) => format!("||{code}"),
        (3 | 4, _, _, Some(unit)) => format!("||{unit}"),
        (5 | 6, Some(_), ..) => {
            let all: Vec<&str> = UNITS.iter().filter(|(_, system, _)| *system == UCUM).map(|(_, _, code)| *code).collect();
            format!("|{UCUM}|{}", chance.one(&all))
        }
        _ => String::new(),
    };
    Some(format!("{prefix}{number}{unit}"))
}

fn uri(chance: &mut Chance, element: &Value) -> Option<(String, String)> {
    let text = element.as_str()?;
    let parent = text.rsplit_once('/').map_or(text, |(parent, _)| parent);
    let (modifier, value) = match chance.below(8) {
        0 => ("below", text.to_owned()),
        1 => ("below", parent.to_owned()),
        2 => ("above", format!("{text}/deeper")),
        3 => ("", parent.to_owned()),
        _ => ("", text.to_owned()),
    };
    // URNs have no parts.
    let modifier = if text.starts_with("urn:") { "" } else { modifier };
    Some((modifier.to_owned(), escape(&value)))
}

/// Parts from one place as a rule; else from several, so that nothing should be found.
fn composite(chance: &mut Chance, world: &World, resource: &Value, parameter: &Parameter, roots: &[&Value]) -> Option<String> {
    let first = *chance.pick(roots)?;
    let mixed = chance.percent(25);
    let mut values = Vec::new();
    for (place, kind) in &parameter.parts {
        let root = if mixed { *chance.pick(roots)? } else { first };
        let found = place.strip_prefix('%').map_or_else(|| select(root, place), |place| select(resource, place));
        let element = *chance.pick(&found)?;
        values.push(simple(chance, world, resource, *kind, element)?);
    }
    Some(values.join("$"))
}
