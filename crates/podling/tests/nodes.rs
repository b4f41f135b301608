//! Pods on live nodes: what a learner sees in the columns of `kubectl get pods`, and the kubelet's events.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::time::Duration;

use podling::clock::Time;
use podling::{Body, Cluster, Components, Config, NodeConfig, Request};
use serde_json::{Value, json};

const PODS: &str = "/api/v1/namespaces/default/pods";

fn node(name: &str) -> NodeConfig {
    NodeConfig::worker(name, "2", "6065108Ki")
}

/// A cluster of one node whose clock is read from its start.
struct Lab {
    cluster: Cluster,
    start: Time,
    rows: Vec<(f64, String)>,
}

impl Lab {
    fn new(seed: u64) -> Self {
        Self::with(seed, Components::default())
    }

    fn with(seed: u64, components: Components) -> Self {
        let start = Time::from_micros(1_790_000_000_000_000);
        let mut cluster = Cluster::new(Config {
            seed,
            start,
            nodes: vec![node("node-1")],
            components,
        });
        cluster.advance_to(start + Duration::from_secs(30));
        Self {
            cluster,
            start: start + Duration::from_secs(30),
            rows: Vec::new(),
        }
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

    /// Creates the pod `p` with one container `app`.
    fn pod(&mut self, container: Value) {
        self.pod_with(container, &json!({}));
    }

    fn pod_with(&mut self, mut container: Value, spec: &Value) {
        container["name"] = "app".into();
        let mut pod = json!({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "p"}, "spec": spec});
        pod["spec"]["containers"] = json!([container]);
        self.create(PODS, &pod);
        self.look();
    }

    fn now(&self) -> f64 {
        self.cluster.now().since(self.start).as_secs_f64()
    }

    /// Lets time pass and notes each change of a pod's row.
    fn run(&mut self, seconds: f64) {
        let end = self.start + Duration::from_secs_f64(seconds);
        while let Some(next) = self.cluster.next_deadline().filter(|next| *next <= end) {
            self.cluster.advance_to(next);
            self.look();
        }
        self.cluster.advance_to(end);
    }

    fn look(&mut self) {
        let mut request = Request::new("GET", PODS);
        request.accept = "application/json;as=Table;v=v1;g=meta.k8s.io".to_owned();
        let (_, body) = self.call(&request);
        let table: Value = serde_json::from_slice(&body).unwrap();
        let now = self.now();
        let rows = table["rows"].as_array().cloned().unwrap_or_default();
        let row = rows.first().map_or_else(
            || "gone".to_owned(),
            |row| {
                let cell = |at: usize| match &row["cells"][at] {
                    Value::String(text) => text.split(' ').next().unwrap_or_default().to_owned(),
                    other => other.to_string(),
                };
                format!("{} {} {}", cell(1), cell(2), cell(3))
            },
        );
        if self.rows.last().is_none_or(|(_, last)| *last != row) {
            self.rows.push((now, row));
        }
    }

    fn events(&mut self) -> Vec<String> {
        let (_, body) = self.call(&Request::new("GET", "/api/v1/namespaces/default/events"));
        let list: Value = serde_json::from_slice(&body).unwrap();
        let mut events: Vec<(String, String)> = list["items"]
            .as_array()
            .unwrap()
            .iter()
            .filter(|event| {
                event["source"]["component"] == "kubelet" && event["involvedObject"]["kind"] == "Pod"
            })
            .map(|event| {
                let text = |field: &str| event[field].as_str().unwrap_or_default().to_owned();
                let line = format!(
                    "{} {} x{} {}",
                    text("type"),
                    text("reason"),
                    event["count"],
                    text("message")
                );
                (text("firstTimestamp"), line)
            })
            .collect();
        events.sort();
        events.into_iter().map(|(_, line)| line).collect()
    }

    fn log(&mut self, query: &str) -> String {
        let (_, body) = self.call(&Request::new("GET", &format!("{PODS}/p/log?{query}")));
        String::from_utf8(body).unwrap()
    }

    /// The rows without their times.
    fn sequence(&self) -> Vec<&str> {
        self.rows.iter().map(|(_, row)| row.as_str()).collect()
    }

    /// Holds the rows against those of a recording: the words exactly, the times within 1.5 s or a tenth.
    #[track_caller]
    fn expect(&self, expected: &[(f64, &str)]) {
        let rows = &self.rows;
        let words: Vec<&str> = expected.iter().map(|(_, row)| *row).collect();
        assert_eq!(self.sequence(), words, "{rows:#?}");
        for ((time, row), (wanted, _)) in rows.iter().zip(expected) {
            let slack = (wanted * 0.1).max(1.5);
            assert!(
                (time - wanted).abs() <= slack,
                "{row} at {time}, not {wanted}: {rows:#?}"
            );
        }
    }
}

#[test]
fn a_readiness_probe_takes_a_pod_out_and_in() {
    let mut lab = Lab::new(1);
    let probe =
        json!({"httpGet": {"path": "/healthz", "port": 8080}, "initialDelaySeconds": 5, "periodSeconds": 5});
    lab.pod(json!({"image": "blux2/delayfailserver:1.1", "readinessProbe": probe}));
    lab.run(45.3);
    lab.call(&Request::new("DELETE", &format!("{PODS}/p")));
    lab.look();
    lab.run(50.0);
    lab.expect(&[
        (0.0, "0/1 Pending 0"),
        (0.4, "0/1 ContainerCreating 0"),
        (0.5, "0/1 Running 0"),
        (5.8, "1/1 Running 0"),
        (20.8, "0/1 Running 0"),
        (45.3, "0/1 Terminating 0"),
        (45.5, "0/1 Error 0"),
        (46.0, "gone"),
    ]);
}

#[test]
fn a_liveness_probe_restarts_and_backs_off() {
    let mut lab = Lab::new(2);
    let probe =
        json!({"httpGet": {"path": "/healthz", "port": 8080}, "initialDelaySeconds": 5, "periodSeconds": 5});
    lab.pod(json!({"image": "blux2/delayfailserver:1.1", "livenessProbe": probe}));
    lab.run(160.0);
    assert_eq!(
        lab.sequence(),
        [
            "0/1 Pending 0",
            "0/1 ContainerCreating 0",
            "1/1 Running 0",
            "1/1 Running 1",
            "1/1 Running 2",
            "1/1 Running 3",
            "1/1 Running 4",
            "0/1 CrashLoopBackOff 4",
        ]
    );
    let times: Vec<f64> = lab.rows.iter().map(|(time, _)| *time).collect();
    for (time, wanted) in times[3..].iter().zip([25.4, 50.4, 75.4, 100.4, 126.0]) {
        assert!((time - wanted).abs() < 2.0, "{times:?}");
    }
}

#[test]
fn a_missing_tag_is_repaired_by_another() {
    let mut lab = Lab::new(3);
    lab.pod(json!({"image": "blux2/hello-server:1.1"}));
    lab.run(4.0);
    assert_eq!(
        lab.sequence(),
        ["0/1 Pending 0", "0/1 ContainerCreating 0", "0/1 ErrImagePull 0"]
    );
    assert!(lab.log("").contains("is waiting to start: image can't be pulled"));
    lab.run(60.0);
    let later = ["0/1 ImagePullBackOff 0", "0/1 ErrImagePull 0"]
        .into_iter()
        .cycle();
    let shown = lab.sequence().split_off(3);
    assert_eq!(shown, later.take(shown.len()).collect::<Vec<_>>());
    assert!(shown.len() >= 2);
    let patch = json!({"spec": {"containers": [{"name": "app", "image": "blux2/hello-server:1.0"}]}});
    let mut request = Request::new("PATCH", &format!("{PODS}/p")).with_json(&patch);
    request.content_type = "application/strategic-merge-patch+json".to_owned();
    assert_eq!(lab.call(&request).0, 200);
    lab.run(63.0);
    assert_eq!(lab.sequence().last(), Some(&"1/1 Running 0"));
    let pulling = "Normal Pulling x2 Pulling image \"blux2/hello-server:1.1\"";
    assert!(
        lab.events().iter().any(|event| event.starts_with(&pulling[..14])),
        "{:#?}",
        lab.events()
    );
}

#[test]
fn a_container_that_fails_shows_its_end_until_just_before_the_restart() {
    let mut lab = Lab::new(4);
    lab.pod(json!({"image": "busybox:1.36.1", "command": ["sh", "-c", "echo oops >&2; exit 1"]}));
    lab.run(30.0);
    assert_eq!(
        lab.sequence(),
        [
            "0/1 Pending 0",
            "0/1 ContainerCreating 0",
            "1/1 Running 0",
            "0/1 Error 0",
            "1/1 Running 1",
            "0/1 Error 1",
            "0/1 CrashLoopBackOff 1",
            "1/1 Running 2",
            "0/1 Error 2",
        ]
    );
    assert_eq!(lab.log(""), "oops\n");
}

#[test]
fn a_leak_is_killed_at_the_memory_limit_and_the_container_restarts() {
    let mut lab = Lab::new(5);
    let resources = json!({"limits": {"cpu": "10m", "memory": "100Mi"}});
    lab.pod(json!({"image": "blux2/hello-server:1.7", "resources": resources}));
    lab.run(14.0);
    let (status, _) = lab.call(&Request::new("GET", &format!("{PODS}/p:8080/proxy/")));
    assert_eq!(status, 503);
    lab.run(28.0);
    lab.expect(&[
        (0.0, "0/1 Pending 0"),
        (0.0, "0/1 ContainerCreating 0"),
        (4.0, "1/1 Running 0"),
        (24.3, "0/1 OOMKilled 0"),
        (25.9, "1/1 Running 1"),
    ]);
}

#[test]
fn a_kubelet_is_reached_through_the_api_server() {
    let components = Components {
        metrics_server: true,
        ..Components::default()
    };
    let mut lab = Lab::with(7, components);
    lab.pod(json!({"image": "nginx:1.27"}));
    lab.run(20.0);
    let mut get = |path: &str| {
        let path = format!("/api/v1/nodes/{path}");
        let (status, body) = lab.call(&Request::new("GET", &path));
        (status, String::from_utf8(body).unwrap())
    };
    assert_eq!(get("node-1/proxy/healthz"), (200, "ok".to_owned()));
    let pods: Value = serde_json::from_str(&get("node-1/proxy/pods").1).unwrap();
    assert_eq!(pods["items"][0]["metadata"]["name"], "p");
    assert_eq!(
        pods["items"][0]["metadata"]["annotations"]["kubernetes.io/config.source"],
        "api"
    );
    let summary: Value = serde_json::from_str(&get("node-1/proxy/stats/summary").1).unwrap();
    assert_eq!(summary["node"]["nodeName"], "node-1");
    assert!(
        summary["pods"][0]["memory"]["workingSetBytes"]
            .as_u64()
            .is_some_and(|bytes| bytes > 0)
    );
    let metrics = get("node-1/proxy/metrics/resource").1;
    assert!(metrics.contains("\npod_cpu_usage_seconds_total{namespace=\"default\",pod=\"p\"} "));
    assert!(metrics.contains("\nnode_memory_working_set_bytes "));
    assert_eq!(get("node-1/proxy/nope"), (404, "404 page not found\n".to_owned()));
    assert_eq!(get("other/proxy/healthz").0, 404);
    let (status, refused) = get("node-1:9100/proxy/");
    assert_eq!(status, 503);
    assert!(
        refused.contains(":9100: connect: connection refused"),
        "{refused}"
    );
}

#[test]
fn a_pod_reaches_another_through_its_service() {
    let mut lab = Lab::new(6);
    let server = json!({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "web", "labels": {"app": "web"}},
        "spec": {"containers": [{"name": "web", "image": "blux2/hello-server:1.0"}]}});
    lab.create(PODS, &server);
    let service = json!({"apiVersion": "v1", "kind": "Service", "metadata": {"name": "web"},
        "spec": {"selector": {"app": "web"}, "ports": [{"port": 80, "targetPort": 8080}]}});
    lab.create("/api/v1/namespaces/default/services", &service);
    lab.run(3.0);
    let script =
        "curl -s web; echo; curl -s -m 5 web.default.svc.cluster.local:81; echo $?; curl -sS nobody; echo $?";
    let client = json!({"image": "curlimages/curl:8.4.0", "command": ["sh", "-c", script]});
    lab.pod_with(client, &json!({"restartPolicy": "Never"}));
    lab.run(20.0);
    let expected = "Hello, world!\n28\ncurl: (6) Could not resolve host: nobody\n6\n";
    assert_eq!(lab.log(""), expected);
}

#[test]
fn the_same_seed_gives_the_same_rows_and_events() {
    let run = || {
        let mut lab = Lab::new(7);
        lab.pod(json!({"image": "busybox:1.36.1", "command": ["sh", "-c", "sleep 3; exit 1"]}));
        lab.run(90.0);
        (lab.events(), lab.rows)
    };
    assert_eq!(run(), run());
}

fn resize(lab: &mut Lab, name: &str, resources: &Value) -> (u16, Value) {
    let patch = json!({"spec": {"containers": [{"name": "app", "resources": resources}]}});
    let mut request = Request::new("PATCH", &format!("{PODS}/{name}/resize")).with_json(&patch);
    request.content_type = "application/strategic-merge-patch+json".to_owned();
    let (status, body) = lab.call(&request);
    (status, serde_json::from_slice(&body).unwrap())
}

fn status_of(lab: &mut Lab, name: &str) -> Value {
    let (_, body) = lab.call(&Request::new("GET", &format!("{PODS}/{name}/resize")));
    let pod: Value = serde_json::from_slice(&body).unwrap();
    pod["status"].clone()
}

/// Type and reason of the conditions that tell of a resize.
fn resize_conditions(status: &Value) -> Vec<(&str, &str)> {
    let conditions = status["conditions"].as_array().map_or(&[][..], Vec::as_slice);
    conditions
        .iter()
        .filter(|it| it["type"].as_str().is_some_and(|kind| kind.contains("Resize")))
        .map(|it| {
            (
                it["type"].as_str().unwrap(),
                it["reason"].as_str().unwrap_or_default(),
            )
        })
        .collect()
}

fn resizable(cpu: &str, memory: &str) -> Value {
    json!({"requests": {"cpu": cpu, "memory": memory}, "limits": {"cpu": cpu, "memory": memory}})
}

#[test]
fn a_resize_is_carried_out_in_place_or_by_a_restart() {
    let mut lab = Lab::new(8);
    let policy = json!([
        {"resourceName": "cpu", "restartPolicy": "NotRequired"},
        {"resourceName": "memory", "restartPolicy": "RestartContainer"},
    ]);
    lab.pod(json!({"image": "nginx:1.27", "resources": resizable("500m", "64Mi"), "resizePolicy": policy}));
    lab.run(20.0);
    let (code, pod) = resize(&mut lab, "p", &resizable("800m", "64Mi"));
    assert_eq!((code, &pod["metadata"]["generation"]), (200, &json!(2)), "{pod}");
    lab.run(20.2);
    let status = status_of(&mut lab, "p");
    let under_way = resize_conditions(&status) == [("PodResizeInProgress", "")];
    lab.run(25.0);
    let status = status_of(&mut lab, "p");
    let container = &status["containerStatuses"][0];
    assert!(under_way || container["resources"]["limits"]["cpu"] == "800m");
    assert_eq!(container["resources"], resizable("800m", "64Mi"));
    assert_eq!(container["allocatedResources"]["cpu"], "800m");
    assert_eq!(container["restartCount"], 0);
    assert!(resize_conditions(&status).is_empty());
    assert_eq!(status["observedGeneration"], 2);

    assert_eq!(resize(&mut lab, "p", &resizable("800m", "128Mi")).0, 200);
    lab.run(60.0);
    let status = status_of(&mut lab, "p");
    let container = &status["containerStatuses"][0];
    assert_eq!(container["resources"], resizable("800m", "128Mi"));
    assert_eq!(container["restartCount"], 1);
    assert!(resize_conditions(&status).is_empty());
    let events = lab.events();
    let count = |part: &str| events.iter().filter(|event| event.contains(part)).count();
    assert_eq!(
        count("Killing x1 Container app resize requires restart"),
        1,
        "{events:#?}"
    );
    assert_eq!(
        (count("Normal ResizeStarted"), count("Normal ResizeCompleted")),
        (2, 2),
        "{events:#?}"
    );
}

#[test]
fn a_resize_waits_for_room_and_never_goes_beyond_the_node() {
    let mut lab = Lab::new(9);
    lab.pod(json!({"image": "nginx:1.27", "resources": resizable("500m", "64Mi")}));
    let other = json!({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "q"},
        "spec": {"terminationGracePeriodSeconds": 1, "containers": [
            {"name": "app", "image": "nginx:1.27", "resources": resizable("1", "64Mi")}]}});
    lab.create(PODS, &other);
    lab.run(20.0);
    let (code, refused) = resize(&mut lab, "p", &resizable("3", "64Mi"));
    assert_eq!(code, 403);
    assert_eq!(
        refused["message"],
        "pods \"p\" is forbidden: Node didn't have enough allocatable resources: cpu, requested: 3000, \
         allocatable: 2000"
    );
    assert_eq!(refused["details"]["causes"], json!([{"reason": "NodeCapacity"}]));

    assert_eq!(resize(&mut lab, "p", &resizable("1500m", "64Mi")).0, 200);
    lab.run(25.0);
    let status = status_of(&mut lab, "p");
    assert_eq!(resize_conditions(&status), [("PodResizePending", "Deferred")]);
    assert_eq!(
        status["conditions"][0]["message"],
        "Node didn't have enough resource: cpu, requested: 1500, used: 1000, capacity: 2000"
    );
    assert_eq!(
        status["containerStatuses"][0]["allocatedResources"]["cpu"],
        "500m"
    );
    lab.call(&Request::new("DELETE", &format!("{PODS}/q")));
    lab.run(40.0);
    let status = status_of(&mut lab, "p");
    assert!(resize_conditions(&status).is_empty(), "{status}");
    assert_eq!(
        status["containerStatuses"][0]["resources"],
        resizable("1500m", "64Mi")
    );
}
