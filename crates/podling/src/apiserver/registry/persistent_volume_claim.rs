//! PersistentVolumeClaims: defaults, validation, and the little of their spec that may change.
//!
//! Source: `pkg/registry/core/persistentvolumeclaim` and `ValidatePersistentVolumeClaim…` in
//! `pkg/apis/core/validation`, v1.36.

use serde_json::{Value, json};

use super::container_defaults::canonical_quantities;
use super::read::{Fields as _, copy, object_at, remove, set_default};
use super::{PLAIN, Strategy, diff, internal_form, labels, metadata, names, pod_spec};
use crate::quantity::Quantity;
use crate::status::field::Error;

pub(super) const STRATEGY: Strategy = Strategy {
    default,
    prepare_for_create: |object, _| {
        object["status"] = json!({"phase": "Pending"});
        normalize_data_sources(object_at(object, "spec"));
    },
    prepare_for_update: |new, old| {
        copy(old, new, "status");
        normalize_data_sources(object_at(new, "spec"));
    },
    prepare_for_status_update: Some(|new, old| copy(old, new, "spec")),
    validate,
    validate_update,
    validate_status_update: |new, _| {
        let mut errors = Vec::new();
        for (name, amount) in new["status"].entries("capacity") {
            check_not_negative(amount, &format!("status.capacity[{name}]"), &mut errors);
        }
        errors
    },
    warnings,
    ..PLAIN
};

/// The annotation that named a class before there was a field for it.
pub(super) const BETA_CLASS: &str = "volume.beta.kubernetes.io/storage-class";
/// How a volume can be mounted.
const ACCESS_MODES: [&str; 4] = [
    "ReadOnlyMany",
    "ReadWriteMany",
    "ReadWriteOnce",
    "ReadWriteOncePod",
];
pub(super) const VOLUME_MODES: [&str; 2] = ["Block", "Filesystem"];
const POSITIVE: &str = "must be greater than zero";

/// Fills in a claim, or a template of one.
pub(super) fn default(object: &mut Value) {
    default_spec(object_at(object, "spec"));
    let status = object_at(object, "status");
    set_default(status, "phase", "Pending");
    canonical_quantities(status, "capacity");
    canonical_quantities(status, "allocatedResources");
}

/// Fills in the spec of a claim, or of a template that claims are made from.
pub(super) fn default_spec(spec: &mut Value) {
    set_default(spec, "volumeMode", "Filesystem");
    let resources = object_at(spec, "resources");
    canonical_quantities(resources, "requests");
    canonical_quantities(resources, "limits");
}

/// The old and the new way of naming where the content comes from say the same (`NormalizeDataSources`).
fn normalize_data_sources(spec: &mut Value) {
    match (spec.has("dataSource"), spec.has("dataSourceRef")) {
        (true, false) => spec["dataSourceRef"] = spec["dataSource"].clone(),
        (false, true) if spec["dataSourceRef"].text("namespace").is_empty() => {
            spec["dataSource"] = spec["dataSourceRef"].clone();
            remove(&mut spec["dataSource"], "namespace");
        }
        _ => {}
    }
}

fn validate(object: &Value) -> Vec<Error> {
    let mut errors = Vec::new();
    check_spec(&object["spec"], "spec", &mut errors);
    errors
}

/// What is wrong with the spec of a claim, or of a template that claims are made from.
pub(super) fn check_spec(spec: &Value, path: &str, errors: &mut Vec<Error>) {
    check_access_modes(spec, path, "at least 1 access mode is required", errors);
    if spec.has("selector") {
        labels::check_selector(&spec["selector"], &format!("{path}.selector"), errors);
    }
    check_request(
        &spec["resources"]["requests"]["storage"],
        &format!("{path}.resources[storage]"),
        errors,
    );
    check_class(spec, path, "storageClassName", errors);
    check_volume_mode(spec, path, errors);
    for key in ["dataSource", "dataSourceRef"] {
        if spec.has(key) {
            check_data_source(&spec[key], &format!("{path}.{key}"), errors);
        }
    }
    check_class(spec, path, "volumeAttributesClassName", errors);
}

/// How the volume may be mounted, for claims and volumes alike; `missing` is said when nothing is.
pub(super) fn check_access_modes(spec: &Value, path: &str, missing: &str, errors: &mut Vec<Error>) {
    let (field, modes) = (format!("{path}.accessModes"), spec.items("accessModes"));
    if modes.is_empty() {
        errors.push(Error::required(field.as_str(), missing));
    }
    for mode in modes {
        let mode = mode.as_str().unwrap_or_default();
        if !ACCESS_MODES.contains(&mode) {
            errors.push(Error::not_supported(field.as_str(), mode, &ACCESS_MODES));
        }
    }
    let (of_one_pod, others): (Vec<&Value>, Vec<&Value>) =
        modes.iter().partition(|mode| **mode == "ReadWriteOncePod");
    if !of_one_pod.is_empty() && !others.is_empty() {
        let why = "may not use ReadWriteOncePod with other access modes";
        errors.push(Error::forbidden(field, why));
    }
}

fn check_request(amount: &Value, field: &str, errors: &mut Vec<Error>) {
    if amount.is_null() {
        errors.push(Error::required(field, ""));
    } else {
        check_positive(amount, field, errors);
    }
}

/// An amount of storage is more than nothing.
pub(super) fn check_positive(amount: &Value, field: &str, errors: &mut Vec<Error>) {
    let Ok(quantity) = Quantity::from_json(amount) else {
        return;
    };
    if quantity.is_zero() || quantity.is_negative() {
        errors.push(Error::invalid(field, quantity.to_string(), POSITIVE));
    }
}

/// An amount that is below nothing is none.
pub(super) fn check_not_negative(amount: &Value, field: &str, errors: &mut Vec<Error>) {
    let value = Quantity::from_json(amount).map_or(0, Quantity::value);
    if value < 0 {
        errors.push(Error::invalid(field, value, "must be a valid resource quantity"));
    }
}

/// The name of a class, where there is one.
pub(super) fn check_class(spec: &Value, path: &str, key: &str, errors: &mut Vec<Error>) {
    let name = spec.text(key);
    if !name.is_empty() {
        let field = format!("{path}.{key}");
        errors.extend(metadata::invalid_for_each(&field, name, names::subdomain(name)));
    }
}

/// Whether the volume is a file system or a device.
pub(super) fn check_volume_mode(spec: &Value, path: &str, errors: &mut Vec<Error>) {
    let mode = spec.text("volumeMode");
    if spec.has("volumeMode") && !VOLUME_MODES.contains(&mode) {
        errors.push(Error::not_supported(
            format!("{path}.volumeMode"),
            mode,
            &VOLUME_MODES,
        ));
    }
}

fn check_data_source(source: &Value, path: &str, errors: &mut Vec<Error>) {
    for key in ["name", "kind"] {
        pod_spec::volumes::check_given(source, key, path, errors);
    }
    let (group, kind) = (source.text("apiGroup"), source.text("kind"));
    if group.is_empty() && kind != "PersistentVolumeClaim" {
        let why = "must be 'PersistentVolumeClaim' when referencing the default apiGroup";
        errors.push(Error::invalid(path, kind, why));
    }
    if !group.is_empty() {
        let field = format!("{path}.apiGroup");
        errors.extend(metadata::invalid_for_each(&field, group, names::subdomain(group)));
    }
}

const ONLY: &str = "spec is immutable after creation except resources.requests and volumeAttributesClassName for bound claims";

/// Kubernetes checks the new claim by itself twice: for the strategy, and as part of the change.
fn validate_update(new: &Value, old: &Value) -> Vec<Error> {
    let mut errors = validate(new);
    errors.extend(errors.clone());
    let beta = |object: &Value| object["metadata"]["annotations"].text(BETA_CLASS).to_owned();
    if beta(new) != beta(old) {
        let field = format!("metadata.annotations.{BETA_CLASS}");
        errors.push(Error::invalid(field, beta(new), metadata::IMMUTABLE));
    }
    let allowed = with_free_fields_of(new, old);
    if allowed != old["spec"] {
        let before = internal_form::pretty(&old["spec"], internal_form::CLAIM_SPEC);
        let after = internal_form::pretty(&allowed, internal_form::CLAIM_SPEC);
        let changes = diff::unified(&before, &after);
        errors.push(Error::forbidden("spec", format!("{ONLY}\n{changes}")));
    }
    check_shrinking(new, old, &mut errors);
    check_same_volume_mode(new, old, &mut errors);
    let attributes = "volumeAttributesClassName";
    if !old["spec"].text(attributes).is_empty() && new["spec"].text(attributes).is_empty() {
        let why = "update from non-nil value to nil is forbidden";
        errors.push(Error::forbidden(format!("spec.{attributes}"), why));
    }
    errors
}

/// Kubernetes reports this one as if it stood at the top.
pub(super) fn check_same_volume_mode(new: &Value, old: &Value, errors: &mut Vec<Error>) {
    let mode = &new["spec"]["volumeMode"];
    if *mode != old["spec"]["volumeMode"] {
        errors.push(Error::invalid("volumeMode", mode.clone(), metadata::IMMUTABLE));
    }
}

/// The new spec with everything that may change as it was: what still differs is refused.
fn with_free_fields_of(new: &Value, old: &Value) -> Value {
    let (mut allowed, before) = (new["spec"].clone(), &old["spec"]);
    if before.text("volumeName").is_empty() {
        // The volume is filled in once.
        match new["spec"].text("volumeName") {
            "" => {}
            _ => remove(&mut allowed, "volumeName"),
        }
    }
    if !before.has("storageClassName") {
        // A claim without a class takes the default one that came after it.
        remove(&mut allowed, "storageClassName");
    }
    if new["status"]["phase"] == "Bound" && allowed["resources"].has("requests") {
        copy(
            &before["resources"]["requests"],
            &mut allowed["resources"]["requests"],
            "storage",
        );
    }
    copy(before, &mut allowed, "volumeAttributesClassName");
    allowed
}

/// A claim may shrink back to what it has, never below (KEP-1790).
fn check_shrinking(new: &Value, old: &Value, errors: &mut Vec<Error>) {
    let size = |amount: &Value| Quantity::from_json(amount).unwrap_or_default();
    let request = |object: &Value| size(&object["spec"]["resources"]["requests"]["storage"]);
    if request(new) < request(old) && request(new) <= size(&old["status"]["capacity"]["storage"]) {
        let why = "field can not be less than status.capacity";
        errors.push(Error::forbidden("spec.resources.requests.storage", why));
    }
}

fn warnings(object: &Value) -> Vec<String> {
    let mut warnings = Vec::new();
    let amount = &object["spec"]["resources"]["requests"]["storage"];
    warnings.extend(fractional_bytes(amount, "spec.resources.requests[storage]"));
    if object["metadata"]["annotations"].has(BETA_CLASS) {
        warnings.push(deprecated_class());
    }
    warnings
}

/// Nobody can give half a byte.
pub(super) fn fractional_bytes(amount: &Value, field: &str) -> Option<String> {
    let quantity = Quantity::from_json(amount).ok()?;
    let why = format!("{field}: fractional byte value \"{quantity}\" is invalid, must be an integer");
    (!quantity.is_whole()).then_some(why)
}

/// The annotation gave way to a field.
pub(super) fn deprecated_class() -> String {
    format!(
        "metadata.annotations[{BETA_CLASS}]: deprecated since v1.8; use \"storageClassName\" attribute instead"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn claim(change: &Value) -> Value {
        let mut spec = json!({"accessModes": ["ReadWriteOnce"], "volumeMode": "Filesystem",
            "resources": {"requests": {"storage": "1Gi"}}, "storageClassName": "c"});
        for (key, value) in change.as_object().unwrap() {
            spec[key] = value.clone();
        }
        json!({"spec": spec, "status": {"phase": "Pending"}})
    }

    fn texts(errors: &[Error]) -> Vec<String> {
        errors.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn a_new_claim_is_checked() {
        let cases = [
            (json!({}), None),
            (
                json!({"accessModes": []}),
                Some("spec.accessModes: Required value: at least 1 access mode is required"),
            ),
            (
                json!({"accessModes": ["ReadWriteOncePod", "ReadWriteOnce"]}),
                Some("spec.accessModes: Forbidden: may not use ReadWriteOncePod with other access modes"),
            ),
            (
                json!({"resources": {}}),
                Some("spec.resources[storage]: Required value"),
            ),
            (
                json!({"resources": {"requests": {"storage": "0"}}}),
                Some("spec.resources[storage]: Invalid value: \"0\": must be greater than zero"),
            ),
            (
                json!({"volumeMode": "Disk"}),
                Some(
                    "spec.volumeMode: Unsupported value: \"Disk\": supported values: \"Block\", \"Filesystem\"",
                ),
            ),
        ];
        for (change, expected) in cases {
            assert_eq!(
                texts(&validate(&claim(&change))),
                expected.into_iter().collect::<Vec<_>>(),
                "{change}"
            );
        }
    }

    #[test]
    fn hardly_anything_changes_later() {
        let old = claim(&json!({}));
        let refused = format!(
            "spec: Forbidden: {ONLY}\n@@ -1,6 +1,6 @@\n {{\n  \"AccessModes\": [\n-  \"ReadWriteOnce\"\n+  \"ReadWriteMany\"\n  ],\n  \"Selector\": null,\n  \"Resources\": {{\n"
        );
        let cases = [
            (json!({"volumeName": "v"}), vec![]),
            (json!({"accessModes": ["ReadWriteMany"]}), vec![refused]),
        ];
        for (change, expected) in cases {
            assert_eq!(
                texts(&validate_update(&claim(&change), &old)),
                expected,
                "{change}"
            );
        }
    }

    #[test]
    fn a_bound_claim_grows_and_does_not_shrink_below_what_it_has() {
        let bound = |storage: &str| {
            let mut claim =
                claim(&json!({"volumeName": "v", "resources": {"requests": {"storage": storage}}}));
            claim["status"] = json!({"phase": "Bound", "capacity": {"storage": "1Gi"}});
            claim
        };
        let shrunk = "spec.resources.requests.storage: Forbidden: field can not be less than status.capacity";
        assert_eq!(texts(&validate_update(&bound("2Gi"), &bound("1Gi"))), [""; 0]);
        assert_eq!(texts(&validate_update(&bound("1Gi"), &bound("2Gi"))), [shrunk]);
    }

    #[test]
    fn both_ways_of_naming_a_source_say_the_same() {
        let source = json!({"kind": "PersistentVolumeClaim", "name": "a"});
        for key in ["dataSource", "dataSourceRef"] {
            let mut spec = json!({key: source});
            normalize_data_sources(&mut spec);
            assert_eq!((&spec["dataSource"], &spec["dataSourceRef"]), (&source, &source));
        }
    }
}
