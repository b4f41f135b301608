//! What bbf says and leaves alone on a real Docker with a real kind: what fails, what is listed, what is someone else's. No
//! node image is needed. Skipped, and said loudly, where docker does not run or kind is not installed.

use crate::environment::{Ended, Home, skipped};
use std::io::Write as _;
use std::process::{Command, Stdio};

/// An address that can't be: the domain is reserved for that.
const NO_IMAGE: &str = "registry.invalid/node:1";
const START: &str = "lab start ch07-readiness --cluster kind --no-live";
const NODE: &str = "bbf-single-control-plane";

fn docker(arguments: &[&str]) -> Option<String> {
    let output = Command::new("docker")
        .args(arguments)
        .stderr(Stdio::null())
        .output()
        .ok()?;
    output
        .status
        .success()
        .then(|| String::from_utf8_lossy(&output.stdout).trim().to_owned())
}

/// Whether docker and kind are there, and no cluster of a learner is in the way.
fn is_there() -> bool {
    let kind = Command::new("kind").arg("version").output().is_ok();
    let free = docker(&["ps", "--all", "--format", "{{.Names}}"])
        .is_some_and(|names| !names.lines().any(|it| it == NODE));
    kind && free
}

fn bbf(home: &Home, line: &str, docker_host: Option<&str>) -> Ended {
    let mut command = home.command(line);
    command.env("PATH", std::env::var_os("PATH").unwrap_or_default());
    let host = docker_host
        .map(Into::into)
        .or_else(|| std::env::var_os("DOCKER_HOST"));
    if let Some(host) = host {
        command.env("DOCKER_HOST", host);
    }
    home.ended(command.output().unwrap())
}

/// A container that looks to kind like the node of a cluster; removed in the end.
struct Node {
    image: String,
}

impl Node {
    fn make() -> Self {
        let mut import = Command::new("docker")
            .args(["import", "-"])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        // The end of an archive: an image without a file in it.
        import.stdin.take().unwrap().write_all(&[0; 1024]).unwrap();
        let image = String::from_utf8(import.wait_with_output().unwrap().stdout).unwrap();
        let node = Self {
            image: image.trim().to_owned(),
        };
        let labels = [
            "io.x-k8s.kind.cluster=bbf-single",
            "io.x-k8s.kind.role=control-plane",
        ];
        docker(&[
            "create",
            "--name",
            NODE,
            "--label",
            labels[0],
            "--label",
            labels[1],
            &node.image,
            "/none",
        ])
        .unwrap();
        node
    }
}

impl Drop for Node {
    fn drop(&mut self) {
        docker(&["rm", "--force", NODE]);
        docker(&["rmi", &self.image]);
    }
}

#[test]
fn a_real_docker_and_a_real_kind_are_understood() {
    if !is_there() {
        skipped("docker does not run, kind is not installed, or a cluster bbf-single is in the way");
        return;
    }
    let home = Home::new();
    let report = bbf(&home, "doctor", None).code(0);
    assert!(
        report.stdout.contains("✓ kind: v0.") && report.stdout.contains("✓ docker "),
        "{report:?}"
    );

    let failed = bbf(&home, &format!("{START} --node-image {NO_IMAGE}"), None).code(3);
    assert!(
        failed
            .stderr
            .contains("✗ Ensuring node image (registry.invalid/node:1)"),
        "{failed:?}"
    );
    assert!(failed.stderr.contains("registry can't be reached"), "{failed:?}");
    assert_eq!(
        docker(&["ps", "--all", "--quiet", "--filter", &format!("name={NODE}")]).as_deref(),
        Some("")
    );
    let saved = bbf(
        &home,
        &format!("images save x.tar ch07-readiness --node-image {NO_IMAGE}"),
        None,
    )
    .code(3);
    assert!(
        saved.stderr.contains("registry can't be reached") && !home.path("x.tar").exists(),
        "{saved:?}"
    );

    let down = bbf(&home, START, Some("unix:///nonexistent/docker.sock")).code(3);
    assert!(down.stderr.contains("docker is not running"), "{down:?}");

    let node = Node::make();
    let before = docker(&["inspect", NODE]).unwrap();
    let refused = bbf(&home, START, None).code(3);
    assert!(refused.stderr.contains("It is left alone"), "{refused:?}");
    bbf(&home, "cluster delete bbf-single", None).code(2);
    assert_eq!(docker(&["inspect", NODE]).unwrap(), before);

    // The same container with the mark of this home is bbf's own, although nothing is recorded.
    let mark = home.path("kind");
    std::fs::create_dir_all(&mark).unwrap();
    let owner = bbf::cluster::owner::id(&home.state(""));
    std::fs::write(
        mark.join("kubeadm.conf"),
        format!("node-labels: \"bbf/owner={owner}\"\n"),
    )
    .unwrap();
    docker(&["cp", &mark.display().to_string(), &format!("{NODE}:/")]).unwrap();
    let list = bbf(&home, "cluster list", None).code(0);
    assert!(
        list.stdout.contains("bbf-single") && list.stdout.contains("not recorded"),
        "{list:?}"
    );
    bbf(&home, "cluster delete bbf-single", None).code(0);
    assert_eq!(docker(&["inspect", NODE]), None);
    drop(node);
    assert!(!home.path(".kube").exists());
}
