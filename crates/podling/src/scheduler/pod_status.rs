//! What the scheduler writes into the status of pods.
//!
//! Source: `updatePod` in `kubernetes/pkg/scheduler/schedule_one.go` and `PatchPodStatus`.

use serde_json::Value;

use crate::apiserver::ApiServer;
use crate::clock::Time;
use crate::pod_condition::{self, Condition};
use crate::resource::PODS;
use crate::status::Status;
use crate::storage::{Object, text};

use super::key_of;

/// Sets a condition of the pod as it is now, and the node that it is nominated for; an empty name ends a nomination,
/// `None` leaves it as it is. Nothing is written where nothing changes, or where the pod is gone; whether something
/// was.
///
/// # Errors
/// When the API server refuses.
pub(crate) fn patch(
    api: &mut ApiServer,
    pod: &Object,
    condition: Option<&Condition<'_>>,
    nominated: Option<&str>,
) -> Result<bool, Status> {
    let (namespace, name) = key_of(pod);
    let current = api.get(&PODS, &namespace, &name);
    match current.and_then(|pod| patched(pod, condition, nominated, api.now())) {
        Some(pod) => {
            api.update(&PODS, Some("status"), pod, &super::options())?;
            Ok(true)
        }
        None => Ok(false),
    }
}

/// The pod as it is to be written; `None` if it is so already.
fn patched(
    pod: &Value,
    condition: Option<&Condition<'_>>,
    nominated: Option<&str>,
    now: Time,
) -> Option<Value> {
    let mut new = pod.clone();
    let mut is_changed = condition.is_some_and(|condition| pod_condition::update(&mut new, condition, now));
    if let Some(node) = nominated.filter(|node| *node != text(pod, &["status", "nominatedNodeName"])) {
        is_changed = true;
        nominate(&mut new, node);
    }
    if let Some(metadata) = new["metadata"].as_object_mut() {
        metadata.remove("resourceVersion");
    }
    is_changed.then_some(new)
}

fn nominate(pod: &mut Value, node: &str) {
    match pod["status"].as_object_mut() {
        Some(status) if node.is_empty() => drop(status.remove("nominatedNodeName")),
        _ => pod["status"]["nominatedNodeName"] = node.into(),
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use serde_json::json;

    use super::*;

    fn unschedulable(message: &str) -> Condition<'_> {
        Condition {
            kind: "PodScheduled",
            status: "False",
            reason: "Unschedulable",
            message,
        }
    }

    #[test]
    fn a_condition_is_written_once_and_keeps_its_time() {
        let now = Time::parse("2026-01-01T00:00:00Z").unwrap();
        let pod = json!({"metadata": {"resourceVersion": "3"}, "status": {}});
        let pod = patched(&pod, Some(&unschedulable("no room")), None, now).unwrap();
        assert!(pod["metadata"].get("resourceVersion").is_none());
        let later = now + Duration::from_secs(60);
        assert_eq!(patched(&pod, Some(&unschedulable("no room")), None, later), None);
        let changed = patched(&pod, Some(&unschedulable("still no room")), None, later).unwrap();
        assert_eq!(
            changed["status"]["conditions"][0]["lastTransitionTime"],
            "2026-01-01T00:00:00Z"
        );
    }

    #[test]
    fn a_nomination_is_set_kept_and_ended() {
        let nominated = |pod: &Value, node| patched(pod, None, node, Time::default());
        let pod = json!({"metadata": {}, "status": {}});
        assert_eq!(nominated(&pod, Some("")), None);
        let pod = nominated(&pod, Some("n")).unwrap();
        assert_eq!(pod["status"]["nominatedNodeName"], "n");
        assert_eq!(nominated(&pod, Some("n")), None);
        assert_eq!(nominated(&pod, None), None);
        assert_eq!(nominated(&pod, Some("")).unwrap()["status"], json!({}));
    }
}
