//! A pod on a node as it would be with other pods there: what nominated pods and preemption are judged by.
//!
//! Source: `RunFilterPluginsWithNominatedPods` in `kubernetes/pkg/scheduler/framework/runtime`, v1.36.

use std::sync::Arc;

use super::cache::{NodeInfo, PodInfo};
use super::cycle_state::CycleState;
use super::framework::{self, Name, Verdict};
use super::nominator::Nominator;

/// A pod, and a copy of a node from which pods can be taken and to which they can be added.
#[derive(Clone, Debug)]
pub(crate) struct DryRun<'a> {
    pod: &'a PodInfo,
    node: NodeInfo,
    state: CycleState,
}

impl<'a> DryRun<'a> {
    /// The node as it is.
    pub(crate) fn new(pod: &'a PodInfo, node: &NodeInfo, state: &CycleState) -> Self {
        Self {
            pod,
            node: node.clone(),
            state: state.clone(),
        }
    }

    /// As if `other` were on the node.
    pub(crate) fn add(&mut self, other: Arc<PodInfo>) {
        self.state.count(self.pod, &other, &self.node, 1);
        self.node.add(other);
    }

    /// As if `other`, which is there, were not.
    pub(crate) fn remove(&mut self, other: &PodInfo) {
        self.state.count(self.pod, other, &self.node, -1);
        self.node.remove(&other.key());
    }

    /// Why the pod can't run there, beside the pods that are nominated for the node.
    pub(crate) fn refusal(&self, nominator: &Nominator) -> Option<(Name, Verdict)> {
        refusal(self.pod, &self.node, &self.state, nominator)
    }
}

/// Why the pod can't run on the node. The pods that are nominated for it count as if they ran there, and as if they
/// did not: they may get their place or not.
pub(crate) fn refusal(
    pod: &PodInfo,
    node: &NodeInfo,
    state: &CycleState,
    nominator: &Nominator,
) -> Option<(Name, Verdict)> {
    let ahead = nominator.ahead_of(pod, node.name());
    if !ahead.is_empty() {
        let mut beside = DryRun::new(pod, node, state);
        ahead.into_iter().for_each(|other| beside.add(other));
        if let Some(refusal) = framework::refusal(pod, &beside.node, &beside.state) {
            return Some(refusal);
        }
    }
    framework::refusal(pod, node, state)
}
