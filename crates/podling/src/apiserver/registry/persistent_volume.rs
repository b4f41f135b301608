//! PersistentVolumes: defaults, validation, and a source that never changes.
//!
//! Source: `pkg/registry/core/persistentvolume` and `ValidatePersistentVolume…` in `pkg/apis/core/validation`,
//! v1.36. What differs: sources that the cluster cannot mount (iSCSI, Cinder, …) are taken as they are.

use serde_json::{Value, json};

use super::container_defaults::canonical_quantities;
use super::persistent_volume_claim::{
    BETA_CLASS, check_access_modes, check_class, check_not_negative, check_positive, check_same_volume_mode,
    check_volume_mode, deprecated_class, fractional_bytes,
};
use super::pod_spec::affinity::check_node_selector;
use super::pod_spec::volumes::{SEVERAL, check_given, check_host_path, check_nfs, check_no_backsteps};
use super::read::{Fields as _, copy, object_at, set_default, set_default_for_zero};
use super::{PLAIN, Strategy, diff, internal_form, metadata};
use crate::clock::Time;
use crate::status::field::Error;

pub(super) const STRATEGY: Strategy = Strategy {
    default,
    prepare_for_create: |object, now| {
        object["status"] = json!({"phase": "Pending", "lastPhaseTransitionTime": now.rfc3339()});
    },
    prepare_for_update: |new, old| copy(old, new, "status"),
    prepare_for_status_update: Some(|new, old| copy(old, new, "spec")),
    stamp_status_update,
    validate,
    validate_update,
    warnings,
    ..PLAIN
};

const RECLAIM_POLICIES: [&str; 3] = ["Delete", "Recycle", "Retain"];
/// The sources in the order in which Kubernetes looks at them.
const SOURCES: [&str; 22] = [
    "hostPath",
    "gcePersistentDisk",
    "awsElasticBlockStore",
    "glusterfs",
    "flocker",
    "nfs",
    "rbd",
    "quobyte",
    "cephfs",
    "iscsi",
    "cinder",
    "fc",
    "flexVolume",
    "azureFile",
    "vsphereVolume",
    "photonPersistentDisk",
    "portworxVolume",
    "azureDisk",
    "scaleIO",
    "local",
    "storageos",
    "csi",
];

fn default(object: &mut Value) {
    let spec = object_at(object, "spec");
    set_default_for_zero(spec, "persistentVolumeReclaimPolicy", "Retain");
    set_default(spec, "volumeMode", "Filesystem");
    canonical_quantities(spec, "capacity");
    if spec.has("hostPath") {
        set_default(&mut spec["hostPath"], "type", "");
    }
    if spec.has("iscsi") {
        set_default_for_zero(&mut spec["iscsi"], "iscsiInterface", "default");
    }
    set_default_for_zero(object_at(object, "status"), "phase", "Pending");
}

/// The time of a new phase, unless whoever wrote the phase gave one.
fn stamp_status_update(new: &mut Value, old: &Value, now: Time) {
    const KEY: &str = "lastPhaseTransitionTime";
    let (status, before) = (&mut new["status"], &old["status"]);
    if status["phase"] != before["phase"] && (!status.has(KEY) || status[KEY] == before[KEY]) {
        status[KEY] = now.rfc3339().into();
    }
}

fn validate(object: &Value) -> Vec<Error> {
    let (spec, mut errors) = (&object["spec"], Vec::new());
    check_access_modes(spec, "spec", "", &mut errors);
    check_capacity(spec, &mut errors);
    let policy = spec.text("persistentVolumeReclaimPolicy");
    if !RECLAIM_POLICIES.contains(&policy) {
        let field = "spec.persistentVolumeReclaimPolicy";
        errors.push(Error::not_supported(field, policy, &RECLAIM_POLICIES));
    }
    check_affinity(&spec["nodeAffinity"], &mut errors);
    check_source(spec, &mut errors);
    if policy == "Recycle" && spec["hostPath"]["path"] == "/" {
        let why = "may not be 'recycle' for a hostPath mount of '/'";
        errors.push(Error::forbidden("spec.persistentVolumeReclaimPolicy", why));
    }
    check_class(spec, "spec", "storageClassName", &mut errors);
    check_volume_mode(spec, "spec", &mut errors);
    check_class(spec, "spec", "volumeAttributesClassName", &mut errors);
    errors
}

fn check_capacity(spec: &Value, errors: &mut Vec<Error>) {
    let (field, capacity) = ("spec.capacity", &spec["capacity"]);
    let count = spec.entries("capacity").count();
    if count == 0 {
        errors.push(Error::required(field, ""));
    }
    if count != 1 || !capacity.has("storage") {
        errors.push(Error::not_supported(field, capacity.clone(), &["storage"]));
    }
    for (name, amount) in spec.entries("capacity") {
        let field = format!("{field}[{name}]");
        check_not_negative(amount, &field, errors);
        check_positive(amount, &field, errors);
    }
}

fn check_affinity(affinity: &Value, errors: &mut Vec<Error>) {
    let field = "spec.nodeAffinity.required";
    if affinity.has("required") {
        check_node_selector(&affinity["required"], field, errors);
    } else if !affinity.is_null() {
        errors.push(Error::required(field, "must specify required node constraints"));
    }
}

fn check_source(spec: &Value, errors: &mut Vec<Error>) {
    let mut given = SOURCES.into_iter().filter(|key| spec.has(key));
    let Some(first) = given.next() else {
        errors.push(Error::required("spec", "must specify a volume type"));
        return;
    };
    check_one_source(first, spec, errors);
    for other in given {
        errors.push(Error::forbidden(format!("spec.{other}"), SEVERAL));
    }
}

fn check_one_source(kind: &str, spec: &Value, errors: &mut Vec<Error>) {
    let (source, path) = (&spec[kind], format!("spec.{kind}"));
    match kind {
        "hostPath" => check_host_path(source, &path, errors),
        "nfs" => check_nfs(source, &path, errors),
        "local" => {
            check_given(source, "path", &path, errors);
            check_no_backsteps(source.text("path"), &format!("{path}.path"), errors);
            if !spec.has("nodeAffinity") {
                let why = "Local volume requires node affinity";
                errors.push(Error::required("spec.nodeAffinity", why));
            }
        }
        "csi" => {
            for key in ["driver", "volumeHandle"] {
                check_given(source, key, &path, errors);
            }
        }
        _ => {}
    }
}

/// Kubernetes checks the new volume by itself twice: for the strategy, and as part of the change.
fn validate_update(new: &Value, old: &Value) -> Vec<Error> {
    let mut errors = validate(new);
    errors.extend(errors.clone());
    let source = |object: &Value| internal_form::pretty(&object["spec"], internal_form::VOLUME_SOURCE);
    let (before, after) = (source(old), source(new));
    if before != after {
        // Kubernetes shows the way from the new source to the old one.
        let changes = diff::unified(&after, &before);
        let why = format!("spec.persistentvolumesource is immutable after creation\n{changes}");
        errors.push(Error::forbidden("spec.persistentvolumesource", why));
    }
    check_same_volume_mode(new, old, &mut errors);
    let affinity = |object: &Value| object["spec"]["nodeAffinity"].clone();
    if !affinity(old).is_null() && affinity(new) != affinity(old) {
        errors.push(Error::invalid("nodeAffinity", affinity(new), metadata::IMMUTABLE));
    }
    errors
}

/// Sources that stand in the API and do nothing any more, with the words for each.
const RETIRED: [(&str, &str); 6] = [
    ("cephfs", "deprecated in v1.28, non-functional in v1.31+"),
    (
        "photonPersistentDisk",
        "deprecated in v1.11, non-functional in v1.16+",
    ),
    ("scaleIO", "deprecated in v1.16, non-functional in v1.22+"),
    ("storageos", "deprecated in v1.22, non-functional in v1.25+"),
    ("glusterfs", "deprecated in v1.25, non-functional in v1.26+"),
    ("rbd", "deprecated in v1.28, non-functional in v1.31+"),
];

fn warnings(object: &Value) -> Vec<String> {
    let (spec, mut warnings) = (&object["spec"], Vec::new());
    let annotations = &object["metadata"]["annotations"];
    if annotations.has(BETA_CLASS) {
        warnings.push(deprecated_class());
    }
    let options = "volume.beta.kubernetes.io/mount-options";
    if annotations.has(options) {
        warnings.push(format!(
            "metadata.annotations[{options}]: deprecated since v1.31; use \"mountOptions\" attribute instead"
        ));
    }
    if spec["persistentVolumeReclaimPolicy"] == "Recycle" {
        warnings.push(
            "spec.persistentVolumeReclaimPolicy: The Recycle reclaim policy is deprecated. Instead, the recommended approach is to use dynamic provisioning."
                .to_owned(),
        );
    }
    let retired = RETIRED.into_iter().filter(|(kind, _)| spec.has(kind));
    warnings.extend(retired.map(|(kind, why)| format!("spec.{kind}: {why}")));
    let amount = &spec["capacity"]["storage"];
    warnings.extend(fractional_bytes(amount, "spec.capacity[storage]"));
    warnings
}

#[cfg(test)]
mod tests {
    use super::*;

    fn volume(change: &Value) -> Value {
        let mut spec = json!({"accessModes": ["ReadWriteOnce"], "capacity": {"storage": "1Gi"},
            "hostPath": {"path": "/d", "type": ""}, "persistentVolumeReclaimPolicy": "Retain",
            "volumeMode": "Filesystem"});
        for (key, value) in change.as_object().unwrap() {
            spec[key] = value.clone();
        }
        json!({"spec": spec})
    }

    fn texts(errors: &[Error]) -> Vec<String> {
        errors.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn a_new_volume_is_checked() {
        let cases = [
            (json!({}), vec![]),
            (
                json!({"accessModes": []}),
                vec!["spec.accessModes: Required value"],
            ),
            (
                json!({"capacity": null}),
                vec![
                    "spec.capacity: Required value",
                    "spec.capacity: Unsupported value: null: supported values: \"storage\"",
                ],
            ),
            (
                json!({"capacity": {"storage": "-1"}}),
                vec![
                    "spec.capacity[storage]: Invalid value: -1: must be a valid resource quantity",
                    "spec.capacity[storage]: Invalid value: \"-1\": must be greater than zero",
                ],
            ),
            (
                json!({"hostPath": null}),
                vec!["spec: Required value: must specify a volume type"],
            ),
            (
                json!({"hostPath": null, "local": {"path": "/x"}}),
                vec!["spec.nodeAffinity: Required value: Local volume requires node affinity"],
            ),
            (
                json!({"nfs": {"server": "s", "path": "/x"}}),
                vec!["spec.nfs: Forbidden: may not specify more than 1 volume type"],
            ),
            (
                json!({"persistentVolumeReclaimPolicy": "Keep"}),
                vec![
                    "spec.persistentVolumeReclaimPolicy: Unsupported value: \"Keep\": supported values: \"Delete\", \"Recycle\", \"Retain\"",
                ],
            ),
        ];
        for (change, expected) in cases {
            assert_eq!(texts(&validate(&volume(&change))), expected, "{change}");
        }
    }

    #[test]
    fn the_source_stays() {
        let new = volume(&json!({"hostPath": {"path": "/e", "type": ""}}));
        let expected = "spec.persistentvolumesource: Forbidden: spec.persistentvolumesource is immutable after creation\n@@ -2,7 +2,7 @@\n  \"GCEPersistentDisk\": null,\n  \"AWSElasticBlockStore\": null,\n  \"HostPath\": {\n-  \"Path\": \"/e\",\n+  \"Path\": \"/d\",\n   \"Type\": \"\"\n  },\n  \"Glusterfs\": null,\n";
        assert_eq!(texts(&validate_update(&new, &volume(&json!({})))), [expected]);
        let grown = volume(&json!({"capacity": {"storage": "2Gi"}}));
        assert_eq!(texts(&validate_update(&grown, &volume(&json!({})))), [""; 0]);
    }

    #[test]
    fn a_new_phase_has_its_time() {
        let old = json!({"status": {"phase": "Pending", "lastPhaseTransitionTime": "a"}});
        let mut new = json!({"status": {"phase": "Available", "lastPhaseTransitionTime": "a"}});
        stamp_status_update(&mut new, &old, Time::from_micros(0));
        assert_eq!(new["status"]["lastPhaseTransitionTime"], "1970-01-01T00:00:00Z");
    }
}
