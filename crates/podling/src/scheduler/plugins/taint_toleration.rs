//! TaintToleration: taints keep pods away that don't tolerate them.

use serde_json::Value;

use crate::placement;

use super::super::cache::{NodeInfo, PodInfo};
use super::super::framework::Verdict;

/// Rules out nodes with a `NoSchedule` or `NoExecute` taint that the pod does not tolerate.
pub(crate) fn filter(pod: &PodInfo, node: &NodeInfo) -> Verdict {
    match placement::untolerated(pod.spec(), &node.object, &["NoSchedule", "NoExecute"]) {
        Some(_) => Verdict::unresolvable("node(s) had untolerated taint(s)"),
        None => Verdict::Fits,
    }
}

/// Prefers nodes with fewer `PreferNoSchedule` taints that the pod does not tolerate.
pub(crate) fn score(pod: &PodInfo, nodes: &[&NodeInfo]) -> Vec<i64> {
    let counts: Vec<i64> = nodes.iter().map(|node| intolerable(pod, node)).collect();
    super::normalised(&counts, true)
}

fn intolerable(pod: &PodInfo, node: &NodeInfo) -> i64 {
    let soft = taints(node).filter(|taint| taint["effect"] == "PreferNoSchedule");
    let count = soft
        .filter(|taint| !placement::is_tolerated(pod.spec(), taint))
        .count();
    i64::try_from(count).unwrap_or(i64::MAX)
}

fn taints(node: &NodeInfo) -> impl Iterator<Item = &Value> {
    node.object["spec"]["taints"].as_array().into_iter().flatten()
}
