//! The rows of Deployments and ReplicaSets.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::{NONE, age, items, number, or};
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

/// A `metav1.LabelSelector` in a line, by key: `app=web,tier in (a,b)`.
fn label_selector(selector: &Value) -> String {
    let labels = selector["matchLabels"].as_object().into_iter().flatten();
    let mut requirements: BTreeMap<&str, Vec<String>> = BTreeMap::new();
    for (key, value) in labels {
        let line = format!("{key}={}", value.as_str().unwrap_or_default());
        requirements.entry(key).or_default().push(line);
    }
    for expression in items(selector, &["matchExpressions"]) {
        let key = text(expression, &["key"]);
        requirements
            .entry(key)
            .or_default()
            .push(requirement(key, expression));
    }
    let lines: Vec<String> = requirements.into_values().flatten().collect();
    lines.join(",")
}

fn requirement(key: &str, expression: &Value) -> String {
    let mut values: Vec<&str> = items(expression, &["values"]).filter_map(Value::as_str).collect();
    values.sort_unstable();
    let values = values.join(",");
    match text(expression, &["operator"]) {
        "In" => format!("{key} in ({values})"),
        "NotIn" => format!("{key} notin ({values})"),
        "DoesNotExist" => format!("!{key}"),
        _ => key.to_owned(),
    }
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

    #[test]
    fn selectors_are_written_by_key() {
        let selector = json!({
            "matchLabels": {"tier": "front", "app": "web"},
            "matchExpressions": [
                {"key": "env", "operator": "In", "values": ["b", "a"]},
                {"key": "zone", "operator": "NotIn", "values": ["x"]},
                {"key": "old", "operator": "DoesNotExist"},
                {"key": "new", "operator": "Exists"},
            ],
        });
        assert_eq!(
            label_selector(&selector),
            "app=web,env in (a,b),new,!old,tier=front,zone notin (x)"
        );
    }
}
