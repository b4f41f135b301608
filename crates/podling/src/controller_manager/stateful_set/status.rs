//! `status` of a StatefulSet.
//!
//! Source: `updateStatus` and `completeRollingUpdate` in `kubernetes/pkg/controller/statefulset`.

use std::time::Duration;

use serde_json::{Value, json};

use crate::clock::Time;
use crate::storage::text;

use super::super::ownership::is_deleted;
use super::super::pod;
use super::identity;
use super::plan::Observed;

/// `spec.minReadySeconds`.
pub(super) fn min_ready(set: &Value) -> Duration {
    Duration::from_secs(set["spec"]["minReadySeconds"].as_u64().unwrap_or_default())
}

/// Whether the Pod runs and is ready.
pub(super) fn is_running_and_ready(pod: &Value) -> bool {
    pod::phase(pod) == "Running" && pod::is_ready(pod)
}

/// Whether the Pod runs and has been ready for long enough.
pub(super) fn is_available(set: &Value, pod: &Value, now: Time) -> bool {
    is_running_and_ready(pod) && pod::available_from(pod, min_ready(set)).is_some_and(|from| from <= now)
}

/// The status that follows from the Pods as they were seen. `replaced` of those of the current revision have just been
/// deleted for an update.
pub(super) fn next(observed: &Observed<'_>, replaced: usize, now: Time) -> Value {
    let set = observed.set;
    let count = |counts: &dyn Fn(&Value) -> bool| observed.pods.iter().filter(|pod| counts(pod)).count();
    let of_revision = |name: &str| count(&|pod| !is_deleted(pod) && identity::revision(pod) == name);
    let ready = count(&is_running_and_ready);
    let updated = of_revision(observed.update_name());
    let mut current = of_revision(observed.current_name()).saturating_sub(replaced);
    let mut current_name = observed.current_name();
    let wanted = identity::replicas(set);
    let complete = [updated, ready, observed.pods.len()]
        .iter()
        .all(|count| *count == wanted);
    if complete && text(set, &["spec", "updateStrategy", "type"]) == "RollingUpdate" {
        current = updated;
        current_name = observed.update_name();
    }
    let mut status = json!({
        "observedGeneration": set["metadata"]["generation"],
        "replicas": observed.pods.len(),
        "currentRevision": current_name,
        "updateRevision": observed.update_name(),
        "collisionCount": observed.collisions,
        "availableReplicas": count(&|pod| is_available(set, pod, now)),
    });
    let counts = [
        ("readyReplicas", ready),
        ("currentReplicas", current),
        ("updatedReplicas", updated),
    ];
    for (key, count) in counts.into_iter().filter(|(_, count)| *count > 0) {
        status[key] = count.into();
    }
    status
}
