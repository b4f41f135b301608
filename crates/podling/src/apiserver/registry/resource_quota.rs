//! ResourceQuotas: which limits and scopes there are, and which of them fit together.
//!
//! Source: `ValidateResourceQuota` and its like in `pkg/apis/core/validation/validation.go`.

use serde_json::{Value, json};

use super::metadata::IMMUTABLE;
use super::read::{Fields as _, copy, object_at, remove};
use super::{PLAIN, Strategy, resource_names};
use crate::status::field::Error;

pub(super) const STRATEGY: Strategy = Strategy {
    default: |object| {
        let spec = object_at(object, "spec");
        for key in ["hard", "scopes"] {
            let empty = [json!({}), json!([])];
            if empty.contains(&spec[key]) {
                remove(spec, key);
            }
        }
    },
    prepare_for_create: |object, _| object["status"] = json!({}),
    prepare_for_update: |new, old| copy(old, new, "status"),
    prepare_for_status_update: Some(|new, old| copy(old, new, "spec")),
    validate: |object| {
        let mut errors = Vec::new();
        check_spec(&object["spec"], &mut errors);
        errors
    },
    validate_update,
    validate_status_update: |new, _| {
        let mut errors = Vec::new();
        for list in ["hard", "used"] {
            check_amounts(&new["status"], "status", list, &mut errors);
        }
        errors
    },
    checks_metadata_anew: false,
    ..PLAIN
};

/// What scopes a quota may have; the last is a claim's.
const SCOPES: [&str; 7] = [
    "Terminating",
    "NotTerminating",
    "BestEffort",
    "NotBestEffort",
    "PriorityClass",
    "CrossNamespacePodAffinity",
    "VolumeAttributesClass",
];
/// Scopes that exclude each other.
const CONFLICTS: [[&str; 2]; 2] = [["BestEffort", "NotBestEffort"], ["NotTerminating", "Terminating"]];
const COMPUTE: [&str; 6] = [
    "cpu",
    "limits.cpu",
    "limits.memory",
    "memory",
    "requests.cpu",
    "requests.memory",
];
const CLAIMS: [&str; 2] = ["persistentvolumeclaims", "requests.storage"];

const UNSUPPORTED: &str = "unsupported scope";
const UNFIT: &str = "unsupported scope applied to resource";
const CONFLICTING: &str = "conflicting scopes";
const MUST_EXIST: &str = "must be 'Exist' when scope is any of ResourceQuotaScopeTerminating, ResourceQuotaScopeNotTerminating, ResourceQuotaScopeBestEffort, ResourceQuotaScopeNotBestEffort or ResourceQuotaScopeCrossNamespacePodAffinity";

fn validate_update(new: &Value, old: &Value) -> Vec<Error> {
    let mut errors = Vec::new();
    check_spec(&new["spec"], &mut errors);
    let sorted = |quota: &Value| {
        let mut scopes: Vec<String> = quota["spec"]
            .items("scopes")
            .iter()
            .map(ToString::to_string)
            .collect();
        scopes.sort();
        scopes.dedup();
        scopes
    };
    if sorted(new) != sorted(old) {
        let scopes = new["spec"]["scopes"].clone();
        errors.push(Error::invalid("spec.scopes", scopes, IMMUTABLE));
    }
    errors
}

fn check_spec(spec: &Value, errors: &mut Vec<Error>) {
    check_amounts(spec, "spec", "hard", errors);
    check_scopes(spec, errors);
    check_selector(spec, errors);
}

fn check_amounts(part: &Value, path: &str, list: &str, errors: &mut Vec<Error>) {
    for (name, amount) in part.entries(list) {
        let field = format!("{path}.{list}[{name}]");
        resource_names::check_for_quota(name, &field, errors);
        resource_names::check_amount(name, amount, &field, errors);
    }
}

fn check_scopes(spec: &Value, errors: &mut Vec<Error>) {
    let scopes: Vec<&str> = spec.items("scopes").iter().filter_map(Value::as_str).collect();
    let mut refuse = |why: &str| {
        let all = spec["scopes"].clone();
        errors.push(Error::invalid("spec.scopes", all, why));
    };
    for scope in &scopes {
        if !SCOPES.contains(scope) {
            refuse(UNSUPPORTED);
        }
        for _ in spec.entries("hard").filter(|(name, _)| !fits(scope, name)) {
            refuse(UNFIT);
        }
    }
    for _ in conflicts(&scopes) {
        refuse(CONFLICTING);
    }
}

fn conflicts(scopes: &[&str]) -> impl Iterator<Item = [&'static str; 2]> {
    CONFLICTS
        .into_iter()
        .filter(move |pair| pair.iter().all(|scope| scopes.contains(scope)))
}

/// Whether what `name` limits can be counted by scope (`IsResourceQuotaScopeValidForResource`).
fn fits(scope: &str, name: &str) -> bool {
    if !resource_names::is_for_quotas(name) {
        return true;
    }
    match scope {
        "BestEffort" => name == "pods",
        "VolumeAttributesClass" => CLAIMS.contains(&name),
        known if SCOPES.contains(&known) => name == "pods" || COMPUTE.contains(&name),
        _ => true,
    }
}

fn check_selector(spec: &Value, errors: &mut Vec<Error>) {
    let path = "spec.scopeSelector.matchExpressions";
    let selector = &spec["scopeSelector"];
    for requirement in selector.items("matchExpressions") {
        let scope = requirement.text("scopeName");
        if !SCOPES.contains(&scope) {
            errors.push(Error::invalid(format!("{path}.scopeName"), scope, UNSUPPORTED));
        }
        for _ in spec.entries("hard").filter(|(name, _)| !fits(scope, name)) {
            let shown = shown_selector(selector);
            errors.push(Error::invalid(path, selector.clone(), UNFIT).showing(shown));
        }
        check_operator(requirement, path, errors);
    }
    let scopes: Vec<&str> = selector
        .items("matchExpressions")
        .iter()
        .map(|requirement| requirement.text("scopeName"))
        .collect();
    for _ in conflicts(&scopes) {
        // Kubernetes shows the plain scopes here, which a selector stands in place of.
        errors.push(Error::invalid(path, spec["scopes"].clone(), CONFLICTING));
    }
}

fn check_operator(requirement: &Value, path: &str, errors: &mut Vec<Error>) {
    let (scope, operator) = (requirement.text("scopeName"), requirement.text("operator"));
    let only_exists = !matches!(scope, "PriorityClass" | "VolumeAttributesClass") && SCOPES.contains(&scope);
    if only_exists && operator != "Exists" {
        errors.push(Error::invalid(format!("{path}.operator"), operator, MUST_EXIST));
    }
    let is_empty = requirement.items("values").is_empty();
    match operator {
        "In" | "NotIn" if is_empty => errors.push(Error::required(
            format!("{path}.values"),
            "must be at least one value when `operator` is 'In' or 'NotIn' for scope selector",
        )),
        "Exists" | "DoesNotExist" if !is_empty => errors.push(Error::invalid(
            format!("{path}.values"),
            requirement["values"].clone(),
            "must be no value when `operator` is 'Exists' or 'DoesNotExist' for scope selector",
        )),
        "In" | "NotIn" | "Exists" | "DoesNotExist" => {}
        other => errors.push(Error::invalid(
            format!("{path}.operator"),
            other,
            "not a valid selector operator",
        )),
    }
}

/// The selector as Go prints the internal struct.
fn shown_selector(selector: &Value) -> String {
    let requirements: Vec<String> = selector
        .items("matchExpressions")
        .iter()
        .map(|requirement| {
            format!(
                "{{\"ScopeName\":{:?},\"Operator\":{:?},\"Values\":{}}}",
                requirement.text("scopeName"),
                requirement.text("operator"),
                requirement["values"]
            )
        })
        .collect();
    format!("{{\"MatchExpressions\":[{}]}}", requirements.join(","))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scopes_fit_what_is_limited_and_each_other() {
        let cases = [
            (json!({"hard": {"pods": "1"}, "scopes": ["BestEffort"]}), vec![]),
            (
                json!({"hard": {"cpu": "1"}, "scopes": ["BestEffort"]}),
                vec!["spec.scopes: Invalid value: [\"BestEffort\"]: unsupported scope applied to resource"],
            ),
            (
                json!({"hard": {"pods": "1"}, "scopes": ["Terminating", "NotTerminating"]}),
                vec!["spec.scopes: Invalid value: [\"Terminating\",\"NotTerminating\"]: conflicting scopes"],
            ),
            (
                json!({"scopeSelector": {"matchExpressions": [{"scopeName": "PriorityClass", "operator": "In"}]}}),
                vec![
                    "spec.scopeSelector.matchExpressions.values: Required value: must be at least one value when `operator` is 'In' or 'NotIn' for scope selector",
                ],
            ),
            (
                json!({"scopeSelector": {"matchExpressions": [{"scopeName": "Foo", "operator": "Is"}]}}),
                vec![
                    "spec.scopeSelector.matchExpressions.scopeName: Invalid value: \"Foo\": unsupported scope",
                    "spec.scopeSelector.matchExpressions.operator: Invalid value: \"Is\": not a valid selector operator",
                ],
            ),
            (
                json!({"hard": {"services": "1"},
                    "scopeSelector": {"matchExpressions": [{"scopeName": "PriorityClass", "operator": "Exists"}]}}),
                vec![
                    "spec.scopeSelector.matchExpressions: Invalid value: {\"MatchExpressions\":[{\"ScopeName\":\"PriorityClass\",\"Operator\":\"Exists\",\"Values\":null}]}: unsupported scope applied to resource",
                ],
            ),
        ];
        for (spec, expected) in cases {
            let errors = (STRATEGY.validate)(&json!({"spec": spec}));
            let texts: Vec<String> = errors.iter().map(ToString::to_string).collect();
            assert_eq!(texts, expected, "{spec}");
        }
    }

    #[test]
    fn scopes_never_change() {
        let quota = |scopes: Value| json!({"spec": {"hard": {"pods": "1"}, "scopes": scopes}});
        let (old, new) = (quota(json!(["BestEffort"])), quota(json!(["NotBestEffort"])));
        assert!(validate_update(&old, &old).is_empty());
        assert_eq!(
            validate_update(&new, &old)[0].to_string(),
            "spec.scopes: Invalid value: [\"NotBestEffort\"]: field is immutable"
        );
    }
}
