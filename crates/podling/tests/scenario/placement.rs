//! Where pods come that must be near others, away from them or spread evenly, and what brings those in that wait.

use podling::Components;
use serde_json::{Value, json};

use crate::scene::Scene;

const PODS: &str = "/api/v1/namespaces/default/pods";

impl Scene {
    /// A cluster with nodes `n1` and `n2` in zones `a` and `b`, and no kubelets.
    fn with_zones() -> Self {
        let components = Components {
            kubelets: false,
            node_lifecycle: false,
            ..Components::default()
        };
        let mut scene = Self::new(3, &[], components);
        for (name, zone) in [("n1", "a"), ("n2", "b")] {
            scene.add_node(name, zone);
        }
        scene.wait(1.0);
        scene
    }

    fn add_node(&mut self, name: &str, zone: &str) {
        let labels = json!({"zone": zone, "kubernetes.io/hostname": name});
        let node = json!({"metadata": {"name": name, "labels": labels},
            "status": {"allocatable": {"cpu": "4", "memory": "8Gi", "pods": "110"}}});
        self.call("POST", "/api/v1/nodes", &node);
        // Without a kubelet nobody else says that it is ready.
        let ready = json!({"spec": {"taints": null}});
        self.call("PATCH", &format!("/api/v1/nodes/{name}"), &ready);
    }

    /// Makes a pod of `app` with these further fields of its spec.
    fn add_pod(&mut self, name: &str, app: &str, more: &Value) {
        let mut spec = json!({"containers": [{"name": "c", "image": "e.com/a:1"}]});
        for (key, value) in more.as_object().into_iter().flatten() {
            spec[key] = value.clone();
        }
        let pod = json!({"metadata": {"name": name, "labels": {"app": app}}, "spec": spec});
        self.call("POST", PODS, &pod);
    }

    fn node_of(&mut self, name: &str) -> Value {
        self.get(&format!("{PODS}/{name}"))["spec"]["nodeName"].clone()
    }

    /// Makes a pod that has to wait, changes something, and looks where it comes then.
    #[track_caller]
    fn waits_until(&mut self, more: &Value, change: impl FnOnce(&mut Self)) -> Value {
        self.add_pod("p", "web", more);
        self.wait(2.0);
        assert_eq!(self.node_of("p"), Value::Null, "{more}");
        change(self);
        // Much less than the five minutes after which every pod is tried again.
        self.wait(5.0);
        self.node_of("p")
    }
}

fn affinity(kind: &str, app: &str) -> Value {
    json!({"affinity": {kind: {"requiredDuringSchedulingIgnoredDuringExecution": [
        {"topologyKey": "zone", "labelSelector": {"matchLabels": {"app": app}}}]}}})
}

fn evenly() -> Value {
    json!({"topologySpreadConstraints": [{"maxSkew": 1, "topologyKey": "zone", "whenUnsatisfiable": "DoNotSchedule",
        "labelSelector": {"matchLabels": {"app": "web"}}}]})
}

fn on(node: &str) -> Value {
    json!({"nodeName": node})
}

fn relabel(app: &str) -> Value {
    json!({"metadata": {"labels": {"app": app}}})
}

#[test]
fn a_pod_comes_once_the_one_that_it_wants_near_is_there() {
    let mut scene = Scene::with_zones();
    let near = affinity("podAffinity", "db");
    let node = scene.waits_until(&near, |scene| scene.add_pod("d", "db", &on("n2")));
    assert_eq!(node, "n2");

    let mut scene = Scene::with_zones();
    scene.add_pod("d", "other", &on("n2"));
    let node = scene.waits_until(&near, |scene| {
        scene.call("PATCH", &format!("{PODS}/d"), &relabel("db"));
    });
    assert_eq!(node, "n2");
}

#[test]
fn a_pod_comes_once_the_one_that_keeps_it_away_is_gone() {
    let away = affinity("podAntiAffinity", "db");
    let crowded = || {
        let mut scene = Scene::with_zones();
        scene.add_pod("d1", "db", &on("n1"));
        scene.add_pod("d2", "db", &on("n2"));
        scene.wait(1.0);
        scene
    };
    let now = json!({"gracePeriodSeconds": 0});
    let node = crowded().waits_until(&away, |scene| {
        scene.call("DELETE", &format!("{PODS}/d2"), &now);
    });
    assert_eq!(node, "n2");
    let node = crowded().waits_until(&away, |scene| {
        scene.call("PATCH", &format!("{PODS}/d1"), &relabel("other"));
    });
    assert_eq!(node, "n1");
    let node = crowded().waits_until(&away, |scene| scene.add_node("n3", "c"));
    assert_eq!(node, "n3");
    let node = crowded().waits_until(&away, |scene| {
        scene.call(
            "PATCH",
            "/api/v1/nodes/n1",
            &json!({"metadata": {"labels": {"zone": null}}}),
        );
    });
    assert_eq!(node, "n1");

    let mut scene = Scene::with_zones();
    for (name, node) in [("x1", "n1"), ("x2", "n2")] {
        let mut spec = affinity("podAntiAffinity", "web");
        spec["nodeName"] = node.into();
        scene.add_pod(name, "cache", &spec);
    }
    scene.wait(1.0);
    let node = scene.waits_until(&json!({}), |scene| {
        scene.call("DELETE", &format!("{PODS}/x1"), &now);
    });
    assert_eq!(node, "n1");
}

#[test]
fn a_pod_comes_once_the_others_are_even() {
    let full = || {
        let mut scene = Scene::with_zones();
        scene.add_pod("w", "web", &on("n1"));
        scene.call(
            "PATCH",
            "/api/v1/nodes/n2",
            &json!({"spec": {"unschedulable": true}}),
        );
        scene.wait(1.0);
        scene
    };
    let node = full().waits_until(&evenly(), |scene| scene.add_pod("w2", "web", &on("n2")));
    assert_eq!(node, "n1");
    let node = full().waits_until(&evenly(), |scene| {
        scene.call("DELETE", &format!("{PODS}/w"), &json!({"gracePeriodSeconds": 0}));
    });
    assert_eq!(node, "n1");
    let node = full().waits_until(&evenly(), |scene| {
        scene.call("DELETE", "/api/v1/nodes/n2", &Value::Null);
    });
    assert_eq!(node, "n1");
    let node = full().waits_until(&evenly(), |scene| scene.add_node("n3", "c"));
    assert_eq!(node, "n3");
}

#[test]
fn replicas_are_spread_although_nobody_asks() {
    let mut scene = Scene::with_zones();
    let labels = json!({"app": "web"});
    scene.add_pod("w", "web", &on("n1"));
    let mut big = on("n2");
    big["containers"] = json!([{"name": "c", "image": "e.com/a:1", "resources": {"requests": {"cpu": "2"}}}]);
    scene.add_pod("big", "db", &big);
    scene.add_pod("alone", "alone", &json!({}));
    scene.wait(2.0);
    assert_eq!(scene.node_of("alone"), "n1", "the emptier node");
    // The ReplicaSet takes the first pod for its own and makes another.
    scene.call(
        "POST",
        "/apis/apps/v1/namespaces/default/replicasets",
        &json!({"metadata": {"name": "web"}, "spec": {"replicas": 2, "selector": {"matchLabels": labels},
            "template": {"metadata": {"labels": labels}, "spec": {"containers": [{"name": "c", "image": "e.com/a:1"}]}}}}),
    );
    scene.wait(2.0);
    let pods = scene.items(&format!("{PODS}?labelSelector=app%3Dweb"));
    let mut nodes: Vec<&Value> = pods.iter().map(|pod| &pod["spec"]["nodeName"]).collect();
    nodes.sort_by_key(ToString::to_string);
    assert_eq!(nodes, ["n1", "n2"]);
}
