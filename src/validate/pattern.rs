//! Demands on values: fixed values, patterns, limits.
//!
//! A fixed value is that value and nothing else. A pattern is a part of the value: every member of it must be there, and every item of an
//! array of it must match some item; what it does not mention is free. Numbers are equal by value, whatever their precision.
//! Source: <https://hl7.org/fhir/R4/elementdefinition-definitions.html#ElementDefinition.pattern_x_>.

use std::cmp::Ordering;

use serde_json::Value;

use super::checker::Checker;
use super::element::Element;
use super::plan::{Demanded, Rule};
use crate::definitions::rules::Demand;
use crate::model::outcome::IssueType;
use crate::model::primitive::decimal::Decimal;
use crate::model::primitive::moment;
use crate::model::primitive::unit::{Canonical, UCUM};
use crate::model::tree::{Node, Shape};

impl<'c> Checker<'c> {
    /// Checks the value of an element against what is demanded of it.
    pub(super) fn demands(&mut self, rule: &'c Rule, element: Element<'c>) {
        for demanded in &rule.demands {
            if holds(demanded, element) {
                continue;
            }
            let wanted = demanded.json;
            let mut parts = Vec::new();
            if demanded.demand == Demand::Fixed {
                differing(element.node, &demanded.value, &mut parts);
            }
            for part in parts {
                self.error(part, IssueType::Value, || format!("What this stands in must be exactly {wanted}: remove or correct it."));
            }
            self.error(element.node, IssueType::Value, || match demanded.demand {
                Demand::Fixed => format!("This must be exactly {wanted}."),
                Demand::Pattern => format!("This must contain {wanted}."),
                Demand::MinValue => format!("This must be {wanted} or more."),
                Demand::MaxValue => format!("This must be {wanted} or less."),
                Demand::MaxLength => format!("This must have {wanted} characters or fewer."),
            });
        }
    }
}

/// The parts of a value that are not those of a fixed one.
fn differing<'t>(node: Node<'t>, fixed: &Value, parts: &mut Vec<Node<'t>>) {
    let (Value::Object(wanted), Shape::Object) = (fixed, node.shape()) else { return };
    for member in node.members().filter(|member| !member.is_shadow()) {
        let known = wanted.iter().find(|(key, _)| self::member(node, key) == Some(member));
        match known.map(|(_, wanted)| wanted) {
            None => parts.extend(member.opened()),
            Some(Value::Object(_) | Value::Array(_)) => {}
            Some(wanted) if !is(member, wanted) => parts.push(member),
            Some(_) => {}
        }
    }
}

/// Whether a demand on the value of an element holds.
pub(super) fn holds(demanded: &Demanded, element: Element<'_>) -> bool {
    let Some(node) = element.value() else {
        // What has no value cannot be the value demanded, but it breaks no limit.
        return !matches!(demanded.demand, Demand::Fixed | Demand::Pattern);
    };
    match demanded.demand {
        Demand::Fixed => is(node, &demanded.value),
        Demand::Pattern => contains(node, &demanded.value),
        Demand::MinValue => compared(node, &demanded.value).is_none_or(Ordering::is_ge),
        Demand::MaxValue => compared(node, &demanded.value).is_none_or(Ordering::is_le),
        Demand::MaxLength => {
            demanded.value.as_u64().is_none_or(|most| u64::try_from(node.text().chars().count()).is_ok_and(|length| length <= most))
        }
    }
}

/// Whether a value contains a pattern.
pub(super) fn contains(node: Node<'_>, pattern: &Value) -> bool {
    match pattern {
        Value::Object(members) => members.iter().all(|(key, wanted)| match (member(node, key), wanted) {
            (None, _) => false,
            (Some(found), Value::Array(items)) => items.iter().all(|item| found.members().any(|one| contains(one, item))),
            (Some(found), wanted) => contains(found, wanted),
        }),
        primitive => same_primitive(node, primitive),
    }
}

/// Whether a value is another one.
fn is(node: Node<'_>, fixed: &Value) -> bool {
    match fixed {
        Value::Object(members) => {
            node.shape() == Shape::Object
                && node.members().count() == members.len()
                && members.iter().all(|(key, wanted)| member(node, key).is_some_and(|found| is(found, wanted)))
        }
        Value::Array(items) => {
            node.shape() == Shape::Array
                && node.members().count() == items.len()
                && node.members().zip(items).all(|(found, wanted)| is(found, wanted))
        }
        primitive => same_primitive(node, primitive),
    }
}

/// The member of an object with that JSON key.
fn member<'t>(node: Node<'t>, key: &str) -> Option<Node<'t>> {
    let (key, shadow) = key.strip_prefix('_').map_or((key, false), |key| (key, true));
    node.members().find(|member| member.is_shadow() == shadow && is_told_as(*member, key))
}

/// Whether the JSON key of a member is this one, `_` aside. Of a choice it is longer than the name of the element; objects have few
/// members, so comparing their names is quicker than looking the key up.
fn is_told_as(member: Node<'_>, key: &str) -> bool {
    let name = member.key();
    let longer = || !name.is_empty() && key.starts_with(name) && member.property().trim_start_matches('_') == key;
    name == key || key.len() > name.len() && longer()
}

fn same_primitive(node: Node<'_>, wanted: &Value) -> bool {
    match (wanted, node.shape()) {
        (Value::String(wanted), Shape::String | Shape::Escaped) => node.text() == *wanted,
        (Value::Bool(wanted), Shape::Boolean) => (node.raw() == "true") == *wanted,
        (Value::Number(_), Shape::Number) => compared(node, wanted).is_some_and(Ordering::is_eq),
        _ => false,
    }
}

/// How a number, a moment or a quantity compares to a limit; `None` when that cannot be said.
fn compared(node: Node<'_>, with: &Value) -> Option<Ordering> {
    match with {
        Value::Number(with) => Some(Decimal::new(node.raw())?.compare(&Decimal::new(&with.to_string())?)),
        Value::String(with) if !node.raw().contains(':') => Some(moment::date(node.raw())?.start.cmp(&moment::date(with)?.start)),
        Value::String(with) => Some(moment::date_time(node.raw())?.start.cmp(&moment::date_time(with)?.start)),
        Value::Object(with) => {
            let limit = with.get("value")?;
            let value = node.get("value")?;
            let told = |key: &str| with.get(key).and_then(Value::as_str).unwrap_or("");
            let (system, code) = (node.get_text("system").unwrap_or_default(), node.get_text("code").unwrap_or_default());
            if system == told("system") && code == told("code") {
                return compared(value, limit);
            }
            if system != UCUM || told("system") != UCUM {
                return None;
            }
            let (own, other) = (Canonical::of(&code)?, Canonical::of(told("code"))?);
            let number = own.convert(value.raw().parse().ok()?, &other)?;
            number.partial_cmp(&limit.as_f64()?)
        }
        _ => None,
    }
}
