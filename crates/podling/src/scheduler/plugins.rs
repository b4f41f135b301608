//! The scheduler's plugins, in the order of the default profile.

use super::framework::{Filter, Name, Score};

pub(crate) mod balanced_allocation;
pub(crate) mod image_locality;
pub(crate) mod inter_pod_affinity;
pub(crate) mod node_affinity;
pub(crate) mod node_itself;
pub(crate) mod node_ports;
pub(crate) mod pod_topology_spread;
pub(crate) mod resources_fit;
pub(crate) mod taint_toleration;
pub(crate) mod volume_binding;
pub(crate) mod volume_restrictions;
pub(crate) mod volume_zone;

/// What rules nodes out.
pub(crate) const FILTERS: &[Filter] = &[
    Filter {
        name: "NodeUnschedulable",
        filter: |pod, node, _| node_itself::unschedulable(pod, node),
    },
    Filter {
        name: "NodeName",
        filter: |pod, node, _| node_itself::name(pod, node),
    },
    Filter {
        name: "TaintToleration",
        filter: |pod, node, _| taint_toleration::filter(pod, node),
    },
    Filter {
        name: node_affinity::NAME,
        filter: |pod, node, _| node_affinity::filter(pod, node),
    },
    Filter {
        name: node_ports::NAME,
        filter: |pod, node, _| node_ports::filter(pod, node),
    },
    Filter {
        name: resources_fit::NAME,
        filter: |pod, node, _| resources_fit::filter(pod, node),
    },
    Filter {
        name: volume_restrictions::NAME,
        filter: |_, _, state| volume_restrictions::filter(state),
    },
    Filter {
        name: volume_binding::NAME,
        filter: |pod, node, _| volume_binding::filter(pod, node),
    },
    Filter {
        name: volume_zone::NAME,
        filter: |pod, node, _| volume_zone::filter(pod, node),
    },
    Filter {
        name: pod_topology_spread::NAME,
        filter: pod_topology_spread::filter,
    },
    Filter {
        name: inter_pod_affinity::NAME,
        filter: inter_pod_affinity::filter,
    },
];

/// Whether a plugin judges by what the pod's volumes ask for.
pub(crate) fn looks_at_volumes(plugin: Name) -> bool {
    [volume_restrictions::NAME, volume_binding::NAME, volume_zone::NAME].contains(&plugin)
}

/// What prefers nodes.
pub(crate) const SCORES: &[Score] = &[
    Score {
        weight: 3,
        score: |pod, nodes, _| taint_toleration::score(pod, nodes),
    },
    Score {
        weight: 2,
        score: |pod, nodes, _| node_affinity::score(pod, nodes),
    },
    Score {
        weight: 1,
        score: |pod, nodes, _| resources_fit::score(pod, nodes),
    },
    Score {
        weight: 1,
        score: |pod, nodes, _| balanced_allocation::score(pod, nodes),
    },
    Score {
        weight: 2,
        score: pod_topology_spread::score::score,
    },
    Score {
        weight: 2,
        score: inter_pod_affinity::score::score,
    },
    Score {
        weight: 1,
        score: image_locality::score,
    },
];

/// Scales counts so that the highest becomes 100; with `reverse` the lowest count has the highest score
/// (`helper.DefaultNormalizeScore`).
fn normalised(counts: &[i64], reverse: bool) -> Vec<i64> {
    use super::framework::MAX_SCORE;
    let highest = counts.iter().copied().max().unwrap_or_default();
    let scale = |count: i64| match (highest, reverse) {
        (0, true) => MAX_SCORE,
        (0, false) => 0,
        (_, true) => MAX_SCORE - MAX_SCORE * count / highest,
        (_, false) => MAX_SCORE * count / highest,
    };
    counts.iter().map(|count| scale(*count)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_become_scores() {
        assert_eq!(normalised(&[0, 1, 3], false), [0, 33, 100]);
        assert_eq!(normalised(&[0, 1, 3], true), [100, 67, 0]);
        assert_eq!(normalised(&[0, 0], true), [100, 100]);
        assert_eq!(normalised(&[0, 0], false), [0, 0]);
    }
}
