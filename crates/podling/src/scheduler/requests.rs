//! What a pod takes from a node: resources and host ports.
//!
//! Source: `k8s.io/component-helpers/resource.PodRequests` and `pkg/scheduler/framework/types.go`.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use crate::pod_resources;
use crate::quantity::{Format, Quantity};
use crate::resource_list::ResourceList;
use crate::storage::text;

/// Amounts by resource name: `cpu` in thousandths, everything else in whole units.
pub(crate) type Resources = BTreeMap<String, i64>;

/// What a container without a CPU request counts for when nodes are scored, in thousandths of a CPU.
const DEFAULT_CPU: i64 = 100;
/// What a container without a memory request counts for when nodes are scored: 200 MiB.
const DEFAULT_MEMORY: i64 = 200 * 1024 * 1024;

/// A resource list such as `status.allocatable`. What can't be read counts as nothing.
pub(crate) fn resources(list: &Value) -> Resources {
    counted(&ResourceList::from_json(list))
}

fn units(name: &str, quantity: Quantity) -> i64 {
    match name {
        "cpu" => quantity.milli_value(),
        _ => quantity.value(),
    }
}

/// The amount of one resource; zero if it is not listed.
pub(crate) fn of(resources: &Resources, name: &str) -> i64 {
    resources.get(name).copied().unwrap_or_default()
}

/// Adds `more` to `sum`.
pub(crate) fn add(sum: &mut Resources, more: &Resources) {
    for (name, amount) in more {
        *sum.entry(name.clone()).or_default() += amount;
    }
}

/// Takes `less` from `sum`.
pub(crate) fn subtract(sum: &mut Resources, less: &Resources) {
    for (name, amount) in less {
        *sum.entry(name.clone()).or_default() -= amount;
    }
}

/// What the pod requests; while it is resized, the most of what it wants, was given and runs with.
pub(crate) fn pod_requests(pod: &Value) -> Resources {
    counted(&pod_resources::requests_held(pod))
}

/// The same with the amounts that scoring assumes for containers without requests.
pub(crate) fn assumed_requests(pod: &Value) -> (i64, i64) {
    let spec = &pod["spec"];
    let mut total = pod_resources::total(spec, "requests", &|container| {
        let mut requests = pod_resources::container_requests_held(pod, container);
        requests.set_default("cpu", Quantity::from_milli(DEFAULT_CPU));
        requests.set_default("memory", Quantity::from_units(DEFAULT_MEMORY, Format::BinarySi));
        requests
    });
    total.add(&ResourceList::from_json(&spec["overhead"]));
    let total = counted(&total);
    (of(&total, "cpu"), of(&total, "memory"))
}

fn counted(list: &ResourceList) -> Resources {
    list.iter()
        .map(|(name, quantity)| (name.to_owned(), units(name, quantity)))
        .collect()
}

/// A port of the node that a pod takes.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct HostPort {
    address: String,
    protocol: String,
    port: i64,
}

impl HostPort {
    /// Whether both can't be on one node: the same port and protocol, on the same address or on all.
    pub(crate) fn conflicts_with(&self, other: &Self) -> bool {
        let any = "0.0.0.0";
        let meets = self.address == other.address || self.address == any || other.address == any;
        self.port == other.port && self.protocol == other.protocol && meets
    }
}

/// The host ports of the pod's containers and sidecars.
pub(crate) fn host_ports(spec: &Value) -> Vec<HostPort> {
    let containers = spec["containers"].as_array().into_iter().flatten();
    let init = spec["initContainers"].as_array().into_iter().flatten();
    let sidecars = init.filter(|container| container["restartPolicy"] == "Always");
    containers
        .chain(sidecars)
        .flat_map(|container| container["ports"].as_array().into_iter().flatten())
        .filter_map(host_port)
        .collect()
}

fn host_port(port: &Value) -> Option<HostPort> {
    let number = port["hostPort"].as_i64().filter(|number| *number > 0)?;
    let or = |text: &str, default: &str| if text.is_empty() { default } else { text }.to_owned();
    Some(HostPort {
        address: or(text(port, &["hostIP"]), "0.0.0.0"),
        protocol: or(text(port, &["protocol"]), "TCP"),
        port: number,
    })
}

/// The body of a `bindings` request.
pub(crate) fn binding(namespace: &str, name: &str, node: &str) -> Value {
    json!({
        "apiVersion": "v1", "kind": "Binding",
        "metadata": {"name": name, "namespace": namespace},
        "target": {"apiVersion": "v1", "kind": "Node", "name": node},
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn container(cpu: &str) -> Value {
        json!({"resources": {"requests": {"cpu": cpu}}})
    }

    #[test]
    fn a_pod_requests_thousandths_of_cpus_and_whole_units() {
        let spec = json!({"containers": [container("1")], "initContainers": [container("2")],
            "overhead": {"cpu": "250m", "memory": "1Ki"}});
        let requests = pod_requests(&json!({"spec": spec}));
        assert_eq!((of(&requests, "cpu"), of(&requests, "memory")), (2250, 1024));
    }

    #[test]
    fn containers_without_requests_are_assumed_to_take_something() {
        let pod = json!({"spec": {"containers": [{}, container("1")]}});
        assert_eq!(assumed_requests(&pod), (1100, 2 * DEFAULT_MEMORY));
        assert!(pod_requests(&json!({"spec": {"containers": [{}]}})).is_empty());
    }

    #[test]
    fn a_pod_that_is_resized_takes_what_it_wants_and_what_it_still_has() {
        let pod = |wants: &str, given: &str, runs: &str| {
            let amounts = |cpu: &str| json!({"requests": {"cpu": cpu}});
            json!({
                "spec": {"containers": [{"name": "c", "resources": amounts(wants)}]},
                "status": {"containerStatuses": [
                    {"name": "c", "allocatedResources": {"cpu": given}, "resources": amounts(runs)},
                ]},
            })
        };
        for (wants, given, runs, milli) in [
            ("1", "1", "1", 1000),
            ("2", "1", "1", 2000),
            ("1", "1", "2", 2000),
        ] {
            let pod = pod(wants, given, runs);
            assert_eq!(of(&pod_requests(&pod), "cpu"), milli, "{pod}");
            assert_eq!(assumed_requests(&pod), (milli, DEFAULT_MEMORY), "{pod}");
        }
    }

    #[test]
    fn host_ports_conflict_on_one_address_or_on_all() {
        let ports = |address: &str| {
            host_ports(&json!({"containers": [{"ports": [{"hostPort": 80, "hostIP": address}]}]}))
        };
        assert!(ports("")[0].conflicts_with(&ports("10.0.0.1")[0]));
        assert!(!ports("10.0.0.2")[0].conflicts_with(&ports("10.0.0.1")[0]));
    }
}
