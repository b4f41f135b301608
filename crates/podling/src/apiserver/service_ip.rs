//! Cluster IPs and node ports of Services: given, checked, or picked by the cluster's own chance.
//!
//! Source: `k8s.io/kubernetes/pkg/registry/core/service` (allocators), v1.36. What differs: what is taken is
//! read off the Services themselves, so nothing can leak or needs repair; IPv4 only.

use std::collections::BTreeSet;
use std::net::Ipv4Addr;

use serde_json::{Value, json};

use super::registry::read::{Fields as _, remove, set_default};
use crate::rng::Rng;
use crate::status::field::Error;

/// The network of cluster IPs, `10.96.0.0/16`.
const NETWORK: Ipv4Addr = Ipv4Addr::new(10, 96, 0, 0);
const NETWORK_SIZE: u32 = 1 << 16;
/// Addresses below this offset are left for those who ask for one (KEP-3070).
const STATIC_BAND: u32 = 256;
const FIRST_NODE_PORT: i64 = 30_000;
const LAST_NODE_PORT: i64 = 32_767;
/// Node ports below this offset are left for those who ask for one (KEP-3668).
const STATIC_PORTS: i64 = 86;

/// A node port and its protocol.
type NodePort = (i64, String);

/// Gives a Service the addresses and node ports that its type calls for. `others` are all other Services of
/// the cluster.
///
/// # Errors
/// When a given address or port is taken or out of range, or none is left.
pub(crate) fn allocate<'a>(
    service: &mut Value,
    others: impl Iterator<Item = &'a Value> + Clone,
    rng: &mut Rng,
) -> Result<(), Vec<Error>> {
    let spec = &mut service["spec"];
    if spec["type"] != "ExternalName" {
        set_families(spec);
        allocate_ip(spec, &taken_ips(others.clone()), rng)?;
    }
    let is_balanced = spec["type"] == "LoadBalancer";
    let wants_ports = spec["type"] == "NodePort"
        || is_balanced && spec["allocateLoadBalancerNodePorts"].as_bool().unwrap_or(true);
    let mut taken = taken_ports(others);
    if wants_ports {
        allocate_node_ports(spec, &mut taken, rng)?;
    }
    if is_balanced && spec["externalTrafficPolicy"] == "Local" {
        allocate_health_port(spec, &taken, rng)?;
    }
    Ok(())
}

fn is_headless(spec: &Value) -> bool {
    spec["clusterIP"] == "None"
}

/// `ipFamilies` and `ipFamilyPolicy` of a cluster with IPv4 only. A headless Service without a selector may
/// point anywhere, so it gets both families.
fn set_families(spec: &mut Value) {
    let any_target = is_headless(spec) && spec.entries("selector").next().is_none();
    let (families, policy) = if any_target {
        (json!(["IPv4", "IPv6"]), "RequireDualStack")
    } else {
        (json!(["IPv4"]), "SingleStack")
    };
    set_default(spec, "ipFamilyPolicy", policy);
    set_default(spec, "ipFamilies", families);
}

fn taken_ips<'a>(services: impl Iterator<Item = &'a Value>) -> BTreeSet<Ipv4Addr> {
    let ips = services.flat_map(|service| service["spec"].items("clusterIPs"));
    ips.filter_map(|ip| ip.as_str()?.parse().ok()).collect()
}

fn allocate_ip(spec: &mut Value, taken: &BTreeSet<Ipv4Addr>, rng: &mut Rng) -> Result<(), Vec<Error>> {
    if is_headless(spec) {
        spec["clusterIPs"] = json!(["None"]);
        return Ok(());
    }
    let given = spec.text("clusterIP").to_owned();
    let ip = if given.is_empty() {
        pick_ip(taken, rng)
            .ok_or_else(|| {
                vec![Error::invalid(
                    "spec.clusterIPs",
                    json!([]),
                    "failed to allocate a serviceIP: range is full",
                )]
            })?
            .to_string()
    } else {
        check_ip(&given, taken).map_err(|why| {
            let why = format!("failed to allocate IP {given}: {why}");
            vec![Error::invalid("spec.clusterIPs", json!([given]), why)]
        })?;
        given
    };
    spec["clusterIP"] = ip.as_str().into();
    spec["clusterIPs"] = json!([ip]);
    Ok(())
}

/// How far `ip` is into the network; `None` outside it, and for its first and last address.
fn offset(ip: Ipv4Addr) -> Option<u32> {
    let offset = u32::from(ip).checked_sub(u32::from(NETWORK))?;
    (1..NETWORK_SIZE - 1).contains(&offset).then_some(offset)
}

fn check_ip(given: &str, taken: &BTreeSet<Ipv4Addr>) -> Result<(), &'static str> {
    let ip: Ipv4Addr = given
        .parse()
        .map_err(|_| "the provided network does not match the current range")?;
    if offset(ip).is_none() {
        return Err("the provided network does not match the current range");
    }
    if taken.contains(&ip) {
        return Err("provided IP is already allocated");
    }
    Ok(())
}

/// A free address: from the dynamic band while there is one, then from the static one.
fn pick_ip(taken: &BTreeSet<Ipv4Addr>, rng: &mut Rng) -> Option<Ipv4Addr> {
    let bands = [(STATIC_BAND, NETWORK_SIZE - 1), (1, STATIC_BAND)];
    bands.into_iter().find_map(|(from, to)| {
        let start = u32::try_from(rng.below(u64::from(to - from))).unwrap_or_default();
        let nth = |i| Ipv4Addr::from(u32::from(NETWORK) + from + (start + i) % (to - from));
        (0..to - from).map(nth).find(|ip| !taken.contains(ip))
    })
}

fn taken_ports<'a>(services: impl Iterator<Item = &'a Value>) -> BTreeSet<NodePort> {
    services
        .flat_map(|service| {
            let spec = &service["spec"];
            let ports = spec.items("ports").iter();
            let health = (spec.number("healthCheckNodePort"), "TCP");
            ports
                .map(|p| (p.number("nodePort"), p.text("protocol")))
                .chain([health])
        })
        .filter_map(|(port, protocol)| Some((port.filter(|p| *p != 0)?, protocol.to_owned())))
        .collect()
}

fn allocate_node_ports(
    spec: &mut Value,
    taken: &mut BTreeSet<NodePort>,
    rng: &mut Rng,
) -> Result<(), Vec<Error>> {
    let mut errors = Vec::new();
    let given: Vec<Value> = spec.items("ports").to_vec();
    let mut own: Vec<(i64, NodePort)> = Vec::new();
    for (i, port) in given.iter().enumerate() {
        let field = format!("spec.ports[{i}].nodePort");
        match node_port(port, &field, &own, taken, rng) {
            Ok(chosen) => {
                spec["ports"][i]["nodePort"] = chosen.0.into();
                taken.insert(chosen.clone());
                own.push((port.number("port").unwrap_or_default(), chosen));
            }
            Err(error) => errors.push(error),
        }
    }
    if errors.is_empty() { Ok(()) } else { Err(errors) }
}

/// The port asked for, or the one that the same port has for another protocol, or a free one.
fn node_port(
    port: &Value,
    field: &str,
    own: &[(i64, NodePort)],
    taken: &BTreeSet<NodePort>,
    rng: &mut Rng,
) -> Result<NodePort, Error> {
    let protocol = port.text("protocol");
    let number = port.number("port").unwrap_or_default();
    let asked = port.number("nodePort").unwrap_or_default();
    if asked != 0 {
        check_node_port(asked, protocol, field, taken)?;
        return Ok((asked, protocol.to_owned()));
    }
    let shared = own
        .iter()
        .find(|(other, (_, p))| *other == number && p != protocol);
    let shared = shared.map(|(_, (node_port, _))| (*node_port, protocol.to_owned()));
    shared
        .filter(|chosen| !taken.contains(chosen))
        .or_else(|| pick_port(taken, rng).map(|free| (free, protocol.to_owned())))
        .ok_or_else(|| Error::invalid(field, 0, "failed to allocate a nodePort: range is full"))
}

fn check_node_port(port: i64, protocol: &str, field: &str, taken: &BTreeSet<NodePort>) -> Result<(), Error> {
    if !(FIRST_NODE_PORT..=LAST_NODE_PORT).contains(&port) {
        let why = format!(
            "provided port is not in the valid range. The range of valid ports is {FIRST_NODE_PORT}-{LAST_NODE_PORT}"
        );
        return Err(Error::invalid(field, port, why));
    }
    if taken.contains(&(port, protocol.to_owned())) {
        return Err(Error::invalid(field, port, "provided port is already allocated"));
    }
    Ok(())
}

/// A port that is free for every protocol.
fn pick_port(taken: &BTreeSet<NodePort>, rng: &mut Rng) -> Option<i64> {
    let used: BTreeSet<i64> = taken.iter().map(|(port, _)| *port).collect();
    let dynamic = FIRST_NODE_PORT + STATIC_PORTS;
    let bands = [(dynamic, LAST_NODE_PORT + 1), (FIRST_NODE_PORT, dynamic)];
    bands.into_iter().find_map(|(from, to)| {
        let start = i64::try_from(rng.below((to - from).unsigned_abs())).unwrap_or_default();
        (0..to - from)
            .map(|i| from + (start + i) % (to - from))
            .find(|port| !used.contains(port))
    })
}

fn allocate_health_port(
    spec: &mut Value,
    taken: &BTreeSet<NodePort>,
    rng: &mut Rng,
) -> Result<(), Vec<Error>> {
    let field = "spec.healthCheckNodePort";
    match spec.number("healthCheckNodePort").unwrap_or_default() {
        0 => match pick_port(taken, rng) {
            Some(port) => spec["healthCheckNodePort"] = port.into(),
            None => remove(spec, "healthCheckNodePort"),
        },
        asked => check_node_port(asked, "TCP", field, taken).map_err(|error| vec![error])?,
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn allocated(spec: &Value, others: &[Value]) -> Result<Value, Vec<String>> {
        let mut service = json!({"spec": spec});
        allocate(&mut service, others.iter(), &mut Rng::new(1))
            .map(|()| service["spec"].take())
            .map_err(|errors| errors.iter().map(ToString::to_string).collect())
    }

    #[test]
    fn addresses_come_from_the_dynamic_band_and_families_are_set() {
        let spec = allocated(&json!({"type": "ClusterIP"}), &[]).unwrap();
        let ip: Ipv4Addr = spec["clusterIP"].as_str().unwrap().parse().unwrap();
        assert!(offset(ip).unwrap() >= STATIC_BAND, "{ip}");
        assert_eq!(spec["clusterIPs"], json!([spec["clusterIP"]]));
        assert_eq!(spec["ipFamilies"], json!(["IPv4"]));
        assert_eq!(spec["ipFamilyPolicy"], "SingleStack");
    }

    #[test]
    fn headless_and_external_services_take_no_address() {
        let headless = allocated(
            &json!({"type": "ClusterIP", "clusterIP": "None", "selector": {"a": "b"}}),
            &[],
        );
        assert_eq!(headless.unwrap()["clusterIPs"], json!(["None"]));
        let spec = json!({"type": "ExternalName", "externalName": "a.b"});
        assert_eq!(allocated(&spec, &[]), Ok(spec));
    }

    #[test]
    fn taken_and_foreign_addresses_are_refused() {
        let other = json!({"spec": {"clusterIPs": ["10.96.88.88"]}});
        let cases = [
            ("10.96.88.88", "provided IP is already allocated"),
            (
                "10.97.0.1",
                "the provided network does not match the current range",
            ),
        ];
        for (ip, why) in cases {
            let spec = json!({"type": "ClusterIP", "clusterIP": ip});
            let text =
                format!("spec.clusterIPs: Invalid value: [\"{ip}\"]: failed to allocate IP {ip}: {why}");
            assert_eq!(allocated(&spec, std::slice::from_ref(&other)), Err(vec![text]));
        }
    }

    #[test]
    fn node_ports_are_checked_and_shared_between_protocols() {
        let other = json!({"spec": {"ports": [{"nodePort": 31999, "protocol": "TCP"}]}});
        let port = |port: i64| json!({"type": "NodePort", "ports": [{"port": 80, "protocol": "TCP", "nodePort": port}]});
        let range = "spec.ports[0].nodePort: Invalid value: 80: provided port is not in the valid range. The range of valid ports is 30000-32767";
        assert_eq!(allocated(&port(80), &[]), Err(vec![range.to_owned()]));
        let taken = "spec.ports[0].nodePort: Invalid value: 31999: provided port is already allocated";
        assert_eq!(allocated(&port(31999), &[other]), Err(vec![taken.to_owned()]));
        let dns = json!({"type": "NodePort", "ports": [{"port": 53, "protocol": "TCP"}, {"port": 53, "protocol": "UDP"}]});
        let dns = allocated(&dns, &[]).unwrap();
        assert_eq!(dns["ports"][0]["nodePort"], dns["ports"][1]["nodePort"]);
    }

    #[test]
    fn a_local_load_balancer_gets_a_health_check_port() {
        let spec = json!({"type": "LoadBalancer", "externalTrafficPolicy": "Local", "ports": [{"port": 80, "protocol": "TCP"}]});
        let spec = allocated(&spec, &[]).unwrap();
        assert_ne!(spec["healthCheckNodePort"], spec["ports"][0]["nodePort"]);
        assert!(spec["healthCheckNodePort"].as_i64().unwrap() >= FIRST_NODE_PORT);
    }
}
