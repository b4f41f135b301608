//! The conditions in a Pod's status, as the parts of the control plane set them.
//!
//! Source: `UpdatePodCondition` in `k8s.io/kubernetes/pkg/api/v1/pod/util.go`, v1.36.

use serde_json::{Value, json};

use crate::clock::Time;

/// A condition that is to be set.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Condition<'a> {
    /// Its type.
    pub(crate) kind: &'a str,
    /// `True`, `False` or `Unknown`.
    pub(crate) status: &'a str,
    /// One word why; empty for none.
    pub(crate) reason: &'a str,
    /// The sentence for people; empty for none.
    pub(crate) message: &'a str,
}

/// The Pod's condition of that type.
pub(crate) fn of<'a>(pod: &'a Value, kind: &str) -> Option<&'a Value> {
    let conditions = pod["status"]["conditions"].as_array()?;
    conditions.iter().find(|condition| condition["type"] == kind)
}

/// Whether the condition Ready is True.
pub(crate) fn is_ready(pod: &Value) -> bool {
    of(pod, "Ready").is_some_and(|ready| ready["status"] == "True")
}

/// Sets a condition; its time of transition stays where only reason or message change. Whether anything changed.
pub(crate) fn update(pod: &mut Value, new: &Condition<'_>, now: Time) -> bool {
    let mut condition = json!({
        "type": new.kind, "status": new.status, "lastProbeTime": null, "lastTransitionTime": now.rfc3339(),
    });
    for (key, text) in [("reason", new.reason), ("message", new.message)] {
        if !text.is_empty() {
            condition[key] = text.into();
        }
    }
    if let Some(generation) = pod["metadata"].get("generation") {
        condition["observedGeneration"] = generation.clone();
    }
    let Some(conditions) = pod["status"].get_mut("conditions").and_then(Value::as_array_mut) else {
        pod["status"]["conditions"] = json!([condition]);
        return true;
    };
    let Some(known) = conditions.iter_mut().find(|known| known["type"] == new.kind) else {
        conditions.push(condition);
        return true;
    };
    if known["status"] == new.status {
        condition["lastTransitionTime"] = known["lastTransitionTime"].clone();
    }
    let changed = *known != condition;
    *known = condition;
    changed
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn a_condition_keeps_its_time_while_its_status_stays() {
        let now = Time::parse("2026-01-01T00:00:00Z").unwrap();
        let later = now + Duration::from_secs(60);
        let condition = |status, reason| Condition {
            kind: "DisruptionTarget",
            status,
            reason,
            message: "",
        };
        let mut pod = json!({"metadata": {"generation": 2}, "status": {}});
        let steps = [
            (condition("True", "Evicted"), now, true, "2026-01-01T00:00:00Z"),
            (condition("True", "Evicted"), later, false, "2026-01-01T00:00:00Z"),
            (
                condition("True", "Preempted"),
                later,
                true,
                "2026-01-01T00:00:00Z",
            ),
            (condition("False", ""), later, true, "2026-01-01T00:01:00Z"),
        ];
        for (new, at, changed, since) in steps {
            assert_eq!(update(&mut pod, &new, at), changed, "{new:?}");
            let found = of(&pod, "DisruptionTarget").unwrap();
            assert_eq!(found["lastTransitionTime"], since, "{new:?}");
            assert_eq!(found["observedGeneration"], 2);
        }
    }
}
