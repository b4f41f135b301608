//! The conditions that the kubelet sets on a pod (Kubernetes: `pkg/kubelet/status/generate.go`).

use serde_json::{Value, json};

use super::phase::has_begun;
use super::{Facts, generation};
use crate::kubelet::runtime::{containers, is_sidecar};

/// The kubelet's conditions in its order, those of a resize first; others stay before the rest, `PodScheduled` behind.
pub(super) fn conditions(facts: &Facts<'_>, phase: &str, init: &[Value], main: &[Value]) -> Value {
    const OWN: [&str; 5] = [
        "PodReadyToStartContainers",
        "Initialized",
        "Ready",
        "ContainersReady",
        "PodScheduled",
    ];
    const OF_A_RESIZE: [&str; 2] = ["PodResizePending", "PodResizeInProgress"];
    let before = facts.before["conditions"]
        .as_array()
        .map_or(&[][..], Vec::as_slice);
    let others = before.iter().filter(|condition| {
        let kind = condition["type"].as_str().unwrap_or_default();
        !OWN.contains(&kind) && !OF_A_RESIZE.contains(&kind)
    });
    let mut all: Vec<Value> = facts.resize.iter().chain(others).cloned().collect();
    let ready = readiness(facts.pod, phase, init, main);
    let sandbox = if facts.sandbox { "True" } else { "False" };
    let values = [
        (sandbox, String::new(), String::new()),
        initialized(facts.pod, phase, init, main),
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

/// Status, reason and message of `Initialized`.
fn initialized(pod: &Value, phase: &str, init: &[Value], main: &[Value]) -> (&'static str, String, String) {
    let incomplete = names(
        init.iter()
            .zip(containers(pod, "initContainers"))
            .filter(|(status, spec)| {
                if is_sidecar(spec, true) {
                    status["started"] != true && !has_begun(main)
                } else {
                    status["ready"] != true
                }
            }),
    );
    match (phase, incomplete.as_slice()) {
        ("Succeeded", _) => ("True", "PodCompleted".to_owned(), String::new()),
        (_, []) => ("True", String::new(), String::new()),
        (_, names) => {
            let message = format!("containers with incomplete status: [{}]", names.join(" "));
            ("False", "ContainersNotInitialized".to_owned(), message)
        }
    }
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
pub(super) fn readiness(
    pod: &Value,
    phase: &str,
    init: &[Value],
    main: &[Value],
) -> (&'static str, String, String) {
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
