//! A budget for disruptions, and evictions under it.

use podling::{Components, Request};
use serde_json::{Value, json};

use crate::scene::{Scene, name};

#[test]
fn a_budget_lets_one_pod_go_and_holds_the_other_back() {
    let mut scene = Scene::new(7, &["node-1"], Components::default());
    scene.wait(20.0);
    let labels = json!({"app": "web"});
    scene.call(
        "POST",
        "/apis/policy/v1/namespaces/default/poddisruptionbudgets",
        &json!({"metadata": {"name": "b"}, "spec": {"minAvailable": 1, "selector": {"matchLabels": labels}}}),
    );
    scene.call(
        "POST",
        "/apis/apps/v1/namespaces/default/replicasets",
        &json!({"metadata": {"name": "web"}, "spec": {"replicas": 2, "selector": {"matchLabels": labels},
            "template": {"metadata": {"labels": labels}, "spec": {"containers": [{"name": "c", "image": "nginx:1.27"}]}}}}),
    );
    scene.wait(20.0);
    let pods = scene.items("/api/v1/namespaces/default/pods");
    let evict = |scene: &mut Scene, pod: &Value| {
        let path = format!("/api/v1/namespaces/default/pods/{}/eviction", name(pod));
        let eviction = json!({"metadata": {"name": name(pod), "namespace": "default"}});
        let request = Request::new("POST", &path).with_json(&eviction);
        scene.cluster.handle(&request).status
    };
    let budget = "/apis/policy/v1/namespaces/default/poddisruptionbudgets/b";
    assert_eq!(scene.get(budget)["status"]["disruptionsAllowed"], 1);
    assert_eq!(evict(&mut scene, &pods[0]), 201);
    assert_eq!(evict(&mut scene, &pods[1]), 429);
    scene.wait(30.0);
    let status = scene.get(budget)["status"].clone();
    assert_eq!(
        (&status["disruptionsAllowed"], &status["currentHealthy"]),
        (&json!(1), &json!(2))
    );
    assert!(status.get("disruptedPods").is_none(), "{status}");
    assert_eq!(evict(&mut scene, &pods[1]), 201);
}
