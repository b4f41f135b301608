//! What is in a cluster: every object that someone could have made or changed, as it is told apart from what the cluster
//! makes by itself.
//!
//! The inventory of a new cluster is what a sweep goes back to. Objects that belong to another one (the Pods of a
//! Deployment, a node's lease) are not in it: they come and go with their owner.

use super::Error;
use super::owner::fnv1a;
use futures::stream::{self, StreamExt as _, TryStreamExt as _};
use kube::Client;
use kube::api::{Api, DynamicObject, ListParams};
use kube::core::ApiResource;
use kube::discovery::{Discovery, Scope, verbs};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};

/// How many lists are asked for at a time.
const AT_ONCE: usize = 8;

/// Objects that name no owner and yet are the cluster's own doing: they are neither removed nor missed.
const BY_THE_CLUSTER: [(&str, Option<&str>); 6] = [
    ("Event", None),
    ("IPAddress", None),
    ("ComponentStatus", None),
    ("Lease", Some("kube-system")),
    ("Lease", Some("kube-node-lease")),
    ("Endpoints", Some("kube-system")),
];

/// Objects that the cluster's own components rewrite or clear away in time: another content, or none, is no change.
const REWRITTEN: [(&str, &str); 4] = [
    ("ConfigMap", "kube-public/cluster-info"),
    ("ConfigMap", "kube-system/extension-apiserver-authentication"),
    (
        "ConfigMap",
        "kube-system/kube-apiserver-legacy-service-account-token-tracking",
    ),
    ("Secret", "kube-system/bootstrap-token-"),
];

/// What was there when a cluster was new.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct Inventory {
    /// The objects that belong to no other, with a digest of what people set in them.
    pub(super) objects: BTreeMap<String, u64>,
    /// What people set on the nodes.
    pub(super) nodes: BTreeMap<String, NodeState>,
}

/// What people set on a node.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct NodeState {
    pub(super) labels: BTreeMap<String, String>,
    /// The taints that no controller sets by itself.
    pub(super) taints: Vec<Value>,
    pub(super) cordoned: bool,
}

/// An object as it was found.
#[derive(Debug, Clone)]
pub(super) struct Seen {
    /// `Kind.group/namespace/name`; the parts that it lacks are left out.
    pub(super) key: String,
    pub(super) resource: ApiResource,
    pub(super) namespace: Option<String>,
    pub(super) name: String,
    pub(super) uid: String,
    pub(super) owners: Vec<String>,
    pub(super) leaving: bool,
    pub(super) finalizers: bool,
    pub(super) digest: u64,
    /// For a node.
    pub(super) node: Option<NodeState>,
}

impl Seen {
    fn of(resource: &ApiResource, object: &Value) -> Self {
        let metadata = &object["metadata"];
        let text = |field: &str| metadata[field].as_str().unwrap_or_default().to_owned();
        let namespace = metadata["namespace"].as_str().map(str::to_owned);
        let owners = metadata["ownerReferences"].as_array().into_iter().flatten();
        let key = [
            Some(kind_and_group(resource)),
            namespace.clone(),
            Some(text("name")),
        ];
        Self {
            key: key.into_iter().flatten().collect::<Vec<_>>().join("/"),
            namespace,
            name: text("name"),
            uid: text("uid"),
            owners: owners
                .filter_map(|owner| owner["uid"].as_str().map(str::to_owned))
                .collect(),
            leaving: !metadata["deletionTimestamp"].is_null(),
            finalizers: metadata["finalizers"]
                .as_array()
                .is_some_and(|list| !list.is_empty()),
            digest: digest(object),
            node: (resource.kind == "Node").then(|| NodeState::of(object)),
            resource: resource.clone(),
        }
    }

    /// Whether the cluster itself makes and removes it.
    pub(super) fn is_by_the_cluster(&self) -> bool {
        BY_THE_CLUSTER.iter().any(|(kind, namespace)| {
            self.resource.kind == *kind && namespace.is_none_or(|it| self.namespace.as_deref() == Some(it))
        })
    }

    /// Whether the cluster's components rewrite it in time.
    pub(super) fn is_rewritten(&self) -> bool {
        is_rewritten(&self.key)
    }
}

/// Whether the object of this key may be gone, or hold something else.
pub(super) fn is_rewritten(key: &str) -> bool {
    let kind = key.split(['/', '.']).next().unwrap_or_default();
    let place = key.split_once('/').map_or("", |(_, place)| place);
    // A request for a certificate is cleared away an hour after it was answered.
    kind == "CertificateSigningRequest"
        || REWRITTEN
            .iter()
            .any(|(of, start)| kind == *of && place.starts_with(start))
}

impl NodeState {
    pub(super) fn of(node: &Value) -> Self {
        let labels = node["metadata"]["labels"].as_object().into_iter().flatten();
        let taints = node["spec"]["taints"].as_array().into_iter().flatten();
        let by_controller = |taint: &&Value| {
            taint["key"]
                .as_str()
                .is_some_and(|key| key.starts_with("node.kubernetes.io/"))
        };
        Self {
            labels: labels
                .map(|(key, value)| (key.clone(), value.as_str().unwrap_or_default().to_owned()))
                .collect(),
            taints: taints.filter(|taint| !by_controller(taint)).cloned().collect(),
            cordoned: node["spec"]["unschedulable"] == true,
        }
    }
}

fn kind_and_group(resource: &ApiResource) -> String {
    match resource.group.as_str() {
        "" => resource.kind.clone(),
        group => format!("{}.{group}", resource.kind),
    }
}

/// A digest of what people set in an object: its labels and everything but metadata and status.
fn digest(object: &Value) -> u64 {
    let mut set = json!({ "labels": object["metadata"]["labels"] });
    if let (Some(set), Some(fields)) = (set.as_object_mut(), object.as_object()) {
        let own = |field: &str| !["apiVersion", "kind", "metadata", "status"].contains(&field);
        set.extend(
            fields
                .iter()
                .filter(|(field, _)| own(field))
                .map(|(field, value)| (field.clone(), value.clone())),
        );
    }
    fnv1a(set.to_string().as_bytes())
}

impl Inventory {
    /// The inventory of a cluster in which these objects are.
    pub(super) fn of(seen: &[Seen]) -> Self {
        let stands_alone = |it: &&Seen| it.owners.is_empty() && it.node.is_none() && !it.is_by_the_cluster();
        let nodes = seen
            .iter()
            .filter_map(|it| Some((it.name.clone(), it.node.clone()?)));
        Self {
            objects: seen
                .iter()
                .filter(stands_alone)
                .map(|it| (it.key.clone(), it.digest))
                .collect(),
            nodes: nodes.collect(),
        }
    }
}

/// Every object in the cluster that can be listed and deleted, each once.
pub(super) async fn look(client: &Client) -> Result<Vec<Seen>, Error> {
    let unreachable = |error: kube::Error| Error::Unreachable(error.to_string());
    let discovery = Discovery::new(client.clone())
        .run_aggregated()
        .await
        .map_err(unreachable)?;
    let mut kinds = BTreeSet::new();
    let resources: Vec<(ApiResource, Scope)> = discovery
        .groups_alphabetical()
        .into_iter()
        .flat_map(kube::discovery::ApiGroup::recommended_resources)
        .filter(|(_, can)| can.supports_operation(verbs::LIST) && can.supports_operation(verbs::DELETE))
        // Events are served in two groups.
        .filter(|(resource, _)| resource.kind != "Event" || kinds.insert(resource.kind.clone()))
        .map(|(resource, can)| (resource, can.scope))
        .collect();
    let lists: Vec<Vec<Seen>> = stream::iter(resources)
        .map(|(resource, _)| list(client, resource))
        .buffered(AT_ONCE)
        .try_collect()
        .await?;
    Ok(lists.concat())
}

async fn list(client: &Client, resource: ApiResource) -> Result<Vec<Seen>, Error> {
    let api: Api<DynamicObject> = Api::all_with(client.clone(), &resource);
    match api.list(&ListParams::default()).await {
        Ok(found) => Ok(found
            .items
            .into_iter()
            .filter_map(|object| serde_json::to_value(object).ok())
            .map(|object| Seen::of(&resource, &object))
            .collect()),
        // A kind whose definition was just removed, or that can't be listed as a whole.
        Err(kube::Error::Api(status)) if [404, 405].contains(&status.code) => Ok(vec![]),
        Err(error) => Err(Error::Unreachable(error.to_string())),
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    /// An object of the core group or of `apps`, by kind.
    pub(in crate::cluster) fn seen(kind: &str, object: &Value) -> Seen {
        let group = if kind == "Deployment" { "apps" } else { "" };
        let resource = ApiResource {
            group: group.to_owned(),
            version: "v1".to_owned(),
            api_version: "v1".to_owned(),
            kind: kind.to_owned(),
            plural: format!("{}s", kind.to_lowercase()),
        };
        Seen::of(&resource, object)
    }

    #[test]
    fn an_object_is_known_by_kind_group_namespace_and_name() {
        let deployment = json!({"metadata": {"name": "web", "namespace": "default", "uid": "u"}});
        assert_eq!(seen("Deployment", &deployment).key, "Deployment.apps/default/web");
        let node = json!({"metadata": {"name": "n", "uid": "u"}});
        assert_eq!(seen("Node", &node).key, "Node/n");
    }

    #[test]
    fn what_a_controller_writes_is_no_change_and_what_a_person_sets_is() {
        let object = |labels: &Value, replicas: i64, ready: i64| {
            let object = json!({"metadata": {"name": "web", "resourceVersion": ready.to_string(), "labels": labels},
                "spec": {"replicas": replicas}, "status": {"ready": ready}});
            seen("Deployment", &object).digest
        };
        let before = object(&json!({}), 1, 0);
        assert_eq!(before, object(&json!({}), 1, 1));
        assert_ne!(before, object(&json!({}), 2, 0));
        assert_ne!(before, object(&json!({"a": "b"}), 1, 0));
    }

    #[test]
    fn the_inventory_holds_what_belongs_to_nothing_else() {
        let objects = [
            seen(
                "Service",
                &json!({"metadata": {"name": "kubernetes", "namespace": "default", "uid": "s"}}),
            ),
            seen(
                "Pod",
                &json!({"metadata": {"name": "dns", "namespace": "kube-system", "uid": "p",
                "ownerReferences": [{"uid": "r"}]}}),
            ),
            seen(
                "Event",
                &json!({"metadata": {"name": "e", "namespace": "default", "uid": "e"}}),
            ),
            seen(
                "Lease",
                &json!({"metadata": {"name": "l", "namespace": "kube-system", "uid": "l"}}),
            ),
            seen(
                "Node",
                &json!({"metadata": {"name": "n", "uid": "n", "labels": {"zone": "a"}},
                "spec": {"taints": [{"key": "node.kubernetes.io/not-ready"}, {"key": "mine"}]}}),
            ),
        ];
        let inventory = Inventory::of(&objects);
        assert_eq!(
            inventory.objects.keys().collect::<Vec<_>>(),
            ["Service/default/kubernetes"]
        );
        let node = &inventory.nodes["n"];
        assert_eq!(
            (node.labels["zone"].as_str(), node.taints.len(), node.cordoned),
            ("a", 1, false)
        );
    }

    #[test]
    fn what_the_cluster_rewrites_may_change() {
        for (key, rewritten) in [
            ("ConfigMap/kube-public/cluster-info", true),
            ("Secret/kube-system/bootstrap-token-abcdef", true),
            ("CertificateSigningRequest.certificates.k8s.io/csr-x", true),
            ("ConfigMap/kube-system/coredns", false),
            ("Secret/default/bootstrap-token-abcdef", false),
        ] {
            assert_eq!(is_rewritten(key), rewritten, "{key}");
        }
    }
}
