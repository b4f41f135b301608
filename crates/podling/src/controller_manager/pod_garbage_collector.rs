//! The Pod garbage collector: Pods whose node is no longer there go after a while.
//!
//! Source: `pkg/controller/podgc`, v1.36. Differs from Kubernetes: ended Pods are not collected, whose limit is 12,500.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use serde_json::Value;

use crate::apiserver::{ApiServer, Component, DeleteOptions};
use crate::clock::Time;
use crate::pod_condition::{self, Condition};
use crate::resource::{NODES, PODS};
use crate::storage::{Change, ChangeKind, Object, text};

use super::queue::next_round;
use super::{pod, write_options};

/// How often it is looked.
const PERIOD: Duration = Duration::from_secs(20);
/// How long a node may be missing.
const QUARANTINE: Duration = Duration::from_secs(40);

/// The controller.
#[derive(Debug, Default)]
pub(crate) struct PodGarbageCollector {
    /// When the controller first saw anything: looks come each so long after it.
    started: Option<Time>,
    /// When it is looked next; `None` while no node is missed.
    next_look: Option<Time>,
    /// Since when nodes have been missed.
    missing: BTreeMap<String, Time>,
}

impl PodGarbageCollector {
    fn look(&mut self, api: &mut ApiServer) {
        let now = api.now();
        let orphans: Vec<Object> = api
            .list(&PODS, None)
            .filter(|pod| is_orphan(api, pod))
            .cloned()
            .collect();
        let missed: BTreeSet<&str> = orphans.iter().map(|pod| node_of(pod)).collect();
        self.missing.retain(|node, _| missed.contains(node.as_str()));
        for node in missed {
            self.missing.entry(node.to_owned()).or_insert(now);
        }
        for orphan in &orphans {
            let since = self.missing.get(node_of(orphan));
            if since.is_some_and(|since| now.since(*since) >= QUARANTINE) {
                collect(api, orphan);
            }
        }
        self.next_look = (!self.missing.is_empty()).then_some(now + PERIOD);
    }
}

impl Component for PodGarbageCollector {
    fn observe(&mut self, change: &Change, api: &ApiServer) {
        let started = *self.started.get_or_insert(api.now());
        let is_gone = change.kind == ChangeKind::Deleted;
        let may_orphan = change.resource == &NODES && is_gone
            || change.resource == &PODS && !is_gone && is_orphan(api, &change.object);
        if may_orphan {
            self.next_look
                .get_or_insert(next_round(started, PERIOD, api.now()));
        }
    }

    fn next_deadline(&self) -> Option<Time> {
        self.next_look
    }

    fn run_next(&mut self, api: &mut ApiServer) {
        if self.next_look.is_some_and(|next| next <= api.now()) {
            self.look(api);
        }
    }
}

fn node_of(pod: &Value) -> &str {
    text(pod, &["spec", "nodeName"])
}

fn is_orphan(api: &ApiServer, pod: &Value) -> bool {
    let node = node_of(pod);
    !node.is_empty() && api.get(&NODES, "", node).is_none()
}

/// Says why the Pod goes, and deletes it at once: there is no kubelet that could end it.
fn collect(api: &mut ApiServer, orphan: &Object) {
    let mut new = Value::clone(orphan);
    let condition = Condition {
        kind: "DisruptionTarget",
        status: "True",
        reason: "DeletionByPodGC",
        message: "PodGC: node no longer exists",
    };
    pod_condition::update(&mut new, &condition, api.now());
    if !matches!(pod::phase(orphan), "Succeeded" | "Failed") {
        new["status"]["phase"] = "Failed".into();
    }
    drop(api.update(&PODS, Some("status"), new, &write_options()));
    let at_once = DeleteOptions {
        grace_period_seconds: Some(0),
        ..DeleteOptions::default()
    };
    let part = |key| text(orphan, &["metadata", key]);
    drop(api.delete(&PODS, part("namespace"), part("name"), &at_once));
}
