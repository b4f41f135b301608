//! `kind-configs/*.yaml`: the clusters that labs ask for. kind takes them as they are; the embedded cluster takes its
//! nodes from the same file.

use std::collections::BTreeMap;

use podling::clock::Time;
use podling::{Components, Config, NodeConfig};
use serde::Deserialize;
use serde_json::{Value, json};

use super::owner::LABEL;
use crate::lab::{Lab, LabError};

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
///
/// # Errors
/// When it is no YAML, or not of the version that kind reads; with the line.
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

/// What the embedded cluster of a lab is made of: the nodes of the lab's kind configuration.
///
/// The same seed and the same start give the same run.
///
/// # Errors
/// As [`nodes`].
pub fn embedded(lab: &Lab, seed: u64, start: Time) -> Result<Config, LabError> {
    Ok(Config {
        seed,
        start,
        nodes: nodes(&lab.kind_config_file(), &lab.kind_config, "bbf")?,
        components: Components::default(),
    })
}

/// The configuration as kind is to have it: every node carries the mark of its owner.
pub(super) fn marked(cluster: &str, text: &str, owner: &str) -> Result<String, LabError> {
    let file = format!("the kind configuration of {cluster}");
    let mut config: Value = serde_saphyr::from_str(text).map_err(|error| LabError::yaml(&file, &error))?;
    let fields = config
        .as_object_mut()
        .ok_or_else(|| LabError::in_file(&file, "expected a mapping"))?;
    let nodes = fields.entry("nodes").or_insert_with(|| json!([]));
    if nodes.as_array().is_none_or(Vec::is_empty) {
        *nodes = json!([{ "role": "control-plane" }]);
    }
    for node in nodes.as_array_mut().into_iter().flatten() {
        node["labels"][LABEL] = json!(owner);
    }
    serde_json::to_string_pretty(&config).map_err(|error| LabError::in_file(file, error.to_string()))
}

/// What a configuration asks of the machine or of the cluster beside one node.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Extras {
    /// How many nodes there are, if more than one.
    pub nodes: Option<usize>,
    /// The ports of the machine that lead into the cluster.
    pub ports: Vec<u16>,
}

/// What a configuration asks for beside one node.
///
/// # Errors
/// When it is no YAML; with the line.
pub fn extras(file: &str, text: &str) -> Result<Extras, LabError> {
    let config: Value = serde_saphyr::from_str(text).map_err(|error| LabError::yaml(file, &error))?;
    let nodes = config["nodes"].as_array().map_or(&[][..], Vec::as_slice);
    let mappings = nodes
        .iter()
        .flat_map(|node| node["extraPortMappings"].as_array().into_iter().flatten());
    let ports = mappings.filter_map(|mapping| u16::try_from(mapping["hostPort"].as_u64()?).ok());
    Ok(Extras {
        nodes: Some(nodes.len()).filter(|count| *count > 1),
        ports: ports.collect(),
    })
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

    #[test]
    fn every_node_gets_the_mark_and_keeps_what_it_has() {
        let two = format!("{HEAD}nodes: [{{role: control-plane, labels: {{zone: a}}}}, {{role: worker}}]\n");
        for (text, count) in [(HEAD, 1), (two.as_str(), 2)] {
            let marked = marked("bbf-x", text, "00ff").unwrap();
            let config: Value = serde_json::from_str(&marked).unwrap();
            let nodes = config["nodes"].as_array().unwrap();
            assert_eq!(nodes.len(), count);
            assert!(
                nodes.iter().all(|node| node["labels"]["bbf/owner"] == "00ff"),
                "{marked}"
            );
            assert_eq!(super::nodes("k", &marked, "c").unwrap().len(), count);
        }
        assert!(marked("bbf-x", &two, "00ff").unwrap().contains("\"zone\": \"a\""));
    }

    #[test]
    fn what_a_configuration_asks_for_beside_one_node_is_known() {
        let text = format!(
            "{HEAD}nodes: [{{role: control-plane, extraPortMappings: [{{containerPort: 1, hostPort: 30599}}]}}, {{role: worker}}]\n"
        );
        let expected = Extras {
            nodes: Some(2),
            ports: vec![30599],
        };
        assert_eq!(extras("k", &text).unwrap(), expected);
        assert_eq!(extras("k", HEAD).unwrap(), Extras::default());
    }
}
