//! Whether a question is to be asked, by the answers to others.
//!
//! Source: <https://hl7.org/fhir/R4/questionnaire-definitions.html#Questionnaire.item.enableWhen>.

use std::cmp::Ordering;

use crate::fhirpath::{Environment, Expression};
use crate::model::primitive::decimal::Decimal;
use crate::model::tree::{Node, Shape};

/// Whether a question is to be asked among the items of `parent`; `None` when that depends on what cannot be evaluated.
pub(super) fn enabled(question: Node<'_>, parent: Node<'_>, response: Node<'_>) -> Option<bool> {
    let by_expression = question.all("extension").find(|one| {
        one.get_text("url").is_some_and(|url| url.ends_with("-enableWhenExpression") || url.ends_with("-questionnaire-enablewhen"))
    });
    if let Some(told) = by_expression.and_then(|one| one.get("value")) {
        return evaluated(told, response);
    }
    let mut conditions = question.all("enableWhen").map(|condition| met(condition, parent)).peekable();
    if conditions.peek().is_none() {
        return Some(true);
    }
    let any = question.get_text("enableBehavior").is_some_and(|behaviour| behaviour == "any");
    Some(if any { conditions.any(|met| met) } else { conditions.all(|met| met) })
}

/// What an expression says of the response: a text, or an Expression in FHIRPath.
fn evaluated(told: Node<'_>, response: Node<'_>) -> Option<bool> {
    if told.get_text("language").is_some_and(|language| language != "text/fhirpath") {
        return None;
    }
    let text = if told.is_primitive() { told.text() } else { told.get_text("expression")? };
    let expression = Expression::compile(&text, response.tree().schema()).ok()?;
    let held = expression.holds(response, &Environment::of(response)).ok()?;
    Some(held == Some(true))
}

fn met(condition: Node<'_>, parent: Node<'_>) -> bool {
    let link = condition.get_text("question").unwrap_or_default();
    let mut given = Vec::new();
    // The nearest question of that name is meant: where a group repeats, the one in the same group.
    let mut around = Some(parent);
    while let Some(here) = around.filter(|here| !answers(*here, &link, &mut given)) {
        around = here.parent();
    }
    let Some(wanted) = condition.get("answer") else { return false };
    let operator = condition.get_text("operator").unwrap_or_default();
    if operator == "exists" {
        return given.is_empty() != (wanted.raw() == "true");
    }
    if operator == "!=" {
        return !given.iter().any(|value| compared(*value, wanted) == Some(Ordering::Equal));
    }
    given.iter().any(|value| {
        compared(*value, wanted).is_some_and(|order| match &*operator {
            "=" => order.is_eq(),
            ">" => order.is_gt(),
            "<" => order.is_lt(),
            ">=" => order.is_ge(),
            "<=" => order.is_le(),
            _ => false,
        })
    })
}

/// Finds the values that answer a question below `parent`; whether it was asked there.
fn answers<'t>(parent: Node<'t>, link: &str, found: &mut Vec<Node<'t>>) -> bool {
    let mut asked = false;
    for item in parent.all("item") {
        let own = item.get_text("linkId").is_some_and(|own| own == link);
        asked |= own;
        for answer in item.all("answer") {
            if own {
                found.extend(answer.get("value"));
            }
            asked |= answers(answer, link, found);
        }
        asked |= answers(item, link, found);
    }
    asked
}

/// How two values compare; things that only can be the same or not are equal or less.
pub(super) fn compared(one: Node<'_>, other: Node<'_>) -> Option<Ordering> {
    match (one.shape(), other.shape()) {
        (Shape::Number, Shape::Number) => Some(Decimal::new(one.raw())?.compare(&Decimal::new(other.raw())?)),
        (Shape::Object, Shape::Object) if one.type_name() == "Quantity" => {
            let same = |key: &str| one.get_text(key) == other.get_text(key);
            let coded = one.get("code").is_some() && other.get("code").is_some();
            if coded && !(same("code") && same("system")) {
                return None;
            }
            compared(one.get("value")?, other.get("value")?)
        }
        (Shape::Object, Shape::Object) => {
            let same = |key: &str| one.get_text(key) == other.get_text(key);
            let equal = if one.type_name() == "Reference" { same("reference") } else { same("system") && same("code") };
            Some(if equal { Ordering::Equal } else { Ordering::Less })
        }
        (Shape::Object, _) | (_, Shape::Object) => None,
        _ => Some(one.text().cmp(&other.text())),
    }
}

/// All items of a Questionnaire.
pub(super) fn asked<'t>(parent: Node<'t>, found: &mut Vec<Node<'t>>) {
    for item in parent.all("item") {
        found.push(item);
        asked(item, found);
    }
}
