//! A pod's status, made from what the runtime and the probes say
//! (Kubernetes: `generateAPIPodStatus` in `pkg/kubelet/kubelet_pods.go` and `pkg/kubelet/status/generate.go`).
//!
//! A sync writes the status before it acts. So the reason for which a container waits (`CrashLoopBackOff`)
//! shows at the sync after the one that met it, which is why a crashed container says `Error` for most of its
//! back-off.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use super::plan::should_start;
use super::runtime::{Seen, SeenContainer, containers, is_sidecar};
use crate::clock::Time;

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
    if facts.failure.is_some() && facts.ended {
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
    for kept in [
        "qosClass",
        "nominatedNodeName",
        "ephemeralContainerStatuses",
        "resourceClaimStatuses",
    ] {
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
    let limits = super::admission::sum(pod, "limits");
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

fn container_status(facts: &Facts<'_>, container: &Value, init: bool) -> Value {
    let name = container["name"].as_str().unwrap_or_default();
    let seen = facts.seen.get(name);
    let current = seen.and_then(|seen| seen.current.as_ref());
    let mut state = state(facts, current);
    let mut last = seen
        .and_then(|seen| seen.previous.as_ref())
        .and_then(Seen::terminated)
        .map_or_else(|| json!({}), |terminated| json!({ "terminated": terminated }));
    let sidecar = is_sidecar(container, init);
    if let Some((reason, message)) = facts.reasons.get(name)
        && !facts.ended
        && should_start(facts.pod, container, sidecar, seen)
    {
        if state.get("terminated").is_some() {
            last = state;
        }
        state = waiting(reason, message);
    }
    let probed = facts.probes.get(name).copied().unwrap_or_default();
    let running = current.is_some_and(Seen::is_running) && state.get("running").is_some();
    let succeeded = state["terminated"]["exitCode"] == 0;
    let ready = if init && !sidecar {
        succeeded
    } else {
        running && probed.ready
    };
    let mut status = json!({
        "name": name,
        "state": state,
        "lastState": last,
        "ready": ready,
        "restartCount": current.map_or(0, |current| current.attempt),
        "image": current.map_or_else(|| container["image"].clone(), |current| current.image.as_str().into()),
        "imageID": current.map_or("", |current| &current.image_id),
        "started": running && (probed.started || init && !sidecar),
    });
    if let Some(current) = current {
        status["containerID"] = format!("containerd://{}", current.id).into();
        status["user"] = json!({"linux": {
            "uid": current.user, "gid": current.user, "supplementalGroups": [current.user]
        }});
        status["resources"] = container.get("resources").cloned().unwrap_or_else(|| json!({}));
        if let Some(requests) = container["resources"].get("requests") {
            status["allocatedResources"] = requests.clone();
        }
    }
    let mounts = volume_mounts(container);
    if !mounts.is_empty() {
        status["volumeMounts"] = mounts.into();
    }
    status
}

fn volume_mounts(container: &Value) -> Vec<Value> {
    let mounts = container["volumeMounts"].as_array().into_iter().flatten();
    mounts
        .map(|mount| {
            let mut status = json!({"name": mount["name"], "mountPath": mount["mountPath"]});
            if mount["readOnly"] == true {
                status["readOnly"] = true.into();
                status["recursiveReadOnly"] = "Disabled".into();
            }
            status
        })
        .collect()
}

fn waiting(reason: &str, message: &str) -> Value {
    match message {
        "" => json!({"waiting": {"reason": reason}}),
        _ => json!({"waiting": {"reason": reason, "message": message}}),
    }
}

fn state(facts: &Facts<'_>, current: Option<&Seen>) -> Value {
    match current {
        Some(current) => match (current.terminated(), current.started) {
            (Some(terminated), _) => json!({ "terminated": terminated }),
            (None, Some(started)) => json!({"running": {"startedAt": started.rfc3339()}}),
            (None, None) => waiting(default_reason(facts.pod), ""),
        },
        None if facts.ended => json!({"terminated": {
            "exitCode": 137,
            "reason": "ContainerStatusUnknown",
            "message": "The container could not be located when the pod was terminated",
            "startedAt": null,
            "finishedAt": null,
        }}),
        None => waiting(default_reason(facts.pod), ""),
    }
}

fn default_reason(pod: &Value) -> &'static str {
    if containers(pod, "initContainers").next().is_some() {
        "PodInitializing"
    } else {
        "ContainerCreating"
    }
}

/// Whether a main container has ever been started: then the pod counts as initialized even while a sidecar
/// restarts.
fn has_begun(main: &[Value]) -> bool {
    main.iter().any(|status| {
        let has = |field: &str, state: &str| status[field].get(state).is_some();
        has("state", "running") || has("state", "terminated") || has("lastState", "terminated")
    })
}

/// The phase (Kubernetes: `getPhase`).
fn phase(pod: &Value, init: &[Value], main: &[Value], ended: bool) -> &'static str {
    let policy = pod["spec"]["restartPolicy"].as_str().unwrap_or("Always");
    let (mut pending_init, mut failed_init) = (0, 0);
    for (status, spec) in init.iter().zip(containers(pod, "initContainers")) {
        let exit = status["state"]["terminated"]["exitCode"].as_i64();
        let last = status["lastState"]["terminated"]["exitCode"].as_i64();
        if is_sidecar(spec, true) {
            pending_init += usize::from(status["started"] != true && !has_begun(main));
            continue;
        }
        match (exit, last) {
            (Some(0), _) => {}
            (Some(_), _) => failed_init += 1,
            (None, Some(code)) if code != 0 && status["state"].get("waiting").is_some() => failed_init += 1,
            (None, _) => pending_init += 1,
        }
    }
    let (mut waiting, mut running, mut stopped, mut succeeded) = (0, 0, 0, 0);
    for status in main {
        let state = &status["state"];
        if state.get("running").is_some() {
            running += 1;
        } else if let Some(terminated) = state.get("terminated") {
            stopped += 1;
            succeeded += usize::from(terminated["exitCode"] == 0);
        } else if status["lastState"].get("terminated").is_some() {
            stopped += 1;
        } else {
            waiting += 1;
        }
    }
    if failed_init > 0 && policy == "Never" {
        return "Failed";
    }
    if pending_init > 0 && !ended || waiting > 0 {
        return "Pending";
    }
    match (running, stopped) {
        (1.., _) => "Running",
        (0, 1..) if ended || policy != "Always" => {
            if stopped == succeeded {
                "Succeeded"
            } else if ended || policy == "Never" {
                "Failed"
            } else {
                "Running"
            }
        }
        (0, 1..) => "Running",
        _ => "Pending",
    }
}

/// The kubelet's conditions in its order; others stay before them, `PodScheduled` behind them.
fn conditions(facts: &Facts<'_>, phase: &str, init: &[Value], main: &[Value]) -> Value {
    const OWN: [&str; 5] = [
        "PodReadyToStartContainers",
        "Initialized",
        "Ready",
        "ContainersReady",
        "PodScheduled",
    ];
    let before = facts.before["conditions"]
        .as_array()
        .map_or(&[][..], Vec::as_slice);
    let others = before
        .iter()
        .filter(|c| !OWN.contains(&c["type"].as_str().unwrap_or_default()));
    let mut all: Vec<Value> = others.cloned().collect();
    let incomplete = names(init.iter().zip(containers(facts.pod, "initContainers")).filter(
        |(status, spec)| {
            if is_sidecar(spec, true) {
                status["started"] != true && !has_begun(main)
            } else {
                status["ready"] != true
            }
        },
    ));
    let ready = readiness(facts.pod, phase, init, main);
    let initialized = match (phase, incomplete.as_slice()) {
        ("Succeeded", _) => ("True", "PodCompleted".to_owned(), String::new()),
        (_, []) => ("True", String::new(), String::new()),
        (_, names) => {
            let message = format!("containers with incomplete status: [{}]", names.join(" "));
            ("False", "ContainersNotInitialized".to_owned(), message)
        }
    };
    let sandbox = if facts.sandbox { "True" } else { "False" };
    let values = [
        (sandbox, String::new(), String::new()),
        initialized,
        ready.clone(),
        ready,
        ("True", String::new(), String::new()),
    ];
    for (kind, (status, reason, message)) in OWN.into_iter().zip(values) {
        let mut condition = json!({
            "type": kind,
            "observedGeneration": generation(facts.pod),
            "status": status,
            "lastProbeTime": null,
        });
        let old = before.iter().find(|c| c["type"] == kind && c["status"] == status);
        condition["lastTransitionTime"] = old.map_or_else(
            || facts.now.rfc3339().into(),
            |old| old["lastTransitionTime"].clone(),
        );
        if !reason.is_empty() {
            condition["reason"] = reason.into();
        }
        if !message.is_empty() {
            condition["message"] = message.into();
        }
        all.push(condition);
    }
    with_gates(facts.pod, before, &mut all);
    all.into()
}

/// A readiness gate whose condition is not True keeps the pod from being ready.
fn with_gates(pod: &Value, before: &[Value], all: &mut [Value]) {
    let gates = pod["spec"]["readinessGates"].as_array().into_iter().flatten();
    let missing: Vec<&str> = gates
        .filter_map(|gate| gate["conditionType"].as_str())
        .filter(|kind| !before.iter().any(|c| c["type"] == *kind && c["status"] == "True"))
        .collect();
    let Some(ready) = all
        .iter_mut()
        .find(|c| c["type"] == "Ready" && c["status"] == "True")
    else {
        return;
    };
    if let Some(kind) = missing.first() {
        let message = match before.iter().find(|c| c["type"] == *kind) {
            Some(_) => format!("the status of pod readiness gate \"{kind}\" is not \"True\", but False"),
            None => format!("corresponding condition of pod readiness gate \"{kind}\" does not exist."),
        };
        ready["status"] = "False".into();
        ready["reason"] = "ReadinessGatesNotReady".into();
        ready["message"] = message.into();
    }
}

fn names<'a>(of: impl Iterator<Item = (&'a Value, &'a Value)>) -> Vec<&'a str> {
    of.filter_map(|(status, _)| status["name"].as_str()).collect()
}

/// Status, reason and message of `Ready` and `ContainersReady`.
fn readiness(pod: &Value, phase: &str, init: &[Value], main: &[Value]) -> (&'static str, String, String) {
    match phase {
        "Succeeded" => return ("False", "PodCompleted".to_owned(), String::new()),
        "Failed" => return ("False", "PodFailed".to_owned(), String::new()),
        _ => {}
    }
    let sidecars = init
        .iter()
        .zip(containers(pod, "initContainers"))
        .filter(|(_, spec)| is_sidecar(spec, true));
    let by_name = |container: &Value| main.iter().find(|status| status["name"] == container["name"]);
    let mains = containers(pod, "containers").filter_map(by_name);
    let unready: Vec<&str> = sidecars
        .map(|(status, _)| status)
        .chain(mains)
        .filter(|status| status["ready"] != true)
        .filter_map(|status| status["name"].as_str())
        .collect();
    if unready.is_empty() {
        return ("True", String::new(), String::new());
    }
    let message = format!("containers with unready status: [{}]", unready.join(" "));
    ("False", "ContainersNotReady".to_owned(), message)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kubelet::runtime::Finish;

    fn seen(attempt: u32, code: Option<i32>) -> Seen {
        Seen {
            id: "abc".into(),
            attempt,
            image: "docker.io/library/busybox:1.36.1".into(),
            image_id: "docker.io/library/busybox@sha256:0".into(),
            user: 0,
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

    #[test]
    fn phase_state_and_readiness_go_together() {
        let case = |policy, seen, reason, ready, ended| Case {
            policy,
            seen,
            reason,
            ready,
            ended,
        };
        for (case, phase, state, ready) in [
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
        ] {
            let expected = (phase.to_owned(), state.to_owned(), ready.to_owned());
            assert_eq!(outcome(case), expected, "{expected:?}");
        }
    }
}
