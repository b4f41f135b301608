//! The ClusterRole aggregation controller: roles that collect the rules of others by label.
//!
//! Source: `kubernetes/pkg/controller/clusterroleaggregation`.

use serde_json::Value;

use crate::apiserver::{ApiServer, WriteOptions};
use crate::label_selector;
use crate::resource::CLUSTER_ROLES;
use crate::storage::{Change, text};

use super::controller::Controller;
use super::queue::{Key, WorkQueue};

const NAME: &str = "clusterrole-aggregation-controller";

/// The controller, which remembers nothing.
#[derive(Debug)]
pub(crate) struct ClusterRoleAggregationController;

impl Controller for ClusterRoleAggregationController {
    type Item = Key;

    fn name(&self) -> &'static str {
        "clusterrole-aggregation-controller"
    }

    fn observe(&mut self, change: &Change, api: &ApiServer, queue: &mut WorkQueue) {
        if change.resource == &CLUSTER_ROLES {
            for role in api.list(&CLUSTER_ROLES, None).filter(|role| aggregates(role)) {
                queue.add(api.now(), Key::of(role));
            }
        }
    }

    fn sync(&mut self, api: &mut ApiServer, key: &Key, queue: &mut WorkQueue) {
        match aggregate(api, &key.name) {
            true => queue.forget(key),
            false => queue.retry(api.now(), key.clone()),
        }
    }
}

fn aggregates(role: &Value) -> bool {
    role["aggregationRule"].is_object()
}

/// Writes what a role has to collect, if it is something else than it has; whether it has it then.
fn aggregate(api: &mut ApiServer, name: &str) -> bool {
    let Some(role) = api.get(&CLUSTER_ROLES, "", name).filter(|role| aggregates(role)) else {
        return true;
    };
    let role = Value::clone(role);
    let rules = {
        let all: Vec<&Value> = api.list(&CLUSTER_ROLES, None).map(AsRef::as_ref).collect();
        plan(&role, &all)
    };
    let Some(rules) = rules else {
        return true;
    };
    let mut changed = role;
    changed["rules"] = rules.into();
    api.update(&CLUSTER_ROLES, None, changed, &WriteOptions::by(NAME))
        .is_ok()
}

/// The rules that a role should have: those of the selected others, in the order of their names, each once. `None` if
/// it has them.
pub(crate) fn plan(role: &Value, all: &[&Value]) -> Option<Vec<Value>> {
    let mut rules: Vec<Value> = Vec::new();
    let selectors = role["aggregationRule"]["clusterRoleSelectors"].as_array();
    for selector in selectors.into_iter().flatten() {
        let others = all.iter().filter(|other| {
            text(other, &["metadata", "name"]) != text(role, &["metadata", "name"])
                && label_selector::matches(selector, &other["metadata"]["labels"])
        });
        for rule in others.flat_map(|other| other["rules"].as_array().into_iter().flatten()) {
            if !rules.contains(rule) {
                rules.push(rule.clone());
            }
        }
    }
    let has = role["rules"].as_array().map(Vec::as_slice).unwrap_or_default();
    (has != rules).then_some(rules)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_role_collects_the_rules_of_those_with_the_label() {
        let rule = |resource: &str| json!({"verbs": ["get"], "apiGroups": [""], "resources": [resource]});
        let part = |name: &str, label: &str, rules: &[&str]| {
            let rules: Vec<Value> = rules.iter().map(|resource| rule(resource)).collect();
            json!({"metadata": {"name": name, "labels": {label: "true"}}, "rules": rules})
        };
        let mut whole = json!({"metadata": {"name": "w", "labels": {"to-w": "true"}}, "rules": null,
            "aggregationRule": {"clusterRoleSelectors": [{"matchLabels": {"to-w": "true"}}]}});
        let (a, b, c) = (
            part("a", "to-w", &["pods", "nodes"]),
            part("b", "to-w", &["pods", "secrets"]),
            part("c", "other", &["events"]),
        );
        let rules = plan(&whole, &[&a, &b, &c, &whole]).unwrap();
        assert_eq!(rules, [rule("pods"), rule("nodes"), rule("secrets")]);
        whole["rules"] = rules.into();
        assert_eq!(plan(&whole, &[&a, &b, &c, &whole]), None);
    }
}
