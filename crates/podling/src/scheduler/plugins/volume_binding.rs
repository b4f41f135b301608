//! VolumeBinding: a node must reach the volumes of bound claims, and have one for each claim that waits.
//!
//! Source: `pkg/scheduler/framework/plugins/volumebinding`, v1.36.

use serde_json::Value;

use crate::placement;
use crate::storage::{Object, text};
use crate::volume::matching::{Search, find};
use crate::volume::{NO_PROVISIONER, SELECTED_NODE, requested};

use super::super::cache::{NodeInfo, PodInfo};
use super::super::framework::{Name, Verdict};
use super::super::volumes::{Delayed, names};

/// The plugin's name.
pub(crate) const NAME: Name = "VolumeBinding";

const NODE_CONFLICT: &str = "node(s) didn't match PersistentVolume's node affinity";
const BIND_CONFLICT: &str = "node(s) didn't find available persistent volumes to bind";
const NO_VOLUME: &str = "node(s) unavailable due to one or more pvc(s) bound to non-existent pv(s)";

/// What is written before a Pod goes to a node.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Bindings {
    /// Volumes that are there, each for a claim.
    pub(crate) found: Vec<(Object, Object)>,
    /// Claims whose volumes are made for the node.
    pub(crate) to_provision: Vec<Object>,
}

/// Rules out nodes that a volume does not reach, or that have none for a claim.
pub(crate) fn filter(pod: &PodInfo, node: &NodeInfo) -> Verdict {
    let volumes = &pod.volumes;
    if volumes.misses_volume {
        return Verdict::unresolvable(NO_VOLUME);
    }
    let mut reasons = Vec::new();
    if !volumes.bound.iter().all(|volume| reaches(volume, &node.object)) {
        reasons.push(NODE_CONFLICT.to_owned());
    }
    if bindings(pod, node).is_none() {
        reasons.push(BIND_CONFLICT.to_owned());
    }
    match reasons.is_empty() {
        true => Verdict::Fits,
        false => Verdict::Unresolvable(reasons),
    }
}

/// Whether the volume can be used on the node.
pub(crate) fn reaches(volume: &Value, node: &Value) -> bool {
    let required = &volume["spec"]["nodeAffinity"]["required"];
    let terms = required["nodeSelectorTerms"].as_array();
    required.is_null()
        || terms.is_some_and(|terms| terms.iter().any(|term| placement::term_matches(term, node)))
}

/// What the Pod's claims would be bound to on the node; `None` if one of them would have nothing.
pub(crate) fn bindings(pod: &PodInfo, node: &NodeInfo) -> Option<Bindings> {
    let mut bindings = Bindings::default();
    let mut chosen: Vec<Object> = Vec::new();
    let mut claims: Vec<&Delayed> = pod.volumes.delayed.iter().collect();
    // The least demanding first, so that it does not take what another one needs.
    claims.sort_by_key(|delayed| requested(&delayed.claim));
    for delayed in claims {
        let claim = &delayed.claim;
        let found = match selected_node(claim) {
            Some(selected) if selected != node.name() => return None,
            Some(_) => None,
            None => volume_for(pod, claim, node, &chosen),
        };
        match found {
            Some(volume) => {
                chosen.push(volume.clone());
                bindings.found.push((volume, claim.clone()));
            }
            None if is_provided(delayed.class.as_deref(), node) => bindings.to_provision.push(claim.clone()),
            None => return None,
        }
    }
    Some(bindings)
}

fn selected_node(claim: &Value) -> Option<&str> {
    claim["metadata"]["annotations"][SELECTED_NODE].as_str()
}

fn volume_for(pod: &PodInfo, claim: &Value, node: &NodeInfo, chosen: &[Object]) -> Option<Object> {
    let all: Vec<&Value> = pod.volumes.candidates.iter().map(AsRef::as_ref).collect();
    let promised = names(chosen);
    let reaches = |volume: &Value| reaches(volume, &node.object);
    let found = find(claim, &all, &Search::Scheduler(&reaches, &promised))?;
    let same = |volume: &&Object| volume["metadata"]["name"] == found["metadata"]["name"];
    pod.volumes.candidates.iter().find(same).cloned()
}

/// Whether somebody makes volumes of the class, for this node.
fn is_provided(class: Option<&Value>, node: &NodeInfo) -> bool {
    class.is_some_and(|class| {
        let provisioner = text(class, &["provisioner"]);
        !provisioner.is_empty() && provisioner != NO_PROVISIONER && allows(class, &node.object)
    })
}

/// Whether one of the class's topology terms matches the node; without terms every node is allowed.
fn allows(class: &Value, node: &Value) -> bool {
    let labels = &node["metadata"]["labels"];
    let holds = |expression: &Value| {
        let value = &labels[text(expression, &["key"])];
        let values = expression["values"].as_array();
        values.is_some_and(|values| values.contains(value))
    };
    let matches = |term: &Value| {
        let expressions = term["matchLabelExpressions"].as_array();
        expressions.is_none_or(|all| all.iter().all(holds))
    };
    let terms = class["allowedTopologies"].as_array();
    terms.is_none_or(|terms| terms.is_empty() || terms.iter().any(matches))
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use serde_json::json;

    use super::super::super::volumes::PodVolumes;
    use super::*;

    fn node(name: &str) -> NodeInfo {
        NodeInfo::new(Arc::new(
            json!({"metadata": {"name": name, "labels": {"kubernetes.io/hostname": name}}}),
        ))
    }

    fn volume(name: &str, node: &str) -> Object {
        Arc::new(
            json!({"metadata": {"name": name}, "status": {"phase": "Available"}, "spec": {
            "capacity": {"storage": "1Gi"}, "accessModes": ["ReadWriteOnce"], "storageClassName": "local",
            "nodeAffinity": {"required": {"nodeSelectorTerms": [{"matchExpressions": [
                {"key": "kubernetes.io/hostname", "operator": "In", "values": [node]}]}]}}}}),
        )
    }

    fn delayed(name: &str, provisioner: &str) -> Delayed {
        Delayed {
            claim: Arc::new(
                json!({"metadata": {"namespace": "a", "name": name, "uid": name}, "spec": {
                "storageClassName": "local", "accessModes": ["ReadWriteOnce"],
                "resources": {"requests": {"storage": "1Gi"}}}}),
            ),
            class: Some(Arc::new(json!({"provisioner": provisioner}))),
        }
    }

    fn pod(volumes: PodVolumes) -> PodInfo {
        PodInfo {
            volumes,
            ..PodInfo::new(Arc::new(json!({})))
        }
    }

    #[test]
    fn a_node_must_reach_what_is_bound() {
        let bound = pod(PodVolumes {
            bound: vec![volume("v", "n2")],
            ..PodVolumes::default()
        });
        assert_eq!(filter(&bound, &node("n2")), Verdict::Fits);
        assert_eq!(filter(&bound, &node("n1")), Verdict::unresolvable(NODE_CONFLICT));
        let lost = pod(PodVolumes {
            misses_volume: true,
            ..PodVolumes::default()
        });
        assert_eq!(filter(&lost, &node("n1")), Verdict::unresolvable(NO_VOLUME));
    }

    #[test]
    fn each_claim_needs_a_volume_of_its_own_or_somebody_to_make_one() {
        let wanting = |claims: &[&str], provisioner: &str| {
            pod(PodVolumes {
                delayed: claims.iter().map(|name| delayed(name, provisioner)).collect(),
                candidates: vec![volume("v1", "n1"), volume("v2", "n2")],
                ..PodVolumes::default()
            })
        };
        let one = wanting(&["c"], NO_PROVISIONER);
        let found = bindings(&one, &node("n2")).unwrap().found;
        assert_eq!(found[0].0["metadata"]["name"], "v2");
        let two = wanting(&["c", "d"], NO_PROVISIONER);
        assert_eq!(filter(&two, &node("n1")), Verdict::unresolvable(BIND_CONFLICT));
        let made = wanting(&["c", "d"], "rancher.io/local-path");
        let bindings = bindings(&made, &node("n1")).unwrap();
        assert_eq!((bindings.found.len(), bindings.to_provision.len()), (1, 1));
    }

    #[test]
    fn a_claim_that_waits_for_its_volume_keeps_its_node() {
        let mut waiting = delayed("c", "e.io/x");
        Arc::make_mut(&mut waiting.claim)["metadata"]["annotations"] = json!({SELECTED_NODE: "n1"});
        let pod = pod(PodVolumes {
            delayed: vec![waiting],
            ..PodVolumes::default()
        });
        assert_eq!(filter(&pod, &node("n1")), Verdict::Fits);
        assert_eq!(filter(&pod, &node("n2")), Verdict::unresolvable(BIND_CONFLICT));
    }

    #[test]
    fn a_class_can_be_kept_to_some_places() {
        let class = json!({"allowedTopologies": [{"matchLabelExpressions": [
            {"key": "kubernetes.io/hostname", "values": ["n1"]}]}]});
        assert!(allows(&class, &node("n1").object));
        assert!(!allows(&class, &node("n2").object));
        assert!(allows(&json!({}), &node("n2").object));
    }
}
