//! Jobs: defaults, the generated selector, generation; their rules stand below in files of their own.
//!
//! Source: `k8s.io/kubernetes/pkg/apis/batch/v1/defaults.go` and `pkg/registry/batch/job/strategy.go`, v1.36.

use serde_json::{Value, json};

use super::read::{Fields as _, copy, items_mut, object_at, remove, set_default, set_default_for_zero};
use super::{PLAIN, Strategy, generation, names, pod_defaults, pod_warnings};

mod failure_policy;
mod indexes;
pub(super) mod spec;
mod status;
mod success_policy;
mod template_update;
mod validation;

/// The labels by which a Job knows its Pods, with the older names of both.
const JOB_NAME: [&str; 2] = ["job-name", "batch.kubernetes.io/job-name"];
const CONTROLLER_UID: [&str; 2] = ["controller-uid", "batch.kubernetes.io/controller-uid"];

pub(super) const STRATEGY: Strategy = Strategy {
    default: |object| default_spec(object_at(object, "spec")),
    default_stored: adopt_template_labels,
    prepare_for_create: |object, _| {
        // In Go the two share one map, so what is generated for the template stands in the Job as well.
        let shared = has_labels(&object["spec"]["template"]);
        generate_selector(object);
        if shared {
            adopt_template_labels(object);
        }
        generation::start(object);
        object["status"] = json!({});
    },
    prepare_for_update: |new, old| {
        copy(old, new, "status");
        adopt_template_labels(new);
        generation::count_spec_change(new, old);
    },
    prepare_for_status_update: Some(|new, old| copy(old, new, "spec")),
    validate: validation::validate,
    validate_update: validation::validate_update,
    validate_status_update: status::validate_update,
    warnings: |object| {
        let mut warnings = dns_label_warning(object);
        warnings.extend(warnings_for_spec(&object["spec"], "spec"));
        warnings
    },
    warnings_on_update: Some(|new, old| {
        match new["metadata"]["generation"] == old["metadata"]["generation"] {
            true => Vec::new(),
            false => warnings_for_spec(&new["spec"], "spec"),
        }
    }),
    ..PLAIN
};

fn default_spec(spec: &mut Value) {
    if !spec.has("completions") && !spec.has("parallelism") {
        set_default(spec, "completions", 1);
    }
    set_default(spec, "parallelism", 1);
    let most_failures = if spec.has("backoffLimitPerIndex") {
        i32::MAX
    } else {
        6
    };
    set_default(spec, "backoffLimit", most_failures);
    set_default(spec, "completionMode", "NonIndexed");
    set_default(spec, "suspend", false);
    let replacement = match spec.has("podFailurePolicy") {
        true => "Failed",
        false => "TerminatingOrFailed",
    };
    set_default(spec, "podReplacementPolicy", replacement);
    set_default(spec, "manualSelector", false);
    default_template(spec);
}

/// What a Job and the template of one in a CronJob have in common.
pub(super) fn default_template(spec: &mut Value) {
    if spec.has("podFailurePolicy") {
        for rule in items_mut(&mut spec["podFailurePolicy"], "rules") {
            for pattern in items_mut(rule, "onPodConditions") {
                set_default_for_zero(pattern, "status", "True");
            }
        }
    }
    match spec["manualSelector"] == true {
        true => pod_defaults::template(object_at(spec, "template")),
        // The labels to select by come later.
        false => pod_defaults::template_alone(object_at(spec, "template")),
    }
}

/// Selects the Pods by the Job's UID, unless the client brought a selector of its own (`generateSelector`). Labels
/// that are there stay: validation says if they conflict.
fn generate_selector(job: &mut Value) {
    if job["spec"].flag("manualSelector") {
        return;
    }
    let (name, uid) = (job["metadata"]["name"].clone(), job["metadata"]["uid"].clone());
    let spec = object_at(job, "spec");
    let labels = object_at(object_at(object_at(spec, "template"), "metadata"), "labels");
    for key in JOB_NAME {
        set_default(labels, key, name.clone());
    }
    for key in CONTROLLER_UID {
        set_default(labels, key, uid.clone());
    }
    let selected = object_at(object_at(spec, "selector"), "matchLabels");
    set_default(selected, CONTROLLER_UID[1], uid);
}

/// A Job without labels has those of its Pods.
fn adopt_template_labels(job: &mut Value) {
    if has_labels(job) {
        return;
    }
    let template = &job["spec"]["template"];
    match has_labels(template) {
        true => job["metadata"]["labels"] = template["metadata"]["labels"].clone(),
        false => remove(&mut job["metadata"], "labels"),
    }
}

fn has_labels(object: &Value) -> bool {
    object["metadata"].entries("labels").next().is_some()
}

/// A name with dots is accepted, but makes no host name.
pub(super) fn dns_label_warning(object: &Value) -> Vec<String> {
    let wrong = names::label(object["metadata"].text("name"));
    if wrong.is_empty() {
        return Vec::new();
    }
    vec![format!(
        "metadata.name: this is used in Pod names and hostnames, which can result in surprising behavior; a DNS \
         label is recommended: [{}]",
        wrong.join(" ")
    )]
}

/// What the client should know about a Job's spec at `path` (`pkg/api/job/warnings.go`).
pub(super) fn warnings_for_spec(spec: &Value, path: &str) -> Vec<String> {
    let number = |key: &str| spec.number(key).unwrap_or_default();
    let mut warnings = Vec::new();
    if spec["completionMode"] == "Indexed"
        && number("completions") > spec::COMPLETIONS_SOFT_LIMIT
        && number("parallelism") > spec::PARALLELISM_LIMIT
    {
        warnings.push(format!(
            "{path}: In Indexed Jobs with a number of completions higher than 10^5 and a parallelism higher than \
             10^4, Kubernetes might not be able to track completedIndexes when a big number of indexes fail"
        ));
    }
    let template = format!("{path}.template");
    warnings.extend(pod_warnings::of_template(&spec["template"], &template));
    warnings
}

#[cfg(test)]
mod tests {
    use super::*;

    fn created(mut job: Value) -> Value {
        (STRATEGY.default)(&mut job);
        (STRATEGY.prepare_for_create)(&mut job, crate::clock::Time::default());
        (STRATEGY.default_stored)(&mut job);
        job
    }

    #[test]
    fn a_selector_is_generated_and_labels_are_shared() {
        let job = created(json!({
            "metadata": {"name": "j", "uid": "u"},
            "spec": {"template": {"metadata": {"labels": {"a": "b"}}, "spec": {}}},
        }));
        let labels = json!({
            "a": "b", "job-name": "j", "batch.kubernetes.io/job-name": "j",
            "controller-uid": "u", "batch.kubernetes.io/controller-uid": "u",
        });
        assert_eq!(job["metadata"]["labels"], labels);
        assert_eq!(job["spec"]["template"]["metadata"]["labels"], labels);
        assert_eq!(
            job["spec"]["selector"],
            json!({"matchLabels": {"batch.kubernetes.io/controller-uid": "u"}})
        );
    }

    #[test]
    fn numbers_depend_on_each_other() {
        let cases = [
            (json!({}), json!([1, 1, 6])),
            (json!({"parallelism": 2}), json!([2, null, 6])),
            (json!({"completions": 3}), json!([1, 3, 6])),
            (json!({"backoffLimitPerIndex": 1}), json!([1, 1, 2_147_483_647])),
        ];
        for (mut spec, expected) in cases {
            default_spec(&mut spec);
            let found = json!([spec["parallelism"], spec["completions"], spec["backoffLimit"]]);
            assert_eq!(found, expected, "{spec}");
        }
    }
}
