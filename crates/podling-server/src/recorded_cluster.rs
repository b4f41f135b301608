//! A cluster and its journal: what is done to the one is written in the other first.

use std::io;
use std::mem;
use std::panic::{AssertUnwindSafe, catch_unwind};

use podling::apiserver::Stream;
use podling::clock::Time;
use podling::status::Status;
use podling::{Chunk, Cluster, Messages, Request, Response};

use crate::journal::{Entry, Input, Journal};

/// The words of kube-apiserver's panic filter (`WithPanicRecovery`).
const PANICKED: &str = "This request caused apiserver to panic. Look in the logs for details.";

/// A cluster that is, or is not, recorded.
#[derive(Debug)]
pub(crate) struct RecordedCluster {
    cluster: Cluster,
    recording: Recording,
    /// Time could not pass, for a bug in the cluster. Until it can, nothing is waited for: the driver would try
    /// again without end.
    stuck: bool,
}

#[derive(Debug)]
enum Recording {
    /// Nothing is recorded: the cluster dies with its process.
    Off,
    On(Journal),
    /// The cluster was stopped: it takes no more requests.
    Ended,
}

impl RecordedCluster {
    pub(crate) fn new(cluster: Cluster, journal: Option<Journal>) -> Self {
        let recording = journal.map_or(Recording::Off, Recording::On);
        Self {
            cluster,
            recording,
            stuck: false,
        }
    }

    pub(crate) fn now(&self) -> Time {
        self.cluster.now()
    }

    /// When to let time pass without being asked.
    pub(crate) fn next_deadline(&self) -> Option<Time> {
        self.cluster.next_deadline().filter(|_| !self.stuck)
    }

    /// Whether something is due at `now`.
    pub(crate) fn is_due(&self, now: Time) -> bool {
        self.cluster.next_deadline().is_some_and(|due| due <= now)
    }

    /// Lets time pass.
    pub(crate) fn advance_to(&mut self, now: Time) {
        let advanced = catch_unwind(AssertUnwindSafe(|| self.cluster.advance_to(now)));
        self.stuck = advanced.is_err();
        if self.stuck {
            tracing::error!("the cluster panicked while time passed; the next request tries again");
        }
    }

    pub(crate) fn read(&self, stream: &mut Stream) -> Chunk {
        self.cluster.read(stream)
    }

    /// Records `request`, unless it can change nothing, and answers it. What can't be recorded is not done.
    pub(crate) fn handle(&mut self, request: &Request) -> Response {
        match self.record_request(request) {
            Ok(()) => answer(&mut self.cluster, request),
            Err(refusal) => refusal.into(),
        }
    }

    pub(crate) fn is_over(&self, stream: &Stream) -> bool {
        self.cluster.is_over(stream)
    }

    /// Records what the client of a session says, and passes it on; whether the session can go on.
    pub(crate) fn send(&mut self, session: u64, message: Vec<u8>) -> bool {
        self.pass_on(&Input::Message { session, message })
    }

    /// Records that the client of a session is gone, and lets the cluster know.
    pub(crate) fn hang_up(&mut self, session: u64) {
        self.pass_on(&Input::HangUp { session });
    }

    /// Records that the client of a session has taken what it was told, and lets what waited for that go on.
    pub(crate) fn taken(&mut self, session: u64) {
        self.pass_on(&Input::Taken { session });
    }

    fn pass_on(&mut self, input: &Input) -> bool {
        let recorded = match &mut self.recording {
            Recording::Ended => return false,
            Recording::On(journal) => journal.record(self.cluster.now(), input.clone()),
            Recording::Off => Ok(()),
        };
        if let Err(error) = &recorded {
            tracing::warn!(%error, "what a session's client said could not be recorded, so it was not passed on");
            return false;
        }
        apply(&mut self.cluster, input);
        true
    }

    pub(crate) fn has_room(&self, session: u64) -> bool {
        self.cluster.has_room(session)
    }

    /// What a session has to say.
    pub(crate) fn receive(&mut self, session: u64) -> Messages {
        self.cluster.receive(session)
    }

    /// Ends the sessions that were open when the recording ended: their clients were connected to a process that is
    /// gone.
    pub(crate) fn hang_up_all(&mut self) {
        for session in self.cluster.sessions() {
            self.hang_up(session);
        }
    }

    fn record_request(&mut self, request: &Request) -> Result<(), Status> {
        match &mut self.recording {
            Recording::Ended => Err(Status::new(
                503,
                "ServiceUnavailable",
                "the cluster has been stopped",
            )),
            Recording::On(journal) if !request.is_read_only() => journal
                .record(self.cluster.now(), Input::Request(Box::new(request.clone())))
                .map_err(|error| unrecorded(journal, &error)),
            Recording::On(_) | Recording::Off => Ok(()),
        }
    }

    /// The journal, to be synced; `None` without one.
    pub(crate) fn journal(&self) -> Option<&Journal> {
        match &self.recording {
            Recording::On(journal) => Some(journal),
            Recording::Off | Recording::Ended => None,
        }
    }

    /// Takes no more requests and lets go of the journal.
    pub(crate) fn end(&mut self) -> Option<Journal> {
        match mem::replace(&mut self.recording, Recording::Ended) {
            Recording::On(journal) => Some(journal),
            Recording::Off | Recording::Ended => None,
        }
    }
}

/// Does again what was recorded, each input at its time.
pub(crate) fn replay(cluster: &mut Cluster, entries: &[Entry]) {
    for entry in entries {
        let replayed = catch_unwind(AssertUnwindSafe(|| cluster.advance_to(entry.time)));
        if replayed.is_err() {
            tracing::error!("the cluster panicked while time passed in a replay");
        }
        if let Input::Taken { session } = entry.input {
            // Nobody else fetches it in a replay.
            drop(cluster.receive(session));
        }
        apply(cluster, &entry.input);
    }
}

/// Does to the cluster what an input says, without its answer.
fn apply(cluster: &mut Cluster, input: &Input) {
    let applied = match input {
        Input::Request(request) => {
            drop(answer(cluster, request));
            Ok(())
        }
        Input::Message { session, message } => {
            catch_unwind(AssertUnwindSafe(|| cluster.send(*session, message)))
        }
        Input::Taken { session } => catch_unwind(AssertUnwindSafe(|| cluster.taken(*session))),
        Input::HangUp { session } => catch_unwind(AssertUnwindSafe(|| cluster.hang_up(*session))),
    };
    if applied.is_err() {
        tracing::error!("the cluster panicked at what a session's client said");
    }
}

/// A bug in the cluster must cost one request, not the learner's work: the same panic would come again with each
/// replay of the journal.
fn answer(cluster: &mut Cluster, request: &Request) -> Response {
    let answered = catch_unwind(AssertUnwindSafe(|| cluster.handle(request)));
    answered.unwrap_or_else(|_| {
        tracing::error!(
            method = request.method,
            path = request.path,
            "the cluster panicked"
        );
        Response::text(500, PANICKED)
    })
}

fn unrecorded(journal: &Journal, error: &io::Error) -> Status {
    let path = journal.path().display();
    Status::internal(&format!(
        "the request could not be recorded in {path}, so nothing was done: {error}"
    ))
}

#[cfg(test)]
mod tests {
    use std::fs;

    use podling::{Components, Config};
    use serde_json::json;

    use super::*;
    use crate::scratch::Scratch;

    fn config() -> Config {
        Config {
            seed: 1,
            start: Time::default(),
            nodes: Vec::new(),
            components: Components::NONE,
        }
    }

    fn create(name: &str) -> Request {
        let object = json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name}});
        Request::new("POST", "/api/v1/namespaces/default/configmaps").with_json(&object)
    }

    fn get(name: &str) -> Request {
        Request::new("GET", &format!("/api/v1/namespaces/default/configmaps/{name}"))
    }

    #[test]
    fn what_can_change_something_is_recorded_before_it_is_answered_and_what_reads_is_not() {
        let scratch = Scratch::new("recorded");
        let path = scratch.join("journal");
        let journal = Journal::open(&path, config()).unwrap().journal;
        let mut cluster = RecordedCluster::new(Cluster::new(config()), Some(journal));
        for (request, status, lines) in [(create("a"), 201, 2), (get("a"), 200, 2), (create("a"), 409, 3)] {
            assert_eq!(cluster.handle(&request).status, status);
            assert_eq!(
                fs::read_to_string(&path).unwrap().lines().count(),
                lines,
                "{request:?}"
            );
        }
    }

    #[test]
    fn what_cannot_be_recorded_is_not_done() {
        let scratch = Scratch::new("unrecorded");
        let path = scratch.join("journal");
        let mut journal = Journal::open(&path, config()).unwrap().journal;
        journal.make_unwritable().unwrap();
        let mut cluster = RecordedCluster::new(Cluster::new(config()), Some(journal));
        let refused = cluster.handle(&create("a"));
        assert_eq!(refused.status, 500);
        let message = refused.body_json()["message"].as_str().unwrap().to_owned();
        assert!(message.contains("could not be recorded"), "{message}");
        assert_eq!(cluster.handle(&get("a")).status, 404);
    }

    #[test]
    fn a_replay_ends_where_the_recording_was() {
        let scratch = Scratch::new("replayed");
        let path = scratch.join("journal");
        let journal = Journal::open(&path, config()).unwrap().journal;
        let mut first = RecordedCluster::new(Cluster::new(config()), Some(journal));
        for (seconds, name) in [(1, "a"), (2, "b"), (3, "a")] {
            first.advance_to(Time::from_micros(seconds * 1_000_000));
            first.handle(&create(name));
        }
        drop(first.end());
        let opened = Journal::open(&path, config()).unwrap();
        let mut again = Cluster::new(opened.config);
        replay(&mut again, &opened.entries);
        assert_eq!(again.now(), first.now());
        let list = Request::new("GET", "/api/v1/configmaps");
        assert_eq!(
            again.handle(&list).body_json(),
            first.cluster.handle(&list).body_json()
        );
    }
}
