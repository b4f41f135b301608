//! What a Pod's volumes ask of a node: gathered once for each cycle, before nodes are looked at (`PreFilter` of
//! VolumeRestrictions, VolumeBinding and VolumeZone).
//!
//! Source: `pkg/scheduler/framework/plugins/{volumebinding,volumezone,volumerestrictions}`, v1.36. Differs from
//! Kubernetes: limits on the number of volumes and the capacity that CSI drivers report play no part.

use std::collections::BTreeSet;

use serde_json::Value;

use crate::apiserver::ApiServer;
use crate::resource::{PERSISTENT_VOLUME_CLAIMS, PERSISTENT_VOLUMES, PODS, STORAGE_CLASSES};
use crate::storage::{Object, text};
use crate::volume::{self, BIND_COMPLETED, claim_behind, class_of, is_annotated, waits_for_consumer};

use super::{PodKey, key_of};

/// A claim that is bound once its Pod has a node.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Delayed {
    pub(crate) claim: Object,
    pub(crate) class: Option<Object>,
}

/// A Pod's volumes as far as they matter for its place.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct PodVolumes {
    /// The volumes of the claims that are bound.
    pub(crate) bound: Vec<Object>,
    /// Whether a claim is bound to a volume that is not there.
    pub(crate) misses_volume: bool,
    /// The claims that are not bound yet.
    pub(crate) delayed: Vec<Delayed>,
    /// What they could be bound to.
    pub(crate) candidates: Vec<Object>,
    /// The claims that only one Pod may have, by namespace and name.
    pub(crate) exclusive: BTreeSet<(String, String)>,
    /// The Pods on nodes that have one of those.
    pub(crate) users: BTreeSet<PodKey>,
}

/// What the Pod's volumes ask for.
///
/// # Errors
/// Why no node will do.
pub(crate) fn gather(api: &ApiServer, pod: &Value) -> Result<PodVolumes, String> {
    let mut volumes = PodVolumes::default();
    let mut waits_at_once = false;
    for source in pod["spec"]["volumes"].as_array().into_iter().flatten() {
        let Some(name) = claim_behind(pod, source) else {
            continue;
        };
        let claim = usable_claim(api, pod, source, &name)?;
        note_exclusive(api, pod, &claim, &mut volumes);
        waits_at_once |= !sort_in(api, claim, &mut volumes);
    }
    if waits_at_once {
        return Err("pod has unbound immediate PersistentVolumeClaims".to_owned());
    }
    if !volumes.delayed.is_empty() {
        volumes.candidates = api.list(&PERSISTENT_VOLUMES, None).cloned().collect();
    }
    Ok(volumes)
}

/// The claim, if a Pod may be started with it.
fn usable_claim(api: &ApiServer, pod: &Value, source: &Value, name: &str) -> Result<Object, String> {
    let namespace = text(pod, &["metadata", "namespace"]);
    let Some(claim) = api.get(&PERSISTENT_VOLUME_CLAIMS, namespace, name) else {
        return Err(match source["ephemeral"].is_object() {
            true => format!(
                "waiting for ephemeral volume controller to create the persistentvolumeclaim \"{name}\""
            ),
            false => format!("persistentvolumeclaim \"{name}\" not found"),
        });
    };
    if claim["status"]["phase"] == "Lost" {
        let volume = text(claim, &["spec", "volumeName"]);
        return Err(format!(
            "persistentvolumeclaim \"{name}\" bound to non-existent persistentvolume \"{volume}\""
        ));
    }
    if claim["metadata"].get("deletionTimestamp").is_some() {
        return Err(format!("persistentvolumeclaim \"{name}\" is being deleted"));
    }
    Ok(claim.clone())
}

/// Puts a claim where it belongs; false for one that should have been bound already.
fn sort_in(api: &ApiServer, claim: Object, volumes: &mut PodVolumes) -> bool {
    let name = text(&claim, &["spec", "volumeName"]);
    if !name.is_empty() && is_annotated(&claim, BIND_COMPLETED) {
        match api.get(&PERSISTENT_VOLUMES, "", name) {
            Some(volume) => volumes.bound.push(volume.clone()),
            None => volumes.misses_volume = true,
        }
        return true;
    }
    let class = api.get(&STORAGE_CLASSES, "", class_of(&claim)).cloned();
    let is_delayed = name.is_empty() && waits_for_consumer(class.as_deref());
    if is_delayed {
        volumes.delayed.push(Delayed { claim, class });
    }
    is_delayed
}

/// Notes which other Pods on nodes have the claim, if only one Pod at a time may have it.
fn note_exclusive(api: &ApiServer, pod: &Value, claim: &Value, volumes: &mut PodVolumes) {
    let modes = claim["spec"]["accessModes"].as_array();
    if !modes.is_some_and(|modes| modes.iter().any(|mode| mode == "ReadWriteOncePod")) {
        return;
    }
    let uses_it = |other: &&Object| {
        other["metadata"]["name"] != pod["metadata"]["name"]
            && !text(other, &["spec", "nodeName"]).is_empty()
            && !super::has_ended(other)
            && volume::claims_of(other).any(|name| claim["metadata"]["name"] == *name)
    };
    let others = api.list(&PODS, claim["metadata"]["namespace"].as_str());
    volumes
        .users
        .extend(others.filter(uses_it).map(|other| key_of(other)));
    volumes.exclusive.insert(key_of(claim));
}

/// The names of all volumes that are promised to `chosen` already.
pub(crate) fn names(chosen: &[Object]) -> BTreeSet<String> {
    let name = |volume: &Object| text(volume, &["metadata", "name"]).to_owned();
    chosen.iter().map(name).collect()
}
