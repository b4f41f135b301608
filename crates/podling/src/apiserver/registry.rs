//! The rules of each kind: what is filled in, what a write may change, what is refused, what is warned about.
//!
//! One file a kind, each with a [`Strategy`], named as in Kubernetes' `pkg/registry`. All functions are pure.
//! A write goes through them in this order: [`default`], admission, [`prepare_for_create`] or
//! [`prepare_for_update`], [`validate_create`] or [`validate_update`].

use serde_json::Value;

use crate::clock::Time;
use crate::resource::{DAEMON_SETS, Resource};
use crate::status::field::Error;

mod conditions;
mod config_map;
mod container_defaults;
mod controller_revision;
mod cron_job;
mod daemon_set;
mod deployment;
mod diff;
mod endpoint_slice;
mod endpoints;
mod event;
mod generation;
mod horizontal_pod_autoscaler;
mod ingress;
mod ingress_class;
mod internal_form;
mod job;
mod label_keys;
mod labels;
mod lease;
mod limit_range;
mod metadata;
pub(super) mod names;
mod namespace;
mod network_policy;
mod node;
mod numbers;
mod persistent_volume;
mod persistent_volume_claim;
mod pod;
mod pod_annotations;
mod pod_defaults;
mod pod_disruption_budget;
mod pod_ports;
mod pod_resize;
mod pod_spec;
mod pod_template;
mod pod_update;
mod pod_warnings;
pub(crate) mod priority_class;
pub(crate) mod qos;
pub(crate) mod read;
mod replica_set;
mod replication_controller;
mod resource_names;
mod resource_quota;
mod role;
mod role_binding;
mod runtime_class;
mod secret;
mod service;
mod service_account;
mod stateful_set;
mod storage_class;
mod template;
mod volume_defaults;
mod workload;

/// How one kind is defaulted, prepared and checked.
struct Strategy {
    /// Fills in what the client left out (`SetDefaults`).
    default: fn(&mut Value),
    /// Fills in what only the stored object lacks: Kubernetes fills in once more when it reads it back.
    default_stored: fn(&mut Value),
    /// Sets what only the server may set, such as an initial status.
    prepare_for_create: fn(&mut Value, Time),
    /// Puts back what an update may not touch, and counts the generation.
    prepare_for_update: fn(&mut Value, &Value),
    /// The same for the subresource `status`; `None` for a kind without.
    prepare_for_status_update: Option<fn(&mut Value, &Value)>,
    /// Sets the times that a change of the status (new, old) leaves behind.
    stamp_status_update: fn(&mut Value, &Value, Time),
    /// What `metadata.name` must look like.
    name: names::Rule,
    /// Whether an update is also held against the rules for a new object's metadata.
    checks_metadata_anew: bool,
    /// What is wrong with a new object, apart from its metadata.
    validate: fn(&Value) -> Vec<Error>,
    /// What is wrong with a change (new, old), apart from the metadata; checks the new object too.
    validate_update: fn(&Value, &Value) -> Vec<Error>,
    /// What is wrong with a change to the status.
    validate_status_update: fn(&Value, &Value) -> Vec<Error>,
    /// What the client should know about a new or changed object.
    warnings: fn(&Value) -> Vec<String>,
    /// The same about a changed object (new, old), where that differs.
    warnings_on_update: Option<fn(&Value, &Value) -> Vec<String>>,
}

const PLAIN: Strategy = Strategy {
    default: |_| {},
    default_stored: |_| {},
    prepare_for_create: |_, _| {},
    prepare_for_update: |_, _| {},
    prepare_for_status_update: None,
    stamp_status_update: |_, _, _| {},
    name: names::Rule::Subdomain,
    checks_metadata_anew: true,
    validate: |_| Vec::new(),
    validate_update: |_, _| Vec::new(),
    validate_status_update: |_, _| Vec::new(),
    warnings: |_| Vec::new(),
    warnings_on_update: None,
};

fn strategy(resource: &Resource) -> &'static Strategy {
    match resource.kind {
        "ClusterRole" => &role::CLUSTER_ROLE,
        "ClusterRoleBinding" => &role_binding::CLUSTER_ROLE_BINDING,
        "ConfigMap" => &config_map::STRATEGY,
        "ControllerRevision" => &controller_revision::STRATEGY,
        "DaemonSet" => &daemon_set::STRATEGY,
        "CronJob" => &cron_job::STRATEGY,
        "Deployment" => &deployment::STRATEGY,
        "Endpoints" => &endpoints::STRATEGY,
        "EndpointSlice" => &endpoint_slice::STRATEGY,
        "Event" => &event::STRATEGY,
        "HorizontalPodAutoscaler" => &horizontal_pod_autoscaler::STRATEGY,
        "Ingress" => &ingress::STRATEGY,
        "IngressClass" => &ingress_class::STRATEGY,
        "Job" => &job::STRATEGY,
        "Lease" => &lease::STRATEGY,
        "LimitRange" => &limit_range::STRATEGY,
        "Namespace" => &namespace::STRATEGY,
        "NetworkPolicy" => &network_policy::STRATEGY,
        "Node" => &node::STRATEGY,
        "PersistentVolume" => &persistent_volume::STRATEGY,
        "PersistentVolumeClaim" => &persistent_volume_claim::STRATEGY,
        "Pod" => &pod::STRATEGY,
        "PodDisruptionBudget" => &pod_disruption_budget::STRATEGY,
        "PriorityClass" => &priority_class::STRATEGY,
        "PodTemplate" => &pod_template::STRATEGY,
        "ReplicaSet" => &replica_set::STRATEGY,
        "RuntimeClass" => &runtime_class::STRATEGY,
        "ResourceQuota" => &resource_quota::STRATEGY,
        "ReplicationController" => &replication_controller::STRATEGY,
        "Role" => &role::ROLE,
        "RoleBinding" => &role_binding::ROLE_BINDING,
        "Secret" => &secret::STRATEGY,
        "Service" => &service::STRATEGY,
        "StatefulSet" => &stateful_set::STRATEGY,
        "ServiceAccount" => &service_account::STRATEGY,
        "StorageClass" => &storage_class::STRATEGY,
        _ => &PLAIN,
    }
}

/// Fills in what the client left out. Done to every object that comes in, for create, update and patch alike.
pub(crate) fn default(resource: &Resource, object: &mut Value) {
    metadata::drop_empty(read::object_at(object, "metadata"));
    (strategy(resource).default)(object);
}

/// Fills in what a new object lacks only after it was prepared and checked.
pub(crate) fn default_stored(resource: &Resource, object: &mut Value) {
    (strategy(resource).default_stored)(object);
}

/// Sets what only the server may set on a new object: the initial status, the generation.
pub(crate) fn prepare_for_create(resource: &Resource, object: &mut Value, now: Time) {
    (strategy(resource).prepare_for_create)(object, now);
}

/// Puts back what an update (of the whole object, or of `subresource`) may not touch, and counts the generation.
pub(crate) fn prepare_for_update(
    resource: &Resource,
    subresource: Option<&str>,
    new: &mut Value,
    old: &Value,
    now: Time,
) {
    let strategy = strategy(resource);
    metadata::prepare_for_update(new, old);
    match (subresource, strategy.prepare_for_status_update) {
        (Some("status"), Some(prepare)) => {
            prepare(new, old);
            (strategy.stamp_status_update)(new, old, now);
        }
        (Some("ephemeralcontainers"), _) => pod::prepare_for_ephemeral_containers(new, old),
        (Some("resize"), _) => pod_resize::prepare_for_update(new, old),
        (Some("finalize" | "binding"), _) => {}
        _ => (strategy.prepare_for_update)(new, old),
    }
}

/// What is wrong with a new object.
pub(crate) fn validate_create(resource: &Resource, object: &Value) -> Vec<Error> {
    let strategy = strategy(resource);
    let mut errors = metadata::validate(&object["metadata"], resource.namespaced, strategy.name);
    errors.extend((strategy.validate)(object));
    errors
}

/// What is wrong with a change from `old` to `new`.
pub(crate) fn validate_update(
    resource: &Resource,
    subresource: Option<&str>,
    new: &Value,
    old: &Value,
) -> Vec<Error> {
    let strategy = strategy(resource);
    // Kubernetes checks what all kinds have in common before the kind's own rules check it again.
    let mut errors = metadata::validate_update(&new["metadata"], &old["metadata"]);
    errors.extend(errors.clone());
    if strategy.checks_metadata_anew && subresource.is_none() {
        errors.extend(metadata::validate(
            &new["metadata"],
            resource.namespaced,
            strategy.name,
        ));
    }
    errors.extend(match subresource {
        Some("status") => (strategy.validate_status_update)(new, old),
        Some("ephemeralcontainers") => pod::validate_ephemeral_containers_update(new, old),
        Some("resize") => pod_resize::validate(new, old),
        Some("finalize" | "binding") => Vec::new(),
        _ => (strategy.validate_update)(new, old),
    });
    errors
}

/// What the client should know about a new object, each for one `Warning` header.
pub(crate) fn warnings_on_create(resource: &Resource, object: &Value) -> Vec<String> {
    (strategy(resource).warnings)(object)
}

/// The metadata of an object as the server itself holds it, from which metadata alone is answered: annotations that
/// stand for fields are not among it.
pub(crate) fn internal_metadata(object: &Value) -> Value {
    let mut metadata = object["metadata"].clone();
    if object["kind"] == DAEMON_SETS.kind {
        daemon_set::drop_template_generation(&mut metadata);
    }
    metadata
}

/// What every request for a resource is told that will go one day.
pub(crate) fn deprecation(resource: &Resource) -> Option<&'static str> {
    match resource.kind {
        "ComponentStatus" => Some("v1 ComponentStatus is deprecated in v1.19+"),
        "Endpoints" => Some("v1 Endpoints is deprecated in v1.33+; use discovery.k8s.io/v1 EndpointSlice"),
        _ => None,
    }
}

/// What the client should know about a changed object; `old` is missing if the update created it.
pub(crate) fn warnings_on_update(resource: &Resource, new: &Value, old: Option<&Value>) -> Vec<String> {
    let strategy = strategy(resource);
    match (strategy.warnings_on_update, old) {
        (Some(warnings), Some(old)) => warnings(new, old),
        _ => (strategy.warnings)(new),
    }
}

/// What the client should know about a deletion that does not say what becomes of what the object owns.
pub(crate) fn warning_on_default_deletion(resource: &Resource) -> Option<&'static str> {
    (resource.kind == "Job").then_some(
        "child pods are preserved by default when jobs are deleted; set propagationPolicy=Background to remove \
         them or set propagationPolicy=Orphan to suppress this warning",
    )
}

/// Whether what an object owns is let go when a deletion says nothing about it
/// (`DefaultGarbageCollectionPolicy`): of `batch/v1` Jobs and `v1` ReplicationControllers, as it always was.
pub(crate) fn orphans_by_default(resource: &Resource) -> bool {
    matches!(resource.kind, "Job" | "ReplicationController")
}
