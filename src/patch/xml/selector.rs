//! The part of XPath with which XML Patch names a node: steps down from the document, and conditions on them.
//!
//! Served are names, `*`, `text()`, `comment()`, `processing-instruction('x')`, a last step `@name`, and in brackets a number, `last()`,
//! or a relative path that must find something, or something with this text: `f:identifier[f:system/@value='x']`.
//! Source: RFC 5261, section 4.1; <https://www.w3.org/TR/xpath-10/>. Names without prefix are in the default namespace of the patch
//! document, unlike in XPath (section 4.2.2).

use crate::model::codec::xml::document::{Name, Node, Scope};

/// Longest selector in bytes.
const LONGEST: usize = 1000;

/// Deepest nesting of conditions.
const DEPTH: usize = 8;

/// A selector.
#[derive(Debug, Clone)]
pub(super) struct Selector {
    steps: Vec<Step>,
    attribute: Option<Name>,
}

#[derive(Debug, Clone)]
struct Step {
    test: Test,
    conditions: Vec<Condition>,
}

#[derive(Debug, Clone)]
enum Test {
    Any,
    Named(Name),
    Text,
    Comment,
    Instruction(Option<String>),
}

#[derive(Debug, Clone)]
enum Condition {
    /// It is the one with that number, counted from 1.
    Number(usize),
    /// It is the last one.
    Last,
    /// A path from it finds something, with that text if one is told. Without steps and attribute, it is meant itself.
    Holds(Selector, Option<String>),
}

/// What a selector finds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Target {
    /// The numbers of the children on the way down, from the document on.
    pub(super) path: Vec<usize>,
    /// The number of the attribute, if one is selected.
    pub(super) attribute: Option<usize>,
}

impl Selector {
    /// Reads a selector; `scope` says what its prefixes stand for.
    ///
    /// The error says what is wrong.
    pub(super) fn read(text: &str, scope: &Scope) -> Result<Self, String> {
        if text.len() > LONGEST {
            return Err(format!("the selector has more than {LONGEST} bytes"));
        }
        let mut parser = Parser { rest: text.trim(), scope, depth: 0 };
        parser.eat("/");
        let selector = parser.path()?;
        match parser.rest {
            "" if selector.steps.is_empty() => Err("the selector names no node of the document".to_owned()),
            "" => Ok(selector),
            rest => Err(format!("the selector is not understood at \"{}\"", rest.chars().take(40).collect::<String>())),
        }
    }

    /// What it finds in a document, in document order.
    pub(super) fn select(&self, document: &[Node]) -> Vec<Target> {
        let mut found: Vec<(Vec<usize>, Option<&Node>)> = vec![(Vec::new(), None)];
        for step in &self.steps {
            let mut next = Vec::new();
            for (path, node) in &found {
                for (i, child) in step.among(node.map_or(document, Node::children)) {
                    next.push(([path.as_slice(), &[i]].concat(), Some(child)));
                }
            }
            found = next;
        }
        let Some(name) = &self.attribute else {
            return found.into_iter().map(|(path, _)| Target { path, attribute: None }).collect();
        };
        let with = |(path, node): (Vec<usize>, Option<&Node>)| {
            let attribute = node?.element()?.attributes.iter().position(|attribute| attribute.name == *name)?;
            Some(Target { path, attribute: Some(attribute) })
        };
        found.into_iter().filter_map(with).collect()
    }

    /// Whether it finds something below a node, with that text if one is told.
    fn holds(&self, node: &Node, wanted: Option<&str>) -> bool {
        let mut found = vec![node];
        for step in &self.steps {
            found = found.into_iter().flat_map(|node| step.among(node.children())).map(|(_, child)| child).collect();
        }
        found.into_iter().any(|node| match &self.attribute {
            Some(name) => {
                let mut attributes = node.element().into_iter().flat_map(|element| &element.attributes);
                attributes.any(|attribute| attribute.name == *name && wanted.is_none_or(|wanted| attribute.value == wanted))
            }
            None => wanted.is_none_or(|wanted| node.text() == wanted),
        })
    }
}

impl Step {
    /// The children that pass, with their numbers.
    fn among<'d>(&self, children: &'d [Node]) -> Vec<(usize, &'d Node)> {
        let mut found: Vec<(usize, &Node)> = children.iter().enumerate().filter(|(_, node)| self.test.passes(node)).collect();
        for condition in &self.conditions {
            found = match condition {
                Condition::Number(number) => number.checked_sub(1).and_then(|at| found.get(at).copied()).into_iter().collect(),
                Condition::Last => found.last().copied().into_iter().collect(),
                Condition::Holds(path, wanted) => found.into_iter().filter(|(_, node)| path.holds(node, wanted.as_deref())).collect(),
            };
        }
        found
    }
}

impl Test {
    fn passes(&self, node: &Node) -> bool {
        match (self, node) {
            (Self::Any, Node::Element(_)) | (Self::Text, Node::Text(_)) | (Self::Comment, Node::Comment(_)) => true,
            (Self::Named(name), Node::Element(element)) => element.name == *name,
            (Self::Instruction(wanted), Node::Instruction(text)) => {
                wanted.as_ref().is_none_or(|wanted| text.split_ascii_whitespace().next() == Some(wanted.as_str()))
            }
            _ => false,
        }
    }
}

struct Parser<'a> {
    rest: &'a str,
    scope: &'a Scope,
    /// How many conditions are open.
    depth: usize,
}

impl<'a> Parser<'a> {
    fn eat(&mut self, sign: &str) -> bool {
        let rest = self.rest.trim_start();
        match rest.strip_prefix(sign) {
            Some(after) => {
                self.rest = after;
                true
            }
            None => false,
        }
    }

    fn expect(&mut self, sign: &str) -> Result<(), String> {
        if self.eat(sign) { Ok(()) } else { Err(format!("\"{sign}\" is missing in the selector")) }
    }

    /// Steps, perhaps an attribute at the end; nothing for `.`.
    fn path(&mut self) -> Result<Selector, String> {
        let mut selector = Selector { steps: Vec::new(), attribute: None };
        if self.eat(".") {
            return Ok(selector);
        }
        loop {
            if self.eat("@") {
                selector.attribute = Some(self.name(false)?);
                return Ok(selector);
            }
            selector.steps.push(self.step()?);
            if !self.eat("/") {
                return Ok(selector);
            }
        }
    }

    fn step(&mut self) -> Result<Step, String> {
        let test = if self.eat("*") {
            Test::Any
        } else if self.eat("text()") {
            Test::Text
        } else if self.eat("comment()") {
            Test::Comment
        } else if self.eat("processing-instruction(") {
            let target = if self.eat(")") { None } else { Some(self.literal().and_then(|text| self.expect(")").map(|()| text))?) };
            Test::Instruction(target)
        } else {
            Test::Named(self.name(true)?)
        };
        let mut conditions = Vec::new();
        while self.eat("[") {
            conditions.push(self.condition()?);
            self.expect("]")?;
        }
        Ok(Step { test, conditions })
    }

    fn condition(&mut self) -> Result<Condition, String> {
        self.rest = self.rest.trim_start();
        if self.eat("last()") {
            return Ok(Condition::Last);
        }
        let digits = self.run(|c| c.is_ascii_digit());
        if !digits.is_empty() {
            return digits.parse().map(Condition::Number).map_err(|_| "a number in the selector is too large".to_owned());
        }
        self.depth += 1;
        if self.depth > DEPTH {
            return Err("conditions in the selector are nested too deeply".to_owned());
        }
        let path = self.path()?;
        self.depth -= 1;
        let wanted = if self.eat("=") { Some(self.literal()?) } else { None };
        Ok(Condition::Holds(path, wanted))
    }

    fn literal(&mut self) -> Result<String, String> {
        self.rest = self.rest.trim_start();
        let quoted = ['\'', '"'].into_iter().find_map(|quote| self.rest.strip_prefix(quote)?.split_once(quote));
        let (text, rest) = quoted.ok_or("a text in quotes is missing in the selector")?;
        self.rest = rest;
        Ok(text.to_owned())
    }

    /// A name with its namespace; the default namespace is for elements only.
    fn name(&mut self, element: bool) -> Result<Name, String> {
        self.rest = self.rest.trim_start();
        let first = self.run(is_name).to_owned();
        if self.rest.starts_with("::") {
            return Err("axes such as namespace:: are not possible in the selector".to_owned());
        }
        let (prefix, local) = if self.eat(":") { (first, self.run(is_name).to_owned()) } else { (String::new(), first) };
        if local.is_empty() {
            return Err("the name of an element or attribute is missing in the selector".to_owned());
        }
        if prefix.is_empty() && !element {
            return Ok(Name { prefix, local, namespace: None });
        }
        let namespace = self.scope.namespace(&prefix).ok_or_else(|| format!("the prefix \"{prefix}\" is not declared in the patch"))?;
        Ok(Name { prefix, local, namespace })
    }

    fn run(&mut self, belongs: impl Fn(char) -> bool) -> &'a str {
        let end = self.rest.find(|c| !belongs(c)).unwrap_or(self.rest.len());
        let (run, rest) = self.rest.split_at(end);
        self.rest = rest;
        run
    }
}

/// The characters of a name without colon (<https://www.w3.org/TR/xml-names/#NT-NCName>), beyond ASCII a little more than these.
pub(super) fn is_name(c: char) -> bool {
    c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.') || !c.is_ascii()
}
