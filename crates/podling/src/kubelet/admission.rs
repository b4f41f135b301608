//! What a kubelet refuses when a pod reaches it, and the sums of what pods ask for
//! (Kubernetes: `pkg/kubelet/lifecycle/predicate.go`).

use serde_json::{Map, Value};

use super::runtime::containers;
use crate::placement;
use crate::pod_resources;
use crate::quantity::Quantity;
use crate::scheduler::requests::host_ports;

/// Why a pod is refused.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) struct Refusal {
    /// `OutOfcpu`, `NodeAffinity`…
    pub(super) reason: String,
    /// The event's message; the status has `Pod was rejected: ` before it.
    pub(super) message: String,
}

/// What a pod takes of a resource, in thousandths.
pub(super) fn requested(pod: &Value, resource: &str) -> i64 {
    let requests = pod_resources::requests(&pod["spec"]);
    requests.get(resource).map_or(0, Quantity::milli_value)
}

/// The sums of `requests` or `limits` over a pod's containers; a resource counts only if some container names
/// it, and a limit only if all do.
pub(super) fn sum(pod: &Value, field: &str) -> Map<String, Value> {
    let mut sums = Map::new();
    for resource in ["cpu", "memory", "ephemeral-storage"] {
        let mut given: Vec<&Value> = Vec::new();
        let mut count = 0;
        for container in containers(pod, "containers") {
            count += 1;
            given.extend(container["resources"][field].get(resource));
        }
        let complete = !given.is_empty() && (field == "requests" || given.len() == count);
        if !complete {
            continue;
        }
        let text = match given.as_slice() {
            [one] => Value::clone(one),
            many => {
                let parsed = many.iter().filter_map(|value| Quantity::from_json(value).ok());
                parsed
                    .reduce(|a, b| a + b)
                    .map_or(Value::Null, |total| total.to_string().into())
            }
        };
        sums.insert(resource.to_owned(), text);
    }
    sums
}

/// What a node has to give, and to whom it has given it.
pub(super) struct Room<'a> {
    /// The Node object.
    pub(super) node: &'a Value,
    /// The pods that hold its resources.
    pub(super) pods: &'a [&'a Value],
}

/// Whether a pod is refused, and why: what is looked at first says so (`AdmissionCheck` in `pkg/scheduler`, then taints).
pub(super) fn refuse(pod: &Value, room: &Room<'_>) -> Option<Refusal> {
    let spec = &pod["spec"];
    let drives_out = || placement::untolerated(spec, room.node, &["NoExecute"]).is_some();
    lacks(pod, room).or_else(|| {
        if !placement::selects(spec, room.node) {
            let why = "node(s) didn't match Pod's node affinity/selector";
            return Some(failed("NodeAffinity", why));
        }
        if lacks_ports(spec, room) {
            let why = "node(s) didn't have free ports for the requested pod ports";
            return Some(failed("NodePorts", why));
        }
        let why = "node(s) had taints that the pod didn't tolerate";
        drives_out().then(|| failed("TaintToleration", why))
    })
}

/// What the node has too little of for the pod.
fn lacks(pod: &Value, room: &Room<'_>) -> Option<Refusal> {
    let allocatable = |resource: &str| {
        let quantity = &room.node["status"]["allocatable"][resource];
        Quantity::from_json(quantity).map_or(i64::MAX, Quantity::milli_value)
    };
    let most = allocatable("pods") / 1000;
    let used = i64::try_from(room.pods.len()).unwrap_or(i64::MAX);
    if used + 1 > most {
        return Some(short_of("pods", 1, used, most));
    }
    for resource in ["cpu", "memory"] {
        let (wants, has) = (requested(pod, resource), allocatable(resource));
        let used: i64 = room.pods.iter().map(|pod| requested(pod, resource)).sum();
        if wants > 0 && used + wants > has {
            let unit = if resource == "cpu" { 1 } else { 1000 };
            return Some(short_of(resource, wants / unit, used / unit, has / unit));
        }
    }
    None
}

/// Whether another pod has a port of the node that the pod wants.
fn lacks_ports(spec: &Value, room: &Room<'_>) -> bool {
    let wanted = host_ports(spec);
    let mut taken = room.pods.iter().flat_map(|pod| host_ports(&pod["spec"]));
    taken.any(|port| wanted.iter().any(|wanted| wanted.conflicts_with(&port)))
}

fn failed(predicate: &str, why: &str) -> Refusal {
    Refusal {
        reason: predicate.to_owned(),
        message: format!("Predicate {predicate} failed: {why}"),
    }
}

fn short_of(resource: &str, requested: i64, used: i64, capacity: i64) -> Refusal {
    Refusal {
        reason: format!("OutOf{resource}"),
        message: format!(
            "Node didn't have enough resource: {resource}, requested: {requested}, used: {used}, capacity: {capacity}"
        ),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn pod(cpu: &str) -> Value {
        json!({"spec": {"containers": [{"name": "a", "resources": {"requests": {"cpu": cpu}}}]}})
    }

    #[test]
    fn a_pod_that_does_not_fit_is_refused_in_kubernetes_words() {
        let node = json!({"status": {"allocatable": {"cpu": "2", "memory": "4Gi", "pods": "110"}}});
        let (small, large) = (pod("10m"), pod("50"));
        let room = Room {
            node: &node,
            pods: &[&small],
        };
        assert_eq!(refuse(&small, &room), None);
        let refusal = refuse(&large, &room).unwrap();
        assert_eq!(refusal.reason, "OutOfcpu");
        assert_eq!(
            refusal.message,
            "Node didn't have enough resource: cpu, requested: 50000, used: 10, capacity: 2000"
        );
        let mut picky = small.clone();
        picky["spec"]["nodeSelector"] = json!({"no": "such"});
        assert_eq!(refuse(&picky, &room).unwrap().reason, "NodeAffinity");
    }

    #[test]
    fn a_pod_is_refused_for_a_port_that_is_taken_and_for_a_taint_that_drives_it_out() {
        let on_port = |port: u16| json!({"spec": {"containers": [{"ports": [{"hostPort": port}]}]}});
        let first = on_port(80);
        let allocatable = json!({"allocatable": {"cpu": "2", "memory": "4Gi", "pods": "110"}});
        let free = json!({"status": allocatable});
        let taint = json!({"key": "a", "effect": "NoExecute"});
        let tainted = json!({"status": allocatable, "spec": {"taints": [taint]}});
        for (pod, node, reason) in [
            (on_port(80), &free, Some("NodePorts")),
            (on_port(81), &free, None),
            (on_port(81), &tainted, Some("TaintToleration")),
            (
                json!({"spec": {"tolerations": [{"operator": "Exists"}], "containers": []}}),
                &tainted,
                None,
            ),
        ] {
            let room = Room {
                node,
                pods: &[&first],
            };
            let refusal = refuse(&pod, &room);
            assert_eq!(refusal.as_ref().map(|one| one.reason.as_str()), reason, "{pod}");
        }
    }

    #[test]
    fn limits_of_a_pod_need_every_container() {
        let pod = json!({"spec": {"containers": [
            {"name": "a", "resources": {"limits": {"memory": "64Mi"}, "requests": {"cpu": "100m"}}},
            {"name": "b", "resources": {"requests": {"cpu": "150m"}}},
        ]}});
        assert!(sum(&pod, "limits").is_empty());
        assert_eq!(sum(&pod, "requests")["cpu"], "250m");
    }
}
