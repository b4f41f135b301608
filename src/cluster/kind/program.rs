//! kind's command line. Whatever it does, it does with bbf's own kubeconfig file: neither `KUBECONFIG` nor the learner's
//! file is known to it.

use super::failure::{self, Failure};
use super::progress;
use super::runtime::{Runtime, VARIABLE};
use crate::cluster::Watcher;
use crate::platform::files::{self, Access};
use crate::platform::programs::{self, Ended, Program};
use std::path::Path;

/// How long kind itself waits for the control plane.
const WAIT: &str = "2m";

/// The oldest kind whose clusters run the pinned node images.
pub const OLDEST: (u32, u32) = (0, 27);

/// kind, as it is installed.
#[derive(Debug, Clone)]
pub(super) struct KindProgram {
    program: Program,
    runtime: Runtime,
}

/// How a cluster is to be made.
pub(super) struct Making<'a> {
    pub(super) name: &'a str,
    pub(super) config: &'a Path,
    pub(super) node_image: &'a str,
    pub(super) kubeconfig: &'a Path,
    /// Where all that kind says is kept.
    pub(super) log: &'a Path,
    /// Where its process id is kept while it runs.
    pub(super) pid: &'a Path,
}

impl KindProgram {
    /// kind on the PATH, told to use `runtime`.
    ///
    /// # Errors
    /// When it is not installed.
    pub(super) fn find(runtime: Runtime) -> Result<Self, Failure> {
        let path = programs::find("kind").ok_or(Failure::NoKind)?;
        let program = Program::new(path)
            .without("KUBECONFIG")
            .without("KIND_CLUSTER_NAME")
            .with(VARIABLE, runtime.program());
        Ok(Self { program, runtime })
    }

    /// Its version, as in `kind v0.33.0 go1.27.2 linux/amd64`.
    ///
    /// # Errors
    /// When it can't be started.
    pub(super) async fn version(&self) -> Result<String, Failure> {
        let ended = self.run(&["version"]).await?;
        let version = ended.stdout.split_whitespace().find(|word| is_version(word));
        Ok(version.unwrap_or_default().to_owned())
    }

    /// Makes sure that it knows the pinned node images.
    ///
    /// # Errors
    /// When it is too old for them.
    pub(super) async fn must_be_new_enough(&self) -> Result<(), Failure> {
        let version = self.version().await?;
        if is_too_old(&version) {
            return Err(Failure::OldKind { version });
        }
        Ok(())
    }

    /// The names of all kind clusters, whoever made them.
    ///
    /// # Errors
    /// When the runtime does not answer.
    pub(super) async fn clusters(&self) -> Result<Vec<String>, Failure> {
        let ended = self.run(&["get", "clusters"]).await?;
        Ok(ended.lines().map(str::to_owned).collect())
    }

    async fn run(&self, arguments: &[&str]) -> Result<Ended, Failure> {
        let ended = self
            .program
            .run(arguments)
            .await
            .map_err(|error| self.unstarted(&error))?;
        if ended.well {
            Ok(ended)
        } else {
            Err(failure::read(self.runtime, ended.said()))
        }
    }

    fn unstarted(&self, error: &std::io::Error) -> Failure {
        Failure::Other {
            said: format!("{}: {error}", self.program.path().display()),
            log: None,
        }
    }

    /// Makes a cluster, and tells how it goes.
    pub(super) async fn create(&self, making: &Making<'_>, watcher: &Watcher) -> Result<(), Failure> {
        let (config, kubeconfig) = (
            making.config.to_string_lossy(),
            making.kubeconfig.to_string_lossy(),
        );
        let arguments = [
            "create",
            "cluster",
            "--name",
            making.name,
            "--config",
            &config,
            "--image",
            making.node_image,
            "--kubeconfig",
            &kubeconfig,
            "--wait",
            WAIT,
        ];
        let heard = |line: &str| {
            if let Some(step) = progress::step(line) {
                watcher(&step);
            }
        };
        let started = |pid: u32| {
            // Only needed to end a kind that outlives a killed bbf; the cluster is recorded in any case.
            files::write(making.pid, pid.to_string().as_bytes(), Access::Usual).ok();
        };
        let ended = self.program.run_heard(&arguments, started, heard).await;
        let ended = ended.map_err(|error| self.unstarted(&error))?;
        files::remove(making.pid).ok();
        let kept = files::write(making.log, ended.stderr.as_bytes(), Access::Usual).is_ok();
        if ended.well {
            return Ok(());
        }
        Err(match failure::read(self.runtime, ended.said()) {
            Failure::Other { said, .. } => Failure::Other {
                said,
                log: kept.then(|| making.log.to_owned()),
            },
            failure => failure,
        })
    }

    /// Deletes a cluster; one that is not there is no failure.
    pub(super) async fn delete(&self, name: &str, kubeconfig: &Path) -> Result<(), Failure> {
        let kubeconfig = kubeconfig.to_string_lossy();
        self.run(&["delete", "cluster", "--name", name, "--kubeconfig", &kubeconfig])
            .await
            .map(drop)
    }

    /// Writes the kubeconfig of a cluster.
    pub(super) async fn export_kubeconfig(&self, name: &str, kubeconfig: &Path) -> Result<(), Failure> {
        let kubeconfig = kubeconfig.to_string_lossy();
        self.run(&[
            "export",
            "kubeconfig",
            "--name",
            name,
            "--kubeconfig",
            &kubeconfig,
        ])
        .await
        .map(drop)
    }

    /// Puts images that docker has on all nodes of a cluster.
    pub(super) async fn load_images(&self, name: &str, images: &[&str]) -> Result<(), Failure> {
        self.load(&[&["docker-image", "--name", name], images].concat())
            .await
    }

    /// Puts the images of an archive on all nodes of a cluster.
    pub(super) async fn load_archive(&self, name: &str, archive: &Path) -> Result<(), Failure> {
        self.load(&["image-archive", &archive.to_string_lossy(), "--name", name])
            .await
    }

    async fn load(&self, what: &[&str]) -> Result<(), Failure> {
        let arguments = [&["load"], what].concat();
        let ended = self.program.run_heard(&arguments, |_| {}, |_| {}).await;
        let ended = ended.map_err(|error| self.unstarted(&error))?;
        if ended.well {
            Ok(())
        } else {
            Err(failure::read(self.runtime, ended.said()))
        }
    }
}

fn is_version(word: &str) -> bool {
    word.strip_prefix('v')
        .is_some_and(|rest| rest.starts_with(|c: char| c.is_ascii_digit()))
}

/// Whether a version is older than [`OLDEST`]; what can't be read is taken to be new.
pub(super) fn is_too_old(version: &str) -> bool {
    let mut numbers = version
        .trim_start_matches('v')
        .split(['.', '-', '+'])
        .map_while(|part| part.parse::<u32>().ok());
    match (numbers.next(), numbers.next()) {
        (Some(major), Some(minor)) => (major, minor) < OLDEST,
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn old_versions_are_told_from_new_ones() {
        for (version, old) in [
            ("v0.20.0", true),
            ("v0.26.9", true),
            ("v0.27.0", false),
            ("v0.33.0-alpha+x", false),
            ("v1.0.0", false),
            ("", false),
        ] {
            assert_eq!(is_too_old(version), old, "{version}");
        }
    }
}
