//! Mathematics. Source: <http://hl7.org/fhirpath/N1/#math>.
//!
//! Roots, powers and logarithms are those of doubles, told with 15 digits; the rest is exact.

use std::cmp::Ordering;

use super::{Call, Function};
use crate::fhirpath::equality::compare;
use crate::fhirpath::eval::{Found, Scope, Step, Stop, all};
use crate::fhirpath::number::{Cut, Number};
use crate::fhirpath::value::{Class, Value};

pub(super) fn call<'t>(call: &'t Call, scope: &Scope<'_, 't>, found: &mut Found<'_, 't>) -> Step {
    let Some(value) = call.one(scope)? else { return Ok(()) };
    if value.class() == Class::Quantity {
        return quantity(&value, call, scope, found);
    }
    let number = number(&value, call)?;
    let exact = |cut| number.cut(cut, 0).and_then(Number::to_whole).map(Value::Integer);
    let real = |value: f64| Number::near(value).map(Value::Decimal);
    let result = match call.function {
        Function::Abs => kept(&value, number.absolute()),
        Function::Ceiling => exact(Cut::Ceiling),
        Function::Floor => exact(Cut::Floor),
        Function::Truncate => exact(Cut::Truncate),
        Function::Round => round(number, call, scope)?.map(Value::Decimal),
        Function::Exp => real(number.double().exp()),
        Function::Ln => real(number.double().ln()),
        Function::Sqrt => real(number.double().sqrt()),
        Function::Log => match call.given(0, scope)? {
            Some(base) => real(logarithm(number.double(), self::number(&base, call)?.double())),
            None => None,
        },
        _ => match call.given(0, scope)? {
            Some(exponent) => power(&value, number, &exponent, self::number(&exponent, call)?),
            None => None,
        },
    };
    result.map_or(Ok(()), found)
}

fn number(value: &Value<'_>, call: &Call) -> Result<Number, Stop> {
    value.number().ok_or_else(|| Stop::impossible(format!("{}() works on numbers, not on a {}", call.function.name(), value.type_name().1)))
}

/// An integer stays one.
fn kept<'t>(of: &Value<'_>, number: Number) -> Option<Value<'t>> {
    if of.class() == Class::Integer { number.to_whole().map(Value::Integer) } else { Some(Value::Decimal(number)) }
}

fn round<'t>(number: Number, call: &'t Call, scope: &Scope<'_, 't>) -> Result<Option<Number>, Stop> {
    let digits = if call.arguments.is_empty() { Some(0) } else { call.given_integer(0, scope)? };
    let Some(digits) = digits else { return Ok(None) };
    let digits = u32::try_from(digits).map_err(|_| Stop::impossible("round() takes a number of digits from 0"))?;
    // What has fewer digits is round already.
    Ok(if digits >= number.scale() { Some(number) } else { number.cut(Cut::Round, digits) })
}

fn logarithm(number: f64, base: f64) -> f64 {
    if base == 2.0 {
        number.log2()
    } else if base == 10.0 {
        number.log10()
    } else {
        number.ln() / base.ln()
    }
}

fn power<'t>(value: &Value<'_>, base: Number, told: &Value<'_>, exponent: Number) -> Option<Value<'t>> {
    if let Some(times) = exponent.to_whole().and_then(|times| u32::try_from(times).ok()).filter(|times| *times <= 256) {
        let exact = (0..times).try_fold(Number::whole(1), |product, _| product.times(base));
        if let Some(exact) = exact {
            return if told.class() == Class::Integer { kept(value, exact) } else { Some(Value::Decimal(exact)) };
        }
    }
    Number::near(base.double().powf(exponent.double())).map(Value::Decimal)
}

fn quantity<'t>(value: &Value<'t>, call: &'t Call, scope: &Scope<'_, 't>, found: &mut Found<'_, 't>) -> Step {
    let Some(quantity) = value.quantity() else { return Ok(()) };
    let number = quantity.number;
    let result = match call.function {
        Function::Abs => Some(number.absolute()),
        Function::Ceiling => number.cut(Cut::Ceiling, 0),
        Function::Floor => number.cut(Cut::Floor, 0),
        Function::Truncate => number.cut(Cut::Truncate, 0),
        Function::Round => round(number, call, scope)?,
        _ => return Err(Stop::impossible(format!("{}() works on numbers, not on quantities", call.function.name()))),
    };
    result.map_or(Ok(()), |number| found(Value::Quantity(Box::new(quantity.with(number)))))
}

/// `sum()`, `min()`, `max()`, `avg()` of a list.
pub(super) fn summary<'t>(call: &'t Call, scope: &Scope<'_, 't>, found: &mut Found<'_, 't>) -> Step {
    let values = all(&call.input, scope)?;
    let count = values.len();
    let mut best: Option<Value<'t>> = None;
    for value in values {
        best = match best {
            None => Some(value),
            Some(best) if matches!(call.function, Function::Min | Function::Max) => {
                let Some(order) = compare(&value, &best, scope.run)? else { return Ok(()) };
                let wanted = if call.function == Function::Min { Ordering::Less } else { Ordering::Greater };
                Some(if order == wanted { value } else { best })
            }
            Some(total) => match plus(&total, &value, call)? {
                Some(total) => Some(total),
                None => return Ok(()),
            },
        };
    }
    let Some(total) = best else { return Ok(()) };
    if call.function != Function::Avg {
        return found(total);
    }
    let count = Number::whole(i64::try_from(count).unwrap_or(i64::MAX));
    let mean = match total.class() {
        Class::Quantity => total.quantity().and_then(|total| Some(Value::Quantity(Box::new(total.with(total.number.over(count)?))))),
        _ => number(&total, call)?.over(count).map(Value::Decimal),
    };
    mean.map_or(Ok(()), found)
}

fn plus<'t>(a: &Value<'t>, b: &Value<'t>, call: &Call) -> Result<Option<Value<'t>>, Stop> {
    if a.class() == Class::Quantity {
        return Ok(a.quantity().zip(b.quantity()).and_then(|(a, b)| a.plus(&b)).map(|sum| Value::Quantity(Box::new(sum))));
    }
    let sum = number(a, call)?.plus(number(b, call)?);
    let whole = a.class() == Class::Integer && b.class() == Class::Integer;
    Ok(sum.and_then(|sum| if whole { sum.to_whole().map(Value::Integer) } else { Some(Value::Decimal(sum)) }))
}
