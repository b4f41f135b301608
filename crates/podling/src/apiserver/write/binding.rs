//! The `binding` subresource: puts a Pod on a node.
//!
//! Source: `assignPod` in `pkg/registry/core/pod/storage`, v1.36.

use serde_json::{Value, json};

use super::super::admission::topology_labels;
use super::super::{ApiServer, WriteOptions, registry};
use super::{Ownership, Target};
use crate::resource::NODES;
use crate::status::Status;
use crate::storage::{Object, text};

impl ApiServer {
    /// Puts the Pod on the node that the binding names.
    ///
    /// # Errors
    /// When the binding names no node, or the Pod has one, goes or is held back.
    pub(in super::super) fn bind(
        &mut self,
        target: &Target<'_>,
        binding: &Value,
        options: &WriteOptions,
    ) -> Result<Object, Status> {
        let node = text(binding, &["target", "name"]).to_owned();
        if node.is_empty() {
            return Err(Status::new(500, "", "target.name: Required value"));
        }
        let now = self.now().rfc3339();
        let labels = self.labels_of_bound(binding);
        self.update_with(target, options, Ownership::Tracked, |pod| {
            check_free(target, pod)?;
            let mut pod = pod.clone();
            pod["spec"]["nodeName"] = node.into();
            copy_metadata(binding, &labels, &mut pod);
            set_scheduled(&mut pod, &now);
            // A pod that has its node is nominated for none (KEP-5278).
            registry::read::remove(&mut pod["status"], "nominatedNodeName");
            Ok(pod)
        })
    }

    /// The binding's own labels and those of its node that Pods have too.
    fn labels_of_bound(&self, binding: &Value) -> Value {
        let own = binding["metadata"]["labels"].as_object();
        let mut labels = Value::Object(own.cloned().unwrap_or_default());
        let target = &binding["target"];
        if target["kind"] == "Node"
            && let Some(node) = self.get(&NODES, "", text(target, &["name"]))
        {
            for (key, value) in topology_labels::of_node(node) {
                labels[key] = value.clone();
            }
        }
        labels
    }
}

fn check_free(target: &Target<'_>, pod: &Value) -> Result<(), Status> {
    let name = &target.name;
    if pod["metadata"].get("deletionTimestamp").is_some() {
        return Err(target.conflict(&format!(
            "pod {name} is being deleted, cannot be assigned to a host"
        )));
    }
    let assigned = text(pod, &["spec", "nodeName"]);
    if !assigned.is_empty() {
        return Err(target.conflict(&format!("pod {name} is already assigned to node \"{assigned}\"")));
    }
    let gates = pod["spec"]["schedulingGates"].as_array();
    if gates.is_some_and(|gates| !gates.is_empty()) {
        return Err(target.conflict(&format!("pod {name} has non-empty .spec.schedulingGates")));
    }
    Ok(())
}

/// Puts what a binding carries into the Pod's metadata. A label that the Pod has already stays.
fn copy_metadata(binding: &Value, labels: &Value, pod: &mut Value) {
    let entries = |map: &Value| map.as_object().cloned().unwrap_or_default();
    for (key, value) in entries(&binding["metadata"]["annotations"]) {
        pod["metadata"]["annotations"][key] = value;
    }
    for (key, value) in entries(labels) {
        let own = registry::read::object_at(&mut pod["metadata"], "labels");
        own.as_object_mut().map(|own| own.entry(key).or_insert(value));
    }
}

fn set_scheduled(pod: &mut Value, now: &str) {
    let condition = json!({
        "type": "PodScheduled", "status": "True", "lastProbeTime": null, "lastTransitionTime": now,
    });
    match pod["status"]["conditions"].as_array_mut() {
        Some(conditions) => {
            conditions.retain(|condition| condition["type"] != "PodScheduled");
            conditions.push(condition);
        }
        None => pod["status"]["conditions"] = json!([condition]),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_binding_adds_labels_and_overwrites_annotations() {
        let mut pod = json!({"metadata": {"labels": {"zone": "mine"}, "annotations": {"a": "old"}}});
        let binding = json!({"metadata": {"annotations": {"a": "new"}}});
        copy_metadata(&binding, &json!({"zone": "b", "region": "r"}), &mut pod);
        assert_eq!(
            pod["metadata"],
            json!({"labels": {"zone": "mine", "region": "r"}, "annotations": {"a": "new"}})
        );
        let mut bare = json!({"metadata": {}});
        copy_metadata(&binding, &json!({}), &mut bare);
        assert!(bare["metadata"].get("labels").is_none());
    }
}
