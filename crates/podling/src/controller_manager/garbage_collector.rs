//! The garbage collector: what is owned goes with its owners.
//!
//! Source: `kubernetes/pkg/controller/garbagecollector`.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use crate::apiserver::versions::stored_as;
use crate::apiserver::{ApiServer, DeleteOptions};
use crate::clock::Time;
use crate::resource::Resource;
use crate::storage::{Change, ChangeKind, Object, text};

use super::controller::Controller;
use super::ownership::{self, is_deleted};
use super::queue::WorkQueue;
use super::write_options;

mod decide;

use decide::Decision;

/// Which object.
#[derive(Clone, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub(crate) struct ObjectKey {
    resource: &'static Resource,
    namespace: String,
    name: String,
}

impl ObjectKey {
    fn of(resource: &'static Resource, object: &Value) -> Self {
        Self {
            resource,
            namespace: text(object, &["metadata", "namespace"]).to_owned(),
            name: text(object, &["metadata", "name"]).to_owned(),
        }
    }

    fn get<'a>(&self, api: &'a ApiServer) -> Option<&'a Object> {
        api.get(self.resource, &self.namespace, &self.name)
    }
}

/// The collector: who owns what.
#[derive(Debug, Default)]
pub(crate) struct GarbageCollector {
    /// What each owner, by UID, owns.
    dependents: BTreeMap<String, BTreeSet<ObjectKey>>,
}

impl GarbageCollector {
    fn index(&mut self, key: &ObjectKey, previous: Option<&Value>, now: Option<&Value>) {
        for owner in previous.into_iter().flat_map(owners) {
            if let Some(owned) = self.dependents.get_mut(owner) {
                owned.remove(key);
                if owned.is_empty() {
                    self.dependents.remove(owner);
                }
            }
        }
        for owner in now.into_iter().flat_map(owners) {
            self.dependents
                .entry(owner.to_owned())
                .or_default()
                .insert(key.clone());
        }
    }

    fn dependents_of(&self, object: &Value) -> Vec<ObjectKey> {
        let owned = self.dependents.get(ownership::uid_of(object));
        owned.into_iter().flatten().cloned().collect()
    }

    fn add_dependents(&self, object: &Value, now: Time, queue: &mut WorkQueue<ObjectKey>) {
        for dependent in self.dependents_of(object) {
            queue.add(now, dependent);
        }
    }
}

impl Controller for GarbageCollector {
    type Item = ObjectKey;

    fn name(&self) -> &'static str {
        "garbage-collector-controller"
    }

    fn observe(&mut self, change: &Change, api: &ApiServer, queue: &mut WorkQueue<ObjectKey>) {
        let key = ObjectKey::of(change.resource, &change.object);
        let now = api.now();
        let previous = change.previous.as_deref();
        if change.kind == ChangeKind::Deleted {
            self.index(&key, previous, None);
            self.add_dependents(&change.object, now, queue);
            add_owners(&key, &change.object, api, queue);
            return;
        }
        let reowned = previous.is_none_or(|previous| {
            previous["metadata"]["ownerReferences"] != change.object["metadata"]["ownerReferences"]
        });
        if reowned {
            self.index(&key, previous, Some(&change.object));
            add_owners(&key, previous.unwrap_or(&change.object), api, queue);
        }
        let owned = reowned && !references(&change.object).is_empty();
        if owned || decide::is_waiting(&change.object) {
            queue.add(now, key);
        }
    }

    fn sync(&mut self, api: &mut ApiServer, key: &ObjectKey, queue: &mut WorkQueue<ObjectKey>) {
        let Some(object) = key.get(api).cloned() else {
            queue.forget(key);
            return;
        };
        let dependents = self.dependents_of(&object);
        let owned: Vec<&Object> = dependents
            .iter()
            .filter_map(|dependent| dependent.get(api))
            .collect();
        let decision = decide::decide(&object, &owned, |reference| find_owner(api, key, reference));
        match decision {
            Decision::Keep => {}
            Decision::Delete(policy) => delete(api, key, &object, policy, queue),
            Decision::Update(object) => update(api, key, object, queue),
            Decision::DeleteDependents => {
                let now = api.now();
                self.add_dependents(&object, now, queue);
            }
            Decision::Orphan(without_finalizer) => {
                orphan(api, &object, &dependents, queue);
                update(api, key, without_finalizer, queue);
            }
        }
    }
}

fn orphan(api: &mut ApiServer, owner: &Value, dependents: &[ObjectKey], queue: &mut WorkQueue<ObjectKey>) {
    for key in dependents {
        if let Some(dependent) = key.get(api) {
            let released = ownership::released(dependent, owner);
            update(api, key, released, queue);
        }
    }
}

/// An owner may wait for what it owns.
fn add_owners(key: &ObjectKey, object: &Value, api: &ApiServer, queue: &mut WorkQueue<ObjectKey>) {
    for reference in references(object) {
        if let Some(owner) = owner_key(key, reference)
            && owner.get(api).is_some_and(|owner| is_deleted(owner))
        {
            queue.add(api.now(), owner);
        }
    }
}

fn delete(
    api: &mut ApiServer,
    key: &ObjectKey,
    object: &Value,
    policy: &str,
    queue: &mut WorkQueue<ObjectKey>,
) {
    let options = DeleteOptions {
        propagation_policy: Some(policy.to_owned()),
        uid: Some(ownership::uid_of(object).to_owned()),
        ..DeleteOptions::default()
    };
    match api.delete(key.resource, &key.namespace, &key.name, &options) {
        Ok(_) => queue.forget(key),
        Err(refusal) if refusal.code == 404 => queue.forget(key),
        Err(_) => queue.retry(api.now(), key.clone()),
    }
}

fn update(api: &mut ApiServer, key: &ObjectKey, object: Value, queue: &mut WorkQueue<ObjectKey>) {
    match api.update(key.resource, None, object, &write_options()) {
        Ok(_) => queue.forget(key),
        Err(refusal) if refusal.code == 404 => queue.forget(key),
        Err(_) => queue.retry(api.now(), key.clone()),
    }
}

fn references(object: &Value) -> &[Value] {
    let references = object["metadata"]["ownerReferences"].as_array();
    references.map(Vec::as_slice).unwrap_or_default()
}

fn owners(object: &Value) -> impl Iterator<Item = &str> {
    references(object)
        .iter()
        .map(|reference| text(reference, &["uid"]))
}

/// The owner's key; `None` for a kind that is not served.
fn owner_key(dependent: &ObjectKey, reference: &Value) -> Option<ObjectKey> {
    let resource = resource_of(reference)?;
    let namespace = match resource.namespaced {
        true => dependent.namespace.clone(),
        false => String::new(),
    };
    Some(ObjectKey {
        resource,
        namespace,
        name: text(reference, &["name"]).to_owned(),
    })
}

fn resource_of(reference: &Value) -> Option<&'static Resource> {
    let group_version = text(reference, &["apiVersion"]);
    let resource = crate::resource::by_kind(group_version, text(reference, &["kind"]))?;
    Some(stored_as(resource))
}

fn find_owner(api: &ApiServer, dependent: &ObjectKey, reference: &Value) -> decide::Owner {
    let Some(key) = owner_key(dependent, reference) else {
        return decide::Owner::Solid;
    };
    match key.get(api) {
        Some(owner) if owner["metadata"]["uid"] == reference["uid"] => decide::owner_state(owner),
        _ => decide::Owner::Absent,
    }
}
