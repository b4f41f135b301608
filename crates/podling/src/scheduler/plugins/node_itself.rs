//! NodeUnschedulable and NodeName: what a node says of itself, and what the pod says of the node.

use serde_json::json;

use crate::placement;

use super::super::cache::{NodeInfo, PodInfo};
use super::super::framework::Verdict;

/// A cordoned node takes only pods that tolerate it.
pub(crate) fn unschedulable(pod: &PodInfo, node: &NodeInfo) -> Verdict {
    let taint = json!({"key": "node.kubernetes.io/unschedulable", "effect": "NoSchedule"});
    if node.object["spec"]["unschedulable"] != true || placement::is_tolerated(pod.spec(), &taint) {
        return Verdict::Fits;
    }
    Verdict::unresolvable("node(s) were unschedulable")
}

/// `spec.nodeName` names the only node.
pub(crate) fn name(pod: &PodInfo, node: &NodeInfo) -> Verdict {
    match pod.spec()["nodeName"].as_str() {
        None | Some("") => Verdict::Fits,
        Some(name) if name == node.name() => Verdict::Fits,
        Some(_) => Verdict::unresolvable("node(s) didn't match the requested node name"),
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;

    #[test]
    fn a_cordoned_node_takes_pods_that_tolerate_it() {
        let node = NodeInfo::new(Arc::new(json!({"spec": {"unschedulable": true}})));
        let plain = PodInfo::new(Arc::new(json!({"spec": {}})));
        assert_eq!(
            unschedulable(&plain, &node),
            Verdict::unresolvable("node(s) were unschedulable")
        );
        let tolerant = PodInfo::new(Arc::new(
            json!({"spec": {"tolerations": [{"operator": "Exists"}]}}),
        ));
        assert_eq!(unschedulable(&tolerant, &node), Verdict::Fits);
    }
}
