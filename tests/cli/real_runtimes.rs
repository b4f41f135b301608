//! What bbf says and leaves alone on a real Docker or Podman with a real kind: what fails, what is listed, what is someone
//! else's. No node image is needed. Skipped, and said loudly, where the runtime does not run or kind is not installed.

use crate::environment::{Ended, Home, skipped};
use std::io::Write as _;
use std::process::{Command, Stdio};

/// An address that can't be: the domain is reserved for that.
const NO_IMAGE: &str = "registry.invalid/node:1";
const START: &str = "lab start ch07-readiness --cluster kind --no-live";
const NODE: &str = "bbf-single-control-plane";

/// A container runtime that is installed on this machine.
#[derive(Clone, Copy)]
struct Runtime(&'static str);

impl Runtime {
    /// Runs it; what it printed, if it ended well.
    fn run(self, arguments: &[&str]) -> Option<String> {
        let output = Command::new(self.0)
            .args(arguments)
            .stderr(Stdio::null())
            .output()
            .ok()?;
        output
            .status
            .success()
            .then(|| String::from_utf8_lossy(&output.stdout).trim().to_owned())
    }

    /// Whether it runs, kind is there, and no cluster of a learner is in the way; if not, that is said.
    fn can_be_tried(self) -> bool {
        let kind = Command::new("kind").arg("version").output().is_ok();
        let free = self
            .run(&["ps", "--all", "--format", "{{.Names}}"])
            .is_some_and(|names| !names.lines().any(|it| it == NODE));
        if !(kind && free) {
            skipped(&format!(
                "{} does not run, kind is not installed, or a cluster bbf-single is in the way",
                self.0
            ));
        }
        kind && free
    }

    /// Runs bbf on it.
    fn bbf(self, home: &Home, line: &str) -> Ended {
        home.ended(self.command(home, line).output().unwrap())
    }

    fn command(self, home: &Home, line: &str) -> Command {
        let mut command = home.command(line);
        command
            .env("PATH", std::env::var_os("PATH").unwrap_or_default())
            .env("KIND_EXPERIMENTAL_PROVIDER", self.0);
        if let Some(host) = std::env::var_os("DOCKER_HOST") {
            command.env("DOCKER_HOST", host);
        }
        command
    }
}

/// A container that looks to kind like the node of a cluster; removed in the end.
struct Node {
    runtime: Runtime,
    image: String,
}

impl Node {
    fn make(runtime: Runtime) -> Self {
        let mut import = Command::new(runtime.0)
            .args(["import", "-"])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        // The end of an archive: an image without a file in it.
        import.stdin.take().unwrap().write_all(&[0; 1024]).unwrap();
        let image = String::from_utf8(import.wait_with_output().unwrap().stdout).unwrap();
        let node = Self {
            runtime,
            image: image.trim().to_owned(),
        };
        let cluster = "io.x-k8s.kind.cluster=bbf-single";
        let role = "io.x-k8s.kind.role=control-plane";
        let labelled = ["create", "--name", NODE, "--label", cluster, "--label", role];
        runtime
            .run(&[&labelled[..], &[&node.image, "/none"]].concat())
            .unwrap();
        node
    }
}

impl Drop for Node {
    fn drop(&mut self) {
        self.runtime.run(&["rm", "--force", NODE]);
        self.runtime.run(&["rmi", &self.image]);
    }
}

/// What can't be had fails with a clear message, and nothing stays.
fn is_understood(runtime: Runtime, home: &Home) {
    let report = runtime.bbf(home, "doctor").code(0);
    let named = format!("✓ {} ", runtime.0);
    assert!(
        report.stdout.contains("✓ kind: v0.") && report.stdout.contains(&named),
        "{report:?}"
    );
    let failed = runtime
        .bbf(home, &format!("{START} --node-image {NO_IMAGE}"))
        .code(3);
    for told in [
        "✗ Ensuring node image (registry.invalid/node:1)",
        "registry can't be reached",
        "no such host",
    ] {
        assert!(failed.stderr.contains(told), "{failed:?}");
    }
    let named = format!("name={NODE}");
    let left = runtime.run(&["ps", "--all", "--quiet", "--filter", &named]);
    assert_eq!(left.as_deref(), Some(""));
    let saved = runtime
        .bbf(
            home,
            &format!("images save x.tar ch07-readiness --node-image {NO_IMAGE}"),
        )
        .code(3);
    assert!(
        saved.stderr.contains("registry can't be reached") && !home.path("x.tar").exists(),
        "{saved:?}"
    );
}

/// A cluster that someone else made is left alone; the same with this home's mark is bbf's own, although nothing is recorded.
fn own_is_told_from_foreign(runtime: Runtime, home: &Home) {
    let node = Node::make(runtime);
    let before = runtime.run(&["inspect", NODE]).unwrap();
    let refused = runtime.bbf(home, START).code(3);
    assert!(refused.stderr.contains("It is left alone"), "{refused:?}");
    runtime.bbf(home, "cluster delete bbf-single").code(2);
    assert_eq!(runtime.run(&["inspect", NODE]).unwrap(), before);

    let mark = home.path("kind");
    std::fs::create_dir_all(&mark).unwrap();
    let owner = bbf::cluster::owner::id(&home.state(""));
    let config = format!("node-labels: \"bbf/owner={owner}\"\n");
    std::fs::write(mark.join("kubeadm.conf"), config).unwrap();
    let folder = mark.display().to_string();
    runtime.run(&["cp", &folder, &format!("{NODE}:/")]).unwrap();
    let list = runtime.bbf(home, "cluster list").code(0);
    assert!(
        list.stdout.contains("bbf-single") && list.stdout.contains("not recorded"),
        "{list:?}"
    );
    runtime.bbf(home, "cluster delete bbf-single").code(0);
    assert_eq!(runtime.run(&["inspect", NODE]), None);
    drop(node);
}

#[test]
fn a_real_docker_and_a_real_kind_are_understood() {
    let (docker, home) = (Runtime("docker"), Home::new());
    if !docker.can_be_tried() {
        return;
    }
    is_understood(docker, &home);
    let mut command = docker.command(&home, START);
    command.env("DOCKER_HOST", "unix:///nonexistent/docker.sock");
    let down = home.ended(command.output().unwrap()).code(3);
    assert!(down.stderr.contains("docker is not running"), "{down:?}");
    own_is_told_from_foreign(docker, &home);
    assert!(!home.path(".kube").exists());
}

#[test]
fn a_real_podman_and_a_real_kind_are_understood() {
    let (podman, home) = (Runtime("podman"), Home::new());
    if !podman.can_be_tried() {
        return;
    }
    is_understood(podman, &home);
    own_is_told_from_foreign(podman, &home);
    assert!(!home.path(".kube").exists());
}
