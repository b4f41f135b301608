//! What the fuzz targets share.
//!
//! A target turns random bytes into a request. Nothing that a client sends may make podling panic, answer what is no
//! JSON, or store what it cannot read back: the attempts are those of podling's own tests.

#[path = "../../crates/podling/tests/random_bytes/attempt.rs"]
pub mod attempt;
#[path = "../../crates/podling/tests/random_bytes/recorded.rs"]
pub mod recorded;

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

/// Creates an object from a body, of the kind that the first byte names.
pub fn create(content_type: &str, data: &[u8]) {
    let Some((first, body)) = data.split_first() else {
        return;
    };
    let collection = COLLECTIONS[usize::from(*first) % COLLECTIONS.len()];
    attempt::create(content_type, collection, body);
}
