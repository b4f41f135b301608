//! What a kubelet serves itself, and what `nodes/proxy` reaches: its health, its pods, their logs, what they use
//! (Kubernetes: `pkg/kubelet/server/server.go`, `pkg/registry/core/node/strategy.go`).
//!
//! Differs from Kubernetes: there is neither `/metrics` (the kubelet's own) nor `/metrics/cadvisor`,
//! `/metrics/probes`, `/runningpods`, `/logs`, `/debug`, nor the old ways to `exec`; statistics tell CPU and memory
//! only, and of the node itself what metrics-server last saw; the configuration tells what holds here.

mod exposition;

use serde_json::{Value, json};

use self::exposition::{ResourceMetrics, Used};
use super::logs::LogOptions;
use super::metrics::{counters, place};
use super::node::{LEASE_RENEWAL, LEASE_SECONDS};
use super::serving::LogFormat;
use super::worker::Worker;
use super::{Nodes, sync};
use crate::apiserver::ApiServer;
use crate::apiserver::endpoints::ProxyTarget;
use crate::clock::Time;
use crate::metrics::Counter;
use crate::network::ConnectError;
use crate::request::{Request, Response};
use crate::resource::NODES;
use crate::status::Status;
use crate::storage::text;

/// Where a kubelet listens.
const PORT: u16 = 10250;
const PLAIN: &str = "text/plain; charset=utf-8";
const JSON: &str = "application/json";
/// The media type of Prometheus' text format.
const EXPOSITION: &str = "text/plain; version=0.0.4; charset=utf-8; escaping=underscores";
const HEALTH_CHECKS: [&str; 3] = ["ping", "log", "syncloop"];

/// What a path asks of a kubelet.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Asked<'a> {
    /// `/healthz`: all checks.
    Health,
    /// `/healthz/ping`: one of them.
    Check,
    /// `/pods`.
    Pods,
    /// `/stats/summary`.
    Summary,
    /// `/metrics/resource`.
    ResourceMetrics,
    /// `/configz`.
    Configuration,
    /// `/containerLogs/{namespace}/{pod}/{container}`.
    Log(&'a str, &'a str, &'a str),
    /// Nothing that is there.
    Nothing,
}

impl<'a> Asked<'a> {
    fn of(path: &'a str) -> Self {
        let parts: Vec<&str> = path.trim_matches('/').split('/').collect();
        match parts.as_slice() {
            ["healthz"] => Self::Health,
            ["healthz", check] if HEALTH_CHECKS.contains(check) => Self::Check,
            ["pods"] => Self::Pods,
            ["stats", "summary"] => Self::Summary,
            ["metrics", "resource"] => Self::ResourceMetrics,
            ["configz"] => Self::Configuration,
            ["containerLogs", namespace, pod, container] => Self::Log(namespace, pod, container),
            _ => Self::Nothing,
        }
    }
}

impl Nodes {
    /// `nodes/proxy`.
    ///
    /// # Errors
    /// There is no such node, or nobody listens there.
    pub(super) fn proxy_to_node(
        &self,
        api: &ApiServer,
        request: &Request,
        target: &ProxyTarget,
    ) -> Result<Response, Status> {
        let (name, port) = node_and_port(&target.name)?;
        let node = api
            .get(&NODES, "", name)
            .ok_or_else(|| Status::not_found("", "nodes", name))?;
        let address = preferred_address(node)?;
        let there = format!("{address}:{port}");
        if !self.nodes.contains_key(name) {
            return Err(super::serving::unreachable(&ConnectError::TimedOut(there)));
        }
        if port != PORT {
            return Err(super::serving::unreachable(&ConnectError::Refused(there)));
        }
        Ok(self.answer(api, request, name, &target.path))
    }

    fn answer(&self, api: &ApiServer, request: &Request, node: &str, path: &str) -> Response {
        let asked = Asked::of(path);
        let reads = matches!(request.method.as_str(), "GET" | "HEAD");
        if !reads && matches!(asked, Asked::Pods | Asked::Log(..)) {
            return Response::whole(405, PLAIN, Vec::new());
        }
        let json = |value: &Value| Response::whole(200, JSON, value.to_string().into_bytes());
        match asked {
            Asked::Health => Response::whole(200, PLAIN, health(request.flag("verbose")).into_bytes()),
            Asked::Check => Response::whole(200, PLAIN, b"ok".to_vec()),
            Asked::Pods => json(&self.pod_list(node)),
            Asked::Summary => json(&self.summary(api, node)),
            Asked::ResourceMetrics => {
                Response::whole(200, EXPOSITION, self.resource_metrics(api, node).into_bytes())
            }
            Asked::Configuration => json(&configuration()),
            Asked::Log(namespace, pod, container) => {
                self.container_log(request, node, (namespace, pod, container), api.now())
            }
            Asked::Nothing => Response::whole(404, PLAIN, b"404 page not found\n".to_vec()),
        }
    }

    fn workers_on<'a>(&'a self, node: &'a str) -> impl Iterator<Item = &'a Worker> {
        self.workers.values().filter(move |worker| worker.node == node)
    }

    /// The pods as the kubelet knows them, with its notes on where it has them from.
    fn pod_list(&self, node: &str) -> Value {
        let pods: Vec<Value> = self.workers_on(node).map(as_known).collect();
        // A list without a pod is nil in Go.
        let items = if pods.is_empty() { Value::Null } else { pods.into() };
        json!({"kind": "PodList", "apiVersion": "v1", "metadata": {}, "items": items})
    }

    fn summary(&self, api: &ApiServer, node: &str) -> Value {
        let pods: Vec<Value> = self
            .workers_on(node)
            .filter_map(|worker| pod_statistics(worker, api.now()))
            .collect();
        let mut own = json!({"nodeName": node});
        if let Some(counter) = node_counter(api, node) {
            add_statistics(&mut own, &counter);
        }
        json!({"node": own, "pods": pods})
    }

    fn resource_metrics(&self, api: &ApiServer, node: &str) -> String {
        let used = self.workers_on(node).flat_map(|worker| {
            let (namespace, pod) = place(worker);
            let each = counters(worker, api.now()).into_iter();
            each.map(move |(container, counter)| Used {
                container,
                namespace: namespace.clone(),
                pod: pod.clone(),
                counter,
            })
        });
        let metrics = ResourceMetrics {
            node: node_counter(api, node),
            containers: used.collect(),
        };
        metrics.print()
    }

    fn container_log(
        &self,
        request: &Request,
        node: &str,
        (namespace, pod, container): (&str, &str, &str),
        now: Time,
    ) -> Response {
        let found = self
            .workers_on(node)
            .find(|worker| (worker.namespace(), worker.name()) == (namespace, pod));
        let Some(worker) = found else {
            let text = format!("pod {pod:?} does not exist\n");
            return Response::whole(404, PLAIN, text.into_bytes());
        };
        let number = |name: &str| request.parameter(name).and_then(|value| value.parse().ok());
        let options = LogOptions {
            previous: request.flag("previous"),
            tail_lines: number("tailLines"),
            ..LogOptions::default()
        };
        match self.log(&worker.pod, Some(container), &options, now) {
            Ok(page) => Response::whole(200, "text/plain", LogFormat::default().print(&page.lines)),
            Err(why) => Response::whole(why.code, PLAIN, format!("{}\n", why.message).into_bytes()),
        }
    }
}

/// Reads `name`, `name:port` or `scheme:name:port`.
fn node_and_port(target: &str) -> Result<(&str, u16), Status> {
    let parts: Vec<&str> = target.split(':').collect();
    let invalid = || Status::bad_request(format!("invalid node request {target:?}"));
    let (name, port) = match parts.as_slice() {
        [name] => (*name, ""),
        [name, port] | ["http" | "https" | "", name, port] => (*name, *port),
        _ => return Err(invalid()),
    };
    match port {
        "" => Ok((name, PORT)),
        port => Ok((name, port.parse().map_err(|_| invalid())?)),
    }
}

/// The address at which the API server looks for a kubelet (`--kubelet-preferred-address-types`, as kubeadm sets it).
fn preferred_address(node: &Value) -> Result<&str, Status> {
    const PREFERRED: [&str; 3] = ["InternalIP", "ExternalIP", "Hostname"];
    let addresses = node["status"]["addresses"]
        .as_array()
        .map(Vec::as_slice)
        .unwrap_or_default();
    let of_kind = |kind: &&str| addresses.iter().find(|address| address["type"] == **kind);
    let found = PREFERRED.iter().find_map(of_kind);
    found
        .and_then(|address| address["address"].as_str())
        .ok_or_else(|| {
            let message = format!(
                "no preferred addresses found; known addresses: {}",
                json!(addresses)
            );
            Status::new(500, "", message)
        })
}

/// The answer to `/healthz`: one word, or a line for each check.
fn health(verbose: bool) -> String {
    if !verbose {
        return "ok".to_owned();
    }
    let lines = HEALTH_CHECKS.map(|check| format!("[+]{check} ok\n"));
    lines.concat() + "healthz check passed\n"
}

fn as_known(worker: &Worker) -> Value {
    let mut pod = Value::clone(&worker.pod);
    if let Some(fields) = pod.as_object_mut() {
        fields.remove("kind");
        fields.remove("apiVersion");
    }
    pod["metadata"]["annotations"]["kubernetes.io/config.seen"] = worker.arrived.rfc3339_nano().into();
    pod["metadata"]["annotations"]["kubernetes.io/config.source"] = "api".into();
    pod["status"] = worker.status.clone();
    pod
}

fn node_counter(api: &ApiServer, node: &str) -> Option<Counter> {
    api.metrics()?.node_counter(node)
}

/// What a pod uses; nothing if none of its containers runs.
fn pod_statistics(worker: &Worker, now: Time) -> Option<Value> {
    let counters = counters(worker, now);
    let total = counters.values().copied().reduce(sum)?;
    let (namespace, name) = place(worker);
    let containers: Vec<Value> = counters
        .iter()
        .map(|(name, counter)| {
            let mut statistics = json!({"name": name});
            add_statistics(&mut statistics, counter);
            statistics
        })
        .collect();
    let mut statistics = json!({"podRef": {"name": name, "namespace": namespace, "uid": worker.uid}});
    add_statistics(&mut statistics, &total);
    if let Some(started) = Time::parse(text(&worker.pod, &["status", "startTime"])) {
        statistics["startTime"] = started.rfc3339().into();
    }
    statistics["containers"] = containers.into();
    Some(statistics)
}

/// What two containers use together.
fn sum(one: Counter, other: Counter) -> Counter {
    Counter {
        started: one.started.min(other.started),
        at: one.at.max(other.at),
        cpu: one.cpu + other.cpu,
        memory: one.memory + other.memory,
    }
}

fn add_statistics(statistics: &mut Value, counter: &Counter) {
    let time = counter.at.rfc3339();
    let nanoseconds = u64::try_from(counter.cpu.as_nanos()).unwrap_or(u64::MAX);
    statistics["startTime"] = counter.started.rfc3339().into();
    statistics["cpu"] = json!({"time": time, "usageCoreNanoSeconds": nanoseconds});
    statistics["memory"] = json!({"time": time, "workingSetBytes": counter.memory});
}

/// `KubeletConfiguration`, as far as it holds here.
fn configuration() -> Value {
    let seconds = LEASE_RENEWAL.as_secs();
    json!({"kubeletconfig": {
        "enableServer": true, "port": PORT, "clusterDomain": "cluster.local", "cgroupDriver": "systemd",
        "syncFrequency": format!("{}m0s", sync::RESYNC.as_secs() / 60),
        "nodeStatusUpdateFrequency": format!("{seconds}s"), "nodeLeaseDurationSeconds": LEASE_SECONDS,
    }})
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_name_what_a_kubelet_has() {
        for (path, expected) in [
            ("/healthz", Asked::Health),
            ("/healthz/", Asked::Health),
            ("/healthz/syncloop", Asked::Check),
            ("/healthz/other", Asked::Nothing),
            ("/pods", Asked::Pods),
            ("/pods/", Asked::Pods),
            ("/stats/summary", Asked::Summary),
            ("/metrics/resource", Asked::ResourceMetrics),
            ("/containerLogs/a/b/c", Asked::Log("a", "b", "c")),
            ("/", Asked::Nothing),
        ] {
            assert_eq!(Asked::of(path), expected, "{path}");
        }
    }

    #[test]
    fn a_target_may_name_scheme_and_port() {
        for (target, expected) in [
            ("n1", Ok(("n1", 10250))),
            ("n1:9100", Ok(("n1", 9100))),
            ("https:n1:10250", Ok(("n1", 10250))),
            ("https:n1:", Ok(("n1", 10250))),
            ("a:b:c:d", Err("invalid node request \"a:b:c:d\"")),
            ("n1:x", Err("invalid node request \"n1:x\"")),
        ] {
            let found = node_and_port(target);
            assert_eq!(
                found.as_ref().map_err(|why| why.message.as_str()),
                expected.as_ref().map_err(|why| *why)
            );
        }
    }

    #[test]
    fn a_verbose_answer_lists_the_checks() {
        assert_eq!(health(false), "ok");
        assert_eq!(
            health(true),
            "[+]ping ok\n[+]log ok\n[+]syncloop ok\nhealthz check passed\n"
        );
    }
}
