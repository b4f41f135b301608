//! From the text of a script to its syntax tree.

use std::iter::Peekable;
use std::str::Chars;

/// One piece of a word.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Part {
    /// Text as it stands.
    Literal(String),
    /// `$name` or `${name:-default}`.
    Variable {
        /// The name: an identifier, a digit, `?`, `$`, `#`, `@` or `*`.
        name: String,
        /// What stands for an empty value.
        default: Option<String>,
        /// Whether it stands in double quotes, so that its value is not split.
        quoted: bool,
    },
    /// `$(…)` or backquotes.
    Substitution {
        /// What is run.
        body: List,
        /// Whether it stands in double quotes.
        quoted: bool,
    },
    /// `$((…))`.
    Arithmetic(String),
}

/// A word before expansion; an empty list is an empty quoted word.
pub(crate) type Word = Vec<Part>;

/// Where a file descriptor goes.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Redirect {
    /// 0, 1 or 2.
    pub(crate) descriptor: u8,
    /// What is done.
    pub(crate) kind: RedirectKind,
    /// The file, or the descriptor of `>&`.
    pub(crate) target: Word,
}

/// The forms of redirection.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum RedirectKind {
    /// `<`
    Read,
    /// `>`
    Write,
    /// `>>`
    Append,
    /// `>&`
    Duplicate,
}

/// A command with its words, variable settings and redirects.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Simple {
    /// `NAME=value` before the command.
    pub(crate) assignments: Vec<(String, Word)>,
    /// The command and its arguments.
    pub(crate) words: Vec<Word>,
    /// Its redirects, in order.
    pub(crate) redirects: Vec<Redirect>,
}

/// A command of any form.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Command {
    /// `name arguments`
    Simple(Simple),
    /// `if …; then …; else …; fi`; `elif` is an `if` in the else part.
    If {
        /// The condition.
        condition: List,
        /// What is done when it holds.
        then: List,
        /// What is done otherwise.
        otherwise: List,
    },
    /// `while …; do …; done`, or `until` with `negated`.
    While {
        /// The condition.
        condition: List,
        /// Whether the loop runs while the condition fails.
        negated: bool,
        /// The body.
        body: List,
    },
    /// `for name in words; do …; done`
    For {
        /// The variable.
        name: String,
        /// What it takes in turn.
        words: Vec<Word>,
        /// The body.
        body: List,
    },
    /// `{ …; }`
    Group(List),
    /// `( … )`
    Subshell(List),
}

/// Commands joined by `|`, perhaps after `!`.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Pipeline {
    /// Whether `!` turns its result round.
    pub(crate) negated: bool,
    /// The commands.
    pub(crate) commands: Vec<Command>,
}

/// How a pipeline follows the one before it.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Join {
    /// `;` or the first.
    Then,
    /// `&&`
    And,
    /// `||`
    Or,
}

/// One member of a list.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Item {
    /// How it follows the one before.
    pub(crate) join: Join,
    /// What runs.
    pub(crate) pipeline: Pipeline,
    /// Whether `&` ends it.
    pub(crate) background: bool,
}

/// Pipelines in order.
pub(crate) type List = Vec<Item>;

#[derive(Clone, Debug, PartialEq)]
enum Token {
    Word(Word),
    Operator(&'static str),
    Redirect(u8, RedirectKind),
}

/// Reads a script.
///
/// # Errors
/// The shell's own message for what it cannot read.
pub(crate) fn parse(script: &str) -> Result<List, String> {
    let tokens = Lexer {
        chars: script.chars().peekable(),
    }
    .tokens()?;
    let mut parser = Parser { tokens, at: 0 };
    let list = parser.list(&[])?;
    match parser.peek() {
        None => Ok(list),
        Some(token) => Err(unexpected(token)),
    }
}

fn unexpected(token: &Token) -> String {
    let text = match token {
        Token::Word(word) => match word.as_slice() {
            [Part::Literal(text)] => text.clone(),
            _ => "word".to_owned(),
        },
        Token::Operator(text) => (*text).to_owned(),
        Token::Redirect(..) => "redir".to_owned(),
    };
    format!("syntax error: unexpected \"{text}\"")
}

struct Lexer<'a> {
    chars: Peekable<Chars<'a>>,
}

const OPERATORS: [&str; 9] = ["&&", "||", ";;", ";", "&", "|", "(", ")", "\n"];

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

struct Parser {
    tokens: Vec<Token>,
    at: usize,
}

impl Parser {
    fn peek(&self) -> Option<&Token> {
        self.tokens.get(self.at)
    }

    fn keyword(&self) -> Option<&str> {
        match self.peek()? {
            Token::Word(word) => match word.as_slice() {
                [Part::Literal(text)] => Some(text),
                _ => None,
            },
            _ => None,
        }
    }

    fn take_operator(&mut self, wanted: &[&str]) -> Option<&'static str> {
        let Some(Token::Operator(found)) = self.peek() else {
            return None;
        };
        let found = *found;
        wanted.contains(&found).then(|| {
            self.at += 1;
            found
        })
    }

    fn expect(&mut self, keyword: &str) -> Result<(), String> {
        if self.keyword() == Some(keyword) {
            self.at += 1;
            return Ok(());
        }
        Err(self.error())
    }

    fn error(&self) -> String {
        self.peek()
            .map_or_else(|| "syntax error: unexpected end of file".to_owned(), unexpected)
    }

    /// Reads up to one of the keywords in `ends`, a `)` or the end.
    fn list(&mut self, ends: &[&str]) -> Result<List, String> {
        let (mut list, mut join) = (List::new(), Join::Then);
        loop {
            while self.take_operator(&["\n"]).is_some()
                || (join == Join::Then && self.take_operator(&[";"]).is_some())
            {}
            let ended = match self.peek() {
                None => true,
                Some(Token::Operator(")")) => true,
                Some(_) => self.keyword().is_some_and(|word| ends.contains(&word)),
            };
            if ended {
                return if join == Join::Then {
                    Ok(list)
                } else {
                    Err(self.error())
                };
            }
            let pipeline = self.pipeline()?;
            let end = self.take_operator(&[";", "\n", "&", "&&", "||"]);
            list.push(Item {
                join,
                pipeline,
                background: end == Some("&"),
            });
            join = match end {
                Some("&&") => Join::And,
                Some("||") => Join::Or,
                _ => Join::Then,
            };
        }
    }

    fn pipeline(&mut self) -> Result<Pipeline, String> {
        let negated = self.keyword() == Some("!");
        if negated {
            self.at += 1;
        }
        let mut commands = vec![self.command()?];
        while self.take_operator(&["|"]).is_some() {
            while self.take_operator(&["\n"]).is_some() {}
            commands.push(self.command()?);
        }
        Ok(Pipeline { negated, commands })
    }

    fn command(&mut self) -> Result<Command, String> {
        if self.take_operator(&["("]).is_some() {
            let body = self.list(&[])?;
            return match self.take_operator(&[")"]) {
                Some(_) => Ok(Command::Subshell(body)),
                None => Err(self.error()),
            };
        }
        match self.keyword() {
            Some("if") => self.condition(),
            Some("while") => self.while_loop(false),
            Some("until") => self.while_loop(true),
            Some("for") => self.for_loop(),
            Some("{") => {
                self.at += 1;
                let body = self.list(&["}"])?;
                self.expect("}")?;
                Ok(Command::Group(body))
            }
            _ => self.simple(),
        }
    }

    fn condition(&mut self) -> Result<Command, String> {
        self.at += 1;
        let condition = self.list(&["then"])?;
        self.expect("then")?;
        let then = self.list(&["elif", "else", "fi"])?;
        let otherwise = match self.keyword() {
            Some("elif") => {
                let command = self.condition()?;
                return Ok(Command::If {
                    condition,
                    then,
                    otherwise: vec![Item {
                        join: Join::Then,
                        pipeline: Pipeline {
                            negated: false,
                            commands: vec![command],
                        },
                        background: false,
                    }],
                });
            }
            Some("else") => {
                self.at += 1;
                self.list(&["fi"])?
            }
            _ => List::new(),
        };
        self.expect("fi")?;
        Ok(Command::If {
            condition,
            then,
            otherwise,
        })
    }

    fn while_loop(&mut self, negated: bool) -> Result<Command, String> {
        self.at += 1;
        let condition = self.list(&["do"])?;
        let body = self.body()?;
        Ok(Command::While {
            condition,
            negated,
            body,
        })
    }

    fn for_loop(&mut self) -> Result<Command, String> {
        self.at += 1;
        let name = self.keyword().ok_or_else(|| self.error())?.to_owned();
        self.at += 1;
        self.expect("in")?;
        let mut words = Vec::new();
        while let Some(Token::Word(word)) = self.peek() {
            words.push(word.clone());
            self.at += 1;
        }
        while self.take_operator(&[";", "\n"]).is_some() {}
        let body = self.body()?;
        Ok(Command::For { name, words, body })
    }

    fn body(&mut self) -> Result<List, String> {
        self.expect("do")?;
        let body = self.list(&["done"])?;
        self.expect("done")?;
        Ok(body)
    }

    fn simple(&mut self) -> Result<Command, String> {
        let mut simple = Simple::default();
        loop {
            match self.peek().cloned() {
                Some(Token::Word(word)) => {
                    self.at += 1;
                    match assignment(&word) {
                        Some(assignment) if simple.words.is_empty() => simple.assignments.push(assignment),
                        _ => simple.words.push(word),
                    }
                }
                Some(Token::Redirect(descriptor, kind)) => {
                    self.at += 1;
                    let Some(Token::Word(target)) = self.peek().cloned() else {
                        return Err(self.error());
                    };
                    self.at += 1;
                    simple.redirects.push(Redirect {
                        descriptor,
                        kind,
                        target,
                    });
                }
                _ => break,
            }
        }
        if simple == Simple::default() {
            return Err(self.error());
        }
        Ok(Command::Simple(simple))
    }
}

fn assignment(word: &Word) -> Option<(String, Word)> {
    let Some(Part::Literal(first)) = word.first() else {
        return None;
    };
    let (name, rest) = first.split_once('=')?;
    let starts_well = name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_');
    if !starts_well || !name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_') {
        return None;
    }
    let mut value = vec![Part::Literal(rest.to_owned())];
    value.extend_from_slice(&word[1..]);
    Some((name.to_owned(), value))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scripts_of_manifests_are_read() {
        for script in [
            "echo oops >&2; exit 1",
            "touch /tmp/healthy; sleep 20; rm -f /tmp/healthy; sleep 600",
            "i=0; while true; do i=$((i+1)); echo tick $i; sleep 1; done",
            "trap 'echo main: TERM; sleep 3; exit 0' TERM; sleep 3600 & wait",
            "env | grep -E '^(A|B|X_)' | sort; sleep 3600",
            "if [ -f /x ]; then echo a; elif true; then echo b; else echo c; fi",
            "for i in 1 2 3\ndo\n  echo $i\ndone",
            "(echo a && echo b) || { echo c; }",
            "while true; do echo vol=$(cat /etc/config/a) sub=$(cat /sub); sleep 1; done",
        ] {
            assert!(parse(script).is_ok(), "{script}: {:?}", parse(script));
        }
    }

    #[test]
    fn what_makes_no_sense_is_refused_in_the_shells_words() {
        for (script, message) in [
            ("if true; then echo", "syntax error: unexpected end of file"),
            ("echo 'a", "syntax error: unterminated quoted string"),
            ("; ; )", "syntax error: unexpected \")\""),
            ("a && ;", "syntax error: unexpected \";\""),
        ] {
            assert_eq!(parse(script), Err(message.to_owned()), "{script}");
        }
    }

    #[test]
    fn a_redirect_keeps_its_descriptor() {
        let list = parse("dd 2>/dev/null >>out").unwrap();
        let Command::Simple(simple) = &list[0].pipeline.commands[0] else {
            panic!("not simple")
        };
        assert_eq!(simple.redirects[0].descriptor, 2);
        assert_eq!(simple.redirects[1].kind, RedirectKind::Append);
    }
}
