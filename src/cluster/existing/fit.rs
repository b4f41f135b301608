//! Whether a lab can be played in one namespace of a cluster that others use too.

use crate::check::Condition;
use crate::cluster::{Error, kind_config};
use crate::kinds::Kind;
use crate::lab::{Lab, LabError, LabNeed};
use crate::manifest::{self, Document};
use k8s_openapi::api::core::v1::Pod;
use serde_json::{Value, json};
use std::collections::BTreeSet;

/// Something that a lab needs and that is not to be had in one namespace.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Need {
    /// So many nodes, to do with as the lab likes.
    Nodes(usize),
    /// A port of the machine that leads into the cluster.
    Port(u16),
    /// An object that belongs to no namespace.
    ClusterObject(String),
    /// Another namespace.
    Namespace(String),
    /// A cluster that nobody else uses, as the lab's author says.
    WholeCluster,
}

/// What a lab needs beside a namespace; nothing for a lab that can be played in one.
///
/// # Errors
/// When a manifest or the kind configuration of the lab has a mistake.
pub fn needs(lab: &Lab) -> Result<Vec<Need>, LabError> {
    let extras = kind_config::extras(&lab.kind_config_file(), &lab.kind_config)?;
    let mut needs = BTreeSet::new();
    needs.extend(extras.nodes.map(Need::Nodes));
    needs.extend(extras.ports.into_iter().map(Need::Port));
    for document in documents(lab)? {
        needs.extend(of_object(&document.object));
    }
    for (_, condition) in lab.definition.conditions() {
        condition.walk(&mut |part| needs.extend(of_condition(part)));
    }
    if lab.definition.needs.contains(&LabNeed::WholeCluster) {
        needs.insert(Need::WholeCluster);
    }
    Ok(needs.into_iter().collect())
}

fn documents(lab: &Lab) -> Result<Vec<Document>, LabError> {
    let parsed = lab
        .manifests
        .iter()
        .map(|file| manifest::parse(&file.path, &file.text));
    Ok(parsed.collect::<Result<Vec<_>, _>>()?.concat())
}

fn of_object(object: &Value) -> Option<Need> {
    let kind = object["kind"].as_str().unwrap_or_default();
    let name = object["metadata"]["name"].as_str().unwrap_or_default();
    let namespaced = Kind::of(kind).is_none_or(|kind| kind.namespaced);
    match object["metadata"]["namespace"].as_str() {
        _ if !namespaced => Some(Need::ClusterObject(format!("{kind}/{name}"))),
        // The lab's own namespace takes the place of `default`.
        Some(namespace) if namespace != "default" && !namespace.starts_with("bbf-") => {
            Some(Need::Namespace(namespace.to_owned()))
        }
        _ => None,
    }
}

fn of_condition(condition: &Condition) -> Vec<Need> {
    let targets = condition.targets().into_iter();
    let of_cluster = targets.filter(|target| Kind::of(&target.kind).is_some_and(|kind| !kind.namespaced));
    of_cluster
        .map(|target| Need::ClusterObject(target.to_string()))
        .collect()
}

/// Whether the answer to a Pod tells of a policy of the cluster, not of a mistake in the Pod: quotas, limits and Pod security
/// forbid; webhooks and ValidatingAdmissionPolicies deny, with whatever code they like.
pub(super) fn is_denied(code: u16, message: &str) -> bool {
    code == 403 || message.contains("denied the request") || message.contains("denied request")
}

/// A Pod for each Pod and each template in the lab's manifests, to ask whether the cluster would take it.
pub(super) fn pods(lab: &Lab) -> Result<Vec<Pod>, Error> {
    let pod = |document: &Document| {
        let object = &document.object;
        let template = if object["kind"] == "Pod" {
            object
        } else {
            ["/spec/template", "/spec/jobTemplate/spec/template"]
                .iter()
                .find_map(|pointer| object.pointer(pointer))?
        };
        let pod = json!({"apiVersion": "v1", "kind": "Pod", "spec": template["spec"],
            "metadata": {"generateName": "bbf-", "labels": template["metadata"]["labels"]}});
        serde_json::from_value(pod).ok()
    };
    Ok(documents(lab)?.iter().filter_map(pod).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lab::{Catalogue, ManifestFile};

    fn lab() -> Lab {
        Catalogue::builtin().find("ch07-readiness").unwrap().clone()
    }

    fn with_manifest(text: &str) -> Lab {
        let file = ManifestFile {
            path: "m.yaml".to_owned(),
            text: text.to_owned(),
        };
        Lab {
            manifests: vec![file],
            ..lab()
        }
    }

    #[test]
    fn a_lab_of_one_namespace_needs_nothing_else() {
        assert_eq!(needs(&lab()).unwrap(), []);
        assert_eq!(pods(&lab()).unwrap().len(), 1);
    }

    #[test]
    fn what_a_namespace_does_not_have_is_told() {
        let head = "kind: Cluster\napiVersion: kind.x-k8s.io/v1alpha4\n";
        let nodes = Lab {
            kind_config: format!("{head}nodes: [{{role: control-plane}}, {{role: worker}}]\n"),
            ..lab()
        };
        let mut declared = lab();
        declared.definition.needs = vec![LabNeed::WholeCluster];
        let class = "apiVersion: scheduling.k8s.io/v1\nkind: PriorityClass\nmetadata: {name: high}\n";
        for (lab, need) in [
            (nodes, Need::Nodes(2)),
            (declared, Need::WholeCluster),
            (
                with_manifest(class),
                Need::ClusterObject("PriorityClass/high".to_owned()),
            ),
            (
                with_manifest("apiVersion: v1\nkind: Pod\nmetadata: {name: a, namespace: kube-system}\n"),
                Need::Namespace("kube-system".to_owned()),
            ),
        ] {
            assert_eq!(needs(&lab).unwrap(), [need]);
        }
        let homely = "apiVersion: v1\nkind: Pod\nmetadata: {name: a, namespace: default}\n";
        assert_eq!(needs(&with_manifest(homely)).unwrap(), []);
    }
}
