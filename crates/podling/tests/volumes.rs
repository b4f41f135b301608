//! Claims on live nodes: a volume is made when its first Pod has a node, outlives the Pods that write it, and goes
//! with its claim.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::collections::BTreeMap;
use std::time::Duration;

use podling::clock::Time;
use podling::{Body, Cluster, Components, Config, NodeConfig, Request};
use serde_json::{Value, json};

const CLAIMS: &str = "/api/v1/namespaces/default/persistentvolumeclaims";
const VOLUMES: &str = "/api/v1/persistentvolumes";
const PODS: &str = "/api/v1/namespaces/default/pods";

fn node(name: &str) -> NodeConfig {
    NodeConfig {
        name: name.to_owned(),
        control_plane: false,
        labels: BTreeMap::new(),
        taints: Vec::new(),
        cpu: "2".to_owned(),
        memory: "4Gi".to_owned(),
        pods: 110,
    }
}

struct Lab(Cluster);

impl Lab {
    fn new() -> Self {
        let start = Time::from_micros(1_790_000_000_000_000);
        let mut lab = Self(Cluster::new(Config {
            seed: 3,
            start,
            nodes: vec![node("node-1"), node("node-2")],
            components: Components::default(),
        }));
        lab.run(30);
        lab
    }

    fn run(&mut self, seconds: u64) {
        self.0.advance_to(self.0.now() + Duration::from_secs(seconds));
    }

    fn call(&mut self, method: &str, path: &str, body: Option<&Value>) -> (u16, Vec<u8>) {
        let mut request = Request::new(method, path);
        if let Some(body) = body {
            request = request.with_json(body);
        }
        let response = self.0.handle(&request);
        match response.body {
            Body::Whole(bytes) => (response.status, bytes),
            Body::Stream(_) | Body::Session(_) => panic!("no whole answer"),
        }
    }

    fn create(&mut self, path: &str, object: &Value) {
        let (status, body) = self.call("POST", path, Some(object));
        assert_eq!(status, 201, "{}", String::from_utf8_lossy(&body));
    }

    fn get(&mut self, path: &str) -> Value {
        let (_, body) = self.call("GET", path, None);
        serde_json::from_slice(&body).unwrap()
    }

    fn claim(&mut self) {
        self.create(
            CLAIMS,
            &json!({"apiVersion": "v1", "kind": "PersistentVolumeClaim", "metadata": {"name": "data"},
                "spec": {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}}}),
        );
    }

    fn pod(&mut self, name: &str, command: &str) {
        self.create(
            PODS,
            &json!({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": name}, "spec": {
                "restartPolicy": "Never",
                "containers": [{"name": "c", "image": "busybox:1.36", "command": ["sh", "-c", command],
                    "volumeMounts": [{"name": "v", "mountPath": "/data"}]}],
                "volumes": [{"name": "v", "persistentVolumeClaim": {"claimName": "data"}}]}}),
        );
    }

    fn log(&mut self, pod: &str) -> String {
        let (_, body) = self.call("GET", &format!("{PODS}/{pod}/log"), None);
        String::from_utf8(body).unwrap()
    }

    fn reasons(&mut self, of: &str) -> Vec<String> {
        let events = self.get("/api/v1/namespaces/default/events");
        let mut reasons: Vec<String> = events["items"]
            .as_array()
            .unwrap()
            .iter()
            .filter(|event| event["involvedObject"]["name"] == of)
            .map(|event| event["reason"].as_str().unwrap().to_owned())
            .collect();
        reasons.sort();
        reasons.dedup();
        reasons
    }
}

#[test]
fn content_outlives_the_pod_and_goes_with_the_claim() {
    let mut lab = Lab::new();
    lab.claim();
    lab.run(5);
    let claim = lab.get(&format!("{CLAIMS}/data"));
    assert_eq!(claim["spec"]["storageClassName"], "standard");
    assert_eq!(claim["status"]["phase"], "Pending");
    lab.pod("writer", "echo kept > /data/file");
    lab.run(30);
    let claim = lab.get(&format!("{CLAIMS}/data"));
    assert_eq!(claim["status"]["phase"], "Bound");
    let volume = claim["spec"]["volumeName"].as_str().unwrap().to_owned();
    assert_eq!(
        lab.reasons("data"),
        [
            "ExternalProvisioning",
            "Provisioning",
            "ProvisioningSucceeded",
            "WaitForFirstConsumer"
        ]
    );
    lab.call("DELETE", &format!("{PODS}/writer"), None);
    lab.run(10);
    lab.pod("reader", "cat /data/file");
    lab.run(20);
    assert_eq!(lab.log("reader"), "kept\n");
    lab.call("DELETE", &format!("{CLAIMS}/data"), None);
    lab.run(5);
    let held = lab.get(&format!("{CLAIMS}/data"));
    assert_eq!(
        held["metadata"]["finalizers"],
        json!(["kubernetes.io/pvc-protection"])
    );
    lab.call("DELETE", &format!("{PODS}/reader"), None);
    lab.run(10);
    assert_eq!(lab.get(&format!("{VOLUMES}/{volume}"))["code"], 404);
    lab.claim();
    lab.pod("fresh", "ls /data");
    lab.run(30);
    assert_eq!(lab.log("fresh"), "");
}

#[test]
fn the_second_pod_follows_the_volume_to_its_node() {
    let mut lab = Lab::new();
    lab.claim();
    lab.pod("first", "sleep 3600");
    lab.run(30);
    lab.pod("second", "sleep 3600");
    lab.run(10);
    let node = |lab: &mut Lab, pod: &str| lab.get(&format!("{PODS}/{pod}"))["spec"]["nodeName"].clone();
    let first = node(&mut lab, "first");
    assert!(first.is_string());
    assert_eq!(node(&mut lab, "second"), first);
}
