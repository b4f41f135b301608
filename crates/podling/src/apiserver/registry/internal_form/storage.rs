//! The structs of a claim's spec and of a volume's source.

use super::pod::{HOST_PATH, NFS};
use super::{Field, Kind, Struct};

const CLAIM_RESOURCES: &Struct = &[
    Field("Limits", "limits", Kind::Plain),
    Field("Requests", "requests", Kind::Plain),
];

/// `core.PersistentVolumeClaimSpec`.
pub(in super::super) const CLAIM_SPEC: &Struct = &[
    Field("AccessModes", "accessModes", Kind::Plain),
    Field("Selector", "selector", Kind::Plain),
    Field("Resources", "resources", Kind::Always(CLAIM_RESOURCES)),
    Field("VolumeName", "volumeName", Kind::Text),
    Field("StorageClassName", "storageClassName", Kind::Pointer),
    Field("VolumeMode", "volumeMode", Kind::Pointer),
    Field("DataSource", "dataSource", Kind::Plain),
    Field("DataSourceRef", "dataSourceRef", Kind::Plain),
    Field(
        "VolumeAttributesClassName",
        "volumeAttributesClassName",
        Kind::Pointer,
    ),
];

const LOCAL: &Struct = &[
    Field("Path", "path", Kind::KeptText),
    Field("FSType", "fsType", Kind::Pointer),
];

/// `core.PersistentVolumeSource`: where a volume is.
pub(in super::super) const VOLUME_SOURCE: &Struct = &[
    Field("GCEPersistentDisk", "gcePersistentDisk", Kind::Plain),
    Field("AWSElasticBlockStore", "awsElasticBlockStore", Kind::Plain),
    Field("HostPath", "hostPath", Kind::Optional(HOST_PATH)),
    Field("Glusterfs", "glusterfs", Kind::Plain),
    Field("NFS", "nfs", Kind::Optional(NFS)),
    Field("RBD", "rbd", Kind::Plain),
    Field("Quobyte", "quobyte", Kind::Plain),
    Field("ISCSI", "iscsi", Kind::Plain),
    Field("FlexVolume", "flexVolume", Kind::Plain),
    Field("Cinder", "cinder", Kind::Plain),
    Field("CephFS", "cephfs", Kind::Plain),
    Field("FC", "fc", Kind::Plain),
    Field("Flocker", "flocker", Kind::Plain),
    Field("AzureFile", "azureFile", Kind::Plain),
    Field("VsphereVolume", "vsphereVolume", Kind::Plain),
    Field("AzureDisk", "azureDisk", Kind::Plain),
    Field("PhotonPersistentDisk", "photonPersistentDisk", Kind::Plain),
    Field("PortworxVolume", "portworxVolume", Kind::Plain),
    Field("ScaleIO", "scaleIO", Kind::Plain),
    Field("Local", "local", Kind::Optional(LOCAL)),
    Field("StorageOS", "storageos", Kind::Plain),
    Field("CSI", "csi", Kind::Plain),
];
