//! Sessions through the door, with kube-rs as the client: exec, attach, port-forward, logs that are followed.

use std::time::Duration;

use futures::{AsyncBufReadExt as _, StreamExt as _, TryStreamExt as _};
use k8s_openapi::api::core::v1::Pod;
use k8s_openapi::api::policy::v1::PodDisruptionBudget;
use kube::api::{
    Api, ApiResource, AttachParams, AttachedProcess, DeleteParams, DynamicObject, EvictParams, ListParams,
    LogParams, Patch, PatchParams, PostParams,
};
use kube::runtime::wait::{await_condition, conditions};
use kube::runtime::{WatchStreamExt as _, reflector, watcher};
use podling_server::{ClusterHandle, Identity, ServeOptions, TimeSource};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use crate::cluster::config;
use crate::https::client;
use crate::scratch::Scratch;

/// A served cluster with a running pod `p`.
pub(crate) struct Lab {
    cluster: ClusterHandle,
    client: kube::Client,
}

impl Lab {
    pub(crate) async fn new(container: Value) -> Self {
        let lab = Self::with_journal(None).await;
        lab.create(container).await;
        lab
    }

    async fn with_journal(journal: Option<&std::path::Path>) -> Self {
        let cluster = ClusterHandle::start(config(), TimeSource::Wall, journal).unwrap();
        let identity = Identity::create().unwrap();
        let endpoint = cluster.serve(&identity, &ServeOptions::default()).await.unwrap();
        Self {
            cluster,
            client: client(&endpoint.kubeconfig).await,
        }
    }

    pub(crate) fn pods(&self) -> Api<Pod> {
        Api::default_namespaced(self.client.clone())
    }

    async fn create(&self, mut container: Value) {
        container["name"] = "app".into();
        let pod = json!({
            "metadata": {"name": "p", "labels": {"app": "p"}}, "spec": {"containers": [container]},
        });
        let pod = serde_json::from_value(pod).unwrap();
        self.pods().create(&PostParams::default(), &pod).await.unwrap();
        let running = await_condition(self.pods(), "p", conditions::is_pod_running());
        tokio::time::timeout(Duration::from_secs(20), running)
            .await
            .unwrap()
            .unwrap();
    }

    pub(crate) async fn exec(&self, command: &[&str]) -> String {
        let params = AttachParams::default().stderr(false);
        let mut process = self
            .pods()
            .exec("p", command.iter().copied(), &params)
            .await
            .unwrap();
        output(&mut process).await
    }
}

pub(crate) fn sleeping() -> Value {
    json!({"image": "busybox:1.36.1", "command": ["sleep", "3600"]})
}

async fn output(process: &mut AttachedProcess) -> String {
    let mut text = String::new();
    process.stdout().unwrap().read_to_string(&mut text).await.unwrap();
    text
}

#[tokio::test(flavor = "multi_thread")]
async fn a_command_is_run_with_input_output_and_an_exit_code() {
    let lab = Lab::new(sleeping()).await;
    let params = AttachParams::default().stdin(true).stderr(false);
    let mut process = lab
        .pods()
        .exec("p", ["sh", "-c", "read a; echo got $a; exit 4"], &params)
        .await
        .unwrap();
    process.stdin().unwrap().write_all(b"it\n").await.unwrap();
    let status = process.take_status().unwrap();
    assert_eq!(output(&mut process).await, "got it\n");
    let status = status.await.unwrap();
    assert_eq!(status.reason.as_deref(), Some("NonZeroExitCode"));
    let causes = status.details.unwrap().causes.unwrap();
    assert_eq!(causes[0].message.as_deref(), Some("4"));
    process.join().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn large_output_comes_whole() {
    let lab = Lab::new(sleeping()).await;
    let text = lab.exec(&["seq", "1", "100000"]).await;
    assert_eq!(
        (text.lines().count(), text.lines().last()),
        (100_000, Some("100000"))
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn an_attached_client_sees_the_output_of_the_first_process() {
    let script = "i=0; while true; do i=$((i+1)); echo tick $i; sleep 0.2; done";
    let lab = Lab::new(json!({"image": "busybox:1.36.1", "command": ["sh", "-c", script]})).await;
    let params = AttachParams::default().stderr(false);
    let mut process = lab.pods().attach("p", &params).await.unwrap();
    let mut bytes = [0; 5];
    process.stdout().unwrap().read_exact(&mut bytes).await.unwrap();
    assert_eq!(&bytes, b"tick ");
    process.abort();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_port_is_forwarded_in_channels() {
    let lab = Lab::new(json!({"image": "blux2/hello-server:1.6"})).await;
    let mut forwarder = lab.pods().portforward("p", &[8080, 9]).await.unwrap();
    let refused = forwarder.take_error(9).unwrap();
    let mut stream = forwarder.take_stream(8080).unwrap();
    stream
        .write_all(b"GET /health HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
        .await
        .unwrap();
    let mut answer = vec![0; 15];
    stream.read_exact(&mut answer).await.unwrap();
    assert_eq!(answer, b"HTTP/1.1 200 OK");
    let refused = refused.await.unwrap();
    assert!(
        refused.contains("dial tcp4 127.0.0.1:9: connect: connection refused"),
        "{refused}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_log_is_followed_to_its_end() {
    let script = "echo one; sleep 1; echo two";
    let lab = Lab::with_journal(None).await;
    let container = json!({"name": "app", "image": "busybox:1.36.1", "command": ["sh", "-c", script]});
    let pod =
        json!({"metadata": {"name": "p"}, "spec": {"restartPolicy": "Never", "containers": [container]}});
    let pod = serde_json::from_value(pod).unwrap();
    lab.pods().create(&PostParams::default(), &pod).await.unwrap();
    await_condition(lab.pods(), "p", conditions::is_pod_running())
        .await
        .unwrap();
    let params = LogParams {
        follow: true,
        ..LogParams::default()
    };
    let log = lab.pods().log_stream("p", &params).await.unwrap();
    let lines: Vec<String> = log.lines().try_collect().await.unwrap();
    assert_eq!(lines, ["one", "two"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reflector_and_a_dynamic_client_see_what_a_typed_one_applies() {
    let lab = Lab::with_journal(None).await;
    let (store, writer) = reflector::store();
    let watch = watcher(lab.pods(), watcher::Config::default().labels("app=web"));
    let mut applied = Box::pin(watch.default_backoff().reflect(writer).applied_objects());
    let pod = json!({
        "apiVersion": "v1", "kind": "Pod", "metadata": {"name": "web", "labels": {"app": "web"}},
        "spec": {"containers": [{"name": "web", "image": "nginx:1.25.3"}]},
    });
    let patch = Patch::Apply(&pod);
    lab.pods()
        .patch("web", &PatchParams::apply("tester"), &patch)
        .await
        .unwrap();
    let seen = applied.next().await.unwrap().unwrap();
    assert_eq!(seen.metadata.name.as_deref(), Some("web"));
    // The store is filled once the first list is whole, which the stream has to be polled for.
    let polled = async { while applied.next().await.is_some() {} };
    tokio::select! {
        () = polled => panic!("the watch ended"),
        ready = store.wait_until_ready() => ready.unwrap(),
    }
    assert_eq!(store.len(), 1);
    let dynamic: Api<DynamicObject> =
        Api::default_namespaced_with(lab.client.clone(), &ApiResource::erase::<Pod>(&()));
    let listed = dynamic
        .list(&ListParams::default().labels("app=web"))
        .await
        .unwrap();
    assert_eq!(
        listed.items[0].data["spec"]["containers"][0]["image"],
        "nginx:1.25.3"
    );
    let managers = listed.items[0].metadata.managed_fields.clone().unwrap();
    assert!(
        managers
            .iter()
            .any(|entry| entry.manager.as_deref() == Some("tester"))
    );
    lab.pods()
        .delete("web", &DeleteParams::default().grace_period(0))
        .await
        .unwrap();
    let uid = seen.metadata.uid.unwrap();
    let gone = await_condition(lab.pods(), "web", conditions::is_deleted(&uid));
    tokio::time::timeout(Duration::from_secs(20), gone)
        .await
        .unwrap()
        .unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_session_did_is_there_after_a_restart_and_the_session_is_not() {
    let scratch = Scratch::new("streams-restart");
    let journal = scratch.join("journal");
    let lab = Lab::with_journal(Some(&journal)).await;
    lab.create(sleeping()).await;
    let params = AttachParams::default().stdin(true).stderr(false);
    let mut open = lab.pods().exec("p", ["sh"], &params).await.unwrap();
    let mut stdin = open.stdin().unwrap();
    stdin.write_all(b"echo kept > /tmp/x; echo done\n").await.unwrap();
    let mut done = [0; 5];
    open.stdout().unwrap().read_exact(&mut done).await.unwrap();
    lab.cluster.stop().await;
    let again = Lab::with_journal(Some(&journal)).await;
    assert!(again.cluster.recovered().unwrap().requests > 2);
    assert_eq!(again.exec(&["cat", "/tmp/x"]).await, "kept\n");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_eviction_is_done_or_refused_by_a_budget() {
    let lab = Lab::new(sleeping()).await;
    let budgets: Api<PodDisruptionBudget> = Api::default_namespaced(lab.client.clone());
    let spec = json!({"minAvailable": 1, "selector": {"matchLabels": {"app": "p"}}});
    let budget = serde_json::from_value(json!({"metadata": {"name": "b"}, "spec": spec})).unwrap();
    budgets.create(&PostParams::default(), &budget).await.unwrap();
    let is_observed = |budget: Option<&PodDisruptionBudget>| {
        let status = budget.and_then(|budget| budget.status.as_ref());
        status
            .is_some_and(|status| status.observed_generation == Some(1) && status.current_healthy == Some(1))
    };
    await_condition(budgets.clone(), "b", is_observed).await.unwrap();
    let evict = async || lab.pods().evict("p", &EvictParams::default()).await;
    let refused = match evict().await.unwrap_err() {
        kube::Error::Api(status) => *status,
        other => panic!("{other}"),
    };
    assert_eq!((refused.code, refused.reason.as_str()), (429, "TooManyRequests"));
    let causes = refused.details.unwrap().causes;
    assert_eq!(causes[0].reason, "DisruptionBudget");
    budgets.delete("b", &DeleteParams::default()).await.unwrap();
    assert!(evict().await.unwrap().is_success());
    let pod = lab.pods().get("p").await.unwrap();
    assert!(pod.metadata.deletion_timestamp.is_some());
    let conditions = pod.status.unwrap().conditions.unwrap();
    assert!(
        conditions
            .iter()
            .any(|condition| condition.type_ == "DisruptionTarget")
    );
}
