//! A pod's phase, made from the statuses of its containers
//! (Kubernetes: `getPhase` in `pkg/kubelet/kubelet_pods.go`).

use serde_json::Value;

use crate::kubelet::runtime::{containers, is_sidecar};

/// The phase (Kubernetes: `getPhase`).
pub(super) fn phase(pod: &Value, init: &[Value], main: &[Value], ended: bool) -> &'static str {
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

/// Whether a main container has ever been started: then the pod counts as initialized even while a sidecar
/// restarts.
pub(super) fn has_begun(main: &[Value]) -> bool {
    main.iter().any(|status| {
        let has = |field: &str, state: &str| status[field].get(state).is_some();
        has("state", "running") || has("state", "terminated") || has("lastState", "terminated")
    })
}
