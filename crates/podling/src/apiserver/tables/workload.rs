//! The rows of Deployments, ReplicaSets and the other workloads, and of what they keep.

use serde_json::{Value, json};

use super::{NONE, age, items, label_line, number, or};
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
    let selector = label_selector(&set["spec"]["selector"]);
    replicas(set, or(&selector, NONE), now)
}

/// The same of a ReplicationController, whose selector is a plain map.
pub(super) fn replication_controller(controller: &Value, now: Time) -> Value {
    replicas(controller, &label_line(&controller["spec"]["selector"]), now)
}

fn replicas(workload: &Value, selector: &str, now: Time) -> Value {
    json!([
        text(workload, &["metadata", "name"]),
        number(workload, &["spec", "replicas"]),
        number(workload, &["status", "replicas"]),
        number(workload, &["status", "readyReplicas"]),
        age(workload, now),
        containers(workload, "name"),
        containers(workload, "image"),
        selector,
    ])
}

/// Name, Ready, Age, Containers, Images.
pub(super) fn stateful_set(set: &Value, now: Time) -> Value {
    let ready = number(set, &["status", "readyReplicas"]);
    json!([
        text(set, &["metadata", "name"]),
        format!("{ready}/{}", number(set, &["spec", "replicas"])),
        age(set, now),
        containers(set, "name"),
        containers(set, "image"),
    ])
}

/// Name, Desired, Current, Ready, Up-to-date, Available, Node Selector, Age, Containers, Images, Selector.
pub(super) fn daemon_set(set: &Value, now: Time) -> Value {
    let status = &set["status"];
    json!([
        text(set, &["metadata", "name"]),
        number(status, &["desiredNumberScheduled"]),
        number(status, &["currentNumberScheduled"]),
        number(status, &["numberReady"]),
        number(status, &["updatedNumberScheduled"]),
        number(status, &["numberAvailable"]),
        label_line(&set["spec"]["template"]["spec"]["nodeSelector"]),
        age(set, now),
        containers(set, "name"),
        containers(set, "image"),
        or(&label_selector(&set["spec"]["selector"]), NONE),
    ])
}

/// Name, Containers, Images, Pod Labels.
pub(super) fn pod_template(object: &Value) -> Value {
    let template = &object["template"];
    json!([
        text(object, &["metadata", "name"]),
        containers_of(template, "name"),
        containers_of(template, "image"),
        label_line(&template["metadata"]["labels"]),
    ])
}

/// Name, Controller (`statefulset.apps/web`), Revision, Age.
pub(super) fn controller_revision(revision: &Value, now: Time) -> Value {
    let controller = items(revision, &["metadata", "ownerReferences"])
        .find(|owner| owner["controller"] == true)
        .map_or_else(|| NONE.to_owned(), owner_name);
    json!([
        text(revision, &["metadata", "name"]),
        controller,
        number(revision, &["revision"]),
        age(revision, now),
    ])
}

/// `statefulset.apps/web`; a kind of the core group stands without a group.
fn owner_name(owner: &Value) -> String {
    let group = text(owner, &["apiVersion"])
        .split_once('/')
        .map(|(group, _)| group);
    let kind = text(owner, &["kind"]).to_lowercase();
    let kind = group.map_or_else(|| kind.clone(), |group| format!("{kind}.{group}"));
    format!("{kind}/{}", text(owner, &["name"]))
}

/// One fact about each container of the workload's template.
pub(super) fn containers(workload: &Value, fact: &str) -> String {
    containers_of(&workload["spec"]["template"], fact)
}

/// One fact about each container of a template.
fn containers_of(template: &Value, fact: &str) -> String {
    let facts: Vec<&str> = items(template, &["spec", "containers"])
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

    #[test]
    fn a_revision_names_its_controller_with_its_group() {
        let row = |owners: Value| {
            let revision = json!({"metadata": {"name": "web-1", "ownerReferences": owners}, "revision": 2});
            controller_revision(&revision, Time::default())[1].clone()
        };
        let owner = |api_version: &str, kind: &str| json!([{"apiVersion": api_version, "kind": kind, "name": "web", "controller": true}]);
        assert_eq!(row(owner("apps/v1", "StatefulSet")), "statefulset.apps/web");
        assert_eq!(row(owner("v1", "Node")), "node/web");
        assert_eq!(row(json!([])), "<none>");
    }

    #[test]
    fn daemon_sets_show_where_they_run() {
        let set = json!({
            "metadata": {"name": "d"},
            "spec": {
                "selector": {"matchLabels": {"app": "d"}},
                "template": {"spec": {"nodeSelector": {"disk": "ssd"}, "containers": [{"name": "c", "image": "i"}]}},
            },
            "status": {"desiredNumberScheduled": 3, "currentNumberScheduled": 2, "numberReady": 1},
        });
        assert_eq!(
            daemon_set(&set, Time::default()),
            json!(["d", 3, 2, 1, 0, 0, "disk=ssd", "<unknown>", "c", "i", "app=d"])
        );
    }
}
