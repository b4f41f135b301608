//! Admission: what is decided about a new object with a look at others, before it is validated.
//!
//! The plugins run in Kubernetes' own order: NamespaceLifecycle, ServiceAccount, Priority,
//! DefaultTolerationSeconds, DefaultStorageClass, StorageObjectInUseProtection, RuntimeClass, DefaultIngressClass. What differs: PriorityClasses other than the two built-in ones do not exist yet.

use serde_json::Value;

use crate::resource::{INGRESS_CLASSES, RUNTIME_CLASSES, Resource, STORAGE_CLASSES};
use crate::rng::Rng;
use crate::status::{Cause, Status};

mod defaults;
mod ingress_class;
mod priority;
mod runtime_class;
mod service_account;
pub(crate) mod storage;
mod toleration_seconds;

/// What admission looks up.
pub(crate) trait Lookup {
    /// The namespace of that name.
    fn namespace(&self, name: &str) -> Option<&Value>;
    /// The ServiceAccount of that name in that namespace.
    fn service_account(&self, namespace: &str, name: &str) -> Option<&Value>;
    /// All objects of a cluster-scoped resource.
    fn cluster_wide(&self, resource: &'static Resource) -> Vec<&Value>;
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
    service_account::admit(namespace, object, lookup, rng).map_err(forbidden)?;
    priority::admit(object).map_err(forbidden)?;
    toleration_seconds::admit(object);
    runtime_class::admit(object, &lookup.cluster_wide(&RUNTIME_CLASSES)).map_err(forbidden)
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
    use crate::resource::{CONFIG_MAPS, NODES, PODS};

    struct World {
        namespace: Value,
        account: Value,
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
    }

    fn world() -> World {
        World {
            namespace: json!({"metadata": {"name": "shop"}}),
            account: json!({"metadata": {"name": "default"}}),
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
