//! The figures that we claim, measured on this machine and printed: `cargo bench --bench figures`.
//!
//! Nothing here fails when a figure is worse than we like: a busy machine must not break a build. Read them.

#![expect(clippy::print_stdout, reason = "this is a program that prints figures")]

mod api;
mod memory;
mod scheduler;
mod slow_clients;

use std::error::Error;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::time::{Duration, Instant};

use bbf::check::{Baseline, Checker, Clock, Scope};
use bbf::cluster::Provider as _;
use bbf::cluster::embedded::Embedded;
use bbf::lab::{Catalogue, Lab};
use k8s_openapi::api::core::v1::Pod;
use kube::Api;
use kube::api::{Patch, PatchParams};
use memory::{asked_to_weigh, megabytes, resident};
use podling_server::{ClusterHandle, TimeSource};

const LAB: &str = "ch07-readiness";
const RUNS: usize = 20;
const MORE_CLUSTERS: usize = 20;

type Outcome<T> = Result<T, Box<dyn Error>>;

fn main() -> Outcome<()> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    if let Some((what, count)) = asked_to_weigh()? {
        let bytes = match what.as_str() {
            "pods" => api::weigh_pods(count)?,
            "watches" => runtime.block_on(slow_clients::weigh_watches(count))?,
            _ => runtime.block_on(slow_clients::weigh_connections(count))?,
        };
        println!("{bytes}");
        return Ok(());
    }
    println!("median of {RUNS} (fastest to slowest), on this machine:");
    print_times("process start to API ready", &runtime.block_on(api_ready())?);
    let (starts, memory) = lab_starts()?;
    print_times("lab start to the break applied", &starts);
    print_times("cluster change to objective tick", &runtime.block_on(ticks())?);
    println!(
        "memory of the background process with a lab: {}",
        megabytes(memory)
    );
    println!(
        "memory of one more cluster in a process:     {}",
        megabytes(runtime.block_on(one_more_cluster())?)
    );
    scheduler::print_figures()?;
    slow_clients::print_figures()?;
    api::print_figures(&runtime)
}

fn print_times(what: &str, times: &[Duration]) {
    let mut times = times.to_vec();
    times.sort();
    let milliseconds = |time: Option<&Duration>| time.map_or(f64::NAN, |time| time.as_secs_f64() * 1e3);
    println!(
        "{what}: {:.1} ms ({:.1} to {:.1})",
        milliseconds(times.get(times.len() / 2)),
        milliseconds(times.first()),
        milliseconds(times.last())
    );
}

fn program() -> PathBuf {
    PathBuf::from(env!("CARGO_BIN_EXE_bbf"))
}

/// A folder that is removed in the end.
struct Scratch(PathBuf);

impl Scratch {
    fn new(name: &str) -> Outcome<Self> {
        let folder = std::env::temp_dir().join(format!("bbf-figures-{}-{name}", std::process::id()));
        std::fs::create_dir_all(&folder)?;
        Ok(Self(folder))
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        std::fs::remove_dir_all(&self.0).ok();
    }
}

fn lab() -> Outcome<Lab> {
    Ok(Catalogue::builtin().find(LAB)?.clone())
}

fn config(lab: &Lab) -> Outcome<podling::Config> {
    let start = podling::clock::Time::from_micros(jiff::Timestamp::now().as_microsecond());
    Ok(bbf::cluster::kind_config::embedded(lab, 1, start)?)
}

/// From starting the background process until its API has answered a request over HTTPS.
async fn api_ready() -> Outcome<Vec<Duration>> {
    let lab = lab()?;
    let mut times = Vec::new();
    for run in 0..RUNS {
        let scratch = Scratch::new(&format!("ready-{run}"))?;
        let cluster = Embedded::new(&scratch.0, "figures", program(), config(&lab)?);
        let start = Instant::now();
        cluster.ensure().await?;
        times.push(start.elapsed());
        cluster.remove().await?;
    }
    Ok(times)
}

fn bbf(home: &Path, arguments: &[&str]) -> Outcome<Output> {
    let mut command = Command::new(program());
    command
        .args(arguments)
        .env_clear()
        .env("HOME", home)
        .env("PATH", std::env::var_os("PATH").unwrap_or_default());
    Ok(command.stdin(Stdio::null()).output()?)
}

/// `bbf lab start` without a terminal, in an empty home; and what the background process then weighs.
fn lab_starts() -> Outcome<(Vec<Duration>, u64)> {
    let (mut times, mut memory) = (Vec::new(), 0);
    for run in 0..RUNS {
        let scratch = Scratch::new(&format!("start-{run}"))?;
        let start = Instant::now();
        let output = bbf(&scratch.0, &["lab", "start", LAB])?;
        times.push(start.elapsed());
        if !output.status.success() {
            return Err(String::from_utf8_lossy(&output.stderr).into_owned().into());
        }
        memory = memory.max(background_memory(&scratch.0)?);
        bbf(&scratch.0, &["lab", "stop"])?;
        bbf(&scratch.0, &["cluster", "stop"])?;
    }
    Ok((times, memory))
}

fn background_memory(home: &Path) -> Outcome<u64> {
    let list: serde_json::Value =
        serde_json::from_slice(&bbf(home, &["cluster", "list", "--output", "json"])?.stdout)?;
    let pid = find_number(&list, "pid").ok_or("`cluster list` names no process")?;
    resident(&pid.to_string())
}

fn find_number(value: &serde_json::Value, key: &str) -> Option<u64> {
    match value {
        serde_json::Value::Object(fields) => fields
            .get(key)
            .and_then(serde_json::Value::as_u64)
            .or_else(|| fields.values().find_map(|value| find_number(value, key))),
        serde_json::Value::Array(items) => items.iter().find_map(|value| find_number(value, key)),
        _ => None,
    }
}

/// A cluster in this process with the lab's break in it.
async fn broken_cluster(lab: &Lab) -> Outcome<(ClusterHandle, Baseline)> {
    let handle = ClusterHandle::start(config(lab)?, TimeSource::Wall, None)?;
    let baseline = Baseline::capture(&handle.client(), lab, "default", Scope::Cluster).await?;
    for (file, text) in bbf::session::work_folder::originals(lab) {
        bbf::manifest::apply(&handle.client(), "default", &bbf::manifest::parse(&file, &text)?).await?;
    }
    Ok((handle, baseline))
}

/// From a change in the cluster until the checker has judged it.
async fn ticks() -> Outcome<Vec<Duration>> {
    let lab = lab()?;
    let (handle, baseline) = broken_cluster(&lab).await?;
    let mut checker = Checker::start(
        handle.client(),
        &lab,
        baseline,
        "default",
        Clock::of_this_machine(),
    );
    checker.read_within(Duration::from_secs(5)).await;
    let pods: Api<Pod> = Api::namespaced(handle.client(), "default");
    let mut times = Vec::new();
    for run in 0..RUNS {
        let name = "httpserver-readiness";
        let patch = serde_json::json!({"metadata": {"annotations": {"figures": run.to_string()}}});
        let start = Instant::now();
        let changed = pods
            .patch(name, &PatchParams::default(), &Patch::Merge(patch))
            .await?;
        let version = changed.metadata.resource_version;
        let seen = async {
            while !has_seen(&checker, name, version.as_deref()) {
                checker.step(None).await;
            }
        };
        tokio::time::timeout(Duration::from_secs(10), seen).await?;
        times.push(start.elapsed());
    }
    handle.stop().await;
    Ok(times)
}

fn has_seen(checker: &Checker, name: &str, version: Option<&str>) -> bool {
    let Ok(mut pods) = checker.view().of_kind("Pod") else {
        return false;
    };
    let pod = pods.find(|pod| pod["metadata"]["name"] == name);
    pod.and_then(|pod| pod["metadata"]["resourceVersion"].as_str()) == version
}

/// The memory that each of many more clusters adds to this process, half a minute into the lab.
async fn one_more_cluster() -> Outcome<u64> {
    let lab = lab()?;
    let first = broken_cluster(&lab).await?;
    let before = resident("self")?;
    let mut more = Vec::new();
    for _ in 0..MORE_CLUSTERS {
        more.push(broken_cluster(&lab).await?);
    }
    tokio::time::sleep(Duration::from_secs(30)).await;
    let added = resident("self")?.saturating_sub(before);
    for (handle, _) in more.into_iter().chain([first]) {
        handle.stop().await;
    }
    Ok(added / MORE_CLUSTERS as u64)
}
