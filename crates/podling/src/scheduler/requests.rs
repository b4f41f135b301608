//! What a pod takes from a node: resources and host ports.
//!
//! Source: `k8s.io/component-helpers/resource.PodRequests` and `pkg/scheduler/framework/types.go`.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use crate::quantity::Quantity;
use crate::storage::text;

/// Amounts by resource name: `cpu` in thousandths, everything else in whole units.
pub(crate) type Resources = BTreeMap<String, i64>;

/// What a container without a CPU request counts for when nodes are scored, in thousandths of a CPU.
const DEFAULT_CPU: i64 = 100;
/// What a container without a memory request counts for when nodes are scored: 200 MiB.
const DEFAULT_MEMORY: i64 = 200 * 1024 * 1024;

/// A resource list such as `status.allocatable`. What can't be read counts as nothing.
pub(crate) fn resources(list: &Value) -> Resources {
    let entries = list.as_object().into_iter().flatten();
    entries
        .map(|(name, value)| (name.clone(), amount(name, value)))
        .collect()
}

fn amount(name: &str, value: &Value) -> i64 {
    let quantity = Quantity::from_json(value).unwrap_or_default();
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

/// The larger amount of each resource.
fn raise_to(sum: &mut Resources, least: &Resources) {
    for (name, amount) in least {
        let now = sum.entry(name.clone()).or_default();
        *now = (*now).max(*amount);
    }
}

/// What the pod requests: the sum of its containers and sidecars, or the most that its init containers need,
/// whichever is larger; the pod's own requests override it; its overhead comes on top. Example: containers of
/// 100m and 200m after an init container of 500m request 500m.
pub(crate) fn pod_requests(spec: &Value) -> Resources {
    total(spec, &|container| resources(&container["resources"]["requests"]))
}

/// The same with the amounts that scoring assumes for containers without requests.
pub(crate) fn assumed_requests(spec: &Value) -> (i64, i64) {
    let total = total(spec, &|container| {
        let mut requests = resources(&container["resources"]["requests"]);
        requests.entry("cpu".to_owned()).or_insert(DEFAULT_CPU);
        requests.entry("memory".to_owned()).or_insert(DEFAULT_MEMORY);
        requests
    });
    (of(&total, "cpu"), of(&total, "memory"))
}

fn total(spec: &Value, requests: &dyn Fn(&Value) -> Resources) -> Resources {
    let none = Vec::new();
    let list = |key: &str| spec[key].as_array().unwrap_or(&none).clone();
    let mut sum = Resources::new();
    for container in list("containers") {
        add(&mut sum, &requests(&container));
    }
    let (mut sidecars, mut most) = (Resources::new(), Resources::new());
    for container in list("initContainers") {
        let mut needs = requests(&container);
        if container["restartPolicy"] == "Always" {
            add(&mut sum, &needs);
            add(&mut sidecars, &needs);
            needs.clone_from(&sidecars);
        } else {
            add(&mut needs, &sidecars);
        }
        raise_to(&mut most, &needs);
    }
    raise_to(&mut sum, &most);
    for (name, amount) in resources(&spec["resources"]["requests"]) {
        sum.insert(name, amount);
    }
    add(&mut sum, &resources(&spec["overhead"]));
    sum
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

    fn sidecar(cpu: &str) -> Value {
        json!({"restartPolicy": "Always", "resources": {"requests": {"cpu": cpu}}})
    }

    #[test]
    fn init_containers_and_sidecars_count_as_they_run() {
        let cases = [
            (json!({"containers": [container("100m"), container("200m")]}), 300),
            (
                json!({"containers": [container("100m")], "initContainers": [container("1")]}),
                1000,
            ),
            (
                json!({"containers": [container("100m")], "initContainers": [sidecar("300m"), container("1")]}),
                1300,
            ),
            (
                json!({"containers": [container("100m")], "initContainers": [container("1"), sidecar("300m")]}),
                1000,
            ),
            (
                json!({"containers": [container("1")], "overhead": {"cpu": "250m"}}),
                1250,
            ),
            (
                json!({"containers": [container("1")], "resources": {"requests": {"cpu": "3"}}}),
                3000,
            ),
        ];
        for (spec, expected) in cases {
            assert_eq!(of(&pod_requests(&spec), "cpu"), expected, "{spec}");
        }
    }

    #[test]
    fn containers_without_requests_are_assumed_to_take_something() {
        let spec = json!({"containers": [{}, container("1")]});
        assert_eq!(assumed_requests(&spec), (1100, 2 * DEFAULT_MEMORY));
        assert!(pod_requests(&json!({"containers": [{}]})).is_empty());
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
