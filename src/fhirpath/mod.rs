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

pub use eval::Value;

use crate::model::schema::Schema;
use crate::model::tree::Node;

/// A compiled expression.
#[derive(Debug, Clone)]
pub struct Expression {
    root: ast::Ast,
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
        let tokens = lexer::tokens(text)?;
        Ok(Self { root: parser::parse(&tokens, schema)? })
    }

    /// The values of the expression on `focus`; `%resource` is the root of its tree.
    pub fn evaluate<'t>(&'t self, focus: Node<'t>) -> Vec<Value<'t>> {
        eval::evaluate(&self.root, focus)
    }
}

#[cfg(test)]
mod tests;
