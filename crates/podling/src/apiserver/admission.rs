//! Admission: what is decided about a new object with a look at others, before it is validated.
//!
//! The plugins run in Kubernetes' own order: NamespaceLifecycle, LimitRanger, ServiceAccount, Priority,
//! DefaultTolerationSeconds, DefaultStorageClass, StorageObjectInUseProtection, RuntimeClass, DefaultIngressClass, PodTopologyLabels change an
//! object or refuse it before it is validated; Priority, LimitRanger,
//! PersistentVolumeClaimResize, PodSecurity, PodResizeValidator and ResourceQuota look at it afterwards.

use serde_json::Value;

use super::registry::read::Fields as _;
use crate::quota::{self, Attempt};
use crate::resource::{
    INGRESS_CLASSES, LIMIT_RANGES, NODES, PODS, PRIORITY_CLASSES, RESOURCE_QUOTAS, RUNTIME_CLASSES, Resource,
    STORAGE_CLASSES,
};
use crate::rng::Rng;
use crate::status::{Cause, Status};

mod defaults;
mod ingress_class;
mod limit_ranger;
mod pod_resize;
mod pod_security;
mod priority;
mod runtime_class;
mod service_account;
pub(crate) mod storage;
mod toleration_seconds;
pub(crate) mod topology_labels;

/// What admission looks up.
pub(crate) trait Lookup {
    /// The namespace of that name.
    fn namespace(&self, name: &str) -> Option<&Value>;
    /// The ServiceAccount of that name in that namespace.
    fn service_account(&self, namespace: &str, name: &str) -> Option<&Value>;
    /// All objects of a cluster-scoped resource.
    fn cluster_wide(&self, resource: &'static Resource) -> Vec<&Value>;
    /// The objects of a resource in a namespace.
    fn of_namespace<'a>(&'a self, resource: &'static Resource, namespace: &'a str) -> Vec<&'a Value>;
}

/// Admits a new object, changing it where a plugin says so.
///
/// # Errors
/// When the namespace is missing or terminating, or a plugin forbids the object.
pub(crate) fn admit_create(
    resource: &'static Resource,
    namespace: &str,
    object: &mut Value,
    lookup: &dyn Lookup,
    rng: &mut Rng,
) -> Result<(), Status> {
    if resource.namespaced {
        check_namespace(resource, namespace, object, lookup)?;
    }
    match resource.kind {
        "Pod" => admit_pod(namespace, object, lookup, rng)?,
        "Ingress" => ingress_class::default_class(object, &lookup.cluster_wide(&INGRESS_CLASSES)),
        "PersistentVolumeClaim" => {
            storage::default_class(object, &lookup.cluster_wide(&STORAGE_CLASSES));
            storage::protect(object, storage::CLAIM_PROTECTION);
        }
        "PersistentVolume" => storage::protect(object, storage::VOLUME_PROTECTION),
        _ => {}
    }
    Ok(())
}

fn admit_pod(namespace: &str, object: &mut Value, lookup: &dyn Lookup, rng: &mut Rng) -> Result<(), Status> {
    let name = name_of(object).to_owned();
    let forbidden = |why: String| Status::forbidden("", "pods", &name, &why);
    for range in lookup.of_namespace(&LIMIT_RANGES, namespace) {
        limit_ranger::default(range, object);
    }
    service_account::admit(namespace, object, lookup, rng).map_err(forbidden)?;
    priority::admit(object, lookup).map_err(forbidden)?;
    toleration_seconds::admit(object);
    runtime_class::admit(object, &lookup.cluster_wide(&RUNTIME_CLASSES)).map_err(forbidden)?;
    if !object["spec"].text("nodeName").is_empty() {
        topology_labels::admit(object, &lookup.cluster_wide(&NODES));
    }
    Ok(())
}

/// Admits a changed object, putting back what a plugin keeps.
pub(crate) fn admit_update(resource: &'static Resource, new: &mut Value, old: &Value) {
    if resource.kind == "Pod" {
        priority::keep(new, old);
    }
}

/// Looks at an object that is sound and about to be stored; the quotas that it is charged to, as they become.
///
/// # Errors
/// When a plugin forbids the object.
pub(crate) fn validate(attempt: &Attempt<'_>, lookup: &dyn Lookup) -> Result<Vec<Value>, Status> {
    let resource = attempt.resource;
    if resource.kind == "Namespace" && attempt.subresource.is_none() {
        return pod_security::check_labels(attempt.new, attempt.old).map(|()| Vec::new());
    }
    let (namespace, name) = (
        attempt.new["metadata"].text("namespace"),
        attempt.new["metadata"].text("name"),
    );
    let forbidden = |why: String| Status::forbidden(resource.group, resource.plural, name, &why);
    if resource == &PRIORITY_CLASSES {
        let checked = priority::validate_class(attempt.new, attempt.old.is_some(), lookup);
        return checked.map(|()| Vec::new()).map_err(forbidden);
    }
    if !resource.namespaced || !matches!(attempt.subresource, None | Some("resize" | "ephemeralcontainers")) {
        return Ok(Vec::new());
    }
    for range in lookup.of_namespace(&LIMIT_RANGES, namespace) {
        check_bounds(range, attempt).map_err(forbidden)?;
    }
    if resource.kind == "PersistentVolumeClaim"
        && let Some(old) = attempt.old
    {
        storage::check_growth(attempt.new, old, &lookup.cluster_wide(&STORAGE_CLASSES)).map_err(forbidden)?;
    }
    if resource.kind == "Pod"
        && let Some(namespace) = lookup.namespace(namespace)
    {
        pod_security::enforce(namespace, attempt.new, attempt.old).map_err(forbidden)?;
    }
    if let (true, Some(old)) = (attempt.is_resize(), attempt.old) {
        check_resize(attempt.new, old, lookup)?;
    }
    quota::charge(&lookup.of_namespace(&RESOURCE_QUOTAS, namespace), attempt).map_err(forbidden)
}

/// What the client should know about an object that was let through.
pub(crate) fn warnings(
    resource: &Resource,
    new: &Value,
    old: Option<&Value>,
    lookup: &dyn Lookup,
) -> Vec<String> {
    let metadata = &new["metadata"];
    match (resource.kind, old) {
        ("Namespace", Some(old)) => {
            let pods = lookup.of_namespace(&PODS, metadata.text("name"));
            pod_security::warnings_on_labels(new, old, &pods)
        }
        (kind, old) => lookup
            .namespace(metadata.text("namespace"))
            .and_then(|namespace| pod_security::warnings(namespace, kind, new, old))
            .into_iter()
            .collect(),
    }
}

/// What is going away is left alone, and so is a Pod that is there unless it is resized.
fn check_bounds(range: &Value, attempt: &Attempt<'_>) -> Result<(), String> {
    let is_leaving = |old: &Value| old["metadata"].has("deletionTimestamp");
    match (attempt.resource.kind, attempt.old) {
        ("Pod", old) if old.is_none() || attempt.is_resize() => limit_ranger::check_pod(range, attempt.new),
        ("PersistentVolumeClaim", old) if !old.is_some_and(is_leaving) => {
            limit_ranger::check_claim(range, attempt.new)
        }
        _ => Ok(()),
    }
}

/// A refused resize carries its cause, by which programs tell it from others.
fn check_resize(new: &Value, old: &Value, lookup: &dyn Lookup) -> Result<(), Status> {
    let nodes = lookup.cluster_wide(&NODES);
    let node = nodes
        .into_iter()
        .find(|node| node["metadata"]["name"] == new["spec"]["nodeName"]);
    pod_resize::check(new, old, node).map_err(|refusal| {
        let name = new["metadata"].text("name");
        let mut status = Status::forbidden("", "pods", name, &refusal.message);
        if let Some(details) = status.details.as_mut().filter(|_| !refusal.cause.is_empty()) {
            details.causes.push(Cause {
                reason: refusal.cause.to_owned(),
                ..Cause::default()
            });
        }
        status
    })
}

/// The name as error messages give it. Kubernetes admits an object before it generates its name.
fn name_of(object: &Value) -> &str {
    let text = |key: &str| object["metadata"][key].as_str().unwrap_or_default();
    match text("generateName") {
        "" => text("name"),
        prefix => prefix,
    }
}

/// NamespaceLifecycle: nothing is created where there is no namespace, or one that is going away.
fn check_namespace(
    resource: &Resource,
    namespace: &str,
    object: &Value,
    lookup: &dyn Lookup,
) -> Result<(), Status> {
    let Some(found) = lookup.namespace(namespace) else {
        return Err(Status::not_found("", "namespaces", namespace));
    };
    if found["metadata"]["deletionTimestamp"].is_null() {
        return Ok(());
    }
    let why = format!("unable to create new content in namespace {namespace} because it is being terminated");
    let mut status = Status::forbidden(resource.group, resource.plural, name_of(object), &why);
    if let Some(details) = status.details.as_mut() {
        details.causes.push(Cause {
            reason: "NamespaceTerminating".to_owned(),
            message: format!("namespace {namespace} is being terminated"),
            field: "metadata.namespace".to_owned(),
        });
    }
    Err(status)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::resource::CONFIG_MAPS;

    struct World {
        namespace: Value,
        account: Value,
        limit_ranges: Vec<Value>,
        resource_quotas: Vec<Value>,
    }

    impl Lookup for World {
        fn namespace(&self, name: &str) -> Option<&Value> {
            (self.namespace["metadata"]["name"] == name).then_some(&self.namespace)
        }

        fn service_account(&self, _namespace: &str, name: &str) -> Option<&Value> {
            (self.account["metadata"]["name"] == name).then_some(&self.account)
        }

        fn cluster_wide(&self, _resource: &'static Resource) -> Vec<&Value> {
            Vec::new()
        }

        fn of_namespace<'a>(&'a self, resource: &'static Resource, _namespace: &'a str) -> Vec<&'a Value> {
            match resource.kind {
                "LimitRange" => self.limit_ranges.iter().collect(),
                "ResourceQuota" => self.resource_quotas.iter().collect(),
                _ => Vec::new(),
            }
        }
    }

    fn world() -> World {
        World {
            namespace: json!({"metadata": {"name": "shop"}}),
            account: json!({"metadata": {"name": "default"}}),
            limit_ranges: Vec::new(),
            resource_quotas: Vec::new(),
        }
    }

    fn admit(resource: &'static Resource, object: &mut Value, world: &World) -> Result<(), String> {
        let namespace = if resource.namespaced { "shop" } else { "" };
        admit_create(resource, namespace, object, world, &mut Rng::new(1)).map_err(|status| status.message)
    }

    #[test]
    fn nothing_is_created_in_a_missing_or_terminating_namespace() {
        let mut gone = world();
        gone.namespace["metadata"]["name"] = "other".into();
        let mut terminating = world();
        terminating.namespace["metadata"]["deletionTimestamp"] = "t".into();
        let mut object = json!({"metadata": {"name": "late"}});
        assert_eq!(
            admit(&CONFIG_MAPS, &mut object, &gone),
            Err("namespaces \"shop\" not found".into())
        );
        assert_eq!(
            admit(&CONFIG_MAPS, &mut object, &terminating),
            Err("configmaps \"late\" is forbidden: unable to create new content in namespace shop because it is being terminated".into())
        );
        assert_eq!(admit(&NODES, &mut object, &gone), Ok(()));
    }

    #[test]
    fn a_pod_gets_its_account_priority_and_tolerations() {
        let mut pod = json!({"metadata": {"name": "p"}, "spec": {"containers": [{"name": "c"}]}});
        admit(&PODS, &mut pod, &world()).unwrap();
        let spec = &pod["spec"];
        assert_eq!(spec["serviceAccountName"], "default");
        assert_eq!(spec["priority"], 0);
        assert_eq!(spec["preemptionPolicy"], "PreemptLowerPriority");
        assert_eq!(spec["tolerations"].as_array().unwrap().len(), 2);
        assert_eq!(
            spec["volumes"][0]["name"],
            spec["containers"][0]["volumeMounts"][0]["name"]
        );
    }

    #[test]
    fn limit_ranges_and_quotas_are_held_against_sound_objects() {
        let mut bounded = world();
        bounded.limit_ranges = vec![json!({"spec": {"limits": [
            {"type": "Container", "default": {"cpu": "2"}, "max": {"cpu": "1"}}]}})];
        let quota =
            json!({"metadata": {"name": "q"}, "status": {"hard": {"pods": "1"}, "used": {"pods": "0"}}});
        bounded.resource_quotas = vec![quota];
        let mut pod =
            json!({"metadata": {"name": "p", "namespace": "shop"}, "spec": {"containers": [{"name": "c"}]}});
        admit(&PODS, &mut pod, &bounded).unwrap();
        let check = |pod: &Value| {
            let attempt = Attempt {
                resource: &PODS,
                subresource: None,
                new: pod,
                old: None,
                now: crate::clock::Time::default(),
            };
            validate(&attempt, &bounded).map_err(|status| status.message)
        };
        assert_eq!(
            check(&pod),
            Err("pods \"p\" is forbidden: maximum cpu usage per Container is 1, but limit is 2".into())
        );
        pod["spec"]["containers"][0]["resources"]["limits"]["cpu"] = "1".into();
        let charged = check(&pod).unwrap();
        assert_eq!(charged[0]["status"]["used"]["pods"], "1");
    }

    #[test]
    fn a_pod_of_a_missing_account_is_forbidden() {
        let mut pod = json!({"metadata": {"name": "p"}, "spec": {"serviceAccountName": "nobody"}});
        let why = "pods \"p\" is forbidden: error looking up service account shop/nobody: serviceaccount \"nobody\" not found";
        assert_eq!(admit(&PODS, &mut pod, &world()), Err(why.into()));
    }

    #[test]
    fn the_default_account_is_not_waited_for() {
        let mut fresh = world();
        fresh.account = Value::Null;
        let mut pod = json!({"metadata": {"name": "p"}, "spec": {"containers": [{"name": "c"}]}});
        assert_eq!(admit(&PODS, &mut pod, &fresh), Ok(()));
        assert_eq!(pod["spec"]["serviceAccountName"], "default");
    }

    #[test]
    fn no_token_is_mounted_where_pod_or_account_say_so() {
        let mut quiet = world();
        quiet.account["automountServiceAccountToken"] = false.into();
        let plain = json!({"metadata": {"name": "p"}, "spec": {"containers": [{"name": "c"}]}});
        let mut refusing = plain.clone();
        refusing["spec"]["automountServiceAccountToken"] = false.into();
        let mut asking = plain.clone();
        asking["spec"]["automountServiceAccountToken"] = true.into();
        let cases = [
            (plain, &quiet, false),
            (refusing, &world(), false),
            (asking, &quiet, true),
        ];
        for (mut pod, world, mounted) in cases {
            admit(&PODS, &mut pod, world).unwrap();
            assert_eq!(pod["spec"].get("volumes").is_some(), mounted, "{pod}");
        }
    }
}
