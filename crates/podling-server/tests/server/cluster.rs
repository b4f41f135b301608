//! The clusters of these tests.

use std::collections::BTreeMap;
use std::path::Path;

use k8s_openapi::api::core::v1::ConfigMap;
use kube::api::{Api, ObjectMeta, PostParams};
use podling::clock::Time;
use podling::{Components, Config};
use podling_server::{ClusterHandle, TimeSource};

/// 2026-01-01T00:00:00Z.
pub(crate) const START: Time = Time::from_micros(1_767_225_600_000_000);

pub(crate) fn config() -> Config {
    Config {
        seed: 1,
        start: START,
        nodes: Vec::new(),
        components: Components::default(),
    }
}

/// A cluster in tokio's time.
pub(crate) fn start(journal: Option<&Path>) -> ClusterHandle {
    ClusterHandle::start(config(), TimeSource::Tokio { start: START }, journal).unwrap()
}

pub(crate) fn config_map(name: &str, value: &str) -> ConfigMap {
    ConfigMap {
        metadata: ObjectMeta {
            name: Some(name.to_owned()),
            ..ObjectMeta::default()
        },
        data: Some(BTreeMap::from([("key".to_owned(), value.to_owned())])),
        ..ConfigMap::default()
    }
}

pub(crate) async fn create(client: &kube::Client, name: &str) -> ConfigMap {
    let config_maps: Api<ConfigMap> = Api::default_namespaced(client.clone());
    config_maps
        .create(&PostParams::default(), &config_map(name, "value"))
        .await
        .unwrap()
}

pub(crate) async fn names(client: &kube::Client) -> Vec<String> {
    let config_maps: Api<ConfigMap> = Api::default_namespaced(client.clone());
    let list = config_maps.list(&kube::api::ListParams::default()).await.unwrap();
    list.into_iter()
        .filter_map(|config_map| config_map.metadata.name)
        .collect()
}
