//! Who controls what: owner references, adoption of orphans, release of what no longer matches.
//!
//! Source: `kubernetes/pkg/controller/controller_ref_manager.go` and `metav1.NewControllerRef`.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use crate::apiserver::ApiServer;
use crate::label_selector;
use crate::resource::{REPLICATION_CONTROLLERS, Resource};
use crate::storage::{Change, ChangeKind, Object, text};

use super::queue::Key;
use super::write_options;

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

/// Decides about `object` for `owner`, which selects it by its labels.
pub(crate) fn claim(owner: &Value, object: &Value) -> Claim {
    claim_if(selects(owner, object), owner, object)
}

/// Decides about `object` for `owner`, which means it if it `matches`.
fn claim_if(matches: bool, owner: &Value, object: &Value) -> Claim {
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

/// Whether `owner` selects `object` by its labels. A ReplicationController's selector is a plain map.
fn selects(owner: &Value, object: &Value) -> bool {
    let (selector, labels) = (&owner["spec"]["selector"], &object["metadata"]["labels"]);
    if owner["kind"] == REPLICATION_CONTROLLERS.kind {
        return label_selector::matches_map(selector, labels);
    }
    label_selector::matches(selector, labels)
}

/// What `owner` controls of `resource`, after orphans were adopted and strangers let go. An object that does not also
/// meet `admits` is a stranger.
pub(crate) fn claim_all(
    api: &mut ApiServer,
    owner: &Value,
    resource: &'static Resource,
    admits: impl Fn(&Value) -> bool,
) -> Vec<Object> {
    let namespace = text(owner, &["metadata", "namespace"]);
    let objects: Vec<Object> = api.list(resource, Some(namespace)).cloned().collect();
    settle(api, owner, resource, objects, admits)
}

/// [`claim_all`] of these `objects`.
pub(crate) fn settle(
    api: &mut ApiServer,
    owner: &Value,
    resource: &'static Resource,
    objects: Vec<Object>,
    admits: impl Fn(&Value) -> bool,
) -> Vec<Object> {
    let mut owned = Vec::new();
    for object in objects {
        let matches = selects(owner, &object) && admits(&object);
        match claim_if(matches, owner, &object) {
            Claim::Owned => owned.push(object),
            Claim::Adopt => {
                let adopted = adopted(&object, owner);
                owned.extend(api.update(resource, None, adopted, &write_options()));
            }
            Claim::Release => {
                let released = released(&object, owner);
                drop(api.update(resource, None, released, &write_options()));
            }
            Claim::Ignore => {}
        }
    }
    owned
}

/// Which of `candidates` are to be looked at because of the `change` of an object that one of them may control or
/// adopt: its controller, before and now, and all that select an orphan.
pub(crate) fn concerned(change: &Change, api: &ApiServer, candidates: &'static Resource) -> Vec<Key> {
    let versions = [Some(&change.object), change.previous.as_ref()];
    let controllers: Vec<&Value> = versions
        .into_iter()
        .flatten()
        .filter_map(|version| controller_of(version))
        .collect();
    let namespace = text(&change.object, &["metadata", "namespace"]);
    let is_candidate = |owner: &&&Value| owner["kind"] == candidates.kind;
    let mut keys: BTreeSet<Key> = controllers
        .iter()
        .filter(is_candidate)
        .map(|owner| Key::new(namespace, text(owner, &["name"])))
        .collect();
    let left_alone = controller_of(&change.object).is_none() && relabelled(change);
    if change.kind != ChangeKind::Deleted && (controllers.is_empty() || left_alone) {
        let selecting = api.list(candidates, Some(namespace));
        keys.extend(
            selecting
                .filter(|owner| claim(owner, &change.object) == Claim::Adopt)
                .map(|owner| Key::of(owner)),
        );
    }
    keys.into_iter().collect()
}

/// Whether the write changed labels or owners, on which adoption hangs.
fn relabelled(change: &Change) -> bool {
    change.previous.as_ref().is_none_or(|previous| {
        let (old, new) = (&previous["metadata"], &change.object["metadata"]);
        old["labels"] != new["labels"] || old["ownerReferences"] != new["ownerReferences"]
    })
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
