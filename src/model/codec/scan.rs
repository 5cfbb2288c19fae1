//! JSON syntax (RFC 8259), strictly: bytes become minified text and untyped nodes.
//!
//! Strings and numbers are copied as written, so decimals keep their digits. Depth is bounded, so that no input can exhaust
//! the stack; the scanner itself keeps its own stack.

use crate::model::outcome::{Issue, IssueType};
use crate::model::schema::{Name, TypeId};
use crate::model::tree::{Shape, Stored};

/// What the scanner makes of a document.
pub(super) struct Scanned {
    /// The text without white space between tokens.
    pub(super) text: Vec<u8>,
    /// Nodes in document order, names and types not yet known.
    pub(super) nodes: Vec<Stored>,
    /// The span of each node's key in `text`, without quotes; empty for array items and the root.
    pub(super) keys: Vec<(u32, u32)>,
}

/// Why and where the scanner stopped.
pub(super) struct Fault {
    at: usize,
    reason: &'static str,
}

impl Fault {
    /// Tells line and column (1-based, in characters).
    pub(super) fn issue(&self, bytes: &[u8]) -> Issue {
        let before = bytes.get(..self.at).unwrap_or(bytes);
        let line = before.iter().filter(|b| **b == b'\n').count() + 1;
        let column = before.iter().rev().take_while(|b| **b != b'\n').filter(|b| **b & 0xC0 != 0x80).count() + 1;
        let location = format!("line {line}, column {column}");
        let diagnostics = format!("The JSON is broken at {location}: {}", self.reason);
        Issue { location, ..Issue::error(IssueType::Structure, "", diagnostics) }
    }
}

struct Scanner<'a> {
    input: &'a [u8],
    at: usize,
    text: Vec<u8>,
    nodes: Vec<Stored>,
    keys: Vec<(u32, u32)>,
    /// The objects and arrays that are not closed yet.
    open: Vec<u32>,
}

/// Scans one JSON object and nothing after it.
pub(super) fn scan(input: &[u8], depth: usize) -> Result<Scanned, Fault> {
    if u32::try_from(input.len()).is_err() {
        return Err(Fault { at: 0, reason: "the document is larger than 4 GiB" });
    }
    let start = if input.starts_with(b"\xEF\xBB\xBF") { 3 } else { 0 };
    if let Err(fault) = std::str::from_utf8(input) {
        return Err(Fault { at: fault.valid_up_to(), reason: "these bytes are not UTF-8" });
    }
    let mut scanner = Scanner {
        input,
        at: start,
        text: Vec::with_capacity(input.len()),
        nodes: Vec::with_capacity(input.len() / 24 + 4),
        keys: Vec::with_capacity(input.len() / 24 + 4),
        open: Vec::with_capacity(16),
    };
    scanner.space();
    if scanner.peek() != Some(b'{') {
        return Err(scanner.fault("a resource is a JSON object and starts with '{'"));
    }
    scanner.document(depth)?;
    scanner.space();
    if scanner.at < input.len() {
        return Err(scanner.fault("there is more text after the end of the resource"));
    }
    Ok(Scanned { text: scanner.text, nodes: scanner.nodes, keys: scanner.keys })
}

impl Scanner<'_> {
    fn fault(&self, reason: &'static str) -> Fault {
        Fault { at: self.at, reason }
    }

    fn peek(&self) -> Option<u8> {
        self.input.get(self.at).copied()
    }

    fn space(&mut self) {
        while let Some(b' ' | b'\n' | b'\r' | b'\t') = self.peek() {
            self.at += 1;
        }
    }

    fn take(&mut self, byte: u8) {
        self.text.push(byte);
        self.at += 1;
    }

    fn mark(&self) -> u32 {
        u32::try_from(self.text.len()).unwrap_or(u32::MAX)
    }

    fn next(&self) -> u32 {
        u32::try_from(self.nodes.len()).unwrap_or(u32::MAX)
    }

    fn top(&self) -> Option<Shape> {
        self.open.last().and_then(|top| self.nodes.get(*top as usize)).map(|node| node.shape)
    }

    fn push(&mut self, shape: Shape, start: u32, key: (u32, u32)) {
        let next = self.next() + 1;
        let around = self.open.last().copied().unwrap_or(0);
        self.nodes.push(Stored { start, end: self.mark(), next, around, name: Name::NONE, ty: TypeId::NONE, shape, shadow: false });
        self.keys.push(key);
    }

    /// Reads values without recursion.
    fn document(&mut self, depth: usize) -> Result<(), Fault> {
        loop {
            // At the start of a value, or of a key inside an object.
            let key = match self.top() {
                Some(Shape::Object) => self.key()?,
                _ => (0, 0),
            };
            match self.peek() {
                Some(bracket @ (b'{' | b'[')) => {
                    if self.open.len() >= depth {
                        return Err(self.fault("objects and arrays are nested too deeply"));
                    }
                    let start = self.mark();
                    self.take(bracket);
                    let top = self.next();
                    self.push(if bracket == b'{' { Shape::Object } else { Shape::Array }, start, key);
                    self.open.push(top);
                    self.space();
                    if !matches!(self.peek(), Some(b'}' | b']')) {
                        continue;
                    }
                }
                Some(_) => self.scalar(key)?,
                None => return Err(self.fault("the document ends in the middle")),
            }
            // After a value: close what ends here, until a comma or the end of the document.
            loop {
                self.space();
                let Some(top) = self.open.last().copied() else { return Ok(()) };
                match (self.peek(), self.top()) {
                    (Some(b','), _) => {
                        self.take(b',');
                        self.space();
                        break;
                    }
                    (Some(b'}'), Some(Shape::Object)) => self.take(b'}'),
                    (Some(b']'), Some(Shape::Array)) => self.take(b']'),
                    (None, _) => return Err(self.fault("the document ends before all brackets are closed")),
                    (_, Some(Shape::Object)) => return Err(self.fault("expected ',' or '}'")),
                    _ => return Err(self.fault("expected ',' or ']'")),
                }
                let (end, next) = (self.mark(), self.next());
                if let Some(node) = self.nodes.get_mut(top as usize) {
                    node.end = end;
                    node.next = next;
                }
                self.open.pop();
            }
        }
    }

    fn key(&mut self) -> Result<(u32, u32), Fault> {
        if self.peek() != Some(b'"') {
            return Err(self.fault("expected a property name in double quotes"));
        }
        let (start, end, _) = self.string()?;
        self.space();
        if self.peek() != Some(b':') {
            return Err(self.fault("expected ':' after the property name"));
        }
        self.take(b':');
        self.space();
        Ok((start, end))
    }

    fn scalar(&mut self, key: (u32, u32)) -> Result<(), Fault> {
        let start = self.mark();
        match self.peek() {
            Some(b'"') => {
                let (start, end, escaped) = self.string()?;
                self.push(if escaped { Shape::Escaped } else { Shape::String }, start, key);
                if let Some(node) = self.nodes.last_mut() {
                    node.end = end;
                }
            }
            Some(b'-' | b'0'..=b'9') => {
                self.number()?;
                self.push(Shape::Number, start, key);
            }
            Some(b't') => self.word(b"true", Shape::Boolean, key)?,
            Some(b'f') => self.word(b"false", Shape::Boolean, key)?,
            Some(b'n') => self.word(b"null", Shape::Null, key)?,
            _ => return Err(self.fault("expected a value: an object, an array, a string, a number, true or false")),
        }
        Ok(())
    }

    fn word(&mut self, word: &'static [u8], shape: Shape, key: (u32, u32)) -> Result<(), Fault> {
        if !self.input.get(self.at..).is_some_and(|rest| rest.starts_with(word)) {
            return Err(self.fault("expected true, false or null"));
        }
        let start = self.mark();
        self.text.extend_from_slice(word);
        self.at += word.len();
        self.push(shape, start, key);
        Ok(())
    }

    fn digits(&mut self) -> Result<(), Fault> {
        let start = self.at;
        while let Some(b'0'..=b'9') = self.peek() {
            self.at += 1;
        }
        if self.at == start { Err(self.fault("a digit is missing in this number")) } else { Ok(()) }
    }

    fn number(&mut self) -> Result<(), Fault> {
        let start = self.at;
        if self.peek() == Some(b'-') {
            self.at += 1;
        }
        if self.peek() == Some(b'0') {
            self.at += 1;
            if let Some(b'0'..=b'9') = self.peek() {
                return Err(self.fault("a number has no leading zeros"));
            }
        } else {
            self.digits()?;
        }
        if self.peek() == Some(b'.') {
            self.at += 1;
            self.digits()?;
        }
        if let Some(b'e' | b'E') = self.peek() {
            self.at += 1;
            if let Some(b'+' | b'-') = self.peek() {
                self.at += 1;
            }
            self.digits()?;
        }
        if self.at - start > 1000 {
            return Err(Fault { at: start, reason: "this number has more than 1000 characters" });
        }
        self.text.extend_from_slice(self.input.get(start..self.at).unwrap_or(&[]));
        Ok(())
    }

    /// Copies a string with its quotes; gives the span of its content and whether it has escapes.
    fn string(&mut self) -> Result<(u32, u32, bool), Fault> {
        let first = self.at;
        self.at += 1;
        let mut escaped = false;
        loop {
            match self.peek() {
                Some(b'"') => break,
                Some(b'\\') => {
                    escaped = true;
                    self.escape()?;
                }
                Some(0..=0x1F) => return Err(self.fault("a control character must be escaped inside a string")),
                Some(_) => self.at += 1,
                None => return Err(self.fault("a string is not closed")),
            }
        }
        self.at += 1;
        let start = self.mark() + 1;
        self.text.extend_from_slice(self.input.get(first..self.at).unwrap_or(&[]));
        Ok((start, self.mark() - 1, escaped))
    }

    fn escape(&mut self) -> Result<(), Fault> {
        self.at += 1;
        match self.peek() {
            Some(b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't') => self.at += 1,
            Some(b'u') => {
                let unit = self.unit()?;
                match unit {
                    0 => return Err(self.fault("the character U+0000 is not allowed")),
                    0xD800..0xDC00 => {
                        if self.input.get(self.at..self.at + 2) != Some(b"\\u") {
                            return Err(self.fault("half of a surrogate pair stands alone"));
                        }
                        self.at += 1;
                        if !(0xDC00..0xE000).contains(&self.unit()?) {
                            return Err(self.fault("half of a surrogate pair stands alone"));
                        }
                    }
                    0xDC00..0xE000 => return Err(self.fault("half of a surrogate pair stands alone")),
                    _ => {}
                }
            }
            _ => return Err(self.fault("unknown escape in a string")),
        }
        Ok(())
    }

    /// Reads `uXXXX`.
    fn unit(&mut self) -> Result<u32, Fault> {
        let digits = self.input.get(self.at + 1..self.at + 5).and_then(|d| std::str::from_utf8(d).ok());
        let unit = digits.filter(|d| d.bytes().all(|b| b.is_ascii_hexdigit())).and_then(|d| u32::from_str_radix(d, 16).ok());
        let unit = unit.ok_or_else(|| self.fault("\\u needs four hexadecimal digits"))?;
        self.at += 5;
        Ok(unit)
    }
}
