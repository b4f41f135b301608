//! What a cluster is like after its process was killed.

use std::fs;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use podling_server::{ClusterHandle, Identity, ServeOptions, StartError, TimeSource, write_private};

use crate::cluster::{START, config, create, deploy, names, start};
use crate::scratch::Scratch;

/// Tells a copy of this test program that it is the one to be killed, and its folder.
const FOLDER: &str = "PODLING_TEST_FOLDER";

#[tokio::test(start_paused = true)]
async fn a_cluster_comes_back_as_it_was_to_the_byte() {
    let scratch = Scratch::new("recovery");
    let journal = scratch.join("journal");
    let cluster = start(Some(&journal));
    assert_eq!(cluster.recovered(), None);
    for name in ["a", "b", "c"] {
        create(&cluster.client(), name).await;
        deploy(&cluster.client(), name).await;
        tokio::time::sleep(Duration::from_millis(70_123)).await;
    }
    let before = everything(&cluster).await;
    let now = cluster.now();
    cluster.stop().await;
    let time = TimeSource::Tokio { start: now };
    let again = ClusterHandle::start(config(), time, Some(&journal)).unwrap();
    assert_eq!(again.recovered().unwrap().requests, 6);
    assert_eq!(again.now(), now);
    assert_eq!(everything(&again).await, before);
}

/// All objects of some kinds, as one text.
async fn everything(cluster: &ClusterHandle) -> String {
    let mut text = String::new();
    let core = ["namespaces", "secrets", "nodes", "events", "pods", "services"];
    let apps = ["deployments", "replicasets"];
    let paths = core.map(|plural| format!("/api/v1/{plural}")).into_iter();
    for path in paths.chain(apps.map(|plural| format!("/apis/apps/v1/{plural}"))) {
        let request = http::Request::get(path).body(Vec::new()).unwrap();
        text += &cluster.client().request_text(request).await.unwrap();
    }
    text
}

#[tokio::test(start_paused = true)]
async fn a_running_cluster_is_not_started_twice() {
    let scratch = Scratch::new("recovery-twice");
    let journal = scratch.join("journal");
    let _first = start(Some(&journal));
    let second = ClusterHandle::start(config(), TimeSource::Tokio { start: START }, Some(&journal));
    assert!(second.unwrap_err().to_string().contains("already running"));
}

#[tokio::test(start_paused = true)]
async fn a_newer_recording_is_refused() {
    let scratch = Scratch::new("recovery-newer");
    let journal = scratch.join("journal");
    fs::write(&journal, "{\"podlingJournal\":99}\n").unwrap();
    let refused = ClusterHandle::start(config(), TimeSource::Wall, Some(&journal)).unwrap_err();
    let StartError::Journal(error) = refused else {
        panic!("{refused}")
    };
    assert!(error.to_string().contains("update the program"), "{error}");
}

/// A killed child is reaped, whatever the test comes to.
struct Killed(Child);

impl Killed {
    fn kill(&mut self) {
        // On Unix this is SIGKILL.
        self.0.kill().unwrap();
        self.0.wait().unwrap();
    }
}

impl Drop for Killed {
    fn drop(&mut self) {
        drop(self.0.kill());
        drop(self.0.wait());
    }
}

/// Runs the copy of this program that [`the_process_that_is_killed`] is.
fn serve_in_a_child(folder: &Path) -> Killed {
    let mut child = Command::new(std::env::current_exe().unwrap());
    child.args(["--exact", "recovery::the_process_that_is_killed", "--nocapture"]);
    child
        .env(FOLDER, folder)
        .stdout(Stdio::piped())
        .stderr(Stdio::null());
    let mut child = Killed(child.spawn().unwrap());
    // It says one line once it serves.
    let mut said = std::io::BufReader::new(child.0.stdout.as_mut().unwrap());
    let mut line = String::new();
    while !line.contains("serving") {
        line.clear();
        assert_ne!(
            std::io::BufRead::read_line(&mut said, &mut line).unwrap(),
            0,
            "the child ended early"
        );
    }
    child
}

/// Not a test by itself: serves a cluster until it is killed.
#[tokio::test]
async fn the_process_that_is_killed() {
    let Some(folder) = std::env::var_os(FOLDER) else {
        return;
    };
    let folder = Path::new(&folder);
    let cluster = ClusterHandle::start(config(), TimeSource::Wall, Some(&folder.join("journal"))).unwrap();
    let identity = Identity::load_or_create(&folder.join("identity.json")).unwrap();
    let port = fs::read_to_string(folder.join("port")).map_or(0, |port| port.parse().unwrap());
    let options = ServeOptions {
        port,
        ..ServeOptions::default()
    };
    let endpoint = cluster.serve(&identity, &options).await.unwrap();
    fs::write(folder.join("port"), endpoint.port.to_string()).unwrap();
    write_private(&folder.join("kubeconfig"), &endpoint.kubeconfig).unwrap();
    println!("serving");
    std::future::pending::<()>().await;
}

#[tokio::test]
async fn kill_9_loses_nothing_that_a_client_was_told_and_the_kubeconfig_stays_right() {
    let scratch = Scratch::new("recovery-kill");
    let mut first = serve_in_a_child(scratch.path());
    let kubeconfig = fs::read_to_string(scratch.join("kubeconfig")).unwrap();
    let client = crate::https::client(&kubeconfig).await;
    let mut told = Vec::new();
    for number in 0..40 {
        let name = format!("number-{number:02}");
        create(&client, &name).await;
        told.push(name);
    }
    first.kill();
    let _second = serve_in_a_child(scratch.path());
    assert_eq!(
        fs::read_to_string(scratch.join("kubeconfig")).unwrap(),
        kubeconfig
    );
    assert_eq!(names(&crate::https::client(&kubeconfig).await).await, told);
}
