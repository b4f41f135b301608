//! What kube-proxy and cluster DNS do: from a name to an address, and from a Service's address to an endpoint.

use serde_json::Value;

use super::ConnectError;
use crate::apiserver::ApiServer;
use crate::resource::{ENDPOINT_SLICES, SERVICES};
use crate::storage::text;

/// The domain of cluster names.
const DOMAIN: &str = "svc.cluster.local";

/// The addresses of a name as a pod of `namespace` sees it: a literal address, `localhost`, or a Service by
/// one of the names that cluster DNS and its search list give (`web`, `web.default`, `web.default.svc`,
/// `web.default.svc.cluster.local`). A headless Service gives its ready pods. Empty for an unknown name.
pub(crate) fn lookup(api: &ApiServer, namespace: &str, name: &str) -> Vec<String> {
    if name == "localhost" {
        return vec!["127.0.0.1".to_owned()];
    }
    if is_address(name) {
        return vec![name.to_owned()];
    }
    let name = name.trim_end_matches('.');
    let short = name
        .strip_suffix(DOMAIN)
        .or_else(|| name.strip_suffix("svc"))
        .map_or(name, |short| short.trim_end_matches('.'));
    let (service, of) = match short.split_once('.') {
        None => (short, namespace),
        Some((service, of)) => (service, of),
    };
    let Some(service) = api.get(&SERVICES, of, service) else {
        return Vec::new();
    };
    match text(service, &["spec", "clusterIP"]) {
        "" | "None" => endpoints(api, service, None)
            .into_iter()
            .map(|(ip, _)| ip)
            .collect(),
        address => vec![address.to_owned()],
    }
}

/// Whether a text is an IPv4 address.
pub(crate) fn is_address(text: &str) -> bool {
    text.parse::<std::net::Ipv4Addr>().is_ok()
}

/// Where a connection to an address and port goes: a pod's own address stays; a Service's is exchanged for one
/// of its ready endpoints, which `choose` (a number below the given one) picks.
///
/// # Errors
/// A Service without endpoints refuses; a port that it does not have gives silence.
pub(crate) fn route(
    api: &ApiServer,
    address: &str,
    port: u16,
    choose: &mut dyn FnMut(u64) -> u64,
) -> Result<(String, u16), ConnectError> {
    let target = format!("{address}:{port}");
    let Some((service, named)) = service_at(api, address, port) else {
        return Ok((address.to_owned(), port));
    };
    let Some(port) = named else {
        return Err(ConnectError::TimedOut(target));
    };
    let mut ready = endpoints(api, &service, Some(&port));
    if ready.is_empty() {
        return Err(ConnectError::Refused(target));
    }
    let chosen = usize::try_from(choose(ready.len() as u64)).unwrap_or(0);
    Ok(ready.swap_remove(chosen.min(ready.len() - 1)))
}

/// The Service that has an address (its cluster IP), or a node port, with the name of its port.
fn service_at(api: &ApiServer, address: &str, port: u16) -> Option<(Value, Option<String>)> {
    for service in api.list(&SERVICES, None) {
        let ports = || service["spec"]["ports"].as_array().into_iter().flatten();
        let named = |port: &Value| text(port, &["name"]).to_owned();
        if text(service, &["spec", "clusterIP"]) == address {
            let found = ports().find(|p| p["port"].as_u64() == Some(port.into()));
            return Some((Value::clone(service), found.map(named)));
        }
        let is_node_port = |p: &&Value| p["nodePort"].as_u64() == Some(port.into());
        if is_node_address(address)
            && let Some(found) = ports().find(is_node_port)
        {
            return Some((Value::clone(service), Some(named(found))));
        }
    }
    None
}

fn is_node_address(address: &str) -> bool {
    address.starts_with("172.18.")
}

/// The ready endpoints of a Service with the port of that name (or their first).
fn endpoints(api: &ApiServer, service: &Value, port: Option<&str>) -> Vec<(String, u16)> {
    let namespace = text(service, &["metadata", "namespace"]);
    let name = text(service, &["metadata", "name"]);
    let mut found = Vec::new();
    for slice in api.list(&ENDPOINT_SLICES, Some(namespace)) {
        if text(slice, &["metadata", "labels", "kubernetes.io/service-name"]) != name {
            continue;
        }
        let ports = slice["ports"].as_array().into_iter().flatten();
        let number = ports
            .filter(|p| port.is_none_or(|wanted| text(p, &["name"]) == wanted))
            .find_map(|p| p["port"].as_u64())
            .and_then(|p| u16::try_from(p).ok());
        let Some(number) = number.or_else(|| port.is_none().then_some(0)) else {
            continue;
        };
        for endpoint in slice["endpoints"].as_array().into_iter().flatten() {
            if endpoint["conditions"]["ready"].as_bool() == Some(false) {
                continue;
            }
            let addresses = endpoint["addresses"].as_array().into_iter().flatten();
            found.extend(
                addresses
                    .filter_map(Value::as_str)
                    .map(|ip| (ip.to_owned(), number)),
            );
        }
    }
    found.sort();
    found.dedup();
    found
}
