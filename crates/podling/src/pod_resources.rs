//! What a Pod as a whole requests, and how much it may take.
//!
//! Source: `k8s.io/component-helpers/resource/helpers.go` (`PodRequests`, `PodLimits`).

use serde_json::Value;

use crate::resource_list::ResourceList;

/// What the Pod requests: the sum of its containers and sidecars, or the most that its init containers need,
/// whichever is larger; the Pod's own requests override it; its overhead comes on top. Example: containers of
/// 100m and 200m after an init container of 500m request 500m.
pub(crate) fn requests(spec: &Value) -> ResourceList {
    let mut total = total(spec, "requests", &|container| {
        ResourceList::from_json(&container["resources"]["requests"])
    });
    total.add(&ResourceList::from_json(&spec["overhead"]));
    total
}

/// The same of its limits; overhead is added only to what is limited.
pub(crate) fn limits(spec: &Value) -> ResourceList {
    let mut total = total(spec, "limits", &|container| {
        ResourceList::from_json(&container["resources"]["limits"])
    });
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
