//! Deleting objects: preconditions, grace, finalizers, propagation.
//!
//! Source: `k8s.io/apiserver/pkg/registry/rest/delete.go` and `.../generic/registry/store.go`.

use std::sync::Arc;
use std::time::Duration;

use serde_json::Value;

use super::registry::priority_class;
use super::{ApiServer, DeleteOptions, registry};
use crate::clock::Time;
use crate::resource::{NAMESPACES, PODS, PRIORITY_CLASSES, Resource};
use crate::status::Status;
use crate::storage::{Object, text};

/// The finalizer that foreground deletion sets and the garbage collector takes away.
const FOREGROUND: &str = "foregroundDeletion";

/// The finalizer that orphaning sets and the garbage collector takes away.
const ORPHAN: &str = "orphan";

/// Whether nothing holds a deleted object any more.
pub(super) fn is_complete(object: &Value) -> bool {
    let metadata = &object["metadata"];
    let held = |value: &Value| value.as_array().is_some_and(|finalizers| !finalizers.is_empty());
    metadata.get("deletionTimestamp").is_some()
        && metadata["deletionGracePeriodSeconds"].as_i64().unwrap_or(0) == 0
        && !held(&metadata["finalizers"])
        && !(object["kind"] == "Namespace" && held(&object["spec"]["finalizers"]))
}

pub(super) fn delete(
    api: &mut ApiServer,
    resource: &'static Resource,
    namespace: &str,
    name: &str,
    options: &DeleteOptions,
) -> Result<Object, Status> {
    let Some(object) = api.get(resource, namespace, name).cloned() else {
        return Err(Status::not_found(resource.group, resource.plural, name));
    };
    check_may_go(resource, name)?;
    check_preconditions(resource, &object, options)?;
    let mut marked = Value::clone(&object);
    let policy = options
        .propagation_policy
        .as_deref()
        .or_else(|| default_policy(resource, &object));
    set_finalizers(&mut marked, policy);
    mark(resource, &mut marked, &object, options, api.now());
    if is_complete(&marked) {
        // Only a kind with graceful deletion shows that it was marked before it went.
        if resource != &PODS {
            return Ok(remove(api, resource, Value::clone(&object), options.dry_run));
        }
        if marked != *object {
            marked = Value::clone(&api.put(resource, marked, options.dry_run));
        }
        return Ok(remove(api, resource, marked, options.dry_run));
    }
    if marked == *object {
        return Ok(object);
    }
    Ok(api.put(resource, marked, options.dry_run))
}

/// Refuses to delete what the system cannot do without.
fn check_may_go(resource: &Resource, name: &str) -> Result<(), Status> {
    let refusal = (resource == &PRIORITY_CLASSES)
        .then(|| priority_class::deletion_refusal(name))
        .flatten();
    refusal.map_or(Ok(()), |why| {
        Err(Status::forbidden(resource.group, resource.plural, name, why))
    })
}

fn remove(api: &mut ApiServer, resource: &'static Resource, last: Value, dry_run: bool) -> Object {
    let (namespace, name) = (
        text(&last, &["metadata", "namespace"]),
        text(&last, &["metadata", "name"]),
    );
    if !dry_run {
        api.store.remove(resource, namespace, name);
    }
    Arc::new(last)
}

/// Refuses where `options` name another UID or resourceVersion than the object has.
pub(super) fn check_preconditions(
    resource: &Resource,
    object: &Value,
    options: &DeleteOptions,
) -> Result<(), Status> {
    let name = text(object, &["metadata", "name"]);
    let refuse = |why: String| Err(Status::conflict(resource.group, resource.kind, name, &why));
    let uid = text(object, &["metadata", "uid"]);
    if let Some(wanted) = options.uid.as_deref().filter(|wanted| *wanted != uid) {
        return refuse(format!(
            "the UID in the precondition ({wanted}) does not match the UID in record ({uid}). \
             The object might have been deleted and then recreated"
        ));
    }
    let version = text(object, &["metadata", "resourceVersion"]);
    if let Some(wanted) = options
        .resource_version
        .as_deref()
        .filter(|wanted| *wanted != version)
    {
        return refuse(format!(
            "the ResourceVersion in the precondition ({wanted}) does not match the ResourceVersion in record \
             ({version}). The object might have been modified"
        ));
    }
    Ok(())
}

/// What a deletion without a policy does; the object's own finalizers come before what its kind does.
fn default_policy(resource: &Resource, object: &Value) -> Option<&'static str> {
    let finalizers = object["metadata"]["finalizers"].as_array();
    let is_settled = finalizers
        .into_iter()
        .flatten()
        .any(|finalizer| finalizer == FOREGROUND || finalizer == ORPHAN);
    (!is_settled && registry::orphans_by_default(resource)).then_some("Orphan")
}

/// Sets or clears the garbage collector's finalizers as the policy asks
/// (`deletionFinalizersForGarbageCollection`).
fn set_finalizers(object: &mut Value, policy: Option<&str>) {
    let Some(policy) = policy else { return };
    let mut finalizers: Vec<Value> = object["metadata"]["finalizers"]
        .as_array()
        .cloned()
        .unwrap_or_default();
    finalizers.retain(|finalizer| finalizer != FOREGROUND && finalizer != ORPHAN);
    match policy {
        "Foreground" => finalizers.push(FOREGROUND.into()),
        "Orphan" => finalizers.push(ORPHAN.into()),
        _ => {}
    }
    if !finalizers.is_empty() {
        object["metadata"]["finalizers"] = finalizers.into();
    } else if let Some(metadata) = object["metadata"].as_object_mut() {
        metadata.remove("finalizers");
    }
}

/// Puts the deletion's time and grace on the object (`BeforeDelete`).
fn mark(resource: &Resource, object: &mut Value, old: &Value, options: &DeleteOptions, now: Time) {
    let grace = grace_period(resource, old, options);
    let metadata = &old["metadata"];
    if metadata.get("deletionTimestamp").is_some() {
        if resource == &PODS && options.grace_period_seconds.is_some() {
            shorten(object, grace);
        }
        return;
    }
    object["metadata"]["deletionTimestamp"] =
        (now + Duration::from_secs(grace.unsigned_abs())).rfc3339().into();
    if resource == &NAMESPACES {
        // A namespace ends through its own finalizer and shows no grace period.
        object["status"]["phase"] = "Terminating".into();
        return;
    }
    object["metadata"]["deletionGracePeriodSeconds"] = grace.into();
    if let Some(generation) = metadata["generation"].as_i64() {
        object["metadata"]["generation"] = (generation + 1).into();
    }
}

/// A second deletion may shorten the grace period, never lengthen it.
fn shorten(object: &mut Value, grace: i64) {
    let metadata = &mut object["metadata"];
    let saved = metadata["deletionGracePeriodSeconds"].as_i64().unwrap_or(0) - grace;
    if saved <= 0 {
        return;
    }
    if let Some(deletion) = metadata["deletionTimestamp"].as_str().and_then(Time::parse) {
        metadata["deletionTimestamp"] = (deletion - Duration::from_secs(saved.unsigned_abs()))
            .rfc3339()
            .into();
    }
    metadata["deletionGracePeriodSeconds"] = grace.into();
}

/// Seconds of grace: only pods that a kubelet has to stop get any
/// (`registry/core/pod/strategy.go`, `CheckGracefulDelete`).
fn grace_period(resource: &Resource, object: &Value, options: &DeleteOptions) -> i64 {
    if resource != &PODS {
        return 0;
    }
    let finished = matches!(text(object, &["status", "phase"]), "Succeeded" | "Failed");
    if text(object, &["spec", "nodeName"]).is_empty() || finished {
        return 0;
    }
    let own = object["spec"]["terminationGracePeriodSeconds"]
        .as_i64()
        .unwrap_or(30);
    match options.grace_period_seconds.unwrap_or(own) {
        // A negative period means as soon as possible, but still through the kubelet.
        negative if negative < 0 => 1,
        seconds => seconds,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn only_a_pod_on_a_node_gets_grace() {
        let pod = |node: &str, phase: &str| json!({"spec": {"nodeName": node}, "status": {"phase": phase}});
        let asked = |seconds| DeleteOptions {
            grace_period_seconds: seconds,
            ..DeleteOptions::default()
        };
        for (object, options, grace) in [
            (pod("", "Pending"), asked(None), 0),
            (pod("n", "Running"), asked(None), 30),
            (pod("n", "Running"), asked(Some(0)), 0),
            (pod("n", "Running"), asked(Some(-1)), 1),
            (pod("n", "Succeeded"), asked(Some(9)), 0),
        ] {
            assert_eq!(
                grace_period(&PODS, &object, &options),
                grace,
                "{object} {options:?}"
            );
        }
    }

    #[test]
    fn grace_is_shortened_never_lengthened() {
        let deleting = json!({"metadata": {"deletionTimestamp": "2026-01-01T00:00:30Z", "deletionGracePeriodSeconds": 30}});
        let mut shortened = deleting.clone();
        shorten(&mut shortened, 10);
        assert_eq!(shortened["metadata"]["deletionTimestamp"], "2026-01-01T00:00:10Z");
        let mut same = deleting.clone();
        shorten(&mut same, 60);
        assert_eq!(same, deleting);
    }
}
