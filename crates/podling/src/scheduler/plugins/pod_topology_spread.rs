//! PodTopologySpread: pods that must be spread evenly over zones, nodes or other groups of nodes.
//!
//! Source: `pkg/scheduler/framework/plugins/podtopologyspread/filtering.go`, v1.36.

use std::collections::BTreeMap;

use super::super::cache::{NodeInfo, PodInfo};
use super::super::cycle_state::CycleState;
use super::super::framework::{Name, Verdict};

mod constraint;
pub(crate) mod hints;
pub(crate) mod score;
pub(crate) mod selector;

use constraint::Constraint;

/// The plugin's name.
pub(crate) const NAME: Name = "PodTopologySpread";

const UNEVEN: &str = "node(s) didn't match pod topology spread constraints";
const NOWHERE: &str = "node(s) didn't match pod topology spread constraints (missing required label)";

/// Matching pods in each domain, which is a value of the topology key among the nodes that count.
#[derive(Clone, Debug, Default)]
struct Domains {
    pods: BTreeMap<String, i64>,
    /// How many domains have so many pods, so that the least is at hand.
    sizes: BTreeMap<i64, usize>,
}

impl Domains {
    fn add(&mut self, domain: &str, change: i64) {
        let before = self.pods.get(domain).copied();
        let after = before.unwrap_or_default() + change;
        self.pods.insert(domain.to_owned(), after);
        if let Some(before) = before
            && let Some(domains) = self.sizes.get_mut(&before)
        {
            *domains -= 1;
            if *domains == 0 {
                self.sizes.remove(&before);
            }
        }
        *self.sizes.entry(after).or_default() += 1;
    }

    /// The fewest pods that a domain has; none if there are fewer domains than wanted.
    fn least(&self, min_domains: usize) -> i64 {
        let least = self.sizes.first_key_value().map(|(pods, _)| *pods);
        match self.pods.len() < min_domains {
            true => 0,
            false => least.unwrap_or_default(),
        }
    }
}

/// How evenly the pods of a pod's constraints are spread.
#[derive(Clone, Debug, Default)]
pub(crate) struct Counts {
    constraints: Vec<(Constraint, Domains)>,
}

impl Counts {
    /// Counts for `pod` over all nodes.
    pub(crate) fn new(pod: &PodInfo, nodes: &[&NodeInfo]) -> Self {
        let constraints = constraint::hard(pod).into_iter();
        let mut counts = Self {
            constraints: constraints.map(|one| (one, Domains::default())).collect(),
        };
        if counts.constraints.is_empty() {
            return counts;
        }
        for node in nodes {
            if !counts.has_all_keys(node) {
                continue;
            }
            for (constraint, domains) in &mut counts.constraints {
                if let Some(domain) = constraint.domain(pod, node) {
                    domains.add(domain, constraint.count(pod, node));
                }
            }
        }
        counts
    }

    /// Counts `other` on the node once more, or with −1 once less.
    pub(crate) fn count(&mut self, pod: &PodInfo, other: &PodInfo, node: &NodeInfo, change: i64) {
        let same_namespace = other.namespace() == pod.namespace();
        if !same_namespace || !self.has_all_keys(node) {
            return;
        }
        for (constraint, domains) in &mut self.constraints {
            if let Some(domain) = constraint.domain(pod, node)
                && constraint.selector.matches(other)
            {
                domains.add(domain, change);
            }
        }
    }

    fn has_all_keys(&self, node: &NodeInfo) -> bool {
        let mut constraints = self.constraints.iter();
        constraints.all(|(constraint, _)| node.label(&constraint.topology_key).is_some())
    }
}

/// Rules out nodes that are in no domain, and those where the pod would make the spread too uneven. Example: zones with
/// 3, 2 and 1 pods and a largest skew of 1 leave only the third: 1 + 1 − 1 ≤ 1, but 2 + 1 − 1 > 1.
pub(crate) fn filter(pod: &PodInfo, node: &NodeInfo, state: &CycleState) -> Verdict {
    for (constraint, domains) in &state.spread.constraints {
        let Some(domain) = node.label(&constraint.topology_key) else {
            return Verdict::unresolvable(NOWHERE);
        };
        let there = domains.pods.get(domain).copied().unwrap_or_default();
        let own = i64::from(constraint.selector.matches(pod));
        if there + own - domains.least(constraint.min_domains) > constraint.max_skew {
            return Verdict::unschedulable(UNEVEN);
        }
    }
    Verdict::Fits
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use serde_json::{Value, json};

    use super::*;

    fn pod(name: &str, constraint: &Value) -> PodInfo {
        let mut pod = json!({"metadata": {"namespace": "a", "name": name, "labels": {"app": "web"}}});
        if constraint.is_object() {
            let mut full = json!({"maxSkew": 1, "topologyKey": "zone", "whenUnsatisfiable": "DoNotSchedule",
                "labelSelector": {"matchLabels": {"app": "web"}}});
            for (key, value) in constraint.as_object().into_iter().flatten() {
                full[key] = value.clone();
            }
            pod["spec"]["topologySpreadConstraints"] = json!([full]);
        }
        PodInfo::new(Arc::new(pod))
    }

    fn node(name: &str, zone: &str, pods: usize) -> NodeInfo {
        let labels = match zone {
            "" => json!({}),
            zone => json!({"zone": zone}),
        };
        let mut node = NodeInfo::new(Arc::new(json!({"metadata": {"name": name, "labels": labels}})));
        for index in 0..pods {
            node.add(Arc::new(pod(&format!("{name}-{index}"), &Value::Null)));
        }
        node
    }

    fn verdicts(pod: &PodInfo, nodes: &[NodeInfo]) -> Vec<Verdict> {
        let nodes: Vec<&NodeInfo> = nodes.iter().collect();
        let state = CycleState::new(pod, &nodes);
        nodes.iter().map(|node| filter(pod, node, &state)).collect()
    }

    #[test]
    fn a_pod_goes_where_the_skew_stays_small() {
        let zones = || {
            [
                node("n1", "a", 3),
                node("n2", "b", 2),
                node("n3", "c", 1),
                node("n4", "", 0),
            ]
        };
        let (fits, uneven) = (|| Verdict::Fits, || Verdict::unschedulable(UNEVEN));
        let nowhere = || Verdict::unresolvable(NOWHERE);
        let cases = [
            (json!({}), [uneven(), uneven(), fits(), nowhere()]),
            (json!({"maxSkew": 2}), [uneven(), fits(), fits(), nowhere()]),
            (json!({"minDomains": 3}), [uneven(), uneven(), fits(), nowhere()]),
            (
                json!({"minDomains": 4}),
                [uneven(), uneven(), uneven(), nowhere()],
            ),
            // Without a selector nothing is counted, the pod itself neither.
            (
                json!({"labelSelector": null}),
                [fits(), fits(), fits(), nowhere()],
            ),
            (json!({"labelSelector": {}}), [fits(), fits(), fits(), nowhere()]),
        ];
        for (constraint, expected) in cases {
            assert_eq!(
                verdicts(&pod("p", &constraint), &zones()),
                expected,
                "{constraint}"
            );
        }
    }

    #[test]
    fn nodes_count_that_the_policies_include() {
        let mut tainted = node("n3", "c", 0);
        Arc::make_mut(&mut tainted.object)["spec"]["taints"] = json!([{"key": "k", "effect": "NoSchedule"}]);
        let zones = [node("n1", "a", 1), node("n2", "b", 1), tainted];
        let first = |constraint: Value| verdicts(&pod("p", &constraint), &zones).remove(0);
        assert_eq!(first(json!({})), Verdict::unschedulable(UNEVEN));
        assert_eq!(first(json!({"nodeTaintsPolicy": "Honor"})), Verdict::Fits);
        let mut choosy = Value::clone(&pod("p", &json!({})).object);
        choosy["spec"]["nodeSelector"] = json!({"zone": "a"});
        assert_eq!(
            verdicts(&PodInfo::new(Arc::new(choosy.clone())), &zones)[0],
            Verdict::Fits
        );
        choosy["spec"]["topologySpreadConstraints"][0]["nodeAffinityPolicy"] = "Ignore".into();
        let ignoring = PodInfo::new(Arc::new(choosy));
        assert_eq!(verdicts(&ignoring, &zones)[0], Verdict::unschedulable(UNEVEN));
    }

    #[test]
    fn terminating_pods_do_not_count() {
        let mut zones = [node("n1", "a", 1), node("n2", "b", 0)];
        let mut leaving = Value::clone(&pod("leaving", &Value::Null).object);
        leaving["metadata"]["deletionTimestamp"] = "2026-01-01T00:00:00Z".into();
        zones[0].add(Arc::new(PodInfo::new(Arc::new(leaving))));
        assert_eq!(
            verdicts(&pod("p", &json!({"maxSkew": 2})), &zones),
            [Verdict::Fits, Verdict::Fits]
        );
    }

    #[test]
    fn the_least_follows_pods_that_are_thought_away() {
        let zones = [node("n1", "a", 2), node("n2", "b", 1)];
        let nodes: Vec<&NodeInfo> = zones.iter().collect();
        let web = pod("p", &json!({}));
        let mut state = CycleState::new(&web, &nodes);
        assert_eq!(filter(&web, nodes[0], &state), Verdict::unschedulable(UNEVEN));
        state.count(&web, &pod("n1-0", &Value::Null), nodes[0], -1);
        assert_eq!(filter(&web, nodes[0], &state), Verdict::Fits);
        state.count(&web, &pod("n2-0", &Value::Null), nodes[1], -1);
        assert_eq!(filter(&web, nodes[0], &state), Verdict::unschedulable(UNEVEN));
    }
}
