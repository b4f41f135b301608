//! From the syntax tree to a flat list of operations, which a machine can leave and enter at any point.

use super::parse::{Command, Item, Join, List, Part, Pipeline, Simple, Word};

/// One step of a program. Addresses are indices into the program.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Operation {
    /// Expands and runs a command; takes the results of its substitutions from the stack of values.
    Run(Simple),
    /// Collects output from here on; `exit` leads to `end`.
    Capture {
        /// Where the capture ends.
        end: usize,
    },
    /// Ends a capture; its text becomes a value.
    EndCapture,
    /// Ends a capture; its text becomes the input of what follows.
    Pipe,
    /// Ends the input that [`Operation::Pipe`] began.
    EndPipe,
    /// Begins a subshell; `exit` leads to `end`.
    Subshell {
        /// Where it ends.
        end: usize,
    },
    /// Ends a subshell.
    EndSubshell,
    /// Goes on elsewhere.
    Jump(usize),
    /// Goes on elsewhere if the last command's success is as given.
    JumpIf(bool, usize),
    /// Ends the machine with the last result.
    End,
    /// Turns the last result round.
    Not,
    /// Makes the last result a success.
    Succeed,
    /// Begins a `for` loop over words.
    For(Vec<Word>),
    /// Sets the variable to the next word, or ends the loop.
    Next {
        /// The variable.
        name: String,
        /// Where the loop ends.
        end: usize,
    },
    /// Starts a job in the background.
    Background(Vec<Self>),
    /// Runs the next line of standard input and comes back; goes on at the input's end.
    Interpret,
}

/// Compiles a script.
pub(crate) fn compile(list: &List) -> Vec<Operation> {
    let mut compiler = Compiler::default();
    compiler.list(list);
    compiler.program
}

/// A program that runs one command with literal words, as `command` of a container or a probe does.
pub(crate) fn command(words: &[String]) -> Vec<Operation> {
    vec![Operation::Run(Simple {
        words: words
            .iter()
            .map(|word| vec![Part::Literal(word.clone())])
            .collect(),
        ..Simple::default()
    })]
}

#[derive(Default)]
struct Compiler {
    program: Vec<Operation>,
    /// For each loop around: where `continue` goes, and the jumps of `break` to be filled in.
    loops: Vec<(usize, Vec<usize>)>,
}

impl Compiler {
    fn emit(&mut self, operation: Operation) -> usize {
        self.program.push(operation);
        self.program.len() - 1
    }

    fn list(&mut self, list: &List) {
        for item in list {
            self.item(item);
        }
    }

    fn item(&mut self, item: &Item) {
        let skip = match item.join {
            Join::Then => None,
            Join::And => Some(self.emit(Operation::JumpIf(false, 0))),
            Join::Or => Some(self.emit(Operation::JumpIf(true, 0))),
        };
        if item.background {
            let mut job = Self::default();
            job.pipeline(&item.pipeline);
            self.emit(Operation::Background(job.program));
        } else {
            self.pipeline(&item.pipeline);
        }
        if let Some(skip) = skip {
            self.land(skip);
        }
    }

    /// Lets the jump or boundary at `at` lead here.
    fn land(&mut self, at: usize) {
        let here = self.program.len();
        match &mut self.program[at] {
            Operation::Jump(to) | Operation::JumpIf(_, to) => *to = here,
            Operation::Capture { end } | Operation::Subshell { end } | Operation::Next { end, .. } => {
                *end = here;
            }
            _ => {}
        }
    }

    fn pipeline(&mut self, pipeline: &Pipeline) {
        let last = pipeline.commands.len() - 1;
        for (index, command) in pipeline.commands.iter().enumerate() {
            let capture = (index < last).then(|| self.emit(Operation::Capture { end: 0 }));
            self.command(command);
            if let Some(capture) = capture {
                self.land(capture);
                self.emit(Operation::Pipe);
            }
        }
        for _ in 0..last {
            self.emit(Operation::EndPipe);
        }
        if pipeline.negated {
            self.emit(Operation::Not);
        }
    }

    fn command(&mut self, command: &Command) {
        match command {
            Command::Simple(simple) => self.simple(simple),
            Command::Group(body) => self.list(body),
            Command::Subshell(body) => {
                let start = self.emit(Operation::Subshell { end: 0 });
                self.list(body);
                self.land(start);
                self.emit(Operation::EndSubshell);
            }
            Command::If {
                condition,
                then,
                otherwise,
            } => self.condition(condition, then, otherwise),
            Command::While {
                condition,
                negated,
                body,
            } => self.while_loop(condition, *negated, body),
            Command::For { name, words, body } => self.for_loop(name, words, body),
        }
    }

    fn condition(&mut self, condition: &List, then: &List, otherwise: &List) {
        self.list(condition);
        let to_else = self.emit(Operation::JumpIf(false, 0));
        self.list(then);
        let to_end = self.emit(Operation::Jump(0));
        self.land(to_else);
        if otherwise.is_empty() {
            self.emit(Operation::Succeed);
        }
        self.list(otherwise);
        self.land(to_end);
    }

    fn while_loop(&mut self, condition: &List, negated: bool, body: &List) {
        let start = self.program.len();
        self.list(condition);
        let to_end = self.emit(Operation::JumpIf(negated, 0));
        self.loop_body(start, body);
        self.land(to_end);
        self.emit(Operation::Succeed);
    }

    fn for_loop(&mut self, name: &str, words: &[Word], body: &List) {
        words.iter().for_each(|word| self.substitutions(word));
        self.emit(Operation::For(words.to_vec()));
        let next = self.emit(Operation::Next {
            name: name.to_owned(),
            end: 0,
        });
        self.loop_body(next, body);
        self.land(next);
    }

    /// A loop's body and the jump back; every `break` leads behind that jump, where the loop ends.
    fn loop_body(&mut self, start: usize, body: &List) {
        self.loops.push((start, Vec::new()));
        self.list(body);
        self.emit(Operation::Jump(start));
        let (_, breaks) = self.loops.pop().unwrap_or_default();
        breaks.into_iter().for_each(|at| self.land(at));
    }

    fn simple(&mut self, simple: &Simple) {
        let name = match simple.words.first().map(Vec::as_slice) {
            Some([Part::Literal(name)]) => name.as_str(),
            _ => "",
        };
        if let Some(&(start, _)) = self.loops.last() {
            if name == "continue" {
                self.emit(Operation::Jump(start));
                return;
            }
            if name == "break" {
                let at = self.emit(Operation::Jump(0));
                if let Some((_, breaks)) = self.loops.last_mut() {
                    breaks.push(at);
                }
                return;
            }
        }
        for word in words_of(simple) {
            self.substitutions(word);
        }
        self.emit(Operation::Run(simple.clone()));
    }

    fn substitutions(&mut self, word: &Word) {
        for part in word {
            if let Part::Substitution { body, .. } = part {
                let start = self.emit(Operation::Capture { end: 0 });
                self.list(body);
                self.land(start);
                self.emit(Operation::EndCapture);
            }
        }
    }
}

/// All words of a command in the order in which they are expanded.
pub(crate) fn words_of(simple: &Simple) -> impl Iterator<Item = &Word> {
    let assigned = simple.assignments.iter().map(|(_, word)| word);
    let targets = simple.redirects.iter().map(|redirect| &redirect.target);
    assigned.chain(&simple.words).chain(targets)
}
