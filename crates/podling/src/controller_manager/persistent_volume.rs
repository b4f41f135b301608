//! The persistent volume binder: gives claims their volumes, asks for volumes to be made, and takes back those
//! whose claims are gone.
//!
//! Source: `pkg/controller/volume/persistentvolume/pv_controller.go`, v1.36. Differs from Kubernetes: volumes with
//! the reclaim policy Recycle are not scrubbed, and stay Released.

use std::time::Duration;

use serde_json::Value;

use crate::apiserver::{ApiServer, DeleteOptions};
use crate::clock::Time;
use crate::events::{Event, Recorder};
use crate::resource::{PERSISTENT_VOLUME_CLAIMS, PERSISTENT_VOLUMES, PODS, STORAGE_CLASSES};
use crate::storage::{Change, ChangeKind, Object, text};
use crate::volume::{self, class_of};

use super::controller::Controller;
use super::queue::{Key, WorkQueue, next_round};
use super::{pod, write_options};

mod claim;
mod release;

use claim::{ClaimPlan, Surroundings};
use release::{Reclaim, VolumePlan};

/// How often claims without a volume are looked at again.
const RESYNC: Duration = Duration::from_secs(15);

/// What is looked at.
#[derive(Clone, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub(crate) enum Work {
    /// A claim.
    Claim(Key),
    /// The volume of that name.
    Volume(String),
}

/// The controller, and what it remembers.
#[derive(Debug)]
pub(crate) struct PersistentVolumeController {
    events: Recorder,
    /// When the controller first saw anything: resyncs come each so long after it.
    started: Option<Time>,
}

impl PersistentVolumeController {
    /// A controller that has seen nothing yet.
    pub(crate) fn new() -> Self {
        Self {
            events: Recorder::new("persistentvolume-controller", None),
            started: None,
        }
    }

    fn sync_claim(&mut self, api: &mut ApiServer, key: &Key, queue: &mut WorkQueue<Work>) {
        let Some(claim) = api
            .get(&PERSISTENT_VOLUME_CLAIMS, &key.namespace, &key.name)
            .cloned()
        else {
            return;
        };
        let plan = claim::plan(&claim, &surroundings(api, &claim));
        self.carry_out(api, &claim, plan);
        let is_bound = (api.get(&PERSISTENT_VOLUME_CLAIMS, &key.namespace, &key.name))
            .is_none_or(|claim| claim["status"]["phase"] == "Bound");
        if !is_bound {
            let next = next_round(self.started.unwrap_or_default(), RESYNC, api.now());
            queue.add_at(next, Work::Claim(key.clone()));
        }
    }

    fn carry_out(&mut self, api: &mut ApiServer, claim: &Object, plan: ClaimPlan) {
        match plan {
            ClaimPlan::Bind(volume) => bind(api, &volume, claim),
            ClaimPlan::Wait(why) => {
                if let Some(why) = why {
                    self.events.record(api, claim, None, why.event());
                }
                write_claim_status(api, claim, "Pending", None);
            }
            ClaimPlan::Lose(why) => {
                if claim["status"]["phase"] != "Lost" {
                    write_claim_status(api, claim, "Lost", None);
                    self.events.record(api, claim, None, why.event());
                }
            }
            ClaimPlan::TakeClass(class) => {
                let mut new = Value::clone(claim);
                new["spec"]["storageClassName"] = class.into();
                drop(api.update(&PERSISTENT_VOLUME_CLAIMS, None, new, &write_options()));
            }
            ClaimPlan::Provision(provisioner) => self.provision(api, claim, &provisioner),
        }
    }

    /// Tells the claim who shall make its volume, and waits for that.
    fn provision(&mut self, api: &mut ApiServer, claim: &Object, provisioner: &str) {
        let mut new = Value::clone(claim);
        for key in volume::PROVISIONERS {
            volume::annotate(&mut new, key, provisioner);
        }
        let written = api.update(&PERSISTENT_VOLUME_CLAIMS, None, new, &write_options());
        let claim = written.unwrap_or_else(|_| claim.clone());
        let message = claim::external(provisioner);
        let event = Event::normal("ExternalProvisioning", &message);
        self.events.record(api, &claim, None, event);
    }

    fn sync_volume(&mut self, api: &mut ApiServer, name: &str, queue: &mut WorkQueue<Work>) {
        let Some(volume) = api.get(&PERSISTENT_VOLUMES, "", name).cloned() else {
            return;
        };
        let reference = &volume["spec"]["claimRef"];
        let (namespace, claim) = (text(reference, &["namespace"]), text(reference, &["name"]));
        let claim = api.get(&PERSISTENT_VOLUME_CLAIMS, namespace, claim).cloned();
        match release::plan(&volume, claim.as_deref()) {
            VolumePlan::Phase(phase) => write_volume_phase(api, &volume, phase, ""),
            VolumePlan::Mismatched => self.report_mismatch(api, &volume, claim.as_ref()),
            VolumePlan::LookAtClaim => {
                if let Some(claim) = claim {
                    queue.add(api.now(), Work::Claim(Key::of(&claim)));
                }
            }
            VolumePlan::Unbind => unbind(api, &volume),
            VolumePlan::Release => self.release(api, &volume),
        }
    }

    fn report_mismatch(&mut self, api: &mut ApiServer, volume: &Object, claim: Option<&Object>) {
        let Some(claim) = claim else {
            return;
        };
        let name = |object: &Value| text(object, &["metadata", "name"]).to_owned();
        let of_volume = format!(
            "Cannot bind PersistentVolume to requested PersistentVolumeClaim {:?} due to incompatible volumeMode.",
            name(claim)
        );
        let of_claim = format!(
            "Cannot bind PersistentVolume {:?} to requested PersistentVolumeClaim due to incompatible volumeMode.",
            name(volume)
        );
        let reason = "VolumeMismatch";
        self.events
            .record(api, volume, None, Event::warning(reason, &of_volume));
        self.events
            .record(api, claim, None, Event::warning(reason, &of_claim));
    }

    /// The claim is gone: the volume is kept, deleted, or left to whoever made it.
    fn release(&mut self, api: &mut ApiServer, volume: &Object) {
        if !matches!(text(volume, &["status", "phase"]), "Released" | "Failed") {
            write_volume_phase(api, volume, "Released", "");
        }
        let name = text(volume, &["metadata", "name"]);
        let Some(volume) = api.get(&PERSISTENT_VOLUMES, "", name).cloned() else {
            return;
        };
        match release::reclaim(&volume) {
            Reclaim::Keep => {}
            Reclaim::Delete => drop(api.delete(&PERSISTENT_VOLUMES, "", name, &DeleteOptions::default())),
            Reclaim::Fail(reason, message) => {
                if volume["status"]["phase"] != "Failed" {
                    write_volume_phase(api, &volume, "Failed", &message);
                    self.events
                        .record(api, &volume, None, Event::warning(reason, &message));
                }
            }
        }
    }
}

impl Controller for PersistentVolumeController {
    type Item = Work;

    fn name(&self) -> &'static str {
        "persistentvolume-binder-controller"
    }

    fn observe(&mut self, change: &Change, api: &ApiServer, queue: &mut WorkQueue<Work>) {
        let now = api.now();
        let is_gone = change.kind == ChangeKind::Deleted;
        let object = &*change.object;
        let spec = &object["spec"];
        if change.resource == &PERSISTENT_VOLUME_CLAIMS {
            self.started.get_or_insert(now);
            let volume = text(spec, &["volumeName"]);
            match (is_gone, volume) {
                (true, "") => {}
                (true, volume) => queue.add(now, Work::Volume(volume.to_owned())),
                (false, _) => queue.add(now, Work::Claim(Key::of(object))),
            }
        } else if change.resource == &PERSISTENT_VOLUMES {
            self.started.get_or_insert(now);
            let reference = &spec["claimRef"];
            if !is_gone {
                let name = text(object, &["metadata", "name"]).to_owned();
                queue.add(now, Work::Volume(name));
            } else if reference.is_object() {
                let key = Key::new(text(reference, &["namespace"]), text(reference, &["name"]));
                queue.add(now, Work::Claim(key));
            }
        }
    }

    fn sync(&mut self, api: &mut ApiServer, item: &Work, queue: &mut WorkQueue<Work>) {
        match item {
            Work::Claim(key) => self.sync_claim(api, key, queue),
            Work::Volume(name) => self.sync_volume(api, name, queue),
        }
    }
}

fn surroundings(api: &ApiServer, claim: &Value) -> Surroundings {
    let class = class_of(claim);
    let classes: Vec<&Value> = api.list(&STORAGE_CLASSES, None).map(AsRef::as_ref).collect();
    Surroundings {
        volumes: api.list(&PERSISTENT_VOLUMES, None).cloned().collect(),
        class: api.get(&STORAGE_CLASSES, "", class).cloned(),
        default_class: crate::apiserver::admission::storage::default_class_of(&classes),
        waiting_pods: waiting_pods(api, claim),
    }
}

/// The Pods that use the claim and have no node yet.
fn waiting_pods(api: &ApiServer, claim: &Value) -> Vec<String> {
    let metadata = &claim["metadata"];
    let waits = |pod: &&Object| {
        text(pod, &["spec", "nodeName"]).is_empty()
            && !matches!(pod::phase(pod), "Succeeded" | "Failed")
            && volume::claims_of(pod).any(|name| metadata["name"] == *name)
    };
    let pods = api.list(&PODS, metadata["namespace"].as_str()).filter(waits);
    pods.map(|pod| text(pod, &["metadata", "name"]).to_owned())
        .collect()
}

/// Writes both halves of a binding, and both phases.
fn bind(api: &mut ApiServer, volume: &Object, claim: &Object) {
    let written = volume::bound_volume(volume, claim)
        .map(|new| api.update(&PERSISTENT_VOLUMES, None, new, &write_options()));
    let Ok(volume) = written.unwrap_or_else(|| Ok(volume.clone())) else {
        return;
    };
    write_volume_phase(api, &volume, "Bound", "");
    let written = claim::bound(claim, &volume)
        .map(|new| api.update(&PERSISTENT_VOLUME_CLAIMS, None, new, &write_options()));
    let Ok(claim) = written.unwrap_or_else(|| Ok(claim.clone())) else {
        return;
    };
    write_claim_status(api, &claim, "Bound", Some(&volume));
}

/// Takes the volume back from a claim that is bound elsewhere; a reservation by a person stays, without the UID.
fn unbind(api: &mut ApiServer, volume: &Object) {
    let new = release::unbound(volume);
    if let Ok(volume) = api.update(&PERSISTENT_VOLUMES, None, new, &write_options()) {
        write_volume_phase(api, &volume, "Available", "");
    }
}

fn write_claim_status(api: &mut ApiServer, claim: &Object, phase: &str, volume: Option<&Value>) {
    let status = claim::status(&claim["status"], phase, volume);
    if status == claim["status"] {
        return;
    }
    let mut new = Value::clone(claim);
    new["status"] = status;
    // The claim may be gone in the meantime: then nobody wants its status.
    drop(api.update(&PERSISTENT_VOLUME_CLAIMS, Some("status"), new, &write_options()));
}

fn write_volume_phase(api: &mut ApiServer, volume: &Object, phase: &str, message: &str) {
    if volume["status"]["phase"] == phase {
        return;
    }
    let mut new = Value::clone(volume);
    new["status"]["phase"] = phase.into();
    new["status"]["message"] = message.into();
    drop(api.update(&PERSISTENT_VOLUMES, Some("status"), new, &write_options()));
}
