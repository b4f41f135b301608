//! What is wrong with a change of a Job's status; most rules look only at what has changed.
//!
//! Source: `k8s.io/kubernetes/pkg/apis/batch/validation`, `validateJobStatus`, and
//! `pkg/registry/batch/job/strategy.go`, `getStatusValidationOptions`, v1.36.

use std::collections::BTreeSet;

use serde_json::Value;

use super::{indexes, spec};
use crate::apiserver::registry::numbers::check_not_negative;
use crate::apiserver::registry::read::Fields as _;
use crate::status::field::Error;

const COUNTERS: [&str; 5] = ["active", "succeeded", "failed", "ready", "terminating"];

/// Whether the Job has that condition with status True.
pub(super) fn has_condition(job: &Value, kind: &str) -> bool {
    let mut conditions = job["status"].items("conditions").iter();
    conditions.any(|condition| condition["type"] == kind && condition["status"] == "True")
}

/// The two statuses and what differs between them.
struct Change<'a> {
    new: &'a Value,
    old: &'a Value,
}

impl<'a> Change<'a> {
    const fn status(&self) -> &'a Value {
        self.new
    }

    fn is(&self, kind: &str) -> bool {
        has_condition(self.new, kind)
    }

    fn was(&self, kind: &str) -> bool {
        has_condition(self.old, kind)
    }

    fn turns(&self, kind: &str) -> bool {
        self.is(kind) != self.was(kind)
    }

    fn is_finished(&self) -> bool {
        self.is("Complete") || self.is("Failed")
    }

    fn finishes(&self) -> bool {
        self.is_finished() != (self.was("Complete") || self.was("Failed"))
    }

    fn field(&self, key: &str) -> &'a Value {
        &self.new["status"][key]
    }

    fn changes(&self, key: &str) -> bool {
        self.new["status"][key] != self.old["status"][key]
    }

    fn number(&self, key: &str) -> i64 {
        self.new["status"].number(key).unwrap_or_default()
    }

    fn old_number(&self, key: &str) -> i64 {
        self.old["status"].number(key).unwrap_or_default()
    }
}

/// Checks the change of a Job's status.
pub(super) fn validate_update(new: &Value, old: &Value) -> Vec<Error> {
    let change = Change { new, old };
    let mut errors = Vec::new();
    for key in COUNTERS {
        check_not_negative(&change.status()["status"], "status", key, &mut errors);
    }
    check_uncounted(&new["status"]["uncountedTerminatedPods"], &mut errors);
    check_end(&change, &mut errors);
    check_finished(&change, &mut errors);
    check_indexes(&change, &mut errors);
    check_running(&change, &mut errors);
    check_success(&change, &mut errors);
    check_steps(&change, &mut errors);
    errors
}

fn conditions(why: impl Into<String>) -> Error {
    Error::invalid_as_a_whole("status.conditions", why)
}

/// UIDs stand in one of the lists, once.
fn check_uncounted(uncounted: &Value, errors: &mut Vec<Error>) {
    let mut seen = BTreeSet::new();
    for list in ["succeeded", "failed"] {
        for (i, uid) in uncounted.items(list).iter().enumerate() {
            let (field, uid) = (
                format!("status.uncountedTerminatedPods.{list}[{i}]"),
                uid.as_str().unwrap_or_default(),
            );
            if uid.is_empty() {
                errors.push(Error::invalid(field, uid, "must not be empty"));
            } else if !seen.insert(uid) {
                errors.push(Error::duplicate(field, uid));
            }
        }
    }
}

/// How a Job ends: conditions and times that belong together.
fn check_end(change: &Change<'_>, errors: &mut Vec<Error>) {
    let complete = change.is("Complete");
    let changed = |kind: &str| change.turns("Complete") || change.turns(kind);
    if changed("Failed") && complete && change.is("Failed") {
        errors.push(conditions("cannot set Complete=True and Failed=true conditions"));
    }
    if changed("FailureTarget") && complete && change.is("FailureTarget") {
        let why = "cannot set Complete=True and FailureTarget=true conditions";
        errors.push(conditions(why));
    }
    let (completion, start) = (change.field("completionTime"), change.field("startTime"));
    let field = "status.completionTime";
    if change.turns("Complete") || change.changes("completionTime") {
        if !completion.is_null() && !complete {
            let why = "cannot set completionTime when there is no Complete=True condition";
            errors.push(Error::invalid(field, completion.clone(), why));
        }
        if completion.is_null() && complete {
            errors.push(Error::required(
                field,
                "completionTime is required for Complete jobs",
            ));
        }
    }
    let times = change.changes("startTime") || change.changes("completionTime");
    // RFC 3339 times in UTC sort as they are written.
    if let (true, Some(start), Some(end)) = (times, start.as_str(), completion.as_str())
        && end < start
    {
        let why = "completionTime cannot be set before startTime";
        errors.push(Error::invalid(field, end, why));
    }
    if (change.turns("Failed") || change.turns("FailureTarget"))
        && change.is("Failed")
        && !change.is("FailureTarget")
    {
        let why = "cannot set Failed=True condition without the FailureTarget=true condition";
        errors.push(conditions(why));
    }
    if changed("SuccessCriteriaMet") && complete && !change.is("SuccessCriteriaMet") {
        let why = "cannot set Complete=True condition without the SuccessCriteriaMet=true condition";
        errors.push(conditions(why));
    }
}

/// A finished Job has started, and nothing of it is left over.
fn check_finished(change: &Change<'_>, errors: &mut Vec<Error>) {
    if !change.is_finished() {
        return;
    }
    let changed = |key: &str| change.finishes() || change.changes(key);
    let active = change.number("active");
    if changed("active") && active > 0 {
        let why = "active>0 is invalid for finished job";
        errors.push(Error::invalid("status.active", active, why));
    }
    if changed("startTime") && change.field("startTime").is_null() {
        errors.push(Error::required(
            "status.startTime",
            "startTime is required for finished job",
        ));
    }
    let uncounted = change.field("uncountedTerminatedPods");
    let is_empty = uncounted.items("succeeded").is_empty() && uncounted.items("failed").is_empty();
    if changed("uncountedTerminatedPods") && !is_empty {
        let shown = format!(
            "{{\"Succeeded\":{},\"Failed\":{}}}",
            uncounted["succeeded"], uncounted["failed"]
        );
        let why = "uncountedTerminatedPods needs to be empty for finished job";
        let error = Error::invalid("status.uncountedTerminatedPods", uncounted.clone(), why);
        errors.push(error.showing(shown));
    }
}

fn check_indexes(change: &Change<'_>, errors: &mut Vec<Error>) {
    let job_spec = &change.new["spec"];
    let (completed, failed) = (
        change.field("completedIndexes").as_str().unwrap_or_default(),
        change.field("failedIndexes").as_str(),
    );
    let (completed_changes, failed_changes) = (
        change.changes("completedIndexes"),
        change.changes("failedIndexes"),
    );
    let per_index = job_spec.has("backoffLimitPerIndex");
    let unreadable = |key: &str, listed: &str| {
        let why = indexes::total(listed, job_spec.number("completions")?).err()?;
        let why = format!("error parsing {key}: {why}");
        Some(Error::invalid(format!("status.{key}"), listed, why))
    };
    if completed_changes {
        errors.extend(unreadable("completedIndexes", completed));
    }
    if failed_changes && per_index {
        errors.extend(failed.and_then(|failed| unreadable("failedIndexes", failed)));
    }
    if completed_changes && !completed.is_empty() && !spec::is_indexed(job_spec) {
        let why = "cannot set non-empty completedIndexes when non-indexed completion mode";
        errors.push(Error::invalid("status.completedIndexes", completed, why));
    }
    let Some(failed) = failed else { return };
    if failed_changes && !per_index {
        let why = "cannot set non-null failedIndexes when backoffLimitPerIndex is null";
        errors.push(Error::invalid("status.failedIndexes", failed, why));
    }
    let completions = job_spec.number("completions").unwrap_or_default();
    if let (true, Some(index)) = (
        completed_changes || failed_changes,
        indexes::overlap(completed, failed, completions),
    ) {
        let why = format!("failedIndexes and completedIndexes overlap at index: {index}");
        errors.push(Error::invalid("status.failedIndexes", failed, why));
    }
}

fn check_running(change: &Change<'_>, errors: &mut Vec<Error>) {
    let terminating = change.number("terminating");
    if (change.finishes() || change.changes("terminating")) && change.is_finished() && terminating > 0 {
        let why = "terminating>0 is invalid for finished job";
        errors.push(Error::invalid("status.terminating", terminating, why));
    }
    let ready = change.number("ready");
    if (change.changes("ready") || change.changes("active")) && ready > change.number("active") {
        let why = "cannot set more ready pods than active";
        errors.push(Error::invalid("status.ready", ready, why));
    }
}

fn check_success(change: &Change<'_>, errors: &mut Vec<Error>) {
    let met = change.is("SuccessCriteriaMet");
    if met && change.is("Failed") {
        let why = "cannot set SuccessCriteriaMet=True and Failed=true conditions";
        errors.push(conditions(why));
    }
    if met && change.is("FailureTarget") {
        let why = "cannot set SuccessCriteriaMet=True and FailureTarget=true conditions";
        errors.push(conditions(why));
    }
    if change.new["spec"].has("successPolicy") && !met && change.is("Complete") {
        let why = "cannot set Complete=True for Job with SuccessPolicy unless SuccessCriteriaMet=True";
        errors.push(conditions(why));
    }
}

/// What may never be taken back.
fn check_steps(change: &Change<'_>, errors: &mut Vec<Error>) {
    for kind in ["Failed", "Complete", "FailureTarget"] {
        if change.was(kind) && !change.is(kind) {
            errors.push(conditions(format!(
                "cannot disable the terminal {kind}=True condition"
            )));
        }
    }
    let job_spec = &change.new["spec"];
    let elastic = spec::is_indexed(job_spec) && job_spec["completions"] == job_spec["parallelism"];
    for (key, kept) in [("failed", true), ("succeeded", !elastic)] {
        let number = change.number(key);
        if kept && number < change.old_number(key) {
            let why = format!("cannot decrease the {key} counter");
            errors.push(Error::invalid(format!("status.{key}"), number, why));
        }
    }
    let (completion, before) = (
        change.field("completionTime"),
        &change.old["status"]["completionTime"],
    );
    if !completion.is_null() && !before.is_null() && completion != before {
        let why = "completionTime cannot be mutated";
        errors.push(Error::invalid("status.completionTime", completion.clone(), why));
    }
    let started = change.old["status"].has("startTime");
    if started && change.changes("startTime") && !job_spec.flag("suspend") {
        let why = "startTime cannot be removed for unsuspended job";
        errors.push(Error::required("status.startTime", why));
    }
    let met = "SuccessCriteriaMet";
    if change.was(met) && !change.is(met) {
        errors.push(conditions("cannot disable the SuccessCriteriaMet=True condition"));
    }
    if change.was("Complete") && !change.was(met) && change.is(met) {
        let why = "cannot set SuccessCriteriaMet=True for Job already has Complete=true conditions";
        errors.push(conditions(why));
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn conditions_of(kinds: &[&str]) -> Value {
        kinds
            .iter()
            .map(|kind| json!({"type": kind, "status": "True"}))
            .collect()
    }

    #[track_caller]
    fn check(old: &Value, new: &Value, expected: &[&str]) {
        let job = |status: &Value| json!({"spec": {"completionMode": "NonIndexed", "completions": 1}, "status": status});
        let errors = validate_update(&job(new), &job(old));
        let texts: Vec<String> = errors.iter().map(ToString::to_string).collect();
        assert_eq!(texts, expected, "{new}");
    }

    #[test]
    fn an_end_has_its_conditions_and_times() {
        let done = json!({
            "conditions": conditions_of(&["SuccessCriteriaMet", "Complete"]),
            "startTime": "2026-01-01T00:00:00Z", "completionTime": "2026-01-01T00:00:09Z", "succeeded": 1,
        });
        check(&json!({}), &done, &[]);
        check(
            &json!({}),
            &json!({"conditions": conditions_of(&["Complete"])}),
            &[
                "status.completionTime: Required value: completionTime is required for Complete jobs",
                "status.conditions: Invalid value: cannot set Complete=True condition without the SuccessCriteriaMet=true condition",
                "status.startTime: Required value: startTime is required for finished job",
            ],
        );
        check(
            &json!({"startTime": "2026-01-01T00:00:00Z"}),
            &json!({"conditions": conditions_of(&["Failed"]), "startTime": "2026-01-01T00:00:00Z", "active": 1}),
            &[
                "status.conditions: Invalid value: cannot set Failed=True condition without the FailureTarget=true condition",
                "status.active: Invalid value: 1: active>0 is invalid for finished job",
            ],
        );
        check(
            &done,
            &json!({"startTime": "2026-01-01T00:00:00Z"}),
            &[
                "status.conditions: Invalid value: cannot disable the terminal Complete=True condition",
                "status.succeeded: Invalid value: 0: cannot decrease the succeeded counter",
                "status.conditions: Invalid value: cannot disable the SuccessCriteriaMet=True condition",
            ],
        );
    }

    #[test]
    fn counters_and_lists_make_sense() {
        check(
            &json!({}),
            &json!({"active": -1, "ready": 2, "completedIndexes": "0",
                "uncountedTerminatedPods": {"succeeded": ["a", ""], "failed": ["a"]}}),
            &[
                "status.active: Invalid value: -1: must be greater than or equal to 0",
                "status.uncountedTerminatedPods.succeeded[1]: Invalid value: \"\": must not be empty",
                "status.uncountedTerminatedPods.failed[0]: Duplicate value: \"a\"",
                "status.completedIndexes: Invalid value: \"0\": cannot set non-empty completedIndexes when non-indexed completion mode",
                "status.ready: Invalid value: 2: cannot set more ready pods than active",
            ],
        );
    }
}
