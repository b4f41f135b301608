//! What a DaemonSet's Pods look like, and for which node each one is.
//!
//! Source: `kubernetes/pkg/controller/daemon/util/daemonset_util.go`.

use serde_json::{Value, json};

use crate::storage::text;

use super::super::history::REVISION_LABEL;
use super::super::template;

/// The annotation of a set that counts the changes of its template, and the label that its Pods have of it.
const TEMPLATE_GENERATION: &str = "deprecated.daemonset.template.generation";
const GENERATION_LABEL: &str = "pod-template-generation";

/// What daemons bear that other Pods do not.
const TOLERATED: [(&str, &str); 6] = [
    ("node.kubernetes.io/not-ready", "NoExecute"),
    ("node.kubernetes.io/unreachable", "NoExecute"),
    ("node.kubernetes.io/disk-pressure", "NoSchedule"),
    ("node.kubernetes.io/memory-pressure", "NoSchedule"),
    ("node.kubernetes.io/pid-pressure", "NoSchedule"),
    ("node.kubernetes.io/unschedulable", "NoSchedule"),
];
/// Daemons on the node's own network are what brings up the network of others.
const TOLERATED_ON_HOST_NETWORK: (&str, &str) = ("node.kubernetes.io/network-unavailable", "NoSchedule");

/// Adds to a Pod's spec the tolerations that every daemon has.
pub(super) fn tolerate(spec: &mut Value) {
    let mut tolerations = spec["tolerations"].as_array().cloned().unwrap_or_default();
    let on_host = (spec["hostNetwork"] == true).then_some(TOLERATED_ON_HOST_NETWORK);
    for (key, effect) in TOLERATED.into_iter().chain(on_host) {
        let toleration = json!({"key": key, "operator": "Exists", "effect": effect});
        let is_same = |other: &&mut Value| {
            let same = |field: &str| text(other, &[field]) == text(&toleration, &[field]);
            ["key", "operator", "effect", "value"].into_iter().all(same)
        };
        match tolerations.iter_mut().find(is_same) {
            Some(own) => *own = toleration,
            None => tolerations.push(toleration),
        }
    }
    spec["tolerations"] = tolerations.into();
}

/// The generation of the set's template, as its annotation has it.
fn template_generation(set: &Value) -> Option<&str> {
    let generation = text(set, &["metadata", "annotations", TEMPLATE_GENERATION]);
    generation.parse::<i64>().is_ok().then_some(generation)
}

/// A new Pod of the set for that node, of the revision with that hash.
pub(super) fn new_pod(set: &Value, hash: &str, node: &str) -> Value {
    let mut pod = template::pod(set, &set["spec"]["template"]);
    let labels = &mut pod["metadata"]["labels"];
    if let Some(generation) = template_generation(set) {
        labels[GENERATION_LABEL] = generation.into();
    }
    labels[REVISION_LABEL] = hash.into();
    tolerate(&mut pod["spec"]);
    // No other term may stand beside this one: any of them would do.
    let terms = json!([{"matchFields": [{"key": "metadata.name", "operator": "In", "values": [node]}]}]);
    pod["spec"]["affinity"]["nodeAffinity"]["requiredDuringSchedulingIgnoredDuringExecution"]["nodeSelectorTerms"] =
        terms;
    pod
}

/// Whether the Pod is of the revision with that hash.
pub(super) fn is_updated(set: &Value, hash: &str, pod: &Value) -> bool {
    let label = |key: &str| text(pod, &["metadata", "labels", key]);
    let of_generation = template_generation(set) == Some(label(GENERATION_LABEL));
    of_generation || (!hash.is_empty() && label(REVISION_LABEL) == hash)
}

/// The node that the Pod is on, or the only one that its affinity names.
pub(super) fn target_node(pod: &Value) -> Option<&str> {
    let assigned = text(pod, &["spec", "nodeName"]);
    if !assigned.is_empty() {
        return Some(assigned);
    }
    let required = &pod["spec"]["affinity"]["nodeAffinity"]["requiredDuringSchedulingIgnoredDuringExecution"];
    let [term] = required["nodeSelectorTerms"].as_array()?.as_slice() else {
        return None;
    };
    let [field] = term["matchFields"].as_array()?.as_slice() else {
        return None;
    };
    let [name] = field["values"].as_array()?.as_slice() else {
        return None;
    };
    let names_node = field["key"] == "metadata.name" && field["operator"] == "In";
    name.as_str().filter(|_| names_node)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_new_pod_is_bound_to_its_node_by_affinity() {
        let set = json!({
            "metadata": {"name": "d", "annotations": {TEMPLATE_GENERATION: "3"}},
            "spec": {"template": {
                "metadata": {"labels": {"app": "d"}},
                "spec": {
                    "hostNetwork": true,
                    "tolerations": [{"key": "gpu", "operator": "Exists"}],
                    "affinity": {"nodeAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": {
                        "nodeSelectorTerms": [{"matchExpressions": [{"key": "a", "operator": "Exists"}]}]}}},
                },
            }},
        });
        let pod = new_pod(&set, "abc", "n1");
        assert_eq!(target_node(&pod), Some("n1"));
        assert_eq!(
            pod["metadata"]["labels"],
            json!({"app": "d", GENERATION_LABEL: "3", REVISION_LABEL: "abc"})
        );
        let tolerations = pod["spec"]["tolerations"].as_array().unwrap();
        assert_eq!(tolerations.len(), 8);
        assert_eq!(
            (&tolerations[0]["key"], &tolerations[7]["key"]),
            (&json!("gpu"), &json!(TOLERATED_ON_HOST_NETWORK.0))
        );
        assert!(is_updated(&set, "abc", &pod) && is_updated(&set, "other", &pod));
    }

    #[test]
    fn a_pod_elsewhere_or_anywhere_has_no_target() {
        assert_eq!(target_node(&json!({"spec": {"nodeName": "n2"}})), Some("n2"));
        assert_eq!(target_node(&json!({"spec": {}})), None);
    }
}
