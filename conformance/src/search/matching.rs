//! Whether one element is what one value of a query asks for.
//!
//! Source: <https://hl7.org/fhir/R4/search.html#ptypes>, one section for each kind.

use serde_json::Value;

use super::escapes::{plain, split};
use super::folding::fold;
use super::links::Link;
use super::number::{Decimal, Exact, Reach, compares};
use super::parameters::Kind;
use super::world::World;
use super::{elements, moment, terminology, tokens, units};

/// The resource that holds the element, and all the others.
#[derive(Debug, Clone, Copy)]
pub(super) struct Around<'a> {
    /// The whole resource.
    pub(super) resource: &'a Value,
    /// All resources of the server, its base URL, and what its code systems and value sets say.
    pub(super) world: &'a World,
}

const PREFIXES: [&str; 9] = ["eq", "ne", "gt", "lt", "ge", "le", "sa", "eb", "ap"];

/// The prefix of a value and the rest; `eq` if there is none.
#[must_use]
pub(super) fn prefixed(asked: &str) -> (&str, &str) {
    match asked.split_at_checked(2) {
        Some((prefix, rest)) if PREFIXES.contains(&prefix) => (prefix, rest),
        _ => ("eq", asked),
    }
}

/// Whether `element` is what `asked` says, a value in which escapes still stand.
///
/// # Errors
/// If the value makes no sense for the kind, or the modifier is unknown.
pub(super) fn matches(kind: Kind, modifier: &str, asked: &str, element: &Value, around: Around<'_>) -> Result<bool, String> {
    let wrong = || format!("`{asked}` is no value of a {} parameter", kind.name());
    match (kind, modifier) {
        (Kind::Token(shape), "" | "not") => Ok(tokens::is(shape, element, asked)),
        (Kind::Token(shape), "text") => Ok(tokens::reads(shape, element, &plain(asked))),
        (Kind::Token(shape), "in" | "not-in") => terminology::is_in(around.world, shape, element, &plain(asked)),
        (Kind::Token(shape), "above" | "below") => terminology::is_kind(around.world, shape, element, asked, modifier == "above"),
        (Kind::Token("identifier"), "of-type") => Ok(tokens::is_of_type(element, asked)),
        (Kind::Text(shape), "" | "exact" | "contains") => {
            let asked = plain(asked);
            let folded = fold(&asked);
            Ok(texts(shape, element).into_iter().any(|text| match modifier {
                "exact" => text == asked,
                "contains" => fold(text).contains(&folded),
                _ => fold(text).starts_with(&folded),
            }))
        }
        (Kind::Reference, "identifier") => Ok(element.get("identifier").is_some_and(|own| tokens::is("identifier", own, asked))),
        (Kind::Reference, target) => {
            let link = Link::of(&around.world.base, element).filter(|link| target.is_empty() || link.target() == Some(target));
            Ok(link.is_some_and(|link| link.is(&around.world.base, &plain(asked))))
        }
        (Kind::Uri, _) => Ok(element.as_str().is_some_and(|own| uri(own, modifier, &plain(asked)))),
        (Kind::Date, "") => {
            let (prefix, date) = prefixed(asked);
            let asked = moment::parse(date).ok_or_else(wrong)?;
            Ok(moment::of(element).is_some_and(|stored| moment::compares(stored, prefix, asked)))
        }
        (Kind::Number(shape), "") => {
            let (prefix, number) = prefixed(asked);
            let asked = Decimal::parse(number).ok_or_else(wrong)?;
            Ok(number_of(shape, element, around.resource).is_some_and(|stored| compares(&Reach::of(stored, ""), prefix, &asked)))
        }
        (Kind::Quantity, "") => quantity(asked, element).ok_or_else(wrong),
        (Kind::Near, "") => super::near::is_near(asked, element).ok_or_else(wrong),
        _ => Err(format!("`:{modifier}` is no modifier of a {} parameter here", kind.name())),
    }
}

/// Whether a place (the root of a composite) has all parts of `asked`.
///
/// # Errors
/// If the number of parts is not that of the parameter, or one makes no sense.
pub(super) fn composite(parts: &[(&'static str, Kind)], asked: &str, root: &Value, around: Around<'_>) -> Result<bool, String> {
    let asked = split(asked, '$');
    if asked.len() != parts.len() {
        return Err(format!("{} parts are needed, {} came", parts.len(), asked.len()));
    }
    for ((place, kind), asked) in parts.iter().zip(&asked) {
        let found = match place.strip_prefix('%') {
            Some(place) => elements::select(around.resource, place),
            None => elements::select(root, place),
        };
        let mut any = false;
        for element in found {
            any |= matches(*kind, "", asked, element, around)?;
        }
        if !any {
            return Ok(false);
        }
    }
    Ok(true)
}

/// The texts of an element that a string parameter looks at.
#[must_use]
pub(super) fn texts<'a>(shape: &str, element: &'a Value) -> Vec<&'a str> {
    let places = match shape {
        "name" => "text|family|given|prefix|suffix",
        "address" => "text|line|city|district|state|postalCode|country",
        _ => ".",
    };
    elements::select(element, places).into_iter().filter_map(Value::as_str).collect()
}

/// The number of an element; starts in a sequence that counts from 0 are counted from 1.
#[must_use]
pub(super) fn number_of(shape: &str, element: &Value, resource: &Value) -> Option<Exact> {
    let Value::Number(number) = element else { return None };
    let value = Decimal::parse(&number.to_string())?.value;
    let zero = resource.get("coordinateSystem").and_then(Value::as_i64) == Some(0);
    Some(if shape == "start" && zero { value.plus(&Exact::fraction(1, 1)?) } else { value })
}

/// A Quantity that has a value.
#[derive(Debug, Clone)]
pub(super) struct Measure<'a> {
    pub(super) value: Reach,
    pub(super) system: Option<&'a str>,
    pub(super) code: Option<&'a str>,
    pub(super) unit: Option<&'a str>,
}

/// The value, system, code and unit of a Quantity.
#[must_use]
pub(super) fn measure(element: &Value) -> Option<Measure<'_>> {
    let Some(Value::Number(number)) = element.get("value") else { return None };
    let text = |name: &str| element.get(name).and_then(Value::as_str);
    let value = Decimal::parse(&number.to_string())?.value;
    let value = Reach::of(value, text("comparator").unwrap_or_default());
    Some(Measure { value, system: text("system"), code: text("code"), unit: text("unit") })
}

/// Whether a Quantity is what `[prefix]number|system|code` says; nothing if that is no such value.
fn quantity(asked: &str, element: &Value) -> Option<bool> {
    let parts: Vec<String> = split(asked, '|').iter().map(|part| plain(part)).collect();
    let (number, system, unit) = match parts.as_slice() {
        [number] => (number, "", ""),
        [number, system, unit] => (number, system.as_str(), unit.as_str()),
        _ => return None,
    };
    let (prefix, number) = prefixed(number);
    let number = Decimal::parse(number)?;
    let Some(own) = measure(element) else { return Some(false) };
    if system == units::UCUM && own.system == Some(units::UCUM) {
        let own_unit = own.code.and_then(units::canonical);
        if let (Some((kind, factor)), Some((own_kind, own_factor))) = (units::canonical(unit), own_unit) {
            return Some(kind == own_kind && compares(&own.value.in_units_of(&own_factor), prefix, &number.in_units_of(&factor)));
        }
    }
    let same = match (system, unit) {
        ("", "") => true,
        ("", unit) => own.code == Some(unit) || own.unit == Some(unit),
        (system, unit) => own.system == Some(system) && own.code == Some(unit),
    };
    Some(same && compares(&own.value, prefix, &number))
}

/// Whether a URI is the one asked for, above it or below it, by whole steps of its path.
fn uri(own: &str, modifier: &str, asked: &str) -> bool {
    let below = |lower: &str, upper: &str| {
        let rest = lower.strip_prefix(upper);
        lower == upper || rest.is_some_and(|rest| upper.ends_with('/') || rest.starts_with('/'))
    };
    match modifier {
        "below" => below(own, asked),
        "above" => below(asked, own),
        _ => own == asked,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn quantities_compare_in_their_units() {
        let check = |asked: &str, stored: &str, expected: bool| {
            let element: Value = serde_json::from_str(stored).unwrap();
            let world = World::default();
            let around = Around { resource: &Value::Null, world: &world };
            assert_eq!(matches(Kind::Quantity, "", asked, &element, around), Ok(expected), "{asked} in {stored}");
        };
        let ucum = r#"{"value":5.40,"system":"http://unitsofmeasure.org","code":"mg","unit":"milligram"}"#;
        check("5.4", ucum, true);
        check("5.4|http://unitsofmeasure.org|mg", ucum, true);
        check("0.0054|http://unitsofmeasure.org|g", ucum, true);
        check("5400|http://unitsofmeasure.org|ug", ucum, true);
        check("5.4|http://unitsofmeasure.org|cm", ucum, false);
        check("5.4||mg", ucum, true);
        check("5.4||milligram", ucum, true);
        check("5.4||g", ucum, false);
        check("5.4|https://other.example|mg", ucum, false);
        check("gt5|http://unitsofmeasure.org|mg", ucum, true);
        check("gt5|http://unitsofmeasure.org|g", ucum, false);
        check("ne5.4|http://unitsofmeasure.org|cm", ucum, false);
        let kidney = r#"{"value":90,"system":"http://unitsofmeasure.org","code":"mL/min/{1.73_m2}"}"#;
        check("90|http://unitsofmeasure.org|mL/min/{1.73_m2}", kidney, true);
        check("90|http://unitsofmeasure.org|mL/min", kidney, false);
        check("5.4||mg", r#"{"value":5.40,"unit":"mg"}"#, true);
        check("5.4", r#"{"unit":"mg"}"#, false);
    }

    #[test]
    fn uris_by_steps() {
        let found = |modifier: &str, asked: &str| {
            let all = ["http://a/b", "http://a/b/c", "http://a/bc", "http://a"];
            all.into_iter().filter(|own| uri(own, modifier, asked)).collect::<Vec<_>>().join(" ")
        };
        assert_eq!(found("", "http://a/b"), "http://a/b");
        assert_eq!(found("below", "http://a/b"), "http://a/b http://a/b/c");
        assert_eq!(found("above", "http://a/b/c"), "http://a/b http://a/b/c http://a");
    }

    #[test]
    fn parts_of_a_composite_stand_on_one_place() {
        let parts = [("%referenceSeq", Kind::Token("chromosome")), ("start", Kind::Number("start")), ("end", Kind::Number(""))];
        let sequence = json!({
            "coordinateSystem": 0, "referenceSeq": {"referenceSeqId": {"coding": [{"code": "NC_000007.14"}]}},
            "variant": [{"start": 100, "end": 101}, {"start": 200, "end": 205}]
        });
        let found = |asked: &str| {
            let world = World::default();
            let around = Around { resource: &sequence, world: &world };
            elements::select(&sequence, "variant").into_iter().any(|root| composite(&parts, asked, root, around).unwrap())
        };
        assert!(found("7$101$101"));
        assert!(found("7$lt201$ge101"));
        assert!(found("http://terminology.hl7.org/CodeSystem/chromosome-human|7$201$205"));
        assert!(!found("7$101$205"));
        assert!(!found("7$100$101"));
        assert!(!found("X$101$101"));
    }
}
