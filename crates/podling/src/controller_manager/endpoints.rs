//! The Endpoints controller: one Endpoints object for each service with a selector.
//!
//! Source: `kubernetes/pkg/controller/endpoint`. Differs from Kubernetes: subsets are ordered by their ports,
//! not by a hash; IPv4 only.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use crate::apiserver::{ApiServer, DeleteOptions};
use crate::clock::Time;
use crate::resource::{ENDPOINTS, SERVICES};
use crate::storage::{Change, Object, text};

use super::controller::Controller;
use super::ownership::is_deleted;
use super::queue::{Key, WorkQueue};
use super::service_endpoints::{self as behind, TriggerTimes};
use super::{pod, write_options};

/// The controller, and what it remembers.
#[derive(Debug, Default)]
pub(crate) struct EndpointsController {
    triggers: TriggerTimes,
}

impl Controller for EndpointsController {
    type Item = Key;

    fn name(&self) -> &'static str {
        "endpoints-controller"
    }

    fn observe(&mut self, change: &Change, api: &ApiServer, queue: &mut WorkQueue) {
        behind::observe(queue, change, api);
    }

    fn sync(&mut self, api: &mut ApiServer, key: &Key, queue: &mut WorkQueue) {
        let Some(service) = api.get(&SERVICES, &key.namespace, &key.name).cloned() else {
            self.triggers.forget(key);
            // A service without a selector has no object of ours; then there is nothing to delete.
            let options = DeleteOptions::default();
            drop(api.delete(&ENDPOINTS, &key.namespace, &key.name, &options));
            return;
        };
        if !behind::has_endpoints(&service) {
            return;
        }
        let pods = behind::selected_pods(api, &service);
        let trigger = self.triggers.next(&service, &pods);
        let stored = api.get(&ENDPOINTS, &key.namespace, &key.name).cloned();
        let Some(wanted) = plan(&service, &pods, stored.as_deref(), trigger) else {
            return;
        };
        let written = match stored {
            Some(_) => api.update(&ENDPOINTS, None, wanted, &write_options()),
            None => api.create(&ENDPOINTS, &key.namespace, wanted, &write_options()),
        };
        match written {
            Ok(_) => queue.forget(key),
            Err(_) if is_deleted(&service) => {}
            Err(_) => queue.retry(api.now(), key.clone()),
        }
    }
}

/// The Endpoints to write; `None` if the stored ones are right but for the time of the last change.
fn plan(service: &Value, pods: &[Object], stored: Option<&Value>, trigger: Option<Time>) -> Option<Value> {
    let metadata = &service["metadata"];
    let labels = behind::labels(
        service,
        &[("endpoints.kubernetes.io/managed-by", "endpoint-controller")],
    );
    let subsets = subsets(service, pods);
    let mut wanted = stored.cloned().unwrap_or_else(|| {
        json!({"apiVersion": "v1", "kind": "Endpoints",
            "metadata": {"name": metadata["name"], "namespace": metadata["namespace"]}})
    });
    wanted["metadata"]["labels"] = labels;
    if subsets.is_empty() {
        if let Some(wanted) = wanted.as_object_mut() {
            wanted.remove("subsets");
        }
    } else {
        wanted["subsets"] = subsets.into();
    }
    if stored == Some(&wanted) {
        return None;
    }
    behind::annotate(&mut wanted, trigger);
    Some(wanted)
}

#[derive(Default)]
struct Subset {
    ports: Vec<Value>,
    ready: Vec<Value>,
    unready: Vec<Value>,
}

/// Addresses with the same ports stand together.
fn subsets(service: &Value, pods: &[Object]) -> Vec<Value> {
    let everything = service["spec"]["publishNotReadyAddresses"] == true;
    let mut subsets: BTreeMap<String, Subset> = BTreeMap::new();
    for pod in pods {
        let Some(ports) = ports(service, pod) else {
            continue;
        };
        if is_deleted(pod) && !everything {
            continue;
        }
        let subset = subsets.entry(Value::from(ports.clone()).to_string()).or_default();
        subset.ports = ports;
        match everything || pod::is_ready(pod) {
            true => subset.ready.push(address(service, pod)),
            false => subset.unready.push(address(service, pod)),
        }
    }
    subsets.into_values().map(Subset::into_json).collect()
}

impl Subset {
    fn into_json(mut self) -> Value {
        let by_ip = |address: &Value| text(address, &["ip"]).to_owned();
        self.ready.sort_by_key(by_ip);
        self.unready.sort_by_key(by_ip);
        let lists = [
            ("addresses", self.ready),
            ("notReadyAddresses", self.unready),
            ("ports", self.ports),
        ];
        let filled = lists.into_iter().filter(|(_, list)| !list.is_empty());
        Value::Object(filled.map(|(key, list)| (key.to_owned(), list.into())).collect())
    }
}

/// The pod's ports; `None` if the service has ports and the pod has none of them.
fn ports(service: &Value, pod: &Value) -> Option<Vec<Value>> {
    let Some(ports) = service["spec"]["ports"]
        .as_array()
        .filter(|ports| !ports.is_empty())
    else {
        return Some(Vec::new());
    };
    let found: Vec<Value> = ports.iter().filter_map(|port| endpoint_port(port, pod)).collect();
    (!found.is_empty()).then_some(found)
}

fn endpoint_port(service_port: &Value, pod: &Value) -> Option<Value> {
    let number = behind::target_port(service_port, pod)?;
    let mut port = json!({"port": number, "protocol": behind::protocol(service_port)});
    for key in ["name", "appProtocol"] {
        if !text(service_port, &[key]).is_empty() {
            port[key] = service_port[key].clone();
        }
    }
    Some(port)
}

fn address(service: &Value, pod: &Value) -> Value {
    let mut address = json!({"ip": pod["status"]["podIP"], "targetRef": behind::target_reference(pod)});
    if !text(pod, &["spec", "nodeName"]).is_empty() {
        address["nodeName"] = pod["spec"]["nodeName"].clone();
    }
    let hostname = text(pod, &["spec", "hostname"]);
    if !hostname.is_empty() && pod["spec"]["subdomain"] == service["metadata"]["name"] {
        address["hostname"] = hostname.into();
    }
    address
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;

    fn pod(name: &str, ip: &str, ready: &str) -> Object {
        Arc::new(
            json!({"metadata": {"name": name, "namespace": "a", "uid": name}, "spec": {"nodeName": "n1"},
            "status": {"podIP": ip, "conditions": [{"type": "Ready", "status": ready}]}}),
        )
    }

    #[test]
    fn ready_and_unready_addresses_stand_apart() {
        let service = json!({"metadata": {"name": "web", "namespace": "a"},
            "spec": {"clusterIP": "10.0.0.1", "ports": [{"name": "http", "port": 80, "targetPort": 8080}]}});
        let pods = [pod("a", "10.9.0.1", "True"), pod("b", "10.9.0.2", "False")];
        let address = |name: &str, ip: &str| {
            json!({"ip": ip, "nodeName": "n1",
                "targetRef": {"kind": "Pod", "namespace": "a", "name": name, "uid": name}})
        };
        let endpoints = plan(&service, &pods, None, Some(Time::from_micros(0))).unwrap();
        assert_eq!(
            endpoints["subsets"],
            json!([{"addresses": [address("a", "10.9.0.1")], "notReadyAddresses": [address("b", "10.9.0.2")],
                "ports": [{"name": "http", "port": 8080, "protocol": "TCP"}]}])
        );
        assert_eq!(plan(&service, &pods, Some(&endpoints), None), None);
        let changed = plan(&service, &[], Some(&endpoints), None).unwrap();
        assert!(changed.get("subsets").is_none());
        assert!(changed["metadata"].get("annotations").is_none());
    }
}
