//! The same seed and the same inputs give the same bytes.

use std::time::Duration;

use podling::clock::Time;
use podling::{Body, Cluster, Components, Config, NodeConfig, Request};
use serde_json::{Value, json};

fn config(seed: u64) -> Config {
    let node = NodeConfig::worker("node-1", "4", "8Gi");
    let start = Time::from_micros(1_767_603_600_000_000);
    Config {
        seed,
        start,
        nodes: vec![node],
        components: Components::default(),
    }
}

/// A Job whose second index fails.
fn job() -> Value {
    json!({"completionMode": "Indexed", "completions": 2, "parallelism": 2, "backoffLimitPerIndex": 1,
        "template": {"spec": {"restartPolicy": "Never", "containers": [{"name": "c", "image": "busybox:1.36.1",
            "command": ["sh", "-c", "exit $JOB_COMPLETION_INDEX"]}]}}})
}

/// What a watch of everything about pods and events says during a rollout and a crash loop.
fn history(seed: u64, step: Duration) -> Vec<u8> {
    let mut cluster = Cluster::new(config(seed));
    let watch = |cluster: &mut Cluster, path: &str| match cluster.handle(&Request::new("GET", path)).body {
        Body::Stream(stream) => stream,
        Body::Whole(bytes) => panic!("{}", String::from_utf8_lossy(&bytes)),
        Body::Session(number) => panic!("session {number}"),
    };
    let mut pods = watch(&mut cluster, "/api/v1/pods?watch=true");
    let mut events = watch(&mut cluster, "/api/v1/events?watch=true");
    let container = json!({"name": "c", "image": "blux2/delayfailserver:1.1", "livenessProbe": {
        "httpGet": {"path": "/healthz", "port": 8080}, "periodSeconds": 5}});
    let template = json!({"metadata": {"labels": {"app": "web"}}, "spec": {"containers": [container]}});
    let workloads = [
        ("deployments", json!({"replicas": 3, "template": template})),
        (
            "statefulsets",
            json!({"replicas": 2, "serviceName": "web", "template": template}),
        ),
        ("daemonsets", json!({"template": template})),
    ];
    let start = cluster.now();
    cluster.advance_to(start + Duration::from_secs(5));
    let mut create = |path: &str, name: &str, spec: &Value| {
        let object = json!({"metadata": {"name": name}, "spec": spec});
        let created = cluster.handle(&Request::new("POST", path).with_json(&object));
        assert_eq!(created.status, 201, "{}", created.body_json());
    };
    for (plural, mut spec) in workloads {
        spec["selector"] = json!({"matchLabels": {"app": "web"}});
        let path = format!("/apis/apps/v1/namespaces/default/{plural}");
        create(&path, &format!("web-{plural}"), &spec);
    }
    let job = job();
    create("/apis/batch/v1/namespaces/default/jobs", "work", &job);
    let cron_job = json!({"schedule": "* * * * *", "jobTemplate": {"spec": job}});
    create("/apis/batch/v1/namespaces/default/cronjobs", "tick", &cron_job);
    let end = start + Duration::from_secs(300);
    let mut said = Vec::new();
    while cluster.now() < end {
        let next = cluster.now() + step;
        cluster.advance_to(next.min(end));
        said.extend(cluster.read(&mut pods).bytes);
    }
    for stream in [&mut pods, &mut events] {
        while let chunk = cluster.read(stream)
            && !chunk.bytes.is_empty()
        {
            said.extend(chunk.bytes);
        }
    }
    said
}

#[test]
fn the_same_seed_gives_the_same_bytes() {
    let step = Duration::from_secs(1);
    let first = history(7, step);
    assert!(first.len() > 10_000, "something happened: {} bytes", first.len());
    assert_eq!(first, history(7, step));
}

#[test]
fn it_does_not_matter_in_which_steps_time_passes() {
    assert_eq!(
        history(7, Duration::from_secs(1)),
        history(7, Duration::from_millis(130))
    );
}

#[test]
fn another_seed_gives_another_history() {
    let step = Duration::from_secs(1);
    assert_ne!(history(7, step), history(8, step));
}
