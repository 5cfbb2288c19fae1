//! JSON as a value to change: it keeps the place of each value, the digits of numbers, the order of members.
//!
//! It reads requisitions, whose faults are told with row and column, patches, and stored resources, which are compared or
//! changed and written again with their decimals untouched. Source: RFC 8259; a name that comes twice in an object is an error.

use super::draft::write_string;

/// A value and the byte at which it begins.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Json {
    /// The byte at which it begins; 0 for a value that was not read.
    pub(crate) at: usize,
    /// What it is.
    pub(crate) value: Value,
}

/// What a value is.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) enum Value {
    /// `null`, `true`, `false` or a number, as written.
    Plain(String),
    /// A string, unescaped.
    String(String),
    /// An array.
    Array(Vec<Json>),
    /// An object.
    Object(Vec<Member>),
}

/// A member of an object.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Member {
    /// Its name.
    pub(crate) name: String,
    /// The byte at which its name begins.
    pub(crate) at: usize,
    /// Its value.
    pub(crate) value: Json,
}

/// What is wrong, and at which byte.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct NotJson {
    /// The byte.
    pub(crate) at: usize,
    /// What is wrong there.
    pub(crate) message: String,
}

/// Deepest nesting that is read: twice what a resource may have, since a patch has a resource's values inside its own.
pub(crate) const DEPTH: usize = 128;

/// Reads a text that is one value.
pub(crate) fn read(text: &str) -> Result<Json, NotJson> {
    let mut reader = Reader { text, at: 0 };
    let value = reader.value(DEPTH)?;
    reader.blank();
    if reader.at < text.len() { Err(reader.fault("the text goes on after its end")) } else { Ok(value) }
}

impl Json {
    /// The value of a member of an object.
    pub(crate) fn member(&self, name: &str) -> Option<&Self> {
        self.members().iter().find(|member| member.name == name).map(|member| &member.value)
    }

    /// The members of an object.
    pub(crate) fn members(&self) -> &[Member] {
        match &self.value {
            Value::Object(members) => members,
            _ => &[],
        }
    }

    /// The items of an array.
    pub(crate) fn items(&self) -> &[Self] {
        match &self.value {
            Value::Array(items) => items,
            _ => &[],
        }
    }

    /// The text of a string.
    pub(crate) fn text(&self) -> Option<&str> {
        match &self.value {
            Value::String(text) => Some(text),
            _ => None,
        }
    }

    /// The value of a member of an object, to be changed.
    pub(crate) fn member_mut(&mut self, name: &str) -> Option<&mut Self> {
        match &mut self.value {
            Value::Object(members) => members.iter_mut().find(|member| member.name == name).map(|member| &mut member.value),
            _ => None,
        }
    }

    /// A value that stands nowhere yet.
    pub(crate) fn new(value: Value) -> Self {
        Self { at: 0, value }
    }

    /// A string value that stands nowhere yet.
    pub(crate) fn string(text: &str) -> Self {
        Self::new(Value::String(text.to_owned()))
    }

    /// `null`
    pub(crate) fn null() -> Self {
        Self::new(Value::Plain("null".to_owned()))
    }

    /// Whether it is `null`.
    pub(crate) fn is_null(&self) -> bool {
        matches!(&self.value, Value::Plain(text) if text == "null")
    }

    /// How many levels of values it has: 1 for a value that holds no other.
    pub(crate) fn depth(&self) -> usize {
        let inner = match &self.value {
            Value::Array(items) => items.iter().map(Self::depth).max(),
            Value::Object(members) => members.iter().map(|member| member.value.depth()).max(),
            _ => None,
        };
        inner.unwrap_or(0) + 1
    }

    /// Puts a member in the place of the one of that name, or at the end.
    pub(crate) fn set(&mut self, name: &str, value: Self) {
        let Value::Object(members) = &mut self.value else { return };
        match members.iter_mut().find(|member| member.name == name) {
            Some(member) => member.value = value,
            None => members.push(Member { name: name.to_owned(), at: 0, value }),
        }
    }

    /// Takes a member away and gives its value.
    pub(crate) fn remove(&mut self, name: &str) -> Option<Self> {
        let Value::Object(members) = &mut self.value else { return None };
        let at = members.iter().position(|member| member.name == name)?;
        Some(members.remove(at).value)
    }

    /// The JSON text, without white space.
    pub(crate) fn write(&self) -> String {
        let mut out = String::new();
        self.write_to(&mut out);
        out
    }

    fn write_to(&self, out: &mut String) {
        match &self.value {
            Value::Plain(text) => out.push_str(text),
            Value::String(text) => write_string(text, out),
            Value::Array(items) => {
                out.push('[');
                for (i, item) in items.iter().enumerate() {
                    if i > 0 {
                        out.push(',');
                    }
                    item.write_to(out);
                }
                out.push(']');
            }
            Value::Object(members) => {
                out.push('{');
                for (i, member) in members.iter().enumerate() {
                    if i > 0 {
                        out.push(',');
                    }
                    write_string(&member.name, out);
                    out.push(':');
                    member.value.write_to(out);
                }
                out.push('}');
            }
        }
    }
}

/// A member whose name another one has before it. Sorting finds it also among a million members in good time.
fn repeated(members: &[Member]) -> Option<&Member> {
    let mut sorted: Vec<&Member> = members.iter().collect();
    sorted.sort_by_key(|member| (member.name.as_str(), member.at));
    sorted.windows(2).find_map(|pair| match pair {
        [first, second] if first.name == second.name => Some(*second),
        _ => None,
    })
}

struct Reader<'a> {
    text: &'a str,
    at: usize,
}

impl Reader<'_> {
    fn fault(&self, message: &str) -> NotJson {
        NotJson { at: self.at, message: message.to_owned() }
    }

    fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    fn blank(&mut self) {
        while matches!(self.peek(), Some(b' ' | b'\t' | b'\n' | b'\r')) {
            self.at += 1;
        }
    }

    fn eat(&mut self, byte: u8) -> bool {
        let found = self.peek() == Some(byte);
        self.at += usize::from(found);
        found
    }

    fn value(&mut self, depth: usize) -> Result<Json, NotJson> {
        self.blank();
        let at = self.at;
        let deeper = depth.checked_sub(1).ok_or_else(|| self.fault("values are nested too deeply"))?;
        let value = match self.peek() {
            Some(b'{') => self.object(deeper)?,
            Some(b'[') => self.array(deeper)?,
            Some(b'"') => Value::String(self.string()?),
            Some(b'-' | b'0'..=b'9') => self.number()?,
            _ => self.word()?,
        };
        Ok(Json { at, value })
    }

    fn word(&mut self) -> Result<Value, NotJson> {
        for word in ["true", "false", "null"] {
            if self.text.get(self.at..).is_some_and(|rest| rest.starts_with(word)) {
                self.at += word.len();
                return Ok(Value::Plain(word.to_owned()));
            }
        }
        Err(self.fault("a value is needed here"))
    }

    fn digits(&mut self) -> Result<(), NotJson> {
        let start = self.at;
        while self.peek().is_some_and(|b| b.is_ascii_digit()) {
            self.at += 1;
        }
        if self.at == start { Err(self.fault("a digit is needed here")) } else { Ok(()) }
    }

    fn number(&mut self) -> Result<Value, NotJson> {
        let start = self.at;
        self.eat(b'-');
        if !self.eat(b'0') {
            self.digits()?;
        }
        if self.eat(b'.') {
            self.digits()?;
        }
        if self.eat(b'e') || self.eat(b'E') {
            let _ = self.eat(b'+') || self.eat(b'-');
            self.digits()?;
        }
        Ok(Value::Plain(self.text.get(start..self.at).unwrap_or_default().to_owned()))
    }

    fn array(&mut self, depth: usize) -> Result<Value, NotJson> {
        self.at += 1;
        let mut items = Vec::new();
        self.blank();
        if self.eat(b']') {
            return Ok(Value::Array(items));
        }
        loop {
            items.push(self.value(depth)?);
            self.blank();
            if self.eat(b']') {
                return Ok(Value::Array(items));
            }
            if !self.eat(b',') {
                return Err(self.fault("',' or ']' is needed here"));
            }
        }
    }

    fn object(&mut self, depth: usize) -> Result<Value, NotJson> {
        self.at += 1;
        let mut members: Vec<Member> = Vec::new();
        self.blank();
        if self.eat(b'}') {
            return Ok(Value::Object(members));
        }
        loop {
            self.blank();
            let at = self.at;
            if self.peek() != Some(b'"') {
                return Err(self.fault("a name in quotation marks is needed here"));
            }
            let name = self.string()?;
            self.blank();
            if !self.eat(b':') {
                return Err(self.fault("':' is needed here"));
            }
            let value = self.value(depth)?;
            members.push(Member { name, at, value });
            self.blank();
            if self.eat(b'}') {
                return match repeated(&members) {
                    Some(member) => Err(NotJson { at: member.at, message: format!("'{}' stands here again", member.name) }),
                    None => Ok(Value::Object(members)),
                };
            }
            if !self.eat(b',') {
                return Err(self.fault("',' or '}' is needed here"));
            }
        }
    }

    fn string(&mut self) -> Result<String, NotJson> {
        self.at += 1;
        let mut out = String::new();
        loop {
            let rest = self.text.get(self.at..).unwrap_or_default();
            let Some(c) = rest.chars().next() else { return Err(self.fault("the string has no end")) };
            self.at += c.len_utf8();
            match c {
                '"' => return Ok(out),
                '\\' => out.push(self.escape()?),
                c if c < ' ' => return Err(self.fault("a control character stands in a string")),
                c => out.push(c),
            }
        }
    }

    fn escape(&mut self) -> Result<char, NotJson> {
        let Some(byte) = self.peek() else { return Err(self.fault("the string has no end")) };
        self.at += 1;
        Ok(match byte {
            b'"' => '"',
            b'\\' => '\\',
            b'/' => '/',
            b'b' => '\u{8}',
            b'f' => '\u{c}',
            b'n' => '\n',
            b'r' => '\r',
            b't' => '\t',
            b'u' => {
                let high = self.hex()?;
                let surrogate = (0xD800..0xDC00).contains(&high) && self.eat(b'\\') && self.eat(b'u');
                let code = if surrogate {
                    let low = self.hex()?;
                    low.checked_sub(0xDC00).filter(|low| *low < 0x400).map(|low| 0x10000 + ((high - 0xD800) << 10) + low)
                } else {
                    Some(high)
                };
                code.and_then(char::from_u32).ok_or_else(|| self.fault("the escape stands for no character"))?
            }
            _ => return Err(self.fault("this escape is not known")),
        })
    }

    fn hex(&mut self) -> Result<u32, NotJson> {
        let digits = self.text.get(self.at..self.at + 4).filter(|digits| digits.bytes().all(|b| b.is_ascii_hexdigit()));
        let code = digits
            .and_then(|digits| u32::from_str_radix(digits, 16).ok())
            .ok_or_else(|| self.fault("four hexadecimal digits are needed here"))?;
        self.at += 4;
        Ok(code)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn values_are_written_as_they_were_read() {
        for text in [r#"{"a":1.00,"b":[true,null,"x\n\"y"],"c":{"d":-1.5E+10}}"#, "[]", "{}", "\"\u{e6}\"", "0"] {
            assert_eq!(read(text).unwrap().write(), text);
        }
        assert_eq!(read(r#""\ud83e\uddec\u00e6""#).unwrap().text(), Some("\u{1f9ec}\u{e6}"));
        for bad in ["", "{", "[1,]", r#"{"a":1,"a":2}"#, "01", "1.", "\"a", r#""\ud800""#, r#""\x""#, "nul", "1 2", "{a:1}"] {
            assert!(read(bad).is_err(), "{bad}");
        }
        assert!(read(&"[".repeat(1000)).is_err());
    }

    proptest! {
        #[test]
        fn agrees_with_another_reader(text in "[\\[\\]{}\",:0-9a-z\\\\ .eE+-]{0,24}") {
            if let Ok(json) = read(&text) {
                let theirs: serde_json::Value = serde_json::from_str(&text).unwrap();
                prop_assert_eq!(theirs, serde_json::from_str::<serde_json::Value>(&json.write()).unwrap());
            }
        }
    }
}
