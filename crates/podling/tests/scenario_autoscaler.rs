//! An autoscaler over the metrics of metrics-server, under load and without.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::collections::BTreeMap;
use std::time::Duration;

use podling::clock::Time;
use podling::{Cluster, Components, Config, NodeConfig, Request};
use serde_json::{Value, json};

const AUTOSCALER: &str = "/apis/autoscaling/v2/namespaces/default/horizontalpodautoscalers/web";
const METRICS: &str = "/apis/metrics.k8s.io/v1beta1";
const START: Time = Time::from_micros(1_790_000_000_000_000);

fn cluster(metrics_server: bool) -> Cluster {
    Cluster::new(Config {
        seed: 7,
        start: START,
        nodes: vec![NodeConfig {
            name: "node-1".to_owned(),
            control_plane: false,
            labels: BTreeMap::new(),
            taints: Vec::new(),
            cpu: "4".to_owned(),
            memory: "8Gi".to_owned(),
            pods: 110,
        }],
        components: Components {
            metrics_server,
            ..Components::default()
        },
    })
}

fn get(cluster: &mut Cluster, path: &str) -> Value {
    cluster.handle(&Request::new("GET", path)).body_json()
}

fn post(cluster: &mut Cluster, path: &str, object: &Value) {
    let response = cluster.handle(&Request::new("POST", path).with_json(object));
    assert_eq!(response.status, 201, "{}", response.body_json());
}

fn pass(cluster: &mut Cluster, seconds: u64) {
    let then = cluster.now() + Duration::from_secs(seconds);
    cluster.advance_to(then);
}

/// The book's hello-server with 5m of CPU, its Service, and an autoscaler that wants half of that.
fn deploy(cluster: &mut Cluster) {
    let labels = json!({"app": "web"});
    post(
        cluster,
        "/apis/apps/v1/namespaces/default/deployments",
        &json!({"metadata": {"name": "web"}, "spec": {
            "selector": {"matchLabels": labels},
            "template": {"metadata": {"labels": labels}, "spec": {"containers": [{
                "name": "app", "image": "blux2/hello-server:1.8",
                "resources": {"requests": {"cpu": "5m", "memory": "10Mi"}, "limits": {"cpu": "5m", "memory": "10Mi"}},
            }]}},
        }}),
    );
    post(
        cluster,
        "/api/v1/namespaces/default/services",
        &json!({"metadata": {"name": "web"}, "spec": {"selector": labels, "ports": [{"port": 8080}]}}),
    );
    post(
        cluster,
        "/apis/autoscaling/v2/namespaces/default/horizontalpodautoscalers",
        &json!({"metadata": {"name": "web"}, "spec": {
            "minReplicas": 1, "maxReplicas": 10,
            "scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "web"},
            "metrics": [{"type": "Resource", "resource": {"name": "cpu",
                "target": {"type": "Utilization", "averageUtilization": 50}}}],
        }}),
    );
}

fn load(cluster: &mut Cluster) {
    let script = "while sleep 0.01; do wget -q -O- http://web.default.svc.cluster.local:8080; done";
    post(
        cluster,
        "/api/v1/namespaces/default/pods",
        &json!({"metadata": {"name": "load-generator"}, "spec": {"restartPolicy": "Never", "containers": [{
            "name": "load-generator", "image": "busybox:1.28", "command": ["/bin/sh", "-c", script],
        }]}}),
    );
}

fn utilization(cluster: &mut Cluster) -> Option<i64> {
    let autoscaler = get(cluster, AUTOSCALER);
    autoscaler["status"]["currentMetrics"][0]["resource"]["current"]["averageUtilization"].as_i64()
}

fn replicas(cluster: &mut Cluster) -> i64 {
    let deployment = get(cluster, "/apis/apps/v1/namespaces/default/deployments/web");
    deployment["spec"]["replicas"].as_i64().unwrap()
}

#[test]
fn replicas_follow_the_load_up_and_five_minutes_later_down() {
    let mut cluster = cluster(true);
    pass(&mut cluster, 20);
    deploy(&mut cluster);
    pass(&mut cluster, 90);
    assert_eq!((utilization(&mut cluster), replicas(&mut cluster)), (Some(0), 1));
    load(&mut cluster);
    let mut course = vec![1];
    for _ in 0..20 {
        pass(&mut cluster, 15);
        course.push(replicas(&mut cluster));
    }
    course.dedup();
    // One replica gets all it is given, 10m of 5m, and no more than four may come at once; those share 14m, each
    // rounded up, which is 80 % or a little more.
    assert_eq!(course[..2], [1, 4], "{course:?}");
    let grown = replicas(&mut cluster);
    assert!((7..=9).contains(&grown), "{course:?}");
    let share = utilization(&mut cluster).unwrap();
    assert!((30..=55).contains(&share), "{share}");
    let request = Request::new("DELETE", "/api/v1/namespaces/default/pods/load-generator");
    cluster.handle(&request);
    pass(&mut cluster, 240);
    // What was asked for in the last five minutes still counts.
    assert!(replicas(&mut cluster) + 1 >= grown);
    pass(&mut cluster, 240);
    assert_eq!(replicas(&mut cluster), 1, "{}", get(&mut cluster, AUTOSCALER));
}

#[test]
fn metrics_come_with_the_second_look_and_are_told_as_amounts() {
    let mut cluster = cluster(true);
    pass(&mut cluster, 20);
    deploy(&mut cluster);
    pass(&mut cluster, 5);
    let pods = format!("{METRICS}/namespaces/default/pods");
    assert_eq!(get(&mut cluster, &pods)["items"], json!([]));
    pass(&mut cluster, 60);
    let item = get(&mut cluster, &pods)["items"][0].clone();
    assert_eq!(
        item["containers"][0]["usage"],
        json!({"cpu": "0", "memory": "2556Ki"})
    );
    assert_eq!(item["window"], "15s");
    let node = get(&mut cluster, &format!("{METRICS}/nodes/node-1"));
    assert_eq!(node["usage"]["cpu"], "60m");
    let missing = get(&mut cluster, &format!("{METRICS}/namespaces/default/pods/nope"));
    assert_eq!(
        missing["message"],
        "podmetrics.metrics.k8s.io \"default/nope\" not found"
    );
}

#[test]
fn without_metrics_server_the_group_is_not_there_and_the_autoscaler_says_so() {
    let mut cluster = cluster(false);
    pass(&mut cluster, 20);
    assert_eq!(cluster.handle(&Request::new("GET", METRICS)).status, 404);
    deploy(&mut cluster);
    pass(&mut cluster, 60);
    let conditions = get(&mut cluster, AUTOSCALER)["status"]["conditions"].clone();
    assert_eq!(conditions[1]["reason"], "FailedGetResourceMetric");
    assert_eq!(replicas(&mut cluster), 1);
}

#[test]
fn two_autoscalers_of_one_target_are_refused() {
    let mut cluster = cluster(true);
    pass(&mut cluster, 20);
    deploy(&mut cluster);
    post(
        &mut cluster,
        "/apis/autoscaling/v1/namespaces/default/horizontalpodautoscalers",
        &json!({"metadata": {"name": "also"}, "spec": {"maxReplicas": 3, "targetCPUUtilizationPercentage": 70,
            "scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "web"}}}),
    );
    pass(&mut cluster, 60);
    let conditions = get(&mut cluster, AUTOSCALER)["status"]["conditions"].clone();
    assert_eq!(
        conditions[1]["message"],
        "pods by selector app=web are controlled by multiple HPAs: [default/also default/web]"
    );
}

#[test]
fn a_budget_lets_one_pod_go_and_holds_the_other_back() {
    let mut cluster = cluster(false);
    pass(&mut cluster, 20);
    let labels = json!({"app": "web"});
    post(
        &mut cluster,
        "/apis/policy/v1/namespaces/default/poddisruptionbudgets",
        &json!({"metadata": {"name": "b"}, "spec": {"minAvailable": 1, "selector": {"matchLabels": labels}}}),
    );
    post(
        &mut cluster,
        "/apis/apps/v1/namespaces/default/replicasets",
        &json!({"metadata": {"name": "web"}, "spec": {"replicas": 2, "selector": {"matchLabels": labels},
            "template": {"metadata": {"labels": labels}, "spec": {"containers": [{"name": "c", "image": "nginx:1.27"}]}}}}),
    );
    pass(&mut cluster, 20);
    let pods = get(&mut cluster, "/api/v1/namespaces/default/pods");
    let evict = |cluster: &mut Cluster, at: usize| {
        let name = pods["items"][at]["metadata"]["name"].as_str().unwrap();
        let path = format!("/api/v1/namespaces/default/pods/{name}/eviction");
        let eviction = json!({"metadata": {"name": name, "namespace": "default"}});
        cluster
            .handle(&Request::new("POST", &path).with_json(&eviction))
            .status
    };
    let budget = "/apis/policy/v1/namespaces/default/poddisruptionbudgets/b";
    assert_eq!(get(&mut cluster, budget)["status"]["disruptionsAllowed"], 1);
    assert_eq!(evict(&mut cluster, 0), 201);
    assert_eq!(evict(&mut cluster, 1), 429);
    pass(&mut cluster, 30);
    let status = get(&mut cluster, budget)["status"].clone();
    assert_eq!(
        (&status["disruptionsAllowed"], &status["currentHealthy"]),
        (&json!(1), &json!(2))
    );
    assert!(status.get("disruptedPods").is_none(), "{status}");
    assert_eq!(evict(&mut cluster, 1), 201);
}
