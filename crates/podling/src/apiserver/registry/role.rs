//! Roles and ClusterRoles: what a rule must say.
//!
//! Source: `ValidateRole` and `ValidateClusterRole` in `pkg/apis/rbac/validation/validation.go`.

use serde_json::{Value, json};

use super::names::Rule;
use super::read::{Fields as _, items_mut, object_at, remove};
use super::{PLAIN, Strategy, labels};
use crate::status::field::Error;

pub(super) const ROLE: Strategy = Strategy {
    default,
    name: Rule::PathSegment,
    validate: |role| check_rules(role, true),
    validate_update: |new, _| check_rules(new, true),
    checks_metadata_anew: true,
    ..PLAIN
};

pub(super) const CLUSTER_ROLE: Strategy = Strategy {
    validate: validate_cluster_role,
    validate_update: |new, _| validate_cluster_role(new),
    ..ROLE
};

const LISTS: [&str; 4] = ["apiGroups", "resources", "resourceNames", "nonResourceURLs"];

/// Empty values that Go does not write; rules that are not there are null.
fn default(role: &mut Value) {
    for rule in items_mut(role, "rules") {
        for list in LISTS {
            if rule.items(list).is_empty() {
                remove(rule, list);
            }
        }
    }
    if !role.has("rules") {
        object_at(role, "metadata");
        role["rules"] = Value::Null;
    }
    if !role.has("aggregationRule") {
        remove(role, "aggregationRule");
    }
}

fn validate_cluster_role(role: &Value) -> Vec<Error> {
    let mut errors = check_rules(role, false);
    if role.has("aggregationRule") {
        let field = "aggregationRule.clusterRoleSelectors";
        let selectors = role["aggregationRule"].items("clusterRoleSelectors");
        if selectors.is_empty() {
            let why = "at least one clusterRoleSelector required if aggregationRule is non-nil";
            errors.push(Error::required(field, why));
        }
        for (i, selector) in selectors.iter().enumerate() {
            let field = format!("{field}[{i}]");
            labels::check_selector(selector, &field, &mut errors);
            if !labels::is_usable(selector) {
                let error = Error::invalid(field, selector.clone(), "invalid label selector.");
                errors.push(error.showing(labels::shown(selector)));
            }
        }
    }
    errors
}

fn check_rules(role: &Value, is_namespaced: bool) -> Vec<Error> {
    let mut errors = Vec::new();
    for (i, rule) in role.items("rules").iter().enumerate() {
        check_rule(rule, &format!("rules[{i}]"), is_namespaced, &mut errors);
    }
    errors
}

fn check_rule(rule: &Value, path: &str, is_namespaced: bool, errors: &mut Vec<Error>) {
    let is_empty = |list: &str| rule.items(list).is_empty();
    if is_empty("verbs") {
        let why = "verbs must contain at least one value";
        errors.push(Error::required(format!("{path}.verbs"), why));
    }
    if !is_empty("nonResourceURLs") {
        let mut refuse = |why: &str| {
            let urls = json!(rule.items("nonResourceURLs"));
            errors.push(Error::invalid(format!("{path}.nonResourceURLs"), urls, why));
        };
        if is_namespaced {
            refuse("namespaced rules cannot apply to non-resource URLs");
        }
        if !(is_empty("apiGroups") && is_empty("resources") && is_empty("resourceNames")) {
            refuse("rules cannot apply to both regular resources and non-resource URLs");
        }
        return;
    }
    for (list, what) in [("apiGroups", "api group"), ("resources", "resource")] {
        if is_empty(list) {
            let why = format!("resource rules must supply at least one {what}");
            errors.push(Error::required(format!("{path}.{list}"), why));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(errors: &[Error], expected: &[&str]) {
        let texts: Vec<String> = errors.iter().map(ToString::to_string).collect();
        assert_eq!(texts, expected);
    }

    #[test]
    fn rules_are_about_resources_or_about_paths() {
        let role = |rule: Value| json!({"rules": [rule]});
        check(
            &check_rules(&role(json!({})), true),
            &[
                "rules[0].verbs: Required value: verbs must contain at least one value",
                "rules[0].apiGroups: Required value: resource rules must supply at least one api group",
                "rules[0].resources: Required value: resource rules must supply at least one resource",
            ],
        );
        let url = json!({"verbs": ["get"], "nonResourceURLs": ["/x"], "resources": ["pods"]});
        check(
            &check_rules(&role(url.clone()), true),
            &[
                "rules[0].nonResourceURLs: Invalid value: [\"/x\"]: namespaced rules cannot apply to non-resource URLs",
                "rules[0].nonResourceURLs: Invalid value: [\"/x\"]: rules cannot apply to both regular resources and non-resource URLs",
            ],
        );
        check(
            &check_rules(&role(json!({"verbs": ["get"], "nonResourceURLs": ["/x"]})), false),
            &[],
        );
    }

    #[test]
    fn an_aggregation_needs_selectors() {
        check(
            &validate_cluster_role(&json!({"aggregationRule": {}})),
            &[
                "aggregationRule.clusterRoleSelectors: Required value: at least one clusterRoleSelector required if aggregationRule is non-nil",
            ],
        );
        let role = json!({"aggregationRule": {"clusterRoleSelectors": [{"matchLabels": {"a": "true"}}]}});
        check(&validate_cluster_role(&role), &[]);
    }
}
