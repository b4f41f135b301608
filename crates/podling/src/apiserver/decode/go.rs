//! What Go knows about fields and OpenAPI does not say: which are pointers, which are always written, and what
//! their types are called.
//!
//! A pointer that is set is written even if its value is empty; a plain value with `omitempty` is not. The
//! tables cover what the served kinds reach. Source: `k8s.io/api`, v1.36.

use crate::schema::{Field, Shape, Type};

/// Optional numbers and booleans that are plain values: zero and false are left out.
const VALUES: &[(&str, &[&str])] = &[
    ("AWSElasticBlockStoreVolumeSource", &["partition", "readOnly"]),
    ("AzureFileVolumeSource", &["readOnly"]),
    ("CephFSVolumeSource", &["readOnly"]),
    ("CinderVolumeSource", &["readOnly"]),
    ("Condition", &["observedGeneration"]),
    ("Container", &["stdin", "stdinOnce", "tty"]),
    ("ContainerImage", &["sizeBytes"]),
    ("ContainerPort", &["hostPort"]),
    ("ContainerStateTerminated", &["signal"]),
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
    ("EphemeralContainer", &["stdin", "stdinOnce", "tty"]),
    ("Event", &["count", "deprecatedCount"]),
    ("EventSeries", &["count"]),
    ("FCVolumeSource", &["readOnly"]),
    ("FlexVolumeSource", &["readOnly"]),
    ("GCEPersistentDiskVolumeSource", &["partition", "readOnly"]),
    ("GlusterfsVolumeSource", &["readOnly"]),
    (
        "ISCSIVolumeSource",
        &["chapAuthDiscovery", "chapAuthSession", "readOnly"],
    ),
    ("NFSVolumeSource", &["readOnly"]),
    ("NodeSpec", &["unschedulable"]),
    ("ObjectMeta", &["generation"]),
    ("PersistentVolumeClaimVolumeSource", &["readOnly"]),
    ("PodCondition", &["observedGeneration"]),
    ("PodSpec", &["hostIPC", "hostNetwork", "hostPID"]),
    ("PodStatus", &["observedGeneration"]),
    ("PortworxVolumeSource", &["readOnly"]),
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
    ("ScaleIOVolumeSource", &["readOnly", "sslEnabled"]),
    ("ScaleSpec", &["replicas"]),
    ("ServicePort", &["nodePort"]),
    (
        "ServiceSpec",
        &["healthCheckNodePort", "publishNotReadyAddresses"],
    ),
    ("StorageOSVolumeSource", &["readOnly"]),
    ("VolumeMount", &["readOnly"]),
    ("VolumeMountStatus", &["readOnly"]),
];

/// Optional texts that are pointers: an empty text stays.
const TEXT_POINTERS: &[(&str, &[&str])] = &[
    ("AppArmorProfile", &["localhostProfile"]),
    ("AzureDiskVolumeSource", &["cachingMode", "fsType", "kind"]),
    ("CSIVolumeSource", &["fsType"]),
    ("ClusterTrustBundleProjection", &["name", "signerName"]),
    ("Container", &["restartPolicy"]),
    ("ContainerStatus", &["stopSignal"]),
    ("DeleteOptions", &["propagationPolicy"]),
    ("Endpoint", &["hostname", "nodeName", "zone"]),
    ("EndpointAddress", &["nodeName"]),
    ("EphemeralContainer", &["restartPolicy"]),
    ("GRPCAction", &["service"]),
    ("HostPathVolumeSource", &["type"]),
    ("ISCSIVolumeSource", &["initiatorName"]),
    ("LeaseSpec", &["holderIdentity", "preferredHolder", "strategy"]),
    ("Lifecycle", &["stopSignal"]),
    ("LoadBalancerIngress", &["ipMode"]),
    (
        "PersistentVolumeClaimSpec",
        &["storageClassName", "volumeAttributesClassName", "volumeMode"],
    ),
    ("PodDNSConfigOption", &["value"]),
    (
        "PodResourceClaim",
        &["resourceClaimName", "resourceClaimTemplateName"],
    ),
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
    ("SeccompProfile", &["localhostProfile"]),
    ("SecurityContext", &["procMount"]),
    ("ServicePort", &["appProtocol"]),
    (
        "ServiceSpec",
        &[
            "internalTrafficPolicy",
            "ipFamilyPolicy",
            "loadBalancerClass",
            "trafficDistribution",
        ],
    ),
    (
        "TopologySpreadConstraint",
        &["nodeAffinityPolicy", "nodeTaintsPolicy"],
    ),
    ("TypedLocalObjectReference", &["apiGroup"]),
    ("TypedObjectReference", &["apiGroup", "namespace"]),
    ("VolumeMount", &["mountPropagation", "recursiveReadOnly"]),
    ("VolumeMountStatus", &["recursiveReadOnly"]),
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
    ("Condition", &["lastTransitionTime"]),
    ("ContainerStateRunning", &["startedAt"]),
    ("ContainerStateTerminated", &["finishedAt", "startedAt"]),
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
    ("NamespaceCondition", &["lastTransitionTime"]),
    ("NodeCondition", &["lastHeartbeatTime", "lastTransitionTime"]),
    ("PodCondition", &["lastProbeTime", "lastTransitionTime"]),
    ("ReplicaSetCondition", &["lastTransitionTime"]),
];

/// Lists without `omitempty`: written as null when they are empty.
const LIST_VALUES: &[(&str, &[&str])] = &[("EndpointSlice", &["endpoints", "ports"])];

/// Named text types: the field (or its elements) is not called `string`.
const NAMED: &[(&str, &str, &str)] = &[
    ("Capabilities", "add", "v1.Capability"),
    ("Capabilities", "drop", "v1.Capability"),
    ("Container", "imagePullPolicy", "v1.PullPolicy"),
    ("Container", "restartPolicy", "v1.ContainerRestartPolicy"),
    (
        "Container",
        "terminationMessagePolicy",
        "v1.TerminationMessagePolicy",
    ),
    ("ContainerPort", "protocol", "v1.Protocol"),
    ("DeploymentStrategy", "type", "v1.DeploymentStrategyType"),
    ("EmptyDirVolumeSource", "medium", "v1.StorageMedium"),
    ("EndpointPort", "protocol", "v1.Protocol"),
    ("EndpointSlice", "addressType", "v1.AddressType"),
    ("EphemeralContainer", "imagePullPolicy", "v1.PullPolicy"),
    (
        "EphemeralContainer",
        "terminationMessagePolicy",
        "v1.TerminationMessagePolicy",
    ),
    ("HTTPGetAction", "scheme", "v1.URIScheme"),
    ("HostPathVolumeSource", "type", "v1.HostPathType"),
    ("LabelSelectorRequirement", "operator", "v1.LabelSelectorOperator"),
    ("NamespaceSpec", "finalizers", "v1.FinalizerName"),
    ("NamespaceStatus", "phase", "v1.NamespacePhase"),
    ("NodeAddress", "type", "v1.NodeAddressType"),
    ("NodeCondition", "status", "v1.ConditionStatus"),
    ("NodeCondition", "type", "v1.NodeConditionType"),
    ("NodeSelectorRequirement", "operator", "v1.NodeSelectorOperator"),
    ("ObjectMeta", "uid", "types.UID"),
    ("ObjectReference", "uid", "types.UID"),
    ("OwnerReference", "uid", "types.UID"),
    (
        "PersistentVolumeClaimSpec",
        "accessModes",
        "v1.PersistentVolumeAccessMode",
    ),
    ("PodCondition", "status", "v1.ConditionStatus"),
    ("PodCondition", "type", "v1.PodConditionType"),
    ("PodOS", "name", "v1.OSName"),
    ("PodReadinessGate", "conditionType", "v1.PodConditionType"),
    (
        "PodSecurityContext",
        "fsGroupChangePolicy",
        "v1.PodFSGroupChangePolicy",
    ),
    ("PodSpec", "dnsPolicy", "v1.DNSPolicy"),
    ("PodSpec", "preemptionPolicy", "v1.PreemptionPolicy"),
    ("PodSpec", "restartPolicy", "v1.RestartPolicy"),
    ("PodStatus", "phase", "v1.PodPhase"),
    ("PodStatus", "qosClass", "v1.PodQOSClass"),
    ("SeccompProfile", "type", "v1.SeccompProfileType"),
    ("Secret", "type", "v1.SecretType"),
    ("SecurityContext", "procMount", "v1.ProcMountType"),
    ("ServicePort", "protocol", "v1.Protocol"),
    (
        "ServiceSpec",
        "externalTrafficPolicy",
        "v1.ServiceExternalTrafficPolicy",
    ),
    (
        "ServiceSpec",
        "internalTrafficPolicy",
        "v1.ServiceInternalTrafficPolicy",
    ),
    ("ServiceSpec", "ipFamilies", "v1.IPFamily"),
    ("ServiceSpec", "ipFamilyPolicy", "v1.IPFamilyPolicy"),
    ("ServiceSpec", "sessionAffinity", "v1.ServiceAffinity"),
    ("ServiceSpec", "type", "v1.ServiceType"),
    ("Taint", "effect", "v1.TaintEffect"),
    ("Toleration", "effect", "v1.TaintEffect"),
    ("Toleration", "operator", "v1.TolerationOperator"),
    (
        "TopologySpreadConstraint",
        "nodeAffinityPolicy",
        "v1.NodeInclusionPolicy",
    ),
    (
        "TopologySpreadConstraint",
        "nodeTaintsPolicy",
        "v1.NodeInclusionPolicy",
    ),
    (
        "TopologySpreadConstraint",
        "whenUnsatisfiable",
        "v1.UnsatisfiableConstraintAction",
    ),
    ("VolumeMount", "mountPropagation", "v1.MountPropagationMode"),
];

fn listed(table: &[(&str, &[&str])], of: &str, field: &str) -> bool {
    table
        .iter()
        .any(|(name, fields)| *name == of && fields.contains(&field))
}

/// What becomes of a field that has its zero value.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum WhenEmpty {
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
pub(super) fn when_empty(of: &Type, field: &Field) -> WhenEmpty {
    let in_table = |table| listed(table, of.name(), field.name);
    match &field.shape {
        Shape::Time | Shape::MicroTime if in_table(TIME_VALUES) => return WhenEmpty::Null,
        Shape::List(_) if in_table(LIST_VALUES) => return WhenEmpty::Null,
        Shape::List(_) | Shape::Map(_) => return WhenEmpty::Omitted,
        _ => {}
    }
    let omitted = in_table(OMITTED);
    let pointer = match &field.shape {
        Shape::Text => {
            in_table(TEXT_POINTERS) || listed(TEXT_POINTERS_BY_DEFINITION, of.definition, field.name)
        }
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
pub(super) fn is_zero(value: &serde_json::Value) -> bool {
    match value {
        serde_json::Value::Null => true,
        serde_json::Value::Bool(value) => !value,
        serde_json::Value::Number(number) => number.as_f64() == Some(0.0),
        serde_json::Value::String(text) => text.is_empty(),
        serde_json::Value::Array(items) => items.is_empty(),
        serde_json::Value::Object(entries) => entries.is_empty(),
    }
}

/// The Go type of `shape`, which is `field` of `of` or what that field's list or map holds.
pub(super) fn type_name(of: &Type, field: &Field, shape: &Shape) -> String {
    match shape {
        Shape::Text => named(of, field).unwrap_or("string").to_owned(),
        Shape::Bytes => "[]uint8".to_owned(),
        Shape::Int32 => "int32".to_owned(),
        Shape::Int64 => "int64".to_owned(),
        Shape::Double => "float64".to_owned(),
        Shape::Bool => "bool".to_owned(),
        Shape::Quantity => "resource.Quantity".to_owned(),
        Shape::IntOrString => "intstr.IntOrString".to_owned(),
        Shape::Time => "v1.Time".to_owned(),
        Shape::MicroTime => "v1.MicroTime".to_owned(),
        Shape::Object(to) => struct_name(to.get()),
        Shape::List(element) => format!("[]{}", type_name(of, field, element)),
        Shape::Map(element) if **element == Shape::Quantity => "v1.ResourceList".to_owned(),
        Shape::Map(element) => format!("map[string]{}", type_name(of, field, element)),
        Shape::Any => "interface {}".to_owned(),
    }
}

/// A struct's name with its package: `v1.Container`.
pub(super) fn struct_name(of: &Type) -> String {
    format!("{}.{}", of.package(), of.name())
}

fn named(of: &Type, field: &Field) -> Option<&'static str> {
    let found = NAMED
        .iter()
        .find(|(name, named, _)| *name == of.name() && *named == field.name);
    found.map(|(_, _, go)| *go)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::schema;

    #[test]
    fn every_entry_names_a_field_that_exists() {
        let tables = [VALUES, TEXT_POINTERS, OMITTED, TIME_VALUES, LIST_VALUES];
        let prefixes = [
            "core.v1",
            "apps.v1",
            "discovery.v1",
            "events.v1",
            "coordination.v1",
            "autoscaling.v1",
        ];
        let has = |name: &str, field: &str| {
            let api = prefixes
                .iter()
                .map(|prefix| format!("io.k8s.api.{prefix}.{name}"));
            let meta = format!("io.k8s.apimachinery.pkg.apis.meta.v1.{name}");
            api.chain([meta])
                .filter_map(|definition| schema::named(&definition))
                .any(|of| of.field(field).is_some())
        };
        for (name, fields) in tables.into_iter().flatten() {
            for field in *fields {
                assert!(has(name, field), "{name}.{field}");
            }
        }
        for (name, field, _) in NAMED {
            assert!(has(name, field), "{name}.{field}");
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
            assert_eq!(when_empty(of, field), expected, "{definition}.{}", field.name);
        }
    }
}
