//! Filtering and projection. Source: <http://hl7.org/fhirpath/N1/#filtering-and-projection>.

use super::{Call, Function};
use crate::fhirpath::ast::Ast;
use crate::fhirpath::collection::Distinct;
use crate::fhirpath::eval::{Found, Scope, Step, Stop, each, truth};
use crate::fhirpath::value::Value;

/// What criteria say of an item. Variables that they define are forgotten again.
pub(super) fn passes<'t>(criteria: &'t Ast, value: &Value<'t>, index: usize, scope: &Scope<'_, 't>) -> Result<Option<bool>, Stop> {
    scope.run.spend(1)?;
    let known = scope.run.variables.borrow().len();
    let said = truth(criteria, &scope.item(value, index));
    scope.run.variables.borrow_mut().truncate(known);
    said
}

/// Hands what an expression finds on an item to `found`.
pub(super) fn project<'t>(ast: &'t Ast, value: &Value<'t>, index: usize, scope: &Scope<'_, 't>, found: &mut Found<'_, 't>) -> Step {
    scope.run.spend(1)?;
    let known = scope.run.variables.borrow().len();
    let step = each(ast, &scope.item(value, index), found);
    scope.run.variables.borrow_mut().truncate(known);
    step
}

pub(super) fn call<'t>(call: &'t Call, scope: &Scope<'_, 't>, found: &mut Found<'_, 't>) -> Step {
    let argument = call.argument(0);
    let mut index = 0;
    match call.function {
        Function::Where => each(&call.input, scope, &mut |value| {
            let fits = passes(argument, &value, index, scope)?;
            index += 1;
            if fits == Some(true) { found(value) } else { Ok(()) }
        }),
        Function::Select => each(&call.input, scope, &mut |value| {
            index += 1;
            project(argument, &value, index - 1, scope, found)
        }),
        _ => repeat(call, scope, found),
    }
}

/// `repeat(projection)`: what the projection finds, and what it finds on that, each once.
fn repeat<'t>(call: &'t Call, scope: &Scope<'_, 't>, found: &mut Found<'_, 't>) -> Step {
    let mut seen = Distinct::default();
    let mut waiting = std::collections::VecDeque::new();
    each(&call.input, scope, &mut |value| {
        waiting.push_back(value);
        scope.run.spend(1)
    })?;
    let mut index = 0;
    while let Some(value) = waiting.pop_front() {
        project(call.argument(0), &value, index, scope, &mut |next| {
            if seen.insert(&next, scope.run)? {
                waiting.push_back(next.clone());
                found(next)?;
            }
            Ok(())
        })?;
        index += 1;
    }
    Ok(())
}
