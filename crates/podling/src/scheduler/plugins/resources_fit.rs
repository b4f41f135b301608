//! NodeResourcesFit: a node must have what a pod requests; emptier nodes are preferred (LeastAllocated).

use super::super::cache::{NodeInfo, PodInfo};
use super::super::framework::{MAX_SCORE, Name, Verdict};
use super::super::requests::of;

/// The plugin's name.
pub(crate) const NAME: Name = "NodeResourcesFit";

/// Rules out nodes without room, with a reason for each resource. A request above what the node could ever
/// give can't be helped.
pub(crate) fn filter(pod: &PodInfo, node: &NodeInfo) -> Verdict {
    let mut reasons = Vec::new();
    let most = usize::try_from(of(&node.allocatable, "pods")).unwrap_or_default();
    if node.pods.len() + 1 > most {
        reasons.push("Too many pods".to_owned());
    }
    let mut hopeless = false;
    for (name, wanted) in pod.requests.iter().filter(|(_, wanted)| **wanted > 0) {
        let capacity = of(&node.allocatable, name);
        if *wanted > capacity - of(&node.requested, name) {
            reasons.push(format!("Insufficient {name}"));
            hopeless |= *wanted > capacity;
        }
    }
    match (reasons.is_empty(), hopeless) {
        (true, _) => Verdict::Fits,
        (false, true) => Verdict::Unresolvable(reasons),
        (false, false) => Verdict::Unschedulable(reasons),
    }
}

/// Whether the node gives more of something that the pod requests than it did.
pub(crate) fn has_grown(pod: &PodInfo, old: &NodeInfo, new: &NodeInfo) -> bool {
    let more = |name: &str| of(&new.allocatable, name) > of(&old.allocatable, name);
    more("pods") || pod.requests.keys().any(|name| more(name))
}

/// Whether another pod requests less than it did of something that the pod requests.
pub(crate) fn has_shrunk(pod: &PodInfo, old: &PodInfo, new: &PodInfo) -> bool {
    let less = |name: &str| of(&new.requests, name) < of(&old.requests, name);
    pod.requests
        .iter()
        .any(|(name, wanted)| *wanted > 0 && less(name))
}

/// Prefers nodes with more room left. Example: 1 of 4 CPUs and 2 of 8 GiB taken, the pod included, leaves 75 %
/// of both, which is a score of 75.
pub(crate) fn score(pod: &PodInfo, nodes: &[&NodeInfo]) -> Vec<i64> {
    nodes.iter().map(|node| least_allocated(pod, node)).collect()
}

fn least_allocated(pod: &PodInfo, node: &NodeInfo) -> i64 {
    let taken = [
        ("cpu", node.assumed.0 + pod.assumed.0),
        ("memory", node.assumed.1 + pod.assumed.1),
    ];
    let (mut sum, mut weights) = (0, 0);
    for (name, taken) in taken {
        let capacity = of(&node.allocatable, name);
        if capacity > 0 {
            sum += (capacity - taken).max(0) * MAX_SCORE / capacity;
            weights += 1;
        }
    }
    if weights == 0 { 0 } else { sum / weights }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use serde_json::json;

    use super::*;

    fn node(cpu: &str, pods: &str) -> NodeInfo {
        let object = json!({"status": {"allocatable": {"cpu": cpu, "memory": "8Gi", "pods": pods}}});
        NodeInfo::new(Arc::new(object))
    }

    fn pod(cpu: &str, memory: &str) -> PodInfo {
        PodInfo::new(Arc::new(
            json!({"spec": {"containers": [{"resources": {"requests":
            {"cpu": cpu, "memory": memory}}}]}}),
        ))
    }

    #[test]
    fn every_short_resource_is_a_reason() {
        let mut used = node("4", "110");
        used.requested.insert("cpu".into(), 3500);
        let cases = [
            (node("4", "110"), pod("1", "1Gi"), Verdict::Fits),
            (
                node("1", "0"),
                pod("2", "9Gi"),
                Verdict::Unresolvable(vec![
                    "Too many pods".into(),
                    "Insufficient cpu".into(),
                    "Insufficient memory".into(),
                ]),
            ),
            (
                used.clone(),
                pod("1", "0"),
                Verdict::Unschedulable(vec!["Insufficient cpu".into()]),
            ),
            (used, pod("0", "1Gi"), Verdict::Fits),
        ];
        for (node, pod, expected) in cases {
            assert_eq!(filter(&pod, &node), expected);
        }
    }

    #[test]
    fn a_pod_that_shrinks_helps_those_that_want_what_it_gives() {
        let (wants, other) = (pod("1", "0"), pod("0", "1Gi"));
        let (old, new) = (pod("2", "1Gi"), pod("1", "2Gi"));
        assert!(has_shrunk(&wants, &old, &new));
        assert!(!has_shrunk(&wants, &new, &old));
        assert!(has_shrunk(&other, &new, &old));
    }

    #[test]
    fn the_emptier_node_scores_higher() {
        assert_eq!(least_allocated(&pod("1", "2Gi"), &node("4", "1")), 75);
        assert_eq!(least_allocated(&pod("1", "2Gi"), &node("2", "1")), 62);
    }
}
