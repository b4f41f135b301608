//! The Deployment controller: rollouts, revisions, conditions.
//!
//! Source: `kubernetes/pkg/controller/deployment`. `kubectl rollout undo|pause|restart` only patch the
//! Deployment; everything else happens here.

use serde_json::Value;

use crate::apiserver::{ApiServer, DeleteOptions};
use crate::events::{Event, Recorder};
use crate::resource::{DEPLOYMENTS, PODS, REPLICA_SETS};
use crate::status::Status;
use crate::storage::{Change, ChangeKind, Object, text};

use super::controller::Controller;
use super::queue::{Key, WorkQueue};
use super::{ownership, pod, write_options};

mod plan;
mod proportion;
mod replicas;
mod status;
mod strategy;

use plan::{Observed, Write};
use replicas::ReplicaSet;
use status::Condition;

/// The controller, and what it remembers.
#[derive(Debug)]
pub(crate) struct DeploymentController {
    events: Recorder,
}

impl DeploymentController {
    /// A controller that has seen nothing yet.
    pub(crate) fn new() -> Self {
        Self {
            events: Recorder::new("deployment-controller", None),
        }
    }

    fn carry_out(
        &mut self,
        api: &mut ApiServer,
        deployment: &Object,
        writes: Vec<Write>,
    ) -> Result<(), Status> {
        let namespace = text(deployment, &["metadata", "namespace"]);
        let options = write_options();
        for write in writes {
            match write {
                Write::Create(set) => self.create(api, deployment, set)?,
                Write::Update(set) => drop(api.update(&REPLICA_SETS, None, latest(set), &options)?),
                Write::Delete(name) => {
                    drop(api.delete(&REPLICA_SETS, namespace, &name, &DeleteOptions::default())?);
                }
                Write::Status(deployment) => write_status(api, deployment)?,
                Write::Scaled(message) => {
                    let event = Event::normal("ScalingReplicaSet", &message);
                    self.events.record(api, deployment, None, event);
                }
            }
        }
        Ok(())
    }

    fn create(&mut self, api: &mut ApiServer, deployment: &Object, set: Value) -> Result<(), Status> {
        let namespace = text(deployment, &["metadata", "namespace"]);
        let name = text(&set, &["metadata", "name"]).to_owned();
        let Err(refusal) = api.create(&REPLICA_SETS, namespace, set, &write_options()) else {
            return Ok(());
        };
        let mut deployment = Value::clone(deployment);
        if refusal.reason == "AlreadyExists" {
            let collisions = deployment["status"]["collisionCount"]
                .as_i64()
                .unwrap_or_default();
            deployment["status"]["collisionCount"] = (collisions + 1).into();
        } else {
            let message = format!("Failed to create new replica set \"{name}\": {}", refusal.message);
            let event = Event::warning("ReplicaSetCreateError", &message);
            self.events.record(api, &deployment, None, event);
            let failed = Condition::progressing("False", "ReplicaSetCreateError", message.clone());
            status::set_condition(&mut deployment["status"], &failed, api.now());
        }
        write_status(api, deployment)?;
        Err(refusal)
    }
}

impl Controller for DeploymentController {
    type Item = Key;

    fn name(&self) -> &'static str {
        "deployment-controller"
    }

    fn observe(&mut self, change: &Change, api: &ApiServer, queue: &mut WorkQueue) {
        if change.resource == &DEPLOYMENTS && change.kind != ChangeKind::Deleted {
            queue.add(api.now(), Key::of(&change.object));
        } else if change.resource == &REPLICA_SETS {
            for key in ownership::concerned(change, api, &DEPLOYMENTS) {
                queue.add(api.now(), key);
            }
        } else if change.resource == &PODS && change.kind == ChangeKind::Deleted {
            observe_lost_pod(&change.object, api, queue);
        }
    }

    fn sync(&mut self, api: &mut ApiServer, key: &Key, queue: &mut WorkQueue) {
        let Some(deployment) = api.get(&DEPLOYMENTS, &key.namespace, &key.name).cloned() else {
            queue.forget(key);
            return;
        };
        let sets = ownership::claim_all(api, &deployment, &REPLICA_SETS, |_| true);
        let running = match strategy::is_recreate(&deployment) {
            true => running_sets(api, &sets),
            false => Vec::new(),
        };
        let observed = Observed {
            deployment: Value::clone(&deployment),
            sets: sets.iter().map(|set| ReplicaSet(Value::clone(set))).collect(),
            running,
        };
        let plan = plan::plan(observed, api.now());
        match self.carry_out(api, &deployment, plan.writes) {
            Ok(()) => queue.forget(key),
            Err(_) => queue.retry(api.now(), key.clone()),
        }
        if let Some(time) = plan.check_at {
            queue.add_at(time, key.clone());
        }
    }
}

/// A Recreate Deployment waits for the last of its old pods.
fn observe_lost_pod(pod: &Value, api: &ApiServer, queue: &mut WorkQueue) {
    let namespace = text(pod, &["metadata", "namespace"]);
    let Some(set) = ownership::controller_of(pod) else {
        return;
    };
    let Some(set) = api.get(&REPLICA_SETS, namespace, text(set, &["name"])) else {
        return;
    };
    let Some(owner) = ownership::controller_of(set) else {
        return;
    };
    let name = text(owner, &["name"]);
    let deployment = api.get(&DEPLOYMENTS, namespace, name);
    if deployment.is_some_and(|deployment| strategy::is_recreate(deployment)) {
        queue.add(api.now(), Key::new(namespace, name));
    }
}

/// The UIDs of those of `sets` that have pods which have not ended.
fn running_sets(api: &ApiServer, sets: &[Object]) -> Vec<String> {
    let Some(first) = sets.first() else {
        return Vec::new();
    };
    let namespace = text(first, &["metadata", "namespace"]);
    let running: Vec<&str> = api
        .list(&PODS, Some(namespace))
        .filter(|pod| !matches!(pod::phase(pod), "Succeeded" | "Failed"))
        .filter_map(|pod| Some(text(ownership::controller_of(pod)?, &["uid"])))
        .collect();
    let uids = sets.iter().map(|set| ownership::uid_of(set));
    uids.filter(|uid| running.contains(uid))
        .map(str::to_owned)
        .collect()
}

/// `object` to be written over whatever version is stored: nothing comes between reading and writing here.
fn latest(mut object: Value) -> Value {
    if let Some(metadata) = object["metadata"].as_object_mut() {
        metadata.remove("resourceVersion");
    }
    object
}

fn write_status(api: &mut ApiServer, deployment: Value) -> Result<(), Status> {
    api.update(&DEPLOYMENTS, Some("status"), latest(deployment), &write_options())?;
    Ok(())
}
