//! The DaemonSet controller: one Pod on each node that the template allows.
//!
//! Source: `kubernetes/pkg/controller/daemon`. Differs from Kubernetes: Pods are made and deleted one after the other, and
//! nodes are looked at by name, so the order is always the same.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use serde_json::Value;

use crate::apiserver::ApiServer;
use crate::backoff::Backoff;
use crate::events::{Event, Recorder};
use crate::resource::{CONTROLLER_REVISIONS, DAEMON_SETS, NODES, PODS};
use crate::status::Status;
use crate::storage::{Change, ChangeKind, Object, text};

use super::controller::Controller;
use super::history::{self, History, REVISION_LABEL};
use super::queue::{Key, WorkQueue};
use super::slow_start::slow_start;
use super::{ownership, pod_control, write_status};

mod nodes;
mod plan;
mod pods;
mod status;
mod update;

use plan::{Action, Observed};

/// How many Pods one look at a set creates or deletes at most (`daemon.BurstReplicas`).
const BURST: usize = 250;
/// The first and the longest pause before a failed Pod is replaced.
const FAILED_PODS: (Duration, Duration) = (Duration::from_secs(1), Duration::from_secs(15 * 60));

/// The controller, and what it remembers.
#[derive(Debug)]
pub(crate) struct DaemonSetController {
    events: Recorder,
    /// When a failed Pod may be replaced, by set and its generation, and node.
    failed: BTreeMap<(String, i64), BTreeMap<String, Backoff>>,
}

impl DaemonSetController {
    /// A controller that has seen nothing yet.
    pub(crate) fn new() -> Self {
        Self {
            events: Recorder::new("daemonset-controller", None),
            failed: BTreeMap::new(),
        }
    }

    fn look_at(
        &mut self,
        api: &mut ApiServer,
        key: &Key,
        set: &Object,
        queue: &mut WorkQueue,
    ) -> Result<(), Status> {
        let history = history::sync(api, set, REVISION_LABEL)?;
        let nodes: Vec<Object> = api.list(&NODES, None).cloned().collect();
        let pods = ownership::claim_all(api, set, &PODS, |_| true);
        let observed = Observed::new(set, &nodes, &pods, &history);
        let now = api.now();
        let pauses = self.pauses(set);
        let actions = plan::plan(&observed, now, |node| {
            pauses.get(node).and_then(|pause| pause.until_since_update(now))
        });
        let (status, check_at) = status::next(&observed, now);
        let done = self.carry_out(api, set, &observed, actions, queue);
        let tidied = done.and_then(|()| truncate(api, set, &pods, &history));
        let written = write_status(api, &DAEMON_SETS, set, status);
        if let Some(time) = check_at {
            queue.add_at(time, key.clone());
        }
        tidied.and(written)
    }

    /// The pauses that the set's generation has brought about so far.
    fn pauses(&mut self, set: &Value) -> BTreeMap<String, Backoff> {
        self.failed.entry(generation_key(set)).or_default().clone()
    }

    fn carry_out(
        &mut self,
        api: &mut ApiServer,
        set: &Object,
        observed: &Observed<'_>,
        actions: Vec<Action>,
        queue: &mut WorkQueue,
    ) -> Result<(), Status> {
        let (mut create, mut delete) = (Vec::new(), Vec::new());
        for action in actions {
            match action {
                Action::Create(node) => create.push(node),
                Action::Delete(name) => delete.push(name),
                Action::Replace { pod, node } => {
                    self.tell_of_ended(api, set, &pod, &node);
                    delete.push(text(&pod, &["metadata", "name"]).to_owned());
                }
                Action::Wait(until) => queue.add_at(until, Key::of(set)),
            }
        }
        let created = slow_start(create.len().min(BURST), |index| {
            let pod = pods::new_pod(set, observed.hash, &create[index]);
            pod_control::create(api, &mut self.events, set, pod)
        });
        let mut deleted = Ok(());
        for name in delete.iter().take(BURST) {
            deleted = deleted.and(pod_control::delete(api, &mut self.events, set, name));
        }
        created.and(deleted)
    }

    /// A Pod that has ended is replaced; a failed one makes the next failure on its node wait.
    fn tell_of_ended(&mut self, api: &mut ApiServer, set: &Object, pod: &Value, node: &str) {
        let (namespace, name) = (
            text(pod, &["metadata", "namespace"]),
            text(pod, &["metadata", "name"]),
        );
        if text(pod, &["status", "phase"]) == "Succeeded" {
            let message = format!(
                "Found succeeded daemon pod {namespace}/{name} on node {node}, will try to delete it"
            );
            let event = Event::normal("SucceededDaemonPod", &message);
            self.events.record(api, set, None, event);
            return;
        }
        let message =
            format!("Found failed daemon pod {namespace}/{name} on node {node}, will try to kill it");
        let event = Event::warning("FailedDaemonPod", &message);
        self.events.record(api, set, None, event);
        let pauses = self.failed.entry(generation_key(set)).or_default();
        let pause = pauses
            .entry(node.to_owned())
            .or_insert_with(|| Backoff::between(FAILED_PODS.0, FAILED_PODS.1));
        pause.next(api.now(), api.now());
    }
}

impl Controller for DaemonSetController {
    type Item = Key;

    fn name(&self) -> &'static str {
        "daemonset-controller"
    }

    fn observe(&mut self, change: &Change, api: &ApiServer, queue: &mut WorkQueue) {
        let alive = change.kind != ChangeKind::Deleted;
        if change.resource == &DAEMON_SETS {
            if alive {
                queue.add(api.now(), Key::of(&change.object));
            } else {
                let uid = ownership::uid_of(&change.object);
                self.failed.retain(|(of, _), _| of != uid);
            }
        } else if change.resource == &NODES {
            observe_node(change, api, queue);
        } else if change.resource == &PODS
            || (change.resource == &CONTROLLER_REVISIONS && change.kind != ChangeKind::Added)
        {
            for key in ownership::concerned(change, api, &DAEMON_SETS) {
                queue.add(api.now(), key);
            }
        }
    }

    fn sync(&mut self, api: &mut ApiServer, key: &Key, queue: &mut WorkQueue) {
        let set = api.get(&DAEMON_SETS, &key.namespace, &key.name).cloned();
        let Some(set) = set.filter(|set| !ownership::is_deleted(set)) else {
            queue.forget(key);
            return;
        };
        match self.look_at(api, key, &set, queue) {
            Ok(()) => queue.forget(key),
            Err(_) => queue.retry(api.now(), key.clone()),
        }
    }
}

/// A node concerns the sets whose Pods it now may or may no longer run.
fn observe_node(change: &Change, api: &ApiServer, queue: &mut WorkQueue) {
    if change.kind == ChangeKind::Deleted || !moved(change) {
        return;
    }
    for set in api.list(&DAEMON_SETS, None) {
        let before = change.previous.as_ref().map(|node| nodes::verdict(set, node));
        let after = nodes::verdict(set, &change.object);
        let concerned = before.map_or(after.should_run, |before| before != after);
        if concerned {
            queue.add(api.now(), Key::of(set));
        }
    }
}

/// Whether the write changed what a node is to Pods; kubelets write much more often that they are well.
fn moved(change: &Change) -> bool {
    change.previous.as_ref().is_none_or(|previous| {
        let labels = |node: &Object| node["metadata"]["labels"].clone();
        labels(previous) != labels(&change.object) || previous["spec"] != change.object["spec"]
    })
}

fn generation_key(set: &Value) -> (String, i64) {
    let generation = set["status"]["observedGeneration"].as_i64();
    (ownership::uid_of(set).to_owned(), generation.unwrap_or_default())
}

/// Deletes the oldest revisions that no Pod is of, down to `spec.revisionHistoryLimit`.
fn truncate(api: &mut ApiServer, set: &Value, pods: &[Object], history: &History) -> Result<(), Status> {
    let limit = set["spec"]["revisionHistoryLimit"].as_u64().unwrap_or_default();
    let limit = usize::try_from(limit).unwrap_or(usize::MAX);
    let hash = |object: &Object| text(object, &["metadata", "labels", REVISION_LABEL]).to_owned();
    let hashes: BTreeSet<String> = pods.iter().map(hash).collect();
    let live = history
        .others
        .iter()
        .filter(|revision| hashes.contains(&hash(revision)));
    let live = live.map(|revision| text(revision, &["metadata", "name"]).to_owned());
    let surplus = history.others.len().saturating_sub(limit);
    history::truncate(api, &history.others, &live.collect(), surplus)
}
