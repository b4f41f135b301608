//! Scaling a Deployment in the middle of a rollout: every ReplicaSet gets its share.
//!
//! Source: `kubernetes/pkg/controller/deployment/sync.go` (`scale`) and `.../util.GetReplicaSetProportion`.

use std::cmp::Reverse;

use serde_json::Value;

use super::replicas::ReplicaSet;
use super::strategy;

/// The sizes, by index into `sets`, of the ReplicaSets that have replicas, larger ones first. Example: sets of 5
/// and 10 (`spec.replicas` 10, surge 5) become 7 and 13 when the Deployment is scaled to 15.
pub(super) fn sizes(deployment: &Value, sets: &[ReplicaSet]) -> Vec<(usize, i64)> {
    let mut order: Vec<usize> = (0..sets.len()).filter(|index| sets[*index].is_active()).collect();
    let have: i64 = order.iter().map(|index| sets[*index].replicas()).sum();
    let to_add = allowed(deployment) - have;
    // Growth goes to the newer, shrinkage to the older of two ReplicaSets of one size.
    if to_add > 0 {
        order.sort_by_key(|index| Reverse((sets[*index].replicas(), *index)));
    } else {
        order.sort_by_key(|index| (Reverse(sets[*index].replicas()), *index));
    }
    let mut added = 0;
    let mut sizes: Vec<(usize, i64)> = Vec::new();
    for index in order {
        let share = share(deployment, &sets[index], to_add - added, to_add);
        added += share;
        sizes.push((index, sets[index].replicas() + share));
    }
    if let Some((_, largest)) = sizes.first_mut() {
        *largest = (*largest + to_add - added).max(0);
    }
    sizes
}

fn allowed(deployment: &Value) -> i64 {
    match strategy::replicas(deployment) {
        0 => 0,
        replicas => replicas + strategy::max_surge(deployment),
    }
}

/// A ReplicaSet's part of what is to be added or taken, never more than what is left of it.
fn share(deployment: &Value, set: &ReplicaSet, left: i64, to_add: i64) -> i64 {
    if left == 0 {
        return 0;
    }
    let fraction = fraction(deployment, set);
    match to_add > 0 {
        true => fraction.min(left),
        false => fraction.max(left),
    }
}

/// The change that keeps the ReplicaSet's share of the Deployment: its size times the new maximum over the
/// maximum when it was last scaled, rounded to the nearest.
fn fraction(deployment: &Value, set: &ReplicaSet) -> i64 {
    let wanted = strategy::replicas(deployment);
    if wanted == 0 {
        return -set.replicas();
    }
    let most = wanted + strategy::max_surge(deployment);
    let counted = deployment["status"]["replicas"].as_i64();
    let before = set
        .max_replicas()
        .filter(|max| *max > 0)
        .or(counted)
        .filter(|before| *before > 0)
        .unwrap_or(most);
    let doubled = 2 * set.replicas() * most;
    (doubled + before) / (2 * before) - set.replicas()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn set(replicas: i64, max: i64) -> ReplicaSet {
        ReplicaSet(
            json!({"spec": {"replicas": replicas}, "metadata": {"annotations": {
            "deployment.kubernetes.io/max-replicas": max.to_string()}}}),
        )
    }

    fn deployment(replicas: i64, surge: i64) -> Value {
        json!({"spec": {"replicas": replicas, "strategy": {"type": "RollingUpdate",
            "rollingUpdate": {"maxSurge": surge, "maxUnavailable": 2}}}})
    }

    #[test]
    fn every_set_keeps_its_share() {
        // The example of the Kubernetes documentation: 10 replicas, surge 3, 8 old and 5 new ones; scaled to 15,
        // 3 of the 5 more are old, 2 are new.
        let sets = [set(8, 13), set(5, 13)];
        assert_eq!(sizes(&deployment(15, 3), &sets), [(0, 11), (1, 7)]);
        assert_eq!(sizes(&deployment(5, 3), &sets), [(0, 5), (1, 3)]);
        assert_eq!(sizes(&deployment(0, 3), &sets), [(0, 0), (1, 0)]);
    }

    #[test]
    fn what_rounding_leaves_over_goes_to_the_largest() {
        let sets = [set(1, 3), set(1, 3), set(1, 3)];
        assert_eq!(sizes(&deployment(4, 0), &sets), [(2, 2), (1, 1), (0, 1)]);
        assert_eq!(sizes(&deployment(5, 0), &sets), [(2, 2), (1, 2), (0, 1)]);
    }
}
