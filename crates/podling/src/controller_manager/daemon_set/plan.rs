//! Which Pods a DaemonSet makes and which it deletes.
//!
//! Source: `podsShouldBeOnNode` and `manage` in `kubernetes/pkg/controller/daemon/daemon_controller.go`.

use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::Value;

use crate::clock::Time;
use crate::storage::{Object, text};

use super::super::history::{History, REVISION_LABEL};
use super::super::ownership::is_deleted;
use super::super::pod;
use super::nodes::{self, Verdict};
use super::{pods, update};

/// A set as it is seen.
#[derive(Debug)]
pub(super) struct Observed<'a> {
    pub(super) set: &'a Value,
    /// The hash of the present template's revision, which Pods have as a label.
    pub(super) hash: &'a str,
    /// What each node is to the set, by name.
    pub(super) nodes: BTreeMap<&'a str, Verdict>,
    /// The set's Pods by the node that each is for, those that are assigned first, then the oldest.
    pub(super) pods: BTreeMap<&'a str, Vec<&'a Value>>,
    pub(super) collisions: i64,
}

impl<'a> Observed<'a> {
    pub(super) fn new(set: &'a Value, nodes: &'a [Object], pods: &'a [Object], history: &'a History) -> Self {
        let name = |node: &'a Object| text(node, &["metadata", "name"]);
        let mut on: BTreeMap<&str, Vec<&Value>> = BTreeMap::new();
        for pod in pods.iter().filter(|pod| !(is_deleted(pod) && has_ended(pod))) {
            if let Some(node) = pods::target_node(pod) {
                on.entry(node).or_default().push(pod);
            }
        }
        for pods in on.values_mut() {
            pods.sort_by_key(|pod| {
                let waiting = text(pod, &["spec", "nodeName"]).is_empty();
                (waiting, pod::created(pod), text(pod, &["metadata", "name"]))
            });
        }
        Self {
            set,
            hash: text(&history.update, &["metadata", "labels", REVISION_LABEL]),
            nodes: nodes
                .iter()
                .map(|node| (name(node), nodes::verdict(set, node)))
                .collect(),
            pods: on,
            collisions: history.collisions,
        }
    }

    /// The Pods for a node.
    pub(super) fn on(&self, node: &str) -> &[&'a Value] {
        self.pods.get(node).map(Vec::as_slice).unwrap_or_default()
    }

    /// `spec.minReadySeconds`.
    pub(super) fn min_ready(&self) -> Duration {
        Duration::from_secs(self.set["spec"]["minReadySeconds"].as_u64().unwrap_or_default())
    }

    /// Whether the Pod has been ready for long enough.
    pub(super) fn is_available(&self, pod: &Value, now: Time) -> bool {
        pod::available_from(pod, self.min_ready()).is_some_and(|from| from <= now)
    }

    /// Whether the Pod is of the present revision.
    pub(super) fn is_updated(&self, pod: &Value) -> bool {
        pods::is_updated(self.set, self.hash, pod)
    }
}

fn has_ended(pod: &Value) -> bool {
    matches!(pod::phase(pod), "Succeeded" | "Failed")
}

/// One thing to do.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Action {
    /// A Pod for that node is missing.
    Create(String),
    /// The Pod of that name has to go.
    Delete(String),
    /// The Pod has ended and has to make way for another.
    Replace { pod: Value, node: String },
    /// A failed Pod may not be replaced before then.
    Wait(Time),
}

/// Plans the next steps. `paused` says until when a failed Pod on a node has to stay.
pub(super) fn plan(observed: &Observed<'_>, now: Time, paused: impl Fn(&str) -> Option<Time>) -> Vec<Action> {
    let mut actions = Vec::new();
    for (node, verdict) in &observed.nodes {
        if verdict.should_run && observed.on(node).is_empty() {
            actions.push(Action::Create((*node).to_owned()));
        } else if verdict.may_stay {
            keep_one(observed, node, *verdict, now, &paused, &mut actions);
        } else {
            actions.extend(
                observed
                    .on(node)
                    .iter()
                    .filter(|pod| !is_deleted(pod))
                    .map(delete),
            );
        }
    }
    actions.extend(homeless(observed));
    let settled = !actions.iter().any(|action| !matches!(action, Action::Wait(_)));
    // An update goes on once what it has brought about so far has been seen.
    if settled && observed.set["spec"]["updateStrategy"]["type"] == "RollingUpdate" {
        actions.extend(update::plan(observed, now));
    }
    actions
}

pub(super) fn delete(pod: &&Value) -> Action {
    Action::Delete(text(pod, &["metadata", "name"]).to_owned())
}

/// Pods that wait for a node that is gone; nobody else would delete them.
fn homeless(observed: &Observed<'_>) -> Vec<Action> {
    let lost = observed
        .pods
        .iter()
        .filter(|(node, _)| !observed.nodes.contains_key(**node));
    lost.flat_map(|(_, pods)| pods)
        .filter(|pod| text(pod, &["spec", "nodeName"]).is_empty())
        .map(delete)
        .collect()
}

/// Replaces Pods that have ended and deletes all but one of the others, or but two during an update with a surge.
fn keep_one(
    observed: &Observed<'_>,
    node: &str,
    verdict: Verdict,
    now: Time,
    paused: &impl Fn(&str) -> Option<Time>,
    actions: &mut Vec<Action>,
) {
    let present = observed.on(node).iter().filter(|pod| !is_deleted(pod));
    let (ended, running): (Vec<&Value>, Vec<&Value>) = present.partition(|pod| has_ended(pod));
    for pod in ended {
        let until = (pod::phase(pod) == "Failed").then(|| paused(node)).flatten();
        actions.push(match until {
            Some(until) => Action::Wait(until),
            None => Action::Replace {
                pod: pod.clone(),
                node: node.to_owned(),
            },
        });
    }
    if !update::allows_surge(observed.set) {
        actions.extend(running.iter().skip(1).map(delete));
        return;
    }
    match running.as_slice() {
        [] if verdict.should_run => actions.push(Action::Create(node.to_owned())),
        [] | [_] => {}
        several => actions.extend(keep_pair(observed, several, now)),
    }
}

/// Which of several Pods on a node go: two stay only while the oldest of the present revision is not yet available
/// and the oldest of another one is ready.
fn keep_pair(observed: &Observed<'_>, running: &[&Value], now: Time) -> Vec<Action> {
    let is_new = |pod: &&Value| text(pod, &["metadata", "labels", REVISION_LABEL]) == observed.hash;
    let (new, old): (Vec<&Value>, Vec<&Value>) = running.iter().partition(|pod| is_new(pod));
    let mut actions: Vec<Action> = new.iter().skip(1).chain(old.iter().skip(1)).map(delete).collect();
    if let (Some(new), Some(old)) = (new.first(), old.first())
        && (!pod::is_ready(old) || observed.is_available(new, now))
    {
        actions.push(delete(old));
    }
    actions
}

#[cfg(test)]
mod tests;
