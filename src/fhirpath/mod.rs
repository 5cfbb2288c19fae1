//! FHIRPath: the whole normative language with FHIR's functions, over the tree of a resource, which is never copied.
//!
//! An expression is compiled once ([`Expression::compile`]) and evaluated often: [`Expression::holds`] for an invariant,
//! [`Expression::evaluate_with`] for its values, both in an [`Environment`], which also bounds what an evaluation may cost.
//! Search parameters and patches use [`Expression::each`] and [`Expression::evaluate`], which cannot fail and ask nobody.
//! Source: <http://hl7.org/fhirpath/N1/>, <https://hl7.org/fhir/R4/fhirpath.html>; `docs/fhirpath.md` tells how open points are read.
//!
//! Invariant: no I/O and no clock; what lies outside of the resource comes through the traits of `environment`.

mod ast;
mod collection;
mod duration;
mod environment;
mod equality;
mod eval;
mod functions;
mod lexer;
mod moment;
mod number;
mod operators;
mod parser;
mod print;
mod quantity;
mod tree;
mod type_name;
mod types;
mod value;

pub use environment::{Budget, Environment, Mode, Nobody, Profiles, Resolver, Terminology, Trace};
pub use eval::Error;
pub use moment::{Moment, MomentKind};
pub use number::Number;
pub use quantity::Quantity;
pub use types::Types;
pub use value::Value;

use ast::Ast;
use environment::Run;
use eval::{Scope, Stop};
use functions::Function;

use crate::model::schema::{Name, Schema};
use crate::model::tree::Node;

/// A compiled expression.
#[derive(Debug, Clone)]
pub struct Expression {
    root: Ast,
    heads: Names,
    /// Whether all elements that it looks at are of types that are known: names can be checked against them.
    typed: bool,
    /// Whether it takes no longer than its length times the size of the resource, for each bracket of criteria around another.
    bounded: bool,
}

/// A set of element names that may hold a little more than was put in: it tells what is surely absent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Names(u64);

impl Names {
    const ALL: Self = Self(u64::MAX);

    /// The names of a node's children.
    #[must_use]
    pub fn under(node: Node<'_>) -> Self {
        Self(node.members().fold(0, |set, member| set | Self::one(member.name()).0))
    }

    fn one(name: Name) -> Self {
        Self(1 << (name.0 % 64))
    }
}

/// Why an expression could not be compiled.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("FHIRPath, column {column}: {reason}")]
pub struct Invalid {
    /// Where, counted in characters from 1.
    pub column: usize,
    /// What is wrong.
    pub reason: String,
}

/// Longest expression in bytes.
const LONGEST: usize = 1 << 16;

impl Expression {
    fn of(root: Ast) -> Self {
        Self { heads: heads(&root), typed: is_typed(&root), bounded: is_bounded(&root), root }
    }

    /// Compiles an expression; element names are looked up in the schema.
    ///
    /// # Errors
    /// When the text is not FHIRPath, or uses a function that is not served.
    pub fn compile(text: &str, schema: &Schema) -> Result<Self, Invalid> {
        if text.len() > LONGEST {
            return Err(Invalid { column: LONGEST, reason: format!("an expression has {LONGEST} bytes at most") });
        }
        let root = parser::parse(&lexer::tokens(text)?, schema, false)?;
        Ok(Self::of(root))
    }

    /// Compiles an expression of a client: it names only elements that some type has, and evaluating it takes no longer than its
    /// length times the size of the resource, for each bracket of criteria around another.
    ///
    /// # Errors
    /// Also when it looks at the whole resource again for each item of a list.
    pub fn compile_foreign(text: &str, schema: &Schema) -> Result<Self, Invalid> {
        let root = parser::parse(&lexer::tokens(text)?, schema, true)?;
        Ok(Self::of(root))
    }

    /// The types of what it can find on an element of one of the types in `focus`, inside a resource of one of the types in `resource`.
    ///
    /// # Errors
    /// When it takes a step that no element has that can be there, or names no type of R4: what is wrong, in words.
    pub fn types(&self, focus: &Types, resource: &Types, schema: &Schema) -> Result<Types, String> {
        if types::leads_away(&self.root) {
            return Err(
                "resolve() cannot be what an expression ends with: the reference itself can, and what it leads to is searched by a chain"
                    .to_owned(),
            );
        }
        types::of(&self.root, focus, resource, schema)
    }

    /// Whether the expression finds nothing on a node with these children, whatever is in them. Most search parameters are about
    /// elements that a given resource lacks; this spares evaluating them.
    #[must_use]
    pub fn is_empty_without(&self, children: Names) -> bool {
        self.heads.0 & children.0 == 0
    }

    /// Whether it holds on `focus`, as an invariant does: `None` if it gives nothing, so that nobody can tell.
    ///
    /// # Errors
    /// When it cannot be evaluated, or not within its budget.
    pub fn holds<'t>(&'t self, focus: Node<'t>, environment: &Environment<'_, 't>) -> Result<Option<bool>, Error> {
        let focus = Value::Node(focus);
        let run = Run::new(environment, &focus, self.typed);
        eval::truth(&self.root, &Scope::outer(&run)).map_err(failed)
    }

    /// The values of the expression on `focus`.
    ///
    /// # Errors
    /// When it cannot be evaluated, or not within its budget.
    pub fn evaluate_with<'t>(&'t self, focus: Node<'t>, environment: &Environment<'_, 't>) -> Result<Vec<Value<'t>>, Error> {
        let focus = Value::Node(focus);
        let run = Run::new(environment, &focus, self.typed);
        eval::all(&self.root, &Scope::outer(&run)).map(collection::Few::into_vec).map_err(failed)
    }

    /// Hands each value of the expression on `focus` to `found`, in order; `%resource` is the root of its tree. Only elements with a
    /// value are found, and what cannot be evaluated finds nothing.
    pub fn each<'t>(&'t self, focus: Node<'t>, mut found: impl FnMut(Value<'t>)) {
        let steps = if self.bounded { u64::MAX } else { SEARCHING };
        let budget = Budget { steps, late: None };
        let environment = Environment { mode: Mode::Search, budget, ..Environment::of(focus.tree().root()) };
        let focus = Value::Node(focus);
        let run = Run::new(&environment, &focus, false);
        // What goes wrong in the middle finds no more.
        let _ = eval::each(&self.root, &Scope::outer(&run), &mut |value| {
            found(value);
            Ok(())
        });
    }

    /// The values of the expression on `focus`, as [`Self::each`] finds them.
    pub fn evaluate<'t>(&'t self, focus: Node<'t>) -> Vec<Value<'t>> {
        let mut values = Vec::new();
        self.each(focus, |value| values.push(value));
        values
    }

    /// The expression without its last step, and the name of that step, if it ends with the name of an element: where a list is,
    /// and which one, whether or not it has items.
    #[must_use]
    pub fn parent(&self) -> Option<(Self, Name)> {
        match &self.root {
            Ast::Child(input, field) => Some((Self::of((**input).clone()), field.name)),
            _ => None,
        }
    }

    /// Whether it goes down from the focus step by step: it finds elements below it only, and each of them once. Such an expression
    /// takes no longer than its length times the size of the resource, so it can be taken from a client.
    #[must_use]
    pub fn goes_down(&self) -> bool {
        goes_down(&self.root)
    }
}

fn goes_down(ast: &Ast) -> bool {
    match ast {
        Ast::This | Ast::Root(_) | Ast::Literal(_) | Ast::Empty => true,
        Ast::Variable(_) | Ast::Union(_) | Ast::Index | Ast::Total => false,
        Ast::Child(input, _) | Ast::Typed(_, input, _) | Ast::Negative(input) => goes_down(input),
        Ast::Item(parts) | Ast::Binary(_, parts) => goes_down(&parts.0) && goes_down(&parts.1),
        Ast::Call(call) => {
            let open = functions::Signature::named(call.function.name()).is_some_and(|signature| signature.foreign);
            open && call.function != Function::Resolve && goes_down(&call.input) && call.arguments.iter().all(goes_down)
        }
    }
}

/// Whether it calls only functions that take no longer than their input.
fn is_bounded(ast: &Ast) -> bool {
    match ast {
        Ast::Child(input, _) | Ast::Typed(_, input, _) | Ast::Negative(input) => is_bounded(input),
        Ast::Item(parts) | Ast::Binary(_, parts) => is_bounded(&parts.0) && is_bounded(&parts.1),
        Ast::Union(parts) => parts.iter().all(is_bounded),
        Ast::Call(call) => {
            let open = functions::Signature::named(call.function.name()).is_some_and(|signature| signature.foreign);
            open && is_bounded(&call.input) && call.arguments.iter().all(is_bounded)
        }
        _ => true,
    }
}

/// Whether no part of it gathers elements of all kinds, as `descendants()` does.
fn is_typed(ast: &Ast) -> bool {
    match ast {
        Ast::Child(input, _) | Ast::Typed(_, input, _) | Ast::Negative(input) => is_typed(input),
        Ast::Item(parts) | Ast::Binary(_, parts) => is_typed(&parts.0) && is_typed(&parts.1),
        Ast::Union(parts) => parts.iter().all(is_typed),
        Ast::Call(call) => {
            let mixes = matches!(call.function, Function::Children | Function::Descendants | Function::Repeat | Function::Resolve);
            !mixes && is_typed(&call.input) && call.arguments.iter().all(is_typed)
        }
        _ => true,
    }
}

/// The children of the focus without which the expression is empty.
fn heads(ast: &Ast) -> Names {
    match ast {
        Ast::Child(input, field) if matches!(**input, Ast::This | Ast::Root(_)) => Names::one(field.name),
        Ast::Child(input, _) | Ast::Typed(_, input, _) => heads(input),
        Ast::Item(parts) => heads(&parts.0),
        Ast::Call(call) => match call.function {
            Function::Where | Function::First | Function::Not | Function::Resolve | Function::Extension => heads(&call.input),
            _ => Names::ALL,
        },
        Ast::Union(parts) => Names(parts.iter().fold(0, |set, part| set | heads(part).0)),
        _ => Names::ALL,
    }
}

fn failed(stop: Stop) -> Error {
    match stop {
        Stop::Failed(error) => *error,
        // Whoever stops early takes that back.
        Stop::Enough => Error::Impossible("the evaluation ended early".to_owned()),
    }
}

/// Most steps of a search with an expression that could go on for ever.
const SEARCHING: u64 = 10_000_000;

#[cfg(test)]
mod tests;
