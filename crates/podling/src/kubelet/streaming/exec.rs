//! `pods/exec`: a command in a running container, with a person or a program at its input and output.

use super::Kind;
use super::channels::{self, Incoming, Streams};
use crate::apiserver::ApiServer;
use crate::clock::Time;
use crate::images::log::Log;
use crate::images::shell::machine::{Machine, Turn, World};
use crate::kubelet::containers::{CALLS_A_TURN, NEXT_TURN};
use crate::kubelet::runtime::Container;
use crate::kubelet::{Nodes, Task, texts};
use crate::request::Messages;

/// What the runtime reports of a process whose container was taken away: 128 and SIGKILL.
const KILLED: i32 = 137;

/// A running command.
#[derive(Debug)]
pub(super) struct Exec {
    pub(super) container: String,
    machine: Machine,
    output: Log,
    streams: Streams,
    size: Option<(u16, u16)>,
    /// Whether the terminal's size has changed and nothing was drawn since.
    resized: bool,
}

impl Exec {
    pub(super) fn is_held(&self, number: u64) -> bool {
        self.output.is_held_by(number)
    }

    pub(super) fn taken(&mut self, number: u64) {
        self.output.taken(number);
    }

    pub(super) const fn has_room(&self) -> bool {
        self.machine.has_room()
    }
}

impl Nodes {
    /// Runs a command; the number of its session.
    pub(super) fn exec(
        &mut self,
        api: &mut ApiServer,
        uid: &str,
        container: &str,
        command: &[String],
        streams: Streams,
    ) -> u64 {
        let number = self.sessions.next();
        match self.command(uid, container, command, streams, api.now()) {
            Ok(machine) => {
                let exec = Exec {
                    container: container.to_owned(),
                    machine,
                    output: Log::for_listener(number).with_terminal(streams.tty),
                    streams,
                    size: None,
                    resized: false,
                };
                self.sessions.insert(number, uid, Kind::Exec(Box::new(exec)));
                self.run_exec(api, number);
            }
            Err(reason) => {
                let id = self.rng.hex(64);
                let why = format!(
                    "error executing command in container: failed to exec in container: failed to start exec \
                     \"{id}\": {}{reason}",
                    texts::EXEC_ERROR
                );
                self.sessions.ended.insert(
                    number,
                    Messages {
                        messages: vec![channels::failed(&why)],
                        held: false,
                        ended: true,
                    },
                );
            }
        }
        number
    }

    fn command(
        &mut self,
        uid: &str,
        container: &str,
        command: &[String],
        streams: Streams,
        now: Time,
    ) -> Result<Machine, String> {
        let mut machine = self.machine(uid, container, command, now)?;
        if streams.stdin {
            machine = machine.with_open_input();
        }
        if streams.tty {
            let running = self
                .workers
                .get_mut(uid)
                .and_then(|worker| worker.containers.get_mut(container));
            if let Some(instance) = running.and_then(Container::running) {
                let style = instance.image.style(command);
                machine = machine.with_terminal(style, instance.seen.user);
            }
        }
        Ok(machine)
    }

    pub(super) fn exec_message(&mut self, api: &mut ApiServer, number: u64, message: &[u8]) {
        let now = api.now();
        let incoming = channels::read(message);
        self.with_exec(number, now, |exec, world| match incoming {
            Incoming::Stdin(bytes) => exec.feed(bytes, world),
            Incoming::CloseStdin => exec.close_input(),
            Incoming::Resize(..) | Incoming::Unknown => {}
        });
        if let (Incoming::Resize(width, height), Some(exec)) = (incoming, self.exec_of(number)) {
            // The first size comes before the command has drawn anything.
            exec.resized = exec.size.is_some_and(|size| size != (width, height));
            exec.size = Some((width, height));
        }
        self.run_exec(api, number);
    }

    /// The pod and the container of a command.
    fn place_of(&mut self, number: u64) -> Option<(String, String)> {
        let container = self.exec_of(number)?.container.clone();
        let session = self.sessions.open.get(&number)?;
        Some((session.pod.clone(), container))
    }

    fn exec_of(&mut self, number: u64) -> Option<&mut Exec> {
        match self
            .sessions
            .open
            .get_mut(&number)
            .map(|session| &mut session.kind)
        {
            Some(Kind::Exec(exec)) => Some(exec),
            _ => None,
        }
    }

    /// Works on a command and its container's files.
    fn with_exec<R>(
        &mut self,
        number: u64,
        now: Time,
        work: impl FnOnce(&mut Machine, &mut World<'_>) -> R,
    ) -> Option<R> {
        let session = self.sessions.open.get_mut(&number)?;
        let Kind::Exec(exec) = &mut session.kind else {
            return None;
        };
        let worker = self.workers.get_mut(&session.pod)?;
        let (machine, output) = (&mut exec.machine, &mut exec.output);
        worker.with_files(&mut self.disks, &exec.container, now, output, |world| {
            work(machine, world)
        })
    }

    /// Lets a command go on until it waits or ends.
    pub(super) fn run_exec(&mut self, api: &mut ApiServer, number: u64) {
        let now = api.now();
        if self
            .exec_of(number)
            .is_some_and(|exec| std::mem::take(&mut exec.resized))
        {
            self.with_exec(number, now, Machine::redraw);
        }
        for _ in 0..CALLS_A_TURN {
            let turn = self.with_exec(number, now, Machine::run);
            self.collect_output(number);
            match turn {
                Some(Turn::Waits(at)) => {
                    self.timers.cancel(&Task::Session(number));
                    if let Some(at) = at {
                        self.timers.at(at.max(now), Task::Session(number));
                    }
                    return;
                }
                Some(Turn::Exits(code)) => return self.end(number, [channels::exited(code)]),
                Some(Turn::Calls(call)) => {
                    let Some((pod, container)) = self.place_of(number) else {
                        return;
                    };
                    let reply = self.call(api, (&pod, &container), &call);
                    self.with_exec(number, now, |machine, world| machine.resume(&reply, world));
                }
                None => return self.kill_exec(number),
            }
        }
        self.timers.replace(now + NEXT_TURN, Task::Session(number));
    }

    fn collect_output(&mut self, number: u64) {
        if let Some(exec) = self.exec_of(number) {
            let messages = channels::output(exec.output.fetch(number), exec.streams);
            self.say(number, messages);
        }
    }

    /// The command's container is gone.
    pub(super) fn kill_exec(&mut self, number: u64) {
        self.end(number, [channels::exited(KILLED)]);
    }
}
