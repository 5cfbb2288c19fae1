//! FHIRPath over the tree of a resource: what search parameters need of it today.
//!
//! An expression is compiled once ([`Expression::compile`]) and evaluated over nodes without copying them. The grammar is
//! read whole where search parameters use it; a function that is not served is refused when the expression is compiled,
//! never answered wrongly. Source: <http://hl7.org/fhirpath/N1/>, <https://hl7.org/fhir/R4/fhirpath.html>.
//!
//! Invariant: no I/O; `resolve()` looks at the reference itself and at contained resources only.

mod ast;
mod eval;
mod lexer;
mod parser;
mod types;

pub use eval::Value;
pub use types::Types;

use ast::{Ast, Function, Operator};

use crate::model::schema::{Name, Schema};
use crate::model::tree::Node;

/// A compiled expression.
#[derive(Debug, Clone)]
pub struct Expression {
    root: Ast,
    heads: Names,
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

impl Expression {
    /// Compiles an expression; element names are looked up in the schema.
    ///
    /// # Errors
    /// When the text is not FHIRPath, or uses a function that is not served.
    pub fn compile(text: &str, schema: &Schema) -> Result<Self, Invalid> {
        let root = parser::parse(&lexer::tokens(text)?, schema, false)?;
        Ok(Self { heads: heads(&root), root })
    }

    /// Compiles an expression of a client: it names only elements that some type has, and evaluating it takes no longer than its
    /// length times the size of the resource, for each bracket of criteria around another.
    ///
    /// # Errors
    /// Also when it looks at the whole resource again for each item of a list.
    pub fn compile_foreign(text: &str, schema: &Schema) -> Result<Self, Invalid> {
        let root = parser::parse(&lexer::tokens(text)?, schema, true)?;
        Ok(Self { heads: heads(&root), root })
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

    /// Hands each value of the expression on `focus` to `found`, in order; `%resource` is the root of its tree.
    pub fn each<'t>(&'t self, focus: Node<'t>, mut found: impl FnMut(Value<'t>)) {
        eval::each(&self.root, &Value::Node(focus), focus.tree().root(), &mut found);
    }

    /// The values of the expression on `focus`; `%resource` is the root of its tree.
    pub fn evaluate<'t>(&'t self, focus: Node<'t>) -> Vec<Value<'t>> {
        eval::all(&self.root, &Value::Node(focus), focus.tree().root())
    }

    /// The expression without its last step, and the name of that step, if it ends with the name of an element: where a list is,
    /// and which one, whether or not it has items.
    #[must_use]
    pub fn parent(&self) -> Option<(Self, Name)> {
        match &self.root {
            Ast::Child(input, name) => Some((Self { heads: heads(input), root: (**input).clone() }, *name)),
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
        Ast::This | Ast::Root(_) | Ast::Literal(_) => true,
        Ast::Resource | Ast::Binary(Operator::Union, ..) | Ast::Call(_, Function::Resolve) => false,
        Ast::Child(input, _) | Ast::Item(input, _) | Ast::Is(input, _) | Ast::As(input, _) => goes_down(input),
        Ast::Call(input, Function::Where(criteria) | Function::Exists(Some(criteria))) => goes_down(input) && goes_down(criteria),
        Ast::Call(input, Function::Exists(None) | Function::Empty | Function::Not | Function::First | Function::Extension(_)) => {
            goes_down(input)
        }
        Ast::Binary(_, left, right) => goes_down(left) && goes_down(right),
    }
}

/// The children of the focus without which the expression is empty.
fn heads(ast: &Ast) -> Names {
    match ast {
        Ast::Child(input, name) if matches!(**input, Ast::This | Ast::Root(_)) => Names::one(*name),
        Ast::Child(input, _) | Ast::Item(input, _) | Ast::Is(input, _) | Ast::As(input, _) => heads(input),
        Ast::Call(input, Function::Where(_) | Function::First | Function::Not | Function::Resolve | Function::Extension(_)) => heads(input),
        Ast::Binary(Operator::Union, left, right) => Names(heads(left).0 | heads(right).0),
        _ => Names::ALL,
    }
}

#[cfg(test)]
mod tests;
