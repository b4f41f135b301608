//! The rows of PodDisruptionBudgets and PriorityClasses.

use serde_json::{Value, json};

use super::{age, number};
use crate::clock::Time;
use crate::storage::text;

/// Name, Min Available, Max Unavailable, Allowed Disruptions, Age.
pub(super) fn pod_disruption_budget(budget: &Value, now: Time) -> Value {
    json!([
        text(budget, &["metadata", "name"]),
        number_or_percent(&budget["spec"]["minAvailable"]),
        number_or_percent(&budget["spec"]["maxUnavailable"]),
        number(budget, &["status", "disruptionsAllowed"]),
        age(budget, now),
    ])
}

/// Name, Value, Global-Default, Age, PreemptionPolicy.
pub(super) fn priority_class(class: &Value, now: Time) -> Value {
    json!([
        text(class, &["metadata", "name"]),
        number(class, &["value"]),
        class["globalDefault"] == true,
        age(class, now),
        text(class, &["preemptionPolicy"]),
    ])
}

fn number_or_percent(value: &Value) -> String {
    match value {
        Value::Null => "N/A".to_owned(),
        Value::String(percent) => percent.clone(),
        number => number.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_budget_shows_the_bound_that_it_sets() {
        let now = Time::parse("2026-01-01T00:05:00Z").unwrap();
        let budget = |spec: Value| {
            json!({"metadata": {"name": "b", "creationTimestamp": "2026-01-01T00:00:00Z"}, "spec": spec,
                   "status": {"disruptionsAllowed": 2}})
        };
        let cases = [
            (json!({"minAvailable": 1}), json!(["b", "1", "N/A", 2, "5m"])),
            (
                json!({"maxUnavailable": "30%"}),
                json!(["b", "N/A", "30%", 2, "5m"]),
            ),
        ];
        for (spec, cells) in cases {
            assert_eq!(pod_disruption_budget(&budget(spec), now), cells);
        }
    }

    #[test]
    fn a_priority_class_shows_its_number_and_policy() {
        let now = Time::parse("2026-01-01T00:05:00Z").unwrap();
        let class = json!({"metadata": {"name": "high", "creationTimestamp": "2026-01-01T00:00:00Z"},
            "value": 1000, "preemptionPolicy": "Never"});
        assert_eq!(
            priority_class(&class, now),
            json!(["high", 1000, false, "5m", "Never"])
        );
    }
}
