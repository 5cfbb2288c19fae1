//! Tokens: the codes of an element, and whether one is what was asked for.
//!
//! Source: <https://hl7.org/fhir/R4/search.html#token>. Letter case counts.

use std::borrow::Cow;

use serde_json::Value;

use super::elements::select;
use super::escapes::{plain, split};
use super::folding::fold;

/// The system of human chromosomes.
pub(super) const CHROMOSOMES: &str = "http://terminology.hl7.org/CodeSystem/chromosome-human";

/// A system and a code, either of which may be absent.
type Code<'a> = (Option<&'a str>, Option<Cow<'a, str>>);

/// The codes of an element.
#[must_use]
pub(super) fn codes<'a>(shape: &str, element: &'a Value) -> Vec<Code<'a>> {
    let text = |from: &'a Value, name: &str| from.get(name).and_then(Value::as_str);
    let coding = |from: &'a Value| (text(from, "system"), text(from, "code").map(Cow::Borrowed));
    match shape {
        "coding" => vec![coding(element)],
        "concept" => select(element, "coding").into_iter().map(coding).collect(),
        "identifier" => vec![(text(element, "system"), text(element, "value").map(Cow::Borrowed))],
        "contact" => vec![(None, text(element, "value").map(Cow::Borrowed))],
        "deceased" => {
            let dead = element.get("deceasedDateTime").is_some() || element.get("deceasedBoolean") == Some(&Value::Bool(true));
            vec![(None, Some(Cow::Owned(dead.to_string())))]
        }
        "chromosome" => {
            let told = select(element, "chromosome.coding").into_iter().map(coding);
            let accessions = select(element, "referenceSeqId.coding.code").into_iter().filter_map(Value::as_str);
            told.chain(accessions.filter_map(chromosome).map(|code| (Some(CHROMOSOMES), Some(Cow::Owned(code))))).collect()
        }
        _ => match element {
            Value::Bool(flag) => vec![(None, Some(Cow::Owned(flag.to_string())))],
            other => vec![(None, other.as_str().map(Cow::Borrowed))],
        },
    }
}

/// The chromosome of an accession of the human genome, `NC_000023.11` is X. Mitochondria have no code in that system.
#[must_use]
pub(super) fn chromosome(accession: &str) -> Option<String> {
    let number: u32 = accession.strip_prefix("NC_")?.split('.').next()?.parse().ok()?;
    match number {
        1..=22 => Some(number.to_string()),
        23 => Some("X".to_owned()),
        24 => Some("Y".to_owned()),
        _ => None,
    }
}

/// Whether a code of the element is what `code`, `system|code`, `|code` or `system|` asks for.
#[must_use]
pub(super) fn is(shape: &str, element: &Value, asked: &str) -> bool {
    let parts: Vec<String> = split(asked, '|').iter().map(|part| plain(part)).collect();
    codes(shape, element).into_iter().any(|(system, code)| match parts.as_slice() {
        [asked] => code.as_deref() == Some(asked),
        [any, asked] if any.is_empty() => system.is_none() && code.as_deref() == Some(asked),
        [asked, any] if any.is_empty() => system == Some(asked),
        [asked, other] => system == Some(asked) && code.as_deref() == Some(other),
        _ => false,
    })
}

/// Whether a text of the element starts with what was asked, whatever case and accents.
#[must_use]
pub(super) fn reads(shape: &str, element: &Value, asked: &str) -> bool {
    let places = match shape {
        "concept" => "text|coding.display",
        "coding" => "display",
        "identifier" => "type.text",
        _ => return false,
    };
    select(element, places).into_iter().filter_map(Value::as_str).any(|text| fold(text).starts_with(&fold(asked)))
}

/// Whether an Identifier is of the type, and has the value, that `system|code|value` says.
#[must_use]
pub(super) fn is_of_type(element: &Value, asked: &str) -> bool {
    let parts: Vec<String> = split(asked, '|').iter().map(|part| plain(part)).collect();
    let [system, code, value] = parts.as_slice() else { return false };
    let typed = select(element, "type.coding").into_iter().any(|coding| {
        coding.get("system").and_then(Value::as_str) == Some(system) && coding.get("code").and_then(Value::as_str) == Some(code)
    });
    typed && element.get("value").and_then(Value::as_str) == Some(value)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn systems_and_codes_are_of_one_coding() {
        let concept =
            json!({"coding": [{"system": "a", "code": "x"}, {"code": "y"}, {"system": "b", "display": "Únder"}], "text": "Words"});
        let check = |asked: &str, expected: bool| assert_eq!(is("concept", &concept, asked), expected, "{asked}");
        for asked in ["x", "y", "a|x", "|y", "a|", "b|"] {
            check(asked, true);
        }
        for asked in ["X", "|x", "a|y", "b|x", "Words", "c|", "a"] {
            check(asked, false);
        }
        assert!(reads("concept", &concept, "word") && reads("concept", &concept, "UND") && !reads("concept", &concept, "ords"));
    }

    #[test]
    fn accessions_tell_chromosomes() {
        for (accession, expected) in [("NC_000001.11", "1"), ("NC_000022", "22"), ("NC_000023.10", "X"), ("NC_000024.10", "Y")] {
            assert_eq!(chromosome(accession).as_deref(), Some(expected));
        }
        for accession in ["NC_012920.1", "NM_000023.1", "NC_000025.1", "NC_000000.1", "7"] {
            assert_eq!(chromosome(accession), None, "{accession}");
        }
    }

    #[test]
    fn identifiers_of_a_type() {
        let identifier = json!({"type": {"coding": [{"system": "t", "code": "MR"}], "text": "Record"}, "system": "s", "value": "1"});
        assert!(is_of_type(&identifier, "t|MR|1"));
        assert!(!is_of_type(&identifier, "t|MR|2") && !is_of_type(&identifier, "|MR|1") && !is_of_type(&identifier, "s|MR|1"));
        assert!(is("identifier", &identifier, "s|1") && is("identifier", &identifier, "1") && !is("identifier", &identifier, "|1"));
    }
}
