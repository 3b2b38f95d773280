//! JSON (RFC 8259) for container descriptors: small, strict, bounded in depth.

use std::fmt;

const MAX_DEPTH: usize = 32;

/// A parsed value. Objects keep the order of their keys.
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    Null,
    Bool(bool),
    Number(f64),
    Text(String),
    List(Vec<Value>),
    Object(Vec<(String, Value)>),
}

impl Value {
    /// What the value is, for messages.
    pub fn kind(&self) -> &'static str {
        match self {
            Value::Null => "null",
            Value::Bool(_) => "true or false",
            Value::Number(_) => "a number",
            Value::Text(_) => "a string",
            Value::List(_) => "a list",
            Value::Object(_) => "an object",
        }
    }
}

/// Where the text stops being JSON, and why.
#[derive(Debug, PartialEq)]
pub struct Error {
    pub line: usize,
    pub column: usize,
    pub what: &'static str,
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "line {}, column {}: {}",
            self.line, self.column, self.what
        )
    }
}

/// Parses one JSON document. Refuses duplicate keys, trailing text and nesting deeper than 32.
pub fn parse(text: &str) -> Result<Value, Error> {
    let mut parser = Parser { text, at: 0 };
    let value = parser.document().map_err(|what| parser.error(what))?;
    Ok(value)
}

struct Parser<'a> {
    text: &'a str,
    at: usize,
}

type Parsed<T> = Result<T, &'static str>;

impl Parser<'_> {
    fn error(&self, what: &'static str) -> Error {
        let before = &self.text.as_bytes()[..self.at.min(self.text.len())];
        let line = before.iter().filter(|b| **b == b'\n').count() + 1;
        let column = before.iter().rev().take_while(|b| **b != b'\n').count() + 1;
        Error { line, column, what }
    }

    fn document(&mut self) -> Parsed<Value> {
        let value = self.value(0)?;
        self.skip_space();
        match self.peek() {
            None => Ok(value),
            Some(_) => Err("text after the end of the document"),
        }
    }

    fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    fn skip_space(&mut self) {
        while matches!(self.peek(), Some(b' ' | b'\t' | b'\n' | b'\r')) {
            self.at += 1;
        }
    }

    fn take(&mut self, byte: u8) -> bool {
        let found = self.peek() == Some(byte);
        self.at += usize::from(found);
        found
    }

    fn value(&mut self, depth: usize) -> Parsed<Value> {
        if depth > MAX_DEPTH {
            return Err("nested too deeply");
        }
        self.skip_space();
        match self.peek() {
            Some(b'{') => self.object(depth),
            Some(b'[') => self.list(depth),
            Some(b'"') => Ok(Value::Text(self.string()?)),
            Some(b't') => self.word("true", Value::Bool(true)),
            Some(b'f') => self.word("false", Value::Bool(false)),
            Some(b'n') => self.word("null", Value::Null),
            Some(b'-' | b'0'..=b'9') => self.number(),
            Some(_) => Err("expected a value"),
            None => Err("the text ends where a value is expected"),
        }
    }

    fn word(&mut self, word: &str, value: Value) -> Parsed<Value> {
        if !self.text[self.at..].starts_with(word) {
            return Err("expected a value");
        }
        self.at += word.len();
        Ok(value)
    }

    fn object(&mut self, depth: usize) -> Parsed<Value> {
        self.at += 1;
        let mut members: Vec<(String, Value)> = Vec::new();
        self.skip_space();
        if self.take(b'}') {
            return Ok(Value::Object(members));
        }
        loop {
            self.skip_space();
            if self.peek() != Some(b'"') {
                return Err("expected a key in quotes");
            }
            let key = self.string()?;
            if members.iter().any(|(known, _)| *known == key) {
                return Err("a key that stands here twice");
            }
            self.skip_space();
            if !self.take(b':') {
                return Err("expected ':' after a key");
            }
            let value = self.value(depth + 1)?;
            members.push((key, value));
            self.skip_space();
            if self.take(b'}') {
                return Ok(Value::Object(members));
            }
            if !self.take(b',') {
                return Err("expected ',' or '}'");
            }
        }
    }

    fn list(&mut self, depth: usize) -> Parsed<Value> {
        self.at += 1;
        let mut items = Vec::new();
        self.skip_space();
        if self.take(b']') {
            return Ok(Value::List(items));
        }
        loop {
            items.push(self.value(depth + 1)?);
            self.skip_space();
            if self.take(b']') {
                return Ok(Value::List(items));
            }
            if !self.take(b',') {
                return Err("expected ',' or ']'");
            }
        }
    }

    fn string(&mut self) -> Parsed<String> {
        self.at += 1;
        let mut out = String::new();
        loop {
            let start = self.at;
            while matches!(self.peek(), Some(b) if b != b'"' && b != b'\\' && b >= 0x20) {
                self.at += 1;
            }
            out.push_str(&self.text[start..self.at]);
            match self.peek() {
                Some(b'"') => {
                    self.at += 1;
                    return Ok(out);
                }
                Some(b'\\') => out.push(self.escape()?),
                Some(_) => return Err("a control character in a string"),
                None => return Err("a string that does not end"),
            }
        }
    }

    fn escape(&mut self) -> Parsed<char> {
        self.at += 1;
        let byte = self.peek().ok_or("a string that does not end")?;
        self.at += 1;
        match byte {
            b'"' | b'\\' | b'/' => Ok(char::from(byte)),
            b'b' => Ok('\u{8}'),
            b'f' => Ok('\u{c}'),
            b'n' => Ok('\n'),
            b'r' => Ok('\r'),
            b't' => Ok('\t'),
            b'u' => self.unicode(),
            _ => Err("an unknown escape in a string"),
        }
    }

    fn unicode(&mut self) -> Parsed<char> {
        let high = self.hex4()?;
        let code = if (0xd800..0xdc00).contains(&high) {
            if !(self.take(b'\\') && self.take(b'u')) {
                return Err("half of a surrogate pair");
            }
            let low = self.hex4()?;
            if !(0xdc00..0xe000).contains(&low) {
                return Err("half of a surrogate pair");
            }
            0x10000 + ((high - 0xd800) << 10) + (low - 0xdc00)
        } else {
            high
        };
        char::from_u32(code).ok_or("half of a surrogate pair")
    }

    fn hex4(&mut self) -> Parsed<u32> {
        let digits = self
            .text
            .as_bytes()
            .get(self.at..self.at + 4)
            .ok_or("\\u needs four digits")?;
        let mut code = 0;
        for digit in digits {
            code = code * 16
                + char::from(*digit)
                    .to_digit(16)
                    .ok_or("\\u needs four digits")?;
        }
        self.at += 4;
        Ok(code)
    }

    fn digits(&mut self) -> Parsed<()> {
        let start = self.at;
        while matches!(self.peek(), Some(b'0'..=b'9')) {
            self.at += 1;
        }
        if self.at == start {
            return Err("expected a digit");
        }
        Ok(())
    }

    fn number(&mut self) -> Parsed<Value> {
        let start = self.at;
        self.take(b'-');
        let first = self.at;
        self.digits()?;
        if self.at - first > 1 && self.text.as_bytes()[first] == b'0' {
            return Err("a number with a leading zero");
        }
        if self.take(b'.') {
            self.digits()?;
        }
        if self.take(b'e') || self.take(b'E') {
            if !self.take(b'+') {
                self.take(b'-');
            }
            self.digits()?;
        }
        let number: f64 = self.text[start..self.at]
            .parse()
            .map_err(|_| "not a number")?;
        if !number.is_finite() {
            return Err("a number out of range");
        }
        Ok(Value::Number(number))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(text: &str) -> &'static str {
        parse(text).expect_err(text).what
    }

    #[test]
    fn every_kind_of_value_is_read() {
        let value = parse(
            r#" {"a": [1, -2.5e1, true, false, null], "b": "x\n\"\u00e9\ud83d\ude00", "c": {}} "#,
        )
        .unwrap();
        let list = vec![
            Value::Number(1.0),
            Value::Number(-25.0),
            Value::Bool(true),
            Value::Bool(false),
            Value::Null,
        ];
        let expected = vec![
            ("a".to_string(), Value::List(list)),
            ("b".to_string(), Value::Text("x\n\"é😀".to_string())),
            ("c".to_string(), Value::Object(Vec::new())),
        ];
        assert_eq!(value, Value::Object(expected));
    }

    #[test]
    fn bad_input_is_refused_with_a_reason() {
        assert_eq!(refused(""), "the text ends where a value is expected");
        assert_eq!(refused("{\"a\": 1,}"), "expected a key in quotes");
        assert_eq!(refused("[1 2]"), "expected ',' or ']'");
        assert_eq!(
            refused("{\"a\": 1, \"a\": 2}"),
            "a key that stands here twice"
        );
        assert_eq!(refused("01"), "a number with a leading zero");
        assert_eq!(refused("1e999"), "a number out of range");
        assert_eq!(refused("1."), "expected a digit");
        assert_eq!(refused("\"abc"), "a string that does not end");
        assert_eq!(refused("\"a\nb\""), "a control character in a string");
        assert_eq!(refused("\"\\x\""), "an unknown escape in a string");
        assert_eq!(refused("\"\\ud800\""), "half of a surrogate pair");
        assert_eq!(refused("\"\\udc00\""), "half of a surrogate pair");
        assert_eq!(refused("\"\\u12\""), "\\u needs four digits");
        assert_eq!(refused("\"\\u12é\""), "\\u needs four digits");
        assert_eq!(refused("nul"), "expected a value");
        assert_eq!(refused("{} x"), "text after the end of the document");
    }

    #[test]
    fn nesting_is_bounded() {
        let nested = |n: usize| format!("{}{}", "[".repeat(n), "]".repeat(n));
        assert!(parse(&nested(32)).is_ok());
        assert_eq!(refused(&nested(100_000)), "nested too deeply");
    }

    #[test]
    fn an_error_names_line_and_column() {
        let error = parse("{\n  \"a\": ?\n}").unwrap_err();
        assert_eq!((error.line, error.column), (2, 8));
    }
}
