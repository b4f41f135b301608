//! From the text of a script to its syntax tree.

mod lexer;
mod syntax;

use self::lexer::{Token, tokens};
pub(crate) use self::syntax::{
    Command, Item, Join, List, Part, Pipeline, Redirect, RedirectKind, Simple, Word,
};

/// Reads a script.
///
/// # Errors
/// The shell's own message for what it cannot read.
pub(crate) fn parse(script: &str) -> Result<List, String> {
    let mut parser = Parser {
        tokens: tokens(script)?,
        at: 0,
    };
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
