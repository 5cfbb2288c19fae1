//! Evaluation over nodes: an expression hands its values to whoever wants them, one by one, and gathers none unless it must.

use std::borrow::Cow;

use super::ast::{Ast, How, Literal, Variable};
use super::collection::Few;
use super::environment::{Mode, Run};
use super::functions;
use super::operators;
use super::quantity::{Quantity, Unit};
use super::tree;
use super::type_name::TypeName;
use super::value::{Value, element_type};

/// Whether to go on.
pub(super) type Step = Result<(), Stop>;

/// Why an evaluation stops.
#[derive(Debug)]
pub(super) enum Stop {
    /// Who asked has what it wanted. Whoever says this must also be the one who takes it back.
    Enough,
    /// It cannot go on.
    Failed(Box<Error>),
}

/// Why an expression could not be evaluated.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// It asks for something that cannot be: a list where one value is needed, a sum of a date and a name.
    #[error("{0}")]
    Impossible(String),
    /// It names something that no type has.
    #[error("{0}")]
    Unknown(String),
    /// It takes more steps or time than it may.
    #[error("{0}")]
    Limit(&'static str),
}

impl Stop {
    pub(super) fn limit(why: &'static str) -> Self {
        Self::Failed(Box::new(Error::Limit(why)))
    }

    #[cold]
    pub(super) fn impossible(why: impl Into<String>) -> Self {
        Self::Failed(Box::new(Error::Impossible(why.into())))
    }

    #[cold]
    pub(super) fn unknown(why: impl Into<String>) -> Self {
        Self::Failed(Box::new(Error::Unknown(why.into())))
    }
}

/// Who takes the values.
pub(super) type Found<'f, 't> = dyn FnMut(Value<'t>) -> Step + 'f;

/// Where an expression is evaluated.
#[derive(Clone, Copy)]
pub(super) struct Scope<'s, 't> {
    pub(super) run: &'s Run<'s, 't>,
    /// `$this`; nothing inside of a function whose input is empty.
    pub(super) this: Option<&'s Value<'t>>,
    /// `$index`
    pub(super) index: Option<usize>,
    /// `$total`
    pub(super) total: Option<&'s [Value<'t>]>,
}

impl<'s, 't> Scope<'s, 't> {
    /// The scope of a whole expression.
    pub(super) fn outer(run: &'s Run<'s, 't>) -> Self {
        Self { run, this: Some(run.focus), index: None, total: None }
    }

    /// The scope of criteria for one item.
    pub(super) fn item<'i>(&self, this: &'i Value<'t>, index: usize) -> Scope<'i, 't>
    where
        's: 'i,
    {
        Scope { run: self.run, this: Some(this), index: Some(index), total: self.total }
    }
}

/// Takes back an [`Stop::Enough`].
pub(super) fn enough(step: Step) -> Step {
    match step {
        Err(Stop::Enough) => Ok(()),
        other => other,
    }
}

/// Hands each value of an expression to `found`, in order, without gathering them.
pub(super) fn each<'t>(ast: &'t Ast, scope: &Scope<'_, 't>, found: &mut Found<'_, 't>) -> Step {
    scope.run.spend(1)?;
    match ast {
        Ast::This => scope.this.map_or(Ok(()), |this| found(this.clone())),
        Ast::Child(input, field) => match &**input {
            Ast::Typed(_, _, ty) if scope.run.checked && !ty.has(field, scope.run.environment.resource.tree().schema()) => {
                Err(Stop::unknown(format!("{} has no element \"{}\"", ty.name, field.text)))
            }
            // The commonest path of all needs no closure.
            Ast::This => scope.this.map_or(Ok(()), |this| tree::child(scope.run, this, field, found)),
            input => each(input, scope, &mut |value| tree::child(scope.run, &value, field, found)),
        },
        Ast::Call(call) => functions::call(call, scope, found),
        Ast::Literal(literal) => found(constant(literal)),
        Ast::Variable(name) => variable(name, scope, found),
        Ast::Root(ty) => root(ty, scope, found),
        Ast::Binary(operator, sides) => operators::binary(*operator, sides, scope, found),
        Ast::Union(parts) => operators::union(parts, scope, found),
        Ast::Typed(how, input, ty) => typed(*how, input, ty, scope, found),
        Ast::Item(parts) => item(parts, scope, found),
        Ast::Negative(input) => operators::negative(input, scope, found),
        Ast::Empty => Ok(()),
        Ast::Index => scope.index.map_or(Ok(()), |index| found(Value::Integer(i64::try_from(index).unwrap_or(i64::MAX)))),
        Ast::Total => scope.total.into_iter().flatten().try_for_each(|value| found(value.clone())),
    }
}

fn constant(literal: &Literal) -> Value<'_> {
    match literal {
        Literal::String(text) => Value::String(Cow::Borrowed(text)),
        Literal::Boolean(value) => Value::Boolean(*value),
        Literal::Integer(value) => Value::Integer(*value),
        Literal::Decimal(number) => Value::Decimal(*number),
        Literal::Moment(moment) => Value::Moment(*moment),
        Literal::Quantity(number, code) => Value::Quantity(Box::new(Quantity { number: *number, unit: Unit::Code(Cow::Borrowed(code)) })),
        Literal::Duration(number, unit, word) => Value::Quantity(Box::new(Quantity { number: *number, unit: Unit::Calendar(*unit, word) })),
    }
}

fn variable<'t>(name: &'t Variable, scope: &Scope<'_, 't>, found: &mut Found<'_, 't>) -> Step {
    let environment = scope.run.environment;
    match name {
        Variable::Resource => found(Value::Node(environment.resource)),
        Variable::RootResource => found(Value::Node(environment.root)),
        Variable::Context => found(environment.context.map_or_else(|| scope.run.focus.clone(), Value::Node)),
        Variable::Text(_, text) => found(Value::String(Cow::Borrowed(text))),
        Variable::Named(name) => {
            let defined = scope.run.variables.borrow().iter().rev().find(|(known, _)| *known == &**name).map(|(_, values)| values.clone());
            let given = || environment.variables.iter().find(|(known, _)| *known == &**name).map(|(_, values)| values.clone());
            match defined.or_else(given) {
                Some(values) => values.into_iter().try_for_each(found),
                None if scope.run.mode() == Mode::Search => Ok(()),
                None => Err(Stop::unknown(format!("there is no variable %{name}"))),
            }
        }
    }
}

fn root<'t>(ty: &TypeName, scope: &Scope<'_, 't>, found: &mut Found<'_, 't>) -> Step {
    let Some(this) = scope.this else { return Ok(()) };
    if is_a(this, ty, false, scope.run.mode() != Mode::Strict) {
        return found(this.clone());
    }
    if scope.run.mode() == Mode::Strict {
        return Err(Stop::unknown(format!("a {} is no {} and has no such element", this.type_name().1, ty.name)));
    }
    Ok(())
}

/// Whether a value is of a type; with `exact`, a primitive element not of one that derives from it.
pub(super) fn is_a(value: &Value<'_>, ty: &TypeName, exact: bool, lenient: bool) -> bool {
    match value {
        Value::Node(node) => ty.holds(element_type(*node), node.kind(), exact, lenient),
        Value::Resolved(name) => ty.holds(name, crate::model::schema::Kind::Resource, exact, lenient),
        // A plain value of search parameters goes by the names of R4, too.
        other => {
            let (_, name) = other.type_name();
            ty.holds_own(name) || (lenient && ty.namespace.is_none() && super::type_name::own_name(&ty.name, name))
        }
    }
}

fn typed<'t>(how: How, input: &'t Ast, ty: &'t TypeName, scope: &Scope<'_, 't>, found: &mut Found<'_, 't>) -> Step {
    let mode = scope.run.mode();
    if !ty.known && mode == Mode::Strict {
        return Err(Stop::unknown(format!("there is no type \"{}\"", ty.name)));
    }
    // Search parameters and invariants of R4 mean derived types, too.
    let exact = mode != Mode::Search && how != How::Is;
    let is = |value: &Value<'_>| is_a(value, ty, exact, mode != Mode::Strict);
    match how {
        How::Is => match single(input, scope, "the value before is()")? {
            Some(value) => {
                let answer = is(&value);
                found(Value::Boolean(answer))
            }
            None => Ok(()),
        },
        How::As if mode == Mode::Strict => match single(input, scope, "the value before as()")? {
            Some(value) if is(&value) => found(value),
            _ => Ok(()),
        },
        How::As | How::OfType => each(input, scope, &mut |value| if is(&value) { found(value) } else { Ok(()) }),
    }
}

fn item<'t>(parts: &'t (Ast, Ast), scope: &Scope<'_, 't>, found: &mut Found<'_, 't>) -> Step {
    let Some(wanted) = single(&parts.1, scope, "an index")? else { return Ok(()) };
    let Some(wanted) = wanted.integer() else { return Err(Stop::impossible("an index is an integer")) };
    let (mut at, mut hit) = (0, None);
    enough(each(&parts.0, scope, &mut |value| {
        if at == wanted {
            hit = Some(value);
            return Err(Stop::Enough);
        }
        at += 1;
        Ok(())
    }))?;
    hit.map_or(Ok(()), found)
}

/// All values of an expression.
pub(super) fn all<'t>(ast: &'t Ast, scope: &Scope<'_, 't>) -> Result<Few<'t>, Stop> {
    let mut values = Few::default();
    each(ast, scope, &mut |value| {
        values.push(value);
        scope.run.spend(1)
    })?;
    Ok(values)
}

/// The only value of an expression, if there is one; several are an error. `what` it is for stands in the error.
pub(super) fn single<'t>(ast: &'t Ast, scope: &Scope<'_, 't>, what: &str) -> Result<Option<Value<'t>>, Stop> {
    let mut one = None;
    let mut many = false;
    enough(each(ast, scope, &mut |value| {
        if one.is_some() {
            many = true;
            return Err(Stop::Enough);
        }
        one = Some(value);
        Ok(())
    }))?;
    if !many {
        return Ok(one);
    }
    // Search parameters of R4 ask lists where one value is meant; nothing is known then.
    if scope.run.mode() == Mode::Search { Ok(None) } else { Err(Stop::impossible(format!("{what} is one value, not several"))) }
}

/// What an expression says as a condition: `None` for the empty collection. A single value that is no boolean counts as true.
pub(super) fn truth<'t>(ast: &'t Ast, scope: &Scope<'_, 't>) -> Result<Option<bool>, Stop> {
    scope.run.spend(1)?;
    match ast {
        Ast::Binary(operator, sides) if operator.answers() => operators::answer(*operator, sides, scope),
        Ast::Call(call) if call.function.is_simple_condition() => functions::condition(call, scope),
        other => Ok(single(other, scope, "a condition")?.map(|value| value.boolean().unwrap_or(true))),
    }
}
