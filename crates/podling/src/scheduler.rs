//! The scheduler: gives each pod a node.
//!
//! Source: `kubernetes/pkg/scheduler`. One pod is scheduled at a time; each cycle takes about a millisecond.
//! Differs from Kubernetes: a pod without volumes to bind is bound within its cycle, and the victims of preemption are
//! removed within it.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use serde_json::Value;

use crate::apiserver::{ApiServer, Component, WriteOptions};
use crate::clock::Time;
use crate::events::{EventType, Note, SeriesRecorder};
use crate::label_selector;
use crate::pod_condition::Condition;
use crate::resource::{
    NAMESPACES, NODES, PERSISTENT_VOLUME_CLAIMS, PERSISTENT_VOLUMES, POD_DISRUPTION_BUDGETS, PODS,
    STORAGE_CLASSES,
};
use crate::rng::Rng;
use crate::storage::{Change, ChangeKind, Object, text};
use crate::timers::Timers;
use crate::volume::claims_of;

mod cache;
mod cycle_state;
mod dry_run;
mod framework;
mod hints;
mod message;
mod nominator;
mod plugins;
mod pod_affinity;
mod pod_status;
mod preemption;
mod queue;
pub(crate) mod requests;
mod siblings;
mod volume_bindings;
mod volumes;

use cache::{Cache, NodeInfo, PodInfo};
use cycle_state::CycleState;
use framework::{FitError, Name};
use nominator::Nominator;
use preemption::{Outcome, Situation};
use queue::Queue;
use volume_bindings::{State, Waiting};

/// Namespace and name of a pod.
type PodKey = (String, String);

/// The name that pods ask for by `spec.schedulerName`.
const SCHEDULER: &str = "default-scheduler";
/// How long a change takes to reach the scheduler, at least and at most: less than a controller takes to answer it
/// with a write of its own, so what the scheduler does about a change it does before.
const LATENCY: (Duration, Duration) = (Duration::from_millis(1), Duration::from_millis(3));
/// How long one cycle takes, at least and at most.
const CYCLE: (Duration, Duration) = (Duration::from_micros(500), Duration::from_micros(1_500));
/// How much longer a cycle takes that ends with a word about the pod: it is written before the next pod's turn.
const REPORT: (Duration, Duration) = (Duration::from_millis(3), Duration::from_millis(5));

/// The scheduler.
#[derive(Debug)]
pub(crate) struct Scheduler {
    queue: Queue,
    cache: Cache,
    nominator: Nominator,
    events: SeriesRecorder,
    rng: Rng,
    /// When the last change reaches it.
    told: Time,
    /// Until when the current cycle lasts.
    busy: Time,
    /// Where among the nodes the next search begins.
    start: usize,
    /// Pods that have a node and wait for their volumes there.
    waiting: BTreeMap<PodKey, Waiting>,
    /// When each of them is looked at again.
    polls: Timers<PodKey>,
}

impl Scheduler {
    /// A scheduler; `seed` makes its small delays, `host` is where it says it runs.
    pub(crate) fn new(seed: u64, host: &str) -> Self {
        Self {
            queue: Queue::default(),
            cache: Cache::default(),
            nominator: Nominator::default(),
            events: SeriesRecorder::new(SCHEDULER, host),
            rng: Rng::new(seed),
            told: Time::default(),
            busy: Time::default(),
            start: 0,
            waiting: BTreeMap::new(),
            polls: Timers::default(),
        }
    }

    /// When a change that was made just now reaches the scheduler: not before an earlier one.
    fn soon(&mut self, now: Time) -> Time {
        self.told = self.told.max(now + self.rng.between(LATENCY.0, LATENCY.1));
        self.told
    }

    // Changes ---------------------------------------------------------------------------------------------

    fn observe_pod(&mut self, change: &Change, api: &ApiServer) {
        let pod = &change.object;
        let gone = change.kind == ChangeKind::Deleted || has_ended(pod);
        self.follow_nomination(change, gone, api);
        if is_bound(pod) {
            self.observe_bound_pod(change, gone, api);
        } else if gone || !is_ours(pod) {
            self.queue.remove(&key_of(pod));
            if self.stop_waiting(&key_of(pod)).is_some() {
                self.wake_for_room(pod, api);
            }
        } else if self.waiting.contains_key(&key_of(pod)) {
            // It has its node; what happens to it meanwhile does not matter.
        } else if change
            .previous
            .as_ref()
            .is_none_or(|previous| asks_otherwise(previous, pod))
        {
            let at = self.soon(api.now());
            let priority = pod["spec"]["priority"].as_i64().unwrap_or_default();
            self.queue.add(&key_of(pod), priority, at);
        }
    }

    /// Keeps the room of a nominated pod. Once it gives that up, pods that left it alone may come.
    fn follow_nomination(&mut self, change: &Change, gone: bool, api: &ApiServer) {
        let pod = &change.object;
        let key = key_of(pod);
        let wants_node = !gone && !is_bound(pod) && is_ours(pod) && !self.waiting.contains_key(&key);
        match nominated_node(pod) {
            Some(_) if wants_node => self.nominator.set(PodInfo::new(pod.clone())),
            _ => self.nominator.remove(&key),
        }
        let Some(before) = change.previous.as_ref().filter(|before| !is_bound(before)) else {
            return;
        };
        let keeps = !gone && nominated_node(before) == nominated_node(pod);
        if nominated_node(before).is_some() && !is_bound(pod) && !keeps {
            let before = PodInfo::new(before.clone());
            self.wake_if(api, |pod, plugin| {
                pod.priority <= before.priority && hints::pod_left(pod, plugin, &before)
            });
        }
    }

    /// A pod has given up its place on a node, where it was not running yet.
    fn wake_for_room(&mut self, gone: &Object, api: &ApiServer) {
        let gone = PodInfo::new(gone.clone());
        self.wake_if(api, |pod, plugin| hints::pod_left(pod, plugin, &gone));
    }

    /// A claim has come or changed: the pods that use it may fit now.
    fn claim_changed(&mut self, claim: &Value, api: &ApiServer) {
        let metadata = &claim["metadata"];
        self.wake_if(api, |pod, plugin| {
            plugins::looks_at_volumes(plugin)
                && pod.object["metadata"]["namespace"] == metadata["namespace"]
                && claims_of(&pod.object).any(|name| metadata["name"] == *name)
        });
    }

    /// A pod on a node has come, changed or gone: the cache follows, and what waits for such a change may come.
    fn observe_bound_pod(&mut self, change: &Change, gone: bool, api: &ApiServer) {
        let pod = &change.object;
        let before = (change.previous.as_ref()).filter(|previous| is_bound(previous) && !has_ended(previous));
        self.queue.remove(&key_of(pod));
        match gone {
            true => self.cache.remove_pod(pod),
            false => self.cache.set_pod(pod.clone()),
        }
        let new = PodInfo::new(pod.clone());
        match before {
            Some(_) if gone => self.wake_if(api, |pod, plugin| hints::pod_left(pod, plugin, &new)),
            None if !gone => self.wake_if(api, |pod, plugin| hints::pod_came(pod, plugin, &new)),
            Some(old) => {
                // A resize ends with a status that no longer holds what the pod had before.
                if !asks_otherwise(old, pod) && requests::pod_requests(old) == new.requests {
                    return;
                }
                let old = PodInfo::new(old.clone());
                self.wake_if(api, |pod, plugin| hints::pod_changed(pod, plugin, &old, &new));
            }
            _ => {}
        }
    }

    fn observe_node(&mut self, change: &Change, api: &ApiServer) {
        if change.kind == ChangeKind::Deleted {
            let gone = NodeInfo::new(change.object.clone());
            self.cache.remove_node(gone.name());
            self.wake_if(api, |pod, plugin| hints::node_left(pod, plugin, &gone));
            return;
        }
        let old = self.cache.set_node(change.object.clone());
        let new = NodeInfo::new(change.object.clone());
        self.wake_if(api, |pod, plugin| {
            hints::node_changed(pod, plugin, old.as_ref(), &new)
        });
    }

    /// Wakes the pods for which `helps` holds with one of the plugins that rejected them.
    fn wake_if(&mut self, api: &ApiServer, helps: impl Fn(&PodInfo, Name) -> bool) {
        let mut woken: Vec<PodKey> = Vec::new();
        for (key, plugins) in self.queue.waiting() {
            let Some(pod) = api.get(&PODS, &key.0, &key.1) else {
                continue;
            };
            let pod = PodInfo::new(pod.clone());
            if plugins.iter().any(|plugin| helps(&pod, plugin)) {
                woken.push(key.clone());
            }
        }
        // All at one moment, so that priority decides among them.
        let at = self.soon(api.now());
        for key in woken {
            self.queue.wake(&key, at);
        }
    }

    // Cycles ----------------------------------------------------------------------------------------------

    fn schedule_one(&mut self, api: &mut ApiServer, key: &PodKey) {
        let Some(pod) = api.get(&PODS, &key.0, &key.1).cloned() else {
            return self.queue.remove(key);
        };
        let is_leaving = pod["metadata"]["deletionTimestamp"].is_string();
        if is_bound(&pod) || !is_ours(&pod) || is_leaving {
            self.queue.remove(key);
            if is_leaving {
                let message = format!("skip schedule deleting pod: {}/{}", key.0, key.1);
                self.record_failure(api, &pod, &message);
            }
            return;
        }
        let mut info = PodInfo::new(pod.clone());
        look_at_namespaces(api, &mut info);
        info.siblings = siblings::of(api, &pod);
        match volumes::gather(api, &pod) {
            Ok(volumes) => info.volumes = volumes,
            Err(why) => {
                let error = framework::no_volumes(&self.cache, why);
                return self.fail(api, &pod, key, &error, None);
            }
        }
        let state = CycleState::new(&info, &self.cache.nodes());
        let found = framework::schedule(&info, &state, &self.cache, &self.nominator, &mut self.start);
        match found {
            Ok(node) if info.volumes.delayed.is_empty() => self.bind(api, &pod, key, &node),
            Ok(node) => self.bind_volumes(api, &info, key, &node),
            Err(error) => self.preempt(api, &info, &state, key, &error),
        }
    }

    /// Has the pod's claims bound on the node before the pod itself is; meanwhile it has its place there.
    fn bind_volumes(&mut self, api: &mut ApiServer, pod: &PodInfo, key: &PodKey, node: &str) {
        let bindings = (self.cache.node(node))
            .and_then(|node| plugins::volume_binding::bindings(pod, node))
            .unwrap_or_default();
        match volume_bindings::start(api, &pod.object, node, &bindings) {
            Ok(waiting) => {
                // Others are told where the pod is about to go (KEP-5278).
                drop(pod_status::patch(api, &pod.object, None, Some(node)));
                let mut assumed = Value::clone(&pod.object);
                assumed["spec"]["nodeName"] = node.into();
                self.cache.set_pod(assumed.into());
                self.polls.at(api.now() + volume_bindings::POLL, key.clone());
                self.waiting.insert(key.clone(), waiting);
            }
            Err(why) => self.give_up_volumes(api, &pod.object, key, &why),
        }
    }

    /// Looks whether the volumes of a waiting pod are bound.
    fn poll(&mut self, api: &mut ApiServer, key: &PodKey) {
        let Some(waiting) = self.waiting.get(key) else {
            return;
        };
        match volume_bindings::check(api, waiting) {
            State::Pending => self.polls.at(api.now() + volume_bindings::POLL, key.clone()),
            State::Ready => {
                if let Some(waiting) = self.stop_waiting(key) {
                    self.bind(api, &waiting.pod, key, &waiting.node);
                }
            }
            State::Failed(why) => {
                if let Some(waiting) = self.stop_waiting(key) {
                    self.give_up_volumes(api, &waiting.pod, key, &why);
                }
            }
        }
    }

    /// Gives the pod's place on its node back.
    fn stop_waiting(&mut self, key: &PodKey) -> Option<Waiting> {
        let waiting = self.waiting.remove(key)?;
        self.polls.cancel(key);
        let mut assumed = Value::clone(&waiting.pod);
        assumed["spec"]["nodeName"] = waiting.node.as_str().into();
        self.cache.remove_pod(&assumed);
        Some(waiting)
    }

    fn give_up_volumes(&mut self, api: &mut ApiServer, pod: &Object, key: &PodKey, why: &str) {
        let message = format!("running PreBind plugin \"VolumeBinding\": binding volumes: {why}");
        self.report(api, pod, "SchedulerError", &message, Some(""));
        self.wake_for_room(pod, api);
        self.queue.reject(key, BTreeSet::new(), api.now());
    }

    fn bind(&mut self, api: &mut ApiServer, pod: &Object, key: &PodKey, node: &str) {
        let (namespace, name) = key;
        let binding = requests::binding(namespace, name, node);
        match api.update(&PODS, Some("binding"), binding, &options()) {
            Ok(_) => {
                let message = format!("Successfully assigned {namespace}/{name} to {node}");
                let note = Note {
                    kind: EventType::Normal,
                    reason: "Scheduled",
                    action: "Binding",
                    message: &message,
                };
                self.events.record(api, pod, note);
            }
            Err(refusal) => {
                self.record_failure(api, pod, &refusal.message);
                self.queue.reject(key, BTreeSet::new(), api.now());
            }
        }
    }

    /// Makes room for a pod that fits nowhere, if that helps.
    fn preempt(
        &mut self,
        api: &mut ApiServer,
        pod: &PodInfo,
        state: &CycleState,
        key: &PodKey,
        error: &FitError,
    ) {
        if error.nodes == 0 || error.pre_filter.is_some() {
            return self.fail(api, &pod.object, key, error, None);
        }
        let budgets: Vec<Object> = api.list(&POD_DISRUPTION_BUDGETS, None).cloned().collect();
        let situation = Situation {
            state,
            cache: &self.cache,
            nominator: &self.nominator,
            budgets: &budgets,
            now: api.now(),
        };
        let outcome = preemption::evaluate(pod, error, &situation, &mut self.rng);
        self.fail(api, &pod.object, key, error, Some(&outcome));
        if let Outcome::Nominated(candidate) = &outcome {
            let lower = self.nominator.on(&candidate.node);
            let lower = lower.filter(|other| other.priority < pod.priority);
            let lower: Vec<Object> = lower.map(|other| other.object.clone()).collect();
            preemption::executor::execute(api, &mut self.events, &pod.object, candidate, &lower);
        }
    }

    fn fail(
        &mut self,
        api: &mut ApiServer,
        pod: &Object,
        key: &PodKey,
        error: &FitError,
        preemption: Option<&Outcome>,
    ) {
        let message = message::unschedulable(error, preemption);
        let nominated = match preemption {
            Some(outcome) => outcome.nomination(),
            None => (error.nodes == 0).then_some(""),
        };
        self.queue.reject(key, error.plugins.clone(), api.now());
        self.report(api, pod, "Unschedulable", &message, nominated);
    }

    /// Tells the pod, by an event and its condition, why it has no node, and which one it is nominated for.
    fn report(
        &mut self,
        api: &mut ApiServer,
        pod: &Object,
        reason: &str,
        message: &str,
        nominated: Option<&str>,
    ) {
        self.record_failure(api, pod, message);
        let unscheduled = Condition {
            kind: "PodScheduled",
            status: "False",
            reason,
            message,
        };
        // A pod that is gone by now needs no condition.
        if pod_status::patch(api, pod, Some(&unscheduled), nominated) == Ok(true) {
            self.busy = self.busy.max(api.now()) + self.rng.between(REPORT.0, REPORT.1);
        }
    }

    fn record_failure(&mut self, api: &mut ApiServer, pod: &Object, message: &str) {
        let note = Note {
            kind: EventType::Warning,
            reason: "FailedScheduling",
            action: "Scheduling",
            message,
        };
        self.events.record(api, pod, note);
    }
}

impl Component for Scheduler {
    fn observe(&mut self, change: &Change, api: &ApiServer) {
        if change.resource == &PODS {
            self.observe_pod(change, api);
        } else if change.resource == &NODES {
            self.observe_node(change, api);
        } else if change.resource == &PERSISTENT_VOLUME_CLAIMS {
            self.claim_changed(&change.object, api);
        } else if change.resource == &PERSISTENT_VOLUMES || change.resource == &STORAGE_CLASSES {
            self.wake_if(api, |pod, plugin| {
                plugins::looks_at_volumes(plugin) && claims_of(&pod.object).next().is_some()
            });
        }
    }

    fn next_deadline(&self) -> Option<Time> {
        let of_queue = self.queue.next().map(|next| next.max(self.busy));
        of_queue.into_iter().chain(self.polls.next()).min()
    }

    fn run_next(&mut self, api: &mut ApiServer) {
        let now = api.now();
        if let Some(key) = self.polls.pop_due(now) {
            return self.poll(api, &key);
        }
        if now < self.busy {
            return;
        }
        if let Some(key) = self.queue.pop(now) {
            self.busy = now + self.rng.between(CYCLE.0, CYCLE.1);
            self.schedule_one(api, &key);
        }
    }
}

fn options() -> WriteOptions {
    WriteOptions {
        field_manager: "kube-scheduler".to_owned(),
        ..WriteOptions::default()
    }
}

/// Gathers what the pod's affinity, and that of others towards it, needs to know of namespaces.
fn look_at_namespaces(api: &ApiServer, pod: &mut PodInfo) {
    let own = api.get(&NAMESPACES, "", text(&pod.object, &["metadata", "namespace"]));
    pod.namespace_labels = own.map_or(Value::Null, |own| own["metadata"]["labels"].clone());
    pod.affinity.name_namespaces(&|selector| {
        let all = api.list(&NAMESPACES, None);
        let selected = all.filter(|one| label_selector::matches(selector, &one["metadata"]["labels"]));
        selected
            .map(|one| text(one, &["metadata", "name"]).to_owned())
            .collect()
    });
}

fn key_of(pod: &Value) -> PodKey {
    let part = |key| text(pod, &["metadata", key]).to_owned();
    (part("namespace"), part("name"))
}

/// `status.nominatedNodeName`, if it has one.
fn nominated_node(pod: &Value) -> Option<&str> {
    Some(text(pod, &["status", "nominatedNodeName"])).filter(|name| !name.is_empty())
}

fn is_bound(pod: &Value) -> bool {
    !text(pod, &["spec", "nodeName"]).is_empty()
}

fn has_ended(pod: &Value) -> bool {
    matches!(text(pod, &["status", "phase"]), "Succeeded" | "Failed")
}

/// Whether the pod asks for this scheduler and no gate holds it back. There are no devices: a pod that claims some
/// waits for a claim that never comes, which the plugin DynamicResources holds back as a gate does.
fn is_ours(pod: &Value) -> bool {
    let is_free_of = |key: &str| pod["spec"][key].as_array().is_none_or(Vec::is_empty);
    let scheduler = text(pod, &["spec", "schedulerName"]);
    is_free_of("schedulingGates")
        && is_free_of("resourceClaims")
        && (scheduler == SCHEDULER || scheduler.is_empty())
}

/// Whether a write changed what the scheduler looks at; a new status alone does not.
fn asks_otherwise(old: &Value, new: &Value) -> bool {
    let (old_meta, new_meta) = (&old["metadata"], &new["metadata"]);
    old["spec"] != new["spec"]
        || ["labels", "annotations"]
            .iter()
            .any(|key| old_meta[key] != new_meta[key])
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn gated_pods_and_pods_of_other_schedulers_are_left_alone() {
        let cases = [
            (json!({"spec": {"schedulerName": "default-scheduler"}}), true),
            (json!({"spec": {"schedulerName": "other"}}), false),
            (json!({"spec": {"schedulingGates": [{"name": "a"}]}}), false),
            (json!({"spec": {"schedulingGates": []}}), true),
            (json!({"spec": {"resourceClaims": [{"name": "a"}]}}), false),
        ];
        for (pod, expected) in cases {
            assert_eq!(is_ours(&pod), expected, "{pod}");
        }
    }
}
