//! Namespaces: their label, their finalizer, their phase.

use serde_json::{Value, json};

use super::names::Rule;
use super::read::{Fields as _, copy, object_at};
use super::{PLAIN, Strategy};

pub(super) const STRATEGY: Strategy = Strategy {
    default,
    prepare_for_create,
    prepare_for_update: |new, old| {
        copy(&old["spec"], object_at(new, "spec"), "finalizers");
        copy(old, new, "status");
    },
    prepare_for_status_update: Some(|new, old| copy(old, new, "spec")),
    name: Rule::Label,
    checks_metadata_anew: false,
    ..PLAIN
};

/// The label by which selectors find a namespace by its name.
fn default(object: &mut Value) {
    let name = object["metadata"].text("name").to_owned();
    if !name.is_empty() {
        object_at(&mut object["metadata"], "labels")["kubernetes.io/metadata.name"] = name.into();
    }
}

fn prepare_for_create(object: &mut Value, _now: crate::clock::Time) {
    let finalizers = object_at(object, "spec")["finalizers"].as_array_mut();
    match finalizers {
        Some(list) if list.iter().any(|f| f == "kubernetes") => {}
        Some(list) => list.push("kubernetes".into()),
        None => object["spec"]["finalizers"] = json!(["kubernetes"]),
    }
    object["status"] = json!({"phase": "Active"});
}
