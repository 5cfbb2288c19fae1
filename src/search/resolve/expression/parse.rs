//! The text of a `_filter` read by its grammar. Source: <https://hl7.org/fhir/R4/search_filter.html>.

/// Deeper expressions are refused.
const DEPTH: usize = 32;

/// A `_filter`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Expression {
    All(Vec<Expression>),
    Any(Vec<Expression>),
    Not(Box<Expression>),
    Is(Path, Operation),
}

/// `name`, or `name[filter].path`; a name may be a chain with dots.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Path {
    pub(super) name: String,
    pub(super) then: Option<(Box<Expression>, Box<Path>)>,
}

/// An operator and its value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Operation {
    pub(super) operator: String,
    value: Token,
}

impl Operation {
    /// The value as search parameters take it.
    pub(super) fn escaped(&self) -> String {
        // In a string, commas and the like stand for themselves.
        if self.value.quoted { escape(&self.value.text) } else { self.value.text.clone() }
    }

    /// Whether it is `pr false`, "the set is empty": of all to which a path leads, not of one thing on the way.
    pub(super) fn is_empty_set(&self) -> bool {
        self.operator == "pr" && self.value.text == "false"
    }

    /// The condition that there is a value.
    pub(super) fn there(&self) -> Self {
        Self { operator: "pr".to_owned(), value: Token { text: "true".to_owned(), quoted: false } }
    }

    /// The value as it was written.
    pub(super) fn value(&self) -> &str {
        &self.value.text
    }

    pub(super) fn not_served(&self, possible: &str) -> String {
        format!("\"{}\" is not served: possible are {possible}.", self.operator)
    }
}

fn escape(text: &str) -> String {
    // A bar divides system and code, as it does outside of quotation marks.
    text.chars().flat_map(|c| matches!(c, '\\' | ',' | '$').then_some('\\').into_iter().chain([c])).collect()
}

/// Reads a `_filter`.
pub(super) fn expression(text: &str) -> Result<Expression, String> {
    let tokens = tokens(text)?;
    let mut parser = Parser { tokens: &tokens };
    let expression = parser.joined(DEPTH)?;
    match parser.tokens.first() {
        None => Ok(expression),
        Some(token) => Err(format!("\"{}\" is not expected there: put \"and\" or \"or\" between conditions.", token.text)),
    }
}

/// A word, a bracket, or a string in quotation marks.
#[derive(Debug, Clone, PartialEq, Eq)]
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
    tokens: &'a [Token],
}

impl Parser<'_> {
    fn next(&mut self) -> Option<&Token> {
        let (token, rest) = self.tokens.split_first()?;
        self.tokens = rest;
        Some(token)
    }

    fn comes(&self, word: &str) -> bool {
        self.tokens.first().is_some_and(|token| !token.quoted && token.text == word)
    }

    /// Takes a word if it comes next.
    fn accept(&mut self, word: &str) -> bool {
        let found = self.comes(word);
        if found {
            self.next();
        }
        found
    }

    /// Conditions joined by `and` and `or`: from left to right, neither goes before the other.
    fn joined(&mut self, depth: usize) -> Result<Expression, String> {
        let mut left = self.term(depth)?;
        loop {
            left = if self.accept("and") {
                let right = self.term(depth)?;
                match left {
                    Expression::All(mut all) => {
                        all.push(right);
                        Expression::All(all)
                    }
                    left => Expression::All(vec![left, right]),
                }
            } else if self.accept("or") {
                let right = self.term(depth)?;
                match left {
                    Expression::Any(mut any) => {
                        any.push(right);
                        Expression::Any(any)
                    }
                    left => Expression::Any(vec![left, right]),
                }
            } else {
                return Ok(left);
            };
        }
    }

    fn term(&mut self, depth: usize) -> Result<Expression, String> {
        let inner = depth.checked_sub(1).ok_or("The expression is too deep.")?;
        let negated = self.accept("not");
        if negated || self.comes("(") {
            if !self.accept("(") {
                return Err("\"not\" is followed by a condition in brackets: not(status eq final).".to_owned());
            }
            let expression = self.joined(inner)?;
            if !self.accept(")") {
                return Err("A bracket is not closed.".to_owned());
            }
            return Ok(if negated { Expression::Not(Box::new(expression)) } else { expression });
        }
        let missing = "A condition has three parts: parameter, operator and value, for example birthdate ge 1980.";
        let name = self.next().ok_or(missing)?.text.clone();
        let path = self.path(name, inner)?;
        let operator = self.next().ok_or(missing)?.text.clone();
        let value = self.next().ok_or(missing)?.clone();
        Ok(Expression::Is(path, Operation { operator, value }))
    }

    /// Goes on with a path after its first name.
    fn path(&mut self, name: String, depth: usize) -> Result<Path, String> {
        if !self.accept("[") {
            return Ok(Path { name, then: None });
        }
        let inner = depth.checked_sub(1).ok_or("The expression is too deep.")?;
        let filter = self.joined(inner)?;
        let rest = "A filter in a path is followed by what it is for: name[use eq official].family eq \"Chalmers\".";
        if !self.accept("]") {
            return Err("A square bracket is not closed.".to_owned());
        }
        let next = self.next().filter(|token| !token.quoted).and_then(|token| token.text.strip_prefix('.')).ok_or(rest)?.to_owned();
        let next = self.path(next, inner)?;
        Ok(Path { name, then: Some((Box::new(filter), Box::new(next))) })
    }
}
