//! Whether a Pod's node selector, node affinity and tolerations allow a node, as the scheduler and the DaemonSet
//! controller both ask.
//!
//! Source: `k8s.io/component-helpers/scheduling/corev1`.

use serde_json::{Value, json};

use crate::label_selector;
use crate::storage::text;

/// The terms of the node affinity that a Pod's spec requires, if it requires any.
pub(crate) fn required_terms(spec: &Value) -> Option<&Vec<Value>> {
    let affinity = &spec["affinity"]["nodeAffinity"];
    affinity["requiredDuringSchedulingIgnoredDuringExecution"]["nodeSelectorTerms"].as_array()
}

/// Whether the node selector and the required affinity of a Pod's spec match the node.
pub(crate) fn selects(spec: &Value, node: &Value) -> bool {
    label_selector::matches_map(&spec["nodeSelector"], &node["metadata"]["labels"])
        && required_terms(spec).is_none_or(|terms| terms.iter().any(|term| term_matches(term, node)))
}

/// Whether a node selector term matches; one without requirements matches nothing.
pub(crate) fn term_matches(term: &Value, node: &Value) -> bool {
    let list = |key: &str| term[key].as_array().map(Vec::as_slice).unwrap_or_default();
    let (expressions, fields) = (list("matchExpressions"), list("matchFields"));
    if expressions.is_empty() && fields.is_empty() {
        return false;
    }
    let hold = |requirements: &[Value], labels: &Value| {
        requirements
            .iter()
            .all(|requirement| label_selector::holds(requirement, labels))
    };
    let named = json!({"metadata.name": text(node, &["metadata", "name"])});
    hold(expressions, &node["metadata"]["labels"]) && hold(fields, &named)
}

/// The first of the node's taints with one of these effects that the Pod's spec does not tolerate.
pub(crate) fn untolerated<'a>(spec: &Value, node: &'a Value, effects: &[&str]) -> Option<&'a Value> {
    let mut taints = node["spec"]["taints"].as_array().into_iter().flatten();
    taints.find(|taint| effects.contains(&text(taint, &["effect"])) && !is_tolerated(spec, taint))
}

/// Whether one of the tolerations of a Pod's spec is for the taint.
pub(crate) fn is_tolerated(spec: &Value, taint: &Value) -> bool {
    let mut tolerations = spec["tolerations"].as_array().into_iter().flatten();
    tolerations.any(|toleration| tolerates(toleration, taint))
}

/// Whether the toleration is for the taint. An empty effect or key stands for all of them.
pub(crate) fn tolerates(toleration: &Value, taint: &Value) -> bool {
    let same = |key: &str| {
        let wanted = text(toleration, &[key]);
        wanted.is_empty() || wanted == text(taint, &[key])
    };
    if !same("effect") || !same("key") {
        return false;
    }
    match text(toleration, &["operator"]) {
        "Exists" => true,
        "" | "Equal" => text(toleration, &["value"]) == text(taint, &["value"]),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_term_is_met_by_all_of_its_requirements_and_one_term_is_enough() {
        let node = json!({"metadata": {"name": "n1", "labels": {"disk": "ssd", "gen": "5"}}});
        let gen_above =
            |bound: &str| json!({"matchExpressions": [{"key": "gen", "operator": "Gt", "values": [bound]}]});
        let cases = [
            (json!([gen_above("4")]), true),
            (json!([gen_above("5")]), false),
            (json!([gen_above("5"), gen_above("1")]), true),
            (json!([{}]), false),
            (
                json!([{"matchExpressions": [{"key": "disk", "operator": "Exists"},
                    {"key": "disk", "operator": "NotIn", "values": ["ssd"]}]}]),
                false,
            ),
            (
                json!([{"matchFields": [{"key": "metadata.name", "operator": "In", "values": ["n1"]}]}]),
                true,
            ),
        ];
        for (terms, expected) in cases {
            let spec = json!({"affinity": {"nodeAffinity": {
                "requiredDuringSchedulingIgnoredDuringExecution": {"nodeSelectorTerms": terms}}}});
            assert_eq!(selects(&spec, &node), expected, "{terms}");
        }
        assert!(!selects(&json!({"nodeSelector": {"disk": "hdd"}}), &node));
    }

    #[test]
    fn only_the_effects_asked_for_count() {
        let node = json!({"spec": {"taints": [{"key": "k", "effect": "NoSchedule"}]}});
        assert!(untolerated(&json!({}), &node, &["NoSchedule"]).is_some());
        assert!(untolerated(&json!({}), &node, &["NoExecute"]).is_none());
        let tolerating = json!({"tolerations": [{"key": "k", "operator": "Exists"}]});
        assert!(untolerated(&tolerating, &node, &["NoSchedule"]).is_none());
    }

    #[test]
    fn a_toleration_is_for_the_taints_that_it_names() {
        let taint = json!({"key": "k", "value": "v", "effect": "NoSchedule"});
        let cases = [
            (json!({"key": "k", "operator": "Exists"}), true),
            (json!({"operator": "Exists"}), true),
            (json!({"key": "k", "value": "v"}), true),
            (json!({"key": "k", "operator": "Equal", "value": "w"}), false),
            (
                json!({"key": "k", "operator": "Exists", "effect": "NoExecute"}),
                false,
            ),
            (json!({"key": "other", "operator": "Exists"}), false),
        ];
        for (toleration, expected) in cases {
            assert_eq!(tolerates(&toleration, &taint), expected, "{toleration}");
        }
    }
}
