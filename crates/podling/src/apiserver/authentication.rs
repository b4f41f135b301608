//! Authentication: which user a request comes from.
//!
//! Source: `k8s.io/apiserver/pkg/endpoints/filters/{authentication,impersonation}.go`. Differs from Kubernetes: the
//! owner's certificate or token is checked by the transport; here it is the user that kubeadm's `admin.conf` is for.

use super::ApiServer;
use super::authorization::{self, Attributes};
use crate::request::Request;
use crate::status::Status;
use crate::user::{ANONYMOUS, AUTHENTICATED, Credentials, Impersonation, UNAUTHENTICATED, UserInfo};

pub(crate) mod service_account;
pub(crate) mod token;

/// The user of kubeadm's `admin.conf`.
const OWNER: &str = "kubernetes-admin";
/// The owner's group, which a ClusterRoleBinding of the same name makes `cluster-admin`.
pub(super) const OWNERS: &str = "kubeadm:cluster-admins";

/// Who a request is from, or on whose behalf it is sent.
///
/// # Errors
/// 401 for a token that is no good; 403 when the sender may not act for others.
pub(super) fn authenticate(api: &ApiServer, request: &Request) -> Result<UserInfo, Status> {
    let user = sender(api, &request.credentials)?;
    match request.impersonation.is_none() {
        true => Ok(user),
        false => impersonate(api, &user, &request.impersonation),
    }
}

fn sender(api: &ApiServer, credentials: &Credentials) -> Result<UserInfo, Status> {
    match credentials {
        Credentials::Owner => Ok(UserInfo::new(OWNER, &[OWNERS, AUTHENTICATED])),
        Credentials::None => Ok(UserInfo::new(ANONYMOUS, &[UNAUTHENTICATED])),
        Credentials::User(user) => {
            let mut user = user.clone();
            if !user.is_in(AUTHENTICATED) {
                user.groups.push(AUTHENTICATED.to_owned());
            }
            Ok(user)
        }
        Credentials::Token(token) => {
            let verified = token::verify(api, token, &[token::ISSUER]);
            let mut verified = verified.map_err(|_| Status::new(401, "Unauthorized", "Unauthorized"))?;
            verified.user.groups.push(AUTHENTICATED.to_owned());
            Ok(verified.user)
        }
    }
}

/// The user that `wanted` asks for, if the sender may be it.
fn impersonate(api: &ApiServer, sender: &UserInfo, wanted: &Impersonation) -> Result<UserInfo, Status> {
    if wanted.user.is_empty() {
        return Err(Status::bad_request(format!(
            "requested {} without impersonating a user name",
            go_user(wanted)
        )));
    }
    for attributes in requests(wanted) {
        let attributes = Attributes {
            user: sender,
            verb: "impersonate",
            ..attributes
        };
        authorization::require(api, &attributes)?;
    }
    let mut groups = wanted.groups.clone();
    if let (Some((namespace, _)), true) = (service_account::of_user(&wanted.user), groups.is_empty()) {
        groups = service_account::groups(namespace);
    }
    add_general_group(&wanted.user, &mut groups);
    Ok(UserInfo {
        username: wanted.user.clone(),
        uid: wanted.uid.clone(),
        groups,
        extra: wanted.extra.clone(),
    })
}

/// Everybody is in `system:authenticated` or `system:unauthenticated`, unless the request itself says which.
fn add_general_group(user: &str, groups: &mut Vec<String>) {
    let is_anonymous = user == ANONYMOUS;
    let says_so = |group: &String| match is_anonymous {
        true => group == UNAUTHENTICATED,
        false => group == AUTHENTICATED || group == UNAUTHENTICATED,
    };
    if !groups.iter().any(says_so) {
        let group = if is_anonymous {
            UNAUTHENTICATED
        } else {
            AUTHENTICATED
        };
        groups.push(group.to_owned());
    }
}

/// Each thing that the sender must be allowed to impersonate.
fn requests(wanted: &Impersonation) -> Vec<Attributes<'_>> {
    let blank = Attributes::default();
    let of_name = |resource, name| Attributes {
        resource,
        name,
        ..blank.clone()
    };
    let mut requests = vec![match service_account::of_user(&wanted.user) {
        Some((namespace, name)) => Attributes {
            namespace,
            ..of_name("serviceaccounts", name)
        },
        None => of_name("users", &wanted.user),
    }];
    if !wanted.uid.is_empty() {
        requests.push(Attributes {
            group: "authentication.k8s.io",
            ..of_name("uids", &wanted.uid)
        });
    }
    requests.extend(wanted.groups.iter().map(|group| of_name("groups", group)));
    for (key, values) in &wanted.extra {
        requests.extend(values.iter().map(|value| Attributes {
            group: "authentication.k8s.io",
            subresource: key,
            ..of_name("userextras", value)
        }));
    }
    requests
}

/// What was asked for, as Go prints a `user.DefaultInfo`.
fn go_user(wanted: &Impersonation) -> String {
    let list = |items: &[String]| match items {
        [] => "[]string(nil)".to_owned(),
        items => {
            let items: Vec<String> = items.iter().map(|item| format!("{item:?}")).collect();
            format!("[]string{{{}}}", items.join(", "))
        }
    };
    let extra = match wanted.extra.is_empty() {
        true => "map[string][]string(nil)".to_owned(),
        false => {
            let entries: Vec<String> = wanted
                .extra
                .iter()
                .map(|(key, values)| format!("{key:?}:{}", list(values)))
                .collect();
            format!("map[string][]string{{{}}}", entries.join(", "))
        }
    };
    format!(
        "&user.DefaultInfo{{Name:{:?}, UID:{:?}, Groups:{}, Extra:{extra}}}",
        wanted.user,
        wanted.uid,
        list(&wanted.groups)
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::Time;

    fn api() -> ApiServer {
        let mut api = ApiServer::new(1, Time::default());
        api.bootstrap();
        api
    }

    fn asking(credentials: Credentials, user: &str, groups: &[&str]) -> Request {
        let impersonation = Impersonation {
            user: user.to_owned(),
            groups: groups.iter().map(|group| (*group).to_owned()).collect(),
            ..Impersonation::default()
        };
        Request {
            credentials,
            impersonation,
            ..Request::new("GET", "/api")
        }
    }

    #[test]
    fn everybody_has_the_groups_that_kubernetes_gives() {
        let api = api();
        let cases: [(Request, &str, &[&str]); 5] = [
            (
                asking(Credentials::Owner, "", &[]),
                OWNER,
                &[OWNERS, AUTHENTICATED],
            ),
            (asking(Credentials::None, "", &[]), ANONYMOUS, &[UNAUTHENTICATED]),
            (
                asking(Credentials::Owner, "jane", &["devs"]),
                "jane",
                &["devs", AUTHENTICATED],
            ),
            (
                asking(Credentials::Owner, "system:serviceaccount:a:b", &[]),
                "system:serviceaccount:a:b",
                &[
                    "system:serviceaccounts",
                    "system:serviceaccounts:a",
                    AUTHENTICATED,
                ],
            ),
            (
                asking(Credentials::Owner, ANONYMOUS, &[]),
                ANONYMOUS,
                &[UNAUTHENTICATED],
            ),
        ];
        for (request, name, groups) in cases {
            let user = authenticate(&api, &request).unwrap();
            assert_eq!(
                (user.username.as_str(), user.groups),
                (name, groups.iter().map(|g| (*g).to_owned()).collect())
            );
        }
    }

    #[test]
    fn not_everybody_may_act_for_others() {
        let jane = Credentials::User(UserInfo::new("jane", &[]));
        let refused = authenticate(&api(), &asking(jane, "vera", &[])).unwrap_err();
        assert_eq!(
            refused.message,
            "users \"vera\" is forbidden: User \"jane\" cannot impersonate resource \"users\" in API group \"\" at the cluster scope"
        );
        let nobody = authenticate(&api(), &asking(Credentials::Owner, "", &["devs"])).unwrap_err();
        assert_eq!(
            (nobody.code, nobody.message.as_str()),
            (
                400,
                "requested &user.DefaultInfo{Name:\"\", UID:\"\", Groups:[]string{\"devs\"}, Extra:map[string][]string(nil)} without impersonating a user name"
            )
        );
        let wrong =
            authenticate(&api(), &asking(Credentials::Token("wrong".to_owned()), "", &[])).unwrap_err();
        assert_eq!(wrong.code, 401);
    }
}
