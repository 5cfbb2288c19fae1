//! Tokens to the compiled form, by precedence. Source: <http://hl7.org/fhirpath/N1/#operator-precedence>.

use super::Invalid;
use super::ast::{Ast, Call, Field, How, Literal, OPERATORS, Operator, TYPED, UNION, Variable};
use super::duration::CalendarUnit;
use super::functions::pattern::Pattern;
use super::functions::{Function, Signature};
use super::lexer::{Kind, Token};
use super::number::Number;
use super::type_name::TypeName;
use crate::model::schema::{Name, Schema};

/// Deepest nesting of brackets; the invariants of R4 need six.
const DEPTH: usize = 40;
/// Most steps and operators that stand in one another; more could not be evaluated on a thread's stack.
const HEIGHT: usize = 160;

/// Most that compiling regular expressions may cost: so many small ones.
const PATTERNS: u64 = 512;

/// Parses a whole expression.
///
/// With `foreign`, names must be those of elements, criteria do not look at the whole resource, and only functions are known that
/// take no longer than their input.
pub(super) fn parse(tokens: &[Token], schema: &Schema, foreign: bool) -> Result<Ast, Invalid> {
    let mut parser = Parser { tokens, at: 0, depth: 0, height: 0, criteria: 0, patterns: 0, foreign, schema };
    let ast = parser.expression(0)?;
    match parser.peek() {
        None => Ok(ast),
        Some(_) => parser.fail("something is left over here"),
    }
}

struct Parser<'a> {
    tokens: &'a [Token],
    at: usize,
    depth: usize,
    /// How many nodes of what was parsed last stand in one another.
    height: usize,
    /// In how many brackets of criteria the parser is.
    criteria: usize,
    /// What compiling its regular expressions has cost.
    patterns: u64,
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

    /// Notes that what was parsed last stands in a node, beside something of that height.
    fn wrap(&mut self, other: usize) -> Result<(), Invalid> {
        self.height = self.height.max(other) + 1;
        if self.height > HEIGHT { self.fail("the expression is nested too deeply") } else { Ok(()) }
    }

    fn operator(&self) -> Option<(Option<Operator>, u8)> {
        let text = match self.peek()? {
            Kind::Name(text) => text.as_str(),
            Kind::Sign(text) => text,
            _ => return None,
        };
        match text {
            "|" => Some((None, UNION)),
            "is" | "as" => Some((None, TYPED)),
            text => OPERATORS.iter().find(|(word, ..)| *word == text).map(|(_, operator, strength)| (Some(*operator), *strength)),
        }
    }

    /// An expression of operators that bind at least so strongly.
    fn expression(&mut self, least: u8) -> Result<Ast, Invalid> {
        self.depth += 1;
        if self.depth > DEPTH {
            return self.fail("the expression is nested too deeply");
        }
        let mut left = self.polarity()?;
        while let Some((operator, strength)) = self.operator().filter(|(_, strength)| *strength >= least) {
            let height = self.height;
            if self.foreign && !matches!(operator, None | Some(Operator::Equal | Operator::NotEqual | Operator::And | Operator::Or)) {
                return self.fail("this operator is not served here: possible are =, !=, and, or, | and is");
            }
            let is = matches!(self.peek(), Some(Kind::Name(word)) if word == "is");
            self.at += 1;
            left = match operator {
                None if strength == TYPED => {
                    let how = if is { How::Is } else { How::As };
                    Ast::Typed(how, Box::new(left), self.type_name()?)
                }
                None => {
                    let right = self.expression(strength + 1)?;
                    match left {
                        Ast::Union(mut parts) => {
                            parts.push(right);
                            Ast::Union(parts)
                        }
                        left => Ast::Union(vec![left, right]),
                    }
                }
                Some(operator) => Ast::Binary(operator, Box::new((left, self.expression(strength + 1)?))),
            };
            self.wrap(height)?;
        }
        self.depth -= 1;
        Ok(left)
    }

    fn polarity(&mut self) -> Result<Ast, Invalid> {
        let mut negative = None;
        while let Some(Kind::Sign(sign @ ("-" | "+"))) = self.peek() {
            self.at += 1;
            negative = Some(negative.unwrap_or(false) != (*sign == "-"));
        }
        let path = self.path()?;
        Ok(match negative {
            None => path,
            Some(negative) => {
                self.wrap(0)?;
                // A plus asks for a number as a minus does.
                let turned = Ast::Negative(Box::new(path));
                if negative { turned } else { Ast::Negative(Box::new(turned)) }
            }
        })
    }

    fn type_name(&mut self) -> Result<TypeName, Invalid> {
        let Some(Kind::Name(first) | Kind::Quoted(first)) = self.peek() else { return self.fail("the name of a type is missing") };
        self.at += 1;
        if !(matches!(first.as_str(), "FHIR" | "System") && self.eat(".")) {
            return Ok(TypeName::new(None, first, self.schema));
        }
        let Some(Kind::Name(second) | Kind::Quoted(second)) = self.peek() else { return self.fail("the name of a type is missing") };
        self.at += 1;
        Ok(TypeName::new(Some(first), second, self.schema))
    }

    fn path(&mut self) -> Result<Ast, Invalid> {
        let mut ast = self.head()?;
        loop {
            if self.eat(".") {
                let Some(Kind::Name(name) | Kind::Quoted(name)) = self.peek() else {
                    return self.fail("the name of an element or function is missing");
                };
                self.at += 1;
                ast = self.step(ast, name)?;
            } else if self.eat("[") {
                let height = self.height;
                let number = self.expression(0)?;
                self.expect("]")?;
                if self.foreign && !matches!(number, Ast::Literal(Literal::Integer(_))) {
                    self.at -= 1;
                    return self.fail("this is not the number of an item");
                }
                ast = Ast::Item(Box::new((ast, number)));
                self.wrap(height)?;
            } else {
                return Ok(ast);
            }
        }
    }

    fn head(&mut self) -> Result<Ast, Invalid> {
        let Some(kind) = self.peek() else { return self.fail("the expression ends too early") };
        self.at += 1;
        self.height = 1;
        Ok(match kind {
            Kind::Sign("(") => {
                let inner = self.expression(0)?;
                self.expect(")")?;
                inner
            }
            Kind::Sign("{") => {
                self.expect("}")?;
                Ast::Empty
            }
            Kind::Special(name) if name == "this" => Ast::This,
            Kind::Special(name) => {
                if name == "index" {
                    Ast::Index
                } else {
                    Ast::Total
                }
            }
            Kind::Variable(_) if self.foreign && self.criteria > 0 => {
                self.at -= 1;
                return self.fail("criteria that look at the whole resource again are not served");
            }
            Kind::Variable(name) => {
                let variable = variable(name);
                if self.foreign && matches!(variable, Variable::Named(_)) {
                    self.at -= 1;
                    return self.fail(format!("there is no variable %{name}"));
                }
                Ast::Variable(variable)
            }
            Kind::String(text) => Ast::Literal(Literal::String(text.as_str().into())),
            Kind::Number(text) => Ast::Literal(self.number(text)?),
            Kind::Moment(moment) => Ast::Literal(Literal::Moment(*moment)),
            Kind::Name(name) if name == "true" => Ast::Literal(Literal::Boolean(true)),
            Kind::Name(name) if name == "false" => Ast::Literal(Literal::Boolean(false)),
            Kind::Name(name) | Kind::Quoted(name)
                if name.starts_with(|c: char| c.is_ascii_uppercase()) && !matches!(self.peek(), Some(Kind::Sign("("))) =>
            {
                Ast::Root(TypeName::new(None, name, self.schema))
            }
            Kind::Name(name) | Kind::Quoted(name) => self.step(Ast::This, name)?,
            Kind::Sign(_) => {
                self.at -= 1;
                return self.fail("an expression cannot start here");
            }
        })
    }

    /// A number, with its unit if one follows.
    fn number(&mut self, text: &str) -> Result<Literal, Invalid> {
        let too_long = "the number has too many digits";
        let Some(number) = Number::read(text) else { return self.fail(too_long) };
        match self.peek() {
            Some(Kind::String(unit)) => {
                self.at += 1;
                return Ok(Literal::Quantity(number, unit.as_str().into()));
            }
            Some(Kind::Name(word)) => {
                if let Some(unit) = CalendarUnit::named(word) {
                    self.at += 1;
                    return Ok(Literal::Duration(number, unit, word.as_str().into()));
                }
            }
            _ => {}
        }
        Ok(match number.to_whole().filter(|_| !text.contains('.')) {
            Some(whole) => Literal::Integer(whole),
            None => Literal::Decimal(number),
        })
    }

    /// An element or a function after its input.
    fn step(&mut self, input: Ast, name: &str) -> Result<Ast, Invalid> {
        if !self.eat("(") {
            // A name that no type has can be compiled: it never finds anything.
            let known = self.schema.name_id(name);
            if known.is_none() && self.foreign {
                self.at -= 1;
                return self
                    .fail(format!("no type of R4 has an element \"{name}\" (a choice goes by its name alone: value, not valueString)"));
            }
            self.wrap(0)?;
            return Ok(Ast::Child(Box::new(input), Field { name: known.unwrap_or(Name::NONE), text: name.into() }));
        }
        if let Some(how) = [("is", How::Is), ("as", How::As), ("ofType", How::OfType)].into_iter().find(|(word, _)| *word == name) {
            self.wrap(0)?;
            let ty = self.type_name()?;
            self.expect(")")?;
            return Ok(Ast::Typed(how.1, Box::new(input), ty));
        }
        let Some(signature) = Signature::named(name).filter(|signature| signature.foreign || !self.foreign) else {
            return self.fail(format!("the function {name}() is not served"));
        };
        self.call(input, signature)
    }

    fn call(&mut self, input: Ast, signature: &Signature) -> Result<Ast, Invalid> {
        let mut height = self.height;
        let mut arguments = Vec::new();
        self.criteria += 1;
        while !matches!(self.peek(), Some(Kind::Sign(")"))) {
            if !arguments.is_empty() {
                self.expect(",")?;
            }
            let mut argument = self.expression(0)?;
            height = height.max(self.height);
            if signature.function == Function::Sort && !self.word("asc") && self.word("desc") {
                argument = Ast::Negative(Box::new(argument));
                height += 1;
            }
            arguments.push(argument);
            if arguments.len() > signature.most {
                break;
            }
        }
        self.criteria -= 1;
        let count = arguments.len();
        if count < signature.least || count > signature.most {
            let wanted = if signature.least == signature.most {
                signature.least.to_string()
            } else {
                format!("{} to {}", signature.least, signature.most)
            };
            return self.fail(format!("{}() takes {wanted} arguments", signature.name));
        }
        self.expect(")")?;
        self.height = height;
        self.wrap(0)?;
        let pattern = match (signature.function, arguments.first()) {
            (Function::Matches | Function::MatchesFull | Function::ReplaceMatches, Some(Ast::Literal(Literal::String(text)))) => {
                let whole = signature.function == Function::MatchesFull;
                match Pattern::new(text, whole) {
                    Ok(pattern) => {
                        self.patterns += pattern.cost();
                        if self.patterns > PATTERNS {
                            return self.fail("the expression has too many regular expressions");
                        }
                        Some(pattern)
                    }
                    Err(reason) => return self.fail(reason),
                }
            }
            (Function::Extension | Function::HasExtension, Some(argument))
                if self.foreign && !matches!(argument, Ast::Literal(Literal::String(_))) =>
            {
                return self.fail("the url of an extension is missing");
            }
            _ => None,
        };
        Ok(Ast::Call(Box::new(Call { function: signature.function, input, arguments, pattern })))
    }
}

/// What a name after `%` stands for.
fn variable(name: &str) -> Variable {
    let text = match name {
        "resource" => return Variable::Resource,
        "rootResource" => return Variable::RootResource,
        "context" => return Variable::Context,
        "ucum" => "http://unitsofmeasure.org".to_owned(),
        "sct" => "http://snomed.info/sct".to_owned(),
        "loinc" => "http://loinc.org".to_owned(),
        name => {
            if let Some(set) = name.strip_prefix("vs-") {
                format!("http://hl7.org/fhir/ValueSet/{set}")
            } else if let Some(extension) = name.strip_prefix("ext-") {
                format!("http://hl7.org/fhir/StructureDefinition/{extension}")
            } else {
                return Variable::Named(name.into());
            }
        }
    };
    Variable::Text(name.into(), text.as_str().into())
}
