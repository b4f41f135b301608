//! What the Job controller writes to the API server, beside the Pods that it makes and removes.

use std::collections::BTreeSet;

use serde_json::Value;

use super::pod;
use super::tally::Tally;
use crate::apiserver::ApiServer;
use crate::controller_manager::ownership::{self, Claim};
use crate::controller_manager::write_options;
use crate::resource::{JOBS, PODS};
use crate::status::Status;
use crate::storage::{Object, text};

/// Writes the Job's status; the Job as it is stored then.
pub(super) fn write_status(api: &mut ApiServer, job: Value) -> Result<Value, Status> {
    let written = api.update(&JOBS, Some("status"), job, &write_options())?;
    Ok(Value::clone(&written))
}

/// The Job's Pods, after orphans were adopted and strangers let go.
pub(super) fn claim_pods(api: &mut ApiServer, job: &Value) -> Vec<Object> {
    let namespace = text(job, &["metadata", "namespace"]);
    let pods: Vec<Object> = api.list(&PODS, Some(namespace)).cloned().collect();
    let mut owned = Vec::new();
    for pod in pods {
        match ownership::claim(job, &pod) {
            Claim::Owned => owned.push(pod),
            Claim::Adopt => {
                let adopted = pod::tracked(ownership::adopted(&pod, job));
                owned.extend(api.update(&PODS, None, adopted, &write_options()));
            }
            Claim::Release => {
                let released = pod::untracked(&ownership::released(&pod, job));
                drop(api.update(&PODS, None, released, &write_options()));
            }
            Claim::Ignore => {}
        }
    }
    owned
}

/// Takes the finalizer off a Pod of the Job.
pub(super) fn free(api: &mut ApiServer, job: &Value, name: &str) -> Result<(), Status> {
    let namespace = text(job, &["metadata", "namespace"]);
    let pod = api.get(&PODS, namespace, name).filter(|pod| pod::is_tracked(pod));
    let Some(freed) = pod.map(|pod| pod::untracked(pod)) else {
        return Ok(());
    };
    match api.update(&PODS, None, freed, &write_options()) {
        Err(refusal) if refusal.code != 404 => Err(refusal),
        _ => Ok(()),
    }
}

/// Takes the finalizer off these Pods, and their UIDs out of `tracked`; the first refusal, if there is one.
pub(super) fn free_all(
    api: &mut ApiServer,
    tally: &Tally<'_>,
    names: &[String],
    tracked: &mut BTreeSet<String>,
) -> Result<(), Status> {
    let mut result = Ok(());
    for name in names {
        match free(api, tally.job, name) {
            Ok(()) => {
                let mut pods = tally.pods.iter();
                if let Some(pod) = pods.find(|pod| pod["metadata"]["name"] == name.as_str()) {
                    tracked.remove(ownership::uid_of(pod));
                }
            }
            Err(refusal) => result = result.and(Err(refusal)),
        }
    }
    result
}
