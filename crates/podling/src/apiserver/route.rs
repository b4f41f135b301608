//! Paths: which resource, object and subresource a request is about.
//!
//! Source: `k8s.io/apiserver/pkg/endpoints/request/requestinfo.go`.

use crate::request::percent_decode;
use crate::resource::{self, Resource, Subresource};

/// What a resource path names.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) struct Route {
    pub(super) resource: &'static Resource,
    /// The namespace; `None` for cluster-scoped resources and for all namespaces.
    pub(super) namespace: Option<String>,
    /// The object; `None` for the collection.
    pub(super) name: Option<String>,
    pub(super) subresource: Option<&'static Subresource>,
    /// What follows the subresource, as `proxy` has it; with its leading slash.
    pub(super) rest: String,
}

/// Where a path leads.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) enum Destination {
    /// A resource.
    Resource(Route),
    /// A group and version that is served, with a resource that is not.
    UnknownResource,
    /// Nothing that is served.
    Nothing,
}

/// Reads `/api/v1/…` and `/apis/{group}/{version}/…`.
pub(super) fn parse(path: &str) -> Destination {
    let mut parts = path.trim_start_matches('/').split('/');
    let (group, version) = match parts.next() {
        Some("api") => ("", parts.next()),
        Some("apis") => (parts.next().unwrap_or_default(), parts.next()),
        _ => return Destination::Nothing,
    };
    let Some(version) = version else {
        return Destination::Nothing;
    };
    if !resource::ALL
        .iter()
        .any(|served| served.group == group && served.version == version)
    {
        return Destination::Nothing;
    }
    let rest: Vec<&str> = parts.collect();
    match resource_route(group, version, &rest) {
        Some(route) => Destination::Resource(route),
        None => Destination::UnknownResource,
    }
}

fn resource_route(group: &str, version: &str, parts: &[&str]) -> Option<Route> {
    let (namespace, parts) = match parts {
        // `/namespaces/{name}/status` and `/finalize` are about the namespace itself.
        ["namespaces", _] | ["namespaces", _, "status" | "finalize"] => (None, parts),
        ["namespaces", namespace, rest @ ..] if !rest.is_empty() => (Some(percent_decode(namespace)), rest),
        _ => (None, parts),
    };
    let (plural, below) = parts.split_first()?;
    let resource = resource::by_path(group, version, plural)?;
    if namespace.is_some() != resource.namespaced && (namespace.is_some() || !below.is_empty()) {
        return None;
    }
    let name = below
        .first()
        .map(|name| percent_decode(name))
        .filter(|name| !name.is_empty());
    let subresource = match below.get(1) {
        Some(sub) => Some(resource.subresource(sub)?),
        None => None,
    };
    let rest: String = below.iter().skip(2).flat_map(|part| ["/", part]).collect();
    if !rest.is_empty() && subresource.is_none_or(|sub| sub.name != "proxy") {
        return None;
    }
    Some(Route {
        resource,
        namespace,
        name,
        subresource,
        rest,
    })
}

impl Route {
    /// The namespace of the request; empty for none.
    pub(super) fn namespace(&self) -> &str {
        self.namespace.as_deref().unwrap_or_default()
    }

    /// The object's name; empty for the collection.
    pub(super) fn name(&self) -> &str {
        self.name.as_deref().unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::resource::{DEPLOYMENTS, NAMESPACES, PODS};

    #[track_caller]
    fn route(path: &str) -> Route {
        match parse(path) {
            Destination::Resource(route) => route,
            other => panic!("{path}: {other:?}"),
        }
    }

    #[test]
    fn paths_lead_to_resources() {
        let pods = route("/api/v1/pods");
        assert_eq!((pods.resource, pods.namespace, pods.name), (&PODS, None, None));
        let log = route("/api/v1/namespaces/a/pods/p/log");
        assert_eq!(
            (log.namespace(), log.name(), log.subresource.map(|sub| sub.name)),
            ("a", "p", Some("log"))
        );
        let scale = route("/apis/apps/v1/namespaces/a/deployments/d/scale");
        assert_eq!(
            (scale.resource, scale.subresource.map(|sub| sub.name)),
            (&DEPLOYMENTS, Some("scale"))
        );
        assert_eq!(route("/api/v1/namespaces/a").resource, &NAMESPACES);
        assert_eq!(route("/api/v1/namespaces/a/finalize").name(), "a");
        assert_eq!(route("/api/v1/namespaces/a/services/s:80/proxy/x/y").rest, "/x/y");
    }

    #[test]
    fn other_paths_lead_nowhere() {
        assert_eq!(parse("/apis/nope/v1/pods"), Destination::Nothing);
        assert_eq!(parse("/api"), Destination::Nothing);
        for path in [
            "/api/v1/nopes",
            "/api/v1/pods/p",
            "/api/v1/namespaces/a/nodes/n",
            "/api/v1/namespaces/a/pods/p/nope",
        ] {
            assert_eq!(parse(path), Destination::UnknownResource, "{path}");
        }
    }
}
