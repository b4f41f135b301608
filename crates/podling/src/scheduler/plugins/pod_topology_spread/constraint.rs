//! What a pod asks of its spread.
//!
//! Source: `pkg/scheduler/framework/plugins/podtopologyspread/common.go`, v1.36.

use serde_json::{Value, json};

use crate::placement;
use crate::storage::text;

use super::super::super::cache::{NodeInfo, PodInfo};
use super::selector::Selector;

/// The topology in which each node is a domain of its own.
pub(crate) const HOSTNAME: &str = "kubernetes.io/hostname";
const ZONE: &str = "topology.kubernetes.io/zone";

/// A topology spread constraint.
#[derive(Clone, Debug)]
pub(crate) struct Constraint {
    pub(crate) max_skew: i64,
    pub(crate) topology_key: String,
    pub(crate) selector: Selector,
    /// With fewer domains than this the least of pods in a domain counts as none.
    pub(crate) min_domains: usize,
    heeds_affinity: bool,
    heeds_taints: bool,
}

impl Constraint {
    fn new(constraint: &Value, pod: &PodInfo) -> Self {
        let domains = constraint["minDomains"].as_u64();
        Self {
            max_skew: constraint["maxSkew"].as_i64().unwrap_or_default(),
            topology_key: text(constraint, &["topologyKey"]).to_owned(),
            selector: selector(constraint, &pod.object["metadata"]["labels"]),
            min_domains: domains.map_or(1, |domains| usize::try_from(domains).unwrap_or(usize::MAX)),
            heeds_affinity: constraint["nodeAffinityPolicy"] != "Ignore",
            heeds_taints: constraint["nodeTaintsPolicy"] == "Honor",
        }
    }

    /// One of the constraints for all pods that belong to something; it is only a preference.
    fn system_default(topology_key: &str, max_skew: i64, selector: &Selector) -> Self {
        Self {
            max_skew,
            topology_key: topology_key.to_owned(),
            selector: selector.clone(),
            min_domains: 1,
            heeds_affinity: true,
            heeds_taints: false,
        }
    }

    /// The node's domain; `None` if the node has none or does not count for the pod.
    pub(crate) fn domain<'a>(&self, pod: &PodInfo, node: &'a NodeInfo) -> Option<&'a str> {
        let domain = node.label(&self.topology_key)?;
        self.includes(pod, node).then_some(domain)
    }

    /// Whether the node counts for the pod.
    pub(crate) fn includes(&self, pod: &PodInfo, node: &NodeInfo) -> bool {
        let (spec, object) = (pod.spec(), &node.object);
        (!self.heeds_affinity || placement::selects(spec, object))
            && (!self.heeds_taints
                || placement::untolerated(spec, object, &["NoSchedule", "NoExecute"]).is_none())
    }

    /// How many pods on the node are spread together with the pod. A selector of everything counts nothing.
    pub(crate) fn count(&self, pod: &PodInfo, node: &NodeInfo) -> i64 {
        if self.selector.is_empty() {
            return 0;
        }
        let stays = |other: &&PodInfo| other.object["metadata"]["deletionTimestamp"].is_null();
        let pods = node.pods_of(pod.namespace()).filter(stays);
        let matching = pods.filter(|other| self.selector.matches(other)).count();
        i64::try_from(matching).unwrap_or(i64::MAX)
    }
}

/// The constraint's selector with the pod's own values for the labels in `matchLabelKeys`.
fn selector(constraint: &Value, labels: &Value) -> Selector {
    let mut selector = Selector::new(&constraint["labelSelector"]);
    for key in constraint["matchLabelKeys"].as_array().into_iter().flatten() {
        if let Some((key, value)) = key.as_str().and_then(|key| Some((key, labels.get(key)?))) {
            selector.narrow(json!({"matchLabels": {key: value}}));
        }
    }
    selector
}

fn own(pod: &PodInfo) -> &[Value] {
    let constraints = pod.spec()["topologySpreadConstraints"].as_array();
    constraints.map(Vec::as_slice).unwrap_or_default()
}

fn with_action(pod: &PodInfo, action: &str) -> Vec<Constraint> {
    let constraints = own(pod).iter().filter(|one| one["whenUnsatisfiable"] == *action);
    constraints.map(|one| Constraint::new(one, pod)).collect()
}

/// What the pod requires.
pub(crate) fn hard(pod: &PodInfo) -> Vec<Constraint> {
    with_action(pod, "DoNotSchedule")
}

/// Whether the pod has constraints of its own, and not those for all pods.
pub(crate) fn has_own(pod: &PodInfo) -> bool {
    !own(pod).is_empty()
}

/// What the pod prefers. One without constraints is spread with the pods of its services and its workload, over
/// nodes and more loosely over zones.
pub(crate) fn soft(pod: &PodInfo) -> Vec<Constraint> {
    if has_own(pod) {
        return with_action(pod, "ScheduleAnyway");
    }
    if pod.siblings.is_empty() {
        return Vec::new();
    }
    [(HOSTNAME, 3), (ZONE, 5)]
        .map(|(key, skew)| Constraint::system_default(key, skew, &pod.siblings))
        .into()
}
