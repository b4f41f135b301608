//! The ephemeral volume controller: makes the claims behind a Pod's `ephemeral` volumes, which go with the Pod.
//!
//! Source: `pkg/controller/volume/ephemeral`, v1.36.

use serde_json::{Value, json};

use crate::apiserver::ApiServer;
use crate::events::{Event, Recorder};
use crate::resource::{PERSISTENT_VOLUME_CLAIMS, PODS};
use crate::storage::{Change, ChangeKind, text};
use crate::volume::claim_behind;

use super::controller::Controller;
use super::ownership::{controller_reference, is_deleted};
use super::queue::{Key, WorkQueue};
use super::write_options;

/// The controller, and what it remembers.
#[derive(Debug)]
pub(crate) struct EphemeralVolumeController {
    events: Recorder,
}

impl EphemeralVolumeController {
    /// A controller that has seen nothing yet.
    pub(crate) fn new() -> Self {
        Self {
            events: Recorder::new("ephemeral_volume", None),
        }
    }
}

impl Controller for EphemeralVolumeController {
    type Item = Key;

    fn name(&self) -> &'static str {
        "ephemeral-volume-controller"
    }

    fn observe(&mut self, change: &Change, api: &ApiServer, queue: &mut WorkQueue) {
        let is_new = change.kind == ChangeKind::Added && change.resource == &PODS;
        if is_new && ephemeral_volumes(&change.object).next().is_some() {
            queue.add(api.now(), Key::of(&change.object));
        }
        if change.resource == &PERSISTENT_VOLUME_CLAIMS && change.kind == ChangeKind::Deleted {
            claim_gone(&change.object, api, queue);
        }
    }

    fn sync(&mut self, api: &mut ApiServer, key: &Key, queue: &mut WorkQueue) {
        let Some(pod) = api.get(&PODS, &key.namespace, &key.name).cloned() else {
            queue.forget(key);
            return;
        };
        if is_deleted(&pod) {
            return;
        }
        for volume in ephemeral_volumes(&pod) {
            let Some(name) = claim_behind(&pod, volume) else {
                continue;
            };
            let found = api.get(&PERSISTENT_VOLUME_CLAIMS, &key.namespace, &name);
            let outcome = match found {
                Some(claim) => check_owner(&pod, claim),
                None => {
                    let claim = claim_for(&pod, volume, &name);
                    let created =
                        api.create(&PERSISTENT_VOLUME_CLAIMS, &key.namespace, claim, &write_options());
                    let failed = |why: crate::status::Status| format!("create PVC {name}: {}", why.message);
                    created.map(drop).map_err(failed)
                }
            };
            if let Err(why) = outcome {
                let event = Event::warning("FailedBinding", &why);
                self.events.record(api, &pod, None, event);
                queue.retry(api.now(), key.clone());
                return;
            }
        }
        queue.forget(key);
    }
}

/// A claim that is gone while its Pod is there is made again.
fn claim_gone(claim: &Value, api: &ApiServer, queue: &mut WorkQueue) {
    let owners = claim["metadata"]["ownerReferences"].as_array();
    let pods = owners
        .into_iter()
        .flatten()
        .filter(|owner| owner["kind"] == "Pod");
    for owner in pods {
        let namespace = text(claim, &["metadata", "namespace"]);
        queue.add(api.now(), Key::new(namespace, text(owner, &["name"])));
    }
}

fn ephemeral_volumes(pod: &Value) -> impl Iterator<Item = &Value> {
    let volumes = pod["spec"]["volumes"].as_array().into_iter().flatten();
    volumes.filter(|volume| volume["ephemeral"].is_object())
}

/// A claim of that name must have been made for the Pod.
fn check_owner(pod: &Value, claim: &Value) -> Result<(), String> {
    let owners = claim["metadata"]["ownerReferences"].as_array();
    let is_own = owners
        .into_iter()
        .flatten()
        .any(|owner| owner["uid"] == pod["metadata"]["uid"]);
    let full = |object: &Value| {
        let part = |key| text(object, &["metadata", key]).to_owned();
        format!("{}/{}", part("namespace"), part("name"))
    };
    match is_own {
        true => Ok(()),
        false => Err(format!(
            "PVC {} was not created for pod {} (pod is not owner)",
            full(claim),
            full(pod)
        )),
    }
}

fn claim_for(pod: &Value, volume: &Value, name: &str) -> Value {
    let template = &volume["ephemeral"]["volumeClaimTemplate"];
    let mut claim = json!({
        "apiVersion": "v1", "kind": "PersistentVolumeClaim",
        "metadata": {"name": name, "ownerReferences": [controller_reference(pod)]},
        "spec": template["spec"],
    });
    for key in ["labels", "annotations"] {
        if let Some(given) = template["metadata"].get(key) {
            claim["metadata"][key] = given.clone();
        }
    }
    claim
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_claim_is_made_from_the_template_and_owned_by_its_pod() {
        let pod = json!({"apiVersion": "v1", "kind": "Pod", "metadata": {"namespace": "a", "name": "p", "uid": "u"},
            "spec": {"volumes": [{"name": "v", "ephemeral": {"volumeClaimTemplate": {
                "metadata": {"labels": {"l": "1"}}, "spec": {"accessModes": ["ReadWriteOnce"]}}}}]}});
        let volume = ephemeral_volumes(&pod).next().unwrap();
        let name = claim_behind(&pod, volume).unwrap();
        let claim = claim_for(&pod, volume, &name);
        assert_eq!(claim["metadata"]["name"], "p-v");
        assert_eq!(claim["metadata"]["labels"], json!({"l": "1"}));
        assert_eq!(check_owner(&pod, &claim), Ok(()));
        let others = json!({"metadata": {"namespace": "a", "name": "p-v"}});
        let why = "PVC a/p-v was not created for pod a/p (pod is not owner)";
        assert_eq!(check_owner(&pod, &others), Err(why.to_owned()));
    }
}
