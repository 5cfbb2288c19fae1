//! Parts of a list. Source: <http://hl7.org/fhirpath/N1/#subsetting>.

use super::{Call, Function};
use crate::fhirpath::collection::Distinct;
use crate::fhirpath::environment::Mode;
use crate::fhirpath::equality::equal;
use crate::fhirpath::eval::{Found, Scope, Step, Stop, all, each, enough};

pub(super) fn call<'t>(call: &'t Call, scope: &Scope<'_, 't>, found: &mut Found<'_, 't>) -> Step {
    let run = scope.run;
    match call.function {
        Function::Single => match call.one(scope)? {
            Some(value) => found(value),
            None => Ok(()),
        },
        Function::First => {
            ordered(call, scope)?;
            let mut first = None;
            enough(each(&call.input, scope, &mut |value| {
                first = Some(value);
                Err(Stop::Enough)
            }))?;
            first.map_or(Ok(()), found)
        }
        Function::Last => {
            ordered(call, scope)?;
            let mut last = None;
            each(&call.input, scope, &mut |value| {
                last = Some(value);
                run.spend(1)
            })?;
            last.map_or(Ok(()), found)
        }
        Function::Tail => skip(1, call, scope, found),
        Function::Skip => match call.given_integer(0, scope)? {
            Some(count) => skip(count, call, scope, found),
            None => Ok(()),
        },
        Function::Take => {
            ordered(call, scope)?;
            let Some(count) = call.given_integer(0, scope)?.filter(|count| *count > 0) else { return Ok(()) };
            let mut taken = Vec::new();
            enough(each(&call.input, scope, &mut |value| {
                taken.push(value);
                run.spend(1)?;
                if i64::try_from(taken.len()).unwrap_or(i64::MAX) < count { Ok(()) } else { Err(Stop::Enough) }
            }))?;
            taken.into_iter().try_for_each(found)
        }
        Function::Intersect => {
            let (mut other, mut seen) = (Distinct::default(), Distinct::default());
            each(call.argument(0), scope, &mut |value| other.insert(&value, run).map(drop))?;
            each(&call.input, scope, &mut |value| {
                if other.contains(&value, run)? && seen.insert(&value, run)? { found(value) } else { Ok(()) }
            })
        }
        _ => {
            let other = all(call.argument(0), scope)?;
            each(&call.input, scope, &mut |value| {
                for excluded in other.iter() {
                    if equal(excluded, &value, run)? == Some(true) {
                        return Ok(());
                    }
                }
                found(value)
            })
        }
    }
}

fn skip<'t>(count: i64, call: &'t Call, scope: &Scope<'_, 't>, found: &mut Found<'_, 't>) -> Step {
    ordered(call, scope)?;
    let mut at = 0;
    each(&call.input, scope, &mut |value| {
        at += 1;
        if at > count { found(value) } else { scope.run.spend(1) }
    })
}

/// The children of an element have no order, so no part of them can be told by number.
fn ordered(call: &Call, scope: &Scope<'_, '_>) -> Step {
    use crate::fhirpath::ast::Ast;
    match &call.input {
        Ast::Call(input) if scope.run.mode() == Mode::Strict && matches!(input.function, Function::Children | Function::Descendants) => {
            Err(Stop::unknown(format!("{}() needs an order, which {}() has not", call.function.name(), input.function.name())))
        }
        _ => Ok(()),
    }
}
