//! The structs of a Pod's spec, and a Service's port.

use super::{Field, Kind, Struct};

const LOCAL_REFERENCE: &Struct = &[Field("Name", "name", Kind::Text)];
const KEY_TO_PATH: &Struct = &[
    Field("Key", "key", Kind::KeptText),
    Field("Path", "path", Kind::KeptText),
    Field("Mode", "mode", Kind::Pointer),
];
const FIELD_SELECTOR: &Struct = &[
    Field("APIVersion", "apiVersion", Kind::Text),
    Field("FieldPath", "fieldPath", Kind::KeptText),
];
const RESOURCE_SELECTOR: &Struct = &[
    Field("ContainerName", "containerName", Kind::Text),
    Field("Resource", "resource", Kind::KeptText),
    Field("Divisor", "divisor", Kind::Pointer),
];
const DOWNWARD_FILE: &Struct = &[
    Field("Path", "path", Kind::KeptText),
    Field("FieldRef", "fieldRef", Kind::Optional(FIELD_SELECTOR)),
    Field(
        "ResourceFieldRef",
        "resourceFieldRef",
        Kind::Optional(RESOURCE_SELECTOR),
    ),
    Field("Mode", "mode", Kind::Pointer),
];
const DOWNWARD_PROJECTION: &Struct = &[Field("Items", "items", Kind::List(DOWNWARD_FILE))];
const KEYS_PROJECTION: &Struct = &[
    Field("Name", "name", Kind::Text),
    Field("Items", "items", Kind::List(KEY_TO_PATH)),
    Field("Optional", "optional", Kind::Pointer),
];
const TOKEN_PROJECTION: &Struct = &[
    Field("Audience", "audience", Kind::Text),
    Field("ExpirationSeconds", "expirationSeconds", Kind::Pointer),
    Field("Path", "path", Kind::KeptText),
];
const PROJECTION: &Struct = &[
    Field("Secret", "secret", Kind::Optional(KEYS_PROJECTION)),
    Field("DownwardAPI", "downwardAPI", Kind::Optional(DOWNWARD_PROJECTION)),
    Field("ConfigMap", "configMap", Kind::Optional(KEYS_PROJECTION)),
    Field(
        "ServiceAccountToken",
        "serviceAccountToken",
        Kind::Optional(TOKEN_PROJECTION),
    ),
    Field("ClusterTrustBundle", "clusterTrustBundle", Kind::Pointer),
    Field("PodCertificate", "podCertificate", Kind::Pointer),
];
const PROJECTED: &Struct = &[
    Field("Sources", "sources", Kind::List(PROJECTION)),
    Field("DefaultMode", "defaultMode", Kind::Pointer),
];
pub(super) const HOST_PATH: &Struct = &[
    Field("Path", "path", Kind::KeptText),
    Field("Type", "type", Kind::Pointer),
];
const EMPTY_DIR: &Struct = &[
    Field("Medium", "medium", Kind::Text),
    Field("SizeLimit", "sizeLimit", Kind::Pointer),
];
const SECRET_VOLUME: &Struct = &[
    Field("SecretName", "secretName", Kind::Text),
    Field("Items", "items", Kind::List(KEY_TO_PATH)),
    Field("DefaultMode", "defaultMode", Kind::Pointer),
    Field("Optional", "optional", Kind::Pointer),
];
const CONFIG_MAP_VOLUME: &Struct = &[
    Field("Name", "name", Kind::Text),
    Field("Items", "items", Kind::List(KEY_TO_PATH)),
    Field("DefaultMode", "defaultMode", Kind::Pointer),
    Field("Optional", "optional", Kind::Pointer),
];
pub(super) const NFS: &Struct = &[
    Field("Server", "server", Kind::KeptText),
    Field("Path", "path", Kind::KeptText),
    Field("ReadOnly", "readOnly", Kind::Flag),
];
const CLAIM: &Struct = &[
    Field("ClaimName", "claimName", Kind::KeptText),
    Field("ReadOnly", "readOnly", Kind::Flag),
];
const DOWNWARD_VOLUME: &Struct = &[
    Field("Items", "items", Kind::List(DOWNWARD_FILE)),
    Field("DefaultMode", "defaultMode", Kind::Pointer),
];
const CSI: &Struct = &[
    Field("Driver", "driver", Kind::KeptText),
    Field("ReadOnly", "readOnly", Kind::Pointer),
    Field("FSType", "fsType", Kind::Pointer),
    Field("VolumeAttributes", "volumeAttributes", Kind::Plain),
    Field(
        "NodePublishSecretRef",
        "nodePublishSecretRef",
        Kind::Optional(LOCAL_REFERENCE),
    ),
];
const IMAGE_VOLUME: &Struct = &[
    Field("Reference", "reference", Kind::Text),
    Field("PullPolicy", "pullPolicy", Kind::Text),
];
const VOLUME: &Struct = &[
    Field("Name", "name", Kind::KeptText),
    Field("HostPath", "hostPath", Kind::Optional(HOST_PATH)),
    Field("EmptyDir", "emptyDir", Kind::Optional(EMPTY_DIR)),
    Field("GCEPersistentDisk", "gcePersistentDisk", Kind::Pointer),
    Field("AWSElasticBlockStore", "awsElasticBlockStore", Kind::Pointer),
    Field("GitRepo", "gitRepo", Kind::Pointer),
    Field("Secret", "secret", Kind::Optional(SECRET_VOLUME)),
    Field("NFS", "nfs", Kind::Optional(NFS)),
    Field("ISCSI", "iscsi", Kind::Pointer),
    Field("Glusterfs", "glusterfs", Kind::Pointer),
    Field(
        "PersistentVolumeClaim",
        "persistentVolumeClaim",
        Kind::Optional(CLAIM),
    ),
    Field("RBD", "rbd", Kind::Pointer),
    Field("Quobyte", "quobyte", Kind::Pointer),
    Field("FlexVolume", "flexVolume", Kind::Pointer),
    Field("Cinder", "cinder", Kind::Pointer),
    Field("CephFS", "cephfs", Kind::Pointer),
    Field("Flocker", "flocker", Kind::Pointer),
    Field("DownwardAPI", "downwardAPI", Kind::Optional(DOWNWARD_VOLUME)),
    Field("FC", "fc", Kind::Pointer),
    Field("AzureFile", "azureFile", Kind::Pointer),
    Field("ConfigMap", "configMap", Kind::Optional(CONFIG_MAP_VOLUME)),
    Field("VsphereVolume", "vsphereVolume", Kind::Pointer),
    Field("AzureDisk", "azureDisk", Kind::Pointer),
    Field("PhotonPersistentDisk", "photonPersistentDisk", Kind::Pointer),
    Field("Projected", "projected", Kind::Optional(PROJECTED)),
    Field("PortworxVolume", "portworxVolume", Kind::Pointer),
    Field("ScaleIO", "scaleIO", Kind::Pointer),
    Field("StorageOS", "storageos", Kind::Pointer),
    Field("CSI", "csi", Kind::Optional(CSI)),
    Field("Ephemeral", "ephemeral", Kind::Pointer),
    Field("Image", "image", Kind::Optional(IMAGE_VOLUME)),
];
const CONTAINER_PORT: &Struct = &[
    Field("Name", "name", Kind::Text),
    Field("HostPort", "hostPort", Kind::Number),
    Field("ContainerPort", "containerPort", Kind::KeptNumber),
    Field("Protocol", "protocol", Kind::Text),
    Field("HostIP", "hostIP", Kind::Text),
];
const KEY_SELECTOR: &Struct = &[
    Field("Name", "name", Kind::Text),
    Field("Key", "key", Kind::KeptText),
    Field("Optional", "optional", Kind::Pointer),
];
const ENV_SOURCE: &Struct = &[
    Field("FieldRef", "fieldRef", Kind::Optional(FIELD_SELECTOR)),
    Field(
        "ResourceFieldRef",
        "resourceFieldRef",
        Kind::Optional(RESOURCE_SELECTOR),
    ),
    Field("ConfigMapKeyRef", "configMapKeyRef", Kind::Optional(KEY_SELECTOR)),
    Field("SecretKeyRef", "secretKeyRef", Kind::Optional(KEY_SELECTOR)),
    Field("FileKeyRef", "fileKeyRef", Kind::Pointer),
];
const ENV: &Struct = &[
    Field("Name", "name", Kind::KeptText),
    Field("Value", "value", Kind::Text),
    Field("ValueFrom", "valueFrom", Kind::Optional(ENV_SOURCE)),
];
const ENV_FROM_REFERENCE: &Struct = &[
    Field("Name", "name", Kind::Text),
    Field("Optional", "optional", Kind::Pointer),
];
const ENV_FROM: &Struct = &[
    Field("Prefix", "prefix", Kind::Text),
    Field("ConfigMapRef", "configMapRef", Kind::Optional(ENV_FROM_REFERENCE)),
    Field("SecretRef", "secretRef", Kind::Optional(ENV_FROM_REFERENCE)),
];
const RESOURCES: &Struct = &[
    Field("Limits", "limits", Kind::Plain),
    Field("Requests", "requests", Kind::Plain),
    Field("Claims", "claims", Kind::Plain),
];
const RESIZE_POLICY: &Struct = &[
    Field("ResourceName", "resourceName", Kind::KeptText),
    Field("RestartPolicy", "restartPolicy", Kind::KeptText),
];
const MOUNT: &Struct = &[
    Field("Name", "name", Kind::KeptText),
    Field("ReadOnly", "readOnly", Kind::Flag),
    Field("RecursiveReadOnly", "recursiveReadOnly", Kind::Pointer),
    Field("MountPath", "mountPath", Kind::KeptText),
    Field("SubPath", "subPath", Kind::Text),
    Field("MountPropagation", "mountPropagation", Kind::Pointer),
    Field("SubPathExpr", "subPathExpr", Kind::Text),
];
const DEVICE: &Struct = &[
    Field("Name", "name", Kind::KeptText),
    Field("DevicePath", "devicePath", Kind::KeptText),
];
const EXEC: &Struct = &[Field("Command", "command", Kind::Plain)];
const HEADER: &Struct = &[
    Field("Name", "name", Kind::KeptText),
    Field("Value", "value", Kind::KeptText),
];
const HTTP_GET: &Struct = &[
    Field("Path", "path", Kind::Text),
    Field("Port", "port", Kind::Pointer),
    Field("Host", "host", Kind::Text),
    Field("Scheme", "scheme", Kind::Text),
    Field("HTTPHeaders", "httpHeaders", Kind::List(HEADER)),
];
const TCP_SOCKET: &Struct = &[
    Field("Port", "port", Kind::Pointer),
    Field("Host", "host", Kind::Text),
];
const GRPC: &Struct = &[
    Field("Port", "port", Kind::KeptNumber),
    Field("Service", "service", Kind::Pointer),
];
const SLEEP: &Struct = &[Field("Seconds", "seconds", Kind::KeptNumber)];
const PROBE: &Struct = &[
    Field("Exec", "exec", Kind::Optional(EXEC)),
    Field("HTTPGet", "httpGet", Kind::Optional(HTTP_GET)),
    Field("TCPSocket", "tcpSocket", Kind::Optional(TCP_SOCKET)),
    Field("GRPC", "grpc", Kind::Optional(GRPC)),
    Field("InitialDelaySeconds", "initialDelaySeconds", Kind::Number),
    Field("TimeoutSeconds", "timeoutSeconds", Kind::Number),
    Field("PeriodSeconds", "periodSeconds", Kind::Number),
    Field("SuccessThreshold", "successThreshold", Kind::Number),
    Field("FailureThreshold", "failureThreshold", Kind::Number),
    Field(
        "TerminationGracePeriodSeconds",
        "terminationGracePeriodSeconds",
        Kind::Pointer,
    ),
];
const HANDLER: &Struct = &[
    Field("Exec", "exec", Kind::Optional(EXEC)),
    Field("HTTPGet", "httpGet", Kind::Optional(HTTP_GET)),
    Field("TCPSocket", "tcpSocket", Kind::Optional(TCP_SOCKET)),
    Field("Sleep", "sleep", Kind::Optional(SLEEP)),
];
const LIFECYCLE: &Struct = &[
    Field("PostStart", "postStart", Kind::Optional(HANDLER)),
    Field("PreStop", "preStop", Kind::Optional(HANDLER)),
    Field("StopSignal", "stopSignal", Kind::Pointer),
];
const CAPABILITIES: &Struct = &[
    Field("Add", "add", Kind::Plain),
    Field("Drop", "drop", Kind::Plain),
];
/// A seccomp or AppArmor profile.
pub(in super::super) const LOCAL_PROFILE: &Struct = &[
    Field("Type", "type", Kind::KeptText),
    Field("LocalhostProfile", "localhostProfile", Kind::Pointer),
];
const SE_LINUX: &Struct = &[
    Field("User", "user", Kind::Text),
    Field("Role", "role", Kind::Text),
    Field("Type", "type", Kind::Text),
    Field("Level", "level", Kind::Text),
];
pub(in super::super) const SECURITY_CONTEXT: &Struct = &[
    Field("Capabilities", "capabilities", Kind::Optional(CAPABILITIES)),
    Field("Privileged", "privileged", Kind::Pointer),
    Field("SELinuxOptions", "seLinuxOptions", Kind::Optional(SE_LINUX)),
    Field("WindowsOptions", "windowsOptions", Kind::Pointer),
    Field("RunAsUser", "runAsUser", Kind::Pointer),
    Field("RunAsGroup", "runAsGroup", Kind::Pointer),
    Field("RunAsNonRoot", "runAsNonRoot", Kind::Pointer),
    Field("ReadOnlyRootFilesystem", "readOnlyRootFilesystem", Kind::Pointer),
    Field(
        "AllowPrivilegeEscalation",
        "allowPrivilegeEscalation",
        Kind::Pointer,
    ),
    Field("ProcMount", "procMount", Kind::Pointer),
    Field("SeccompProfile", "seccompProfile", Kind::Optional(LOCAL_PROFILE)),
    Field(
        "AppArmorProfile",
        "appArmorProfile",
        Kind::Optional(LOCAL_PROFILE),
    ),
];
const CONTAINER: &Struct = &[
    Field("Name", "name", Kind::KeptText),
    Field("Image", "image", Kind::Text),
    Field("Command", "command", Kind::Plain),
    Field("Args", "args", Kind::Plain),
    Field("WorkingDir", "workingDir", Kind::Text),
    Field("Ports", "ports", Kind::List(CONTAINER_PORT)),
    Field("EnvFrom", "envFrom", Kind::List(ENV_FROM)),
    Field("Env", "env", Kind::List(ENV)),
    Field("Resources", "resources", Kind::Always(RESOURCES)),
    Field("ResizePolicy", "resizePolicy", Kind::List(RESIZE_POLICY)),
    Field("RestartPolicy", "restartPolicy", Kind::Pointer),
    Field("RestartPolicyRules", "restartPolicyRules", Kind::Plain),
    Field("VolumeMounts", "volumeMounts", Kind::List(MOUNT)),
    Field("VolumeDevices", "volumeDevices", Kind::List(DEVICE)),
    Field("LivenessProbe", "livenessProbe", Kind::Optional(PROBE)),
    Field("ReadinessProbe", "readinessProbe", Kind::Optional(PROBE)),
    Field("StartupProbe", "startupProbe", Kind::Optional(PROBE)),
    Field("Lifecycle", "lifecycle", Kind::Optional(LIFECYCLE)),
    Field("TerminationMessagePath", "terminationMessagePath", Kind::Text),
    Field("TerminationMessagePolicy", "terminationMessagePolicy", Kind::Text),
    Field("ImagePullPolicy", "imagePullPolicy", Kind::Text),
    Field(
        "SecurityContext",
        "securityContext",
        Kind::Optional(SECURITY_CONTEXT),
    ),
    Field("Stdin", "stdin", Kind::Flag),
    Field("StdinOnce", "stdinOnce", Kind::Flag),
    Field("TTY", "tty", Kind::Flag),
];
const EPHEMERAL_CONTAINER: &Struct = &[
    Field("Name", "name", Kind::KeptText),
    Field("Image", "image", Kind::Text),
    Field("Command", "command", Kind::Plain),
    Field("Args", "args", Kind::Plain),
    Field("WorkingDir", "workingDir", Kind::Text),
    Field("Ports", "ports", Kind::List(CONTAINER_PORT)),
    Field("EnvFrom", "envFrom", Kind::List(ENV_FROM)),
    Field("Env", "env", Kind::List(ENV)),
    Field("Resources", "resources", Kind::Always(RESOURCES)),
    Field("ResizePolicy", "resizePolicy", Kind::List(RESIZE_POLICY)),
    Field("RestartPolicy", "restartPolicy", Kind::Pointer),
    Field("RestartPolicyRules", "restartPolicyRules", Kind::Plain),
    Field("VolumeMounts", "volumeMounts", Kind::List(MOUNT)),
    Field("VolumeDevices", "volumeDevices", Kind::List(DEVICE)),
    Field("LivenessProbe", "livenessProbe", Kind::Optional(PROBE)),
    Field("ReadinessProbe", "readinessProbe", Kind::Optional(PROBE)),
    Field("StartupProbe", "startupProbe", Kind::Optional(PROBE)),
    Field("Lifecycle", "lifecycle", Kind::Optional(LIFECYCLE)),
    Field("TerminationMessagePath", "terminationMessagePath", Kind::Text),
    Field("TerminationMessagePolicy", "terminationMessagePolicy", Kind::Text),
    Field("ImagePullPolicy", "imagePullPolicy", Kind::Text),
    Field(
        "SecurityContext",
        "securityContext",
        Kind::Optional(SECURITY_CONTEXT),
    ),
    Field("Stdin", "stdin", Kind::Flag),
    Field("StdinOnce", "stdinOnce", Kind::Flag),
    Field("TTY", "tty", Kind::Flag),
    Field("TargetContainerName", "targetContainerName", Kind::Text),
];
const POD_SECURITY_CONTEXT: &Struct = &[
    Field("SELinuxOptions", "seLinuxOptions", Kind::Optional(SE_LINUX)),
    Field("WindowsOptions", "windowsOptions", Kind::Pointer),
    Field("RunAsUser", "runAsUser", Kind::Pointer),
    Field("RunAsGroup", "runAsGroup", Kind::Pointer),
    Field("RunAsNonRoot", "runAsNonRoot", Kind::Pointer),
    Field("SupplementalGroups", "supplementalGroups", Kind::Plain),
    Field(
        "SupplementalGroupsPolicy",
        "supplementalGroupsPolicy",
        Kind::Pointer,
    ),
    Field("FSGroup", "fsGroup", Kind::Pointer),
    Field("FSGroupChangePolicy", "fsGroupChangePolicy", Kind::Pointer),
    Field("Sysctls", "sysctls", Kind::List(HEADER)),
    Field("SeccompProfile", "seccompProfile", Kind::Optional(LOCAL_PROFILE)),
    Field(
        "AppArmorProfile",
        "appArmorProfile",
        Kind::Optional(LOCAL_PROFILE),
    ),
    Field("SELinuxChangePolicy", "seLinuxChangePolicy", Kind::Pointer),
];
const TOLERATION: &Struct = &[
    Field("Key", "key", Kind::Text),
    Field("Operator", "operator", Kind::Text),
    Field("Value", "value", Kind::Text),
    Field("Effect", "effect", Kind::Text),
    Field("TolerationSeconds", "tolerationSeconds", Kind::Pointer),
];
const NODE_REQUIREMENT: &Struct = &[
    Field("Key", "key", Kind::KeptText),
    Field("Operator", "operator", Kind::KeptText),
    Field("Values", "values", Kind::Plain),
];
const NODE_TERM: &Struct = &[
    Field(
        "MatchExpressions",
        "matchExpressions",
        Kind::List(NODE_REQUIREMENT),
    ),
    Field("MatchFields", "matchFields", Kind::List(NODE_REQUIREMENT)),
];
const NODE_SELECTOR: &Struct = &[Field(
    "NodeSelectorTerms",
    "nodeSelectorTerms",
    Kind::KeptList(NODE_TERM),
)];
const PREFERRED_NODE_TERM: &Struct = &[
    Field("Weight", "weight", Kind::KeptNumber),
    Field("Preference", "preference", Kind::Always(NODE_TERM)),
];
const NODE_AFFINITY: &Struct = &[
    Field(
        "RequiredDuringSchedulingIgnoredDuringExecution",
        "requiredDuringSchedulingIgnoredDuringExecution",
        Kind::Optional(NODE_SELECTOR),
    ),
    Field(
        "PreferredDuringSchedulingIgnoredDuringExecution",
        "preferredDuringSchedulingIgnoredDuringExecution",
        Kind::List(PREFERRED_NODE_TERM),
    ),
];
const POD_TERM: &Struct = &[
    Field("LabelSelector", "labelSelector", Kind::Pointer),
    Field("Namespaces", "namespaces", Kind::Plain),
    Field("TopologyKey", "topologyKey", Kind::KeptText),
    Field("NamespaceSelector", "namespaceSelector", Kind::Pointer),
    Field("MatchLabelKeys", "matchLabelKeys", Kind::Plain),
    Field("MismatchLabelKeys", "mismatchLabelKeys", Kind::Plain),
];
const WEIGHTED_POD_TERM: &Struct = &[
    Field("Weight", "weight", Kind::KeptNumber),
    Field("PodAffinityTerm", "podAffinityTerm", Kind::Always(POD_TERM)),
];
const POD_AFFINITY: &Struct = &[
    Field(
        "RequiredDuringSchedulingIgnoredDuringExecution",
        "requiredDuringSchedulingIgnoredDuringExecution",
        Kind::List(POD_TERM),
    ),
    Field(
        "PreferredDuringSchedulingIgnoredDuringExecution",
        "preferredDuringSchedulingIgnoredDuringExecution",
        Kind::List(WEIGHTED_POD_TERM),
    ),
];
const AFFINITY: &Struct = &[
    Field("NodeAffinity", "nodeAffinity", Kind::Optional(NODE_AFFINITY)),
    Field("PodAffinity", "podAffinity", Kind::Optional(POD_AFFINITY)),
    Field("PodAntiAffinity", "podAntiAffinity", Kind::Optional(POD_AFFINITY)),
];
const HOST_ALIAS: &Struct = &[
    Field("IP", "ip", Kind::KeptText),
    Field("Hostnames", "hostnames", Kind::Plain),
];
const DNS_OPTION: &Struct = &[
    Field("Name", "name", Kind::Text),
    Field("Value", "value", Kind::Pointer),
];
const DNS_CONFIG: &Struct = &[
    Field("Nameservers", "nameservers", Kind::Plain),
    Field("Searches", "searches", Kind::Plain),
    Field("Options", "options", Kind::List(DNS_OPTION)),
];
const READINESS_GATE: &Struct = &[Field("ConditionType", "conditionType", Kind::KeptText)];
const GATE: &Struct = &[Field("Name", "name", Kind::KeptText)];
const SPREAD: &Struct = &[
    Field("MaxSkew", "maxSkew", Kind::KeptNumber),
    Field("TopologyKey", "topologyKey", Kind::KeptText),
    Field("WhenUnsatisfiable", "whenUnsatisfiable", Kind::KeptText),
    Field("LabelSelector", "labelSelector", Kind::Pointer),
    Field("MinDomains", "minDomains", Kind::Pointer),
    Field("NodeAffinityPolicy", "nodeAffinityPolicy", Kind::Pointer),
    Field("NodeTaintsPolicy", "nodeTaintsPolicy", Kind::Pointer),
    Field("MatchLabelKeys", "matchLabelKeys", Kind::Plain),
];
const HOST_CONTEXT: &Struct = &[
    Field("HostNetwork", "hostNetwork", Kind::Flag),
    Field("HostPID", "hostPID", Kind::Flag),
    Field("HostIPC", "hostIPC", Kind::Flag),
    Field("ShareProcessNamespace", "shareProcessNamespace", Kind::Pointer),
    Field("HostUsers", "hostUsers", Kind::Pointer),
];
pub(in super::super) const POD_SPEC: &Struct = &[
    Field("Volumes", "volumes", Kind::List(VOLUME)),
    Field("InitContainers", "initContainers", Kind::List(CONTAINER)),
    Field("Containers", "containers", Kind::KeptList(CONTAINER)),
    Field(
        "EphemeralContainers",
        "ephemeralContainers",
        Kind::List(EPHEMERAL_CONTAINER),
    ),
    Field("RestartPolicy", "restartPolicy", Kind::Text),
    Field(
        "TerminationGracePeriodSeconds",
        "terminationGracePeriodSeconds",
        Kind::Pointer,
    ),
    Field("ActiveDeadlineSeconds", "activeDeadlineSeconds", Kind::Pointer),
    Field("DNSPolicy", "dnsPolicy", Kind::Text),
    Field("NodeSelector", "nodeSelector", Kind::Plain),
    Field("ServiceAccountName", "serviceAccountName", Kind::Text),
    Field(
        "AutomountServiceAccountToken",
        "automountServiceAccountToken",
        Kind::Pointer,
    ),
    Field("NodeName", "nodeName", Kind::Text),
    Field(
        "SecurityContext",
        "securityContext",
        Kind::PodSecurity(HOST_CONTEXT, POD_SECURITY_CONTEXT),
    ),
    Field(
        "ImagePullSecrets",
        "imagePullSecrets",
        Kind::List(LOCAL_REFERENCE),
    ),
    Field("Hostname", "hostname", Kind::Text),
    Field("Subdomain", "subdomain", Kind::Text),
    Field("SetHostnameAsFQDN", "setHostnameAsFQDN", Kind::Pointer),
    Field("Affinity", "affinity", Kind::Optional(AFFINITY)),
    Field("SchedulerName", "schedulerName", Kind::Text),
    Field("Tolerations", "tolerations", Kind::List(TOLERATION)),
    Field("HostAliases", "hostAliases", Kind::List(HOST_ALIAS)),
    Field("PriorityClassName", "priorityClassName", Kind::Text),
    Field("Priority", "priority", Kind::Pointer),
    Field("PreemptionPolicy", "preemptionPolicy", Kind::Pointer),
    Field("DNSConfig", "dnsConfig", Kind::Optional(DNS_CONFIG)),
    Field("ReadinessGates", "readinessGates", Kind::List(READINESS_GATE)),
    Field("RuntimeClassName", "runtimeClassName", Kind::Pointer),
    Field("Overhead", "overhead", Kind::Plain),
    Field("EnableServiceLinks", "enableServiceLinks", Kind::Pointer),
    Field(
        "TopologySpreadConstraints",
        "topologySpreadConstraints",
        Kind::List(SPREAD),
    ),
    Field("OS", "os", Kind::Optional(GATE)),
    Field("SchedulingGates", "schedulingGates", Kind::List(GATE)),
    Field("ResourceClaims", "resourceClaims", Kind::Plain),
    Field("Resources", "resources", Kind::Optional(RESOURCES)),
    Field("HostnameOverride", "hostnameOverride", Kind::Pointer),
    Field("SchedulingGroup", "schedulingGroup", Kind::Pointer),
];
pub(in super::super) const SERVICE_PORT: &Struct = &[
    Field("Name", "name", Kind::Text),
    Field("Protocol", "protocol", Kind::Text),
    Field("AppProtocol", "appProtocol", Kind::Pointer),
    Field("Port", "port", Kind::KeptNumber),
    Field("TargetPort", "targetPort", Kind::Pointer),
    Field("NodePort", "nodePort", Kind::Number),
];
