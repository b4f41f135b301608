//! Resizing a Pod in a namespace with a quota and bounds.

use podling::{Components, Request};
use serde_json::{Value, json};

use crate::scene::Scene;

const PODS: &str = "/api/v1/namespaces/default/pods";
const QUOTAS: &str = "/api/v1/namespaces/default/resourcequotas";
const RANGES: &str = "/api/v1/namespaces/default/limitranges";

impl Scene {
    /// Resizes the Pod `p`; the status code, and the message of a refusal.
    fn resize(&mut self, cpu: &str) -> (u16, String) {
        let patch = json!({"spec": {"containers": [{"name": "app", "resources": resources(cpu)}]}});
        let mut request = Request::new("PATCH", &format!("{PODS}/p/resize")).with_json(&patch);
        request.content_type = "application/strategic-merge-patch+json".to_owned();
        let response = self.cluster.handle(&request);
        let message = response.body_json()["message"]
            .as_str()
            .unwrap_or_default()
            .to_owned();
        (response.status, message)
    }

    /// What the quota says that is used.
    fn used(&mut self) -> Value {
        self.get(&format!("{QUOTAS}/q"))["status"]["used"].clone()
    }
}

fn resources(cpu: &str) -> Value {
    json!({"requests": {"cpu": cpu}, "limits": {"cpu": cpu}})
}

/// A running Pod `p` with half a CPU in a namespace that may use one.
fn scene() -> Scene {
    let mut scene = Scene::new(12, &["n"], Components::default());
    scene.wait(30.0);
    let hard = json!({"requests.cpu": "1", "limits.cpu": "1"});
    scene.call(
        "POST",
        QUOTAS,
        &json!({"metadata": {"name": "q"}, "spec": {"hard": hard}}),
    );
    scene.wait(1.0);
    let container = json!({"name": "app", "image": "nginx:1.25.3", "resources": resources("500m")});
    scene.call(
        "POST",
        PODS,
        &json!({"metadata": {"name": "p"}, "spec": {"containers": [container]}}),
    );
    scene.wait(30.0);
    scene
}

#[test]
fn a_resize_is_charged_to_the_quota() {
    let mut scene = scene();
    let refused = "pods \"p\" is forbidden: exceeded quota: q, requested: limits.cpu=1,requests.cpu=1, used: \
                   limits.cpu=500m,requests.cpu=500m, limited: limits.cpu=1,requests.cpu=1";
    assert_eq!(scene.resize("1500m"), (403, refused.to_owned()));
    assert_eq!(
        scene.used(),
        json!({"limits.cpu": "500m", "requests.cpu": "500m"})
    );
    assert_eq!(scene.resize("800m").0, 200);
    assert_eq!(
        scene.used(),
        json!({"limits.cpu": "800m", "requests.cpu": "800m"})
    );
    scene.wait(30.0);
    assert_eq!(scene.resize("300m").0, 200);
    // Until the kubelet has taken it away the container still has it.
    assert_eq!(
        scene.used(),
        json!({"limits.cpu": "800m", "requests.cpu": "800m"})
    );
    scene.wait(600.0);
    assert_eq!(
        scene.used(),
        json!({"limits.cpu": "300m", "requests.cpu": "300m"})
    );
}

#[test]
fn a_resize_keeps_to_the_bounds_of_a_limit_range() {
    let mut scene = scene();
    let limits = json!([{"type": "Container", "min": {"cpu": "200m"}, "max": {"cpu": "600m"}}]);
    scene.call(
        "POST",
        RANGES,
        &json!({"metadata": {"name": "r"}, "spec": {"limits": limits}}),
    );
    let refused = "pods \"p\" is forbidden: maximum cpu usage per Container is 600m, but limit is 700m";
    assert_eq!(scene.resize("700m"), (403, refused.to_owned()));
    let refused = "pods \"p\" is forbidden: minimum cpu usage per Container is 200m, but request is 100m";
    assert_eq!(scene.resize("100m"), (403, refused.to_owned()));
    assert_eq!(scene.resize("600m").0, 200);
}

#[test]
fn a_pod_that_shrinks_makes_room_only_when_its_container_has_given_it_up() {
    let mut scene = Scene::new(12, &["n"], Components::default());
    scene.wait(30.0);
    let create = |scene: &mut Scene, name: &str, cpu: &str| {
        let container = json!({"name": "app", "image": "nginx:1.25.3", "resources": resources(cpu)});
        let pod = json!({"metadata": {"name": name}, "spec": {"containers": [container]}});
        scene.call("POST", PODS, &pod);
        scene.wait(10.0);
    };
    create(&mut scene, "p", "1500m");
    create(&mut scene, "q", "1");
    let node_of =
        |scene: &mut Scene, pod: &str| scene.get(&format!("{PODS}/{pod}"))["spec"]["nodeName"].clone();
    let runs_with = |scene: &mut Scene| {
        scene.get(&format!("{PODS}/p"))["status"]["containerStatuses"][0]["resources"]["requests"]["cpu"]
            .clone()
    };
    assert_eq!(node_of(&mut scene, "q"), Value::Null);
    assert_eq!(scene.resize("500m").0, 200);
    while runs_with(&mut scene) == "1500m" {
        assert_eq!(
            node_of(&mut scene, "q"),
            Value::Null,
            "the container still runs with what it had"
        );
        scene.wait(0.001);
    }
    scene.wait(0.1);
    assert_eq!(node_of(&mut scene, "q"), "n");
}
