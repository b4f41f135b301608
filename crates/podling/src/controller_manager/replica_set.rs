//! The controllers of ReplicaSets and of ReplicationControllers: as many pods as `spec.replicas` says.
//!
//! Source: `kubernetes/pkg/controller/replicaset`, which serves both kinds (`.../replication` adapts it). Differs from Kubernetes: pods are made and deleted one
//! after the other, not in parallel, so their order is always the same.

use serde_json::Value;

use crate::apiserver::ApiServer;
use crate::events::Recorder;
use crate::resource::{PODS, REPLICA_SETS, REPLICATION_CONTROLLERS, Resource};
use crate::storage::{Change, ChangeKind, Object, text};

use super::controller::Controller;
use super::queue::{Key, WorkQueue};
use super::slow_start::slow_start;
use super::{ownership, pod, pod_control, template, write_status};

mod rank;
mod scale;
mod status;

use scale::Scale;
use status::Failure;

/// The controller, and what it remembers.
#[derive(Debug)]
pub(crate) struct ReplicaSetController {
    resource: &'static Resource,
    name: &'static str,
    events: Recorder,
}

impl ReplicaSetController {
    /// A controller of ReplicaSets.
    pub(crate) fn new() -> Self {
        let name = "replicaset-controller";
        Self {
            resource: &REPLICA_SETS,
            name,
            events: Recorder::new(name, None),
        }
    }

    /// The same for ReplicationControllers.
    pub(crate) fn of_replication_controllers() -> Self {
        Self {
            resource: &REPLICATION_CONTROLLERS,
            name: "replicationcontroller-controller",
            events: Recorder::new("replication-controller", None),
        }
    }

    /// Creates or deletes pods until the number is right, or until one can't be created or deleted.
    fn scale(&mut self, api: &mut ApiServer, set: &Object, active: &[&Value]) -> Option<Failure> {
        match scale::decide(set, active, || colocated(api, set), api.now()) {
            Scale::Enough => None,
            Scale::Create(count) => slow_start(count, |_| {
                let pod = template::pod(set, &set["spec"]["template"]);
                pod_control::create(api, &mut self.events, set, pod)
            })
            .err()
            .map(|refusal| Failure::create(refusal.message)),
            Scale::Delete(names) => {
                let mut result = Ok(());
                for name in names {
                    result = result.and(pod_control::delete(api, &mut self.events, set, &name));
                }
                result.err().map(|refusal| Failure::delete(refusal.message))
            }
        }
    }
}

impl Controller for ReplicaSetController {
    type Item = Key;

    fn name(&self) -> &'static str {
        self.name
    }

    fn observe(&mut self, change: &Change, api: &ApiServer, queue: &mut WorkQueue) {
        if change.resource == self.resource && change.kind != ChangeKind::Deleted {
            queue.add(api.now(), Key::of(&change.object));
        } else if change.resource == &PODS {
            for key in ownership::concerned(change, api, self.resource) {
                queue.add(api.now(), key);
            }
        }
    }

    fn sync(&mut self, api: &mut ApiServer, key: &Key, queue: &mut WorkQueue) {
        let Some(set) = api.get(self.resource, &key.namespace, &key.name).cloned() else {
            queue.forget(key);
            return;
        };
        let terminating = terminating(api, &set);
        let pods = active_pods(api, &set);
        let active: Vec<&Value> = pods.iter().map(|pod| &**pod).collect();
        let failure = match ownership::is_deleted(&set) {
            true => None,
            false => self.scale(api, &set, &active),
        };
        let next = status::next(&set, &active, terminating, failure.as_ref(), api.now());
        // The set may be gone in the meantime: then nobody wants its status.
        drop(write_status(api, self.resource, &set, next));
        requeue(api, key, &set, &active, failure.is_some(), queue);
    }
}

fn requeue(api: &ApiServer, key: &Key, set: &Value, active: &[&Value], failed: bool, queue: &mut WorkQueue) {
    let now = api.now();
    if failed {
        queue.retry(now, key.clone());
        return;
    }
    queue.forget(key);
    let least = status::min_ready(set);
    let times = active.iter().filter_map(|pod| pod::available_from(pod, least));
    if let Some(next) = times.filter(|time| *time > now).min() {
        queue.add_at(next, key.clone());
    }
}

/// The set's pods that count, after orphans were adopted and strangers let go.
fn active_pods(api: &mut ApiServer, set: &Value) -> Vec<Object> {
    let namespace = text(set, &["metadata", "namespace"]);
    let active = api.list(&PODS, Some(namespace)).filter(|pod| pod::is_active(pod));
    let active: Vec<Object> = active.cloned().collect();
    ownership::settle(api, set, &PODS, active, |_| true)
}

/// How many of the set's pods are on their way out.
fn terminating(api: &ApiServer, set: &Value) -> usize {
    let namespace = text(set, &["metadata", "namespace"]);
    let is_own = |pod: &Object| {
        ownership::controller_of(pod).is_some_and(|of| text(of, &["uid"]) == ownership::uid_of(set))
    };
    api.list(&PODS, Some(namespace))
        .filter(|pod| ownership::is_deleted(pod) && !matches!(pod::phase(pod), "Succeeded" | "Failed"))
        .filter(|pod| is_own(pod))
        .count()
}

/// The active pods of all ReplicaSets with the same controller; those that share a node go first.
fn colocated(api: &ApiServer, set: &Value) -> Vec<Object> {
    let Some(controller) = ownership::controller_of(set) else {
        return Vec::new();
    };
    let namespace = text(set, &["metadata", "namespace"]);
    let is_sibling =
        |set: &&Object| ownership::controller_of(set).is_some_and(|of| of["uid"] == controller["uid"]);
    let siblings: Vec<&str> = api
        .list(&REPLICA_SETS, Some(namespace))
        .filter(is_sibling)
        .map(|set| ownership::uid_of(set))
        .collect();
    let belongs = |pod: &&Object| {
        ownership::controller_of(pod).is_some_and(|of| siblings.contains(&text(of, &["uid"])))
    };
    let pods = api.list(&PODS, Some(namespace));
    pods.filter(belongs)
        .filter(|pod| pod::is_active(pod))
        .cloned()
        .collect()
}
