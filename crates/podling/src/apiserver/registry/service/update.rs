//! What an update of a Service keeps of what it was given, and what it loses with a change of type.

use serde_json::{Value, json};

use super::super::read::{Fields as _, copy, items_mut, remove, set_default_for_zero};

/// Puts back the status and what was allocated, and drops what the new type has no use for.
pub(super) fn prepare(new: &mut Value, old: &Value) {
    copy(old, new, "status");
    let (new, old) = (&mut new["spec"], &old["spec"]);
    keep_addresses(new, old);
    keep_node_ports(new, old);
    drop_unused(new, old);
}

fn needs_address(spec: &Value) -> bool {
    spec["type"] != "ExternalName"
}

fn needs_node_ports(spec: &Value) -> bool {
    matches!(spec.text("type"), "NodePort" | "LoadBalancer")
}

fn needs_health_port(spec: &Value) -> bool {
    spec["type"] == "LoadBalancer" && spec["externalTrafficPolicy"] == "Local"
}

fn is_external(spec: &Value) -> bool {
    needs_node_ports(spec) || needs_address(spec) && !spec.items("externalIPs").is_empty()
}

/// A client that leaves out the addresses or the families of a Service means those that it has.
fn keep_addresses(new: &mut Value, old: &Value) {
    if needs_address(new) && needs_address(old) {
        if new.text("clusterIP").is_empty() {
            copy(old, new, "clusterIP");
        }
        if new.items("clusterIPs").is_empty() && new["clusterIP"] == old["clusterIP"] {
            copy(old, new, "clusterIPs");
        }
        for key in ["ipFamilies", "ipFamilyPolicy"] {
            if !new.has(key) {
                copy(old, new, key);
            }
        }
    }
    let has_changed = new["clusterIP"] != old["clusterIP"];
    let is_stale = new.items("clusterIPs").is_empty() || new.get("clusterIPs") == old.get("clusterIPs");
    if has_changed && is_stale {
        match new.get("clusterIP").cloned() {
            Some(ip) => new["clusterIPs"] = json!([ip]),
            None => remove(new, "clusterIPs"),
        }
    }
}

fn keep_node_ports(new: &mut Value, old: &Value) {
    if !needs_node_ports(new) || !needs_node_ports(old) {
        return;
    }
    let given: Vec<i64> = new
        .items("ports")
        .iter()
        .filter_map(|p| p.number("nodePort"))
        .collect();
    for port in items_mut(new, "ports") {
        let same = |other: &&Value| other["port"] == port["port"] && other["protocol"] == port["protocol"];
        let kept = old
            .items("ports")
            .iter()
            .find(same)
            .and_then(|p| p.number("nodePort"));
        if let Some(kept) = kept.filter(|kept| !given.contains(kept)) {
            set_default_for_zero(port, "nodePort", kept);
        }
    }
    let kept = old.number("healthCheckNodePort").unwrap_or_default();
    if needs_health_port(new) && needs_health_port(old) && kept != 0 {
        set_default_for_zero(new, "healthCheckNodePort", kept);
    }
}

/// A field that only the old type needs goes, unless the client has just changed it.
fn drop_unused(new: &mut Value, old: &Value) {
    let mut unused: Vec<&str> = Vec::new();
    if needs_address(old) && !needs_address(new) {
        unused.extend([
            "clusterIP",
            "clusterIPs",
            "ipFamilies",
            "ipFamilyPolicy",
            "internalTrafficPolicy",
        ]);
    }
    if needs_health_port(old) && !needs_health_port(new) {
        unused.push("healthCheckNodePort");
    }
    if old["type"] == "LoadBalancer" && new["type"] != "LoadBalancer" {
        unused.extend(["allocateLoadBalancerNodePorts", "loadBalancerClass"]);
    }
    if is_external(old) && !is_external(new) {
        unused.push("externalTrafficPolicy");
    }
    for key in unused {
        if new.get(key) == old.get(key) {
            remove(new, key);
        }
    }
    if needs_node_ports(old) && !needs_node_ports(new) {
        drop_node_ports(new, old);
    }
}

fn drop_node_ports(new: &mut Value, old: &Value) {
    let node_ports = |spec: &Value| -> Vec<Option<i64>> {
        spec.items("ports")
            .iter()
            .map(|port| port.number("nodePort"))
            .collect()
    };
    if node_ports(new) == node_ports(old) {
        for port in items_mut(new, "ports") {
            remove(port, "nodePort");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_replaced_service_keeps_its_address_and_ports() {
        let old = json!({"spec": {"type": "NodePort", "clusterIP": "10.96.1.1", "clusterIPs": ["10.96.1.1"],
            "ipFamilies": ["IPv4"], "ports": [{"port": 80, "protocol": "TCP", "nodePort": 30100}]}});
        let mut new = json!({"spec": {"type": "NodePort", "ports": [{"port": 80, "protocol": "TCP"}]}});
        prepare(&mut new, &old);
        assert_eq!(new, old);
    }

    #[test]
    fn an_external_name_has_no_address() {
        let old = json!({"spec": {"type": "NodePort", "clusterIP": "10.96.1.1", "clusterIPs": ["10.96.1.1"],
            "externalTrafficPolicy": "Cluster", "ports": [{"port": 80, "nodePort": 30100}]}});
        let mut new = old.clone();
        new["spec"]["type"] = "ExternalName".into();
        prepare(&mut new, &old);
        assert_eq!(
            new["spec"],
            json!({"type": "ExternalName", "ports": [{"port": 80}]})
        );
    }
}
