//! The resources of the core group, `/api/v1`.

use super::{CONNECT_VERBS, PROXY_VERBS, Resource, SCALE, STATUS_VERBS, Subresource, status_of};

resource!(
    BINDINGS,
    "",
    "bindings",
    "binding",
    "Binding",
    true,
    short & [],
    categories & [],
    sub & []
);
resource!(
    COMPONENT_STATUSES,
    "",
    "componentstatuses",
    "componentstatus",
    "ComponentStatus",
    false,
    short & ["cs"],
    categories & [],
    sub & []
);
resource!(
    CONFIG_MAPS,
    "",
    "configmaps",
    "configmap",
    "ConfigMap",
    true,
    short & ["cm"],
    categories & [],
    sub & []
);
resource!(
    ENDPOINTS,
    "",
    "endpoints",
    "endpoints",
    "Endpoints",
    true,
    short & ["ep"],
    categories & [],
    sub & []
);
resource!(
    EVENTS,
    "",
    "events",
    "event",
    "Event",
    true,
    short & ["ev"],
    categories & [],
    sub & []
);
resource!(
    LIMIT_RANGES,
    "",
    "limitranges",
    "limitrange",
    "LimitRange",
    true,
    short & ["limits"],
    categories & [],
    sub & []
);
resource!(
    NAMESPACES,
    "",
    "namespaces",
    "namespace",
    "Namespace",
    false,
    short & ["ns"],
    categories & [],
    sub & [
        Subresource {
            name: "finalize",
            response: ("", "v1", "Namespace"),
            verbs: &["update"]
        },
        status_of("", "Namespace")
    ]
);
resource!(
    NODES,
    "",
    "nodes",
    "node",
    "Node",
    false,
    short & ["no"],
    categories & [],
    sub & [
        Subresource {
            name: "proxy",
            response: ("", "v1", "NodeProxyOptions"),
            verbs: PROXY_VERBS
        },
        status_of("", "Node"),
    ]
);
resource!(
    PERSISTENT_VOLUMES,
    "",
    "persistentvolumes",
    "persistentvolume",
    "PersistentVolume",
    false,
    short & ["pv"],
    categories & [],
    sub & [status_of("", "PersistentVolume")]
);
resource!(
    PERSISTENT_VOLUME_CLAIMS,
    "",
    "persistentvolumeclaims",
    "persistentvolumeclaim",
    "PersistentVolumeClaim",
    true,
    short & ["pvc"],
    categories & [],
    sub & [status_of("", "PersistentVolumeClaim")]
);
resource!(
    PODS,
    "",
    "pods",
    "pod",
    "Pod",
    true,
    short & ["po"],
    categories & ["all"],
    sub & [
        Subresource {
            name: "attach",
            response: ("", "v1", "PodAttachOptions"),
            verbs: CONNECT_VERBS
        },
        Subresource {
            name: "binding",
            response: ("", "v1", "Binding"),
            verbs: &["create"]
        },
        Subresource {
            name: "ephemeralcontainers",
            response: ("", "v1", "Pod"),
            verbs: STATUS_VERBS
        },
        Subresource {
            name: "eviction",
            response: ("policy", "v1", "Eviction"),
            verbs: &["create"]
        },
        Subresource {
            name: "exec",
            response: ("", "v1", "PodExecOptions"),
            verbs: CONNECT_VERBS
        },
        Subresource {
            name: "log",
            response: ("", "v1", "Pod"),
            verbs: &["get"]
        },
        Subresource {
            name: "portforward",
            response: ("", "v1", "PodPortForwardOptions"),
            verbs: CONNECT_VERBS
        },
        Subresource {
            name: "proxy",
            response: ("", "v1", "PodProxyOptions"),
            verbs: PROXY_VERBS
        },
        Subresource {
            name: "resize",
            response: ("", "v1", "Pod"),
            verbs: STATUS_VERBS
        },
        status_of("", "Pod"),
    ]
);
resource!(
    POD_TEMPLATES,
    "",
    "podtemplates",
    "podtemplate",
    "PodTemplate",
    true,
    short & [],
    categories & [],
    sub & []
);
resource!(
    REPLICATION_CONTROLLERS,
    "",
    "replicationcontrollers",
    "replicationcontroller",
    "ReplicationController",
    true,
    short & ["rc"],
    categories & ["all"],
    sub & [SCALE, status_of("", "ReplicationController")]
);
resource!(
    RESOURCE_QUOTAS,
    "",
    "resourcequotas",
    "resourcequota",
    "ResourceQuota",
    true,
    short & ["quota"],
    categories & [],
    sub & [status_of("", "ResourceQuota")]
);
resource!(
    SECRETS,
    "",
    "secrets",
    "secret",
    "Secret",
    true,
    short & [],
    categories & [],
    sub & []
);
resource!(
    SERVICE_ACCOUNTS,
    "",
    "serviceaccounts",
    "serviceaccount",
    "ServiceAccount",
    true,
    short & ["sa"],
    categories & [],
    sub & [Subresource {
        name: "token",
        response: ("authentication.k8s.io", "v1", "TokenRequest"),
        verbs: &["create"]
    }]
);
resource!(
    SERVICES,
    "",
    "services",
    "service",
    "Service",
    true,
    short & ["svc"],
    categories & ["all"],
    sub & [
        Subresource {
            name: "proxy",
            response: ("", "v1", "ServiceProxyOptions"),
            verbs: PROXY_VERBS
        },
        status_of("", "Service"),
    ]
);
