//! An autoscaler over the metrics of metrics-server, under load and without.

use podling::{Components, Request};
use serde_json::json;

use crate::scene::Scene;

const AUTOSCALER: &str = "/apis/autoscaling/v2/namespaces/default/horizontalpodautoscalers/web";
const METRICS: &str = "/apis/metrics.k8s.io/v1beta1";

/// A cluster that has run for a while.
fn scene(metrics_server: bool) -> Scene {
    let components = Components {
        metrics_server,
        ..Components::default()
    };
    let mut scene = Scene::new(7, &["node-1"], components);
    scene.wait(20.0);
    scene
}

/// The book's hello-server with 5m of CPU, its Service, and an autoscaler that wants half of that.
fn deploy(scene: &mut Scene) {
    let labels = json!({"app": "web"});
    scene.call(
        "POST",
        "/apis/apps/v1/namespaces/default/deployments",
        &json!({"metadata": {"name": "web"}, "spec": {
            "selector": {"matchLabels": labels},
            "template": {"metadata": {"labels": labels}, "spec": {"containers": [{
                "name": "app", "image": "blux2/hello-server:1.8",
                "resources": {"requests": {"cpu": "5m", "memory": "10Mi"}, "limits": {"cpu": "5m", "memory": "10Mi"}},
            }]}},
        }}),
    );
    scene.call(
        "POST",
        "/api/v1/namespaces/default/services",
        &json!({"metadata": {"name": "web"}, "spec": {"selector": labels, "ports": [{"port": 8080}]}}),
    );
    scene.call(
        "POST",
        "/apis/autoscaling/v2/namespaces/default/horizontalpodautoscalers",
        &json!({"metadata": {"name": "web"}, "spec": {
            "minReplicas": 1, "maxReplicas": 10,
            "scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "web"},
            "metrics": [{"type": "Resource", "resource": {"name": "cpu",
                "target": {"type": "Utilization", "averageUtilization": 50}}}],
        }}),
    );
}

fn load(scene: &mut Scene) {
    let script = "while sleep 0.01; do wget -q -O- http://web.default.svc.cluster.local:8080; done";
    scene.call(
        "POST",
        "/api/v1/namespaces/default/pods",
        &json!({"metadata": {"name": "load-generator"}, "spec": {"restartPolicy": "Never", "containers": [{
            "name": "load-generator", "image": "busybox:1.28", "command": ["/bin/sh", "-c", script],
        }]}}),
    );
}

fn utilization(scene: &mut Scene) -> Option<i64> {
    let autoscaler = scene.get(AUTOSCALER);
    autoscaler["status"]["currentMetrics"][0]["resource"]["current"]["averageUtilization"].as_i64()
}

fn replicas(scene: &mut Scene) -> i64 {
    let deployment = scene.get("/apis/apps/v1/namespaces/default/deployments/web");
    deployment["spec"]["replicas"].as_i64().unwrap()
}

#[test]
fn replicas_follow_the_load_up_and_five_minutes_later_down() {
    let mut scene = scene(true);
    deploy(&mut scene);
    scene.wait(90.0);
    assert_eq!((utilization(&mut scene), replicas(&mut scene)), (Some(0), 1));
    load(&mut scene);
    let mut course = vec![1];
    for _ in 0..20 {
        scene.wait(15.0);
        course.push(replicas(&mut scene));
    }
    course.dedup();
    // One replica gets all it is given, 10m of 5m, and no more than four may come at once; those share 14m, each
    // rounded up, which is 80 % or a little more.
    assert_eq!(course[..2], [1, 4], "{course:?}");
    let grown = replicas(&mut scene);
    assert!((7..=9).contains(&grown), "{course:?}");
    let share = utilization(&mut scene).unwrap();
    assert!((30..=55).contains(&share), "{share}");
    let request = Request::new("DELETE", "/api/v1/namespaces/default/pods/load-generator");
    scene.cluster.handle(&request);
    scene.wait(240.0);
    // What was asked for in the last five minutes still counts.
    assert!(replicas(&mut scene) + 1 >= grown);
    scene.wait(240.0);
    assert_eq!(replicas(&mut scene), 1, "{}", scene.get(AUTOSCALER));
}

#[test]
fn metrics_come_with_the_second_look_and_are_told_as_amounts() {
    let mut scene = scene(true);
    deploy(&mut scene);
    scene.wait(5.0);
    let pods = format!("{METRICS}/namespaces/default/pods");
    assert_eq!(scene.get(&pods)["items"], json!([]));
    scene.wait(60.0);
    let item = scene.get(&pods)["items"][0].clone();
    assert_eq!(
        item["containers"][0]["usage"],
        json!({"cpu": "0", "memory": "2556Ki"})
    );
    assert_eq!(item["window"], "15s");
    let node = scene.get(&format!("{METRICS}/nodes/node-1"));
    assert_eq!(node["usage"]["cpu"], "60m");
    let missing = Request::new("GET", &format!("{METRICS}/namespaces/default/pods/nope"));
    let missing = scene.cluster.handle(&missing).body_json();
    assert_eq!(
        missing["message"],
        "podmetrics.metrics.k8s.io \"default/nope\" not found"
    );
}

#[test]
fn without_metrics_server_the_group_is_not_there_and_the_autoscaler_says_so() {
    let mut scene = scene(false);
    assert_eq!(scene.cluster.handle(&Request::new("GET", METRICS)).status, 404);
    deploy(&mut scene);
    scene.wait(60.0);
    let conditions = scene.get(AUTOSCALER)["status"]["conditions"].clone();
    assert_eq!(conditions[1]["reason"], "FailedGetResourceMetric");
    assert_eq!(replicas(&mut scene), 1);
}

#[test]
fn two_autoscalers_of_one_target_are_refused() {
    let mut scene = scene(true);
    deploy(&mut scene);
    scene.call(
        "POST",
        "/apis/autoscaling/v1/namespaces/default/horizontalpodautoscalers",
        &json!({"metadata": {"name": "also"}, "spec": {"maxReplicas": 3, "targetCPUUtilizationPercentage": 70,
            "scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "web"}}}),
    );
    scene.wait(60.0);
    let conditions = scene.get(AUTOSCALER)["status"]["conditions"].clone();
    assert_eq!(
        conditions[1]["message"],
        "pods by selector app=web are controlled by multiple HPAs: [default/also default/web]"
    );
}
