//! HorizontalPodAutoscalers, in the version in which they are stored: `autoscaling/v2`.
//!
//! Source: `k8s.io/kubernetes/pkg/apis/autoscaling` (`v2/defaults.go`, `validation`) and
//! `pkg/registry/autoscaling/horizontalpodautoscaler`, v1.36.

use serde_json::{Value, json};

use super::metadata::invalid_for_each;
use super::names;
use super::numbers::check_not_negative;
use super::read::{Fields as _, copy, object_at, set_default};
use super::{PLAIN, Strategy};
use crate::status::field::Error;

mod behavior;
mod metrics;

pub(super) const STRATEGY: Strategy = Strategy {
    default,
    prepare_for_create: |autoscaler, _| autoscaler["status"] = json!({}),
    prepare_for_update: |new, old| copy(old, new, "status"),
    prepare_for_status_update: Some(|new, old| copy(old, new, "spec")),
    validate: |autoscaler| validate(autoscaler, &Bounds::default()),
    validate_update: |new, old| validate(new, &Bounds::after(old)),
    validate_status_update: |new, _| {
        let mut errors = Vec::new();
        for number in ["currentReplicas", "desiredReplicas"] {
            check_not_negative(&new["status"], "status", number, &mut errors);
        }
        errors
    },
    checks_metadata_anew: false,
    ..PLAIN
};

const DEFAULT_CPU_UTILIZATION: i64 = 80;
const NO_GROUP: &str = "apiVersion must specify API group";

fn default(autoscaler: &mut Value) {
    let spec = object_at(autoscaler, "spec");
    set_default(spec, "minReplicas", 1);
    if spec.items("metrics").is_empty() {
        spec["metrics"] = json!([{"type": "Resource", "resource": {"name": "cpu",
            "target": {"type": "Utilization", "averageUtilization": DEFAULT_CPU_UTILIZATION}}}]);
    }
    if spec.has("behavior") {
        behavior::default(object_at(spec, "behavior"));
    }
}

/// What an autoscaler is held against; a change may keep what was wrong before.
struct Bounds {
    least: i64,
    /// Whether anything goes as the target's `apiVersion`.
    any_version: bool,
}

impl Default for Bounds {
    fn default() -> Self {
        Self {
            least: 1,
            any_version: false,
        }
    }
}

impl Bounds {
    fn after(old: &Value) -> Self {
        let (spec, new) = (&old["spec"], Self::default());
        Self {
            least: spec.number("minReplicas").unwrap_or(new.least).min(new.least),
            any_version: version_error(&spec["scaleTargetRef"]).is_some(),
        }
    }
}

fn validate(autoscaler: &Value, bounds: &Bounds) -> Vec<Error> {
    let (spec, mut errors) = (&autoscaler["spec"], Vec::new());
    let (least, most) = (
        spec.number("minReplicas"),
        spec.number("maxReplicas").unwrap_or_default(),
    );
    if let Some(least) = least.filter(|least| *least < bounds.least) {
        let why = format!("must be greater than or equal to {}", bounds.least);
        errors.push(Error::invalid("spec.minReplicas", least, why));
    }
    if most < 1 {
        let why = "must be set and greater than 0";
        errors.push(Error::required("spec.maxReplicas", why));
    }
    if least.is_some_and(|least| most < least) {
        let why = "must be greater than or equal to `minReplicas`";
        errors.push(Error::invalid("spec.maxReplicas", most, why));
    }
    let target = &spec["scaleTargetRef"];
    check_reference(target, "spec.scaleTargetRef", &mut errors);
    if !bounds.any_version {
        errors.extend(version_error(target));
    }
    metrics::check(spec, &mut errors);
    behavior::check(&spec["behavior"], "spec.behavior", &mut errors);
    errors
}

/// Kind and name of what an autoscaler is about.
fn check_reference(reference: &Value, field: &str, errors: &mut Vec<Error>) {
    for key in ["kind", "name"] {
        let field = format!("{field}.{key}");
        match reference.text(key) {
            "" => errors.push(Error::required(field, "")),
            text => errors.extend(invalid_for_each(&field, text, names::path_segment(text))),
        }
    }
}

/// What is wrong with the `apiVersion` of the scale target. Only a ReplicationController has no group.
fn version_error(reference: &Value) -> Option<Error> {
    let core_too = reference.text("kind") == "ReplicationController";
    api_version_error(reference, "spec.scaleTargetRef", core_too)
}

fn api_version_error(reference: &Value, field: &str, core_too: bool) -> Option<Error> {
    let version = reference.text("apiVersion");
    let why = match version.matches('/').count() {
        0 if !core_too => NO_GROUP.to_owned(),
        0 => return None,
        1 if version.starts_with('/') && !core_too => NO_GROUP.to_owned(),
        1 => return None,
        _ => format!("unexpected GroupVersion string: {version}"),
    };
    Some(Error::invalid(format!("{field}.apiVersion"), version, why))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn autoscaler(spec: &Value) -> Value {
        let mut whole = json!({"spec": {"maxReplicas": 5,
            "scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "web"}}});
        for (key, value) in spec.as_object().into_iter().flatten() {
            whole["spec"][key] = value.clone();
        }
        default(&mut whole);
        whole
    }

    fn texts(errors: &[Error]) -> Vec<String> {
        errors.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn an_autoscaler_without_metrics_looks_at_the_cpu() {
        let whole = autoscaler(&json!({}));
        assert_eq!(whole["spec"]["minReplicas"], 1);
        assert_eq!(
            whole["spec"]["metrics"][0]["resource"]["target"],
            json!({"type": "Utilization", "averageUtilization": 80})
        );
        assert_eq!(validate(&whole, &Bounds::default()), []);
    }

    #[test]
    fn bounds_and_target_are_checked_in_kubernetes_words() {
        let cases = [
            (
                json!({"minReplicas": 6}),
                vec!["spec.maxReplicas: Invalid value: 5: must be greater than or equal to `minReplicas`"],
            ),
            (
                json!({"maxReplicas": 0}),
                vec![
                    "spec.maxReplicas: Required value: must be set and greater than 0",
                    "spec.maxReplicas: Invalid value: 0: must be greater than or equal to `minReplicas`",
                ],
            ),
            (
                json!({"minReplicas": 0}),
                vec![
                    "spec.minReplicas: Invalid value: 0: must be greater than or equal to 1",
                    "spec.metrics: Forbidden: must specify at least one Object or External metric to support scaling to zero replicas",
                ],
            ),
            (
                json!({"scaleTargetRef": {"apiVersion": "v1", "kind": "Pod", "name": "a/b"}}),
                vec![
                    "spec.scaleTargetRef.name: Invalid value: \"a/b\": may not contain '/'",
                    "spec.scaleTargetRef.apiVersion: Invalid value: \"v1\": apiVersion must specify API group",
                ],
            ),
            (
                json!({"scaleTargetRef": {"apiVersion": "v1", "kind": "ReplicationController", "name": "a"}}),
                vec![],
            ),
            (
                json!({"scaleTargetRef": {"apiVersion": "a/b/c", "kind": "X", "name": "a"}}),
                vec![
                    "spec.scaleTargetRef.apiVersion: Invalid value: \"a/b/c\": unexpected GroupVersion string: a/b/c",
                ],
            ),
        ];
        for (spec, expected) in cases {
            let errors = validate(&autoscaler(&spec), &Bounds::default());
            assert_eq!(texts(&errors), expected, "{spec}");
        }
    }

    #[test]
    fn an_update_may_keep_a_version_without_a_group() {
        let old = autoscaler(&json!({"scaleTargetRef": {"kind": "Deployment", "name": "web"}}));
        assert_eq!(validate(&old, &Bounds::after(&old)), []);
        assert_eq!(validate(&old, &Bounds::default()).len(), 1);
    }
}
