//! Expressions as text again: what is printed compiles to the same expression.

use std::fmt::{self, Display, Formatter};

use super::Expression;
use super::ast::{Ast, Call, Field, How, Literal, OPERATORS, Variable};
use super::moment::{MomentKind, Precision};
use super::type_name::TypeName;

impl Display for Expression {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.root)
    }
}

impl Display for Ast {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Self::This => f.write_str("$this"),
            Self::Index => f.write_str("$index"),
            Self::Total => f.write_str("$total"),
            Self::Empty => f.write_str("{}"),
            Self::Variable(Variable::Resource) => f.write_str("%resource"),
            Self::Variable(Variable::RootResource) => f.write_str("%rootResource"),
            Self::Variable(Variable::Context) => f.write_str("%context"),
            Self::Variable(Variable::Text(name, _) | Variable::Named(name)) => {
                f.write_str("%")?;
                quoted(name, '`', f)
            }
            Self::Root(ty) => quoted(&ty.name, '`', f),
            Self::Literal(literal) => write!(f, "{literal}"),
            Self::Child(input, Field { text, .. }) => {
                write!(f, "{}.", Operand(input))?;
                quoted(text, '`', f)
            }
            Self::Item(parts) => write!(f, "{}[{}]", Operand(&parts.0), parts.1),
            Self::Call(call) => write!(f, "{call}"),
            Self::Typed(how, input, ty) => {
                let name = match how {
                    How::Is => "is",
                    How::As => "as",
                    How::OfType => "ofType",
                };
                write!(f, "{}.{name}({ty})", Operand(input))
            }
            Self::Union(parts) => {
                for (i, part) in parts.iter().enumerate() {
                    f.write_str(if i > 0 { " | " } else { "" })?;
                    write!(f, "{}", Operand(part))?;
                }
                Ok(())
            }
            Self::Binary(operator, sides) => {
                let sign = OPERATORS.iter().find(|(_, other, _)| other == operator).map_or("", |(sign, ..)| sign);
                write!(f, "{} {sign} {}", Operand(&sides.0), Operand(&sides.1))
            }
            Self::Negative(input) => write!(f, "-{}", Operand(input)),
        }
    }
}

/// Part of another expression, in brackets where that is needed.
struct Operand<'a>(&'a Ast);

impl Display for Operand<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self.0 {
            ast @ (Ast::Union(_) | Ast::Binary(..) | Ast::Negative(_) | Ast::Literal(_)) => write!(f, "({ast})"),
            ast => write!(f, "{ast}"),
        }
    }
}

impl Display for Call {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}(", Operand(&self.input), self.function.name())?;
        for (i, argument) in self.arguments.iter().enumerate() {
            f.write_str(if i > 0 { ", " } else { "" })?;
            write!(f, "{argument}")?;
        }
        f.write_str(")")
    }
}

impl Display for TypeName {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        if let Some(namespace) = self.namespace {
            write!(f, "{namespace}.")?;
        }
        quoted(&self.name, '`', f)
    }
}

impl Display for Literal {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Self::String(text) => quoted(text, '\'', f),
            Self::Boolean(value) => write!(f, "{value}"),
            Self::Integer(value) => write!(f, "{value}"),
            Self::Decimal(number) => write!(f, "{number}"),
            Self::Moment(moment) => {
                let date_alone = moment.kind == MomentKind::DateTime && moment.precision <= Precision::Day;
                let before = if moment.kind == MomentKind::Time { "T" } else { "" };
                write!(f, "@{before}{moment}{}", if date_alone { "T" } else { "" })
            }
            Self::Quantity(number, unit) => {
                write!(f, "{number} ")?;
                quoted(unit, '\'', f)
            }
            Self::Duration(number, _, word) => write!(f, "{number} {word}"),
        }
    }
}

fn quoted(text: &str, quote: char, f: &mut Formatter<'_>) -> fmt::Result {
    write!(f, "{quote}")?;
    for c in text.chars() {
        match c {
            '\n' => f.write_str("\\n")?,
            '\r' => f.write_str("\\r")?,
            '\t' => f.write_str("\\t")?,
            '\u{c}' => f.write_str("\\f")?,
            '\\' => f.write_str("\\\\")?,
            c if c == quote => write!(f, "\\{c}")?,
            c => write!(f, "{c}")?,
        }
    }
    write!(f, "{quote}")
}
