//! The horizontal pod autoscaler: as many replicas as the metrics ask for, within bounds and not too fast.
//!
//! Source: `kubernetes/pkg/controller/podautoscaler`, v1.36. Differs from Kubernetes: nothing serves
//! `custom.metrics.k8s.io` or `external.metrics.k8s.io`, so metrics of the types Pods, Object and External are
//! never there.

use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::Value;

use crate::apiserver::ApiServer;
use crate::events::{Event, EventType, Recorder};
use crate::resource::{HORIZONTAL_POD_AUTOSCALERS, PODS};
use crate::storage::{Change, ChangeKind, Object, text};

use super::controller::Controller;
use super::queue::{Key, WorkQueue};
use super::write_status;

mod decide;
mod history;
mod limits;
mod metric_values;
mod metrics;
mod replicas;
mod status;
mod target;

use decide::{Observed, Plan};
use history::History;

/// Each autoscaler is looked at so often (`--horizontal-pod-autoscaler-sync-period`).
const SYNC_PERIOD: Duration = Duration::from_secs(15);

/// The controller, and what it remembers of each autoscaler.
#[derive(Debug)]
pub(crate) struct HorizontalController {
    events: Recorder,
    histories: BTreeMap<Key, History>,
    /// The Pods that each autoscaler's target selects, as it was last seen.
    selectors: BTreeMap<Key, Value>,
}

impl HorizontalController {
    /// A controller; it draws nothing, because its queue has a fixed pace.
    pub(crate) fn new() -> Self {
        Self {
            events: Recorder::new("horizontal-pod-autoscaler", None),
            histories: BTreeMap::new(),
            selectors: BTreeMap::new(),
        }
    }

    fn reconcile(&mut self, api: &mut ApiServer, key: &Key, autoscaler: &Object) {
        let now = api.now();
        let mut plan = Plan::new(autoscaler, now);
        let target = match target::find(api, autoscaler) {
            Ok(target) => target,
            Err(why) => {
                plan.fail_to_get_scale(&why);
                return self.carry_out(api, autoscaler, plan);
            }
        };
        if let Some(selector) = &target.selector {
            self.selectors.insert(key.clone(), selector.clone());
        }
        let pods = selected(api, &key.namespace, target.selector.as_ref());
        let observed = Observed {
            target: &target,
            pods: &pods,
            rivals: self.rivals(key, &pods),
            measured: metric_values::all(api.metrics(), &pods),
        };
        let history = self
            .histories
            .entry(key.clone())
            .or_insert_with(|| History::new(target.replicas, now));
        let wanted = decide::decide(&mut plan, &observed, history);
        if let Some(rescale) = wanted {
            match target.scale(api, rescale.replicas) {
                Ok(()) => {
                    history.store_scaling(
                        &autoscaler["spec"]["behavior"],
                        target.replicas,
                        rescale.replicas,
                        now,
                    );
                    plan.scaled(&target, &rescale);
                }
                Err(refusal) => plan.failed_to_scale(&target, &rescale, &refusal.message),
            }
        }
        self.carry_out(api, autoscaler, plan);
    }

    /// All autoscalers whose target selects one of the Pods, if the one that is looked at is not alone.
    fn rivals(&self, key: &Key, pods: &[Object]) -> Vec<String> {
        let controls = |selector: &Value| pods.iter().any(|pod| target::selects(selector, pod));
        let all = self
            .selectors
            .iter()
            .filter(|(other, selector)| other.namespace == key.namespace && controls(selector));
        let names: Vec<String> = all
            .map(|(other, _)| format!("{}/{}", other.namespace, other.name))
            .collect();
        if names.len() > 1 { names } else { Vec::new() }
    }

    /// Writes the status if it changed, and says what happened.
    fn carry_out(&mut self, api: &mut ApiServer, autoscaler: &Object, plan: Plan) {
        for (kind, reason, message) in &plan.events {
            let event = match kind {
                EventType::Normal => Event::normal(reason, message),
                EventType::Warning => Event::warning(reason, message),
            };
            self.events.record(api, autoscaler, None, event);
        }
        // It may be gone in the meantime: then nobody wants its status.
        drop(write_status(
            api,
            &HORIZONTAL_POD_AUTOSCALERS,
            autoscaler,
            plan.status,
        ));
    }
}

fn selected(api: &ApiServer, namespace: &str, selector: Option<&Value>) -> Vec<Object> {
    let Some(selector) = selector else {
        return Vec::new();
    };
    let pods = api.list(&PODS, Some(namespace));
    pods.filter(|pod| target::selects(selector, pod))
        .cloned()
        .collect()
}

impl Controller for HorizontalController {
    type Item = Key;

    fn name(&self) -> &'static str {
        "horizontal-pod-autoscaler-controller"
    }

    fn observe(&mut self, change: &Change, api: &ApiServer, queue: &mut WorkQueue) {
        if change.resource != &HORIZONTAL_POD_AUTOSCALERS {
            return;
        }
        let key = Key::of(&change.object);
        match change.kind {
            // Its memory goes with its next turn.
            ChangeKind::Deleted => queue.add(api.now(), key),
            ChangeKind::Added | ChangeKind::Modified => queue.add_at(api.now() + SYNC_PERIOD, key),
        }
    }

    fn sync(&mut self, api: &mut ApiServer, key: &Key, queue: &mut WorkQueue) {
        let found = api.get(&HORIZONTAL_POD_AUTOSCALERS, &key.namespace, &key.name);
        let Some(autoscaler) = found.cloned() else {
            self.histories.remove(key);
            self.selectors.remove(key);
            return;
        };
        self.reconcile(api, key, &autoscaler);
        queue.add_at(api.now() + SYNC_PERIOD, key.clone());
    }
}

/// The name of a Pod.
fn name_of(pod: &Value) -> &str {
    text(pod, &["metadata", "name"])
}
