//! The roles and bindings that every cluster has: who may do what before anybody says so.
//!
//! Source: `plugin/pkg/auth/authorizer/rbac/bootstrappolicy`, as data in `data/bootstrap-policy-v1.36.txt`, and kubeadm's
//! binding for the owner. Differs from Kubernetes: roles that were changed are not put right at each start, those of
//! features that are off are not there, and nobody is put down in `managedFields`. They are stored as they are, since each
//! new cluster has them and should be there at once; a test holds them against the rules for what comes in otherwise.

use std::sync::LazyLock;

use serde_json::{Value, json};

use super::authentication::OWNERS;
use super::authorization::rules::GROUP;
use crate::controller_manager::cluster_role_aggregation;
use crate::resource::{CLUSTER_ROLE_BINDINGS, CLUSTER_ROLES, ROLE_BINDINGS, ROLES, Resource};

const DATA: &str = include_str!("../../data/bootstrap-policy-v1.36.txt");

const READ: &str = "get,list,watch";
const WRITE: &str = "create,delete,deletecollection,patch,update";
const READWRITE: &str = "create,delete,deletecollection,get,list,patch,update,watch";

/// An object that a new cluster has.
pub(super) struct Preset {
    pub(super) resource: &'static Resource,
    pub(super) object: Value,
}

/// All of them, roles before the bindings to them. They have everything but a UID and a time.
pub(super) fn presets() -> &'static [Preset] {
    static PRESETS: LazyLock<Vec<Preset>> = LazyLock::new(|| {
        let mut presets = read();
        aggregate(&mut presets);
        presets
    });
    &PRESETS
}

/// Fills the roles that collect others, in the order in which they build on each other: nobody should meet a cluster in
/// which `view` allows nothing because its controller has not come to it yet.
fn aggregate(presets: &mut [Preset]) {
    for name in ["view", "edit", "admin"] {
        let roles = || presets.iter().filter(|preset| preset.resource == &CLUSTER_ROLES);
        let all: Vec<&Value> = roles().map(|preset| &preset.object).collect();
        let found = all.iter().find(|role| role["metadata"]["name"] == name);
        let rules = found.and_then(|role| cluster_role_aggregation::plan(role, &all));
        let role = presets
            .iter_mut()
            .find(|preset| preset.object["metadata"]["name"] == name);
        if let (Some(role), Some(rules)) = (role, rules) {
            role.object["rules"] = rules.into();
        }
    }
}

fn read() -> Vec<Preset> {
    let mut presets: Vec<Preset> = Vec::new();
    let mut bindings = Vec::new();
    for line in DATA.lines() {
        let words: Vec<&str> = line.split_whitespace().collect();
        match words.as_slice() {
            [] | ["#", ..] => {}
            ["role", name, labels @ ..] => presets.push(role(name, labels)),
            ["controller", name] => {
                let role_name = format!("system:controller:{name}");
                presets.push(role(&role_name, &[]));
                bindings.push(binding(
                    "",
                    &role_name,
                    &role_name,
                    &[&format!("ServiceAccount:kube-system/{name}")],
                ));
            }
            ["bind", name, subjects @ ..] => bindings.push(named_binding(name, subjects)),
            ["aggregate", label] => {
                let selector = json!({"matchLabels": {*label: "true"}});
                if let Some(last) = presets.last_mut() {
                    last.object["aggregationRule"] = json!({"clusterRoleSelectors": [selector]});
                }
            }
            rule => {
                let rules = presets
                    .last_mut()
                    .and_then(|last| last.object["rules"].as_array_mut());
                if let (Some(rules), Some(rule)) = (rules, rule_of(rule)) {
                    rules.push(rule);
                }
            }
        }
    }
    presets.extend(bindings);
    presets.push(owners());
    presets
}

fn list(text: &str) -> Vec<&str> {
    text.split(',').collect()
}

fn verbs(text: &str) -> Vec<&str> {
    list(match text {
        "READ" => READ,
        "WRITE" => WRITE,
        "READWRITE" => READWRITE,
        other => other,
    })
}

fn rule_of(words: &[&str]) -> Option<Value> {
    match words {
        [verb, "url", paths] => Some(json!({"verbs": verbs(verb), "nonResourceURLs": list(paths)})),
        [verb, groups, resources, names @ ..] => {
            let groups = list(groups).into_iter();
            let groups: Vec<&str> = groups
                .map(|group| if group == "core" { "" } else { group })
                .collect();
            let mut rule = json!({"verbs": verbs(verb), "apiGroups": groups, "resources": list(resources)});
            if let [names] = names {
                rule["resourceNames"] = json!(list(names));
            }
            Some(rule)
        }
        _ => None,
    }
}

/// A name with the namespace that may stand before it. Names of roles have slashes nowhere else.
fn place(name: &str) -> (&'static str, &str) {
    match name.split_once('/') {
        Some(("kube-public", name)) => ("kube-public", name),
        Some((_, name)) => ("kube-system", name),
        None => ("", name),
    }
}

fn metadata(name: &str) -> Value {
    json!({
        "name": name,
        "labels": {"kubernetes.io/bootstrapping": "rbac-defaults"},
        "annotations": {"rbac.authorization.kubernetes.io/autoupdate": "true"},
    })
}

fn role(name: &str, labels: &[&str]) -> Preset {
    let (namespace, name) = place(name);
    let mut metadata = metadata(name);
    for (key, value) in labels.iter().filter_map(|label| label.split_once('=')) {
        metadata["labels"][key] = value.into();
    }
    let resource = match namespace {
        "" => &CLUSTER_ROLES,
        _ => &ROLES,
    };
    preset(resource, namespace, json!({"metadata": metadata, "rules": []}))
}

/// The binding `name`, or `name=role` where the role is called otherwise.
fn named_binding(name: &str, subjects: &[&str]) -> Preset {
    let (namespace, name) = place(name);
    let (name, role) = name.split_once('=').unwrap_or((name, name));
    binding(namespace, name, role, subjects)
}

fn binding(namespace: &'static str, name: &str, role: &str, subjects: &[&str]) -> Preset {
    let (resource, kind) = match namespace {
        "" => (&CLUSTER_ROLE_BINDINGS, "ClusterRole"),
        _ => (&ROLE_BINDINGS, "Role"),
    };
    let subjects: Vec<Value> = subjects
        .iter()
        .filter_map(|subject| self::subject(subject))
        .collect();
    let mut object = json!({
        "metadata": metadata(name),
        "roleRef": {"apiGroup": GROUP, "kind": kind, "name": role},
    });
    if !subjects.is_empty() {
        object["subjects"] = subjects.into();
    }
    preset(resource, namespace, object)
}

fn preset(resource: &'static Resource, namespace: &'static str, mut object: Value) -> Preset {
    object["apiVersion"] = resource.api_version().into();
    object["kind"] = resource.kind.into();
    if !namespace.is_empty() {
        object["metadata"]["namespace"] = namespace.into();
    }
    Preset { resource, object }
}

fn subject(text: &str) -> Option<Value> {
    let (kind, name) = text.split_once(':')?;
    Some(match name.split_once('/').filter(|_| kind == "ServiceAccount") {
        Some((namespace, name)) => json!({"kind": kind, "name": name, "namespace": namespace}),
        None => json!({"kind": kind, "apiGroup": GROUP, "name": name}),
    })
}

/// What kubeadm adds, so that the owner may do everything.
fn owners() -> Preset {
    let mut preset = binding("", OWNERS, "cluster-admin", &[&format!("Group:{OWNERS}")]);
    preset.object["metadata"] = json!({"name": OWNERS});
    preset
}

#[cfg(test)]
mod tests {
    use super::super::{decode, registry};
    use super::*;

    #[track_caller]
    fn named(resource: &Resource, name: &str) -> Value {
        let mut found = presets()
            .iter()
            .filter(|preset| preset.resource == resource && preset.object["metadata"]["name"] == name);
        found.next().unwrap().object.clone()
    }

    #[test]
    fn every_line_of_the_data_is_understood() {
        for line in DATA
            .lines()
            .filter(|line| !line.is_empty() && !line.starts_with('#'))
        {
            let words: Vec<&str> = line.split_whitespace().collect();
            let known = match words.as_slice() {
                ["role", _, labels @ ..] => labels.iter().all(|label| label.contains('=')),
                ["controller" | "aggregate", _] => true,
                ["bind", _, subjects @ ..] => subjects.iter().all(|subject| self::subject(subject).is_some()),
                rule => rule.len() <= 4 && rule_of(rule).is_some(),
            };
            assert!(known, "{line}");
        }
    }

    #[test]
    fn everything_is_as_it_would_have_been_stored() {
        for preset in presets() {
            let mut object = preset.object.clone();
            registry::default(preset.resource, &mut object);
            assert_eq!(
                registry::validate_create(preset.resource, &object),
                [],
                "{object}"
            );
            decode::tidy(preset.resource, &mut object);
            assert_eq!(object, preset.object);
        }
    }

    #[test]
    fn roles_have_their_rules_and_labels() {
        let discovery = named(&CLUSTER_ROLES, "system:discovery");
        assert_eq!(discovery["rules"][0]["verbs"], json!(["get"]));
        assert_eq!(
            discovery["metadata"]["labels"]["kubernetes.io/bootstrapping"],
            "rbac-defaults"
        );
        let edit = named(&CLUSTER_ROLES, "edit");
        assert_eq!(
            edit["metadata"]["labels"]["rbac.authorization.k8s.io/aggregate-to-admin"],
            "true"
        );
        assert!(edit["aggregationRule"].is_object());
        let scheduler = named(&CLUSTER_ROLES, "system:kube-scheduler");
        assert_eq!(scheduler["rules"][2]["resourceNames"], json!(["kube-scheduler"]));
    }

    #[test]
    fn every_binding_has_its_role() {
        let presets = presets();
        let is_there = |resource: &Resource, namespace: &Value, name: &Value| {
            presets.iter().any(|preset| {
                preset.resource == resource
                    && preset.object["metadata"]["namespace"] == *namespace
                    && preset.object["metadata"]["name"] == *name
            })
        };
        for preset in presets
            .iter()
            .filter(|preset| preset.object["roleRef"].is_object())
        {
            let role = &preset.object["roleRef"];
            let resource = if role["kind"] == "Role" {
                &ROLES
            } else {
                &CLUSTER_ROLES
            };
            assert!(
                is_there(resource, &preset.object["metadata"]["namespace"], &role["name"]),
                "{}",
                preset.object
            );
        }
        let owners = named(&CLUSTER_ROLE_BINDINGS, OWNERS);
        assert_eq!(owners["subjects"][0]["name"], OWNERS);
    }
}
