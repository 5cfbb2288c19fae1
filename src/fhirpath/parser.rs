//! Tokens to the compiled form, by precedence. Source: <http://hl7.org/fhirpath/N1/#operator-precedence>.

use super::Invalid;
use super::ast::{Ast, Function, Literal, Operator};
use super::lexer::{Kind, Token};
use crate::model::schema::{Name, Schema};

/// Deepest nesting of an expression; search parameters need three.
const DEPTH: usize = 64;

/// Parses a whole expression.
///
/// With `foreign`, names must be those of elements, and criteria do not look at the whole resource.
pub(super) fn parse(tokens: &[Token], schema: &Schema, foreign: bool) -> Result<Ast, Invalid> {
    let mut parser = Parser { tokens, at: 0, depth: 0, criteria: 0, foreign, schema };
    let ast = parser.or()?;
    match parser.peek() {
        None => Ok(ast),
        Some(_) => parser.fail("something is left over here"),
    }
}

struct Parser<'a> {
    tokens: &'a [Token],
    at: usize,
    depth: usize,
    /// In how many brackets of criteria the parser is.
    criteria: usize,
    foreign: bool,
    schema: &'a Schema,
}

impl<'a> Parser<'a> {
    fn peek(&self) -> Option<&'a Kind> {
        self.tokens.get(self.at).map(|token| &token.kind)
    }

    fn fail<T>(&self, reason: impl Into<String>) -> Result<T, Invalid> {
        let end = || self.tokens.last().map_or(1, |token| token.column + 1);
        let column = self.tokens.get(self.at).map_or_else(end, |token| token.column);
        Err(Invalid { column, reason: reason.into() })
    }

    fn eat(&mut self, sign: &str) -> bool {
        let found = matches!(self.peek(), Some(Kind::Sign(s)) if *s == sign);
        self.at += usize::from(found);
        found
    }

    fn word(&mut self, word: &str) -> bool {
        let found = matches!(self.peek(), Some(Kind::Name(name)) if name == word);
        self.at += usize::from(found);
        found
    }

    fn expect(&mut self, sign: &'static str) -> Result<(), Invalid> {
        if self.eat(sign) { Ok(()) } else { self.fail(format!("'{sign}' is missing")) }
    }

    fn criteria(&mut self) -> Result<Box<Ast>, Invalid> {
        self.criteria += 1;
        let criteria = self.or()?;
        self.criteria -= 1;
        Ok(Box::new(criteria))
    }

    fn or(&mut self) -> Result<Ast, Invalid> {
        self.depth += 1;
        if self.depth > DEPTH {
            return self.fail("the expression is nested too deeply");
        }
        let mut left = self.and()?;
        while self.word("or") {
            left = Ast::Binary(Operator::Or, Box::new(left), Box::new(self.and()?));
        }
        self.depth -= 1;
        Ok(left)
    }

    fn and(&mut self) -> Result<Ast, Invalid> {
        let mut left = self.equality()?;
        while self.word("and") {
            left = Ast::Binary(Operator::And, Box::new(left), Box::new(self.equality()?));
        }
        Ok(left)
    }

    fn equality(&mut self) -> Result<Ast, Invalid> {
        let mut left = self.union()?;
        loop {
            let operator = if self.eat("=") {
                Operator::Equal
            } else if self.eat("!=") {
                Operator::NotEqual
            } else {
                return Ok(left);
            };
            left = Ast::Binary(operator, Box::new(left), Box::new(self.union()?));
        }
    }

    fn union(&mut self) -> Result<Ast, Invalid> {
        let mut left = self.typed()?;
        while self.eat("|") {
            left = Ast::Binary(Operator::Union, Box::new(left), Box::new(self.typed()?));
        }
        Ok(left)
    }

    fn typed(&mut self) -> Result<Ast, Invalid> {
        let mut left = self.path()?;
        loop {
            if self.word("is") {
                left = Ast::Is(Box::new(left), self.type_name()?);
            } else if self.word("as") {
                left = Ast::As(Box::new(left), self.type_name()?);
            } else {
                return Ok(left);
            }
        }
    }

    fn type_name(&mut self) -> Result<Box<str>, Invalid> {
        let Some(Kind::Name(first)) = self.peek() else { return self.fail("the name of a type is missing") };
        self.at += 1;
        if !self.eat(".") {
            return Ok(first.as_str().into());
        }
        let Some(Kind::Name(second)) = self.peek() else { return self.fail("the name of a type is missing") };
        self.at += 1;
        Ok(second.as_str().into())
    }

    fn path(&mut self) -> Result<Ast, Invalid> {
        let mut ast = self.head()?;
        loop {
            if self.eat(".") {
                let Some(Kind::Name(name)) = self.peek() else { return self.fail("the name of an element or function is missing") };
                self.at += 1;
                ast = self.step(ast, name)?;
            } else if self.eat("[") {
                let Some(Kind::Number(number)) = self.peek() else { return self.fail("a number is missing") };
                let Ok(number) = number.parse() else { return self.fail("this is not the number of an item") };
                self.at += 1;
                self.expect("]")?;
                ast = Ast::Item(Box::new(ast), number);
            } else {
                return Ok(ast);
            }
        }
    }

    fn head(&mut self) -> Result<Ast, Invalid> {
        let Some(kind) = self.peek() else { return self.fail("the expression ends too early") };
        self.at += 1;
        Ok(match kind {
            Kind::Sign("(") => {
                let inner = self.or()?;
                self.expect(")")?;
                inner
            }
            Kind::This => Ast::This,
            Kind::Variable(_) if self.foreign && self.criteria > 0 => {
                self.at -= 1;
                return self.fail("criteria that look at the whole resource again are not served");
            }
            Kind::Variable(name) if name == "resource" || name == "context" => Ast::Resource,
            Kind::String(text) => Ast::Literal(Literal::String(text.as_str().into())),
            Kind::Number(text) => Ast::Literal(Literal::Number(text.as_str().into())),
            Kind::Name(name) if name == "true" => Ast::Literal(Literal::Boolean(true)),
            Kind::Name(name) if name == "false" => Ast::Literal(Literal::Boolean(false)),
            Kind::Name(name) if name.starts_with(|c: char| c.is_ascii_uppercase()) => Ast::Root(name.as_str().into()),
            Kind::Name(name) => self.step(Ast::This, name)?,
            _ => {
                self.at -= 1;
                return self.fail("an expression cannot start here");
            }
        })
    }

    /// An element or a function after its input.
    fn step(&mut self, input: Ast, name: &str) -> Result<Ast, Invalid> {
        let input = Box::new(input);
        if !self.eat("(") {
            // A name that no type has can be compiled: it never finds anything.
            let known = self.schema.name_id(name);
            if known.is_none() && self.foreign {
                self.at -= 1;
                return self
                    .fail(format!("no type of R4 has an element \"{name}\" (a choice goes by its name alone: value, not valueString)"));
            }
            return Ok(Ast::Child(input, known.unwrap_or(Name::NONE)));
        }
        let function = match name {
            "as" | "ofType" | "is" => {
                let ty = self.type_name()?;
                self.expect(")")?;
                return Ok(if name == "is" { Ast::Is(input, ty) } else { Ast::As(input, ty) });
            }
            "where" => Function::Where(self.criteria()?),
            "exists" => Function::Exists(if matches!(self.peek(), Some(Kind::Sign(")"))) { None } else { Some(self.criteria()?) }),
            "empty" => Function::Empty,
            "not" => Function::Not,
            "first" => Function::First,
            "resolve" => Function::Resolve,
            "extension" | "hasExtension" => {
                let Some(Kind::String(url)) = self.peek() else { return self.fail("the url of an extension is missing") };
                self.at += 1;
                Function::Extension(url.as_str().into())
            }
            other => return self.fail(format!("the function {other}() is not served")),
        };
        self.expect(")")?;
        let call = Ast::Call(input, function);
        Ok(if name == "hasExtension" { Ast::Call(Box::new(call), Function::Exists(None)) } else { call })
    }
}
