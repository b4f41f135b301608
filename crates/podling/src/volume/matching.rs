//! Which of the volumes a claim gets: one reserved for it, else the smallest that fits.
//!
//! Source: `FindMatchingVolume` in `k8s.io/component-helpers/storage/volume/pv_helpers.go` and
//! `pkg/controller/volume/persistentvolume/index.go`, v1.36.

use std::collections::BTreeSet;

use serde_json::Value;

use super::{
    capacity, class_of, differ_in_attributes, differ_in_mode, has_access_modes, is_bound_to, requested,
};
use crate::label_selector;
use crate::storage::text;

/// Who looks for a volume.
pub(crate) enum Search<'a> {
    /// The binder; with `true` the claim waits for its first Pod, so only a reserved volume will do.
    Binder(bool),
    /// The scheduler, for a node: whether the volume can be used there, and which are promised already.
    Scheduler(&'a dyn Fn(&Value) -> bool, &'a BTreeSet<String>),
}

/// The volume for a claim that has none.
pub(crate) fn find<'a>(claim: &Value, volumes: &[&'a Value], search: &Search<'_>) -> Option<&'a Value> {
    let suitable = |volume: &&&'a Value| is_suitable(claim, volume, search);
    let candidates: Vec<&'a Value> = volumes.iter().filter(suitable).copied().collect();
    if let Some(reserved) = candidates.iter().find(|volume| is_bound_to(volume, claim)) {
        // A reserved volume that the node can't use leaves the claim without any.
        return reaches(reserved, search).then_some(*reserved);
    }
    if matches!(search, Search::Binder(true)) {
        return None;
    }
    let free = candidates
        .into_iter()
        .filter(|volume| is_free(claim, volume, search));
    // Of equally large volumes the first stays; the binder looks at those with the fewest ways to mount first.
    free.min_by_key(|volume| (rank(volume, search), capacity(volume)))
}

/// Whether the volume could be the claim's, reserved or not.
fn is_suitable(claim: &Value, volume: &Value, search: &Search<'_>) -> bool {
    if let Search::Scheduler(_, promised) = search
        && promised.contains(text(volume, &["metadata", "name"]))
    {
        return false;
    }
    let is_anothers = volume["spec"]["claimRef"].is_object() && !is_bound_to(volume, claim);
    !is_anothers
        && capacity(volume) >= requested(claim)
        && !differ_in_mode(volume, claim)
        && !differ_in_attributes(volume, claim)
        && volume["metadata"].get("deletionTimestamp").is_none()
        && has_access_modes(volume, claim)
}

fn is_free(claim: &Value, volume: &Value, search: &Search<'_>) -> bool {
    let selector = &claim["spec"]["selector"];
    volume["status"]["phase"] == "Available"
        && (selector.is_null() || label_selector::matches(selector, &volume["metadata"]["labels"]))
        && class_of(volume) == class_of(claim)
        && reaches(volume, search)
}

fn reaches(volume: &Value, search: &Search<'_>) -> bool {
    match search {
        Search::Binder(_) => true,
        Search::Scheduler(reaches, _) => reaches(volume),
    }
}

fn rank(volume: &Value, search: &Search<'_>) -> usize {
    match search {
        Search::Binder(_) => volume["spec"]["accessModes"].as_array().map_or(0, Vec::len),
        Search::Scheduler(..) => 0,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn volume(name: &str, size: &str, change: &Value) -> Value {
        let mut volume = json!({"metadata": {"name": name}, "status": {"phase": "Available"}, "spec": {
            "capacity": {"storage": size}, "accessModes": ["ReadWriteOnce"], "storageClassName": "c"}});
        for (key, value) in change.as_object().unwrap() {
            volume["spec"][key] = value.clone();
        }
        volume
    }

    fn claim() -> Value {
        json!({"metadata": {"namespace": "a", "name": "c", "uid": "u"}, "spec": {"storageClassName": "c",
            "accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "2Gi"}}}})
    }

    fn found(volumes: &[Value], search: &Search<'_>) -> Option<String> {
        let volumes: Vec<&Value> = volumes.iter().collect();
        find(&claim(), &volumes, search).map(|volume| text(volume, &["metadata", "name"]).to_owned())
    }

    #[test]
    fn the_smallest_volume_that_fits_is_taken() {
        let none = json!({});
        let volumes = [
            volume("small", "1Gi", &none),
            volume("large", "9Gi", &none),
            volume("right", "3Gi", &none),
            volume("other-class", "2Gi", &json!({"storageClassName": "d"})),
            volume("device", "2Gi", &json!({"volumeMode": "Block"})),
            volume("read-only", "2Gi", &json!({"accessModes": ["ReadOnlyMany"]})),
            volume(
                "taken",
                "2Gi",
                &json!({"claimRef": {"namespace": "a", "name": "x"}}),
            ),
        ];
        assert_eq!(found(&volumes, &Search::Binder(false)).as_deref(), Some("right"));
        assert_eq!(found(&volumes, &Search::Binder(true)), None);
        let promised = BTreeSet::from(["right".to_owned()]);
        let everywhere = |_: &Value| true;
        assert_eq!(
            found(&volumes, &Search::Scheduler(&everywhere, &promised)).as_deref(),
            Some("large")
        );
    }

    #[test]
    fn a_reserved_volume_comes_first_and_alone() {
        let reserved = json!({"claimRef": {"namespace": "a", "name": "c"}});
        let volumes = [
            volume("free", "2Gi", &json!({})),
            volume("reserved", "9Gi", &reserved),
        ];
        assert_eq!(
            found(&volumes, &Search::Binder(true)).as_deref(),
            Some("reserved")
        );
        let nowhere = |_: &Value| false;
        assert_eq!(
            found(&volumes, &Search::Scheduler(&nowhere, &BTreeSet::new())),
            None
        );
    }

    #[test]
    fn the_binder_prefers_a_volume_that_can_do_no_more_than_asked() {
        let many = json!({"accessModes": ["ReadWriteOnce", "ReadWriteMany"]});
        let volumes = [volume("many", "2Gi", &many), volume("one", "5Gi", &json!({}))];
        assert_eq!(found(&volumes, &Search::Binder(false)).as_deref(), Some("one"));
    }
}
