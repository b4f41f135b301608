//! Several bbf, or a bbf and someone else, at work on the same kind clusters at once, through the stand-in.

use crate::environment::kill;
use crate::world::World;
use bbf::platform::lock::Lock;
use k8s_openapi::api::core::v1::ConfigMap;
use kube::api::{Api, PostParams};
use serde_json::json;
use std::process::Stdio;

const START: &str = "lab start ch07-readiness --cluster kind --no-live";

#[test]
fn of_two_learners_on_one_docker_the_second_is_told_and_nothing_of_the_first_is_touched() {
    let world = World::new();
    world.bbf(START).code(0);
    let neighbour = world.neighbour();
    let refused = neighbour.bbf(START).code(3);
    assert!(
        refused.stderr.contains("bbf-single that this bbf did not make"),
        "{refused:?}"
    );
    neighbour.bbf("cluster delete bbf-single").code(2);
    assert!(
        !neighbour
            .bbf("cluster list")
            .code(0)
            .stdout
            .contains("bbf-single")
    );
    world.bbf("lab check --timeout 1").code(1);
    assert_eq!(world.containers(), ["bbf-single-control-plane"]);
}

#[test]
fn of_two_commands_at_once_one_makes_the_cluster() {
    let world = World::new();
    let run = |line: &str| {
        let mut command = world.command(line);
        command
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap()
    };
    let children = [
        run("cluster prepare ch07-readiness"),
        run("cluster prepare ch07-liveness"),
        run(START),
    ];
    let ended = children.map(|child| world.home.ended(child.wait_with_output().unwrap()));
    assert_eq!(
        world.calls().matches("kind create cluster").count(),
        1,
        "{ended:#?}"
    );
    assert!(ended.iter().any(|it| it.code == 0), "{ended:#?}");
    for it in &ended {
        assert!(
            it.code == 0 || it.stderr.contains("Another bbf is at work on bbf-single"),
            "{it:#?}"
        );
    }
    world.bbf(START).code(0);
}

#[test]
fn a_cluster_that_another_bbf_is_making_is_not_taken_for_gone_nor_for_foreign() {
    let world = World::new();
    let mut child = world.started_half(START);
    for line in [
        "cluster start bbf-single",
        "cluster stop bbf-single",
        "cluster delete bbf-single",
        "cluster prepare ch07-readiness",
    ] {
        let ended = world.bbf(line).code(3);
        assert!(
            ended.stderr.contains("Another bbf is at work"),
            "{line}: {ended:?}"
        );
    }
    kill("-INT", child.id());
    child.wait().unwrap();
    assert!(world.containers().is_empty());
}

#[test]
fn prepare_makes_what_a_killed_start_left_half_made_and_touches_no_lab() {
    let world = World::new();
    let mut child = world.started_half(START);
    kill("-KILL", child.id());
    child.wait().unwrap();
    world.fail("");
    world.bbf("cluster prepare ch07-readiness").code(0);
    world.bbf(START).code(0);
    let broken = world.bbf("lab check --timeout 1").code(1);
    world.bbf("cluster prepare ch07-readiness").code(0);
    let still = world.bbf("lab check --timeout 1").code(1);
    assert_eq!(broken.stdout.lines().next(), still.stdout.lines().next());
    assert_eq!(world.calls().matches("kind create cluster").count(), 2);

    world.stand_in("kind delete cluster --name bbf-single --kubeconfig none");
    let gone = world.bbf("cluster prepare ch07-readiness").code(3);
    assert!(gone.stderr.contains("bbf-single is gone"), "{gone:?}");
}

#[test]
fn a_cluster_that_someone_else_was_faster_with_is_left_alone_though_it_has_no_mark_yet() {
    let world = World::new();
    world.fail("overtaken");
    let refused = world.bbf(START).code(3);
    assert!(refused.stderr.contains("It is left alone"), "{refused:?}");
    assert_eq!(world.containers(), ["bbf-single-control-plane"]);
    assert!(!world.calls().contains("kind delete"), "{}", world.calls());
    world.fail("");
    world.bbf("cluster delete bbf-single").code(2);
}

#[test]
fn the_lock_of_a_killed_kind_stops_no_later_one() {
    let world = World::new();
    let lock = world.home.state("clusters/bbf-single/kubeconfig.lock");
    std::fs::create_dir_all(lock.parent().unwrap()).unwrap();
    for line in [START, "lab stop", "cluster delete bbf-single"] {
        std::fs::write(&lock, "").unwrap();
        world.bbf(line).code(0);
    }
    assert!(world.containers().is_empty());
}

#[test]
fn what_a_lab_at_work_counts_on_is_not_swept_away_by_prepare() {
    let world = World::new();
    world.bbf("cluster prepare ch07-readiness").code(0);
    let kubeconfig = world.kubeconfig("bbf-single");
    World::with_client(&kubeconfig, |client| async move {
        let map = serde_json::from_value(json!({"metadata": {"name": "counted-on"}})).unwrap();
        let maps: Api<ConfigMap> = Api::default_namespaced(client);
        maps.create(&PostParams::default(), &map).await.unwrap();
    });
    let is_there = || {
        let mut there = false;
        World::with_client(&kubeconfig, |client| {
            let there = &mut there;
            async move {
                let maps: Api<ConfigMap> = Api::default_namespaced(client);
                *there = maps.get_opt("counted-on").await.unwrap().is_some();
            }
        });
        there
    };
    // As `bbf lab test` does, which has no lab at hand.
    let at_work = Lock::take(&world.home.state("bbf.lock"), "bbf lab test").unwrap();
    world.bbf("cluster prepare ch07-readiness").code(0);
    assert!(is_there());
    drop(at_work);
    world.bbf("cluster prepare ch07-readiness").code(0);
    assert!(!is_there());
}
