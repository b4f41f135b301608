//! Prefers nodes by what the pod and the pods that are there would like to have near.
//!
//! Source: `pkg/scheduler/framework/plugins/interpodaffinity/scoring.go`, v1.36.

use super::super::super::cache::{NodeInfo, PodInfo};
use super::super::super::framework::MAX_SCORE;
use super::super::super::pod_affinity::{Preference, Term};
use super::{ByTopology, add, means};

/// What a required affinity of a pod that is there weighs for the pod that it means (`hardPodAffinityWeight`).
const REQUIRED_WEIGHT: i64 = 1;

/// One score for each of the feasible nodes.
pub(crate) fn score(pod: &PodInfo, feasible: &[&NodeInfo], all: &[&NodeInfo]) -> Vec<i64> {
    let mut liking = ByTopology::new();
    let prefers = !pod.affinity.near.preferred.is_empty() || !pod.affinity.away.preferred.is_empty();
    for node in all {
        for other in node.pods_with_affinity() {
            add_liking_of(other, pod, node, &mut liking);
        }
        for other in node.pods().filter(|_| prefers) {
            add_liking_for(other, pod, node, &mut liking);
        }
    }
    let sum = |node: &&NodeInfo| {
        liking
            .iter()
            .map(|(key, values)| {
                let count = node.label(key).and_then(|value| values.get(value));
                count.copied().unwrap_or_default()
            })
            .sum()
    };
    normalised(&feasible.iter().map(sum).collect::<Vec<i64>>())
}

/// What the pod thinks of another on the node.
fn add_liking_for(other: &PodInfo, pod: &PodInfo, node: &NodeInfo, liking: &mut ByTopology) {
    for (preferences, sign) in [
        (&pod.affinity.near.preferred, 1),
        (&pod.affinity.away.preferred, -1),
    ] {
        for Preference { term, weight } in preferences {
            if means(term, other) {
                add(liking, term, node, sign * weight);
            }
        }
    }
}

/// What another on the node thinks of the pod.
fn add_liking_of(other: &PodInfo, pod: &PodInfo, node: &NodeInfo, liking: &mut ByTopology) {
    let mut hear = |term: &Term, weight: i64| {
        if term.matches(&pod.object, &pod.namespace_labels) {
            add(liking, term, node, weight);
        }
    };
    for term in &other.affinity.near.required {
        hear(term, REQUIRED_WEIGHT);
    }
    for Preference { term, weight } in &other.affinity.near.preferred {
        hear(term, *weight);
    }
    for Preference { term, weight } in &other.affinity.away.preferred {
        hear(term, -weight);
    }
}

/// Scales so that the most liked node has the highest score and the least liked none; all have none if all are equal.
fn normalised(liking: &[i64]) -> Vec<i64> {
    let least = liking.iter().copied().min().unwrap_or_default();
    let range = liking.iter().copied().max().unwrap_or_default() - least;
    let score = |liking: &i64| match range {
        0 => 0,
        _ => (MAX_SCORE as f64 * ((liking - least) as f64 / range as f64)) as i64,
    };
    liking.iter().map(score).collect()
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use serde_json::{Value, json};

    use super::*;

    fn node(name: &str, pods: Vec<PodInfo>) -> NodeInfo {
        let mut node = NodeInfo::new(Arc::new(
            json!({"metadata": {"name": name, "labels": {"host": name}}}),
        ));
        for pod in pods {
            node.add(Arc::new(pod));
        }
        node
    }

    fn pod(app: &str, affinity: &Value) -> PodInfo {
        PodInfo::new(Arc::new(
            json!({"metadata": {"namespace": "a", "name": app, "labels": {"app": app}},
            "spec": {"affinity": affinity}}),
        ))
    }

    fn term(app: &str) -> Value {
        json!({"topologyKey": "host", "labelSelector": {"matchLabels": {"app": app}}})
    }

    fn prefers(kind: &str, app: &str, weight: i64) -> Value {
        json!({kind: {"preferredDuringSchedulingIgnoredDuringExecution": [
            {"weight": weight, "podAffinityTerm": term(app)}]}})
    }

    fn requires(kind: &str, app: &str) -> Value {
        json!({kind: {"requiredDuringSchedulingIgnoredDuringExecution": [term(app)]}})
    }

    fn scores(pod: &PodInfo, nodes: &[NodeInfo]) -> Vec<i64> {
        let nodes: Vec<&NodeInfo> = nodes.iter().collect();
        score(pod, &nodes, &nodes)
    }

    #[test]
    fn the_pod_and_those_that_are_there_have_a_say() {
        let nothing = || json!({});
        let cases = [
            (prefers("podAffinity", "db", 50), nothing(), [100, 0]),
            (prefers("podAntiAffinity", "db", 50), nothing(), [0, 100]),
            (nothing(), prefers("podAffinity", "web", 1), [100, 0]),
            (nothing(), prefers("podAntiAffinity", "web", 1), [0, 100]),
            (nothing(), requires("podAffinity", "web"), [100, 0]),
            (nothing(), prefers("podAffinity", "cache", 1), [0, 0]),
            (nothing(), nothing(), [0, 0]),
        ];
        for (own, others, expected) in cases {
            let nodes = [node("n1", vec![pod("db", &others)]), node("n2", vec![])];
            assert_eq!(scores(&pod("web", &own), &nodes), expected, "{own} {others}");
        }
    }

    #[test]
    fn weights_are_scaled_between_the_least_and_the_most() {
        assert_eq!(normalised(&[-50, 0, 100]), [0, 33, 100]);
        assert_eq!(normalised(&[7, 7]), [0, 0]);
    }
}
