//! InterPodAffinity: pods that must be near others, or away from them.
//!
//! Source: `pkg/scheduler/framework/plugins/interpodaffinity/filtering.go`, v1.36.

use std::collections::BTreeMap;

use serde_json::Value;

use super::super::cache::{NodeInfo, PodInfo};
use super::super::cycle_state::CycleState;
use super::super::framework::{Name, Verdict};
use super::super::pod_affinity::Term;

pub(crate) mod hints;
pub(crate) mod score;

/// The plugin's name.
pub(crate) const NAME: Name = "InterPodAffinity";

const NOT_NEAR: &str = "node(s) didn't match pod affinity rules";
const NOT_AWAY: &str = "node(s) didn't match pod anti-affinity rules";
const UNWELCOME: &str = "node(s) didn't satisfy existing pods anti-affinity rules";

/// How many pods there are for each value of a node's label: by the label's name, then by its value.
type ByTopology = BTreeMap<String, BTreeMap<String, i64>>;

/// The pods that matter to a pod, by where they are. What is counted down to nothing is not listed.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub(crate) struct Counts {
    /// Pods that all terms of the pod's required affinity mean.
    wanted: ByTopology,
    /// Pods that a term of its required anti-affinity means.
    unwanted: ByTopology,
    /// Pods with a required anti-affinity that means the pod.
    averse: ByTopology,
}

impl Counts {
    /// Counts for `pod` over all nodes.
    pub(crate) fn new(pod: &PodInfo, nodes: &[&NodeInfo]) -> Self {
        let mut counts = Self::default();
        let asks = !pod.affinity.near.required.is_empty() || !pod.affinity.away.required.is_empty();
        for node in nodes {
            let others: Box<dyn Iterator<Item = &PodInfo>> = match asks {
                true => Box::new(node.pods()),
                false => Box::new(node.pods_with_affinity()),
            };
            for other in others {
                counts.count(pod, other, node, 1);
            }
        }
        counts
    }

    /// Counts `other` on the node once more, or with −1 once less.
    pub(crate) fn count(&mut self, pod: &PodInfo, other: &PodInfo, node: &NodeInfo, change: i64) {
        for term in &other.affinity.away.required {
            if term.matches(&pod.object, &pod.namespace_labels) {
                add(&mut self.averse, term, node, change);
            }
        }
        if means_all(&pod.affinity.near.required, other) {
            for term in &pod.affinity.near.required {
                add(&mut self.wanted, term, node, change);
            }
        }
        for term in &pod.affinity.away.required {
            if means(term, other) {
                add(&mut self.unwanted, term, node, change);
            }
        }
    }
}

fn add(counts: &mut ByTopology, term: &Term, node: &NodeInfo, change: i64) {
    let Some(value) = node.label(&term.topology_key) else {
        return;
    };
    let values = counts.entry(term.topology_key.clone()).or_default();
    let count = values.entry(value.to_owned()).or_default();
    *count += change;
    if *count == 0 {
        values.remove(value);
    }
    if values.is_empty() {
        counts.remove(&term.topology_key);
    }
}

fn at(counts: &ByTopology, key: &str, value: &str) -> i64 {
    let count = counts.get(key).and_then(|values| values.get(value));
    count.copied().unwrap_or_default()
}

/// Whether a term means a pod, where the namespaces that the term selects are named already.
fn means(term: &Term, other: &PodInfo) -> bool {
    term.matches(&other.object, &Value::Null)
}

/// Whether all terms mean the pod; no terms mean none.
fn means_all(terms: &[Term], other: &PodInfo) -> bool {
    !terms.is_empty() && terms.iter().all(|term| means(term, other))
}

/// Rules out nodes where the pod would not be near what it requires, would be near what it must be away from, or is
/// not welcome to a pod that is near already.
pub(crate) fn filter(pod: &PodInfo, node: &NodeInfo, state: &CycleState) -> Verdict {
    let counts = &state.affinity;
    if !is_near(pod, node, counts) {
        return Verdict::unresolvable(NOT_NEAR);
    }
    if !is_away(pod, node, counts) {
        return Verdict::unschedulable(NOT_AWAY);
    }
    match is_welcome(node, counts) {
        true => Verdict::Fits,
        false => Verdict::unschedulable(UNWELCOME),
    }
}

fn is_near(pod: &PodInfo, node: &NodeInfo, counts: &Counts) -> bool {
    let terms = &pod.affinity.near.required;
    let mut all_there = true;
    for term in terms {
        match node.label(&term.topology_key) {
            Some(value) => all_there &= at(&counts.wanted, &term.topology_key, value) > 0,
            None => return false,
        }
    }
    // The first of a series of pods that want to be near each other can't wait for the others.
    all_there || (counts.wanted.is_empty() && means_all(terms, pod))
}

fn is_away(pod: &PodInfo, node: &NodeInfo, counts: &Counts) -> bool {
    pod.affinity.away.required.iter().all(|term| {
        let value = node.label(&term.topology_key);
        value.is_none_or(|value| at(&counts.unwanted, &term.topology_key, value) <= 0)
    })
}

fn is_welcome(node: &NodeInfo, counts: &Counts) -> bool {
    counts.averse.iter().all(|(key, values)| {
        let value = node.label(key);
        value.is_none_or(|value| values.get(value).is_none_or(|count| *count <= 0))
    })
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use serde_json::json;

    use super::*;

    fn node(name: &str, zone: &str, pods: Vec<PodInfo>) -> NodeInfo {
        let object = json!({"metadata": {"name": name, "labels": {"zone": zone, "host": name}}});
        let mut node = NodeInfo::new(Arc::new(object));
        for pod in pods {
            node.add(Arc::new(pod));
        }
        node
    }

    /// A pod of `app`, with a required term of `kind` for pods of `other` by the label `key`.
    fn pod(app: &str, kind: &str, other: &str, key: &str) -> PodInfo {
        PodInfo::new(Arc::new(
            json!({"metadata": {"namespace": "a", "name": app, "labels": {"app": app}}, "spec": {
            "affinity": {kind: {"requiredDuringSchedulingIgnoredDuringExecution": [
                {"topologyKey": key, "labelSelector": {"matchLabels": {"app": other}}}]}}}}),
        ))
    }

    fn plain(app: &str) -> PodInfo {
        pod(app, "none", "", "")
    }

    fn verdicts(pod: &PodInfo, nodes: &[NodeInfo]) -> Vec<Verdict> {
        let nodes: Vec<&NodeInfo> = nodes.iter().collect();
        let state = CycleState::new(pod, &nodes);
        nodes.iter().map(|node| filter(pod, node, &state)).collect()
    }

    #[test]
    fn pods_attract_and_repel_by_topology() {
        let db = || {
            [
                node("n1", "a", vec![plain("db")]),
                node("n2", "a", vec![]),
                node("n3", "b", vec![]),
            ]
        };
        let near = || Verdict::unresolvable(NOT_NEAR);
        let away = || Verdict::unschedulable(NOT_AWAY);
        let fits = || Verdict::Fits;
        let cases = [
            (pod("web", "podAffinity", "db", "zone"), [fits(), fits(), near()]),
            (pod("web", "podAffinity", "db", "host"), [fits(), near(), near()]),
            (pod("web", "podAffinity", "db", "rack"), [near(), near(), near()]),
            (
                pod("web", "podAffinity", "cache", "host"),
                [near(), near(), near()],
            ),
            (
                pod("web", "podAntiAffinity", "db", "zone"),
                [away(), away(), fits()],
            ),
            (
                pod("web", "podAntiAffinity", "db", "rack"),
                [fits(), fits(), fits()],
            ),
        ];
        for (pod, expected) in cases {
            assert_eq!(verdicts(&pod, &db()), expected, "{}", pod.object);
        }
    }

    #[test]
    fn the_first_of_a_series_may_come_anywhere() {
        let web = pod("web", "podAffinity", "web", "host");
        let empty = [node("n1", "a", vec![]), node("n2", "a", vec![])];
        assert_eq!(verdicts(&web, &empty), [Verdict::Fits, Verdict::Fits]);
        let begun = [node("n1", "a", vec![plain("web")]), node("n2", "a", vec![])];
        assert_eq!(
            verdicts(&web, &begun),
            [Verdict::Fits, Verdict::unresolvable(NOT_NEAR)]
        );
    }

    #[test]
    fn pods_that_are_there_keep_others_away_until_they_are_thought_away() {
        let averse = || pod("db", "podAntiAffinity", "web", "zone");
        let nodes = [node("n1", "a", vec![averse()]), node("n2", "b", vec![])];
        let nodes: Vec<&NodeInfo> = nodes.iter().collect();
        let web = plain("web");
        let mut state = CycleState::new(&web, &nodes);
        let all = |state: &CycleState| {
            nodes
                .iter()
                .map(|node| filter(&web, node, state))
                .collect::<Vec<_>>()
        };
        assert_eq!(all(&state), [Verdict::unschedulable(UNWELCOME), Verdict::Fits]);
        state.count(&web, &averse(), nodes[0], -1);
        assert_eq!(all(&state), [Verdict::Fits, Verdict::Fits]);
        state.count(&web, &averse(), nodes[1], 1);
        assert_eq!(all(&state), [Verdict::Fits, Verdict::unschedulable(UNWELCOME)]);
    }
}
