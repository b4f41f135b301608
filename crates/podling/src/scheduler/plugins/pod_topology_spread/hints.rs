//! Which changes may end what PodTopologySpread ruled out.
//!
//! Source: the queueing hints in `podtopologyspread/plugin.go`, v1.36.

use super::super::super::cache::{NodeInfo, PodInfo};
use super::constraint::{self, Constraint};

fn hard_for(pod: &PodInfo, other: &PodInfo) -> Vec<Constraint> {
    match pod.namespace() == other.namespace() {
        true => constraint::hard(pod),
        false => Vec::new(),
    }
}

/// Whether a pod that has come to a node, or has left it, may let `pod` in.
pub(crate) fn pod_came_or_left(pod: &PodInfo, other: &PodInfo) -> bool {
    let constraints = hard_for(pod, other);
    constraints
        .iter()
        .any(|constraint| constraint.selector.matches(other))
}

/// Whether other labels of a pod on a node may let `pod` in.
pub(crate) fn pod_changed(pod: &PodInfo, old: &PodInfo, new: &PodInfo) -> bool {
    let differ =
        |constraint: &Constraint| constraint.selector.matches(old) != constraint.selector.matches(new);
    hard_for(pod, new).iter().any(differ)
}

/// Whether a node that was added (no `old`), deleted (no `new`) or changed may let `pod` in.
pub(crate) fn node_changed(pod: &PodInfo, old: Option<&NodeInfo>, new: Option<&NodeInfo>) -> bool {
    let constraints = constraint::hard(pod);
    let domains = |node: Option<&NodeInfo>| -> Option<Vec<String>> {
        let mut constraints = constraints.iter();
        node.and_then(|node| {
            constraints.try_fold(Vec::new(), |mut domains, constraint| {
                domains.push(node.label(&constraint.topology_key)?.to_owned());
                Some(domains)
            })
        })
    };
    let taints = |node: Option<&NodeInfo>| node.map(|node| node.object["spec"]["taints"].clone());
    let (before, after) = (domains(old), domains(new));
    before != after || (after.is_some() && taints(old) != taints(new))
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use serde_json::{Value, json};

    use super::*;

    fn pod(app: &str, namespace: &str) -> PodInfo {
        PodInfo::new(Arc::new(
            json!({"metadata": {"namespace": namespace, "labels": {"app": app}}, "spec": {
            "topologySpreadConstraints": [{"maxSkew": 1, "topologyKey": "zone", "whenUnsatisfiable": "DoNotSchedule",
                "labelSelector": {"matchLabels": {"app": "web"}}}]}}),
        ))
    }

    #[test]
    fn pods_help_that_are_spread_together() {
        let web = pod("web", "a");
        assert!(pod_came_or_left(&web, &pod("web", "a")));
        assert!(!pod_came_or_left(&web, &pod("db", "a")) && !pod_came_or_left(&web, &pod("web", "b")));
        assert!(pod_changed(&web, &pod("db", "a"), &pod("web", "a")));
        assert!(!pod_changed(&web, &pod("db", "a"), &pod("cache", "a")));
    }

    #[test]
    fn nodes_help_that_are_in_a_domain() {
        let node = |labels: Value, taints: Value| {
            NodeInfo::new(Arc::new(
                json!({"metadata": {"labels": labels}, "spec": {"taints": taints}}),
            ))
        };
        let (a, b) = (
            node(json!({"zone": "a"}), json!([])),
            node(json!({"zone": "b"}), json!([])),
        );
        let tainted = node(json!({"zone": "a"}), json!([{"key": "k"}]));
        let (nowhere, moved) = (node(json!({}), json!([])), node(json!({"rack": "1"}), json!([])));
        let cases = [
            (None, Some(&a), true),
            (None, Some(&nowhere), false),
            (Some(&a), None, true),
            (Some(&nowhere), None, false),
            (Some(&a), Some(&b), true),
            (Some(&a), Some(&tainted), true),
            (Some(&a), Some(&nowhere), true),
            (Some(&nowhere), Some(&moved), false),
            (Some(&a), Some(&a), false),
        ];
        for (old, new, expected) in cases {
            assert_eq!(
                node_changed(&pod("web", "a"), old, new),
                expected,
                "{old:?} {new:?}"
            );
        }
    }
}
