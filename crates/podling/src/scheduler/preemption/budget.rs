//! Which pods can't go without a disruption that their budgets don't allow.
//!
//! Source: `filterPodsWithPDBViolation` in `pkg/scheduler/framework/plugins/defaultpreemption`, v1.36.

use std::sync::Arc;

use serde_json::Value;

use crate::pod_disruption_budget as budgets;
use crate::storage::{Object, text};

use super::super::cache::PodInfo;

type Pods = Vec<Arc<PodInfo>>;

/// Splits `pods` into those that some budget has no disruption left for, and the others; the order stays. Pods that
/// come first take the disruptions.
pub(super) fn split(pods: Pods, budgets: &[Object]) -> (Pods, Pods) {
    let mut allowed: Vec<i64> = budgets
        .iter()
        .map(|budget| budgets::disruptions_allowed(budget))
        .collect();
    pods.into_iter()
        .partition(|pod| violates(pod, budgets, &mut allowed))
}

/// Takes a disruption from each budget of the pod; whether one had none.
fn violates(pod: &PodInfo, budgets: &[Object], allowed: &mut [i64]) -> bool {
    let mut is_violated = false;
    for (budget, left) in budgets.iter().zip(allowed) {
        if protects(budget, &pod.object) {
            *left -= 1;
            is_violated |= *left < 0;
        }
    }
    is_violated
}

/// Whether a budget counts the pod. To the scheduler a budget with an empty selector protects nothing, nor does any
/// protect a pod without labels; and a pod whose disruption has been counted already is counted no second time.
fn protects(budget: &Value, pod: &Value) -> bool {
    let is_empty = |labels: &Value| labels.as_object().is_none_or(serde_json::Map::is_empty);
    let selector = &budget["spec"]["selector"];
    let has_expressions = (selector["matchExpressions"].as_array()).is_some_and(|terms| !terms.is_empty());
    let has_terms = has_expressions || !is_empty(&selector["matchLabels"]);
    has_terms
        && !is_empty(&pod["metadata"]["labels"])
        && budget["metadata"]["namespace"] == pod["metadata"]["namespace"]
        && budgets::selects(budget, pod)
        && budget["status"]["disruptedPods"]
            .get(text(pod, &["metadata", "name"]))
            .is_none()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn pod(name: &str, labels: &Value) -> Arc<PodInfo> {
        let object = json!({"metadata": {"namespace": "a", "name": name, "labels": labels}});
        Arc::new(PodInfo::new(Arc::new(object)))
    }

    fn budget(namespace: &str, selector: &Value, status: &Value) -> Object {
        Arc::new(
            json!({"metadata": {"namespace": namespace}, "spec": {"selector": selector}, "status": status}),
        )
    }

    fn violating(pods: Pods, budgets: &[Object]) -> Vec<String> {
        let (violating, _) = split(pods, budgets);
        violating.iter().map(|pod| pod.key().1).collect()
    }

    #[test]
    fn pods_beyond_the_allowed_disruptions_violate_a_budget() {
        let (web, db) = (json!({"app": "web"}), json!({"app": "db"}));
        let pods = || vec![pod("first", &web), pod("second", &web), pod("other", &db)];
        let selector = json!({"matchLabels": web});
        let cases = [
            (json!({"disruptionsAllowed": 1}), vec!["second"]),
            (json!({"disruptionsAllowed": 2}), vec![]),
            (json!({}), vec!["first", "second"]),
            (
                json!({"disruptionsAllowed": 0, "disruptedPods": {"first": "t"}}),
                vec!["second"],
            ),
        ];
        for (status, expected) in cases {
            let budgets = [budget("a", &selector, &status)];
            assert_eq!(violating(pods(), &budgets), expected, "{status}");
        }
        assert!(violating(pods(), &[budget("b", &selector, &json!({}))]).is_empty());
    }

    #[test]
    fn an_empty_selector_protects_nothing_here() {
        let none = json!({});
        for selector in [json!({}), json!(null), json!({"matchLabels": {}})] {
            let budgets = [budget("a", &selector, &none)];
            let pods = vec![pod("p", &json!({"app": "web"}))];
            assert!(violating(pods, &budgets).is_empty(), "{selector}");
        }
        let any = json!({"matchExpressions": [{"key": "app", "operator": "DoesNotExist"}]});
        assert!(violating(vec![pod("p", &none)], &[budget("a", &any, &none)]).is_empty());
        let labelled = pod("p", &json!({"tier": "web"}));
        assert_eq!(violating(vec![labelled], &[budget("a", &any, &none)]), ["p"]);
    }
}
