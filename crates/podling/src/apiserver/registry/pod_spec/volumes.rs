//! Volumes, what they hold, and where containers mount them.

use std::collections::BTreeSet;

use serde_json::Value;

use super::super::read::Fields as _;
use super::super::{names, persistent_volume_claim};
use super::{Context, env, invalid_for_each, projected};
use crate::quantity::Quantity;
use crate::status::field::Error;

pub(in super::super) const SEVERAL: &str = "may not specify more than 1 volume type";
const BACKSTEPS: &str = "must not contain '..'";
const MODE: &str = "must be a number between 0 and 0777 (octal), both inclusive";
const HOST_PATH_TYPES: [&str; 8] = [
    "",
    "BlockDevice",
    "CharDevice",
    "Directory",
    "DirectoryOrCreate",
    "File",
    "FileOrCreate",
    "Socket",
];
const DOWNWARD_FIELDS: [&str; 5] = [
    "metadata.annotations",
    "metadata.labels",
    "metadata.name",
    "metadata.namespace",
    "metadata.uid",
];
/// The volume types in the order in which Kubernetes looks at them.
const TYPES: [&str; 13] = [
    "emptyDir",
    "hostPath",
    "secret",
    "nfs",
    "iscsi",
    "persistentVolumeClaim",
    "downwardAPI",
    "fc",
    "configMap",
    "projected",
    "csi",
    "ephemeral",
    "image",
];

/// Checks `volumes` at `path`; the names of those that are right, which containers can mount.
pub(super) fn check<'a>(volumes: &'a [Value], path: &str, errors: &mut Vec<Error>) -> BTreeSet<&'a str> {
    let mut right = BTreeSet::new();
    for (i, volume) in volumes.iter().enumerate() {
        let wrong_before = errors.len();
        check_volume(volume, &right, &format!("{path}[{i}]"), errors);
        if errors.len() == wrong_before {
            right.insert(volume.text("name"));
        }
    }
    right
}

fn check_volume(volume: &Value, seen: &BTreeSet<&str>, path: &str, errors: &mut Vec<Error>) {
    let name = volume.text("name");
    check_source(volume, path, errors);
    let field = format!("{path}.name");
    if name.is_empty() {
        errors.push(Error::required(field.as_str(), ""));
    } else {
        errors.extend(invalid_for_each(&field, name, names::label(name)));
    }
    if seen.contains(name) {
        errors.push(Error::duplicate(field, name));
    }
}

fn check_source(volume: &Value, path: &str, errors: &mut Vec<Error>) {
    let mut given = TYPES.into_iter().filter(|key| volume.has(key));
    let Some(first) = given.next() else {
        return;
    };
    check_type(first, &volume[first], &format!("{path}.{first}"), errors);
    for other in given {
        // Kubernetes spells this one wrong.
        let other = if other == "downwardAPI" {
            "downwarAPI"
        } else {
            other
        };
        errors.push(Error::forbidden(format!("{path}.{other}"), SEVERAL));
    }
}

fn check_type(kind: &str, source: &Value, path: &str, errors: &mut Vec<Error>) {
    match kind {
        "emptyDir" => {
            let limit = Quantity::from_json(&source["sizeLimit"]).unwrap_or_default();
            if limit.is_negative() {
                let why = "SizeLimit field must be a valid resource quantity";
                errors.push(Error::forbidden(format!("{path}.sizeLimit"), why));
            }
        }
        "hostPath" => check_host_path(source, path, errors),
        "secret" => check_keys(source, "secretName", path, errors),
        "configMap" => check_keys(source, "name", path, errors),
        "persistentVolumeClaim" => check_given(source, "claimName", path, errors),
        "nfs" => check_nfs(source, path, errors),
        "csi" => check_csi(source, path, errors),
        "ephemeral" => check_ephemeral(source, path, errors),
        "downwardAPI" => {
            check_mode(source, "defaultMode", path, errors);
            for item in source.items("items") {
                check_downward_item(item, path, errors);
            }
        }
        "projected" => projected::check(source, path, errors),
        _ => {}
    }
}

/// The text at `key` must be there.
pub(in super::super) fn check_given(source: &Value, key: &str, path: &str, errors: &mut Vec<Error>) {
    if source.text(key).is_empty() {
        errors.push(Error::required(format!("{path}.{key}"), ""));
    }
}

/// A path of the node's own file system, with what must be there.
pub(in super::super) fn check_host_path(source: &Value, path: &str, errors: &mut Vec<Error>) {
    if source.text("path").is_empty() {
        errors.push(Error::required(format!("{path}.path"), ""));
        return;
    }
    check_no_backsteps(source.text("path"), &format!("{path}.path"), errors);
    let kind = source.text("type");
    if !HOST_PATH_TYPES.contains(&kind) {
        errors.push(Error::not_supported(
            format!("{path}.type"),
            kind,
            &HOST_PATH_TYPES,
        ));
    }
}

/// No part of a path may lead upwards.
pub(in super::super) fn check_no_backsteps(text: &str, field: &str, errors: &mut Vec<Error>) {
    if text.split('/').any(|part| part == "..") {
        errors.push(Error::invalid(field, text, BACKSTEPS));
    }
}

/// A path below another.
pub(in super::super) fn check_descending(text: &str, field: &str, errors: &mut Vec<Error>) {
    if text.starts_with('/') {
        errors.push(Error::invalid(field, text, "must be a relative path"));
    }
    check_no_backsteps(text, field, errors);
}

/// `..data` and the like are the kubelet's own.
pub(super) fn check_file_path(item: &Value, path: &str, errors: &mut Vec<Error>) {
    let (field, text) = (format!("{path}.path"), item.text("path"));
    if text.is_empty() {
        errors.push(Error::required(field, ""));
        return;
    }
    check_descending(text, &field, errors);
    if text.starts_with("..") && !text.starts_with("../") {
        errors.push(Error::invalid(field, text, "must not start with '..'"));
    }
}

pub(super) fn check_mode(holder: &Value, key: &str, path: &str, errors: &mut Vec<Error>) {
    if let Some(mode) = holder.number(key).filter(|mode| !(0..=0o777).contains(mode)) {
        errors.push(Error::invalid(format!("{path}.{key}"), mode, MODE));
    }
}

/// A Secret or ConfigMap with chosen keys.
fn check_keys(source: &Value, name: &str, path: &str, errors: &mut Vec<Error>) {
    check_given(source, name, path, errors);
    check_mode(source, "defaultMode", path, errors);
    check_items(source, path, errors);
}

/// The chosen keys of a Secret or ConfigMap.
pub(super) fn check_items(source: &Value, path: &str, errors: &mut Vec<Error>) {
    for (i, item) in source.items("items").iter().enumerate() {
        let path = format!("{path}.items[{i}]");
        check_given(item, "key", &path, errors);
        check_file_path(item, &path, errors);
        check_mode(item, "mode", &path, errors);
    }
}

/// A folder of an NFS server.
pub(in super::super) fn check_nfs(source: &Value, path: &str, errors: &mut Vec<Error>) {
    for key in ["server", "path"] {
        check_given(source, key, path, errors);
    }
    if !source.text("path").starts_with('/') {
        let why = "must be an absolute path";
        errors.push(Error::invalid(format!("{path}.path"), source.text("path"), why));
    }
}

fn check_csi(source: &Value, path: &str, errors: &mut Vec<Error>) {
    let (field, driver) = (format!("{path}.driver"), source.text("driver"));
    if driver.is_empty() {
        errors.push(Error::required(field, ""));
    } else {
        let wrong = names::subdomain(&driver.to_lowercase());
        errors.extend(invalid_for_each(&field, driver, wrong));
    }
}

fn check_ephemeral(source: &Value, path: &str, errors: &mut Vec<Error>) {
    let field = format!("{path}.volumeClaimTemplate");
    if source.has("volumeClaimTemplate") {
        let claim = &source["volumeClaimTemplate"]["spec"];
        persistent_volume_claim::check_spec(claim, &format!("{field}.spec"), errors);
    } else {
        errors.push(Error::required(field, ""));
    }
}

/// A file of the downward API; Kubernetes names the source at `path`, and no item of it.
pub(super) fn check_downward_item(item: &Value, path: &str, errors: &mut Vec<Error>) {
    check_file_path(item, path, errors);
    if item.has("fieldRef") {
        let field = format!("{path}.fieldRef");
        env::check_field(&item["fieldRef"], &field, &DOWNWARD_FIELDS, errors);
        if item.has("resourceFieldRef") {
            let why = "fieldRef and resourceFieldRef can not be specified simultaneously";
            errors.push(Error::invalid(path, "resource", why));
        }
    } else if item.has("resourceFieldRef") {
        let field = format!("{path}.resourceFieldRef");
        env::check_resource(&item["resourceFieldRef"], &field, true, errors);
    } else {
        let why = "one of fieldRef and resourceFieldRef is required";
        errors.push(Error::required(path, why));
    }
    check_mode(item, "mode", path, errors);
}

/// Checks a container's mounts at `path`.
pub(super) fn check_mounts(context: &Context<'_>, container: &Value, path: &str, errors: &mut Vec<Error>) {
    let mut seen = BTreeSet::new();
    for (i, mount) in container.items("volumeMounts").iter().enumerate() {
        let own = format!("{path}[{i}]");
        let (name, target) = (mount.text("name"), mount.text("mountPath"));
        if name.is_empty() {
            errors.push(Error::required(format!("{own}.name"), ""));
        }
        if !context.volumes.contains(name) {
            errors.push(Error::not_found(format!("{own}.name"), name));
        }
        if target.is_empty() {
            errors.push(Error::required(format!("{own}.mountPath"), ""));
        }
        if !seen.insert(target) {
            errors.push(Error::invalid(
                format!("{own}.mountPath"),
                target,
                "must be unique",
            ));
        }
        // Kubernetes leaves the index out of these two.
        check_descending(mount.text("subPath"), &format!("{path}.subPath"), errors);
        if !mount.text("subPath").is_empty() && !mount.text("subPathExpr").is_empty() {
            let why = "subPathExpr and subPath are mutually exclusive";
            errors.push(Error::invalid(
                format!("{own}.subPathExpr"),
                mount.text("subPathExpr"),
                why,
            ));
        }
        check_descending(mount.text("subPathExpr"), &format!("{path}.subPathExpr"), errors);
        let is_privileged = container["securityContext"].flag("privileged");
        check_propagation(mount, is_privileged, &format!("{path}.mountPropagation"), errors);
        check_read_only(mount, &format!("{path}.recursiveReadOnly"), errors);
    }
}

/// Whether mounts are seen on both sides; Kubernetes leaves the index out.
fn check_propagation(mount: &Value, is_privileged: bool, field: &str, errors: &mut Vec<Error>) {
    let modes = ["Bidirectional", "HostToContainer", "None"];
    let mode = mount.text("mountPropagation");
    if mount.has("mountPropagation") && !modes.contains(&mode) {
        errors.push(Error::not_supported(field, mode, &modes));
    }
    if mode == "Bidirectional" && !is_privileged {
        let why = "Bidirectional mount propagation is available only to privileged containers";
        errors.push(Error::forbidden(field, why));
    }
}

fn check_read_only(mount: &Value, field: &str, errors: &mut Vec<Error>) {
    let modes = ["Disabled", "Enabled", "IfPossible"];
    match mount.text("recursiveReadOnly") {
        "Enabled" | "IfPossible" => {
            if !mount.flag("readOnly") {
                let why = "may only be specified when readOnly is true";
                errors.push(Error::forbidden(field, why));
            }
            if !matches!(mount.text("mountPropagation"), "" | "None") {
                let why = "may only be specified when mountPropagation is None or not specified";
                errors.push(Error::forbidden(field, why));
            }
        }
        "Disabled" => {}
        other if mount.has("recursiveReadOnly") => {
            errors.push(Error::not_supported(field, other, &modes));
        }
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn volumes_are_held_against_the_rules_of_their_type() {
        let cases = [
            (
                json!({"nfs": {"server": "s", "path": "data"}}),
                vec!["v[0].nfs.path: Invalid value: \"data\": must be an absolute path"],
            ),
            (
                json!({"csi": {"driver": ""}}),
                vec!["v[0].csi.driver: Required value"],
            ),
            (
                json!({"ephemeral": {}}),
                vec!["v[0].ephemeral.volumeClaimTemplate: Required value"],
            ),
            (
                json!({"emptyDir": {}, "downwardAPI": {}}),
                vec!["v[0].downwarAPI: Forbidden: may not specify more than 1 volume type"],
            ),
            (
                json!({"downwardAPI": {"items": [{"path": "p"}]}}),
                vec!["v[0].downwardAPI: Required value: one of fieldRef and resourceFieldRef is required"],
            ),
        ];
        for (mut volume, expected) in cases {
            volume["name"] = "data".into();
            let mut errors = Vec::new();
            let right = check(std::slice::from_ref(&volume), "v", &mut errors).len();
            let texts: Vec<String> = errors.iter().map(ToString::to_string).collect();
            assert_eq!(
                (texts, right),
                (expected.iter().map(ToString::to_string).collect(), 0),
                "{volume}"
            );
        }
    }

    #[test]
    fn mounts_reach_out_of_a_container_only_if_it_may() {
        let cases = [
            (json!({"mountPropagation": "HostToContainer"}), ""),
            (
                json!({"mountPropagation": "Bidirectional"}),
                "m.mountPropagation: Forbidden: Bidirectional mount propagation is available only to privileged containers",
            ),
            (
                json!({"recursiveReadOnly": "Enabled"}),
                "m.recursiveReadOnly: Forbidden: may only be specified when readOnly is true",
            ),
            (
                json!({"recursiveReadOnly": "Yes", "readOnly": true}),
                "m.recursiveReadOnly: Unsupported value: \"Yes\": supported values: \"Disabled\", \"Enabled\", \"IfPossible\"",
            ),
        ];
        for (mut mount, expected) in cases {
            mount["name"] = "data".into();
            mount["mountPath"] = "/data".into();
            let (spec, container) = (json!({}), json!({"volumeMounts": [mount]}));
            let context = Context {
                spec: &spec,
                volumes: BTreeSet::from(["data"]),
                grace_seconds: 30,
            };
            let mut errors = Vec::new();
            check_mounts(&context, &container, "m", &mut errors);
            let texts: Vec<String> = errors.iter().map(ToString::to_string).collect();
            assert_eq!(texts.join("; "), expected, "{mount}");
        }
    }
}
