//! The node lifecycle controller: taints that follow a node's conditions, what becomes of nodes that fall silent, and
//! labels under their old names.
//!
//! Source: `kubernetes/pkg/controller/nodelifecycle` and `pkg/controller/ttl`, v1.36.

use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::{Value, json};

use crate::apiserver::{ApiServer, Component};
use crate::clock::Time;
use crate::events::{Event, Recorder};
use crate::resource::{LEASES, NODES, PODS};
use crate::rng::Rng;
use crate::storage::{Change, ChangeKind, Object, text};

use super::queue::{Key, Span, WorkQueue, next_round};
use super::write_options;

mod health;
mod zones;

use health::{Health, readiness};
use zones::{TaintQueue, Zone};

/// How often it is looked whether nodes are heard of.
const MONITOR: Duration = Duration::from_secs(5);
/// How long after its start the controller looks first.
const FIRST_LOOK: Duration = Duration::from_millis(500);
/// How long after a look those that are silent are tainted.
const TAINT_PASS: Duration = Duration::from_millis(100);

/// How long a taint that a change calls for takes: the node is read anew, and then patched.
const LATENCY: Span = (Duration::from_millis(7), Duration::from_millis(11));

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
    /// When the controller first saw anything: looks come each so long after it.
    started: Option<Time>,
    /// When the nodes are looked at next; `None` while there is none.
    next_look: Option<Time>,
    health: BTreeMap<String, Health>,
    taints: TaintQueue,
    /// When nodes are tainted next, and how much of each zone was down at the last look.
    taint_pass: Option<(Time, BTreeMap<String, Zone>)>,
    /// Whether nothing answered at the last look.
    all_down: bool,
}

impl NodeLifecycleController {
    /// A controller that has seen nothing yet; `seed` makes its jitter.
    pub(crate) fn new(seed: u64) -> Self {
        Self {
            queue: WorkQueue::with_latency(Rng::named("node-lifecycle-controller", seed), LATENCY),
            events: Recorder::new("node-controller", None),
            started: None,
            next_look: None,
            health: BTreeMap::new(),
            taints: TaintQueue::default(),
            taint_pass: None,
            all_down: false,
        }
    }

    fn sync(&mut self, api: &mut ApiServer, key: &Key) {
        let Some(node) = api.get(&NODES, "", &key.name).cloned() else {
            self.queue.forget(key);
            return;
        };
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

impl NodeLifecycleController {
    /// Looks at all nodes (`monitorNodeHealth`).
    fn look(&mut self, api: &mut ApiServer) {
        let now = api.now();
        let nodes: Vec<Object> = api.list(&NODES, None).cloned().collect();
        self.next_look = (!nodes.is_empty()).then_some(now + MONITOR);
        let is_there =
            |name: &String, _: &mut Health| nodes.iter().any(|node| node["metadata"]["name"] == *name);
        self.health.retain(is_there);
        let mut zones: BTreeMap<String, Zone> = BTreeMap::new();
        for node in &nodes {
            let current = self.check(api, node);
            let zone = zones.entry(zone_of(&current)).or_default();
            zone.nodes += 1;
            zone.silent += usize::from(readiness(&current) == "Unknown");
            self.queue_taint(api, &current);
        }
        self.judge_zones(api, zones);
    }

    /// Takes note of what was heard of a node, and gives up on one that is silent; the node as it is then.
    fn check(&mut self, api: &mut ApiServer, node: &Object) -> Object {
        let (now, name) = (api.now(), text(node, &["metadata", "name"]).to_owned());
        let lease = api.get(&LEASES, "kube-node-lease", &name);
        let renewed = lease.map_or("", |lease| text(lease, &["spec", "renewTime"]));
        let health = health::listen(self.health.get(&name), node, renewed, now);
        if !self.health.contains_key(&name) {
            let message = format!("Node {name} event: Registered Node {name} in Controller");
            self.events
                .record(api, node, None, Event::normal("RegisteredNode", &message));
        }
        let is_silent = health::is_silent(&health, node, now);
        self.health.insert(name, health);
        let Some(unheard) = health::unheard(node, now).filter(|_| is_silent) else {
            return node.clone();
        };
        let written = api.update(&NODES, Some("status"), unheard, &write_options());
        let current = written.unwrap_or_else(|_| node.clone());
        if readiness(node) == "True" && readiness(&current) != "True" {
            self.report_silence(api, &current);
        }
        current
    }

    /// Tells of a node that fell silent, and takes its Pods out of service.
    fn report_silence(&mut self, api: &mut ApiServer, node: &Object) {
        let name = text(node, &["metadata", "name"]).to_owned();
        let message = format!("Node {name} status is now: NodeNotReady");
        self.events
            .record(api, node, None, Event::normal("NodeNotReady", &message));
        let on_node = |pod: &&Object| text(pod, &["spec", "nodeName"]) == name;
        let pods: Vec<Object> = api.list(&PODS, None).filter(on_node).cloned().collect();
        for pod in pods {
            let Some(new) = out_of_service(&pod, api.now()) else {
                continue;
            };
            if api.update(&PODS, Some("status"), new, &write_options()).is_ok() {
                let event = Event::warning("NodeNotReady", "Node is not ready");
                self.events.record(api, &pod, None, event);
            }
        }
    }

    /// Queues a node that is not ready for its NoExecute taint, or takes the taint from one that is.
    fn queue_taint(&mut self, api: &mut ApiServer, node: &Object) {
        let (zone, name) = (zone_of(node), text(node, &["metadata", "name"]));
        match (no_execute_for(node), no_execute_on(node)) {
            (Some(wanted), found) if found != [wanted] => {
                if found.is_empty() {
                    self.taints.add(&zone, name);
                } else {
                    // It was driven out already; only the reason is another one.
                    set_no_execute(api, node, Some(wanted));
                }
            }
            (None, _) => {
                self.taints.remove(&zone, name);
                set_no_execute(api, node, None);
            }
            _ => {}
        }
    }

    /// Where nothing at all answers, the fault may be on this side: nobody is driven out.
    fn judge_zones(&mut self, api: &mut ApiServer, zones: BTreeMap<String, Zone>) {
        let now = api.now();
        let all_down = !zones.is_empty() && zones.values().all(|zone| zone.is_down());
        let were_all_down = std::mem::replace(&mut self.all_down, all_down);
        if all_down {
            self.taints.clear();
            for node in api.list(&NODES, None).cloned().collect::<Vec<_>>() {
                set_no_execute(api, &node, None);
            }
            return;
        }
        if were_all_down {
            for health in self.health.values_mut() {
                health.heard = now;
            }
        }
        self.taint_pass = Some((now + TAINT_PASS, zones));
    }

    /// Taints the nodes whose turn it is.
    fn taint_the_silent(&mut self, api: &mut ApiServer, zones: &BTreeMap<String, Zone>) {
        for name in self.taints.take(zones, api.now()) {
            if let Some(node) = api.get(&NODES, "", &name).cloned() {
                set_no_execute(api, &node, no_execute_for(&node));
            }
        }
    }
}

impl Component for NodeLifecycleController {
    fn observe(&mut self, change: &Change, api: &ApiServer) {
        let now = api.now();
        let started = *self.started.get_or_insert(now + FIRST_LOOK);
        if change.resource == &NODES && change.kind != ChangeKind::Deleted {
            self.queue.add(now, Key::of(&change.object));
            let first = if now < started {
                started
            } else {
                next_round(started, MONITOR, now)
            };
            self.next_look.get_or_insert(first);
        }
    }

    fn next_deadline(&self) -> Option<Time> {
        let taint_pass = self.taint_pass.as_ref().map(|(time, _)| *time);
        let own = self.next_look.into_iter().chain(taint_pass);
        own.chain(self.queue.next()).min()
    }

    fn run_next(&mut self, api: &mut ApiServer) {
        if self.next_look.is_some_and(|next| next <= api.now()) {
            return self.look(api);
        }
        if let Some((_, zones)) = self.taint_pass.take_if(|(time, _)| *time <= api.now()) {
            return self.taint_the_silent(api, &zones);
        }
        if let Some(key) = self.queue.pop(api.now()) {
            self.sync(api, &key);
        }
    }
}

/// Region and zone, as taints are paced by them.
fn zone_of(node: &Value) -> String {
    let label = |key| text(node, &["metadata", "labels", key]);
    format!(
        "{}:{}",
        label("topology.kubernetes.io/region"),
        label("topology.kubernetes.io/zone")
    )
}

/// The Pod with its condition Ready False; `None` if it has none, or that already.
fn out_of_service(pod: &Value, now: Time) -> Option<Value> {
    let mut new = pod.clone();
    let mut conditions = new["status"]["conditions"].as_array_mut()?.iter_mut();
    let ready =
        conditions.find(|condition| condition["type"] == "Ready" && condition["status"] != "False")?;
    ready["status"] = "False".into();
    ready["lastTransitionTime"] = now.rfc3339().into();
    if ready.get("observedGeneration").is_some() {
        ready["observedGeneration"] = pod["metadata"]["generation"].clone();
    }
    Some(new)
}

const NOT_READY: &str = "node.kubernetes.io/not-ready";
const UNREACHABLE: &str = "node.kubernetes.io/unreachable";

/// The key of the NoExecute taint that the node's readiness asks for.
fn no_execute_for(node: &Value) -> Option<&'static str> {
    match readiness(node) {
        "False" => Some(NOT_READY),
        "Unknown" if !node["status"]["conditions"].is_null() => Some(UNREACHABLE),
        _ => None,
    }
}

/// The keys of the NoExecute taints that this controller has put on the node.
fn no_execute_on(node: &Value) -> Vec<&'static str> {
    let taints = node["spec"]["taints"].as_array();
    let has = |key: &&str| {
        let mut taints = taints.into_iter().flatten();
        taints.any(|taint| taint["key"] == **key && taint["effect"] == "NoExecute")
    };
    [NOT_READY, UNREACHABLE].into_iter().filter(has).collect()
}

/// Makes `wanted` the only NoExecute taint that this controller has on the node.
fn set_no_execute(api: &mut ApiServer, node: &Value, wanted: Option<&'static str>) {
    let found = no_execute_on(node);
    if found.iter().copied().eq(wanted) {
        return;
    }
    let mut taints = node["spec"]["taints"].as_array().cloned().unwrap_or_default();
    taints.retain(|taint| {
        let is_ours = found.iter().any(|key| taint["key"] == *key) && taint["effect"] == "NoExecute";
        !is_ours || wanted.is_some_and(|wanted| taint["key"] == wanted)
    });
    if let Some(key) = wanted.filter(|wanted| !found.contains(wanted)) {
        taints.push(json!({"key": key, "effect": "NoExecute", "timeAdded": api.now().rfc3339()}));
    }
    let mut new = node.clone();
    put_taints(&mut new, taints);
    drop(api.update(&NODES, None, new, &write_options()));
}

fn put_taints(node: &mut Value, taints: Vec<Value>) {
    if taints.is_empty() {
        if let Some(spec) = node["spec"].as_object_mut() {
            spec.remove("taints");
        }
    } else {
        node["spec"]["taints"] = taints.into();
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
    put_taints(&mut changed, taints);
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
        }
    }
    if node["spec"]["unschedulable"] == true {
        wanted.push((UNSCHEDULABLE, "NoSchedule"));
    }
    wanted
}

/// Whether a taint follows the node's conditions at once. Those that drive Pods out come and go at the looks.
fn is_managed(taint: &Value) -> bool {
    let key = text(taint, &["key"]);
    let is_soft = text(taint, &["effect"]) != "NoExecute";
    is_soft && (key == UNSCHEDULABLE || BY_CONDITION.iter().any(|(_, _, managed)| *managed == key))
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
                vec![format!("{not_ready}:NoSchedule")],
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
