//! The rows of RoleBindings and ClusterRoleBindings.

use serde_json::{Value, json};

use super::age;
use crate::clock::Time;
use crate::storage::text;

/// Name, Role, Age, Users, Groups, ServiceAccounts.
pub(super) fn binding(binding: &Value, now: Time) -> Value {
    let role = &binding["roleRef"];
    json!([
        text(binding, &["metadata", "name"]),
        format!("{}/{}", text(role, &["kind"]), text(role, &["name"])),
        age(binding, now),
        subjects(binding, "User"),
        subjects(binding, "Group"),
        subjects(binding, "ServiceAccount"),
    ])
}

fn subjects(binding: &Value, kind: &str) -> String {
    let subjects = binding["subjects"].as_array().into_iter().flatten();
    let names: Vec<String> = subjects
        .filter(|subject| subject["kind"] == kind)
        .map(|subject| match kind {
            "ServiceAccount" => format!("{}/{}", text(subject, &["namespace"]), text(subject, &["name"])),
            _ => text(subject, &["name"]).to_owned(),
        })
        .collect();
    names.join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn subjects_stand_by_kind() {
        let object = json!({
            "metadata": {"name": "b"}, "roleRef": {"kind": "Role", "name": "r"},
            "subjects": [{"kind": "User", "name": "jane"}, {"kind": "User", "name": "vera"},
                {"kind": "ServiceAccount", "name": "bot", "namespace": "shop"}],
        });
        assert_eq!(
            binding(&object, Time::default()),
            json!(["b", "Role/r", "<unknown>", "jane, vera", "", "shop/bot"])
        );
    }
}
