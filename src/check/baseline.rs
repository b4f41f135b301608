//! What was there before the break: what guards compare with.

use std::collections::BTreeMap;

use kube::Client;
use kube::api::{Api, DynamicObject, ListParams};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::object::{list, name, text};
use crate::kinds::Kind;
use crate::lab::{Lab, LabError, Target};
use crate::manifest;

/// The kinds that people make or change by hand. What controllers make by themselves isn't anybody's doing.
pub(super) const INVENTORIED: [&str; 7] = [
    "ConfigMap",
    "DaemonSet",
    "Deployment",
    "Namespace",
    "Node",
    "Service",
    "StatefulSet",
];

/// The lab's own objects as its manifests make them, and an inventory of everything else.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Baseline {
    /// Whether the whole cluster is bbf's, or only the lab's namespace.
    pub scope: Scope,
    /// The objects of the lab's manifests.
    pub objects: Vec<Value>,
    /// What else existed, as `Kind/namespace/name`, with what people set in it.
    pub inventory: BTreeMap<String, Value>,
}

/// How far a lab answers for changes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Scope {
    /// A cluster of bbf's own: nobody else changes anything in it.
    #[default]
    Cluster,
    /// A cluster that others use too: only the lab's namespace counts.
    Namespace,
}

/// Why no baseline could be taken.
#[derive(Debug, thiserror::Error)]
pub enum BaselineError {
    /// A manifest of the lab has a mistake.
    #[error(transparent)]
    Manifest(#[from] LabError),
    /// The cluster didn't answer.
    #[error("can't list the {plural} of the cluster: {source}")]
    List {
        /// The resource.
        plural: &'static str,
        /// Why.
        source: Box<kube::Error>,
    },
}

impl Baseline {
    /// Takes the baseline. To be called before the break is applied.
    ///
    /// # Errors
    /// When a manifest of the lab has a mistake, or the cluster can't be listed.
    pub async fn capture(
        client: &Client,
        lab: &Lab,
        namespace: &str,
        scope: Scope,
    ) -> Result<Self, BaselineError> {
        let mut baseline = Self {
            scope,
            objects: lab_objects(lab)?,
            inventory: BTreeMap::new(),
        };
        for kind in INVENTORIED.into_iter().filter_map(Kind::of) {
            if !in_scope(kind, scope) {
                continue;
            }
            for object in listed(client, kind, namespace, scope).await? {
                if !baseline.is_of_the_lab(kind.kind, name(&object)) {
                    baseline
                        .inventory
                        .insert(identity(kind.kind, &object), essence(kind.kind, &object));
                }
            }
        }
        Ok(baseline)
    }

    /// The lab's own object of a kind and name, as its manifest makes it.
    pub(super) fn object(&self, target: &Target) -> Option<&Value> {
        self.objects
            .iter()
            .find(|object| object["kind"] == target.kind.as_str() && Some(name(object)) == target.name())
    }

    fn is_of_the_lab(&self, kind: &str, wanted: &str) -> bool {
        self.objects
            .iter()
            .any(|object| object["kind"] == kind && name(object) == wanted)
    }
}

/// Whether objects of the kind can be held against the learner.
pub(super) fn in_scope(kind: Kind, scope: Scope) -> bool {
    kind.namespaced || scope == Scope::Cluster
}

/// The objects that the lab's manifests make.
fn lab_objects(lab: &Lab) -> Result<Vec<Value>, LabError> {
    let mut objects = vec![];
    for file in &lab.manifests {
        objects.extend(
            manifest::parse(&file.path, &file.text)?
                .into_iter()
                .map(|document| document.object),
        );
    }
    Ok(objects)
}

async fn listed(
    client: &Client,
    kind: Kind,
    namespace: &str,
    scope: Scope,
) -> Result<Vec<Value>, BaselineError> {
    let api = api(client, kind, namespace, scope);
    let objects = match api.list(&ListParams::default()).await {
        Ok(found) => found.items,
        Err(kube::Error::Api(status)) if status.code == 404 => vec![],
        Err(source) => {
            return Err(BaselineError::List {
                plural: kind.plural,
                source: Box::new(source),
            });
        }
    };
    Ok(objects
        .into_iter()
        .filter_map(|object| serde_json::to_value(object).ok())
        .collect())
}

/// The API for a kind: in all namespaces where the cluster is bbf's own.
pub(super) fn api(client: &Client, kind: Kind, namespace: &str, scope: Scope) -> Api<DynamicObject> {
    if kind.namespaced && scope == Scope::Namespace {
        Api::namespaced_with(client.clone(), namespace, &kind.resource())
    } else {
        Api::all_with(client.clone(), &kind.resource())
    }
}

/// `Kind/namespace/name`, the namespace left out where there is none.
pub(super) fn identity(kind: &str, object: &Value) -> String {
    match text(object, "/metadata/namespace") {
        Some(namespace) => format!("{kind}/{namespace}/{}", name(object)),
        None => format!("{kind}/{}", name(object)),
    }
}

/// What people set in an object, without what controllers keep up to date in it.
pub(super) fn essence(kind: &str, object: &Value) -> Value {
    let uid = &object["metadata"]["uid"];
    match kind {
        "Namespace" => json!({ "uid": uid }),
        "ConfigMap" => json!({ "uid": uid, "data": object["data"], "binaryData": object["binaryData"] }),
        "Node" => json!({ "unschedulable": object["spec"]["unschedulable"], "taints": own_taints(object) }),
        _ => json!({ "uid": uid, "spec": object["spec"] }),
    }
}

/// The taints that the node controllers don't set by themselves.
fn own_taints(node: &Value) -> Vec<&Value> {
    let by_controller =
        |taint: &&Value| text(taint, "/key").is_some_and(|key| key.starts_with("node.kubernetes.io/"));
    list(node, "/spec/taints")
        .iter()
        .filter(|taint| !by_controller(taint))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_controllers_keep_up_to_date_is_no_change() {
        let node = |taints: Value| json!({"metadata": {"uid": "u", "resourceVersion": "1"}, "spec": {"taints": taints}});
        let plain = essence("Node", &node(json!([])));
        assert_eq!(
            plain,
            essence("Node", &node(json!([{"key": "node.kubernetes.io/not-ready"}])))
        );
        assert_ne!(plain, essence("Node", &node(json!([{"key": "mine"}]))));
    }

    #[test]
    fn a_namespaced_object_is_identified_with_its_namespace() {
        let object = json!({"metadata": {"name": "a", "namespace": "b"}});
        assert_eq!(
            (
                identity("Service", &object),
                identity("Node", &json!({"metadata": {"name": "n"}}))
            ),
            ("Service/b/a".to_owned(), "Node/n".to_owned())
        );
    }
}
