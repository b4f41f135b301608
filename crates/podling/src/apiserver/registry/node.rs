//! Nodes: capacity, taints, pod ranges.

use serde_json::{Value, json};

use super::container_defaults::canonical_quantities;
use super::read::{Fields as _, copy, object_at, set_default};
use super::{PLAIN, Strategy};

pub(super) const STRATEGY: Strategy = Strategy {
    default,
    prepare_for_create: |object, _| taint_as_not_ready(object),
    prepare_for_update: |new, old| copy(old, new, "status"),
    prepare_for_status_update: Some(|new, old| copy(old, new, "spec")),
    ..PLAIN
};

const NODE_INFO: [&str; 10] = [
    "machineID",
    "systemUUID",
    "bootID",
    "kernelVersion",
    "osImage",
    "containerRuntimeVersion",
    "kubeletVersion",
    "kubeProxyVersion",
    "operatingSystem",
    "architecture",
];

fn default(object: &mut Value) {
    object_at(object, "spec");
    let status = object_at(object, "status");
    canonical_quantities(status, "capacity");
    let capacity = status.get("capacity").cloned();
    if let Some(capacity) = capacity {
        set_default(status, "allocatable", capacity);
    }
    canonical_quantities(status, "allocatable");
    set_default(
        object_at(object_at(status, "daemonEndpoints"), "kubeletEndpoint"),
        "Port",
        0,
    );
    let info = object_at(status, "nodeInfo");
    for key in NODE_INFO {
        set_default(info, key, "");
    }
}

/// A new node takes no Pods before it is known to be ready (admission plugin TaintNodesByCondition).
fn taint_as_not_ready(object: &mut Value) {
    let taint = json!({"key": "node.kubernetes.io/not-ready", "effect": "NoSchedule"});
    let spec = object_at(object, "spec");
    let is_tainted = spec
        .items("taints")
        .iter()
        .any(|t| t["key"] == taint["key"] && t["effect"] == taint["effect"]);
    if is_tainted {
        return;
    }
    match spec["taints"].as_array_mut() {
        Some(taints) => taints.push(taint),
        None => spec["taints"] = json!([taint]),
    }
}
