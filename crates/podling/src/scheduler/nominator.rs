//! Pods that are nominated for a node, where room is being made for them.
//!
//! Source: `kubernetes/pkg/scheduler/backend/queue/nominator.go`. Pods of lower priority leave that room alone; so
//! do pods of the same priority.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::PodKey;
use super::cache::PodInfo;

/// The nominated pods of all nodes.
#[derive(Debug, Default)]
pub(crate) struct Nominator {
    by_node: BTreeMap<String, BTreeMap<PodKey, Arc<PodInfo>>>,
    node_of: BTreeMap<PodKey, String>,
}

impl Nominator {
    /// Takes in an unbound pod as it is now: it counts where its status says, if anywhere.
    pub(crate) fn set(&mut self, pod: PodInfo) {
        let key = pod.key();
        self.remove(&key);
        if let Some(node) = pod.nominated_node().map(str::to_owned) {
            self.node_of.insert(key.clone(), node.clone());
            self.by_node.entry(node).or_default().insert(key, Arc::new(pod));
        }
    }

    /// The pod has its node, or is gone.
    pub(crate) fn remove(&mut self, key: &PodKey) {
        let Some(node) = self.node_of.remove(key) else {
            return;
        };
        if let Some(pods) = self.by_node.get_mut(&node) {
            pods.remove(key);
            if pods.is_empty() {
                self.by_node.remove(&node);
            }
        }
    }

    /// The pods that are nominated for the node.
    pub(crate) fn on(&self, node: &str) -> impl Iterator<Item = &Arc<PodInfo>> {
        self.by_node.get(node).into_iter().flat_map(BTreeMap::values)
    }

    /// Those among them that `pod` must leave room for: others of its priority or above.
    pub(crate) fn ahead_of(&self, pod: &PodInfo, node: &str) -> Vec<Arc<PodInfo>> {
        let is_ahead = |other: &&Arc<PodInfo>| other.priority >= pod.priority && other.key() != pod.key();
        self.on(node).filter(is_ahead).cloned().collect()
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn pod(name: &str, priority: i64, node: &str) -> PodInfo {
        PodInfo::new(Arc::new(json!({"metadata": {"namespace": "a", "name": name},
            "spec": {"priority": priority}, "status": {"nominatedNodeName": node}})))
    }

    fn names<'a>(pods: impl Iterator<Item = &'a Arc<PodInfo>>) -> Vec<String> {
        pods.map(|pod| pod.key().1).collect()
    }

    #[test]
    fn a_pod_leaves_room_for_others_of_its_priority_or_above() {
        let mut nominator = Nominator::default();
        for (name, priority) in [("high", 10), ("same", 5), ("low", 1)] {
            nominator.set(pod(name, priority, "n"));
        }
        nominator.set(pod("elsewhere", 10, "m"));
        let ahead_of = |pod| names(nominator.ahead_of(&pod, "n").iter());
        assert_eq!(ahead_of(pod("p", 5, "")), ["high", "same"]);
        assert_eq!(ahead_of(pod("same", 5, "n")), ["high"]);
    }

    #[test]
    fn a_nomination_ends_when_it_is_cleared_or_moved() {
        let mut nominator = Nominator::default();
        nominator.set(pod("p", 1, "n"));
        nominator.set(pod("p", 1, "m"));
        assert_eq!(names(nominator.on("n")), [""; 0]);
        assert_eq!(names(nominator.on("m")), ["p"]);
        nominator.set(pod("p", 1, ""));
        assert_eq!(names(nominator.on("m")), [""; 0]);
    }
}
