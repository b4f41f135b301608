//! What the kinds with a Pod template have in common when they are written: generation, status, warnings, and the
//! checks of the numbers in their status.
//!
//! Source: `k8s.io/kubernetes/pkg/registry/apps/*/strategy.go` and `.../pkg/apis/{apps,core}/validation`, v1.36.

use serde_json::{Value, json};

use super::numbers::check_not_negative;
use super::read::{Fields as _, copy, remove};
use super::{PLAIN, Strategy, generation, pod_warnings};
use crate::status::field::Error;

/// The rules that a kind takes over unless it has its own.
pub(super) const WORKLOAD: Strategy = Strategy {
    prepare_for_create: |object, _| prepare_for_create(object),
    prepare_for_update: |new, old| {
        copy(old, new, "status");
        generation::count_spec_change(new, old);
    },
    prepare_for_status_update: Some(|new, old| copy(old, new, "spec")),
    warnings: |object| pod_warnings::of_template(&object["spec"]["template"], "spec.template"),
    ..PLAIN
};

/// A new workload is of the first generation and has no status yet.
pub(super) fn prepare_for_create(object: &mut Value) {
    generation::start(object);
    object["status"] = json!({});
}

/// Takes away those of `keys` that hold zero or false, which Go does not write.
pub(super) fn drop_zeros(spec: &mut Value, keys: &[&str]) {
    for key in keys {
        if matches!(spec.get(*key), Some(value) if *value == false || *value == 0) {
            remove(spec, key);
        }
    }
}

/// Of most kinds Kubernetes checks the whole new object, and then the change with the spec once more.
pub(super) fn said_twice(errors: Vec<Error>) -> Vec<Error> {
    let mut twice = errors.clone();
    twice.extend(errors);
    twice
}

/// What must hold between the numbers of a status.
pub(super) struct StatusRules {
    /// The numbers that may not be negative, in Kubernetes' order.
    pub(super) counts: &'static [&'static str],
    /// Which number may not be greater than which, and how the greater one is called.
    pub(super) bounds: &'static [(&'static str, &'static str, &'static str)],
}

/// `ValidateReplicaSetStatus` and `ValidateReplicationControllerStatus`.
pub(super) const REPLICAS: StatusRules = StatusRules {
    counts: &[
        "replicas",
        "fullyLabeledReplicas",
        "readyReplicas",
        "availableReplicas",
        "observedGeneration",
    ],
    bounds: &[
        ("fullyLabeledReplicas", "replicas", "replicas"),
        ("readyReplicas", "replicas", "replicas"),
        ("availableReplicas", "replicas", "replicas"),
        ("availableReplicas", "readyReplicas", "readyReplicas"),
    ],
};

impl StatusRules {
    /// What is wrong with the new status.
    pub(super) fn check(&self, new: &Value, old: &Value) -> Vec<Error> {
        let (status, mut errors) = (&new["status"], Vec::new());
        for key in self.counts {
            check_not_negative(status, "status", key, &mut errors);
        }
        let number = |key: &str| status.number(key).unwrap_or_default();
        for (less, more, name) in self.bounds {
            if number(less) > number(more) {
                let why = format!("cannot be greater than {name}");
                errors.push(Error::invalid(format!("status.{less}"), number(less), why));
            }
        }
        let before = old["status"].number("collisionCount").unwrap_or_default();
        if number("collisionCount") < before {
            let why = "cannot be decremented";
            errors.push(Error::invalid(
                "status.collisionCount",
                number("collisionCount"),
                why,
            ));
        }
        errors
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_numbers_of_a_status_must_fit_together() {
        let cases = [
            (
                json!({"replicas": 2, "readyReplicas": 2, "availableReplicas": 1}),
                vec![],
            ),
            (
                json!({"observedGeneration": -1}),
                vec!["status.observedGeneration: Invalid value: -1: must be greater than or equal to 0"],
            ),
            (
                json!({"replicas": 2, "readyReplicas": 1, "availableReplicas": 2}),
                vec!["status.availableReplicas: Invalid value: 2: cannot be greater than readyReplicas"],
            ),
        ];
        for (status, expected) in cases {
            let errors = REPLICAS.check(&json!({"status": status}), &json!({}));
            let texts: Vec<String> = errors.iter().map(ToString::to_string).collect();
            assert_eq!(texts, expected, "{status}");
        }
    }

    #[test]
    fn collisions_are_only_counted_up() {
        let counted = |count: i64| json!({"status": {"collisionCount": count}});
        assert!(REPLICAS.check(&counted(2), &counted(1)).is_empty());
        let errors = REPLICAS.check(&counted(0), &counted(1));
        assert_eq!(
            errors[0].to_string(),
            "status.collisionCount: Invalid value: 0: cannot be decremented"
        );
    }
}
