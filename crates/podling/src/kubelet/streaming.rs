//! Sessions between a client and a pod: exec, attach and port-forward
//! (Kubernetes: `pkg/registry/core/pod/rest/subresources.go`, `k8s.io/kubelet/pkg/cri/streaming`).
//!
//! A session is opened by a request that upgrades to a WebSocket. What the client says then comes in message by
//! message, as an input of the cluster like any other; what there is to say to it is fetched after each change.
//!
//! A client that does not read holds up what it would have to read: a command, a container's first process, the
//! requests on a forwarded port. One whose input is not read is to wait in its turn.
//!
//! Differs from Kubernetes: WebSockets only, no SPDY over plain HTTP; a command ends when its client goes away.

mod attach;
mod channels;
mod connect;
mod exec;
mod http_connection;
mod port_forward;
mod spdy;

use std::collections::BTreeMap;

use self::attach::Attach;
use self::exec::Exec;
use self::port_forward::PortForward;
use super::{Nodes, Task};
use crate::apiserver::ApiServer;
use crate::request::Messages;

/// The open sessions.
#[derive(Debug, Default)]
pub(super) struct Sessions {
    /// How many were opened so far.
    opened: u64,
    open: BTreeMap<u64, Session>,
    /// Those whose client is still to be told that they have ended.
    ended: BTreeMap<u64, Messages>,
}

/// One session.
#[derive(Debug)]
struct Session {
    /// The pod's UID.
    pod: String,
    kind: Kind,
    /// What the client has not fetched yet.
    outgoing: Messages,
}

#[derive(Debug)]
enum Kind {
    Exec(Box<Exec>),
    Attach(Attach),
    PortForward(Box<PortForward>),
}

impl Sessions {
    /// The number of the next session.
    const fn next(&mut self) -> u64 {
        self.opened += 1;
        self.opened
    }

    fn insert(&mut self, number: u64, pod: &str, kind: Kind) {
        let session = Session {
            pod: pod.to_owned(),
            kind,
            outgoing: Messages::default(),
        };
        self.open.insert(number, session);
    }

    /// The open sessions of a pod.
    fn of(&self, pod: &str) -> Vec<u64> {
        let of_pod = self.open.iter().filter(|(_, session)| session.pod == pod);
        of_pod.map(|(number, _)| *number).collect()
    }
}

impl Nodes {
    /// A client's message.
    pub(crate) fn session_message(&mut self, api: &mut ApiServer, number: u64, message: &[u8]) {
        match self.sessions.open.get(&number).map(|session| &session.kind) {
            Some(Kind::Exec(_)) => self.exec_message(api, number, message),
            Some(Kind::Attach(_)) => self.attach_message(api, number, message),
            Some(Kind::PortForward(_)) => self.port_forward_message(api, number, message),
            None => {}
        }
    }

    /// The client is gone.
    pub(crate) fn hang_up(&mut self, api: &mut ApiServer, number: u64) {
        self.detach(api, number);
        self.sessions.open.remove(&number);
        self.sessions.ended.remove(&number);
        self.timers.cancel(&Task::Session(number));
    }

    /// What a session has to say since it was last asked.
    pub(crate) fn receive(&mut self, number: u64) -> Messages {
        if let Some(last) = self.sessions.ended.remove(&number) {
            return last;
        }
        self.collect_attached(number);
        let held = self.is_held(number);
        match self.sessions.open.get_mut(&number) {
            Some(session) => Messages {
                held,
                ..std::mem::take(&mut session.outgoing)
            },
            None => Messages {
                ended: true,
                ..Messages::default()
            },
        }
    }

    /// Whether a session's client has more to take than may wait for it.
    fn is_held(&self, number: u64) -> bool {
        match self.sessions.open.get(&number).map(|session| &session.kind) {
            Some(Kind::Exec(exec)) => exec.is_held(number),
            Some(Kind::Attach(_)) => self.is_attached_held(number),
            Some(Kind::PortForward(forward)) => forward.is_held(),
            None => false,
        }
    }

    /// The client has taken what there was, so that what was held up goes on.
    pub(crate) fn taken(&mut self, api: &mut ApiServer, number: u64) {
        match self
            .sessions
            .open
            .get_mut(&number)
            .map(|session| &mut session.kind)
        {
            Some(Kind::Exec(exec)) => exec.taken(number),
            Some(Kind::Attach(_)) => return self.attached_taken(api, number),
            Some(Kind::PortForward(forward)) => forward.taken(),
            None => return,
        }
        self.run_session(api, number);
    }

    /// Whether there is room for another message of the client.
    pub(crate) fn has_room(&self, number: u64) -> bool {
        match self.sessions.open.get(&number).map(|session| &session.kind) {
            Some(Kind::Exec(exec)) => exec.has_room(),
            Some(Kind::Attach(_)) => self.has_attached_room(number),
            Some(Kind::PortForward(forward)) => forward.has_room(),
            None => true,
        }
    }

    /// The numbers of the open sessions.
    pub(crate) fn sessions(&self) -> Vec<u64> {
        self.sessions.open.keys().copied().collect()
    }

    /// A session's moment has come.
    pub(super) fn run_session(&mut self, api: &mut ApiServer, number: u64) {
        match self.sessions.open.get(&number).map(|session| &session.kind) {
            Some(Kind::Exec(_)) => self.run_exec(api, number),
            Some(Kind::PortForward(_)) => self.run_port_forward(api, number),
            Some(Kind::Attach(_)) => self.redraw_attached(api, number),
            None => {}
        }
    }

    /// A container has ended, and with it what was run or joined in it.
    pub(super) fn end_sessions(&mut self, pod: &str, container: &str) {
        for number in self.sessions.of(pod) {
            match self.sessions.open.get(&number).map(|session| &session.kind) {
                Some(Kind::Exec(exec)) if exec.container == container => self.kill_exec(number),
                Some(Kind::Attach(attach)) if attach.container == container => self.end_attached(number),
                _ => {}
            }
        }
    }

    /// Adds messages for a session's client.
    fn say(&mut self, number: u64, messages: impl IntoIterator<Item = Vec<u8>>) {
        if let Some(session) = self.sessions.open.get_mut(&number) {
            session.outgoing.messages.extend(messages);
        }
    }

    /// Ends a session, with the last messages for its client.
    fn end(&mut self, number: u64, messages: impl IntoIterator<Item = Vec<u8>>) {
        self.say(number, messages);
        if let Some(session) = self.sessions.open.remove(&number) {
            let last = Messages {
                ended: true,
                ..session.outgoing
            };
            self.sessions.ended.insert(number, last);
        }
        self.timers.cancel(&Task::Session(number));
    }
}
