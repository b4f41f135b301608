//! The conditions that a lab can name. Each says something about the learner's cluster that is so, or isn't yet.
//!
//! In `lab.yaml` a condition is a mapping with one key, its name: `podsReady: {target: Pod/web}`. What has no name of
//! its own is a CEL expression. How each one is judged stands in [`crate::check::evaluate`].

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::lab::{Span, Target};

/// Something that is so in a cluster, or isn't.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Condition {
    /// Every one of these is so.
    All(Vec<Self>),
    /// At least one of these is so: different right ways to the same end.
    Any(Vec<Self>),
    /// This isn't so.
    Not(Box<Self>),
    /// The object is there, and not on its way out.
    Exists(Exists),
    /// The workload's newest revision has replaced all others and is available.
    RolloutComplete(RolloutComplete),
    /// Pods are ready. Only live Pods of the current revision count.
    PodsReady(PodsReady),
    /// No container has been restarted for as long as the objective's window is.
    NoRestarts(NoRestarts),
    /// A Service has ready Pods behind it.
    Endpoints(Endpoints),
    /// An HTTP request from inside the cluster is answered.
    Http(Http),
    /// A container's log holds a text.
    LogContains(LogContains),
    /// An event was recorded about an object that is there now.
    EventSeen(EventSeen),
    /// One of `status.conditions` has a status.
    StatusCondition(StatusCondition),
    /// `status.phase` of a Pod, a Namespace, a volume claim…
    Phase(Phase),
    /// What happened to a container: why it waits, how it ended last.
    ContainerState(ContainerState),
    /// A container is probed, and the probe would notice if the container failed.
    Probe(Probe),
    /// A probe asks a port that its container declares.
    ProbePort(ProbePort),
    /// A field of an object compares with a value or with another field.
    Field(Field),
    /// The workload wants at least as many replicas as before the break.
    ReplicasKept(Kept),
    /// The containers run the images that they ran before the break.
    ImageKept(ImageKept),
    /// What existed before the lab and isn't part of it is still as it was.
    NothingElseChanged(NothingElseChanged),
    /// A CEL expression is true.
    Cel(Cel),
}

/// See [`Condition::Exists`].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Exists {
    /// The object; by label, at least one.
    pub target: Target,
}

/// See [`Condition::RolloutComplete`].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct RolloutComplete {
    /// A Deployment, StatefulSet or DaemonSet.
    pub target: Target,
    /// How many replicas there must be at least.
    #[serde(default = "one")]
    pub replicas: i64,
}

/// See [`Condition::PodsReady`].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct PodsReady {
    /// A Pod, Pods by label, or a workload, whose Pods of the current revision are meant.
    pub target: Target,
    /// How many must be ready. All others that are alive must be ready too.
    #[serde(default = "one")]
    pub count: i64,
}

/// See [`Condition::NoRestarts`].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct NoRestarts {
    /// A Pod, Pods by label, or a workload.
    pub target: Target,
}

/// See [`Condition::Endpoints`].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Endpoints {
    /// The Service.
    pub service: String,
    /// How many ready addresses at least.
    #[serde(default = "one")]
    pub ready: i64,
}

/// See [`Condition::Http`].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Http {
    /// A Service or a Pod. It is asked through the API server's proxy, so that no Pod of ours is needed.
    pub target: Target,
    /// The port. Left out: a Service's first port; for a Pod the port that its probe asks, else its first declared one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub port: Option<u16>,
    /// The paths, one of which must be answered.
    #[serde(default = "root")]
    pub paths: Vec<String>,
    /// The status that counts. Left out: 200 to 399, what a probe takes for success.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status: Option<u16>,
    /// A text that the body must hold.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub contains: Option<String>,
}

/// See [`Condition::LogContains`].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct LogContains {
    /// A Pod, Pods by label, or a workload; one of its Pods is enough.
    pub target: Target,
    /// The container; left out, the first one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub container: Option<String>,
    /// The text to find.
    pub text: String,
    /// Look into the log of the container before its last restart.
    #[serde(default)]
    pub previous: bool,
}

/// See [`Condition::EventSeen`].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct EventSeen {
    /// The object that the event is about. Events of an earlier object of the same name don't count.
    pub target: Target,
    /// The event's reason: `Unhealthy`, `FailedScheduling`.
    pub reason: String,
    /// A text that the message must hold.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub message: Option<String>,
    /// How often it must have been recorded.
    #[serde(default = "one")]
    pub count: i64,
}

/// See [`Condition::StatusCondition`].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct StatusCondition {
    /// The object.
    pub target: Target,
    /// The condition's type: `Ready`, `Available`.
    #[serde(rename = "type")]
    pub kind: String,
    /// Its status: `"True"`, `"False"` or `"Unknown"`.
    pub status: String,
    /// Its reason, where that matters.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

/// See [`Condition::Phase`].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Phase {
    /// The object.
    pub target: Target,
    /// The phase: `Running`, `Bound`.
    pub is: String,
}

/// See [`Condition::ContainerState`].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ContainerState {
    /// A Pod, Pods by label, or a workload; one container of one Pod is enough.
    pub target: Target,
    /// The container; left out, any.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub container: Option<String>,
    /// Why it waits: `CrashLoopBackOff`, `ImagePullBackOff`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub waiting: Option<String>,
    /// How it ended last: `OOMKilled`, `Error`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub terminated: Option<String>,
    /// How many restarts at least.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub restarts: Option<i64>,
}

/// Which of a container's probes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum ProbeKind {
    /// `readinessProbe`.
    Readiness,
    /// `livenessProbe`.
    Liveness,
    /// `startupProbe`.
    Startup,
}

impl ProbeKind {
    /// The container's field that holds it.
    pub fn field(self) -> &'static str {
        match self {
            Self::Readiness => "readinessProbe",
            Self::Liveness => "livenessProbe",
            Self::Startup => "startupProbe",
        }
    }
}

/// See [`Condition::Probe`].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Probe {
    /// A Pod or a workload, whose template is looked at.
    pub target: Target,
    /// The container; left out, it is enough that one container is probed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub container: Option<String>,
    /// Which probe.
    pub probe: ProbeKind,
    /// How long the probe may take to notice a failure, from the container's start:
    /// `initialDelaySeconds` + `periodSeconds` × `failureThreshold`.
    #[serde(default = "three_minutes")]
    pub notices_within: Span,
}

/// See [`Condition::ProbePort`].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ProbePort {
    /// A Pod or a workload, whose template is looked at.
    pub target: Target,
    /// The container.
    pub container: String,
    /// Which probe.
    pub probe: ProbeKind,
}

/// See [`Condition::Field`].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Field {
    /// The object.
    pub target: Target,
    /// The field, as `spec.template.spec.containers[hello-server].image`; a name or an index in brackets picks from a list.
    pub path: String,
    /// How it compares.
    pub is: Comparison,
}

/// How a field compares. Quantities compare by what they mean: `1Gi` equals `1024Mi`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Comparison {
    /// It has this value.
    Equal(serde_json::Value),
    /// It hasn't this value (or is missing).
    NotEqual(serde_json::Value),
    /// It has one of these values.
    OneOf(Vec<serde_json::Value>),
    /// It is this much or more.
    AtLeast(serde_json::Value),
    /// It is this much or less.
    AtMost(serde_json::Value),
    /// It is set (`true`), or isn't (`false`).
    Set(bool),
    /// It is the same as this field of the same object.
    SameAs(String),
}

/// See [`Condition::ReplicasKept`].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Kept {
    /// A workload of the lab's manifests.
    pub target: Target,
}

/// See [`Condition::ImageKept`].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ImageKept {
    /// A Pod or a workload of the lab's manifests.
    pub target: Target,
    /// The container; left out, all of them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub container: Option<String>,
}

/// See [`Condition::NothingElseChanged`].
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct NothingElseChanged {
    /// Objects that the lab's task touches although no manifest of the lab makes them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub except: Vec<Target>,
}

/// See [`Condition::Cel`].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Cel {
    /// The expression. It must give true or false.
    pub expression: String,
    /// The names that the expression uses: an object (null where it is missing), or by label the list of the live ones.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub objects: BTreeMap<String, Target>,
}

fn one() -> i64 {
    1
}

fn root() -> Vec<String> {
    vec!["/".to_owned()]
}

fn three_minutes() -> Span {
    Span::seconds(180)
}

impl Condition {
    /// Calls `visit` with this condition and with each one inside it.
    pub fn walk<'a>(&'a self, visit: &mut dyn FnMut(&'a Self)) {
        visit(self);
        match self {
            Self::All(parts) | Self::Any(parts) => parts.iter().for_each(|part| part.walk(visit)),
            Self::Not(part) => part.walk(visit),
            _ => {}
        }
    }

    /// The objects that the condition itself names, without those of conditions inside it.
    pub fn targets(&self) -> Vec<&Target> {
        match self {
            Self::All(_) | Self::Any(_) | Self::Not(_) | Self::Endpoints(_) | Self::NothingElseChanged(_) => {
                vec![]
            }
            Self::Exists(c) => vec![&c.target],
            Self::RolloutComplete(c) => vec![&c.target],
            Self::PodsReady(c) => vec![&c.target],
            Self::NoRestarts(c) => vec![&c.target],
            Self::Http(c) => vec![&c.target],
            Self::LogContains(c) => vec![&c.target],
            Self::EventSeen(c) => vec![&c.target],
            Self::StatusCondition(c) => vec![&c.target],
            Self::Phase(c) => vec![&c.target],
            Self::ContainerState(c) => vec![&c.target],
            Self::Probe(c) => vec![&c.target],
            Self::ProbePort(c) => vec![&c.target],
            Self::Field(c) => vec![&c.target],
            Self::ReplicasKept(c) => vec![&c.target],
            Self::ImageKept(c) => vec![&c.target],
            Self::Cel(c) => c.objects.values().collect(),
        }
    }
}
