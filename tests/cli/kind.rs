//! The labs on a real kind, when `BBF_KIND_NODE_IMAGE` names a node image that docker has. Their verdicts are held against
//! those of the embedded cluster.

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

#[test]
fn every_lab_gets_the_verdicts_of_the_embedded_cluster() {
    let Some(image) = node_image() else {
        skipped("BBF_KIND_NODE_IMAGE names no image that docker has; no lab was run on a real kind");
        return;
    };
    let (kind, embedded) = (Home::new(), Home::new());
    let on_kind = |line: &str| -> Ended {
        let mut command = kind.command(line);
        for name in ["PATH", "DOCKER_HOST", "KIND_EXPERIMENTAL_PROVIDER"] {
            if let Some(value) = std::env::var_os(name) {
                command.env(name, value);
            }
        }
        kind.ended(command.output().unwrap())
    };
    let place = format!("--cluster kind --node-image {image}");
    for lab in verdicts::labs(&on_kind) {
        let real = verdicts::of_break_and_solution(&on_kind, &kind.path("bbf"), &lab, &place);
        let bbf = |line: &str| embedded.bbf(line);
        let ours = verdicts::of_break_and_solution(&bbf, &embedded.path("bbf"), &lab, "--cluster embedded");
        assert_eq!(real, ours, "{lab}");
    }
    for cluster in on_kind("cluster list --output json").code(0).json()["clusters"]
        .as_array()
        .unwrap()
    {
        on_kind(&format!("cluster delete {}", cluster["name"].as_str().unwrap())).code(0);
    }
}
