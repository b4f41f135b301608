//! What an embedded cluster keeps in its folder.

use std::path::{Path, PathBuf};

/// The file that makes a folder a cluster's.
pub(super) const CONFIG: &str = "config.json";

/// The folder of one embedded cluster.
#[derive(Debug, Clone)]
pub struct ClusterFolder(PathBuf);

impl ClusterFolder {
    /// The folder at `path`, which need not exist.
    pub fn new(path: PathBuf) -> Self {
        Self(path)
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.0
    }

    /// The cluster's name, which is the folder's.
    pub fn name(&self) -> String {
        self.0
            .file_name()
            .unwrap_or_default()
            .to_string_lossy()
            .into_owned()
    }

    /// What the cluster is made of.
    pub fn config(&self) -> PathBuf {
        self.0.join(CONFIG)
    }

    /// The recording that brings the cluster back.
    pub fn journal(&self) -> PathBuf {
        self.0.join("journal")
    }

    /// The cluster's keys.
    pub fn identity(&self) -> PathBuf {
        self.0.join("identity.json")
    }

    /// How kubectl reaches it.
    pub fn kubeconfig(&self) -> PathBuf {
        self.0.join("kubeconfig")
    }

    /// Held by the process that serves it.
    pub fn lock(&self) -> PathBuf {
        self.0.join("server.lock")
    }

    /// Held by a command that starts that process.
    pub fn start_lock(&self) -> PathBuf {
        self.0.join("start.lock")
    }

    /// The port that it was served on last.
    pub fn port(&self) -> PathBuf {
        self.0.join("port")
    }

    /// What the process complained of.
    pub fn log(&self) -> PathBuf {
        self.0.join("server.log")
    }
}
