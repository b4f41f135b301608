//! The kinds of objects that labs use, with the API resource behind each, so that nothing needs to be discovered.

use kube::core::ApiResource;

/// A kind that Kubernetes itself serves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Kind {
    /// The kind as manifests write it.
    pub kind: &'static str,
    /// The API group; empty for the core group.
    pub group: &'static str,
    /// The version.
    pub version: &'static str,
    /// The resource's name in URLs.
    pub plural: &'static str,
    /// Whether objects live in namespaces.
    pub namespaced: bool,
}

const fn kind(
    kind: &'static str,
    group: &'static str,
    version: &'static str,
    plural: &'static str,
    namespaced: bool,
) -> Kind {
    Kind {
        kind,
        group,
        version,
        plural,
        namespaced,
    }
}

const KINDS: &[Kind] = &[
    kind("ConfigMap", "", "v1", "configmaps", true),
    kind("Endpoints", "", "v1", "endpoints", true),
    kind("Event", "", "v1", "events", true),
    kind("LimitRange", "", "v1", "limitranges", true),
    kind("Namespace", "", "v1", "namespaces", false),
    kind("Node", "", "v1", "nodes", false),
    kind("PersistentVolume", "", "v1", "persistentvolumes", false),
    kind("PersistentVolumeClaim", "", "v1", "persistentvolumeclaims", true),
    kind("Pod", "", "v1", "pods", true),
    kind("ReplicationController", "", "v1", "replicationcontrollers", true),
    kind("ResourceQuota", "", "v1", "resourcequotas", true),
    kind("Secret", "", "v1", "secrets", true),
    kind("Service", "", "v1", "services", true),
    kind("ServiceAccount", "", "v1", "serviceaccounts", true),
    kind("APIService", "apiregistration.k8s.io", "v1", "apiservices", false),
    kind("ControllerRevision", "apps", "v1", "controllerrevisions", true),
    kind("DaemonSet", "apps", "v1", "daemonsets", true),
    kind("Deployment", "apps", "v1", "deployments", true),
    kind("ReplicaSet", "apps", "v1", "replicasets", true),
    kind("StatefulSet", "apps", "v1", "statefulsets", true),
    kind(
        "HorizontalPodAutoscaler",
        "autoscaling",
        "v2",
        "horizontalpodautoscalers",
        true,
    ),
    kind("CronJob", "batch", "v1", "cronjobs", true),
    kind("Job", "batch", "v1", "jobs", true),
    kind("Lease", "coordination.k8s.io", "v1", "leases", true),
    kind("EndpointSlice", "discovery.k8s.io", "v1", "endpointslices", true),
    kind("Ingress", "networking.k8s.io", "v1", "ingresses", true),
    kind(
        "NetworkPolicy",
        "networking.k8s.io",
        "v1",
        "networkpolicies",
        true,
    ),
    kind(
        "PodDisruptionBudget",
        "policy",
        "v1",
        "poddisruptionbudgets",
        true,
    ),
    kind(
        "ClusterRole",
        "rbac.authorization.k8s.io",
        "v1",
        "clusterroles",
        false,
    ),
    kind(
        "ClusterRoleBinding",
        "rbac.authorization.k8s.io",
        "v1",
        "clusterrolebindings",
        false,
    ),
    kind("Role", "rbac.authorization.k8s.io", "v1", "roles", true),
    kind(
        "RoleBinding",
        "rbac.authorization.k8s.io",
        "v1",
        "rolebindings",
        true,
    ),
    kind(
        "PriorityClass",
        "scheduling.k8s.io",
        "v1",
        "priorityclasses",
        false,
    ),
    kind("StorageClass", "storage.k8s.io", "v1", "storageclasses", false),
];

impl Kind {
    /// The kind of a name.
    pub fn of(name: &str) -> Option<Self> {
        KINDS.iter().find(|kind| kind.kind == name).copied()
    }

    /// The names of all kinds, by API group.
    pub fn names() -> impl Iterator<Item = &'static str> {
        KINDS.iter().map(|kind| kind.kind)
    }

    /// The kind of a manifest's `apiVersion` and `kind`.
    pub fn of_manifest(api_version: &str, name: &str) -> Option<Self> {
        Self::of(name).filter(|kind| kind.api_version() == api_version)
    }

    /// What manifests write under `apiVersion`.
    pub fn api_version(&self) -> String {
        match self.group {
            "" => self.version.to_owned(),
            group => format!("{group}/{}", self.version),
        }
    }

    /// The same for kube.
    pub fn resource(&self) -> ApiResource {
        ApiResource {
            group: self.group.to_owned(),
            version: self.version.to_owned(),
            api_version: self.api_version(),
            kind: self.kind.to_owned(),
            plural: self.plural.to_owned(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_manifest_must_name_the_version_that_is_served() {
        assert_eq!(
            Kind::of_manifest("apps/v1", "Deployment").map(|kind| kind.plural),
            Some("deployments")
        );
        assert_eq!(Kind::of_manifest("v1", "Deployment"), None);
        assert_eq!(
            Kind::of("Pod").map(|kind| kind.api_version()),
            Some("v1".to_owned())
        );
    }
}
