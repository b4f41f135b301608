//! The namespace controller: empties a namespace that is being deleted, then lets it go.
//!
//! Source: `kubernetes/pkg/controller/namespace`.

use std::time::Duration;

use serde_json::Value;

use crate::apiserver::versions::stored_as;
use crate::apiserver::{ApiServer, DeleteOptions};
use crate::clock::Time;
use crate::resource::{ALL, NAMESPACES, Resource};
use crate::storage::{Change, ChangeKind, Object, text};

use super::controller::Controller;
use super::ownership::is_deleted;
use super::queue::{Key, WorkQueue};
use super::write_options;

mod conditions;

use conditions::Remaining;

/// How long after its deletion a namespace is emptied, so that every API server knows of it.
const GRACE: Duration = Duration::from_secs(5);

/// The controller, which remembers nothing.
#[derive(Debug)]
pub(crate) struct NamespaceController;

impl Controller for NamespaceController {
    type Item = Key;

    fn name(&self) -> &'static str {
        "namespace-controller"
    }

    fn observe(&mut self, change: &Change, api: &ApiServer, queue: &mut WorkQueue) {
        if change.resource == &NAMESPACES && change.kind != ChangeKind::Deleted {
            observe_namespace(&change.object, api.now(), queue);
        } else if change.kind == ChangeKind::Deleted && change.resource.namespaced {
            observe_content(&change.object, api, queue);
        }
    }

    fn sync(&mut self, api: &mut ApiServer, key: &Key, queue: &mut WorkQueue) {
        let Some(namespace) = api.get(&NAMESPACES, "", &key.name).cloned() else {
            queue.forget(key);
            return;
        };
        if !is_deleted(&namespace) {
            return;
        }
        delete_content(api, &key.name);
        let remaining = remaining(api, &key.name);
        write_conditions(api, &namespace, &remaining);
        if remaining.is_empty() {
            finalize(api, key, queue);
        }
    }
}

fn observe_namespace(namespace: &Value, now: Time, queue: &mut WorkQueue) {
    let deleted = text(namespace, &["metadata", "deletionTimestamp"]);
    if let Some(deleted) = Time::parse(deleted) {
        let first = deleted + GRACE;
        match first > now {
            true => queue.add_at(first, Key::of(namespace)),
            false => queue.add(now, Key::of(namespace)),
        }
    }
}

/// Something in a namespace is gone: it may have been the last.
fn observe_content(content: &Value, api: &ApiServer, queue: &mut WorkQueue) {
    let name = text(content, &["metadata", "namespace"]);
    if let Some(namespace) = api
        .get(&NAMESPACES, "", name)
        .filter(|namespace| is_deleted(namespace))
    {
        observe_namespace(namespace, api.now(), queue);
    }
}

fn finalize(api: &mut ApiServer, key: &Key, queue: &mut WorkQueue) {
    let Some(namespace) = api.get(&NAMESPACES, "", &key.name) else {
        return;
    };
    let mut namespace = Value::clone(namespace);
    if let Some(finalizers) = namespace["spec"]["finalizers"].as_array_mut() {
        finalizers.retain(|finalizer| finalizer != "kubernetes");
    }
    match api.update(&NAMESPACES, Some("finalize"), namespace, &write_options()) {
        Ok(_) => queue.forget(key),
        Err(refusal) if refusal.code == 404 => queue.forget(key),
        Err(_) => queue.retry(api.now(), key.clone()),
    }
}

/// The namespaced resources; those that are served in several versions only once.
fn contents() -> impl Iterator<Item = &'static Resource> {
    ALL.iter()
        .copied()
        .filter(|resource| resource.namespaced && stored_as(resource) == *resource)
}

fn delete_content(api: &mut ApiServer, namespace: &str) {
    let options = DeleteOptions {
        propagation_policy: Some("Background".to_owned()),
        ..DeleteOptions::default()
    };
    for resource in contents() {
        let objects: Vec<Object> = api.list(resource, Some(namespace)).cloned().collect();
        for object in objects.iter().filter(|object| !is_deleted(object)) {
            let name = text(object, &["metadata", "name"]);
            // What can't be deleted now remains, and is said to.
            drop(api.delete(resource, namespace, name, &options));
        }
    }
}

fn remaining(api: &ApiServer, namespace: &str) -> Remaining {
    let mut remaining = Remaining::default();
    for resource in contents() {
        for object in api.list(resource, Some(namespace)) {
            remaining.add(resource, object);
        }
    }
    remaining
}

fn write_conditions(api: &mut ApiServer, namespace: &Value, remaining: &Remaining) {
    let conditions = conditions::next(&namespace["status"]["conditions"], remaining, api.now());
    if namespace["status"]["conditions"] == conditions {
        return;
    }
    let mut namespace = namespace.clone();
    namespace["status"]["conditions"] = conditions;
    drop(api.update(&NAMESPACES, Some("status"), namespace, &write_options()));
}
