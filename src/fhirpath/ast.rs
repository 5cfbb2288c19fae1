//! The compiled form of an expression.

use crate::model::schema::Name;

/// An expression, ready to be evaluated.
#[derive(Debug, Clone)]
pub(super) enum Ast {
    /// The focus itself: `$this`, or the implied start of a path.
    This,
    /// `%resource`.
    Resource,
    /// A type name at the head of a path: the focus, if it is of that type.
    Root(Box<str>),
    /// A literal.
    Literal(Literal),
    /// Child elements of that name.
    Child(Box<Ast>, Name),
    /// One item, counted from 0.
    Item(Box<Ast>, usize),
    /// A function of a collection.
    Call(Box<Ast>, Function),
    /// `is` / `as` / `ofType` with a type.
    Is(Box<Ast>, Box<str>),
    /// The items of that type.
    As(Box<Ast>, Box<str>),
    /// Two operands.
    Binary(Operator, Box<Ast>, Box<Ast>),
}

/// A literal value.
#[derive(Debug, Clone)]
pub(super) enum Literal {
    /// `'text'`
    String(Box<str>),
    /// `true`, `false`
    Boolean(bool),
    /// A number as written.
    Number(Box<str>),
}

/// The functions that are served.
#[derive(Debug, Clone)]
pub(super) enum Function {
    /// `where(criteria)`
    Where(Box<Ast>),
    /// `exists()`, `exists(criteria)`
    Exists(Option<Box<Ast>>),
    /// `empty()`
    Empty,
    /// `not()`
    Not,
    /// `first()`
    First,
    /// `resolve()`
    Resolve,
    /// `extension(url)`
    Extension(Box<str>),
}

/// Operators with two operands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Operator {
    /// `|`
    Union,
    /// `=`
    Equal,
    /// `!=`
    NotEqual,
    /// `and`
    And,
    /// `or`
    Or,
}
