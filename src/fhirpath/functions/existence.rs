//! Existence: whether and how many. Source: <http://hl7.org/fhirpath/N1/#existence>.

use super::filtering::passes;
use super::{Call, Function};
use crate::fhirpath::collection::Distinct;
use crate::fhirpath::eval::{Found, Scope, Step, Stop, each, enough};
use crate::fhirpath::value::Value;

/// `exists()`, `exists(criteria)`
pub(super) fn exists<'t>(call: &'t Call, scope: &Scope<'_, 't>) -> Result<bool, Stop> {
    let (mut exists, mut index) = (false, 0);
    enough(each(&call.input, scope, &mut |value| {
        if let Some(criteria) = call.arguments.first() {
            let fits = passes(criteria, &value, index, scope)?;
            index += 1;
            if fits != Some(true) {
                return Ok(());
            }
        }
        exists = true;
        Err(Stop::Enough)
    }))?;
    Ok(exists)
}

/// `all(criteria)`
pub(super) fn all<'t>(call: &'t Call, scope: &Scope<'_, 't>) -> Result<bool, Stop> {
    let (mut all, mut index) = (true, 0);
    enough(each(&call.input, scope, &mut |value| {
        let fits = passes(call.argument(0), &value, index, scope)?;
        index += 1;
        if fits == Some(true) {
            return Ok(());
        }
        all = false;
        Err(Stop::Enough)
    }))?;
    Ok(all)
}

pub(super) fn call<'t>(call: &'t Call, scope: &Scope<'_, 't>, found: &mut Found<'_, 't>) -> Step {
    let run = scope.run;
    match call.function {
        Function::Count => {
            let mut count = 0;
            each(&call.input, scope, &mut |_| {
                count += 1;
                run.spend(1)
            })?;
            found(Value::Integer(count))
        }
        Function::AllTrue => count(call, scope, true).and_then(|(hits, all)| found(Value::Boolean(hits == all))),
        Function::AllFalse => count(call, scope, false).and_then(|(hits, all)| found(Value::Boolean(hits == all))),
        Function::AnyTrue => count(call, scope, true).and_then(|(hits, _)| found(Value::Boolean(hits > 0))),
        Function::AnyFalse => count(call, scope, false).and_then(|(hits, _)| found(Value::Boolean(hits > 0))),
        Function::SubsetOf | Function::SupersetOf => {
            let (mut part, mut whole) = (&call.input, call.argument(0));
            if call.function == Function::SupersetOf {
                std::mem::swap(&mut part, &mut whole);
            }
            let mut held = Distinct::default();
            each(whole, scope, &mut |value| held.insert(&value, run).map(drop))?;
            let mut inside = true;
            enough(each(part, scope, &mut |value| {
                inside = held.contains(&value, run)?;
                if inside { Ok(()) } else { Err(Stop::Enough) }
            }))?;
            found(Value::Boolean(inside))
        }
        Function::Distinct => {
            let mut seen = Distinct::default();
            each(&call.input, scope, &mut |value| if seen.insert(&value, run)? { found(value) } else { Ok(()) })
        }
        _ => {
            let (mut seen, mut distinct) = (Distinct::default(), true);
            enough(each(&call.input, scope, &mut |value| {
                distinct = seen.insert(&value, run)?;
                if distinct { Ok(()) } else { Err(Stop::Enough) }
            }))?;
            found(Value::Boolean(distinct))
        }
    }
}

/// How many booleans say `wanted`, and how many there are.
fn count<'t>(call: &'t Call, scope: &Scope<'_, 't>, wanted: bool) -> Result<(usize, usize), Stop> {
    let (mut hits, mut all) = (0, 0);
    each(&call.input, scope, &mut |value| {
        let said = value.boolean().ok_or_else(|| Stop::impossible(format!("{}() works on booleans", call.function.name())))?;
        hits += usize::from(said == wanted);
        all += 1;
        scope.run.spend(1)
    })?;
    Ok((hits, all))
}
