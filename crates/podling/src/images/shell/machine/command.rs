//! Runs one simple command: its words are expanded, its applet runs, and the machine takes on the outcome.

use super::program::{program_of, relocate};
use super::redirect::Target;
use super::{Machine, STARTS_PROGRAM, State, World, is_substitution};
use crate::images::shell::applets::{self, Io, Outcome};
use crate::images::shell::compile::{Operation, words_of};
use crate::images::shell::expand::Scope;
use crate::images::shell::parse::{RedirectKind, Simple};

/// A command that waits for input.
#[derive(Clone, Debug)]
pub(super) struct Waiting {
    pub(super) simple: Simple,
    pub(super) words: Vec<String>,
    pub(super) assigned: Vec<(String, String)>,
    pub(super) targets: Vec<Target>,
}

impl Machine {
    /// Expands a command and runs it; without words only its assignments and redirects take effect.
    pub(super) fn run_simple(&mut self, simple: &Simple, world: &mut World<'_>) {
        let count = words_of(simple).flatten().filter(is_substitution).count();
        let values = self.take_values(count);
        let mut scope = Scope {
            variables: &self.variables,
            values: values.into_iter(),
            status: self.status,
        };
        let assigned: Vec<(String, String)> = simple
            .assignments
            .iter()
            .map(|(name, word)| (name.clone(), scope.text(word)))
            .collect();
        let words: Vec<String> = simple.words.iter().flat_map(|word| scope.fields(word)).collect();
        let targets: Vec<Target> = simple
            .redirects
            .iter()
            .map(|redirect| (redirect.descriptor, redirect.kind, scope.text(&redirect.target)))
            .collect();
        if words.is_empty() {
            self.variables.extend(assigned);
            self.status = 0;
            self.output(b"", "", &targets, world);
            return;
        }
        self.run_command(simple, &words, assigned, &targets, world);
    }

    pub(super) fn run_command(
        &mut self,
        simple: &Simple,
        words: &[String],
        assigned: Vec<(String, String)>,
        targets: &[Target],
        world: &mut World<'_>,
    ) {
        let mut environment = self.variables.clone();
        environment.extend(assigned.iter().cloned());
        let input = self.input(targets, world);
        let mut io = Io {
            now: world.now,
            files: &mut world.files,
            variables: &mut environment,
            directory: &mut self.directory,
            traps: &mut self.traps,
            input,
            stdin: &mut self.talk.stdin,
            processes: &self.processes,
            out: String::new(),
            raw: Vec::new(),
            err: String::new(),
        };
        self.used += STARTS_PROGRAM;
        let outcome = applets::run(words, &mut io);
        let (mut out, err, rest) = (io.out.into_bytes(), io.err, io.input);
        out.extend(io.raw);
        if applets::keeps_variables(&words[0]) {
            self.variables = environment;
        }
        if words[0] == "read"
            && let Some(input) = self.inputs.last_mut()
        {
            *input = rest.unwrap_or_default();
        }
        self.output(&out, &err, targets, world);
        if outcome == Outcome::Input {
            self.talk.stdin.wait();
            self.state = State::Input(Box::new(Waiting {
                simple: simple.clone(),
                words: words.to_vec(),
                assigned,
                targets: targets.iter().map(once_opened).collect(),
            }));
            return;
        }
        self.apply(outcome, simple, words, world);
    }

    fn apply(&mut self, outcome: Outcome, simple: &Simple, words: &[String], world: &mut World<'_>) {
        let now = world.now;
        match outcome {
            Outcome::Done(status) => self.status = status,
            Outcome::Sleep(duration) => {
                self.status = 0;
                self.state = State::Sleeping(now + duration);
            }
            Outcome::Wait => {
                self.status = 0;
                self.state = State::Joining;
            }
            Outcome::Forever | Outcome::Input => self.state = State::Forever,
            Outcome::Follow(path, printed) => {
                self.state = State::Following(path, printed, Self::next_look(now));
            }
            Outcome::Interpret => self.begin_interpreter(world),
            // To itself: a trap runs; without one nothing happens to a first process.
            Outcome::Signal(name) if self.is_first => {
                self.status = 0;
                self.signal(&name, now);
            }
            Outcome::Signal(name) => {
                self.status = 0;
                self.state = State::Signalling(name);
            }
            Outcome::Call => self.state = State::Calling(Box::new(simple.clone()), words.to_vec()),
            Outcome::Shell(script) => self.splice(&script),
            Outcome::Exit(code) => self.exit(code.unwrap_or(self.status)),
        }
    }

    /// Ends the subshell or capture around, or the machine.
    fn exit(&mut self, code: i32) {
        self.status = code;
        match self.boundaries.last() {
            Some((end, _)) => self.at = *end,
            None => self.state = State::Exited(code),
        }
    }

    /// Runs a script in the place of the present command, as `sh -c` inside a script does.
    fn splice(&mut self, script: &str) {
        let mut program = program_of(script);
        let offset = self.program.len();
        relocate(&mut program, offset + 1);
        self.program.push(Operation::Subshell {
            end: offset + 1 + program.len(),
        });
        self.program.extend(program);
        self.program.push(Operation::EndSubshell);
        self.program.push(Operation::Jump(self.at));
        self.at = offset;
    }
}

/// A redirect as it is when its command goes on: its file is not emptied again.
fn once_opened((descriptor, kind, target): &Target) -> Target {
    let kind = match kind {
        RedirectKind::Write => RedirectKind::Append,
        kind => *kind,
    };
    (*descriptor, kind, target.clone())
}
