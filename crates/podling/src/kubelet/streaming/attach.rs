//! `pods/attach`: what a container's first process writes from now on, and input for it.

use std::time::Duration;

use super::Kind;
use super::channels::{self, Incoming, Streams};
use crate::apiserver::ApiServer;
use crate::images::log::Log;
use crate::images::process::Process;
use crate::kubelet::runtime::{self, Instance};
use crate::kubelet::{Nodes, Task};

/// Two changes of a terminal's size that come right behind each other are drawn once.
const BEFORE_DRAWING: Duration = Duration::from_millis(5);

/// A client at a container's first process.
#[derive(Debug)]
pub(super) struct Attach {
    pub(super) container: String,
    /// The container's ID: its next instance is another.
    id: String,
    streams: Streams,
}

impl Nodes {
    /// Joins a running container; the number of the session.
    pub(super) fn attach(&mut self, uid: &str, container: &str, streams: Streams) -> u64 {
        let number = self.sessions.next();
        let running = self
            .workers
            .get_mut(uid)
            .and_then(|worker| worker.containers.get_mut(container));
        if let Some(instance) = running.and_then(runtime::Container::running) {
            instance.log.listen(number);
            let attach = Attach {
                container: container.to_owned(),
                id: instance.seen.id.clone(),
                streams,
            };
            self.sessions.insert(number, uid, Kind::Attach(attach));
        }
        number
    }

    pub(super) fn attach_message(&mut self, api: &mut ApiServer, number: u64, message: &[u8]) {
        match channels::read(message) {
            Incoming::Stdin(bytes) => self.feed_attached(api, number, bytes),
            Incoming::CloseStdin => self.close_attached(api, number),
            Incoming::Resize(..) => {
                let then = api.now() + BEFORE_DRAWING;
                self.timers.replace(then, Task::Session(number));
            }
            Incoming::Unknown => {}
        }
    }

    /// The pod, the container and what is connected of an attached client.
    fn attached(&self, number: u64) -> Option<(String, String, Streams)> {
        let session = self.sessions.open.get(&number)?;
        let Kind::Attach(attach) = &session.kind else {
            return None;
        };
        Some((session.pod.clone(), attach.container.clone(), attach.streams))
    }

    fn feed_attached(&mut self, api: &mut ApiServer, number: u64, bytes: &[u8]) {
        let Some((pod, container, streams)) = self.attached(number) else {
            return;
        };
        if !streams.stdin {
            return;
        }
        let now = api.now();
        if let Some(worker) = self.workers.get_mut(&pod) {
            worker.with_process(&mut self.disks, &container, now, |process, world| {
                process.feed(bytes, world);
            });
        }
        self.run_process(api, &pod, &container);
    }

    /// The client's input is over. With `stdinOnce` so is the container's.
    fn close_attached(&mut self, api: &mut ApiServer, number: u64) {
        let Some((pod, container, streams)) = self.attached(number) else {
            return;
        };
        let now = api.now();
        let Some(worker) = self.workers.get_mut(&pod) else {
            return;
        };
        let once =
            runtime::container(&worker.pod, &container).is_some_and(|(spec, _)| spec["stdinOnce"] == true);
        if streams.stdin && once {
            worker.with_process(&mut self.disks, &container, now, |process, _| {
                process.close_input();
            });
            self.run_process(api, &pod, &container);
        }
    }

    /// Draws a shell's prompt anew after the terminal has got another size.
    pub(super) fn redraw_attached(&mut self, api: &ApiServer, number: u64) {
        if let Some((pod, container, _)) = self.attached(number)
            && let Some(worker) = self.workers.get_mut(&pod)
        {
            worker.with_process(&mut self.disks, &container, api.now(), |process, world| {
                process.redraw(world);
            });
        }
    }

    /// The client goes away; a process that waited for it goes on.
    pub(super) fn detach(&mut self, api: &mut ApiServer, number: u64) {
        self.close_attached(api, number);
        self.attached_log(api, number, Log::forget);
    }

    /// The client has taken what the container had written.
    pub(super) fn attached_taken(&mut self, api: &mut ApiServer, number: u64) {
        self.attached_log(api, number, Log::taken);
    }

    /// Changes how a container's log stands to an attached client, after which its process may go on.
    fn attached_log(&mut self, api: &mut ApiServer, number: u64, change: impl FnOnce(&mut Log, u64)) {
        let Some((pod, container, _)) = self.attached(number) else {
            return;
        };
        let Some(instance) = self.attached_instance(number) else {
            return;
        };
        let was_held = instance.log.is_held();
        change(&mut instance.log, number);
        if was_held && !instance.log.is_held() {
            self.run_process(api, &pod, &container);
        }
    }

    /// Whether the container's process waits for this client.
    pub(super) fn is_attached_held(&self, number: u64) -> bool {
        let instance = self.attached_to(number);
        instance.is_some_and(|instance| instance.log.is_held_by(number))
    }

    /// Whether there is room for more input for the container's process.
    pub(super) fn has_attached_room(&self, number: u64) -> bool {
        let process = self
            .attached_to(number)
            .and_then(|instance| instance.process.as_ref());
        process.is_none_or(Process::has_room)
    }

    fn attached_to(&self, number: u64) -> Option<&Instance> {
        let session = self.sessions.open.get(&number)?;
        let Kind::Attach(attach) = &session.kind else {
            return None;
        };
        let container = self
            .workers
            .get(&session.pod)?
            .containers
            .get(&attach.container)?;
        let mut instances = [&container.current, &container.previous].into_iter().flatten();
        instances.find(|instance| instance.seen.id == attach.id)
    }

    fn attached_instance(&mut self, number: u64) -> Option<&mut Instance> {
        let session = self.sessions.open.get(&number)?;
        let Kind::Attach(attach) = &session.kind else {
            return None;
        };
        let container = self
            .workers
            .get_mut(&session.pod)?
            .containers
            .get_mut(&attach.container)?;
        let mut instances = [&mut container.current, &mut container.previous]
            .into_iter()
            .flatten();
        instances.find(|instance| instance.seen.id == attach.id)
    }

    /// Brings what the container has written to an attached client.
    pub(super) fn collect_attached(&mut self, number: u64) {
        let Some((_, _, streams)) = self.attached(number) else {
            return;
        };
        if let Some(instance) = self.attached_instance(number) {
            let pieces = instance.log.fetch(number);
            self.say(number, channels::output(pieces, streams));
        }
    }

    /// The container has ended: so has what there is to see.
    pub(super) fn end_attached(&mut self, number: u64) {
        self.collect_attached(number);
        self.end(number, [channels::exited(0)]);
    }
}
