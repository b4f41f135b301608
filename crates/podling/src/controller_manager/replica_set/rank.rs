//! Which pods of a ReplicaSet are deleted first.
//!
//! Source: `kubernetes/pkg/controller/controller_utils.go` (`ActivePodsWithRanks`).

use std::cmp::{Ordering, Reverse};
use std::collections::BTreeMap;

use serde_json::Value;

use crate::clock::Time;
use crate::storage::{Object, text};

use super::super::pod;

/// `pods` in the order in which they are to be deleted.
pub(super) fn deletion_order<'a>(pods: &[&'a Value], colocated: &[Object], now: Time) -> Vec<&'a Value> {
    let mut on_node: BTreeMap<&str, usize> = BTreeMap::new();
    for other in colocated {
        *on_node.entry(node_of(other)).or_default() += 1;
    }
    let neighbours = |pod: &Value| on_node.get(node_of(pod)).copied().unwrap_or_default();
    let mut order = pods.to_vec();
    order.sort_by(|a, b| compare((a, neighbours(a)), (b, neighbours(b)), now));
    order
}

/// The pod that is less goes first: unassigned before assigned, Pending before Unknown before Running, not
/// ready before ready, cheaper by annotation, on a fuller node, ready for a shorter time, restarted more often,
/// younger; at last by UID.
fn compare((a, a_neighbours): (&Value, usize), (b, b_neighbours): (&Value, usize), now: Time) -> Ordering {
    let assigned = |pod: &Value| !node_of(pod).is_empty();
    let restarts = |pod: &Value| {
        let of = |field| Reverse(pod::most_restarts(pod, field));
        (of("containerStatuses"), of("initContainerStatuses"))
    };
    let uids = (uid(a), uid(b));
    assigned(a)
        .cmp(&assigned(b))
        .then_with(|| phase_rank(a).cmp(&phase_rank(b)))
        .then_with(|| pod::is_ready(a).cmp(&pod::is_ready(b)))
        .then_with(|| deletion_cost(a).cmp(&deletion_cost(b)))
        .then_with(|| b_neighbours.cmp(&a_neighbours))
        .then_with(|| younger_first(pod::ready_since(a), pod::ready_since(b), uids, now))
        .then_with(|| restarts(a).cmp(&restarts(b)))
        .then_with(|| younger_first(Some(pod::created(a)), Some(pod::created(b)), uids, now))
        .then_with(|| uids.0.cmp(uids.1))
}

fn uid(pod: &Value) -> &str {
    text(pod, &["metadata", "uid"])
}

fn node_of(pod: &Value) -> &str {
    text(pod, &["spec", "nodeName"])
}

fn phase_rank(pod: &Value) -> u8 {
    match pod::phase(pod) {
        "Unknown" => 1,
        "Running" => 2,
        _ => 0,
    }
}

/// The annotation `controller.kubernetes.io/pod-deletion-cost`; zero without it.
fn deletion_cost(pod: &Value) -> i32 {
    let cost = &pod["metadata"]["annotations"]["controller.kubernetes.io/pod-deletion-cost"];
    cost.as_str()
        .and_then(|cost| cost.parse().ok())
        .unwrap_or_default()
}

/// Compares ages by their order of magnitude, so that not always the youngest goes (KEP-2185); different ages of
/// one magnitude are as good as drawn by lot, so the UIDs decide. Example: ages of 70 s and 100 s are both
/// between 2³⁶ and 2³⁷ ns; 60 s is less.
fn younger_first(a: Option<Time>, b: Option<Time>, uids: (&str, &str), now: Time) -> Ordering {
    let (Some(a), Some(b)) = (a, b) else {
        return Ordering::Equal;
    };
    let magnitude = |time: Time| now.since(time).as_nanos().checked_ilog2();
    match magnitude(a).cmp(&magnitude(b)) {
        Ordering::Equal if a != b => uids.0.cmp(uids.1),
        order => order,
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use serde_json::json;

    use super::*;

    fn now() -> Time {
        Time::parse("2026-01-01T00:10:00Z").unwrap()
    }

    fn pod(name: &str, change: impl FnOnce(&mut Value)) -> Value {
        let mut pod = json!({
            "metadata": {"name": name, "uid": name, "creationTimestamp": "2026-01-01T00:00:00Z"},
            "spec": {"nodeName": "n1"},
            "status": {"phase": "Running", "conditions": [
                {"type": "Ready", "status": "True", "lastTransitionTime": "2026-01-01T00:00:00Z"},
            ]},
        });
        change(&mut pod);
        pod
    }

    fn first<'a>(a: &'a Value, b: &'a Value, colocated: &[Object]) -> &'a str {
        text(
            deletion_order(&[a, b], colocated, now())[0],
            &["metadata", "name"],
        )
    }

    #[test]
    fn what_costs_least_goes_first() {
        let plain = pod("a", |_| {});
        type Case = (&'static str, fn(&mut Value));
        let cases: [Case; 6] = [
            ("unassigned", |pod| pod["spec"] = json!({})),
            ("pending", |pod| pod["status"]["phase"] = "Pending".into()),
            ("not ready", |pod| pod["status"]["conditions"] = json!([])),
            ("cheap", |pod| {
                pod["metadata"]["annotations"] = json!({"controller.kubernetes.io/pod-deletion-cost": "-1"});
            }),
            ("just ready", |pod| {
                pod["status"]["conditions"][0]["lastTransitionTime"] = "2026-01-01T00:09:00Z".into();
            }),
            ("restarted", |pod| {
                pod["status"]["containerStatuses"] = json!([{"restartCount": 3}]);
            }),
        ];
        for (case, change) in cases {
            assert_eq!(first(&plain, &pod("b", change), &[]), "b", "{case}");
        }
        assert_eq!(first(&pod("b", |_| {}), &plain, &[]), "a", "all equal: by UID");
    }

    #[test]
    fn a_pod_with_siblings_on_its_node_goes_first() {
        let alone = pod("a", |pod| pod["spec"]["nodeName"] = "n2".into());
        let crowded = pod("b", |_| {});
        let siblings: Vec<Object> = [&alone, &crowded, &crowded]
            .into_iter()
            .map(|pod| Arc::new(pod.clone()))
            .collect();
        assert_eq!(first(&alone, &crowded, &siblings), "b");
    }
}
