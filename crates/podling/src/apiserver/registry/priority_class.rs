//! PriorityClasses: how much more important a Pod is than others.
//!
//! Source: `k8s.io/kubernetes/pkg/apis/scheduling` and `pkg/registry/scheduling`, v1.36.

use serde_json::{Value, json};

use super::metadata;
use super::names;
use super::read::{Fields as _, set_default};
use super::{PLAIN, Strategy, generation};
use crate::status::field::Error;

pub(super) const STRATEGY: Strategy = Strategy {
    default: |class| set_default(class, "preemptionPolicy", PREEMPT_LOWER_PRIORITY),
    prepare_for_create: |class, _| generation::start(class),
    name: names::Rule::Subdomain,
    validate,
    validate_update,
    checks_metadata_anew: false,
    ..PLAIN
};

/// The policy of a class that names none.
pub(crate) const PREEMPT_LOWER_PRIORITY: &str = "PreemptLowerPriority";
const PREEMPTION_POLICIES: [&str; 2] = [PREEMPT_LOWER_PRIORITY, "Never"];

/// Names that begin so are the system's own.
const SYSTEM_PREFIX: &str = "system-";
/// The greatest value that anybody but the system may give.
const HIGHEST_USER_DEFINABLE: i64 = 1_000_000_000;

/// The classes that every cluster has: name, value, description.
const SYSTEM_CLASSES: [(&str, i64, &str); 2] = [
    (
        "system-cluster-critical",
        2_000_000_000,
        "Used for system critical pods that must run in the cluster, but can be moved to another node if necessary.",
    ),
    (
        "system-node-critical",
        2_000_001_000,
        "Used for system critical pods that must not be moved from their current node.",
    ),
];

/// The classes that every cluster has, as they are created at its start.
pub(crate) fn system_classes() -> impl Iterator<Item = Value> {
    SYSTEM_CLASSES.iter().map(|(name, value, description)| {
        json!({
            "apiVersion": "scheduling.k8s.io/v1", "kind": "PriorityClass", "metadata": {"name": name},
            "value": value, "description": description,
        })
    })
}

/// Why a class of that name cannot be deleted, if it is one of the system's.
pub(crate) fn deletion_refusal(name: &str) -> Option<&'static str> {
    let is_system = SYSTEM_CLASSES.iter().any(|(system, ..)| *system == name);
    is_system.then_some("this is a system priority class and cannot be deleted")
}

fn validate(class: &Value) -> Vec<Error> {
    let mut errors = Vec::new();
    let (name, value) = (
        class["metadata"].text("name"),
        class.number("value").unwrap_or_default(),
    );
    if name.starts_with(SYSTEM_PREFIX) {
        let refusal = system_refusal(name, value, class.flag("globalDefault"));
        errors.extend(refusal.map(|why| {
            let detail = format!(
                "priority class names with '{SYSTEM_PREFIX}' prefix are reserved for system use only. error: {why}"
            );
            Error::forbidden("metadata.name", detail)
        }));
    } else if value > HIGHEST_USER_DEFINABLE {
        let why = format!("maximum allowed value of a user defined priority is {HIGHEST_USER_DEFINABLE}");
        errors.push(Error::forbidden("value", why));
    }
    check_policy(class, &mut errors);
    errors
}

/// Why a class is none of the system's, though its name begins so.
fn system_refusal(name: &str, value: i64, is_default: bool) -> Option<String> {
    let Some((_, right, _)) = SYSTEM_CLASSES.iter().find(|(system, ..)| *system == name) else {
        return Some(format!("{name} is not a known system priority class"));
    };
    if value != *right {
        return Some(format!("value of {name} PriorityClass must be {right}"));
    }
    is_default.then(|| format!("globalDefault of {name} PriorityClass must be false"))
}

fn check_policy(class: &Value, errors: &mut Vec<Error>) {
    let field = "preemptionPolicy";
    match class[field].as_str() {
        None => {}
        Some("") => errors.push(Error::required(field, "")),
        Some(policy) if PREEMPTION_POLICIES.contains(&policy) => {}
        Some(policy) => errors.push(Error::not_supported(field, policy, &PREEMPTION_POLICIES)),
    }
}

fn validate_update(new: &Value, old: &Value) -> Vec<Error> {
    let mut errors = Vec::new();
    if new.number("value") != old.number("value") {
        errors.push(Error::forbidden("value", "may not be changed in an update."));
    }
    if new["preemptionPolicy"] != old["preemptionPolicy"] {
        errors.push(Error::invalid(
            "preemptionPolicy",
            new["preemptionPolicy"].clone(),
            metadata::IMMUTABLE,
        ));
    }
    errors
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn texts(errors: &[Error]) -> Vec<String> {
        errors.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn the_systems_own_classes_are_valid_and_nobody_elses() {
        for class in system_classes() {
            assert_eq!(validate(&class), [], "{class}");
        }
        let class = |name: &str, value: i64, default: bool| json!({"metadata": {"name": name}, "value": value, "globalDefault": default});
        let reserved = "metadata.name: Forbidden: priority class names with 'system-' prefix are reserved for system use only. error: ";
        let cases = [
            (
                class("system-x", 1, false),
                format!("{reserved}system-x is not a known system priority class"),
            ),
            (
                class("system-node-critical", 1, false),
                format!("{reserved}value of system-node-critical PriorityClass must be 2000001000"),
            ),
            (
                class("system-node-critical", 2_000_001_000, true),
                format!("{reserved}globalDefault of system-node-critical PriorityClass must be false"),
            ),
            (
                class("high", 1_000_000_001, false),
                "value: Forbidden: maximum allowed value of a user defined priority is 1000000000".to_owned(),
            ),
        ];
        for (class, expected) in cases {
            assert_eq!(texts(&validate(&class)), [expected]);
        }
    }

    #[test]
    fn value_and_policy_never_change() {
        let old = json!({"value": 1, "preemptionPolicy": "Never"});
        let new = json!({"value": 2, "preemptionPolicy": "PreemptLowerPriority"});
        assert_eq!(validate_update(&old, &old), []);
        assert_eq!(
            texts(&validate_update(&new, &old)),
            [
                "value: Forbidden: may not be changed in an update.",
                "preemptionPolicy: Invalid value: \"PreemptLowerPriority\": field is immutable",
            ]
        );
    }
}
