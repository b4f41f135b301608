//! Admission plugin ServiceAccount: which account a Pod runs as, and the volume with its token.
//!
//! What differs: where Kubernetes waits up to a second for the controller to make a new namespace's `default`
//! account, a request here takes no time, so that account is taken as made.

use serde_json::{Value, json};

use super::Lookup;
use crate::apiserver::registry::read::{Fields as _, items_mut, object_at};
use crate::rng::Rng;

/// The account of every namespace.
const DEFAULT: &str = "default";
const MOUNT_PATH: &str = "/var/run/secrets/kubernetes.io/serviceaccount";
const VOLUME_PREFIX: &str = "kube-api-access-";
/// One hour and seven seconds, by which the kubelet recognises tokens that may be used longer.
const TOKEN_SECONDS: i64 = 3607;
const MIRROR: &str = "kubernetes.io/config.mirror";

/// Sets the account and mounts its token.
///
/// # Errors
/// When there is no such account.
pub(super) fn admit(
    namespace: &str,
    pod: &mut Value,
    lookup: &dyn Lookup,
    rng: &mut Rng,
) -> Result<(), String> {
    if pod["metadata"]["annotations"].has(MIRROR) {
        return Ok(());
    }
    let spec = object_at(pod, "spec");
    if spec.text("serviceAccountName").is_empty() {
        spec["serviceAccountName"] = DEFAULT.into();
    }
    spec["serviceAccount"] = spec["serviceAccountName"].clone();
    let name = spec.text("serviceAccountName").to_owned();
    let found = lookup.service_account(namespace, &name);
    let Some(account) = found.or((name == DEFAULT).then_some(&Value::Null)) else {
        return Err(format!(
            "error looking up service account {namespace}/{name}: serviceaccount \"{name}\" not found"
        ));
    };
    if wants_token(spec, account) {
        mount_token(spec, rng);
    }
    if spec.items("imagePullSecrets").is_empty() && !account.items("imagePullSecrets").is_empty() {
        spec["imagePullSecrets"] = account["imagePullSecrets"].clone();
    }
    Ok(())
}

/// The Pod's word comes first, then the account's.
fn wants_token(spec: &Value, account: &Value) -> bool {
    let key = "automountServiceAccountToken";
    spec[key].as_bool().or(account[key].as_bool()).unwrap_or(true)
}

fn mount_token(spec: &mut Value, rng: &mut Rng) {
    let existing = spec
        .items("volumes")
        .iter()
        .find(|v| v.text("name").starts_with(VOLUME_PREFIX));
    let existing = existing.map(|volume| volume.text("name").to_owned());
    let name = existing
        .clone()
        .unwrap_or_else(|| format!("{VOLUME_PREFIX}{}", rng.name_suffix(5)));
    let mut is_used = false;
    for list in ["initContainers", "containers"] {
        for container in items_mut(spec, list) {
            is_used |= mount_in(container, &name);
        }
    }
    if is_used && existing.is_none() {
        push(spec, "volumes", token_volume(&name));
    }
}

/// Whether the mount was added; a container that has something at that path keeps it.
fn mount_in(container: &mut Value, volume: &str) -> bool {
    let is_there = container
        .items("volumeMounts")
        .iter()
        .any(|m| m["mountPath"] == MOUNT_PATH);
    if !is_there {
        let mount = json!({"name": volume, "readOnly": true, "mountPath": MOUNT_PATH});
        push(container, "volumeMounts", mount);
    }
    !is_there
}

fn push(parent: &mut Value, key: &str, item: Value) {
    match parent[key].as_array_mut() {
        Some(items) => items.push(item),
        None => parent[key] = json!([item]),
    }
}

fn token_volume(name: &str) -> Value {
    json!({"name": name, "projected": {"defaultMode": 0o644, "sources": [
        {"serviceAccountToken": {"expirationSeconds": TOKEN_SECONDS, "path": "token"}},
        {"configMap": {"name": "kube-root-ca.crt", "items": [{"key": "ca.crt", "path": "ca.crt"}]}},
        {"downwardAPI": {"items": [
            {"path": "namespace", "fieldRef": {"apiVersion": "v1", "fieldPath": "metadata.namespace"}}]}},
    ]}})
}
