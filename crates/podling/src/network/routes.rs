//! What kube-proxy and cluster DNS do: from a name to an address, and from a Service's address to an endpoint.

use serde_json::Value;

use super::ConnectError;
use crate::apiserver::ApiServer;
use crate::resource::{ENDPOINT_SLICES, SERVICES};
use crate::storage::{Object, text};

/// The domain of cluster names.
const DOMAIN: &str = "svc.cluster.local";

/// The addresses of a name as a pod of `namespace` sees it: a literal address, `localhost`, or one of the names that
/// cluster DNS and its search list give: a Service (`web`, `web.default`, `web.default.svc`,
/// `web.default.svc.cluster.local`), or a pod by its hostname and subdomain (`db-0.db`, `db-0.db.default`…). A headless
/// Service gives its ready pods. Empty for an unknown name.
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
    let parts: Vec<&str> = short.split('.').collect();
    match *parts.as_slice() {
        [service] => of_service(api, namespace, service),
        // The pod's own namespace comes first in the search list.
        [first, second] => match of_host(api, namespace, second, first) {
            none if none.is_empty() => of_service(api, second, first),
            found => found,
        },
        [host, service, of] => of_host(api, of, service, host),
        _ => Vec::new(),
    }
}

/// The address of a Service, or those of its ready pods if it is headless.
fn of_service(api: &ApiServer, namespace: &str, name: &str) -> Vec<String> {
    let Some(service) = api.get(&SERVICES, namespace, name) else {
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

/// The addresses of the ready pods of a Service that have this hostname.
fn of_host(api: &ApiServer, namespace: &str, service: &str, host: &str) -> Vec<String> {
    let Some(service) = api.get(&SERVICES, namespace, service) else {
        return Vec::new();
    };
    let slices = slices_of(api, service);
    let mut found: Vec<String> = slices
        .flat_map(|slice| ready(slice))
        .filter(|endpoint| text(endpoint, &["hostname"]) == host)
        .flat_map(addresses)
        .map(str::to_owned)
        .collect();
    found.sort();
    found.dedup();
    found
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

/// The EndpointSlices of a Service.
fn slices_of<'a>(api: &'a ApiServer, service: &'a Value) -> impl Iterator<Item = &'a Object> {
    let (namespace, name) = (
        text(service, &["metadata", "namespace"]),
        text(service, &["metadata", "name"]),
    );
    let slices = api.list(&ENDPOINT_SLICES, Some(namespace));
    slices.filter(move |slice| text(slice, &["metadata", "labels", "kubernetes.io/service-name"]) == name)
}

/// The endpoints of a slice that are not known to be unready.
fn ready(slice: &Value) -> impl Iterator<Item = &Value> {
    let endpoints = slice["endpoints"].as_array().into_iter().flatten();
    endpoints.filter(|endpoint| endpoint["conditions"]["ready"].as_bool() != Some(false))
}

fn addresses(endpoint: &Value) -> impl Iterator<Item = &str> {
    let addresses = endpoint["addresses"].as_array().into_iter().flatten();
    addresses.filter_map(Value::as_str)
}

/// The ready endpoints of a Service with the port of that name (or their first).
fn endpoints(api: &ApiServer, service: &Value, port: Option<&str>) -> Vec<(String, u16)> {
    let mut found = Vec::new();
    for slice in slices_of(api, service) {
        let ports = slice["ports"].as_array().into_iter().flatten();
        let number = ports
            .filter(|p| port.is_none_or(|wanted| text(p, &["name"]) == wanted))
            .find_map(|p| p["port"].as_u64())
            .and_then(|p| u16::try_from(p).ok());
        let Some(number) = number.or_else(|| port.is_none().then_some(0)) else {
            continue;
        };
        let ips = ready(slice).flat_map(addresses);
        found.extend(ips.map(|ip| (ip.to_owned(), number)));
    }
    found.sort();
    found.dedup();
    found
}
