//! The way from client-side to server-side apply: kubectl's annotation with what it last applied.
//!
//! An object that `kubectl apply` made belongs to `kubectl-client-side-apply`, so the first `kubectl apply
//! --server-side` would conflict with kubectl itself. Fields that still are as the annotation says do not count.
//!
//! Source: `k8s.io/apimachinery/pkg/util/managedfields/internal/lastapplied{manager,updater}.go`, v1.36.

use serde_json::Value;

use super::entries;
use super::set::Set;
use super::tree::{compare, paths_of};
use crate::apiserver::place::Place;
use crate::html_escape::escaped;

const ANNOTATION: &str = "kubectl.kubernetes.io/last-applied-configuration";

/// The only manager for whom the annotation counts.
const KUBECTL: &str = "kubectl";

/// The fields that `manager` applied before on the client's side, and that nobody has changed since.
pub(super) fn unchanged_since(place: Place, live: &Value, manager: &str) -> Set {
    let Some(text) = annotation(live).filter(|_| manager == KUBECTL) else {
        return Set::default();
    };
    let Ok(last) = serde_json::from_str::<Value>(text) else {
        return Set::default();
    };
    if last.get("apiVersion") != live.get("apiVersion") {
        return Set::default();
    }
    let comparison = compare(place, &last, live);
    paths_of(place, &last)
        .difference(&comparison.modified)
        .difference(&comparison.added)
        .difference(&comparison.removed)
}

/// Keeps the annotation, where there is one, at what kubectl applies now.
pub(super) fn sync(object: &mut Value, applied: &Value, manager: &str) {
    if manager != KUBECTL || annotation(object).is_none() {
        return;
    }
    let text = format!("{}\n", escaped(&without_annotation(applied).to_string()));
    object["metadata"]["annotations"][ANNOTATION] = text.into();
}

fn annotation(object: &Value) -> Option<&str> {
    let annotations = object.pointer("/metadata/annotations")?;
    annotations
        .get(ANNOTATION)?
        .as_str()
        .filter(|text| !text.is_empty())
}

fn without_annotation(applied: &Value) -> Value {
    let mut applied = applied.clone();
    entries::remove_from(&mut applied);
    let annotations = applied
        .pointer_mut("/metadata/annotations")
        .and_then(Value::as_object_mut);
    if let Some(annotations) = annotations {
        annotations.remove(ANNOTATION);
    }
    applied
}
