//! What Go calls the types of fields, as its decoder names them in errors.
//!
//! Source: `k8s.io/api`, v1.36; the table covers what the served kinds reach.

use crate::schema::{Field, Shape, Type};

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
    (
        "DaemonSetUpdateStrategy",
        "type",
        "v1.DaemonSetUpdateStrategyType",
    ),
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
        let packages = [
            "api.core.v1",
            "api.apps.v1",
            "api.discovery.v1",
            "apimachinery.pkg.apis.meta.v1",
        ];
        for (name, field, _) in NAMED {
            let found = packages
                .iter()
                .filter_map(|package| schema::named(&format!("io.k8s.{package}.{name}")))
                .any(|of| of.field(field).is_some());
            assert!(found, "{name}.{field}");
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
