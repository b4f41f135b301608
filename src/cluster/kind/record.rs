//! What bbf knows of a kind cluster that it makes or has made. It is written before the cluster is begun, so that whatever
//! an interrupted command left is known to be bbf's own.

use super::node_image::tag;
use super::runtime::Runtime;
use crate::cluster::folder;
use crate::cluster::inventory::Inventory;
use crate::platform::files;
use serde::{Deserialize, Serialize};
use std::path::PathBuf;

const FORMAT_VERSION: u32 = 1;

/// What is known of a kind cluster.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct Record {
    format_version: u32,
    /// The owner's id that its nodes carry.
    pub(super) owner: String,
    /// The runtime that its nodes run in.
    pub(super) runtime: Runtime,
    /// What it is made of.
    pub(super) made_of: MadeOf,
    /// The inventory of when it was new; `None` as long as it is being made.
    pub(super) inventory: Option<Inventory>,
}

/// What a cluster is made of. One that was made otherwise is another cluster.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct MadeOf {
    /// The kind configuration.
    pub(super) config: String,
    /// The image of the nodes, as it was asked for.
    pub(super) node_image: String,
}

impl MadeOf {
    /// Whether it makes the same cluster. An image from an archive is the same without its digest.
    pub(super) fn is_like(&self, other: &Self) -> bool {
        self.config == other.config && tag(&self.node_image) == tag(&other.node_image)
    }
}

impl Record {
    /// A cluster that is about to be made.
    pub(super) fn begun(owner: String, runtime: Runtime, made_of: MadeOf) -> Self {
        Self {
            format_version: FORMAT_VERSION,
            owner,
            runtime,
            made_of,
            inventory: None,
        }
    }

    /// How far the cluster came.
    pub(super) fn stage(&self) -> Stage {
        if self.inventory.is_some() {
            Stage::Made
        } else {
            Stage::Begun
        }
    }
}

/// How far a cluster came.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Stage {
    /// It is being made, or that was interrupted.
    Begun,
    /// It is made.
    Made,
}

impl folder::Record for Record {
    const FILE: &'static str = "kind.json";

    fn is_known(&self) -> bool {
        self.format_version == FORMAT_VERSION
    }
}

/// The folder of one kind cluster.
pub(super) type Folder = folder::Folder<Record>;

impl Folder {
    /// Where images are on their way to the nodes.
    pub(super) fn images(&self) -> PathBuf {
        self.path().join("images.tar")
    }

    /// The configuration that kind was given.
    pub(super) fn config(&self) -> PathBuf {
        self.path().join("kind-config.yaml")
    }

    /// All that kind said when it made the cluster.
    pub(super) fn log(&self) -> PathBuf {
        self.path().join("kind.log")
    }

    /// The process id of the kind that makes the cluster.
    pub(super) fn pid(&self) -> PathBuf {
        self.path().join("kind.pid")
    }

    /// Where kind says that it is writing the kubeconfig (`pkg/cluster/internal/kubeconfig/internal/kubeconfig/lock.go`).
    pub(super) fn kubeconfig_lock(&self) -> PathBuf {
        self.path().join("kubeconfig.lock")
    }

    /// Held by a command that changes the cluster.
    pub(super) fn lock(&self) -> PathBuf {
        self.path().join("kind.lock")
    }

    /// Forgets the cluster. The record goes last: until then the rest is known to be bbf's.
    pub(super) fn forget(&self) -> Result<(), files::Error> {
        for file in [self.kubeconfig(), self.config(), self.pid(), self.record_file()] {
            files::remove(&file)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::platform::scratch::Scratch;

    fn record() -> Record {
        let made_of = MadeOf {
            config: "kind: Cluster\n".to_owned(),
            node_image: "kindest/node:v1.36.1".to_owned(),
        };
        Record::begun("0123456789abcdef".to_owned(), Runtime::Docker, made_of)
    }

    #[test]
    fn a_cluster_is_the_same_with_and_without_the_digest_of_its_image() {
        let made_of = |image: &str, config: &str| MadeOf {
            config: config.to_owned(),
            node_image: image.to_owned(),
        };
        let one = made_of("a:1@sha256:x", "c");
        assert!(one.is_like(&made_of("a:1", "c")));
        assert!(!one.is_like(&made_of("a:2", "c")) && !one.is_like(&made_of("a:1", "d")));
    }

    #[test]
    fn a_record_tells_how_far_the_cluster_came() {
        let scratch = Scratch::new();
        let folder = Folder::new(scratch.path("bbf-single"));
        assert_eq!(folder.record().unwrap(), None);
        let mut record = record();
        folder.write(&record).unwrap();
        assert_eq!(folder.record().unwrap().unwrap().stage(), Stage::Begun);
        record.inventory = Some(Inventory::default());
        folder.write(&record).unwrap();
        assert_eq!(folder.record().unwrap().as_ref(), Some(&record));
        assert_eq!(record.stage(), Stage::Made);
        assert_eq!(Folder::names(scratch.root()).unwrap(), ["bbf-single"]);
        folder.forget().unwrap();
        assert_eq!(folder.record().unwrap(), None);
    }

    #[test]
    fn a_record_cut_at_any_byte_is_kept_aside_and_nothing_is_known() {
        let scratch = Scratch::new();
        let folder = Folder::new(scratch.root().to_owned());
        folder.write(&record()).unwrap();
        let path = folder.record_file();
        let bytes = std::fs::read(&path).unwrap();
        for length in 0..bytes.len() {
            std::fs::write(&path, &bytes[..length]).unwrap();
            assert_eq!(folder.record().unwrap(), None, "{length}");
            assert!(!path.exists());
        }
    }
}
