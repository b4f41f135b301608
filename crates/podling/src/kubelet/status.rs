//! A pod's status, made from what the runtime and the probes say
//! (Kubernetes: `generateAPIPodStatus` in `pkg/kubelet/kubelet_pods.go`).
//!
//! A sync writes the status before it acts. So the reason for which a container waits (`CrashLoopBackOff`)
//! shows at the sync after the one that met it, which is why a crashed container says `Error` for most of its
//! back-off.

mod conditions;
mod container;
mod phase;

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use self::conditions::{conditions, readiness};
use self::container::{container_status, ephemeral_status};
use self::phase::phase;
use super::runtime::{SeenContainer, containers, is_sidecar};
use crate::clock::Time;
use crate::quantity::Quantity;

/// A pod's CPU limit of no more than so many thousandths is not reported (`MinMilliCPULimit` in `pkg/kubelet/cm`).
const LEAST_CPU_LIMIT: i64 = 10;

/// What a status is made from.
pub(super) struct Facts<'a> {
    /// The pod.
    pub(super) pod: &'a Value,
    /// Its containers as PLEG saw them.
    pub(super) seen: &'a BTreeMap<String, SeenContainer>,
    /// Why containers could not be started: reason and message.
    pub(super) reasons: &'a BTreeMap<String, (String, String)>,
    /// Containers that are ready, and those that have started, as their probes say.
    pub(super) probes: &'a BTreeMap<String, Probed>,
    /// The conditions of a resize.
    pub(super) resize: &'a [Value],
    /// The status before.
    pub(super) before: &'a Value,
    /// The node's address.
    pub(super) host: &'a str,
    /// The pod's address, once it has one.
    pub(super) address: Option<&'a str>,
    /// Whether the pod's sandbox is up.
    pub(super) sandbox: bool,
    /// Whether the pod's containers are stopped for good.
    pub(super) ended: bool,
    /// Why the whole pod failed: reason and message.
    pub(super) failure: Option<(&'a str, &'a str)>,
    /// The present.
    pub(super) now: Time,
}

/// What the probes of a running container say.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(super) struct Probed {
    /// It has started.
    pub(super) started: bool,
    /// It is ready.
    pub(super) ready: bool,
}

/// The status of a pod.
pub(super) fn generate(facts: &Facts<'_>) -> Value {
    let init: Vec<Value> = containers(facts.pod, "initContainers")
        .map(|container| container_status(facts, container, true))
        .collect();
    let mut main: Vec<Value> = containers(facts.pod, "containers")
        .map(|container| container_status(facts, container, false))
        .collect();
    main.sort_by(|a, b| a["name"].as_str().cmp(&b["name"].as_str()));
    let mut status = Map::new();
    status.insert("observedGeneration".into(), generation(facts.pod));
    let mut phase = phase(facts.pod, &init, &main, facts.ended);
    // Whatever has not ended well by then has failed.
    if facts.ended && (facts.failure.is_some() || phase != "Succeeded") {
        phase = "Failed";
    }
    let is_terminal = matches!(phase, "Succeeded" | "Failed");
    if is_terminal && !facts.ended {
        // The containers are not known to be gone, so the phase waits for the pod's end.
        phase = match facts.before["phase"].as_str() {
            Some("Running") => "Running",
            _ => "Pending",
        };
    }
    status.insert("phase".into(), phase.into());
    let shown = if facts.failure.is_some() { "Failed" } else { phase };
    status.insert("conditions".into(), conditions(facts, shown, &init, &main));
    if let Some((reason, message)) = facts.failure.filter(|_| facts.ended) {
        status.insert("message".into(), message.into());
        status.insert("reason".into(), reason.into());
    }
    status.insert("hostIP".into(), facts.host.into());
    status.insert("hostIPs".into(), json!([{ "ip": facts.host }]));
    if let Some(address) = facts.address {
        status.insert("podIP".into(), address.into());
        status.insert("podIPs".into(), json!([{ "ip": address }]));
    }
    let start = facts.before["startTime"]
        .as_str()
        .map_or_else(|| facts.now.rfc3339(), str::to_owned);
    status.insert("startTime".into(), start.into());
    if !init.is_empty() {
        status.insert("initContainerStatuses".into(), init.into());
    }
    status.insert("containerStatuses".into(), main.into());
    let ephemeral: Vec<Value> = containers(facts.pod, "ephemeralContainers")
        .map(|container| ephemeral_status(facts, container))
        .collect();
    if !ephemeral.is_empty() {
        status.insert("ephemeralContainerStatuses".into(), ephemeral.into());
    }
    for kept in ["qosClass", "nominatedNodeName", "resourceClaimStatuses"] {
        if let Some(value) = facts.before.get(kept) {
            status.insert(kept.into(), value.clone());
        }
    }
    resources(facts.pod, &mut status);
    Value::Object(status)
}

/// Brings `ready`, `started` and the conditions of a status up to what the probes say now, and leaves the rest.
pub(super) fn show_probes(pod: &Value, status: &mut Value, probes: &BTreeMap<String, Probed>, now: Time) {
    for list in ["containerStatuses", "initContainerStatuses"] {
        for container in status[list].as_array_mut().into_iter().flatten() {
            let name = container["name"].as_str().unwrap_or_default();
            let probed = probes.get(name).copied().unwrap_or_default();
            let spec = containers(pod, "initContainers").find(|spec| spec["name"] == name);
            let is_init = spec.is_some_and(|spec| !is_sidecar(spec, true));
            if container["state"].get("running").is_some() && !is_init {
                container["ready"] = probed.ready.into();
                container["started"] = probed.started.into();
            }
        }
    }
    let list = |field: &str| status[field].as_array().cloned().unwrap_or_default();
    let (init, main) = (list("initContainerStatuses"), list("containerStatuses"));
    let (value, reason, message) = readiness(pod, status["phase"].as_str().unwrap_or_default(), &init, &main);
    for condition in status["conditions"].as_array_mut().into_iter().flatten() {
        let kind = condition["type"].as_str().unwrap_or_default();
        if !matches!(kind, "Ready" | "ContainersReady") || condition["status"] == value {
            continue;
        }
        condition["status"] = value.into();
        condition["lastTransitionTime"] = now.rfc3339().into();
        for (field, text) in [("reason", &reason), ("message", &message)] {
            if let Some(object) = condition.as_object_mut() {
                object.remove(field);
                if !text.is_empty() {
                    object.insert(field.to_owned(), text.as_str().into());
                }
            }
        }
    }
}

/// Whether the containers of a status have all ended and none starts again.
pub(super) fn is_over(pod: &Value, status: &Value) -> bool {
    let list = |field: &str| status[field].as_array().map_or(&[][..], Vec::as_slice);
    let raw = phase(
        pod,
        list("initContainerStatuses"),
        list("containerStatuses"),
        false,
    );
    matches!(raw, "Succeeded" | "Failed")
}

fn generation(pod: &Value) -> Value {
    pod["metadata"]
        .get("generation")
        .cloned()
        .unwrap_or_else(|| 1.into())
}

/// `allocatedResources` and `resources` of the pod: the sums over its containers.
fn resources(pod: &Value, status: &mut Map<String, Value>) {
    let requests = super::admission::sum(pod, "requests");
    let mut limits = super::admission::sum(pod, "limits");
    // It is read back from the pod's control group, where this little counts as none.
    let is_reported =
        |limit: &Value| Quantity::from_json(limit).is_ok_and(|limit| limit.milli_value() > LEAST_CPU_LIMIT);
    if !limits.get("cpu").is_none_or(is_reported) {
        limits.remove("cpu");
    }
    let mut resources = Map::new();
    if !limits.is_empty() {
        resources.insert("limits".into(), Value::Object(limits));
    }
    if !requests.is_empty() {
        resources.insert("requests".into(), Value::Object(requests.clone()));
        status.insert("allocatedResources".into(), Value::Object(requests));
    }
    status.insert("resources".into(), Value::Object(resources));
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kubelet::runtime::{Finish, Seen};

    fn seen(attempt: u32, code: Option<i32>) -> Seen {
        Seen {
            id: "abc".into(),
            attempt,
            image: "docker.io/library/busybox:1.36.1".into(),
            image_id: "docker.io/library/busybox@sha256:0".into(),
            user: 0,
            resources: Value::Null,
            started: Some(Time::from_micros(5_000_000)),
            finish: code.map(|code| Finish {
                time: Time::from_micros(6_000_000),
                code,
                reason: if code == 0 { "Completed" } else { "Error" },
                message: String::new(),
            }),
        }
    }

    struct Case {
        policy: &'static str,
        seen: Option<Seen>,
        reason: Option<&'static str>,
        ready: bool,
        ended: bool,
    }

    /// The phase, the container's state in one word, and whether the pod is ready.
    fn outcome(case: Case) -> (String, String, String) {
        let pod = json!({"metadata": {"generation": 1}, "spec": {
            "restartPolicy": case.policy, "containers": [{"name": "app", "image": "busybox"}]
        }});
        let seen = BTreeMap::from([(
            "app".to_owned(),
            SeenContainer {
                current: case.seen,
                previous: None,
            },
        )]);
        let reasons = case
            .reason
            .map(|reason| ("app".to_owned(), (reason.to_owned(), String::new())));
        let status = generate(&Facts {
            pod: &pod,
            seen: &seen,
            reasons: &reasons.into_iter().collect(),
            probes: &BTreeMap::from([(
                "app".to_owned(),
                Probed {
                    started: true,
                    ready: case.ready,
                },
            )]),
            resize: &[],
            before: &json!({"phase": "Running"}),
            host: "172.18.0.2",
            address: Some("10.244.0.2"),
            sandbox: !case.ended,
            ended: case.ended,
            failure: None,
            now: Time::from_micros(9_000_000),
        });
        let state = status["containerStatuses"][0]["state"].as_object().unwrap();
        let (kind, detail) = state.iter().next().unwrap();
        let word = match detail["reason"].as_str() {
            Some(reason) => format!("{kind}:{reason}"),
            None => kind.clone(),
        };
        let ready = status["conditions"]
            .as_array()
            .unwrap()
            .iter()
            .find(|c| c["type"] == "Ready")
            .unwrap();
        (
            status["phase"].as_str().unwrap().to_owned(),
            word,
            ready["status"].as_str().unwrap().to_owned(),
        )
    }

    fn case(
        policy: &'static str,
        seen: Option<Seen>,
        reason: Option<&'static str>,
        ready: bool,
        ended: bool,
    ) -> Case {
        Case {
            policy,
            seen,
            reason,
            ready,
            ended,
        }
    }

    /// Checks the phase, the state and the readiness that each case leads to.
    fn check<'a>(cases: impl IntoIterator<Item = (Case, &'a str, &'a str, &'a str)>) {
        for (case, phase, state, ready) in cases {
            let expected = (phase.to_owned(), state.to_owned(), ready.to_owned());
            assert_eq!(outcome(case), expected, "{expected:?}");
        }
    }

    #[test]
    fn phase_state_and_readiness_go_together() {
        check([
            (
                case("Always", None, None, false, false),
                "Pending",
                "waiting:ContainerCreating",
                "False",
            ),
            (
                case("Always", None, Some("ErrImagePull"), false, false),
                "Pending",
                "waiting:ErrImagePull",
                "False",
            ),
            (
                case("Always", Some(seen(0, None)), None, true, false),
                "Running",
                "running",
                "True",
            ),
            (
                case("Always", Some(seen(0, None)), None, false, false),
                "Running",
                "running",
                "False",
            ),
            (
                case("Always", Some(seen(0, Some(1))), None, false, false),
                "Running",
                "terminated:Error",
                "False",
            ),
            (
                case(
                    "Always",
                    Some(seen(0, Some(1))),
                    Some("CrashLoopBackOff"),
                    false,
                    false,
                ),
                "Running",
                "waiting:CrashLoopBackOff",
                "False",
            ),
            (
                case("Never", Some(seen(0, Some(1))), None, false, false),
                "Running",
                "terminated:Error",
                "False",
            ),
        ]);
    }

    #[test]
    fn the_least_cpu_limit_is_not_reported() {
        for (cpu, reported) in [("10m", Value::Null), ("11m", "11m".into())] {
            let limits = json!({"cpu": cpu, "memory": "1Mi"});
            let pod = json!({"spec": {"containers": [{"name": "a", "resources": {"limits": limits}}]}});
            let mut status = Map::new();
            resources(&pod, &mut status);
            assert_eq!(status["resources"]["limits"]["cpu"], reported, "{cpu}");
            assert_eq!(status["resources"]["limits"]["memory"], "1Mi");
        }
    }

    #[test]
    fn a_pod_whose_containers_are_gone_for_good_has_a_last_phase() {
        check([
            (
                case("Never", Some(seen(0, Some(1))), None, false, true),
                "Failed",
                "terminated:Error",
                "False",
            ),
            (
                case("OnFailure", Some(seen(0, Some(0))), None, false, true),
                "Succeeded",
                "terminated:Completed",
                "False",
            ),
            (
                case("Always", Some(seen(0, Some(137))), None, false, true),
                "Failed",
                "terminated:Error",
                "False",
            ),
            (
                case("Always", None, None, false, true),
                "Failed",
                "terminated:ContainerStatusUnknown",
                "False",
            ),
        ]);
    }
}
