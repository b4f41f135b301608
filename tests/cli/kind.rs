//! The labs on a real kind, when `BBF_KIND_NODE_IMAGE` names a node image that docker has: the proofs of every lab are made
//! there, in real time, and their verdicts are held against those of the embedded cluster.

use crate::environment::{Ended, Home, skipped};
use crate::verdicts;
use std::process::Command;

/// The node image to use; `None` where there is none.
fn node_image() -> Option<String> {
    let image = std::env::var("BBF_KIND_NODE_IMAGE")
        .ok()
        .filter(|image| !image.is_empty());
    image.filter(|image| {
        let inspected = Command::new("docker").args(["image", "inspect", image]).output();
        inspected.is_ok_and(|output| output.status.success())
    })
}

/// Runs bbf with this machine's own kind, docker and kubectl.
fn bbf(home: &Home, line: &str) -> Ended {
    let mut command = home.command(line);
    for name in ["PATH", "DOCKER_HOST", "KIND_EXPERIMENTAL_PROVIDER"] {
        if let Some(value) = std::env::var_os(name) {
            command.env(name, value);
        }
    }
    home.ended(command.output().unwrap())
}

#[test]
fn every_proof_of_every_lab_gets_the_verdict_of_the_embedded_cluster() {
    let Some(image) = node_image() else {
        skipped("BBF_KIND_NODE_IMAGE names no image that docker has; no lab was run on a real kind");
        return;
    };
    let home = Home::new();
    let real = bbf(
        &home,
        &format!("lab test --all --output json --cluster kind --node-image {image}"),
    );
    for cluster in bbf(&home, "cluster list --output json").code(0).json()["clusters"]
        .as_array()
        .unwrap()
    {
        bbf(
            &home,
            &format!("cluster delete {}", cluster["name"].as_str().unwrap()),
        )
        .code(0);
    }
    let embedded = bbf(&home, "lab test --all --output json").code(0).json();
    verdicts::agree(&real.json(), &embedded);
    real.code(0);
}
