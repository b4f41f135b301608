//! Counting Pods that have ended, in steps that survive a crash between any two of them.
//!
//! First the UIDs of ended Pods stand in the status, with what is certain about the Job's end. Then the Pods lose
//! their finalizer. Then the counters hold them, and the Job may be said to have ended. Source:
//! `kubernetes/pkg/controller/job/job_controller.go`, `trackJobStatusAndRemoveFinalizers`.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::end::End;
use super::failure_policy::Verdict;
use super::pod as job_pod;
use super::tally::{Tally, is_indexed, uncounted};
use super::{condition, status_mut};
use crate::apiserver::registry::read::Fields as _;
use crate::clock::Time;
use crate::controller_manager::{ownership, pod};

/// So many Pods are counted in one sync.
const MOST_UNCOUNTED: usize = 500;

/// What the first step writes, and what the second frees.
#[derive(Debug, Default)]
pub(super) struct Plan {
    /// The UIDs that the status takes up, by how the Pods ended.
    succeeded: Vec<String>,
    failed: Vec<String>,
    /// Indexes that are done.
    indexes: BTreeSet<i64>,
    /// The names of the Pods whose finalizer goes.
    pub(super) freed: Vec<String>,
    /// Whether the rest is left to the next sync.
    pub(super) partial: bool,
}

/// Decides which Pods are counted; `end` is how the Job ends, if it does.
pub(super) fn plan(tally: &Tally<'_>, end: Option<&End>) -> Plan {
    let mut plan = Plan::default();
    let mut pods: Vec<&Value> = tally
        .pods
        .iter()
        .copied()
        .filter(|pod| job_pod::is_tracked(pod))
        .collect();
    if is_indexed(tally.job) {
        pods.sort_by_key(|pod| job_pod::index(pod));
    }
    let counted = (uncounted(tally.job, "succeeded"), uncounted(tally.job, "failed"));
    let (known, before) = (counted.0.len() + counted.1.len(), &counted);
    for pod in pods.into_iter().filter(|pod| is_free(tally, end, pod)) {
        plan.freed.push(pod["metadata"].text("name").to_owned());
        plan.count(tally, end, pod, before);
        if plan.succeeded.len() + plan.failed.len() + plan.indexes.len() + known >= MOST_UNCOUNTED {
            plan.partial = true;
            break;
        }
    }
    plan
}

/// Whether the Pod's end, or the Job's, makes its finalizer superfluous.
fn is_free(tally: &Tally<'_>, end: Option<&End>, pod: &Value) -> bool {
    if ownership::is_deleted(tally.job) || end.is_some() || pod::phase(pod) == "Succeeded" {
        return true;
    }
    // Its replacement is to learn from it how often the index has failed.
    let awaited = tally.index(pod).and_then(|index| tally.awaiting.get(&index));
    let is_awaited = awaited.is_some_and(|awaited| ownership::uid_of(awaited) == ownership::uid_of(pod));
    job_pod::is_failed(pod, &tally.job["spec"]) && !is_awaited
}

impl Plan {
    fn count(
        &mut self,
        tally: &Tally<'_>,
        end: Option<&End>,
        pod: &Value,
        (succeeded, failed): &(BTreeSet<&str>, BTreeSet<&str>),
    ) {
        let uid = ownership::uid_of(pod);
        let index = tally.index(pod);
        let indexed = is_indexed(tally.job);
        if pod::phase(pod) == "Succeeded" && !failed.contains(uid) {
            match index {
                _ if !indexed && succeeded.contains(uid) => {}
                _ if !indexed => self.succeeded.push(uid.to_owned()),
                Some(index) if !tally.known_indexes.has(index) => drop(self.indexes.insert(index)),
                _ => {}
            }
            return;
        }
        // Once the Job has failed, what still runs has failed too.
        let failing = job_pod::is_failed(pod, &tally.job["spec"]) || end.is_some_and(|end| end.failed);
        let counts = tally.judge(pod) != Verdict::Ignored && (!indexed || index.is_some());
        if failing && counts && !failed.contains(uid) {
            self.failed.push(uid.to_owned());
        }
    }

    /// Whether the status takes up anything.
    pub(super) fn counts(&self) -> bool {
        !self.succeeded.is_empty() || !self.failed.is_empty() || !self.indexes.is_empty()
    }

    /// Writes the UIDs into the status.
    pub(super) fn take_up(&self, job: &mut Value) {
        let status = status_mut(job);
        for (key, uids) in [("succeeded", &self.succeeded), ("failed", &self.failed)] {
            let mut all = status["uncountedTerminatedPods"].items(key).to_vec();
            all.extend(uids.iter().map(|uid| Value::from(uid.as_str())));
            if !all.is_empty() {
                status["uncountedTerminatedPods"][key] = all.into();
            }
        }
    }
}

/// Moves Pods that no longer have the finalizer from the lists of UIDs to the counters; whether there were any.
pub(super) fn settle(job: &mut Value, still_tracked: &BTreeSet<String>) -> bool {
    let status = status_mut(job);
    let mut any = false;
    for key in ["succeeded", "failed"] {
        let uids = status["uncountedTerminatedPods"].items(key).to_vec();
        let (kept, settled): (Vec<Value>, Vec<Value>) = uids
            .into_iter()
            .partition(|uid| uid.as_str().is_some_and(|uid| still_tracked.contains(uid)));
        if settled.is_empty() {
            continue;
        }
        any = true;
        let count = status.number(key).unwrap_or_default() + settled.len() as i64;
        status[key] = count.into();
        if let Some(lists) = status["uncountedTerminatedPods"].as_object_mut() {
            match kept.is_empty() {
                true => drop(lists.remove(key)),
                false => drop(lists.insert(key.to_owned(), kept.into())),
            }
        }
    }
    any
}

/// Writes the indexes of an Indexed Job into its status; whether that changed it.
pub(super) fn write_indexes(job: &mut Value, tally: &Tally<'_>, plan: &Plan) -> bool {
    if !is_indexed(tally.job) {
        return false;
    }
    let done = tally.done_indexes.with(&plan.indexes);
    let status = status_mut(job);
    let before = (
        status["completedIndexes"].clone(),
        status["failedIndexes"].clone(),
    );
    status["succeeded"] = done.total().into();
    let mut completed = Value::Null;
    if done.total() > 0 {
        completed = done.to_string().into();
    }
    status["completedIndexes"] = completed;
    let failed = tally.failed_indexes.as_ref().map(ToString::to_string);
    status["failedIndexes"] = failed.map_or(Value::Null, Value::from);
    let after = (
        status["completedIndexes"].clone(),
        status["failedIndexes"].clone(),
    );
    if let Some(fields) = status.as_object_mut() {
        fields.retain(|_, value| !value.is_null());
    }
    before != after
}

/// Says that the end is certain, if that is not said yet; whether it was not.
pub(super) fn announce(job: &mut Value, end: &End, now: Time) -> bool {
    let kind = end.announcement();
    let is_new = condition::met(job, kind).is_none();
    if is_new {
        let said = condition::new(kind, true, &end.reason, &end.message, now);
        condition::add(job, said);
    }
    is_new
}

/// Says that the Job has ended, unless something of it is left; whether it has.
pub(super) fn conclude(job: &mut Value, end: &End, now: Time) -> bool {
    let status = &job["status"];
    let uncounted = &status["uncountedTerminatedPods"];
    let left = uncounted.items("succeeded").len() + uncounted.items("failed").len();
    if left > 0 || status.number("terminating").unwrap_or_default() > 0 {
        return false;
    }
    let said = condition::new(end.conclusion(), true, &end.reason, &end.message, now);
    condition::ensure(job, said);
    if !end.failed {
        status_mut(job)["completionTime"] = json!(now.rfc3339());
    }
    true
}

#[cfg(test)]
mod tests {
    use super::super::backoff::Record;
    use super::*;

    fn pod(name: &str, phase: &str) -> Value {
        json!({"metadata": {"name": name, "uid": name, "finalizers": [job_pod::FINALIZER]}, "status": {"phase": phase}})
    }

    #[test]
    fn ended_pods_go_through_the_lists_into_the_counters() {
        let mut job = json!({"spec": {}, "status": {"succeeded": 1, "uncountedTerminatedPods": {}}});
        let pods = [pod("a", "Succeeded"), pod("b", "Failed"), pod("c", "Running")];
        let before = job.clone();
        let tally = Tally::new(&before, pods.iter().collect(), Record::default());
        let plan = plan(&tally, None);
        assert_eq!(plan.freed, ["a", "b"]);
        plan.take_up(&mut job);
        assert_eq!(
            job["status"]["uncountedTerminatedPods"],
            json!({"succeeded": ["a"], "failed": ["b"]})
        );
        assert!(settle(&mut job, &BTreeSet::from(["b".to_owned()])));
        assert_eq!(
            job["status"],
            json!({"succeeded": 2, "uncountedTerminatedPods": {"failed": ["b"]}})
        );
        assert!(settle(&mut job, &BTreeSet::new()));
        assert_eq!(
            job["status"],
            json!({"succeeded": 2, "failed": 1, "uncountedTerminatedPods": {}})
        );
    }

    #[test]
    fn a_failed_job_takes_its_running_pods_with_it() {
        let job = json!({"spec": {}, "status": {}});
        let pods = [pod("a", "Running")];
        let tally = Tally::new(&job, pods.iter().collect(), Record::default());
        let end = |failed| End {
            failed,
            reason: String::new(),
            message: String::new(),
        };
        assert_eq!(plan(&tally, Some(&end(true))).failed, ["a"]);
        assert!(plan(&tally, Some(&end(false))).failed.is_empty());
        assert_eq!(plan(&tally, Some(&end(false))).freed, ["a"]);
        assert!(plan(&tally, None).freed.is_empty());
    }

    #[test]
    fn an_end_waits_for_what_is_left() {
        let end = End::completions_reached();
        let now = Time::from_micros(0);
        let mut job = json!({"status": {"terminating": 1}});
        assert!(announce(&mut job, &end, now));
        assert!(!announce(&mut job, &end, now));
        assert!(!conclude(&mut job, &end, now));
        job["status"]["terminating"] = 0.into();
        assert!(conclude(&mut job, &end, now));
        assert_eq!(job["status"]["completionTime"], "1970-01-01T00:00:00Z");
        assert_eq!(job["status"]["conditions"][1]["type"], "Complete");
    }
}
