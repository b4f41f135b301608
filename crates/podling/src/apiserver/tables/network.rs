//! The rows of Services, Endpoints and EndpointSlices.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::{NONE, UNKNOWN, age, first_three, items, label_line, number, or};
use crate::clock::Time;
use crate::storage::text;

const UNSET: &str = "<unset>";

/// Name, Type, Cluster-IP, External-IP, Port(s), Age, Selector.
pub(super) fn service(service: &Value, now: Time) -> Value {
    let cluster_ip = items(service, &["spec", "clusterIPs"])
        .filter_map(Value::as_str)
        .next();
    json!([
        text(service, &["metadata", "name"]),
        text(service, &["spec", "type"]),
        cluster_ip.unwrap_or(NONE),
        external_ip(service),
        or(&ports(service), NONE),
        age(service, now),
        label_line(&service["spec"]["selector"]),
    ])
}

fn external_ip(service: &Value) -> String {
    let given: Vec<&str> = items(service, &["spec", "externalIPs"])
        .filter_map(Value::as_str)
        .collect();
    let given = given.join(",");
    match text(service, &["spec", "type"]) {
        "ClusterIP" | "NodePort" => or(&given, NONE).to_owned(),
        "LoadBalancer" => {
            let balanced = ingress_points(service);
            let both: Vec<&str> = [balanced.as_str(), given.as_str()]
                .into_iter()
                .filter(|ips| !ips.is_empty())
                .collect();
            or(&both.join(","), "<pending>").to_owned()
        }
        "ExternalName" => text(service, &["spec", "externalName"]).to_owned(),
        _ => UNKNOWN.to_owned(),
    }
}

/// Where the load balancer answers: addresses, else names.
pub(super) fn ingress_points(service: &Value) -> String {
    let points: BTreeSet<&str> = items(service, &["status", "loadBalancer", "ingress"])
        .map(|point| or(text(point, &["ip"]), text(point, &["hostname"])))
        .filter(|point| !point.is_empty())
        .collect();
    points.into_iter().collect::<Vec<_>>().join(",")
}

/// `80/TCP,443:30443/TCP`
fn ports(service: &Value) -> String {
    let ports: Vec<String> = items(service, &["spec", "ports"]).map(port).collect();
    ports.join(",")
}

fn port(port: &Value) -> String {
    let (number_of, protocol) = (number(port, &["port"]), text(port, &["protocol"]));
    match number(port, &["nodePort"]) {
        0 => format!("{number_of}/{protocol}"),
        node_port => format!("{number_of}:{node_port}/{protocol}"),
    }
}

/// The addresses of an Endpoints that are ready, with each port of their subset.
pub(super) fn endpoints(endpoints: &Value) -> String {
    if items(endpoints, &["subsets"]).next().is_none() {
        return NONE.to_owned();
    }
    let places: Vec<String> = items(endpoints, &["subsets"]).flat_map(subset).collect();
    first_three(&places)
}

fn subset(subset: &Value) -> Vec<String> {
    let addresses: Vec<&str> = items(subset, &["addresses"])
        .map(|address| text(address, &["ip"]))
        .collect();
    let ports: Vec<i64> = items(subset, &["ports"])
        .map(|port| number(port, &["port"]))
        .collect();
    if ports.is_empty() {
        return addresses.into_iter().map(str::to_owned).collect();
    }
    let place = |port: i64, ip: &str| match ip.contains(':') {
        true => format!("[{ip}]:{port}"),
        false => format!("{ip}:{port}"),
    };
    let with_port = |port| addresses.iter().map(move |ip| place(port, ip));
    ports.into_iter().flat_map(with_port).collect()
}

/// Name, AddressType, Ports, Endpoints, Age.
pub(super) fn endpoint_slice(slice: &Value, now: Time) -> Value {
    let ports: Vec<String> = items(slice, &["ports"]).map(slice_port).collect();
    let addresses: Vec<String> = items(slice, &["endpoints"])
        .flat_map(|endpoint| items(endpoint, &["addresses"]))
        .filter_map(Value::as_str)
        .map(str::to_owned)
        .collect();
    json!([
        text(slice, &["metadata", "name"]),
        text(slice, &["addressType"]),
        or(&first_three(&ports), UNSET),
        or(&first_three(&addresses), UNSET),
        age(slice, now),
    ])
}

/// A port without a number is every port.
fn slice_port(port: &Value) -> String {
    port["port"]
        .as_i64()
        .map_or_else(|| "*".to_owned(), |port| port.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn service_row(spec: &Value, ingress: &Value) -> [String; 5] {
        let object = json!({
            "metadata": {"name": "a"}, "spec": spec, "status": {"loadBalancer": {"ingress": ingress}},
        });
        let cells = service(&object, Time::default());
        [1, 2, 3, 4, 6].map(|at| cells[at].as_str().unwrap().to_owned())
    }

    #[test]
    fn a_service_shows_where_it_is_reached() {
        let none = || json!([]);
        let port = json!([{"port": 80, "protocol": "TCP"}]);
        let node_ports = json!([
            {"port": 80, "nodePort": 31991, "protocol": "TCP"}, {"port": 443, "nodePort": 31992, "protocol": "TCP"},
        ]);
        let cases = [
            (
                json!({"type": "ClusterIP", "clusterIPs": ["10.96.91.1"], "ports": port, "selector": {"app": "web"}}),
                none(),
                ["ClusterIP", "10.96.91.1", "<none>", "80/TCP", "app=web"],
            ),
            (
                json!({"type": "ClusterIP", "clusterIPs": ["None"], "ports": port}),
                none(),
                ["ClusterIP", "None", "<none>", "80/TCP", "<none>"],
            ),
            (
                json!({"type": "NodePort", "clusterIPs": ["10.96.91.2"], "ports": node_ports, "externalIPs": ["203.0.113.9"]}),
                none(),
                [
                    "NodePort",
                    "10.96.91.2",
                    "203.0.113.9",
                    "80:31991/TCP,443:31992/TCP",
                    "<none>",
                ],
            ),
            (
                json!({"type": "LoadBalancer", "clusterIPs": ["10.96.91.3"], "ports": port}),
                json!([{"ip": "198.51.100.1"}]),
                ["LoadBalancer", "10.96.91.3", "198.51.100.1", "80/TCP", "<none>"],
            ),
            (
                json!({"type": "LoadBalancer", "clusterIPs": ["10.96.91.3"], "ports": port}),
                none(),
                ["LoadBalancer", "10.96.91.3", "<pending>", "80/TCP", "<none>"],
            ),
            (
                json!({"type": "ExternalName", "externalName": "x.example.com"}),
                none(),
                ["ExternalName", "<none>", "x.example.com", "<none>", "<none>"],
            ),
        ];
        for (spec, ingress, expected) in cases {
            assert_eq!(service_row(&spec, &ingress), expected);
        }
    }

    #[test]
    fn endpoints_show_every_address_with_every_port() {
        let subset = |addresses: &[&str], ports: &[u16]| {
            let addresses: Vec<Value> = addresses.iter().map(|ip| json!({"ip": ip})).collect();
            let ports: Vec<Value> = ports.iter().map(|port| json!({"port": port})).collect();
            json!({"subsets": [{"addresses": addresses, "ports": ports}]})
        };
        let cases = [
            (json!({}), "<none>"),
            (
                subset(&["10.0.0.1", "10.0.0.2"], &[80]),
                "10.0.0.1:80,10.0.0.2:80",
            ),
            (subset(&["10.0.0.1"], &[]), "10.0.0.1"),
            (subset(&["fd00::1"], &[80]), "[fd00::1]:80"),
            (
                subset(&["10.0.0.1", "10.0.0.2"], &[80, 443]),
                "10.0.0.1:80,10.0.0.2:80,10.0.0.1:443 + 1 more...",
            ),
        ];
        for (object, expected) in cases {
            assert_eq!(endpoints(&object), expected);
        }
    }

    #[test]
    fn a_slice_shows_ports_and_addresses() {
        let object = json!({
            "metadata": {"name": "web"}, "addressType": "IPv4",
            "ports": [{"port": 80}, {"name": "x", "port": 81}],
            "endpoints": [{"addresses": ["10.1.1.1"]}],
        });
        let now = Time::default();
        assert_eq!(
            endpoint_slice(&object, now),
            json!(["web", "IPv4", "80,81", "10.1.1.1", "<unknown>"])
        );
        let empty =
            json!({"metadata": {"name": "web"}, "addressType": "IPv4", "ports": null, "endpoints": null});
        assert_eq!(
            endpoint_slice(&empty, now),
            json!(["web", "IPv4", "<unset>", "<unset>", "<unknown>"])
        );
    }
}
