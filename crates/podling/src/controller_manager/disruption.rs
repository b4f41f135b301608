//! The disruption controller: how many of a budget's Pods may be evicted now.
//!
//! Source: `kubernetes/pkg/controller/disruption/disruption.go`, v1.36. Differs from Kubernetes: of several budgets
//! for one Pod it takes the first by name, not any.

use std::time::Duration;

use serde_json::Value;

use crate::apiserver::ApiServer;
use crate::events::{Event, Recorder};
use crate::pod_condition::{self, Condition};
use crate::pod_disruption_budget as budgets;
use crate::resource::{POD_DISRUPTION_BUDGETS, PODS};
use crate::rng::Rng;
use crate::storage::{Change, ChangeKind, Object, text};

use super::controller::Controller;
use super::queue::{Key, Span, WorkQueue};
use super::write_options;

mod expected;
mod scale;
mod status;

use expected::Expected;

/// How long after a change the controller acts: a budget applied together with its Deployment sees the Pods.
const LATENCY: Span = (Duration::from_millis(48), Duration::from_millis(60));

/// What is to be looked at.
#[derive(Clone, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub(crate) enum Work {
    /// A budget.
    Budget(Key),
    /// A Pod that was to be disrupted and perhaps was not.
    StalePod(Key),
    /// A Pod with several budgets, and the one that counts.
    SeveralBudgets(Key, String),
}

/// The controller, and what it remembers.
#[derive(Debug)]
pub(crate) struct DisruptionController {
    events: Recorder,
}

impl DisruptionController {
    /// A controller that has seen nothing yet.
    pub(crate) fn new() -> Self {
        Self {
            events: Recorder::new("controllermanager", None),
        }
    }

    fn sync_budget(&mut self, api: &mut ApiServer, key: &Key, queue: &mut WorkQueue<Work>) {
        let Some(budget) = api
            .get(&POD_DISRUPTION_BUDGETS, &key.namespace, &key.name)
            .cloned()
        else {
            return;
        };
        let all = api.list(&PODS, Some(&key.namespace));
        let pods: Vec<Object> = all
            .filter(|pod| budgets::selects(&budget, pod))
            .cloned()
            .collect();
        if pods.is_empty() {
            let event = Event::normal("NoPods", "No matching pods found");
            self.events.record(api, &budget, None, event);
        }
        match expected::expected(&budget, &pods, |owner| {
            scale::of_controller(api, &key.namespace, owner)
        }) {
            Ok(expected) => self.write(api, &budget, &pods, &expected, queue),
            Err(why) => self.fail(api, key, &budget, &why, queue),
        }
    }

    fn write(
        &mut self,
        api: &mut ApiServer,
        budget: &Object,
        pods: &[Object],
        expected: &Expected,
        queue: &mut WorkQueue<Work>,
    ) {
        if expected.has_unmanaged {
            let message = expected::unmanaged(&budget["spec"]["selector"]);
            let event = Event::warning("UnmanagedPods", &message);
            self.events.record(api, budget, None, event);
        }
        let now = api.now();
        let disrupted = status::still_disrupted(budget, pods, now);
        for pod in &disrupted.overdue {
            // Kubernetes names the namespace twice here.
            let message = format!(
                "Pod was expected by PDB {0}/{0} to be deleted but it wasn't",
                text(budget, &["metadata", "namespace"])
            );
            self.events
                .record(api, pod, None, Event::warning("NotDeleted", &message));
        }
        let key = Work::Budget(Key::of(budget));
        if let Some(next) = status::next(budget, pods, expected, &disrupted, now)
            && !update(api, next)
        {
            queue.retry(now, key);
            return;
        }
        queue.forget(&key);
        if let Some(at) = disrupted.recheck {
            queue.add_at(at, key);
        }
    }

    /// The number cannot be worked out: nothing may be evicted.
    fn fail(
        &mut self,
        api: &mut ApiServer,
        key: &Key,
        budget: &Object,
        why: &str,
        queue: &mut WorkQueue<Work>,
    ) {
        let message = format!("Failed to calculate the number of expected pods: {why}");
        let event = Event::warning("CalculateExpectedPodCountFailed", &message);
        self.events.record(api, budget, None, event);
        if !update(api, status::failed(budget, why, api.now())) {
            queue.retry(api.now(), Work::Budget(key.clone()));
        }
    }

    fn tell_of_several(&mut self, api: &mut ApiServer, key: &Key, chosen: &str) {
        let Some(pod) = api.get(&PODS, &key.namespace, &key.name).cloned() else {
            return;
        };
        let message = format!(
            "Pod \"{}\"/\"{}\" matches multiple PodDisruptionBudgets.  Chose \"{chosen}\" arbitrarily.",
            key.namespace, key.name
        );
        let event = Event::warning("MultiplePodDisruptionBudgets", &message);
        self.events.record(api, &pod, None, event);
    }
}

/// Writes a budget's status; whether that worked.
fn update(api: &mut ApiServer, budget: Value) -> bool {
    let written = api.update(&POD_DISRUPTION_BUDGETS, Some("status"), budget, &write_options());
    written.is_ok()
}

impl Controller for DisruptionController {
    type Item = Work;

    fn name(&self) -> &'static str {
        "disruption-controller"
    }

    fn work_queue(&self, rng: Rng) -> WorkQueue<Work> {
        WorkQueue::with_latency(rng, LATENCY)
    }

    fn observe(&mut self, change: &Change, api: &ApiServer, queue: &mut WorkQueue<Work>) {
        if change.resource == &PODS {
            observe_pod(change, api, queue);
        } else if change.resource == &POD_DISRUPTION_BUDGETS && change.kind != ChangeKind::Deleted {
            queue.add(api.now(), Work::Budget(Key::of(&change.object)));
        }
    }

    fn sync(&mut self, api: &mut ApiServer, item: &Work, queue: &mut WorkQueue<Work>) {
        match item {
            Work::Budget(key) => self.sync_budget(api, key, queue),
            Work::StalePod(key) => clear_stale(api, key, queue),
            Work::SeveralBudgets(key, chosen) => self.tell_of_several(api, key, chosen),
        }
    }
}

fn observe_pod(change: &Change, api: &ApiServer, queue: &mut WorkQueue<Work>) {
    let (pod, now) = (&change.object, api.now());
    let namespace = text(pod, &["metadata", "namespace"]);
    let all = api.list(&POD_DISRUPTION_BUDGETS, Some(namespace));
    let mut of_pod = all.filter(|budget| budgets::selects(budget, pod));
    if let Some(budget) = of_pod.next() {
        let key = Key::of(budget);
        if of_pod.next().is_some() {
            let several = Work::SeveralBudgets(Key::of(pod), key.name.clone());
            queue.add(now, several);
        }
        queue.add(now, Work::Budget(key));
    }
    if change.kind != ChangeKind::Deleted
        && let Some(at) = status::stale_at(pod)
    {
        queue.add_at(at.max(now), Work::StalePod(Key::of(pod)));
    }
}

/// A Pod that still lives two minutes after it was to be disrupted is a target no more.
fn clear_stale(api: &mut ApiServer, key: &Key, queue: &mut WorkQueue<Work>) {
    let Some(pod) = api.get(&PODS, &key.namespace, &key.name).cloned() else {
        return;
    };
    let now = api.now();
    match status::stale_at(&pod) {
        Some(at) if at > now => queue.add_at(at, Work::StalePod(key.clone())),
        Some(_) => {
            let mut pod = Value::clone(&pod);
            let cleared = Condition {
                kind: "DisruptionTarget",
                status: "False",
                reason: "",
                message: "",
            };
            pod_condition::update(&mut pod, &cleared, now);
            if api.update(&PODS, Some("status"), pod, &write_options()).is_err() {
                queue.retry(now, Work::StalePod(key.clone()));
            }
        }
        None => {}
    }
}
