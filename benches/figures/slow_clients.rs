//! The memory that clients cost who do not read what they watch.

use k8s_openapi::api::core::v1::Pod;
use kube::Api;
use kube::api::{Patch, PatchParams, WatchParams};
use podling_server::{ClusterHandle, Identity, ServeOptions, TimeSource};
use serde_json::json;

use crate::Outcome;
use crate::api::{config, create};
use crate::memory::{megabytes, resident, weighed_apart};

/// With how many objects each watch begins.
const PODS: usize = 1_000;

/// More changes than the cluster remembers for watches.
const CHANGES: usize = 5_000;

/// In the same process, and over HTTPS.
const WATCHES: usize = 2_000;
const CONNECTIONS: usize = 100;

pub(crate) fn print_figures() -> Outcome<()> {
    println!("watches of {PODS} Pods whose clients do not read, after {CHANGES} changes:");
    println!(
        "memory of {WATCHES} in the process: {}",
        megabytes(weighed_apart("watches", WATCHES)?)
    );
    println!(
        "memory of {CONNECTIONS} over HTTPS, with both ends of each connection: {}",
        megabytes(weighed_apart("connections", CONNECTIONS)?)
    );
    Ok(())
}

pub(crate) async fn weigh_watches(count: usize) -> Outcome<u64> {
    let cluster = ClusterHandle::start(config(), TimeSource::Wall, None)?;
    let client = cluster.client();
    weigh(&client, &client, count).await
}

pub(crate) async fn weigh_connections(count: usize) -> Outcome<u64> {
    let cluster = ClusterHandle::start(config(), TimeSource::Wall, None)?;
    let endpoint = cluster
        .serve(&Identity::create()?, &ServeOptions::default())
        .await?;
    let kubeconfig = kube::config::Kubeconfig::from_yaml(&endpoint.kubeconfig)?;
    let config = kube::Config::from_custom_kubeconfig(kubeconfig, &Default::default()).await?;
    let watcher = kube::Client::try_from(config)?;
    weigh(&cluster.client(), &watcher, count).await
}

/// The memory that is used for so many watches of `watcher`, which are opened and not read while `writer` writes.
async fn weigh(writer: &kube::Client, watcher: &kube::Client, count: usize) -> Outcome<u64> {
    create(writer, PODS).await?;
    // The log of changes is full before the watches begin, so that it is not counted.
    change(writer).await?;
    let before = resident("self")?;
    let pods: Api<Pod> = Api::namespaced(watcher.clone(), "default");
    let mut watches = Vec::new();
    for _ in 0..count {
        watches.push(pods.watch(&WatchParams::default(), "0").await?);
    }
    change(writer).await?;
    Ok(resident("self")?.saturating_sub(before))
}

async fn change(writer: &kube::Client) -> Outcome<()> {
    let pods: Api<Pod> = Api::namespaced(writer.clone(), "default");
    for number in 0..CHANGES {
        let patch = Patch::Merge(json!({"metadata": {"annotations": {"figures": number.to_string()}}}));
        let name = format!("pod-{}", number % PODS);
        pods.patch(&name, &PatchParams::default(), &patch).await?;
    }
    Ok(())
}
