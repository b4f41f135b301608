//! A client in the same process, in virtual time.

use std::time::Duration;

use futures::future::ready;
use futures::{StreamExt as _, TryStreamExt as _};
use k8s_openapi::api::core::v1::{Event, Secret};
use kube::api::{Api, DeleteParams, Patch, PatchParams, PostParams, WatchEvent, WatchParams};
use kube::runtime::watcher::{self, watcher};
use serde_json::json;
use tokio::time::Instant;

use crate::cluster::{START, create, names, start};

#[tokio::test(start_paused = true)]
async fn a_client_creates_reads_patches_lists_and_deletes() {
    let client = start(None).client();
    let secrets: Api<Secret> = Api::default_namespaced(client.clone());
    let created = create(&client, "web").await;
    assert_eq!(secrets.get("web").await.unwrap(), created);
    let patch = Patch::Merge(json!({"stringData": {"key": "other"}}));
    let patched = secrets
        .patch("web", &PatchParams::default(), &patch)
        .await
        .unwrap();
    assert_eq!(patched.data.unwrap()["key"].0, b"other");
    assert_eq!(names(&client).await, ["web"]);
    secrets.delete("web", &DeleteParams::default()).await.unwrap();
    let error = secrets.get("web").await.unwrap_err();
    assert!(matches!(error, kube::Error::Api(status) if status.is_not_found()));
}

#[tokio::test(start_paused = true)]
async fn a_watch_sees_each_change_in_order() {
    let client = start(None).client();
    let secrets: Api<Secret> = Api::default_namespaced(client.clone());
    let events = secrets.watch(&WatchParams::default(), "0").await.unwrap();
    let changes = async {
        create(&client, "a").await;
        create(&client, "b").await;
        secrets.delete("a", &DeleteParams::default()).await.unwrap();
    };
    let seen = events
        .try_filter_map(async |event| Ok(word(&event)))
        .take(3)
        .try_collect::<Vec<_>>();
    let (seen, ()) = tokio::join!(seen, changes);
    assert_eq!(seen.unwrap(), ["+a", "+b", "-a"]);
}

fn word(event: &WatchEvent<Secret>) -> Option<String> {
    let name = |object: &Secret| object.metadata.name.clone().unwrap_or_default();
    match event {
        WatchEvent::Added(object) => Some(format!("+{}", name(object))),
        WatchEvent::Deleted(object) => Some(format!("-{}", name(object))),
        _ => None,
    }
}

#[tokio::test(start_paused = true)]
async fn a_watch_ends_at_its_timeout_in_cluster_time() {
    let cluster = start(None);
    let secrets: Api<Secret> = Api::default_namespaced(cluster.client());
    let events = secrets
        .watch(&WatchParams::default().timeout(290), "0")
        .await
        .unwrap();
    let began = Instant::now();
    let events = events.try_collect::<Vec<_>>().await.unwrap();
    let bookmark = |event: &WatchEvent<Secret>| matches!(event, WatchEvent::Bookmark(_));
    assert_eq!(
        events.iter().filter(|event| bookmark(event)).count(),
        4,
        "one a minute"
    );
    assert_eq!(events.len(), 4);
    assert_eq!(began.elapsed(), Duration::from_secs(290));
    assert!(cluster.now().since(START) >= Duration::from_secs(290));
}

#[tokio::test(start_paused = true)]
async fn a_watch_hears_at_its_moment_what_the_cluster_does_by_itself() {
    let cluster = start(None);
    let events: Api<Event> = Api::default_namespaced(cluster.client());
    let involved = json!({"kind": "Pod", "name": "web", "namespace": "default"});
    let event = json!({"metadata": {"name": "web.1"}, "involvedObject": involved, "reason": "Seen"});
    let event = serde_json::from_value(event).unwrap();
    events.create(&PostParams::default(), &event).await.unwrap();
    let next = watcher(events, watcher::Config::default());
    let next = next.try_filter(|event| ready(matches!(event, watcher::Event::Delete(_))));
    std::pin::pin!(next).try_next().await.unwrap();
    // kube-apiserver's --event-ttl is an hour.
    assert_eq!(cluster.now().since(START).as_secs(), 3600);
}

#[tokio::test(start_paused = true)]
async fn time_passes_only_while_everything_waits() {
    let cluster = start(None);
    let client = cluster.client();
    for number in 0..50 {
        create(&client, &format!("number-{number}")).await;
    }
    assert_eq!(cluster.now(), START);
    tokio::time::sleep(Duration::from_secs(3600)).await;
    assert_eq!(cluster.now().since(START), Duration::from_secs(3600));
}

#[tokio::test(start_paused = true)]
async fn a_cluster_that_was_stopped_ends_its_streams_and_refuses_requests() {
    let cluster = start(None);
    let client = cluster.client();
    let secrets: Api<Secret> = Api::default_namespaced(client.clone());
    let events = secrets.watch(&WatchParams::default(), "0").await.unwrap();
    let (count, ()) = tokio::join!(events.count(), cluster.stop());
    assert_eq!(count, 0);
    let error = secrets.get("web").await.unwrap_err();
    assert!(matches!(error, kube::Error::Api(status) if status.code == 503));
}

#[tokio::test(start_paused = true)]
async fn a_stream_that_nobody_reads_any_more_is_forgotten() {
    let cluster = start(None);
    let secrets: Api<Secret> = Api::default_namespaced(cluster.client());
    drop(secrets.watch(&WatchParams::default(), "0").await.unwrap());
    let began = Instant::now();
    cluster.stop().await;
    assert_eq!(began.elapsed(), Duration::ZERO);
}

#[tokio::test(start_paused = true)]
async fn many_clusters_live_in_one_process() {
    let clusters: Vec<_> = (0..20).map(|_| start(None)).collect();
    for (number, cluster) in clusters.iter().enumerate() {
        create(&cluster.client(), &format!("number-{number}")).await;
    }
    for (number, cluster) in clusters.iter().enumerate() {
        assert_eq!(names(&cluster.client()).await, [format!("number-{number}")]);
    }
}

#[test]
fn a_cluster_without_a_runtime_says_so() {
    let time = podling_server::TimeSource::Wall;
    let error = podling_server::ClusterHandle::start(crate::cluster::config(), time, None).unwrap_err();
    assert!(matches!(error, podling_server::StartError::NoRuntime), "{error}");
}
