//! What controllers read from a pod.
//!
//! Source: `kubernetes/pkg/api/v1/pod/util.go` and `pkg/controller/controller_utils.go`.

use std::time::Duration;

use serde_json::Value;

use crate::clock::Time;
pub(crate) use crate::pod_condition::{is_ready, of as condition};
use crate::storage::text;

use super::ownership::is_deleted;

/// Whether the pod counts for its controller: it has not ended and is not being deleted.
pub(crate) fn is_active(pod: &Value) -> bool {
    !matches!(phase(pod), "Succeeded" | "Failed") && !is_deleted(pod)
}

/// `status.phase`.
pub(crate) fn phase(pod: &Value) -> &str {
    text(pod, &["status", "phase"])
}

/// Since when the pod has been ready; `None` if it is not, or if its condition has no time.
pub(crate) fn ready_since(pod: &Value) -> Option<Time> {
    let ready = condition(pod, "Ready").filter(|ready| ready["status"] == "True")?;
    Time::parse(text(ready, &["lastTransitionTime"]))
}

/// Since when the pod has been, or from when it will be, available: ready for `least`. `None` if it is not
/// ready.
pub(crate) fn available_from(pod: &Value, least: Duration) -> Option<Time> {
    if !is_ready(pod) {
        return None;
    }
    if least.is_zero() {
        return Some(Time::default());
    }
    Some(ready_since(pod)? + least)
}

/// The most restarts of any container of `field` (`containerStatuses`, `initContainerStatuses`).
pub(crate) fn most_restarts(pod: &Value, field: &str) -> i64 {
    let statuses = pod["status"][field].as_array();
    let counts = statuses
        .into_iter()
        .flatten()
        .map(|status| &status["restartCount"]);
    counts.filter_map(Value::as_i64).max().unwrap_or_default()
}

/// `metadata.creationTimestamp`.
pub(crate) fn created(object: &Value) -> Time {
    Time::parse(text(object, &["metadata", "creationTimestamp"])).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn ready_pod() -> Value {
        json!({"status": {"phase": "Running", "conditions": [
            {"type": "Ready", "status": "True", "lastTransitionTime": "2026-01-01T00:00:00Z"},
        ]}})
    }

    #[test]
    fn a_ready_pod_is_available_after_min_ready_seconds() {
        let since = Time::parse("2026-01-01T00:00:00Z").unwrap();
        assert_eq!(
            available_from(&ready_pod(), Duration::ZERO),
            Some(Time::default())
        );
        assert_eq!(
            available_from(&ready_pod(), Duration::from_secs(5)),
            Some(since + Duration::from_secs(5))
        );
        assert_eq!(available_from(&json!({}), Duration::ZERO), None);
    }

    #[test]
    fn a_pod_that_ended_or_is_leaving_is_not_active() {
        assert!(is_active(&ready_pod()));
        assert!(!is_active(&json!({"status": {"phase": "Failed"}})));
        assert!(!is_active(
            &json!({"metadata": {"deletionTimestamp": "2026-01-01T00:00:00Z"}})
        ));
    }
}
