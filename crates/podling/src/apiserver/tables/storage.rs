//! The rows of PersistentVolumes, claims and StorageClasses.

use serde_json::{Value, json};

use super::{age, or};
use crate::clock::Time;
use crate::storage::text;

const UNSET: &str = "<unset>";
const BETA_CLASS: &str = "volume.beta.kubernetes.io/storage-class";
/// Either says that claims without a class take this one.
const DEFAULT_CLASS: [&str; 2] = [
    "storageclass.kubernetes.io/is-default-class",
    "storageclass.beta.kubernetes.io/is-default-class",
];

/// Name, Capacity, Access Modes, Reclaim Policy, Status, Claim, StorageClass, VolumeAttributesClass, Reason, Age,
/// VolumeMode.
pub(super) fn volume(volume: &Value, now: Time) -> Value {
    let spec = &volume["spec"];
    json!([
        text(volume, &["metadata", "name"]),
        or(text(spec, &["capacity", "storage"]), "0"),
        access_modes(&spec["accessModes"]),
        text(spec, &["persistentVolumeReclaimPolicy"]),
        phase(volume),
        claim_of(spec),
        class(volume),
        attributes_class(spec),
        text(volume, &["status", "reason"]),
        age(volume, now),
        or(text(spec, &["volumeMode"]), UNSET),
    ])
}

/// Name, Status, Volume, Capacity, Access Modes, StorageClass, VolumeAttributesClass, Age, VolumeMode.
pub(super) fn claim(claim: &Value, now: Time) -> Value {
    let (spec, status) = (&claim["spec"], &claim["status"]);
    let volume = text(spec, &["volumeName"]);
    let (capacity, modes) = match volume {
        "" => ("", String::new()),
        _ => (
            or(text(status, &["capacity", "storage"]), "0"),
            access_modes(&status["accessModes"]),
        ),
    };
    json!([
        text(claim, &["metadata", "name"]),
        phase(claim),
        volume,
        capacity,
        modes,
        class(claim),
        attributes_class(spec),
        age(claim, now),
        or(text(spec, &["volumeMode"]), UNSET),
    ])
}

/// Name, Provisioner, ReclaimPolicy, VolumeBindingMode, AllowVolumeExpansion, Age.
pub(super) fn storage_class(class: &Value, now: Time) -> Value {
    let annotations = &class["metadata"]["annotations"];
    let is_default = DEFAULT_CLASS.iter().any(|key| annotations[*key] == "true");
    let mark = if is_default { " (default)" } else { "" };
    json!([
        format!("{}{mark}", text(class, &["metadata", "name"])),
        text(class, &["provisioner"]),
        or(text(class, &["reclaimPolicy"]), "Delete"),
        or(text(class, &["volumeBindingMode"]), "Immediate"),
        class["allowVolumeExpansion"] == true,
        age(class, now),
    ])
}

fn phase(object: &Value) -> &str {
    match object["metadata"].get("deletionTimestamp") {
        Some(_) => "Terminating",
        None => text(object, &["status", "phase"]),
    }
}

fn claim_of(spec: &Value) -> String {
    let part = |key: &str| text(spec, &["claimRef", key]);
    match spec["claimRef"].is_object() {
        true => format!("{}/{}", part("namespace"), part("name")),
        false => String::new(),
    }
}

fn class(object: &Value) -> &str {
    or(
        text(object, &["metadata", "annotations", BETA_CLASS]),
        text(object, &["spec", "storageClassName"]),
    )
}

fn attributes_class(spec: &Value) -> &str {
    match spec["volumeAttributesClassName"].as_str() {
        Some(class) => class,
        None => UNSET,
    }
}

/// The short names, each once, in Kubernetes' order: `RWO,ROX`.
fn access_modes(modes: &Value) -> String {
    const SHORT: [(&str, &str); 4] = [
        ("ReadWriteOnce", "RWO"),
        ("ReadOnlyMany", "ROX"),
        ("ReadWriteMany", "RWX"),
        ("ReadWriteOncePod", "RWOP"),
    ];
    let modes = modes.as_array().map(Vec::as_slice).unwrap_or_default();
    let given = SHORT
        .iter()
        .filter(|(mode, _)| modes.iter().any(|given| given == mode));
    given.map(|(_, short)| *short).collect::<Vec<_>>().join(",")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_claim_shows_its_volume_once_it_has_one() {
        let pending = json!({"metadata": {"name": "a"}, "status": {"phase": "Pending"},
            "spec": {"accessModes": ["ReadWriteOnce"], "storageClassName": "c", "volumeMode": "Filesystem"}});
        let mut bound = pending.clone();
        bound["spec"]["volumeName"] = "v".into();
        bound["status"] = json!({"phase": "Bound", "capacity": {"storage": "2Gi"}, "accessModes": ["ReadWriteMany", "ReadWriteOnce"]});
        let mut leaving = bound.clone();
        leaving["metadata"]["deletionTimestamp"] = "t".into();
        let cases = [
            (pending, ["Pending", "", "", "", "c", "<unset>"]),
            (bound, ["Bound", "v", "2Gi", "RWO,RWX", "c", "<unset>"]),
            (leaving, ["Terminating", "v", "2Gi", "RWO,RWX", "c", "<unset>"]),
        ];
        for (object, expected) in cases {
            let cells = claim(&object, Time::default());
            assert_eq!(cells.as_array().unwrap()[1..7], expected);
        }
    }

    #[test]
    fn a_volume_shows_its_claim_and_a_class_that_it_is_the_default() {
        let object = json!({"metadata": {"name": "v"}, "status": {"phase": "Bound"},
            "spec": {"capacity": {"storage": "2Gi"}, "accessModes": ["ReadOnlyMany"], "volumeMode": "Block",
                "persistentVolumeReclaimPolicy": "Retain", "claimRef": {"namespace": "n", "name": "c"}}});
        assert_eq!(
            volume(&object, Time::default()),
            json!([
                "v",
                "2Gi",
                "ROX",
                "Retain",
                "Bound",
                "n/c",
                "",
                "<unset>",
                "",
                "<unknown>",
                "Block"
            ])
        );
        let class =
            json!({"metadata": {"name": "s", "annotations": {DEFAULT_CLASS[0]: "true"}}, "provisioner": "p"});
        assert_eq!(
            storage_class(&class, Time::default()),
            json!(["s (default)", "p", "Delete", "Immediate", false, "<unknown>"])
        );
    }
}
