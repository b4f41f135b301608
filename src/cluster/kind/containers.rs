//! The container runtime's command line, as far as bbf needs it beside kind: which nodes there are, whose they are, and
//! images.

use super::failure::{self, Failure};
use super::runtime::{Runtime, VARIABLE};
use crate::cluster::owner::LABEL;
use crate::platform::programs::{self, Ended, Program};
use crate::platform::temporary::TemporaryFolder;
use serde_json::Value;
use std::path::Path;

/// The label by which kind knows the containers of a cluster.
const CLUSTER_LABEL: &str = "io.x-k8s.kind.cluster";

/// Where kind leaves the configuration of a node, with its labels.
const NODE_CONFIG: &str = "/kind/kubeadm.conf";

/// A container runtime that is installed.
#[derive(Debug, Clone)]
pub struct Containers {
    /// Which one it is.
    pub runtime: Runtime,
    program: Program,
}

/// A container that is a node of a kind cluster.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct NodeContainer {
    pub(super) name: String,
    pub(super) running: bool,
}

impl Containers {
    /// The runtime that kind would use.
    ///
    /// # Errors
    /// When there is none.
    pub fn find() -> Result<Self, Failure> {
        let asked = std::env::var(VARIABLE).ok();
        let there = |runtime: Runtime| programs::find(runtime.program()).is_some();
        let missing = || Runtime::named(asked.as_deref()).map_or(Failure::NoRuntime, Failure::NoSuchRuntime);
        Self::of(Runtime::choose(asked.as_deref(), there).ok_or_else(missing)?)
    }

    /// A certain runtime.
    ///
    /// # Errors
    /// When it is not installed.
    pub(super) fn of(runtime: Runtime) -> Result<Self, Failure> {
        let path = programs::find(runtime.program()).ok_or(Failure::NoSuchRuntime(runtime))?;
        Ok(Self {
            runtime,
            program: Program::new(path),
        })
    }

    async fn run(&self, arguments: &[&str]) -> Result<Ended, Failure> {
        let ended = self
            .program
            .run(arguments)
            .await
            .map_err(|error| Failure::Other {
                said: format!("{}: {error}", self.program.path().display()),
                log: None,
            })?;
        if ended.well {
            Ok(ended)
        } else {
            Err(failure::read(self.runtime, ended.said()))
        }
    }

    /// Like [`run`](Self::run), for what takes long: it ends when it is no longer waited for.
    async fn run_long(&self, arguments: &[&str]) -> Result<(), Failure> {
        let ended = self.program.run_heard(arguments, |_| {}, |_| {}).await;
        let ended = ended.map_err(|error| Failure::Other {
            said: format!("{}: {error}", self.program.path().display()),
            log: None,
        })?;
        if ended.well {
            Ok(())
        } else {
            Err(failure::read(self.runtime, ended.said()))
        }
    }

    /// What the runtime says about itself and its machine.
    ///
    /// # Errors
    /// When it does not run, or may not be used.
    pub async fn info(&self) -> Result<Value, Failure> {
        let ended = self.run(&["info", "--format", "{{json .}}"]).await?;
        let info: Value = serde_json::from_str(&ended.stdout).unwrap_or_default();
        // docker's client is content with a server that does not answer, and says so only in here.
        match info["ServerErrors"].as_array().and_then(|errors| errors.first()) {
            Some(error) => Err(failure::read(self.runtime, error.as_str().unwrap_or_default())),
            None => Ok(info),
        }
    }

    /// The nodes of a kind cluster.
    pub(super) async fn nodes(&self, cluster: &str) -> Result<Vec<NodeContainer>, Failure> {
        let label = format!("label={CLUSTER_LABEL}={cluster}");
        // podman 2 writes through a tabwriter, which makes spaces of tabs; a name has no space.
        let format = "{{.Names}} {{.Status}}";
        let ended = self
            .run(&["ps", "--all", "--filter", &label, "--format", format])
            .await?;
        Ok(ended.lines().filter_map(node_container).collect())
    }

    /// The mark of the cluster's owner on a node, whether it runs or not; `None` where it has none.
    pub(super) async fn mark(&self, node: &str) -> Result<Option<String>, Failure> {
        match self.copied(&format!("{node}:{NODE_CONFIG}")).await {
            Ok(text) => Ok(mark_in(&text)),
            // A node that was just begun has no configuration yet.
            Err(Failure::Other { .. } | Failure::NoSuchImage { .. }) => Ok(None),
            Err(failure) => Err(failure),
        }
    }

    /// A file of a container, be it running or not; within a tar archive where the runtime makes one.
    async fn copied(&self, source: &str) -> Result<String, Failure> {
        if self.runtime.copies_to_output() {
            return Ok(self.run(&["cp", source, "-"]).await?.stdout);
        }
        let other = |error: std::io::Error| Failure::Other {
            said: error.to_string(),
            log: None,
        };
        let folder = TemporaryFolder::new("copy").map_err(other)?;
        let copy = folder.path().join("file");
        self.run(&["cp", source, &copy.to_string_lossy()]).await?;
        std::fs::read_to_string(copy).map_err(other)
    }

    /// Starts nodes.
    pub(super) async fn start(&self, nodes: &[&str]) -> Result<(), Failure> {
        self.run(&[&["start"], nodes].concat()).await.map(drop)
    }

    /// Stops nodes.
    pub(super) async fn stop(&self, nodes: &[&str]) -> Result<(), Failure> {
        self.run(&[&["stop"], nodes].concat()).await.map(drop)
    }

    /// Whether an image is there.
    ///
    /// # Errors
    /// When the runtime does not run.
    pub async fn has_image(&self, image: &str) -> Result<bool, Failure> {
        match self
            .run(&["image", "inspect", &self.runtime.name_of(image)])
            .await
        {
            Ok(_) => Ok(true),
            Err(Failure::Other { .. } | Failure::NoSuchImage { .. }) => Ok(false),
            Err(failure) => Err(failure),
        }
    }

    /// Fetches an image from its registry.
    ///
    /// # Errors
    /// When it can't be had.
    pub async fn pull(&self, image: &str) -> Result<(), Failure> {
        self.run_long(&["pull", &self.runtime.name_of(image)]).await
    }

    /// Gives an image another name.
    ///
    /// # Errors
    /// When it is not there.
    pub async fn tag(&self, image: &str, name: &str) -> Result<(), Failure> {
        let names = [self.runtime.name_of(image), self.runtime.name_of(name)];
        self.run(&["tag", &names[0], &names[1]]).await.map(drop)
    }

    /// Writes images to an archive.
    ///
    /// # Errors
    /// When one is not there, or the archive can't be written.
    pub async fn save(&self, archive: &Path, images: &[&str]) -> Result<(), Failure> {
        let archive = archive.to_string_lossy();
        let names: Vec<_> = images.iter().map(|image| self.runtime.name_of(image)).collect();
        let mut arguments = [self.runtime.save(), &[&*archive]].concat();
        arguments.extend(names.iter().map(AsRef::as_ref));
        self.run_long(&arguments).await
    }

    /// Reads the images of an archive.
    ///
    /// # Errors
    /// When it can't be read.
    pub async fn load(&self, archive: &Path) -> Result<(), Failure> {
        let archive = archive.to_string_lossy();
        self.run_long(&["load", "--input", &*archive]).await
    }
}

/// A line of `ps`: the name, and a status such as `Up 3 minutes` or `Exited (0) 2 days ago`.
fn node_container(line: &str) -> Option<NodeContainer> {
    let (name, status) = line.split_once(char::is_whitespace)?;
    let status = status.trim_start();
    Some(NodeContainer {
        name: name.to_owned(),
        running: status.starts_with("Up") && !status.contains("(Paused)"),
    })
}

/// The owner in a node's labels: `bbf/owner=0123456789abcdef`.
fn mark_in(text: &str) -> Option<String> {
    let start = text.find(&format!("{LABEL}="))? + LABEL.len() + 1;
    let mark: String = text[start..]
        .chars()
        .take_while(char::is_ascii_alphanumeric)
        .collect();
    (!mark.is_empty()).then_some(mark)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_lines_of_ps_are_read() {
        for (line, name, running) in [
            (
                "bbf-single-control-plane Up 3 minutes",
                "bbf-single-control-plane",
                true,
            ),
            (
                "bbf-single-worker  Exited (137) 2 days ago",
                "bbf-single-worker",
                false,
            ),
            (
                "bbf-single-worker2 Up 3 minutes (Paused)",
                "bbf-single-worker2",
                false,
            ),
            ("bbf-single-worker3 Created", "bbf-single-worker3", false),
        ] {
            let name = name.to_owned();
            assert_eq!(node_container(line), Some(NodeContainer { name, running }));
        }
        assert_eq!(node_container("noise"), None);
    }

    #[test]
    fn the_mark_is_found_among_the_labels() {
        for (text, mark) in [
            (
                "  node-labels: \"zone=a,bbf/owner=0123456789abcdef\"\n",
                Some("0123456789abcdef"),
            ),
            ("    value: bbf/owner=00ff,zone=a\n", Some("00ff")),
            ("  node-labels: \"\"\n", None),
            ("bbf/owner=\n", None),
        ] {
            assert_eq!(mark_in(text).as_deref(), mark, "{text}");
        }
    }
}
