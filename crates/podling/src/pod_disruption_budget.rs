//! What the API server and the disruption controller share about PodDisruptionBudgets.
//!
//! Source: `k8s.io/component-helpers/apps/poddisruptionbudget`, and `SetStatusCondition` in
//! `k8s.io/apimachinery/pkg/api/meta/conditions.go`, v1.36.

use serde_json::{Value, json};

use crate::clock::Time;
use crate::label_selector;

/// The condition that says whether a Pod may be evicted now.
const DISRUPTION_ALLOWED: &str = "DisruptionAllowed";
/// The reason of that condition when the controller could not work the number out.
pub(crate) const SYNC_FAILED: &str = "SyncFailed";

/// Whether a budget is about a Pod. A selector that is missing means none, an empty one all.
pub(crate) fn selects(budget: &Value, pod: &Value) -> bool {
    let selector = &budget["spec"]["selector"];
    !selector.is_null() && label_selector::matches(selector, &pod["metadata"]["labels"])
}

/// `status.disruptionsAllowed`.
pub(crate) fn disruptions_allowed(budget: &Value) -> i64 {
    budget["status"]["disruptionsAllowed"]
        .as_i64()
        .unwrap_or_default()
}

/// The condition DisruptionAllowed.
pub(crate) fn condition(budget: &Value) -> Option<&Value> {
    let conditions = budget["status"]["conditions"].as_array()?;
    (conditions.iter()).find(|condition| condition["type"] == DISRUPTION_ALLOWED)
}

/// Sets the condition to what the number of allowed disruptions says.
pub(crate) fn update_condition(budget: &mut Value, now: Time) {
    if disruptions_allowed(budget) > 0 {
        set_condition(budget, "True", "SufficientPods", "", now);
    } else {
        set_condition(budget, "False", "InsufficientPods", "", now);
    }
}

/// Sets the condition; its time of transition stays where the status does.
pub(crate) fn set_condition(budget: &mut Value, status: &str, reason: &str, message: &str, now: Time) {
    let old = condition(budget).filter(|old| old["status"] == status);
    let since = old.map_or_else(|| now.rfc3339().into(), |old| old["lastTransitionTime"].clone());
    let observed = &budget["status"]["observedGeneration"];
    let condition = json!({
        "type": DISRUPTION_ALLOWED, "status": status, "observedGeneration": observed,
        "lastTransitionTime": since, "reason": reason, "message": message,
    });
    let Some(conditions) = budget["status"]
        .get_mut("conditions")
        .and_then(Value::as_array_mut)
    else {
        budget["status"]["conditions"] = json!([condition]);
        return;
    };
    match conditions
        .iter_mut()
        .find(|old| old["type"] == DISRUPTION_ALLOWED)
    {
        Some(old) => *old = condition,
        None => conditions.push(condition),
    }
}

/// Whether the condition says what the number of allowed disruptions says, about the present generation.
pub(crate) fn is_condition_current(budget: &Value) -> bool {
    let allowed = disruptions_allowed(budget) > 0;
    let generation = &budget["metadata"]["generation"];
    budget["status"]["observedGeneration"] == *generation
        && condition(budget)
            .is_some_and(|condition| condition["status"] == if allowed { "True" } else { "False" })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_empty_selector_means_all_pods_and_a_missing_one_none() {
        let pod = json!({"metadata": {"labels": {"app": "web"}}});
        let cases = [
            (json!({}), false),
            (json!({"selector": {}}), true),
            (json!({"selector": {"matchLabels": {"app": "web"}}}), true),
            (json!({"selector": {"matchLabels": {"app": "db"}}}), false),
        ];
        for (spec, expected) in cases {
            assert_eq!(selects(&json!({"spec": spec}), &pod), expected, "{spec}");
        }
    }

    #[test]
    fn the_condition_follows_the_number_and_keeps_its_time() {
        let first = Time::parse("2026-01-01T00:00:00Z").unwrap();
        let later = Time::parse("2026-01-01T00:01:00Z").unwrap();
        let mut budget = json!({"metadata": {"generation": 1},
            "status": {"observedGeneration": 1, "disruptionsAllowed": 1}});
        update_condition(&mut budget, first);
        budget["status"]["disruptionsAllowed"] = 2.into();
        update_condition(&mut budget, later);
        assert!(is_condition_current(&budget));
        let told = |budget: &Value| {
            let condition = condition(budget).unwrap();
            (
                condition["reason"].clone(),
                condition["lastTransitionTime"].clone(),
            )
        };
        assert_eq!(
            told(&budget),
            ("SufficientPods".into(), "2026-01-01T00:00:00Z".into())
        );
        budget["status"]["disruptionsAllowed"] = 0.into();
        assert!(!is_condition_current(&budget));
        update_condition(&mut budget, later);
        assert_eq!(
            told(&budget),
            ("InsufficientPods".into(), "2026-01-01T00:01:00Z".into())
        );
    }
}
