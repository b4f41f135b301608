//! The StatefulSet controller: Pods with names that last, made in order and replaced in order.
//!
//! Source: `kubernetes/pkg/controller/statefulset`. Differs from Kubernetes: what it does at once for a set whose Pods are
//! managed in parallel is done one after the other, so the order is always the same.

use std::collections::BTreeSet;

use serde_json::Value;

use crate::apiserver::{ApiServer, DeleteOptions};
use crate::events::{Event, Recorder};
use crate::resource::{PODS, STATEFUL_SETS};
use crate::status::Status;
use crate::storage::{Change, ChangeKind, Object, text};

use super::controller::Controller;
use super::history::{self, History};
use super::queue::{Key, WorkQueue};
use super::slow_start::slow_start;
use super::{ownership, write_options, write_status};

mod claims;
mod identity;
mod plan;
mod status;

use claims::{Outcome, Volumes};
use plan::{Action, Observed};

/// The label of a revision that holds its hash.
const HASH_LABEL: &str = "controller.kubernetes.io/hash";

/// The controller, and what it remembers.
#[derive(Debug)]
pub(crate) struct StatefulSetController {
    events: Recorder,
}

/// Something could not be done: the set has to be looked at again soon.
#[derive(Debug)]
struct Failed;

impl From<Status> for Failed {
    fn from(_: Status) -> Self {
        Self
    }
}

impl StatefulSetController {
    /// A controller that has seen nothing yet.
    pub(crate) fn new() -> Self {
        Self {
            events: Recorder::new("statefulset-controller", None),
        }
    }

    fn look_at(
        &mut self,
        api: &mut ApiServer,
        key: &Key,
        set: &Object,
        queue: &mut WorkQueue,
    ) -> Result<(), Failed> {
        let pods = ownership::claim_all(api, set, &PODS, |pod| identity::is_member(set, pod));
        let history = history::sync(api, set, HASH_LABEL)?;
        let plan = plan::plan(&Observed::new(set, &pods, &history), api.now());
        if let Some(time) = plan.check_at {
            queue.add_at(time, key.clone());
        }
        let stopped = plan
            .phases
            .iter()
            .try_for_each(|phase| self.carry_out(api, set, phase));
        write_status(api, &STATEFUL_SETS, set, plan.status)?;
        truncate(api, set, &pods, &history)?;
        stopped
    }

    /// Does what one phase of a plan asks for.
    fn carry_out(&mut self, api: &mut ApiServer, set: &Object, phase: &[Action]) -> Result<(), Failed> {
        slow_start(phase.len(), |index| match &phase[index] {
            Action::Create(pod) => self.create(api, set, pod),
            Action::Delete(pod) => self.delete(api, set, pod),
            Action::Identify(pod) => self.identify(api, set, pod),
            Action::Provide(pod) => self.provide(api, set, pod),
            Action::Keep(pod) => {
                Volumes::of(set, pod).keep_to_policy(api, pod);
                Ok(())
            }
        })
    }

    fn create(&mut self, api: &mut ApiServer, set: &Object, pod: &Value) -> Result<(), Failed> {
        let volumes = Volumes::of(set, pod);
        if volumes.are_stale(api) {
            // They go with the Pod that was before.
            return Err(Failed);
        }
        self.make_claims(api, set, pod)
            .map_err(|why| self.failed(api, set, "create", pod, &why))?;
        let namespace = text(set, &["metadata", "namespace"]);
        match api.create(&PODS, namespace, pod.clone(), &write_options()) {
            Ok(created) => {
                volumes.keep_to_policy(api, &created);
                self.succeeded(api, set, "create", pod);
                Ok(())
            }
            Err(refusal) if refusal.reason == "AlreadyExists" => Err(Failed),
            Err(refusal) => Err(self.failed(api, set, "create", pod, &refusal.message)),
        }
    }

    fn delete(&mut self, api: &mut ApiServer, set: &Object, pod: &Value) -> Result<(), Failed> {
        let key = Key::of(pod);
        match api.delete(&PODS, &key.namespace, &key.name, &DeleteOptions::default()) {
            Ok(_) => {
                self.succeeded(api, set, "delete", pod);
                Ok(())
            }
            Err(refusal) => Err(self.failed(api, set, "delete", pod, &refusal.message)),
        }
    }

    /// Gives a Pod that came from elsewhere the labels of a member.
    fn identify(&mut self, api: &mut ApiServer, set: &Object, pod: &Value) -> Result<(), Failed> {
        match api.update(&PODS, None, pod.clone(), &write_options()) {
            Ok(_) => {
                self.succeeded(api, set, "update", pod);
                Ok(())
            }
            Err(refusal) => Err(self.failed(api, set, "update", pod, &refusal.message)),
        }
    }

    /// Makes the claims that a Pod lacks and keeps all of them to the retention policy.
    fn provide(&mut self, api: &mut ApiServer, set: &Object, pod: &Value) -> Result<(), Failed> {
        self.make_claims(api, set, pod).map_err(|_| Failed)?;
        Volumes::of(set, pod).keep_to_policy(api, pod);
        Ok(())
    }

    /// Makes the claims that a Pod lacks. The error is all that went wrong, in one line.
    fn make_claims(&mut self, api: &mut ApiServer, set: &Object, pod: &Value) -> Result<(), String> {
        let mut failures = Vec::new();
        for (claim, outcome) in Volumes::of(set, pod).create(api) {
            self.tell_of_claim(api, set, pod, &claim, &outcome);
            match outcome {
                Outcome::There | Outcome::Created => {}
                Outcome::Leaving => failures.push(format!("pvc {claim} is being deleted")),
                Outcome::Refused(why) => failures.push(format!("failed to create PVC {claim}: {why}")),
            }
        }
        match failures.as_slice() {
            [] => Ok(()),
            [one] => Err(one.clone()),
            all => Err(format!("[{}]", all.join(", "))),
        }
    }

    fn tell_of_claim(
        &mut self,
        api: &mut ApiServer,
        set: &Object,
        pod: &Value,
        claim: &str,
        outcome: &Outcome,
    ) {
        let what = about(set, pod);
        match outcome {
            Outcome::Created => {
                let message = format!("Create Claim {claim} {what} success");
                let event = Event::normal("SuccessfulCreate", &message);
                self.events.record(api, set, None, event);
            }
            Outcome::Refused(why) => {
                let message = format!("Create Claim {claim} for {what} failed error: {why}");
                let event = Event::warning("FailedCreate", &message);
                self.events.record(api, set, None, event);
            }
            Outcome::There | Outcome::Leaving => {}
        }
    }

    fn succeeded(&mut self, api: &mut ApiServer, set: &Value, verb: &str, pod: &Value) {
        let (verb, what) = (title(verb), about(set, pod));
        let (reason, message) = (format!("Successful{verb}"), format!("{verb} {what} successful"));
        let event = Event::normal(&reason, &message);
        self.events.record(api, set, None, event);
    }

    fn failed(&mut self, api: &mut ApiServer, set: &Value, verb: &str, pod: &Value, why: &str) -> Failed {
        let (verb, what) = (title(verb), about(set, pod));
        let (reason, message) = (
            format!("Failed{verb}"),
            format!("{verb} {what} failed error: {why}"),
        );
        let event = Event::warning(&reason, &message);
        self.events.record(api, set, None, event);
        Failed
    }
}

impl Controller for StatefulSetController {
    type Item = Key;

    fn name(&self) -> &'static str {
        "statefulset-controller"
    }

    fn observe(&mut self, change: &Change, api: &ApiServer, queue: &mut WorkQueue) {
        if change.resource == &STATEFUL_SETS && change.kind != ChangeKind::Deleted {
            queue.add(api.now(), Key::of(&change.object));
        } else if change.resource == &PODS {
            for key in ownership::concerned(change, api, &STATEFUL_SETS) {
                queue.add(api.now(), key);
            }
        }
    }

    fn sync(&mut self, api: &mut ApiServer, key: &Key, queue: &mut WorkQueue) {
        let Some(set) = api.get(&STATEFUL_SETS, &key.namespace, &key.name).cloned() else {
            queue.forget(key);
            return;
        };
        match self.look_at(api, key, &set, queue) {
            Ok(()) => queue.forget(key),
            Err(_) => queue.retry(api.now(), key.clone()),
        }
    }
}

/// `create` as `Create`.
fn title(verb: &str) -> String {
    let mut characters = verb.chars();
    let first = characters.next().map(|first| first.to_ascii_uppercase());
    first.into_iter().chain(characters).collect()
}

fn about(set: &Value, pod: &Value) -> String {
    let name = |object: &Value| text(object, &["metadata", "name"]).to_owned();
    format!("Pod {} in StatefulSet {}", name(pod), name(set))
}

/// Deletes the oldest revisions that no Pod is of, down to `spec.revisionHistoryLimit`; a negative limit keeps all.
fn truncate(api: &mut ApiServer, set: &Value, pods: &[Object], history: &History) -> Result<(), Status> {
    let Ok(limit) = usize::try_from(set["spec"]["revisionHistoryLimit"].as_i64().unwrap_or_default()) else {
        return Ok(());
    };
    let current = text(set, &["status", "currentRevision"]).to_owned();
    let mut live: BTreeSet<String> = pods
        .iter()
        .map(|pod| identity::revision(pod).to_owned())
        .collect();
    live.insert(current);
    let is_historic = |revision: &&Object| !live.contains(text(revision, &["metadata", "name"]));
    let historic = history.others.iter().filter(is_historic).count();
    history::truncate(api, &history.others, &live, historic.saturating_sub(limit))
}
