//! The containers of a pod as the runtime knows them.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use crate::clock::Time;
use crate::images::Image;
use crate::images::files::Mount;
use crate::images::log::Log;
use crate::images::process::{Limits, Process};

/// How a container ended.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) struct Finish {
    /// When.
    pub(super) time: Time,
    /// The exit code.
    pub(super) code: i32,
    /// `Completed`, `Error`, `OOMKilled`, `StartError`.
    pub(super) reason: &'static str,
    /// The termination message.
    pub(super) message: String,
}

/// What PLEG sees of a container, and so what the status is made from.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) struct Seen {
    /// The container's ID, without `containerd://`.
    pub(super) id: String,
    /// How often the container was started before.
    pub(super) attempt: u32,
    /// The image's full name.
    pub(super) image: String,
    /// The image with its digest.
    pub(super) image_id: String,
    /// The user it runs as.
    pub(super) user: i64,
    /// The resources that it runs with.
    pub(super) resources: Value,
    /// When it was started; `None` if it never was.
    pub(super) started: Option<Time>,
    /// How it ended.
    pub(super) finish: Option<Finish>,
}

impl Seen {
    /// Whether it runs.
    pub(super) const fn is_running(&self) -> bool {
        self.started.is_some() && self.finish.is_none()
    }

    /// `lastState.terminated` or `state.terminated`.
    pub(super) fn terminated(&self) -> Option<Value> {
        let finish = self.finish.as_ref()?;
        let mut state = json!({
            "exitCode": finish.code,
            "reason": finish.reason,
            "startedAt": self.started.unwrap_or_default().rfc3339(),
            "finishedAt": finish.time.rfc3339(),
            "containerID": format!("containerd://{}", self.id),
        });
        if !finish.message.is_empty() {
            state["message"] = finish.message.as_str().into();
        }
        Some(state)
    }
}

/// A container that was created.
#[derive(Debug)]
pub(super) struct Instance {
    /// What is shown of it.
    pub(super) seen: Seen,
    /// Its first process while it runs.
    pub(super) process: Option<Process>,
    /// What it has written.
    pub(super) log: Log,
    /// Its image.
    pub(super) image: Image,
    /// `image` of the spec it was made from; another one there means a new container.
    pub(super) requested: String,
    /// The command of its first process, once that was started.
    pub(super) command_line: String,
    /// Its environment.
    pub(super) environment: BTreeMap<String, String>,
    /// Its working directory.
    pub(super) directory: String,
    /// Its mounts.
    pub(super) mounts: Vec<Mount>,
    /// What it may use.
    pub(super) limits: Limits,
    /// Whether the runtime has removed it, so that its log is gone.
    pub(super) removed: bool,
}

/// One container of the spec: its last instance and the one before.
#[derive(Debug, Default)]
pub(super) struct Container {
    /// The last instance.
    pub(super) current: Option<Instance>,
    /// The one before it.
    pub(super) previous: Option<Instance>,
}

/// The last two instances of a container as PLEG saw them.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub(super) struct SeenContainer {
    /// The last.
    pub(super) current: Option<Seen>,
    /// The one before it.
    pub(super) previous: Option<Seen>,
}

impl Container {
    /// What PLEG sees now.
    pub(super) fn seen(&self) -> SeenContainer {
        let seen = |instance: &Option<Instance>| instance.as_ref().map(|instance| instance.seen.clone());
        SeenContainer {
            current: seen(&self.current),
            previous: seen(&self.previous),
        }
    }

    /// The running instance.
    pub(super) fn running(&mut self) -> Option<&mut Instance> {
        self.current
            .as_mut()
            .filter(|instance| instance.seen.is_running())
    }
}

/// The containers of a pod's spec: `initContainers` or `containers`.
pub(super) fn containers<'a>(pod: &'a Value, field: &str) -> impl Iterator<Item = &'a Value> + use<'a> {
    pod["spec"][field].as_array().into_iter().flatten()
}

/// All containers of a pod's spec with whether each is an init container.
pub(super) fn all_containers(pod: &Value) -> impl Iterator<Item = (&Value, bool)> {
    let init = containers(pod, "initContainers").map(|container| (container, true));
    let others = containers(pod, "containers").chain(containers(pod, "ephemeralContainers"));
    init.chain(others.map(|container| (container, false)))
}

/// The list of a pod's spec in which a container stands.
pub(super) fn list_of(pod: &Value, name: &str) -> &'static str {
    let stands_in = |list: &&str| containers(pod, list).any(|container| container["name"] == name);
    ["initContainers", "ephemeralContainers"]
        .into_iter()
        .find(stands_in)
        .unwrap_or("containers")
}

/// Whether a container was added to look into a running pod: it is started once.
pub(super) fn is_ephemeral(pod: &Value, name: &str) -> bool {
    list_of(pod, name) == "ephemeralContainers"
}

/// The container of that name.
pub(super) fn container<'a>(pod: &'a Value, name: &str) -> Option<(&'a Value, bool)> {
    all_containers(pod).find(|(container, _)| container["name"] == name)
}

/// Whether a container of the spec is an init container that runs beside the others.
pub(super) fn is_sidecar(container: &Value, init: bool) -> bool {
    init && container["restartPolicy"] == "Always"
}
