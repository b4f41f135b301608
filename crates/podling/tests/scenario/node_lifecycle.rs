//! Nodes without a kubelet behind them: what becomes of them and of their Pods when nobody hears of them.

use podling::Components;
use serde_json::{Value, json};

use crate::scene::{Scene, name, stays};

const PODS: &str = "/api/v1/namespaces/default/pods";
const NODES: &str = "/api/v1/nodes";
const EVENTS: &str = "/api/v1/namespaces/default/events";
const UNREACHABLE: &str = "node.kubernetes.io/unreachable";

impl Scene {
    /// Two nodes, each with a Pod that tolerates the node's silence for a minute.
    fn of_nodes() -> Self {
        let components = Components {
            kubelets: false,
            ..Components::default()
        };
        let mut scene = Self::new(5, &[], components);
        for node in ["a", "b"] {
            let conditions = json!([{"type": "Ready", "status": "True"}]);
            let object = json!({"metadata": {"name": node}, "status": {"conditions": conditions}});
            scene.call("POST", NODES, &object);
            let toleration = json!({"key": UNREACHABLE, "operator": "Exists", "effect": "NoExecute",
                "tolerationSeconds": 60});
            let containers = json!([{"name": "c", "image": "nginx"}]);
            let spec = json!({"nodeName": node, "containers": containers, "tolerations": [toleration]});
            let metadata = json!({"name": format!("on-{node}")});
            scene.call("POST", PODS, &json!({"metadata": metadata, "spec": spec}));
        }
        scene
    }

    /// Lets time pass; the named nodes go on sending heartbeats.
    fn wait_with(&mut self, seconds: u64, alive: &[&str]) {
        for _ in 0..seconds / 10 {
            let heartbeat = self.cluster.now().rfc3339();
            for node in alive {
                let ready = json!({"type": "Ready", "status": "True", "lastHeartbeatTime": heartbeat});
                let status = json!({"status": {"conditions": [ready]}});
                self.call("PATCH", &format!("{NODES}/{node}/status"), &status);
            }
            self.wait(10.0);
        }
    }

    fn taints(&mut self, node: &str) -> Vec<String> {
        let node = self.get(&format!("{NODES}/{node}"));
        let taints = node["spec"]["taints"].as_array().cloned().unwrap_or_default();
        let text = |taint: &Value, key: &str| taint[key].as_str().unwrap().to_owned();
        taints
            .iter()
            .map(|taint| format!("{}:{}", text(taint, "key"), text(taint, "effect")))
            .collect()
    }

    fn was_said(&mut self, message: &str) -> bool {
        self.items(EVENTS).iter().any(|event| event["message"] == message)
    }
}

#[test]
fn pods_leave_a_silent_node_when_their_toleration_ends() {
    let mut scene = Scene::of_nodes();
    scene.wait_with(80, &["b"]);
    let both = [
        format!("{UNREACHABLE}:NoSchedule"),
        format!("{UNREACHABLE}:NoExecute"),
    ];
    assert_eq!(scene.taints("a"), both);
    assert_eq!(scene.taints("b"), [""; 0]);
    assert!(stays(&scene.get(&format!("{PODS}/on-a"))));
    assert!(scene.was_said("Node a status is now: NodeNotReady"));
    scene.wait_with(70, &["b"]);
    let pod = scene.get(&format!("{PODS}/on-a"));
    assert!(!stays(&pod));
    assert_eq!(pod["status"]["conditions"][0]["reason"], "DeletionByTaintManager");
    assert!(scene.was_said("Marking for deletion Pod default/on-a"));
}

#[test]
fn a_node_that_returns_in_time_keeps_its_pods() {
    let mut scene = Scene::of_nodes();
    scene.wait_with(80, &["b"]);
    scene.wait_with(100, &["a", "b"]);
    assert_eq!(scene.taints("a"), [""; 0]);
    assert!(stays(&scene.get(&format!("{PODS}/on-a"))));
    assert!(scene.was_said("Cancelling deletion of Pod default/on-a"));
}

#[test]
fn nobody_is_driven_out_when_everything_is_silent() {
    let mut scene = Scene::of_nodes();
    scene.wait_with(300, &[]);
    let only = [format!("{UNREACHABLE}:NoSchedule")];
    assert_eq!(scene.taints("a"), only);
    assert_eq!(scene.taints("b"), only);
    assert!(stays(&scene.get(&format!("{PODS}/on-a"))));
}

#[test]
fn pods_of_a_node_that_is_gone_are_collected() {
    let mut scene = Scene::of_nodes();
    scene.call("DELETE", &format!("{NODES}/a"), &Value::Null);
    scene.wait_with(30, &["b"]);
    assert_eq!(scene.items(PODS).len(), 2);
    scene.wait_with(40, &["b"]);
    assert_eq!(scene.items(PODS).iter().map(name).collect::<Vec<_>>(), ["on-b"]);
}

#[test]
fn pods_that_wait_for_a_cordoned_node_hear_of_its_taint_before_they_get_it() {
    for seed in 1..=20 {
        let mut scene = Scene::new(seed, &["n"], Components::default());
        scene.wait(30.0);
        scene.call(
            "PATCH",
            &format!("{NODES}/n"),
            &json!({"spec": {"unschedulable": true}}),
        );
        scene.wait(1.0);
        let spec = json!({"containers": [{"name": "c", "image": "nginx:1.25.3"}]});
        scene.call("POST", PODS, &json!({"metadata": {"name": "p"}, "spec": spec}));
        scene.wait(5.0);
        scene.call(
            "PATCH",
            &format!("{NODES}/n"),
            &json!({"spec": {"unschedulable": false}}),
        );
        scene.wait(1.0);
        let events = scene.items(EVENTS);
        let of_scheduler = events
            .iter()
            .filter(|event| event["reportingComponent"] == "default-scheduler");
        let said: Vec<&str> = of_scheduler
            .filter_map(|event| event["message"].as_str())
            .collect();
        let why = |reason: &str| {
            format!(
                "0/1 nodes are available: 1 node(s) {reason}. no new claims to deallocate, preemption: 0/1 \
                     nodes are available: 1 Preemption is not helpful for scheduling."
            )
        };
        let mut expected = vec![why("were unschedulable"), why("had untolerated taint(s)")];
        expected.push("Successfully assigned default/p to n".to_owned());
        assert_eq!(said.len(), 3, "seed {seed}: {said:?}");
        assert!(
            expected.iter().all(|one| said.contains(&one.as_str())),
            "seed {seed}: {said:?}"
        );
    }
}
