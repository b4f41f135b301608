//! Pods: defaults, the first status, validation, and the few fields that an update may change.

use serde_json::{Value, json};

use super::read::{Fields as _, copy};
use super::{PLAIN, Strategy};
use super::{generation, label_keys, pod_annotations, pod_defaults, pod_spec, pod_update, pod_warnings, qos};
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
    validate,
    validate_update,
    warnings: pod_warnings::of_pod,
    ..PLAIN
};

fn prepare_for_create(pod: &mut Value, now: Time) {
    generation::start(pod);
    label_keys::merge(pod);
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

pub(super) fn check_spec(spec: &Value, errors: &mut Vec<Error>) {
    pod_spec::check(spec, "spec", errors);
    for list in ["containers", "initContainers"] {
        pod_spec::containers::check_image_blanks(spec.items(list), &format!("spec.{list}"), errors);
    }
}

fn validate(pod: &Value) -> Vec<Error> {
    let (spec, mut errors) = (&pod["spec"], Vec::new());
    pod_annotations::check(pod, "metadata.annotations", &mut errors);
    check_spec(spec, &mut errors);
    if !spec.items("ephemeralContainers").is_empty() {
        let why = "cannot be set on create";
        // Their details do not matter where none may be.
        errors.retain(|error| !error.field.starts_with("spec.ephemeralContainers"));
        errors.push(Error::forbidden("spec.ephemeralContainers", why));
    }
    if !spec.text("nodeName").is_empty() && !spec.items("schedulingGates").is_empty() {
        let why = "cannot be set until all schedulingGates have been cleared";
        errors.push(Error::forbidden("spec.nodeName", why));
    }
    errors
}

fn validate_update(new: &Value, old: &Value) -> Vec<Error> {
    let mut errors = Vec::new();
    pod_annotations::check(new, "metadata.annotations", &mut errors);
    check_spec(&new["spec"], &mut errors);
    pod_annotations::check_update(new, old, &mut errors);
    pod_update::check(&new["spec"], &old["spec"], &mut errors);
    errors
}

/// What is wrong with a change through `pods/ephemeralcontainers`: they can be added, never changed or removed.
pub(super) fn validate_ephemeral_containers_update(new: &Value, old: &Value) -> Vec<Error> {
    const LIST: &str = "ephemeralContainers";
    let mut errors = Vec::new();
    check_spec(&new["spec"], &mut errors);
    let (after, before) = (new["spec"].items(LIST), old["spec"].items(LIST));
    for container in before {
        let name = container.text("name");
        match after.iter().find(|other| other.text("name") == name) {
            None => {
                let why = format!("existing ephemeral containers \"{name}\" may not be removed\n");
                errors.push(Error::forbidden("spec.ephemeralContainers", why));
            }
            Some(other) if other != container => {
                let why = format!("existing ephemeral containers \"{name}\" may not be changed\n");
                errors.push(Error::forbidden("spec.ephemeralContainers", why));
            }
            Some(_) => {}
        }
    }
    errors
}
