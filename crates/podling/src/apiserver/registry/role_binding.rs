//! RoleBindings and ClusterRoleBindings: who gets which role.
//!
//! Source: `pkg/apis/rbac/v1/defaults.go`, `ValidateRoleBinding` and `ValidateClusterRoleBinding` in
//! `pkg/apis/rbac/validation/validation.go`.

use serde_json::Value;

use super::metadata::invalid_for_each;
use super::names::Rule;
use super::read::{Fields as _, items_mut, object_at, remove, set_default_for_zero};
use super::{PLAIN, Strategy};
use crate::apiserver::authorization::rules::GROUP;
use crate::status::field::Error;

pub(super) const ROLE_BINDING: Strategy = Strategy {
    default,
    name: Rule::PathSegment,
    validate: |binding| check(binding, true),
    validate_update: |new, old| check_update(new, old, true),
    checks_metadata_anew: true,
    ..PLAIN
};

pub(super) const CLUSTER_ROLE_BINDING: Strategy = Strategy {
    validate: |binding| check(binding, false),
    validate_update: |new, old| check_update(new, old, false),
    ..ROLE_BINDING
};

fn default(binding: &mut Value) {
    set_default_for_zero(object_at(binding, "roleRef"), "apiGroup", GROUP);
    for subject in items_mut(binding, "subjects") {
        if matches!(subject.text("kind"), "User" | "Group") {
            set_default_for_zero(subject, "apiGroup", GROUP);
        }
        for key in ["apiGroup", "namespace"] {
            if subject.text(key).is_empty() {
                remove(subject, key);
            }
        }
    }
    if binding.items("subjects").is_empty() {
        remove(binding, "subjects");
    }
}

fn check(binding: &Value, is_namespaced: bool) -> Vec<Error> {
    let mut errors = Vec::new();
    check_role(&binding["roleRef"], is_namespaced, &mut errors);
    for (i, subject) in binding.items("subjects").iter().enumerate() {
        check_subject(subject, &format!("subjects[{i}]"), is_namespaced, &mut errors);
    }
    errors
}

fn check_role(role: &Value, is_namespaced: bool, errors: &mut Vec<Error>) {
    if role.text("apiGroup") != GROUP {
        errors.push(Error::not_supported(
            "roleRef.apiGroup",
            role.text("apiGroup"),
            &[GROUP],
        ));
    }
    let kinds: &[&str] = if is_namespaced {
        &["Role", "ClusterRole"]
    } else {
        &["ClusterRole"]
    };
    if !kinds.contains(&role.text("kind")) {
        errors.push(Error::not_supported("roleRef.kind", role.text("kind"), kinds));
    }
    match role.text("name") {
        "" => errors.push(Error::required("roleRef.name", "")),
        name => errors.extend(invalid_for_each(
            "roleRef.name",
            name,
            Rule::PathSegment.check(name, false),
        )),
    }
}

fn check_subject(subject: &Value, path: &str, is_namespaced: bool, errors: &mut Vec<Error>) {
    let (name, group) = (subject.text("name"), subject.text("apiGroup"));
    if name.is_empty() {
        errors.push(Error::required(format!("{path}.name"), ""));
    }
    match subject.text("kind") {
        "ServiceAccount" => {
            if !name.is_empty() {
                let wrong = Rule::Subdomain.check(name, false);
                errors.extend(invalid_for_each(&format!("{path}.name"), name, wrong));
            }
            if !group.is_empty() {
                errors.push(Error::not_supported(format!("{path}.apiGroup"), group, &[""]));
            }
            if !is_namespaced && subject.text("namespace").is_empty() {
                errors.push(Error::required(format!("{path}.namespace"), ""));
            }
        }
        "User" | "Group" if group != GROUP => {
            errors.push(Error::not_supported(format!("{path}.apiGroup"), group, &[GROUP]));
        }
        "User" | "Group" => {}
        kind => {
            let kinds = ["ServiceAccount", "User", "Group"];
            errors.push(Error::not_supported(format!("{path}.kind"), kind, &kinds));
        }
    }
}

/// A binding is to one role for ever.
fn check_update(new: &Value, old: &Value, is_namespaced: bool) -> Vec<Error> {
    let mut errors = check(new, is_namespaced);
    let role = &new["roleRef"];
    if *role != old["roleRef"] {
        let error = Error::invalid("roleRef", role.clone(), "cannot change roleRef");
        errors.push(error.showing(format!(
            "{{\"APIGroup\":{:?},\"Kind\":{:?},\"Name\":{:?}}}",
            role.text("apiGroup"),
            role.text("kind"),
            role.text("name")
        )));
    }
    errors
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn texts(errors: &[Error]) -> Vec<String> {
        errors.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn subjects_and_role_must_be_of_a_known_kind() {
        let mut binding = json!({
            "roleRef": {"kind": "Pod", "name": ""},
            "subjects": [{"kind": "User", "name": "jane"}, {"kind": "Robot", "name": "r2"},
                {"kind": "ServiceAccount", "name": "a", "apiGroup": "x"}],
        });
        default(&mut binding);
        assert_eq!(binding["subjects"][0]["apiGroup"], GROUP);
        assert_eq!(
            texts(&check(&binding, false)),
            [
                "roleRef.kind: Unsupported value: \"Pod\": supported values: \"ClusterRole\"",
                "roleRef.name: Required value",
                "subjects[1].kind: Unsupported value: \"Robot\": supported values: \"ServiceAccount\", \"User\", \"Group\"",
                "subjects[2].apiGroup: Unsupported value: \"x\": supported values: \"\"",
                "subjects[2].namespace: Required value",
            ]
        );
    }

    #[test]
    fn the_role_never_changes() {
        let binding = |name: &str| json!({"roleRef": {"apiGroup": GROUP, "kind": "Role", "name": name}});
        assert!(check_update(&binding("a"), &binding("a"), true).is_empty());
        assert_eq!(
            texts(&check_update(&binding("b"), &binding("a"), true)),
            [
                "roleRef: Invalid value: {\"APIGroup\":\"rbac.authorization.k8s.io\",\"Kind\":\"Role\",\"Name\":\"b\"}: cannot change roleRef"
            ]
        );
    }
}
