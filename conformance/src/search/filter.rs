//! `_filter`: its text taken apart, and the resources for which it holds.
//!
//! Source: <https://hl7.org/fhir/R4/search_filter.html>. Tests are told of the set of values to which a path leads; `and` and `or` go from left
//! to right.

use std::collections::BTreeSet;
use std::iter::Peekable;
use std::str::Chars;

/// A filter.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Filter {
    Not(Box<Self>),
    Both(Box<Self>, Box<Self>),
    Either(Box<Self>, Box<Self>),
    /// A path, an operator, and a value.
    Test(Path, String, String),
}

/// A path from a resource to values.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Path {
    /// A parameter, or `_has:Type:parameter:parameter`.
    pub(super) name: String,
    /// What has to hold for where it leads.
    pub(super) within: Option<Box<Filter>>,
    /// The parameters after it.
    pub(super) rest: Option<Box<Self>>,
}

impl Filter {
    /// Reads the text of a filter.
    ///
    /// # Errors
    /// If it is none.
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        let mut reader = Reader { letters: text.chars().peekable() };
        let filter = reader.logic()?;
        match reader.letters.next() {
            None => Ok(filter),
            Some(letter) => Err(format!("`{letter}` is not expected there")),
        }
    }

    /// The operators of its tests.
    #[must_use]
    pub(super) fn operators(&self) -> BTreeSet<String> {
        match self {
            Self::Not(inner) => inner.operators(),
            Self::Both(one, other) | Self::Either(one, other) => one.operators().into_iter().chain(other.operators()).collect(),
            Self::Test(path, operator, _) => {
                let within = path.within.iter().flat_map(|inner| inner.operators());
                within.chain([operator.clone()]).collect()
            }
        }
    }
}

struct Reader<'a> {
    letters: Peekable<Chars<'a>>,
}

impl Reader<'_> {
    fn logic(&mut self) -> Result<Filter, String> {
        let mut filter = self.term()?;
        loop {
            self.space();
            if !self.letters.peek().is_some_and(char::is_ascii_alphabetic) {
                return Ok(filter);
            }
            let joint = self.word();
            let next = Box::new(self.term()?);
            filter = match joint.as_str() {
                "and" => Filter::Both(Box::new(filter), next),
                "or" => Filter::Either(Box::new(filter), next),
                _ => return Err(format!("`{joint}` joins nothing")),
            };
        }
    }

    fn term(&mut self) -> Result<Filter, String> {
        self.space();
        if self.letters.peek() == Some(&'(') {
            return self.inside('(', ')');
        }
        let path = self.path()?;
        self.space();
        if path.name == "not" && self.letters.peek() == Some(&'(') {
            return Ok(Filter::Not(Box::new(self.inside('(', ')')?)));
        }
        let operator = self.word();
        self.space();
        Ok(Filter::Test(path, operator, self.value()?))
    }

    fn inside(&mut self, open: char, close: char) -> Result<Filter, String> {
        self.expect(open)?;
        let inner = self.logic()?;
        self.space();
        self.expect(close)?;
        Ok(inner)
    }

    fn path(&mut self) -> Result<Path, String> {
        let name = self.word();
        let within = match self.letters.peek() {
            Some('[') => Some(Box::new(self.inside('[', ']')?)),
            _ => None,
        };
        let rest = match self.letters.next_if_eq(&'.') {
            Some(_) => Some(Box::new(self.path()?)),
            None => None,
        };
        Ok(Path { name, within, rest })
    }

    fn value(&mut self) -> Result<String, String> {
        let mut text = String::new();
        if self.letters.peek() != Some(&'"') {
            while let Some(letter) = self.letters.next_if(|letter| !letter.is_whitespace() && !")]".contains(*letter)) {
                text.push(letter);
            }
            return Ok(text);
        }
        text.extend(self.letters.next());
        let mut escaped = false;
        for letter in self.letters.by_ref() {
            text.push(letter);
            if letter == '"' && !escaped {
                break;
            }
            escaped = letter == '\\' && !escaped;
        }
        serde_json::from_str(&text).map_err(|error| format!("{text} is no string: {error}"))
    }

    fn word(&mut self) -> String {
        let mut word = String::new();
        while let Some(letter) = self.letters.next_if(|letter| letter.is_ascii_alphanumeric() || "_-:".contains(*letter)) {
            word.push(letter);
        }
        word
    }

    fn space(&mut self) {
        while self.letters.next_if(|letter| letter.is_whitespace()).is_some() {}
    }

    fn expect(&mut self, wanted: char) -> Result<(), String> {
        match self.letters.next() {
            Some(letter) if letter == wanted => Ok(()),
            other => Err(format!("`{wanted}` is expected instead of {other:?}")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn test(name: &str, operator: &str, value: &str) -> Filter {
        Filter::Test(Path { name: name.to_owned(), within: None, rest: None }, operator.to_owned(), value.to_owned())
    }

    #[test]
    fn filters_are_taken_apart() {
        let both = |one, other| Filter::Both(Box::new(one), Box::new(other));
        let either = |one, other| Filter::Either(Box::new(one), Box::new(other));
        let check = |text: &str, expected: Filter| assert_eq!(Filter::parse(text), Ok(expected), "{text}");
        let (a, b, c) = (test("a", "eq", "1"), test("b", "co", "x) y"), test("c", "pr", "true"));
        check("a eq 1", a.clone());
        check(r#"a eq 1 or b co "x) y" and c pr true"#, both(either(a.clone(), b.clone()), c.clone()));
        check(r#"a eq 1 or (b co "x) y" and c pr true)"#, either(a.clone(), both(b, c.clone())));
        check("not(a eq 1) and c pr true", both(Filter::Not(Box::new(a.clone())), c.clone()));
        let rest = Some(Box::new(Path { name: "d".to_owned(), within: None, rest: None }));
        let path = Path { name: "s".to_owned(), within: Some(Box::new(a)), rest };
        check("s[a eq 1].d re X/1", Filter::Test(path, "re".to_owned(), "X/1".to_owned()));
        check("_has:O:p:c pr true", test("_has:O:p:c", "pr", "true"));
        for text in ["a eq 1 xor b eq 2", "(a eq 1", r#"a eq "x"#, "a eq 1)"] {
            assert!(Filter::parse(text).is_err(), "{text}");
        }
    }
}
