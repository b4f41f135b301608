//! What becomes of one object, given its owners and what it owns.

use serde_json::Value;

use crate::storage::Object;

use super::super::ownership::is_deleted;

/// The finalizer of an object that waits until what it owns is gone.
const FOREGROUND: &str = "foregroundDeletion";
/// The finalizer of an object whose dependents are to be let go.
const ORPHAN: &str = "orphan";

/// An owner, as its dependent sees it.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Owner {
    /// It is there.
    Solid,
    /// It is not, or is another object of the same name.
    Absent,
    /// It waits until its dependents are gone.
    Waiting,
}

/// What is to be done.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Decision {
    /// Nothing.
    Keep,
    /// Delete it, with that propagation policy.
    Delete(&'static str),
    /// Write it so.
    Update(Value),
    /// Look at each of its dependents.
    DeleteDependents,
    /// Take it off its dependents, then write it so.
    Orphan(Value),
}

/// The state of an owner that exists.
pub(super) fn owner_state(owner: &Value) -> Owner {
    match is_deleted(owner) && has_finalizer(owner, FOREGROUND) {
        true => Owner::Waiting,
        false => Owner::Solid,
    }
}

/// Whether the object is being deleted and waits for the collector.
pub(super) fn is_waiting(object: &Value) -> bool {
    is_deleted(object) && (has_finalizer(object, FOREGROUND) || has_finalizer(object, ORPHAN))
}

/// Decides about `object`; `dependents` are the objects that it owns, `find` looks up an owner.
pub(super) fn decide(object: &Value, dependents: &[&Object], find: impl Fn(&Value) -> Owner) -> Decision {
    if is_deleted(object) {
        return decide_deleted(object, dependents);
    }
    let references = super::references(object);
    let state = |wanted: Owner| references.iter().filter(|one| find(one) == wanted).count();
    let (solid, waiting) = (state(Owner::Solid), state(Owner::Waiting));
    if references.is_empty() || solid == references.len() {
        return Decision::Keep;
    }
    if solid > 0 {
        let kept = references.iter().filter(|one| find(one) == Owner::Solid);
        let mut object = object.clone();
        object["metadata"]["ownerReferences"] = kept.cloned().collect();
        return Decision::Update(object);
    }
    let policy = match waiting > 0 && !dependents.is_empty() {
        true => "Foreground",
        false if has_finalizer(object, ORPHAN) => "Orphan",
        false if has_finalizer(object, FOREGROUND) => "Foreground",
        false => "Background",
    };
    Decision::Delete(policy)
}

fn decide_deleted(object: &Value, dependents: &[&Object]) -> Decision {
    if has_finalizer(object, ORPHAN) {
        return Decision::Orphan(without_finalizer(object, ORPHAN));
    }
    if !has_finalizer(object, FOREGROUND) {
        return Decision::Keep;
    }
    let uid = &object["metadata"]["uid"];
    let blocks = |dependent: &&&Object| {
        let references = super::references(dependent).iter();
        let mut own = references.filter(|reference| reference["uid"] == *uid);
        own.any(|reference| reference["blockOwnerDeletion"] == true)
    };
    match dependents.iter().any(|dependent| blocks(&dependent)) {
        true => Decision::DeleteDependents,
        false => Decision::Update(without_finalizer(object, FOREGROUND)),
    }
}

fn has_finalizer(object: &Value, name: &str) -> bool {
    let finalizers = object["metadata"]["finalizers"].as_array();
    finalizers.is_some_and(|finalizers| finalizers.iter().any(|finalizer| finalizer == name))
}

fn without_finalizer(object: &Value, name: &str) -> Value {
    let mut object = object.clone();
    if let Some(finalizers) = object["metadata"]["finalizers"].as_array_mut() {
        finalizers.retain(|finalizer| finalizer != name);
    }
    object
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use serde_json::json;

    use super::*;

    fn child(owners: &[&str]) -> Value {
        let references: Vec<Value> = owners.iter().map(|uid| json!({"uid": uid})).collect();
        json!({"metadata": {"ownerReferences": references}})
    }

    fn find(reference: &Value) -> Owner {
        match reference["uid"].as_str() {
            Some("solid") => Owner::Solid,
            Some("waiting") => Owner::Waiting,
            _ => Owner::Absent,
        }
    }

    #[test]
    fn an_object_goes_when_its_last_owner_does() {
        let cases = [
            (child(&[]), Decision::Keep),
            (child(&["solid"]), Decision::Keep),
            (child(&["gone"]), Decision::Delete("Background")),
            (child(&["waiting"]), Decision::Delete("Background")),
            (child(&["gone", "solid"]), Decision::Update(child(&["solid"]))),
        ];
        for (object, expected) in cases {
            assert_eq!(decide(&object, &[], find), expected, "{object}");
        }
        let grandchild: Object = Arc::new(json!({}));
        let decision = decide(&child(&["waiting"]), &[&grandchild], find);
        assert_eq!(decision, Decision::Delete("Foreground"));
    }

    #[test]
    fn a_foreground_deletion_waits_for_those_that_block_it() {
        let owner =
            json!({"metadata": {"uid": "u", "deletionTimestamp": "t", "finalizers": [FOREGROUND, "x"]}});
        let dependent = |blocks: bool| -> Object {
            Arc::new(json!({"metadata": {"ownerReferences": [{"uid": "u", "blockOwnerDeletion": blocks}]}}))
        };
        let blocking = dependent(true);
        assert_eq!(decide(&owner, &[&blocking], find), Decision::DeleteDependents);
        let free = dependent(false);
        let Decision::Update(released) = decide(&owner, &[&free], find) else {
            panic!("the finalizer stays");
        };
        assert_eq!(released["metadata"]["finalizers"], json!(["x"]));
    }
}
