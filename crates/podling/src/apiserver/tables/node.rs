//! The row of a Node.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::{NONE, UNKNOWN, age, items, or};
use crate::clock::Time;
use crate::storage::text;

/// Name, Status, Roles, Age, Version, Internal-IP, External-IP, OS-Image, Kernel-Version, Container-Runtime.
pub(super) fn cells(node: &Value, now: Time) -> Value {
    let info = |key| text(node, &["status", "nodeInfo", key]);
    json!([
        text(node, &["metadata", "name"]),
        status(node),
        roles(node),
        age(node, now),
        info("kubeletVersion"),
        address(node, "InternalIP"),
        address(node, "ExternalIP"),
        or(info("osImage"), UNKNOWN),
        kernel(info("kernelVersion"), info("architecture")),
        or(info("containerRuntimeVersion"), UNKNOWN),
    ])
}

/// `Ready,SchedulingDisabled`
fn status(node: &Value) -> String {
    let ready = items(node, &["status", "conditions"])
        .find(|condition| text(condition, &["type"]) == "Ready")
        .map(|condition| text(condition, &["status"]));
    let word = match ready {
        Some("True") => "Ready",
        Some(_) => "NotReady",
        None => "Unknown",
    };
    match node["spec"]["unschedulable"] == true {
        true => format!("{word},SchedulingDisabled"),
        false => word.to_owned(),
    }
}

/// What the role labels say, sorted.
fn roles(node: &Value) -> String {
    let labels = node["metadata"]["labels"].as_object().into_iter().flatten();
    let roles: BTreeSet<&str> = labels
        .filter_map(
            |(key, value)| match key.strip_prefix("node-role.kubernetes.io/") {
                Some(role) => Some(role),
                None if key == "kubernetes.io/role" => value.as_str(),
                None => None,
            },
        )
        .filter(|role| !role.is_empty())
        .collect();
    let roles = roles.into_iter().collect::<Vec<_>>().join(",");
    or(&roles, NONE).to_owned()
}

fn address<'a>(node: &'a Value, kind: &str) -> &'a str {
    items(node, &["status", "addresses"])
        .find(|address| text(address, &["type"]) == kind)
        .map_or(NONE, |address| text(address, &["address"]))
}

/// `6.1.0 (amd64)`
fn kernel(version: &str, architecture: &str) -> String {
    match (version, architecture) {
        ("", _) => UNKNOWN.to_owned(),
        (version, "") => version.to_owned(),
        (version, architecture) => format!("{version} ({architecture})"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_node_shows_its_state_and_its_machine() {
        let node = json!({
            "metadata": {
                "name": "n1", "creationTimestamp": "2026-01-01T00:00:00Z",
                "labels": {"node-role.kubernetes.io/control-plane": "", "kubernetes.io/role": "edge"},
            },
            "spec": {"unschedulable": true},
            "status": {
                "conditions": [{"type": "Ready", "status": "True"}],
                "addresses": [{"type": "InternalIP", "address": "192.168.0.10"}],
                "nodeInfo": {
                    "kubeletVersion": "v1.36.2", "osImage": "Debian GNU/Linux 12 (bookworm)", "kernelVersion": "6.1.0",
                    "architecture": "amd64", "containerRuntimeVersion": "containerd://2.1.0",
                },
            },
        });
        assert_eq!(
            cells(&node, Time::parse("2026-01-01T01:00:00Z").unwrap()),
            json!([
                "n1",
                "Ready,SchedulingDisabled",
                "control-plane,edge",
                "60m",
                "v1.36.2",
                "192.168.0.10",
                "<none>",
                "Debian GNU/Linux 12 (bookworm)",
                "6.1.0 (amd64)",
                "containerd://2.1.0",
            ])
        );
    }

    #[test]
    fn a_node_that_never_reported_is_unknown() {
        assert_eq!(status(&json!({})), "Unknown");
        let silent = json!({"status": {"conditions": [{"type": "Ready", "status": "Unknown"}]}});
        assert_eq!(status(&silent), "NotReady");
        assert_eq!(
            (kernel("", "amd64"), roles(&json!({}))),
            ("<unknown>".to_owned(), "<none>".to_owned())
        );
    }
}
