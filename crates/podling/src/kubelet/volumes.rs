//! The volumes of a pod as files, and where its containers see them.
//!
//! Differs from Kubernetes: a persistent volume is kept with the pod, not with the claim; a hostPath is there
//! only if it must be made (`DirectoryOrCreate`, `FileOrCreate` or no type).

use serde_json::Value;

use super::environment::{Surroundings, data, field_value, not_found, resource_value};
use super::runtime::container;
use crate::apiserver::ApiServer;
use crate::images::files::{Mount, Tree, normalize};
use crate::storage::text;

/// The tree of one volume; `None` for one that begins empty and is then the containers' own.
///
/// # Errors
/// The end of the message `MountVolume.SetUp failed for volume "v" : …`.
pub(super) fn tree(
    api: &ApiServer,
    around: &Surroundings<'_>,
    volume: &Value,
) -> Result<Option<Tree>, String> {
    let namespace = text(around.pod, &["metadata", "namespace"]);
    if let Some(source) = volume.get("configMap") {
        return keyed(api, namespace, source, text(source, &["name"]), false).map(Some);
    }
    if let Some(source) = volume.get("secret") {
        return keyed(api, namespace, source, text(source, &["secretName"]), true).map(Some);
    }
    if let Some(source) = volume.get("downwardAPI") {
        return Ok(Some(downward(around, source)));
    }
    if let Some(source) = volume.get("projected") {
        let mut tree = Tree::new();
        for source in source["sources"].as_array().into_iter().flatten() {
            tree.extend(projected(api, around, namespace, source)?);
        }
        return Ok(Some(tree));
    }
    match volume.get("hostPath") {
        Some(source) => host_path(source).map(|()| None),
        None => Ok(None),
    }
}

fn projected(
    api: &ApiServer,
    around: &Surroundings<'_>,
    namespace: &str,
    source: &Value,
) -> Result<Tree, String> {
    if let Some(source) = source.get("configMap") {
        // The cluster's root certificate is published by a controller; pods need not wait for it.
        let mut lenient = source.clone();
        if text(source, &["name"]) == "kube-root-ca.crt" {
            lenient["optional"] = true.into();
        }
        return keyed(api, namespace, &lenient, text(source, &["name"]), false);
    }
    if let Some(source) = source.get("secret") {
        return keyed(api, namespace, source, text(source, &["name"]), true);
    }
    if let Some(source) = source.get("downwardAPI") {
        return Ok(downward(around, source));
    }
    let Some(token) = source.get("serviceAccountToken") else {
        return Ok(Tree::new());
    };
    let path = normalize("/", text(token, &["path"]));
    Ok(Tree::from([(path, b"podling-service-account-token".to_vec())]))
}

/// A ConfigMap's or Secret's keys as files: all of them, or the `items`.
fn keyed(api: &ApiServer, namespace: &str, source: &Value, name: &str, secret: bool) -> Result<Tree, String> {
    let optional = source["optional"] == true;
    let Some(data) = data(api, secret, namespace, name) else {
        return if optional {
            Ok(Tree::new())
        } else {
            Err(not_found(secret, name))
        };
    };
    let Some(items) = source["items"].as_array() else {
        return Ok(data
            .into_iter()
            .map(|(key, value)| (format!("/{key}"), value))
            .collect());
    };
    let mut tree = Tree::new();
    for item in items {
        let key = text(item, &["key"]);
        match data.get(key) {
            Some(value) => drop(tree.insert(normalize("/", text(item, &["path"])), value.clone())),
            None if optional => {}
            None => {
                let kind = if secret { "secret" } else { "configmap" };
                return Err(format!("{kind} references non-existent config key: {key}"));
            }
        }
    }
    Ok(tree)
}

fn downward(around: &Surroundings<'_>, source: &Value) -> Tree {
    let items = source["items"].as_array().into_iter().flatten();
    let content = |item: &Value| match item.get("resourceFieldRef") {
        Some(reference) => {
            let name = text(reference, &["containerName"]);
            let container = container(around.pod, name).map_or(&Value::Null, |(container, _)| container);
            resource_value(around, container, reference)
        }
        None => field_value(around, text(item, &["fieldRef", "fieldPath"])),
    };
    items
        .map(|item| (normalize("/", text(item, &["path"])), content(item).into_bytes()))
        .collect()
}

fn host_path(source: &Value) -> Result<(), String> {
    let path = text(source, &["path"]);
    let what = match text(source, &["type"]) {
        "Directory" => "directory",
        "File" => "file",
        "Socket" => "socket",
        "CharDevice" => "character device",
        "BlockDevice" => "block device",
        _ => return Ok(()),
    };
    Err(format!("hostPath type check failed: {path} is not a {what}"))
}

/// Where a container sees its volumes. A `subPath` keeps its first content, so it has a tree of its own.
pub(super) fn mounts(container: &Value) -> Vec<Mount> {
    let mounts = container["volumeMounts"].as_array().into_iter().flatten();
    mounts
        .map(|mount| Mount {
            path: normalize("/", text(mount, &["mountPath"]))
                .trim_end_matches('/')
                .to_owned(),
            tree: volume_key(text(mount, &["name"])),
            sub_path: text(mount, &["subPath"]).to_owned(),
            read_only: mount["readOnly"] == true,
        })
        .collect()
}

/// The key of a volume's tree.
pub(super) fn volume_key(name: &str) -> String {
    format!("volume:{name}")
}

/// The key of a container's own root.
pub(super) fn root_key(name: &str) -> String {
    format!("root:{name}")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_host_path_is_made_unless_its_type_says_that_it_is_there() {
        let message = "hostPath type check failed: /no/such/directory is not a directory";
        let source = json!({"path": "/no/such/directory", "type": "Directory"});
        assert_eq!(host_path(&source), Err(message.to_owned()));
        assert_eq!(
            host_path(&json!({"path": "/data", "type": "DirectoryOrCreate"})),
            Ok(())
        );
    }

    #[test]
    fn mounts_say_where_a_volume_is_seen() {
        let container = json!({"volumeMounts": [
            {"name": "v", "mountPath": "/etc/config/"},
            {"name": "v", "mountPath": "/one", "subPath": "a", "readOnly": true},
        ]});
        let mounts = mounts(&container);
        assert_eq!(mounts[0].path, "/etc/config");
        assert_eq!((mounts[1].sub_path.as_str(), mounts[1].read_only), ("a", true));
    }
}
