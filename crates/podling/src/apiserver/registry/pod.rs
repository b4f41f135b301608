//! Pods: defaults, the first status, validation, and the few fields that an update may change.

use serde_json::{Value, json};

use super::read::{Fields as _, copy};
use super::{PLAIN, Strategy};
use super::{generation, pod_defaults, qos};
use crate::clock::Time;
use crate::status::field::Error;

pub(super) const STRATEGY: Strategy = Strategy {
    default: pod_defaults::pod,
    prepare_for_create,
    prepare_for_update: |new, old| {
        copy(old, new, "status");
        generation::count_spec_change(new, old);
    },
    prepare_for_status_update: Some(prepare_for_status_update),
    ..PLAIN
};

fn prepare_for_create(pod: &mut Value, now: Time) {
    generation::start(pod);
    let mut status = json!({"phase": "Pending", "qosClass": qos::class(&pod["spec"])});
    if !pod["spec"].items("schedulingGates").is_empty() {
        status["conditions"] = json!([{
            "type": "PodScheduled", "status": "False", "lastProbeTime": null,
            "lastTransitionTime": now.rfc3339(), "reason": "SchedulingGated",
            "message": "Scheduling is blocked due to non-empty scheduling gates",
        }]);
    }
    pod["status"] = status;
}

fn prepare_for_status_update(new: &mut Value, old: &Value) {
    copy(old, new, "spec");
    copy(&old["metadata"], &mut new["metadata"], "deletionTimestamp");
    copy(&old["metadata"], &mut new["metadata"], "ownerReferences");
    if new["status"].text("qosClass").is_empty() {
        copy(&old["status"], &mut new["status"], "qosClass");
    }
}

/// `pods/ephemeralcontainers` changes nothing but `spec.ephemeralContainers`.
pub(super) fn prepare_for_ephemeral_containers(new: &mut Value, old: &Value) {
    let wanted = new["spec"].get("ephemeralContainers").cloned();
    copy(old, new, "spec");
    copy(old, new, "status");
    copy(old, new, "metadata");
    if let Some(wanted) = wanted {
        new["spec"]["ephemeralContainers"] = wanted;
    }
    generation::count_spec_change(new, old);
}

/// What is wrong with a change through `pods/ephemeralcontainers`.
pub(super) fn validate_ephemeral_containers_update(_new: &Value, _old: &Value) -> Vec<Error> {
    Vec::new()
}
