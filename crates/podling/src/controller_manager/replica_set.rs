//! The ReplicaSet controller: as many pods as `spec.replicas` says.
//!
//! Source: `kubernetes/pkg/controller/replicaset`. Differs from Kubernetes: pods are made and deleted one
//! after the other, not in parallel, so their order is always the same.

use serde_json::Value;

use crate::apiserver::{ApiServer, Component, DeleteOptions};
use crate::clock::Time;
use crate::events::{Event, Recorder};
use crate::resource::{PODS, REPLICA_SETS};
use crate::rng::Rng;
use crate::status::Status;
use crate::storage::{Change, ChangeKind, Object, text};

use super::ownership::{self, Claim};
use super::queue::{Key, WorkQueue};
use super::{pod, template, write_options};

mod rank;
mod scale;
mod status;

use scale::Scale;
use status::Failure;

/// The controller with its queue.
#[derive(Debug)]
pub(crate) struct ReplicaSetController {
    queue: WorkQueue,
    events: Recorder,
}

impl ReplicaSetController {
    /// A controller whose jitter comes from `rng`.
    pub(crate) fn new(rng: Rng) -> Self {
        Self {
            queue: WorkQueue::new(rng),
            events: Recorder::new("replicaset-controller", None),
        }
    }

    fn observe_pod(&mut self, change: &Change, api: &ApiServer) {
        let now = api.now();
        let versions = [Some(&change.object), change.previous.as_ref()];
        let mut orphan = true;
        for version in versions.into_iter().flatten() {
            if let Some(owner) = ownership::controller_of(version) {
                orphan = false;
                if owner["kind"] == REPLICA_SETS.kind {
                    let namespace = text(version, &["metadata", "namespace"]);
                    self.queue.add(now, Key::new(namespace, text(owner, &["name"])));
                }
            }
        }
        let left_alone = ownership::controller_of(&change.object).is_none() && relabelled(change);
        if change.kind != ChangeKind::Deleted && (orphan || left_alone) {
            self.offer_orphan(&change.object, api);
        }
    }

    /// A pod without a controller may be adopted by every ReplicaSet that means it.
    fn offer_orphan(&mut self, orphan: &Value, api: &ApiServer) {
        let namespace = text(orphan, &["metadata", "namespace"]);
        for set in api.list(&REPLICA_SETS, Some(namespace)) {
            if ownership::claim(set, orphan) == Claim::Adopt {
                self.queue.add(api.now(), Key::of(set));
            }
        }
    }

    fn sync(&mut self, api: &mut ApiServer, key: &Key) {
        let Some(set) = api.get(&REPLICA_SETS, &key.namespace, &key.name).cloned() else {
            self.queue.forget(key);
            return;
        };
        let pods = claim_pods(api, &set);
        let active: Vec<&Value> = pods
            .iter()
            .map(|pod| &**pod)
            .filter(|pod| pod::is_active(pod))
            .collect();
        let failure = match ownership::is_deleted(&set) {
            true => None,
            false => self.scale(api, &set, &active),
        };
        let terminating = pods
            .iter()
            .filter(|pod| ownership::is_deleted(pod) && !matches!(pod::phase(pod), "Succeeded" | "Failed"))
            .count();
        let next = status::next(&set, &active, terminating, failure.as_ref(), api.now());
        write_status(api, &set, next);
        self.requeue(api, key, &set, &active, failure.is_some());
    }

    fn requeue(&mut self, api: &ApiServer, key: &Key, set: &Value, active: &[&Value], failed: bool) {
        let now = api.now();
        if failed {
            self.queue.retry(now, key.clone());
            return;
        }
        self.queue.forget(key);
        let least = status::min_ready(set);
        let times = active.iter().filter_map(|pod| pod::available_from(pod, least));
        if let Some(next) = times.filter(|time| *time > now).min() {
            self.queue.add_at(next, key.clone());
        }
    }

    /// Creates or deletes pods until the number is right, or until one can't be created or deleted.
    fn scale(&mut self, api: &mut ApiServer, set: &Object, active: &[&Value]) -> Option<Failure> {
        match scale::decide(set, active, || colocated(api, set), api.now()) {
            Scale::Enough => None,
            Scale::Create(count) => self.create_slowly(api, set, count),
            Scale::Delete(names) => {
                let mut failure = None;
                for name in names {
                    failure = failure.or(self.delete(api, set, &name));
                }
                failure
            }
        }
    }

    /// Creates 1, 2, 4 … pods at a time and stops after the first batch in which one fails, so that a
    /// ReplicaSet of 100 that can't create any asks once, not 100 times.
    fn create_slowly(&mut self, api: &mut ApiServer, set: &Object, count: usize) -> Option<Failure> {
        let (mut left, mut batch) = (count, 1);
        while left > 0 {
            let now = batch.min(left);
            let mut failure = None;
            for _ in 0..now {
                failure = failure.or(self.create(api, set));
            }
            if failure.is_some() {
                return failure;
            }
            left -= now;
            batch *= 2;
        }
        None
    }

    fn create(&mut self, api: &mut ApiServer, set: &Object) -> Option<Failure> {
        let namespace = text(set, &["metadata", "namespace"]);
        let pod = template::pod(set, &set["spec"]["template"]);
        match api.create(&PODS, namespace, pod, &write_options()) {
            Ok(pod) => {
                let message = format!("Created pod: {}", text(&pod, &["metadata", "name"]));
                let event = Event::normal("SuccessfulCreate", &message);
                self.events.record(api, set, None, event);
                None
            }
            Err(refusal) if is_namespace_terminating(&refusal) => None,
            Err(refusal) => {
                let message = format!("Error creating: {}", refusal.message);
                self.events
                    .record(api, set, None, Event::warning("FailedCreate", &message));
                Some(Failure::create(refusal.message))
            }
        }
    }

    fn delete(&mut self, api: &mut ApiServer, set: &Object, name: &str) -> Option<Failure> {
        let namespace = text(set, &["metadata", "namespace"]);
        match api.delete(&PODS, namespace, name, &DeleteOptions::default()) {
            Ok(_) => {
                let message = format!("Deleted pod: {name}");
                let event = Event::normal("SuccessfulDelete", &message);
                self.events.record(api, set, None, event);
                None
            }
            Err(refusal) if refusal.code == 404 => None,
            Err(refusal) => {
                let message = format!("Error deleting: {}", refusal.message);
                self.events
                    .record(api, set, None, Event::warning("FailedDelete", &message));
                Some(Failure::delete(refusal.message))
            }
        }
    }
}

impl Component for ReplicaSetController {
    fn observe(&mut self, change: &Change, api: &ApiServer) {
        if change.resource == &REPLICA_SETS && change.kind != ChangeKind::Deleted {
            self.queue.add(api.now(), Key::of(&change.object));
        } else if change.resource == &PODS {
            self.observe_pod(change, api);
        }
    }

    fn next_deadline(&self) -> Option<Time> {
        self.queue.next()
    }

    fn run_next(&mut self, api: &mut ApiServer) {
        if let Some(key) = self.queue.pop(api.now()) {
            self.sync(api, &key);
        }
    }
}

/// Whether the write changed labels or owners, on which adoption hangs.
fn relabelled(change: &Change) -> bool {
    change.previous.as_ref().is_none_or(|previous| {
        let (old, new) = (&previous["metadata"], &change.object["metadata"]);
        old["labels"] != new["labels"] || old["ownerReferences"] != new["ownerReferences"]
    })
}

/// The pods of the set, after orphans were adopted and strangers let go.
fn claim_pods(api: &mut ApiServer, set: &Value) -> Vec<Object> {
    let namespace = text(set, &["metadata", "namespace"]);
    let pods: Vec<Object> = api.list(&PODS, Some(namespace)).cloned().collect();
    let mut owned = Vec::new();
    for pod in pods {
        match ownership::claim(set, &pod) {
            Claim::Owned => owned.push(pod),
            Claim::Adopt if pod::is_active(&pod) => {
                let adopted = ownership::adopted(&pod, set);
                owned.extend(api.update(&PODS, None, adopted, &write_options()));
            }
            Claim::Release => {
                let released = ownership::released(&pod, set);
                drop(api.update(&PODS, None, released, &write_options()));
            }
            Claim::Adopt | Claim::Ignore => {}
        }
    }
    owned
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

fn write_status(api: &mut ApiServer, set: &Value, status: Value) {
    if set["status"] == status {
        return;
    }
    let mut set = set.clone();
    set["status"] = status;
    // The set may be gone in the meantime: then nobody wants its status.
    drop(api.update(&REPLICA_SETS, Some("status"), set, &write_options()));
}

/// Whether the refusal says that the namespace is being deleted; then nothing is to be tried again.
fn is_namespace_terminating(refusal: &Status) -> bool {
    let causes = refusal.details.iter().flat_map(|details| &details.causes);
    causes
        .into_iter()
        .any(|cause| cause.reason == "NamespaceTerminating")
}
