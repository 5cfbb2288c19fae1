//! `_filter`: conditions in one expression. Source: <https://hl7.org/fhir/R4/search_filter.html>.
//!
//! Served are `and`, `or`, `not(…)`, brackets, paths with dots, and the operators eq ne gt lt ge le sa eb ap co sw pr re in.
//! Filters inside of paths (`a[b eq c].d`), and the operators ew, po, ss and sb, are refused.

use super::super::catalog::TypeCatalog;
use super::super::plan::Filter;
use super::super::query::Criterion;
use super::Resolver;

/// Deeper expressions are refused.
const DEPTH: usize = 32;

impl Resolver<'_> {
    /// The filter of an expression.
    pub(super) fn expression(&self, text: &str, own: &TypeCatalog) -> Result<Filter, String> {
        let tokens = tokens(text)?;
        let mut parser = Parser { resolver: self, own, tokens: &tokens };
        let filter = parser.any(DEPTH)?;
        match parser.tokens.first() {
            None => Ok(filter),
            Some(token) => Err(format!("\"{}\" is not expected there: put \"and\" or \"or\" between conditions.", token.text)),
        }
    }
}

/// A word, a bracket, or a string in quotation marks.
#[derive(Debug, PartialEq, Eq)]
struct Token {
    text: String,
    quoted: bool,
}

fn tokens(text: &str) -> Result<Vec<Token>, String> {
    let mut tokens = Vec::new();
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        match c {
            _ if c.is_whitespace() => {}
            '(' | ')' | '[' | ']' => tokens.push(Token { text: c.to_string(), quoted: false }),
            '"' => {
                let mut string = String::new();
                loop {
                    match chars.next() {
                        Some('"') => break,
                        Some('\\') => string.extend(chars.next()),
                        Some(c) => string.push(c),
                        None => return Err("A string has no end: close it by a quotation mark.".to_owned()),
                    }
                }
                tokens.push(Token { text: string, quoted: true });
            }
            _ => {
                let mut word = c.to_string();
                while let Some(c) = chars.next_if(|c| !c.is_whitespace() && !matches!(c, '(' | ')' | '[' | ']' | '"')) {
                    word.push(c);
                }
                tokens.push(Token { text: word, quoted: false });
            }
        }
    }
    Ok(tokens)
}

struct Parser<'a> {
    resolver: &'a Resolver<'a>,
    own: &'a TypeCatalog,
    tokens: &'a [Token],
}

impl Parser<'_> {
    fn next(&mut self) -> Option<&Token> {
        let (token, rest) = self.tokens.split_first()?;
        self.tokens = rest;
        Some(token)
    }

    /// Takes a word if it comes next.
    fn accept(&mut self, word: &str) -> bool {
        let found = self.tokens.first().is_some_and(|token| !token.quoted && token.text == word);
        if found {
            self.next();
        }
        found
    }

    fn any(&mut self, depth: usize) -> Result<Filter, String> {
        let mut filters = vec![self.all(depth)?];
        while self.accept("or") {
            filters.push(self.all(depth)?);
        }
        Ok(super::only(filters, Filter::Any))
    }

    fn all(&mut self, depth: usize) -> Result<Filter, String> {
        let mut filters = vec![self.term(depth)?];
        while self.accept("and") {
            filters.push(self.term(depth)?);
        }
        Ok(super::only(filters, Filter::All))
    }

    fn term(&mut self, depth: usize) -> Result<Filter, String> {
        let inner = depth.checked_sub(1).ok_or("The expression is too deep.")?;
        let negated = self.accept("not");
        if negated || self.tokens.first().is_some_and(|token| !token.quoted && token.text == "(") {
            if !self.accept("(") {
                return Err("\"not\" is followed by a condition in brackets: not(status eq final).".to_owned());
            }
            let filter = self.any(inner)?;
            if !self.accept(")") {
                return Err("A bracket is not closed.".to_owned());
            }
            return Ok(if negated { Filter::Not(Box::new(filter)) } else { filter });
        }
        self.condition()
    }

    fn condition(&mut self) -> Result<Filter, String> {
        let missing = "A condition has three parts: parameter, operator and value, for example birthdate ge 1980.";
        let path = self.next().ok_or(missing)?.text.clone();
        let operator = self.next().ok_or(missing)?.text.clone();
        let value = self.next().ok_or(missing)?;
        // In a string all characters stand for themselves.
        let escaped = if value.quoted { escape(&value.text) } else { value.text.clone() };
        let (modifier, value, negated) = match operator.as_str() {
            "pr" => ("missing", if escaped == "true" { "false" } else { "true" }.to_owned(), false),
            "gt" | "lt" | "ge" | "le" | "sa" | "eb" | "ap" => ("", operator.clone() + &escaped, false),
            "eq" | "re" => ("", escaped, false),
            "ne" => ("", escaped, true),
            "co" => ("contains", escaped, false),
            "sw" => ("", escaped, false),
            "in" => ("in", escaped, false),
            _ => {
                return Err(format!("\"{operator}\" is not served: possible are eq ne gt lt ge le sa eb ap co sw pr re in."));
            }
        };
        let name = if modifier.is_empty() { path } else { format!("{path}:{modifier}") };
        let criterion = Criterion::new(&name, vec![value])?;
        let filter = self.resolver.criterion(&criterion, self.own).map_err(|issue| issue.diagnostics)?;
        Ok(if negated { Filter::Not(Box::new(filter)) } else { filter })
    }
}

fn escape(text: &str) -> String {
    text.chars().flat_map(|c| matches!(c, '\\' | ',' | '|' | '$').then_some('\\').into_iter().chain([c])).collect()
}
