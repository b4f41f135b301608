//! Runs a compiled script until it has to wait.

mod command;
mod interactive;
mod program;
mod redirect;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use self::command::Waiting;
use self::interactive::Talk;
use self::program::{program_of, relocate};
use super::compile::{Operation, command};
use super::expand::Scope;
use super::network_tools::{self, Answer};
use super::parse::{Part, Simple};
use crate::clock::Time;
use crate::images::files::{Files, normalize};
use crate::images::log::Log;
use crate::network::{ConnectError, HttpRequest, HttpResponse};

/// What it costs to start a program.
const STARTS_PROGRAM: Duration = Duration::from_micros(500);

/// So many operations run without the clock moving; then the machine rests, as a busy loop uses CPU.
const OPERATIONS_A_TURN: usize = 2_000;
const REST: Duration = Duration::from_millis(50);

/// What a machine works on.
pub(crate) struct World<'a> {
    /// The present.
    pub(crate) now: Time,
    /// The files it sees.
    pub(crate) files: Files<'a>,
    /// Where its standard output and error go.
    pub(crate) log: &'a mut Log,
}

/// Something that only the network can answer.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) enum Call {
    /// One HTTP request.
    Http {
        /// A name or an address.
        host: String,
        /// The port.
        port: u16,
        /// What is asked.
        request: HttpRequest,
    },
    /// The addresses of a name.
    Lookup(String),
    /// A signal, such as `TERM`, for the first process of the container.
    Signal(String),
}

/// The network's answer.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Reply {
    /// To [`Call::Http`]: the address that the name had and what came back.
    Http(String, Result<HttpResponse, ConnectError>),
    /// To [`Call::Lookup`]; empty for an unknown name.
    Lookup(Vec<String>),
    /// To [`Call::Signal`].
    Signalled,
}

/// Where a machine stands after a turn.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) enum Turn {
    /// It goes on at that moment; `None`: only a signal or a reply moves it.
    Waits(Option<Time>),
    /// It needs the network; [`Machine::resume`] takes the reply.
    Calls(Call),
    /// It has ended with that exit code.
    Exits(i32),
}

#[derive(Clone, Debug)]
enum State {
    Ready,
    Sleeping(Time),
    /// `wait`: until every job has ended.
    Joining,
    /// A foreground command that never ends.
    Forever,
    Calling(Box<Simple>, Vec<String>),
    /// The network has answered; the tool is done at that moment.
    Answered(Time, Box<(Simple, Answer)>),
    /// A command that runs again when more input has come.
    Input(Box<Waiting>),
    /// A shell without a line to run.
    Prompting,
    /// The container's first process is to get a signal.
    Signalling(String),
    /// `tail -f`: the file, how much of it is printed, and when it is looked at again.
    Following(String, usize, Time),
    Exited(i32),
}

#[derive(Clone, Debug)]
enum Boundary {
    Capture(Vec<u8>),
    Subshell(BTreeMap<String, String>, String),
}

/// A running script.
#[derive(Clone, Debug)]
pub(crate) struct Machine {
    program: Vec<Operation>,
    at: usize,
    state: State,
    variables: BTreeMap<String, String>,
    directory: String,
    status: i32,
    /// Captures and subshells around the present point, with the addresses of their ends.
    boundaries: Vec<(usize, Boundary)>,
    values: Vec<String>,
    inputs: Vec<Vec<u8>>,
    loops: Vec<VecDeque<String>>,
    jobs: Vec<Self>,
    /// The job whose call is open.
    caller: Option<usize>,
    /// What runs at a signal, by the signal's name.
    traps: BTreeMap<String, String>,
    /// The trap that runs when the foreground command has ended.
    pending: Option<String>,
    /// Whether it is the first process of its container, which signals without a handler do nothing to.
    is_first: bool,
    /// CPU time used so far.
    used: Duration,
    /// The commands that `ps` shows: the container's first process, and this one if it is another.
    processes: Vec<String>,
    talk: Talk,
}

impl Machine {
    /// A machine for `argv`, with the environment as its variables. `sh -c script` runs the script; anything
    /// else is one command.
    pub(crate) fn new(argv: &[String], environment: &BTreeMap<String, String>, directory: &str) -> Self {
        let mut program = match argv {
            [shell, flag, script, ..] if is_shell(shell) && flag.starts_with('-') && flag.ends_with('c') => {
                program_of(script)
            }
            _ => command(argv),
        };
        program.push(Operation::End);
        Self {
            program,
            at: 0,
            state: State::Ready,
            variables: environment.clone(),
            directory: directory.to_owned(),
            status: 0,
            boundaries: Vec::new(),
            values: Vec::new(),
            inputs: Vec::new(),
            loops: Vec::new(),
            jobs: Vec::new(),
            caller: None,
            traps: BTreeMap::new(),
            pending: None,
            is_first: false,
            used: Duration::ZERO,
            processes: vec![argv.join(" ")],
            talk: Talk::default(),
        }
    }

    /// Lets it run beside the first process of its container.
    #[must_use]
    pub(crate) fn beside(mut self, first: &str) -> Self {
        self.processes.insert(0, first.to_owned());
        self
    }

    /// Makes it the first process of its container.
    #[must_use]
    pub(crate) const fn first_of_container(mut self) -> Self {
        self.is_first = true;
        self
    }

    /// Runs until the machine has to wait.
    pub(crate) fn run(&mut self, world: &mut World<'_>) -> Turn {
        if let Some(call) = self.run_jobs(world) {
            return Turn::Calls(call);
        }
        let turn = self.run_foreground(world);
        // A job that was just begun may need the network at once.
        match turn {
            Turn::Waits(_) => self.run_jobs(world).map_or(turn, Turn::Calls),
            Turn::Calls(_) | Turn::Exits(_) => turn,
        }
    }

    fn run_foreground(&mut self, world: &mut World<'_>) -> Turn {
        for _ in 0..OPERATIONS_A_TURN {
            match &self.state {
                State::Exited(code) => return Turn::Exits(*code),
                _ if world.log.is_held() => return Turn::Waits(None),
                State::Calling(_, words) => {
                    let read = |path: &str| {
                        let content = world.files.read(&normalize(&self.directory, path)).ok()?;
                        Some(String::from_utf8_lossy(content).into_owned())
                    };
                    match network_tools::call(words, &read) {
                        Some(call) => return Turn::Calls(call),
                        None => self.state = State::Ready,
                    }
                }
                State::Sleeping(until) | State::Answered(until, _) if *until > world.now => {
                    return self.waits(Some(*until));
                }
                State::Answered(_, done) => {
                    let (simple, answer) = done.as_ref().clone();
                    self.state = State::Ready;
                    self.print(&simple, &answer, world);
                }
                State::Joining if self.jobs.iter().any(|job| !job.has_exited()) => return self.waits(None),
                State::Forever => return self.waits(None),
                State::Signalling(signal) => return Turn::Calls(Call::Signal(signal.clone())),
                State::Input(_) | State::Prompting if !self.talk.stdin.has_news() => return self.waits(None),
                State::Input(waiting) => {
                    let waiting = waiting.clone();
                    self.state = State::Ready;
                    self.run_waiting(&waiting, world);
                }
                State::Following(_, _, at) if *at > world.now => return self.waits(Some(*at)),
                State::Following(path, printed, _) => {
                    let (path, printed) = (path.clone(), *printed);
                    self.follow(&path, printed, world);
                }
                _ => {
                    self.state = State::Ready;
                    self.run_pending_trap();
                    self.step(world);
                }
            }
        }
        self.used += REST;
        self.state = State::Sleeping(world.now + REST);
        self.waits(Some(world.now + REST))
    }

    /// The CPU time that it and its jobs have used.
    pub(crate) fn cpu_used(&self) -> Duration {
        self.jobs.iter().map(Self::cpu_used).sum::<Duration>() + self.used
    }

    /// Lets the jobs go on until one of them needs the network.
    fn run_jobs(&mut self, world: &mut World<'_>) -> Option<Call> {
        for (index, job) in self.jobs.iter_mut().enumerate() {
            if let Turn::Calls(call) = job.run(world) {
                self.caller = Some(index);
                return Some(call);
            }
        }
        if !matches!(self.state, State::Joining) {
            self.jobs.retain(|job| !job.has_exited());
        }
        None
    }

    const fn has_exited(&self) -> bool {
        matches!(self.state, State::Exited(_))
    }

    /// The earlier of the machine's own moment and its jobs'.
    fn waits(&self, own: Option<Time>) -> Turn {
        Turn::Waits(self.jobs.iter().filter_map(Self::wakes_at).chain(own).min())
    }

    fn wakes_at(&self) -> Option<Time> {
        match self.state {
            State::Sleeping(until) | State::Answered(until, _) | State::Following(_, _, until) => Some(until),
            _ => self.jobs.iter().filter_map(Self::wakes_at).min(),
        }
    }

    /// Delivers a signal; whether the machine does anything about it. As PID 1 of a container a process
    /// without a handler does nothing.
    pub(crate) fn signal(&mut self, name: &str, now: Time) -> bool {
        let Some(script) = self.traps.get(name).cloned() else {
            return false;
        };
        self.pending = Some(script);
        // `wait` is interrupted; any other foreground command is waited for.
        if matches!(self.state, State::Joining) {
            self.state = State::Sleeping(now);
        }
        true
    }

    fn run_pending_trap(&mut self) {
        if let Some(script) = self.pending.take() {
            let mut program = program_of(&script);
            let offset = self.program.len();
            relocate(&mut program, offset);
            self.program.extend(program);
            self.program.push(Operation::Jump(self.at));
            self.at = offset;
        }
    }

    /// Takes the network's answer to the call that is open.
    pub(crate) fn resume(&mut self, reply: &Reply, world: &mut World<'_>) {
        if let Some(index) = self.caller.take() {
            if let Some(job) = self.jobs.get_mut(index) {
                job.resume(reply, world);
            }
            return;
        }
        let State::Calling(simple, words) = std::mem::replace(&mut self.state, State::Ready) else {
            return;
        };
        let targets = self.targets(&simple);
        let answer = network_tools::finish(&words, reply, self.is_on_terminal(&targets));
        self.state = State::Answered(world.now + answer.took, Box::new((*simple, answer)));
    }

    /// Prints what a network tool has to say.
    fn print(&mut self, simple: &Simple, answer: &Answer, world: &mut World<'_>) {
        self.status = answer.status;
        if let Some((path, content)) = &answer.file {
            let path = normalize(&self.directory, path);
            // The tool's own message is the better one; a read-only target just keeps its content.
            let _ = world.files.write(&path, content, false);
        }
        let (out, err) = self.sinks(&self.targets(simple), world);
        self.send(answer.err.as_bytes(), &err, world);
        self.send(answer.out.as_bytes(), &out, world);
        self.send(answer.late.as_bytes(), &err, world);
    }

    fn step(&mut self, world: &mut World<'_>) {
        let operation = self.program.get(self.at).cloned().unwrap_or(Operation::End);
        self.at += 1;
        match operation {
            Operation::Run(simple) => self.run_simple(&simple, world),
            Operation::Capture { end } => self.boundaries.push((end, Boundary::Capture(Vec::new()))),
            Operation::EndCapture => {
                let captured = self.end_capture();
                let text = String::from_utf8_lossy(&captured);
                self.values.push(text.trim_end_matches('\n').to_owned());
            }
            Operation::Pipe => {
                let captured = self.end_capture();
                self.inputs.push(captured);
            }
            Operation::EndPipe => drop(self.inputs.pop()),
            Operation::Subshell { end } => {
                let kept = Boundary::Subshell(self.variables.clone(), self.directory.clone());
                self.boundaries.push((end, kept));
            }
            Operation::EndSubshell => {
                if let Some((_, Boundary::Subshell(variables, directory))) = self.boundaries.pop() {
                    (self.variables, self.directory) = (variables, directory);
                }
            }
            Operation::Jump(to) => self.at = to,
            Operation::JumpIf(success, to) if (self.status == 0) == success => self.at = to,
            Operation::JumpIf(..) => {}
            Operation::End => self.state = State::Exited(self.status),
            Operation::Succeed => self.status = 0,
            Operation::Not => self.status = i32::from(self.status == 0),
            Operation::For(words) => self.begin_loop(&words),
            Operation::Next { name, end } => self.next_word(name, end),
            Operation::Background(program) => self.start_job(program, world),
            Operation::Interpret => self.interpret(world),
        }
    }

    fn end_capture(&mut self) -> Vec<u8> {
        match self.boundaries.pop() {
            Some((_, Boundary::Capture(captured))) => captured,
            _ => Vec::new(),
        }
    }

    fn begin_loop(&mut self, words: &[Vec<Part>]) {
        let count = words.iter().flatten().filter(is_substitution).count();
        let values = self.take_values(count);
        let mut scope = Scope {
            variables: &self.variables,
            values: values.into_iter(),
            status: self.status,
        };
        let fields = words.iter().flat_map(|word| scope.fields(word)).collect();
        self.loops.push(fields);
    }

    fn next_word(&mut self, name: String, end: usize) {
        match self.loops.last_mut().and_then(VecDeque::pop_front) {
            Some(word) => {
                self.variables.insert(name, word);
            }
            None => {
                self.loops.pop();
                self.at = end;
            }
        }
    }

    fn start_job(&mut self, program: Vec<Operation>, world: &mut World<'_>) {
        let mut job = Self::new(&[], &self.variables, &self.directory);
        job.program = program;
        job.program.push(Operation::End);
        if job.run(world) != Turn::Exits(0) {
            self.jobs.push(job);
        }
        self.status = 0;
    }

    fn take_values(&mut self, count: usize) -> Vec<String> {
        self.values.split_off(self.values.len().saturating_sub(count))
    }
}

fn is_substitution(part: &&Part) -> bool {
    matches!(part, Part::Substitution { .. })
}

/// Whether a program is a shell.
pub(crate) fn is_shell(program: &str) -> bool {
    matches!(program.rsplit('/').next(), Some("sh" | "ash" | "bash" | "dash"))
}
