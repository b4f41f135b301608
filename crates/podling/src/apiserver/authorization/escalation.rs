//! Nobody may give others what they do not have: roles and bindings of users.
//!
//! Source: `pkg/registry/rbac/{role,clusterrole,rolebinding,clusterrolebinding}/policybased/storage.go` and
//! `pkg/registry/rbac/validation/rule.go` (`ConfirmNoEscalation`).

use std::collections::BTreeSet;

use serde_json::Value;

use super::rules::{GROUP, Rule, go_list};
use super::{Attributes, authorize, no_such_role, rbac};
use crate::apiserver::ApiServer;
use crate::apiserver::registry::read::Fields as _;
use crate::resource::Resource;
use crate::status::Status;
use crate::user::{MASTERS, UserInfo};

/// Holds a new or changed role or binding against what its author may do.
///
/// # Errors
/// 403 with the rights that are missing; 404 for a binding to a role that is not there.
pub(crate) fn check(
    api: &ApiServer,
    user: &UserInfo,
    resource: &Resource,
    new: &Value,
    old: Option<&Value>,
) -> Result<(), Status> {
    if resource.group != GROUP || user.is_in(MASTERS) {
        return Ok(());
    }
    let (namespace, name) = (new["metadata"].text("namespace"), new["metadata"].text("name"));
    let wanted = match resource.plural {
        "roles" | "clusterroles" => {
            if is_unchanged(new, old) || may(api, user, "escalate", resource.plural, namespace, name) {
                return Ok(());
            }
            wanted_by_role(new, old)
        }
        _ => {
            let role = &new["roleRef"];
            let roles = if role.text("kind") == "Role" {
                "roles"
            } else {
                "clusterroles"
            };
            let is_same =
                old.is_some_and(|old| old["roleRef"] == *role && old["subjects"] == new["subjects"]);
            if is_same || may(api, user, "bind", roles, namespace, role.text("name")) {
                return Ok(());
            }
            rbac::referred_rules(api, new).map_err(|_| no_role(role))?
        }
    };
    confirm(api, user, namespace, &wanted)
        .map_err(|why| Status::forbidden(resource.group, resource.plural, name, &why))
}

fn no_role(role: &Value) -> Status {
    let (kind, name) = (role.text("kind"), role.text("name"));
    let mut status = Status::not_found(GROUP, &kind.to_lowercase(), name);
    status.message = no_such_role(kind, name);
    status
}

fn is_unchanged(new: &Value, old: Option<&Value>) -> bool {
    let same = |key: &str| old.is_some_and(|old| old.items(key) == new.items(key));
    let aggregation = old.is_some_and(|old| old["aggregationRule"] == new["aggregationRule"]);
    same("rules") && aggregation
}

/// A role that collects the rules of others may come to hold any.
fn wanted_by_role(role: &Value, old: Option<&Value>) -> Vec<Rule> {
    let aggregates = role.has("aggregationRule")
        && old.is_none_or(|old| old["aggregationRule"] != role["aggregationRule"]);
    let all = || vec!["*".to_owned()];
    match aggregates {
        true => vec![
            Rule {
                verbs: all(),
                groups: all(),
                resources: all(),
                ..Rule::default()
            },
            Rule {
                verbs: all(),
                urls: all(),
                ..Rule::default()
            },
        ],
        false => Rule::of_role(role),
    }
}

fn may(api: &ApiServer, user: &UserInfo, verb: &str, resource: &str, namespace: &str, name: &str) -> bool {
    let attributes = Attributes {
        user,
        verb,
        group: GROUP,
        resource,
        namespace,
        name,
        ..Attributes::default()
    };
    authorize(api, &attributes).allowed
}

/// The user has all of `wanted` already.
fn confirm(api: &ApiServer, user: &UserInfo, namespace: &str, wanted: &[Rule]) -> Result<(), String> {
    let (own, unresolved) = rbac::rules_for(api, user, namespace);
    let parts = wanted.iter().flat_map(Rule::parts);
    let missing: Vec<Rule> = parts
        .filter(|part| !own.iter().any(|rule| rule.covers(part)))
        .collect();
    if missing.is_empty() {
        return Ok(());
    }
    let shown: BTreeSet<String> = compact(missing).iter().map(Rule::shown).collect();
    let shown: Vec<String> = shown.into_iter().collect();
    let mut message = format!(
        "user {:?} (groups={}) is attempting to grant RBAC permissions not currently held:\n{}",
        user.username,
        go_list(&user.groups),
        shown.join("\n")
    );
    if let Some(errors) = unresolved {
        message = format!("{message}; resolution errors: [{errors}]");
    }
    Err(message)
}

/// Verbs on the same thing stand together (`CompactRules`).
fn compact(rules: Vec<Rule>) -> Vec<Rule> {
    let mut compacted: Vec<Rule> = Vec::new();
    for rule in rules {
        match compacted.iter_mut().find(|known| known.is_like(&rule)) {
            Some(known) => {
                let new = rule.verbs.into_iter().filter(|verb| !known.verbs.contains(verb));
                let new: Vec<String> = new.collect();
                known.verbs.extend(new);
            }
            None => compacted.push(rule),
        }
    }
    compacted
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::apiserver::WriteOptions;
    use crate::clock::Time;
    use crate::resource::{CLUSTER_ROLES, ROLE_BINDINGS, ROLES};

    /// Jane may make roles, and read pods.
    fn world() -> ApiServer {
        let mut api = ApiServer::new(1, Time::default());
        api.bootstrap();
        let options = WriteOptions::default();
        let rules = json!([
            {"apiGroups": [GROUP], "resources": ["roles", "rolebindings"], "verbs": ["create"]},
            {"apiGroups": [""], "resources": ["pods"], "verbs": ["get", "list"]},
        ]);
        let role = json!({"metadata": {"name": "maker"}, "rules": rules});
        api.create(&ROLES, "default", role, &options).unwrap();
        let binding = json!({"metadata": {"name": "jane"}, "subjects": [{"kind": "User", "name": "jane"}],
            "roleRef": {"kind": "Role", "name": "maker"}});
        api.create(&ROLE_BINDINGS, "default", binding, &options).unwrap();
        api
    }

    fn refusal(resource: &'static Resource, object: &Value, user: &UserInfo) -> Option<String> {
        check(&world(), user, resource, object, None)
            .err()
            .map(|status| status.message)
    }

    #[test]
    fn a_role_gives_no_more_than_its_author_has() {
        let jane = UserInfo::new("jane", &["devs", "system:authenticated"]);
        let role = |verbs: Value| {
            json!({"metadata": {"name": "x", "namespace": "default"},
                "rules": [{"apiGroups": [""], "resources": ["pods"], "verbs": verbs}]})
        };
        assert_eq!(refusal(&ROLES, &role(json!(["list"])), &jane), None);
        assert_eq!(
            refusal(&ROLES, &role(json!(["list", "watch", "delete"])), &jane).as_deref(),
            Some(
                "roles.rbac.authorization.k8s.io \"x\" is forbidden: user \"jane\" (groups=[\"devs\" \"system:authenticated\"]) is attempting to grant RBAC permissions not currently held:\n{APIGroups:[\"\"], Resources:[\"pods\"], Verbs:[\"watch\" \"delete\"]}"
            )
        );
        let master = UserInfo::new("root", &[MASTERS]);
        assert_eq!(refusal(&ROLES, &role(json!(["delete"])), &master), None);
    }

    #[test]
    fn a_binding_gives_no_more_than_its_author_has() {
        let jane = UserInfo::new("jane", &[]);
        let binding = |kind: &str, name: &str| json!({"metadata": {"name": "x", "namespace": "default"}, "roleRef": {"kind": kind, "name": name}});
        assert_eq!(refusal(&ROLE_BINDINGS, &binding("Role", "maker"), &jane), None);
        assert_eq!(
            refusal(&ROLE_BINDINGS, &binding("Role", "gone"), &jane).as_deref(),
            Some("role.rbac.authorization.k8s.io \"gone\" not found")
        );
        let view = refusal(&ROLE_BINDINGS, &binding("ClusterRole", "view"), &jane).unwrap();
        assert!(view.contains(
            "\n{APIGroups:[\"\"], Resources:[\"configmaps\"], Verbs:[\"get\" \"list\" \"watch\"]}\n"
        ));
    }

    #[test]
    fn a_role_that_collects_others_needs_all_rights() {
        let jane = UserInfo::new("jane", &[]);
        let collector = json!({"metadata": {"name": "x"}, "aggregationRule": {"clusterRoleSelectors": [{}]}});
        let why = refusal(&CLUSTER_ROLES, &collector, &jane).unwrap();
        assert!(why.ends_with("{APIGroups:[\"*\"], Resources:[\"*\"], Verbs:[\"*\"]}\n{NonResourceURLs:[\"*\"], Verbs:[\"*\"]}"), "{why}");
    }
}
