//! Which pods belong together with a pod although it says nothing of its spread: those of its services and of its
//! workload.
//!
//! Source: `DefaultSelector` in `pkg/scheduler/framework/plugins/helper/spread.go`, v1.36.

use serde_json::{Value, json};

use crate::apiserver::ApiServer;
use crate::controller_manager::ownership::controller_of;
use crate::label_selector;
use crate::resource::{REPLICA_SETS, REPLICATION_CONTROLLERS, Resource, SERVICES, STATEFUL_SETS};
use crate::storage::text;

use super::plugins::pod_topology_spread::selector::Selector;

/// What selects the pods that belong together with the pod; empty if it belongs to nothing.
pub(crate) fn of(api: &ApiServer, pod: &Value) -> Selector {
    let namespace = text(pod, &["metadata", "namespace"]);
    let services = api.list(&SERVICES, Some(namespace)).filter_map(|service| {
        let wanted = &service["spec"]["selector"];
        let is_its = wanted.is_object() && label_selector::matches_map(wanted, &pod["metadata"]["labels"]);
        is_its.then(|| json!({"matchLabels": wanted}))
    });
    Selector::all_of(services.chain(of_workload(api, pod, namespace)).collect())
}

fn of_workload(api: &ApiServer, pod: &Value, namespace: &str) -> Option<Value> {
    let owner = controller_of(pod)?;
    let resource = workload(text(owner, &["apiVersion"]), text(owner, &["kind"]))?;
    let owner = api.get(resource, namespace, text(owner, &["name"]))?;
    let selector = &owner["spec"]["selector"];
    Some(match resource == &REPLICATION_CONTROLLERS {
        true => json!({"matchLabels": selector}),
        false => selector.clone(),
    })
}

fn workload(api_version: &str, kind: &str) -> Option<&'static Resource> {
    match (api_version, kind) {
        ("v1", "ReplicationController") => Some(&REPLICATION_CONTROLLERS),
        ("apps/v1", "ReplicaSet") => Some(&REPLICA_SETS),
        ("apps/v1", "StatefulSet") => Some(&STATEFUL_SETS),
        _ => None,
    }
}
