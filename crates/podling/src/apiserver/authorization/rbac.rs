//! RBAC: which roles a user has, and what they allow.
//!
//! Source: `plugin/pkg/auth/authorizer/rbac/rbac.go` and `pkg/registry/rbac/validation/rule.go`.

use std::ops::ControlFlow;

use serde_json::Value;

use super::rules::Rule;
use super::{Attributes, Decision, no_such_role};
use crate::apiserver::ApiServer;
use crate::apiserver::authentication::service_account;
use crate::apiserver::registry::read::Fields as _;
use crate::resource::{CLUSTER_ROLE_BINDINGS, CLUSTER_ROLES, ROLE_BINDINGS, ROLES};
use crate::storage::Object;
use crate::user::UserInfo;

/// Decides by the bindings of the cluster and of the namespace; the first rule that allows ends the search.
pub(super) fn authorize(api: &ApiServer, attributes: &Attributes<'_>) -> Decision {
    let mut errors = Vec::new();
    let allowed = visit(
        api,
        attributes.user,
        attributes.namespace,
        &mut |granted| match granted {
            Ok(grant) if grant.rules.iter().any(|rule| rule.allows(attributes)) => {
                ControlFlow::Break(format!("RBAC: allowed by {}", grant.source))
            }
            Ok(_) => ControlFlow::Continue(()),
            Err(error) => {
                errors.push(error);
                ControlFlow::Continue(())
            }
        },
    );
    match allowed {
        ControlFlow::Break(reason) => Decision {
            allowed: true,
            reason,
        },
        ControlFlow::Continue(()) => Decision {
            allowed: false,
            reason: aggregated(&errors)
                .map(|errors| format!("RBAC: {errors}"))
                .unwrap_or_default(),
        },
    }
}

/// The rules that a user has in a namespace (empty: in the whole cluster), and what could not be looked up.
pub(crate) fn rules_for(api: &ApiServer, user: &UserInfo, namespace: &str) -> (Vec<Rule>, Option<String>) {
    let (mut rules, mut errors) = (Vec::new(), Vec::new());
    let all = visit(api, user, namespace, &mut |granted| {
        match granted {
            Ok(grant) => rules.extend(grant.rules),
            Err(error) => errors.push(error),
        }
        ControlFlow::<()>::Continue(())
    });
    debug_assert!(all.is_continue(), "nothing ends this search");
    (rules, aggregated(&errors))
}

fn aggregated(errors: &[String]) -> Option<String> {
    match errors {
        [] => None,
        [one] => Some(one.clone()),
        several => Some(format!("[{}]", several.join(", "))),
    }
}

/// What one binding gives.
struct Grant {
    rules: Vec<Rule>,
    /// `RoleBinding "rb/shop" of Role "r" to User "jane"`.
    source: String,
}

/// Gives each binding of the user to `visitor`: what it grants, or why its role can't be found.
fn visit<B>(
    api: &ApiServer,
    user: &UserInfo,
    namespace: &str,
    visitor: &mut dyn FnMut(Result<Grant, String>) -> ControlFlow<B>,
) -> ControlFlow<B> {
    let cluster_wide = api.list(&CLUSTER_ROLE_BINDINGS, None);
    let own = (!namespace.is_empty()).then(|| api.list(&ROLE_BINDINGS, Some(namespace)));
    for binding in cluster_wide.chain(own.into_iter().flatten()) {
        let subjects = binding.items("subjects");
        let Some(subject) = subjects.iter().find(|subject| is_subject(user, subject, binding)) else {
            continue;
        };
        visitor(grant(api, binding, subject))?;
    }
    ControlFlow::Continue(())
}

fn grant(api: &ApiServer, binding: &Value, subject: &Value) -> Result<Grant, String> {
    let rules = referred_rules(api, binding)?;
    let (metadata, role) = (&binding["metadata"], &binding["roleRef"]);
    let namespace = metadata.text("namespace");
    let (kind, name) = match namespace {
        "" => ("ClusterRoleBinding", metadata.text("name").to_owned()),
        namespace => ("RoleBinding", format!("{}/{namespace}", metadata.text("name"))),
    };
    let subject_name = match subject.text("kind") {
        "ServiceAccount" => format!("{}/{}", subject.text("name"), namespace_of(subject, namespace)),
        _ => subject.text("name").to_owned(),
    };
    let source = format!(
        "{kind} {name:?} of {} {:?} to {} {subject_name:?}",
        role.text("kind"),
        role.text("name"),
        subject.text("kind")
    );
    Ok(Grant { rules, source })
}

fn namespace_of<'a>(subject: &'a Value, otherwise: &'a str) -> &'a str {
    match subject.text("namespace") {
        "" => otherwise,
        namespace => namespace,
    }
}

/// The rules of the role that a binding refers to (`GetRoleReferenceRules`).
///
/// # Errors
/// When there is no such role.
pub(super) fn referred_rules(api: &ApiServer, binding: &Value) -> Result<Vec<Rule>, String> {
    let role = &binding["roleRef"];
    let (kind, name) = (role.text("kind"), role.text("name"));
    let found: Option<&Object> = match kind {
        "Role" => api.get(&ROLES, binding["metadata"].text("namespace"), name),
        _ => api.get(&CLUSTER_ROLES, "", name),
    };
    found
        .map(|role| Rule::of_role(role))
        .ok_or_else(|| no_such_role(kind, name))
}

fn is_subject(user: &UserInfo, subject: &Value, binding: &Value) -> bool {
    let name = subject.text("name");
    match subject.text("kind") {
        "User" => user.username == name,
        "Group" => user.is_in(name),
        "ServiceAccount" => {
            let namespace = namespace_of(subject, binding["metadata"].text("namespace"));
            !namespace.is_empty() && user.username == service_account::user_name(namespace, name)
        }
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::apiserver::WriteOptions;
    use crate::clock::Time;

    fn world(subject: &Value, role: &str) -> ApiServer {
        let mut api = ApiServer::new(1, Time::default());
        api.bootstrap();
        let options = WriteOptions::default();
        let rules = json!([{"apiGroups": [""], "resources": ["pods"], "verbs": ["get"]}]);
        let role_object = json!({"metadata": {"name": "reader"}, "rules": rules});
        api.create(&ROLES, "default", role_object, &options).unwrap();
        let binding = json!({"metadata": {"name": "rb"}, "subjects": [subject],
            "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": role}});
        api.create(&ROLE_BINDINGS, "default", binding, &options).unwrap();
        api
    }

    fn get_pod(api: &ApiServer, user: &UserInfo, namespace: &str) -> Decision {
        authorize(
            api,
            &Attributes {
                user,
                verb: "get",
                resource: "pods",
                namespace,
                ..Attributes::default()
            },
        )
    }

    #[test]
    fn a_binding_gives_its_subjects_its_role_in_its_namespace() {
        let jane = UserInfo::new("jane", &["devs"]);
        let account = UserInfo::new("system:serviceaccount:default:bot", &[]);
        let cases = [
            (
                json!({"kind": "User", "name": "jane"}),
                &jane,
                Some("User \"jane\""),
            ),
            (
                json!({"kind": "Group", "name": "devs"}),
                &jane,
                Some("Group \"devs\""),
            ),
            (
                json!({"kind": "ServiceAccount", "name": "bot"}),
                &account,
                Some("ServiceAccount \"bot/default\""),
            ),
            (json!({"kind": "User", "name": "vera"}), &jane, None),
        ];
        for (subject, user, expected) in cases {
            let api = world(&subject, "reader");
            let decision = get_pod(&api, user, "default");
            let reason = expected.map_or_else(String::new, |subject| {
                format!("RBAC: allowed by RoleBinding \"rb/default\" of Role \"reader\" to {subject}")
            });
            assert_eq!((decision.allowed, decision.reason), (expected.is_some(), reason));
            assert!(!get_pod(&api, user, "kube-system").allowed);
        }
    }

    #[test]
    fn a_binding_to_nothing_is_said_in_the_refusal() {
        let jane = UserInfo::new("jane", &[]);
        let api = world(&json!({"kind": "User", "name": "jane"}), "gone");
        let decision = get_pod(&api, &jane, "default");
        let reason = "RBAC: role.rbac.authorization.k8s.io \"gone\" not found";
        assert_eq!((decision.allowed, decision.reason.as_str()), (false, reason));
    }
}
