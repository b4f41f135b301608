//! What EndpointSlices and Endpoints have in common: which pods are behind a service, at which ports, and when
//! that last changed.
//!
//! Source: `k8s.io/endpointslice` and `kubernetes/pkg/controller/util/endpoint`.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use crate::apiserver::ApiServer;
use crate::clock::Time;
use crate::label_selector::matches_map;
use crate::resource::{PODS, SERVICES};
use crate::storage::{Change, ChangeKind, Object, text};

use super::pod;
use super::queue::{Key, WorkQueue};

/// When what is behind a service last changed, as its objects carry it.
pub(crate) const TRIGGER_TIME: &str = "endpoints.kubernetes.io/last-change-trigger-time";
/// Says that the service has no address of its own.
pub(crate) const HEADLESS: &str = "service.kubernetes.io/headless";

/// Whether the controllers look after the service: it has a selector and is not an alias.
pub(crate) fn has_endpoints(service: &Value) -> bool {
    service["spec"]["selector"].is_object() && service["spec"]["type"] != "ExternalName"
}

/// Whether the service has no address of its own.
pub(crate) fn is_headless(service: &Value) -> bool {
    matches!(text(service, &["spec", "clusterIP"]), "" | "None")
}

/// The labels of an object made for `service`: the service's own and `more`.
pub(crate) fn labels(service: &Value, more: &[(&str, &str)]) -> Value {
    let mut labels = match &service["metadata"]["labels"] {
        Value::Object(labels) => Value::Object(labels.clone()),
        _ => json!({}),
    };
    if let Some(labels) = labels.as_object_mut() {
        labels.remove(HEADLESS);
    }
    if is_headless(service) {
        labels[HEADLESS] = "".into();
    }
    for (name, value) in more {
        labels[name] = (*value).into();
    }
    labels
}

/// The pods that the service selects and that have an address and have not ended.
pub(crate) fn selected_pods(api: &ApiServer, service: &Value) -> Vec<Object> {
    let pods = api.list(&PODS, Some(text(service, &["metadata", "namespace"])));
    pods.filter(|pod| selects(service, pod) && is_endpoint(pod))
        .cloned()
        .collect()
}

/// Whether the service has a selector, and it means the pod.
pub(crate) fn selects(service: &Value, pod: &Value) -> bool {
    let selector = &service["spec"]["selector"];
    selector.is_object() && matches_map(selector, &pod["metadata"]["labels"])
}

/// Whether the pod can stand behind a service: it has an address and has not ended.
pub(crate) fn is_endpoint(pod: &Value) -> bool {
    !matches!(pod::phase(pod), "Succeeded" | "Failed") && !text(pod, &["status", "podIP"]).is_empty()
}

/// The number of a service's target port in one pod; `None` if the pod has no port of that name.
pub(crate) fn target_port(service_port: &Value, pod: &Value) -> Option<i64> {
    let target = &service_port["targetPort"];
    let Some(name) = target.as_str() else {
        return target.as_i64().or_else(|| service_port["port"].as_i64());
    };
    let protocol = protocol(service_port);
    let containers = pod["spec"]["containers"].as_array().into_iter().flatten();
    let init = pod["spec"]["initContainers"].as_array().into_iter().flatten();
    let sidecars = init.filter(|container| container["restartPolicy"] == "Always");
    containers
        .chain(sidecars)
        .flat_map(|container| container["ports"].as_array().into_iter().flatten())
        .find(|port| port["name"] == name && self::protocol(port) == protocol)
        .and_then(|port| port["containerPort"].as_i64())
}

/// The port's protocol.
pub(crate) fn protocol(port: &Value) -> &str {
    match text(port, &["protocol"]) {
        "" => "TCP",
        protocol => protocol,
    }
}

/// The reference to a pod behind a service.
pub(crate) fn target_reference(pod: &Value) -> Value {
    let metadata = &pod["metadata"];
    json!({"kind": "Pod", "namespace": metadata["namespace"], "name": metadata["name"], "uid": metadata["uid"]})
}

/// Queues the services that a change concerns.
pub(crate) fn observe(queue: &mut WorkQueue, change: &Change, api: &ApiServer) {
    if change.resource == &SERVICES {
        queue.add(api.now(), Key::of(&change.object));
    } else if change.resource == &PODS && matters(change) {
        let versions = [Some(&change.object), change.previous.as_ref()];
        for pod in versions.into_iter().flatten() {
            for service in api.list(&SERVICES, Some(text(pod, &["metadata", "namespace"]))) {
                if selects(service, pod) {
                    queue.add(api.now(), Key::of(service));
                }
            }
        }
    }
}

/// Whether a pod's change can change what is behind a service.
fn matters(change: &Change) -> bool {
    let Some(previous) = change.previous.as_ref() else {
        return true;
    };
    let (old, new) = (previous, &change.object);
    let same_metadata = ["labels", "deletionTimestamp"]
        .iter()
        .all(|key| old["metadata"][key] == new["metadata"][key]);
    let same_status = ["phase", "podIP"]
        .iter()
        .all(|key| old["status"][key] == new["status"][key]);
    change.kind == ChangeKind::Deleted
        || !same_metadata
        || !same_status
        || pod::is_ready(old) != pod::is_ready(new)
        || old["spec"]["nodeName"] != new["spec"]["nodeName"]
}

/// When what is behind each service last changed (`TriggerTimeTracker`).
#[derive(Debug, Default)]
pub(crate) struct TriggerTimes {
    services: BTreeMap<Key, Seen>,
}

#[derive(Debug, Default)]
struct Seen {
    service: Time,
    pods: BTreeMap<String, Time>,
}

impl TriggerTimes {
    /// The earliest of the changes since the last call: the service's creation, and pods turning ready or
    /// unready. `None` if none of them is new.
    pub(crate) fn next(&mut self, service: &Value, pods: &[Object]) -> Option<Time> {
        let seen = self.services.entry(Key::of(service)).or_default();
        let mut earliest = None;
        let mut times = BTreeMap::new();
        for pod in pods {
            let ready = pod::condition(pod, "Ready");
            let time = ready.and_then(|ready| Time::parse(text(ready, &["lastTransitionTime"])));
            let name = text(pod, &["metadata", "name"]).to_owned();
            if let Some(time) = time {
                let before = seen.pods.get(&name).copied().unwrap_or_default();
                earliest = [earliest, (time > before).then_some(time)]
                    .into_iter()
                    .flatten()
                    .min();
                times.insert(name, time);
            }
        }
        let created = pod::created(service);
        earliest = [earliest, (created > seen.service).then_some(created)]
            .into_iter()
            .flatten()
            .min();
        *seen = Seen {
            service: created,
            pods: times,
        };
        earliest
    }

    /// Forgets a service that is gone.
    pub(crate) fn forget(&mut self, service: &Key) {
        self.services.remove(service);
    }
}

/// Sets or removes the annotation with the last change.
pub(crate) fn annotate(object: &mut Value, trigger: Option<Time>) {
    if let Some(time) = trigger {
        object["metadata"]["annotations"][TRIGGER_TIME] = time.rfc3339().into();
        return;
    }
    let Some(metadata) = object["metadata"].as_object_mut() else {
        return;
    };
    let Some(annotations) = metadata.get_mut("annotations").and_then(Value::as_object_mut) else {
        return;
    };
    annotations.remove(TRIGGER_TIME);
    if annotations.is_empty() {
        metadata.remove("annotations");
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;

    #[test]
    fn a_named_port_is_looked_up_in_the_pod() {
        let pod = json!({"spec": {"containers": [{"ports": [
            {"name": "web", "containerPort": 8080}, {"name": "web", "containerPort": 9090, "protocol": "UDP"},
        ]}]}});
        let cases = [
            (json!({"port": 80, "targetPort": "web"}), Some(8080)),
            (
                json!({"port": 80, "targetPort": "web", "protocol": "UDP"}),
                Some(9090),
            ),
            (json!({"port": 80, "targetPort": "other"}), None),
            (json!({"port": 80, "targetPort": 81}), Some(81)),
            (json!({"port": 80}), Some(80)),
        ];
        for (port, expected) in cases {
            assert_eq!(target_port(&port, &pod), expected, "{port}");
        }
    }

    #[test]
    fn a_change_is_told_once() {
        let service = json!({"metadata": {"name": "web", "creationTimestamp": "2026-01-01T00:00:00Z"}});
        let pod = |time: &str| -> Object {
            Arc::new(json!({"metadata": {"name": "a"}, "status": {"conditions": [
                {"type": "Ready", "lastTransitionTime": time}]}}))
        };
        let mut times = TriggerTimes::default();
        let early = [pod("2026-01-01T00:00:05Z")];
        assert_eq!(times.next(&service, &early), Time::parse("2026-01-01T00:00:00Z"));
        assert_eq!(times.next(&service, &early), None);
        let later = [pod("2026-01-01T00:00:09Z")];
        assert_eq!(times.next(&service, &later), Time::parse("2026-01-01T00:00:09Z"));
    }
}
