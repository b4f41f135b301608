//! The clusters of these tests.

use std::collections::BTreeMap;
use std::path::Path;

use k8s_openapi::ByteString;
use k8s_openapi::api::apps::v1::Deployment;
use k8s_openapi::api::core::v1::Secret;
use kube::api::{Api, ObjectMeta, PostParams};
use podling::clock::Time;
use podling::{Components, Config, NodeConfig};
use podling_server::{ClusterHandle, TimeSource};
use serde_json::json;

/// 2026-01-01T00:00:00Z.
pub(crate) const START: Time = Time::from_micros(1_767_225_600_000_000);

/// A cluster with one node.
pub(crate) fn config() -> Config {
    let node = NodeConfig::worker("node-1", "4", "8Gi");
    Config {
        seed: 1,
        start: START,
        nodes: vec![node],
        components: Components::default(),
    }
}

/// A cluster in tokio's time.
pub(crate) fn start(journal: Option<&Path>) -> ClusterHandle {
    ClusterHandle::start(config(), TimeSource::Tokio { start: START }, journal).unwrap()
}

pub(crate) fn secret(name: &str, value: &str) -> Secret {
    Secret {
        metadata: ObjectMeta {
            name: Some(name.to_owned()),
            ..ObjectMeta::default()
        },
        data: Some(BTreeMap::from([("key".to_owned(), ByteString(value.into()))])),
        ..Secret::default()
    }
}

pub(crate) async fn create(client: &kube::Client, name: &str) -> Secret {
    let secrets: Api<Secret> = Api::default_namespaced(client.clone());
    secrets
        .create(&PostParams::default(), &secret(name, "value"))
        .await
        .unwrap()
}

pub(crate) async fn names(client: &kube::Client) -> Vec<String> {
    let secrets: Api<Secret> = Api::default_namespaced(client.clone());
    let list = secrets.list(&kube::api::ListParams::default()).await.unwrap();
    list.into_iter()
        .filter_map(|secret| secret.metadata.name)
        .collect()
}

/// Creates a Deployment with two Pods.
pub(crate) async fn deploy(client: &kube::Client, name: &str) {
    let labels = json!({"app": name});
    let pod =
        json!({"metadata": {"labels": labels}, "spec": {"containers": [{"name": "web", "image": "nginx"}]}});
    let spec = json!({"replicas": 2, "selector": {"matchLabels": labels}, "template": pod});
    let deployment = serde_json::from_value(json!({"metadata": {"name": name}, "spec": spec})).unwrap();
    let deployments: Api<Deployment> = Api::default_namespaced(client.clone());
    deployments
        .create(&PostParams::default(), &deployment)
        .await
        .unwrap();
}
