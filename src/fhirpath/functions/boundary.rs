//! How precisely a value is told, and between which ends it lies. Source: <http://hl7.org/fhirpath/#lowboundary>.
//!
//! An end is told with as many digits as are asked for: away from zero it is rounded, towards zero it is cut.

use super::{Call, Function};
use crate::fhirpath::eval::{Found, Scope, Step, Stop};
use crate::fhirpath::moment::MomentKind;
use crate::fhirpath::value::{Class, Value};

/// Most digits that a decimal's end can be told with.
const FINEST: i64 = 28;

pub(super) fn call<'t>(call: &'t Call, scope: &Scope<'_, 't>, found: &mut Found<'_, 't>) -> Step {
    let Some(value) = call.one(scope)? else { return Ok(()) };
    let result = match call.function {
        Function::Precision => precision(&value).map(Value::Integer),
        Function::Comparable => {
            let Some(other) = call.given(0, scope)? else { return Ok(()) };
            let quantities = value.quantity().zip(other.quantity());
            let Some((a, b)) = quantities else { return Err(Stop::impossible("comparable() works on quantities")) };
            Some(Value::Boolean(a.comparable(&b)))
        }
        function => {
            let digits = if call.arguments.is_empty() { None } else { call.given_integer(0, scope)? };
            if digits.is_none() && !call.arguments.is_empty() {
                return Ok(());
            }
            edge(&value, function == Function::HighBoundary, digits)?
        }
    };
    result.map_or(Ok(()), found)
}

fn precision(value: &Value<'_>) -> Option<i64> {
    match value.class() {
        Class::Integer | Class::Decimal => value.number().map(|number| i64::from(number.scale())),
        Class::Moment => value.moment().map(|moment| moment.digits_told()),
        _ => None,
    }
}

fn edge<'t>(value: &Value<'t>, high: bool, digits: Option<i64>) -> Result<Option<Value<'t>>, Stop> {
    let decimals = || u32::try_from(digits.unwrap_or(8)).ok().filter(|digits| i64::from(*digits) <= FINEST);
    Ok(match value.class() {
        Class::Integer | Class::Decimal => {
            value.number().zip(decimals()).and_then(|(number, digits)| number.boundary(high, digits)).map(Value::Decimal)
        }
        Class::Quantity => value.quantity().zip(decimals()).and_then(|(quantity, digits)| {
            let number = quantity.number.boundary(high, digits)?;
            Some(Value::Quantity(Box::new(quantity.with(number))))
        }),
        Class::Moment => value.moment().and_then(|moment| {
            let finest = match moment.kind {
                MomentKind::Date => 8,
                MomentKind::DateTime => 17,
                MomentKind::Time => 9,
            };
            moment.boundary(high, digits.unwrap_or(finest)).map(Value::Moment)
        }),
        _ => return Err(Stop::impossible(format!("a {} has no ends", value.type_name().1))),
    })
}
