//! What every namespace has: the service account `default` and the ConfigMap `kube-root-ca.crt`.
//!
//! Source: `kubernetes/pkg/controller/serviceaccount` and `pkg/controller/certificates/rootcacertpublisher`.
//! Differs from Kubernetes: the published certificate signs nothing, since nothing inside the cluster speaks
//! TLS.

use serde_json::{Value, json};

use crate::apiserver::ApiServer;
use crate::resource::{CONFIG_MAPS, NAMESPACES, Resource, SERVICE_ACCOUNTS};
use crate::storage::{Change, ChangeKind, text};

use super::controller::Controller;
use super::ownership::is_deleted;
use super::queue::{Key, WorkQueue};
use super::write_options;

const SERVICE_ACCOUNT: &str = "default";
const ROOT_CA: &str = "kube-root-ca.crt";
const ROOT_CA_DESCRIPTION: &str = "Contains a CA bundle that can be used to verify the kube-apiserver when using \
    internal endpoints such as the internal service IP or kubernetes.default.svc. No other usage is guaranteed \
    across distributions of Kubernetes clusters.";
/// The certificate that Pods trust the API server by.
pub(crate) const ROOT_CA_BUNDLE: &str = include_str!("namespace_content/root-ca.crt");

/// The controller, which remembers nothing.
#[derive(Debug)]
pub(crate) struct NamespaceContentController;

impl Controller for NamespaceContentController {
    type Item = Key;

    fn name(&self) -> &'static str {
        "namespace-content-controller"
    }

    fn observe(&mut self, change: &Change, api: &ApiServer, queue: &mut WorkQueue) {
        let object = &change.object;
        if change.resource == &NAMESPACES && change.kind == ChangeKind::Added {
            queue.add(api.now(), Key::of(object));
        } else if is_ours(change.resource, text(object, &["metadata", "name"])) {
            let namespace = text(object, &["metadata", "namespace"]);
            queue.add(api.now(), Key::new("", namespace));
        }
    }

    fn sync(&mut self, api: &mut ApiServer, key: &Key, queue: &mut WorkQueue) {
        let namespace = api.get(&NAMESPACES, "", &key.name);
        if namespace.is_none_or(|namespace| is_deleted(namespace)) {
            queue.forget(key);
            return;
        }
        let account = ensure(api, &SERVICE_ACCOUNTS, &key.name, service_account());
        let certificate = ensure(api, &CONFIG_MAPS, &key.name, root_ca());
        match account && certificate {
            true => queue.forget(key),
            false => queue.retry(api.now(), key.clone()),
        }
    }
}

fn is_ours(resource: &Resource, name: &str) -> bool {
    (resource == &SERVICE_ACCOUNTS && name == SERVICE_ACCOUNT)
        || (resource == &CONFIG_MAPS && name == ROOT_CA)
}

fn service_account() -> Value {
    json!({"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": SERVICE_ACCOUNT}})
}

fn root_ca() -> Value {
    json!({
        "apiVersion": "v1", "kind": "ConfigMap",
        "metadata": {"name": ROOT_CA, "annotations": {"kubernetes.io/description": ROOT_CA_DESCRIPTION}},
        "data": {"ca.crt": ROOT_CA_BUNDLE},
    })
}

/// Creates the object if it is missing, and brings back its data if someone changed it. Whether it is there.
fn ensure(api: &mut ApiServer, resource: &'static Resource, namespace: &str, mut wanted: Value) -> bool {
    let name = text(&wanted, &["metadata", "name"]);
    let Some(stored) = api.get(resource, namespace, name) else {
        wanted["metadata"]["namespace"] = namespace.into();
        return api.create(resource, namespace, wanted, &write_options()).is_ok();
    };
    if stored.get("data") == wanted.get("data") {
        return true;
    }
    let mut restored = Value::clone(stored);
    restored["data"] = wanted["data"].take();
    api.update(resource, None, restored, &write_options()).is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_published_certificate_is_one_certificate() {
        assert_eq!(ROOT_CA_BUNDLE.matches("-----BEGIN CERTIFICATE-----").count(), 1);
        assert!(ROOT_CA_BUNDLE.ends_with("-----END CERTIFICATE-----\n"));
    }

    #[test]
    fn only_the_two_objects_are_looked_after() {
        assert!(is_ours(&SERVICE_ACCOUNTS, "default"));
        assert!(is_ours(&CONFIG_MAPS, "kube-root-ca.crt"));
        assert!(!is_ours(&CONFIG_MAPS, "default"));
    }
}
