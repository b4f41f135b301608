//! What the server fills in for containers: pull policy, probes, ports, hooks, resources.
//!
//! Source: `k8s.io/kubernetes/pkg/apis/core/v1/defaults.go`, v1.36.

use serde_json::{Value, json};

use super::read::{Fields as _, items_mut, set_default, set_default_for_zero};
use super::volume_defaults;
use crate::quantity::Quantity;

/// Fills in a container, an init container or an ephemeral container.
pub(super) fn container(container: &mut Value) {
    let policy = if image_tag(container.text("image")) == Some("latest") {
        "Always"
    } else {
        "IfNotPresent"
    };
    set_default_for_zero(container, "imagePullPolicy", policy);
    set_default_for_zero(container, "terminationMessagePath", "/dev/termination-log");
    set_default_for_zero(container, "terminationMessagePolicy", "File");
    set_default(container, "resources", json!({}));
    for key in ["limits", "requests"] {
        canonical_quantities(&mut container["resources"], key);
    }
    for port in items_mut(container, "ports") {
        set_default_for_zero(port, "protocol", "TCP");
    }
    for variable in items_mut(container, "env") {
        if variable.has("valueFrom") {
            volume_defaults::references(&mut variable["valueFrom"]);
        }
    }
    for key in ["livenessProbe", "readinessProbe", "startupProbe"] {
        if container.has(key) {
            probe(&mut container[key]);
        }
    }
    for hook in ["postStart", "preStop"] {
        if container["lifecycle"][hook].has("httpGet") {
            http_get(&mut container["lifecycle"][hook]["httpGet"]);
        }
    }
}

/// The tag of an image's name: `latest` where none is given, none where only a digest is given.
fn image_tag(image: &str) -> Option<&str> {
    let (name, has_digest) = match image.split_once('@') {
        Some((name, _)) => (name, true),
        None => (image, false),
    };
    let last = name.rsplit('/').next().unwrap_or(name);
    match last.split_once(':') {
        Some((_, tag)) => Some(tag),
        None if has_digest || image.is_empty() => None,
        None => Some("latest"),
    }
}

fn probe(probe: &mut Value) {
    let numbers = [
        ("timeoutSeconds", 1),
        ("periodSeconds", 10),
        ("successThreshold", 1),
        ("failureThreshold", 3),
    ];
    for (key, number) in numbers {
        set_default_for_zero(probe, key, number);
    }
    if probe.has("httpGet") {
        http_get(&mut probe["httpGet"]);
    }
    if probe.has("grpc") {
        set_default(&mut probe["grpc"], "service", "");
    }
}

fn http_get(action: &mut Value) {
    set_default_for_zero(action, "path", "/");
    set_default_for_zero(action, "scheme", "HTTP");
}

/// Writes each quantity of a resource list in its canonical form, rounded up to thousandths.
pub(super) fn canonical_quantities(parent: &mut Value, key: &str) {
    let Some(list) = parent.get_mut(key).and_then(Value::as_object_mut) else {
        return;
    };
    for value in list.values_mut() {
        if let Ok(quantity) = Quantity::from_json(value) {
            *value = quantity.rounded_up_to_milli().to_string().into();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_pull_policy_follows_the_tag() {
        let cases = [
            ("nginx", "Always"),
            ("nginx:latest", "Always"),
            ("nginx:1.27", "IfNotPresent"),
            ("registry:5000/nginx", "Always"),
            ("registry:5000/nginx:1", "IfNotPresent"),
            ("nginx@sha256:0123", "IfNotPresent"),
        ];
        for (image, policy) in cases {
            let mut given = json!({"image": image});
            container(&mut given);
            assert_eq!(given["imagePullPolicy"], policy, "{image}");
        }
    }

    #[test]
    fn probes_and_quantities_are_completed() {
        let mut given = json!({
            "image": "a:1", "readinessProbe": {"httpGet": {"port": 80}, "periodSeconds": 5},
            "resources": {"limits": {"cpu": "1000m"}},
        });
        container(&mut given);
        let probe = json!({"httpGet": {"port": 80, "path": "/", "scheme": "HTTP"}, "periodSeconds": 5,
            "timeoutSeconds": 1, "successThreshold": 1, "failureThreshold": 3});
        assert_eq!(given["readinessProbe"], probe);
        assert_eq!(given["resources"], json!({"limits": {"cpu": "1"}}));
    }
}
