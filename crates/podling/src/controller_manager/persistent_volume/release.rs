//! What is to be done about a volume (`syncVolume`), and what becomes of one whose claim is gone.

use serde_json::Value;

use crate::apiserver::registry::read::remove;
use crate::storage::text;
use crate::volume::{BOUND_BY_CONTROLLER, PROVISIONED_BY, differ_in_mode, is_annotated};

/// What to do.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum VolumePlan {
    /// Its phase is this one.
    Phase(&'static str),
    /// It can never serve the claim that it is reserved for.
    Mismatched,
    /// The claim's half of the binding is missing.
    LookAtClaim,
    /// The claim took another volume.
    Unbind,
    /// The claim is gone.
    Release,
}

/// What becomes of a released volume.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) enum Reclaim {
    /// It stays, for a person or for its provisioner to deal with.
    Keep,
    /// It goes.
    Delete,
    /// It should go and can't: the event's reason and its sentence.
    Fail(&'static str, String),
}

/// What to do about the volume; `claim` is the one that has the name in its reference.
pub(super) fn plan(volume: &Value, claim: Option<&Value>) -> VolumePlan {
    let reference = &volume["spec"]["claimRef"];
    if text(reference, &["uid"]).is_empty() {
        return VolumePlan::Phase("Available");
    }
    let Some(claim) = claim.filter(|claim| claim["metadata"]["uid"] == reference["uid"]) else {
        return VolumePlan::Release;
    };
    let name = text(claim, &["spec", "volumeName"]);
    if name.is_empty() {
        return match differ_in_mode(volume, claim) {
            true => VolumePlan::Mismatched,
            false => VolumePlan::LookAtClaim,
        };
    }
    if volume["metadata"]["name"] == name {
        return VolumePlan::Phase("Bound");
    }
    let was_made_for_it =
        is_annotated(volume, PROVISIONED_BY) && volume["spec"]["persistentVolumeReclaimPolicy"] == "Delete";
    match was_made_for_it {
        true => VolumePlan::Release,
        false => VolumePlan::Unbind,
    }
}

/// What becomes of a released volume.
pub(super) fn reclaim(volume: &Value) -> Reclaim {
    match text(volume, &["spec", "persistentVolumeReclaimPolicy"]) {
        "Delete" => delete(volume),
        "Retain" | "Recycle" => Reclaim::Keep,
        _ => Reclaim::Fail(
            "VolumeUnknownReclaimPolicy",
            "Volume has unrecognized PersistentVolumeReclaimPolicy".to_owned(),
        ),
    }
}

fn delete(volume: &Value) -> Reclaim {
    let (name, path) = (
        text(volume, &["metadata", "name"]),
        text(volume, &["spec", "hostPath", "path"]),
    );
    let maker = text(volume, &["metadata", "annotations", PROVISIONED_BY]);
    if !maker.is_empty() && !maker.starts_with("kubernetes.io/") {
        return Reclaim::Keep;
    }
    if !volume["spec"]["hostPath"].is_object() {
        let why =
            format!("error getting deleter volume plugin for volume \"{name}\": no volume plugin matched");
        return Reclaim::Fail("VolumeFailedDelete", why);
    }
    match path.strip_prefix("/tmp/").is_some_and(|rest| !rest.is_empty()) {
        true => Reclaim::Delete,
        false => Reclaim::Fail(
            "VolumeFailedDelete",
            format!("host_path deleter only supports /tmp/.+ but received provided {path}"),
        ),
    }
}

/// The volume without its claim; a reservation that a person made stays, without the UID.
pub(super) fn unbound(volume: &Value) -> Value {
    let mut new = volume.clone();
    let is_ours = is_annotated(volume, BOUND_BY_CONTROLLER);
    let (holder, key) = match is_ours {
        true => (&mut new["spec"], "claimRef"),
        false => (&mut new["spec"]["claimRef"], "uid"),
    };
    remove(holder, key);
    if is_ours {
        remove(&mut new["metadata"]["annotations"], BOUND_BY_CONTROLLER);
    }
    new
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn volume(spec: &Value) -> Value {
        json!({"metadata": {"name": "v"}, "spec": spec})
    }

    #[test]
    fn a_volume_follows_its_claim() {
        let of = |uid: &str| volume(&json!({"claimRef": {"namespace": "a", "name": "c", "uid": uid}}));
        let claim = |volume: &str| json!({"metadata": {"uid": "u"}, "spec": {"volumeName": volume}});
        let device = json!({"metadata": {"uid": "u"}, "spec": {"volumeMode": "Block"}});
        let cases = [
            (volume(&json!({})), None, VolumePlan::Phase("Available")),
            (of(""), Some(claim("v")), VolumePlan::Phase("Available")),
            (of("u"), Some(claim("v")), VolumePlan::Phase("Bound")),
            (of("u"), Some(claim("")), VolumePlan::LookAtClaim),
            (of("u"), Some(device), VolumePlan::Mismatched),
            (of("u"), Some(claim("w")), VolumePlan::Unbind),
            (of("u"), None, VolumePlan::Release),
            (of("old"), Some(claim("v")), VolumePlan::Release),
        ];
        for (volume, claim, expected) in cases {
            assert_eq!(plan(&volume, claim.as_ref()), expected, "{volume}");
        }
    }

    #[test]
    fn a_released_volume_is_kept_deleted_or_fails() {
        let policy = |policy: &str, path: &str| {
            volume(&json!({"persistentVolumeReclaimPolicy": policy, "hostPath": {"path": path}}))
        };
        let mut made = policy("Delete", "/var/x");
        made["metadata"]["annotations"] = json!({PROVISIONED_BY: "rancher.io/local-path"});
        let local = volume(&json!({"persistentVolumeReclaimPolicy": "Delete", "local": {"path": "/x"}}));
        let fails = |why: &str| Reclaim::Fail("VolumeFailedDelete", why.to_owned());
        let cases = [
            (policy("Retain", "/d"), Reclaim::Keep),
            (policy("Delete", "/tmp/d"), Reclaim::Delete),
            (
                policy("Delete", "/d"),
                fails("host_path deleter only supports /tmp/.+ but received provided /d"),
            ),
            (made, Reclaim::Keep),
            (
                local,
                fails("error getting deleter volume plugin for volume \"v\": no volume plugin matched"),
            ),
        ];
        for (volume, expected) in cases {
            assert_eq!(reclaim(&volume), expected, "{volume}");
        }
    }

    #[test]
    fn a_persons_reservation_stays() {
        let mut ours = volume(&json!({"claimRef": {"name": "c", "uid": "u"}}));
        assert_eq!(unbound(&ours)["spec"], json!({"claimRef": {"name": "c"}}));
        ours["metadata"]["annotations"] = json!({BOUND_BY_CONTROLLER: "yes"});
        let freed = unbound(&ours);
        assert_eq!(freed["spec"], json!({}));
        assert_eq!(freed["metadata"]["annotations"], json!({}));
    }
}
