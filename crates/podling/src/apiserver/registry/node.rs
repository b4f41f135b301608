//! Nodes: capacity, taints, pod ranges.

use serde_json::{Value, json};

use super::container_defaults::canonical_quantities;
use super::read::{Fields as _, copy, object_at, set_default};
use super::volume_defaults::drop_nulls;
use super::{PLAIN, Strategy, names};
use crate::status::field::Error;

pub(super) const STRATEGY: Strategy = Strategy {
    default,
    prepare_for_create: |object, _| taint_as_not_ready(object),
    prepare_for_update: |new, old| copy(old, new, "status"),
    prepare_for_status_update: Some(|new, old| copy(old, new, "spec")),
    validate,
    validate_update,
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
    let spec = object_at(object, "spec");
    if let Some(first) = spec["podCIDRs"].get(0).cloned() {
        set_default(spec, "podCIDR", first);
    } else if spec.has("podCIDR") {
        spec["podCIDRs"] = json!([spec["podCIDR"]]);
    }
    drop_nulls(spec);
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

const EFFECTS: [&str; 3] = ["NoSchedule", "PreferNoSchedule", "NoExecute"];
pub(super) const CIDR: &str = "must be a valid CIDR value, (e.g. 10.9.8.0/24 or 2001:db8::/64)";

fn validate(object: &Value) -> Vec<Error> {
    let (spec, mut errors) = (&object["spec"], Vec::new());
    check_taints(spec.items("taints"), &mut errors);
    for (i, range) in spec.items("podCIDRs").iter().enumerate() {
        if !is_cidr(range.as_str().unwrap_or_default()) {
            errors.push(Error::invalid(format!("spec.podCIDRs[{i}]"), range.clone(), CIDR));
        }
    }
    errors
}

/// An address and the length of its network's prefix.
pub(super) fn is_cidr(text: &str) -> bool {
    let Some((address, bits)) = text.split_once('/') else {
        return false;
    };
    let most = match address.parse::<std::net::IpAddr>() {
        Ok(address) if address.is_ipv4() => 32,
        Ok(_) => 128,
        Err(_) => return false,
    };
    bits.parse::<u8>().is_ok_and(|bits| bits <= most)
}

/// Kubernetes reports taints under `metadata`, though they stand in the spec.
fn check_taints(taints: &[Value], errors: &mut Vec<Error>) {
    for (i, taint) in taints.iter().enumerate() {
        let path = format!("metadata.taints[{i}]");
        let (key, value, effect) = (taint.text("key"), taint.text("value"), taint.text("effect"));
        let invalid = |field: &str, value: &str, why| Error::invalid(format!("{path}.{field}"), value, why);
        errors.extend(
            names::qualified_name(key)
                .into_iter()
                .map(|why| invalid("key", key, why)),
        );
        errors.extend(
            names::label_value(value)
                .into_iter()
                .map(|why| invalid("value", value, why)),
        );
        if effect.is_empty() {
            errors.push(Error::required(format!("{path}.effect"), ""));
        } else if !EFFECTS.contains(&effect) {
            errors.push(Error::not_supported(format!("{path}.effect"), effect, &EFFECTS));
        }
        let is_double = |other: &Value| other["key"] == taint["key"] && other["effect"] == taint["effect"];
        if taints.iter().take(i).any(is_double) {
            let mut error = Error::duplicate(path, taint.clone());
            error.detail = "taints must be unique by key and effect pair".to_owned();
            errors.push(error.showing(shown_taint(taint)));
        }
    }
}

fn shown_taint(taint: &Value) -> String {
    let text = |key: &str| Value::from(taint.text(key));
    format!(
        "{{\"Key\":{},\"Value\":{},\"Effect\":{},\"TimeAdded\":{}}}",
        text("key"),
        text("value"),
        text("effect"),
        taint["timeAdded"]
    )
}

fn validate_update(new: &Value, old: &Value) -> Vec<Error> {
    let mut errors = validate(new);
    // Checked as part of a new node, and again as part of a change.
    check_taints(new["spec"].items("taints"), &mut errors);
    let frozen = [("podCIDRs", "podCIDR"), ("providerID", "providerID")];
    for (key, name) in frozen {
        if old["spec"].has(key) && new["spec"][key] != old["spec"][key] {
            let why = format!("node updates may not change {name} except from \"\" to valid");
            errors.push(Error::forbidden(format!("spec.{key}"), why));
        }
    }
    errors
}
