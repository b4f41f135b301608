//! The rows of Deployments and ReplicaSets.

use serde_json::{Value, json};

use super::{NONE, age, items, number, or};
use crate::apiserver::selector::line::label_selector;
use crate::clock::Time;
use crate::storage::text;

/// Name, Ready, Up-to-date, Available, Age, Containers, Images, Selector.
pub(super) fn deployment(deployment: &Value, now: Time) -> Value {
    let status = &deployment["status"];
    let ready = number(status, &["readyReplicas"]);
    json!([
        text(deployment, &["metadata", "name"]),
        format!("{ready}/{}", number(deployment, &["spec", "replicas"])),
        number(status, &["updatedReplicas"]),
        number(status, &["availableReplicas"]),
        age(deployment, now),
        containers(deployment, "name"),
        containers(deployment, "image"),
        label_selector(&deployment["spec"]["selector"]),
    ])
}

/// Name, Desired, Current, Ready, Age, Containers, Images, Selector.
pub(super) fn replica_set(set: &Value, now: Time) -> Value {
    json!([
        text(set, &["metadata", "name"]),
        number(set, &["spec", "replicas"]),
        number(set, &["status", "replicas"]),
        number(set, &["status", "readyReplicas"]),
        age(set, now),
        containers(set, "name"),
        containers(set, "image"),
        or(&label_selector(&set["spec"]["selector"]), NONE),
    ])
}

/// One fact about each container of the template.
fn containers(workload: &Value, fact: &str) -> String {
    let path = ["spec", "template", "spec", "containers"];
    let facts: Vec<&str> = items(workload, &path)
        .map(|container| text(container, &[fact]))
        .collect();
    facts.join(",")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn workloads_show_their_replicas_and_their_template() {
        let object = json!({
            "metadata": {"name": "web", "creationTimestamp": "2026-01-01T00:00:00Z"},
            "spec": {
                "replicas": 3,
                "selector": {"matchLabels": {"app": "web"}},
                "template": {"spec": {"containers": [
                    {"name": "c", "image": "nginx:1.27"}, {"name": "d", "image": "redis"},
                ]}},
            },
            "status": {"replicas": 4, "readyReplicas": 2, "updatedReplicas": 1, "availableReplicas": 2},
        });
        let now = Time::parse("2026-01-01T00:05:00Z").unwrap();
        assert_eq!(
            deployment(&object, now),
            json!(["web", "2/3", 1, 2, "5m", "c,d", "nginx:1.27,redis", "app=web"])
        );
        assert_eq!(
            replica_set(&object, now),
            json!(["web", 3, 4, 2, "5m", "c,d", "nginx:1.27,redis", "app=web"])
        );
    }
}
