//! NodePorts: a host port is taken once.

use super::super::cache::{NodeInfo, PodInfo};
use super::super::framework::{Name, Verdict};

/// The plugin's name.
pub(crate) const NAME: Name = "NodePorts";

/// Rules out nodes on which a port that the pod wants is taken.
pub(crate) fn filter(pod: &PodInfo, node: &NodeInfo) -> Verdict {
    match node.pods().any(|other| conflict(pod, other)) {
        true => Verdict::Unschedulable(vec![
            "node(s) didn't have free ports for the requested pod ports".to_owned(),
        ]),
        false => Verdict::Fits,
    }
}

/// Whether two pods can't be on one node for their ports.
pub(crate) fn conflict(a: &PodInfo, b: &PodInfo) -> bool {
    a.ports
        .iter()
        .any(|port| b.ports.iter().any(|other| port.conflicts_with(other)))
}
