//! A cluster and what a test does with it.

use std::time::Duration;

use podling::clock::Time;
use podling::{Cluster, Components, Config, NodeConfig, Request};
use serde_json::Value;

/// A cluster whose namespace `default` is the stage.
pub(crate) struct Scene {
    pub(crate) cluster: Cluster,
}

impl Scene {
    /// A new cluster with live nodes of these names.
    pub(crate) fn new(seed: u64, nodes: &[&str], components: Components) -> Self {
        let node = |name: &&str| NodeConfig::worker(name, "2", "4Gi");
        Self {
            cluster: Cluster::new(Config {
                seed,
                start: Time::from_micros(1_767_603_600_000_000),
                nodes: nodes.iter().map(node).collect(),
                components,
            }),
        }
    }

    /// Sends a request that must succeed; a patch is a strategic merge patch.
    #[track_caller]
    pub(crate) fn call(&mut self, method: &str, path: &str, body: &Value) -> Value {
        let mut request = Request::new(method, path);
        if !body.is_null() {
            request = request.with_json(body);
        }
        if method == "PATCH" {
            request.content_type = "application/strategic-merge-patch+json".to_owned();
        }
        let response = self.cluster.handle(&request);
        assert!(response.status < 300, "{method} {path}: {}", response.body_json());
        response.body_json()
    }

    /// The object or list at `path`.
    #[track_caller]
    pub(crate) fn get(&mut self, path: &str) -> Value {
        self.call("GET", path, &Value::Null)
    }

    /// The objects at `path`.
    #[track_caller]
    pub(crate) fn items(&mut self, path: &str) -> Vec<Value> {
        self.get(path)["items"].as_array().unwrap().clone()
    }

    /// Lets cluster time pass.
    pub(crate) fn wait(&mut self, seconds: f64) {
        let until = self.cluster.now() + Duration::from_secs_f64(seconds);
        self.cluster.advance_to(until);
    }

    /// Looks again each tenth of a second until `found` says so, at most for `seconds`.
    #[track_caller]
    pub(crate) fn until(&mut self, seconds: f64, what: &str, mut found: impl FnMut(&mut Self) -> bool) {
        let end = self.cluster.now() + Duration::from_secs_f64(seconds);
        while !found(self) {
            assert!(self.cluster.now() < end, "{what}: not within {seconds} s");
            self.wait(0.1);
        }
    }
}

/// `metadata.name`.
pub(crate) fn name(object: &Value) -> &str {
    object["metadata"]["name"].as_str().unwrap_or_default()
}

/// Whether the pod's condition Ready is True.
pub(crate) fn is_ready(pod: &Value) -> bool {
    let mut conditions = pod["status"]["conditions"].as_array().into_iter().flatten();
    conditions.any(|one| one["type"] == "Ready" && one["status"] == "True")
}

/// Whether the object is not being deleted.
pub(crate) fn stays(object: &Value) -> bool {
    object["metadata"]["deletionTimestamp"].is_null()
}
