//! From the text of a script to its tokens.

use std::iter::Peekable;
use std::str::Chars;

use super::parse;
use super::syntax::{Part, RedirectKind, Word};

const OPERATORS: [&str; 9] = ["&&", "||", ";;", ";", "&", "|", "(", ")", "\n"];

/// What the parser reads one by one.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Token {
    /// A word, or a keyword.
    Word(Word),
    /// What separates commands.
    Operator(&'static str),
    /// The descriptor and the form of a redirect; its target is the next word.
    Redirect(u8, RedirectKind),
}

/// The tokens of a script.
///
/// # Errors
/// The shell's own message for what it cannot read.
pub(super) fn tokens(script: &str) -> Result<Vec<Token>, String> {
    let lexer = Lexer {
        chars: script.chars().peekable(),
    };
    lexer.tokens()
}

struct Lexer<'a> {
    chars: Peekable<Chars<'a>>,
}

impl Lexer<'_> {
    fn tokens(mut self) -> Result<Vec<Token>, String> {
        let mut tokens = Vec::new();
        while let Some(&next) = self.chars.peek() {
            match next {
                ' ' | '\t' => {
                    self.chars.next();
                }
                '#' => while self.chars.next_if(|c| *c != '\n').is_some() {},
                '<' | '>' => tokens.push(self.redirect(None)),
                c if "&|;()\n".contains(c) => tokens.push(Token::Operator(self.operator())),
                _ => tokens.push(self.word_or_redirect()?),
            }
        }
        Ok(tokens)
    }

    fn operator(&mut self) -> &'static str {
        let first = self.chars.next().unwrap_or('\n');
        let second = self.chars.peek().copied().unwrap_or(' ');
        let doubled: String = [first, second].iter().collect();
        if let Some(found) = OPERATORS.iter().find(|o| **o == doubled) {
            self.chars.next();
            return found;
        }
        OPERATORS
            .iter()
            .find(|o| o.starts_with(first) && o.len() == 1)
            .unwrap_or(&";")
    }

    fn redirect(&mut self, descriptor: Option<u8>) -> Token {
        if self.chars.next() == Some('<') {
            return Token::Redirect(descriptor.unwrap_or(0), RedirectKind::Read);
        }
        let kind = if self.chars.next_if_eq(&'>').is_some() {
            RedirectKind::Append
        } else if self.chars.next_if_eq(&'&').is_some() {
            RedirectKind::Duplicate
        } else {
            RedirectKind::Write
        };
        Token::Redirect(descriptor.unwrap_or(1), kind)
    }

    fn word_or_redirect(&mut self) -> Result<Token, String> {
        let word = self.word()?;
        if let [Part::Literal(digit)] = word.as_slice()
            && let "0" | "1" | "2" = digit.as_str()
            && matches!(self.chars.peek(), Some('<' | '>'))
        {
            let descriptor = digit.as_bytes()[0] - b'0';
            return Ok(self.redirect(Some(descriptor)));
        }
        Ok(Token::Word(word))
    }

    fn word(&mut self) -> Result<Word, String> {
        let mut word = Word::new();
        while let Some(&next) = self.chars.peek() {
            match next {
                c if " \t\n&|;()<>".contains(c) => break,
                '\'' => {
                    self.chars.next();
                    let text = self.until('\'')?;
                    word.push(Part::Literal(text));
                }
                '"' => {
                    self.chars.next();
                    self.double_quoted(&mut word)?;
                }
                '$' => word.push(self.dollar(false)?),
                '`' => word.push(self.backquoted(false)?),
                '\\' => {
                    self.chars.next();
                    if let Some(c) = self.chars.next()
                        && c != '\n'
                    {
                        push_char(&mut word, c);
                    }
                }
                c => {
                    self.chars.next();
                    push_char(&mut word, c);
                }
            }
        }
        Ok(word)
    }

    fn double_quoted(&mut self, word: &mut Word) -> Result<(), String> {
        word.push(Part::Literal(String::new()));
        loop {
            match self.chars.peek().copied() {
                None => return Err("syntax error: unterminated quoted string".to_owned()),
                Some('"') => {
                    self.chars.next();
                    return Ok(());
                }
                Some('$') => word.push(self.dollar(true)?),
                Some('`') => word.push(self.backquoted(true)?),
                Some('\\') => {
                    self.chars.next();
                    let c = self.chars.next().unwrap_or('\\');
                    if !"$`\"\\".contains(c) {
                        push_char(word, '\\');
                    }
                    push_char(word, c);
                }
                Some(c) => {
                    self.chars.next();
                    push_char(word, c);
                }
            }
        }
    }

    fn until(&mut self, end: char) -> Result<String, String> {
        let mut text = String::new();
        for c in self.chars.by_ref() {
            if c == end {
                return Ok(text);
            }
            text.push(c);
        }
        Err("syntax error: unterminated quoted string".to_owned())
    }

    fn backquoted(&mut self, quoted: bool) -> Result<Part, String> {
        self.chars.next();
        let body = parse(&self.until('`')?)?;
        Ok(Part::Substitution { body, quoted })
    }

    fn dollar(&mut self, quoted: bool) -> Result<Part, String> {
        self.chars.next();
        match self.chars.peek().copied() {
            Some('(') => {
                self.chars.next();
                let text = self.balanced()?;
                match text.strip_prefix('(').and_then(|t| t.strip_suffix(')')) {
                    Some(sum) => Ok(Part::Arithmetic(sum.to_owned())),
                    None => Ok(Part::Substitution {
                        body: parse(&text)?,
                        quoted,
                    }),
                }
            }
            Some('{') => {
                self.chars.next();
                let text = self.until('}')?;
                let (name, default) = match text.split_once(":-").or_else(|| text.split_once('-')) {
                    Some((name, default)) => (name.to_owned(), Some(default.to_owned())),
                    None => (text, None),
                };
                Ok(Part::Variable {
                    name,
                    default,
                    quoted,
                })
            }
            Some(c) if c.is_ascii_alphabetic() || c == '_' => {
                let mut name = String::new();
                while let Some(c) = self.chars.next_if(|c| c.is_ascii_alphanumeric() || *c == '_') {
                    name.push(c);
                }
                Ok(variable(name, quoted))
            }
            Some(c) if c.is_ascii_digit() || "?$#@*!".contains(c) => {
                self.chars.next();
                Ok(variable(c.to_string(), quoted))
            }
            _ => Ok(Part::Literal("$".to_owned())),
        }
    }

    /// The text up to the parenthesis that closes the one just read.
    fn balanced(&mut self) -> Result<String, String> {
        let (mut text, mut depth, mut quote) = (String::new(), 1, None);
        for c in self.chars.by_ref() {
            match (quote, c) {
                (None, '\'' | '"') => quote = Some(c),
                (Some(q), c) if q == c => quote = None,
                (None, '(') => depth += 1,
                (None, ')') => depth -= 1,
                _ => {}
            }
            if depth == 0 {
                return Ok(text);
            }
            text.push(c);
        }
        Err("syntax error: unexpected end of file".to_owned())
    }
}

fn variable(name: String, quoted: bool) -> Part {
    Part::Variable {
        name,
        default: None,
        quoted,
    }
}

fn push_char(word: &mut Word, c: char) {
    match word.last_mut() {
        Some(Part::Literal(text)) => text.push(c),
        _ => word.push(Part::Literal(c.to_string())),
    }
}
