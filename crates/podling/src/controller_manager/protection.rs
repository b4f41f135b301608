//! The protection controllers of claims and volumes: what is deleted goes once nobody uses it.
//!
//! Source: `pkg/controller/volume/{pvcprotection,pvprotection}`, v1.36.

use serde_json::{Value, json};

use crate::apiserver::ApiServer;
use crate::apiserver::admission::storage::{CLAIM_PROTECTION, VOLUME_PROTECTION};
use crate::clock::Time;
use crate::resource::{PERSISTENT_VOLUME_CLAIMS, PERSISTENT_VOLUMES, PODS, Resource};
use crate::storage::{Change, ChangeKind, Object, text};
use crate::volume;

use super::controller::Controller;
use super::ownership::is_deleted;
use super::queue::{Key, WorkQueue};
use super::write_options;

/// What is looked at.
#[derive(Clone, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub(crate) enum Work {
    /// A claim: whether a Pod uses it.
    Claim(Key),
    /// A volume: whether a claim is bound to it.
    Volume(Key),
}

/// Both controllers, which remember nothing.
#[derive(Debug)]
pub(crate) struct ProtectionController;

impl Controller for ProtectionController {
    type Item = Work;

    fn name(&self) -> &'static str {
        "persistentvolume-protection-controller"
    }

    fn observe(&mut self, change: &Change, api: &ApiServer, queue: &mut WorkQueue<Work>) {
        let (now, object) = (api.now(), &*change.object);
        let is_gone = change.kind == ChangeKind::Deleted;
        if change.resource == &PODS && is_gone {
            observe_pod(object, now, queue);
        } else if change.resource == &PERSISTENT_VOLUME_CLAIMS && !is_gone {
            queue.add(now, Work::Claim(Key::of(object)));
        } else if change.resource == &PERSISTENT_VOLUMES && !is_gone {
            queue.add(now, Work::Volume(Key::of(object)));
        }
    }

    fn sync(&mut self, api: &mut ApiServer, item: &Work, _: &mut WorkQueue<Work>) {
        match item {
            Work::Claim(key) => {
                if let Some(claim) = stored(api, &PERSISTENT_VOLUME_CLAIMS, key) {
                    let is_used = is_used_by_a_pod(api, &claim);
                    settle(api, &PERSISTENT_VOLUME_CLAIMS, &claim, CLAIM_PROTECTION, is_used);
                }
            }
            Work::Volume(key) => {
                if let Some(volume) = stored(api, &PERSISTENT_VOLUMES, key) {
                    let is_used = volume["status"]["phase"] == "Bound";
                    settle(api, &PERSISTENT_VOLUMES, &volume, VOLUME_PROTECTION, is_used);
                }
            }
        }
    }
}

/// The claims of a Pod that is gone may be free.
fn observe_pod(pod: &Value, now: Time, queue: &mut WorkQueue<Work>) {
    let namespace = text(pod, &["metadata", "namespace"]);
    for claim in volume::claims_of(pod) {
        queue.add(now, Work::Claim(Key::new(namespace, &claim)));
    }
}

fn stored(api: &ApiServer, resource: &'static Resource, key: &Key) -> Option<Object> {
    api.get(resource, &key.namespace, &key.name).cloned()
}

/// Whether a Pod that has a node has the claim among its volumes. One without a node will not be started.
fn is_used_by_a_pod(api: &ApiServer, claim: &Value) -> bool {
    let metadata = &claim["metadata"];
    api.list(&PODS, metadata["namespace"].as_str()).any(|pod| {
        !text(pod, &["spec", "nodeName"]).is_empty()
            && volume::claims_of(pod).any(|name| metadata["name"] == *name)
    })
}

fn settle(api: &mut ApiServer, resource: &'static Resource, object: &Object, finalizer: &str, is_used: bool) {
    if let Some(new) = plan(object, finalizer, is_used) {
        drop(api.update(resource, None, new, &write_options()));
    }
}

/// The object with the finalizer that it should have, or without the one that it should not have any more.
fn plan(object: &Value, finalizer: &str, is_used: bool) -> Option<Value> {
    let mut finalizers: Vec<Value> = object["metadata"]["finalizers"]
        .as_array()
        .cloned()
        .unwrap_or_default();
    let is_held = finalizers.iter().any(|f| f == finalizer);
    match (is_deleted(object), is_held) {
        (true, true) if !is_used => finalizers.retain(|f| f != finalizer),
        (false, false) => finalizers.push(finalizer.into()),
        _ => return None,
    }
    let mut new = object.clone();
    new["metadata"]["finalizers"] = json!(finalizers);
    Some(new)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_finalizer_goes_when_the_deleted_object_is_free() {
        let object = |deleted: bool, finalizers: Value| {
            let mut object = json!({"metadata": {"finalizers": finalizers}});
            if deleted {
                object["metadata"]["deletionTimestamp"] = "2026-01-01T00:00:00Z".into();
            }
            object
        };
        let cases = [
            (object(false, json!(["f"])), false, None),
            (object(false, json!([])), true, Some(json!(["f"]))),
            (object(true, json!(["f"])), true, None),
            (object(true, json!(["x", "f"])), false, Some(json!(["x"]))),
            (object(true, json!(["x"])), false, None),
        ];
        for (object, is_used, expected) in cases {
            let planned = plan(&object, "f", is_used).map(|new| new["metadata"]["finalizers"].clone());
            assert_eq!(planned, expected, "{object}");
        }
    }
}
