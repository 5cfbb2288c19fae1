//! The compiled form of an expression.

use super::duration::CalendarUnit;
use super::functions::Function;
use super::functions::pattern::Pattern;
use super::moment::Moment;
use super::number::Number;
use super::type_name::TypeName;
use crate::model::schema::Name;

/// An expression, ready to be evaluated.
#[derive(Debug, Clone)]
pub(super) enum Ast {
    /// The focus itself: `$this`, or the implied start of a path.
    This,
    /// `$index`
    Index,
    /// `$total`
    Total,
    /// `{}`
    Empty,
    /// `%name`
    Variable(Variable),
    /// A type name at the head of a path: the focus, if it is of that type.
    Root(TypeName),
    /// A literal.
    Literal(Literal),
    /// Child elements of that name.
    Child(Box<Ast>, Field),
    /// One item, counted from 0.
    Item(Box<(Ast, Ast)>),
    /// A function of a collection.
    Call(Box<Call>),
    /// `is`, `as`, `ofType` with a type.
    Typed(How, Box<Ast>, TypeName),
    /// `a | b | c`
    Union(Vec<Ast>),
    /// Two operands.
    Binary(Operator, Box<(Ast, Ast)>),
    /// `-x`
    Negative(Box<Ast>),
}

/// An element's name: its number in the schema, and its text, which no type may have.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Field {
    pub(super) name: Name,
    pub(super) text: Box<str>,
}

/// A function with its input and arguments.
#[derive(Debug, Clone)]
pub(super) struct Call {
    pub(super) function: Function,
    pub(super) input: Ast,
    pub(super) arguments: Vec<Ast>,
    /// The regular expression that the first argument is, compiled, if it is told as a literal.
    pub(super) pattern: Option<Pattern>,
}

/// What `%name` stands for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Variable {
    /// The resource that the focus is in.
    Resource,
    /// The resource that contains that one, or the same.
    RootResource,
    /// What the expression was given to begin with.
    Context,
    /// A text of its own: `%ucum`, `%vs-…`; the name, and the text.
    Text(Box<str>, Box<str>),
    /// What the caller or `defineVariable()` names so.
    Named(Box<str>),
}

/// How a type is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum How {
    /// Whether the value is of the type.
    Is,
    /// The value, if it is of the type.
    As,
    /// The values of that type.
    OfType,
}

/// A literal value.
#[derive(Debug, Clone)]
pub(super) enum Literal {
    /// `'text'`
    String(Box<str>),
    /// `true`, `false`
    Boolean(bool),
    /// `42`
    Integer(i64),
    /// `4.20`
    Decimal(Number),
    /// `@2015-02`, `@T12:00`
    Moment(Moment),
    /// `4 'mg'`
    Quantity(Number, Box<str>),
    /// `4 days`
    Duration(Number, CalendarUnit, Box<str>),
}

/// Operators with two operands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Operator {
    Implies,
    Or,
    Xor,
    And,
    In,
    Contains,
    Equal,
    NotEqual,
    Equivalent,
    NotEquivalent,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
    Plus,
    Minus,
    Concatenate,
    Times,
    Over,
    Div,
    Mod,
}

/// The operators as they are written, with how strongly they bind. `|` binds with 7, `is` and `as` with 8.
pub(super) const OPERATORS: [(&str, Operator, u8); 21] = [
    ("implies", Operator::Implies, 1),
    ("or", Operator::Or, 2),
    ("xor", Operator::Xor, 2),
    ("and", Operator::And, 3),
    ("in", Operator::In, 4),
    ("contains", Operator::Contains, 4),
    ("=", Operator::Equal, 5),
    ("!=", Operator::NotEqual, 5),
    ("~", Operator::Equivalent, 5),
    ("!~", Operator::NotEquivalent, 5),
    ("<", Operator::Less, 6),
    ("<=", Operator::LessOrEqual, 6),
    (">", Operator::Greater, 6),
    (">=", Operator::GreaterOrEqual, 6),
    ("+", Operator::Plus, 9),
    ("-", Operator::Minus, 9),
    ("&", Operator::Concatenate, 9),
    ("*", Operator::Times, 10),
    ("/", Operator::Over, 10),
    ("div", Operator::Div, 10),
    ("mod", Operator::Mod, 10),
];

/// How strongly `|` binds.
pub(super) const UNION: u8 = 7;
/// How strongly `is` and `as` bind.
pub(super) const TYPED: u8 = 8;
