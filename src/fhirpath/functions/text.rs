//! Strings. Positions count characters. Source: <http://hl7.org/fhirpath/N1/#string-manipulation>.

use std::borrow::Cow;

use super::{Call, Function};
use crate::fhirpath::eval::{Found, Scope, Step, each};
use crate::fhirpath::value::Value;

pub(super) fn call<'t>(call: &'t Call, scope: &Scope<'_, 't>, found: &mut Found<'_, 't>) -> Step {
    if call.function == Function::Join {
        return join(call, scope, found);
    }
    let Some(text) = call.text(scope)? else { return Ok(()) };
    scope.run.spend(1 + text.len() as u64 / 32)?;
    match call.function {
        Function::Upper => found(Value::text_of(text.to_uppercase())),
        Function::Lower => found(Value::text_of(text.to_lowercase())),
        Function::Trim => found(Value::text_of(text.trim().to_owned())),
        Function::Length => found(Value::Integer(number(text.chars().count()))),
        Function::ToChars => text.chars().try_for_each(|c| {
            scope.run.spend(1)?;
            found(Value::text_of(c.to_string()))
        }),
        Function::Substring => substring(text, call, scope, found),
        _ => {
            let Some(other) = call.given_text(0, scope)? else { return Ok(()) };
            match call.function {
                Function::StartsWith => found(Value::Boolean(text.starts_with(&*other))),
                Function::EndsWith => found(Value::Boolean(text.ends_with(&*other))),
                Function::Contains => found(Value::Boolean(text.contains(&*other))),
                Function::IndexOf => found(Value::Integer(place(&text, text.find(&*other)))),
                Function::LastIndexOf => found(Value::Integer(place(&text, text.rfind(&*other)))),
                Function::Split => split(&text, &other, scope, found),
                _ => replace(&text, &other, call, scope, found),
            }
        }
    }
}

fn number(count: usize) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}

/// The place of a byte, counted in characters; -1 for none.
fn place(text: &str, at: Option<usize>) -> i64 {
    at.and_then(|at| text.get(..at)).map_or(-1, |before| number(before.chars().count()))
}

fn substring<'t>(text: Cow<'t, str>, call: &'t Call, scope: &Scope<'_, 't>, found: &mut Found<'_, 't>) -> Step {
    let Some(start) = call.given_integer(0, scope)? else { return Ok(()) };
    let length = if call.arguments.len() > 1 { call.given_integer(1, scope)? } else { None };
    let Ok(start) = usize::try_from(start) else { return Ok(()) };
    let byte = |count: usize| text.char_indices().nth(count).map_or(text.len(), |(at, _)| at);
    let from = byte(start);
    if from >= text.len() {
        return Ok(());
    }
    let to = length.map_or(text.len(), |length| byte(start.saturating_add(usize::try_from(length).unwrap_or(0))));
    found(Value::String(match text {
        Cow::Borrowed(text) => Cow::Borrowed(text.get(from..to).unwrap_or("")),
        Cow::Owned(text) => Cow::Owned(text.get(from..to).unwrap_or("").to_owned()),
    }))
}

fn split<'t>(text: &str, separator: &str, scope: &Scope<'_, 't>, found: &mut Found<'_, 't>) -> Step {
    let mut part = |part: &str| {
        scope.run.spend(1)?;
        found(Value::text_of(part.to_owned()))
    };
    if separator.is_empty() {
        return text.chars().try_for_each(|c| part(c.encode_utf8(&mut [0; 4])));
    }
    text.split(separator).try_for_each(part)
}

fn replace<'t>(text: &str, pattern: &str, call: &'t Call, scope: &Scope<'_, 't>, found: &mut Found<'_, 't>) -> Step {
    let Some(with) = call.given_text(1, scope)? else { return Ok(()) };
    let hits = if pattern.is_empty() { text.chars().count() + 1 } else { text.matches(pattern).count() };
    scope.run.write(text.len().saturating_add(hits.saturating_mul(with.len())))?;
    found(Value::text_of(text.replace(pattern, &with)))
}

/// `join(separator)`: the only string function of a list.
fn join<'t>(call: &'t Call, scope: &Scope<'_, 't>, found: &mut Found<'_, 't>) -> Step {
    let separator = call.given_text(0, scope)?.unwrap_or_default();
    let mut joined: Option<String> = None;
    each(&call.input, scope, &mut |value| {
        let Some(text) = call.string(&value, "joins strings")? else { return Ok(()) };
        let all = match joined.take() {
            None => text.into_owned(),
            Some(mut all) => {
                all.push_str(&separator);
                all.push_str(&text);
                all
            }
        };
        if all.len() > 1 << 20 {
            scope.run.write(all.len())?;
        }
        joined = Some(all);
        scope.run.spend(1)
    })?;
    joined.map_or(Ok(()), |text| found(Value::text_of(text)))
}
