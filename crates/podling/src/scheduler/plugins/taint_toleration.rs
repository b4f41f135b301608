//! TaintToleration: taints keep pods away that don't tolerate them.

use serde_json::Value;

use crate::storage::text;

use super::super::cache::{NodeInfo, PodInfo};
use super::super::framework::Verdict;

/// Rules out nodes with a `NoSchedule` or `NoExecute` taint that the pod does not tolerate.
pub(crate) fn filter(pod: &PodInfo, node: &NodeInfo) -> Verdict {
    let hard = taints(node).filter(|taint| matches!(text(taint, &["effect"]), "NoSchedule" | "NoExecute"));
    for taint in hard {
        if !is_tolerated(pod, taint) {
            return Verdict::unresolvable("node(s) had untolerated taint(s)");
        }
    }
    Verdict::Fits
}

/// Prefers nodes with fewer `PreferNoSchedule` taints that the pod does not tolerate.
pub(crate) fn score(pod: &PodInfo, nodes: &[&NodeInfo]) -> Vec<i64> {
    let counts: Vec<i64> = nodes.iter().map(|node| intolerable(pod, node)).collect();
    super::normalised(&counts, true)
}

fn intolerable(pod: &PodInfo, node: &NodeInfo) -> i64 {
    let soft = taints(node).filter(|taint| taint["effect"] == "PreferNoSchedule");
    let count = soft.filter(|taint| !is_tolerated(pod, taint)).count();
    i64::try_from(count).unwrap_or(i64::MAX)
}

fn taints(node: &NodeInfo) -> impl Iterator<Item = &Value> {
    node.object["spec"]["taints"].as_array().into_iter().flatten()
}

/// Whether one of the pod's tolerations is for the taint.
pub(crate) fn is_tolerated(pod: &PodInfo, taint: &Value) -> bool {
    let tolerations = pod.spec()["tolerations"].as_array();
    tolerations
        .into_iter()
        .flatten()
        .any(|toleration| tolerates(toleration, taint))
}

/// An empty effect or key of a toleration stands for all of them.
fn tolerates(toleration: &Value, taint: &Value) -> bool {
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
    use serde_json::json;

    use super::*;

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
