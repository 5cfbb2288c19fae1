//! The operators. Source: <http://hl7.org/fhirpath/N1/#operations>.

use std::cmp::Ordering;

use super::ast::{Ast, Operator};
use super::collection::Distinct;
use super::environment::Mode;
use super::equality::{compare, equal, equivalent, same_bag};
use super::eval::{Found, Scope, Step, Stop, all, each, enough, single, truth};
use super::number::Number;
use super::value::{Class, Value};
use crate::model::tree::Node;

/// Hands what an operator makes of its sides to `found`.
pub(super) fn binary<'t>(operator: Operator, sides: &'t (Ast, Ast), scope: &Scope<'_, 't>, found: &mut Found<'_, 't>) -> Step {
    match operator {
        Operator::Concatenate => concatenate(sides, scope, found),
        operator if operator.answers() => answer(operator, sides, scope)?.map_or(Ok(()), |answer| found(Value::Boolean(answer))),
        operator => reckon(operator, sides, scope, found),
    }
}

impl Operator {
    /// Whether it gives a boolean.
    pub(super) fn answers(self) -> bool {
        use Operator::{Concatenate, Div, Minus, Mod, Over, Plus, Times};
        !matches!(self, Plus | Minus | Times | Over | Div | Mod | Concatenate)
    }
}

/// What an operator says that gives a boolean; `None` for the empty collection.
pub(super) fn answer<'t>(operator: Operator, sides: &'t (Ast, Ast), scope: &Scope<'_, 't>) -> Result<Option<bool>, Stop> {
    Ok(match operator {
        Operator::And | Operator::Or | Operator::Xor | Operator::Implies => logic(operator, sides, scope)?,
        Operator::Equal => same(sides, scope)?,
        Operator::NotEqual => same(sides, scope)?.map(|equal| !equal),
        Operator::Equivalent => Some(alike(sides, scope)?),
        Operator::NotEquivalent => Some(!alike(sides, scope)?),
        Operator::Less => order(sides, scope)?.map(Ordering::is_lt),
        Operator::LessOrEqual => order(sides, scope)?.map(Ordering::is_le),
        Operator::Greater => order(sides, scope)?.map(Ordering::is_gt),
        Operator::GreaterOrEqual => order(sides, scope)?.map(Ordering::is_ge),
        Operator::In => contains(&sides.1, &sides.0, scope)?,
        Operator::Contains => contains(&sides.0, &sides.1, scope)?,
        _ => None,
    })
}

/// Three-valued logic.
fn logic<'t>(operator: Operator, sides: &'t (Ast, Ast), scope: &Scope<'_, 't>) -> Result<Option<bool>, Stop> {
    let (left, right) = (truth(&sides.0, scope)?, &sides.1);
    Ok(match (operator, left) {
        (Operator::And, Some(false)) => Some(false),
        (Operator::Or, Some(true)) => Some(true),
        (Operator::Implies, Some(false)) => Some(true),
        _ => match (operator, left, truth(right, scope)?) {
            (Operator::And, _, Some(false)) => Some(false),
            (Operator::Or | Operator::Implies, _, Some(true)) => Some(true),
            (Operator::Xor, Some(left), Some(right)) => Some(left != right),
            (Operator::Xor, ..) => None,
            (_, left, right) => left.and(right),
        },
    })
}

fn same<'t>(sides: &'t (Ast, Ast), scope: &Scope<'_, 't>) -> Result<Option<bool>, Stop> {
    let left = all(&sides.0, scope)?;
    // Nothing is equal to nothing: the other side need not be looked at.
    if left.is_empty() {
        return Ok(None);
    }
    let right = all(&sides.1, scope)?;
    if right.is_empty() {
        return Ok(None);
    }
    if left.len() != right.len() {
        return Ok(Some(false));
    }
    let mut known = true;
    for (a, b) in left.iter().zip(right.iter()) {
        match equal(a, b, scope.run)? {
            Some(true) => {}
            Some(false) => return Ok(Some(false)),
            None => known = false,
        }
    }
    Ok(known.then_some(true))
}

fn alike<'t>(sides: &'t (Ast, Ast), scope: &Scope<'_, 't>) -> Result<bool, Stop> {
    let (left, right) = (all(&sides.0, scope)?, all(&sides.1, scope)?);
    if let (Some(a), Some(b)) = (left.one(), right.one()) {
        return equivalent(a, b, scope.run);
    }
    same_bag(&left.into_vec(), &right.into_vec(), scope.run, equivalent)
}

fn order<'t>(sides: &'t (Ast, Ast), scope: &Scope<'_, 't>) -> Result<Option<Ordering>, Stop> {
    let Some(left) = single(&sides.0, scope, "what is compared")? else { return Ok(None) };
    let Some(right) = single(&sides.1, scope, "what is compared")? else { return Ok(None) };
    compare(&left, &right, scope.run)
}

fn contains<'t>(list: &'t Ast, item: &'t Ast, scope: &Scope<'_, 't>) -> Result<Option<bool>, Stop> {
    let Some(item) = single(item, scope, "the item that is looked for")? else { return Ok(None) };
    let mut there = false;
    let mut look = |value: Value<'t>| {
        if equal(&value, &item, scope.run)? == Some(true) {
            there = true;
            return Err(Stop::Enough);
        }
        Ok(())
    };
    // In a union it does not matter what stands there twice.
    let step = match list {
        Ast::Union(parts) => parts.iter().try_for_each(|part| each(part, scope, &mut look)),
        list => each(list, scope, &mut look),
    };
    enough(step)?;
    Ok(Some(there))
}

/// `a | b`: what is in one of them, each once.
pub(super) fn union<'t>(parts: &'t [Ast], scope: &Scope<'_, 't>, found: &mut Found<'_, 't>) -> Step {
    if scope.run.mode() == Mode::Search {
        return parts.iter().try_for_each(|part| each(part, scope, found));
    }
    let mut seen = Distinct::default();
    parts.iter().try_for_each(|part| each(part, scope, &mut |value| if seen.insert(&value, scope.run)? { found(value) } else { Ok(()) }))
}

/// `-x`
pub(super) fn negative<'t>(input: &'t Ast, scope: &Scope<'_, 't>, found: &mut Found<'_, 't>) -> Step {
    let Some(value) = single(input, scope, "what a sign stands before")? else { return Ok(()) };
    match value.class() {
        Class::Integer => value.integer().and_then(i64::checked_neg).map_or(Ok(()), |value| found(Value::Integer(value))),
        Class::Decimal => value.number().map_or(Ok(()), |number| found(Value::Decimal(number.negated()))),
        Class::Quantity => match value.quantity() {
            Some(quantity) => found(Value::Quantity(Box::new(quantity.with(quantity.number.negated())))),
            None => Ok(()),
        },
        _ => Err(Stop::impossible(format!("a {} has no sign", value.type_name().1))),
    }
}

fn concatenate<'t>(sides: &'t (Ast, Ast), scope: &Scope<'_, 't>, found: &mut Found<'_, 't>) -> Step {
    let mut text = String::new();
    for side in [&sides.0, &sides.1] {
        // An element without a value joins as nothing.
        let value = single(side, scope, "what & joins")?.filter(|value| !value.node().is_some_and(Node::is_shadow));
        if let Some(value) = value {
            let told = if value.class() == Class::Moment { value.told() } else { value.text().or_else(|| value.told()) };
            let told = told.ok_or_else(|| Stop::impossible(format!("& joins strings, not a {}", value.type_name().1)))?;
            scope.run.write(text.len() + told.len())?;
            text.push_str(&told);
        }
    }
    found(Value::text_of(text))
}

fn reckon<'t>(operator: Operator, sides: &'t (Ast, Ast), scope: &Scope<'_, 't>, found: &mut Found<'_, 't>) -> Step {
    let Some(left) = single(&sides.0, scope, "what is reckoned with")? else { return Ok(()) };
    let Some(right) = single(&sides.1, scope, "what is reckoned with")? else { return Ok(()) };
    scope.run.spend(2)?;
    let unfit = || {
        let sign = super::ast::OPERATORS.iter().find(|(_, other, _)| *other == operator).map_or("", |(sign, ..)| sign);
        Err(Stop::impossible(format!("{} {sign} {} cannot be reckoned", left.type_name().1, right.type_name().1)))
    };
    let valueless = |value: &Value<'t>| value.node().is_some_and(Node::is_shadow);
    let result = match (left.class(), right.class()) {
        (Class::Integer | Class::Decimal, Class::Integer | Class::Decimal) => {
            let whole = left.class() == Class::Integer && right.class() == Class::Integer;
            left.number().zip(right.number()).and_then(|(a, b)| numbers(operator, a, b, whole))
        }
        (Class::String, Class::String) if operator == Operator::Plus => match (left.text(), right.text()) {
            (Some(a), Some(b)) => {
                scope.run.write(a.len() + b.len())?;
                Some(Value::text_of(format!("{a}{b}")))
            }
            _ => None,
        },
        (Class::Moment, Class::Quantity) if matches!(operator, Operator::Plus | Operator::Minus) => {
            let Some((moment, quantity)) = left.moment().zip(right.quantity()) else { return Ok(()) };
            let Some(unit) = quantity.calendar() else { return unfit() };
            let amount = if operator == Operator::Minus { quantity.number.negated() } else { quantity.number };
            moment.plus(amount, unit).map(Value::Moment)
        }
        (Class::Quantity, Class::Quantity | Class::Integer | Class::Decimal) | (Class::Integer | Class::Decimal, Class::Quantity) => {
            let Some((a, b)) = left.quantity().zip(right.quantity()) else { return Ok(()) };
            let result = match operator {
                Operator::Plus => a.plus(&b),
                Operator::Minus => a.plus(&b.with(b.number.negated())),
                Operator::Times => a.times(&b, false),
                Operator::Over => a.times(&b, true),
                _ => return unfit(),
            };
            result.map(|quantity| Value::Quantity(Box::new(quantity)))
        }
        _ if valueless(&left) || valueless(&right) => None,
        _ => return unfit(),
    };
    result.map_or(Ok(()), found)
}

fn numbers<'t>(operator: Operator, a: Number, b: Number, whole: bool) -> Option<Value<'t>> {
    let kept = |number: Number| if whole { number.to_whole().map(Value::Integer) } else { Some(Value::Decimal(number)) };
    match operator {
        Operator::Plus => kept(a.plus(b)?),
        Operator::Minus => kept(a.plus(b.negated())?),
        Operator::Times => kept(a.times(b)?),
        Operator::Over => a.over(b).map(Value::Decimal),
        Operator::Div => a.divided(b)?.0.to_whole().map(Value::Integer),
        Operator::Mod => kept(a.divided(b)?.1),
        _ => None,
    }
}
