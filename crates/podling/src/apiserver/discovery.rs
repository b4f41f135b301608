//! What the server serves, told to clients: discovery in both forms, the version, health, OpenAPI.
//!
//! Source: `k8s.io/apiserver/pkg/endpoints/discovery` (KEP-3352 for the aggregated form). Everything comes from
//! [`ALL`](crate::resource::ALL). Differs from Kubernetes: no protobuf.

use std::fmt::Write as _;

use serde_json::{Map, Value, json};
use sha2::{Digest as _, Sha512};

use super::authentication::token;
use super::negotiation::{self, Clause};
use super::{health, openapi};
use crate::request::{Request, Response};
use crate::resource::{Resource, Subresource};
use crate::status::Status;

/// The Kubernetes version that podling speaks.
pub(crate) const GIT_VERSION: &str = "v1.36.2";

/// The header that names what an answer says.
pub(super) const ETAG: &str = "Etag";

/// Where the server says that it can be reached: the `kubernetes` Service.
const SERVER_ADDRESS: &str = "10.96.0.1:443";

/// Hashes of group, version and kind under which objects are stored; clients compare them for equality only.
const STORAGE_VERSION_HASHES: &[(&str, &str)] = &[
    ("APIService", "InPBPD7+PqM="),
    ("CSIDriver", "hL6j/rwBV5w="),
    ("CSINode", "Pe62DkZtjuo="),
    ("CSIStorageCapacity", "xeVl+2Ly1kE="),
    ("CertificateSigningRequest", "95fRKMXA+00="),
    ("ClusterRole", "bYE5ZWDrJ44="),
    ("ClusterRoleBinding", "48tpQ8gZHFc="),
    ("ConfigMap", "qFsyl6wFWjQ="),
    ("ControllerRevision", "85nkx63pcBU="),
    ("CronJob", "sd5LIXh4Fjs="),
    ("CustomResourceDefinition", "M5uH+AlWATY="),
    ("DaemonSet", "dd7pWHUlMKQ="),
    ("Deployment", "8aSe+NMegvE="),
    ("DeviceClass", "Yk2PTc1Ybxk="),
    ("EndpointSlice", "qgS0xkrxYAI="),
    ("Endpoints", "fWeeMqaN/OA="),
    ("Event", "r2yiGXH7wu8="),
    ("FlowSchema", "GJVAJZSZBIw="),
    ("HorizontalPodAutoscaler", "qwQve8ut294="),
    ("IPAddress", "3f/plJFChNE="),
    ("Ingress", "39NQlfNR+bo="),
    ("IngressClass", "l/iqIbDgFyQ="),
    ("Job", "mudhfqk/qZY="),
    ("Lease", "gqkMMb/YqFM="),
    ("LimitRange", "EBKMFVe6cwo="),
    ("MutatingAdmissionPolicy", "mHCkTKpUTrE="),
    ("MutatingAdmissionPolicyBinding", "ZKgZT1uTmZ0="),
    ("MutatingWebhookConfiguration", "Sqi0GUgDaX0="),
    ("Namespace", "Q3oi5N2YM8M="),
    ("NetworkPolicy", "YpfwF18m1G8="),
    ("Node", "XwShjMxG9Fs="),
    ("PersistentVolume", "HN/zwEC+JgM="),
    ("PersistentVolumeClaim", "QWTyNDq0dC4="),
    ("Pod", "xPOwRZ+Yhw8="),
    ("PodDisruptionBudget", "EVWiDmWqyJw="),
    ("PodTemplate", "LIXB2x4IFpk="),
    ("PriorityClass", "1QwjyaZjj3Y="),
    ("PriorityLevelConfiguration", "Kir5PVfvNeI="),
    ("ReplicaSet", "P1RzHs8/mWQ="),
    ("ReplicationController", "Jond2If31h0="),
    ("ResourceClaim", "wgAZaHcZxUg="),
    ("ResourceClaimTemplate", "TuzjC49aUfM="),
    ("ResourceQuota", "8uhSgffRX6w="),
    ("ResourceSlice", "KsC072WgaEY="),
    ("Role", "7FuwZcIIItM="),
    ("RoleBinding", "eGsCzGH6b1g="),
    ("RuntimeClass", "WQTu1GL3T2Q="),
    ("Secret", "S6u1pOWzb84="),
    ("Service", "0/CO1lhkEBI="),
    ("ServiceAccount", "pbx9ZvyFpBE="),
    ("ServiceCIDR", "gNLvruQhW2g="),
    ("StatefulSet", "H+vl74LkKdo="),
    ("StorageClass", "K+m6uJwbjGY="),
    ("ValidatingAdmissionPolicy", "6OxvlMmQ6is="),
    ("ValidatingAdmissionPolicyBinding", "v9715VZqakg="),
    ("ValidatingWebhookConfiguration", "B0wHjQmsGNk="),
    ("VolumeAttachment", "tJx/ezt6UDU="),
    ("VolumeAttributesClass", "tIjydgKBC5w="),
];

/// The resources that are served.
type Served = &'static [&'static Resource];

/// The answer to a request that is about the server itself; `None` if it is about anything else.
pub(crate) fn document(request: &Request, all: Served) -> Option<Response> {
    let path = request.path.trim_matches('/');
    let parts: Vec<&str> = path.split('/').collect();
    let answer = match parts.as_slice() {
        ["openapi", "v2"] => Some(openapi::v2::answer(request)),
        ["openapi", "v3", document @ ..] => openapi::answer(request, &document.join("/")),
        ["version"] => Some(Response::json(200, &version())),
        [".well-known", "openid-configuration"] => Some(Response::json(200, &issuer())),
        ["openid", "v1", "jwks"] => Some(keys()),
        ["healthz" | "livez" | "readyz", ..] => health::answer(request),
        [""] => Some(Response::json(200, &root_paths(all))),
        ["api" | "apis", ..] => discovery(request, &parts, all),
        _ => None,
    }?;
    Some(match request.method.as_str() {
        "GET" | "HEAD" => unless_known(request, answer),
        _ => Response::from(Status::method_not_allowed()),
    })
}

/// The answer, or that the client has it (RFC 9110, `If-None-Match`).
fn unless_known(request: &Request, answer: Response) -> Response {
    let Some((_, etag)) = answer.headers.iter().find(|(name, _)| name == ETAG) else {
        return answer;
    };
    let mut known = request.if_none_match.split(',').map(str::trim);
    if answer.status != 200 || !known.any(|one| one == "*" || one.trim_start_matches("W/") == etag) {
        return answer;
    }
    // The type stays: a cache that is sent another with the 304 takes it for that of what it has.
    Response {
        headers: answer.headers,
        ..Response::whole(304, &answer.content_type, Vec::new())
    }
}

/// Who issues the tokens of ServiceAccounts, for programs that want to check them.
fn issuer() -> Value {
    json!({
        "issuer": token::ISSUER, "jwks_uri": format!("https://{SERVER_ADDRESS}/openid/v1/jwks"),
        "response_types_supported": ["id_token"], "subject_types_supported": ["public"],
        "id_token_signing_alg_values_supported": ["RS256"],
    })
}

/// The public keys of the issuer. There are none: only the cluster itself can check its tokens.
fn keys() -> Response {
    let mut response = Response::json(200, &json!({"keys": []}));
    "application/jwk-set+json".clone_into(&mut response.content_type);
    response
}

fn discovery(request: &Request, parts: &[&str], all: Served) -> Option<Response> {
    let (legacy, aggregated) = match *parts {
        ["api"] => (api_versions(all), Some(vec![group_discovery("", all)])),
        ["apis"] => {
            let groups = groups(all).map(|group| group_discovery(group, all)).collect();
            (api_groups(all), Some(groups))
        }
        ["api", version] => (resource_list("", version, all)?, None),
        ["apis", group] => (api_group(served(group, all)?, all), None),
        ["apis", group, version] => (resource_list(served(group, all)?, version, all)?, None),
        _ => return None,
    };
    Some(match (form(&request.accept), aggregated) {
        (None, _) => Response::from(negotiation::no_whole_form()),
        (Some(Form::Aggregated(version)), Some(groups)) => aggregated_list(version, &groups),
        (Some(_), _) => Response::json(200, &legacy),
    })
}

/// How discovery is wanted.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Form {
    /// `apidiscovery.k8s.io` of this version.
    Aggregated(&'static str),
    /// Lists of their own.
    Legacy,
}

/// The first form of an Accept header that is served.
fn form(accept: &str) -> Option<Form> {
    negotiation::clauses(accept).iter().find_map(form_of)
}

fn form_of(clause: &Clause<'_>) -> Option<Form> {
    let is_aggregated =
        clause.parameter("g") == "apidiscovery.k8s.io" && clause.parameter("as") == "APIGroupDiscoveryList";
    match (is_aggregated, clause.parameter("v")) {
        (true, "v2") => Some(Form::Aggregated("v2")),
        (true, "v2beta1") => Some(Form::Aggregated("v2beta1")),
        (true, _) => None,
        (false, _) => Some(Form::Legacy),
    }
}

/// The groups that are served, but for core, in their order.
fn groups(all: Served) -> impl Iterator<Item = &'static str> {
    let mut last = "";
    all.iter()
        .map(|resource| resource.group)
        .filter(move |group| std::mem::replace(&mut last, group) != *group)
}

fn served(group: &str, all: Served) -> Option<&'static str> {
    groups(all).find(|served| *served == group)
}

/// The versions of a group; each stands once, as its resources stand together.
fn versions(group: &str, all: Served) -> Vec<&'static str> {
    let mut versions: Vec<&str> = of_group(group, all).map(|resource| resource.version).collect();
    versions.dedup();
    versions
}

fn of_group(group: &str, all: Served) -> impl Iterator<Item = &'static Resource> {
    all.iter()
        .copied()
        .filter(move |resource| resource.group == group)
}

/// `RootPaths`: what can be asked for.
fn root_paths(all: Served) -> Value {
    let mut paths: Vec<String> = [
        "/api",
        "/api/v1",
        "/apis",
        "/openapi/v2",
        "/openapi/v3",
        "/version",
    ]
    .map(str::to_owned)
    .into();
    for group in groups(all).filter(|group| !group.is_empty()) {
        paths.push(format!("/apis/{group}"));
        let versions = versions(group, all).into_iter();
        paths.extend(versions.map(|version| format!("/apis/{group}/{version}")));
    }
    paths.extend(health::paths());
    paths.sort();
    json!({"paths": paths})
}

fn version() -> Value {
    json!({
        "major": "1", "minor": "36", "emulationMajor": "1", "emulationMinor": "36",
        "minCompatibilityMajor": "1", "minCompatibilityMinor": "35",
        "gitVersion": GIT_VERSION, "gitCommit": "podling", "gitTreeState": "clean",
        "buildDate": "1970-01-01T00:00:00Z", "goVersion": "", "compiler": "rustc", "platform": "linux/amd64",
    })
}

fn api_versions(all: Served) -> Value {
    json!({
        "kind": "APIVersions", "versions": versions("", all),
        "serverAddressByClientCIDRs": [{"clientCIDR": "0.0.0.0/0", "serverAddress": SERVER_ADDRESS}],
    })
}

fn api_groups(all: Served) -> Value {
    let groups: Vec<Value> = groups(all).map(|group| group_facts(group, all)).collect();
    json!({"kind": "APIGroupList", "apiVersion": "v1", "groups": groups})
}

fn api_group(group: &str, all: Served) -> Value {
    let mut facts = group_facts(group, all);
    facts["kind"] = "APIGroup".into();
    facts["apiVersion"] = "v1".into();
    facts
}

fn group_facts(group: &str, all: Served) -> Value {
    let versions = versions(group, all)
        .into_iter()
        .map(|version| json!({"groupVersion": format!("{group}/{version}"), "version": version}));
    let versions: Vec<Value> = versions.collect();
    json!({"name": group, "preferredVersion": versions.first(), "versions": versions})
}

/// `APIResourceList`; only that of a named group says its own apiVersion.
fn resource_list(group: &'static str, version: &str, all: Served) -> Option<Value> {
    let resources: Vec<Value> = of_group(group, all)
        .filter(|resource| resource.version == version)
        .flat_map(listed)
        .collect();
    if resources.is_empty() {
        return None;
    }
    let mut list = json!({"kind": "APIResourceList", "resources": resources});
    list["groupVersion"] = match group {
        "" => version.into(),
        _ => format!("{group}/{version}").into(),
    };
    if !group.is_empty() {
        list["apiVersion"] = "v1".into();
    }
    Some(list)
}

/// The entries of a resource: its own and one for each subresource.
fn listed(resource: &'static Resource) -> Vec<Value> {
    let mut own = json!({
        "name": resource.plural, "singularName": resource.singular, "namespaced": resource.namespaced,
        "kind": resource.kind, "verbs": resource.verbs(),
    });
    name_lists(&mut own, resource);
    let hash = STORAGE_VERSION_HASHES
        .iter()
        .find(|(kind, _)| *kind == resource.kind);
    if let Some((_, hash)) = hash {
        own["storageVersionHash"] = (*hash).into();
    }
    let below = resource
        .subresources
        .iter()
        .map(|sub| listed_below(resource, sub));
    std::iter::once(own).chain(below).collect()
}

fn name_lists(entry: &mut Value, resource: &Resource) {
    if !resource.short_names.is_empty() {
        entry["shortNames"] = resource.short_names.into();
    }
    if !resource.categories.is_empty() {
        entry["categories"] = resource.categories.into();
    }
}

fn listed_below(resource: &Resource, sub: &Subresource) -> Value {
    let (group, version, kind) = sub.response;
    let mut entry = json!({
        "name": format!("{}/{}", resource.plural, sub.name), "singularName": "",
        "namespaced": resource.namespaced, "kind": kind, "verbs": sub.verbs,
    });
    if (group, version) != (resource.group, resource.version) {
        entry["group"] = group.into();
        entry["version"] = version.into();
    }
    entry
}

fn aggregated_list(version: &str, groups: &[Value]) -> Response {
    let body = json!({
        "kind": "APIGroupDiscoveryList", "apiVersion": format!("apidiscovery.k8s.io/{version}"), "metadata": {},
        "items": groups,
    });
    let mut response = Response::json(200, &body);
    response.content_type =
        format!("application/json;g=apidiscovery.k8s.io;v={version};as=APIGroupDiscoveryList");
    let headers = [
        (ETAG, etag(&body["items"])),
        ("Vary", "Accept".into()),
        ("Cache-Control", "public".into()),
    ];
    response.headers = headers.map(|(name, value)| (name.to_owned(), value)).into();
    response
}

/// Names what is served, whatever the version in which it is said (`calculateETag` in
/// `k8s.io/apiserver/pkg/endpoints/discovery/aggregated/etag.go`).
fn etag(groups: &Value) -> String {
    let mut hash = String::from("\"");
    for byte in Sha512::digest(groups.to_string()) {
        // Writing to a string cannot fail.
        let _ = write!(hash, "{byte:02X}");
    }
    hash + "\""
}

fn group_discovery(group: &str, all: Served) -> Value {
    let of_version = |version: &str| {
        let resources: Vec<Value> = of_group(group, all)
            .filter(|resource| resource.version == version)
            .map(resource_discovery)
            .collect();
        json!({"version": version, "resources": resources, "freshness": "Current"})
    };
    let versions: Vec<Value> = versions(group, all).into_iter().map(of_version).collect();
    let mut metadata = Map::new();
    if !group.is_empty() {
        metadata.insert("name".to_owned(), group.into());
    }
    json!({"metadata": metadata, "versions": versions})
}

fn resource_discovery(resource: &'static Resource) -> Value {
    let scope = match resource.namespaced {
        true => "Namespaced",
        false => "Cluster",
    };
    let mut entry = json!({
        "resource": resource.plural,
        "responseKind": response_kind(resource, (resource.group, resource.version, resource.kind)),
        "scope": scope, "singularResource": resource.singular, "verbs": resource.verbs(),
    });
    name_lists(&mut entry, resource);
    let below = resource.subresources.iter().map(|sub| {
        json!({
            "subresource": sub.name, "responseKind": response_kind(resource, sub.response), "verbs": sub.verbs,
        })
    });
    let below: Vec<Value> = below.collect();
    if !below.is_empty() {
        entry["subresources"] = below.into();
    }
    entry
}

/// Group and version are left empty where they are the resource's own.
fn response_kind(resource: &Resource, (group, version, kind): (&str, &str, &str)) -> Value {
    match (group, version) == (resource.group, resource.version) {
        true => json!({"group": "", "version": "", "kind": kind}),
        false => json!({"group": group, "version": version, "kind": kind}),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::resource;

    const KUBECTL: &str =
        "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList,application/json";

    fn get(path: &str, accept: &str) -> Response {
        let mut request = Request::new("GET", path);
        accept.clone_into(&mut request.accept);
        document(&request, resource::ALL).unwrap()
    }

    #[test]
    fn aggregated_discovery_has_all_groups_in_one_document() {
        let core = get("/api", KUBECTL);
        assert_eq!(
            core.content_type,
            "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList"
        );
        let body = core.body_json();
        assert_eq!(body["apiVersion"], "apidiscovery.k8s.io/v2");
        assert_eq!(body["items"][0]["metadata"], json!({}));
        let resources = body["items"][0]["versions"][0]["resources"].as_array().unwrap();
        let namespaces = resources.iter().find(|entry| entry["resource"] == "namespaces");
        assert_eq!(
            namespaces.unwrap(),
            &json!({
                "resource": "namespaces", "responseKind": {"group": "", "version": "", "kind": "Namespace"},
                "scope": "Cluster", "singularResource": "namespace",
                "verbs": ["create", "delete", "get", "list", "patch", "update", "watch"], "shortNames": ["ns"],
                "subresources": [
                    {"subresource": "finalize", "responseKind": {"group": "", "version": "", "kind": "Namespace"}, "verbs": ["update"]},
                    {"subresource": "status", "responseKind": {"group": "", "version": "", "kind": "Namespace"}, "verbs": ["get", "patch", "update"]},
                ],
            })
        );
        let groups = get("/apis", KUBECTL).body_json();
        let names: Vec<&Value> = groups["items"]
            .as_array()
            .unwrap()
            .iter()
            .map(|group| &group["metadata"]["name"])
            .collect();
        let order = [
            "apps",
            "events.k8s.io",
            "batch",
            "policy",
            "storage.k8s.io",
            "scheduling.k8s.io",
            "coordination.k8s.io",
            "discovery.k8s.io",
        ];
        let places = order.map(|wanted| names.iter().position(|name| **name == wanted));
        assert!(places.is_sorted() && places[0].is_some(), "{names:?}");
        let mut items = groups["items"].as_array().unwrap().iter();
        let apps = items.find(|group| group["metadata"]["name"] == "apps").unwrap();
        let apps = apps["versions"][0]["resources"].as_array().unwrap();
        let deployments = apps.iter().find(|entry| entry["resource"] == "deployments");
        assert_eq!(
            deployments.unwrap()["subresources"][0]["responseKind"],
            json!({"group": "autoscaling", "version": "v1", "kind": "Scale"})
        );
    }

    #[test]
    fn what_a_client_knows_is_not_said_again() {
        let first = get("/apis", KUBECTL);
        let etag = first.headers[0].1.clone();
        assert_eq!((first.headers[0].0.as_str(), etag.len()), (ETAG, 130));
        let again = |path: &str, known: &str| {
            let mut request = Request::new("GET", path);
            KUBECTL.clone_into(&mut request.accept);
            known.clone_into(&mut request.if_none_match);
            let response = document(&request, resource::ALL).unwrap();
            (response.status, response.headers)
        };
        assert_eq!(again("/apis", &etag), (304, first.headers));
        assert_eq!(again("/apis", &format!("\"x\", W/{etag}")).0, 304);
        assert_eq!(again("/apis", "\"x\"").0, 200);
        assert_eq!(again("/api", &etag).0, 200);
        assert_eq!(again("/version", "*").0, 200);
        assert_eq!(again("/openapi/v3/apis/apps/v1", "*").0, 304);
    }

    #[test]
    fn legacy_discovery_goes_group_by_group() {
        assert_eq!(
            get("/apis/apps", "").body_json(),
            json!({
                "kind": "APIGroup", "apiVersion": "v1", "name": "apps",
                "versions": [{"groupVersion": "apps/v1", "version": "v1"}],
                "preferredVersion": {"groupVersion": "apps/v1", "version": "v1"},
            })
        );
        let list = get("/apis/apps/v1", KUBECTL).body_json();
        assert_eq!(
            (&list["apiVersion"], &list["groupVersion"]),
            (&json!("v1"), &json!("apps/v1"))
        );
        let named = |name: &str| {
            let mut resources = list["resources"].as_array().unwrap().iter();
            resources.find(|entry| entry["name"] == name).unwrap()
        };
        assert_eq!(
            named("deployments"),
            &json!({
                "name": "deployments", "singularName": "deployment", "namespaced": true, "kind": "Deployment",
                "verbs": resource::STORED_VERBS, "shortNames": ["deploy"], "categories": ["all"],
                "storageVersionHash": "8aSe+NMegvE=",
            })
        );
        assert_eq!(
            named("deployments/scale"),
            &json!({
                "name": "deployments/scale", "singularName": "", "namespaced": true, "group": "autoscaling",
                "version": "v1", "kind": "Scale", "verbs": ["get", "patch", "update"],
            })
        );
        let core = get("/api/v1", "").body_json();
        assert_eq!(
            (core.get("apiVersion"), &core["groupVersion"]),
            (None, &json!("v1"))
        );
        assert_eq!(get("/api", "*/*").body_json()["versions"], json!(["v1"]));
        assert_eq!(get("/apis", "").body_json()["groups"][1]["name"], "apps");
        let paths = get("/", "").body_json()["paths"].clone();
        let paths: Vec<&str> = paths
            .as_array()
            .unwrap()
            .iter()
            .filter_map(Value::as_str)
            .collect();
        assert!(paths.contains(&"/apis/apps/v1") && paths.is_sorted(), "{paths:?}");
    }

    #[test]
    fn the_first_form_that_is_served_is_taken() {
        let beta = "application/json;g=apidiscovery.k8s.io;v=v2beta1;as=APIGroupDiscoveryList";
        let cases = [
            ("", Some(Form::Legacy)),
            ("*/*", Some(Form::Legacy)),
            (KUBECTL, Some(Form::Aggregated("v2"))),
            (beta, Some(Form::Aggregated("v2beta1"))),
            (
                "application/json;g=apidiscovery.k8s.io;v=v9;as=APIGroupDiscoveryList,application/json",
                Some(Form::Legacy),
            ),
            ("text/html", None),
        ];
        for (accept, expected) in cases {
            assert_eq!(form(accept), expected, "{accept}");
        }
        assert_eq!(get("/apis/apps", "text/html").status, 406);
    }

    #[test]
    fn the_server_tells_its_version_and_its_health() {
        assert_eq!(get("/version", "").body_json()["gitVersion"], "v1.36.2");
        let health = get("/readyz", "");
        assert_eq!(health.content_type, "text/plain; charset=utf-8");
        let crate::request::Body::Whole(body) = health.body else {
            panic!("a stream");
        };
        assert_eq!(body, b"ok");
        let nothing = ["/healthz/nope", "/apis/metrics.k8s.io", "/api/v2", "/api/v1/pods"];
        for path in nothing {
            assert!(
                document(&Request::new("GET", path), resource::ALL).is_none(),
                "{path}"
            );
        }
        let refused = document(&Request::new("POST", "/version"), resource::ALL).unwrap();
        assert_eq!(refused.status, 405);
    }

    #[test]
    fn every_stored_resource_has_a_storage_version_hash() {
        let stored = |resource: &&&Resource| resource.verbs().contains(&"watch");
        for resource in resource::ALL.iter().filter(stored) {
            let found = STORAGE_VERSION_HASHES
                .iter()
                .any(|(kind, _)| *kind == resource.kind);
            assert!(found, "{}", resource.kind);
        }
    }
}
