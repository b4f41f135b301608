//! The cluster outlives the command that started it: found again, brought back, stopped, and never started twice.

use crate::environment::{Home, kill};
use std::process::Stdio;

#[test]
fn a_killed_cluster_is_brought_back_with_the_same_kubeconfig() {
    let home = Home::new();
    home.bbf("lab start ch07-readiness").code(0);
    let kubeconfig = home.bbf("cluster kubeconfig").code(0).stdout;
    kill("-KILL", home.server_pid("ch07-readiness"));
    let list = home.bbf("cluster list").code(0);
    assert!(list.stdout.contains("stopped"), "{list:?}");
    let status = home.bbf("lab status").code(0);
    assert!(status.stderr.contains("brought back"), "{status:?}");
    assert_eq!(home.bbf("cluster kubeconfig").code(0).stdout, kubeconfig);
    assert!(home.bbf("cluster list --output json").code(0).json()["clusters"][0]["state"] == "running");
}

#[test]
fn a_stopped_cluster_comes_back_on_another_port_where_its_own_is_taken() {
    let home = Home::new();
    home.bbf("lab start ch07-readiness").code(0);
    home.bbf("cluster stop").code(0);
    let port = std::fs::read_to_string(home.state("clusters/ch07-readiness/port")).unwrap();
    let taken = std::net::TcpListener::bind(("127.0.0.1", port.trim().parse().unwrap())).unwrap();
    let status = home.bbf("lab status").code(0);
    assert!(status.stderr.contains("port was taken"), "{status:?}");
    drop(taken);
    home.bbf("cluster stop").code(0);
    assert!(
        home.bbf("cluster stop")
            .code(0)
            .stdout
            .contains("was not running")
    );
}

#[test]
fn a_lab_that_runs_is_not_started_again() {
    let home = Home::new();
    home.bbf("lab start ch07-readiness").code(0);
    let pid = home.server_pid("ch07-readiness");
    let again = home.bbf("lab start ch07-readiness").code(0);
    assert!(
        again.stderr.contains("already running") && again.stderr.contains("bbf lab reset"),
        "{again:?}"
    );
    assert_eq!(home.server_pid("ch07-readiness"), pid);
    let other = home.bbf("lab start ch07-liveness").code(2);
    assert!(other.stderr.contains("bbf lab stop ch07-readiness"), "{other:?}");
}

#[test]
fn of_two_starts_at_once_one_starts_the_lab() {
    let home = Home::new();
    let start = || {
        let mut command = home.command("lab start ch07-readiness");
        command
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap()
    };
    let children = [start(), start(), start()];
    let ended = children.map(|child| home.ended(child.wait_with_output().unwrap()));
    let fresh = ended
        .iter()
        .filter(|ended| ended.stderr.contains("something in it is broken"))
        .count();
    assert_eq!(fresh, 1, "{ended:#?}");
    for ended in ended {
        let told = ended
            .stderr
            .contains("Another bbf is at work: bbf lab start ch07-readiness (pid");
        assert!(ended.code == 0 || (ended.code == 3 && told), "{ended:#?}");
    }
}

#[test]
fn an_interrupted_start_is_begun_again() {
    let home = Home::new();
    for _ in 0..5 {
        let mut child = home
            .command("lab start ch07-readiness")
            .stdout(Stdio::null())
            .spawn()
            .unwrap();
        kill("-INT", child.id());
        child.wait().unwrap();
    }
    let started = home.bbf("lab start ch07-readiness").code(0);
    assert!(started.stderr.contains("ch07-readiness"), "{started:?}");
    home.bbf("lab check --timeout 1").code(1);
}
