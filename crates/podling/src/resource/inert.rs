//! Resources that a server of this version lists, and whose machinery is not in this cluster.
//!
//! They can be read, and there are none. Making one is refused, with the reason: a webhook that is never called or a
//! custom resource that is never served would teach something false. A real cluster has some of them from the start,
//! for its own use (APIServices, the priorities of requests, the range of Service addresses, a CSINode for each node);
//! here these have no objects.

use super::{Resource, Subresource};

resource!(
    API_SERVICES,
    "apiregistration.k8s.io",
    "apiservices",
    "apiservice",
    "APIService",
    false,
    short & [],
    categories & ["api-extensions"],
    sub & [written("apiregistration.k8s.io", "APIService", "status")]
);
resource!(
    CERTIFICATE_SIGNING_REQUESTS,
    "certificates.k8s.io",
    "certificatesigningrequests",
    "certificatesigningrequest",
    "CertificateSigningRequest",
    false,
    short & ["csr"],
    categories & [],
    sub & [
        written("certificates.k8s.io", "CertificateSigningRequest", "approval"),
        written("certificates.k8s.io", "CertificateSigningRequest", "status")
    ]
);
resource!(
    IP_ADDRESSES,
    "networking.k8s.io",
    "ipaddresses",
    "ipaddress",
    "IPAddress",
    false,
    short & ["ip"],
    categories & [],
    sub & []
);
resource!(
    SERVICE_CIDRS,
    "networking.k8s.io",
    "servicecidrs",
    "servicecidr",
    "ServiceCIDR",
    false,
    short & [],
    categories & [],
    sub & [written("networking.k8s.io", "ServiceCIDR", "status")]
);
resource!(
    CSI_DRIVERS,
    "storage.k8s.io",
    "csidrivers",
    "csidriver",
    "CSIDriver",
    false,
    short & [],
    categories & [],
    sub & []
);
resource!(
    CSI_NODES,
    "storage.k8s.io",
    "csinodes",
    "csinode",
    "CSINode",
    false,
    short & [],
    categories & [],
    sub & []
);
resource!(
    CSI_STORAGE_CAPACITIES,
    "storage.k8s.io",
    "csistoragecapacities",
    "csistoragecapacity",
    "CSIStorageCapacity",
    true,
    short & [],
    categories & [],
    sub & []
);
resource!(
    VOLUME_ATTACHMENTS,
    "storage.k8s.io",
    "volumeattachments",
    "volumeattachment",
    "VolumeAttachment",
    false,
    short & [],
    categories & [],
    sub & [written("storage.k8s.io", "VolumeAttachment", "status")]
);
resource!(
    VOLUME_ATTRIBUTES_CLASSES,
    "storage.k8s.io",
    "volumeattributesclasses",
    "volumeattributesclass",
    "VolumeAttributesClass",
    false,
    short & ["vac"],
    categories & [],
    sub & []
);
resource!(
    MUTATING_ADMISSION_POLICIES,
    "admissionregistration.k8s.io",
    "mutatingadmissionpolicies",
    "mutatingadmissionpolicy",
    "MutatingAdmissionPolicy",
    false,
    short & [],
    categories & ["api-extensions"],
    sub & []
);
resource!(
    MUTATING_ADMISSION_POLICY_BINDINGS,
    "admissionregistration.k8s.io",
    "mutatingadmissionpolicybindings",
    "mutatingadmissionpolicybinding",
    "MutatingAdmissionPolicyBinding",
    false,
    short & [],
    categories & ["api-extensions"],
    sub & []
);
resource!(
    MUTATING_WEBHOOK_CONFIGURATIONS,
    "admissionregistration.k8s.io",
    "mutatingwebhookconfigurations",
    "mutatingwebhookconfiguration",
    "MutatingWebhookConfiguration",
    false,
    short & [],
    categories & ["api-extensions"],
    sub & []
);
resource!(
    VALIDATING_ADMISSION_POLICIES,
    "admissionregistration.k8s.io",
    "validatingadmissionpolicies",
    "validatingadmissionpolicy",
    "ValidatingAdmissionPolicy",
    false,
    short & [],
    categories & ["api-extensions"],
    sub & [written(
        "admissionregistration.k8s.io",
        "ValidatingAdmissionPolicy",
        "status"
    )]
);
resource!(
    VALIDATING_ADMISSION_POLICY_BINDINGS,
    "admissionregistration.k8s.io",
    "validatingadmissionpolicybindings",
    "validatingadmissionpolicybinding",
    "ValidatingAdmissionPolicyBinding",
    false,
    short & [],
    categories & ["api-extensions"],
    sub & []
);
resource!(
    VALIDATING_WEBHOOK_CONFIGURATIONS,
    "admissionregistration.k8s.io",
    "validatingwebhookconfigurations",
    "validatingwebhookconfiguration",
    "ValidatingWebhookConfiguration",
    false,
    short & [],
    categories & ["api-extensions"],
    sub & []
);
resource!(
    CUSTOM_RESOURCE_DEFINITIONS,
    "apiextensions.k8s.io",
    "customresourcedefinitions",
    "customresourcedefinition",
    "CustomResourceDefinition",
    false,
    short & ["crd", "crds"],
    categories & ["api-extensions"],
    sub & [written(
        "apiextensions.k8s.io",
        "CustomResourceDefinition",
        "status"
    )]
);
resource!(
    DEVICE_CLASSES,
    "resource.k8s.io",
    "deviceclasses",
    "deviceclass",
    "DeviceClass",
    false,
    short & [],
    categories & [],
    sub & []
);
resource!(
    RESOURCE_CLAIMS,
    "resource.k8s.io",
    "resourceclaims",
    "resourceclaim",
    "ResourceClaim",
    true,
    short & [],
    categories & [],
    sub & [written("resource.k8s.io", "ResourceClaim", "status")]
);
resource!(
    RESOURCE_CLAIM_TEMPLATES,
    "resource.k8s.io",
    "resourceclaimtemplates",
    "resourceclaimtemplate",
    "ResourceClaimTemplate",
    true,
    short & [],
    categories & [],
    sub & []
);
resource!(
    RESOURCE_SLICES,
    "resource.k8s.io",
    "resourceslices",
    "resourceslice",
    "ResourceSlice",
    false,
    short & [],
    categories & [],
    sub & []
);
resource!(
    FLOW_SCHEMAS,
    "flowcontrol.apiserver.k8s.io",
    "flowschemas",
    "flowschema",
    "FlowSchema",
    false,
    short & [],
    categories & [],
    sub & [written("flowcontrol.apiserver.k8s.io", "FlowSchema", "status")]
);
resource!(
    PRIORITY_LEVEL_CONFIGURATIONS,
    "flowcontrol.apiserver.k8s.io",
    "prioritylevelconfigurations",
    "prioritylevelconfiguration",
    "PriorityLevelConfiguration",
    false,
    short & [],
    categories & [],
    sub & [written(
        "flowcontrol.apiserver.k8s.io",
        "PriorityLevelConfiguration",
        "status"
    )]
);

const fn written(group: &'static str, kind: &'static str, name: &'static str) -> Subresource {
    Subresource {
        name,
        response: (group, "v1", kind),
        verbs: super::STATUS_VERBS,
    }
}

/// Why an object of the resource cannot be made here; `None` for everything that can.
pub fn why_not(resource: &Resource) -> Option<&'static str> {
    Some(match (resource.group, resource.plural) {
        ("apiregistration.k8s.io", _) => "this cluster does not aggregate other API servers",
        ("certificates.k8s.io", _) => "this cluster signs no certificates",
        ("networking.k8s.io", "ipaddresses" | "servicecidrs") => {
            "the addresses of Services in this cluster come from one fixed range"
        }
        ("storage.k8s.io", plural) if plural != "storageclasses" => "this cluster runs no CSI drivers",
        ("admissionregistration.k8s.io", _) => {
            "this cluster calls no webhooks and evaluates no admission policies"
        }
        ("apiextensions.k8s.io", _) => "this cluster serves no custom resources",
        ("resource.k8s.io", _) => "this cluster allocates no devices",
        ("flowcontrol.apiserver.k8s.io", _) => {
            "this cluster answers requests in the order in which they come"
        }
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::resource;

    #[test]
    fn only_what_has_no_machinery_is_refused() {
        assert!(why_not(&CUSTOM_RESOURCE_DEFINITIONS).is_some());
        assert!(why_not(&CSI_NODES).is_some());
        for resource in [
            &resource::PODS,
            &resource::STORAGE_CLASSES,
            &resource::NETWORK_POLICIES,
        ] {
            assert_eq!(why_not(resource), None, "{}", resource.plural);
        }
    }
}
