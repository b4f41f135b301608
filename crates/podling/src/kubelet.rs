//! The nodes: their kubelets and the containers that they run.
//!
//! A kubelet here has the parts of a real one, because what people see of a pod comes from how they work
//! together: a pod worker that writes the status before it acts ([`sync`]), a look at the runtime once a second
//! (PLEG), a queue that is looked at once a second, and probe workers with tickers of their own.
//!
//! Differs from Kubernetes: the runtime is [`crate::images`]; one kubelet component serves all nodes; no static
//! pods, devices, cgroups or eviction by node pressure.

use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::Value;

use crate::apiserver::{ApiServer, Component};
use crate::clock::Time;
use crate::cluster::NodeConfig;
use crate::events::Event;
use crate::images::files::Disks;
use crate::local_path::NODE_OF_VOLUME;
use crate::resource::{PERSISTENT_VOLUMES, PODS};
use crate::rng::Rng;
use crate::storage::{Change, ChangeKind, Object, text};
use crate::timers::Timers;

mod admission;
mod api_requests;
mod connections;
mod container_gc;
mod containers;
mod environment;
mod eviction;
mod exec;
mod followed_log;
mod images;
mod logs;
mod metrics;
mod network_files;
mod node;
mod node_api;
mod plan;
mod probe;
mod prober;
mod resize;
mod runtime;
mod serving;
mod status;
mod stopping;
mod streaming;
mod sync;
mod texts;
mod volumes;
mod worker;

pub(crate) use followed_log::FollowedLog;
use logs::{LogOptions, LogPage, LogPosition};
use node::{LEASE_RENEWAL, Node};
use probe::Kind;
use streaming::Sessions;
use worker::{Stage, Worker};

/// What a kubelet does at a moment; pods are named by their UID.
#[derive(Clone, Debug, Eq, Ord, PartialEq, PartialOrd)]
enum Task {
    /// A node renews its lease.
    Lease(String),
    /// metrics-server looks at all nodes.
    Metrics,
    /// A pod is synced.
    Sync(String),
    /// A pod's turn in the queue: it is synced again.
    Queue(String),
    /// The sync that is under way goes on.
    Step(String),
    /// PLEG looks at a pod.
    Relist(String),
    /// A container's process goes on.
    Process(String, String),
    /// A container gets SIGTERM, its preStop hook being over.
    Terminate(String, String),
    /// A container's grace is over.
    Kill(String, String),
    /// A probe's moment.
    Probe(String, String, Kind),
    /// A pod's deletion is confirmed.
    Confirm(String),
    /// The kubelet looks at how much local storage a pod uses.
    Storage(String),
    /// The kubelet removes the dead instances of a container.
    Collect(String, String),
    /// A session goes on by itself.
    Session(u64),
}

/// All nodes of the cluster with what runs on them.
#[derive(Debug)]
pub(crate) struct Nodes {
    nodes: BTreeMap<String, Node>,
    /// The API server's address.
    api_server: String,
    workers: BTreeMap<String, Worker>,
    disks: Disks,
    timers: Timers<Task>,
    rng: Rng,
    sessions: Sessions,
}

impl Nodes {
    /// Nodes as configured; [`register`](Self::register) makes them known to the API server at `api_server`.
    pub(crate) fn new(configs: &[NodeConfig], api_server: String, mut rng: Rng) -> Self {
        let node =
            |(index, config): (usize, &NodeConfig)| (config.name.clone(), Node::new(config, index, &mut rng));
        let nodes = configs.iter().enumerate().map(node).collect();
        Self {
            nodes,
            api_server,
            workers: BTreeMap::new(),
            disks: Disks::default(),
            timers: Timers::default(),
            rng,
            sessions: Sessions::default(),
        }
    }

    /// Creates the Node objects and their leases, and begins to renew these.
    pub(crate) fn register(&mut self, api: &mut ApiServer) {
        let (nodes, timers, rng) = (&mut self.nodes, &mut self.timers, &mut self.rng);
        for node in nodes.values_mut() {
            node.register(api, rng);
            let first = rng.between(Duration::ZERO, LEASE_RENEWAL);
            timers.at(api.now() + first, Task::Lease(node.name.clone()));
        }
    }

    fn renew_lease(&mut self, api: &mut ApiServer, name: String) {
        if let Some(node) = self.nodes.get_mut(&name) {
            node.renew_lease(api);
            node.report_cordon(api);
            self.timers.at(api.now() + LEASE_RENEWAL, Task::Lease(name));
        }
    }

    fn jitter(&mut self, least: u64, most: u64) -> Duration {
        self.rng
            .between(Duration::from_millis(least), Duration::from_millis(most))
    }

    /// Records an event about a pod, or with a container's name about that container.
    fn record(&mut self, api: &mut ApiServer, uid: &str, container: Option<&str>, event: Event<'_>) {
        let Some(worker) = self.workers.get(uid) else {
            return;
        };
        let Some(node) = self.nodes.get_mut(&worker.node) else {
            return;
        };
        let field = container.map(|name| {
            let list = runtime::list_of(&worker.pod, name);
            format!("spec.{list}{{{name}}}")
        });
        node.recorder.record(api, &worker.pod, field.as_deref(), event);
    }

    fn pod_changed(&mut self, pod: &Object, now: Time) {
        let uid = text(pod, &["metadata", "uid"]).to_owned();
        let node = text(pod, &["spec", "nodeName"]);
        if !self.nodes.contains_key(node) {
            return;
        }
        let Some(worker) = self.workers.get_mut(&uid) else {
            if matches!(text(pod, &["status", "phase"]), "Succeeded" | "Failed") {
                return;
            }
            self.workers.insert(uid.clone(), Worker::new(pod.clone(), now));
            let soon = self.jitter(5, 25);
            self.timers.at(now + soon, Task::Sync(uid));
            return;
        };
        let was_deleting = worker.is_deleting();
        let shortened = worker.pod["metadata"]["deletionGracePeriodSeconds"]
            != pod["metadata"]["deletionGracePeriodSeconds"];
        let changed = worker.wanted["spec"] != pod["spec"]
            || worker.pod["metadata"]["labels"] != pod["metadata"]["labels"]
            || worker.pod["metadata"]["annotations"] != pod["metadata"]["annotations"];
        worker.take(pod.clone());
        if worker.is_deleting() && (!was_deleting || shortened) {
            self.deletion_requested(&uid, now);
        } else if changed {
            self.request_sync(&uid, now);
        }
    }

    /// The pod is gone from the API. One that was deleted by force may still run: it is stopped as any other.
    fn pod_removed(&mut self, uid: &str, now: Time) {
        let Some(worker) = self.workers.get_mut(uid) else {
            return;
        };
        if worker.containers.keys().any(|name| worker.runs(name)) {
            worker.removed = true;
            if worker.stage != Stage::Terminating {
                self.deletion_requested(uid, now);
            }
            return;
        }
        self.drop_worker(uid, now);
    }

    /// A directory that was made for a volume goes with it; what a person put on a node stays.
    fn volume_removed(&mut self, volume: &Value) {
        let node = text(volume, &["metadata", "annotations", NODE_OF_VOLUME]);
        if !node.is_empty() {
            self.disks.wipe(&volumes::disk_of_volume(volume, node));
        }
    }

    /// Gives back what a pod had on its node.
    fn drop_worker(&mut self, uid: &str, now: Time) {
        let Some(worker) = self.workers.remove(uid) else {
            return;
        };
        if let Some((host, _)) = worker.address
            && let Some(node) = self.nodes.get_mut(&worker.node)
        {
            node.addresses.release(host);
        }
        self.forget(&worker);
        self.retry_resizes(&worker.node, now);
    }

    /// Takes a pod's work off the queue.
    fn forget(&mut self, worker: &Worker) {
        let uid = || worker.uid.clone();
        for task in [
            Task::Sync(uid()),
            Task::Queue(uid()),
            Task::Step(uid()),
            Task::Relist(uid()),
            Task::Confirm(uid()),
            Task::Storage(uid()),
        ] {
            self.timers.cancel(&task);
        }
        for name in worker.containers.keys() {
            self.timers.cancel(&Task::Process(uid(), name.clone()));
            self.timers.cancel(&Task::Terminate(uid(), name.clone()));
            self.timers.cancel(&Task::Kill(uid(), name.clone()));
            self.timers.cancel(&Task::Collect(uid(), name.clone()));
        }
        for (name, kind) in worker.probes.keys() {
            self.timers.cancel(&Task::Probe(uid(), name.clone(), *kind));
        }
    }

    /// Whether a pod's containers are to be kept.
    fn is_live(&self, uid: &str) -> bool {
        self.workers
            .get(uid)
            .is_some_and(|worker| worker.stage == Stage::Live)
    }
}

impl Component for Nodes {
    fn observe(&mut self, change: &Change, api: &ApiServer) {
        if change.resource == &PERSISTENT_VOLUMES && change.kind == ChangeKind::Deleted {
            self.volume_removed(&change.object);
        }
        if change.resource != &PODS {
            return;
        }
        match change.kind {
            ChangeKind::Deleted => {
                self.pod_removed(text(&change.object, &["metadata", "uid"]), api.now());
            }
            ChangeKind::Added | ChangeKind::Modified => self.pod_changed(&change.object, api.now()),
        }
    }

    fn next_deadline(&self) -> Option<Time> {
        self.timers.next()
    }

    fn run_next(&mut self, api: &mut ApiServer) {
        let Some(task) = self.timers.pop_due(api.now()) else {
            return;
        };
        match task {
            Task::Lease(node) => self.renew_lease(api, node),
            Task::Metrics => self.report_metrics(api),
            Task::Sync(uid) | Task::Queue(uid) => self.sync(api, &uid),
            Task::Step(uid) => self.step(api, &uid),
            Task::Relist(uid) => self.relist(&uid, api.now()),
            Task::Process(uid, container) => self.run_process(api, &uid, &container),
            Task::Terminate(uid, container) => self.send_term(api, &uid, &container),
            Task::Kill(uid, container) => self.send_kill(api.now(), &uid, &container),
            Task::Probe(uid, container, kind) => self.run_probe(api, &uid, &container, kind),
            Task::Confirm(uid) => self.confirm(api, &uid),
            Task::Storage(uid) => self.look_at_storage(api, &uid),
            Task::Collect(uid, container) => self.collect(&uid, &container),
            Task::Session(number) => self.run_session(api, number),
        }
    }
}
