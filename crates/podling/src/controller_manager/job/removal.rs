//! Which active Pods of a Job go first when there are too many.
//!
//! Source: `kubernetes/pkg/controller/job/job_controller.go`, `activePodsForRemoval`, and
//! `pkg/controller/controller_utils.go`, `ActivePods`. Differs from Kubernetes: equal Pods keep their order.

use std::cmp::{Ordering, Reverse};
use std::collections::BTreeMap;

use serde_json::Value;

use super::pod as job_pod;
use super::tally::{Tally, is_indexed};
use crate::controller_manager::pod;
use crate::storage::text;

/// The Pods to remove: those whose index is taken, missing or too great, and more if they are not enough.
pub(super) fn pods<'a>(tally: &Tally<'a>, at_least: usize) -> Vec<&'a Value> {
    let mut left = tally.active.clone();
    left.sort_by(|a, b| compare(a, b));
    let mut gone = Vec::new();
    if is_indexed(tally.job) {
        (gone, left) = superfluous(tally, left);
    }
    let more = at_least.saturating_sub(gone.len()).min(left.len());
    gone.extend(left.drain(..more));
    gone
}

/// Of each index the last Pod stays, in the order given.
fn superfluous<'a>(tally: &Tally<'a>, pods: Vec<&'a Value>) -> (Vec<&'a Value>, Vec<&'a Value>) {
    let mut last: BTreeMap<i64, usize> = BTreeMap::new();
    for (at, pod) in pods.iter().enumerate() {
        if let Some(index) = tally.index(pod) {
            last.insert(index, at);
        }
    }
    let (mut gone, mut left) = (Vec::new(), Vec::new());
    for (at, pod) in pods.into_iter().enumerate() {
        let stays = tally.index(pod).is_some_and(|index| last[&index] == at);
        if stays { &mut left } else { &mut gone }.push(pod);
    }
    gone.sort_by_key(|pod| job_pod::index(pod));
    (gone, left)
}

/// The Pod that is less goes first: unassigned before assigned, Pending before Unknown before Running, not ready
/// before ready, ready for a shorter time, restarted more often, younger.
fn compare(a: &Value, b: &Value) -> Ordering {
    let assigned = |pod: &Value| !text(pod, &["spec", "nodeName"]).is_empty();
    let phase = |pod: &Value| match pod::phase(pod) {
        "Unknown" => 1,
        "Running" => 2,
        _ => 0,
    };
    let ready = |pod: &Value| (pod::is_ready(pod), Reverse(pod::ready_since(pod)));
    let restarts = |pod: &Value| {
        let of = |field| Reverse(pod::most_restarts(pod, field));
        (of("containerStatuses"), of("initContainerStatuses"))
    };
    let age = |pod: &Value| Reverse(pod::created(pod));
    let key = |pod: &Value| (assigned(pod), phase(pod), ready(pod), restarts(pod), age(pod));
    key(a).cmp(&key(b))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_has_come_least_far_goes_first() {
        let pod = |node: &str, phase: &str, created: &str| json!({"metadata": {"creationTimestamp": created}, "spec": {"nodeName": node}, "status": {"phase": phase}});
        let (early, late) = ("2026-01-01T00:00:00Z", "2026-01-01T00:00:09Z");
        let old = pod("n", "Running", early);
        for first in [
            pod("", "Pending", early),
            pod("n", "Pending", early),
            pod("n", "Running", late),
        ] {
            assert_eq!(compare(&first, &old), Ordering::Less, "{first}");
        }
        let mut ready = old.clone();
        ready["status"]["conditions"] =
            json!([{"type": "Ready", "status": "True", "lastTransitionTime": late}]);
        assert_eq!(compare(&old, &ready), Ordering::Less);
    }
}
