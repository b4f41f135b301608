//! What filters know of the cluster beyond the node at hand: counted once for a pod that is being scheduled, not once
//! for each node, and kept right while pods are thought away or added.
//!
//! Source: `CycleState`, `PreFilter` and `PreFilterExtensions` in `k8s.io/kube-scheduler/framework`, v1.36.

use super::cache::{NodeInfo, PodInfo};
use super::plugins::{inter_pod_affinity, pod_topology_spread, volume_restrictions};

/// The counts for one pod.
#[derive(Clone, Debug, Default)]
pub(crate) struct CycleState {
    pub(crate) affinity: inter_pod_affinity::Counts,
    pub(crate) spread: pod_topology_spread::Counts,
    pub(crate) claim_users: volume_restrictions::Users,
}

impl CycleState {
    /// Counts for `pod` over all nodes of the cluster.
    pub(crate) fn new(pod: &PodInfo, nodes: &[&NodeInfo]) -> Self {
        Self {
            affinity: inter_pod_affinity::Counts::new(pod, nodes),
            spread: pod_topology_spread::Counts::new(pod, nodes),
            claim_users: volume_restrictions::Users::new(pod),
        }
    }

    /// As if `other` came to the node (1) or left it (−1).
    pub(crate) fn count(&mut self, pod: &PodInfo, other: &PodInfo, node: &NodeInfo, change: i64) {
        self.affinity.count(pod, other, node, change);
        self.spread.count(pod, other, node, change);
        self.claim_users.count(pod, other, change);
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use proptest::prelude::*;
    use serde_json::{Value, json};

    use super::super::framework::Verdict;
    use super::*;
    use crate::volume::claims_of;

    const APPS: [&str; 3] = ["web", "db", "cache"];
    const KEYS: [&str; 3] = ["zone", "host", "rack"];

    /// What a pod says of others: for which app, by which label, and how.
    type Says = (usize, usize, usize);

    fn pod(name: &str, app: usize, says: &[Says]) -> PodInfo {
        let mut spec = json!({});
        for (other, key, how) in says {
            let selector = json!({"matchLabels": {"app": APPS[*other]}});
            let (parent, list, entry) = match how {
                0 | 1 => (
                    &mut spec["affinity"][["podAffinity", "podAntiAffinity"][*how]],
                    "requiredDuringSchedulingIgnoredDuringExecution",
                    json!({"topologyKey": KEYS[*key], "labelSelector": selector}),
                ),
                _ => (
                    &mut spec,
                    "topologySpreadConstraints",
                    json!({"topologyKey": KEYS[*key], "labelSelector": selector, "maxSkew": 1,
                        "whenUnsatisfiable": "DoNotSchedule"}),
                ),
            };
            match parent[list].as_array_mut() {
                Some(entries) => entries.push(entry),
                None => parent[list] = json!([entry]),
            }
        }
        PodInfo::new(Arc::new(json!({"spec": spec,
            "metadata": {"namespace": "a", "name": name, "labels": {"app": APPS[app]}}})))
    }

    /// Nodes of three zones; every fourth is in no rack.
    fn nodes(count: usize) -> Vec<NodeInfo> {
        let node = |index: usize| {
            let mut labels = json!({"host": format!("n{index}"), "zone": format!("z{}", index % 3)});
            if index % 4 != 3 {
                labels["rack"] = format!("r{}", index % 2).into();
            }
            NodeInfo::new(Arc::new(
                json!({"metadata": {"name": format!("n{index}"), "labels": labels}}),
            ))
        };
        (0..count).map(node).collect()
    }

    /// The pod with a claim, which only one pod may have.
    fn with_claim(pod: &PodInfo) -> PodInfo {
        let mut object = Value::clone(&pod.object);
        object["spec"]["volumes"] = json!([{"persistentVolumeClaim": {"claimName": "data"}}]);
        PodInfo::new(object.into())
    }

    fn verdicts(pod: &PodInfo, nodes: &[NodeInfo], state: &CycleState) -> Vec<[Verdict; 3]> {
        let all = |node: &NodeInfo| {
            [
                inter_pod_affinity::filter(pod, node, state),
                pod_topology_spread::filter(pod, node, state),
                volume_restrictions::filter(state),
            ]
        };
        nodes.iter().map(all).collect()
    }

    /// Counts for the pod, whose claim is had by whichever pods on the nodes name it.
    fn counted(pod: &PodInfo, nodes: &[NodeInfo]) -> CycleState {
        let mut pod = pod.clone();
        if claims_of(&pod.object).next().is_some() {
            let others = nodes.iter().flat_map(NodeInfo::pods);
            let users = others.filter(|other| claims_of(&other.object).next().is_some());
            pod.volumes.users = users.map(PodInfo::key).collect();
        }
        CycleState::new(&pod, &nodes.iter().collect::<Vec<_>>())
    }

    fn says() -> impl Strategy<Value = Vec<Says>> {
        proptest::collection::vec((0_usize..3, 0_usize..3, 0_usize..3), 0..3)
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(200))]

        /// Thinking pods away and back again says what counting anew would say.
        #[test]
        fn counts_follow_pods_that_come_and_go(
            own in (0_usize..3, says(), any::<bool>()),
            others in proptest::collection::vec((0_usize..3, says(), 0_usize..5, any::<bool>(), 0_u8..6), 0..12),
        ) {
            let mut incoming = pod("p", own.0, &own.1);
            if own.2 {
                incoming = with_claim(&incoming);
                incoming.volumes.exclusive.insert(("a".to_owned(), "data".to_owned()));
            }
            let (mut all, mut some) = (nodes(5), nodes(5));
            let mut gone = Vec::new();
            for (index, (app, says, node, goes, claim)) in others.iter().enumerate() {
                let other = pod(&format!("p{index}"), *app, says);
                let other = Arc::new(if *claim == 0 { with_claim(&other) } else { other });
                all[*node].add(other.clone());
                match goes {
                    true => gone.push((*node, other)),
                    false => some[*node].add(other),
                }
            }
            let mut state = counted(&incoming, &all);
            for (node, other) in &gone {
                state.count(&incoming, other, &all[*node], -1);
            }
            prop_assert_eq!(
                verdicts(&incoming, &all, &state),
                verdicts(&incoming, &some, &counted(&incoming, &some))
            );
            for (node, other) in &gone {
                state.count(&incoming, other, &all[*node], 1);
            }
            prop_assert_eq!(
                verdicts(&incoming, &all, &state),
                verdicts(&incoming, &all, &counted(&incoming, &all))
            );
        }

        /// A pod that the filters let in keeps what all pods require of each other.
        #[test]
        fn what_is_let_in_breaks_nothing(
            pods in proptest::collection::vec((0_usize..3, says()), 1..15),
        ) {
            let mut nodes = nodes(5);
            for (index, (app, says)) in pods.iter().enumerate() {
                let incoming = pod(&format!("p{index}"), *app, says);
                let state = counted(&incoming, &nodes);
                let fits = verdicts(&incoming, &nodes, &state);
                let Some(place) = fits.iter().position(|all| all.iter().all(|one| *one == Verdict::Fits)) else {
                    continue;
                };
                nodes[place].add(Arc::new(incoming));
                prop_assert_eq!(repelled(&nodes), Vec::<String>::new());
            }
        }
    }

    /// The pods that are near one that they must be away from, found the long way.
    fn repelled(nodes: &[NodeInfo]) -> Vec<String> {
        let placed = || {
            nodes
                .iter()
                .flat_map(|node| node.pods().map(move |pod| (node, pod)))
        };
        let list = |pod: &PodInfo| -> Vec<Value> {
            let away = &pod.spec()["affinity"]["podAntiAffinity"];
            let terms = away["requiredDuringSchedulingIgnoredDuringExecution"].as_array();
            terms.cloned().unwrap_or_default()
        };
        let near = |a: &NodeInfo, b: &NodeInfo, key: &str| {
            a.label(key).is_some_and(|value| b.label(key) == Some(value))
        };
        let mut found = Vec::new();
        for (node, pod) in placed() {
            for term in list(pod) {
                let key = term["topologyKey"].as_str().unwrap_or_default();
                let wanted = &term["labelSelector"]["matchLabels"]["app"];
                found.extend(placed().filter_map(|(other_node, other)| {
                    let meets = other.key() != pod.key()
                        && other.object["metadata"]["labels"]["app"] == *wanted
                        && near(node, other_node, key);
                    meets.then(|| format!("{} and {}", pod.key().1, other.key().1))
                }));
            }
        }
        found
    }
}
