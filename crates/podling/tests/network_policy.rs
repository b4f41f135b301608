//! NetworkPolicies between Pods that run: who gets an answer, and who does not.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::collections::BTreeMap;
use std::time::Duration;

use podling::clock::Time;
use podling::{Body, Cluster, Components, Config, NodeConfig, Request};
use serde_json::{Value, json};

const PODS: &str = "/api/v1/namespaces/default/pods";
const POLICIES: &str = "/apis/networking.k8s.io/v1/namespaces/default/networkpolicies";

struct Lab {
    cluster: Cluster,
    clients: u32,
}

impl Lab {
    /// A cluster with the server `web` behind a Service of that name.
    fn new() -> Self {
        let start = Time::from_micros(1_790_000_000_000_000);
        let node = NodeConfig {
            name: "node-1".to_owned(),
            control_plane: false,
            labels: BTreeMap::new(),
            taints: Vec::new(),
            cpu: "2".to_owned(),
            memory: "4Gi".to_owned(),
            pods: 110,
        };
        let cluster = Cluster::new(Config {
            seed: 3,
            start,
            nodes: vec![node],
            components: Components::default(),
        });
        let mut lab = Self { cluster, clients: 0 };
        lab.run(30);
        lab.create(
            PODS,
            &json!({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "web", "labels": {"app": "web"}},
                "spec": {"containers": [{"name": "c", "image": "nginx:1.27", "ports": [{"containerPort": 80}]}]}}),
        );
        lab.create(
            "/api/v1/namespaces/default/services",
            &json!({"apiVersion": "v1", "kind": "Service", "metadata": {"name": "web"},
                "spec": {"selector": {"app": "web"}, "ports": [{"port": 80}]}}),
        );
        lab.run(30);
        lab
    }

    fn run(&mut self, seconds: u64) {
        let then = self.cluster.now() + Duration::from_secs(seconds);
        self.cluster.advance_to(then);
    }

    fn call(&mut self, request: &Request) -> (u16, Vec<u8>) {
        let response = self.cluster.handle(request);
        match response.body {
            Body::Whole(bytes) => (response.status, bytes),
            Body::Stream(_) | Body::Session(_) => panic!("no whole answer"),
        }
    }

    fn create(&mut self, path: &str, object: &Value) {
        let (status, body) = self.call(&Request::new("POST", path).with_json(object));
        assert_eq!(status, 201, "{}", String::from_utf8_lossy(&body));
    }

    fn policy(&mut self, spec: &Value) {
        self.call(&Request::new("DELETE", &format!("{POLICIES}/p")));
        self.create(
            POLICIES,
            &json!({"apiVersion": "networking.k8s.io/v1", "kind": "NetworkPolicy", "metadata": {"name": "p"},
                "spec": spec}),
        );
    }

    /// Whether a new Pod with the label gets the page of `web`.
    fn reaches(&mut self, app: &str) -> bool {
        self.clients += 1;
        let name = format!("client-{}", self.clients);
        self.create(
            PODS,
            &json!({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": name, "labels": {"app": app}},
                "spec": {"restartPolicy": "Never", "containers": [{"name": "c", "image": "busybox:1.36",
                    "command": ["wget", "-T", "3", "-qO-", "http://web"]}]}}),
        );
        self.run(60);
        let (_, body) = self.call(&Request::new("GET", &format!("{PODS}/{name}")));
        let pod: Value = serde_json::from_slice(&body).unwrap();
        match pod["status"]["phase"].as_str() {
            Some("Succeeded") => true,
            Some("Failed") => false,
            other => panic!("{other:?}"),
        }
    }
}

#[test]
fn only_those_who_are_let_in_get_an_answer() {
    let mut lab = Lab::new();
    assert!(lab.reaches("shop"));
    lab.policy(&json!({"podSelector": {"matchLabels": {"app": "web"}}}));
    assert!(!lab.reaches("shop"));
    let from_shop = json!({"podSelector": {"matchLabels": {"app": "web"}},
        "ingress": [{"from": [{"podSelector": {"matchLabels": {"app": "shop"}}}], "ports": [{"port": 80}]}]});
    lab.policy(&from_shop);
    assert!(lab.reaches("shop"));
    assert!(!lab.reaches("other"));
}

#[test]
fn who_may_not_ask_for_names_finds_nobody() {
    let mut lab = Lab::new();
    let to_web = json!({"to": [{"podSelector": {"matchLabels": {"app": "web"}}}]});
    let spec = |egress: Value| json!({"podSelector": {"matchLabels": {"app": "shop"}}, "policyTypes": ["Egress"], "egress": egress});
    lab.policy(&spec(json!([to_web])));
    assert!(!lab.reaches("shop"));
    let names = json!({"ports": [{"port": 53, "protocol": "UDP"}]});
    lab.policy(&spec(json!([to_web, names])));
    assert!(lab.reaches("shop"));
}
