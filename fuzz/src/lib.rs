//! What the fuzz targets share: a small cluster, and what every answer must be like.
//!
//! A target turns random bytes into a request. Nothing that a client sends may make podling panic, answer what is no
//! JSON, or store what it cannot read back.

use podling::clock::Time;
use podling::{Body, Cluster, Components, Config, Request, Response};
use serde_json::{Value, json};

/// Where new objects go, one collection for each way in which kinds differ.
pub const COLLECTIONS: [&str; 12] = [
    "/api/v1/namespaces/default/configmaps",
    "/api/v1/namespaces/default/secrets",
    "/api/v1/namespaces/default/pods",
    "/api/v1/namespaces/default/services",
    "/api/v1/namespaces/default/persistentvolumeclaims",
    "/api/v1/namespaces/default/events",
    "/api/v1/nodes",
    "/apis/apps/v1/namespaces/default/deployments",
    "/apis/batch/v1/namespaces/default/cronjobs",
    "/apis/autoscaling/v2/namespaces/default/horizontalpodautoscalers",
    "/apis/networking.k8s.io/v1/namespaces/default/ingresses",
    "/apis/discovery.k8s.io/v1/namespaces/default/endpointslices",
];

/// The path of the object that patches are for.
pub const DEPLOYMENT: &str = "/apis/apps/v1/namespaces/default/deployments/web";

/// A cluster of an API server alone, with a Deployment `web`.
pub fn cluster() -> Cluster {
    let config = Config {
        seed: 1,
        start: Time::from_micros(1_700_000_000_000_000),
        nodes: Vec::new(),
        components: Components {
            controllers: false,
            scheduler: false,
            kubelets: false,
            ..Components::default()
        },
    };
    let mut cluster = Cluster::new(config);
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

/// Sends a body of that type.
pub fn send(cluster: &mut Cluster, method: &str, path: &str, content_type: &str, body: &[u8]) -> Response {
    let mut request = Request::new(method, path);
    content_type.clone_into(&mut request.content_type);
    request.body = body.to_vec();
    let response = cluster.handle(&request);
    check(&response);
    response
}

/// Creates an object from a body, and if that worked reads it back and writes it again, which must change nothing.
pub fn create(content_type: &str, data: &[u8], wrap: impl Fn(&str, &[u8]) -> Vec<u8>) {
    let Some((first, body)) = data.split_first() else { return };
    let collection = COLLECTIONS[usize::from(*first) % COLLECTIONS.len()];
    let mut cluster = cluster();
    let response = send(&mut cluster, "POST", collection, content_type, &wrap(collection, body));
    if response.status != 201 {
        return;
    }
    let created = response.body_json();
    let name = created["metadata"]["name"].as_str().expect("a new object has a name");
    let path = format!("{collection}/{name}");
    assert_eq!(cluster.handle(&Request::new("GET", &path)).body_json(), created);
    let again = cluster.handle(&Request::new("PUT", &path).with_json(&created));
    assert_eq!((again.status, again.body_json()), (200, created));
}

/// Patches the Deployment, and if that worked patches it again.
pub fn patch(content_type: &str, query: &str, data: &[u8]) {
    let mut cluster = cluster();
    let path = format!("{DEPLOYMENT}{query}");
    if send(&mut cluster, "PATCH", &path, content_type, data).status == 200 {
        send(&mut cluster, "PATCH", &path, content_type, data);
    }
}

/// Holds an answer against what all answers have in common.
pub fn check(response: &Response) {
    let Body::Whole(bytes) = &response.body else { return };
    if response.content_type != "application/json" {
        return;
    }
    let body: Value = serde_json::from_slice(bytes).expect("what says that it is JSON is JSON");
    if response.status >= 400 {
        assert_eq!(body["kind"], "Status", "{body}");
        assert_eq!(body["code"], response.status, "{body}");
        assert_ne!(body["reason"], "InternalError", "{body}");
    }
}
