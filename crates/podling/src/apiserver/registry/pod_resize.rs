//! `pods/resize`: CPU and memory of a Pod that is there change in place, and nothing else of it.
//!
//! Source: `podResizeStrategy` in `k8s.io/kubernetes/pkg/registry/core/pod/strategy.go` and `ValidatePodResize` in
//! `.../pkg/apis/core/validation`, v1.36.

use serde_json::Value;

use super::read::{Fields as _, copy, items_mut, object_at, remove};
use super::{generation, pod, qos};
use crate::status::field::Error;

/// What a resize may change.
const MUTABLE: [&str; 2] = ["cpu", "memory"];
const CONTAINER_LISTS: [&str; 2] = ["containers", "initContainers"];

/// Takes from `new` the resources and how they change, and everything else from `old`.
pub(super) fn prepare_for_update(new: &mut Value, old: &Value) {
    let wanted = new["spec"].take();
    copy(old, new, "spec");
    copy(old, new, "status");
    keep_metadata(&mut new["metadata"], &old["metadata"]);
    copy(&wanted, &mut new["spec"], "resources");
    for list in CONTAINER_LISTS {
        take_resources(&mut new["spec"], &wanted, list);
    }
    generation::count_spec_change(new, old);
}

/// `ResetObjectMetaForStatus`.
fn keep_metadata(new: &mut Value, old: &Value) {
    for key in [
        "labels",
        "annotations",
        "finalizers",
        "ownerReferences",
        "deletionTimestamp",
        "deletionGracePeriodSeconds",
    ] {
        copy(old, new, key);
    }
}

/// Containers that were renamed or moved, added or taken away are left to be refused.
fn take_resources(spec: &mut Value, wanted: &Value, list: &str) {
    let names = |spec: &Value| -> Vec<String> {
        let each = spec.items(list).iter();
        each.map(|container| container.text("name").to_owned()).collect()
    };
    if names(spec) != names(wanted) {
        copy(wanted, spec, list);
        return;
    }
    for (container, wanted) in items_mut(spec, list).zip(wanted.items(list)) {
        copy(wanted, container, "resources");
        copy(wanted, container, "resizePolicy");
    }
}

/// What is wrong with a resize.
pub(super) fn validate(new: &Value, old: &Value) -> Vec<Error> {
    const MIRROR: &str = "kubernetes.io/config.mirror";
    if old["metadata"]["annotations"].has(MIRROR) {
        return vec![Error::forbidden("", "static pods cannot be resized")];
    }
    if old["spec"]["os"]["name"] == "windows" {
        return vec![Error::forbidden("", "windows pods cannot be resized")];
    }
    let (after, before) = (&new["spec"], &old["spec"]);
    let mut errors = Vec::new();
    pod::check_spec(after, &mut errors);
    check_class(new, old, &mut errors);
    if !is_supported(&old["status"]) {
        let why = "Pod running on node without support for resize";
        errors.push(Error::forbidden("spec", why));
    }
    let mut masked = after.clone();
    check_pod_level(after, before, &mut masked, &mut errors);
    let in_place = errors.len();
    for list in CONTAINER_LISTS {
        check_order(after, before, list, &mut errors);
    }
    if errors.len() > in_place {
        return errors;
    }
    check_removals(after, before, &mut errors);
    check_containers(&mut masked, before, &mut errors);
    if errors.is_empty() && masked != *before {
        errors.push(Error::forbidden(
            "spec",
            "only cpu and memory resources are mutable",
        ));
    }
    errors
}

fn check_class(new: &Value, old: &Value, errors: &mut Vec<Error>) {
    let before = match old["status"].text("qosClass") {
        "" => qos::class(&old["spec"]),
        class => class,
    };
    if before != qos::class(&new["spec"]) {
        let why = "Pod QOS Class may not change as a result of resizing";
        errors.push(Error::invalid("spec", new["status"].text("qosClass"), why));
    }
}

/// A node that can resize tells the resources of the containers that run.
fn is_supported(status: &Value) -> bool {
    let mut containers = status.items("containerStatuses").iter();
    let running = containers.find(|container| container["state"].has("running"));
    running.is_none_or(|container| container.has("resources"))
}

/// Checks the Pod's own resources; in `masked` they become what they were as far as they may change.
fn check_pod_level(after: &Value, before: &Value, masked: &mut Value, errors: &mut Vec<Error>) {
    let is_set = |spec: &Value| {
        ["requests", "limits"]
            .iter()
            .any(|list| spec["resources"].entries(list).next().is_some())
    };
    if !is_set(after) && !is_set(before) {
        return;
    }
    let (new, old) = (&after["resources"], &before["resources"]);
    if before.has("resources") && !after.has("resources") {
        let why = "pod-level resources cannot be removed";
        errors.push(Error::forbidden("spec.resources", why));
        return;
    }
    for list in ["requests", "limits"] {
        if are_removed(new, old, list) {
            let why = format!("pod-level resource {list} cannot be removed");
            errors.push(Error::forbidden(format!("spec.resources.{list}"), why));
        }
    }
    mask(masked, before);
    if masked["resources"] != before["resources"] {
        let why = "only cpu and memory resources are mutable at pod-level";
        errors.push(Error::forbidden("spec", why));
    }
}

fn check_order(after: &Value, before: &Value, list: &str, errors: &mut Vec<Error>) {
    let (new, old) = (after.items(list), before.items(list));
    if new.len() != old.len() {
        let why = format!("{list} may not be added or removed on resize");
        errors.push(Error::forbidden(format!("spec.{list}"), why));
        return;
    }
    for (i, (new, old)) in new.iter().zip(old).enumerate() {
        if new.text("name") != old.text("name") {
            let why = format!("{list} may not be renamed or reordered on resize");
            errors.push(Error::forbidden(format!("spec.{list}[{i}].name"), why));
        }
    }
}

fn check_removals(after: &Value, before: &Value, errors: &mut Vec<Error>) {
    for list in ["initContainers", "containers"] {
        for (i, (new, old)) in after.items(list).iter().zip(before.items(list)).enumerate() {
            if list == "initContainers" && !is_sidecar(old) {
                continue;
            }
            for amounts in ["requests", "limits"] {
                if are_removed(&new["resources"], &old["resources"], amounts) {
                    let why = format!("resource {amounts} cannot be removed");
                    let field = format!("spec.{list}[{i}].resources.{amounts}");
                    errors.push(Error::forbidden(field, why));
                }
            }
        }
    }
}

/// Checks that nothing but CPU and memory changes in the containers, which become in `masked` what they were.
fn check_containers(masked: &mut Value, before: &Value, errors: &mut Vec<Error>) {
    for list in CONTAINER_LISTS {
        for (container, old) in items_mut(masked, list).zip(before.items(list)) {
            let why = match (list, is_sidecar(old)) {
                ("containers", _) => "only cpu and memory resources are mutable",
                (_, true) => "only cpu and memory resources for sidecar containers are mutable",
                (_, false) => "resources for non-sidecar init containers are immutable",
            };
            if list == "containers" || is_sidecar(old) {
                mask(container, old);
            }
            if container != old {
                errors.push(Error::forbidden("spec", why));
            }
        }
    }
}

fn is_sidecar(container: &Value) -> bool {
    container["restartPolicy"] == "Always"
}

fn are_removed(new: &Value, old: &Value, list: &str) -> bool {
    old.entries(list).any(|(name, _)| !new[list].has(name))
}

/// Makes CPU and memory in `resources` of `holder` what they are in `old` (`dropCPUMemoryUpdates`).
fn mask(holder: &mut Value, old: &Value) {
    let before = &old["resources"];
    let resources = object_at(holder, "resources");
    for list in ["requests", "limits"] {
        if !resources.has(list) && !before.has(list) {
            continue;
        }
        let amounts = object_at(resources, list);
        for name in MUTABLE {
            copy(&before[list], amounts, name);
        }
        if amounts.as_object().is_some_and(serde_json::Map::is_empty) && !before.has(list) {
            remove(resources, list);
        }
    }
    // Claims and the like fall away too: a container with them cannot be resized.
    if let Some(fields) = resources.as_object_mut() {
        fields.retain(|key, _| matches!(key.as_str(), "requests" | "limits"));
        if fields.is_empty() && !old.has("resources") {
            remove(holder, "resources");
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const ONLY: &str = "spec: Forbidden: only cpu and memory resources are mutable";

    fn container(name: &str, resources: &Value) -> Value {
        json!({
            "name": name, "image": "i", "imagePullPolicy": "Always", "terminationMessagePolicy": "File",
            "resources": resources,
        })
    }

    fn pod(containers: &[Value]) -> Value {
        json!({"metadata": {"generation": 1}, "spec": {
            "containers": containers, "restartPolicy": "Always", "dnsPolicy": "ClusterFirst",
        }})
    }

    fn burstable() -> Value {
        json!({"requests": {"cpu": "100m"}, "limits": {"cpu": "200m"}})
    }

    fn resized(containers: &[Value]) -> Vec<String> {
        let old = pod(&[container("a", &burstable()), container("b", &json!({}))]);
        let mut new = pod(containers);
        prepare_for_update(&mut new, &old);
        validate(&new, &old).iter().map(ToString::to_string).collect()
    }

    #[test]
    fn cpu_and_memory_change_and_nothing_else() {
        let more = |resources: Value| [container("a", &resources), container("b", &json!({}))];
        let none: [&str; 0] = [];
        let changes = json!({"requests": {"cpu": "150m", "memory": "1Mi"}, "limits": {"cpu": "200m"}});
        assert_eq!(resized(&more(changes)), none);
        let removed = json!({"limits": {"cpu": "200m"}});
        assert_eq!(
            resized(&more(removed)),
            ["spec.containers[0].resources.requests: Forbidden: resource requests cannot be removed"]
        );
        let other = json!({
            "requests": {"cpu": "100m", "ephemeral-storage": "1Gi"}, "limits": {"cpu": "200m"},
        });
        assert_eq!(resized(&more(other)), [ONLY]);
        assert_eq!(
            resized(&more(
                json!({"requests": {"cpu": "300m"}, "limits": {"cpu": "200m"}})
            )),
            [
                "spec.containers[0].resources.requests: Invalid value: \"300m\": must be less than or equal to cpu \
              limit of 200m"
            ]
        );
    }

    #[test]
    fn containers_stay_where_they_are() {
        let (a, b) = (container("a", &burstable()), container("b", &json!({})));
        assert_eq!(
            resized(&[b, a.clone()]),
            [
                "spec.containers[0].name: Forbidden: containers may not be renamed or reordered on resize",
                "spec.containers[1].name: Forbidden: containers may not be renamed or reordered on resize",
            ]
        );
        assert_eq!(
            resized(&[a]),
            ["spec.containers: Forbidden: containers may not be added or removed on resize"]
        );
    }

    #[test]
    fn the_class_stays() {
        let (old, mut new) = (
            pod(&[container("a", &json!({}))]),
            pod(&[container("a", &burstable())]),
        );
        new["status"] = json!({"qosClass": "BestEffort"});
        let texts: Vec<String> = validate(&new, &old).iter().map(ToString::to_string).collect();
        assert_eq!(
            texts,
            ["spec: Invalid value: \"BestEffort\": Pod QOS Class may not change as a result of resizing"]
        );
    }

    #[test]
    fn all_but_the_resources_comes_from_the_old_pod() {
        let old = pod(&[container("a", &burstable())]);
        let mut new = old.clone();
        new["metadata"]["labels"] = json!({"a": "b"});
        new["spec"]["containers"][0]["image"] = "other".into();
        new["spec"]["restartPolicy"] = "Never".into();
        prepare_for_update(&mut new, &old);
        assert_eq!(new, old);
        new["spec"]["containers"][0]["resources"]["requests"]["cpu"] = "50m".into();
        prepare_for_update(&mut new, &old);
        assert_eq!(new["metadata"]["generation"], 2);
    }
}
