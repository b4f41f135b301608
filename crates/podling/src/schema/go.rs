//! What Go knows about fields and OpenAPI does not say: which are pointers, and which are always written.
//!
//! A pointer that is set is written even if its value is empty; a plain value with `omitempty` is not. The
//! tables cover every kind of the stable groups. Source: `k8s.io/api`, v1.36.

use serde_json::Value;

use super::{Field, Shape};

/// Optional numbers and booleans that are plain values: zero and false are left out.
const VALUES: &[(&str, &[&str])] = &[
    ("APIServiceSpec", &["insecureSkipTLSVerify"]),
    ("AWSElasticBlockStoreVolumeSource", &["partition", "readOnly"]),
    ("AzureFilePersistentVolumeSource", &["readOnly"]),
    ("AzureFileVolumeSource", &["readOnly"]),
    ("CSIPersistentVolumeSource", &["readOnly"]),
    ("CephFSPersistentVolumeSource", &["readOnly"]),
    ("CephFSVolumeSource", &["readOnly"]),
    ("CinderPersistentVolumeSource", &["readOnly"]),
    ("CinderVolumeSource", &["readOnly"]),
    ("Condition", &["observedGeneration"]),
    ("Container", &["stdin", "stdinOnce", "tty"]),
    ("ContainerImage", &["sizeBytes"]),
    ("ContainerPort", &["hostPort"]),
    ("ContainerStateTerminated", &["signal"]),
    ("CustomResourceColumnDefinition", &["priority"]),
    ("CustomResourceDefinitionCondition", &["observedGeneration"]),
    ("CustomResourceDefinitionSpec", &["preserveUnknownFields"]),
    ("CustomResourceDefinitionStatus", &["observedGeneration"]),
    ("CustomResourceDefinitionVersion", &["deprecated"]),
    ("DaemonSetSpec", &["minReadySeconds"]),
    (
        "DaemonSetStatus",
        &[
            "numberAvailable",
            "numberUnavailable",
            "observedGeneration",
            "updatedNumberScheduled",
        ],
    ),
    ("DeploymentSpec", &["minReadySeconds", "paused"]),
    (
        "DeploymentStatus",
        &[
            "availableReplicas",
            "observedGeneration",
            "readyReplicas",
            "replicas",
            "unavailableReplicas",
            "updatedReplicas",
        ],
    ),
    ("DeviceSubRequest", &["count"]),
    ("EphemeralContainer", &["stdin", "stdinOnce", "tty"]),
    ("Event", &["count", "deprecatedCount"]),
    ("EventSeries", &["count"]),
    ("ExactDeviceRequest", &["count"]),
    ("FCVolumeSource", &["readOnly"]),
    ("FlexPersistentVolumeSource", &["readOnly"]),
    ("FlexVolumeSource", &["readOnly"]),
    ("GCEPersistentDiskVolumeSource", &["partition", "readOnly"]),
    ("GlusterfsVolumeSource", &["readOnly"]),
    ("HorizontalPodAutoscalerStatus", &["currentReplicas"]),
    (
        "ISCSIPersistentVolumeSource",
        &["chapAuthDiscovery", "chapAuthSession", "readOnly"],
    ),
    (
        "ISCSIVolumeSource",
        &["chapAuthDiscovery", "chapAuthSession", "readOnly"],
    ),
    ("JobStatus", &["active", "failed", "succeeded"]),
    (
        "JSONSchemaProps",
        &[
            "exclusiveMaximum",
            "exclusiveMinimum",
            "nullable",
            "uniqueItems",
            "x-kubernetes-embedded-resource",
            "x-kubernetes-int-or-string",
        ],
    ),
    ("JobStatus", &["active", "failed", "succeeded"]),
    ("NFSVolumeSource", &["readOnly"]),
    ("NodeSpec", &["unschedulable"]),
    ("ObjectMeta", &["generation"]),
    ("PersistentVolumeClaimVolumeSource", &["readOnly"]),
    ("PodCondition", &["observedGeneration"]),
    ("PodDisruptionBudgetStatus", &["observedGeneration"]),
    ("PodSpec", &["hostIPC", "hostNetwork", "hostPID"]),
    ("PodStatus", &["observedGeneration"]),
    ("PortworxVolumeSource", &["readOnly"]),
    ("PriorityClass", &["globalDefault"]),
    (
        "Probe",
        &[
            "failureThreshold",
            "initialDelaySeconds",
            "periodSeconds",
            "successThreshold",
            "timeoutSeconds",
        ],
    ),
    ("QuobyteVolumeSource", &["readOnly"]),
    ("RBDPersistentVolumeSource", &["readOnly"]),
    ("RBDVolumeSource", &["readOnly"]),
    ("ReplicaSetSpec", &["minReadySeconds"]),
    (
        "ReplicaSetStatus",
        &[
            "availableReplicas",
            "fullyLabeledReplicas",
            "observedGeneration",
            "readyReplicas",
        ],
    ),
    (
        "ReplicationControllerStatus",
        &[
            "availableReplicas",
            "fullyLabeledReplicas",
            "observedGeneration",
            "readyReplicas",
        ],
    ),
    ("ResourcePolicyRule", &["clusterScope"]),
    ("ScaleIOPersistentVolumeSource", &["readOnly", "sslEnabled"]),
    ("ScaleIOVolumeSource", &["readOnly", "sslEnabled"]),
    ("ScaleSpec", &["replicas"]),
    ("ServiceBackendPort", &["number"]),
    ("ServicePort", &["nodePort"]),
    (
        "ServiceSpec",
        &["healthCheckNodePort", "publishNotReadyAddresses"],
    ),
    ("StatefulSetSpec", &["minReadySeconds"]),
    (
        "StatefulSetStatus",
        &[
            "currentReplicas",
            "observedGeneration",
            "readyReplicas",
            "updatedReplicas",
        ],
    ),
    ("Status", &["code"]),
    ("StatusDetails", &["retryAfterSeconds"]),
    ("StorageOSPersistentVolumeSource", &["readOnly"]),
    ("StorageOSVolumeSource", &["readOnly"]),
    ("SubjectAccessReviewStatus", &["denied"]),
    ("TokenReviewStatus", &["authenticated"]),
    ("ValidatingAdmissionPolicyStatus", &["observedGeneration"]),
    ("VolumeMount", &["readOnly"]),
    ("VolumeMountStatus", &["readOnly"]),
];

/// Optional texts that are pointers: an empty text stays.
const TEXT_POINTERS: &[(&str, &[&str])] = &[
    ("AllocatedDeviceStatus", &["shareID"]),
    ("AppArmorProfile", &["localhostProfile"]),
    ("AzureDiskVolumeSource", &["cachingMode", "fsType", "kind"]),
    ("AzureFilePersistentVolumeSource", &["secretNamespace"]),
    ("CSIDriverSpec", &["fsGroupPolicy"]),
    ("CSIVolumeSource", &["fsType"]),
    ("ClusterTrustBundleProjection", &["name", "signerName"]),
    ("Container", &["restartPolicy"]),
    ("ContainerStatus", &["stopSignal"]),
    ("CronJobSpec", &["timeZone"]),
    ("CustomResourceDefinitionVersion", &["deprecationWarning"]),
    ("CustomResourceSubresourceScale", &["labelSelectorPath"]),
    ("CronJobSpec", &["timeZone"]),
    ("DeleteOptions", &["propagationPolicy"]),
    ("Device", &["nodeName"]),
    ("DeviceAttribute", &["string", "version"]),
    ("DeviceClassSpec", &["extendedResourceName"]),
    ("DeviceConstraint", &["distinctAttribute", "matchAttribute"]),
    ("DeviceRequestAllocationResult", &["shareID"]),
    ("Endpoint", &["hostname", "nodeName", "zone"]),
    ("EndpointAddress", &["nodeName"]),
    ("EphemeralContainer", &["restartPolicy"]),
    ("GRPCAction", &["service"]),
    ("GlusterfsPersistentVolumeSource", &["endpointsNamespace"]),
    ("HPAScalingRules", &["selectPolicy"]),
    ("HostPathVolumeSource", &["type"]),
    ("ISCSIPersistentVolumeSource", &["initiatorName"]),
    ("ISCSIVolumeSource", &["initiatorName"]),
    (
        "JobSpec",
        &["completionMode", "managedBy", "podReplacementPolicy"],
    ),
    ("JobStatus", &["failedIndexes"]),
    (
        "IngressClassParametersReference",
        &["apiGroup", "namespace", "scope"],
    ),
    ("IngressPortStatus", &["error"]),
    ("IngressSpec", &["ingressClassName"]),
    (
        "JSONSchemaProps",
        &["x-kubernetes-list-type", "x-kubernetes-map-type"],
    ),
    (
        "JobSpec",
        &["completionMode", "managedBy", "podReplacementPolicy"],
    ),
    ("JobStatus", &["failedIndexes"]),
    ("LeaseSpec", &["holderIdentity", "preferredHolder", "strategy"]),
    ("Lifecycle", &["stopSignal"]),
    ("LoadBalancerIngress", &["ipMode"]),
    ("LocalVolumeSource", &["fsType"]),
    ("MatchResources", &["matchPolicy"]),
    ("MutatingAdmissionPolicySpec", &["failurePolicy"]),
    (
        "MutatingWebhook",
        &["failurePolicy", "matchPolicy", "reinvocationPolicy"],
    ),
    ("NamedRuleWithOperations", &["scope"]),
    ("NetworkPolicyPort", &["protocol"]),
    ("ParamRef", &["parameterNotFoundAction"]),
    (
        "PersistentVolumeClaimSpec",
        &["storageClassName", "volumeAttributesClassName", "volumeMode"],
    ),
    (
        "PersistentVolumeClaimStatus",
        &["currentVolumeAttributesClassName"],
    ),
    (
        "PersistentVolumeSpec",
        &["volumeAttributesClassName", "volumeMode"],
    ),
    ("PodDNSConfigOption", &["value"]),
    ("PodDisruptionBudgetSpec", &["unhealthyPodEvictionPolicy"]),
    ("PodFailurePolicyOnExitCodesRequirement", &["containerName"]),
    (
        "PodResourceClaim",
        &["resourceClaimName", "resourceClaimTemplateName"],
    ),
    ("PodFailurePolicyOnExitCodesRequirement", &["containerName"]),
    ("PodResourceClaimStatus", &["resourceClaimName"]),
    ("PodSchedulingGroup", &["podGroupName"]),
    (
        "PodSecurityContext",
        &[
            "fsGroupChangePolicy",
            "seLinuxChangePolicy",
            "supplementalGroupsPolicy",
        ],
    ),
    (
        "PodSpec",
        &["hostnameOverride", "preemptionPolicy", "runtimeClassName"],
    ),
    ("PortStatus", &["error"]),
    ("Preconditions", &["resourceVersion", "uid"]),
    ("PriorityClass", &["preemptionPolicy"]),
    ("ResourceSliceSpec", &["nodeName"]),
    ("RuleWithOperations", &["scope"]),
    ("SeccompProfile", &["localhostProfile"]),
    ("SecurityContext", &["procMount"]),
    ("ServicePort", &["appProtocol"]),
    ("ServiceReference", &["path"]),
    (
        "ServiceSpec",
        &[
            "internalTrafficPolicy",
            "ipFamilyPolicy",
            "loadBalancerClass",
            "trafficDistribution",
        ],
    ),
    ("StorageClass", &["reclaimPolicy", "volumeBindingMode"]),
    ("SuccessPolicyRule", &["succeededIndexes"]),
    ("SuccessPolicyRule", &["succeededIndexes"]),
    (
        "TopologySpreadConstraint",
        &["nodeAffinityPolicy", "nodeTaintsPolicy"],
    ),
    ("TypedLocalObjectReference", &["apiGroup"]),
    ("TypedObjectReference", &["apiGroup", "namespace"]),
    ("ValidatingAdmissionPolicySpec", &["failurePolicy"]),
    ("ValidatingWebhook", &["failurePolicy", "matchPolicy"]),
    ("Validation", &["reason"]),
    ("ValidationRule", &["reason"]),
    ("VolumeAttachmentSource", &["persistentVolumeName"]),
    ("VolumeMount", &["mountPropagation", "recursiveReadOnly"]),
    ("VolumeMountStatus", &["recursiveReadOnly"]),
    ("WebhookClientConfig", &["url"]),
    (
        "WindowsSecurityContextOptions",
        &["gmsaCredentialSpec", "gmsaCredentialSpecName", "runAsUserName"],
    ),
];

/// The same, where two types of different groups share a name.
const TEXT_POINTERS_BY_DEFINITION: &[(&str, &[&str])] = &[
    (
        "io.k8s.api.discovery.v1.EndpointPort",
        &["appProtocol", "name", "protocol"],
    ),
    ("io.k8s.api.core.v1.EndpointPort", &["appProtocol"]),
];

/// Fields whose declared default is the zero value, and that are left out all the same when they are empty.
const OMITTED: &[(&str, &[&str])] = &[
    ("AzureDiskVolumeSource", &["readOnly"]),
    ("ConfigMapEnvSource", &["name"]),
    ("ConfigMapKeySelector", &["name"]),
    ("ConfigMapProjection", &["name"]),
    ("ConfigMapVolumeSource", &["name"]),
    ("FileKeySelector", &["optional"]),
    ("GRPCAction", &["service"]),
    ("LocalObjectReference", &["name"]),
    ("NodeRuntimeHandler", &["name"]),
    ("ReplicationControllerSpec", &["minReadySeconds"]),
    ("ScaleSpec", &["replicas"]),
    ("SecretEnvSource", &["name"]),
    ("SecretKeySelector", &["name"]),
    ("SecretProjection", &["name"]),
];

/// Times that are plain values: written as null when they are not set.
const TIME_VALUES: &[(&str, &[&str])] = &[
    ("APIServiceCondition", &["lastTransitionTime"]),
    (
        "CertificateSigningRequestCondition",
        &["lastTransitionTime", "lastUpdateTime"],
    ),
    ("Condition", &["lastTransitionTime"]),
    ("ContainerStateRunning", &["startedAt"]),
    ("ContainerStateTerminated", &["finishedAt", "startedAt"]),
    ("CustomResourceDefinitionCondition", &["lastTransitionTime"]),
    ("DaemonSetCondition", &["lastTransitionTime"]),
    ("DeploymentCondition", &["lastTransitionTime", "lastUpdateTime"]),
    (
        "Event",
        &[
            "deprecatedFirstTimestamp",
            "deprecatedLastTimestamp",
            "eventTime",
            "firstTimestamp",
            "lastTimestamp",
        ],
    ),
    ("EventSeries", &["lastObservedTime"]),
    ("FlowSchemaCondition", &["lastTransitionTime"]),
    ("HorizontalPodAutoscalerCondition", &["lastTransitionTime"]),
    ("JobCondition", &["lastProbeTime", "lastTransitionTime"]),
    ("JobCondition", &["lastProbeTime", "lastTransitionTime"]),
    ("NamespaceCondition", &["lastTransitionTime"]),
    ("NodeCondition", &["lastHeartbeatTime", "lastTransitionTime"]),
    (
        "PersistentVolumeClaimCondition",
        &["lastProbeTime", "lastTransitionTime"],
    ),
    ("PodCondition", &["lastProbeTime", "lastTransitionTime"]),
    ("PriorityLevelConfigurationCondition", &["lastTransitionTime"]),
    ("ReplicaSetCondition", &["lastTransitionTime"]),
    ("ReplicationControllerCondition", &["lastTransitionTime"]),
    ("StatefulSetCondition", &["lastTransitionTime"]),
    ("TokenRequestStatus", &["expirationTimestamp"]),
    ("VolumeError", &["time"]),
];

/// Lists without `omitempty`: written as null when they are empty.
const LIST_VALUES: &[(&str, &[&str])] = &[
    ("CSINodeSpec", &["drivers"]),
    ("ClusterRole", &["rules"]),
    ("Endpoint", &["addresses"]),
    ("EndpointSlice", &["endpoints", "ports"]),
    ("HTTPIngressRuleValue", &["paths"]),
    ("HorizontalPodAutoscalerStatus", &["currentMetrics"]),
    ("LimitRangeSpec", &["limits"]),
    ("NodeSelector", &["nodeSelectorTerms"]),
    ("NonResourceRule", &["verbs"]),
    ("PodFailurePolicy", &["rules"]),
    ("PodFailurePolicyOnExitCodesRequirement", &["values"]),
    ("PodSpec", &["containers"]),
    ("PolicyRule", &["verbs"]),
    ("ResourceRule", &["verbs"]),
    ("Role", &["rules"]),
    ("SubjectRulesReviewStatus", &["nonResourceRules", "resourceRules"]),
    ("SuccessPolicy", &["rules"]),
    ("TopologySelectorLabelRequirement", &["values"]),
];

fn listed(table: &[(&str, &[&str])], of: &str, field: &str) -> bool {
    table
        .iter()
        .any(|(name, fields)| *name == of && fields.contains(&field))
}

/// What becomes of a field that has its zero value.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum WhenEmpty {
    /// It is left out.
    Omitted,
    /// It is written if it was set: a pointer.
    Kept,
    /// It is always written.
    Written,
    /// It is always written, as null.
    Null,
}

/// What becomes of `field` when it has its zero value.
pub(super) fn when_empty(definition: &str, field: &Field) -> WhenEmpty {
    let of = definition.rsplit_once('.').map_or(definition, |(_, name)| name);
    let in_table = |table| listed(table, of, field.name);
    match &field.shape {
        Shape::Time | Shape::MicroTime if in_table(TIME_VALUES) => return WhenEmpty::Null,
        Shape::List(_) if in_table(LIST_VALUES) => return WhenEmpty::Null,
        Shape::List(_) | Shape::Map(_) => return WhenEmpty::Omitted,
        _ => {}
    }
    let omitted = in_table(OMITTED);
    let pointer = match &field.shape {
        Shape::Text => in_table(TEXT_POINTERS) || listed(TEXT_POINTERS_BY_DEFINITION, definition, field.name),
        Shape::Int32 | Shape::Int64 | Shape::Bool => !in_table(VALUES),
        _ => true,
    };
    match field.default.as_ref() {
        Some(default) if is_zero(default) && !omitted => WhenEmpty::Written,
        _ if pointer => WhenEmpty::Kept,
        _ => WhenEmpty::Omitted,
    }
}

/// Whether a value is what Go calls the zero value of its type.
pub(crate) fn is_zero(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::Bool(value) => !value,
        Value::Number(number) => number.as_f64() == Some(0.0),
        Value::String(text) => text.is_empty(),
        Value::Array(items) => items.is_empty(),
        Value::Object(entries) => entries.is_empty(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::schema;

    #[test]
    fn every_entry_names_a_field_that_exists() {
        let tables = [VALUES, TEXT_POINTERS, OMITTED, TIME_VALUES, LIST_VALUES];
        let has =
            |name: &str, field: &str| schema::all().any(|of| of.name() == name && of.field(field).is_some());
        for (name, fields) in tables.into_iter().flatten() {
            for field in *fields {
                assert!(has(name, field), "{name}.{field}");
            }
        }
    }

    #[test]
    fn a_field_without_a_value_is_written_as_go_writes_it() {
        let cases = [
            ("io.k8s.api.apps.v1.DeploymentSpec", "replicas", WhenEmpty::Kept),
            (
                "io.k8s.api.apps.v1.DeploymentSpec",
                "minReadySeconds",
                WhenEmpty::Omitted,
            ),
            (
                "io.k8s.api.apps.v1.ReplicaSetStatus",
                "replicas",
                WhenEmpty::Written,
            ),
            ("io.k8s.api.core.v1.Container", "resources", WhenEmpty::Written),
            ("io.k8s.api.core.v1.Container", "env", WhenEmpty::Omitted),
            ("io.k8s.api.core.v1.Volume", "emptyDir", WhenEmpty::Kept),
            (
                "io.k8s.api.core.v1.PodCondition",
                "lastProbeTime",
                WhenEmpty::Null,
            ),
            ("io.k8s.api.core.v1.HostPathVolumeSource", "type", WhenEmpty::Kept),
            (
                "io.k8s.api.core.v1.LocalObjectReference",
                "name",
                WhenEmpty::Omitted,
            ),
            ("io.k8s.api.core.v1.EndpointPort", "name", WhenEmpty::Omitted),
            ("io.k8s.api.discovery.v1.EndpointPort", "name", WhenEmpty::Kept),
        ];
        for (definition, field, expected) in cases {
            let of = schema::named(definition).unwrap();
            let field = of.field(field).unwrap();
            assert_eq!(field.when_empty, expected, "{definition}.{}", field.name);
        }
    }
}
