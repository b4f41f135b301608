//! What a Pod uses of a quota.
//!
//! Source: `pkg/quota/v1/evaluator/core/pods.go`.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use serde_json::Value;

use super::evaluator::count;
use crate::clock::Time;
use crate::pod_resources;
use crate::resource_list::ResourceList;

/// Limits that are about Pods, beside `count/pods` and those of huge pages and devices.
const COUNTED: [&str; 10] = [
    "cpu",
    "ephemeral-storage",
    "limits.cpu",
    "limits.ephemeral-storage",
    "limits.memory",
    "memory",
    "pods",
    "requests.cpu",
    "requests.ephemeral-storage",
    "requests.memory",
];

/// Limits for whose sake each container must say what it takes.
const MUST_BE_SAID: [&str; 6] = [
    "cpu",
    "limits.cpu",
    "limits.memory",
    "memory",
    "requests.cpu",
    "requests.memory",
];

/// Whether a limit of that name is about Pods.
pub(super) fn counts(name: &str) -> bool {
    let requested = name.strip_prefix("requests.");
    let is_device = requested.is_some_and(is_device);
    COUNTED.contains(&name) || is_huge_page(requested.unwrap_or(name)) || is_device
}

fn is_huge_page(name: &str) -> bool {
    name.starts_with("hugepages-")
}

/// An extended resource such as `example.com/gpu`.
fn is_device(name: &str) -> bool {
    name.contains('/') && !name.contains("kubernetes.io/") && !name.starts_with("requests.")
}

/// What the Pod uses, apart from being an object.
pub(super) fn usage(pod: &Value, now: Time) -> ResourceList {
    if !is_charged(pod, now) {
        return ResourceList::default();
    }
    amounts(
        &pod_resources::requests_held(pod),
        &pod_resources::limits_held(pod),
    )
}

/// A Pod that ended takes nothing; nor does one that should have been gone by now (`QuotaV1Pod`).
fn is_charged(pod: &Value, now: Time) -> bool {
    if matches!(pod["status"]["phase"].as_str(), Some("Failed" | "Succeeded")) {
        return false;
    }
    let deletion = pod["metadata"]["deletionTimestamp"]
        .as_str()
        .and_then(Time::parse);
    let grace = pod["metadata"]["deletionGracePeriodSeconds"]
        .as_u64()
        .map(Duration::from_secs);
    deletion
        .zip(grace)
        .is_none_or(|(deletion, grace)| now <= deletion + grace)
}

/// Requests and limits under the names that quotas know them by (`podComputeUsageHelper`).
fn amounts(requests: &ResourceList, limits: &ResourceList) -> ResourceList {
    let mut usage = ResourceList::default();
    usage.set("pods", count(1));
    for name in ["cpu", "memory", "ephemeral-storage"] {
        if let Some(request) = requests.get(name) {
            usage.set(name, request);
            usage.set(format!("requests.{name}"), request);
        }
        if let Some(limit) = limits.get(name) {
            usage.set(format!("limits.{name}"), limit);
        }
    }
    for (name, request) in requests.iter() {
        if is_huge_page(name) {
            usage.set(name, request);
        }
        if is_huge_page(name) || is_device(name) {
            usage.set(format!("requests.{name}"), request);
        }
    }
    usage
}

/// Which containers do not say what a limit needs: `must specify limits.cpu for: a,b; memory for: a`.
pub(super) fn missing(restricted: &ResourceList, spec: &Value) -> Option<String> {
    if pod_resources::are_set_for_the_pod(spec) {
        return None;
    }
    let mut silent: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    let containers = ["containers", "initContainers"].map(|list| spec[list].as_array().into_iter().flatten());
    for container in containers.into_iter().flatten() {
        let list = |name: &str| ResourceList::from_json(&container["resources"][name]);
        let said = amounts(&list("requests"), &list("limits"));
        let needed = restricted.names().filter(|name| MUST_BE_SAID.contains(name));
        for name in needed.filter(|name| said.get(name).is_none()) {
            let container = container["name"].as_str().unwrap_or_default();
            silent.entry(name).or_default().insert(container);
        }
    }
    let parts: Vec<String> = silent
        .iter()
        .map(|(name, containers)| {
            let containers: Vec<&str> = containers.iter().copied().collect();
            format!("{name} for: {}", containers.join(","))
        })
        .collect();
    (!parts.is_empty()).then(|| format!("must specify {}", parts.join("; ")))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn each_container_must_say_what_a_limit_needs() {
        let hard = ResourceList::from_json(&json!({"limits.cpu": "1", "memory": "1Gi", "pods": "1"}));
        let spec = json!({
            "containers": [{"name": "b"}, {"name": "a", "resources": {"limits": {"cpu": "1"}}}],
            "initContainers": [{"name": "i", "resources": {"limits": {"cpu": "1"}, "requests": {"memory": "1"}}}],
        });
        assert_eq!(
            missing(&hard, &spec).as_deref(),
            Some("must specify limits.cpu for: b; memory for: a,b")
        );
        let mut whole = spec.clone();
        whole["resources"] = json!({"requests": {"cpu": "1"}});
        assert_eq!(missing(&hard, &whole), None);
        assert_eq!(missing(&ResourceList::default(), &spec), None);
    }

    #[test]
    fn devices_and_huge_pages_count_as_requests() {
        let requests = ResourceList::from_json(&json!({"example.com/gpu": "2", "hugepages-2Mi": "4Mi"}));
        let usage = amounts(&requests, &ResourceList::default());
        assert_eq!(
            usage.shown(),
            "hugepages-2Mi=4Mi,pods=1,requests.example.com/gpu=2,requests.hugepages-2Mi=4Mi"
        );
        assert!(usage.names().all(counts));
        assert!(!counts("example.com/gpu") && !counts("services"));
    }

    #[test]
    fn a_pod_that_ended_or_is_overdue_takes_nothing() {
        let now = Time::parse("2026-01-01T00:01:00Z").unwrap();
        let leaving =
            |at: &str| json!({"metadata": {"deletionTimestamp": at, "deletionGracePeriodSeconds": 30}});
        let cases = [
            (json!({"status": {"phase": "Running"}}), true),
            (json!({"status": {"phase": "Failed"}}), false),
            (leaving("2026-01-01T00:00:40Z"), true),
            (leaving("2026-01-01T00:00:20Z"), false),
        ];
        for (pod, charged) in cases {
            assert_eq!(is_charged(&pod, now), charged, "{pod}");
        }
    }
}
