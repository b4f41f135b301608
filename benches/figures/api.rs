//! The embedded cluster's API with very many objects: lists, watches, applies, memory.
//!
//! The clusters here have no controllers, scheduler or kubelets, so that the figures are the API's own.

use std::time::{Duration, Instant};

use futures::StreamExt as _;
use k8s_openapi::api::core::v1::Pod;
use kube::Api;
use kube::api::ListParams;
use kube::runtime::watcher;
use podling::{Body, Cluster, Components, Config, Request, Response};
use podling_server::{ClusterHandle, Identity, ServeOptions, TimeSource};
use serde_json::{Value, json};

use crate::memory::{megabytes, resident, weighed_apart};
use crate::{Outcome, RUNS, print_times};

const PODS: usize = 10_000;

/// At how many Pods memory is looked at.
const WEIGHED: [usize; 4] = [1_250, 2_500, 5_000, PODS];

const WATCHES: usize = 100;
const APPLIES: usize = 500;

pub(crate) const PODS_PATH: &str = "/api/v1/namespaces/default/pods";
const TABLE: &str = "application/json;as=Table;v=v1;g=meta.k8s.io";

/// Measures and prints.
pub(crate) fn print_figures(runtime: &tokio::runtime::Runtime) -> Outcome<()> {
    println!("the API of one cluster, nothing else running in it:");
    print_weights()?;
    let mut cluster = filled()?;
    print_times(&format!("list of {PODS} Pods in JSON"), &lists(&mut cluster, "")?);
    print_times(
        &format!("list of {PODS} Pods as a table"),
        &lists(&mut cluster, TABLE)?,
    );
    print_times(
        &format!("a changed Pod is written to {WATCHES} watches of {PODS} Pods"),
        &watched_changes(&mut cluster)?,
    );
    drop(cluster);
    print_applies()?;
    runtime.block_on(over_https())
}

pub(crate) fn config() -> Config {
    Config {
        seed: 1,
        start: podling::clock::Time::default(),
        nodes: Vec::new(),
        components: Components::NONE,
    }
}

pub(crate) fn service_account() -> Request {
    let account = json!({"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": "default"}});
    Request::new("POST", "/api/v1/namespaces/default/serviceaccounts").with_json(&account)
}

fn pod_spec() -> Value {
    json!({
        "containers": [{
            "name": "app", "image": "nginx:1.27", "ports": [{"containerPort": 80}],
            "resources": {"requests": {"cpu": "100m", "memory": "64Mi"}},
            "readinessProbe": {"httpGet": {"path": "/", "port": 80}},
        }],
    })
}

fn pod(number: usize) -> Request {
    let pod = json!({
        "apiVersion": "v1", "kind": "Pod",
        "metadata": {"name": format!("pod-{number}"), "labels": {"app": "web"}},
        "spec": pod_spec(),
    });
    Request::new("POST", PODS_PATH).with_json(&pod)
}

pub(crate) fn done(response: Response) -> Outcome<Body> {
    match (response.status, response.body) {
        (200..=299, body) => Ok(body),
        (status, Body::Whole(bytes)) => Err(format!("{status}: {}", String::from_utf8_lossy(&bytes)).into()),
        (status, Body::Stream(_) | Body::Session(_)) => Err(format!("{status} with a stream").into()),
    }
}

/// The bytes that so many Pods take.
pub(crate) fn weigh_pods(count: usize) -> Outcome<u64> {
    let mut cluster = empty()?;
    let before = resident("self")?;
    fill(&mut cluster, count)?;
    Ok(resident("self")?.saturating_sub(before))
}

fn print_weights() -> Outcome<()> {
    for count in WEIGHED {
        let bytes = weighed_apart("pods", count)?;
        println!(
            "memory of {count} Pods: {} ({:.1} KiB each)",
            megabytes(bytes),
            per(bytes, count) / 1024.0
        );
    }
    Ok(())
}

fn empty() -> Outcome<Cluster> {
    let mut cluster = Cluster::new(config());
    done(cluster.handle(&service_account()))?;
    Ok(cluster)
}

fn fill(cluster: &mut Cluster, count: usize) -> Outcome<()> {
    for number in 0..count {
        done(cluster.handle(&pod(number)))?;
    }
    Ok(())
}

/// A cluster with all the Pods; says how fast they were created.
fn filled() -> Outcome<Cluster> {
    let mut cluster = empty()?;
    let start = Instant::now();
    fill(&mut cluster, PODS)?;
    println!("Pods created: {:.0} a second", rate(PODS, start.elapsed()));
    Ok(cluster)
}

#[expect(clippy::cast_precision_loss, reason = "a figure for people")]
fn per(total: u64, count: usize) -> f64 {
    total as f64 / count as f64
}

#[expect(clippy::cast_precision_loss, reason = "a figure for people")]
pub(crate) fn rate(count: usize, taken: Duration) -> f64 {
    count as f64 / taken.as_secs_f64()
}

fn lists(cluster: &mut Cluster, accept: &str) -> Outcome<Vec<Duration>> {
    let mut request = Request::new("GET", PODS_PATH);
    accept.clone_into(&mut request.accept);
    let mut times = Vec::new();
    for _ in 0..RUNS {
        let start = Instant::now();
        done(cluster.handle(&request))?;
        times.push(start.elapsed());
    }
    Ok(times)
}

/// From a request that changes one Pod until every watch has been given the change in bytes.
fn watched_changes(cluster: &mut Cluster) -> Outcome<Vec<Duration>> {
    let list = done(cluster.handle(&Request::new("GET", &format!("{PODS_PATH}?limit=1"))))?;
    let Body::Whole(list) = list else {
        return Err("a list is no stream".into());
    };
    let list: Value = serde_json::from_slice(&list)?;
    let revision = list["metadata"]["resourceVersion"]
        .as_str()
        .unwrap_or("0")
        .to_owned();
    let watch = Request::new("GET", &format!("{PODS_PATH}?watch=1&resourceVersion={revision}"));
    let mut streams = Vec::new();
    for _ in 0..WATCHES {
        if let Body::Stream(stream) = done(cluster.handle(&watch))? {
            streams.push(stream);
        }
    }
    let mut times = Vec::new();
    for run in 0..RUNS {
        let patch = json!({"metadata": {"annotations": {"figures": run.to_string()}}});
        let mut change = Request::new("PATCH", &format!("{PODS_PATH}/pod-{run}")).with_json(&patch);
        "application/merge-patch+json".clone_into(&mut change.content_type);
        let start = Instant::now();
        done(cluster.handle(&change))?;
        let mut told = 0;
        for stream in &mut streams {
            told += usize::from(!cluster.read(stream).bytes.is_empty());
        }
        times.push(start.elapsed());
        if told != WATCHES {
            return Err(format!("{told} of {WATCHES} watches were told").into());
        }
    }
    Ok(times)
}

/// Server-side and client-side applies of a Deployment that change its image each time.
fn print_applies() -> Outcome<()> {
    for (what, content_type, query) in [
        (
            "server-side",
            "application/apply-patch+yaml",
            "?fieldManager=kubectl&force=true",
        ),
        (
            "client-side (strategic merge)",
            "application/strategic-merge-patch+json",
            "?fieldManager=kubectl-client-side-apply",
        ),
    ] {
        let mut cluster = Cluster::new(config());
        let path = "/apis/apps/v1/namespaces/default/deployments";
        done(cluster.handle(&Request::new("POST", path).with_json(&deployment(0))))?;
        let start = Instant::now();
        for run in 1..=APPLIES {
            let mut request =
                Request::new("PATCH", &format!("{path}/web{query}")).with_json(&deployment(run));
            content_type.clone_into(&mut request.content_type);
            done(cluster.handle(&request))?;
        }
        println!("{what} applies: {:.0} a second", rate(APPLIES, start.elapsed()));
    }
    Ok(())
}

fn deployment(run: usize) -> Value {
    let mut spec = pod_spec();
    spec["containers"][0]["image"] = format!("nginx:1.{run}").into();
    json!({
        "apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "web"},
        "spec": {
            "replicas": 3, "selector": {"matchLabels": {"app": "web"}},
            "template": {"metadata": {"labels": {"app": "web"}}, "spec": spec},
        },
    })
}

/// The same Pods through the door: a list, and a watch that begins with all of them.
async fn over_https() -> Outcome<()> {
    let handle = ClusterHandle::start(config(), TimeSource::Wall, None)?;
    let identity = Identity::create()?;
    let endpoint = handle.serve(&identity, &ServeOptions::default()).await?;
    let kubeconfig = kube::config::Kubeconfig::from_yaml(&endpoint.kubeconfig)?;
    let config = kube::Config::from_custom_kubeconfig(kubeconfig, &Default::default()).await?;
    let client = kube::Client::try_from(config)?;
    fill_over_https(&client).await?;
    let pods: Api<Pod> = Api::namespaced(client, "default");
    let mut times = Vec::new();
    for _ in 0..RUNS {
        let start = Instant::now();
        let list = pods.list(&ListParams::default()).await?;
        times.push(start.elapsed());
        if list.items.len() != PODS {
            return Err(format!("{} of {PODS} Pods were listed", list.items.len()).into());
        }
    }
    print_times(
        &format!("list of {PODS} Pods over HTTPS, read by kube into typed objects"),
        &times,
    );
    let start = Instant::now();
    let mut events = std::pin::pin!(watcher(pods, watcher::Config::default().streaming_lists()));
    let mut seen = 0;
    while let Some(event) = events.next().await {
        match event? {
            watcher::Event::InitApply(_) => seen += 1,
            watcher::Event::InitDone => break,
            _ => {}
        }
    }
    println!(
        "watch that begins with {seen} Pods over HTTPS: {:.0} ms to the last",
        start.elapsed().as_secs_f64() * 1e3
    );
    handle.stop().await;
    Ok(())
}

async fn fill_over_https(client: &kube::Client) -> Outcome<()> {
    let start = Instant::now();
    create(client, PODS).await?;
    println!(
        "Pods created over HTTPS, one after the other: {:.0} a second",
        rate(PODS, start.elapsed())
    );
    Ok(())
}

/// Creates Pods, one after the other.
pub(crate) async fn create(client: &kube::Client, pods: usize) -> Outcome<()> {
    for request in std::iter::once(service_account()).chain((0..pods).map(pod)) {
        let request = http::Request::post(request.path)
            .header(http::header::CONTENT_TYPE, request.content_type)
            .body(request.body)?;
        client.request_text(request).await?;
    }
    Ok(())
}
