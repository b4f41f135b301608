//! Admission plugin PodTopologyLabels: a Pod on a node has the labels that say in which zone and region it is.
//!
//! Source: `plugin/pkg/admission/podtopologylabels`, v1.36 (KEP-4742).

use serde_json::Value;

use crate::apiserver::registry::read::{Fields as _, object_at};

const LABELS: [&str; 2] = ["topology.kubernetes.io/region", "topology.kubernetes.io/zone"];

/// The labels of the node that its Pods have too.
pub(crate) fn of_node(node: &Value) -> impl Iterator<Item = (&'static str, &Value)> {
    let labels = &node["metadata"]["labels"];
    LABELS.into_iter().filter_map(|key| Some((key, labels.get(key)?)))
}

/// Gives a new Pod the labels of the node that it names; its own must yield.
pub(super) fn admit(pod: &mut Value, nodes: &[&Value]) {
    let named = |node: &&&Value| node["metadata"].text("name") == pod["spec"].text("nodeName");
    let Some(node) = nodes.iter().find(named) else {
        return;
    };
    for (key, value) in of_node(node) {
        object_at(object_at(pod, "metadata"), "labels")[key] = value.clone();
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_pod_has_the_zone_of_the_node_that_it_names() {
        let node = json!({"metadata": {"name": "n1", "labels": {LABELS[1]: "a", "other": "b"}}});
        let labelled = |name: &str| {
            let mut pod = json!({"metadata": {"labels": {LABELS[1]: "mine"}}, "spec": {"nodeName": name}});
            admit(&mut pod, &[&node]);
            pod["metadata"]["labels"].clone()
        };
        assert_eq!(labelled("n1"), json!({LABELS[1]: "a"}));
        assert_eq!(labelled("n2"), json!({LABELS[1]: "mine"}));
    }
}
