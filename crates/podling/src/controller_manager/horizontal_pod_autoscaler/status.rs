//! The status of an autoscaler and its conditions.

use serde_json::{Value, json};

use crate::clock::Time;

/// Sets a condition; a new one stands behind the others, and the time is that of the last change of status
/// (`setConditionInList`).
pub(super) fn set_condition(
    status: &mut Value,
    kind: &str,
    value: &str,
    (reason, message): (&str, &str),
    now: Time,
) {
    if !status["conditions"].is_array() {
        status["conditions"] = json!([]);
    }
    let Some(conditions) = status["conditions"].as_array_mut() else {
        return;
    };
    if !conditions.iter().any(|condition| condition["type"] == kind) {
        conditions.push(json!({"type": kind}));
    }
    for condition in conditions.iter_mut().filter(|one| one["type"] == kind) {
        if condition["status"] != value {
            condition["lastTransitionTime"] = now.rfc3339().into();
        }
        condition["status"] = value.into();
        condition["reason"] = reason.into();
        condition["message"] = message.into();
    }
}

/// The status with its numbers anew; the conditions and the time of the last change stay (`setStatus`).
pub(super) fn set_numbers(status: &mut Value, current: i64, desired: i64, metrics: &Value) {
    let mut next = json!({"desiredReplicas": desired, "currentMetrics": metrics});
    // Go leaves a zero out here.
    if current != 0 {
        next["currentReplicas"] = current.into();
    }
    for key in ["lastScaleTime", "conditions"] {
        if let Some(value) = status.get(key) {
            next[key] = value.clone();
        }
    }
    *status = next;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_condition_keeps_its_time_while_its_status_stays() {
        let at = |seconds: i64| Time::from_micros(seconds * 1_000_000);
        let mut status = json!({});
        set_condition(&mut status, "AbleToScale", "True", ("A", "a"), at(0));
        set_condition(&mut status, "ScalingActive", "False", ("B", "b"), at(0));
        set_condition(&mut status, "AbleToScale", "True", ("C", "c"), at(9));
        set_condition(&mut status, "ScalingActive", "True", ("D", "d"), at(9));
        assert_eq!(
            status["conditions"],
            json!([
                {"type": "AbleToScale", "status": "True", "reason": "C", "message": "c", "lastTransitionTime": at(0).rfc3339()},
                {"type": "ScalingActive", "status": "True", "reason": "D", "message": "d", "lastTransitionTime": at(9).rfc3339()},
            ])
        );
    }

    #[test]
    fn numbers_leave_conditions_and_time_alone() {
        let mut status = json!({"lastScaleTime": "t", "conditions": [], "currentReplicas": 7});
        set_numbers(&mut status, 0, 3, &Value::Null);
        assert_eq!(
            status,
            json!({"lastScaleTime": "t", "conditions": [], "desiredReplicas": 3, "currentMetrics": null})
        );
    }
}
