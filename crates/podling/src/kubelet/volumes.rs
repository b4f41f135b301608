//! The volumes of a pod as files, and where its containers see them.
//!
//! Differs from Kubernetes: a hostPath is there only if it must be made (`DirectoryOrCreate`, `FileOrCreate` or no
//! type); two paths of a node that lie within each other are two places.

use serde_json::Value;

use super::environment::{Surroundings, data, field_value, not_found, resource_value};
use super::runtime::container;
use crate::apiserver::ApiServer;
use crate::apiserver::authentication::token;
use crate::images::files::{Disks, Mount, Tree, normalize};
use crate::resource::{PERSISTENT_VOLUME_CLAIMS, PERSISTENT_VOLUMES};
use crate::storage::text;
use crate::volume::claim_behind;

/// How long a token is good that says nothing else.
const TOKEN_SECONDS: i64 = 3600;

/// What a volume holds.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) enum Content {
    /// These files.
    Files(Tree),
    /// What the containers put there.
    Own,
    /// What stands on the disk of this key.
    Disk(String),
}

/// Why a volume cannot be mounted.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) enum MountError {
    /// It is not known what to mount: the end of `failed to process volumes=[v]: …`.
    Unknown(String),
    /// The end of the message `MountVolume.SetUp failed for volume "v" : …`.
    SetUp(String),
}

impl From<String> for MountError {
    fn from(why: String) -> Self {
        Self::SetUp(why)
    }
}

/// The content of one volume.
///
/// # Errors
/// Why it cannot be mounted.
pub(super) fn content(
    api: &ApiServer,
    around: &Surroundings<'_>,
    volume: &Value,
) -> Result<Content, MountError> {
    if let Some(claim) = claim_behind(around.pod, volume) {
        return disk_of_claim(api, around.pod, &claim).map(Content::Disk);
    }
    if let Some(source) = volume.get("hostPath") {
        host_path(source)?;
        let node = text(around.pod, &["spec", "nodeName"]);
        return Ok(Content::Disk(on_node(node, text(source, &["path"]))));
    }
    Ok(tree(api, around, volume)?.map_or(Content::Own, Content::Files))
}

/// The key of a path on a node.
fn on_node(node: &str, path: &str) -> String {
    Disks::key(&format!("{node}:{}", normalize("/", path)))
}

fn disk_of_claim(api: &ApiServer, pod: &Value, name: &str) -> Result<String, MountError> {
    let namespace = text(pod, &["metadata", "namespace"]);
    let fail = |why: &str| {
        let why = format!("error processing PVC {namespace}/{name}: {why}");
        Err(MountError::Unknown(why))
    };
    let Some(claim) = api.get(&PERSISTENT_VOLUME_CLAIMS, namespace, name) else {
        return fail(&format!(
            "failed to fetch PVC from API server: persistentvolumeclaims \"{name}\" not found"
        ));
    };
    if claim["metadata"].get("deletionTimestamp").is_some() {
        return fail("PVC is being deleted");
    }
    let volume = text(claim, &["spec", "volumeName"]);
    if volume.is_empty() || claim["status"]["phase"] != "Bound" {
        return fail("PVC is not bound");
    }
    match api.get(&PERSISTENT_VOLUMES, "", volume) {
        Some(volume) => Ok(disk_of_volume(volume, text(pod, &["spec", "nodeName"]))),
        None => fail(&format!(
            "failed to fetch PV \"{volume}\" from API server: persistentvolumes \"{volume}\" not found"
        )),
    }
}

/// The key of a persistent volume's disk: a path on the node, a path on a server, or the volume itself.
pub(super) fn disk_of_volume(volume: &Value, node: &str) -> String {
    let spec = &volume["spec"];
    for kind in ["hostPath", "local"] {
        if spec[kind].is_object() {
            return on_node(node, text(spec, &[kind, "path"]));
        }
    }
    match text(spec, &["nfs", "server"]) {
        "" => Disks::key(&format!("pv:{}", text(volume, &["metadata", "name"]))),
        server => Disks::key(&format!("nfs:{server}:{}", text(spec, &["nfs", "path"]))),
    }
}

/// The tree of one volume; `None` for one that begins empty and is then the containers' own.
fn tree(api: &ApiServer, around: &Surroundings<'_>, volume: &Value) -> Result<Option<Tree>, String> {
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
    Ok(None)
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
    let audience = match text(token, &["audience"]) {
        "" => token::ISSUER,
        audience => audience,
    };
    let lifetime = token["expirationSeconds"].as_i64().unwrap_or(TOKEN_SECONDS);
    let token = token::for_pod(api, around.pod, audience, lifetime);
    Ok(Tree::from([(path, token.into_bytes())]))
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
    fn a_volumes_disk_is_where_its_source_says() {
        let volume = |source: Value| json!({"metadata": {"name": "v"}, "spec": source});
        let cases = [
            (volume(json!({"hostPath": {"path": "/srv/a/"}})), "n1:/srv/a"),
            (volume(json!({"local": {"path": "/b"}})), "n1:/b"),
            (volume(json!({"nfs": {"server": "s", "path": "/c"}})), "nfs:s:/c"),
            (volume(json!({"csi": {"driver": "d"}})), "pv:v"),
        ];
        for (volume, place) in cases {
            assert_eq!(disk_of_volume(&volume, "n1"), Disks::key(place));
        }
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
