//! Prefers nodes in domains with few of the pods that are spread together.
//!
//! Source: `pkg/scheduler/framework/plugins/podtopologyspread/scoring.go`, v1.36.

use std::collections::BTreeMap;

use super::super::super::cache::{NodeInfo, PodInfo};
use super::super::super::framework::MAX_SCORE;
use super::constraint::{self, Constraint, HOSTNAME};

/// A constraint with what the score of a node is made of.
struct Preference<'a> {
    constraint: Constraint,
    /// Makes up for a pod more mattering less where there are many domains.
    weight: f64,
    /// Matching pods by domain, for the domains of the nodes to choose from. Nodes without the label are a domain too.
    /// Where each node is a domain, what is on it is counted when it is scored.
    domains: BTreeMap<Option<&'a str>, i64>,
}

/// One score for each of the feasible nodes. A node without one of the labels that the pod's own constraints name has
/// the lowest.
pub(crate) fn score<'a>(pod: &PodInfo, feasible: &[&'a NodeInfo], all: &[&'a NodeInfo]) -> Vec<i64> {
    let constraints = constraint::soft(pod);
    if constraints.is_empty() {
        return vec![0; feasible.len()];
    }
    let keys: Vec<String> = match constraint::has_own(pod) {
        true => (constraints.iter().map(|one| one.topology_key.clone())).collect(),
        false => Vec::new(),
    };
    let is_ranked = |node: &NodeInfo| keys.iter().all(|key| node.label(key).is_some());
    let ranked: Vec<&NodeInfo> = feasible.iter().copied().filter(|node| is_ranked(node)).collect();
    let counted: Vec<&NodeInfo> = all.iter().copied().filter(|node| is_ranked(node)).collect();
    let preferences: Vec<Preference> = (constraints.into_iter())
        .map(|constraint| Preference::new(constraint, pod, &ranked, &counted))
        .collect();
    let raw = |node: &&NodeInfo| is_ranked(node).then(|| crowding(pod, node, &preferences));
    normalised(&feasible.iter().map(raw).collect::<Vec<_>>())
}

impl<'a> Preference<'a> {
    fn new(constraint: Constraint, pod: &PodInfo, ranked: &[&'a NodeInfo], counted: &[&'a NodeInfo]) -> Self {
        let key = constraint.topology_key.as_str();
        if key == HOSTNAME {
            return Self {
                weight: weight(ranked.len()),
                domains: BTreeMap::new(),
                constraint,
            };
        }
        let mut domains: BTreeMap<Option<&str>, i64> =
            ranked.iter().map(|node| (node.label(key), 0)).collect();
        for node in counted.iter().filter(|node| constraint.includes(pod, node)) {
            if let Some(count) = domains.get_mut(&node.label(key)) {
                *count += constraint.count(pod, node);
            }
        }
        Self {
            weight: weight(domains.len()),
            domains,
            constraint,
        }
    }

    fn crowding(&self, pod: &PodInfo, node: &NodeInfo) -> f64 {
        let Some(domain) = node.label(&self.constraint.topology_key) else {
            return 0.0;
        };
        let count = match self.constraint.topology_key == HOSTNAME {
            true => self.constraint.count(pod, node),
            false => self.domains.get(&Some(domain)).copied().unwrap_or_default(),
        };
        // The larger the skew that is allowed, the less the counts matter beside it.
        count as f64 * self.weight + (self.constraint.max_skew - 1) as f64
    }
}

fn crowding(pod: &PodInfo, node: &NodeInfo, preferences: &[Preference<'_>]) -> i64 {
    let sum: f64 = preferences.iter().map(|one| one.crowding(pod, node)).sum();
    sum.round() as i64
}

/// The weight of a pod where there are so many domains. Example: ln 4 (1.39) for 2, ln 12 (2.48) for 10.
fn weight(domains: usize) -> f64 {
    (domains as f64 + 2.0).ln()
}

/// Turns crowding into scores: the least crowded has the highest. Example: 1, 2 and 4 become 100, 75 and 25, which is
/// (4 + 1 − crowding) ÷ 4 of 100. What has no value has none.
fn normalised(crowding: &[Option<i64>]) -> Vec<i64> {
    let known = || crowding.iter().flatten().copied();
    let (least, most) = (
        known().min().unwrap_or_default(),
        known().max().unwrap_or_default(),
    );
    let score = |crowding: &Option<i64>| match crowding {
        None => 0,
        Some(_) if most == 0 => MAX_SCORE,
        Some(crowding) => MAX_SCORE * (most + least - crowding) / most,
    };
    crowding.iter().map(score).collect()
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use serde_json::{Value, json};

    use super::super::selector::Selector;
    use super::*;

    fn web(name: &str, constraints: &Value) -> PodInfo {
        PodInfo::new(Arc::new(
            json!({"metadata": {"namespace": "a", "name": name, "labels": {"app": "web"}},
            "spec": {"topologySpreadConstraints": constraints}}),
        ))
    }

    fn node(name: &str, zone: Option<&str>, pods: usize) -> NodeInfo {
        let mut labels = json!({HOSTNAME: name});
        if let Some(zone) = zone {
            labels["topology.kubernetes.io/zone"] = zone.into();
        }
        let mut node = NodeInfo::new(Arc::new(json!({"metadata": {"name": name, "labels": labels}})));
        for index in 0..pods {
            node.add(Arc::new(web(&format!("{name}-{index}"), &json!([]))));
        }
        node
    }

    fn scores(pod: &PodInfo, nodes: &[NodeInfo]) -> Vec<i64> {
        let nodes: Vec<&NodeInfo> = nodes.iter().collect();
        score(pod, &nodes, &nodes)
    }

    #[test]
    fn crowded_domains_score_lower() {
        let by = |key: &str| {
            json!([{"maxSkew": 1, "topologyKey": key, "whenUnsatisfiable": "ScheduleAnyway",
            "labelSelector": {"matchLabels": {"app": "web"}}}])
        };
        let nodes = [
            node("n1", Some("a"), 2),
            node("n2", Some("a"), 0),
            node("n3", Some("b"), 1),
            node("n4", None, 0),
        ];
        // Zones: 2 and 1 pods at ln 4, rounded 3 and 1. Nodes: 2, 0, 1 and 0 pods at ln 6, rounded 4, 0, 2, 0.
        let zones = web("p", &by("topology.kubernetes.io/zone"));
        assert_eq!(scores(&zones, &nodes), [33, 33, 100, 0]);
        assert_eq!(scores(&web("p", &by(HOSTNAME)), &nodes), [0, 100, 50, 100]);
    }

    #[test]
    fn pods_that_belong_together_are_spread_unasked() {
        let mut pod = web("p", &json!([]));
        let nodes = [node("n1", None, 1), node("n2", None, 0)];
        assert_eq!(scores(&pod, &nodes), [0, 0]);
        pod.siblings = Selector::new(&json!({"matchLabels": {"app": "web"}}));
        // 1 pod at ln 4 and a skew of 3 make 3 and 2.
        assert_eq!(scores(&pod, &nodes), [66, 100]);
    }

    #[test]
    fn no_pods_anywhere_score_highest() {
        assert_eq!(normalised(&[Some(0), Some(0), None]), [100, 100, 0]);
        assert_eq!(normalised(&[Some(1), Some(2), Some(4)]), [100, 75, 25]);
    }
}
