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
}

/// The first moment after `now` (not at it) of a loop that runs each second at `phase`.
///
/// Example: with a phase of 0.3 s, 5.3 gives 6.3 and 5.2 gives 5.3.
fn next_turn(now: Time, phase: Duration) -> Time {
    let second = now.with_whole_seconds();
    let turn = second + phase;
    if turn > now { turn } else { turn + LOOP }
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
        }
    }

    /// When PLEG looks next.
    pub(super) fn next_relist(&self, now: Time) -> Time {
        next_turn(now, self.relist_phase)
    }

    /// The first turn of the queue at or after `time`.
    pub(super) fn queue_turn(&self, time: Time) -> Time {
        next_turn(time - Duration::from_micros(1), self.sync_phase)
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
        for (now, next) in [(5_300, 6_300), (5_200, 5_300), (5_301, 6_300)] {
            assert_eq!(
                next_turn(Time::from_micros(now * 1000), phase),
                Time::from_micros(next * 1000)
            );
        }
    }
}
