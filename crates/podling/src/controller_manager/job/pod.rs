//! What the Job controller reads from a Pod, and the Pods that it makes.
//!
//! Source: `kubernetes/pkg/controller/job/{indexed_job_utils,backoff_utils,tracking_utils}.go`.

use std::time::Duration;

use serde_json::{Value, json};

use crate::apiserver::registry::read::{Fields as _, items_mut, object_at};
use crate::clock::Time;
use crate::controller_manager::{ownership, pod, template};
use crate::storage::text;

/// Holds a Pod until its end has been counted.
pub(super) const FINALIZER: &str = "batch.kubernetes.io/job-tracking";

const INDEX: &str = "batch.kubernetes.io/job-completion-index";
const FAILURES: &str = "batch.kubernetes.io/job-index-failure-count";
const IGNORED_FAILURES: &str = "batch.kubernetes.io/job-index-ignored-failure-count";
const INDEX_VARIABLE: &str = "JOB_COMPLETION_INDEX";

/// The longest that `generateName` may be.
const LONGEST_PREFIX: usize = 58;

/// Whether the Pod's end is still to be counted.
pub(super) fn is_tracked(pod: &Value) -> bool {
    pod["metadata"]
        .items("finalizers")
        .iter()
        .any(|name| name == FINALIZER)
}

/// The Pod without the finalizer.
pub(super) fn untracked(pod: &Value) -> Value {
    let mut pod = pod.clone();
    if let Some(finalizers) = pod["metadata"]["finalizers"].as_array_mut() {
        finalizers.retain(|name| name != FINALIZER);
    }
    pod
}

/// The Pod with the finalizer.
pub(super) fn tracked(mut pod: Value) -> Value {
    if !is_tracked(&pod) {
        let metadata = object_at(&mut pod, "metadata");
        match metadata.get_mut("finalizers").and_then(Value::as_array_mut) {
            Some(finalizers) => finalizers.push(FINALIZER.into()),
            None => metadata["finalizers"] = json!([FINALIZER]),
        }
    }
    pod
}

fn annotation<'a>(pod: &'a Value, key: &str) -> &'a str {
    text(pod, &["metadata", "annotations", key])
}

/// The index that the Pod works on.
pub(super) fn index(pod: &Value) -> Option<i64> {
    annotation(pod, INDEX).parse().ok().filter(|index| *index >= 0)
}

/// How often the Pod's index had failed before it.
pub(super) fn failures(pod: &Value) -> i64 {
    count(pod, FAILURES)
}

/// The same, with the failures that did not count.
pub(super) fn all_failures(pod: &Value) -> i64 {
    count(pod, FAILURES) + count(pod, IGNORED_FAILURES)
}

/// How often the Pod's index had failed without counting.
pub(super) fn ignored_failures(pod: &Value) -> i64 {
    count(pod, IGNORED_FAILURES)
}

fn count(pod: &Value, key: &str) -> i64 {
    let count = annotation(pod, key).parse::<i32>().unwrap_or_default();
    count.max(0).into()
}

/// Whether a Pod is replaced only once it has ended, and not when it is about to.
pub(super) fn replaces_only_failed(spec: &Value) -> bool {
    spec["podReplacementPolicy"] == "Failed" || spec.has("podFailurePolicy")
}

/// Whether the Pod counts as failed for a Job of that spec.
pub(super) fn is_failed(pod: &Value, spec: &Value) -> bool {
    match pod::phase(pod) {
        "Failed" => true,
        // A Pod without a kubelet never comes to an end of its own.
        phase => !replaces_only_failed(spec) && ownership::is_deleted(pod) && phase != "Succeeded",
    }
}

/// Whether the Pod is being deleted and has not ended.
pub(super) fn is_terminating(pod: &Value) -> bool {
    ownership::is_deleted(pod) && !matches!(pod::phase(pod), "Succeeded" | "Failed")
}

/// When the Pod ended: with its last container, else when it was no more ready, else when its deletion was asked.
pub(super) fn finished_at(pod: &Value) -> Time {
    let not_ready = || {
        let ready = pod::condition(pod, "Ready").filter(|ready| ready["status"] == "False")?;
        Time::parse(text(ready, &["lastTransitionTime"]))
    };
    let deleted = || {
        let deletion = Time::parse(text(pod, &["metadata", "deletionTimestamp"]))?;
        let grace = pod["metadata"]["deletionGracePeriodSeconds"]
            .as_u64()
            .unwrap_or_default();
        Some(deletion - Duration::from_secs(grace))
    };
    let last = containers_end(pod).or_else(not_ready).or_else(deleted);
    last.unwrap_or_else(|| pod::created(pod))
}

fn containers_end(pod: &Value) -> Option<Time> {
    let statuses = pod["status"].items("containerStatuses").iter();
    let ends: Option<Vec<Time>> = statuses
        .map(|status| Time::parse(text(status, &["state", "terminated", "finishedAt"])))
        .collect();
    ends?.into_iter().max()
}

/// What a new Pod of an index takes over from the one before it.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(super) struct History {
    /// Failures that count.
    pub(super) failures: i64,
    /// Failures that do not.
    pub(super) ignored: i64,
}

/// A Pod of the Job; of an index, with what is known about it, for an Indexed one.
pub(super) fn new(job: &Value, index: Option<i64>, history: Option<History>) -> Value {
    let mut pod = tracked(template::pod(job, &job["spec"]["template"]));
    let Some(index) = index else { return pod };
    let name = text(job, &["metadata", "name"]);
    pod["metadata"]["generateName"] = prefix(name, index).into();
    pod["metadata"]["annotations"][INDEX] = index.to_string().into();
    pod["metadata"]["labels"][INDEX] = index.to_string().into();
    pod["spec"]["hostname"] = format!("{name}-{index}").into();
    if let Some(history) = history {
        pod["metadata"]["annotations"][FAILURES] = history.failures.to_string().into();
        if history.ignored > 0 {
            pod["metadata"]["annotations"][IGNORED_FAILURES] = history.ignored.to_string().into();
        }
    }
    for list in ["initContainers", "containers"] {
        for container in items_mut(&mut pod["spec"], list) {
            add_index_variable(container);
        }
    }
    pod
}

/// The beginning of a generated name; the index stays whole, however long the Job's name is.
fn prefix(name: &str, index: i64) -> String {
    let end = format!("-{index}-");
    let start: String = name.chars().take(LONGEST_PREFIX - end.len()).collect();
    format!("{start}{end}")
}

fn add_index_variable(container: &mut Value) {
    if container
        .items("env")
        .iter()
        .any(|variable| variable["name"] == INDEX_VARIABLE)
    {
        return;
    }
    let variable = json!({
        "name": INDEX_VARIABLE,
        "valueFrom": {"fieldRef": {"fieldPath": format!("metadata.labels['{INDEX}']")}},
    });
    match container.get_mut("env").and_then(Value::as_array_mut) {
        Some(variables) => variables.push(variable),
        None => container["env"] = json!([variable]),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pods_end_is_looked_for_in_several_places() {
        let created = "2026-01-01T00:00:00Z";
        let end = |at: &str| json!({"state": {"terminated": {"finishedAt": at}}});
        let not_ready =
            json!([{"type": "Ready", "status": "False", "lastTransitionTime": "2026-01-01T00:00:07Z"}]);
        let cases = [
            (
                json!({"status": {"containerStatuses": [end("2026-01-01T00:00:03Z"), end("2026-01-01T00:00:05Z")]}}),
                5,
            ),
            (
                json!({"status": {"containerStatuses": [end("2026-01-01T00:00:03Z"), {"state": {}}], "conditions": not_ready}}),
                7,
            ),
            (json!({"status": {}}), 0),
        ];
        let start = Time::parse(created).unwrap();
        for (mut pod, seconds) in cases {
            pod["metadata"] = json!({"creationTimestamp": created});
            assert_eq!(finished_at(&pod), start + Duration::from_secs(seconds), "{pod}");
        }
        let deleted = json!({"metadata": {"creationTimestamp": created,
            "deletionTimestamp": "2026-01-01T00:00:40Z", "deletionGracePeriodSeconds": 30}});
        assert_eq!(finished_at(&deleted), start + Duration::from_secs(10));
    }

    #[test]
    fn a_pod_of_an_index_knows_it() {
        let job = json!({"metadata": {"name": "work", "uid": "u"}, "spec": {"template": {
            "metadata": {"labels": {"a": "b"}}, "spec": {"containers": [{"name": "c"}]}}}});
        let pod = new(
            &job,
            Some(3),
            Some(History {
                failures: 1,
                ignored: 0,
            }),
        );
        assert_eq!(pod["metadata"]["generateName"], "work-3-");
        assert_eq!(pod["spec"]["hostname"], "work-3");
        assert_eq!(index(&pod), Some(3));
        assert_eq!((failures(&pod), all_failures(&pod)), (1, 1));
        assert_eq!(pod["spec"]["containers"][0]["env"][0]["name"], INDEX_VARIABLE);
        assert!(is_tracked(&pod) && !is_tracked(&untracked(&pod)));
        let plain = new(&job, None, None);
        assert_eq!(plain["metadata"]["generateName"], "work-");
        assert_eq!(index(&plain), None);
    }

    #[test]
    fn a_long_name_makes_room_for_the_index() {
        assert_eq!(prefix(&"a".repeat(60), 12), format!("{}-12-", "a".repeat(54)));
    }

    #[test]
    fn a_leaving_pod_has_failed_unless_its_end_is_awaited() {
        let pod = json!({"metadata": {"deletionTimestamp": "t"}, "status": {"phase": "Running"}});
        assert!(is_failed(&pod, &json!({})));
        assert!(!is_failed(&pod, &json!({"podReplacementPolicy": "Failed"})));
        assert!(is_failed(
            &json!({"status": {"phase": "Failed"}}),
            &json!({"podFailurePolicy": {}})
        ));
    }
}
