//! Labs on kind, through a stand-in for kind and docker: every step of the provider, and what happens when something fails.

use crate::environment::{edit, kill};
use crate::verdicts;
use crate::world::World;
use k8s_openapi::api::core::v1::{ConfigMap, Namespace, Node, ServiceAccount};
use kube::api::{Api, Patch, PatchParams, PostParams};
use serde_json::json;
use std::process::Stdio;

const START: &str = "lab start ch07-readiness --cluster kind --no-live";
const OTHER: &str = "lab start ch07-liveness --cluster kind --no-live";

fn fix(world: &World) {
    let manifest = world.home.path("bbf/ch07-readiness/pod-readiness.yaml");
    edit(
        &manifest,
        "image: blux2/delayfailserver:1.1",
        "image: blux2/hello-server:2.0",
    );
}

#[test]
fn a_lab_is_played_on_kind_without_being_told_again_where() {
    let world = World::new();
    let users = world.home.path(".kube/config");
    std::fs::create_dir_all(users.parent().unwrap()).unwrap();
    std::fs::write(&users, "the learner's own\n").unwrap();
    let foreign = world.foreign_cluster("work", false);
    let before = std::fs::read(&foreign).unwrap();

    let mut command = world.command(START);
    command.env("KUBECONFIG", &users);
    let started = world.home.ended(command.output().unwrap()).code(0);
    for told in [
        "Preparing nodes",
        "Starting control-plane",
        "Images come from a registry",
        "no undo",
    ] {
        assert!(started.stderr.contains(told), "{told}: {started:?}");
    }
    let kubeconfig = world.kubeconfig("bbf-single");
    assert!(
        started.stdout.contains("Task") && kubeconfig.is_file(),
        "{started:?}"
    );

    world.bbf("lab check --timeout 1").code(1);
    let list = world.bbf("cluster list").code(0);
    assert!(
        list.stdout.contains("bbf-single") && list.stdout.contains("running"),
        "{list:?}"
    );
    assert!(
        world
            .bbf("cluster kubeconfig")
            .code(0)
            .stdout
            .contains("kind-bbf-single")
    );
    fix(&world);
    let status = world.bbf("lab status --output json").code(0);
    assert!(status.stderr.contains("Applied pod-readiness.yaml"), "{status:?}");
    assert_eq!(status.json()["place"]["provider"], "kind");
    assert!(
        world
            .bbf("lab start ch07-readiness")
            .code(0)
            .stderr
            .contains("already running")
    );
    let elsewhere = world.bbf("lab start ch07-readiness --cluster embedded").code(2);
    assert!(
        elsewhere.stderr.contains("already runs on the kind cluster"),
        "{elsewhere:?}"
    );
    let busy = world.bbf("cluster delete bbf-single").code(2);
    assert!(busy.stderr.contains("bbf lab stop ch07-readiness"), "{busy:?}");
    let reset = world.bbf("lab reset").code(0);
    assert!(reset.stderr.contains("pod-readiness.yaml.before-1"), "{reset:?}");
    world.bbf("lab stop").code(0);
    world.bbf("cluster delete bbf-single").code(0);

    assert_eq!(world.containers(), ["work-control-plane"]);
    assert_eq!(
        std::fs::read(&foreign).unwrap(),
        before,
        "a foreign cluster is left alone"
    );
    assert_eq!(std::fs::read_to_string(&users).unwrap(), "the learner's own\n");
    assert_eq!(std::fs::read_dir(users.parent().unwrap()).unwrap().count(), 1);
    assert!(
        !world.calls().contains("KUBECONFIG=/"),
        "kind never learns of the learner's kubeconfig"
    );
}

#[test]
fn every_lab_is_solved_on_kind() {
    let labs = verdicts::labs(&|line| World::new().bbf(line));
    let verdicts = |lab: &String| {
        let world = World::new();
        let work = world.home.path("bbf");
        verdicts::of_break_and_solution(&|line| world.bbf(line), &work, lab, "--cluster kind")
    };
    std::thread::scope(|scope| {
        let threads: Vec<_> = labs
            .iter()
            .map(|lab| (lab, scope.spawn(move || verdicts(lab))))
            .collect();
        for (lab, thread) in threads {
            assert_eq!(thread.join().unwrap(), [1, 0], "{lab}");
        }
    });
}

#[test]
fn a_cluster_is_used_again_once_it_is_swept_clean() {
    let world = World::new();
    world.bbf(START).code(0);
    World::with_client(&world.kubeconfig("bbf-single"), |client| async move {
        let object = |name: &str| json!({"metadata": {"name": name}});
        let namespaces: Api<Namespace> = Api::all(client.clone());
        let made = serde_json::from_value(object("left-over")).unwrap();
        namespaces.create(&PostParams::default(), &made).await.unwrap();
        let maps: Api<ConfigMap> = Api::default_namespaced(client.clone());
        let held = json!({"metadata": {"name": "held", "finalizers": ["example.com/nobody"]}});
        for map in [object("left-over"), held] {
            maps.create(&PostParams::default(), &serde_json::from_value(map).unwrap())
                .await
                .unwrap();
        }
        let nodes: Api<Node> = Api::all(client);
        let patch = json!({"metadata": {"labels": {"left": "over"}}, "spec": {"unschedulable": true,
            "taints": [{"key": "left", "effect": "NoSchedule"}]}});
        let node = "bbf-single-control-plane";
        nodes
            .patch(node, &PatchParams::default(), &Patch::Merge(patch))
            .await
            .unwrap();
    });
    world.bbf("lab stop").code(0);
    let started = world.bbf(OTHER).code(0);
    assert!(
        started.stderr.contains("proving that nothing is left"),
        "{started:?}"
    );
    World::with_client(&world.kubeconfig("bbf-single"), |client| async move {
        let maps: Api<ConfigMap> = Api::default_namespaced(client.clone());
        for name in ["left-over", "held"] {
            assert!(maps.get_opt(name).await.unwrap().is_none(), "{name}");
        }
        let namespaces: Api<Namespace> = Api::all(client.clone());
        assert!(namespaces.get_opt("left-over").await.unwrap().is_none());
        let node = Api::<Node>::all(client)
            .get("bbf-single-control-plane")
            .await
            .unwrap();
        assert!(!node.metadata.labels.unwrap().contains_key("left"));
        let spec = node.spec.unwrap_or_default();
        assert!(spec.unschedulable.is_none() && spec.taints.unwrap_or_default().is_empty());
    });
    assert_eq!(
        world.calls().matches("kind create cluster").count(),
        1,
        "{}",
        world.calls()
    );
}

#[test]
fn a_cluster_that_cannot_be_swept_clean_is_made_anew() {
    let world = World::new();
    world.bbf(START).code(0);
    World::with_client(&world.kubeconfig("bbf-single"), |client| async move {
        let accounts: Api<ServiceAccount> = Api::default_namespaced(client);
        let patch = json!({"metadata": {"labels": {"changed": "by-hand"}}});
        accounts
            .patch("default", &PatchParams::default(), &Patch::Merge(patch))
            .await
            .unwrap();
    });
    let reset = world.bbf("lab reset").code(0);
    assert!(
        reset.stderr.contains("made anew") && reset.stderr.contains("ServiceAccount/default/default"),
        "{reset:?}"
    );
    assert_eq!(
        world.calls().matches("kind create cluster").count(),
        2,
        "{}",
        world.calls()
    );
    world.bbf("lab check --timeout 1").code(1);
}

#[test]
fn ctrl_c_in_the_middle_leaves_nothing_half_made() {
    let world = World::new();
    world.fail("hang");
    let mut command = world.command(START);
    let child = command
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    World::until(|| !world.containers().is_empty());
    kill("-INT", child.id());
    let ended = world.home.ended(child.wait_with_output().unwrap()).code(3);
    assert!(ended.stderr.contains("Nothing half made"), "{ended:?}");
    assert!(world.containers().is_empty());
    assert!(
        world
            .bbf("cluster list")
            .code(0)
            .stderr
            .contains("There is no cluster")
    );
    world.fail("");
    world.bbf(START).code(0);
}

#[test]
fn a_kind_that_is_killed_in_the_middle_leaves_nothing_half_made() {
    let world = World::new();
    world.fail("hang");
    let mut command = world.command(START);
    let child = command
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let pid = world.home.state("clusters/bbf-single/kind.pid");
    World::until(|| pid.is_file() && !world.containers().is_empty());
    kill(
        "-KILL",
        std::fs::read_to_string(&pid).unwrap().trim().parse().unwrap(),
    );
    let ended = world.home.ended(child.wait_with_output().unwrap()).code(3);
    assert!(
        ended.stderr.contains("kind could not make the cluster") && ended.stderr.contains("kind.log"),
        "{ended:?}"
    );
    assert!(world.containers().is_empty());
    world.fail("");
    world.bbf(START).code(0);
}

#[test]
fn what_a_killed_command_left_is_removed_by_the_next() {
    let world = World::new();
    let mut child = world.started_half(START);
    let pid = world.home.state("clusters/bbf-single/kind.pid");
    kill("-KILL", child.id());
    child.wait().unwrap();
    let orphan: u32 = std::fs::read_to_string(&pid).unwrap().trim().parse().unwrap();
    world.fail("");
    let started = world.bbf("lab start ch07-readiness --no-live").code(0);
    for told in [
        "last start was interrupted",
        "interrupted command left of bbf-single",
    ] {
        assert!(started.stderr.contains(told), "{told}: {started:?}");
    }
    assert!(
        std::fs::read(format!("/proc/{orphan}/cmdline")).is_ok_and(|it| it.is_empty())
            || !std::path::Path::new(&format!("/proc/{orphan}")).exists()
    );
    assert_eq!(world.containers(), ["bbf-single-control-plane"]);
    world.bbf("lab check --timeout 1").code(1);
}

#[test]
fn a_cluster_that_is_broken_beyond_a_sweep_holds_no_learner_and_is_made_anew() {
    let world = World::new();
    world.bbf(START).code(0);
    // Its API server is gone, though docker says that its node runs.
    let server = std::fs::read_to_string(world.path("clusters/bbf-single/server.lock")).unwrap();
    kill("-KILL", server.split(' ').next().unwrap().parse().unwrap());
    let stopped = world.bbf("lab stop").code(0);
    assert!(stopped.stderr.contains("can't be reached now"), "{stopped:?}");
    // What leads to it is damaged besides, so that nothing is waited for.
    std::fs::write(world.kubeconfig("bbf-single"), "nonsense").unwrap();
    let started = world.bbf(OTHER).code(0);
    assert!(started.stderr.contains("made anew"), "{started:?}");
    world.bbf("lab check --timeout 1").code(1);
    assert_eq!(world.calls().matches("kind create cluster").count(), 2);
}

#[test]
fn foreign_clusters_are_refused() {
    for marked in [true, false] {
        let world = World::new();
        let foreign = world.foreign_cluster("bbf-single", marked);
        let before = std::fs::read(&foreign).unwrap();
        let refused = world.bbf(START).code(3);
        for told in ["It is left alone", "kind delete cluster --name bbf-single"] {
            assert!(refused.stderr.contains(told), "{refused:?}");
        }
        world.bbf("lab stop").code(0);
        world.bbf("cluster delete bbf-single").code(2);
        world.bbf("cluster stop bbf-single").code(2);
        assert_eq!(std::fs::read(&foreign).unwrap(), before);
        let calls = world.calls();
        for touched in ["kind delete", "docker stop", "docker start", "kind create"] {
            assert!(!calls.contains(touched), "{calls}");
        }
    }
}

#[test]
fn a_cluster_that_the_learner_deleted_is_told_and_made_again() {
    let world = World::new();
    world.bbf(START).code(0);
    world.stand_in("kind delete cluster --name bbf-single --kubeconfig none");
    let check = world.bbf("lab check --timeout 1").code(3);
    assert!(
        check.stderr.contains("bbf-single is gone") && check.stderr.contains("bbf lab reset"),
        "{check:?}"
    );
    assert!(world.bbf("cluster list").code(0).stdout.contains("gone"));
    world.bbf("lab reset").code(0);
    world.bbf("lab check --timeout 1").code(1);
}

#[test]
fn nodes_that_were_stopped_are_started_again() {
    let world = World::new();
    world.bbf(START).code(0);
    world.bbf("cluster stop").code(0);
    assert!(
        world
            .bbf("cluster stop")
            .code(0)
            .stdout
            .contains("was not running")
    );
    assert!(world.bbf("cluster list").code(0).stdout.contains("stopped"));
    let status = world.bbf("lab status").code(0);
    assert!(status.stderr.contains("brought back"), "{status:?}");
    world.bbf("cluster stop bbf-single").code(0);
    world.bbf("cluster start bbf-single").code(0);
}

#[test]
fn clusters_are_known_by_their_mark_after_the_state_folder_was_lost() {
    let world = World::new();
    world.bbf(START).code(0);
    std::fs::remove_dir_all(world.home.state("")).unwrap();
    let list = world.bbf("cluster list").code(0);
    assert!(
        list.stdout.contains("bbf-single") && list.stdout.contains("not recorded"),
        "{list:?}"
    );
    world.bbf("cluster delete bbf-single").code(0);
    assert!(world.containers().is_empty());

    world.bbf(START).code(0);
    std::fs::remove_dir_all(world.home.state("")).unwrap();
    world.bbf(OTHER).code(0);
    world.bbf("lab check --timeout 1").code(1);
}

#[test]
fn what_is_broken_is_told_nothing_half_made_stays_and_the_next_command_works() {
    let world = World::new();
    for (broken, told, next) in [
        (
            "docker-down",
            "docker is not running",
            "sudo systemctl start docker",
        ),
        ("no-network", "registry can't be reached", "bbf images save"),
        ("disk-full", "no room left", "docker system df"),
        ("port-taken", "Port 30599", "lsof -i :30599"),
        ("old-kind", "v0.20.0", "kind.sigs.k8s.io"),
    ] {
        world.fail(broken);
        let failed = world.bbf(START).code(3);
        assert!(
            failed.stderr.contains(told) && failed.stderr.contains(next),
            "{broken}: {failed:?}"
        );
        world.fail("");
        assert!(world.containers().is_empty(), "{broken}");
        assert!(world.bbf("lab stop").code(0).stdout.contains("No lab is running"));
    }
    world.fail("docker-down");
    world.bbf(START).code(3);
    world
        .bbf("lab start ch07-readiness --cluster embedded --no-live")
        .code(0);
    world.bbf("lab stop").code(0);
    world.fail("");
    world.bbf(START).code(0);
    world.fail("docker-down");
    let check = world.bbf("lab check --timeout 1").code(3);
    assert!(check.stderr.contains("docker is not running"), "{check:?}");
    let japanese = world.bbf("lab check --timeout 1 --lang ja").code(3);
    assert!(
        japanese.stderr.contains("docker が動作していません"),
        "{japanese:?}"
    );
    assert!(world.bbf("cluster list").code(0).stdout.contains("unknown"));
    let stopped = world.bbf("lab stop").code(0);
    assert!(stopped.stderr.contains("can't be reached now"), "{stopped:?}");
    world.fail("");
    world.bbf(OTHER).code(0);
}

#[test]
fn without_the_programs_it_says_what_to_install() {
    let world = World::new();
    for (gone, told) in [
        ("kind", "kind is not installed"),
        ("docker", "none of them is installed"),
    ] {
        std::fs::remove_file(world.home.path("bin").join(gone)).unwrap();
        let failed = world.bbf(START).code(3);
        assert!(
            failed.stderr.contains(told) && failed.stderr.contains("--cluster embedded"),
            "{failed:?}"
        );
        let report = world.bbf("doctor --output json").code(0).json();
        assert_eq!(report["well"], true, "{report}");
        assert!(
            !report["labs"][0]["kind"].as_array().unwrap().is_empty(),
            "{report}"
        );
    }
}

#[test]
fn a_class_without_a_network_is_prepared_from_an_archive() {
    let school = World::new();
    school.bbf("images save class.tar --all").code(0);
    let archive = school.home.path("class.tar");
    let saved = std::fs::read_to_string(&archive).unwrap();
    for image in [
        "kindest/node:v1.36.1\n",
        "blux2/delayfailserver:1.1",
        "blux2/hello-server:2.0",
    ] {
        assert!(saved.contains(image), "{image}: {saved}");
    }
    school.fail("disk-full");
    school.bbf("images save class.tar --all").code(3);
    assert_eq!(
        std::fs::read_to_string(&archive).unwrap(),
        saved,
        "the old archive stays whole"
    );

    school.fail("hang");
    let mut command = school.command("images save class.tar --all");
    let child = command
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let half = school.home.path("class.tar.part");
    World::until(|| half.is_file());
    kill("-INT", child.id());
    school.home.ended(child.wait_with_output().unwrap()).code(3);
    assert!(!half.exists() && std::fs::read_to_string(&archive).unwrap() == saved);
    school.fail("");
    let nowhere = school.bbf("images save nowhere/class.tar --all").code(3);
    assert!(nowhere.stderr.contains("nowhere can't be used"), "{nowhere:?}");

    let class = World::new();
    class.fail("no-network");
    class.bbf("cluster prepare ch07-readiness").code(3);
    class.bbf("cluster prepare --all --archive nothing.tar").code(3);
    let line = format!("cluster prepare --all --archive {}", archive.display());
    let prepared = class.bbf(&line).code(0);
    assert!(prepared.stdout.contains("bbf-single is ready"), "{prepared:?}");
    let calls = class.calls();
    assert!(
        calls.contains("--image kindest/node:v1.36.1 --kubeconfig"),
        "{calls}"
    );
    assert!(
        calls.contains("kind load docker-image --name bbf-single"),
        "{calls}"
    );
    class.bbf(START).code(0);
    assert_eq!(
        class.calls().matches("kind create cluster").count(),
        calls.matches("kind create cluster").count()
    );
    let busy = class.bbf("cluster prepare ch07-readiness").code(0);
    assert!(busy.stdout.contains("is ready"), "{busy:?}");
    class.bbf("lab check --timeout 1").code(1);
    class.bbf("images load nothing.tar").code(3);
}

#[test]
fn podman_gets_whole_names_and_its_images_reach_the_nodes_by_an_archive() {
    let school = World::with_runtime("podman");
    school.bbf("images save class.tar --all").code(0);
    let class = World::with_runtime("podman");
    class.fail("no-network");
    let archive = school.home.path("class.tar");
    let line = format!("cluster prepare ch07-readiness --archive {}", archive.display());
    class.bbf(&line).code(0);
    let calls = class.calls();
    assert!(calls.contains("kind load image-archive"), "{calls}");
    assert!(
        !calls.contains("docker-image"),
        "kind asks docker for those: {calls}"
    );
    assert!(!class.home.state("clusters/bbf-single/images.tar").exists());
    class.bbf(START).code(0);
    class.bbf("lab check --timeout 1").code(1);
    class.bbf("lab stop").code(0);
}

#[test]
fn another_node_image_is_another_cluster() {
    let world = World::new();
    world.bbf(&format!("{START} --node-image 1.35")).code(0);
    assert!(
        world.calls().contains("--image kindest/node:v1.35.5@sha256:"),
        "{}",
        world.calls()
    );
    let again = world.bbf(START).code(0);
    assert!(again.stderr.contains("already running"), "{again:?}");
    world.bbf("lab stop").code(0);
    let started = world.bbf(START).code(0);
    assert!(started.stderr.contains("another node image"), "{started:?}");
    world.bbf("lab start ch07-readiness --node-image x").code(2);
}

#[test]
fn doctor_says_where_each_lab_can_run() {
    let world = World::new();
    let report = world.bbf("doctor").code(0);
    for told in ["docker 28.2.2 runs", "kind: v0.33.0", "Where each lab can run"] {
        assert!(report.stdout.contains(told), "{told}: {report:?}");
    }
    let list = world.bbf("lab list --cluster kind").code(0);
    assert!(
        list.stdout.contains("HERE") && list.stdout.contains("yes"),
        "{list:?}"
    );
    world.fail("docker-down");
    let report = world.bbf("doctor").code(0);
    assert!(report.stdout.contains("no: docker is not running"), "{report:?}");
    world.bbf("lab list --cluster kind").code(3);
}
