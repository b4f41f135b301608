//! Taint eviction: Pods leave nodes with NoExecute taints, at once or when their toleration ends.
//!
//! Source: `pkg/controller/tainteviction`, v1.36.

use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::{Value, json};

use crate::apiserver::{ApiServer, DeleteOptions};
use crate::clock::Time;
use crate::events::{Event, Recorder};
use crate::placement;
use crate::pod_condition::{self, Condition};
use crate::resource::{NODES, PODS};
use crate::storage::{Change, ChangeKind, text};

use super::controller::Controller;
use super::queue::{Key, WorkQueue};
use super::write_options;

const REASON: &str = "TaintManagerEviction";

/// What is looked at.
#[derive(Clone, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub(crate) enum Work {
    /// The taints of the node of that name are others.
    Node(String),
    /// A Pod is new, elsewhere or tolerates something else.
    Pod(Key),
    /// The time of a Pod may be up.
    Evict(Key),
}

/// A Pod that will be evicted.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
struct Eviction {
    /// Since when its toleration runs.
    since: Time,
    due: Time,
}

/// The controller, and what it remembers.
#[derive(Debug)]
pub(crate) struct TaintEvictionController {
    events: Recorder,
    scheduled: BTreeMap<Key, Eviction>,
}

/// What the taints of its node mean for a Pod.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Verdict {
    /// It stays.
    Stays,
    /// It goes at once.
    Goes,
    /// It goes so long after the taint came.
    GoesAfter(Duration),
}

impl TaintEvictionController {
    /// A controller that has seen nothing yet.
    pub(crate) fn new() -> Self {
        Self {
            events: Recorder::new("taint-eviction-controller", None),
            scheduled: BTreeMap::new(),
        }
    }

    fn sync_pod(&mut self, api: &mut ApiServer, key: &Key, queue: &mut WorkQueue<Work>) {
        let Some(pod) = api.get(&PODS, &key.namespace, &key.name).cloned() else {
            self.scheduled.remove(key);
            return;
        };
        let node = api.get(&NODES, "", text(&pod, &["spec", "nodeName"]));
        let verdict = node.map_or(Verdict::Stays, |node| judge(&pod["spec"], node));
        let now = api.now();
        match verdict {
            Verdict::Stays => self.cancel(api, key),
            Verdict::Goes => {
                self.cancel(api, key);
                self.evict(api, key);
            }
            Verdict::GoesAfter(toleration) => self.schedule(key, toleration, now, queue),
        }
    }

    /// A Pod that waits already keeps the beginning of its wait.
    fn schedule(&mut self, key: &Key, toleration: Duration, now: Time, queue: &mut WorkQueue<Work>) {
        let since = self.scheduled.get(key).map_or(now, |eviction| eviction.since);
        let due = since + toleration;
        self.scheduled.insert(key.clone(), Eviction { since, due });
        queue.add_at(due, Work::Evict(key.clone()));
    }

    fn cancel(&mut self, api: &mut ApiServer, key: &Key) {
        if self.scheduled.remove(key).is_some() {
            self.tell(api, key, "Cancelling deletion of Pod");
        }
    }

    /// The time of a Pod may have been put off, or its eviction cancelled.
    fn evict_if_due(&mut self, api: &mut ApiServer, key: &Key) {
        let eviction = self.scheduled.get(key);
        if eviction.is_some_and(|eviction| eviction.due <= api.now()) {
            self.scheduled.remove(key);
            self.evict(api, key);
        }
    }

    fn evict(&mut self, api: &mut ApiServer, key: &Key) {
        let Some(pod) = api.get(&PODS, &key.namespace, &key.name).cloned() else {
            return;
        };
        if pod["metadata"].get("deletionTimestamp").is_some() {
            return;
        }
        self.tell(api, key, "Marking for deletion Pod");
        let mut marked = Value::clone(&pod);
        let condition = Condition {
            kind: "DisruptionTarget",
            status: "True",
            reason: "DeletionByTaintManager",
            message: "Taint manager: deleting due to NoExecute taint",
        };
        if pod_condition::update(&mut marked, &condition, api.now()) {
            drop(api.update(&PODS, Some("status"), marked, &write_options()));
        }
        drop(api.delete(&PODS, &key.namespace, &key.name, &DeleteOptions::default()));
    }

    /// Kubernetes names only the Pod here, not which one of that name.
    fn tell(&mut self, api: &mut ApiServer, key: &Key, what: &str) {
        let about = json!({
            "apiVersion": "v1", "kind": "Pod", "metadata": {"namespace": key.namespace, "name": key.name},
        });
        let message = format!("{what} {}/{}", key.namespace, key.name);
        self.events
            .record(api, &about, None, Event::normal(REASON, &message));
    }
}

impl Controller for TaintEvictionController {
    type Item = Work;

    fn name(&self) -> &'static str {
        "taint-eviction-controller"
    }

    fn observe(&mut self, change: &Change, api: &ApiServer, queue: &mut WorkQueue<Work>) {
        let (now, object) = (api.now(), &*change.object);
        let previous = change.previous.as_deref();
        if change.resource == &PODS {
            let asked = |pod: &Value| {
                (
                    pod["spec"]["nodeName"].clone(),
                    pod["spec"]["tolerations"].clone(),
                )
            };
            let is_same = previous.is_some_and(|old| asked(old) == asked(object));
            if change.kind == ChangeKind::Deleted || !is_same {
                queue.add(now, Work::Pod(Key::of(object)));
            }
        } else if change.resource == &NODES && change.kind != ChangeKind::Deleted {
            let before = previous.map(taints).unwrap_or_default();
            if taints(object) != before {
                let name = text(object, &["metadata", "name"]).to_owned();
                queue.add(now, Work::Node(name));
            }
        }
    }

    fn sync(&mut self, api: &mut ApiServer, item: &Work, queue: &mut WorkQueue<Work>) {
        match item {
            Work::Node(name) => {
                let on_node = |pod: &&crate::storage::Object| text(pod, &["spec", "nodeName"]) == *name;
                let pods: Vec<Key> = api
                    .list(&PODS, None)
                    .filter(on_node)
                    .map(|pod| Key::of(pod))
                    .collect();
                for key in pods {
                    self.sync_pod(api, &key, queue);
                }
            }
            Work::Pod(key) => self.sync_pod(api, key, queue),
            Work::Evict(key) => self.evict_if_due(api, key),
        }
    }
}

/// The taints that drive Pods away.
fn taints(node: &Value) -> Vec<&Value> {
    let taints = node["spec"]["taints"].as_array().into_iter().flatten();
    taints.filter(|taint| taint["effect"] == "NoExecute").collect()
}

/// What the node's taints mean for a Pod. The shortest of the tolerations that are used counts; a toleration without
/// an end holds for ever.
fn judge(spec: &Value, node: &Value) -> Verdict {
    let taints = taints(node);
    if taints.is_empty() {
        return Verdict::Stays;
    }
    if taints.iter().any(|taint| !placement::is_tolerated(spec, taint)) {
        return Verdict::Goes;
    }
    let used = |toleration: &&Value| taints.iter().any(|taint| placement::tolerates(toleration, taint));
    let tolerations = spec["tolerations"].as_array().into_iter().flatten();
    let seconds = tolerations
        .filter(used)
        .filter_map(|toleration| toleration["tolerationSeconds"].as_i64());
    match seconds.min() {
        None => Verdict::Stays,
        Some(seconds) => match u64::try_from(seconds) {
            Ok(seconds) if seconds > 0 => Verdict::GoesAfter(Duration::from_secs(seconds)),
            _ => Verdict::Goes,
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tolerations_say_whether_and_when_a_pod_goes() {
        let node = |effects: &[&str]| {
            let taints: Vec<Value> = effects
                .iter()
                .map(|effect| json!({"key": "k", "effect": effect}))
                .collect();
            json!({"spec": {"taints": taints}})
        };
        let tolerating = |seconds: &[Option<i64>]| {
            let all: Vec<Value> = seconds
                .iter()
                .map(|seconds| json!({"key": "k", "operator": "Exists", "tolerationSeconds": seconds}))
                .collect();
            json!({"tolerations": all})
        };
        let after = |seconds| Verdict::GoesAfter(Duration::from_secs(seconds));
        let tainted = node(&["NoExecute"]);
        let cases = [
            (json!({}), &node(&["NoSchedule"]), Verdict::Stays),
            (json!({}), &tainted, Verdict::Goes),
            (tolerating(&[None]), &tainted, Verdict::Stays),
            (tolerating(&[Some(300)]), &tainted, after(300)),
            (tolerating(&[Some(300), Some(10)]), &tainted, after(10)),
            (tolerating(&[None, Some(10)]), &tainted, after(10)),
            (tolerating(&[Some(0)]), &tainted, Verdict::Goes),
        ];
        for (spec, node, expected) in cases {
            assert_eq!(judge(&spec, node), expected, "{spec}");
        }
    }
}
