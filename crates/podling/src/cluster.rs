//! The whole cluster: it changes when a request comes in or time passes, and in no other way.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::apiserver::{ApiServer, Component, KubernetesService, Stream, endpoints};
use crate::clock::Time;
use crate::controller_manager::ControllerManager;
use crate::events::Expiry;
use crate::kubelet::Nodes;
use crate::local_path::LocalPathProvisioner;
use crate::network::addresses::api_server_address;
use crate::request::{Chunk, Messages, Request, Response};
use crate::rng::Rng;
use crate::scheduler::Scheduler;

/// What a cluster is made from. The same configuration and inputs give the same bytes.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
pub struct Config {
    /// The beginning of all chance in the cluster.
    pub seed: u64,
    /// The cluster time at the start, in microseconds since the Unix epoch.
    #[serde(with = "time_in_micros")]
    pub start: Time,
    /// The nodes, with a kubelet each.
    pub nodes: Vec<NodeConfig>,
    /// Which parts run.
    #[serde(default)]
    pub components: Components,
}

/// Which parts of the control plane run beside the API server.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct Components {
    /// The controller manager.
    pub controllers: bool,
    /// Among the controllers the one that follows the health of nodes (`--controllers=*,-node-lifecycle-controller`).
    #[serde(default = "yes")]
    pub node_lifecycle: bool,
    /// The scheduler.
    pub scheduler: bool,
    /// The nodes of [`Config::nodes`].
    pub kubelets: bool,
    /// A provisioner for volumes on the nodes, with the StorageClass `standard`, as kind has it.
    #[serde(default)]
    pub local_path: bool,
    /// The add-on metrics-server: `metrics.k8s.io`, for `kubectl top` and for autoscalers. A new cluster has none.
    #[serde(default)]
    pub metrics_server: bool,
}

impl Components {
    /// Nothing beside the API server: objects are stored, and stay as they are.
    pub const NONE: Self = Self {
        controllers: false,
        node_lifecycle: false,
        scheduler: false,
        kubelets: false,
        local_path: false,
        metrics_server: false,
    };
}

/// What a configuration means that is older than a field.
const fn yes() -> bool {
    true
}

impl Default for Components {
    fn default() -> Self {
        Self {
            controllers: true,
            node_lifecycle: true,
            scheduler: true,
            kubelets: true,
            local_path: true,
            metrics_server: false,
        }
    }
}

/// One node.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
pub struct NodeConfig {
    /// The node's name.
    pub name: String,
    /// Whether it carries the control plane's label. Its taint, where it has one, stands in `taints`.
    pub control_plane: bool,
    /// Labels beside those that a kubelet sets.
    #[serde(default)]
    pub labels: BTreeMap<String, String>,
    /// `core/v1` taints.
    #[serde(default)]
    pub taints: Vec<Value>,
    /// CPUs, as a quantity.
    pub cpu: String,
    /// Memory, as a quantity.
    pub memory: String,
    /// The most pods it takes.
    pub pods: u32,
}

impl NodeConfig {
    /// A node that is as kubeadm joins it, with nothing set apart: it takes 110 pods, as a kubelet does unless it is told otherwise.
    /// `cpu` and `memory` are quantities.
    pub fn worker(name: &str, cpu: &str, memory: &str) -> Self {
        Self {
            name: name.to_owned(),
            control_plane: false,
            labels: BTreeMap::new(),
            taints: Vec::new(),
            cpu: cpu.to_owned(),
            memory: memory.to_owned(),
            pods: 110,
        }
    }
}

mod time_in_micros {
    use serde::{Deserialize as _, Deserializer, Serializer};

    use crate::clock::Time;

    pub(super) fn serialize<S: Serializer>(time: &Time, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_i64(time.as_micros())
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Time, D::Error> {
        i64::deserialize(deserializer).map(Time::from_micros)
    }
}

/// A whole Kubernetes cluster as a state machine.
pub struct Cluster {
    api: ApiServer,
    components: Vec<Box<dyn Component>>,
    nodes: Nodes,
    /// The last revision that every component has seen.
    observed: u64,
}

impl std::fmt::Debug for Cluster {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Cluster")
            .field("now", &self.now())
            .field("revision", &self.observed)
            .finish_non_exhaustive()
    }
}

/// The components that a configuration asks for; each gets chance of its own, so that one that draws more or
/// less often does not change what the others do.
fn components_of(wanted: Components, seed: u64) -> Vec<Box<dyn Component>> {
    let mut components: Vec<Box<dyn Component>> = vec![Box::new(Expiry::default())];
    if wanted.controllers {
        components.push(Box::new(ControllerManager::new(seed, wanted.node_lifecycle)));
    }
    if wanted.scheduler {
        components.push(Box::new(Scheduler::new(seed, "control-plane")));
    }
    if wanted.local_path {
        components.push(Box::new(LocalPathProvisioner::new()));
    }
    components
}

impl Cluster {
    /// A cluster at its first moment: the namespaces exist, the nodes are about to register.
    pub fn new(config: Config) -> Self {
        let Config {
            seed,
            start,
            nodes: mut configs,
            components,
        } = config;
        let api_server = api_server_address(&configs);
        let mut api = ApiServer::new(seed, start);
        api.bootstrap();
        let mut kubernetes_service = KubernetesService::new(&api_server, seed);
        kubernetes_service.publish(&mut api);
        if components.local_path {
            LocalPathProvisioner::bootstrap(&mut api);
        }
        if !components.kubelets {
            configs.clear();
        }
        // The nodes have chance of their own, as each component has.
        let mut nodes = Nodes::new(&configs, api_server, Rng::new(seed ^ 0x6E6F_6465));
        nodes.register(&mut api);
        if components.metrics_server {
            nodes.start_metrics_server(&mut api);
        }
        let mut components = components_of(components, seed);
        components.push(Box::new(kubernetes_service));
        let mut cluster = Self {
            api,
            components,
            nodes,
            observed: 0,
        };
        cluster.settle();
        cluster.api.compact();
        cluster
    }

    /// The present cluster time.
    pub fn now(&self) -> Time {
        self.api.now()
    }

    /// Answers one API call at the present time.
    pub fn handle(&mut self, request: &Request) -> Response {
        let response = endpoints::handle(&mut self.api, request, &mut self.nodes);
        self.settle();
        response
    }

    /// When something happens next by itself; `None` if nothing will.
    pub fn next_deadline(&self) -> Option<Time> {
        let of_components = self
            .components
            .iter()
            .filter_map(|component| component.next_deadline());
        of_components.chain(self.nodes.next_deadline()).min()
    }

    /// Lets time pass: everything that is due until then happens, each at its moment and in order. A time in
    /// the past changes nothing.
    pub fn advance_to(&mut self, time: Time) {
        while let Some(due) = self.next_deadline().filter(|due| *due <= time) {
            self.api.set_now(due);
            let mut components = self.components.iter_mut();
            match components.find(|component| component.next_deadline() == Some(due)) {
                Some(component) => component.run_next(&mut self.api),
                None => self.nodes.run_next(&mut self.api),
            }
            self.settle();
        }
        self.api.set_now(time);
    }

    /// What a watch or a followed log has to say since it was last read, or the first part of it.
    pub fn read(&self, stream: &mut Stream) -> Chunk {
        stream.read(&self.api, &self.nodes)
    }

    /// Whether a stream is not worth keeping for a client that does not read: its time is over, or changes that it
    /// has yet to say are forgotten. As in Kubernetes the client begins again where it stopped.
    pub fn is_over(&self, stream: &Stream) -> bool {
        stream.is_over(&self.api)
    }

    /// What the client of a session says: one binary message of its WebSocket. For a session that has ended it is
    /// lost.
    pub fn send(&mut self, session: u64, message: &[u8]) {
        self.nodes.session_message(&mut self.api, session, message);
        self.settle();
    }

    /// The client of a session is gone.
    pub fn hang_up(&mut self, session: u64) {
        self.nodes.hang_up(&mut self.api, session);
        self.settle();
    }

    /// What a session has to say since it was last read. Reading changes nothing that the cluster hangs on.
    pub fn receive(&mut self, session: u64) -> Messages {
        self.nodes.receive(session)
    }

    /// The client of a session has taken what it was told, so that what was [held](Messages::held) goes on.
    pub fn taken(&mut self, session: u64) {
        self.nodes.taken(&mut self.api, session);
        self.settle();
    }

    /// Whether a session has room for another message of its client. What is sent nevertheless is kept.
    pub fn has_room(&self, session: u64) -> bool {
        self.nodes.has_room(session)
    }

    /// The sessions that are open.
    pub fn sessions(&self) -> Vec<u64> {
        self.nodes.sessions()
    }

    /// Gives every new change to every component, in order.
    fn settle(&mut self) {
        for change in self.api.changes_since(self.observed) {
            for component in &mut self.components {
                component.observe(&change, &self.api);
            }
            self.nodes.observe(&change, &self.api);
            self.observed = change.revision;
        }
        self.api.forget_up_to(self.observed);
    }
}
