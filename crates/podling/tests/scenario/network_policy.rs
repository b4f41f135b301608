//! NetworkPolicies between Pods that run: who gets an answer, and who does not.

use podling::Components;
use serde_json::{Value, json};

use crate::scene::Scene;

const PODS: &str = "/api/v1/namespaces/default/pods";
const SERVICES: &str = "/api/v1/namespaces/default/services";
const POLICIES: &str = "/apis/networking.k8s.io/v1/namespaces/default/networkpolicies";

impl Scene {
    /// A cluster with the server `web` behind a Service of that name.
    fn with_server() -> Self {
        let mut scene = Self::new(3, &["node-1"], Components::default());
        scene.wait(30.0);
        let server = json!({"name": "c", "image": "nginx:1.27", "ports": [{"containerPort": 80}]});
        scene.call(
            "POST",
            PODS,
            &json!({"metadata": {"name": "web", "labels": {"app": "web"}}, "spec": {"containers": [server]}}),
        );
        let spec = json!({"selector": {"app": "web"}, "ports": [{"port": 80}]});
        scene.call(
            "POST",
            SERVICES,
            &json!({"metadata": {"name": "web"}, "spec": spec}),
        );
        scene.wait(30.0);
        scene
    }

    /// Makes this the only policy.
    fn policy(&mut self, spec: &Value) {
        self.call("DELETE", POLICIES, &Value::Null);
        self.call(
            "POST",
            POLICIES,
            &json!({"metadata": {"name": "p"}, "spec": spec}),
        );
    }

    /// Whether a new Pod with the label gets the page of `web`.
    fn reaches_web(&mut self, app: &str) -> bool {
        let command = json!(["wget", "-T", "3", "-qO-", "http://web"]);
        let container = json!({"name": "c", "image": "busybox:1.36", "command": command});
        let spec = json!({"restartPolicy": "Never", "containers": [container]});
        let metadata = json!({"generateName": "client-", "labels": {"app": app}});
        let created = self.call("POST", PODS, &json!({"metadata": metadata, "spec": spec}));
        self.wait(60.0);
        let name = crate::scene::name(&created);
        match self.get(&format!("{PODS}/{name}"))["status"]["phase"].as_str() {
            Some("Succeeded") => true,
            Some("Failed") => false,
            other => panic!("{other:?}"),
        }
    }
}

#[test]
fn only_those_who_are_let_in_get_an_answer() {
    let mut scene = Scene::with_server();
    assert!(scene.reaches_web("shop"));
    scene.policy(&json!({"podSelector": {"matchLabels": {"app": "web"}}}));
    assert!(!scene.reaches_web("shop"));
    let from = json!([{"podSelector": {"matchLabels": {"app": "shop"}}}]);
    let ingress = json!([{"from": from, "ports": [{"port": 80}]}]);
    scene.policy(&json!({"podSelector": {"matchLabels": {"app": "web"}}, "ingress": ingress}));
    assert!(scene.reaches_web("shop"));
    assert!(!scene.reaches_web("other"));
}

#[test]
fn who_may_not_ask_for_names_finds_nobody() {
    let mut scene = Scene::with_server();
    let to_web = json!({"to": [{"podSelector": {"matchLabels": {"app": "web"}}}]});
    let spec = |egress: Value| json!({"podSelector": {"matchLabels": {"app": "shop"}}, "policyTypes": ["Egress"], "egress": egress});
    scene.policy(&spec(json!([to_web])));
    assert!(!scene.reaches_web("shop"));
    let names = json!({"ports": [{"port": 53, "protocol": "UDP"}]});
    scene.policy(&spec(json!([to_web, names])));
    assert!(scene.reaches_web("shop"));
}
