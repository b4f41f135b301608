//! Resizing pods in place: what is allocated to a pod, whether it gets what it wants, and what its containers run with
//! (Kubernetes: `pkg/kubelet/allocation`, `computePodResizeAction` in `pkg/kubelet/kuberuntime`).
//!
//! A pod's spec says what it wants. The kubelet works with the pod as it is allocated, and brings its containers there.
//! Differs from Kubernetes: what waits is looked at again with each sync and when a pod leaves the node; a memory
//! limit is held against what the container uses, not the whole pod.

use std::sync::Arc;

use serde_json::{Value, json};

use super::admission::{Refusal, requested};
use super::runtime::{SeenContainer, containers, is_sidecar};
use super::worker::{Failure, Worker};
use super::{Nodes, containers::limits_of, sync::Then};
use crate::apiserver::ApiServer;
use crate::clock::Time;
use crate::events::Event;
use crate::quantity::Quantity;
use crate::resource::NODES;
use crate::storage::Object;

/// The resources that change in place, and the lists in which they stand.
const RESIZABLE: [&str; 2] = ["cpu", "memory"];
const AMOUNTS: [&str; 2] = ["limits", "requests"];

/// A resize that waits, or is under way: what the pod's conditions say of it.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub(super) struct Resize {
    pending: Option<Condition>,
    in_progress: Option<Condition>,
}

#[derive(Clone, Debug, Eq, PartialEq)]
struct Condition {
    reason: &'static str,
    message: String,
    generation: Value,
    /// When it was said first, and last.
    since: Time,
    at: Time,
}

/// Whether a pod gets what it wants.
#[derive(Clone, Debug, Eq, PartialEq)]
enum Verdict {
    /// It has it.
    Has,
    /// It gets it.
    Fits,
    /// It does not: reason and message.
    Waits(&'static str, String),
}

/// What a running container's new resources mean for it.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Change {
    /// It has them.
    Nothing,
    /// They are set while it runs.
    InPlace,
    /// It is restarted with them.
    Restart,
}

/// `wanted` with the resources that `allocated` has (`UpdatePodFromAllocation`).
pub(super) fn with_allocation(wanted: &Object, allocated: &Value) -> Object {
    if resources(wanted) == resources(allocated) {
        return wanted.clone();
    }
    let mut pod = Value::clone(wanted);
    set_resources(&mut pod["spec"], &allocated["spec"]);
    for list in ["containers", "initContainers"] {
        let own = pod["spec"].get_mut(list).and_then(Value::as_array_mut);
        for container in own.into_iter().flatten() {
            let name = container["name"].clone();
            if let Some(own) = containers(allocated, list).find(|own| own["name"] == name) {
                set_resources(container, own);
            }
        }
    }
    Arc::new(pod)
}

fn set_resources(holder: &mut Value, from: &Value) {
    match (from.get("resources"), holder.as_object_mut()) {
        (Some(resources), _) => holder["resources"] = resources.clone(),
        (None, Some(fields)) => {
            fields.remove("resources");
        }
        (None, None) => {}
    }
}

/// All resources of a pod, by the container's name.
fn resources(pod: &Value) -> Vec<(&Value, &Value)> {
    let own = (&Value::Null, &pod["spec"]["resources"]);
    let of_containers = ["initContainers", "containers"].into_iter().flat_map(|list| {
        let each = containers(pod, list);
        each.map(|container| (&container["name"], &container["resources"]))
    });
    std::iter::once(own).chain(of_containers).collect()
}

/// Whether the pod gets what it wants on a node with `allocatable`; `refusal` says why not, beside the other pods.
fn judge(
    wanted: &Value,
    allocated: &Value,
    allocatable: &Value,
    refusal: impl FnOnce() -> Option<Refusal>,
) -> Verdict {
    if resources(wanted) == resources(allocated) {
        return Verdict::Has;
    }
    // Memory comes first in the message, and is counted in whole bytes.
    for (resource, unit) in [("memory", 1000), ("cpu", 1)] {
        let capacity = Quantity::from_json(&allocatable[resource]).map_or(i64::MAX, Quantity::milli_value);
        let wants = requested(wanted, resource);
        if wants > capacity {
            let message = format!(
                "Node didn't have enough capacity: {resource}, requested: {}, capacity: {}",
                wants / unit,
                capacity / unit
            );
            return Verdict::Waits("Infeasible", message);
        }
    }
    refusal().map_or(Verdict::Fits, |refusal| {
        Verdict::Waits("Deferred", refusal.message)
    })
}

/// What the resources of a container's spec mean for one that runs with `actual`.
pub(super) fn change(container: &Value, actual: &Value) -> Change {
    let differs = |resource: &&str| {
        AMOUNTS.iter().any(|list| {
            let amount = |resources: &Value| Quantity::from_json(&resources[list][resource]).ok();
            amount(&container["resources"]) != amount(actual)
        })
    };
    let restarts = |resource: &&str| {
        let mut policies = container["resizePolicy"].as_array().into_iter().flatten();
        policies.any(|policy| {
            policy["resourceName"] == **resource && policy["restartPolicy"] == "RestartContainer"
        })
    };
    let changed: Vec<&str> = RESIZABLE
        .into_iter()
        .filter(|resource| differs(resource))
        .collect();
    match changed.as_slice() {
        [] => Change::Nothing,
        changed if changed.iter().any(restarts) => Change::Restart,
        _ => Change::InPlace,
    }
}

/// Whether a container that runs has not got yet what is allocated to it (`isPodResizeInProgress`).
fn is_under_way<'a>(pod: &Value, seen: impl Fn(&str) -> Option<&'a SeenContainer>) -> bool {
    let sidecars = containers(pod, "initContainers").filter(|container| is_sidecar(container, true));
    containers(pod, "containers").chain(sidecars).any(|container| {
        let current = container["name"]
            .as_str()
            .and_then(&seen)
            .and_then(|seen| seen.current.as_ref());
        current.is_some_and(|current| {
            current.is_running() && change(container, &current.resources) != Change::Nothing
        })
    })
}

/// Why a memory limit cannot be set: the container uses more.
fn refuse_limit(name: &str, limit: u64, used: u64) -> Option<String> {
    (used > limit).then(|| {
        format!("attempting to set container \"{name}\" memory limit ({limit}) below current usage ({used})")
    })
}

/// What an event says of a resize (`podResizeMessage`): the resources, the generation and, if there is one, the error.
fn event_text(what: &str, pod: &Value, error: &str) -> String {
    let mut parts: Vec<String> = Vec::new();
    for list in ["initContainers", "containers"] {
        let each: Vec<String> = containers(pod, list)
            .map(|container| {
                let resources = container.get("resources").cloned().unwrap_or_else(|| json!({}));
                format!("{{\"name\":{},\"resources\":{resources}}}", container["name"])
            })
            .collect();
        if !each.is_empty() {
            parts.push(format!("\"{list}\":[{}]", each.join(",")));
        }
    }
    parts.push(format!("\"generation\":{}", pod["metadata"]["generation"]));
    if !error.is_empty() {
        parts.push(format!("\"error\":{}", json!(error)));
    }
    format!("Pod resize {what}: {{{}}}", parts.join(","))
}

impl Resize {
    /// The conditions that tell of it.
    pub(super) fn conditions(&self) -> Vec<Value> {
        let pending = self.pending.iter().map(|it| it.show("PodResizePending"));
        let in_progress = self.in_progress.iter().map(|it| it.show("PodResizeInProgress"));
        pending.chain(in_progress).collect()
    }

    /// Notes that a resize waits; whether that is news.
    fn wait(&mut self, reason: &'static str, message: String, generation: Value, now: Time) -> bool {
        let before = self.pending.take();
        let same = before
            .as_ref()
            .is_some_and(|it| it.reason == reason && it.message == message && it.generation == generation);
        self.pending = match before.filter(|_| same) {
            Some(before) => Some(before),
            None => Some(Condition::new(reason, message, generation, now)),
        };
        !same
    }

    /// Notes that a resize begins.
    fn begin(&mut self, generation: Value, now: Time) {
        self.pending = None;
        self.in_progress = Some(Condition::new("", String::new(), generation, now));
    }

    /// Notes that it has failed for now; whether that is news.
    fn fail(&mut self, message: String, generation: Value, now: Time) -> bool {
        let same = self
            .in_progress
            .as_ref()
            .is_some_and(|it| it.reason == "Error" && it.message == message);
        if !same {
            self.in_progress = Some(Condition::new("Error", message, generation, now));
        }
        !same
    }
}

impl Condition {
    const fn new(reason: &'static str, message: String, generation: Value, now: Time) -> Self {
        Self {
            reason,
            message,
            generation,
            since: now,
            at: now,
        }
    }

    fn show(&self, kind: &str) -> Value {
        let mut condition = json!({
            "type": kind, "status": "True", "observedGeneration": self.generation,
            "lastProbeTime": self.at.rfc3339(), "lastTransitionTime": self.since.rfc3339(),
        });
        for (key, text) in [("reason", self.reason), ("message", self.message.as_str())] {
            if !text.is_empty() {
                condition[key] = text.into();
            }
        }
        condition
    }
}

impl Nodes {
    /// Gives a pod what it wants, if there is room, and sees whether its containers have got it.
    pub(super) fn review_resize(&mut self, api: &mut ApiServer, uid: &str) {
        self.allocate(api, uid);
        let Some(worker) = self.workers.get_mut(uid) else {
            return;
        };
        let done =
            worker.resize.in_progress.is_some() && !is_under_way(&worker.pod, |name| worker.seen.get(name));
        if done {
            worker.resize.in_progress = None;
            let text = event_text("completed", &worker.pod, "");
            self.record(api, uid, None, Event::normal("ResizeCompleted", &text));
        }
    }

    /// Allocates to a pod what it wants, or notes why not (`handlePodResourcesResize`).
    fn allocate(&mut self, api: &mut ApiServer, uid: &str) {
        let Some(worker) = self.workers.get(uid) else {
            return;
        };
        let allocatable = api.get(&NODES, "", &worker.node);
        let allocatable = allocatable.map_or(Value::Null, |node| node["status"]["allocatable"].clone());
        let verdict = judge(&worker.wanted, &worker.pod, &allocatable, || {
            self.refuses(api, uid, &worker.wanted)
        });
        let Some(worker) = self.workers.get_mut(uid) else {
            return;
        };
        let generation = worker.wanted["metadata"]["generation"].clone();
        match verdict {
            Verdict::Has => worker.resize.pending = None,
            Verdict::Fits => {
                worker.pod = worker.wanted.clone();
                worker.resize.begin(generation, api.now());
                let text = event_text("started", &worker.pod, "");
                self.record(api, uid, None, Event::normal("ResizeStarted", &text));
            }
            Verdict::Waits(reason, message) => {
                let text = event_text(reason, &worker.wanted, &message);
                if worker.resize.wait(reason, message, generation, api.now()) {
                    let event = format!("Resize{reason}");
                    self.record(api, uid, None, Event::warning(&event, &text));
                }
            }
        }
    }

    /// Sets what a running container may use.
    pub(super) fn resize_container(&mut self, api: &mut ApiServer, uid: &str, name: &str) -> Then {
        let now = api.now();
        let Some(worker) = self.workers.get_mut(uid) else {
            return Then::Next;
        };
        let Some(node) = self.nodes.get(&worker.node) else {
            return Then::Next;
        };
        let Some(error) = set_limits(worker, name, node.memory, now) else {
            return Then::After(self.jitter(10, 40));
        };
        worker.failure = Some(Failure::Other.or(worker.failure));
        let generation = worker.pod["metadata"]["generation"].clone();
        let text = event_text("error", &worker.pod, &error);
        if worker.resize.fail(error, generation, now) {
            self.record(api, uid, None, Event::warning("ResizeError", &text));
        }
        Then::Next
    }

    /// Room may have been made for what waits on a node.
    pub(super) fn retry_resizes(&mut self, node: &str, now: Time) {
        let waits = |worker: &&Worker| worker.node == node && worker.resize.pending.is_some();
        let waiting: Vec<String> = self
            .workers
            .values()
            .filter(waits)
            .map(|worker| worker.uid.clone())
            .collect();
        for uid in waiting {
            self.request_sync(&uid, now);
        }
    }
}

/// Gives a running container what is allocated to it, or says why that cannot be.
fn set_limits(worker: &mut Worker, name: &str, memory: u64, now: Time) -> Option<String> {
    let (spec, _) = super::runtime::container(&worker.pod, name)?;
    let (limits, resources) = (limits_of(spec, memory), spec["resources"].clone());
    let instance = worker.containers.get_mut(name)?.running()?;
    let started = instance.seen.started?;
    let process = instance.process.as_mut()?;
    let (_, used) = process.used(started, instance.limits, now);
    if limits.memory < instance.limits.memory
        && let Some(error) = refuse_limit(name, limits.memory, used)
    {
        return Some(error);
    }
    process.set_limits(limits, now);
    instance.limits = limits;
    instance.seen.resources = resources;
    worker.dirty = true;
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pod(cpu: &str, memory: &str) -> Object {
        Arc::new(
            json!({"metadata": {"generation": 2}, "spec": {"containers": [{"name": "c", "resources": {
                "requests": {"cpu": cpu, "memory": memory}, "limits": {"cpu": cpu, "memory": memory},
            }}]}}),
        )
    }

    #[test]
    fn a_pod_keeps_what_is_allocated_to_it() {
        let (wanted, allocated) = (pod("2", "1Gi"), pod("1", "1Gi"));
        assert_eq!(with_allocation(&wanted, &allocated), allocated);
        assert!(Arc::ptr_eq(&with_allocation(&wanted, &wanted.clone()), &wanted));
    }

    #[test]
    fn a_pod_gets_what_its_node_has() {
        let allocatable = json!({"cpu": "2", "memory": "1Gi"});
        let full = || {
            Some(Refusal {
                reason: "OutOfcpu".to_owned(),
                message: "full".to_owned(),
            })
        };
        let old = pod("1", "1Mi");
        let judged = |new: &Value, refusal: Option<Refusal>| judge(new, &old, &allocatable, || refusal);
        assert_eq!(judged(&old, full()), Verdict::Has);
        assert_eq!(judged(&pod("2", "1Mi"), None), Verdict::Fits);
        assert_eq!(
            judged(&pod("2", "1Mi"), full()),
            Verdict::Waits("Deferred", "full".to_owned())
        );
        let beyond = "Node didn't have enough capacity: memory, requested: 2147483648, capacity: 1073741824";
        assert_eq!(
            judged(&pod("3", "2Gi"), None),
            Verdict::Waits("Infeasible", beyond.to_owned())
        );
    }

    #[test]
    fn the_policy_decides_about_a_restart() {
        let container = json!({
            "resources": {"requests": {"cpu": "1"}, "limits": {"memory": "1Gi"}},
            "resizePolicy": [
                {"resourceName": "cpu", "restartPolicy": "NotRequired"},
                {"resourceName": "memory", "restartPolicy": "RestartContainer"},
            ],
        });
        for (actual, expected) in [
            (
                json!({"requests": {"cpu": "1000m"}, "limits": {"memory": "1024Mi"}}),
                Change::Nothing,
            ),
            (
                json!({"requests": {"cpu": "2"}, "limits": {"memory": "1Gi"}}),
                Change::InPlace,
            ),
            (
                json!({"requests": {"cpu": "2"}, "limits": {"memory": "2Gi"}}),
                Change::Restart,
            ),
            (json!({"requests": {"cpu": "1"}}), Change::Restart),
        ] {
            assert_eq!(change(&container, &actual), expected, "{actual}");
        }
    }

    #[test]
    fn an_event_tells_the_resources() {
        assert_eq!(
            event_text("Deferred", &pod("1", "1Gi"), "full"),
            "Pod resize Deferred: {\"containers\":[{\"name\":\"c\",\"resources\":{\"limits\":{\"cpu\":\"1\",\
             \"memory\":\"1Gi\"},\"requests\":{\"cpu\":\"1\",\"memory\":\"1Gi\"}}}],\"generation\":2,\
             \"error\":\"full\"}"
        );
    }

    #[test]
    fn what_waits_is_news_once() {
        let (mut resize, now) = (Resize::default(), Time::from_micros(0));
        let mut wait =
            |message: &str, generation: i64| resize.wait("Deferred", message.into(), generation.into(), now);
        assert_eq!(
            [wait("full", 2), wait("full", 2), wait("full", 3)],
            [true, false, true]
        );
        assert_eq!(resize.conditions()[0]["type"], "PodResizePending");
        resize.begin(3.into(), now);
        assert_eq!(resize.conditions().len(), 1);
        assert!(resize.fail("no".to_owned(), 3.into(), now));
        assert_eq!(resize.conditions()[0]["reason"], "Error");
    }
}
