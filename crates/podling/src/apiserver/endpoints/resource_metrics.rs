//! `metrics.k8s.io/v1beta1`: what Pods and nodes use, as metrics-server serves it.
//!
//! Source: `kubernetes-sigs/metrics-server`, `pkg/api`. Differs from it: only in JSON, not as a Table.

use serde_json::{Value, json};

use crate::apiserver::ApiServer;
use crate::apiserver::selector::Selection;
use crate::metrics::Usage;
use crate::quantity::{Format, Quantity};
use crate::request::{Request, Response};
use crate::resource::{NODE_METRICS, NODES, POD_METRICS, PODS, Resource};
use crate::status::Status;
use crate::storage::{Object, text};

const ROOT: &str = "/apis/metrics.k8s.io/v1beta1/";

/// Answers a request to metrics-server; `None` if there is none, or the request is about anything else.
pub(super) fn answer(api: &ApiServer, request: &Request) -> Option<Response> {
    api.metrics()?;
    let rest = request.path.strip_prefix(ROOT)?;
    let parts: Vec<&str> = rest.split('/').filter(|part| !part.is_empty()).collect();
    let found = match parts.as_slice() {
        _ if !matches!(request.method.as_str(), "GET" | "HEAD") => Err(Status::method_not_allowed()),
        ["nodes"] => list(api, request, &NODE_METRICS, None),
        ["nodes", name] => one(api, &NODE_METRICS, "", name),
        ["pods"] => list(api, request, &POD_METRICS, None),
        ["namespaces", namespace, "pods"] => list(api, request, &POD_METRICS, Some(namespace)),
        ["namespaces", namespace, "pods", name] => one(api, &POD_METRICS, namespace, name),
        _ => Err(Status::no_such_path()),
    };
    Some(found.map_or_else(Response::from, |body| Response::json(200, &body)))
}

/// The resource whose objects are measured.
fn measured(resource: &Resource) -> &'static Resource {
    if resource == &NODE_METRICS { &NODES } else { &PODS }
}

fn list(
    api: &ApiServer,
    request: &Request,
    resource: &'static Resource,
    namespace: Option<&str>,
) -> Result<Value, Status> {
    let of = measured(resource);
    let selection = Selection::parse(
        of,
        &request.parameter("labelSelector").unwrap_or_default(),
        &request.parameter("fieldSelector").unwrap_or_default(),
    )?;
    let objects = api.list(of, namespace).filter(|object| selection.matches(object));
    let items: Vec<Value> = objects
        .filter_map(|object| metrics_of(api, resource, object))
        .collect();
    Ok(json!({
        "kind": format!("{}List", resource.kind), "apiVersion": resource.api_version(), "metadata": {},
        "items": items,
    }))
}

fn one(api: &ApiServer, resource: &Resource, namespace: &str, name: &str) -> Result<Value, Status> {
    let found = api.get(measured(resource), namespace, name);
    let mut metrics = found
        .and_then(|object| metrics_of(api, resource, object))
        .ok_or_else(|| {
            let (plural, name) = match namespace {
                "" => ("nodemetrics", name.to_owned()),
                namespace => ("podmetrics", format!("{namespace}/{name}")),
            };
            Status::not_found(resource.group, plural, &name)
        })?;
    metrics["kind"] = resource.kind.into();
    metrics["apiVersion"] = resource.api_version().into();
    Ok(metrics)
}

/// What an object uses; nothing before it is measured, and of a Pod only while it runs.
fn metrics_of(api: &ApiServer, resource: &Resource, object: &Object) -> Option<Value> {
    let (namespace, name) = (
        text(object, &["metadata", "namespace"]),
        text(object, &["metadata", "name"]),
    );
    if resource == &NODE_METRICS {
        let usage = api.metrics()?.node(name)?;
        let mut metrics = span(api, object, &usage);
        metrics["usage"] = amounts(&usage);
        return Some(metrics);
    }
    if text(object, &["status", "phase"]) != "Running" {
        return None;
    }
    let containers = api.metrics()?.pod(namespace, name)?;
    let (_, first) = containers.first()?;
    let mut metrics = span(api, object, first);
    metrics["containers"] = containers
        .iter()
        .map(|(name, usage)| json!({"name": name, "usage": amounts(usage)}))
        .collect();
    Some(metrics)
}

/// Name, labels, and the span of time that was measured.
fn span(api: &ApiServer, object: &Value, usage: &Usage) -> Value {
    let mut metadata = json!({"creationTimestamp": api.now().rfc3339()});
    for key in ["name", "namespace", "labels"] {
        if let Some(value) = object["metadata"].get(key) {
            metadata[key] = value.clone();
        }
    }
    let window = usage.window.as_millis();
    let window = match (window / 1000, window % 1000) {
        (seconds, 0) => format!("{seconds}s"),
        (seconds, millis) => {
            let fraction = format!("{millis:03}");
            format!("{seconds}.{}s", fraction.trim_end_matches('0'))
        }
    };
    json!({"metadata": metadata, "timestamp": usage.at.rfc3339(), "window": window})
}

fn amounts(usage: &Usage) -> Value {
    let cpu = Quantity::parse(&format!("{}n", usage.nano_cpus)).unwrap_or_default();
    let memory = i64::try_from(usage.memory).unwrap_or(i64::MAX);
    json!({
        "cpu": cpu.to_string(),
        "memory": Quantity::from_units(memory, Format::BinarySi).to_string(),
    })
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::clock::Time;

    #[test]
    fn amounts_are_written_as_metrics_server_writes_them() {
        let usage = |nano_cpus, memory| Usage {
            at: Time::default(),
            window: Duration::from_secs(15),
            nano_cpus,
            memory,
        };
        let cases = [
            (usage(0, 0), json!({"cpu": "0", "memory": "0"})),
            (
                usage(1_234_567, 4096),
                json!({"cpu": "1234567n", "memory": "4Ki"}),
            ),
            (usage(2_000_000, 1 << 20), json!({"cpu": "2m", "memory": "1Mi"})),
        ];
        for (usage, expected) in cases {
            assert_eq!(amounts(&usage), expected);
        }
    }
}
