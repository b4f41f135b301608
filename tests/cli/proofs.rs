//! Proofs of labs on clusters whose time is the wall's: `bbf lab test --cluster …`.

use crate::environment::{Home, QUICK, kill};
use crate::existing::Class;
use crate::verdicts;
use crate::world::World;
use std::process::Stdio;

/// Proves the lab with the short windows.
fn quick(how: &str) -> String {
    format!("--labs {QUICK} lab test quick-probe --output json {how}")
}

#[test]
fn on_kind_each_attempt_gets_a_clean_cluster_and_the_verdict_of_the_embedded_one() {
    let world = World::new();
    let there = world.bbf(&quick("--cluster kind --watch 4s")).code(0);
    let here = Home::new().bbf(&quick("")).code(0).json();
    verdicts::agree(&there.json(), &here);
    assert_eq!(
        world.calls().matches("kind create cluster").count(),
        1,
        "it is swept, not made anew"
    );
    for told in [
        "quick-probe: break is shown",
        "quick-probe: wrong no-probe is shown",
    ] {
        assert!(there.stderr.contains(told), "{there:?}");
    }
}

#[test]
fn on_a_cluster_that_is_there_nothing_of_it_stays() {
    let class = Class::new();
    let proof = class
        .learner
        .bbf(&quick("--cluster existing --context class --watch 4s"))
        .code(0);
    let here = Home::new().bbf(&quick("")).code(0).json();
    verdicts::agree(&proof.json(), &here);
    assert!(class.namespaces().is_empty());
}

#[test]
fn a_lab_that_is_running_on_the_cluster_is_not_swept_away() {
    let world = World::new();
    world
        .bbf("lab start ch07-readiness --cluster kind --no-live")
        .code(0);
    let refused = world.bbf(&quick("--cluster kind")).code(2);
    assert!(
        refused.stderr.contains("bbf lab stop ch07-readiness"),
        "{refused:?}"
    );
    world.bbf("lab check --timeout 1").code(1);
}

#[test]
fn ctrl_c_puts_the_lab_away_and_the_next_command_works() {
    let world = World::new();
    let mut command = world.command(&quick("--cluster kind"));
    let child = command
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    World::until(|| {
        world.calls().contains("kind create cluster") && world.kubeconfig("bbf-single").is_file()
    });
    let blocked = world
        .bbf("lab start ch07-readiness --cluster kind --no-live")
        .code(3);
    assert!(blocked.stderr.contains("bbf lab test"), "{blocked:?}");
    for line in ["cluster delete bbf-single", "cluster stop bbf-single"] {
        let refused = world.bbf(line).code(3);
        assert!(refused.stderr.contains("bbf lab test"), "{line}: {refused:?}");
    }
    kill("-INT", child.id());
    let ended = world.home.ended(child.wait_with_output().unwrap()).code(3);
    assert!(ended.stderr.contains("Nothing half made"), "{ended:?}");
    world
        .bbf("lab start ch07-readiness --cluster kind --no-live")
        .code(0);
}

#[test]
fn without_docker_it_is_the_environment_that_fails_and_not_the_lab() {
    let world = World::new();
    world.fail("docker-down");
    let failed = world.bbf(&quick("--cluster kind")).code(3);
    assert!(failed.stderr.contains("docker is not running"), "{failed:?}");
}
