//! Which Pods a Job that goes on makes or removes.
//!
//! Source: `kubernetes/pkg/controller/job/job_controller.go`, `manageJob`.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use serde_json::Value;

use super::backoff;
use super::failure_policy::Verdict;
use super::pod::{self as job_pod, History};
use super::removal;
use super::tally::{Tally, is_indexed};
use crate::apiserver::registry::read::Fields as _;
use crate::clock::Time;
use crate::storage::text;

/// The most Pods that one sync makes or removes.
const MOST_PODS: usize = 500;

/// What is to be done.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) enum Step {
    /// The Pods are as many as they should be.
    Keep,
    /// Nothing until failed Pods have been waited for.
    Wait(Duration),
    /// Remove the Pods of these names.
    Remove(Vec<String>),
    /// Make Pods, each of an index or of none.
    Make(Vec<Maker>),
}

/// A Pod to be made.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) struct Maker {
    pub(super) index: Option<i64>,
    /// What it takes over, where each index has a limit of its own.
    pub(super) history: Option<History>,
}

/// Decides about the Pods of a Job that has not ended.
pub(super) fn decide(tally: &Tally<'_>, now: Time) -> Step {
    let spec = &tally.job["spec"];
    let active = tally.active.len();
    if spec.flag("suspend") {
        return removal(tally, active);
    }
    let wanted = wanted(tally);
    let excess = removal(tally, active.saturating_sub(wanted));
    if excess != Step::Keep {
        return excess;
    }
    let leaving = match job_pod::replaces_only_failed(spec) {
        true => usize::try_from(tally.terminating).unwrap_or_default(),
        false => 0,
    };
    match wanted.saturating_sub(leaving + active).min(MOST_PODS) {
        0 => Step::Keep,
        missing => make(tally, missing, now),
    }
}

/// How many Pods should be active: no more than completions are missing; of a work queue no new ones after the
/// first success.
fn wanted(tally: &Tally<'_>) -> usize {
    let spec = &tally.job["spec"];
    let parallelism = spec.number("parallelism").unwrap_or_default();
    let wanted = match spec.number("completions") {
        Some(completions) => (completions - tally.succeeded).min(parallelism),
        None if tally.succeeded > 0 => return tally.active.len(),
        None => parallelism,
    };
    usize::try_from(wanted).unwrap_or_default()
}

fn removal(tally: &Tally<'_>, at_least: usize) -> Step {
    let mut pods = removal::pods(tally, at_least);
    // Suspending a Job removes all at once.
    if !tally.job["spec"].flag("suspend") {
        pods.truncate(MOST_PODS);
    }
    match pods.is_empty() {
        true => Step::Keep,
        false => Step::Remove(
            pods.iter()
                .map(|pod| text(pod, &["metadata", "name"]).to_owned())
                .collect(),
        ),
    }
}

fn make(tally: &Tally<'_>, missing: usize, now: Time) -> Step {
    let per_index = tally.limit_per_index().is_some();
    let wait = if per_index {
        Duration::ZERO
    } else {
        tally.record.remaining(now)
    };
    if !wait.is_zero() {
        return Step::Wait(wait);
    }
    if !is_indexed(tally.job) {
        let maker = Maker {
            index: None,
            history: None,
        };
        return Step::Make(vec![maker; missing]);
    }
    let indexes = pending(tally, missing);
    let (due, wait) = match per_index {
        true => due(&indexes, &tally.awaiting, now),
        false => (indexes, Duration::ZERO),
    };
    if due.is_empty() && !wait.is_zero() {
        return Step::Wait(wait);
    }
    let maker = |index: i64| Maker {
        index: Some(index),
        history: per_index.then(|| history(tally, index)),
    };
    Step::Make(due.into_iter().map(maker).collect())
}

/// The first indexes that are neither done nor failed nor worked on.
fn pending(tally: &Tally<'_>, count: usize) -> Vec<i64> {
    let mut taken: BTreeSet<i64> = tally
        .active
        .iter()
        .filter_map(|pod| job_pod::index(pod))
        .collect();
    if job_pod::replaces_only_failed(&tally.job["spec"]) {
        let leaving = tally.pods.iter().filter(|pod| job_pod::is_terminating(pod));
        taken.extend(leaving.filter_map(|pod| job_pod::index(pod)));
    }
    let mut over = tally.done_indexes.with(&taken);
    if let Some(failed) = &tally.failed_indexes {
        over = over.merge(failed);
    }
    over.first_missing(count, tally.completions())
}

/// The indexes whose back-off is over; if there are none, how long the first has still to wait.
fn due(indexes: &[i64], awaiting: &BTreeMap<i64, &Value>, now: Time) -> (Vec<i64>, Duration) {
    let wait = |index: &i64| {
        let pod = awaiting.get(index)?;
        let failures = u32::try_from(job_pod::all_failures(pod) + 1).unwrap_or(u32::MAX);
        Some(backoff::remaining(failures, job_pod::finished_at(pod), now)).filter(|wait| !wait.is_zero())
    };
    let (due, waiting): (Vec<i64>, Vec<i64>) = indexes.iter().partition(|index| wait(index).is_none());
    let first = waiting.iter().filter_map(wait).min();
    (due, first.unwrap_or_default())
}

/// What the next Pod of an index takes over from the one that it replaces.
fn history(tally: &Tally<'_>, index: i64) -> History {
    let Some(pod) = tally.awaiting.get(&index) else {
        return History::default();
    };
    let ignored = i64::from(tally.judge(pod) == Verdict::Ignored);
    History {
        failures: job_pod::failures(pod) + 1 - ignored,
        ignored: job_pod::ignored_failures(pod) + ignored,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::backoff::Record;
    use super::*;

    const INDEX: &str = "batch.kubernetes.io/job-completion-index";

    fn pod(name: &str, phase: &str, index: Option<i64>) -> Value {
        let mut pod = json!({
            "metadata": {"name": name, "uid": name, "creationTimestamp": "2026-01-01T00:00:00Z",
                "finalizers": [job_pod::FINALIZER]},
            "status": {"phase": phase},
        });
        if let Some(index) = index {
            pod["metadata"]["annotations"] = json!({INDEX: index.to_string()});
        }
        pod
    }

    fn step(spec: &Value, status: &Value, pods: &[Value]) -> Step {
        let job = json!({"spec": spec, "status": status});
        let tally = Tally::new(&job, pods.iter().collect(), Record::default());
        decide(&tally, Time::parse("2026-01-01T00:00:04Z").unwrap())
    }

    #[test]
    fn no_more_pods_are_made_than_completions_are_missing() {
        let running = pod("a", "Running", None);
        let made = |count: usize| {
            Step::Make(vec![
                Maker {
                    index: None,
                    history: None
                };
                count
            ])
        };
        let cases = [
            (json!({"completions": 5, "parallelism": 3}), json!({}), made(2)),
            (
                json!({"completions": 5, "parallelism": 3}),
                json!({"succeeded": 3}),
                made(1),
            ),
            (json!({"completions": 5, "parallelism": 1}), json!({}), Step::Keep),
            (json!({"parallelism": 2}), json!({}), made(1)),
            (json!({"parallelism": 2}), json!({"succeeded": 1}), Step::Keep),
            (
                json!({"completions": 5, "parallelism": 0}),
                json!({}),
                Step::Remove(vec!["a".into()]),
            ),
            (
                json!({"completions": 5, "parallelism": 1, "suspend": true}),
                json!({}),
                Step::Remove(vec!["a".into()]),
            ),
        ];
        for (spec, status, expected) in cases {
            assert_eq!(
                step(&spec, &status, std::slice::from_ref(&running)),
                expected,
                "{spec} {status}"
            );
        }
    }

    #[test]
    fn a_failure_is_waited_for() {
        let failed = [pod("a", "Failed", None)];
        let spec = json!({"completions": 1, "parallelism": 1});
        assert_eq!(
            step(&spec, &json!({}), &failed),
            Step::Wait(Duration::from_secs(6))
        );
    }

    #[test]
    fn indexes_are_filled_from_the_lowest() {
        let spec = json!({"completionMode": "Indexed", "completions": 5, "parallelism": 4});
        let pods = [pod("a", "Running", Some(1)), pod("b", "Succeeded", Some(0))];
        let maker = |index: i64| Maker {
            index: Some(index),
            history: None,
        };
        assert_eq!(
            step(&spec, &json!({}), &pods),
            Step::Make([2, 3, 4].map(maker).to_vec())
        );
        let twice = [
            pod("a", "Running", Some(1)),
            pod("b", "Running", Some(1)),
            pod("c", "Running", Some(7)),
        ];
        let Step::Remove(names) = step(&spec, &json!({}), &twice) else {
            panic!("a doubled index stays");
        };
        assert_eq!(names.len(), 2);
    }

    #[test]
    fn an_index_with_a_limit_waits_alone_and_hands_on_its_failures() {
        let spec = json!({"completionMode": "Indexed", "completions": 2, "parallelism": 2, "backoffLimitPerIndex": 3});
        let mut failed = pod("a", "Failed", Some(0));
        failed["metadata"]["annotations"]["batch.kubernetes.io/job-index-failure-count"] = "1".into();
        let fresh = Maker {
            index: Some(1),
            history: Some(History::default()),
        };
        assert_eq!(
            step(&spec, &json!({}), std::slice::from_ref(&failed)),
            Step::Make(vec![fresh])
        );
        let busy = [failed.clone(), pod("b", "Running", Some(1))];
        assert_eq!(
            step(&spec, &json!({}), &busy),
            Step::Wait(Duration::from_secs(16))
        );
        failed["metadata"]["creationTimestamp"] = "2025-01-01T00:00:00Z".into();
        let again = Maker {
            index: Some(0),
            history: Some(History {
                failures: 2,
                ignored: 0,
            }),
        };
        let busy = [failed, pod("b", "Running", Some(1))];
        assert_eq!(step(&spec, &json!({}), &busy), Step::Make(vec![again]));
    }
}
