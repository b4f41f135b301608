//! Which changes may end what InterPodAffinity ruled out.
//!
//! Source: the queueing hints in `interpodaffinity/plugin.go`, v1.36. As there, a namespace that is only selected by its
//! labels does not count, and a new node wakes no pod that others don't want near.

use super::super::super::cache::{NodeInfo, PodInfo};
use super::{means, means_all};

/// Whether a pod that has come to a node may let `pod` in.
pub(crate) fn pod_came(pod: &PodInfo, new: &PodInfo) -> bool {
    means_all(&pod.affinity.near.required, new)
}

/// Whether other labels of a pod on a node may let `pod` in.
pub(crate) fn pod_changed(pod: &PodInfo, old: &PodInfo, new: &PodInfo) -> bool {
    let near = |other| means_all(&pod.affinity.near.required, other);
    (!near(old) && near(new)) || (is_unwanted(pod, old) && !is_unwanted(pod, new))
}

/// Whether a pod that has left its node kept `pod` away.
pub(crate) fn pod_left(pod: &PodInfo, gone: &PodInfo) -> bool {
    is_unwanted(pod, gone) || is_unwanted(gone, pod)
}

fn is_unwanted(pod: &PodInfo, other: &PodInfo) -> bool {
    pod.affinity.away.required.iter().any(|term| means(term, other))
}

/// Whether a node that was added, or changed from `old`, may let `pod` in.
pub(crate) fn node_changed(pod: &PodInfo, old: Option<&NodeInfo>, new: &NodeInfo) -> bool {
    let Some(old) = old else {
        let has = |key: &str| new.label(key).is_some();
        let mut near = pod.affinity.near.required.iter();
        return near.any(|term| has(&term.topology_key)) || !pod.affinity.away.required.is_empty();
    };
    let change = |key: &str| (old.label(key), new.label(key));
    let comes_near = |key: &str| match change(key) {
        (before, Some(after)) => before != Some(after),
        (_, None) => false,
    };
    let goes_away = |key: &str| match change(key) {
        (Some(before), after) => after != Some(before),
        (None, _) => false,
    };
    let affinity = &pod.affinity;
    (affinity.near.required.iter()).any(|term| comes_near(&term.topology_key))
        || (affinity.away.required.iter()).any(|term| goes_away(&term.topology_key))
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use serde_json::{Value, json};

    use super::*;

    fn node(labels: &Value) -> NodeInfo {
        NodeInfo::new(Arc::new(json!({"metadata": {"name": "n", "labels": labels}})))
    }

    fn pod(app: &str, kind: &str) -> PodInfo {
        PodInfo::new(Arc::new(
            json!({"metadata": {"namespace": "a", "labels": {"app": app}}, "spec": {
            "affinity": {kind: {"requiredDuringSchedulingIgnoredDuringExecution": [
                {"topologyKey": "zone", "labelSelector": {"matchLabels": {"app": "db"}}}]}}}}),
        ))
    }

    #[test]
    fn pods_help_by_coming_or_going() {
        let (near, away) = (pod("web", "podAffinity"), pod("web", "podAntiAffinity"));
        let (db, other) = (pod("db", "none"), pod("other", "none"));
        assert!(pod_came(&near, &db) && !pod_came(&near, &other) && !pod_came(&away, &db));
        assert!(pod_changed(&near, &other, &db) && !pod_changed(&near, &db, &other));
        assert!(pod_changed(&away, &db, &other) && !pod_changed(&away, &other, &db));
        assert!(pod_left(&away, &db) && pod_left(&db, &away));
        assert!(!pod_left(&near, &db) && !pod_left(&away, &other));
    }

    #[test]
    fn nodes_help_by_their_topology() {
        let (none, a, b) = (json!({}), json!({"zone": "a"}), json!({"zone": "b"}));
        let cases = [
            (None, &none, [false, true]),
            (None, &a, [true, true]),
            (Some(&none), &a, [true, false]),
            (Some(&a), &none, [false, true]),
            (Some(&a), &b, [true, true]),
            (Some(&a), &a, [false, false]),
        ];
        for (old, new, expected) in cases {
            let old = old.map(node);
            let helps = ["podAffinity", "podAntiAffinity"]
                .map(|kind| node_changed(&pod("web", kind), old.as_ref(), &node(new)));
            assert_eq!(helps, expected, "{new}");
        }
    }
}
