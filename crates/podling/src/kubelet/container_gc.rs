//! Removing dead containers (Kubernetes: `pkg/kubelet/kuberuntime/kuberuntime_gc.go` with
//! `maximum-dead-containers-per-container` 1): once a minute, all of a container's dead instances but the last.
//!
//! So the log of the instance before is lost while its successor is dead too, though the status still tells of it.

use super::{Nodes, Task};
use crate::clock::Time;
use crate::images::log::Log;

impl Nodes {
    /// A container has ended: the instance before it is looked at when the kubelet removes dead containers next.
    pub(super) fn expect_collection(&mut self, uid: &str, name: &str, now: Time) {
        let Some(worker) = self.workers.get(uid) else {
            return;
        };
        let has_previous = worker.containers.get(name).is_some_and(|c| c.previous.is_some());
        if let Some(node) = self.nodes.get(&worker.node).filter(|_| has_previous) {
            let task = Task::Collect(uid.to_owned(), name.to_owned());
            self.timers.at(node.next_collection(now), task);
        }
    }

    /// Removes the instance before a dead one.
    pub(super) fn collect(&mut self, uid: &str, name: &str) {
        let worker = self.workers.get_mut(uid);
        let Some(container) = worker.and_then(|worker| worker.containers.get_mut(name)) else {
            return;
        };
        let is_dead = container
            .current
            .as_ref()
            .is_some_and(|c| c.seen.finish.is_some());
        if let Some(previous) = container.previous.as_mut().filter(|_| is_dead) {
            previous.removed = true;
            previous.log = Log::default();
        }
    }
}
