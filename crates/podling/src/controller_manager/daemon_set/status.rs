//! `status` of a DaemonSet.
//!
//! Source: `updateDaemonSetStatus` in `kubernetes/pkg/controller/daemon`.

use serde_json::{Value, json};

use crate::clock::Time;

use super::super::pod;
use super::plan::Observed;

/// The status that follows from the Pods as they were seen, and when one of them will have been ready for long enough.
pub(super) fn next(observed: &Observed<'_>, now: Time) -> (Value, Option<Time>) {
    let (mut desired, mut current, mut misplaced) = (0_usize, 0_usize, 0_usize);
    let (mut ready, mut available, mut updated) = (0_usize, 0_usize, 0_usize);
    let mut check_at: Option<Time> = None;
    for (node, verdict) in &observed.nodes {
        let oldest = observed.on(node).first();
        if !verdict.should_run {
            misplaced += usize::from(oldest.is_some());
            continue;
        }
        desired += 1;
        let Some(pod) = oldest else { continue };
        current += 1;
        ready += usize::from(pod::is_ready(pod));
        available += usize::from(observed.is_available(pod, now));
        updated += usize::from(observed.is_updated(pod));
        let later = pod::available_from(pod, observed.min_ready()).filter(|from| *from > now);
        check_at = check_at.into_iter().chain(later).min();
    }
    let mut status = json!({
        "currentNumberScheduled": current,
        "numberMisscheduled": misplaced,
        "desiredNumberScheduled": desired,
        "numberReady": ready,
        "observedGeneration": observed.set["metadata"]["generation"],
    });
    let counts = [
        ("updatedNumberScheduled", updated),
        ("numberAvailable", available),
        ("numberUnavailable", desired - available),
    ];
    for (key, count) in counts.into_iter().filter(|(_, count)| *count > 0) {
        status[key] = count.into();
    }
    if observed.collisions > 0 {
        status["collisionCount"] = observed.collisions.into();
    }
    if let Some(conditions) = observed.set["status"].get("conditions") {
        status["conditions"] = conditions.clone();
    }
    (status, check_at)
}
