//! Volumes, what they hold, and where containers mount them.

use std::collections::BTreeSet;

use serde_json::Value;

use super::super::names;
use super::super::read::Fields as _;
use super::{Context, env, invalid_for_each};
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

/// Checks `volumes` at `path`.
pub(super) fn check(volumes: &[Value], path: &str, errors: &mut Vec<Error>) {
    let mut seen = BTreeSet::new();
    for (i, volume) in volumes.iter().enumerate() {
        let (path, name) = (format!("{path}[{i}]"), volume.text("name"));
        check_source(volume, &path, errors);
        let field = format!("{path}.name");
        if name.is_empty() {
            errors.push(Error::required(field.as_str(), ""));
        } else {
            errors.extend(invalid_for_each(&field, name, names::label(name)));
        }
        if !seen.insert(name) {
            errors.push(Error::duplicate(field, name));
        }
    }
}

fn check_source(volume: &Value, path: &str, errors: &mut Vec<Error>) {
    let mut given = TYPES.into_iter().filter(|key| volume.has(key));
    let Some(first) = given.next() else {
        return;
    };
    check_type(first, &volume[first], &format!("{path}.{first}"), errors);
    for other in given {
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
        "downwardAPI" => {
            check_mode(source, "defaultMode", path, errors);
            check_downward_items(source, path, errors);
        }
        "projected" => {
            check_mode(source, "defaultMode", path, errors);
            for (i, part) in source.items("sources").iter().enumerate() {
                check_projection(part, &format!("{path}.sources[{i}]"), errors);
            }
        }
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
    check_given(source, "path", path, errors);
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

fn check_descending(text: &str, field: &str, errors: &mut Vec<Error>) {
    if text.starts_with('/') {
        errors.push(Error::invalid(field, text, "must be a relative path"));
    }
    check_no_backsteps(text, field, errors);
}

/// `..data` and the like are the kubelet's own.
fn check_file_path(item: &Value, path: &str, errors: &mut Vec<Error>) {
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

fn check_mode(holder: &Value, key: &str, path: &str, errors: &mut Vec<Error>) {
    if let Some(mode) = holder.number(key).filter(|mode| !(0..=0o777).contains(mode)) {
        errors.push(Error::invalid(format!("{path}.{key}"), mode, MODE));
    }
}

/// A Secret or ConfigMap with chosen keys.
fn check_keys(source: &Value, name: &str, path: &str, errors: &mut Vec<Error>) {
    check_given(source, name, path, errors);
    check_mode(source, "defaultMode", path, errors);
    for (i, item) in source.items("items").iter().enumerate() {
        let path = format!("{path}.items[{i}]");
        check_given(item, "key", &path, errors);
        check_file_path(item, &path, errors);
        check_mode(item, "mode", &path, errors);
    }
}

fn check_projection(part: &Value, path: &str, errors: &mut Vec<Error>) {
    for kind in ["secret", "configMap"] {
        if part.has(kind) {
            check_keys(&part[kind], "name", &format!("{path}.{kind}"), errors);
        }
    }
    if part.has("downwardAPI") {
        check_downward_items(&part["downwardAPI"], &format!("{path}.downwardAPI"), errors);
    }
    if part.has("serviceAccountToken") {
        let path = format!("{path}.serviceAccountToken");
        check_file_path(&part["serviceAccountToken"], &path, errors);
        let seconds = part["serviceAccountToken"].number("expirationSeconds");
        if let Some(seconds) = seconds.filter(|s| *s < 600) {
            let why = "may not specify a duration less than 10 minutes";
            errors.push(Error::invalid(format!("{path}.expirationSeconds"), seconds, why));
        }
    }
}

fn check_downward_items(source: &Value, path: &str, errors: &mut Vec<Error>) {
    for (i, item) in source.items("items").iter().enumerate() {
        let path = format!("{path}.items[{i}]");
        check_file_path(item, &path, errors);
        if item.has("fieldRef") {
            let field = format!("{path}.fieldRef");
            env::check_field(&item["fieldRef"], &field, &DOWNWARD_FIELDS, errors);
            if item.has("resourceFieldRef") {
                let why = "fieldRef and resourceFieldRef can not be specified simultaneously";
                errors.push(Error::invalid(path.as_str(), "resource", why));
            }
        } else if item.has("resourceFieldRef") {
            let field = format!("{path}.resourceFieldRef");
            env::check_resource(&item["resourceFieldRef"], &field, true, errors);
        } else {
            errors.push(Error::required(
                path.as_str(),
                "one of fieldRef and resourceFieldRef is required",
            ));
        }
        check_mode(item, "mode", &path, errors);
    }
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
        check_descending(mount.text("subPathExpr"), &format!("{path}.subPathExpr"), errors);
        if !mount.text("subPath").is_empty() && !mount.text("subPathExpr").is_empty() {
            let why = "subPathExpr and subPath are mutually exclusive";
            errors.push(Error::invalid(
                format!("{own}.subPathExpr"),
                mount.text("subPathExpr"),
                why,
            ));
        }
    }
}
