//! `kind-configs/*.yaml`: the clusters that labs ask for. kind takes them as they are; the embedded cluster takes its
//! nodes from the same file.

use std::collections::BTreeMap;

use podling::NodeConfig;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::lab::LabError;

/// A kind configuration, as far as it says what nodes there are. kind itself judges the rest.
#[derive(Debug, Deserialize)]
struct KindConfig {
    #[serde(rename = "apiVersion")]
    api_version: String,
    #[serde(default)]
    nodes: Vec<KindNode>,
}

#[derive(Debug, Deserialize)]
struct KindNode {
    role: String,
    #[serde(default)]
    labels: BTreeMap<String, String>,
}

/// The nodes of a kind configuration, named as kind names those of the cluster `cluster`.
///
/// As kubeadm does, the control plane carries the taint that keeps Pods away only where there are workers beside it.
pub fn nodes(file: &str, text: &str, cluster: &str) -> Result<Vec<NodeConfig>, LabError> {
    let config: KindConfig = serde_saphyr::from_str(text).map_err(|error| LabError::yaml(file, &error))?;
    if config.api_version != "kind.x-k8s.io/v1alpha4" {
        let message = format!(
            "expected apiVersion kind.x-k8s.io/v1alpha4, not {}",
            config.api_version
        );
        return Err(LabError::in_file(file, message));
    }
    let alone = || {
        vec![KindNode {
            role: "control-plane".to_owned(),
            labels: BTreeMap::new(),
        }]
    };
    let kind_nodes = if config.nodes.is_empty() {
        alone()
    } else {
        config.nodes
    };
    let workers = kind_nodes.iter().any(|node| node.role == "worker");
    let mut seen = BTreeMap::new();
    kind_nodes
        .into_iter()
        .map(|node| {
            let count: &mut u32 = seen.entry(node.role.clone()).or_default();
            *count += 1;
            match node.role.as_str() {
                "control-plane" | "worker" => Ok(config_of(node, cluster, *count, workers)),
                other => Err(LabError::in_file(
                    file,
                    format!("expected the role control-plane or worker, not {other}"),
                )),
            }
        })
        .collect()
}

/// kind numbers the nodes of a role from the second on: `bbf-worker`, `bbf-worker2`.
fn config_of(node: KindNode, cluster: &str, count: u32, workers: bool) -> NodeConfig {
    let number = if count == 1 {
        String::new()
    } else {
        count.to_string()
    };
    let control_plane = node.role == "control-plane";
    let taint = json!({ "key": "node-role.kubernetes.io/control-plane", "effect": "NoSchedule" });
    let taints: Vec<Value> = if control_plane && workers {
        vec![taint]
    } else {
        vec![]
    };
    NodeConfig {
        name: format!("{cluster}-{}{number}", node.role),
        control_plane,
        labels: node.labels,
        taints,
        cpu: "4".to_owned(),
        memory: "8Gi".to_owned(),
        pods: 110,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEAD: &str = "kind: Cluster\napiVersion: kind.x-k8s.io/v1alpha4\n";

    fn named(text: &str) -> Vec<(String, bool)> {
        let nodes = nodes("k.yaml", &format!("{HEAD}{text}"), "bbf").unwrap();
        nodes
            .into_iter()
            .map(|node| (node.name, !node.taints.is_empty()))
            .collect()
    }

    #[test]
    fn nodes_are_named_and_tainted_as_kind_does() {
        assert_eq!(named(""), [("bbf-control-plane".to_owned(), false)]);
        assert_eq!(
            named("nodes: [{role: control-plane}, {role: worker}, {role: worker, labels: {zone: a}}]\n"),
            [
                ("bbf-control-plane".to_owned(), true),
                ("bbf-worker".to_owned(), false),
                ("bbf-worker2".to_owned(), false)
            ]
        );
    }

    #[test]
    fn what_kind_would_not_take_is_refused() {
        for (text, says) in [
            (
                "apiVersion: v1\n",
                "expected apiVersion kind.x-k8s.io/v1alpha4, not v1",
            ),
            (
                &format!("{HEAD}nodes: [{{role: master}}]\n"),
                "expected the role control-plane or worker, not master",
            ),
        ] {
            assert_eq!(nodes("k.yaml", text, "bbf").unwrap_err().message, says);
        }
    }
}
