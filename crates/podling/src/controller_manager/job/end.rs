//! Whether a Job has come to its end, and how.
//!
//! Source: `kubernetes/pkg/controller/job/job_controller.go`, `syncJob`, and `success_policy.go`.

use std::time::Duration;

use serde_json::Value;

use super::condition;
use super::failure_policy::Verdict;
use super::intervals::Intervals;
use super::pod as job_pod;
use super::tally::{Tally, is_indexed};
use crate::apiserver::registry::read::Fields as _;
use crate::clock::Time;
use crate::controller_manager::pod;
use crate::storage::text;

/// How a Job ends.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) struct End {
    /// Whether it has failed.
    pub(super) failed: bool,
    pub(super) reason: String,
    pub(super) message: String,
}

impl End {
    fn failure(reason: &str, message: &str) -> Self {
        Self {
            failed: true,
            reason: reason.to_owned(),
            message: message.to_owned(),
        }
    }

    fn success(reason: &str, message: String) -> Self {
        Self {
            failed: false,
            reason: reason.to_owned(),
            message,
        }
    }

    /// All completions are there.
    pub(super) fn completions_reached() -> Self {
        let message = "Reached expected number of succeeded pods".to_owned();
        Self::success("CompletionsReached", message)
    }

    /// What is said as soon as the end is certain.
    pub(super) const fn announcement(&self) -> &'static str {
        if self.failed {
            "FailureTarget"
        } else {
            "SuccessCriteriaMet"
        }
    }

    /// What is said when nothing of the Job runs any more.
    pub(super) const fn conclusion(&self) -> &'static str {
        if self.failed { "Failed" } else { "Complete" }
    }

    fn announced(job: &Value) -> Option<Self> {
        let read = |failed: bool, said: &Value| Self {
            failed,
            reason: said.text("reason").to_owned(),
            message: said.text("message").to_owned(),
        };
        let success = condition::met(job, "SuccessCriteriaMet").map(|said| read(false, said));
        success.or_else(|| condition::met(job, "FailureTarget").map(|said| read(true, said)))
    }
}

/// The end that is certain before Pods are made or removed; `None` while the Job goes on.
pub(super) fn decide(tally: &Tally<'_>, now: Time) -> Option<End> {
    End::announced(tally.job)
        .or_else(|| by_failure_policy(tally))
        .or_else(|| by_limits(tally, now))
        .or_else(|| by_indexes(tally))
        .or_else(|| by_success_policy(tally))
}

fn by_failure_policy(tally: &Tally<'_>) -> Option<End> {
    let spec = &tally.job["spec"];
    if !spec.has("podFailurePolicy") {
        return None;
    }
    let mut failed = tally.pods.iter().filter(|pod| job_pod::is_failed(pod, spec));
    failed.find_map(|pod| match tally.judge(pod) {
        Verdict::FailsJob(why) => Some(End::failure("PodFailurePolicy", &why)),
        _ => None,
    })
}

fn by_limits(tally: &Tally<'_>, now: Time) -> Option<End> {
    let limit = tally.job["spec"].number("backoffLimit").unwrap_or(i64::MAX);
    if tally.failed > limit || restarted_too_often(tally, limit) {
        let why = "Job has reached the specified backoff limit";
        return Some(End::failure("BackoffLimitExceeded", why));
    }
    let why = "Job was active longer than specified deadline";
    (deadline(tally.job)? <= now).then(|| End::failure("DeadlineExceeded", why))
}

/// Pods that restart their containers themselves count by their restarts.
fn restarted_too_often(tally: &Tally<'_>, limit: i64) -> bool {
    if tally.job["spec"]["template"]["spec"]["restartPolicy"] != "OnFailure" {
        return false;
    }
    let running = tally
        .pods
        .iter()
        .filter(|pod| matches!(pod::phase(pod), "Running" | "Pending"));
    let restarts: i64 = running
        .flat_map(|pod| ["initContainerStatuses", "containerStatuses"].map(|list| pod["status"].items(list)))
        .flatten()
        .filter_map(|status| status.number("restartCount"))
        .sum();
    match limit {
        0 => restarts > 0,
        limit => restarts >= limit,
    }
}

/// When the Job has been active for `activeDeadlineSeconds`; `None` without one, or while it is suspended.
pub(super) fn deadline(job: &Value) -> Option<Time> {
    let seconds = job["spec"]["activeDeadlineSeconds"].as_u64()?;
    let start = Time::parse(text(job, &["status", "startTime"]))?;
    (!job["spec"].flag("suspend")).then(|| start + Duration::from_secs(seconds))
}

fn by_indexes(tally: &Tally<'_>) -> Option<End> {
    let failed = tally.failed_indexes.as_ref()?.total();
    let most = tally.job["spec"].number("maxFailedIndexes");
    if most.is_some_and(|most| failed > most) {
        let why = "Job has exceeded the specified maximal number of failed indexes";
        return Some(End::failure("MaxFailedIndexesExceeded", why));
    }
    let all = failed + tally.done_indexes.total() >= tally.completions();
    (failed > 0 && all).then(|| End::failure("FailedIndexes", "Job has failed indexes"))
}

fn by_success_policy(tally: &Tally<'_>) -> Option<End> {
    if !is_indexed(tally.job) || tally.done_indexes.total() == 0 {
        return None;
    }
    let rules = tally.job["spec"]["successPolicy"].items("rules");
    let met = rules
        .iter()
        .position(|rule| meets(rule, &tally.done_indexes, tally.completions()))?;
    Some(End::success(
        "SuccessPolicy",
        format!("Matched rules at index {met}"),
    ))
}

fn meets(rule: &Value, done: &Intervals, completions: i64) -> bool {
    let count = rule.number("succeededCount");
    let Some(listed) = rule["succeededIndexes"].as_str() else {
        return count.is_some_and(|count| done.total() >= count);
    };
    let wanted = Intervals::parse(listed, completions);
    let found = done.shared(&wanted);
    wanted.total() > 0 && (found == wanted.total() || count.is_some_and(|count| found >= count))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::backoff::Record;
    use super::*;

    fn decided(spec: &Value, status: &Value, pods: &[Value]) -> Option<String> {
        let job = json!({"spec": spec, "status": status});
        let now = Time::parse("2026-01-01T00:01:00Z").unwrap();
        let tally = Tally::new(&job, pods.iter().collect(), Record::default());
        decide(&tally, now).map(|end| end.reason)
    }

    #[test]
    fn limits_end_a_job() {
        let restarting = json!({"status": {"phase": "Running", "containerStatuses": [{"restartCount": 2}]}});
        let on_failure =
            |limit: i64| json!({"backoffLimit": limit, "template": {"spec": {"restartPolicy": "OnFailure"}}});
        let started = json!({"startTime": "2026-01-01T00:00:00Z"});
        let cases = [
            (json!({"backoffLimit": 1}), json!({"failed": 1}), None),
            (
                json!({"backoffLimit": 1}),
                json!({"failed": 2}),
                Some("BackoffLimitExceeded"),
            ),
            (on_failure(3), json!({}), None),
            (on_failure(2), json!({}), Some("BackoffLimitExceeded")),
            (on_failure(0), json!({}), Some("BackoffLimitExceeded")),
            (json!({"activeDeadlineSeconds": 61}), started.clone(), None),
            (
                json!({"activeDeadlineSeconds": 60}),
                started.clone(),
                Some("DeadlineExceeded"),
            ),
            (
                json!({"activeDeadlineSeconds": 60, "suspend": true}),
                started,
                None,
            ),
        ];
        for (spec, status, expected) in cases {
            let found = decided(&spec, &status, std::slice::from_ref(&restarting));
            assert_eq!(found.as_deref(), expected, "{spec} {status}");
        }
    }

    #[test]
    fn indexes_end_a_job() {
        let indexed = |more: Value| {
            let mut spec = json!({"completionMode": "Indexed", "completions": 4, "backoffLimitPerIndex": 1});
            spec.as_object_mut()
                .unwrap()
                .extend(more.as_object().unwrap().clone());
            spec
        };
        let success = |rule: Value| indexed(json!({"successPolicy": {"rules": [rule]}}));
        let cases = [
            (
                indexed(json!({})),
                json!({"completedIndexes": "0-2", "failedIndexes": "3"}),
                Some("FailedIndexes"),
            ),
            (
                indexed(json!({})),
                json!({"completedIndexes": "0", "failedIndexes": "3"}),
                None,
            ),
            (
                indexed(json!({"maxFailedIndexes": 0})),
                json!({"failedIndexes": "3"}),
                Some("MaxFailedIndexesExceeded"),
            ),
            (
                success(json!({"succeededCount": 2})),
                json!({"completedIndexes": "1,3"}),
                Some("SuccessPolicy"),
            ),
            (
                success(json!({"succeededIndexes": "0,1"})),
                json!({"completedIndexes": "1,3"}),
                None,
            ),
            (
                success(json!({"succeededIndexes": "0,1", "succeededCount": 1})),
                json!({"completedIndexes": "1,3"}),
                Some("SuccessPolicy"),
            ),
        ];
        for (spec, status, expected) in cases {
            assert_eq!(
                decided(&spec, &status, &[]).as_deref(),
                expected,
                "{spec} {status}"
            );
        }
    }

    #[test]
    fn an_announced_end_stays() {
        let said = json!({"conditions": [{"type": "SuccessCriteriaMet", "status": "True", "reason": "SuccessPolicy"}]});
        assert_eq!(
            decided(&json!({"backoffLimit": 0}), &said, &[]).as_deref(),
            Some("SuccessPolicy")
        );
    }
}
