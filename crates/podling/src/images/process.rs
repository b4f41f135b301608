//! A container's first process, from its start to its end.

use std::collections::BTreeMap;
use std::time::Duration;

use super::load;
use super::server::Server;
use super::shell::applets;
use super::shell::machine::{Machine, Reply, Turn, World, is_shell};
use super::{Image, Program};
use crate::clock::Time;
use crate::network::{ConnectError, HttpRequest, HttpResponse};

/// What a shell with a program or two takes.
const SHELL_MEMORY: u64 = 1 << 20;
/// What something unknown takes.
const IDLE_MEMORY: u64 = 5 << 20;

/// What a process may use.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(crate) struct Limits {
    /// Memory in bytes; the node's where the container has no limit.
    pub(crate) memory: u64,
    /// CPU in thousandths; `None` without a limit.
    pub(crate) cpu: Option<u64>,
}

/// What a container is started with.
pub(crate) struct Launch<'a> {
    /// Its image.
    pub(crate) image: &'a Image,
    /// `command` of the container; empty for the image's own.
    pub(crate) command: &'a [String],
    /// `args` of the container.
    pub(crate) arguments: &'a [String],
    /// Its environment.
    pub(crate) environment: &'a BTreeMap<String, String>,
    /// Its working directory.
    pub(crate) directory: &'a str,
    /// What it may use.
    pub(crate) limits: Limits,
    /// Whether standard input stays open.
    pub(crate) stdin: bool,
    /// Whether there is a terminal.
    pub(crate) terminal: bool,
    /// Whom it runs as.
    pub(crate) user: i64,
    /// Ports that other containers of the pod listen on.
    pub(crate) taken_ports: &'a [u16],
}

/// How a process ends at a signal.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum OnSignal {
    /// At once, with that code.
    Exits(i32),
    /// In its own time: it has been told and goes on.
    Goes,
    /// Not at all.
    Ignores,
}

/// A running process.
#[derive(Clone, Debug)]
pub(crate) enum Process {
    /// A server with a behaviour of its own.
    Server(Box<Server>),
    /// A command or script.
    Machine(Box<Machine>),
    /// Something unknown that runs for ever.
    Idle,
}

/// Why a program cannot be run, as the OCI runtime says behind its own prefix; `None` if it can.
pub(crate) fn cannot_run(image: &Image, program: &str, world: &World<'_>) -> Option<String> {
    let own = image.command.first().is_some_and(|own| own == program);
    let name = program.rsplit('/').next().unwrap_or_default();
    let installed =
        image.tools && (applets::is_installed(name) || image.program == Program::Nginx && name == "nginx");
    if own {
        return None;
    }
    if !program.contains('/') {
        let text = format!("exec: \"{program}\": executable file not found in $PATH");
        return (!installed).then_some(text);
    }
    if world.files.is_directory(program) {
        return Some(format!("exec: \"{program}\": permission denied"));
    }
    let in_path = program.strip_suffix(name).is_some_and(|directory| {
        matches!(
            directory,
            "/bin/" | "/usr/bin/" | "/usr/local/bin/" | "/sbin/" | "/usr/sbin/"
        )
    });
    let exists = installed && in_path || world.files.read(program).is_ok();
    let text = format!("exec: \"{program}\": stat {program}: no such file or directory");
    (!exists).then_some(text)
}

/// The command of a container's first process, as `ps` shows it.
pub(crate) fn command_line(launch: &Launch<'_>) -> String {
    argv(launch).join(" ")
}

/// Starts a process.
///
/// # Errors
/// As [`cannot_run`].
pub(crate) fn start(launch: &Launch<'_>, world: &mut World<'_>) -> Result<Process, String> {
    let argv = argv(launch);
    let Some(program) = argv.first() else {
        return Ok(idle(launch, world));
    };
    let is_own = launch.command.is_empty()
        || launch
            .image
            .command
            .first()
            .is_some_and(|own| own.rsplit('/').next() == program.rsplit('/').next());
    if is_own && !matches!(launch.image.program, Program::Tools | Program::Unknown) {
        return Ok(Process::Server(Box::new(Server::start(launch, world))));
    }
    if launch.image.program == Program::Unknown && !is_known(program) {
        return Ok(idle(launch, world));
    }
    if let Some(reason) = cannot_run(launch.image, program, world) {
        return Err(reason);
    }
    let argv = match program.as_str() {
        "/entrypoint.sh" => entrypoint(&argv[1..]),
        _ => argv,
    };
    let mut machine = Machine::new(&argv, launch.environment, launch.directory).first_of_container();
    if launch.stdin {
        machine = machine.with_open_input();
    }
    if launch.terminal {
        machine = machine.with_terminal(launch.image.style(&argv), launch.user);
    }
    Ok(Process::Machine(Box::new(machine)))
}

/// curlimages/curl runs its arguments with curl unless they name a program.
fn entrypoint(arguments: &[String]) -> Vec<String> {
    let starts_program = arguments.first().is_some_and(|first| is_known(first));
    let mut argv = if starts_program {
        Vec::new()
    } else {
        vec!["curl".to_owned()]
    };
    argv.extend_from_slice(arguments);
    argv
}

fn is_known(program: &str) -> bool {
    is_shell(program) || applets::is_installed(program.rsplit('/').next().unwrap_or_default())
}

fn argv(launch: &Launch<'_>) -> Vec<String> {
    let mut argv = launch.command.to_vec();
    if argv.is_empty() {
        argv.clone_from(&launch.image.command);
        if !launch.arguments.is_empty() && matches!(launch.image.program, Program::Tools) {
            // The tools images have a CMD, which arguments replace; curl's is an ENTRYPOINT.
            argv.retain(|word| word == "/entrypoint.sh");
        }
    }
    argv.extend_from_slice(launch.arguments);
    argv
}

fn idle(launch: &Launch<'_>, world: &mut World<'_>) -> Process {
    let text = format!(
        "podling: the behaviour of image {} is not modelled; this container runs for ever and does nothing",
        launch.image.name
    );
    world.log.line(world.now, text);
    Process::Idle
}

impl Process {
    /// Runs until it has to wait.
    pub(crate) fn run(&mut self, world: &mut World<'_>) -> Turn {
        match self {
            Self::Server(server) => server.run(world),
            Self::Machine(machine) => machine.run(world),
            Self::Idle => Turn::Waits(None),
        }
    }

    /// Takes the network's answer.
    pub(crate) fn resume(&mut self, reply: &Reply, world: &mut World<'_>) {
        if let Self::Machine(machine) = self {
            machine.resume(reply, world);
        }
    }

    /// Input comes for it.
    pub(crate) fn feed(&mut self, bytes: &[u8], world: &mut World<'_>) {
        if let Self::Machine(machine) = self {
            machine.feed(bytes, world);
        }
    }

    /// Whether there is room for more input.
    pub(crate) const fn has_room(&self) -> bool {
        match self {
            Self::Machine(machine) => machine.has_room(),
            Self::Server(_) | Self::Idle => true,
        }
    }

    /// No more input will come.
    pub(crate) const fn close_input(&mut self) {
        if let Self::Machine(machine) = self {
            machine.close_input();
        }
    }

    /// Its terminal has another size.
    pub(crate) fn redraw(&mut self, world: &mut World<'_>) {
        if let Self::Machine(machine) = self {
            machine.redraw(world);
        }
    }

    /// Sends a signal from within the container, which SIGKILL and SIGSTOP do nothing to as it is PID 1.
    pub(crate) fn signal(&mut self, name: &str, world: &mut World<'_>) -> OnSignal {
        match self {
            Self::Machine(machine) => match machine.signal(name, world.now) {
                true => OnSignal::Goes,
                false => OnSignal::Ignores,
            },
            _ if matches!(name, "TERM" | "INT" | "QUIT") => self.terminate(world),
            _ => OnSignal::Ignores,
        }
    }

    /// Sends SIGTERM. As PID 1 a process without a handler ignores it.
    pub(crate) fn terminate(&mut self, world: &mut World<'_>) -> OnSignal {
        match self {
            Self::Server(server) => server.terminate(world),
            Self::Machine(_) => self.signal("TERM", world),
            Self::Idle => OnSignal::Exits(143),
        }
    }

    /// The ports that it listens on at that moment.
    pub(crate) fn ports(&self, now: Time) -> Vec<u16> {
        match self {
            Self::Server(server) => server.ports(now),
            _ => Vec::new(),
        }
    }

    /// Answers a request.
    ///
    /// # Errors
    /// It ends without an answer.
    pub(crate) fn answer(
        &mut self,
        request: &HttpRequest,
        port: u16,
        world: &mut World<'_>,
    ) -> Result<HttpResponse, ConnectError> {
        match self {
            Self::Server(server) => server.answer(request, port, world),
            _ => Err(ConnectError::Refused(format!("127.0.0.1:{port}"))),
        }
    }

    /// Whether a gRPC health check on a port finds it serving; `None` if nothing answers gRPC there.
    pub(crate) fn grpc_serving(&self, port: u16, now: Time) -> Option<bool> {
        match self {
            Self::Server(server) => server.grpc_serving(port, now),
            _ => None,
        }
    }

    /// CPU time used since its start, and memory in bytes.
    pub(crate) fn used(&self, started: Time, limits: Limits, now: Time) -> (Duration, u64) {
        match self {
            Self::Server(server) => server.used(now),
            Self::Machine(machine) => {
                let most = load::at_most(now.since(started), limits);
                (machine.cpu_used().min(most), SHELL_MEMORY)
            }
            Self::Idle => (Duration::ZERO, IDLE_MEMORY),
        }
    }

    /// Changes what it may use.
    pub(crate) fn set_limits(&mut self, limits: Limits, now: Time) {
        if let Self::Server(server) = self {
            server.set_limits(limits, now);
        }
    }

    /// Whether its end was the out-of-memory killer's work.
    pub(crate) fn was_out_of_memory(&self) -> bool {
        matches!(self, Self::Server(server) if server.was_out_of_memory())
    }
}
