//! What is to be done about a StatefulSet's Pods.
//!
//! Source: `updateStatefulSet` in `kubernetes/pkg/controller/statefulset/stateful_set_control.go`, with the feature
//! `MaxUnavailableStatefulSet` off, as it is in v1.36.

use std::borrow::Cow;
use std::cmp::Reverse;

use serde_json::Value;

use crate::clock::Time;
use crate::storage::{Object, text};

use super::super::history::{self, History};
use super::super::ownership::is_deleted;
use super::super::pod;
use super::{identity, status};

/// A set as it is seen.
#[derive(Debug)]
pub(super) struct Observed<'a> {
    pub(super) set: &'a Value,
    /// The Pods that bear its name.
    pub(super) pods: Vec<&'a Value>,
    /// The revision that Pods below the partition are of.
    current: &'a Value,
    /// The revision of the present template.
    update: &'a Value,
    pub(super) collisions: i64,
}

impl<'a> Observed<'a> {
    pub(super) fn new(set: &'a Value, pods: &'a [Object], history: &'a History) -> Self {
        let wanted = text(set, &["status", "currentRevision"]);
        let is_current = |revision: &&&Object| text(revision, &["metadata", "name"]) == wanted;
        Self {
            set,
            pods: pods.iter().map(AsRef::as_ref).collect(),
            current: history
                .others
                .iter()
                .find(|one| is_current(&one))
                .unwrap_or(&history.update),
            update: &history.update,
            collisions: history.collisions,
        }
    }

    pub(super) fn current_name(&self) -> &'a str {
        text(self.current, &["metadata", "name"])
    }

    pub(super) fn update_name(&self) -> &'a str {
        text(self.update, &["metadata", "name"])
    }

    /// A new Pod of the revision that its ordinal calls for.
    fn new_pod(&self, ordinal: i64) -> Value {
        let revision = match is_below_partition(self.set, ordinal) {
            true => self.current,
            false => self.update,
        };
        let name = text(revision, &["metadata", "name"]);
        identity::new_pod(self.set, &history::template_of(revision), name, ordinal)
    }
}

/// Whether an update leaves the Pod of that ordinal at the current revision.
fn is_below_partition(set: &Value, ordinal: i64) -> bool {
    let strategy = &set["spec"]["updateStrategy"];
    let (rolling, index) = (&strategy["rollingUpdate"], ordinal - identity::start(set));
    if rolling.is_null() {
        let updated_to = set["status"]["currentReplicas"].as_i64().unwrap_or_default();
        return strategy["type"] == "RollingUpdate" && index < updated_to;
    }
    index < rolling["partition"].as_i64().unwrap_or_default()
}

/// One thing to do about one Pod.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Action {
    /// It is missing: its claims are made, then the Pod.
    Create(Value),
    /// It is deleted.
    Delete(Value),
    /// It lacks the labels of a member, with which it stands here.
    Identify(Value),
    /// It waits and may lack claims.
    Provide(Value),
    /// Its claims follow the retention policy.
    Keep(Value),
}

/// What to do, and what to say of it.
#[derive(Debug)]
pub(super) struct Plan {
    /// What is in one phase may be done together; a phase that fails ends the work.
    pub(super) phases: Vec<Vec<Action>>,
    pub(super) status: Value,
    /// When a Pod will have been ready for long enough.
    pub(super) check_at: Option<Time>,
}

/// The set's Pods, each with its place.
struct Members<'a> {
    /// One for each that the set wants; a new Pod where there is none.
    replicas: Vec<Cow<'a, Value>>,
    /// The others, from the highest ordinal down.
    condemned: Vec<&'a Value>,
    /// The first that is not available, among both.
    first_unavailable: Option<String>,
}

/// Plans the next steps.
pub(super) fn plan(observed: &Observed<'_>, now: Time) -> Plan {
    let mut steps = Steps::default();
    if !is_deleted(observed.set) {
        steps.add_all(observed, now);
    }
    let least = status::min_ready(observed.set);
    let available_from = observed
        .pods
        .iter()
        .filter_map(|pod| pod::available_from(pod, least));
    Plan {
        phases: steps.phases,
        status: status::next(observed, steps.replaced, now),
        check_at: available_from.filter(|time| *time > now).min(),
    }
}

/// The steps of a plan as they come together.
#[derive(Default)]
struct Steps {
    phases: Vec<Vec<Action>>,
    /// How many Pods go because of an update.
    replaced: usize,
}

/// Whether the steps after one have to wait.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Then {
    Continue,
    Wait,
}

impl Steps {
    /// Living Pods come first, then those that are too many, then an update.
    fn add_all(&mut self, observed: &Observed<'_>, now: Time) {
        let set = observed.set;
        let members = members(observed, now);
        let ordered = set["spec"]["podManagementPolicy"] != "Parallel";
        let replicas = members.replicas.iter();
        if self.run(ordered, replicas.map(|pod| living(set, pod, ordered, now))) == Then::Wait {
            return;
        }
        let condemned = || members.condemned.iter();
        let kept = condemned().filter(|_| has_claims(set));
        self.run(
            ordered,
            kept.map(|pod| (Some(Action::Keep((*pod).clone())), Then::Continue)),
        );
        let first = members.first_unavailable.as_deref();
        let leaving = condemned().map(|pod| surplus(set, pod, first, ordered, now));
        if self.run(ordered, leaving) == Then::Wait {
            return;
        }
        if set["spec"]["updateStrategy"]["type"] != "OnDelete" {
            self.update(observed, &members.replicas, now);
        }
    }

    /// Takes what is to be done about each Pod: in order one after the other until one has to be waited for, else all.
    fn run(&mut self, ordered: bool, steps: impl Iterator<Item = (Option<Action>, Then)>) -> Then {
        let mut together = Vec::new();
        for (action, then) in steps {
            if !ordered {
                together.extend(action);
                continue;
            }
            self.phases.extend(action.map(|action| vec![action]));
            if then == Then::Wait {
                return then;
            }
        }
        if !together.is_empty() {
            self.phases.push(together);
        }
        Then::Continue
    }

    /// Replaces the Pod with the highest ordinal that is of another revision, once all above it are available.
    fn update(&mut self, observed: &Observed<'_>, replicas: &[Cow<'_, Value>], now: Time) {
        let set = observed.set;
        let partition = set["spec"]["updateStrategy"]["rollingUpdate"]["partition"].as_u64();
        let spared = usize::try_from(partition.unwrap_or_default()).unwrap_or(usize::MAX);
        for pod in replicas.iter().skip(spared).rev() {
            if identity::revision(pod) != observed.update_name() && !is_deleted(pod) {
                self.phases.push(vec![Action::Delete(Value::clone(pod))]);
                self.replaced = 1;
                return;
            }
            if is_unavailable(set, pod, now) {
                return;
            }
        }
    }
}

fn members<'a>(observed: &Observed<'a>, now: Time) -> Members<'a> {
    let set = observed.set;
    let mut places: Vec<Option<&Value>> = vec![None; identity::replicas(set)];
    let mut condemned = Vec::new();
    for pod in &observed.pods {
        match identity::index(set, pod) {
            Some(index) => places[index] = Some(pod),
            None => condemned.push(*pod),
        }
    }
    condemned.sort_by_key(|pod| Reverse(identity::ordinal(pod)));
    let ordinals = identity::start(set)..;
    let replicas: Vec<Cow<'a, Value>> = places
        .into_iter()
        .zip(ordinals)
        .map(|(pod, ordinal)| pod.map_or_else(|| Cow::Owned(observed.new_pod(ordinal)), Cow::Borrowed))
        .collect();
    let upwards = condemned.iter().rev().copied();
    let first_unavailable = replicas
        .iter()
        .map(AsRef::as_ref)
        .chain(upwards)
        .find(|pod| is_unavailable(set, pod, now))
        .map(|pod| text(pod, &["metadata", "name"]).to_owned());
    Members {
        replicas,
        condemned,
        first_unavailable,
    }
}

/// Whether the Pod is not available, or will soon not be.
fn is_unavailable(set: &Value, pod: &Value, now: Time) -> bool {
    is_deleted(pod) || !status::is_available(set, pod, now)
}

fn has_claims(set: &Value) -> bool {
    let templates = set["spec"]["volumeClaimTemplates"].as_array();
    templates.is_some_and(|templates| !templates.is_empty())
}

/// What to do about a Pod that the set wants, and whether the next ones wait for it.
fn living(set: &Value, pod: &Value, ordered: bool, now: Time) -> (Option<Action>, Then) {
    let wait_if = |condition: bool| match condition && ordered {
        true => Then::Wait,
        false => Then::Continue,
    };
    match pod::phase(pod) {
        "" => return (Some(Action::Create(pod.clone())), wait_if(true)),
        // Whatever its exit code: a Pod of a set runs for ever. Its successor is made once it is gone.
        "Failed" | "Succeeded" => {
            let delete = (!is_deleted(pod)).then(|| Action::Delete(pod.clone()));
            return (delete, wait_if(true));
        }
        "Pending" if has_claims(set) => {
            return (Some(Action::Provide(pod.clone())), wait_if(true));
        }
        _ => {}
    }
    if ordered && is_unavailable(set, pod, now) {
        return (None, Then::Wait);
    }
    let action = match identity::is_identified(pod) {
        false => Some(Action::Identify(identity::identified(pod))),
        true => has_claims(set).then(|| Action::Keep(pod.clone())),
    };
    (action, Then::Continue)
}

/// What to do about a Pod that the set does not want, and whether the next ones wait for it. In order only the first
/// Pod that is not available may go while it is not.
fn surplus(
    set: &Value,
    pod: &Value,
    first: Option<&str>,
    ordered: bool,
    now: Time,
) -> (Option<Action>, Then) {
    let is_first = first == Some(text(pod, &["metadata", "name"]));
    let available = status::is_available(set, pod, now);
    if is_deleted(pod) || (ordered && !available && !is_first) {
        return (None, Then::Wait);
    }
    (Some(Action::Delete(pod.clone())), Then::Wait)
}

#[cfg(test)]
mod tests;
