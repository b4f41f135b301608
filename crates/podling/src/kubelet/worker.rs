//! What a kubelet keeps for one pod (Kubernetes: a pod worker with its caches).

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use serde_json::Value;

use super::eviction::Usage;
use super::plan::Health;
use super::probe::{self, Kind, Verdict, View};
use super::resize::{Resize, with_allocation};
use super::runtime::{Container, SeenContainer, all_containers};
use super::status::Probed;
use super::volumes::root_key;
use crate::backoff::Backoff;
use crate::clock::Time;
use crate::images::files::{Disks, PodFiles};
use crate::images::log::Log;
use crate::images::process::Process;
use crate::images::shell::machine::World;
use crate::storage::{Object, text};

/// Where a pod is in its life on the node.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Stage {
    /// The kubelet has not looked at it yet.
    New,
    /// Its containers are kept as its spec says.
    Live,
    /// Its containers are being stopped.
    Terminating,
    /// Nothing of it runs any more.
    Ended,
}

/// One piece of a sync.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) enum Action {
    /// Waits for the volumes, and mounts them.
    Mount,
    /// Makes the pod's sandbox.
    Sandbox,
    /// The sandbox is up.
    SandboxUp,
    /// Says that a container is stopped, and begins to stop it.
    Kill(String, Option<String>),
    /// Waits until none of these runs.
    Await(Vec<String>),
    /// Sets what a running container may use.
    Resize(String),
    /// Starts a container, unless it must wait.
    Start(String),
    /// Sees to its image.
    Pull(String),
    /// The image has come, or has not.
    Pulled(String, Time),
    /// Creates the container.
    Create(String),
    /// Starts its process.
    Run(String),
    /// The postStart hook has ended; whether well.
    Hooked(String, bool),
    /// The pod is at its end.
    Finalize,
}

/// Why a sync must be tried again.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Failure {
    /// A container waits until then.
    BackOff(Time),
    /// Anything else.
    Other,
}

impl Failure {
    /// Of two, the one that is tried again as Kubernetes does: the earliest end of a pause wins.
    pub(super) fn or(self, before: Option<Self>) -> Self {
        match (self, before) {
            (Self::BackOff(a), Some(Self::BackOff(b))) => Self::BackOff(a.min(b)),
            (Self::Other, Some(pause @ Self::BackOff(_))) => pause,
            (new, _) => new,
        }
    }
}

/// One pod on a node.
#[derive(Debug)]
pub(super) struct Worker {
    pub(super) uid: String,
    pub(super) node: String,
    /// The pod with the resources that are allocated to it.
    pub(super) pod: Object,
    /// The pod as the API has it.
    pub(super) wanted: Object,
    pub(super) resize: Resize,
    pub(super) stage: Stage,
    pub(super) files: PodFiles,
    /// The volumes that are on disks of their own, by the key of the volume: the disk's key, and whether the pod
    /// may only read.
    pub(super) on_disk: BTreeMap<String, (String, bool)>,
    /// Host number and address of the sandbox.
    pub(super) address: Option<(u8, String)>,
    pub(super) sandbox: bool,
    pub(super) containers: BTreeMap<String, Container>,
    /// The containers as PLEG saw them last.
    pub(super) seen: BTreeMap<String, SeenContainer>,
    /// Whether the runtime has changed since.
    pub(super) dirty: bool,
    /// Why containers could not be started.
    pub(super) reasons: BTreeMap<String, (String, String)>,
    pub(super) restarts: BTreeMap<String, Backoff>,
    pub(super) pulls: BTreeMap<String, Backoff>,
    /// The last error of a pull, by image.
    pub(super) pull_errors: BTreeMap<String, String>,
    pub(super) probes: BTreeMap<(String, Kind), probe::Worker>,
    pub(super) status: Value,
    /// Why the whole pod failed.
    pub(super) failed: Option<(String, String)>,
    /// Why it is evicted.
    pub(super) evicted: Option<String>,
    /// The local storage that it uses, and when its volumes are measured next.
    pub(super) usage: Usage,
    pub(super) measured_next: Time,
    pub(super) script: VecDeque<Action>,
    pub(super) busy: bool,
    pub(super) pending: bool,
    /// Whether a sync is queued that waits for PLEG's next look.
    pub(super) awaits_relist: bool,
    /// Whether the pod is gone from the API while containers still run.
    pub(super) removed: bool,
    pub(super) failure: Option<Failure>,
    /// Whether this sync has started a container.
    pub(super) started: bool,
    pub(super) synced: Option<Time>,
    /// When the kubelet heard of it.
    pub(super) arrived: Time,
    pub(super) relisted: Time,
    pub(super) mounted: bool,
    /// How often mounting has failed, and since when it is tried.
    pub(super) mount_failures: u32,
    pub(super) mounting_since: Option<Time>,
    /// Containers that are being stopped.
    pub(super) stopping: Vec<String>,
    /// Those of them whose preStop hook failed, until that is said.
    pub(super) failed_hooks: BTreeSet<String>,
}

impl Worker {
    /// A worker for a pod that has just reached the node.
    pub(super) fn new(pod: Object, now: Time) -> Self {
        Self {
            uid: text(&pod, &["metadata", "uid"]).to_owned(),
            node: text(&pod, &["spec", "nodeName"]).to_owned(),
            status: pod["status"].clone(),
            wanted: pod.clone(),
            pod,
            resize: Resize::default(),
            stage: Stage::New,
            files: PodFiles::default(),
            on_disk: BTreeMap::new(),
            address: None,
            sandbox: false,
            containers: BTreeMap::new(),
            seen: BTreeMap::new(),
            dirty: false,
            reasons: BTreeMap::new(),
            restarts: BTreeMap::new(),
            pulls: BTreeMap::new(),
            pull_errors: BTreeMap::new(),
            probes: BTreeMap::new(),
            failed: None,
            evicted: None,
            usage: Usage::default(),
            measured_next: now,
            script: VecDeque::new(),
            busy: false,
            pending: false,
            awaits_relist: false,
            removed: false,
            failure: None,
            started: false,
            synced: None,
            arrived: now,
            relisted: now,
            mounted: false,
            mount_failures: 0,
            mounting_since: None,
            stopping: Vec::new(),
            failed_hooks: BTreeSet::new(),
        }
    }

    /// Takes what the API says of the pod. Once it is admitted it keeps the resources that are allocated to it.
    pub(super) fn take(&mut self, pod: Object) {
        self.pod = match self.stage {
            Stage::New => pod.clone(),
            _ => with_allocation(&pod, &self.pod),
        };
        self.wanted = pod;
    }

    /// `name_namespace(uid)`, as messages name a pod.
    pub(super) fn formatted(&self) -> String {
        format!("{}_{}({})", self.name(), self.namespace(), self.uid)
    }

    /// The pod's name.
    pub(super) fn name(&self) -> &str {
        text(&self.pod, &["metadata", "name"])
    }

    /// The pod's namespace.
    pub(super) fn namespace(&self) -> &str {
        text(&self.pod, &["metadata", "namespace"])
    }

    /// Whether its deletion has begun.
    pub(super) fn is_deleting(&self) -> bool {
        !text(&self.pod, &["metadata", "deletionTimestamp"]).is_empty()
    }

    /// Whether a container runs.
    pub(super) fn runs(&self, name: &str) -> bool {
        let current = self
            .containers
            .get(name)
            .and_then(|container| container.current.as_ref());
        current.is_some_and(|instance| instance.seen.is_running())
    }

    /// Whether a probe may kill one of its containers.
    pub(super) fn may_be_killed(&self) -> bool {
        self.probes.keys().any(|(_, kind)| *kind != Kind::Readiness)
    }

    /// PLEG looks; whether anything is new.
    pub(super) fn relist(&mut self, now: Time) -> bool {
        self.relisted = now;
        let seen = self
            .containers
            .iter()
            .map(|(name, container)| (name.clone(), container.seen()))
            .collect();
        let changed = self.dirty || self.seen != seen;
        self.seen = seen;
        self.dirty = false;
        changed
    }

    /// Lets a running container's process work.
    pub(super) fn with_process<R>(
        &mut self,
        disks: &mut Disks,
        name: &str,
        now: Time,
        work: impl FnOnce(&mut Process, &mut World<'_>) -> R,
    ) -> Option<R> {
        let instance = self.containers.get_mut(name)?.running()?;
        let root = root_key(name);
        let mut world = World {
            now,
            files: self.files.view_with(disks, &root, &instance.mounts),
            log: &mut instance.log,
        };
        instance.process.as_mut().map(|process| work(process, &mut world))
    }

    /// Works on a running container's files with a log of its own.
    pub(super) fn with_files<R>(
        &mut self,
        disks: &mut Disks,
        name: &str,
        now: Time,
        log: &mut Log,
        work: impl FnOnce(&mut World<'_>) -> R,
    ) -> Option<R> {
        let instance = self.containers.get_mut(name)?.running()?;
        let root = root_key(name);
        Some(work(&mut World {
            now,
            files: self.files.view_with(disks, &root, &instance.mounts),
            log,
        }))
    }

    /// What the probes say about the containers that PLEG sees.
    pub(super) fn probed(&self) -> BTreeMap<String, Probed> {
        let pod = &self.pod;
        let each = all_containers(pod).filter_map(|(container, _)| container["name"].as_str());
        each.map(|name| (name.to_owned(), self.probed_container(name)))
            .collect()
    }

    fn probed_container(&self, name: &str) -> Probed {
        let Some(current) = self.seen.get(name).and_then(|seen| seen.current.as_ref()) else {
            return Probed::default();
        };
        let verdict = |kind: Kind| {
            let worker = self.probes.get(&(name.to_owned(), kind))?;
            Some(worker.verdict(&current.id).unwrap_or(Verdict::Unknown))
        };
        let passes = |kind| verdict(kind).is_none_or(|verdict| verdict == Verdict::Success);
        let running = current.is_running();
        let started = running && passes(Kind::Startup);
        Probed {
            started,
            ready: started && passes(Kind::Readiness),
        }
    }

    /// What the probes mean for the plan.
    pub(super) fn health(&self) -> BTreeMap<String, Health> {
        let failed = |name: &str, id: &str, kind| {
            let worker = self.probes.get(&(name.to_owned(), kind));
            worker.and_then(|worker| worker.verdict(id)) == Some(Verdict::Failure)
        };
        let health = |(name, seen): (&String, &SeenContainer)| {
            let current = seen.current.as_ref()?;
            let health = Health {
                dead: failed(name, &current.id, Kind::Liveness),
                never_started: failed(name, &current.id, Kind::Startup),
                started: self.probed_container(name).started,
            };
            Some((name.clone(), health))
        };
        self.seen.iter().filter_map(health).collect()
    }

    /// A container as its probes see it: as the last status shows it.
    pub(super) fn view(&self, name: &str) -> View {
        let lists = ["containerStatuses", "initContainerStatuses"];
        let mut statuses = lists
            .into_iter()
            .filter_map(|list| self.status[list].as_array())
            .flatten();
        let Some(status) = statuses.find(|status| status["name"] == name) else {
            return View::default();
        };
        let running = &status["state"]["running"];
        View {
            id: text(status, &["containerID"])
                .trim_start_matches("containerd://")
                .to_owned(),
            running: running["startedAt"].as_str().and_then(Time::parse),
            started: status["started"] == true,
        }
    }

    /// The image that each running container was made from.
    pub(super) fn requested(&self) -> BTreeMap<String, String> {
        let requested = |(name, container): (&String, &Container)| {
            let instance = container.current.as_ref()?;
            Some((name.clone(), instance.requested.clone()))
        };
        self.containers.iter().filter_map(requested).collect()
    }
}
