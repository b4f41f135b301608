//! What the checks observed, as data: an id with its values. Each language says it in a file of its own.

mod english;
mod japanese;

use serde::Serialize;

use super::ProbeKind;
use crate::lab::Language;

/// An observation. [`Message::render`] puts it into words; in JSON it is `{"id": …, …values}`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "id", rename_all = "camelCase", rename_all_fields = "camelCase")]
#[expect(
    missing_docs,
    reason = "the values are named after what they are; english.rs says each variant in words"
)]
pub enum Message {
    /// The first look at the cluster isn't complete.
    Reading,
    /// The cluster doesn't answer.
    Unreachable { error: String },
    /// Objects of a kind couldn't be read.
    Unreadable { kind: String, error: String },
    /// The object doesn't exist.
    NotFound { target: String },
    /// The object is being deleted.
    BeingDeleted { target: String },
    /// The object exists.
    Exists { target: String },
    /// A controller has not yet taken notice of the newest change.
    NotObserved { target: String },
    /// A rollout is under way.
    RollingOut {
        target: String,
        updated: i64,
        available: i64,
        wanted: i64,
    },
    /// A rollout took longer than its deadline.
    RolloutStuck { target: String, reason: String },
    /// A rollout is complete.
    RolledOut { target: String, available: i64 },
    /// A workload wants fewer replicas than it should.
    TooFewWanted { target: String, wanted: i64, least: i64 },
    /// Enough Pods are ready.
    PodsReady { target: String, ready: i64 },
    /// There are no live Pods.
    NoPods { target: String },
    /// Fewer Pods than needed are there.
    TooFewPods { target: String, ready: i64, wanted: i64 },
    /// A Pod is on its way: scheduled, pulling, starting, or not probed for long enough.
    PodStarting { pod: String },
    /// A Pod can't be placed on a node.
    PodUnschedulable { pod: String, why: String },
    /// A container waits for a reason.
    ContainerWaiting {
        pod: String,
        container: String,
        reason: String,
    },
    /// A container runs and isn't ready.
    ContainerNotReady { pod: String, container: String },
    /// A container ended.
    ContainerEnded {
        pod: String,
        container: String,
        reason: String,
        exit_code: i64,
    },
    /// A Pod is over.
    PodOver { pod: String, phase: String },
    /// Containers run.
    Running { target: String, restarts: i64 },
    /// So many addresses stand behind a Service.
    Endpoints {
        service: String,
        ready: i64,
        wanted: i64,
    },
    /// A request was not made yet.
    HttpWaiting { url: String },
    /// A request was answered.
    HttpAnswered { url: String, status: u16 },
    /// A request was answered with another status than wanted.
    HttpStatus { url: String, status: u16 },
    /// A request was answered without the text wanted.
    HttpWithout { url: String, text: String },
    /// A request couldn't be made.
    HttpFailed { url: String, error: String },
    /// A log was not read yet.
    LogWaiting { target: String },
    /// A log holds a text.
    LogHolds { target: String, text: String },
    /// A log doesn't hold a text.
    LogWithout { target: String, text: String },
    /// Events of a reason were recorded so many times.
    Events {
        target: String,
        reason: String,
        seen: i64,
        wanted: i64,
    },
    /// A status condition is as it is.
    StatusCondition {
        target: String,
        condition: String,
        status: String,
        reason: String,
    },
    /// An object's phase.
    Phase { target: String, phase: String },
    /// A container has been seen in the state.
    ContainerSeen { target: String },
    /// No container has been seen in the state.
    ContainerNotSeen { target: String },
    /// A container is probed well.
    Probed { target: String, probe: ProbeKind },
    /// A container isn't probed.
    NotProbed {
        target: String,
        container: Option<String>,
        probe: ProbeKind,
    },
    /// A container's probe would not notice a failure.
    ProbeBlind {
        target: String,
        container: String,
        probe: ProbeKind,
        flaw: ProbeFlaw,
    },
    /// A probe asks a port that its container declares.
    ProbePortDeclared {
        container: String,
        probe: ProbeKind,
        port: String,
    },
    /// A probe asks another port than its container declares.
    ProbePortElsewhere {
        container: String,
        probe: ProbeKind,
        port: String,
        declared: String,
    },
    /// A field's value; `expected` is the comparison in words of YAML.
    Field {
        target: String,
        path: String,
        value: String,
        expected: String,
    },
    /// A workload wants as many replicas as before.
    ReplicasKept { target: String, replicas: i64 },
    /// Images are what they were.
    ImagesKept { target: String },
    /// An image is another one than before.
    ImageChanged {
        target: String,
        container: String,
        before: String,
        now: String,
    },
    /// Nothing outside the lab changed.
    NothingElseChanged,
    /// Something outside the lab changed.
    OtherChanged { target: String },
    /// Something outside the lab is gone.
    OtherGone { target: String },
    /// A CEL expression's value.
    Cel { expression: String, value: String },
    /// A CEL expression couldn't be evaluated.
    CelError { expression: String, error: String },
    /// Something holds that must not.
    MustNot { observed: Box<Self> },
    /// Everything that was asked for holds.
    AllHold,
}

/// Why a probe would not notice that its container failed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "flaw", rename_all = "camelCase", rename_all_fields = "camelCase")]
#[expect(
    missing_docs,
    reason = "the values are named after what they are; english.rs says each variant in words"
)]
pub enum ProbeFlaw {
    /// It has no handler.
    NoHandler,
    /// Its command always succeeds.
    AlwaysSucceeds { command: String },
    /// It asks another host than its own Pod.
    OtherHost { host: String },
    /// It asks a port of another container in the Pod.
    OtherContainer { container: String, port: String },
    /// It takes too long to notice.
    TooSlow { seconds: i64, limit: i64 },
}

impl Message {
    /// Says it in a language, as one sentence without a full stop.
    pub fn render(&self, language: Language) -> String {
        match language {
            Language::En => english::say(self),
            Language::Ja => japanese::say(self),
        }
    }
}
