//! Pods that have a node and wait for their volumes there (`PreBind` of VolumeBinding).
//!
//! Source: `BindPodVolumes` and `checkBindings` in `pkg/scheduler/framework/plugins/volumebinding/binder.go`, v1.36.

use std::time::Duration;

use serde_json::Value;

use crate::apiserver::ApiServer;
use crate::clock::Time;
use crate::resource::{PERSISTENT_VOLUME_CLAIMS, PERSISTENT_VOLUMES};
use crate::storage::{Object, text};
use crate::volume::{self, BIND_COMPLETED, SELECTED_NODE, is_annotated};

use super::plugins::volume_binding::Bindings;

/// How often it is looked whether the volumes are bound.
pub(crate) const POLL: Duration = Duration::from_secs(1);
/// How long that is waited for.
const PATIENCE: Duration = Duration::from_secs(600);

/// A Pod that waits for its volumes.
#[derive(Clone, Debug)]
pub(crate) struct Waiting {
    pub(crate) pod: Object,
    pub(crate) node: String,
    /// The claims that were to be bound: names in the Pod's namespace.
    claims: Vec<String>,
    /// Those among them whose volumes are being made.
    to_provision: Vec<String>,
    since: Time,
}

/// Where a Pod stands that waits for its volumes.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) enum State {
    /// Not all are bound.
    Pending,
    /// All are bound.
    Ready,
    /// They won't be.
    Failed(String),
}

/// Writes what the Pod's claims are to be bound to on the node.
///
/// # Errors
/// When the API server refuses one of the writes.
pub(crate) fn start(
    api: &mut ApiServer,
    pod: &Object,
    node: &str,
    bindings: &Bindings,
) -> Result<Waiting, String> {
    for (volume, claim) in &bindings.found {
        if let Some(new) = volume::bound_volume(volume, claim) {
            api.update(&PERSISTENT_VOLUMES, None, new, &super::options())
                .map_err(|refusal| refusal.message)?;
        }
    }
    for claim in &bindings.to_provision {
        let mut new = Value::clone(claim);
        volume::annotate(&mut new, SELECTED_NODE, node);
        api.update(&PERSISTENT_VOLUME_CLAIMS, None, new, &super::options())
            .map_err(|refusal| refusal.message)?;
    }
    let name = |claim: &Object| text(claim, &["metadata", "name"]).to_owned();
    let to_provision: Vec<String> = bindings.to_provision.iter().map(name).collect();
    let found = bindings.found.iter().map(|(_, claim)| name(claim));
    Ok(Waiting {
        pod: pod.clone(),
        node: node.to_owned(),
        claims: found.chain(to_provision.iter().cloned()).collect(),
        to_provision,
        since: api.now(),
    })
}

/// Where the Pod stands now.
pub(crate) fn check(api: &ApiServer, waiting: &Waiting) -> State {
    let namespace = text(&waiting.pod, &["metadata", "namespace"]);
    let mut is_ready = true;
    for name in &waiting.claims {
        let Some(claim) = api.get(&PERSISTENT_VOLUME_CLAIMS, namespace, name) else {
            return State::Failed(format!("persistentvolumeclaim \"{name}\" not found"));
        };
        let is_bound =
            !text(claim, &["spec", "volumeName"]).is_empty() && is_annotated(claim, BIND_COMPLETED);
        if !is_bound && waiting.to_provision.contains(name) && !is_annotated(claim, SELECTED_NODE) {
            return State::Failed(format!("provisioning failed for PVC \"{name}\""));
        }
        is_ready &= is_bound;
    }
    match is_ready {
        true => State::Ready,
        false if api.now().since(waiting.since) >= PATIENCE => {
            State::Failed("context deadline exceeded".to_owned())
        }
        false => State::Pending,
    }
}
