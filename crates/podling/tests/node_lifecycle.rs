//! Nodes without a kubelet behind them: what becomes of them and of their Pods when nobody hears of them.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::time::Duration;

use podling::clock::Time;
use podling::{Body, Cluster, Components, Config, Request};
use serde_json::{Value, json};

const PODS: &str = "/api/v1/namespaces/default/pods";

struct Lab(Cluster);

impl Lab {
    /// Two nodes, each with a Pod that tolerates the node's silence for a minute.
    fn new() -> Self {
        let components = Components {
            kubelets: false,
            ..Components::default()
        };
        let mut lab = Self(Cluster::new(Config {
            seed: 5,
            start: Time::from_micros(1_790_000_000_000_000),
            nodes: Vec::new(),
            components,
        }));
        for name in ["a", "b"] {
            lab.post(
                "/api/v1/nodes",
                &json!({"apiVersion": "v1", "kind": "Node", "metadata": {"name": name},
                    "status": {"conditions": [{"type": "Ready", "status": "True"}]}}),
            );
            let toleration = json!({"key": "node.kubernetes.io/unreachable", "operator": "Exists",
                "effect": "NoExecute", "tolerationSeconds": 60});
            lab.post(
                PODS,
                &json!({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": format!("on-{name}")},
                    "spec": {"nodeName": name, "containers": [{"name": "c", "image": "nginx"}],
                        "tolerations": [toleration]}}),
            );
        }
        lab
    }

    fn call(&mut self, request: &Request) -> (u16, Vec<u8>) {
        let response = self.0.handle(request);
        match response.body {
            Body::Whole(bytes) => (response.status, bytes),
            Body::Stream(_) | Body::Session(_) => panic!("no whole answer"),
        }
    }

    fn post(&mut self, path: &str, object: &Value) {
        let (status, body) = self.call(&Request::new("POST", path).with_json(object));
        assert_eq!(status, 201, "{}", String::from_utf8_lossy(&body));
    }

    fn get(&mut self, path: &str) -> Value {
        let (_, body) = self.call(&Request::new("GET", path));
        serde_json::from_slice(&body).unwrap()
    }

    /// Lets time pass; the named nodes go on sending heartbeats.
    fn run(&mut self, seconds: u64, alive: &[&str]) {
        for _ in 0..seconds / 10 {
            let now = self.0.now();
            for name in alive {
                let status = json!({"status": {"conditions": [
                    {"type": "Ready", "status": "True", "lastHeartbeatTime": now.rfc3339()}]}});
                let mut request =
                    Request::new("PATCH", &format!("/api/v1/nodes/{name}/status")).with_json(&status);
                request.content_type = "application/strategic-merge-patch+json".to_owned();
                assert_eq!(self.call(&request).0, 200);
            }
            self.0.advance_to(now + Duration::from_secs(10));
        }
    }

    fn taints(&mut self, node: &str) -> Vec<String> {
        let node = self.get(&format!("/api/v1/nodes/{node}"));
        let taints = node["spec"]["taints"].as_array().cloned().unwrap_or_default();
        let text = |taint: &Value, key: &str| taint[key].as_str().unwrap().to_owned();
        taints
            .iter()
            .map(|taint| format!("{}:{}", text(taint, "key"), text(taint, "effect")))
            .collect()
    }
}

#[test]
fn pods_leave_a_silent_node_when_their_toleration_ends() {
    let mut lab = Lab::new();
    lab.run(80, &["b"]);
    let unreachable = "node.kubernetes.io/unreachable";
    assert_eq!(
        lab.taints("a"),
        [
            format!("{unreachable}:NoSchedule"),
            format!("{unreachable}:NoExecute")
        ]
    );
    assert_eq!(lab.taints("b"), [""; 0]);
    let pod = lab.get(&format!("{PODS}/on-a"));
    assert!(pod["metadata"].get("deletionTimestamp").is_none());
    lab.run(70, &["b"]);
    let pod = lab.get(&format!("{PODS}/on-a"));
    assert!(pod["metadata"]["deletionTimestamp"].is_string());
    let target = &pod["status"]["conditions"][0];
    assert_eq!(
        (target["type"].as_str(), target["reason"].as_str()),
        (Some("DisruptionTarget"), Some("DeletionByTaintManager"))
    );
    let events = lab.get("/api/v1/namespaces/default/events");
    let said = |reason: &str| {
        let events = events["items"].as_array().unwrap();
        let found = events.iter().find(|event| event["reason"] == reason);
        found.map(|event| event["message"].as_str().unwrap().to_owned())
    };
    assert_eq!(
        said("TaintManagerEviction").unwrap(),
        "Marking for deletion Pod default/on-a"
    );
    assert_eq!(
        said("NodeNotReady").unwrap(),
        "Node a status is now: NodeNotReady"
    );
}

#[test]
fn a_node_that_returns_in_time_keeps_its_pods() {
    let mut lab = Lab::new();
    lab.run(80, &["b"]);
    lab.run(100, &["a", "b"]);
    assert_eq!(lab.taints("a"), [""; 0]);
    let pod = lab.get(&format!("{PODS}/on-a"));
    assert!(pod["metadata"].get("deletionTimestamp").is_none());
    let events = lab.get("/api/v1/namespaces/default/events");
    let cancelled = "Cancelling deletion of Pod default/on-a";
    let events = events["items"].as_array().unwrap();
    assert!(events.iter().any(|event| event["message"] == cancelled));
}

#[test]
fn nobody_is_driven_out_when_everything_is_silent() {
    let mut lab = Lab::new();
    lab.run(300, &[]);
    let only = ["node.kubernetes.io/unreachable:NoSchedule".to_owned()];
    assert_eq!(lab.taints("a"), only);
    assert_eq!(lab.taints("b"), only);
    let pod = lab.get(&format!("{PODS}/on-a"));
    assert!(pod["metadata"].get("deletionTimestamp").is_none());
}

#[test]
fn pods_of_a_node_that_is_gone_are_collected() {
    let mut lab = Lab::new();
    let (status, _) = lab.call(&Request::new("DELETE", "/api/v1/nodes/a"));
    assert_eq!(status, 200);
    lab.run(30, &["b"]);
    assert_eq!(lab.get(&format!("{PODS}/on-a"))["metadata"]["name"], "on-a");
    lab.run(40, &["b"]);
    assert_eq!(lab.get(&format!("{PODS}/on-a"))["code"], 404);
    assert_eq!(lab.get(&format!("{PODS}/on-b"))["metadata"]["name"], "on-b");
}
