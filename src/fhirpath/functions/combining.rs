//! Several lists as one. Source: <http://hl7.org/fhirpath/N1/#combining>.

use super::{Call, Function};
use crate::fhirpath::collection::Distinct;
use crate::fhirpath::eval::{Found, Scope, Step, each};

pub(super) fn call<'t>(call: &'t Call, scope: &Scope<'_, 't>, found: &mut Found<'_, 't>) -> Step {
    match call.function {
        Function::Union => {
            let mut seen = Distinct::default();
            [&call.input, call.argument(0)]
                .into_iter()
                .try_for_each(|part| each(part, scope, &mut |value| if seen.insert(&value, scope.run)? { found(value) } else { Ok(()) }))
        }
        Function::Combine => {
            each(&call.input, scope, found)?;
            each(call.argument(0), scope, found)
        }
        // coalesce: the first list that has anything.
        _ => {
            for argument in &call.arguments {
                let mut any = false;
                each(argument, scope, &mut |value| {
                    any = true;
                    found(value)
                })?;
                if any {
                    return Ok(());
                }
            }
            Ok(())
        }
    }
}
