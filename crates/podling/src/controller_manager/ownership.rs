//! Who controls what: owner references, adoption of orphans, release of what no longer matches.
//!
//! Source: `kubernetes/pkg/controller/controller_ref_manager.go` and `metav1.NewControllerRef`.

use serde_json::{Value, json};

use crate::label_selector;
use crate::storage::text;

/// What a controller does about an object that its selector may mean.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Claim {
    /// It is the controller's own.
    Owned,
    /// It belongs to nobody and matches: take it.
    Adopt,
    /// It is the controller's own and matches no more: let it go.
    Release,
    /// It is none of the controller's business.
    Ignore,
}

/// Decides about `object` for `owner`, whose `spec.selector` is a label selector.
pub(crate) fn claim(owner: &Value, object: &Value) -> Claim {
    let matches = label_selector::matches(&owner["spec"]["selector"], &object["metadata"]["labels"]);
    let leaving = is_deleted(owner);
    match controller_of(object) {
        Some(reference) if text(reference, &["uid"]) != uid_of(owner) => Claim::Ignore,
        Some(_) if matches => Claim::Owned,
        Some(_) if leaving || is_deleted(object) => Claim::Ignore,
        Some(_) => Claim::Release,
        None if !matches || leaving || is_deleted(object) => Claim::Ignore,
        None => Claim::Adopt,
    }
}

/// The owner reference of `object` that says `controller: true`.
pub(crate) fn controller_of(object: &Value) -> Option<&Value> {
    object["metadata"]["ownerReferences"]
        .as_array()?
        .iter()
        .find(|reference| reference["controller"] == true)
}

/// The owner reference by which `owner` controls something.
pub(crate) fn controller_reference(owner: &Value) -> Value {
    json!({
        "apiVersion": owner["apiVersion"], "kind": owner["kind"],
        "name": owner["metadata"]["name"], "uid": owner["metadata"]["uid"],
        "controller": true, "blockOwnerDeletion": true,
    })
}

/// `object` with `owner` as its controller.
pub(crate) fn adopted(object: &Value, owner: &Value) -> Value {
    let mut object = object.clone();
    match object["metadata"]["ownerReferences"].as_array_mut() {
        Some(references) => references.push(controller_reference(owner)),
        None => object["metadata"]["ownerReferences"] = json!([controller_reference(owner)]),
    }
    object
}

/// `object` without its reference to `owner`.
pub(crate) fn released(object: &Value, owner: &Value) -> Value {
    let mut object = object.clone();
    let uid = uid_of(owner);
    if let Some(references) = object["metadata"]["ownerReferences"].as_array_mut() {
        references.retain(|reference| text(reference, &["uid"]) != uid);
        if references.is_empty()
            && let Some(metadata) = object["metadata"].as_object_mut()
        {
            metadata.remove("ownerReferences");
        }
    }
    object
}

/// `metadata.uid`.
pub(crate) fn uid_of(object: &Value) -> &str {
    text(object, &["metadata", "uid"])
}

/// Whether `object` is being deleted.
pub(crate) fn is_deleted(object: &Value) -> bool {
    object["metadata"]["deletionTimestamp"].is_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_controller_claims_what_matches_and_is_free() {
        let owner = json!({"kind": "ReplicaSet", "apiVersion": "apps/v1",
            "metadata": {"uid": "u1", "name": "web"}, "spec": {"selector": {"matchLabels": {"app": "web"}}}});
        let own = json!([{"uid": "u1", "controller": true}]);
        let other = json!([{"uid": "u2", "controller": true}]);
        let web = json!({"app": "web"});
        let cases = [
            (json!({"labels": web, "ownerReferences": own}), Claim::Owned),
            (json!({"labels": {}, "ownerReferences": own}), Claim::Release),
            (json!({"labels": web, "ownerReferences": other}), Claim::Ignore),
            (json!({"labels": web}), Claim::Adopt),
            (json!({"labels": {}}), Claim::Ignore),
            (
                json!({"labels": web, "deletionTimestamp": "2026-01-01T00:00:00Z"}),
                Claim::Ignore,
            ),
        ];
        for (metadata, expected) in cases {
            assert_eq!(
                claim(&owner, &json!({"metadata": metadata})),
                expected,
                "{metadata}"
            );
        }
    }

    #[test]
    fn adoption_and_release_are_inverse() {
        let owner = json!({"kind": "ReplicaSet", "metadata": {"uid": "u1", "name": "web"}});
        let pod = json!({"metadata": {"name": "p"}});
        let adopted = adopted(&pod, &owner);
        assert_eq!(controller_of(&adopted).unwrap()["name"], "web");
        assert_eq!(released(&adopted, &owner), pod);
    }
}
