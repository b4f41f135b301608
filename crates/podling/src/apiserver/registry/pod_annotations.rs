//! Annotations of a Pod, or of a template, that have a meaning.
//!
//! Source: `ValidatePodSpecificAnnotations` and `ValidatePodSpecificAnnotationUpdates` in `pkg/apis/core/validation`, v1.36.

use serde_json::Value;

use super::pod_spec::volumes::check_descending;
use super::read::Fields as _;
use crate::status::field::Error;

const DELETION_COST: &str = "controller.kubernetes.io/pod-deletion-cost";
const MIRROR: &str = "kubernetes.io/config.mirror";
const APP_ARMOR: &str = "container.apparmor.security.beta.kubernetes.io/";
const SECCOMP_OF_POD: &str = "seccomp.security.alpha.kubernetes.io/pod";
const SECCOMP_OF_CONTAINER: &str = "container.seccomp.security.alpha.kubernetes.io/";

/// Checks the annotations of `pod`, a Pod or a template, at `field`.
pub(super) fn check(pod: &Value, field: &str, errors: &mut Vec<Error>) {
    let (annotations, spec) = (&pod["metadata"]["annotations"], &pod["spec"]);
    if annotations.has(MIRROR) && spec.text("nodeName").is_empty() {
        let why = "must set spec.nodeName if mirror pod annotation is set";
        errors.push(Error::invalid(
            format!("{field}[{MIRROR}]"),
            annotations.text(MIRROR),
            why,
        ));
    }
    let cost = annotations.text(DELETION_COST);
    if annotations.has(DELETION_COST) && !is_cost(cost) {
        let why = "must be a 32bit integer";
        errors.push(Error::invalid(format!("{field}[{DELETION_COST}]"), cost, why));
    }
    let profiles = || {
        pod["metadata"]
            .entries("annotations")
            .map(|(key, value)| (key, value.as_str().unwrap_or_default()))
    };
    for (key, profile) in profiles() {
        if key == SECCOMP_OF_POD || key.starts_with(SECCOMP_OF_CONTAINER) {
            check_seccomp(profile, &format!("{field}.{key}"), errors);
        }
    }
    for (key, profile) in profiles() {
        if let Some(container) = key.strip_prefix(APP_ARMOR) {
            check_app_armor(spec, (container, profile), &format!("{field}[{key}]"), errors);
        }
    }
}

/// Checks a change of the annotations of a Pod.
pub(super) fn check_update(new: &Value, old: &Value, errors: &mut Vec<Error>) {
    let annotations = |pod: &Value| pod["metadata"]["annotations"].clone();
    let (after, before) = (annotations(new), annotations(old));
    let fixed = |key: &str| match key {
        MIRROR => Some("mirror pod annotation"),
        _ => key.starts_with(APP_ARMOR).then_some("AppArmor annotations"),
    };
    for (key, value) in old["metadata"].entries("annotations") {
        if let Some(what) = fixed(key).filter(|_| after[key] != *value) {
            let why = format!("may not remove or update {what}");
            errors.push(Error::forbidden(format!("metadata.annotations[{key}]"), why));
        }
    }
    for (key, _) in new["metadata"].entries("annotations") {
        if let Some(what) = fixed(key).filter(|_| !before.has(key)) {
            let why = format!("may not add {what}");
            errors.push(Error::forbidden(format!("metadata.annotations[{key}]"), why));
        }
    }
    check(new, "metadata.annotations", errors);
}

/// A number as Kubernetes writes it: no plus sign, no zeros before it.
fn is_cost(text: &str) -> bool {
    let begins_well = text == "0" || text.starts_with(|c: char| c == '-' || matches!(c, '1'..='9'));
    begins_well && text.parse::<i32>().is_ok()
}

fn check_seccomp(profile: &str, field: &str, errors: &mut Vec<Error>) {
    match profile.strip_prefix("localhost/") {
        Some(file) => check_descending(file, field, errors),
        None if matches!(profile, "runtime/default" | "docker/default" | "unconfined") => {}
        None => errors.push(Error::invalid(field, profile, "must be a valid seccomp profile")),
    }
}

fn check_app_armor(spec: &Value, (container, profile): (&str, &str), field: &str, errors: &mut Vec<Error>) {
    let lists = ["initContainers", "containers", "ephemeralContainers"];
    let is_there = |list: &str| spec.items(list).iter().any(|c| c.text("name") == container);
    if !lists.into_iter().any(is_there) {
        errors.push(Error::invalid(field, container, "container not found"));
    }
    let is_known =
        matches!(profile, "" | "runtime/default" | "unconfined") || profile.starts_with("localhost/");
    if !is_known {
        let why = format!("invalid AppArmor profile name: {profile:?}");
        errors.push(Error::invalid(field, profile, why));
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn pod(annotations: &Value) -> Value {
        json!({"metadata": {"annotations": annotations}, "spec": {"containers": [{"name": "c"}]}})
    }

    fn texts(errors: &[Error]) -> String {
        let all: Vec<String> = errors.iter().map(ToString::to_string).collect();
        all.join("; ")
    }

    #[test]
    fn annotations_with_a_meaning_must_make_sense() {
        let cases = [
            (json!({DELETION_COST: "-100"}), ""),
            (
                json!({DELETION_COST: "+1"}),
                "a[controller.kubernetes.io/pod-deletion-cost]: Invalid value: \"+1\": must be a 32bit integer",
            ),
            (
                json!({MIRROR: "x"}),
                "a[kubernetes.io/config.mirror]: Invalid value: \"x\": must set spec.nodeName if mirror pod annotation is set",
            ),
            (
                json!({SECCOMP_OF_POD: "some"}),
                "a.seccomp.security.alpha.kubernetes.io/pod: Invalid value: \"some\": must be a valid seccomp profile",
            ),
            (
                json!({"container.apparmor.security.beta.kubernetes.io/c": "localhost/p"}),
                "",
            ),
            (
                json!({"container.apparmor.security.beta.kubernetes.io/d": "unconfined"}),
                "a[container.apparmor.security.beta.kubernetes.io/d]: Invalid value: \"d\": container not found",
            ),
        ];
        for (annotations, expected) in cases {
            let mut errors = Vec::new();
            check(&pod(&annotations), "a", &mut errors);
            assert_eq!(texts(&errors), expected);
        }
    }

    #[test]
    fn profiles_come_with_the_pod() {
        let (with, without) = (
            pod(&json!({"container.apparmor.security.beta.kubernetes.io/c": "unconfined"})),
            pod(&json!({"other": "o"})),
        );
        let field = "metadata.annotations[container.apparmor.security.beta.kubernetes.io/c]: Forbidden";
        for (new, old, expected) in [
            (&with, &with, String::new()),
            (
                &with,
                &without,
                format!("{field}: may not add AppArmor annotations"),
            ),
            (
                &without,
                &with,
                format!("{field}: may not remove or update AppArmor annotations"),
            ),
        ] {
            let mut errors = Vec::new();
            check_update(new, old, &mut errors);
            assert_eq!(texts(&errors), expected);
        }
    }
}
