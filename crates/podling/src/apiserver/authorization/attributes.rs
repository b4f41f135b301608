//! What a request is about to those who decide whether it is allowed.
//!
//! Source: `k8s.io/apiserver/pkg/endpoints/request/requestinfo.go`. Paths are read without knowing what is served, so
//! that nobody learns from an answer what there is that may not be seen.

use std::sync::LazyLock;

use crate::request::{Request, percent_decode};
use crate::user::UserInfo;

static NOBODY: LazyLock<UserInfo> = LazyLock::new(UserInfo::default);

/// Who wants to do what.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct Attributes<'a> {
    pub(crate) user: &'a UserInfo,
    pub(crate) verb: &'a str,
    pub(crate) group: &'a str,
    pub(crate) resource: &'a str,
    pub(crate) subresource: &'a str,
    pub(crate) namespace: &'a str,
    pub(crate) name: &'a str,
    /// The path of a request that is about no resource; empty for one that is.
    pub(crate) path: &'a str,
}

impl Default for Attributes<'_> {
    fn default() -> Self {
        Self {
            user: &NOBODY,
            verb: "",
            group: "",
            resource: "",
            subresource: "",
            namespace: "",
            name: "",
            path: "",
        }
    }
}

impl Attributes<'_> {
    /// `pods`, `pods/log`.
    pub(crate) fn combined_resource(&self) -> String {
        match self.subresource {
            "" => self.resource.to_owned(),
            subresource => format!("{}/{subresource}", self.resource),
        }
    }
}

/// The same as far as the request itself says it.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub(crate) struct RequestInfo {
    verb: String,
    group: String,
    resource: String,
    subresource: String,
    namespace: String,
    name: String,
    path: String,
}

impl RequestInfo {
    /// Reads a request's method, path and query.
    pub(crate) fn of(request: &Request) -> Self {
        let parts: Vec<String> = request
            .path
            .trim_matches('/')
            .split('/')
            .map(percent_decode)
            .collect();
        let parts: Vec<&str> = parts.iter().map(String::as_str).collect();
        let of_resource = match parts.as_slice() {
            ["api", _version, rest @ ..] if !rest.is_empty() => Some(("", rest)),
            ["apis", group, _version, rest @ ..] if !rest.is_empty() => Some((*group, rest)),
            _ => None,
        };
        match of_resource {
            Some((group, rest)) => Self::of_resource(request, group, rest),
            None => Self {
                verb: request.method.to_ascii_lowercase(),
                path: request.path.clone(),
                ..Self::default()
            },
        }
    }

    fn of_resource(request: &Request, group: &str, parts: &[&str]) -> Self {
        let (namespace, parts) = match parts {
            ["namespaces", namespace, sub, ..] if !matches!(*sub, "status" | "finalize") => {
                (*namespace, &parts[2..])
            }
            ["namespaces", namespace, ..] => (*namespace, parts),
            _ => ("", parts),
        };
        let part = |at: usize| parts.get(at).copied().unwrap_or_default().to_owned();
        let mut info = Self {
            group: group.to_owned(),
            resource: part(0),
            name: part(1),
            subresource: part(2),
            namespace: namespace.to_owned(),
            ..Self::default()
        };
        info.verb = match (request.method.as_str(), info.name.is_empty()) {
            ("POST", _) => "create",
            ("PUT", _) => "update",
            ("PATCH", _) => "patch",
            ("DELETE", true) => "deletecollection",
            ("DELETE", false) => "delete",
            (_, false) => "get",
            (_, true) if request.flag("watch") => "watch",
            (_, true) => "list",
        }
        .to_owned();
        if info.name.is_empty() && matches!(info.verb.as_str(), "list" | "watch" | "deletecollection") {
            info.name = selected_name(request).unwrap_or_default();
        }
        info
    }

    /// The attributes of this request by a user.
    pub(crate) fn attributes<'a>(&'a self, user: &'a UserInfo) -> Attributes<'a> {
        Attributes {
            user,
            verb: &self.verb,
            group: &self.group,
            resource: &self.resource,
            subresource: &self.subresource,
            namespace: &self.namespace,
            name: &self.name,
            path: &self.path,
        }
    }
}

/// The name that a field selector asks for: such a list is about one object.
fn selected_name(request: &Request) -> Option<String> {
    let selector = request.parameter("fieldSelector")?;
    selector.split(',').find_map(|part| {
        let (key, name) = part.split_once('=')?;
        (key == "metadata.name").then(|| name.trim_start_matches('=').to_owned())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requests_are_read_without_knowing_what_is_served() {
        let cases = [
            ("GET", "/api/v1/namespaces/a/pods", "list  pods  a "),
            ("GET", "/api/v1/namespaces/a/pods?watch=1", "watch  pods  a "),
            (
                "GET",
                "/api/v1/pods?fieldSelector=metadata.name%3Dp",
                "list  pods   p",
            ),
            (
                "GET",
                "/apis/apps/v1/namespaces/a/deployments/d/scale",
                "get apps deployments scale a d",
            ),
            ("POST", "/apis/x.io/v9/foos", "create x.io foos   "),
            (
                "DELETE",
                "/api/v1/namespaces/a/pods",
                "deletecollection  pods  a ",
            ),
            ("GET", "/api/v1/namespaces/a", "get  namespaces  a a"),
            (
                "PUT",
                "/api/v1/namespaces/a/finalize",
                "update  namespaces finalize a a",
            ),
            (
                "POST",
                "/api/v1/namespaces/a/pods/p/exec",
                "create  pods exec a p",
            ),
        ];
        for (method, path, expected) in cases {
            let info = RequestInfo::of(&Request::new(method, path));
            let parts = [
                info.verb,
                info.group,
                info.resource,
                info.subresource,
                info.namespace,
                info.name,
            ];
            assert_eq!(parts.join(" "), expected, "{method} {path}");
        }
        let plain = RequestInfo::of(&Request::new("GET", "/api/v1"));
        assert_eq!((plain.verb.as_str(), plain.path.as_str()), ("get", "/api/v1"));
    }
}
