//! What filters know of the cluster beyond the node at hand: counted once for a pod that is being scheduled, not once
//! for each node, and kept right while pods are thought away or added.
//!
//! Source: `CycleState`, `PreFilter` and `PreFilterExtensions` in `k8s.io/kube-scheduler/framework`, v1.36.

use super::cache::{NodeInfo, PodInfo};
use super::plugins::{inter_pod_affinity, pod_topology_spread, volume_restrictions};

/// The counts for one pod.
#[derive(Clone, Debug, Default)]
pub(crate) struct CycleState {
    pub(crate) affinity: inter_pod_affinity::Counts,
    pub(crate) spread: pod_topology_spread::Counts,
    pub(crate) claim_users: volume_restrictions::Users,
}

impl CycleState {
    /// Counts for `pod` over all nodes of the cluster.
    pub(crate) fn new(pod: &PodInfo, nodes: &[&NodeInfo]) -> Self {
        Self {
            affinity: inter_pod_affinity::Counts::new(pod, nodes),
            spread: pod_topology_spread::Counts::new(pod, nodes),
            claim_users: volume_restrictions::Users::new(pod),
        }
    }

    /// As if `other` came to the node (1) or left it (−1).
    pub(crate) fn count(&mut self, pod: &PodInfo, other: &PodInfo, node: &NodeInfo, change: i64) {
        self.affinity.count(pod, other, node, change);
        self.spread.count(pod, other, node, change);
        self.claim_users.count(pod, other, change);
    }
}
