//! PodDisruptionBudgets: how many Pods must stay up when others are evicted by intent.
//!
//! Source: `k8s.io/kubernetes/pkg/apis/policy/validation` and `pkg/registry/policy/poddisruptionbudget`, v1.36.

use serde_json::{Value, json};

use super::numbers::{check_int_or_percent, check_not_negative, check_share};
use super::read::{Fields as _, copy};
use super::{PLAIN, Strategy, conditions, generation, labels, names};
use crate::status::field::Error;

pub(super) const STRATEGY: Strategy = Strategy {
    prepare_for_create: |budget, _| {
        generation::start(budget);
        budget["status"] = json!({});
    },
    prepare_for_update: |new, old| {
        copy(old, new, "status");
        generation::count_spec_change(new, old);
    },
    prepare_for_status_update: Some(|new, old| copy(old, new, "spec")),
    // Kubernetes has no rule of its own for a budget's name.
    name: names::Rule::PathSegment,
    validate,
    validate_update: |new, _| validate(new),
    validate_status_update: |new, _| validate_status(&new["status"]),
    checks_metadata_anew: false,
    ..PLAIN
};

const POLICIES: [&str; 2] = ["AlwaysAllow", "IfHealthyBudget"];

fn validate(budget: &Value) -> Vec<Error> {
    let (spec, mut errors) = (&budget["spec"], Vec::new());
    if spec.has("minAvailable") && spec.has("maxUnavailable") {
        let why = "minAvailable and maxUnavailable cannot be both set";
        errors.push(Error::invalid("spec", spec.clone(), why).showing(internal_form(spec)));
    }
    for bound in ["minAvailable", "maxUnavailable"] {
        let field = format!("spec.{bound}");
        check_int_or_percent(&spec[bound], &field, &mut errors);
        check_share(&spec[bound], &field, &mut errors);
    }
    labels::check_selector(&spec["selector"], "spec.selector", &mut errors);
    if let Some(policy) = spec["unhealthyPodEvictionPolicy"].as_str()
        && !POLICIES.contains(&policy)
    {
        let field = "spec.unhealthyPodEvictionPolicy";
        errors.push(Error::not_supported(field, policy, &POLICIES));
    }
    errors
}

/// The spec as Go writes its internal type, whose fields have no JSON names.
fn internal_form(spec: &Value) -> String {
    format!(
        "{{\"MinAvailable\":{},\"Selector\":{},\"MaxUnavailable\":{},\"UnhealthyPodEvictionPolicy\":{}}}",
        spec["minAvailable"],
        labels::shown(&spec["selector"]),
        spec["maxUnavailable"],
        spec["unhealthyPodEvictionPolicy"],
    )
}

fn validate_status(status: &Value) -> Vec<Error> {
    let mut errors = Vec::new();
    conditions::check(status.items("conditions"), "status.conditions", &mut errors);
    for number in [
        "disruptionsAllowed",
        "currentHealthy",
        "desiredHealthy",
        "expectedPods",
    ] {
        check_not_negative(status, "status", number, &mut errors);
    }
    errors
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_budget_has_one_bound_that_makes_sense() {
        let percent = "a valid percent string must be a numeric string followed by an ending '%' (e.g. '1%',  or '93%',  or '50%', regex used for validation is '[0-9]+%')";
        let cases = [
            (json!({}), vec![]),
            (json!({"minAvailable": "100%"}), vec![]),
            (
                json!({"minAvailable": 1, "maxUnavailable": "50%", "selector": {"matchLabels": {"app": "web"}}}),
                vec![
                    "spec: Invalid value: {\"MinAvailable\":1,\"Selector\":{\"matchLabels\":{\"app\":\"web\"}},\"MaxUnavailable\":\"50%\",\"UnhealthyPodEvictionPolicy\":null}: minAvailable and maxUnavailable cannot be both set".to_owned(),
                ],
            ),
            (
                json!({"minAvailable": -1}),
                vec!["spec.minAvailable: Invalid value: -1: must be greater than or equal to 0".to_owned()],
            ),
            (
                json!({"maxUnavailable": "half"}),
                vec![format!("spec.maxUnavailable: Invalid value: \"half\": {percent}")],
            ),
            (
                json!({"maxUnavailable": "101%"}),
                vec!["spec.maxUnavailable: Invalid value: \"101%\": must not be greater than 100%".to_owned()],
            ),
            (
                json!({"unhealthyPodEvictionPolicy": "Never"}),
                vec![
                    "spec.unhealthyPodEvictionPolicy: Unsupported value: \"Never\": supported values: \"AlwaysAllow\", \"IfHealthyBudget\"".to_owned(),
                ],
            ),
        ];
        for (spec, expected) in cases {
            let errors = validate(&json!({"spec": spec}));
            let texts: Vec<String> = errors.iter().map(ToString::to_string).collect();
            assert_eq!(texts, expected, "{spec}");
        }
    }
}
