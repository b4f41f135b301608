//! What metrics-server reads from the kubelets: CPU time and memory of each container and node
//! (Kubernetes: `/metrics/resource`, `pkg/kubelet/metrics/collectors/resource_metrics.go`).

use std::collections::BTreeMap;
use std::time::Duration;

use super::runtime::Instance;
use super::worker::Worker;
use super::{Nodes, Task};
use crate::apiserver::ApiServer;
use crate::clock::Time;
use crate::metrics::{Counter, Look, RESOLUTION};
use crate::storage::text;

/// What a node's own services use, in thousandths of a CPU…
const SYSTEM_CPU: u32 = 60;
/// …and of memory.
const SYSTEM_MEMORY: u64 = 512 << 20;
/// Memory is counted in pages.
const PAGE: u64 = 4096;

impl Nodes {
    /// metrics-server begins to look, first within its resolution.
    pub(crate) fn start_metrics_server(&mut self, api: &mut ApiServer) {
        // Its API is served from the start, though it has nothing to say yet.
        api.metrics_mut();
        let first = self.rng.between(Duration::ZERO, RESOLUTION);
        self.timers.at(api.now() + first, Task::Metrics);
    }

    /// Reads all kubelets.
    pub(super) fn report_metrics(&mut self, api: &mut ApiServer) {
        let now = api.now();
        let mut pods = Look::new();
        let mut memory: BTreeMap<String, u64> = BTreeMap::new();
        let mut cpu: BTreeMap<String, Duration> = BTreeMap::new();
        for worker in self.workers.values() {
            let containers = counters(worker, now);
            for (name, counter) in &containers {
                let before = api.metrics_mut().counter(&place(worker), name);
                let before = before.filter(|before| before.started == counter.started);
                let used = before.map_or(counter.cpu, |before| counter.cpu.saturating_sub(before.cpu));
                *cpu.entry(worker.node.clone()).or_default() += used;
                *memory.entry(worker.node.clone()).or_default() += counter.memory;
            }
            pods.insert(place(worker), containers);
        }
        let mut nodes = BTreeMap::new();
        for name in self.nodes.keys() {
            let before = api.metrics_mut().node_counter(name);
            let used = cpu.get(name).copied().unwrap_or_default();
            let containers = memory.get(name).copied().unwrap_or_default();
            nodes.insert(name.clone(), node_counter(before, used, containers, now));
        }
        api.metrics_mut().record(pods, nodes);
        self.timers.at(now + RESOLUTION, Task::Metrics);
    }
}

/// Namespace and name of a pod.
pub(super) fn place(worker: &Worker) -> (String, String) {
    let part = |key| text(&worker.pod, &["metadata", key]).to_owned();
    (part("namespace"), part("name"))
}

/// The running containers of a pod.
pub(super) fn counters(worker: &Worker, now: Time) -> BTreeMap<String, Counter> {
    let containers = worker.containers.iter();
    let running = containers.filter_map(|(name, container)| {
        let instance = container.current.as_ref()?;
        Some((name.clone(), counter(instance, now)?))
    });
    running.collect()
}

fn counter(instance: &Instance, now: Time) -> Option<Counter> {
    let started = instance.seen.started.filter(|_| instance.seen.is_running())?;
    let process = instance.process.as_ref()?;
    let (cpu, memory) = process.used(started, instance.limits, now);
    Some(Counter {
        started,
        at: now,
        cpu,
        memory: memory.div_ceil(PAGE) * PAGE,
    })
}

/// What a node has used in all: what it had before, what its containers used since, and its own services.
fn node_counter(before: Option<Counter>, used: Duration, memory: u64, now: Time) -> Counter {
    let started = before.map_or(now, |before| before.started);
    let since = before.map_or(Duration::ZERO, |before| now.since(before.at));
    let own = since * SYSTEM_CPU / 1000;
    Counter {
        started,
        at: now,
        cpu: before.map_or(Duration::ZERO, |before| before.cpu) + used + own,
        memory: memory + SYSTEM_MEMORY,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_node_uses_what_its_containers_and_its_services_use() {
        let at = |seconds: i64| Time::from_micros(seconds * 1_000_000);
        let first = node_counter(None, Duration::from_secs(9), 1024, at(0));
        assert_eq!(first.cpu, Duration::from_secs(9));
        let next = node_counter(Some(first), Duration::from_millis(300), 1024, at(15));
        // 300 ms of containers and 15 s at 60m.
        assert_eq!(next.cpu - first.cpu, Duration::from_millis(1200));
        assert_eq!((next.started, next.memory), (at(0), 1024 + SYSTEM_MEMORY));
    }
}
