//! Which EndpointSlices a service should have, given those that it has.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use crate::clock::Time;
use crate::storage::{Object, text};

use super::super::ownership::{controller_reference, is_deleted};
use super::super::pod;
use super::super::service_endpoints as behind;

/// The most endpoints in one slice (`--max-endpoints-per-slice`).
const CAPACITY: usize = 100;

/// A pod behind the service.
#[derive(Clone, Debug)]
pub(super) struct Behind {
    pub(super) pod: Object,
    /// The zone of its node.
    pub(super) zone: Option<String>,
}

/// One write.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Write {
    /// Create the slice.
    Create(Value),
    /// Write the slice.
    Update(Value),
    /// Delete the slice of that name.
    Delete(String),
}

/// Slices of one set of ports.
#[derive(Default)]
struct Group {
    ports: Value,
    wanted: Vec<Value>,
    slices: Vec<Value>,
}

/// Decides about the slices of `service`. Endpoints stay in the slice in which they are, in their order; new
/// ones come behind.
pub(super) fn plan(service: &Value, pods: &[Behind], slices: &[Object], trigger: Option<Time>) -> Vec<Write> {
    let groups = group(service, pods, slices);
    let (mut creates, mut updates, mut deletes) = (Vec::new(), Vec::new(), Vec::new());
    for group in groups.into_values() {
        fill(service, group, &mut creates, &mut updates, &mut deletes);
    }
    updates.retain(|slice| !slices.iter().any(|stored| **stored == *slice));
    let kept = slices.len() - deletes.len();
    if kept == 0 && creates.is_empty() {
        keep_placeholder(service, &mut creates, &mut deletes);
    }
    // What would be deleted takes the place of what would be created.
    while !creates.is_empty() && !deletes.is_empty() {
        let (new, old) = (creates.remove(0), deletes.remove(0));
        updates.push(in_place_of(&old, &new));
    }
    for slice in creates.iter_mut().chain(&mut updates) {
        behind::annotate(slice, trigger);
    }
    let deletes = deletes
        .iter()
        .map(|slice| text(slice, &["metadata", "name"]).to_owned());
    let deletes: Vec<Write> = deletes.map(Write::Delete).collect();
    let updates = updates.into_iter().map(Write::Update);
    creates
        .into_iter()
        .map(Write::Create)
        .chain(updates)
        .chain(deletes)
        .collect()
}

fn group(service: &Value, pods: &[Behind], slices: &[Object]) -> BTreeMap<String, Group> {
    let mut groups: BTreeMap<String, Group> = BTreeMap::new();
    for one in pods {
        let ports = ports(service, &one.pod);
        let group = groups.entry(ports.to_string()).or_default();
        group.ports = ports;
        group.wanted.push(endpoint(service, one));
    }
    for slice in slices {
        let ports = slice["ports"].clone();
        let group = groups.entry(ports.to_string()).or_default();
        group.ports = ports;
        group.slices.push(Value::clone(slice));
    }
    groups
}

fn fill(
    service: &Value,
    group: Group,
    creates: &mut Vec<Value>,
    updates: &mut Vec<Value>,
    deletes: &mut Vec<Value>,
) {
    let mut wanted: BTreeMap<String, Value> = group
        .wanted
        .into_iter()
        .map(|endpoint| (target(&endpoint).to_owned(), endpoint))
        .collect();
    let mut filled: Vec<(Value, Vec<Value>)> = Vec::new();
    for slice in group.slices {
        let old = slice["endpoints"].as_array().into_iter().flatten();
        let kept = old
            .filter_map(|endpoint| wanted.remove(target(endpoint)))
            .collect();
        filled.push((slice, kept));
    }
    let mut new: Vec<Value> = wanted.into_values().collect();
    for (_, endpoints) in &mut filled {
        let room = CAPACITY.saturating_sub(endpoints.len()).min(new.len());
        endpoints.extend(new.drain(..room));
    }
    for (mut slice, endpoints) in filled {
        if endpoints.is_empty() {
            deletes.push(slice);
            continue;
        }
        slice["endpoints"] = endpoints.into();
        slice["metadata"]["labels"] = labels(service);
        updates.push(slice);
    }
    for endpoints in new.chunks(CAPACITY) {
        creates.push(slice(service, &group.ports, &endpoints.into()));
    }
}

/// A service without endpoints has one empty slice.
fn keep_placeholder(service: &Value, creates: &mut Vec<Value>, deletes: &mut Vec<Value>) {
    let placeholder = slice(service, &Value::Null, &Value::Null);
    let is_placeholder = |slice: &Value| {
        slice["endpoints"].is_null()
            && slice["ports"].is_null()
            && slice["metadata"]["labels"] == labels(service)
    };
    match deletes.as_slice() {
        [only] if is_placeholder(only) => deletes.clear(),
        _ => creates.push(placeholder),
    }
}

fn in_place_of(old: &Value, new: &Value) -> Value {
    let mut slice = old.clone();
    for key in ["endpoints", "ports"] {
        slice[key] = new[key].clone();
    }
    slice["metadata"]["labels"] = new["metadata"]["labels"].clone();
    slice
}

fn labels(service: &Value) -> Value {
    let more = [
        (
            "endpointslice.kubernetes.io/managed-by",
            "endpointslice-controller.k8s.io",
        ),
        ("kubernetes.io/service-name", text(service, &["metadata", "name"])),
    ];
    behind::labels(service, &more)
}

fn slice(service: &Value, ports: &Value, endpoints: &Value) -> Value {
    let metadata = &service["metadata"];
    json!({
        "apiVersion": "discovery.k8s.io/v1", "kind": "EndpointSlice",
        "metadata": {
            "generateName": format!("{}-", text(service, &["metadata", "name"])),
            "namespace": metadata["namespace"],
            "labels": labels(service),
            "ownerReferences": [controller_reference(service)],
        },
        "addressType": "IPv4", "endpoints": endpoints, "ports": ports,
    })
}

/// The service's ports as the pod serves them; null for none.
fn ports(service: &Value, pod: &Value) -> Value {
    let ports = service["spec"]["ports"].as_array().into_iter().flatten();
    let found: Vec<Value> = ports.filter_map(|port| endpoint_port(port, pod)).collect();
    if found.is_empty() {
        Value::Null
    } else {
        found.into()
    }
}

fn endpoint_port(service_port: &Value, pod: &Value) -> Option<Value> {
    let number = behind::target_port(service_port, pod)?;
    let name = text(service_port, &["name"]);
    let mut port = json!({"name": name, "protocol": behind::protocol(service_port), "port": number});
    if let Some(protocol) = service_port.get("appProtocol") {
        port["appProtocol"] = protocol.clone();
    }
    Some(port)
}

fn target(endpoint: &Value) -> &str {
    text(endpoint, &["targetRef", "uid"])
}

fn endpoint(service: &Value, Behind { pod, zone }: &Behind) -> Value {
    let (serving, terminating) = (pod::is_ready(pod), is_deleted(pod));
    let ready = service["spec"]["publishNotReadyAddresses"] == true || (serving && !terminating);
    let mut endpoint = json!({
        "addresses": [pod["status"]["podIP"]],
        "conditions": {"ready": ready, "serving": serving, "terminating": terminating},
        "targetRef": behind::target_reference(pod),
    });
    if !text(pod, &["spec", "nodeName"]).is_empty() {
        endpoint["nodeName"] = pod["spec"]["nodeName"].clone();
    }
    if let Some(zone) = zone {
        endpoint["zone"] = zone.as_str().into();
    }
    let hostname = text(pod, &["spec", "hostname"]);
    if !hostname.is_empty() && pod["spec"]["subdomain"] == service["metadata"]["name"] {
        endpoint["hostname"] = hostname.into();
    }
    endpoint
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;

    fn service() -> Value {
        json!({"apiVersion": "v1", "kind": "Service", "metadata": {"name": "web", "namespace": "a", "uid": "s"},
            "spec": {"clusterIP": "10.0.0.1", "ports": [{"port": 80, "targetPort": "web"}]}})
    }

    fn pod(name: &str, port: i64, ready: bool, deleted: bool) -> Behind {
        let mut pod = json!({"metadata": {"name": name, "namespace": "a", "uid": name},
            "spec": {"nodeName": "n1", "containers": [{"ports": [{"name": "web", "containerPort": port}]}]},
            "status": {"podIP": format!("10.9.0.{name}"),
                "conditions": [{"type": "Ready", "status": if ready { "True" } else { "False" }}]}});
        if deleted {
            pod["metadata"]["deletionTimestamp"] = "2026-01-01T00:00:00Z".into();
        }
        Behind {
            pod: Arc::new(pod),
            zone: None,
        }
    }

    /// Carries out the writes.
    fn apply(slices: &mut Vec<Object>, writes: Vec<Write>) {
        for write in writes {
            match write {
                Write::Create(mut slice) => {
                    slice["metadata"]["name"] = format!("web-{}", slices.len()).into();
                    slices.push(Arc::new(slice));
                }
                Write::Update(slice) => {
                    let name = slice["metadata"]["name"].clone();
                    slices.retain(|stored| stored["metadata"]["name"] != name);
                    slices.push(Arc::new(slice));
                }
                Write::Delete(name) => slices.retain(|stored| stored["metadata"]["name"] != name.as_str()),
            }
        }
    }

    fn step(slices: &mut Vec<Object>, pods: &[Behind]) -> usize {
        let writes = plan(&service(), pods, slices, None);
        let count = writes.len();
        apply(slices, writes);
        count
    }

    #[test]
    fn the_placeholder_becomes_the_first_slice_and_comes_back_when_all_are_gone() {
        let mut slices = Vec::new();
        assert_eq!(step(&mut slices, &[]), 1);
        assert!(slices[0]["endpoints"].is_null() && slices[0]["ports"].is_null());
        assert_eq!(step(&mut slices, &[]), 0);
        step(&mut slices, &[pod("1", 8080, true, false)]);
        assert_eq!(slices.len(), 1);
        assert_eq!(
            slices[0]["ports"],
            json!([{"name": "", "protocol": "TCP", "port": 8080}])
        );
        assert_eq!(step(&mut slices, &[pod("1", 8080, true, false)]), 0);
        step(&mut slices, &[]);
        assert!(slices[0]["endpoints"].is_null());
        assert_eq!(slices[0]["metadata"]["name"], "web-0");
    }

    #[test]
    fn an_endpoint_says_whether_it_is_ready_serving_and_terminating() {
        let cases = [
            (pod("1", 80, true, false), (true, true, false)),
            (pod("1", 80, false, false), (false, false, false)),
            (pod("1", 80, true, true), (false, true, true)),
        ];
        for (pod, (ready, serving, terminating)) in cases {
            assert_eq!(
                endpoint(&service(), &pod)["conditions"],
                json!({"ready": ready, "serving": serving, "terminating": terminating})
            );
        }
    }

    #[test]
    fn pods_with_other_ports_are_in_another_slice_and_none_holds_more_than_100() {
        let mut slices = Vec::new();
        let mut pods: Vec<Behind> = (0..150).map(|i| pod(&i.to_string(), 80, true, false)).collect();
        pods.push(pod("other", 81, true, false));
        step(&mut slices, &pods);
        let mut sizes: Vec<usize> = slices
            .iter()
            .map(|slice| slice["endpoints"].as_array().unwrap().len())
            .collect();
        sizes.sort_unstable();
        assert_eq!(sizes, [1, 50, 100]);
    }
}
