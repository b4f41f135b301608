//! A Job's conditions.

use serde_json::{Value, json};

use crate::apiserver::registry::read::Fields as _;
use crate::clock::Time;

/// A condition that has just come to be.
pub(super) fn new(kind: &str, is_true: bool, reason: &str, message: &str, now: Time) -> Value {
    let status = if is_true { "True" } else { "False" };
    json!({
        "type": kind, "status": status, "lastProbeTime": now.rfc3339(), "lastTransitionTime": now.rfc3339(),
        "reason": reason, "message": message,
    })
}

/// The condition of that type, if it is True.
pub(in super::super) fn met<'a>(job: &'a Value, kind: &str) -> Option<&'a Value> {
    let mut conditions = job["status"].items("conditions").iter();
    conditions.find(|condition| condition["type"] == kind && condition["status"] == "True")
}

/// Whether the Job has come to its end.
pub(in super::super) fn is_finished(job: &Value) -> bool {
    met(job, "Complete").or_else(|| met(job, "Failed")).is_some()
}

/// Adds a condition at the end.
pub(super) fn add(job: &mut Value, condition: Value) {
    match job["status"].get_mut("conditions").and_then(Value::as_array_mut) {
        Some(conditions) => conditions.push(condition),
        None => job["status"]["conditions"] = json!([condition]),
    }
}

/// Makes the condition of that type say the same as `condition`; whether it did not before. What was never true
/// need not be said to be false.
pub(super) fn ensure(job: &mut Value, condition: Value) -> bool {
    let conditions = job["status"].get_mut("conditions").and_then(Value::as_array_mut);
    let mut all = conditions.into_iter().flatten();
    let Some(found) = all.find(|found| found["type"] == condition["type"]) else {
        let is_true = condition["status"] == "True";
        if is_true {
            add(job, condition);
        }
        return is_true;
    };
    let says_same = ["status", "reason", "message"]
        .iter()
        .all(|key| found[*key] == condition[*key]);
    if !says_same {
        *found = condition;
    }
    !says_same
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_condition_changes_when_it_says_something_new() {
        let suspended = |is_true: bool, at: i64| new("Suspended", is_true, "R", "m", Time::from_micros(at));
        let mut job = json!({"status": {}});
        assert!(!ensure(&mut job, suspended(false, 0)));
        assert!(ensure(&mut job, suspended(true, 0)));
        assert!(!ensure(&mut job, suspended(true, 9_000_000)));
        assert_eq!(
            job["status"]["conditions"][0]["lastTransitionTime"],
            "1970-01-01T00:00:00Z"
        );
        assert!(ensure(&mut job, suspended(false, 9_000_000)));
        assert!(met(&job, "Suspended").is_none());
        assert_eq!(job["status"]["conditions"].as_array().unwrap().len(), 1);
    }
}
