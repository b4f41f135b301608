//! The node lifecycle controller: taints that follow a node's conditions, and labels under their old names.
//!
//! Source: `kubernetes/pkg/controller/nodelifecycle` and `pkg/controller/ttl`. Left out so far: nodes that fall
//! silent, and evicting pods from tainted nodes.

use serde_json::{Value, json};

use crate::apiserver::{ApiServer, Component};
use crate::clock::Time;
use crate::events::{Event, Recorder};
use crate::resource::NODES;
use crate::rng::Rng;
use crate::storage::{Change, ChangeKind, text};

use super::queue::{Key, WorkQueue};
use super::write_options;

/// How long kubelets may cache Secrets; 0 s in clusters of up to 100 nodes.
const TTL: &str = "node.alpha.kubernetes.io/ttl";

/// Taints that come with a condition: its type, its status, the taint's key.
const BY_CONDITION: [(&str, &str, &str); 6] = [
    ("Ready", "False", "node.kubernetes.io/not-ready"),
    ("Ready", "Unknown", "node.kubernetes.io/unreachable"),
    ("MemoryPressure", "True", "node.kubernetes.io/memory-pressure"),
    ("DiskPressure", "True", "node.kubernetes.io/disk-pressure"),
    (
        "NetworkUnavailable",
        "True",
        "node.kubernetes.io/network-unavailable",
    ),
    ("PIDPressure", "True", "node.kubernetes.io/pid-pressure"),
];
/// Labels that are kept equal to others under their old names.
const OLD_LABELS: [(&str, &str); 2] = [
    ("kubernetes.io/os", "beta.kubernetes.io/os"),
    ("kubernetes.io/arch", "beta.kubernetes.io/arch"),
];
const UNSCHEDULABLE: &str = "node.kubernetes.io/unschedulable";

/// The controller with its queue.
#[derive(Debug)]
pub(crate) struct NodeLifecycleController {
    queue: WorkQueue,
    events: Recorder,
}

impl NodeLifecycleController {
    /// A controller whose jitter comes from `rng`.
    pub(crate) fn new(rng: Rng) -> Self {
        Self {
            queue: WorkQueue::new(rng),
            events: Recorder::new("node-controller", None),
        }
    }

    fn sync(&mut self, api: &mut ApiServer, key: &Key) {
        let Some(node) = api.get(&NODES, "", &key.name).cloned() else {
            self.queue.forget(key);
            return;
        };
        if node["metadata"]["annotations"].get(TTL).is_none() {
            let message = format!("Node {} event: Registered Node {0} in Controller", key.name);
            self.events
                .record(api, &node, None, Event::normal("RegisteredNode", &message));
        }
        let Some(wanted) = plan(&node, api.now()) else {
            self.queue.forget(key);
            return;
        };
        match api.update(&NODES, None, wanted, &write_options()) {
            Ok(_) => self.queue.forget(key),
            Err(_) => self.queue.retry(api.now(), key.clone()),
        }
    }
}

impl Component for NodeLifecycleController {
    fn observe(&mut self, change: &Change, api: &ApiServer) {
        if change.resource == &NODES && change.kind != ChangeKind::Deleted {
            self.queue.add(api.now(), Key::of(&change.object));
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

/// The node with the taints that its conditions and its cordon ask for, and its labels under their old names;
/// `None` if it has them.
fn plan(node: &Value, now: Time) -> Option<Value> {
    let old = node["spec"]["taints"].as_array().cloned().unwrap_or_default();
    let wanted = wanted(node);
    let is_wanted = |taint: &Value| {
        let same = |(key, effect): &(&str, &str)| taint["key"] == *key && taint["effect"] == *effect;
        wanted.iter().any(same)
    };
    let mut taints: Vec<Value> = old
        .iter()
        .filter(|taint| !is_managed(taint) || is_wanted(taint))
        .cloned()
        .collect();
    for (key, effect) in &wanted {
        let has = |taint: &Value| taint["key"] == *key && taint["effect"] == *effect;
        if !taints.iter().any(has) {
            taints.push(json!({"key": key, "effect": effect, "timeAdded": now.rfc3339()}));
        }
    }
    let mut changed = node.clone();
    changed["metadata"]["annotations"][TTL] = "0".into();
    if taints.is_empty() {
        if let Some(spec) = changed["spec"].as_object_mut() {
            spec.remove("taints");
        }
    } else {
        changed["spec"]["taints"] = taints.into();
    }
    for (label, old_label) in OLD_LABELS {
        if let Some(value) = node["metadata"]["labels"].get(label) {
            changed["metadata"]["labels"][old_label] = value.clone();
        }
    }
    (changed != *node).then_some(changed)
}

fn wanted(node: &Value) -> Vec<(&'static str, &'static str)> {
    let conditions = node["status"]["conditions"].as_array();
    let has = |kind: &str, status: &str| {
        let mut conditions = conditions.into_iter().flatten();
        conditions.any(|one| one["type"] == kind && one["status"] == status)
    };
    let mut wanted = Vec::new();
    for (kind, status, key) in BY_CONDITION {
        if has(kind, status) {
            wanted.push((key, "NoSchedule"));
            if kind == "Ready" {
                wanted.push((key, "NoExecute"));
            }
        }
    }
    if node["spec"]["unschedulable"] == true {
        wanted.push((UNSCHEDULABLE, "NoSchedule"));
    }
    wanted
}

/// Whether a taint is this controller's to remove.
fn is_managed(taint: &Value) -> bool {
    let key = text(taint, &["key"]);
    key == UNSCHEDULABLE || BY_CONDITION.iter().any(|(_, _, managed)| *managed == key)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn taints(node: &Value) -> Vec<String> {
        let node = plan(node, Time::from_micros(0)).unwrap();
        let taints = node["spec"]["taints"].as_array().cloned().unwrap_or_default();
        let name = |taint: &Value| format!("{}:{}", text(taint, &["key"]), text(taint, &["effect"]));
        taints.iter().map(name).collect()
    }

    #[test]
    fn taints_come_and_go_with_conditions_and_cordon() {
        let not_ready = "node.kubernetes.io/not-ready";
        let cases = [
            (
                json!({"spec": {"unschedulable": true}}),
                vec!["node.kubernetes.io/unschedulable:NoSchedule".to_owned()],
            ),
            (
                json!({"spec": {}, "status": {"conditions": [{"type": "Ready", "status": "False"}]}}),
                vec![
                    format!("{not_ready}:NoSchedule"),
                    format!("{not_ready}:NoExecute"),
                ],
            ),
            (
                json!({"spec": {"taints": [{"key": not_ready, "effect": "NoSchedule"},
                    {"key": "own", "effect": "NoSchedule"}]},
                    "status": {"conditions": [{"type": "Ready", "status": "True"}]}}),
                vec!["own:NoSchedule".to_owned()],
            ),
        ];
        for (node, expected) in cases {
            assert_eq!(taints(&node), expected, "{node}");
            let after = plan(&node, Time::from_micros(0)).unwrap();
            assert_eq!(plan(&after, Time::from_micros(9)), None, "nothing more to do");
        }
    }
}
