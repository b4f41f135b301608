//! Pod templates and the selectors that must match them, as Deployments and ReplicaSets share them.

use serde_json::Value;

use super::read::Fields as _;
use super::{labels, metadata, pod_spec};
use crate::status::field::Error;

const EMPTY: &str = "empty selector is invalid for deployment";
const MISMATCH: &str = "`selector` does not match template `labels`";
const DEADLINE: &str = "activeDeadlineSeconds in ReplicaSet is not Supported";

/// What is wrong with `spec.selector` and `spec.template`.
pub(super) fn check(spec: &Value, errors: &mut Vec<Error>) {
    let selector = &spec["selector"];
    check_selector(selector, errors);
    if !selector.is_null() && !labels::is_usable(selector) {
        let error = Error::invalid("spec.selector", selector.clone(), "invalid label selector");
        errors.push(error.showing(labels::shown(selector)));
        return;
    }
    let template = &spec["template"];
    let own_labels = &template["metadata"]["labels"];
    let selects_all = !selector.is_null() && labels::is_empty(selector);
    if !selects_all && !labels::matches(selector, own_labels) {
        let field = "spec.template.metadata.labels";
        errors.push(Error::invalid(field, own_labels.clone(), MISMATCH));
    }
    check_template(template, errors);
}

fn check_selector(selector: &Value, errors: &mut Vec<Error>) {
    let field = "spec.selector";
    if selector.is_null() {
        errors.push(Error::required(field, ""));
        return;
    }
    labels::check_selector(selector, field, errors);
    if labels::is_empty(selector) {
        errors.push(Error::invalid(field, selector.clone(), EMPTY).showing(labels::shown(selector)));
    }
}

fn check_template(template: &Value, errors: &mut Vec<Error>) {
    // Kubernetes leaves `metadata` out of these two paths.
    let meta = "spec.template";
    labels::check(&template["metadata"]["labels"], &format!("{meta}.labels"), errors);
    metadata::check_annotations(&template["metadata"], &format!("{meta}.annotations"), errors);
    let (spec, path) = (&template["spec"], "spec.template.spec");
    pod_spec::check(spec, path, errors);
    if !spec.items("ephemeralContainers").is_empty() {
        let why = "ephemeral containers not allowed in pod template";
        errors.push(Error::forbidden(format!("{path}.ephemeralContainers"), why));
    }
    let policy = spec.text("restartPolicy");
    if policy != "Always" {
        let field = format!("{path}.restartPolicy");
        errors.push(Error::not_supported(field, policy, &["Always"]));
    }
    if spec.has("activeDeadlineSeconds") {
        errors.push(Error::forbidden(
            format!("{path}.activeDeadlineSeconds"),
            DEADLINE,
        ));
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
