//! The status of one container (Kubernetes: `convertToAPIContainerStatuses` in `pkg/kubelet/kubelet_pods.go`).

use serde_json::{Value, json};

use super::Facts;
use crate::kubelet::plan::should_start;
use crate::kubelet::runtime::{Seen, containers, is_sidecar};

pub(super) fn container_status(facts: &Facts<'_>, container: &Value, init: bool) -> Value {
    let name = container["name"].as_str().unwrap_or_default();
    let seen = facts.seen.get(name);
    let current = seen.and_then(|seen| seen.current.as_ref());
    let mut state = state(facts, current, name, init);
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
        status["resources"] = match &current.resources {
            Value::Null => json!({}),
            resources => resources.clone(),
        };
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

/// The status of an ephemeral container: it has no probes, so it is never ready and nothing says that it has started.
pub(super) fn ephemeral_status(facts: &Facts<'_>, container: &Value) -> Value {
    let mut status = container_status(facts, container, false);
    status["ready"] = false.into();
    if let Some(fields) = status.as_object_mut() {
        fields.remove("started");
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

fn state(facts: &Facts<'_>, current: Option<&Seen>, name: &str, init: bool) -> Value {
    match current {
        Some(current) => match (current.terminated(), current.started) {
            (Some(terminated), _) => json!({ "terminated": terminated }),
            (None, Some(started)) => json!({"running": {"startedAt": started.rfc3339()}}),
            (None, None) => waiting(default_reason(facts.pod), ""),
        },
        None if facts.ended && was_due(facts, name, init) => json!({"terminated": {
            "exitCode": 137,
            "reason": "ContainerStatusUnknown",
            "message": "The container could not be located when the pod was terminated",
            "startedAt": null,
            "finishedAt": null,
        }}),
        None => waiting(default_reason(facts.pod), ""),
    }
}

/// Whether a container of a pod that has ended should have been there, though nothing is seen of it: a main container
/// once the pod was initialized, an init container up to the last that was started, and the first in any case
/// (`hasPodInitialized` and `initializedContainers` in `pkg/kubelet/status/status_manager.go`).
fn was_due(facts: &Facts<'_>, name: &str, init: bool) -> bool {
    let seen = |container: &Value| facts.seen.get(container["name"].as_str().unwrap_or_default());
    let has_started = |container: &Value| seen(container).is_some_and(|seen| seen.current.is_some());
    let mut inits = containers(facts.pod, "initContainers");
    if init {
        let mut from_it = inits
            .by_ref()
            .enumerate()
            .skip_while(|(_, one)| one["name"] != name);
        return from_it.any(|(index, one)| index == 0 || has_started(one));
    }
    let has_completed = |container: &Value| {
        let current = seen(container).and_then(|seen| seen.current.as_ref());
        let finish = current.and_then(|current| current.finish.as_ref());
        !is_sidecar(container, true) && finish.is_some_and(|finish| finish.code == 0)
    };
    inits.last().is_none_or(has_completed) || containers(facts.pod, "containers").any(has_started)
}

fn waiting(reason: &str, message: &str) -> Value {
    match message {
        "" => json!({"waiting": {"reason": reason}}),
        _ => json!({"waiting": {"reason": reason, "message": message}}),
    }
}

fn default_reason(pod: &Value) -> &'static str {
    if containers(pod, "initContainers").next().is_some() {
        "PodInitializing"
    } else {
        "ContainerCreating"
    }
}
