//! Running what needs the real kubectl: fixes that are scripts, and the commands that texts show.
//!
//! A podling of this process is served on loopback for as long as the program runs. Its time then passes twenty-five times
//! as fast as on the wall, so that a script may wait (`kubectl wait`, `kubectl rollout status`).

use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus, Output, Stdio};
use std::time::{Duration, Instant};

use podling_server::{ClusterHandle, Identity, ServeOptions, write_private};

use super::ground::Door;
use crate::platform::temporary::TemporaryFolder;

/// How much cluster time passes in each [`PAUSE`].
const TICK: Duration = Duration::from_millis(50);
/// How long to wait between looks at the program, in real time.
const PAUSE: Duration = Duration::from_millis(2);

/// A cluster that kubectl can reach, with a working folder.
pub(super) struct Desk {
    folder: TemporaryFolder,
    kubectl: PathBuf,
    kubeconfig: PathBuf,
    /// Whether the cluster's time passes only when it is moved.
    virtual_time: bool,
}

/// How a program ended.
pub(super) enum End {
    /// By itself.
    Exited(Output),
    /// It still ran when its time was over; this is what it had printed.
    Cut(Output),
}

impl Desk {
    /// Opens the door and puts files into the working folder.
    pub(super) async fn set_up(door: &Door, kubectl: &Path, files: &[(&str, &str)]) -> Result<Self, String> {
        let folder =
            TemporaryFolder::new("proof").map_err(|error| format!("can't make a folder: {error}"))?;
        let kubeconfig = match door {
            Door::Podling(cluster) => serve(cluster, folder.path()).await?,
            Door::Kubeconfig(path) => path.clone(),
        };
        for (name, text) in files {
            std::fs::write(folder.path().join(name), text)
                .map_err(|error| format!("can't write {name}: {error}"))?;
        }
        Ok(Self {
            folder,
            kubectl: kubectl.to_owned(),
            kubeconfig,
            virtual_time: matches!(door, Door::Podling(_)),
        })
    }

    /// Runs a script with `sh`.
    pub(super) async fn script(&self, text: &str, limit: Duration) -> Result<End, String> {
        self.run(Command::new("sh").args(["-eu", "-c", text]), limit)
            .await
    }

    /// Runs kubectl.
    pub(super) async fn kubectl(&self, arguments: &[String], limit: Duration) -> Result<End, String> {
        self.run(Command::new(&self.kubectl).args(arguments), limit).await
    }

    async fn run(&self, command: &mut Command, limit: Duration) -> Result<End, String> {
        let root = self.folder.path();
        let own = self.kubectl.parent().unwrap_or(root).as_os_str().to_owned();
        let rest = std::env::var_os("PATH").unwrap_or_default();
        let path = std::env::join_paths(std::iter::once(own.into()).chain(std::env::split_paths(&rest)));
        // HOME stays: a cluster of the learner's own may want a program for its credentials, which looks there.
        command
            .current_dir(root)
            .env("KUBECONFIG", &self.kubeconfig)
            .env("KUBECACHEDIR", root.join("cache"))
            .env("KUBERC", "off")
            .env("KUBE_EDITOR", "true")
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        if let Ok(path) = path {
            command.env("PATH", path);
        }
        let mut child = command
            .spawn()
            .map_err(|error| format!("can't be started: {error}"))?;
        let begun = Instant::now();
        let ended: Option<ExitStatus> = loop {
            match child.try_wait().map_err(|error| error.to_string())? {
                Some(status) => break Some(status),
                None if begun.elapsed() >= limit => break None,
                None => pass(self.virtual_time).await,
            }
        };
        if ended.is_none() {
            child.kill().ok();
        }
        let output = child.wait_with_output().map_err(|error| error.to_string())?;
        Ok(if ended.is_some() {
            End::Exited(output)
        } else {
            End::Cut(output)
        })
    }
}

/// Serves a cluster, and writes the kubeconfig that leads to it into the folder.
async fn serve(cluster: &ClusterHandle, folder: &Path) -> Result<PathBuf, String> {
    let identity = Identity::create().map_err(|error| error.to_string())?;
    let endpoint = cluster
        .serve(&identity, &ServeOptions::default())
        .await
        .map_err(|error| error.to_string())?;
    let path = folder.join("kubeconfig");
    write_private(&path, &endpoint.kubeconfig).map_err(|error| error.to_string())?;
    Ok(path)
}

/// Lets a little time pass, on the wall and, where it is virtual, in the cluster. The pause is on another thread, because
/// this one serves the cluster meanwhile, and because tokio's paused time stands still as long as a blocking task runs.
async fn pass(virtual_time: bool) {
    tokio::task::spawn_blocking(|| std::thread::sleep(PAUSE))
        .await
        .ok();
    if virtual_time {
        tokio::time::advance(TICK).await;
    }
}
