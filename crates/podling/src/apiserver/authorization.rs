//! Authorization: what a user may do.
//!
//! Source: `k8s.io/apiserver/pkg/endpoints/filters/authorization.go` and `.../handlers/responsewriters/errors.go`.
//! Differs from Kubernetes: there is RBAC, and the group that may do anything, but no authorizer for nodes, since the
//! cluster's own kubelets do not come in by the API.

use super::ApiServer;
use crate::status::{Status, qualified};
use crate::user::{MASTERS, UserInfo};

mod attributes;
pub(crate) mod escalation;
pub(crate) mod rbac;
pub(crate) mod rules;

pub(crate) use attributes::{Attributes, RequestInfo};

/// Whether something is allowed, and why or why not.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct Decision {
    pub(crate) allowed: bool,
    /// Empty where nobody has anything to say.
    pub(crate) reason: String,
}

/// Whether the attributes' user may do it.
pub(crate) fn authorize(api: &ApiServer, attributes: &Attributes<'_>) -> Decision {
    if attributes.user.is_in(MASTERS) {
        return Decision {
            allowed: true,
            reason: String::new(),
        };
    }
    rbac::authorize(api, attributes)
}

/// Refuses what is not allowed.
///
/// # Errors
/// 403.
pub(crate) fn require(api: &ApiServer, attributes: &Attributes<'_>) -> Result<(), Status> {
    let decision = authorize(api, attributes);
    match decision.allowed {
        true => Ok(()),
        false => Err(forbidden(attributes, &decision.reason)),
    }
}

/// 403 in Kubernetes' words.
fn forbidden(attributes: &Attributes<'_>, reason: &str) -> Status {
    let mut why = sentence(attributes);
    if !reason.is_empty() {
        why = format!("{why}: {reason}");
    }
    let mut status = Status::forbidden(attributes.group, attributes.resource, attributes.name, &why);
    if attributes.resource.is_empty() {
        status.message = format!("forbidden: {why}");
    }
    status
}

fn sentence(attributes: &Attributes<'_>) -> String {
    let Attributes {
        user: UserInfo { username, .. },
        verb,
        group,
        namespace,
        path,
        ..
    } = attributes;
    if !path.is_empty() {
        return format!("User {username:?} cannot {verb} path {path:?}");
    }
    let what = format!(
        "User {username:?} cannot {verb} resource {:?} in API group {group:?}",
        attributes.combined_resource()
    );
    match *namespace {
        "" => format!("{what} at the cluster scope"),
        namespace => format!("{what} in the namespace {namespace:?}"),
    }
}

/// What RBAC's own objects are called in errors about looking them up: `role.rbac.authorization.k8s.io "r" not found`.
fn no_such_role(kind: &str, name: &str) -> String {
    let resource = qualified(&kind.to_lowercase(), rules::GROUP);
    format!("{resource} \"{name}\" not found")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn refusals_say_who_may_not_do_what_where() {
        let user = UserInfo::new("jane", &[]);
        let base = Attributes {
            user: &user,
            verb: "list",
            group: "apps",
            resource: "deployments",
            ..Attributes::default()
        };
        let cases = [
            (
                base.clone(),
                "",
                "deployments.apps is forbidden: User \"jane\" cannot list resource \"deployments\" in API group \"apps\" at the cluster scope",
            ),
            (
                Attributes {
                    subresource: "scale",
                    name: "web",
                    namespace: "shop",
                    ..base.clone()
                },
                "RBAC: x",
                "deployments.apps \"web\" is forbidden: User \"jane\" cannot list resource \"deployments/scale\" in API group \"apps\" in the namespace \"shop\": RBAC: x",
            ),
            (
                Attributes {
                    user: &user,
                    verb: "get",
                    path: "/api",
                    ..Attributes::default()
                },
                "",
                "forbidden: User \"jane\" cannot get path \"/api\"",
            ),
        ];
        for (attributes, reason, message) in cases {
            assert_eq!(forbidden(&attributes, reason).message, message);
        }
    }
}
