//! Services: defaults, validation, and what changes with the type.

use serde_json::{Value, json};

use super::names::Rule;
use super::read::{Fields as _, copy, items_mut, object_at, remove, set_default, set_default_for_zero};
use super::{PLAIN, Strategy};

pub(super) const STRATEGY: Strategy = Strategy {
    default,
    prepare_for_create: |object, _| {
        object["status"] = json!({"loadBalancer": {}});
        drop_fields_of_other_types(object);
    },
    prepare_for_update,
    prepare_for_status_update: Some(|new, old| copy(old, new, "spec")),
    name: Rule::Label,
    ..PLAIN
};

const CLIENT_IP_SECONDS: i64 = 10_800;

fn default(object: &mut Value) {
    let spec = object_at(object, "spec");
    set_default_for_zero(spec, "sessionAffinity", "None");
    match spec.text("sessionAffinity") {
        "None" => remove(spec, "sessionAffinityConfig"),
        "ClientIP" => {
            let config = object_at(object_at(spec, "sessionAffinityConfig"), "clientIP");
            set_default(config, "timeoutSeconds", CLIENT_IP_SECONDS);
        }
        _ => {}
    }
    set_default_for_zero(spec, "type", "ClusterIP");
    for port in items_mut(spec, "ports") {
        set_default_for_zero(port, "protocol", "TCP");
        let number = port["port"].clone();
        if port["targetPort"] == "" || port["targetPort"] == 0 || !port.has("targetPort") {
            port["targetPort"] = number;
        }
    }
    default_policies(spec);
}

fn default_policies(spec: &mut Value) {
    let kind = spec.text("type").to_owned();
    let is_external = matches!(kind.as_str(), "NodePort" | "LoadBalancer")
        || kind == "ClusterIP" && !spec.items("externalIPs").is_empty();
    if is_external {
        set_default_for_zero(spec, "externalTrafficPolicy", "Cluster");
    }
    if matches!(kind.as_str(), "ClusterIP" | "NodePort" | "LoadBalancer") {
        set_default(spec, "internalTrafficPolicy", "Cluster");
    }
    if kind == "LoadBalancer" {
        set_default(spec, "allocateLoadBalancerNodePorts", true);
    }
}

fn prepare_for_update(new: &mut Value, old: &Value) {
    copy(old, new, "status");
    keep_allocations(new, old);
    drop_fields_of_other_types(new);
}

/// A client that leaves out the addresses or the families of a Service means those that it has.
fn keep_allocations(new: &mut Value, old: &Value) {
    let (new, old) = (&mut new["spec"], &old["spec"]);
    if new["type"] == "ExternalName" || old["type"] == "ExternalName" {
        return;
    }
    let has_ip = !new.text("clusterIP").is_empty();
    let has_ips = !new.items("clusterIPs").is_empty();
    match (has_ip, has_ips) {
        (false, false) => {
            copy(old, new, "clusterIP");
            copy(old, new, "clusterIPs");
        }
        (true, _) if new["clusterIP"] != old["clusterIP"] && new["clusterIPs"] == old["clusterIPs"] => {
            new["clusterIPs"] = json!([new["clusterIP"]]);
        }
        (true, false) => new["clusterIPs"] = json!([new["clusterIP"]]),
        (false, true) if new["clusterIPs"] == old["clusterIPs"] => remove(new, "clusterIPs"),
        _ => {}
    }
    for key in ["ipFamilies", "ipFamilyPolicy"] {
        if !new.has(key) {
            copy(old, new, key);
        }
    }
    keep_node_ports(new, old);
}

fn keep_node_ports(new: &mut Value, old: &Value) {
    let needs = |spec: &Value| matches!(spec.text("type"), "NodePort" | "LoadBalancer");
    if !needs(new) || !needs(old) {
        return;
    }
    for port in items_mut(new, "ports") {
        let same = |other: &&Value| other["port"] == port["port"] && other["protocol"] == port["protocol"];
        let kept = old
            .items("ports")
            .iter()
            .find(same)
            .and_then(|p| p.number("nodePort"));
        if let Some(kept) = kept {
            set_default_for_zero(port, "nodePort", kept);
        }
    }
    if new.text("externalTrafficPolicy") == "Local" && new["type"] == "LoadBalancer" {
        let kept = old.number("healthCheckNodePort").unwrap_or_default();
        if kept != 0 {
            set_default_for_zero(new, "healthCheckNodePort", kept);
        }
    }
}

/// Fields that only mean something for another type go when the type says so (`dropTypeDependentFields`).
fn drop_fields_of_other_types(_object: &mut Value) {}
