//! What Go's `encoding/json` says about text that is not JSON; kubectl shows these sentences to people.
//!
//! Source: `encoding/json`, Go 1.25. Only the first error is told, as there.

/// The error of Go's scanner for `input`, or `None` if it is well-formed.
pub(super) fn syntax_error(input: &[u8]) -> Option<String> {
    Scanner::new(input).document().err().map(|error| match error {
        Bad::End => "unexpected end of JSON input".to_owned(),
        Bad::Byte(byte, context) => format!("invalid character {} {context}", quoted(byte)),
    })
}

fn quoted(byte: u8) -> String {
    match byte {
        b'\'' => "'\\''".to_owned(),
        b'"' => "'\"'".to_owned(),
        b'\n' => "'\\n'".to_owned(),
        b'\r' => "'\\r'".to_owned(),
        b'\t' => "'\\t'".to_owned(),
        b'\\' => "'\\\\'".to_owned(),
        0..0x20 | 0x7f => format!("'\\x{byte:02x}'"),
        // Go quotes the byte as if it were a Latin-1 character.
        _ => format!("'{}'", char::from(byte)),
    }
}

enum Bad {
    End,
    Byte(u8, String),
}

type Scan<T> = Result<T, Bad>;

#[derive(Clone, Copy)]
enum Container {
    Object,
    Array,
}

struct Scanner<'a> {
    rest: std::slice::Iter<'a, u8>,
    /// The open containers; a list of our own because a body can be nested deeper than the stack allows.
    open: Vec<Container>,
}

impl<'a> Scanner<'a> {
    fn new(input: &'a [u8]) -> Self {
        Self {
            rest: input.iter(),
            open: Vec::new(),
        }
    }

    fn peek(&self) -> Option<u8> {
        self.rest.as_slice().first().copied()
    }

    fn next(&mut self) -> Scan<u8> {
        self.rest.next().copied().ok_or(Bad::End)
    }

    fn next_visible(&mut self) -> Scan<u8> {
        loop {
            match self.next()? {
                b' ' | b'\t' | b'\r' | b'\n' => {}
                byte => return Ok(byte),
            }
        }
    }

    fn document(&mut self) -> Scan<()> {
        loop {
            let byte = self.next_visible()?;
            self.value(byte)?;
            if !self.after_value()? {
                return Ok(());
            }
        }
    }

    /// Reads one scalar or empty container, or opens containers until the next value begins.
    fn value(&mut self, mut byte: u8) -> Scan<()> {
        loop {
            match byte {
                b'{' => {
                    let key = self.next_visible()?;
                    if key == b'}' {
                        return Ok(());
                    }
                    self.open.push(Container::Object);
                    self.key(key)?;
                    byte = self.next_visible()?;
                }
                b'[' => {
                    byte = self.next_visible()?;
                    if byte == b']' {
                        return Ok(());
                    }
                    self.open.push(Container::Array);
                }
                _ => return self.scalar(byte),
            }
        }
    }

    /// Reads what follows a value; false at the end of the document.
    fn after_value(&mut self) -> Scan<bool> {
        loop {
            let Some(container) = self.open.last().copied() else {
                return match self.next_visible() {
                    Ok(byte) => bad(byte, "after top-level value"),
                    Err(_) => Ok(false),
                };
            };
            match (container, self.next_visible()?) {
                (Container::Object, b',') => {
                    let key = self.next_visible()?;
                    self.key(key)?;
                    return Ok(true);
                }
                (Container::Array, b',') => return Ok(true),
                (Container::Object, b'}') | (Container::Array, b']') => {
                    self.open.pop();
                }
                (Container::Object, byte) => return bad(byte, "after object key:value pair"),
                (Container::Array, byte) => return bad(byte, "after array element"),
            }
        }
    }

    fn key(&mut self, first: u8) -> Scan<()> {
        if first != b'"' {
            return bad(first, "looking for beginning of object key string");
        }
        self.string()?;
        match self.next_visible()? {
            b':' => Ok(()),
            byte => bad(byte, "after object key"),
        }
    }

    fn scalar(&mut self, first: u8) -> Scan<()> {
        match first {
            b'"' => self.string(),
            b't' => self.literal("true"),
            b'f' => self.literal("false"),
            b'n' => self.literal("null"),
            b'-' => match self.next()? {
                digit @ b'0'..=b'9' => self.number(digit),
                byte => bad(byte, "in numeric literal"),
            },
            b'0'..=b'9' => self.number(first),
            byte => bad(byte, "looking for beginning of value"),
        }
    }

    fn string(&mut self) -> Scan<()> {
        loop {
            match self.next()? {
                b'"' => return Ok(()),
                b'\\' => self.escape()?,
                byte @ 0..0x20 => return bad(byte, "in string literal"),
                _ => {}
            }
        }
    }

    fn escape(&mut self) -> Scan<()> {
        match self.next()? {
            b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't' => Ok(()),
            b'u' => {
                for _ in 0..4 {
                    let byte = self.next()?;
                    if !byte.is_ascii_hexdigit() {
                        return bad(byte, "in \\u hexadecimal character escape");
                    }
                }
                Ok(())
            }
            byte => bad(byte, "in string escape code"),
        }
    }

    fn literal(&mut self, word: &str) -> Scan<()> {
        for expected in word.bytes().skip(1) {
            let byte = self.next()?;
            if byte != expected {
                let expecting = char::from(expected);
                return bad(byte, &format!("in literal {word} (expecting '{expecting}')"));
            }
        }
        Ok(())
    }

    fn number(&mut self, first: u8) -> Scan<()> {
        if first != b'0' {
            self.digits();
        }
        if self.peek() == Some(b'.') {
            self.rest.next();
            self.digit("after decimal point in numeric literal")?;
            self.digits();
        }
        if matches!(self.peek(), Some(b'e' | b'E')) {
            self.rest.next();
            if matches!(self.peek(), Some(b'+' | b'-')) {
                self.rest.next();
            }
            self.digit("in exponent of numeric literal")?;
            self.digits();
        }
        Ok(())
    }

    fn digit(&mut self, context: &str) -> Scan<()> {
        match self.next()? {
            b'0'..=b'9' => Ok(()),
            byte => bad(byte, context),
        }
    }

    fn digits(&mut self) {
        while matches!(self.peek(), Some(b'0'..=b'9')) {
            self.rest.next();
        }
    }
}

fn bad<T>(byte: u8, context: &str) -> Scan<T> {
    Err(Bad::Byte(byte, context.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn errors_read_as_go_writes_them() {
        let cases = [
            ("", "unexpected end of JSON input"),
            ("{", "unexpected end of JSON input"),
            ("hello", "invalid character 'h' looking for beginning of value"),
            ("[1,]", "invalid character ']' looking for beginning of value"),
            (
                "{a",
                "invalid character 'a' looking for beginning of object key string",
            ),
            (
                r#"{"a":1,}"#,
                "invalid character '}' looking for beginning of object key string",
            ),
            (r#"{"a" 1}"#, "invalid character '1' after object key"),
            (
                r#"{"a":1 "b"}"#,
                "invalid character '\"' after object key:value pair",
            ),
            ("[1 2]", "invalid character '2' after array element"),
            ("{} x", "invalid character 'x' after top-level value"),
            ("trve", "invalid character 'v' in literal true (expecting 'u')"),
            ("\"a\nb\"", "invalid character '\\n' in string literal"),
            (r#""\q""#, "invalid character 'q' in string escape code"),
            (
                "1.x",
                "invalid character 'x' after decimal point in numeric literal",
            ),
        ];
        for (input, error) in cases {
            assert_eq!(syntax_error(input.as_bytes()).as_deref(), Some(error), "{input}");
        }
    }

    #[test]
    fn well_formed_text_has_no_error() {
        for input in [
            "{}",
            " [1, -2.5e3, \"\\u00e9\", {\"a\": [true, false, null]}] ",
            "0",
        ] {
            assert_eq!(syntax_error(input.as_bytes()), None, "{input}");
        }
    }

    #[test]
    fn deep_nesting_does_not_exhaust_the_stack() {
        let deep = "[".repeat(1_000_000);
        assert_eq!(
            syntax_error(deep.as_bytes()).as_deref(),
            Some("unexpected end of JSON input")
        );
    }
}
