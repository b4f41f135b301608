//! A budget's status: healthy Pods, those that were let go and are not gone yet, and what is still allowed.

use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::{Value, json};

use super::expected::Expected;
use crate::clock::Time;
use crate::controller_manager::ownership::is_deleted;
use crate::controller_manager::pod;
use crate::pod_condition;
use crate::pod_disruption_budget as budgets;
use crate::storage::{Object, text};

/// A Pod that was let go and is not being deleted after so long will stay.
const DELETION_TIMEOUT: Duration = Duration::from_secs(2 * 60);
/// A Pod that says so long that it will be disrupted, and is not, will not be.
const STALE_TIMEOUT: Duration = Duration::from_secs(2 * 60);
/// The rate limit of the queue through which a later look goes.
const RECHECK_DELAY: Duration = Duration::from_millis(5);

/// The Pods that were let go.
#[derive(Debug, Default)]
pub(super) struct Disrupted {
    /// Those that are still expected to go, and when they were let go.
    pods: BTreeMap<String, Time>,
    /// Those that should be gone by now.
    pub(super) overdue: Vec<Object>,
    /// When to look again.
    pub(super) recheck: Option<Time>,
}

/// Who of `status.disruptedPods` is still expected to go (`buildDisruptedPodMap`).
pub(super) fn still_disrupted(budget: &Value, pods: &[Object], now: Time) -> Disrupted {
    let mut disrupted = Disrupted::default();
    for pod in pods.iter().filter(|pod| !is_deleted(pod)) {
        let name = text(pod, &["metadata", "name"]);
        let since = budget["status"]["disruptedPods"].get(name);
        let Some(since) = since.and_then(Value::as_str).and_then(Time::parse) else {
            continue;
        };
        let until = since + DELETION_TIMEOUT;
        if until < now {
            disrupted.overdue.push(pod.clone());
        } else {
            disrupted.pods.insert(name.to_owned(), since);
            let look = until + RECHECK_DELAY;
            disrupted.recheck = Some(disrupted.recheck.map_or(look, |first| first.min(look)));
        }
    }
    disrupted
}

/// The budget with its new status; `None` if nothing changes.
pub(super) fn next(
    budget: &Value,
    pods: &[Object],
    expected: &Expected,
    disrupted: &Disrupted,
    now: Time,
) -> Option<Value> {
    let healthy = healthy(pods, disrupted, now);
    let spare = healthy - expected.desired_healthy;
    let allowed = if expected.count > 0 { spare.max(0) } else { 0 };
    let mut status = json!({
        "observedGeneration": budget["metadata"]["generation"],
        "disruptionsAllowed": allowed,
        "currentHealthy": healthy,
        "desiredHealthy": expected.desired_healthy,
        "expectedPods": expected.count,
    });
    if !disrupted.pods.is_empty() {
        let times = disrupted.pods.iter();
        status["disruptedPods"] = times
            .map(|(name, since)| (name.clone(), Value::from(since.rfc3339())))
            .collect::<serde_json::Map<_, _>>()
            .into();
    }
    if let Some(conditions) = budget["status"].get("conditions") {
        status["conditions"] = conditions.clone();
    }
    if budget["status"] == status && budgets::is_condition_current(budget) {
        return None;
    }
    let mut next = budget.clone();
    next["status"] = status;
    budgets::update_condition(&mut next, now);
    Some(next)
}

/// How many Pods are ready and stay.
fn healthy(pods: &[Object], disrupted: &Disrupted, now: Time) -> i64 {
    let goes = |pod: &Value| {
        let since = disrupted.pods.get(text(pod, &["metadata", "name"]));
        is_deleted(pod) || since.is_some_and(|since| *since + DELETION_TIMEOUT > now)
    };
    let healthy = pods.iter().filter(|pod| !goes(pod) && pod::is_ready(pod));
    i64::try_from(healthy.count()).unwrap_or(i64::MAX)
}

/// The budget when nothing could be worked out: no disruption is allowed (`failSafe`).
pub(super) fn failed(budget: &Value, why: &str, now: Time) -> Value {
    let mut failed = budget.clone();
    failed["status"]["disruptionsAllowed"] = 0.into();
    budgets::set_condition(&mut failed, "False", budgets::SYNC_FAILED, why, now);
    failed
}

/// From when on a Pod that says it will be disrupted, and lives, says so wrongly. What a kubelet says stays.
pub(super) fn stale_at(pod: &Value) -> Option<Time> {
    if is_deleted(pod) || matches!(pod::phase(pod), "Succeeded" | "Failed") {
        return None;
    }
    let condition = pod_condition::of(pod, "DisruptionTarget")?;
    let holds = condition["status"] == "True" && condition["reason"] != "TerminationByKubelet";
    let since = Time::parse(text(condition, &["lastTransitionTime"]))?;
    holds.then(|| since + STALE_TIMEOUT)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pod(name: &str, ready: &str) -> Object {
        Object::new(json!({"metadata": {"name": name},
            "status": {"phase": "Running", "conditions": [{"type": "Ready", "status": ready}]}}))
    }

    fn at(seconds: i64) -> Time {
        Time::from_micros(seconds * 1_000_000)
    }

    #[test]
    fn ready_pods_that_stay_count_and_the_rest_is_allowed() {
        let budget = json!({"metadata": {"generation": 3},
            "status": {"disruptedPods": {"b": at(0).rfc3339(), "gone": at(0).rfc3339()}}});
        let pods = [
            pod("a", "True"),
            pod("b", "True"),
            pod("c", "False"),
            pod("d", "True"),
        ];
        let expected = Expected {
            count: 4,
            desired_healthy: 1,
            has_unmanaged: false,
        };
        let disrupted = still_disrupted(&budget, &pods, at(60));
        assert_eq!(disrupted.recheck, Some(at(120) + RECHECK_DELAY));
        let next = next(&budget, &pods, &expected, &disrupted, at(60)).unwrap();
        let status = &next["status"];
        assert_eq!(
            (&status["currentHealthy"], &status["disruptionsAllowed"]),
            (&json!(2), &json!(1))
        );
        assert_eq!(status["disruptedPods"], json!({"b": at(0).rfc3339()}));
        assert_eq!(status["conditions"][0]["reason"], "SufficientPods");
        let disrupted = still_disrupted(&next, &pods, at(60));
        assert_eq!(super::next(&next, &pods, &expected, &disrupted, at(60)), None);
    }

    #[test]
    fn a_pod_that_stays_after_two_minutes_counts_again() {
        let budget = json!({"status": {"disruptedPods": {"a": at(0).rfc3339()}}});
        let pods = [pod("a", "True")];
        let disrupted = still_disrupted(&budget, &pods, at(121));
        assert_eq!(disrupted.overdue.len(), 1);
        assert_eq!(healthy(&pods, &disrupted, at(121)), 1);
    }

    #[test]
    fn nothing_is_allowed_where_no_pods_are_expected() {
        let budget = json!({"metadata": {"generation": 1}});
        let next = next(&budget, &[], &Expected::default(), &Disrupted::default(), at(0)).unwrap();
        assert_eq!(next["status"]["disruptionsAllowed"], 0);
        assert_eq!(next["status"]["conditions"][0]["reason"], "InsufficientPods");
    }

    #[test]
    fn a_failure_allows_nothing_and_says_why() {
        let budget = json!({"status": {"disruptionsAllowed": 2, "observedGeneration": 1}});
        let failed = failed(&budget, "no scale", at(0));
        assert_eq!(failed["status"]["disruptionsAllowed"], 0);
        let condition = &failed["status"]["conditions"][0];
        assert_eq!(
            (&condition["reason"], &condition["message"]),
            (&json!("SyncFailed"), &json!("no scale"))
        );
    }

    #[test]
    fn a_target_that_lives_is_stale_after_two_minutes() {
        let target = |reason: &str, phase: &str| {
            json!({"status": {"phase": phase, "conditions": [{"type": "DisruptionTarget", "status": "True",
                "reason": reason, "lastTransitionTime": at(0).rfc3339()}]}})
        };
        assert_eq!(
            stale_at(&target("EvictionByEvictionAPI", "Running")),
            Some(at(120))
        );
        assert_eq!(stale_at(&target("TerminationByKubelet", "Running")), None);
        assert_eq!(stale_at(&target("EvictionByEvictionAPI", "Failed")), None);
        assert_eq!(stale_at(&json!({})), None);
    }
}
