//! The Service `kubernetes`, by which containers reach the API server, and where it leads.
//!
//! Source: `pkg/controlplane/controller/kubernetesservice` and `pkg/controlplane/reconcilers`. Differs from Kubernetes: the
//! objects are looked after when they are taken away, not when they are changed.

use std::time::Duration;

use serde_json::{Value, json};

use super::{ApiServer, Component};
use crate::clock::Time;
use crate::network::addresses::API_SERVER_PORT;
use crate::resource::{ENDPOINT_SLICES, ENDPOINTS, Resource, SERVICES};
use crate::rng::Rng;
use crate::storage::{Change, ChangeKind, text};

const NAMESPACE: &str = "default";
const NAME: &str = "kubernetes";

/// The first address of the range of cluster IPs.
const CLUSTER_IP: &str = "10.96.0.1";

/// How often the API server looks whether they are there (`EndpointInterval`).
const LOOKS_AFTER: Duration = Duration::from_secs(10);

/// Keeps the objects there.
#[derive(Debug)]
pub(crate) struct KubernetesService {
    address: String,
    /// Chance of its own, so that the objects change no name elsewhere.
    chance: Rng,
    due: Option<Time>,
}

impl KubernetesService {
    /// For an API server at `address`.
    pub(crate) fn new(address: &str, seed: u64) -> Self {
        Self {
            address: address.to_owned(),
            chance: Rng::named("kubernetesservice", seed),
            due: None,
        }
    }

    /// Writes what is missing.
    pub(crate) fn publish(&mut self, api: &mut ApiServer) {
        let objects: [(&Resource, Value); 3] = [
            (&SERVICES, service()),
            (&ENDPOINTS, endpoints(&self.address)),
            (&ENDPOINT_SLICES, slice(&self.address)),
        ];
        for (resource, mut object) in objects {
            if api.get(resource, NAMESPACE, NAME).is_some() {
                continue;
            }
            object["metadata"]["uid"] = self.chance.uuid().into();
            object["metadata"]["creationTimestamp"] = api.now().rfc3339().into();
            api.store.put(resource, object);
        }
    }
}

impl Component for KubernetesService {
    fn observe(&mut self, change: &Change, api: &ApiServer) {
        let metadata = |key| text(&change.object, &["metadata", key]);
        let is_ours = [&SERVICES, &ENDPOINTS, &ENDPOINT_SLICES].contains(&change.resource)
            && (metadata("namespace"), metadata("name")) == (NAMESPACE, NAME);
        if is_ours && change.kind == ChangeKind::Deleted {
            self.due.get_or_insert(api.now() + LOOKS_AFTER);
        }
    }

    fn next_deadline(&self) -> Option<Time> {
        self.due
    }

    fn run_next(&mut self, api: &mut ApiServer) {
        self.due = None;
        self.publish(api);
    }
}

fn service() -> Value {
    json!({
        "apiVersion": "v1", "kind": "Service",
        "metadata": {
            "name": NAME, "namespace": NAMESPACE,
            "labels": {"component": "apiserver", "provider": "kubernetes"},
        },
        "spec": {
            "type": "ClusterIP", "clusterIP": CLUSTER_IP, "clusterIPs": [CLUSTER_IP],
            "ports": [{"name": "https", "port": 443, "protocol": "TCP", "targetPort": API_SERVER_PORT}],
            "sessionAffinity": "None", "internalTrafficPolicy": "Cluster",
            "ipFamilies": ["IPv4"], "ipFamilyPolicy": "SingleStack",
        },
        "status": {"loadBalancer": {}},
    })
}

fn endpoints(address: &str) -> Value {
    json!({
        "apiVersion": "v1", "kind": "Endpoints",
        "metadata": {
            "name": NAME, "namespace": NAMESPACE,
            "labels": {"endpointslice.kubernetes.io/skip-mirror": "true"},
        },
        "subsets": [{
            "addresses": [{"ip": address}],
            "ports": [{"name": "https", "port": API_SERVER_PORT, "protocol": "TCP"}],
        }],
    })
}

fn slice(address: &str) -> Value {
    json!({
        "apiVersion": "discovery.k8s.io/v1", "kind": "EndpointSlice",
        "metadata": {
            "name": NAME, "namespace": NAMESPACE, "generation": 1,
            "labels": {"kubernetes.io/service-name": NAME},
        },
        "addressType": "IPv4",
        "endpoints": [{"addresses": [address], "conditions": {"ready": true}}],
        "ports": [{"name": "https", "port": API_SERVER_PORT, "protocol": "TCP"}],
    })
}
