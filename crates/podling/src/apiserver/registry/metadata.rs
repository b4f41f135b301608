//! `metadata`: names, labels, annotations, owners, finalizers, and what an update may not change.
//!
//! Source: `k8s.io/apimachinery/pkg/api/validation/objectmeta.go`, v1.36.

use serde_json::Value;

use super::labels;
use super::names::{self, Rule};
use super::read::{self, Fields as _};
use crate::status::field::Error;

/// The greatest size of all annotations together, in bytes.
const ANNOTATIONS_LIMIT: usize = 256 * 1024;
const STANDARD_FINALIZERS: [&str; 3] = ["kubernetes", "orphan", "foregroundDeletion"];
pub(super) const IMMUTABLE: &str = "field is immutable";

/// Takes away empty values that Go does not write.
pub(super) fn drop_empty(meta: &mut Value) {
    for map in ["labels", "annotations"] {
        empty_texts_for_nulls(meta, map);
    }
    if let Some(map) = meta.as_object_mut() {
        map.retain(|_, value| match value {
            Value::Null => false,
            Value::String(text) => !text.is_empty(),
            Value::Array(items) => !items.is_empty(),
            Value::Object(entries) => !entries.is_empty(),
            _ => true,
        });
    }
}

/// A null in a map of texts is the empty text, as Go reads it.
pub(super) fn empty_texts_for_nulls(object: &mut Value, key: &str) {
    let entries = object.get_mut(key).and_then(Value::as_object_mut);
    for value in entries.into_iter().flat_map(serde_json::Map::values_mut) {
        if value.is_null() {
            *value = "".into();
        }
    }
}

/// What is wrong with a new object's metadata.
pub(super) fn validate(meta: &Value, namespaced: bool, rule: Rule) -> Vec<Error> {
    let mut errors = Vec::new();
    check_name(meta, rule, &mut errors);
    check_namespace(meta, namespaced, &mut errors);
    check_common(meta, &mut errors);
    errors
}

fn check_name(meta: &Value, rule: Rule, errors: &mut Vec<Error>) {
    let prefix = meta.text("generateName");
    if !prefix.is_empty() {
        let wrong = rule.check(prefix, true);
        errors.extend(invalid_for_each("metadata.generateName", prefix, wrong));
    }
    match meta.text("name") {
        "" => errors.push(Error::required(
            "metadata.name",
            "name or generateName is required",
        )),
        name => errors.extend(invalid_for_each("metadata.name", name, rule.check(name, false))),
    }
}

fn check_namespace(meta: &Value, namespaced: bool, errors: &mut Vec<Error>) {
    let field = "metadata.namespace";
    match (namespaced, meta.text("namespace")) {
        (true, "") => errors.push(Error::required(field, "")),
        (true, namespace) => errors.extend(invalid_for_each(field, namespace, names::label(namespace))),
        (false, "") => {}
        (false, _) => errors.push(Error::forbidden(field, "not allowed on this type")),
    }
}

/// One `Invalid` error for each reason.
pub(super) fn invalid_for_each(field: &str, value: &str, wrong: Vec<String>) -> impl Iterator<Item = Error> {
    wrong
        .into_iter()
        .map(move |why| Error::invalid(field, value, why))
}

fn check_common(meta: &Value, errors: &mut Vec<Error>) {
    labels::check(&meta["labels"], "metadata.labels", errors);
    check_annotations(meta, "metadata.annotations", errors);
    check_owners(meta, errors);
    check_finalizers(meta, errors);
}

/// Annotation keys and their size, for objects and pod templates alike.
pub(super) fn check_annotations(meta: &Value, field: &str, errors: &mut Vec<Error>) {
    let mut size = 0;
    for (key, value) in meta.entries("annotations") {
        let wrong = names::qualified_name(&key.to_lowercase());
        errors.extend(invalid_for_each(field, key, wrong));
        size += key.len() + value.as_str().map_or(0, str::len);
    }
    if size > ANNOTATIONS_LIMIT {
        errors.push(Error::too_long(field, ANNOTATIONS_LIMIT));
    }
}

/// Checks each owner, and that one of them at most is the controller.
///
/// Source: `ValidateOwnerReferences` in `k8s.io/apimachinery/pkg/api/validation`.
fn check_owners(meta: &Value, errors: &mut Vec<Error>) {
    let field = "metadata.ownerReferences";
    let owners = meta.items("ownerReferences");
    let mut controller: Option<String> = None;
    for owner in owners {
        check_owner(owner, field, errors);
        if !owner.flag("controller") {
            continue;
        }
        let name = format!("{}/{}", owner.text("kind"), owner.text("name"));
        let Some(first) = &controller else {
            controller = Some(name);
            continue;
        };
        let detail = format!(
            "Only one reference can have Controller set to true. Found \"true\" in references for {first} and {name}"
        );
        let error = Error::invalid(field, meta["ownerReferences"].clone(), detail);
        let all: Vec<String> = owners.iter().map(in_wire_order).collect();
        errors.push(error.showing(format!("[{}]", all.join(","))));
    }
}

fn check_owner(owner: &Value, field: &str, errors: &mut Vec<Error>) {
    let api_version = owner.text("apiVersion");
    let (group, version) = match api_version.split('/').collect::<Vec<_>>()[..] {
        [version] => ("", version),
        [group, version] => (group, version),
        _ => ("", ""),
    };
    if version.is_empty() {
        let field = format!("{field}.apiVersion");
        errors.push(Error::invalid(field, api_version, "version must not be empty"));
    }
    for key in ["kind", "name", "uid"] {
        if owner.text(key).is_empty() {
            errors.push(Error::invalid(format!("{field}.{key}"), "", "must not be empty"));
        }
    }
    if (group, version, owner.text("kind")) == ("", "v1", "Event") {
        let error = Error::invalid(
            field,
            owner.clone(),
            "/v1, Kind=Event is disallowed from being an owner",
        );
        errors.push(error.showing(in_wire_order(owner)));
    }
}

fn in_wire_order(owner: &Value) -> String {
    let keys = [
        "apiVersion",
        "kind",
        "name",
        "uid",
        "controller",
        "blockOwnerDeletion",
    ];
    let fields = keys.iter().filter(|key| owner.has(key));
    let texts: Vec<String> = fields.map(|key| format!("\"{key}\":{}", owner[*key])).collect();
    format!("{{{}}}", texts.join(","))
}

fn check_finalizers(meta: &Value, errors: &mut Vec<Error>) {
    let finalizers = meta.items("finalizers");
    let texts = || finalizers.iter().filter_map(Value::as_str);
    for finalizer in texts() {
        let wrong = names::qualified_name(finalizer);
        errors.extend(invalid_for_each("metadata.finalizers", finalizer, wrong));
    }
    if texts().any(|f| f == "orphan") && texts().any(|f| f == "foregroundDeletion") {
        let detail = "finalizer orphan and foregroundDeletion cannot be both set";
        errors.push(Error::invalid(
            "metadata.finalizers",
            meta["finalizers"].clone(),
            detail,
        ));
    }
    for (i, finalizer) in texts().enumerate() {
        if !finalizer.contains('/') && !STANDARD_FINALIZERS.contains(&finalizer) {
            let detail = "name is neither a standard finalizer name nor is it fully qualified";
            errors.push(Error::invalid(
                format!("metadata.finalizers[{i}]"),
                finalizer,
                detail,
            ));
        }
    }
}

/// Puts back what a client may leave out of an update, and what it can never change.
pub(super) fn prepare_for_update(new: &mut Value, old: &Value) {
    let (old, new) = (&old["metadata"], &mut new["metadata"]);
    for key in ["generation", "creationTimestamp", "selfLink"] {
        read::copy(old, new, key);
    }
    if new.text("uid").is_empty() {
        read::copy(old, new, "uid");
    }
    if old.has("deletionTimestamp") {
        read::copy(old, new, "deletionTimestamp");
    }
    if !new.has("deletionGracePeriodSeconds") {
        read::copy(old, new, "deletionGracePeriodSeconds");
    }
}

/// What is wrong with a change of metadata.
pub(super) fn validate_update(new: &Value, old: &Value) -> Vec<Error> {
    let mut errors = Vec::new();
    let immutable = [
        "name",
        "namespace",
        "uid",
        "creationTimestamp",
        "deletionTimestamp",
        "deletionGracePeriodSeconds",
    ];
    check_new_finalizers(new, old, &mut errors);
    for key in immutable.into_iter().filter(|key| new[*key] != old[*key]) {
        errors.push(Error::invalid(
            format!("metadata.{key}"),
            new[key].clone(),
            IMMUTABLE,
        ));
    }
    check_common(new, &mut errors);
    errors
}

/// Nothing can be held back any more once the object is on its way out.
fn check_new_finalizers(new: &Value, old: &Value, errors: &mut Vec<Error>) {
    if !old.has("deletionTimestamp") {
        return;
    }
    let known = old.items("finalizers");
    let added: Vec<String> = (new.items("finalizers").iter())
        .filter(|f| !known.contains(f))
        .map(Value::to_string)
        .collect();
    if !added.is_empty() {
        let detail = format!(
            "no new finalizers can be added if the object is being deleted, found new finalizers []string{{{}}}",
            added.join(", ")
        );
        errors.push(Error::forbidden("metadata.finalizers", detail));
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn texts(errors: &[Error]) -> Vec<String> {
        errors.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn a_namespace_is_there_for_namespaced_kinds_only() {
        let cases = [
            (
                json!({"name": "a"}),
                true,
                vec!["metadata.namespace: Required value"],
            ),
            (
                json!({"name": "a", "namespace": "n"}),
                false,
                vec!["metadata.namespace: Forbidden: not allowed on this type"],
            ),
            (
                json!({"namespace": "n"}),
                true,
                vec!["metadata.name: Required value: name or generateName is required"],
            ),
        ];
        for (meta, namespaced, expected) in cases {
            assert_eq!(
                texts(&validate(&meta, namespaced, Rule::Subdomain)),
                expected,
                "{meta}"
            );
        }
    }

    #[test]
    fn an_owner_names_an_object_that_can_own() {
        let owner = |api_version: &str, kind: &str| json!({"apiVersion": api_version, "kind": kind, "name": "x", "uid": "1"});
        let cases = [
            (owner("apps/v1", "ReplicaSet"), None),
            (owner("events.k8s.io/v1", "Event"), None),
            (
                owner("", "Pod"),
                Some(r#".apiVersion: Invalid value: "": version must not be empty"#),
            ),
            (
                owner("a/b/c", "Pod"),
                Some(r#".apiVersion: Invalid value: "a/b/c": version must not be empty"#),
            ),
            (
                owner("v1", "Event"),
                Some(
                    r#": Invalid value: {"apiVersion":"v1","kind":"Event","name":"x","uid":"1"}: /v1, Kind=Event is disallowed from being an owner"#,
                ),
            ),
        ];
        for (owner, expected) in cases {
            let mut errors = Vec::new();
            check_owners(&json!({"ownerReferences": [owner]}), &mut errors);
            let expected = expected.map(|why| format!("metadata.ownerReferences{why}"));
            assert_eq!(texts(&errors), Vec::from_iter(expected));
        }
    }

    #[test]
    fn two_controllers_are_shown_as_kubernetes_prints_them() {
        let owner = |name: &str| json!({"uid": "1", "name": name, "kind": "Pod", "apiVersion": "v1", "controller": true});
        let meta = json!({"name": "a", "ownerReferences": [owner("x"), owner("y")]});
        let expected = r#"metadata.ownerReferences: Invalid value: [{"apiVersion":"v1","kind":"Pod","name":"x","uid":"1","controller":true},{"apiVersion":"v1","kind":"Pod","name":"y","uid":"1","controller":true}]: Only one reference can have Controller set to true. Found "true" in references for Pod/x and Pod/y"#;
        assert_eq!(texts(&validate(&meta, false, Rule::Subdomain)), [expected]);
    }

    #[test]
    fn a_deleted_object_takes_no_new_finalizer() {
        let old = json!({"name": "a", "deletionTimestamp": "t", "finalizers": ["example.com/hold"]});
        let mut new = old.clone();
        new["finalizers"] = json!(["example.com/hold", "example.com/new"]);
        let expected = r#"metadata.finalizers: Forbidden: no new finalizers can be added if the object is being deleted, found new finalizers []string{"example.com/new"}"#;
        assert_eq!(texts(&validate_update(&new, &old)), [expected]);
    }

    #[test]
    fn an_update_keeps_what_the_server_owns() {
        let old = json!({"metadata": {"name": "a", "uid": "u", "generation": 3, "creationTimestamp": "t"}});
        let mut new = json!({"metadata": {"name": "a", "generation": 9}});
        prepare_for_update(&mut new, &old);
        assert_eq!(new, old);
    }
}
