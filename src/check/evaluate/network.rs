//! Conditions on what a Service leads to, and on what is answered over HTTP.

use serde_json::Value;

use super::Finding;
use super::status::existing;
use crate::check::object::{containers, labels, list, name, named, number, text};
use crate::check::view::{Answer, Demand};
use crate::check::{Endpoints, Http, Message, View};
use crate::lab::Target;

pub(super) fn endpoints(view: &View, it: &Endpoints) -> Result<Finding, Message> {
    if let Err(missing) = existing(view, &Target::named("Service", it.service.as_str()))? {
        return Ok(missing);
    }
    let of_service =
        |slice: &&Value| labels(slice, "kubernetes.io/service-name") == Some(it.service.as_str());
    let mut ready: Vec<&str> = view
        .of_kind("EndpointSlice")?
        .filter(of_service)
        .flat_map(|slice| list(slice, "/endpoints"))
        .filter(|endpoint| endpoint.pointer("/conditions/ready") != Some(&Value::Bool(false)))
        .flat_map(|endpoint| list(endpoint, "/addresses").iter().filter_map(Value::as_str))
        .collect();
    ready.sort_unstable();
    ready.dedup();
    let ready = i64::try_from(ready.len()).unwrap_or(i64::MAX);
    let service = it.service.clone();
    Ok(Finding::of(
        ready >= it.ready,
        Message::Endpoints {
            service,
            ready,
            wanted: it.ready,
        },
    ))
}

/// The paths are asked for in their order, each only after those before it were answered otherwise.
pub(super) fn demands(view: &View, it: &Http) -> Vec<Demand> {
    let Ok(Some(place)) = place(view, it) else {
        return vec![];
    };
    let mut demands = vec![];
    for path in &it.paths {
        let demand = Demand::Get(format!("{place}{path}"));
        let answered = view
            .answer_to(&demand)
            .map(|answer| accept(it, path, answer).outcome);
        demands.push(demand);
        if answered.is_none_or(|outcome| outcome == super::Outcome::Holds) {
            break;
        }
    }
    demands
}

pub(super) fn http(view: &View, it: &Http) -> Result<Finding, Message> {
    if let Err(missing) = existing(view, &it.target)? {
        return Ok(missing);
    }
    let shown = |path: &str| format!("{}{path}", it.target);
    let first = it.paths.first().map_or("/", String::as_str);
    let Some(place) = place(view, it)? else {
        return Ok(Finding::coming(Message::HttpWaiting { url: shown(first) }));
    };
    let mut worst = None;
    for path in &it.paths {
        match view.answer_to(&Demand::Get(format!("{place}{path}"))) {
            None => return Ok(Finding::coming(Message::HttpWaiting { url: shown(path) })),
            Some(answer) => {
                let finding = accept(it, path, answer);
                if finding.outcome == super::Outcome::Holds {
                    return Ok(finding);
                }
                worst = worst.or(Some(finding));
            }
        }
    }
    Ok(worst.unwrap_or_else(|| Finding::coming(Message::HttpWaiting { url: shown(first) })))
}

fn accept(it: &Http, path: &str, answer: &Answer) -> Finding {
    let url = format!("{}{path}", it.target);
    match answer {
        Answer::Failed(error) => Finding::fails(Message::HttpFailed {
            url,
            error: error.clone(),
        }),
        Answer::Http { status, body } => {
            let wanted = it
                .status
                .map_or((200..400).contains(status), |wanted| wanted == *status);
            match &it.contains {
                _ if !wanted => Finding::fails(Message::HttpStatus { url, status: *status }),
                Some(text) if !body.contains(text) => Finding::fails(Message::HttpWithout {
                    url,
                    text: text.clone(),
                }),
                _ => Finding::holds(Message::HttpAnswered { url, status: *status }),
            }
        }
    }
}

/// The API server's proxy to the target: `/api/v1/namespaces/default/services/web:80/proxy`.
fn place(view: &View, it: &Http) -> Result<Option<String>, Message> {
    let (plural, object) = match it.target.kind.as_str() {
        "Service" => ("services", view.object(&it.target)?),
        _ => ("pods", view.live_pods(&it.target)?.into_iter().next()),
    };
    let Some(object) = object else { return Ok(None) };
    let port = it.port.map(i64::from).or_else(|| match plural {
        "services" => number(object, "/spec/ports/0/port"),
        _ => Some(pod_port(object)),
    });
    let namespace = text(object, "/metadata/namespace").unwrap_or_default();
    Ok(port.map(|port| {
        format!(
            "/api/v1/namespaces/{namespace}/{plural}/{}:{port}/proxy",
            name(object)
        )
    }))
}

/// The port that the Pod's first probe asks, else the first one declared, else 80.
fn pod_port(pod: &Value) -> i64 {
    const PROBES: [&str; 3] = ["readinessProbe", "livenessProbe", "startupProbe"];
    let probed = containers(pod).iter().find_map(|container| {
        PROBES
            .iter()
            .find_map(|probe| probe_port(container, &container[*probe]))
    });
    let declared = || {
        containers(pod)
            .iter()
            .find_map(|container| number(container, "/ports/0/containerPort"))
    };
    probed.or_else(declared).unwrap_or(80)
}

/// The port that a probe asks; a name is looked up in the container's ports.
pub(super) fn probe_port(container: &Value, probe: &Value) -> Option<i64> {
    let port = ["/httpGet/port", "/tcpSocket/port", "/grpc/port"]
        .iter()
        .find_map(|pointer| probe.pointer(pointer))?;
    match port.as_str() {
        Some(wanted) => number(named(list(container, "/ports"), wanted)?, "/containerPort"),
        None => port.as_i64(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_pods_port_is_the_one_that_its_probe_asks() {
        for (container, port) in [
            (json!({"readinessProbe": {"httpGet": {"port": 8080}}}), 8080),
            (
                json!({"livenessProbe": {"tcpSocket": {"port": "http"}}, "ports": [{"name": "http", "containerPort": 8081}]}),
                8081,
            ),
            (json!({"ports": [{"containerPort": 9090}]}), 9090),
            (json!({}), 80),
        ] {
            let pod = json!({"kind": "Pod", "spec": {"containers": [container]}});
            assert_eq!(pod_port(&pod), port, "{pod}");
        }
    }
}
