//! A Job and its Pods as one sync sees them: who is active, what has newly ended, which indexes are done.
//!
//! Source: `kubernetes/pkg/controller/job/job_controller.go`, `syncJobCtx`, and `indexed_job_utils.go`.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::backoff::Record;
use super::failure_policy::{Verdict, judge};
use super::intervals::Intervals;
use super::pod as job_pod;
use crate::apiserver::registry::read::Fields as _;
use crate::controller_manager::{ownership, pod};

/// What one sync knows.
#[derive(Debug)]
pub(super) struct Tally<'a> {
    pub(super) job: &'a Value,
    pub(super) pods: Vec<&'a Value>,
    /// The Pods that neither have ended nor are about to.
    pub(super) active: Vec<&'a Value>,
    pub(super) ready: i64,
    pub(super) terminating: i64,
    /// How many have succeeded and failed, with those that are not in the status yet.
    pub(super) succeeded: i64,
    pub(super) failed: i64,
    /// What is known of failures, with those that are new.
    pub(super) record: Record,
    /// The indexes that the status knows to be done, and those that are.
    pub(super) known_indexes: Intervals,
    pub(super) done_indexes: Intervals,
    /// The indexes that have failed for good, for a Job that has a limit for each.
    pub(super) failed_indexes: Option<Intervals>,
    /// The failed Pod of each index that waits for its replacement.
    pub(super) awaiting: BTreeMap<i64, &'a Value>,
}

/// Whether each completion has an index of its own.
pub(super) fn is_indexed(job: &Value) -> bool {
    job["spec"]["completionMode"] == "Indexed"
}

/// The UIDs of ended Pods in the status whose counters do not hold them yet.
pub(super) fn uncounted<'a>(job: &'a Value, list: &str) -> BTreeSet<&'a str> {
    let uids = job["status"]["uncountedTerminatedPods"].items(list).iter();
    uids.filter_map(Value::as_str).collect()
}

impl<'a> Tally<'a> {
    /// Counts `pods`; `record` is what was known of failures before.
    pub(super) fn new(job: &'a Value, pods: Vec<&'a Value>, record: Record) -> Self {
        let active: Vec<&Value> = pods.iter().copied().filter(|pod| pod::is_active(pod)).collect();
        let count = |counts: fn(&Value) -> bool, pods: &[&Value]| {
            pods.iter().filter(|pod| counts(pod)).count() as i64
        };
        let mut tally = Self {
            ready: count(pod::is_ready, &active),
            terminating: count(job_pod::is_terminating, &pods),
            job,
            pods,
            active,
            succeeded: 0,
            failed: 0,
            record,
            known_indexes: Intervals::default(),
            done_indexes: Intervals::default(),
            failed_indexes: None,
            awaiting: BTreeMap::new(),
        };
        tally.count_ends();
        if is_indexed(job) {
            tally.count_indexes();
        }
        tally
    }

    fn count_ends(&mut self) {
        let spec = &self.job["spec"];
        let (succeeded, failed) = (uncounted(self.job, "succeeded"), uncounted(self.job, "failed"));
        let new_succeeded: Vec<&Value> = (self.countable())
            .filter(|pod| pod::phase(pod) == "Succeeded" && !succeeded.contains(ownership::uid_of(pod)))
            .collect();
        let new_failed: Vec<&Value> = (self.countable())
            .filter(|pod| job_pod::is_failed(pod, spec) && !failed.contains(ownership::uid_of(pod)))
            .collect();
        let counting = new_failed
            .iter()
            .filter(|pod| self.judge(pod) != Verdict::Ignored);
        let in_status = |key: &str| self.job["status"].number(key).unwrap_or_default();
        let failures = counting.count() + failed.len();
        self.failed = in_status("failed") + failures as i64;
        self.succeeded = in_status("succeeded") + (new_succeeded.len() + succeeded.len()) as i64;
        self.record = self.record.after(&new_succeeded, &new_failed);
    }

    /// The Pods whose end is still to be counted; of an Indexed Job those with an index that exists.
    fn countable(&self) -> impl Iterator<Item = &'a Value> + '_ {
        let tracked = self.pods.iter().copied().filter(|pod| job_pod::is_tracked(pod));
        tracked.filter(|pod| !is_indexed(self.job) || self.index(pod).is_some())
    }

    fn count_indexes(&mut self) {
        let status = &self.job["status"];
        let completions = self.completions();
        self.known_indexes = Intervals::parse(status.text("completedIndexes"), completions);
        let done = self.countable().filter(|pod| pod::phase(pod) == "Succeeded");
        self.done_indexes = self.known_indexes.with(&self.indexes(done));
        self.succeeded = self.done_indexes.total();
        if self.limit_per_index().is_some() {
            let failed = Intervals::parse(status.text("failedIndexes"), completions);
            let new = self.countable().filter(|pod| self.fails_index(pod));
            self.failed_indexes = Some(failed.with(&self.indexes(new)));
            self.awaiting = self.awaiting_replacement();
        }
    }

    fn indexes(&self, pods: impl Iterator<Item = &'a Value>) -> BTreeSet<i64> {
        pods.filter_map(|pod| self.index(pod)).collect()
    }

    /// Whether the Pod was the last that its index had.
    fn fails_index(&self, pod: &Value) -> bool {
        if !job_pod::is_failed(pod, &self.job["spec"]) {
            return false;
        }
        let spent = self
            .limit_per_index()
            .is_some_and(|limit| job_pod::failures(pod) >= limit);
        match self.judge(pod) {
            Verdict::FailsIndex => true,
            Verdict::Ignored => false,
            Verdict::Counts | Verdict::FailsJob(_) => spent,
        }
    }

    /// The last failed Pod of each index that is neither done nor failed nor worked on.
    fn awaiting_replacement(&self) -> BTreeMap<i64, &'a Value> {
        let worked_on = self.indexes(self.active.iter().copied());
        let failed = self.failed_indexes.as_ref();
        let mut awaiting: BTreeMap<i64, &Value> = BTreeMap::new();
        for pod in self
            .countable()
            .filter(|pod| job_pod::is_failed(pod, &self.job["spec"]))
        {
            let Some(index) = self.index(pod) else { continue };
            let is_over = self.done_indexes.has(index) || failed.is_some_and(|failed| failed.has(index));
            if is_over || worked_on.contains(&index) {
                continue;
            }
            let rank = |pod: &Value| (job_pod::all_failures(pod), job_pod::finished_at(pod));
            let last = awaiting.entry(index).or_insert(pod);
            let (own, before) = (rank(pod), rank(last));
            if own.0 >= before.0 && own.1 >= before.1 {
                *last = pod;
            }
        }
        awaiting
    }

    /// What the Job's failure policy says about a failed Pod.
    pub(super) fn judge(&self, pod: &Value) -> Verdict {
        judge(&self.job["spec"]["podFailurePolicy"], pod)
    }

    /// The Pod's index, if there is such an index.
    pub(super) fn index(&self, pod: &Value) -> Option<i64> {
        job_pod::index(pod).filter(|index| *index < self.completions())
    }

    /// `spec.completions`, or 0 for a work queue.
    pub(super) fn completions(&self) -> i64 {
        self.job["spec"].number("completions").unwrap_or_default()
    }

    /// `spec.backoffLimitPerIndex`.
    pub(super) fn limit_per_index(&self) -> Option<i64> {
        self.job["spec"].number("backoffLimitPerIndex")
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn pod(name: &str, phase: &str, index: Option<i64>) -> Value {
        let mut pod = json!({
            "metadata": {"uid": name, "creationTimestamp": "2026-01-01T00:00:00Z", "finalizers": [job_pod::FINALIZER]},
            "status": {"phase": phase},
        });
        if let Some(index) = index {
            pod["metadata"]["annotations"] =
                json!({"batch.kubernetes.io/job-completion-index": index.to_string()});
        }
        pod
    }

    #[test]
    fn ends_are_counted_once() {
        let job = json!({"spec": {}, "status": {
            "succeeded": 2, "failed": 1, "uncountedTerminatedPods": {"succeeded": ["a"]}}});
        let mut counted = pod("d", "Failed", None);
        counted["metadata"]["finalizers"] = json!([]);
        let pods = [
            pod("a", "Succeeded", None),
            pod("b", "Succeeded", None),
            pod("c", "Failed", None),
            counted,
            pod("e", "Running", None),
        ];
        let tally = Tally::new(&job, pods.iter().collect(), Record::default());
        assert_eq!((tally.succeeded, tally.failed), (4, 2));
        assert_eq!((tally.active.len(), tally.terminating), (1, 0));
    }

    #[test]
    fn indexes_are_done_failed_or_awaited() {
        let job = json!({
            "spec": {"completionMode": "Indexed", "completions": 5, "backoffLimitPerIndex": 1},
            "status": {"completedIndexes": "0"},
        });
        let mut spent = pod("b", "Failed", Some(2));
        spent["metadata"]["annotations"]["batch.kubernetes.io/job-index-failure-count"] = "1".into();
        let pods = [
            pod("a", "Succeeded", Some(1)),
            spent,
            pod("c", "Failed", Some(3)),
            pod("d", "Running", Some(4)),
            pod("e", "Succeeded", Some(9)),
        ];
        let tally = Tally::new(&job, pods.iter().collect(), Record::default());
        assert_eq!(tally.done_indexes.to_string(), "0,1");
        assert_eq!(tally.failed_indexes.as_ref().unwrap().to_string(), "2");
        assert_eq!(tally.awaiting.keys().collect::<Vec<_>>(), [&3]);
        assert_eq!((tally.succeeded, tally.failed), (2, 2));
    }
}
