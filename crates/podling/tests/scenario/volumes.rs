//! Claims on live nodes: a volume is made when its first Pod has a node, outlives the Pods that write it, and goes
//! with its claim.

use podling::{Body, Components, Request};
use serde_json::{Value, json};

use crate::scene::{Scene, name};

const CLAIMS: &str = "/api/v1/namespaces/default/persistentvolumeclaims";
const CLAIM: &str = "/api/v1/namespaces/default/persistentvolumeclaims/data";
const VOLUMES: &str = "/api/v1/persistentvolumes";
const PODS: &str = "/api/v1/namespaces/default/pods";
const EVENTS: &str = "/api/v1/namespaces/default/events";

impl Scene {
    fn of_volumes() -> Self {
        let mut scene = Self::new(3, &["node-1", "node-2"], Components::default());
        scene.wait(30.0);
        scene
    }

    fn claim(&mut self) {
        let spec = json!({"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}});
        self.call(
            "POST",
            CLAIMS,
            &json!({"metadata": {"name": "data"}, "spec": spec}),
        );
    }

    /// A Pod that runs the command once, with the claim at `/data`.
    fn pod_with_claim(&mut self, name: &str, command: &str) {
        let container = json!({"name": "c", "image": "busybox:1.36", "command": ["sh", "-c", command],
            "volumeMounts": [{"name": "v", "mountPath": "/data"}]});
        let volume = json!({"name": "v", "persistentVolumeClaim": {"claimName": "data"}});
        let spec = json!({"restartPolicy": "Never", "containers": [container], "volumes": [volume]});
        self.call("POST", PODS, &json!({"metadata": {"name": name}, "spec": spec}));
    }

    fn delete(&mut self, path: &str) {
        self.call("DELETE", path, &Value::Null);
    }

    fn log_of(&mut self, pod: &str) -> String {
        let response = self
            .cluster
            .handle(&Request::new("GET", &format!("{PODS}/{pod}/log")));
        match response.body {
            Body::Whole(bytes) => String::from_utf8(bytes).unwrap(),
            Body::Stream(_) | Body::Session(_) => panic!("no whole log"),
        }
    }

    /// What was said of the claim: the reasons, each once.
    fn said_of_claim(&mut self) -> Vec<String> {
        let events = self.items(EVENTS);
        let of_claim = events
            .iter()
            .filter(|event| event["involvedObject"]["name"] == "data");
        let mut reasons: Vec<String> = of_claim
            .map(|event| event["reason"].as_str().unwrap().to_owned())
            .collect();
        reasons.sort();
        reasons.dedup();
        reasons
    }
}

#[test]
fn content_outlives_the_pod_and_goes_with_the_claim() {
    let mut scene = Scene::of_volumes();
    scene.claim();
    scene.wait(5.0);
    let claim = scene.get(CLAIM);
    assert_eq!(claim["spec"]["storageClassName"], "standard");
    assert_eq!(claim["status"]["phase"], "Pending");
    scene.pod_with_claim("writer", "echo kept > /data/file");
    scene.wait(30.0);
    assert_eq!(scene.get(CLAIM)["status"]["phase"], "Bound");
    let expected = [
        "ExternalProvisioning",
        "Provisioning",
        "ProvisioningSucceeded",
        "WaitForFirstConsumer",
    ];
    assert_eq!(scene.said_of_claim(), expected);
    scene.delete(&format!("{PODS}/writer"));
    scene.wait(10.0);
    scene.pod_with_claim("reader", "cat /data/file");
    scene.wait(20.0);
    assert_eq!(scene.log_of("reader"), "kept\n");
    scene.delete(CLAIM);
    scene.wait(5.0);
    let held = scene.get(CLAIM);
    assert_eq!(
        held["metadata"]["finalizers"],
        json!(["kubernetes.io/pvc-protection"])
    );
    scene.delete(&format!("{PODS}/reader"));
    scene.wait(10.0);
    assert_eq!(scene.items(VOLUMES), [Value::Null; 0]);
    scene.claim();
    scene.pod_with_claim("fresh", "ls /data");
    scene.wait(30.0);
    assert_eq!(scene.log_of("fresh"), "");
}

#[test]
fn the_second_pod_follows_the_volume_to_its_node() {
    let mut scene = Scene::of_volumes();
    scene.claim();
    scene.pod_with_claim("first", "sleep 3600");
    scene.wait(30.0);
    scene.pod_with_claim("second", "sleep 3600");
    scene.wait(10.0);
    let pods = scene.items(PODS);
    assert_eq!(pods.iter().map(name).collect::<Vec<_>>(), ["first", "second"]);
    assert!(pods[0]["spec"]["nodeName"].is_string());
    assert_eq!(pods[0]["spec"]["nodeName"], pods[1]["spec"]["nodeName"]);
}

#[test]
fn a_pod_whose_volume_is_being_made_says_where_it_goes_and_keeps_its_room() {
    let mut scene = Scene::new(3, &["node-1"], Components::default());
    scene.wait(30.0);
    scene.claim();
    let container = json!({"name": "c", "image": "nginx:1.27", "resources": {"requests": {"cpu": "1500m"}}});
    let volume = json!({"name": "v", "persistentVolumeClaim": {"claimName": "data"}});
    let pods = [
        ("first", json!({"containers": [container], "volumes": [volume]})),
        ("second", json!({"containers": [container]})),
    ];
    for (name, spec) in pods {
        scene.call("POST", PODS, &json!({"metadata": {"name": name}, "spec": spec}));
        scene.wait(0.1);
    }
    let first = scene.get(&format!("{PODS}/first"));
    assert_eq!(first["status"]["nominatedNodeName"], "node-1");
    assert!(first["spec"]["nodeName"].is_null());
    let second = scene.get(&format!("{PODS}/second"));
    assert_eq!(second["status"]["conditions"][0]["reason"], "Unschedulable");
    scene.delete(&format!("{PODS}/first"));
    scene.wait(0.1);
    let second = scene.get(&format!("{PODS}/second"));
    assert_eq!(second["spec"]["nodeName"], "node-1");
}
