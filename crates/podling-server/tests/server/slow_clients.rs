//! Clients that do not read.

use std::time::Duration;

use futures::future::{join_all, ready};
use futures::{StreamExt as _, TryStreamExt as _};
use k8s_openapi::api::core::v1::Secret;
use kube::api::{Api, AttachParams, LogParams, Patch, PatchParams, WatchParams};
use kube::runtime::watcher::{self, watcher};
use serde_json::json;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use crate::cluster::{create, names, start};
use crate::https::{connect, get, serve};
use crate::streams::{Lab, sleeping};

/// More changes than a cluster remembers for watches.
const MANY: usize = 5_000;

/// Changes the Secret `web` so many times.
async fn change(client: &kube::Client, times: usize) {
    let secrets: Api<Secret> = Api::default_namespaced(client.clone());
    for number in 0..times {
        let patch = Patch::Merge(json!({"stringData": {"key": number.to_string()}}));
        secrets
            .patch_metadata("web", &PatchParams::default(), &patch)
            .await
            .unwrap();
    }
}

#[tokio::test(start_paused = true)]
async fn thousands_of_watches_of_which_half_are_not_read_hold_nobody_up() {
    let client = start(None).client();
    let secrets: Api<Secret> = Api::default_namespaced(client.clone());
    create(&client, "web").await;
    let open = async |_| secrets.watch(&WatchParams::default(), "0").await.unwrap().boxed();
    let unread = join_all((0..1_000).map(open)).await;
    let read = join_all((0..1_000).map(open)).await;
    change(&client, 20).await;
    let seen = join_all(
        read.into_iter()
            .map(|watch| watch.take(21).try_collect::<Vec<_>>()),
    )
    .await;
    assert!(seen.iter().all(|events| events.as_ref().unwrap().len() == 21));
    assert_eq!(names(&client).await, ["web"]);
    for watch in unread {
        assert_eq!(watch.take(21).try_collect::<Vec<_>>().await.unwrap().len(), 21);
    }
}

#[tokio::test(start_paused = true)]
async fn a_watch_that_missed_too_much_ends_and_its_client_begins_again() {
    let client = start(None).client();
    let secrets: Api<Secret> = Api::default_namespaced(client.clone());
    create(&client, "web").await;
    let events = secrets.watch(&WatchParams::default(), "0").await.unwrap();
    let mut again = std::pin::pin!(watcher(secrets.clone(), watcher::Config::default()));
    again
        .by_ref()
        .try_filter(|event| ready(matches!(event, watcher::Event::InitDone)))
        .try_next()
        .await
        .unwrap();
    change(&client, MANY).await;
    // What had been read for the client before is still there; then the stream is at its end.
    let events = events.try_collect::<Vec<_>>().await.unwrap();
    assert!((1..MANY).contains(&events.len()), "{}", events.len());
    let last = (MANY - 1).to_string();
    let newest = again.filter_map(|event| ready(event.ok())).filter(|event| {
        let (watcher::Event::Apply(secret) | watcher::Event::InitApply(secret)) = event else {
            return ready(false);
        };
        let data = secret.data.as_ref().and_then(|data| data.get("key"));
        ready(data.is_some_and(|value| value.0 == last.as_bytes()))
    });
    std::pin::pin!(newest).next().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_connection_that_is_not_read_holds_nobody_up() {
    let (cluster, endpoint) = serve().await;
    let client = cluster.client();
    create(&client, "web").await;
    let mut unread = connect(&endpoint).await;
    let watch = "/api/v1/namespaces/default/secrets?watch=true";
    unread.write_all(get(&endpoint, watch).as_bytes()).await.unwrap();
    let mut head = [0; 12];
    unread.read_exact(&mut head).await.unwrap();
    assert_eq!(&head, b"HTTP/1.1 200");
    tokio::time::timeout(Duration::from_secs(60), change(&client, MANY))
        .await
        .unwrap();
    tokio::time::timeout(Duration::from_secs(10), cluster.stop())
        .await
        .unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_command_whose_output_is_not_read_waits_and_then_goes_on() {
    let lab = Lab::new(sleeping()).await;
    let script = "for i in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20; do seq 1 100000; done; echo end > /tmp/end";
    let params = AttachParams::default().stderr(false);
    let mut process = lab.pods().exec("p", ["sh", "-c", script], &params).await.unwrap();
    tokio::time::sleep(Duration::from_secs(2)).await;
    assert_eq!(
        lab.exec(&["sh", "-c", "cat /tmp/end || echo none"]).await,
        "none\n"
    );
    let mut output = Vec::new();
    process.stdout().unwrap().read_to_end(&mut output).await.unwrap();
    assert_eq!(output.len(), 20 * 588_895);
    assert_eq!(lab.exec(&["cat", "/tmp/end"]).await, "end\n");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_log_that_is_not_read_holds_nobody_up() {
    let script = "while true; do seq 1 10000; sleep 0.1; done";
    let lab = Lab::new(json!({"image": "busybox:1.36.1", "command": ["sh", "-c", script]})).await;
    let params = LogParams {
        follow: true,
        ..LogParams::default()
    };
    let _unread = lab.pods().log_stream("p", &params).await.unwrap();
    tokio::time::sleep(Duration::from_secs(2)).await;
    assert_eq!(lab.exec(&["echo", "here"]).await, "here\n");
}
