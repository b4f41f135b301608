//! The resources of the groups with names, `/apis/<group>/<version>`.

use super::{Resource, SCALE, status_in, status_of};

resource!(
    CONTROLLER_REVISIONS,
    "apps",
    "controllerrevisions",
    "controllerrevision",
    "ControllerRevision",
    true,
    short & [],
    categories & [],
    sub & []
);
resource!(
    DAEMON_SETS,
    "apps",
    "daemonsets",
    "daemonset",
    "DaemonSet",
    true,
    short & ["ds"],
    categories & ["all"],
    sub & [status_of("apps", "DaemonSet")]
);
resource!(
    DEPLOYMENTS,
    "apps",
    "deployments",
    "deployment",
    "Deployment",
    true,
    short & ["deploy"],
    categories & ["all"],
    sub & [SCALE, status_of("apps", "Deployment")]
);
resource!(
    REPLICA_SETS,
    "apps",
    "replicasets",
    "replicaset",
    "ReplicaSet",
    true,
    short & ["rs"],
    categories & ["all"],
    sub & [SCALE, status_of("apps", "ReplicaSet")]
);
resource!(
    STATEFUL_SETS,
    "apps",
    "statefulsets",
    "statefulset",
    "StatefulSet",
    true,
    short & ["sts"],
    categories & ["all"],
    sub & [SCALE, status_of("apps", "StatefulSet")]
);
resource!(
    CRON_JOBS,
    "batch",
    "cronjobs",
    "cronjob",
    "CronJob",
    true,
    short & ["cj"],
    categories & ["all"],
    sub & [status_of("batch", "CronJob")]
);
resource!(
    JOBS,
    "batch",
    "jobs",
    "job",
    "Job",
    true,
    short & [],
    categories & ["all"],
    sub & [status_of("batch", "Job")]
);
resource!(
    INGRESS_CLASSES,
    "networking.k8s.io",
    "ingressclasses",
    "ingressclass",
    "IngressClass",
    false,
    short & [],
    categories & [],
    sub & []
);
resource!(
    INGRESSES,
    "networking.k8s.io",
    "ingresses",
    "ingress",
    "Ingress",
    true,
    short & ["ing"],
    categories & [],
    sub & [status_of("networking.k8s.io", "Ingress")]
);
resource!(
    NETWORK_POLICIES,
    "networking.k8s.io",
    "networkpolicies",
    "networkpolicy",
    "NetworkPolicy",
    true,
    short & ["netpol"],
    categories & [],
    sub & []
);
resource!(
    HORIZONTAL_POD_AUTOSCALERS,
    "autoscaling",
    version "v2",
    "horizontalpodautoscalers",
    "horizontalpodautoscaler",
    "HorizontalPodAutoscaler",
    true,
    short & ["hpa"],
    categories & ["all"],
    sub & [status_in("autoscaling", "v2", "HorizontalPodAutoscaler")]
);
resource!(
    HORIZONTAL_POD_AUTOSCALERS_V1,
    "autoscaling",
    "horizontalpodautoscalers",
    "horizontalpodautoscaler",
    "HorizontalPodAutoscaler",
    true,
    short & ["hpa"],
    categories & ["all"],
    sub & [status_of("autoscaling", "HorizontalPodAutoscaler")]
);
resource!(
    POD_DISRUPTION_BUDGETS,
    "policy",
    "poddisruptionbudgets",
    "poddisruptionbudget",
    "PodDisruptionBudget",
    true,
    short & ["pdb"],
    categories & [],
    sub & [status_of("policy", "PodDisruptionBudget")]
);
resource!(
    STORAGE_CLASSES,
    "storage.k8s.io",
    "storageclasses",
    "storageclass",
    "StorageClass",
    false,
    short & ["sc"],
    categories & [],
    sub & []
);
resource!(
    PRIORITY_CLASSES,
    "scheduling.k8s.io",
    "priorityclasses",
    "priorityclass",
    "PriorityClass",
    false,
    short & ["pc"],
    categories & [],
    sub & []
);
resource!(
    LEASES,
    "coordination.k8s.io",
    "leases",
    "lease",
    "Lease",
    true,
    short & [],
    categories & [],
    sub & []
);
resource!(
    RUNTIME_CLASSES,
    "node.k8s.io",
    "runtimeclasses",
    "runtimeclass",
    "RuntimeClass",
    false,
    short & [],
    categories & [],
    sub & []
);
resource!(
    ENDPOINT_SLICES,
    "discovery.k8s.io",
    "endpointslices",
    "endpointslice",
    "EndpointSlice",
    true,
    short & [],
    categories & [],
    sub & []
);
resource!(
    EVENTS_V1,
    "events.k8s.io",
    "events",
    "event",
    "Event",
    true,
    short & ["ev"],
    categories & [],
    sub & []
);

resource!(
    SELF_SUBJECT_REVIEWS,
    "authentication.k8s.io",
    "selfsubjectreviews",
    "selfsubjectreview",
    "SelfSubjectReview",
    false,
    short & [],
    categories & [],
    sub & []
);
resource!(
    TOKEN_REVIEWS,
    "authentication.k8s.io",
    "tokenreviews",
    "tokenreview",
    "TokenReview",
    false,
    short & [],
    categories & [],
    sub & []
);
resource!(
    LOCAL_SUBJECT_ACCESS_REVIEWS,
    "authorization.k8s.io",
    "localsubjectaccessreviews",
    "localsubjectaccessreview",
    "LocalSubjectAccessReview",
    true,
    short & [],
    categories & [],
    sub & []
);
resource!(
    SELF_SUBJECT_ACCESS_REVIEWS,
    "authorization.k8s.io",
    "selfsubjectaccessreviews",
    "selfsubjectaccessreview",
    "SelfSubjectAccessReview",
    false,
    short & [],
    categories & [],
    sub & []
);
resource!(
    SELF_SUBJECT_RULES_REVIEWS,
    "authorization.k8s.io",
    "selfsubjectrulesreviews",
    "selfsubjectrulesreview",
    "SelfSubjectRulesReview",
    false,
    short & [],
    categories & [],
    sub & []
);
resource!(
    SUBJECT_ACCESS_REVIEWS,
    "authorization.k8s.io",
    "subjectaccessreviews",
    "subjectaccessreview",
    "SubjectAccessReview",
    false,
    short & [],
    categories & [],
    sub & []
);
resource!(
    CLUSTER_ROLE_BINDINGS,
    "rbac.authorization.k8s.io",
    "clusterrolebindings",
    "clusterrolebinding",
    "ClusterRoleBinding",
    false,
    short & [],
    categories & [],
    sub & []
);
resource!(
    CLUSTER_ROLES,
    "rbac.authorization.k8s.io",
    "clusterroles",
    "clusterrole",
    "ClusterRole",
    false,
    short & [],
    categories & [],
    sub & []
);
resource!(
    ROLE_BINDINGS,
    "rbac.authorization.k8s.io",
    "rolebindings",
    "rolebinding",
    "RoleBinding",
    true,
    short & [],
    categories & [],
    sub & []
);
resource!(
    ROLES,
    "rbac.authorization.k8s.io",
    "roles",
    "role",
    "Role",
    true,
    short & [],
    categories & [],
    sub & []
);
