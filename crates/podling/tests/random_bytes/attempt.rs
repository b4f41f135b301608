//! One attempt with bytes that a client should never send: a small cluster gets them, and its answers are held against
//! what all answers have in common.
//!
//! For the ordinary tests and for the targets of `fuzz/`, which both include this file.

use std::cell::RefCell;

use podling::clock::Time;
use podling::quantity::Quantity;
use podling::{Body, Cluster, Components, Config, Request, Response};
use serde_json::{Value, json};

/// The path of the object that patches are for.
const DEPLOYMENT: &str = "/apis/apps/v1/namespaces/default/deployments/web";

/// A cluster of an API server alone, with a Deployment `web`.
fn cluster() -> Cluster {
    let mut cluster = Cluster::new(Config {
        seed: 1,
        start: Time::from_micros(1_700_000_000_000_000),
        nodes: Vec::new(),
        components: Components {
            controllers: false,
            scheduler: false,
            kubelets: false,
            ..Components::default()
        },
    });
    let account = json!({"metadata": {"name": "default"}});
    let accounts = "/api/v1/namespaces/default/serviceaccounts";
    cluster.handle(&Request::new("POST", accounts).with_json(&account));
    let deployment = json!({
        "metadata": {"name": "web", "labels": {"app": "web"}, "finalizers": ["example.com/a"]},
        "spec": {
            "replicas": 2,
            "selector": {"matchLabels": {"app": "web"}},
            "template": {
                "metadata": {"labels": {"app": "web"}},
                "spec": {
                    "containers": [{
                        "name": "c", "image": "nginx:1.27", "env": [{"name": "A", "value": "1"}],
                        "ports": [{"containerPort": 80}], "resources": {"limits": {"cpu": "100m"}},
                    }],
                    "volumes": [{"name": "v", "emptyDir": {}}],
                },
            },
        },
    });
    let (collection, _) = DEPLOYMENT.rsplit_once('/').expect("a path");
    let created = cluster.handle(&Request::new("POST", collection).with_json(&deployment));
    assert_eq!(created.status, 201, "{}", created.body_json());
    cluster
}

thread_local! {
    /// The cluster of the last attempt, if that changed nothing: to make one takes longer than most attempts.
    static UNCHANGED: RefCell<Option<Cluster>> = const { RefCell::new(None) };
}

/// Makes an attempt on a cluster that is as good as new.
fn with_cluster(attempt: impl FnOnce(&mut Cluster)) {
    let mut cluster = UNCHANGED.take().unwrap_or_else(cluster);
    let before = version(&mut cluster);
    attempt(&mut cluster);
    if version(&mut cluster) == before {
        UNCHANGED.set(Some(cluster));
    }
}

/// The resource version of the last write.
fn version(cluster: &mut Cluster) -> Value {
    let nodes = cluster
        .handle(&Request::new("GET", "/api/v1/nodes?limit=1"))
        .body_json();
    nodes["metadata"]["resourceVersion"].clone()
}

/// Sends a whole request: method, path, query, Accept and Content-Type, each on a line of its own, then the body.
pub fn request(data: &[u8]) {
    let mut parts = data.splitn(6, |byte| *byte == b'\n');
    let mut next = || String::from_utf8_lossy(parts.next().unwrap_or_default()).into_owned();
    let mut request = Request {
        method: next(),
        path: next(),
        query: next(),
        accept: next(),
        content_type: next(),
        ..Request::default()
    };
    request.body = parts.next().unwrap_or_default().to_vec();
    with_cluster(|cluster| check(&cluster.handle(&request), data));
}

/// Sends a body of that type.
fn send(cluster: &mut Cluster, method: &str, path: &str, content_type: &str, body: &[u8]) -> Response {
    let mut request = Request::new(method, path);
    content_type.clone_into(&mut request.content_type);
    request.body = body.to_vec();
    let response = cluster.handle(&request);
    check(&response, body);
    response
}

/// Holds an answer against what all answers have in common.
fn check(response: &Response, body: &[u8]) {
    let Body::Whole(bytes) = &response.body else {
        return;
    };
    if response.content_type != "application/json" {
        return;
    }
    let shown = String::from_utf8_lossy(body);
    let answer: Value = serde_json::from_slice(bytes).unwrap_or_else(|error| panic!("{error}: {shown}"));
    if response.status >= 400 {
        assert_eq!(answer["kind"], "Status", "{answer} to {shown}");
        assert_eq!(answer["code"], response.status, "{answer} to {shown}");
        assert_ne!(answer["reason"], "InternalError", "{answer} to {shown}");
    }
}

/// Creates an object; if that works, reads it back and writes it again, which must change nothing.
pub fn create(content_type: &str, path: &str, body: &[u8]) {
    with_cluster(|cluster| create_in(cluster, content_type, path, body));
}

fn create_in(cluster: &mut Cluster, content_type: &str, path: &str, body: &[u8]) {
    let response = send(cluster, "POST", path, content_type, body);
    let created = response.body_json();
    let name = created["metadata"]["name"].as_str().unwrap_or_default();
    let collection = path.split('?').next().unwrap_or_default();
    if response.status != 201 || name.is_empty() || path.contains("dryRun") {
        return;
    }
    let own = format!("{collection}/{name}");
    let stored = cluster.handle(&Request::new("GET", &own));
    // What has no storage of its own, such as an eviction or a review, cannot be read.
    if stored.status != 200 || stored.body_json()["kind"] != created["kind"] {
        return;
    }
    let shown = String::from_utf8_lossy(body);
    assert_eq!(stored.body_json(), created, "{shown}");
    let again = cluster.handle(&Request::new("PUT", &own).with_json(&created));
    assert_eq!(again.body_json(), created, "{shown}");
}

/// Patches the Deployment, or what `suffix` names of it, and if that worked patches it again.
pub fn patch(content_type: &str, suffix: &str, body: &[u8]) {
    let path = format!("{DEPLOYMENT}{suffix}");
    with_cluster(|cluster| {
        if send(cluster, "PATCH", &path, content_type, body).status == 200 {
            send(cluster, "PATCH", &path, content_type, body);
        }
    });
}

/// Lists Deployments by a selector of labels, and of fields.
pub fn select(selector: &[u8]) {
    let escaped: Vec<String> = selector.iter().map(|byte| format!("%{byte:02x}")).collect();
    let escaped = escaped.concat();
    for parameter in ["labelSelector", "fieldSelector"] {
        let path = format!("/apis/apps/v1/deployments?{parameter}={escaped}");
        with_cluster(|cluster| check(&cluster.handle(&Request::new("GET", &path)), selector));
    }
}

/// Reads a quantity: one that can be read is written in a form that is read as the same.
pub fn quantity(text: &[u8]) {
    let Ok(text) = std::str::from_utf8(text) else {
        return;
    };
    let Ok(quantity) = Quantity::parse(text) else {
        return;
    };
    let written = quantity.to_string();
    let again = Quantity::parse(&written).map(|again| again.to_string());
    assert_eq!(again.ok().as_deref(), Some(written.as_str()), "{text}");
}
