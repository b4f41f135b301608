//! Admission plugins DefaultStorageClass, StorageObjectInUseProtection and PersistentVolumeClaimResize.
//!
//! Source: `plugin/pkg/admission/storage/{storageclass/setdefault,storageobjectinuseprotection,persistentvolume/resize}`,
//! v1.36.

use serde_json::{Value, json};

use super::defaults::the_default_of;
use crate::apiserver::registry::read::{Fields as _, object_at};
use crate::volume::{class_of, requested};

/// The finalizer of a claim that a Pod may be using.
pub(crate) const CLAIM_PROTECTION: &str = "kubernetes.io/pvc-protection";
/// The finalizer of a volume that a claim may be bound to.
pub(crate) const VOLUME_PROTECTION: &str = "kubernetes.io/pv-protection";
const BETA_CLASS: &str = "volume.beta.kubernetes.io/storage-class";
/// Either makes a class the default one.
const IS_DEFAULT: [&str; 2] = [
    "storageclass.kubernetes.io/is-default-class",
    "storageclass.beta.kubernetes.io/is-default-class",
];

/// Gives a claim that names no class the default one. The empty name is a name: it asks for no class.
pub(super) fn default_class(claim: &mut Value, classes: &[&Value]) {
    let names_one = claim["spec"].has("storageClassName") || claim["metadata"]["annotations"].has(BETA_CLASS);
    if names_one {
        return;
    }
    if let Some(class) = default_class_of(classes) {
        object_at(claim, "spec")["storageClassName"] = class.into();
    }
}

/// The name of the class that claims get which name none.
pub(crate) fn default_class_of(classes: &[&Value]) -> Option<String> {
    the_default_of(classes, &IS_DEFAULT)
}

/// Holds the object until its controller finds it out of use.
pub(super) fn protect(object: &mut Value, finalizer: &str) {
    let metadata = object_at(object, "metadata");
    match metadata["finalizers"].as_array_mut() {
        Some(finalizers) if finalizers.iter().any(|f| f == finalizer) => {}
        Some(finalizers) => finalizers.push(finalizer.into()),
        None => metadata["finalizers"] = json!([finalizer]),
    }
}

const ONLY_BOUND: &str = "Only bound persistent volume claims can be expanded";
const NO_EXPANSION: &str = "only dynamically provisioned pvc can be resized and the storageclass that provisions the pvc must support resize";

/// A claim grows only when it is bound, and its class says that volumes can grow.
pub(super) fn check_growth(new: &Value, old: &Value, classes: &[&Value]) -> Result<(), String> {
    if requested(new) <= requested(old) {
        return Ok(());
    }
    if old["status"]["phase"] != "Bound" {
        return Err(ONLY_BOUND.to_owned());
    }
    let class = class_of(new);
    let can_grow = |found: &&Value| found["metadata"]["name"] == class && found.flag("allowVolumeExpansion");
    let is_same = !class.is_empty() && class == class_of(old);
    match is_same && classes.iter().any(can_grow) {
        true => Ok(()),
        false => Err(NO_EXPANSION.to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_claim_without_a_class_gets_the_default_one() {
        let class = json!({"metadata": {"name": "standard", "annotations": {IS_DEFAULT[0]: "true"}}});
        let cases = [
            (json!({"spec": {}}), json!("standard")),
            (json!({"spec": {"storageClassName": ""}}), json!("")),
            (json!({"spec": {"storageClassName": "fast"}}), json!("fast")),
            (
                json!({"metadata": {"annotations": {BETA_CLASS: "old"}}}),
                Value::Null,
            ),
        ];
        for (mut claim, expected) in cases {
            default_class(&mut claim, &[&class]);
            assert_eq!(claim["spec"]["storageClassName"], expected);
        }
    }

    #[test]
    fn a_claim_grows_where_its_class_allows_it() {
        let claim = |size: &str, phase: &str, class: &str| {
            json!({"spec": {"storageClassName": class, "resources": {"requests": {"storage": size}}},
                "status": {"phase": phase}})
        };
        let class = json!({"metadata": {"name": "big"}, "allowVolumeExpansion": true});
        let cases = [
            (claim("1Gi", "Bound", "small"), Ok(())),
            (claim("2Gi", "Bound", "big"), Ok(())),
            (claim("2Gi", "Bound", "small"), Err(NO_EXPANSION.to_owned())),
            (claim("2Gi", "Pending", "big"), Err(ONLY_BOUND.to_owned())),
        ];
        for (new, expected) in cases {
            let mut old = new.clone();
            old["spec"]["resources"]["requests"]["storage"] = "1Gi".into();
            assert_eq!(check_growth(&new, &old, &[&class]), expected, "{new}");
        }
    }

    #[test]
    fn protection_is_added_once_and_last() {
        let mut claim = json!({"metadata": {"finalizers": ["example.com/hold"]}});
        protect(&mut claim, CLAIM_PROTECTION);
        protect(&mut claim, CLAIM_PROTECTION);
        assert_eq!(
            claim["metadata"]["finalizers"],
            json!(["example.com/hold", CLAIM_PROTECTION])
        );
    }
}
