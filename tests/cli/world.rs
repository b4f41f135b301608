//! A scratch home in whose PATH `kind` and `docker` (or `podman`) are stand-ins (`examples/stand_in`): the clusters are podling's.

use crate::environment::{Ended, Home};
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// A home with the stand-ins and what they made.
pub(crate) struct World {
    pub(crate) home: Home,
}

impl World {
    pub(crate) fn new() -> Self {
        Self::with_runtime("docker")
    }

    /// A world in which kind's nodes run in `runtime`.
    pub(crate) fn with_runtime(runtime: &str) -> Self {
        let home = Home::new();
        let bin = home.path("bin");
        std::fs::create_dir_all(&bin).unwrap();
        for name in ["kind", runtime] {
            std::os::unix::fs::symlink(stand_in(), bin.join(name)).unwrap();
        }
        std::fs::create_dir_all(home.path("world")).unwrap();
        Self { home }
    }

    /// Another home in the same world.
    pub(crate) fn neighbour(&self) -> Self {
        let home = Home::new();
        for name in ["bin", "world"] {
            std::os::unix::fs::symlink(self.home.path(name), home.path(name)).unwrap();
        }
        Self { home }
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.home.path("world").join(name)
    }

    fn in_world<'a>(&self, command: &'a mut Command) -> &'a mut Command {
        command
            .env("PATH", self.home.path("bin"))
            .env("STAND_IN_ROOT", self.home.path("world"))
    }

    pub(crate) fn command(&self, line: &str) -> Command {
        let mut command = self.home.command(line);
        self.in_world(&mut command);
        command
    }

    pub(crate) fn bbf(&self, line: &str) -> Ended {
        self.home.ended(self.command(line).output().unwrap())
    }

    /// `bbf` with this line, which stands still in the middle of kind's work, the container being there already.
    pub(crate) fn started_half(&self, line: &str) -> Child {
        self.fail("hang");
        let mut command = self.command(line);
        let child = command
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let pid = self.home.state("clusters/bbf-single/kind.pid");
        Self::until(|| pid.is_file() && !self.containers().is_empty());
        child
    }

    /// Runs the stand-in for `kind` or `docker`.
    pub(crate) fn stand_in(&self, line: &str) -> String {
        let (program, arguments) = line.split_once(' ').unwrap();
        let mut command = Command::new(self.home.path("bin").join(program));
        command.args(arguments.split_whitespace());
        let output = self.in_world(&mut command).output().unwrap();
        String::from_utf8(output.stdout).unwrap()
    }

    /// Breaks something in the world, or mends it.
    pub(crate) fn fail(&self, how: &str) {
        std::fs::write(self.path("fail"), how).unwrap();
    }

    /// What the stand-ins were asked so far.
    pub(crate) fn calls(&self) -> String {
        std::fs::read_to_string(self.path("calls")).unwrap_or_default()
    }

    /// The names of the containers.
    pub(crate) fn containers(&self) -> Vec<String> {
        let entries = std::fs::read_dir(self.path("containers")).into_iter().flatten();
        let mut names: Vec<String> = entries
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        names.sort();
        names
    }

    /// A cluster that someone else made, with a mark of theirs if `marked`.
    pub(crate) fn foreign_cluster(&self, name: &str, marked: bool) -> PathBuf {
        self.stand_in("docker info");
        let config = if marked {
            "node-labels: \"bbf/owner=ffffffffffffffff\""
        } else {
            "node-labels: \"\""
        };
        let node = format!("{name}-control-plane");
        let container = serde_json::json!({"name": node, "cluster": name, "running": true, "config": config});
        let path = self.path("containers").join(node);
        std::fs::write(&path, container.to_string()).unwrap();
        path
    }

    /// Waits until something is so; a child process is at work meanwhile.
    #[track_caller]
    pub(crate) fn until(mut so: impl FnMut() -> bool) {
        let begin = Instant::now();
        while !so() {
            assert!(begin.elapsed() < Duration::from_secs(60), "it never came to that");
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    /// Runs something against a cluster, with its kubeconfig.
    pub(crate) fn with_client<F: Future<Output = ()>>(
        kubeconfig: &Path,
        work: impl FnOnce(kube::Client) -> F,
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .unwrap();
        runtime.block_on(async {
            let kubeconfig = kube::config::Kubeconfig::read_from(kubeconfig).unwrap();
            let options = kube::config::KubeConfigOptions::default();
            let config = kube::Config::from_custom_kubeconfig(kubeconfig, &options)
                .await
                .unwrap();
            work(kube::Client::try_from(config).unwrap()).await;
        });
    }

    /// The kubeconfig of a kind cluster.
    pub(crate) fn kubeconfig(&self, cluster: &str) -> PathBuf {
        self.home.state("clusters").join(cluster).join("kubeconfig")
    }
}

impl Drop for World {
    fn drop(&mut self) {
        self.fail("");
        let containers = self.containers();
        let clusters = containers
            .iter()
            .filter_map(|node| node.strip_suffix("-control-plane"));
        for name in clusters {
            let mut command = Command::new(stand_in());
            command
                .arg0("kind")
                .args(["delete", "cluster", "--name", name, "--kubeconfig", "none"]);
            self.in_world(&mut command).stderr(Stdio::null()).status().ok();
        }
    }
}

/// The stand-in, which cargo builds with the tests.
fn stand_in() -> PathBuf {
    let tests = std::env::current_exe().unwrap();
    let folder = tests.parent().and_then(Path::parent).unwrap();
    let program = folder.join("examples/stand_in");
    assert!(
        program.is_file(),
        "{} is missing: cargo build --example stand_in",
        program.display()
    );
    program
}
