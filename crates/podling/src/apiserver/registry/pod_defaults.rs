//! What the server fills in for Pods, and for the templates of Pods in other kinds.

use serde_json::{Value, json};

use super::container_defaults::{canonical_quantities, container};
use super::internal_form;
use super::metadata;
use super::read::{Fields as _, items_mut, object_at, set_default, set_default_for_zero};
use super::volume_defaults::{drop_nulls, volume};
use crate::quantity::Quantity;

const CONTAINER_LISTS: [&str; 3] = ["initContainers", "containers", "ephemeralContainers"];

/// Fills in a Pod.
pub(super) fn pod(pod: &mut Value) {
    let spec = object_at(pod, "spec");
    for list in ["initContainers", "containers"] {
        for container in items_mut(spec, list) {
            requests_from_limits(container);
        }
    }
    pod_level_requests(spec);
    set_default(spec, "enableServiceLinks", true);
    if spec.flag("hostNetwork") {
        host_ports(spec);
    }
    pod_spec(spec);
}

/// Fills in `spec.template` of a Deployment and the like.
pub(super) fn template(template: &mut Value) {
    // Labels stay even when they are empty: an error message shows them.
    let labels = object_at(template, "metadata")
        .get("labels")
        .filter(|l| l.is_object())
        .cloned();
    metadata::drop_empty(&mut template["metadata"]);
    if let Some(labels) = labels {
        template["metadata"]["labels"] = labels;
    }
    pod_spec(object_at(template, "spec"));
}

/// The same of one that nothing selects by its labels: none are as good as empty ones.
pub(super) fn template_alone(object: &mut Value) {
    template(object);
    metadata::drop_empty(&mut object["metadata"]);
}

/// Fills in what Pods and templates have in common.
fn pod_spec(spec: &mut Value) {
    internal_form::drop_empty(spec, internal_form::POD_SPEC);
    set_default_for_zero(spec, "dnsPolicy", "ClusterFirst");
    set_default_for_zero(spec, "restartPolicy", "Always");
    set_default_for_zero(spec, "schedulerName", "default-scheduler");
    set_default(spec, "securityContext", json!({}));
    set_default(spec, "terminationGracePeriodSeconds", 30);
    if spec
        .number("terminationGracePeriodSeconds")
        .is_some_and(|s| s < 0)
    {
        spec["terminationGracePeriodSeconds"] = 1.into();
    }
    service_account_alias(spec);
    for entry in items_mut(spec, "volumes") {
        volume(entry);
    }
    for list in CONTAINER_LISTS {
        for entry in items_mut(spec, list) {
            container(entry);
        }
    }
    if spec.has("resources") {
        canonical_quantities(&mut spec["resources"], "limits");
        canonical_quantities(&mut spec["resources"], "requests");
    }
    canonical_quantities(spec, "overhead");
    drop_nulls(spec);
}

/// `serviceAccount` is the old name of `serviceAccountName`; both are written.
fn service_account_alias(spec: &mut Value) {
    let name = match (spec.text("serviceAccountName"), spec.text("serviceAccount")) {
        ("", "") => return,
        ("", alias) => alias.to_owned(),
        (name, _) => name.to_owned(),
    };
    spec["serviceAccountName"] = name.as_str().into();
    spec["serviceAccount"] = name.into();
}

fn requests_from_limits(container: &mut Value) {
    let limits: Vec<(String, Value)> = container["resources"]
        .entries("limits")
        .map(|(name, amount)| (name.to_owned(), amount.clone()))
        .collect();
    for (name, amount) in limits {
        let requests = object_at(&mut container["resources"], "requests");
        set_default(requests, &name, amount);
    }
}

/// With Pod-level limits, a missing Pod-level request is the sum of the containers' or else the limit.
fn pod_level_requests(spec: &mut Value) {
    let limits: Vec<(String, Value)> = spec["resources"]
        .entries("limits")
        .map(|(name, amount)| (name.to_owned(), amount.clone()))
        .collect();
    for (name, limit) in limits {
        let sum = container_requests(spec, &name);
        let request = sum.map_or(limit, |sum| sum.to_string().into());
        set_default(object_at(&mut spec["resources"], "requests"), &name, request);
    }
}

fn container_requests(spec: &Value, name: &str) -> Option<Quantity> {
    let amounts = spec.items("containers").iter().filter_map(|container| {
        let amount = &container["resources"]["requests"][name];
        Quantity::from_json(amount).ok().filter(|_| !amount.is_null())
    });
    amounts.reduce(|a, b| a + b)
}

/// On the host's network a container's port is the host's port.
fn host_ports(spec: &mut Value) {
    for list in ["initContainers", "containers"] {
        for container in items_mut(spec, list) {
            for port in items_mut(container, "ports") {
                let number = port.number("containerPort").unwrap_or_default();
                set_default_for_zero(port, "hostPort", number);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_template_gets_what_a_pod_gets_but_not_its_links_and_requests() {
        let spec =
            json!({"containers": [{"name": "c", "image": "a:1", "resources": {"limits": {"cpu": "1"}}}]});
        let (mut one, mut in_template) = (json!({"spec": spec}), json!({"spec": spec}));
        pod(&mut one);
        template(&mut in_template);
        assert_eq!(one["spec"]["enableServiceLinks"], true);
        assert_eq!(one["spec"]["containers"][0]["resources"]["requests"]["cpu"], "1");
        assert_eq!(in_template["spec"].get("enableServiceLinks"), None);
        assert_eq!(
            in_template["spec"]["containers"][0]["resources"].get("requests"),
            None
        );
        assert_eq!(in_template["spec"]["securityContext"], json!({}));
    }

    #[test]
    fn pod_level_limits_give_pod_level_requests() {
        let mut given = json!({"spec": {"resources": {"limits": {"cpu": "1", "memory": "1Gi"}}, "containers": [
            {"name": "a", "resources": {"requests": {"cpu": "100m"}}},
            {"name": "b", "resources": {"requests": {"cpu": "0.2"}}},
        ]}});
        pod(&mut given);
        let expected = json!({"cpu": "300m", "memory": "1Gi"});
        assert_eq!(given["spec"]["resources"]["requests"], expected);
    }
}
