//! What Go calls the types of fields, as its decoder names them in errors.
//!
//! Source: `k8s.io/api`, v1.36; the table covers what the served kinds reach.

use crate::schema::{Field, Shape, Type};

/// Named text types: the field (or its elements) is not called `string`.
const NAMED: &[(&str, &str, &str)] = &[
    ("AppArmorProfile", "type", "v1.AppArmorProfileType"),
    ("AttachedVolume", "name", "v1.UniqueVolumeName"),
    (
        "AzureDiskVolumeSource",
        "cachingMode",
        "v1.AzureDataDiskCachingMode",
    ),
    ("AzureDiskVolumeSource", "kind", "v1.AzureDataDiskKind"),
    ("BoundObjectReference", "uid", "types.UID"),
    ("CSIDriverSpec", "fsGroupPolicy", "v1.FSGroupPolicy"),
    ("CSIDriverSpec", "volumeLifecycleModes", "v1.VolumeLifecycleMode"),
    ("Capabilities", "add", "v1.Capability"),
    ("Capabilities", "drop", "v1.Capability"),
    ("Condition", "status", "v1.ConditionStatus"),
    ("ConfigMapNodeConfigSource", "uid", "types.UID"),
    ("Container", "imagePullPolicy", "v1.PullPolicy"),
    ("Container", "restartPolicy", "v1.ContainerRestartPolicy"),
    (
        "Container",
        "terminationMessagePolicy",
        "v1.TerminationMessagePolicy",
    ),
    ("ContainerPort", "protocol", "v1.Protocol"),
    ("ContainerResizePolicy", "resourceName", "v1.ResourceName"),
    (
        "ContainerResizePolicy",
        "restartPolicy",
        "v1.ResourceResizeRestartPolicy",
    ),
    ("ContainerResourceMetricSource", "name", "v1.ResourceName"),
    ("ContainerResourceMetricStatus", "name", "v1.ResourceName"),
    ("ContainerRestartRule", "action", "v1.ContainerRestartRuleAction"),
    (
        "ContainerRestartRuleOnExitCodes",
        "operator",
        "v1.ContainerRestartRuleOnExitCodesOperator",
    ),
    ("ContainerStatus", "stopSignal", "v1.Signal"),
    ("CronJobSpec", "concurrencyPolicy", "v1.ConcurrencyPolicy"),
    ("DaemonSetCondition", "status", "v1.ConditionStatus"),
    ("DaemonSetCondition", "type", "v1.DaemonSetConditionType"),
    (
        "DaemonSetUpdateStrategy",
        "type",
        "v1.DaemonSetUpdateStrategyType",
    ),
    ("DeleteOptions", "propagationPolicy", "v1.DeletionPropagation"),
    ("DeploymentCondition", "status", "v1.ConditionStatus"),
    ("DeploymentCondition", "type", "v1.DeploymentConditionType"),
    ("DeploymentStrategy", "type", "v1.DeploymentStrategyType"),
    ("EmptyDirVolumeSource", "medium", "v1.StorageMedium"),
    ("EndpointPort", "protocol", "v1.Protocol"),
    ("EndpointSlice", "addressType", "v1.AddressType"),
    ("EphemeralContainer", "imagePullPolicy", "v1.PullPolicy"),
    ("EphemeralContainer", "restartPolicy", "v1.ContainerRestartPolicy"),
    (
        "EphemeralContainer",
        "terminationMessagePolicy",
        "v1.TerminationMessagePolicy",
    ),
    ("FieldSelectorRequirement", "operator", "v1.FieldSelectorOperator"),
    ("HPAScalingPolicy", "type", "v2.HPAScalingPolicyType"),
    ("HPAScalingRules", "selectPolicy", "v2.ScalingPolicySelect"),
    ("HTTPGetAction", "scheme", "v1.URIScheme"),
    ("HTTPIngressPath", "pathType", "v1.PathType"),
    ("HorizontalPodAutoscalerCondition", "status", "v1.ConditionStatus"),
    (
        "HorizontalPodAutoscalerCondition",
        "type",
        "v2.HorizontalPodAutoscalerConditionType",
    ),
    ("HostPathVolumeSource", "type", "v1.HostPathType"),
    ("ImageVolumeSource", "pullPolicy", "v1.PullPolicy"),
    ("IngressPortStatus", "protocol", "v1.Protocol"),
    ("JobCondition", "status", "v1.ConditionStatus"),
    ("JobCondition", "type", "v1.JobConditionType"),
    ("JobSpec", "completionMode", "v1.CompletionMode"),
    ("JobSpec", "podReplacementPolicy", "v1.PodReplacementPolicy"),
    ("LabelSelectorRequirement", "operator", "v1.LabelSelectorOperator"),
    ("LeaseSpec", "strategy", "v1.CoordinatedLeaseStrategy"),
    ("Lifecycle", "stopSignal", "v1.Signal"),
    ("LimitRangeItem", "type", "v1.LimitType"),
    ("LoadBalancerIngress", "ipMode", "v1.LoadBalancerIPMode"),
    ("ManagedFieldsEntry", "operation", "v1.ManagedFieldsOperationType"),
    ("MetricSpec", "type", "v2.MetricSourceType"),
    ("MetricStatus", "type", "v2.MetricSourceType"),
    ("MetricTarget", "type", "v2.MetricTargetType"),
    (
        "ModifyVolumeStatus",
        "status",
        "v1.PersistentVolumeClaimModifyVolumeStatus",
    ),
    ("NamespaceCondition", "status", "v1.ConditionStatus"),
    ("NamespaceCondition", "type", "v1.NamespaceConditionType"),
    ("NamespaceSpec", "finalizers", "v1.FinalizerName"),
    ("NamespaceStatus", "phase", "v1.NamespacePhase"),
    ("NetworkPolicyPort", "protocol", "v1.Protocol"),
    ("NetworkPolicySpec", "policyTypes", "v1.PolicyType"),
    ("NodeAddress", "type", "v1.NodeAddressType"),
    ("NodeCondition", "status", "v1.ConditionStatus"),
    ("NodeCondition", "type", "v1.NodeConditionType"),
    ("NodeSelectorRequirement", "operator", "v1.NodeSelectorOperator"),
    ("NodeStatus", "phase", "v1.NodePhase"),
    ("NodeStatus", "volumesInUse", "v1.UniqueVolumeName"),
    ("ObjectMeta", "uid", "types.UID"),
    ("ObjectReference", "uid", "types.UID"),
    ("OwnerReference", "uid", "types.UID"),
    ("PersistentVolumeClaimCondition", "status", "v1.ConditionStatus"),
    (
        "PersistentVolumeClaimCondition",
        "type",
        "v1.PersistentVolumeClaimConditionType",
    ),
    (
        "PersistentVolumeClaimSpec",
        "accessModes",
        "v1.PersistentVolumeAccessMode",
    ),
    (
        "PersistentVolumeClaimSpec",
        "volumeMode",
        "v1.PersistentVolumeMode",
    ),
    (
        "PersistentVolumeClaimStatus",
        "accessModes",
        "v1.PersistentVolumeAccessMode",
    ),
    (
        "PersistentVolumeClaimStatus",
        "allocatedResourceStatuses",
        "v1.ClaimResourceStatus",
    ),
    (
        "PersistentVolumeClaimStatus",
        "phase",
        "v1.PersistentVolumeClaimPhase",
    ),
    (
        "PersistentVolumeSpec",
        "accessModes",
        "v1.PersistentVolumeAccessMode",
    ),
    (
        "PersistentVolumeSpec",
        "persistentVolumeReclaimPolicy",
        "v1.PersistentVolumeReclaimPolicy",
    ),
    ("PersistentVolumeSpec", "volumeMode", "v1.PersistentVolumeMode"),
    ("PersistentVolumeStatus", "phase", "v1.PersistentVolumePhase"),
    ("PodCondition", "status", "v1.ConditionStatus"),
    ("PodCondition", "type", "v1.PodConditionType"),
    (
        "PodDisruptionBudgetSpec",
        "unhealthyPodEvictionPolicy",
        "v1.UnhealthyPodEvictionPolicyType",
    ),
    (
        "PodFailurePolicyOnExitCodesRequirement",
        "operator",
        "v1.PodFailurePolicyOnExitCodesOperator",
    ),
    (
        "PodFailurePolicyOnPodConditionsPattern",
        "status",
        "v1.ConditionStatus",
    ),
    (
        "PodFailurePolicyOnPodConditionsPattern",
        "type",
        "v1.PodConditionType",
    ),
    ("PodFailurePolicyRule", "action", "v1.PodFailurePolicyAction"),
    ("PodOS", "name", "v1.OSName"),
    ("PodReadinessGate", "conditionType", "v1.PodConditionType"),
    (
        "PodSecurityContext",
        "fsGroupChangePolicy",
        "v1.PodFSGroupChangePolicy",
    ),
    (
        "PodSecurityContext",
        "seLinuxChangePolicy",
        "v1.PodSELinuxChangePolicy",
    ),
    (
        "PodSecurityContext",
        "supplementalGroupsPolicy",
        "v1.SupplementalGroupsPolicy",
    ),
    ("PodSpec", "dnsPolicy", "v1.DNSPolicy"),
    ("PodSpec", "preemptionPolicy", "v1.PreemptionPolicy"),
    ("PodSpec", "restartPolicy", "v1.RestartPolicy"),
    ("PodStatus", "phase", "v1.PodPhase"),
    ("PodStatus", "qosClass", "v1.PodQOSClass"),
    ("PodStatus", "resize", "v1.PodResizeStatus"),
    ("PortStatus", "protocol", "v1.Protocol"),
    ("Preconditions", "uid", "types.UID"),
    ("PriorityClass", "preemptionPolicy", "v1.PreemptionPolicy"),
    ("ReplicaSetCondition", "status", "v1.ConditionStatus"),
    ("ReplicaSetCondition", "type", "v1.ReplicaSetConditionType"),
    ("ReplicationControllerCondition", "status", "v1.ConditionStatus"),
    (
        "ReplicationControllerCondition",
        "type",
        "v1.ReplicationControllerConditionType",
    ),
    ("ResourceHealth", "health", "v1.ResourceHealthStatus"),
    ("ResourceHealth", "resourceID", "v1.ResourceID"),
    ("ResourceMetricSource", "name", "v1.ResourceName"),
    ("ResourceMetricStatus", "name", "v1.ResourceName"),
    ("ResourceQuotaSpec", "scopes", "v1.ResourceQuotaScope"),
    ("ResourceStatus", "name", "v1.ResourceName"),
    (
        "ScopedResourceSelectorRequirement",
        "operator",
        "v1.ScopeSelectorOperator",
    ),
    (
        "ScopedResourceSelectorRequirement",
        "scopeName",
        "v1.ResourceQuotaScope",
    ),
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
    ("StatefulSetCondition", "status", "v1.ConditionStatus"),
    ("StatefulSetCondition", "type", "v1.StatefulSetConditionType"),
    (
        "StatefulSetPersistentVolumeClaimRetentionPolicy",
        "whenDeleted",
        "v1.PersistentVolumeClaimRetentionPolicyType",
    ),
    (
        "StatefulSetPersistentVolumeClaimRetentionPolicy",
        "whenScaled",
        "v1.PersistentVolumeClaimRetentionPolicyType",
    ),
    (
        "StatefulSetSpec",
        "podManagementPolicy",
        "v1.PodManagementPolicyType",
    ),
    (
        "StatefulSetUpdateStrategy",
        "type",
        "v1.StatefulSetUpdateStrategyType",
    ),
    (
        "StorageClass",
        "reclaimPolicy",
        "v1.PersistentVolumeReclaimPolicy",
    ),
    ("StorageClass", "volumeBindingMode", "v1.VolumeBindingMode"),
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
    ("UncountedTerminatedPods", "failed", "types.UID"),
    ("UncountedTerminatedPods", "succeeded", "types.UID"),
    ("VolumeMount", "mountPropagation", "v1.MountPropagationMode"),
    ("VolumeMount", "recursiveReadOnly", "v1.RecursiveReadOnlyMode"),
    (
        "VolumeMountStatus",
        "recursiveReadOnly",
        "v1.RecursiveReadOnlyMode",
    ),
];

/// Types with an embedded struct: its name, and the fields that are *not* in it.
const EMBEDDED: &[(&str, &str, &[&str])] = &[
    ("ConfigMapEnvSource", "LocalObjectReference", &["optional"]),
    (
        "ConfigMapKeySelector",
        "LocalObjectReference",
        &["key", "optional"],
    ),
    (
        "ConfigMapProjection",
        "LocalObjectReference",
        &["items", "optional"],
    ),
    (
        "ConfigMapVolumeSource",
        "LocalObjectReference",
        &["defaultMode", "items", "optional"],
    ),
    (
        "EphemeralContainer",
        "EphemeralContainerCommon",
        &["targetContainerName"],
    ),
    ("IngressRule", "IngressRuleValue", &["host"]),
    (
        "PersistentVolumeSpec",
        "PersistentVolumeSource",
        &[
            "accessModes",
            "capacity",
            "claimRef",
            "mountOptions",
            "nodeAffinity",
            "persistentVolumeReclaimPolicy",
            "storageClassName",
            "volumeAttributesClassName",
            "volumeMode",
        ],
    ),
    (
        "Probe",
        "ProbeHandler",
        &[
            "failureThreshold",
            "initialDelaySeconds",
            "periodSeconds",
            "successThreshold",
            "terminationGracePeriodSeconds",
            "timeoutSeconds",
        ],
    ),
    ("SecretEnvSource", "LocalObjectReference", &["optional"]),
    ("SecretKeySelector", "LocalObjectReference", &["key", "optional"]),
    ("SecretProjection", "LocalObjectReference", &["items", "optional"]),
    ("Volume", "VolumeSource", &["name"]),
];

/// The embedded struct of `of` that holds `field`; Go's decoder names it in the path of a type error, before the
/// field.
pub(super) fn embedded_in(of: &Type, field: &Field) -> Option<&'static str> {
    let (_, embedded, own) = EMBEDDED.iter().find(|(name, ..)| *name == of.name())?;
    (!own.contains(&field.name)).then_some(*embedded)
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
        let is_there = |name: &str, field: &str| {
            schema::all()
                .filter(|of| of.name() == name)
                .any(|of| of.field(field).is_some())
        };
        let lost: Vec<String> = NAMED
            .iter()
            .filter(|(name, field, _)| !is_there(name, field))
            .map(|(name, field, _)| format!("{name}.{field}"))
            .collect();
        assert!(lost.is_empty(), "{lost:?}");
    }

    #[test]
    fn every_field_beside_an_embedded_struct_exists() {
        for (name, embedded, own) in EMBEDDED {
            let of = schema::named(&format!("io.k8s.api.core.v1.{name}"))
                .or_else(|| schema::named(&format!("io.k8s.api.networking.v1.{name}")))
                .unwrap_or_else(|| panic!("{name}"));
            let is_own = |field: &&Field| embedded_in(of, field).is_none();
            let found: Vec<&str> = of.fields.iter().filter(is_own).map(|field| field.name).collect();
            assert_eq!(found, *own, "{name}");
            assert!(of.fields.len() > own.len(), "{embedded} of {name}");
        }
    }

    #[test]
    fn types_are_called_as_go_calls_them() {
        let cases = [
            ("Container", "command", "[]string"),
            ("Container", "ports", "[]v1.ContainerPort"),
            ("Container", "imagePullPolicy", "v1.PullPolicy"),
            ("Capabilities", "drop", "[]v1.Capability"),
            ("ResourceRequirements", "limits", "v1.ResourceList"),
            ("ConfigMap", "data", "map[string]string"),
            ("Secret", "data", "map[string][]uint8"),
            ("PodSpec", "hostNetwork", "bool"),
        ];
        for (name, field, expected) in cases {
            let of = schema::named(&format!("io.k8s.api.core.v1.{name}")).unwrap();
            let field = of.field(field).unwrap();
            assert_eq!(type_name(of, field, &field.shape), expected);
        }
    }
}
