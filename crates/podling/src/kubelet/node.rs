//! A node: its object, its lease, and what its kubelet keeps beside the pods
//! (Kubernetes: `pkg/kubelet/nodestatus`, `k8s.io/component-helpers/apimachinery/lease`).

use std::collections::BTreeSet;
use std::time::Duration;

use serde_json::{Value, json};

use super::texts;
use crate::apiserver::{ApiServer, WriteOptions};
use crate::clock::Time;
use crate::cluster::NodeConfig;
use crate::events::{Event, Recorder};
use crate::network::addresses::{PodAddresses, node_address, pod_range};
use crate::quantity::Quantity;
use crate::resource::{LEASES, NODES};
use crate::rng::Rng;

/// A kubelet renews its lease so often.
pub(super) const LEASE_RENEWAL: Duration = Duration::from_secs(10);
/// A node whose lease is older is not alive.
pub(super) const LEASE_SECONDS: u64 = 40;
/// A kubelet's loops run once a second.
const LOOP: Duration = Duration::from_secs(1);
/// Dead containers are removed so often (`ContainerGCPeriod`).
const COLLECTION: Duration = Duration::from_secs(60);
const VERSION: &str = "v1.36.2";

/// One node and its kubelet.
#[derive(Debug)]
pub(super) struct Node {
    pub(super) name: String,
    pub(super) index: usize,
    /// Its own address.
    pub(super) address: String,
    /// The addresses of its pods.
    pub(super) addresses: PodAddresses,
    pub(super) recorder: Recorder,
    /// Images beside those that are there from the start.
    pub(super) images: BTreeSet<String>,
    /// Memory in bytes, for containers without a limit.
    pub(super) memory: u64,
    config: NodeConfig,
    /// Whether it was cordoned when the kubelet last looked.
    cordoned: bool,
    /// Where in a second PLEG looks at the runtime.
    relist_phase: Duration,
    /// Where in a second the kubelet takes pods from its queue.
    sync_phase: Duration,
    /// Where in a minute the kubelet removes dead containers.
    collection_phase: Duration,
    /// When PLEG has done with the pod that it looks at.
    pleg_free: Time,
    /// When the container runtime has done what it was asked so far.
    runtime_free: Time,
}

/// The first moment after `now` (not at it) of a loop that runs each `period` at `phase`.
///
/// Example: with a phase of 0.3 s in a second, 5.3 gives 6.3 and 5.2 gives 5.3.
fn next_turn(now: Time, phase: Duration, period: Duration) -> Time {
    let length = i64::try_from(period.as_micros()).unwrap_or(1).max(1);
    let begun = Time::from_micros(now.as_micros() - now.as_micros().rem_euclid(length));
    let turn = begun + phase;
    if turn > now { turn } else { turn + period }
}

impl Node {
    /// A node that has not registered yet.
    pub(super) fn new(config: &NodeConfig, index: usize, rng: &mut Rng) -> Self {
        let memory = Quantity::parse(&config.memory).map_or(0, Quantity::value);
        Self {
            name: config.name.clone(),
            index,
            address: node_address(index),
            addresses: PodAddresses::default(),
            recorder: Recorder::new("kubelet", Some(config.name.clone())),
            images: BTreeSet::new(),
            memory: u64::try_from(memory).unwrap_or(0),
            config: config.clone(),
            cordoned: false,
            relist_phase: rng.between(Duration::ZERO, LOOP),
            sync_phase: rng.between(Duration::ZERO, LOOP),
            collection_phase: rng.between(Duration::ZERO, COLLECTION),
            pleg_free: Time::default(),
            runtime_free: Time::default(),
        }
    }

    /// How long the runtime takes to do `work` that it is asked for now. It does one thing after the other, so many
    /// pods that start at once come up one by one.
    ///
    /// Example: of two pieces of 40 ms that are asked for together one takes 40 ms and the other 80.
    pub(super) fn occupy_runtime(&mut self, now: Time, work: Duration) -> Duration {
        self.runtime_free = self.runtime_free.max(now) + work;
        self.runtime_free.since(now)
    }

    /// PLEG looks at one pod after the other, for `takes` at each: `None` if it looks at this one now, else when it has
    /// done with another.
    pub(super) fn pleg_turn(&mut self, now: Time, takes: Duration) -> Option<Time> {
        if self.pleg_free > now {
            return Some(self.pleg_free);
        }
        self.pleg_free = now + takes;
        None
    }

    /// When PLEG looks next.
    pub(super) fn next_relist(&self, now: Time) -> Time {
        next_turn(now, self.relist_phase, LOOP)
    }

    /// When the kubelet removes dead containers next.
    pub(super) fn next_collection(&self, now: Time) -> Time {
        next_turn(now, self.collection_phase, COLLECTION)
    }

    /// The first turn of the queue at or after `time`.
    pub(super) fn queue_turn(&self, time: Time) -> Time {
        next_turn(time - Duration::from_micros(1), self.sync_phase, LOOP)
    }

    /// Creates the Node object, unless it is there, and the lease.
    pub(super) fn register(&mut self, api: &mut ApiServer, rng: &mut Rng) {
        let object = self.object(api.now(), rng);
        if api.get(&NODES, "", &self.name).is_none() {
            // A node of that name that appeared meanwhile is taken over as it is.
            drop(api.create(&NODES, "", object.clone(), &WriteOptions::by("kubelet")));
        }
        if let Some(stored) = api.get(&NODES, "", &self.name).cloned() {
            let mut with_status = Value::clone(&stored);
            with_status["status"] = object["status"].clone();
            drop(api.update(&NODES, Some("status"), with_status, &WriteOptions::by("kubelet")));
        }
        self.renew_lease(api);
    }

    /// Writes the lease with the present time.
    pub(super) fn renew_lease(&self, api: &mut ApiServer) {
        let now = api.now().rfc3339_micro();
        let options = WriteOptions::by("kubelet");
        // A lost renewal is made up for by the next.
        match api.get(&LEASES, "kube-node-lease", &self.name).cloned() {
            Some(lease) => {
                let mut lease = Value::clone(&lease);
                lease["spec"]["renewTime"] = now.into();
                drop(api.update(&LEASES, None, lease, &options));
            }
            None => {
                let Some(node) = api.get(&NODES, "", &self.name) else {
                    return;
                };
                let lease = json!({
                    "apiVersion": "coordination.k8s.io/v1",
                    "kind": "Lease",
                    "metadata": {
                        "name": self.name,
                        "namespace": "kube-node-lease",
                        "ownerReferences": [{
                            "apiVersion": "v1", "kind": "Node", "name": self.name, "uid": node["metadata"]["uid"],
                        }],
                    },
                    "spec": {
                        "holderIdentity": self.name,
                        "leaseDurationSeconds": LEASE_SECONDS,
                        "renewTime": now,
                    },
                });
                drop(api.create(&LEASES, "kube-node-lease", lease, &options));
            }
        }
    }

    /// Says that the node was cordoned, or is no longer (`recordNodeSchedulableEvent`).
    ///
    /// Differs from Kubernetes: the loop over the node's status shares the moments of the lease's renewal.
    pub(super) fn report_cordon(&mut self, api: &mut ApiServer) {
        let Some(node) = api.get(&NODES, "", &self.name).cloned() else {
            return;
        };
        let cordoned = node["spec"]["unschedulable"] == true;
        if std::mem::replace(&mut self.cordoned, cordoned) == cordoned {
            return;
        }
        let reason = if cordoned {
            texts::NODE_NOT_SCHEDULABLE
        } else {
            texts::NODE_SCHEDULABLE
        };
        let message = format!("Node {} status is now: {reason}", self.name);
        self.recorder
            .record(api, &node, None, Event::normal(reason, &message));
    }

    fn object(&self, now: Time, rng: &mut Rng) -> Value {
        let config = &self.config;
        let mut labels = json!({
            "beta.kubernetes.io/arch": "amd64",
            "beta.kubernetes.io/os": "linux",
            "kubernetes.io/arch": "amd64",
            "kubernetes.io/hostname": config.name,
            "kubernetes.io/os": "linux",
        });
        // The taint of a control plane is kubeadm's doing, which takes it off again where nothing else could run
        // Pods; so it comes with the configuration.
        let taints = config.taints.clone();
        if config.control_plane {
            labels["node-role.kubernetes.io/control-plane"] = "".into();
            labels["node.kubernetes.io/exclude-from-external-load-balancers"] = "".into();
        }
        for (key, value) in &config.labels {
            labels[key] = value.as_str().into();
        }
        let mut spec = json!({
            "podCIDR": pod_range(self.index),
            "podCIDRs": [pod_range(self.index)],
            "providerID": format!("podling://{}", config.name),
        });
        if !taints.is_empty() {
            spec["taints"] = taints.into();
        }
        json!({
            "apiVersion": "v1",
            "kind": "Node",
            "metadata": {
                "name": config.name,
                "labels": labels,
                "annotations": {"volumes.kubernetes.io/controller-managed-attach-detach": "true"},
            },
            "spec": spec,
            "status": self.status(now, rng),
        })
    }

    fn status(&self, now: Time, rng: &mut Rng) -> Value {
        let config = &self.config;
        let resources = json!({
            "cpu": config.cpu,
            "ephemeral-storage": "61202244Ki",
            "hugepages-1Gi": "0",
            "hugepages-2Mi": "0",
            "memory": config.memory,
            "pods": config.pods.to_string(),
        });
        let condition = |kind: &str, status: &str, reason: &str, message: &str| {
            json!({
                "type": kind,
                "status": status,
                "lastHeartbeatTime": now.rfc3339(),
                "lastTransitionTime": now.rfc3339(),
                "reason": reason,
                "message": message,
            })
        };
        json!({
            "capacity": resources,
            "allocatable": resources,
            "conditions": [
                condition("MemoryPressure", "False", "KubeletHasSufficientMemory", "kubelet has sufficient memory available"),
                condition("DiskPressure", "False", "KubeletHasNoDiskPressure", "kubelet has no disk pressure"),
                condition("PIDPressure", "False", "KubeletHasSufficientPID", "kubelet has sufficient PID available"),
                condition("Ready", "True", "KubeletReady", "kubelet is posting ready status"),
            ],
            "addresses": [
                {"type": "InternalIP", "address": self.address},
                {"type": "Hostname", "address": config.name},
            ],
            "daemonEndpoints": {"kubeletEndpoint": {"Port": 10250}},
            "nodeInfo": {
                "machineID": rng.hex(32),
                "systemUUID": rng.uuid(),
                "bootID": rng.uuid(),
                "kernelVersion": "6.12.0",
                "osImage": "Debian GNU/Linux 12 (bookworm)",
                "containerRuntimeVersion": "containerd://2.2.0",
                "kubeletVersion": VERSION,
                "kubeProxyVersion": "",
                "operatingSystem": "linux",
                "architecture": "amd64",
            },
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_loops_next_turn_is_never_now() {
        let phase = Duration::from_millis(300);
        let at = |millis: i64| Time::from_micros(millis * 1000);
        for (now, next) in [(5_300, 6_300), (5_200, 5_300), (5_301, 6_300)] {
            assert_eq!(next_turn(at(now), phase, LOOP), at(next));
        }
        assert_eq!(next_turn(at(61_000), phase, COLLECTION), at(120_300));
    }
}
