//! Scopes: a quota may count only some of the Pods, or only some claims.
//!
//! Source: `podMatchesScopeFunc` in `pkg/quota/v1/evaluator/core/pods.go` and its like for claims.

use serde_json::{Value, json};

use crate::apiserver::registry::qos;
use crate::resource::Resource;

/// What an object must be to be counted: the plain scopes and the selector's, in one form.
pub(super) fn requirements(quota: &Value) -> Vec<Value> {
    let spec = &quota["spec"];
    let scopes = spec["scopes"].as_array().into_iter().flatten();
    let selectors = spec["scopeSelector"]["matchExpressions"].as_array();
    scopes
        .map(|scope| json!({"scopeName": scope, "operator": "Exists"}))
        .chain(selectors.into_iter().flatten().cloned())
        .collect()
}

/// Whether an object is in a scope. Kinds without scopes are in none.
pub(super) fn matches(resource: &Resource, requirement: &Value, object: &Value) -> bool {
    let scope = requirement["scopeName"].as_str().unwrap_or_default();
    let spec = &object["spec"];
    match (resource.kind, scope) {
        ("Pod", "Terminating") => is_terminating(spec),
        ("Pod", "NotTerminating") => !is_terminating(spec),
        ("Pod", "BestEffort") => qos::class(spec) == "BestEffort",
        ("Pod", "NotBestEffort") => qos::class(spec) != "BestEffort",
        ("Pod", "PriorityClass") => selects(requirement, spec["priorityClassName"].as_str()),
        ("Pod", "CrossNamespacePodAffinity") => crosses_namespaces(&spec["affinity"]),
        ("PersistentVolumeClaim", "VolumeAttributesClass") => {
            selects(requirement, spec["volumeAttributesClassName"].as_str())
        }
        _ => false,
    }
}

/// A Pod that may run for a limited time only.
fn is_terminating(spec: &Value) -> bool {
    spec["activeDeadlineSeconds"]
        .as_i64()
        .is_some_and(|seconds| seconds >= 0)
}

fn selects(requirement: &Value, class: Option<&str>) -> bool {
    let class = class.filter(|class| !class.is_empty());
    let values = requirement["values"].as_array();
    let listed = class.is_some_and(|class| values.is_some_and(|values| values.iter().any(|v| v == class)));
    match requirement["operator"].as_str() {
        Some("In") => listed,
        Some("NotIn") => !listed,
        Some("DoesNotExist") => class.is_none(),
        _ => class.is_some(),
    }
}

/// Affinity to Pods of other namespaces.
fn crosses_namespaces(affinity: &Value) -> bool {
    let crosses = |term: &Value| {
        let named = term["namespaces"]
            .as_array()
            .is_some_and(|names| !names.is_empty());
        named || !term["namespaceSelector"].is_null()
    };
    let items = |list: &Value| list.as_array().cloned().unwrap_or_default();
    ["podAffinity", "podAntiAffinity"].iter().any(|kind| {
        let required = items(&affinity[kind]["requiredDuringSchedulingIgnoredDuringExecution"]);
        let preferred = items(&affinity[kind]["preferredDuringSchedulingIgnoredDuringExecution"]);
        required.iter().any(crosses) || preferred.iter().any(|term| crosses(&term["podAffinityTerm"]))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::resource::{PODS, SERVICES};

    #[test]
    fn scopes_tell_pods_apart() {
        let burstable = json!({"containers": [{"resources": {"requests": {"cpu": "1"}}}]});
        let cases = [
            ("Terminating", json!({"activeDeadlineSeconds": 5}), true),
            ("Terminating", json!({}), false),
            ("NotTerminating", json!({}), true),
            ("BestEffort", json!({"containers": [{}]}), true),
            ("BestEffort", burstable.clone(), false),
            ("NotBestEffort", burstable, true),
            ("PriorityClass", json!({"priorityClassName": "high"}), true),
            ("PriorityClass", json!({}), false),
            (
                "CrossNamespacePodAffinity",
                json!({"affinity": {"podAffinity": {"requiredDuringSchedulingIgnoredDuringExecution":
                    [{"namespaces": ["other"]}]}}}),
                true,
            ),
        ];
        for (scope, spec, expected) in cases {
            let quota = json!({"spec": {"scopes": [scope]}});
            let requirement = &requirements(&quota)[0];
            let object = json!({"spec": spec});
            assert_eq!(matches(&PODS, requirement, &object), expected, "{scope} {object}");
            assert!(!matches(&SERVICES, requirement, &object));
        }
    }

    #[test]
    fn a_selector_names_priority_classes() {
        let requirement =
            |operator: &str| json!({"scopeName": "PriorityClass", "operator": operator, "values": ["high"]});
        let pod = |class: &str| json!({"spec": {"priorityClassName": class}});
        for (operator, class, expected) in [
            ("In", "high", true),
            ("In", "low", false),
            ("NotIn", "low", true),
            ("DoesNotExist", "", true),
            ("DoesNotExist", "low", false),
        ] {
            let selected = matches(&PODS, &requirement(operator), &pod(class));
            assert_eq!(selected, expected, "{operator} {class}");
        }
    }
}
