//! `status` of a ReplicaSet.
//!
//! Source: `kubernetes/pkg/controller/replicaset/replica_set_utils.go`.

use std::time::Duration;

use serde_json::{Map, Value, json};

use crate::clock::Time;
use crate::label_selector::matches_map;
use crate::resource::REPLICATION_CONTROLLERS;

use super::super::pod;

/// Why the number of pods could not be reached.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) struct Failure {
    reason: &'static str,
    message: String,
}

impl Failure {
    /// A pod could not be created.
    pub(super) const fn create(message: String) -> Self {
        Self {
            reason: "FailedCreate",
            message,
        }
    }

    /// A pod could not be deleted.
    pub(super) const fn delete(message: String) -> Self {
        Self {
            reason: "FailedDelete",
            message,
        }
    }
}

/// `spec.minReadySeconds`.
pub(super) fn min_ready(set: &Value) -> Duration {
    Duration::from_secs(set["spec"]["minReadySeconds"].as_u64().unwrap_or_default())
}

/// The status that follows from the pods as they were before they were scaled.
pub(super) fn next(
    set: &Value,
    active: &[&Value],
    terminating: usize,
    failure: Option<&Failure>,
    now: Time,
) -> Value {
    let labels = &set["spec"]["template"]["metadata"]["labels"];
    let count = |counts: &dyn Fn(&Value) -> bool| active.iter().filter(|pod| counts(pod)).count();
    let least = min_ready(set);
    let mut status = json!({
        "replicas": active.len(),
        "observedGeneration": set["metadata"]["generation"],
    });
    if set["kind"] != REPLICATION_CONTROLLERS.kind {
        status["terminatingReplicas"] = terminating.into();
    }
    let counts = [
        (
            "fullyLabeledReplicas",
            count(&|pod| matches_map(labels, &pod["metadata"]["labels"])),
        ),
        ("readyReplicas", count(&pod::is_ready)),
        (
            "availableReplicas",
            count(&|pod| pod::available_from(pod, least).is_some_and(|from| from <= now)),
        ),
    ];
    for (key, count) in counts.into_iter().filter(|(_, count)| *count > 0) {
        status[key] = count.into();
    }
    let conditions = conditions(set, failure, now);
    if !conditions.is_empty() {
        status["conditions"] = conditions.into();
    }
    keep_unknown(&mut status, &set["status"]);
    status
}

/// The condition ReplicaFailure comes with the first failure, keeps its first text, and goes with success.
fn conditions(set: &Value, failure: Option<&Failure>, now: Time) -> Vec<Value> {
    let none = Vec::new();
    let mut conditions = set["status"]["conditions"].as_array().unwrap_or(&none).clone();
    let failing = conditions
        .iter()
        .any(|condition| condition["type"] == "ReplicaFailure");
    match failure {
        Some(failure) if !failing => conditions.push(json!({
            "type": "ReplicaFailure", "status": "True", "lastTransitionTime": now.rfc3339(),
            "reason": failure.reason, "message": failure.message,
        })),
        Some(_) => {}
        None => conditions.retain(|condition| condition["type"] != "ReplicaFailure"),
    }
    conditions
}

/// Fields that this controller doesn't know stay as they are.
fn keep_unknown(status: &mut Value, old: &Value) {
    const OWN: [&str; 7] = [
        "replicas",
        "fullyLabeledReplicas",
        "readyReplicas",
        "availableReplicas",
        "terminatingReplicas",
        "observedGeneration",
        "conditions",
    ];
    let none = Map::new();
    let unknown = old.as_object().unwrap_or(&none).iter();
    for (key, value) in unknown.filter(|(key, _)| !OWN.contains(&key.as_str())) {
        status[key] = value.clone();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn set() -> Value {
        json!({
            "metadata": {"generation": 3},
            "spec": {"minReadySeconds": 10, "template": {"metadata": {"labels": {"app": "web", "v": "1"}}}},
        })
    }

    fn pod(labels: &Value) -> Value {
        json!({"metadata": {"labels": labels}, "status": {"conditions": [
            {"type": "Ready", "status": "True", "lastTransitionTime": "2026-01-01T00:00:00Z"},
        ]}})
    }

    #[test]
    fn pods_are_counted_by_what_they_are() {
        let pods = [pod(&json!({"app": "web", "v": "1"})), pod(&json!({"app": "web"}))];
        let pods: Vec<&Value> = pods.iter().collect();
        let early = Time::parse("2026-01-01T00:00:09Z").unwrap();
        let status = next(&set(), &pods, 1, None, early);
        assert_eq!(
            status,
            json!({"replicas": 2, "fullyLabeledReplicas": 1, "readyReplicas": 2, "terminatingReplicas": 1,
                "observedGeneration": 3})
        );
        let later = early + Duration::from_secs(1);
        assert_eq!(next(&set(), &pods, 1, None, later)["availableReplicas"], 2);
    }

    #[test]
    fn a_failure_is_a_condition_until_it_is_over() {
        let now = Time::from_micros(0);
        let failure = Failure::create("quota".into());
        let mut failing = set();
        failing["status"] = next(&failing, &[], 0, Some(&failure), now);
        assert_eq!(failing["status"]["conditions"][0]["message"], "quota");
        let other = Failure::create("other".into());
        failing["status"] = next(&failing, &[], 0, Some(&other), now);
        assert_eq!(failing["status"]["conditions"][0]["message"], "quota");
        assert!(next(&failing, &[], 0, None, now).get("conditions").is_none());
    }
}
