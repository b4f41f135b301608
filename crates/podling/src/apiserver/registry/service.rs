//! Services: defaults, validation, and what changes with the type.

use serde_json::{Value, json};

use super::internal_form;
use super::names::Rule;
use super::read::{Fields as _, copy, items_mut, object_at, remove, set_default, set_default_for_zero};
use super::{PLAIN, Strategy};

mod update;
pub(super) mod validation;

pub(super) const STRATEGY: Strategy = Strategy {
    default,
    prepare_for_create: |object, _| {
        object["status"] = json!({"loadBalancer": {}});
        let spec = &mut object["spec"];
        if spec.has("clusterIP") && !spec.has("clusterIPs") {
            spec["clusterIPs"] = json!([spec["clusterIP"]]);
        }
    },
    prepare_for_update: update::prepare,
    prepare_for_status_update: Some(|new, old| copy(old, new, "spec")),
    name: Rule::Label,
    validate: validation::validate,
    validate_update: |new, old| {
        let mut errors = validation::validate_change(new, old);
        errors.extend(validation::validate(new));
        errors
    },
    warnings,
    checks_metadata_anew: false,
    ..PLAIN
};

const CLIENT_IP_SECONDS: i64 = 10_800;

fn default(object: &mut Value) {
    let spec = object_at(object, "spec");
    drop_empty(spec);
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

/// Empty values that Go does not write.
fn drop_empty(spec: &mut Value) {
    if let Some(map) = spec.as_object_mut() {
        map.retain(|_, value| match value {
            Value::Null => false,
            Value::String(text) => !text.is_empty(),
            Value::Array(items) => !items.is_empty(),
            _ => true,
        });
    }
    for key in ["publishNotReadyAddresses", "healthCheckNodePort"] {
        if matches!(spec.get(key), Some(value) if *value == false || *value == 0) {
            remove(spec, key);
        }
    }
    if spec["selector"]
        .as_object()
        .is_some_and(serde_json::Map::is_empty)
    {
        remove(spec, "selector");
    }
    for port in items_mut(spec, "ports") {
        internal_form::drop_empty(port, internal_form::SERVICE_PORT);
    }
}

fn warnings(object: &Value) -> Vec<String> {
    let spec = &object["spec"];
    let mut warnings = Vec::new();
    let is_headless = spec["clusterIP"] == "None";
    if is_headless && spec["sessionAffinity"] == "ClientIP" {
        warnings.push("spec.SessionAffinity is ignored for headless services".to_owned());
    }
    if !spec.items("externalIPs").is_empty() {
        let text = "spec.externalIPs is deprecated and may no longer be implemented in some clusters";
        warnings.push(text.to_owned());
    }
    warnings
}
