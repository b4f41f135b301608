//! How claims and volumes go together, as the binder and the scheduler both ask.
//!
//! Source: `k8s.io/component-helpers/storage/volume`, v1.36.

use serde_json::{Value, json};

use crate::quantity::Quantity;
use crate::storage::text;

pub(crate) mod matching;

/// On a claim: it was bound once, and is held to its volume.
pub(crate) const BIND_COMPLETED: &str = "pv.kubernetes.io/bind-completed";
/// On a claim or a volume: the controller chose the other side, not a person.
pub(crate) const BOUND_BY_CONTROLLER: &str = "pv.kubernetes.io/bound-by-controller";
/// On a volume: who made it.
pub(crate) const PROVISIONED_BY: &str = "pv.kubernetes.io/provisioned-by";
/// On a claim: the node that its first Pod goes to.
pub(crate) const SELECTED_NODE: &str = "volume.kubernetes.io/selected-node";
/// On a claim: who shall make its volume, under both names.
pub(crate) const PROVISIONERS: [&str; 2] = [
    "volume.beta.kubernetes.io/storage-provisioner",
    "volume.kubernetes.io/storage-provisioner",
];
/// The name of a class's provisioner that makes nothing.
pub(crate) const NO_PROVISIONER: &str = "kubernetes.io/no-provisioner";
const BETA_CLASS: &str = "volume.beta.kubernetes.io/storage-class";

/// The class of a claim or of a volume; empty for none.
pub(crate) fn class_of(object: &Value) -> &str {
    match object["metadata"]["annotations"][BETA_CLASS].as_str() {
        Some(class) => class,
        None => text(object, &["spec", "storageClassName"]),
    }
}

/// The names of the claims that the Pod's volumes stand for; those of `ephemeral` ones are made from the Pod's own.
pub(crate) fn claims_of(pod: &Value) -> impl Iterator<Item = String> + use<'_> {
    let volumes = pod["spec"]["volumes"].as_array().into_iter().flatten();
    volumes.filter_map(|volume| claim_behind(pod, volume))
}

/// The name of the claim behind one of the Pod's volumes.
pub(crate) fn claim_behind(pod: &Value, volume: &Value) -> Option<String> {
    if volume["ephemeral"].is_object() {
        let name = |object: &Value, path: &[&str]| text(object, path).to_owned();
        let (pod, volume) = (name(pod, &["metadata", "name"]), name(volume, &["name"]));
        return Some(format!("{pod}-{volume}"));
    }
    let claim = volume["persistentVolumeClaim"]["claimName"].as_str();
    claim.map(str::to_owned)
}

/// Whether the object has the annotation, whatever it says.
pub(crate) fn is_annotated(object: &Value, key: &str) -> bool {
    object["metadata"]["annotations"].get(key).is_some()
}

/// Sets an annotation.
pub(crate) fn annotate(object: &mut Value, key: &str, value: &str) {
    if !object["metadata"]["annotations"].is_object() {
        object["metadata"]["annotations"] = json!({});
    }
    object["metadata"]["annotations"][key] = value.into();
}

/// Whether the volume is reserved for the claim, by its UID or before it had one.
pub(crate) fn is_bound_to(volume: &Value, claim: &Value) -> bool {
    let (reference, metadata) = (&volume["spec"]["claimRef"], &claim["metadata"]);
    let uid = text(reference, &["uid"]);
    reference.is_object()
        && reference["name"] == metadata["name"]
        && reference["namespace"] == metadata["namespace"]
        && (uid.is_empty() || uid == text(metadata, &["uid"]))
}

/// Whether claims of the class wait for their first Pod.
pub(crate) fn waits_for_consumer(class: Option<&Value>) -> bool {
    class.is_some_and(|class| class["volumeBindingMode"] == "WaitForFirstConsumer")
}

/// How much the claim asks for.
pub(crate) fn requested(claim: &Value) -> Quantity {
    Quantity::from_json(&claim["spec"]["resources"]["requests"]["storage"]).unwrap_or_default()
}

/// How much the volume holds.
pub(crate) fn capacity(volume: &Value) -> Quantity {
    Quantity::from_json(&volume["spec"]["capacity"]["storage"]).unwrap_or_default()
}

/// Whether the volume can be mounted in all ways that the claim asks for.
pub(crate) fn has_access_modes(volume: &Value, claim: &Value) -> bool {
    let modes = |object: &Value| {
        object["spec"]["accessModes"]
            .as_array()
            .cloned()
            .unwrap_or_default()
    };
    let offered = modes(volume);
    modes(claim).iter().all(|mode| offered.contains(mode))
}

/// Whether one wants a file system and the other is a device.
pub(crate) fn differ_in_mode(volume: &Value, claim: &Value) -> bool {
    let mode = |object: &Value| match object["spec"]["volumeMode"].as_str() {
        Some(mode) => mode.to_owned(),
        None => "Filesystem".to_owned(),
    };
    mode(volume) != mode(claim)
}

/// Whether the classes of attributes differ; no class and an empty name are the same.
pub(crate) fn differ_in_attributes(volume: &Value, claim: &Value) -> bool {
    let path = ["spec", "volumeAttributesClassName"];
    text(volume, &path) != text(claim, &path)
}

/// The volume with its half of the binding to the claim; `None` if it has that already.
pub(crate) fn bound_volume(volume: &Value, claim: &Value) -> Option<Value> {
    let (mut new, metadata) = (volume.clone(), &claim["metadata"]);
    let reference = &volume["spec"]["claimRef"];
    let is_complete = is_bound_to(volume, claim) && reference["uid"] == metadata["uid"];
    if !is_complete {
        new["spec"]["claimRef"] = json!({
            "kind": "PersistentVolumeClaim", "namespace": metadata["namespace"], "name": metadata["name"],
            "uid": metadata["uid"], "apiVersion": "v1", "resourceVersion": metadata["resourceVersion"],
        });
    }
    if !is_bound_to(volume, claim) {
        annotate(&mut new, BOUND_BY_CONTROLLER, "yes");
    }
    (new != *volume).then_some(new)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn claim() -> Value {
        json!({"metadata": {"namespace": "a", "name": "c", "uid": "u", "resourceVersion": "7"}})
    }

    #[test]
    fn a_reservation_without_a_uid_holds_for_whoever_comes() {
        let reserved = |uid: &str| json!({"spec": {"claimRef": {"namespace": "a", "name": "c", "uid": uid}}});
        assert!(is_bound_to(&reserved(""), &claim()));
        assert!(is_bound_to(&reserved("u"), &claim()));
        assert!(!is_bound_to(&reserved("other"), &claim()));
        assert!(!is_bound_to(&json!({"spec": {}}), &claim()));
    }

    #[test]
    fn only_a_binding_of_our_own_is_marked_as_ours() {
        let ours = bound_volume(&json!({"spec": {}}), &claim()).unwrap();
        assert!(is_annotated(&ours, BOUND_BY_CONTROLLER));
        assert_eq!(bound_volume(&ours, &claim()), None);
        let theirs = json!({"spec": {"claimRef": {"namespace": "a", "name": "c"}}});
        let completed = bound_volume(&theirs, &claim()).unwrap();
        assert_eq!(completed["spec"]["claimRef"]["uid"], "u");
        assert!(!is_annotated(&completed, BOUND_BY_CONTROLLER));
    }
}
