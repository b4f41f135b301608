//! What a Pod as a whole requests, and how much it may take.
//!
//! Source: `k8s.io/component-helpers/resource/helpers.go` (`PodRequests`, `PodLimits`; with `UseStatusResources` for a Pod
//! that may be resized, KEP-1287).

use serde_json::Value;

use crate::resource_list::ResourceList;

/// What the Pod requests: the sum of its containers and sidecars, or the most that its init containers need,
/// whichever is larger; the Pod's own requests override it; its overhead comes on top. Example: containers of
/// 100m and 200m after an init container of 500m request 500m.
pub(crate) fn requests(spec: &Value) -> ResourceList {
    with_overhead(
        total(spec, "requests", &|container| listed(container, "requests")),
        spec,
    )
}

/// What a Pod on a node takes while it may be resized: for each container the most of what it wants, was given and runs
/// with. What it wants does not count where its node can never give it. Example: a container that wants 2 CPUs and runs
/// with 1 takes 2; once the resize is infeasible, 1.
pub(crate) fn requests_held(pod: &Value) -> ResourceList {
    let spec = &pod["spec"];
    let held = total(spec, "requests", &|container| {
        container_requests_held(pod, container)
    });
    with_overhead(held, spec)
}

/// The share of one container of the Pod in that.
pub(crate) fn container_requests_held(pod: &Value, container: &Value) -> ResourceList {
    held(pod, container, "requests")
}

/// What a container wants, unless that is infeasible, was given and runs with (`determineContainerReqs` and
/// `determineContainerLimits`).
fn held(pod: &Value, container: &Value, list: &str) -> ResourceList {
    let statuses = ["containerStatuses", "initContainerStatuses"]
        .into_iter()
        .filter_map(|statuses| pod["status"][statuses].as_array())
        .flatten();
    let mut of_container = statuses.filter(|status| status["name"] == container["name"]);
    let Some(status) = of_container
        .next()
        .filter(|status| status["resources"].is_object())
    else {
        return listed(container, list);
    };
    let mut held = listed(status, list);
    if list == "requests" {
        held.raise_to(&ResourceList::from_json(&status["allocatedResources"]));
    }
    if !is_resize_infeasible(pod) {
        held.raise_to(&listed(container, list));
    }
    held
}

fn listed(holder: &Value, list: &str) -> ResourceList {
    ResourceList::from_json(&holder["resources"][list])
}

/// Whether the Pod's node can never give it what it wants (`IsPodResizeInfeasible`).
fn is_resize_infeasible(pod: &Value) -> bool {
    let mut conditions = pod["status"]["conditions"].as_array().into_iter().flatten();
    let pending = conditions.find(|condition| condition["type"] == "PodResizePending");
    pending.is_some_and(|condition| condition["reason"] == "Infeasible")
}

fn with_overhead(mut total: ResourceList, spec: &Value) -> ResourceList {
    total.add(&ResourceList::from_json(&spec["overhead"]));
    total
}

/// The same as [`requests`] of its limits; overhead is added only to what is limited.
pub(crate) fn limits(spec: &Value) -> ResourceList {
    let limits = total(spec, "limits", &|container| listed(container, "limits"));
    with_limited_overhead(limits, spec)
}

/// The same as [`requests_held`] of its limits.
pub(crate) fn limits_held(pod: &Value) -> ResourceList {
    let spec = &pod["spec"];
    let held = total(spec, "limits", &|container| held(pod, container, "limits"));
    with_limited_overhead(held, spec)
}

fn with_limited_overhead(mut total: ResourceList, spec: &Value) -> ResourceList {
    let overhead = ResourceList::from_json(&spec["overhead"]);
    let limited = overhead.masked(|name, _| total.get(name).is_some());
    total.add(&limited);
    total
}

/// Whether the Pod itself, and not only its containers, says what it takes (`IsPodLevelResourcesSet`).
pub(crate) fn are_set_for_the_pod(spec: &Value) -> bool {
    let lists = ["requests", "limits"].map(|list| ResourceList::from_json(&spec["resources"][list]));
    lists.iter().any(|list| list.names().any(is_for_pods))
}

/// Resources that a Pod as a whole may ask for.
fn is_for_pods(name: &str) -> bool {
    matches!(name, "cpu" | "memory") || name.starts_with("hugepages-")
}

/// The sum over the containers as they run, with the Pod's own `list` in place of it where it says something.
pub(crate) fn total(spec: &Value, list: &str, amounts: &dyn Fn(&Value) -> ResourceList) -> ResourceList {
    let containers = |key: &str| spec[key].as_array().map(Vec::as_slice).unwrap_or_default();
    let mut sum = ResourceList::default();
    for container in containers("containers") {
        sum.add(&amounts(container));
    }
    let (mut sidecars, mut most) = (ResourceList::default(), ResourceList::default());
    for container in containers("initContainers") {
        let mut needs = amounts(container);
        if container["restartPolicy"] == "Always" {
            sum.add(&needs);
            sidecars.add(&needs);
            needs.clone_from(&sidecars);
        } else {
            needs.add(&sidecars);
        }
        most.raise_to(&needs);
    }
    sum.raise_to(&most);
    for (name, amount) in ResourceList::from_json(&spec["resources"][list]).iter() {
        if is_for_pods(name) {
            sum.set(name, amount);
        }
    }
    sum
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn container(cpu: &str) -> Value {
        json!({"resources": {"requests": {"cpu": cpu}, "limits": {"cpu": cpu}}})
    }

    fn sidecar(cpu: &str) -> Value {
        json!({"restartPolicy": "Always", "resources": {"requests": {"cpu": cpu}, "limits": {"cpu": cpu}}})
    }

    #[test]
    fn init_containers_and_sidecars_count_as_they_run() {
        let cases = [
            (
                json!({"containers": [container("100m"), container("200m")]}),
                "300m",
            ),
            (
                json!({"containers": [container("100m")], "initContainers": [container("1")]}),
                "1",
            ),
            (
                json!({"containers": [container("100m")], "initContainers": [sidecar("300m"), container("1")]}),
                "1300m",
            ),
            (
                json!({"containers": [container("100m")], "initContainers": [container("1"), sidecar("300m")]}),
                "1",
            ),
            (
                json!({"containers": [container("1")], "overhead": {"cpu": "250m", "memory": "1Mi"}}),
                "1250m",
            ),
            (
                json!({"containers": [container("1")],
                    "resources": {"requests": {"cpu": "3"}, "limits": {"cpu": "3"}}}),
                "3",
            ),
        ];
        for (spec, expected) in cases {
            for total in [requests(&spec), limits(&spec)] {
                assert_eq!(total.get("cpu").unwrap().to_string(), expected, "{spec}");
            }
        }
    }

    #[test]
    fn a_pod_that_is_resized_takes_the_most_of_what_it_wants_and_has() {
        let pod = |wants: &str, given: &str, runs: &str, reason: &str| {
            let amounts = |cpu: &str| json!({"requests": {"cpu": cpu}, "limits": {"cpu": cpu}});
            json!({
                "spec": {"containers": [{"name": "c", "resources": amounts(wants)}]},
                "status": {
                    "conditions": [{"type": "PodResizePending", "reason": reason}],
                    "containerStatuses": [
                        {"name": "c", "allocatedResources": {"cpu": given}, "resources": amounts(runs)},
                    ],
                },
            })
        };
        for (pod, requests, limits) in [
            (pod("2", "1", "1", "Deferred"), "2", "2"),
            (pod("1", "1", "2", ""), "2", "2"),
            (pod("1", "2", "1", ""), "2", "1"),
            (pod("9", "1", "1", "Infeasible"), "1", "1"),
            (pod("9", "2", "1", "Infeasible"), "2", "1"),
        ] {
            let held =
                [requests_held(&pod), limits_held(&pod)].map(|list| list.get("cpu").unwrap().to_string());
            assert_eq!(held, [requests, limits], "{pod}");
        }
        let new = json!({"spec": {"containers": [{"name": "c", "resources": {"requests": {"cpu": "1"}}}]}});
        assert_eq!(requests_held(&new), requests(&new["spec"]));
    }

    #[test]
    fn overhead_limits_nothing_that_is_not_limited() {
        let spec = json!({"containers": [container("1")], "overhead": {"memory": "1Mi"}});
        assert_eq!(requests(&spec).shown(), "cpu=1,memory=1Mi");
        assert_eq!(limits(&spec).shown(), "cpu=1");
        assert!(!are_set_for_the_pod(&spec));
        assert!(are_set_for_the_pod(
            &json!({"resources": {"limits": {"cpu": "1"}}})
        ));
    }
}
