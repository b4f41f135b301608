//! What an update of a Pod may change: images, deadlines, tolerations, gates, and hardly anything else.
//!
//! Source: `ValidatePodUpdate` in `k8s.io/kubernetes/pkg/apis/core/validation`, v1.36.

use serde_json::Value;

use super::pod_spec::scheduling;
use super::read::{Fields as _, copy, items_mut};
use super::{diff, internal_form};
use crate::status::field::Error;

const ONLY: &str = "pod updates may not change fields other than `spec.containers[*].image`,`spec.initContainers[*].image`,`spec.activeDeadlineSeconds`,`spec.tolerations` (only additions to existing tolerations),`spec.terminationGracePeriodSeconds` (allow it to be set to 1 if it was previously negative)";
const CONTAINER_LISTS: [&str; 2] = ["containers", "initContainers"];

/// Checks a change of the spec from `old` to `new`.
pub(super) fn check(new: &Value, old: &Value, errors: &mut Vec<Error>) {
    for list in CONTAINER_LISTS {
        if new.items(list).len() != old.items(list).len() {
            let why = "pod updates may not add or remove containers";
            errors.push(Error::forbidden(format!("spec.{list}"), why));
            return;
        }
        for (i, container) in new.items(list).iter().enumerate() {
            if container.text("image").is_empty() {
                errors.push(Error::required(format!("spec.{list}[{i}].image"), ""));
            }
        }
    }
    if let Some(error) = deadline_error(new, old) {
        errors.push(error);
        return;
    }
    check_tolerations(new, old, errors);
    check_gates(new, old, errors);
    let allowed = with_free_fields_of(new, old);
    if allowed != *old {
        let before = internal_form::pretty(old, internal_form::POD_SPEC);
        let after = internal_form::pretty(&allowed, internal_form::POD_SPEC);
        let changes = diff::unified(&before, &after);
        errors.push(Error::forbidden("spec", format!("{ONLY}\n{changes}")));
    }
}

fn deadline_error(new: &Value, old: &Value) -> Option<Error> {
    let (field, key) = ("spec.activeDeadlineSeconds", "activeDeadlineSeconds");
    let before = old.number(key)?;
    match new.number(key) {
        None => {
            let why = "must not update from a positive integer to nil value";
            Some(Error::invalid(field, Value::Null, why))
        }
        Some(after) if after > before => {
            let why = "must be less than or equal to previous value";
            Some(Error::invalid(field, after, why))
        }
        Some(_) => None,
    }
}

fn check_tolerations(new: &Value, old: &Value, errors: &mut Vec<Error>) {
    const KEY: &str = "tolerations";
    let without_seconds = |toleration: &Value| {
        let mut toleration = toleration.clone();
        toleration["tolerationSeconds"] = Value::Null;
        toleration
    };
    let kept: Vec<Value> = new.items(KEY).iter().map(without_seconds).collect();
    if old.items(KEY).iter().any(|t| !kept.contains(&without_seconds(t))) {
        let why = "existing toleration can not be modified except its tolerationSeconds";
        errors.push(Error::forbidden("spec.tolerations", why));
        return;
    }
    scheduling::check_tolerations(new.items(KEY), "spec.tolerations", errors);
}

fn check_gates(new: &Value, old: &Value, errors: &mut Vec<Error>) {
    for (i, gate) in new.items("schedulingGates").iter().enumerate() {
        if !old.items("schedulingGates").contains(gate) {
            let why = format!(
                "only deletion is allowed, but found new scheduling gate '{}'",
                gate.text("name")
            );
            errors.push(Error::forbidden(format!("spec.schedulingGates[{i}].name"), why));
        }
    }
}

/// `new` with everything that may change as it is in `old`: what still differs is refused.
fn with_free_fields_of(new: &Value, old: &Value) -> Value {
    let mut allowed = new.clone();
    for list in CONTAINER_LISTS {
        for (container, before) in items_mut(&mut allowed, list).zip(old.items(list)) {
            copy(before, container, "image");
        }
    }
    for key in ["activeDeadlineSeconds", "tolerations", "schedulingGates"] {
        copy(old, &mut allowed, key);
    }
    let grace = "terminationGracePeriodSeconds";
    if old.number(grace).is_some_and(|s| s < 0) && new.number(grace) == Some(1) {
        copy(old, &mut allowed, grace);
    }
    if !old.items("schedulingGates").is_empty() {
        take_narrower_selector(&mut allowed, old);
    }
    allowed
}

/// A Pod that still waits at a gate may narrow down where it can go (KEP-3838).
fn take_narrower_selector(allowed: &mut Value, old: &Value) {
    let keeps_all = old
        .entries("nodeSelector")
        .all(|(key, value)| allowed["nodeSelector"].get(key) == Some(value));
    if keeps_all {
        copy(old, allowed, "nodeSelector");
    }
    if !old["affinity"].has("nodeAffinity") && allowed["affinity"].has("nodeAffinity") {
        copy(old, allowed, "affinity");
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn texts(new: &Value, old: &Value) -> Vec<String> {
        let mut errors = Vec::new();
        check(new, old, &mut errors);
        errors.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn images_and_more_tolerations_are_fine() {
        let old = json!({"containers": [{"name": "c", "image": "a:1"}]});
        let new = json!({"containers": [{"name": "c", "image": "a:2"}],
            "tolerations": [{"key": "k", "operator": "Exists"}]});
        assert!(texts(&new, &old).is_empty());
    }

    #[test]
    fn any_other_field_is_refused_with_a_diff() {
        let old = json!({"containers": [{"name": "c", "image": "a:1"}], "restartPolicy": "Always"});
        let mut new = old.clone();
        new["restartPolicy"] = "Never".into();
        let text = texts(&new, &old).join("\n");
        assert!(
            text.contains("- \"RestartPolicy\": \"Always\",\n+ \"RestartPolicy\": \"Never\",\n"),
            "{text}"
        );
    }

    #[test]
    fn a_deadline_only_shrinks() {
        let spec = |seconds: Value| json!({"activeDeadlineSeconds": seconds});
        assert!(texts(&spec(json!(5)), &spec(json!(10))).is_empty());
        assert_eq!(
            texts(&spec(json!(60)), &spec(json!(10))),
            ["spec.activeDeadlineSeconds: Invalid value: 60: must be less than or equal to previous value"]
        );
        assert_eq!(texts(&spec(json!(null)), &spec(json!(10))).len(), 1);
    }
}
