//! A machine that is talked to: input that comes while it runs, a terminal, and a shell that runs line after line.

use std::time::Duration;

use super::command::Waiting;
use super::program::relocate;
use super::{Machine, State, World};
use crate::clock::Time;
use crate::images::log::Descriptor;
use crate::images::shell::compile::{Operation, compile};
use crate::images::shell::parse::parse;
use crate::images::shell::stdin::Stdin;
use crate::images::shell::terminal::{Key, Style, Terminal};

/// The exit status of a process that SIGINT has ended.
const INTERRUPTED: i32 = 130;

/// How often `tail -f` looks.
const LOOK: Duration = Duration::from_secs(1);

/// A shell that reads its commands, and what is around it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Interpreter {
    /// Where its operation stands.
    at: usize,
    boundaries: usize,
    loops: usize,
    inputs: usize,
}

/// What a talked-to machine has beside others.
#[derive(Clone, Debug, Default)]
pub(super) struct Talk {
    pub(super) stdin: Stdin,
    terminal: Option<Box<Terminal>>,
    style: Style,
    /// Whom it runs as, which the prompt shows.
    user: i64,
    interpreters: Vec<Interpreter>,
    /// The lines of a command that is not complete.
    script: String,
    /// Whether the prompt for the next line stands there.
    prompted: bool,
}

impl Machine {
    /// Keeps standard input open, as `stdin: true` of a container does.
    #[must_use]
    pub(crate) fn with_open_input(mut self) -> Self {
        self.talk.stdin = Stdin::open();
        self
    }

    /// Puts a terminal at its input and output.
    #[must_use]
    pub(crate) fn with_terminal(mut self, style: Style, user: i64) -> Self {
        self.talk.terminal = Some(Box::default());
        self.talk.style = style;
        self.talk.user = user;
        self
    }

    pub(super) const fn has_terminal(&self) -> bool {
        self.talk.terminal.is_some()
    }

    /// Input comes; [`run`](Self::run) lets the machine take it.
    pub(crate) fn feed(&mut self, bytes: &[u8], world: &mut World<'_>) {
        let Some(mut terminal) = self.talk.terminal.take() else {
            self.talk.stdin.push(bytes);
            return;
        };
        for byte in bytes {
            let (seen, key) = terminal.press(*byte);
            world.log.write(world.now, Descriptor::Out, &seen);
            match key {
                Key::Nothing => {}
                Key::Line(line) => self.talk.stdin.push(&line),
                Key::Interrupt => self.interrupt(),
                Key::End => self.talk.stdin.end_once(),
            }
        }
        self.talk.terminal = Some(terminal);
    }

    /// Whether there is room for more input: it is waited for, or what waits fits a pipe.
    pub(crate) const fn has_room(&self) -> bool {
        matches!(self.state, State::Input(_) | State::Prompting) || self.talk.stdin.has_room()
    }

    /// No more input will come.
    pub(crate) const fn close_input(&mut self) {
        self.talk.stdin.close();
    }

    /// The terminal has another size: a shell at its prompt draws it anew.
    pub(crate) fn redraw(&mut self, world: &mut World<'_>) {
        let Some(terminal) = &self.talk.terminal else {
            return;
        };
        if matches!(self.state, State::Prompting) && self.talk.style.redraws() {
            let prompt = self
                .talk
                .style
                .prompt(&self.directory, &self.variables, self.talk.user);
            let line = String::from_utf8_lossy(terminal.line()).into_owned();
            let drawn = format!("\r{prompt}{line}\u{1b}[J");
            world.log.write(world.now, Descriptor::Out, drawn.as_bytes());
        }
    }

    /// SIGINT for the foreground: a shell gives up its command; the first process of a container ignores it.
    fn interrupt(&mut self) {
        self.talk.script.clear();
        let depth = self.boundaries.len();
        self.talk
            .interpreters
            .retain(|interpreter| interpreter.boundaries <= depth);
        if let Some(interpreter) = self.talk.interpreters.last().copied() {
            self.boundaries.truncate(interpreter.boundaries);
            self.loops.truncate(interpreter.loops);
            self.inputs.truncate(interpreter.inputs);
            self.at = interpreter.at;
            self.talk.prompted = false;
            self.status = INTERRUPTED;
            self.state = State::Ready;
        } else if !self.is_first {
            self.state = State::Exited(INTERRUPTED);
        }
    }

    /// Begins to read commands from standard input.
    pub(super) fn begin_interpreter(&mut self, world: &mut World<'_>) {
        let start = self.program.len();
        self.program.push(Operation::Subshell { end: start + 2 });
        self.program.push(Operation::Interpret);
        self.program.push(Operation::EndSubshell);
        self.program.push(Operation::Jump(self.at));
        self.talk.interpreters.push(Interpreter {
            at: start + 1,
            boundaries: self.boundaries.len() + 1,
            loops: self.loops.len(),
            inputs: self.inputs.len(),
        });
        self.at = start;
        self.talk.prompted = false;
        if self.talk.terminal.is_some() {
            let banner = self.talk.style.banner();
            world.log.write(world.now, Descriptor::Out, banner.as_bytes());
        }
    }

    /// Takes the next line and runs what it says; without one waits, or at the end of the input goes on behind.
    pub(super) fn interpret(&mut self, world: &mut World<'_>) {
        let here = self.at - 1;
        // What the last command was compiled to is over.
        self.program.truncate(here + 3);
        match self.talk.stdin.take_line() {
            Some(line) => {
                self.talk.prompted = false;
                self.talk.script += &String::from_utf8_lossy(&line);
                self.interpret_script(here, world);
            }
            None if self.talk.stdin.take_end() => {
                self.talk.script.clear();
                self.talk.interpreters.pop();
            }
            None => {
                self.prompt(world);
                self.at = here;
                self.talk.stdin.wait();
                self.state = State::Prompting;
            }
        }
    }

    fn interpret_script(&mut self, here: usize, world: &mut World<'_>) {
        match parse(&self.talk.script) {
            Ok(list) => {
                let mut program = compile(&list);
                let offset = self.program.len();
                relocate(&mut program, offset);
                self.program.extend(program);
                self.program.push(Operation::Jump(here));
                self.at = offset;
                self.talk.script.clear();
            }
            // The command goes on in the next line.
            Err(message) if message.ends_with("end of file") && self.talk.stdin.is_open() => self.at = here,
            Err(message) => {
                let text = format!("sh: {message}\n");
                world.log.write(world.now, Descriptor::Err, text.as_bytes());
                self.talk.script.clear();
                self.status = 2;
                self.at = here;
            }
        }
    }

    fn prompt(&mut self, world: &mut World<'_>) {
        if self.talk.terminal.is_none() || self.talk.prompted {
            return;
        }
        self.talk.prompted = true;
        let text = if self.talk.script.is_empty() {
            let prompt = self
                .talk
                .style
                .prompt(&self.directory, &self.variables, self.talk.user);
            prompt + self.talk.style.question()
        } else {
            "> ".to_owned()
        };
        world.log.write(world.now, Descriptor::Out, text.as_bytes());
    }

    /// Runs a command again that had waited for input.
    pub(super) fn run_waiting(&mut self, waiting: &Waiting, world: &mut World<'_>) {
        let Waiting {
            simple,
            words,
            assigned,
            targets,
        } = waiting;
        self.run_command(simple, words, assigned.clone(), targets, world);
    }

    /// Prints what was added to a file since the last look.
    pub(super) fn follow(&mut self, path: &str, printed: usize, world: &mut World<'_>) {
        let content = world.files.read(path).unwrap_or_default();
        // A file that got shorter was written anew.
        let from = if content.len() < printed { 0 } else { printed };
        let (added, length) = (content[from..].to_vec(), content.len());
        self.output(&added, "", &[], world);
        self.state = State::Following(path.to_owned(), length, world.now + LOOK);
    }

    /// When a machine that follows a file looks again.
    pub(super) fn next_look(now: Time) -> Time {
        now + LOOK
    }
}
