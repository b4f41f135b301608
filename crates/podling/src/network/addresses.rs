//! Pod addresses: each node has a /24 of its own, as kubenet and kindnet give them.

use std::collections::BTreeSet;

use crate::cluster::NodeConfig;

/// The addresses of one node's pods.
#[derive(Clone, Debug, Default)]
pub(crate) struct PodAddresses {
    taken: BTreeSet<u8>,
    last: u8,
}

impl PodAddresses {
    /// The next free host number, going round so that an address is not given again at once; zero when all
    /// 253 are taken.
    ///
    /// Example: after 2, 3 and the release of 2 comes 4, not 2.
    pub(crate) fn take(&mut self) -> u8 {
        let candidates = (self.last.saturating_add(1).max(2)..=254).chain(2..=254);
        let Some(free) = candidates.into_iter().find(|host| !self.taken.contains(host)) else {
            return 0;
        };
        self.taken.insert(free);
        self.last = free;
        free
    }

    /// Gives a host number back.
    pub(crate) fn release(&mut self, host: u8) {
        self.taken.remove(&host);
    }
}

/// The address of a node (by its place in the configuration).
pub(crate) fn node_address(node: usize) -> String {
    format!("172.18.{}.{}", node / 250, node % 250 + 2)
}

/// The port of the API server on its node.
pub(crate) const API_SERVER_PORT: u16 = 6443;

/// The address of the API server: that of the first node of the control plane, or of a machine beside the nodes if there
/// is none.
pub(crate) fn api_server_address(nodes: &[NodeConfig]) -> String {
    let first = nodes.iter().position(|node| node.control_plane);
    node_address(first.unwrap_or(nodes.len()))
}

/// The range of a node's pods.
pub(crate) fn pod_range(node: usize) -> String {
    format!("10.244.{node}.0/24")
}

/// The address of a pod.
pub(crate) fn pod_address(node: usize, host: u8) -> String {
    format!("10.244.{node}.{host}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_released_address_is_not_given_again_at_once() {
        let mut addresses = PodAddresses::default();
        assert_eq!((addresses.take(), addresses.take()), (2, 3));
        addresses.release(2);
        assert_eq!(addresses.take(), 4);
        for _ in 5..=254 {
            addresses.take();
        }
        assert_eq!(addresses.take(), 2);
        assert_eq!(addresses.take(), 0);
    }
}
