//! Pod templates and the selectors that must match them, as all workloads share them.
//!
//! Source: `ValidatePodTemplateSpec` in `k8s.io/kubernetes/pkg/apis/core/validation` and what
//! `.../pkg/apis/apps/validation` does around it, v1.36.

use serde_json::Value;

use super::read::Fields as _;
use super::{labels, metadata, pod_annotations, pod_spec};
use crate::label_selector;
use crate::status::field::Error;

const MISMATCH: &str = "`selector` does not match template `labels`";

/// What is wrong with `spec.selector` and `spec.template` of a Deployment or a ReplicaSet.
pub(super) fn check(spec: &Value, errors: &mut Vec<Error>) {
    check_selector(
        &spec["selector"],
        "empty selector is invalid for deployment",
        errors,
    );
    if !check_usable(&spec["selector"], "invalid label selector", errors) {
        return;
    }
    let template = &spec["template"];
    check_match(&spec["selector"], template, errors);
    check_template(template, "spec.template", errors);
    check_runs_always(&template["spec"], "ReplicaSet", errors);
}

/// What is wrong with `spec.selector`; `when_empty` is said of one that selects everything.
pub(super) fn check_selector(selector: &Value, when_empty: &str, errors: &mut Vec<Error>) {
    let field = "spec.selector";
    if selector.is_null() {
        errors.push(Error::required(field, ""));
        return;
    }
    labels::check_selector(selector, field, errors);
    if labels::is_empty(selector) {
        errors.push(Error::invalid(field, selector.clone(), when_empty).showing(labels::shown(selector)));
    }
}

/// Whether `spec.selector` can be held against labels at all; says `why` if not.
pub(super) fn check_usable(selector: &Value, why: &str, errors: &mut Vec<Error>) -> bool {
    let usable = selector.is_null() || labels::is_usable(selector);
    if !usable {
        let error = Error::invalid("spec.selector", selector.clone(), why);
        errors.push(error.showing(labels::shown(selector)));
    }
    usable
}

/// The selector must match the template; one that selects everything does, one that is missing does not.
pub(super) fn check_match(selector: &Value, template: &Value, errors: &mut Vec<Error>) {
    let own_labels = &template["metadata"]["labels"];
    if selector.is_null() || !label_selector::matches(selector, own_labels) {
        errors.push(mismatch(own_labels));
    }
}

/// The template's labels are not those that the selector asks for.
pub(super) fn mismatch(own_labels: &Value) -> Error {
    Error::invalid("spec.template.metadata.labels", own_labels.clone(), MISMATCH)
}

/// What is wrong with the template at `path`.
pub(super) fn check_template(template: &Value, path: &str, errors: &mut Vec<Error>) {
    check_metadata(&template["metadata"], path, errors);
    pod_annotations::check(template, &format!("{path}.annotations"), errors);
    let (spec, path) = (&template["spec"], format!("{path}.spec"));
    pod_spec::check(spec, &path, errors);
    if !spec.items("ephemeralContainers").is_empty() {
        let why = "ephemeral containers not allowed in pod template";
        errors.push(Error::forbidden(format!("{path}.ephemeralContainers"), why));
    }
}

/// What is wrong with the labels and annotations of the template at `path`.
pub(super) fn check_metadata(metadata: &Value, path: &str, errors: &mut Vec<Error>) {
    // Kubernetes leaves `metadata` out of these two paths.
    labels::check(&metadata["labels"], &format!("{path}.labels"), errors);
    metadata::check_annotations(metadata, &format!("{path}.annotations"), errors);
}

/// The Pods of a `kind` are restarted for ever.
pub(super) fn check_runs_always(spec: &Value, kind: &str, errors: &mut Vec<Error>) {
    let path = "spec.template.spec";
    let policy = spec.text("restartPolicy");
    if policy != "Always" {
        let field = format!("{path}.restartPolicy");
        errors.push(Error::not_supported(field, policy, &["Always"]));
    }
    if spec.has("activeDeadlineSeconds") {
        let why = format!("activeDeadlineSeconds in {kind} is not Supported");
        errors.push(Error::forbidden(format!("{path}.activeDeadlineSeconds"), why));
    }
}

/// The selector says which Pods are whose; it never changes.
pub(super) fn check_same_selector(new: &Value, old: &Value, errors: &mut Vec<Error>) {
    let selector = &new["spec"]["selector"];
    if *selector != old["spec"]["selector"] {
        let error = Error::invalid("spec.selector", selector.clone(), metadata::IMMUTABLE);
        errors.push(error.showing(labels::shown(selector)));
    }
}
