//! The kubeconfig that leads a client to one cluster.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use crate::identity::Identity;

/// A kubeconfig, in YAML, whose one context is `name` in the namespace `default`.
pub(crate) fn kubeconfig(name: &str, url: &str, identity: &Identity) -> String {
    // JSON strings are YAML strings, whatever the name holds.
    let name = serde_json::Value::from(name);
    let authority = STANDARD.encode(identity.authority());
    let token = identity.token();
    format!(
        r#"apiVersion: v1
kind: Config
clusters:
- name: {name}
  cluster:
    server: {url}
    certificate-authority-data: {authority}
users:
- name: {name}
  user:
    token: {token}
contexts:
- name: {name}
  context:
    cluster: {name}
    user: {name}
    namespace: default
current-context: {name}
"#
    )
}

#[cfg(test)]
mod tests {
    use kube::config::Kubeconfig;

    use super::*;

    #[test]
    fn a_kubeconfig_holds_the_way_to_the_cluster_and_the_right_to_use_it() {
        let identity = Identity::create().unwrap();
        for name in ["podling", "a: b\"c"] {
            let text = kubeconfig(name, "https://127.0.0.1:6443", &identity);
            let read = Kubeconfig::from_yaml(&text).unwrap();
            assert_eq!(read.current_context.as_deref(), Some(name));
            let cluster = read.clusters[0].cluster.as_ref().unwrap();
            assert_eq!(cluster.server.as_deref(), Some("https://127.0.0.1:6443"));
            assert!(read.auth_infos[0].auth_info.as_ref().unwrap().token.is_some());
        }
    }
}
