//! Which changes in the cluster are worth another look at a pod that was ruled out.
//!
//! Source: the queueing hints of the plugins (`EventsToRegister` in `pkg/scheduler/framework/plugins`), v1.36.

use super::cache::{NodeInfo, PodInfo};
use super::cycle_state::CycleState;
use super::framework::{Name, Verdict};
use super::plugins::{
    self, inter_pod_affinity, node_ports, pod_topology_spread, resources_fit, volume_restrictions,
};

/// Whether a pod that has come to a node may be the end of what a plugin ruled out.
pub(crate) fn pod_came(pod: &PodInfo, plugin: Name, new: &PodInfo) -> bool {
    match plugin {
        inter_pod_affinity::NAME => inter_pod_affinity::hints::pod_came(pod, new),
        pod_topology_spread::NAME => pod_topology_spread::hints::pod_came_or_left(pod, new),
        _ => false,
    }
}

/// The same of a pod on a node that has other labels than before, or requests other amounts.
pub(crate) fn pod_changed(pod: &PodInfo, plugin: Name, old: &PodInfo, new: &PodInfo) -> bool {
    match plugin {
        resources_fit::NAME => resources_fit::has_shrunk(pod, old, new),
        inter_pod_affinity::NAME => inter_pod_affinity::hints::pod_changed(pod, old, new),
        pod_topology_spread::NAME => pod_topology_spread::hints::pod_changed(pod, old, new),
        _ => false,
    }
}

/// The same of a pod that has left its node.
pub(crate) fn pod_left(pod: &PodInfo, plugin: Name, gone: &PodInfo) -> bool {
    match plugin {
        resources_fit::NAME | volume_restrictions::NAME => true,
        node_ports::NAME => node_ports::conflict(pod, gone),
        inter_pod_affinity::NAME => inter_pod_affinity::hints::pod_left(pod, gone),
        pod_topology_spread::NAME => pod_topology_spread::hints::pod_came_or_left(pod, gone),
        _ => false,
    }
}

/// The same of a node that is gone.
pub(crate) fn node_left(pod: &PodInfo, plugin: Name, gone: &NodeInfo) -> bool {
    plugin == pod_topology_spread::NAME && pod_topology_spread::hints::node_changed(pod, Some(gone), None)
}

/// The same of a node that was added, or changed from `old`.
pub(crate) fn node_changed(pod: &PodInfo, plugin: Name, old: Option<&NodeInfo>, new: &NodeInfo) -> bool {
    match plugin {
        inter_pod_affinity::NAME => inter_pod_affinity::hints::node_changed(pod, old, new),
        pod_topology_spread::NAME => pod_topology_spread::hints::node_changed(pod, old, Some(new)),
        _ => node_fits_now(pod, plugin, old, new),
    }
}

fn node_fits_now(pod: &PodInfo, plugin: Name, old: Option<&NodeInfo>, new: &NodeInfo) -> bool {
    if plugins::looks_at_volumes(plugin) {
        // What the volumes ask for is known only in a cycle of the pod's own.
        return true;
    }
    let Some(plugin) = plugins::FILTERS.iter().find(|filter| filter.name == plugin) else {
        return true;
    };
    let nowhere = CycleState::default();
    let empty = |node: &NodeInfo| NodeInfo::new(node.object.clone());
    let fits = |node: &NodeInfo| (plugin.filter)(pod, &empty(node), &nowhere) == Verdict::Fits;
    fits(new) && old.is_none_or(|old| !fits(old) || resources_fit::has_grown(pod, old, new))
}
