//! Time, traces, sums of one's own, order. Source: <http://hl7.org/fhirpath/N1/#utility-functions>, `#aggregates`.

use std::cmp::Ordering;

use super::filtering::project;
use super::{Call, Function};
use crate::fhirpath::ast::{Ast, Literal};
use crate::fhirpath::equality::compare;
use crate::fhirpath::eval::{Found, Scope, Step, Stop, all, each};
use crate::fhirpath::moment::Moment;
use crate::fhirpath::value::Value;

pub(super) fn call<'t>(call: &'t Call, scope: &Scope<'_, 't>, found: &mut Found<'_, 't>) -> Step {
    let now = |part: fn(Moment) -> Moment, found: &mut Found<'_, 't>| {
        scope.run.environment.now.map_or(Ok(()), |now| found(Value::Moment(part(now))))
    };
    match call.function {
        Function::Now => now(|now| now, found),
        Function::Today => now(Moment::date, found),
        Function::TimeOfDay => now(Moment::time_of_day, found),
        Function::Type => each(&call.input, scope, &mut |value| {
            let (namespace, name) = value.type_name();
            found(Value::Type(namespace, name))
        }),
        Function::Trace => trace(call, scope, found),
        Function::Aggregate => aggregate(call, scope, found),
        Function::DefineVariable => define(call, scope, found),
        _ => sort(call, scope, found),
    }
}

fn trace<'t>(call: &'t Call, scope: &Scope<'_, 't>, found: &mut Found<'_, 't>) -> Step {
    let name = call.given_text(0, scope)?.unwrap_or_default();
    let values = all(&call.input, scope)?.into_vec();
    let told = if call.arguments.len() > 1 {
        let mut told = Vec::new();
        for (index, value) in values.iter().enumerate() {
            project(call.argument(1), value, index, scope, &mut |value| {
                told.push(value);
                scope.run.spend(1)
            })?;
        }
        Some(told)
    } else {
        None
    };
    scope.run.environment.trace.trace(&name, told.as_ref().unwrap_or(&values));
    values.into_iter().try_for_each(found)
}

fn aggregate<'t>(call: &'t Call, scope: &Scope<'_, 't>, found: &mut Found<'_, 't>) -> Step {
    let mut total = all(call.argument(1), scope)?.into_vec();
    let mut index = 0;
    each(&call.input, scope, &mut |value| {
        let mut next = Vec::new();
        let inner = Scope { total: Some(&total), ..scope.item(&value, index) };
        index += 1;
        each(call.argument(0), &inner, &mut |value| {
            next.push(value);
            scope.run.spend(1)
        })?;
        total = next;
        scope.run.spend(1)
    })?;
    total.into_iter().try_for_each(found)
}

/// `defineVariable(name, values)`: the input, with `%name` known from here on to the end of what is around.
fn define<'t>(call: &'t Call, scope: &Scope<'_, 't>, found: &mut Found<'_, 't>) -> Step {
    let Ast::Literal(Literal::String(name)) = call.argument(0) else {
        return Err(Stop::impossible("defineVariable() takes its name as a literal"));
    };
    let input = all(&call.input, scope)?.into_vec();
    let values = if call.arguments.len() > 1 {
        let mut values = Vec::new();
        for (index, value) in input.iter().enumerate() {
            project(call.argument(1), value, index, scope, &mut |value| {
                values.push(value);
                scope.run.spend(1)
            })?;
        }
        values
    } else {
        input.clone()
    };
    if scope.run.variables.borrow().iter().any(|(known, _)| *known == &**name) {
        return Err(Stop::impossible(format!("%{name} is defined already")));
    }
    scope.run.variables.borrow_mut().push((name, values));
    input.into_iter().try_for_each(found)
}

/// `sort()`, `sort(key, -key)`: by the keys in turn; a minus turns the order round, but what has no key comes first anyway.
fn sort<'t>(call: &'t Call, scope: &Scope<'_, 't>, found: &mut Found<'_, 't>) -> Step {
    let mut rows = Vec::new();
    for (index, value) in all(&call.input, scope)?.into_iter().enumerate() {
        let mut keys = Vec::new();
        for argument in &call.arguments {
            let argument = if let Ast::Negative(inner) = argument { inner } else { argument };
            let mut key = None;
            project(argument, &value, index, scope, &mut |value| {
                if key.is_some() {
                    return Err(Stop::impossible("a key to sort by is one value"));
                }
                key = Some(value);
                Ok(())
            })?;
            keys.push(key);
        }
        if call.arguments.is_empty() {
            keys.push(Some(value.clone()));
        }
        rows.push((keys, value));
    }
    let turned: Vec<bool> = call.arguments.iter().map(|argument| matches!(argument, Ast::Negative(_))).collect();
    let mut failed = None;
    rows.sort_by(|(a, _), (b, _)| {
        for (i, (a, b)) in a.iter().zip(b).enumerate() {
            let order = match (a, b) {
                (None, None) => Ordering::Equal,
                (None, Some(_)) => return Ordering::Less,
                (Some(_), None) => return Ordering::Greater,
                (Some(_), Some(_)) if failed.is_some() => Ordering::Equal,
                (Some(a), Some(b)) => match compare(a, b, scope.run) {
                    Ok(order) => order.unwrap_or(Ordering::Equal),
                    Err(stop) => {
                        failed = Some(stop);
                        Ordering::Equal
                    }
                },
            };
            if order.is_ne() {
                return if turned.get(i).copied().unwrap_or(false) { order.reverse() } else { order };
            }
        }
        Ordering::Equal
    });
    match failed {
        Some(stop) => Err(stop),
        None => rows.into_iter().try_for_each(|(_, value)| found(value)),
    }
}
