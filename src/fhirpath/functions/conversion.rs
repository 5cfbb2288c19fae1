//! Conversion of values, and `iif()`. Source: <http://hl7.org/fhirpath/N1/#conversion>.

use super::Call;
use crate::fhirpath::environment::Mode;
use crate::fhirpath::eval::{Found, Scope, Step, Stop, each, single};
use crate::fhirpath::moment::{Moment, MomentKind};
use crate::fhirpath::number::Number;
use crate::fhirpath::quantity::{Quantity, Unit};
use crate::fhirpath::value::{Class, Value};

/// What a value is converted to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::fhirpath) enum Target {
    Boolean,
    Integer,
    Decimal,
    String,
    Date,
    DateTime,
    Time,
    Quantity,
}

/// `iif(condition, then, otherwise)`; only the branch that is chosen is evaluated.
pub(super) fn iif<'t>(call: &'t Call, scope: &Scope<'_, 't>, found: &mut Found<'_, 't>) -> Step {
    let this = call.one(scope)?;
    // A function at the beginning of a path goes on with the focus as it is.
    let inner = match (&call.input, &this) {
        (crate::fhirpath::ast::Ast::This, _) => *scope,
        (_, this) => Scope { this: this.as_ref(), index: None, ..*scope },
    };
    let holds = match single(call.argument(0), &inner, "the condition of iif()")? {
        None => false,
        Some(value) => match value.boolean() {
            Some(value) => value,
            None if scope.run.mode() == Mode::Strict => return Err(Stop::impossible("the condition of iif() is a boolean")),
            None => true,
        },
    };
    each(call.argument(if holds { 1 } else { 2 }), &inner, found)
}

/// `toInteger()` and its kin.
pub(super) fn to<'t>(target: Target, call: &'t Call, scope: &Scope<'_, 't>, found: &mut Found<'_, 't>) -> Step {
    let Some(value) = call.one(scope)? else { return Ok(()) };
    converted(target, &value, call, scope)?.map_or(Ok(()), found)
}

/// `convertsToInteger()` and its kin.
pub(super) fn converts<'t>(target: Target, call: &'t Call, scope: &Scope<'_, 't>, found: &mut Found<'_, 't>) -> Step {
    let Some(value) = call.one(scope)? else { return Ok(()) };
    let converts = converted(target, &value, call, scope)?.is_some();
    found(Value::Boolean(converts))
}

fn converted<'t>(target: Target, value: &Value<'t>, call: &'t Call, scope: &Scope<'_, 't>) -> Result<Option<Value<'t>>, Stop> {
    let text = value.text();
    scope.run.spend(1 + text.as_ref().map_or(0, |text| text.len() as u64 / 32))?;
    Ok(match target {
        Target::Boolean => boolean(value).map(Value::Boolean),
        Target::Integer => match (value.class(), &text) {
            (Class::Integer, _) => value.integer(),
            (Class::Boolean, _) => value.boolean().map(i64::from),
            (Class::String, Some(text)) => whole(text),
            _ => None,
        }
        .map(Value::Integer),
        Target::Decimal => match (value.class(), &text) {
            (Class::Boolean, _) => value.boolean().map(|value| Number::whole(i64::from(value))),
            (Class::String, Some(text)) => plain(text),
            _ => value.number(),
        }
        .map(Value::Decimal),
        Target::String => value.told().map(Value::String),
        Target::Date | Target::DateTime | Target::Time => moment(target, value).map(Value::Moment),
        Target::Quantity => quantity(value).and_then(|quantity| match call.given_text(0, scope) {
            Ok(None) => Some(Value::Quantity(Box::new(quantity))),
            Ok(Some(unit)) => {
                let wanted = Quantity { number: Number::whole(1), unit: Unit::Code(unit) };
                quantity.into_unit(&wanted).map(|quantity| Value::Quantity(Box::new(quantity)))
            }
            Err(_) => None,
        }),
    })
}

fn boolean(value: &Value<'_>) -> Option<bool> {
    match value.class() {
        Class::Boolean => value.boolean(),
        Class::Integer | Class::Decimal => match value.number()?.to_whole()? {
            0 => Some(false),
            1 => Some(true),
            _ => None,
        },
        Class::String => match value.text()?.to_ascii_lowercase().as_str() {
            "true" | "t" | "yes" | "y" | "1" | "1.0" => Some(true),
            "false" | "f" | "no" | "n" | "0" | "0.0" => Some(false),
            _ => None,
        },
        _ => None,
    }
}

fn whole(text: &str) -> Option<i64> {
    let digits = text.strip_prefix(['-', '+']).unwrap_or(text);
    let all = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
    all.then(|| text.parse::<i32>().ok()).flatten().map(i64::from)
}

fn plain(text: &str) -> Option<Number> {
    if text.contains(['e', 'E']) { None } else { Number::read(text) }
}

fn moment(target: Target, value: &Value<'_>) -> Option<Moment> {
    let kind = match target {
        Target::Date => MomentKind::Date,
        Target::DateTime => MomentKind::DateTime,
        _ => MomentKind::Time,
    };
    if let Some(text) = value.text() {
        let read = Moment::read(kind, &text);
        // A DateTime as text also tells a Date.
        return read.or_else(|| Moment::read(MomentKind::DateTime, &text).filter(|_| kind == MomentKind::Date).map(Moment::date));
    }
    let moment = value.moment()?;
    match (kind, moment.kind) {
        (MomentKind::Date, MomentKind::DateTime) => Some(moment.date()),
        (MomentKind::DateTime, MomentKind::Date) => Some(moment.date_time()),
        (wanted, kind) => (wanted == kind).then_some(moment),
    }
}

fn quantity<'t>(value: &Value<'t>) -> Option<Quantity<'t>> {
    match value.class() {
        Class::Boolean => value.boolean().map(|value| Quantity::plain(Number::whole(i64::from(value)))),
        Class::String => Quantity::read(&value.text()?).map(Quantity::into_owned),
        _ => value.quantity().map(std::borrow::Cow::into_owned),
    }
}
