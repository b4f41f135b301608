//! What the scheduler knows of the cluster: nodes in its own order, and what the pods on them take.
//!
//! Source: `kubernetes/pkg/scheduler/backend/cache` (cache and node tree).

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use serde_json::Value;

use crate::storage::{Object, text};

use super::plugins::pod_topology_spread::selector::Selector;
use super::pod_affinity::PodAffinity;
use super::requests::{self, HostPort, Resources};
use super::volumes::PodVolumes;
use super::{PodKey, key_of};

/// A pod with what the scheduler reads from it.
#[derive(Clone, Debug)]
pub(crate) struct PodInfo {
    pub(crate) object: Object,
    pub(crate) priority: i64,
    pub(crate) requests: Resources,
    /// CPU (in thousandths) and memory (in bytes) as scoring counts them.
    pub(crate) assumed: (i64, i64),
    pub(crate) ports: Vec<HostPort>,
    pub(crate) affinity: PodAffinity,
    /// What its volumes ask for; gathered for a pod that is being scheduled.
    pub(crate) volumes: PodVolumes,
    /// The labels of its namespace, null for none; gathered for a pod that is being scheduled.
    pub(crate) namespace_labels: Value,
    /// The pods that belong together with it; gathered for a pod that is being scheduled.
    pub(crate) siblings: Selector,
}

impl PodInfo {
    pub(crate) fn new(object: Object) -> Self {
        let spec = &object["spec"];
        Self {
            priority: spec["priority"].as_i64().unwrap_or_default(),
            requests: requests::pod_requests(&object),
            assumed: requests::assumed_requests(&object),
            ports: requests::host_ports(spec),
            affinity: PodAffinity::new(&object),
            volumes: PodVolumes::default(),
            namespace_labels: Value::Null,
            siblings: Selector::all_of(Vec::new()),
            object,
        }
    }

    /// Namespace and name.
    pub(crate) fn key(&self) -> PodKey {
        key_of(&self.object)
    }

    /// `status.nominatedNodeName`, if it has one.
    pub(crate) fn nominated_node(&self) -> Option<&str> {
        super::nominated_node(&self.object)
    }

    /// `metadata.namespace`.
    pub(crate) fn namespace(&self) -> &str {
        text(&self.object, &["metadata", "namespace"])
    }

    /// `spec`.
    pub(crate) fn spec(&self) -> &Value {
        &self.object["spec"]
    }
}

/// A node with its pods.
#[derive(Clone, Debug)]
pub(crate) struct NodeInfo {
    pub(crate) object: Object,
    pub(crate) allocatable: Resources,
    /// The images on the node with their sizes in bytes, by each of their names.
    pub(crate) images: BTreeMap<String, i64>,
    /// By namespace and name.
    pub(crate) pods: BTreeMap<PodKey, Arc<PodInfo>>,
    /// Those of them that say something of other pods.
    with_affinity: BTreeSet<PodKey>,
    pub(crate) requested: Resources,
    /// CPU (in thousandths) and memory (in bytes) of the pods as scoring counts them.
    pub(crate) assumed: (i64, i64),
}

impl NodeInfo {
    /// A node without pods.
    pub(crate) fn new(object: Object) -> Self {
        Self {
            allocatable: requests::resources(&object["status"]["allocatable"]),
            images: images(&object["status"]["images"]),
            object,
            pods: BTreeMap::new(),
            with_affinity: BTreeSet::new(),
            requested: Resources::new(),
            assumed: (0, 0),
        }
    }

    pub(crate) fn name(&self) -> &str {
        text(&self.object, &["metadata", "name"])
    }

    /// The value of one of the node's labels.
    pub(crate) fn label(&self, key: &str) -> Option<&str> {
        self.object["metadata"]["labels"].get(key)?.as_str()
    }

    /// The pods on the node.
    pub(crate) fn pods(&self) -> impl Iterator<Item = &PodInfo> {
        self.pods.values().map(AsRef::as_ref)
    }

    /// The pods of a namespace on the node.
    pub(crate) fn pods_of(&self, namespace: &str) -> impl Iterator<Item = &PodInfo> {
        let first = (namespace.to_owned(), String::new());
        let pods = self.pods.range(first..);
        let pods = pods.take_while(move |(key, _)| key.0 == namespace);
        pods.map(|(_, pod)| pod.as_ref())
    }

    /// The pods on the node that say something of other pods.
    pub(crate) fn pods_with_affinity(&self) -> impl Iterator<Item = &PodInfo> {
        let pods = self.with_affinity.iter().filter_map(|key| self.pods.get(key));
        pods.map(AsRef::as_ref)
    }

    /// Takes in a pod on the node.
    pub(crate) fn add(&mut self, pod: Arc<PodInfo>) {
        requests::add(&mut self.requested, &pod.requests);
        self.assumed.0 += pod.assumed.0;
        self.assumed.1 += pod.assumed.1;
        let key = pod.key();
        if !pod.affinity.is_empty() {
            self.with_affinity.insert(key.clone());
        }
        self.pods.insert(key, pod);
    }

    /// Forgets a pod on the node.
    pub(crate) fn remove(&mut self, key: &PodKey) {
        if let Some(pod) = self.pods.remove(key) {
            self.with_affinity.remove(key);
            requests::subtract(&mut self.requested, &pod.requests);
            self.assumed.0 -= pod.assumed.0;
            self.assumed.1 -= pod.assumed.1;
        }
    }
}

#[derive(Clone, Debug)]
struct Zone {
    name: String,
    nodes: Vec<String>,
}

/// All nodes.
#[derive(Clone, Debug, Default)]
pub(crate) struct Cache {
    nodes: BTreeMap<String, NodeInfo>,
    /// Zones and their nodes in the order in which they first came; a node that returns has its old place.
    zones: Vec<Zone>,
    /// Pods bound to a node that is not there (yet).
    homeless: BTreeMap<PodKey, Arc<PodInfo>>,
}

impl Cache {
    /// Takes in a node as it is now; the node as it was before, without its pods.
    pub(crate) fn set_node(&mut self, object: Object) -> Option<NodeInfo> {
        let name = text(&object, &["metadata", "name"]).to_owned();
        self.place(&name, &zone_of(&object));
        let new = NodeInfo::new(object);
        let (node, old) = match self.nodes.remove(&name) {
            Some(old) => {
                let before = NodeInfo::new(old.object.clone());
                let node = NodeInfo {
                    object: new.object,
                    allocatable: new.allocatable,
                    images: new.images,
                    ..old
                };
                (node, Some(before))
            }
            None => (self.with_homeless(new), None),
        };
        self.nodes.insert(name, node);
        old
    }

    /// A new node with the pods that were bound to it before it came.
    fn with_homeless(&mut self, mut node: NodeInfo) -> NodeInfo {
        for (key, pod) in std::mem::take(&mut self.homeless) {
            match text(pod.spec(), &["nodeName"]) == node.name() {
                true => node.add(pod),
                false => drop(self.homeless.insert(key, pod)),
            }
        }
        node
    }

    fn place(&mut self, name: &str, zone: &str) {
        if self
            .zones
            .iter()
            .any(|known| known.name == zone && known.nodes.iter().any(|node| node == name))
        {
            return;
        }
        for known in &mut self.zones {
            known.nodes.retain(|node| node != name);
        }
        match self.zones.iter_mut().find(|known| known.name == zone) {
            Some(known) => known.nodes.push(name.to_owned()),
            None => self.zones.push(Zone {
                name: zone.to_owned(),
                nodes: vec![name.to_owned()],
            }),
        }
    }

    /// Forgets a node; its pods are kept for its return.
    pub(crate) fn remove_node(&mut self, name: &str) {
        if let Some(node) = self.nodes.remove(name) {
            self.homeless.extend(node.pods);
        }
    }

    /// Takes in a pod that is bound to a node.
    pub(crate) fn set_pod(&mut self, object: Object) {
        self.remove_pod(&object);
        let pod = Arc::new(PodInfo::new(object));
        let node = text(pod.spec(), &["nodeName"]).to_owned();
        match self.nodes.get_mut(&node) {
            Some(node) => node.add(pod),
            None => drop(self.homeless.insert(pod.key(), pod)),
        }
    }

    /// Forgets a pod that was bound to a node.
    pub(crate) fn remove_pod(&mut self, object: &Value) {
        let key = key_of(object);
        self.homeless.remove(&key);
        if let Some(node) = self.nodes.get_mut(text(object, &["spec", "nodeName"])) {
            node.remove(&key);
        }
    }

    /// The node of that name.
    pub(crate) fn node(&self, name: &str) -> Option<&NodeInfo> {
        self.nodes.get(name)
    }

    /// The nodes in the scheduler's order: the first of each zone, then the second of each, and so on.
    pub(crate) fn nodes(&self) -> Vec<&NodeInfo> {
        let longest = self.zones.iter().map(|zone| zone.nodes.len()).max();
        (0..longest.unwrap_or_default())
            .flat_map(|index| self.zones.iter().filter_map(move |zone| zone.nodes.get(index)))
            .filter_map(|name| self.nodes.get(name))
            .collect()
    }
}

fn images(list: &Value) -> BTreeMap<String, i64> {
    let mut images = BTreeMap::new();
    for image in list.as_array().into_iter().flatten() {
        let size = image["sizeBytes"].as_i64().unwrap_or_default();
        let names = image["names"].as_array().into_iter().flatten();
        images.extend(
            names
                .filter_map(Value::as_str)
                .map(|name| (name.to_owned(), size)),
        );
    }
    images
}

fn zone_of(node: &Value) -> String {
    let label = |name| node["metadata"]["labels"][name].as_str().unwrap_or_default();
    format!(
        "{}:{}",
        label("topology.kubernetes.io/region"),
        label("topology.kubernetes.io/zone")
    )
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn node(name: &str, zone: &str) -> Object {
        Arc::new(
            json!({"metadata": {"name": name, "labels": {"topology.kubernetes.io/zone": zone}},
            "status": {"allocatable": {"cpu": "4"}}}),
        )
    }

    fn pod(name: &str, node: &str) -> Object {
        Arc::new(json!({"metadata": {"namespace": "a", "name": name},
            "spec": {"nodeName": node, "containers": [{"resources": {"requests": {"cpu": "1"}}}]}}))
    }

    fn names(cache: &Cache) -> Vec<&str> {
        cache.nodes().into_iter().map(NodeInfo::name).collect()
    }

    #[test]
    fn zones_are_interleaved_and_a_node_that_returns_has_its_old_place() {
        let mut cache = Cache::default();
        for (name, zone) in [("a1", "a"), ("a2", "a"), ("b1", "b")] {
            cache.set_node(node(name, zone));
        }
        assert_eq!(names(&cache), ["a1", "b1", "a2"]);
        cache.remove_node("a1");
        assert_eq!(names(&cache), ["b1", "a2"]);
        cache.set_node(node("a1", "a"));
        assert_eq!(names(&cache), ["a1", "b1", "a2"]);
    }

    #[test]
    fn what_pods_take_follows_them() {
        let mut cache = Cache::default();
        cache.set_pod(pod("early", "n"));
        cache.set_node(node("n", "a"));
        cache.set_pod(pod("p", "n"));
        let cpu = |cache: &Cache| requests::of(&cache.nodes()[0].requested, "cpu");
        assert_eq!(cpu(&cache), 2000);
        cache.set_pod(pod("p", "n"));
        assert_eq!(cpu(&cache), 2000, "an update is not one more");
        cache.remove_pod(&pod("early", "n"));
        assert_eq!(cpu(&cache), 1000);
    }
}
