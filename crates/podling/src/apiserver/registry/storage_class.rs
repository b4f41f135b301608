//! StorageClasses: defaults, validation, and what never changes.
//!
//! Source: `pkg/registry/storage/storageclass` and `pkg/apis/storage/validation`, v1.36.

use serde_json::Value;

use super::read::{Fields as _, set_default};
use super::{PLAIN, Strategy, metadata, names};
use crate::status::field::Error;

pub(super) const STRATEGY: Strategy = Strategy {
    default: |object| {
        set_default(object, "reclaimPolicy", "Delete");
        set_default(object, "volumeBindingMode", "Immediate");
    },
    validate,
    validate_update,
    ..PLAIN
};

const MOST_PARAMETERS: usize = 512;
const MOST_PARAMETER_BYTES: usize = 256 * 1024;
const RECLAIM_POLICIES: [&str; 2] = ["Delete", "Retain"];
const BINDING_MODES: [&str; 2] = ["Immediate", "WaitForFirstConsumer"];

fn validate(object: &Value) -> Vec<Error> {
    let mut errors = Vec::new();
    check_provisioner(object.text("provisioner"), &mut errors);
    check_parameters(object, &mut errors);
    let policy = object.text("reclaimPolicy");
    if !policy.is_empty() && !RECLAIM_POLICIES.contains(&policy) {
        errors.push(Error::not_supported("reclaimPolicy", policy, &RECLAIM_POLICIES));
    }
    let mode = object.text("volumeBindingMode");
    if !BINDING_MODES.contains(&mode) {
        errors.push(Error::not_supported("volumeBindingMode", mode, &BINDING_MODES));
    }
    for (i, term) in object.items("allowedTopologies").iter().enumerate() {
        check_topology(term, &format!("allowedTopologies[{i}]"), &mut errors);
    }
    errors
}

/// Who makes the volumes.
fn check_provisioner(name: &str, errors: &mut Vec<Error>) {
    let field = "provisioner";
    if name.is_empty() {
        errors.push(Error::required(field, ""));
        return;
    }
    let wrong = names::qualified_name(&name.to_lowercase());
    errors.extend(metadata::invalid_for_each(field, name, wrong));
}

fn check_parameters(object: &Value, errors: &mut Vec<Error>) {
    let field = "parameters";
    if object.entries(field).count() > MOST_PARAMETERS {
        errors.push(Error::too_long(field, MOST_PARAMETERS));
    }
    let mut size = 0;
    for (key, value) in object.entries(field) {
        if key.is_empty() {
            errors.push(Error::invalid(field, key, "field can not be empty."));
        }
        size += key.len() + value.as_str().map_or(0, str::len);
    }
    if size > MOST_PARAMETER_BYTES {
        errors.push(Error::too_long(field, MOST_PARAMETER_BYTES));
    }
}

fn check_topology(term: &Value, path: &str, errors: &mut Vec<Error>) {
    for (i, requirement) in term.items("matchLabelExpressions").iter().enumerate() {
        let path = format!("{path}.matchLabelExpressions[{i}]");
        let key = requirement.text("key");
        if requirement.items("values").is_empty() {
            errors.push(Error::required(format!("{path}.values"), ""));
        }
        let wrong = names::qualified_name(key);
        errors.extend(metadata::invalid_for_each(&format!("{path}.key"), key, wrong));
    }
}

fn validate_update(new: &Value, old: &Value) -> Vec<Error> {
    let mut errors = validate(new);
    for key in ["parameters", "provisioner", "reclaimPolicy"] {
        if new[key] != old[key] {
            errors.push(Error::forbidden(key, format!("updates to {key} are forbidden.")));
        }
    }
    let mode = "volumeBindingMode";
    if new[mode] != old[mode] {
        errors.push(Error::invalid(mode, new[mode].clone(), metadata::IMMUTABLE));
    }
    errors
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_class_is_checked_and_its_core_stays() {
        let class = json!({"provisioner": "example.com/x", "reclaimPolicy": "Delete",
            "volumeBindingMode": "Immediate"});
        let change = |key: &str, value: Value| {
            let mut class = class.clone();
            class[key] = value;
            class
        };
        let refused = |new: &Value| -> Vec<String> {
            let errors = validate_update(new, &class);
            errors.iter().map(ToString::to_string).collect()
        };
        let cases = [
            (change("allowVolumeExpansion", json!(true)), vec![]),
            (
                change("provisioner", json!("")),
                vec![
                    "provisioner: Required value",
                    "provisioner: Forbidden: updates to provisioner are forbidden.",
                ],
            ),
            (
                change("reclaimPolicy", json!("Recycle")),
                vec![
                    "reclaimPolicy: Unsupported value: \"Recycle\": supported values: \"Delete\", \"Retain\"",
                    "reclaimPolicy: Forbidden: updates to reclaimPolicy are forbidden.",
                ],
            ),
            (
                change("volumeBindingMode", json!("WaitForFirstConsumer")),
                vec!["volumeBindingMode: Invalid value: \"WaitForFirstConsumer\": field is immutable"],
            ),
        ];
        for (new, expected) in cases {
            assert_eq!(refused(&new), expected, "{new}");
        }
    }
}
