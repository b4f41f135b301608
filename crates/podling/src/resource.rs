//! Which resources the API serves: names, kinds, scopes, short names, verbs, subresources.
//!
//! Discovery, routing, storage keys and error texts all read this one table. A kind stands here once the
//! cluster does with it what Kubernetes does, never before.

use std::sync::OnceLock;

/// One served resource, such as `deployments` of `apps/v1`.
#[derive(Debug, Eq, Ord, PartialEq, PartialOrd)]
pub struct Resource {
    /// The API group; empty for core.
    pub group: &'static str,
    /// The version.
    pub version: &'static str,
    /// The plural name in paths.
    pub plural: &'static str,
    /// The singular name.
    pub singular: &'static str,
    /// The kind.
    pub kind: &'static str,
    /// Whether objects live in a namespace.
    pub namespaced: bool,
    /// What kubectl also takes for the name.
    pub short_names: &'static [&'static str],
    /// Groups of resources such as `all`.
    pub categories: &'static [&'static str],
    /// Subresources that are served.
    pub subresources: &'static [Subresource],
}

/// Something below an object in its path, such as `pods/log`.
#[derive(Debug, Eq, Ord, PartialEq, PartialOrd)]
pub struct Subresource {
    /// The last part of the path.
    pub name: &'static str,
    /// Group, version and kind of what is sent and answered.
    pub response: (&'static str, &'static str, &'static str),
    /// The verbs that discovery lists, in its order.
    pub verbs: &'static [&'static str],
}

const CONNECT_VERBS: &[&str] = &["create", "get"];

const PROXY_VERBS: &[&str] = &["create", "delete", "get", "patch", "update"];

const STATUS_VERBS: &[&str] = &["get", "patch", "update"];

const fn status_of(group: &'static str, kind: &'static str) -> Subresource {
    status_in(group, "v1", kind)
}

const fn status_in(group: &'static str, version: &'static str, kind: &'static str) -> Subresource {
    Subresource {
        name: "status",
        response: (group, version, kind),
        verbs: STATUS_VERBS,
    }
}

const SCALE: Subresource = Subresource {
    name: "scale",
    response: ("autoscaling", "v1", "Scale"),
    verbs: STATUS_VERBS,
};

/// The verbs of a resource with storage, in the order of discovery.
pub const STORED_VERBS: &[&str] = &[
    "create",
    "delete",
    "deletecollection",
    "get",
    "list",
    "patch",
    "update",
    "watch",
];

macro_rules! resource {
    ($name:ident, $group:literal, $plural:literal, $($facts:tt)*) => {
        resource!($name, $group, version "v1", $plural, $($facts)*);
    };
    ($name:ident, $group:literal, version $version:literal, $plural:literal, $singular:literal, $kind:literal,
     $namespaced:literal, short $short:expr, categories $categories:expr, sub $sub:expr) => {
        #[doc = concat!("`", $plural, "` of `", $group, "/", $version, "`")]
        pub static $name: Resource = Resource {
            group: $group,
            version: $version,
            plural: $plural,
            singular: $singular,
            kind: $kind,
            namespaced: $namespaced,
            short_names: $short,
            categories: $categories,
            subresources: $sub,
        };
    };
}

mod core_group;
pub mod inert;
mod named_groups;

pub use core_group::*;
pub use named_groups::*;

/// Everything that is served, in the order of discovery: core first, then groups by priority, resources by name.
pub static ALL: &[&Resource] = &[
    &BINDINGS,
    &COMPONENT_STATUSES,
    &CONFIG_MAPS,
    &ENDPOINTS,
    &EVENTS,
    &LIMIT_RANGES,
    &NAMESPACES,
    &NODES,
    &PERSISTENT_VOLUME_CLAIMS,
    &PERSISTENT_VOLUMES,
    &PODS,
    &POD_TEMPLATES,
    &REPLICATION_CONTROLLERS,
    &RESOURCE_QUOTAS,
    &SECRETS,
    &SERVICE_ACCOUNTS,
    &SERVICES,
    &inert::API_SERVICES,
    &CONTROLLER_REVISIONS,
    &DAEMON_SETS,
    &DEPLOYMENTS,
    &REPLICA_SETS,
    &STATEFUL_SETS,
    &EVENTS_V1,
    &SELF_SUBJECT_REVIEWS,
    &TOKEN_REVIEWS,
    &LOCAL_SUBJECT_ACCESS_REVIEWS,
    &SELF_SUBJECT_ACCESS_REVIEWS,
    &SELF_SUBJECT_RULES_REVIEWS,
    &SUBJECT_ACCESS_REVIEWS,
    &HORIZONTAL_POD_AUTOSCALERS,
    &HORIZONTAL_POD_AUTOSCALERS_V1,
    &CRON_JOBS,
    &JOBS,
    &inert::CERTIFICATE_SIGNING_REQUESTS,
    &INGRESS_CLASSES,
    &INGRESSES,
    &inert::IP_ADDRESSES,
    &NETWORK_POLICIES,
    &inert::SERVICE_CIDRS,
    &POD_DISRUPTION_BUDGETS,
    &CLUSTER_ROLE_BINDINGS,
    &CLUSTER_ROLES,
    &ROLE_BINDINGS,
    &ROLES,
    &inert::CSI_DRIVERS,
    &inert::CSI_NODES,
    &inert::CSI_STORAGE_CAPACITIES,
    &STORAGE_CLASSES,
    &inert::VOLUME_ATTACHMENTS,
    &inert::VOLUME_ATTRIBUTES_CLASSES,
    &inert::MUTATING_ADMISSION_POLICIES,
    &inert::MUTATING_ADMISSION_POLICY_BINDINGS,
    &inert::MUTATING_WEBHOOK_CONFIGURATIONS,
    &inert::VALIDATING_ADMISSION_POLICIES,
    &inert::VALIDATING_ADMISSION_POLICY_BINDINGS,
    &inert::VALIDATING_WEBHOOK_CONFIGURATIONS,
    &inert::CUSTOM_RESOURCE_DEFINITIONS,
    &PRIORITY_CLASSES,
    &LEASES,
    &RUNTIME_CLASSES,
    &ENDPOINT_SLICES,
    &inert::DEVICE_CLASSES,
    &inert::RESOURCE_CLAIMS,
    &inert::RESOURCE_CLAIM_TEMPLATES,
    &inert::RESOURCE_SLICES,
    &inert::FLOW_SCHEMAS,
    &inert::PRIORITY_LEVEL_CONFIGURATIONS,
];

resource!(
    NODE_METRICS,
    "metrics.k8s.io",
    version "v1beta1",
    "nodes",
    "",
    "NodeMetrics",
    false,
    short & [],
    categories & [],
    sub & []
);
resource!(
    POD_METRICS,
    "metrics.k8s.io",
    version "v1beta1",
    "pods",
    "",
    "PodMetrics",
    true,
    short & [],
    categories & [],
    sub & []
);

/// What is served, with or without metrics-server, which serves its own two resources and stores nothing.
pub(crate) fn served(with_metrics: bool) -> &'static [&'static Resource] {
    static WITH_METRICS: OnceLock<Vec<&'static Resource>> = OnceLock::new();
    match with_metrics {
        true => WITH_METRICS.get_or_init(|| [ALL, &[&NODE_METRICS, &POD_METRICS]].concat()),
        false => ALL,
    }
}

impl Resource {
    /// `v1` or `apps/v1`, as objects carry it.
    pub fn api_version(&self) -> String {
        if self.group.is_empty() {
            self.version.to_owned()
        } else {
            format!("{}/{}", self.group, self.version)
        }
    }

    /// The verbs that are served, in the order of discovery.
    pub fn verbs(&self) -> &'static [&'static str] {
        match (self.group, self.plural) {
            ("metrics.k8s.io", _) => &["get", "list"],
            ("", "bindings") | ("authentication.k8s.io" | "authorization.k8s.io", _) => &["create"],
            ("", "componentstatuses") => &["get", "list"],
            ("", "namespaces") => &["create", "delete", "get", "list", "patch", "update", "watch"],
            _ => STORED_VERBS,
        }
    }

    /// The subresource of that name.
    pub fn subresource(&self, name: &str) -> Option<&'static Subresource> {
        self.subresources.iter().find(|sub| sub.name == name)
    }
}

/// The resource at `/api/v1/{plural}` or `/apis/{group}/{version}/{plural}`.
pub fn by_path(group: &str, version: &str, plural: &str) -> Option<&'static Resource> {
    ALL.iter()
        .copied()
        .find(|r| r.group == group && r.version == version && r.plural == plural)
}

/// The resource whose objects say `apiVersion: {api_version}` and `kind: {kind}`.
pub fn by_kind(api_version: &str, kind: &str) -> Option<&'static Resource> {
    ALL.iter()
        .copied()
        .find(|r| r.kind == kind && r.api_version() == api_version)
}
