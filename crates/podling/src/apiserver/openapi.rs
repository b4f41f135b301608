//! OpenAPI v3: what kubectl reads to validate, to merge and to explain.
//!
//! Source: `k8s.io/kube-openapi` and KEP-2896. The documents come from the schema table and cover the served
//! groups. Differs from Kubernetes: descriptions are our own and only of what
//! people look up most, there are no list types, and of each path only what clients look at.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::OnceLock;

use serde_json::{Map, Value, json};

use super::discovery::{ETAG, GIT_VERSION};
use crate::request::{Request, Response};
use crate::resource::{self, Resource};
use crate::schema::{self, Type};

mod definition;
mod description;
pub(super) mod v2;

/// One document, ready to be sent.
struct Document {
    bytes: Vec<u8>,
    /// Changes whenever the document does.
    hash: String,
}

/// Answers `/openapi/v3` (an empty `name`) and `/openapi/v3/{name}`; `None` for a document that is not there.
pub(super) fn answer(request: &Request, name: &str) -> Option<Response> {
    if name.is_empty() {
        return Some(Response::json(200, &index()));
    }
    let document = documents().get(name)?;
    let asked = request.parameter("hash").filter(|hash| !hash.is_empty());
    let mut response = Response::whole(200, "application/json", document.bytes.clone());
    let etag = format!("\"{}\"", document.hash);
    match asked {
        Some(hash) if hash != document.hash => {
            response = Response::whole(301, "text/plain", Vec::new());
            response
                .headers
                .push(("Location".to_owned(), url(name, document)));
        }
        Some(_) => response
            .headers
            .push(("Cache-Control".to_owned(), "public, immutable".to_owned())),
        None => response
            .headers
            .push(("Cache-Control".to_owned(), "no-cache, private".to_owned())),
    }
    response.headers.push((ETAG.to_owned(), etag));
    Some(response)
}

fn url(name: &str, document: &Document) -> String {
    format!("/openapi/v3/{name}?hash={}", document.hash)
}

fn index() -> Value {
    let paths = documents()
        .iter()
        .map(|(name, document)| (name.clone(), json!({"serverRelativeURL": url(name, document)})));
    let paths: Map<String, Value> = paths.collect();
    json!({"paths": paths})
}

/// The documents by name: `api/v1`, `apis/apps/v1`.
fn documents() -> &'static BTreeMap<String, Document> {
    static DOCUMENTS: OnceLock<BTreeMap<String, Document>> = OnceLock::new();
    DOCUMENTS.get_or_init(|| {
        let mut resources: BTreeMap<String, Vec<&Resource>> = BTreeMap::new();
        for resource in resource::ALL {
            resources.entry(name(resource)).or_default().push(resource);
        }
        resources
            .into_iter()
            .map(|(name, resources)| (name, document(&resources)))
            .collect()
    })
}

fn name(resource: &Resource) -> String {
    match resource.group {
        "" => format!("api/{}", resource.version),
        group => format!("apis/{group}/{}", resource.version),
    }
}

fn document(resources: &[&Resource]) -> Document {
    let mut paths = Map::new();
    for resource in resources {
        paths.extend(resource_paths(resource));
    }
    let types = reached(resources);
    let schemas: Map<String, Value> = types
        .into_iter()
        .map(|of| (of.definition.to_owned(), definition::object(of)))
        .chain(definition::scalars())
        .collect();
    let content = json!({
        "openapi": "3.0.0", "info": {"title": "Kubernetes", "version": GIT_VERSION},
        "paths": paths, "components": {"schemas": schemas},
    });
    let bytes = content.to_string().into_bytes();
    let hash = hash(&bytes);
    Document { bytes, hash }
}

/// FNV-1a in 64 bits: it tells documents apart and hides nothing.
fn hash(bytes: &[u8]) -> String {
    let folded = bytes.iter().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
        (hash ^ u64::from(*byte)).wrapping_mul(0x0000_0100_0000_01b3)
    });
    format!("{folded:016X}")
}

/// The types of the resources and all that they are made of, ordered by name.
fn reached(resources: &[&Resource]) -> Vec<&'static Type> {
    let kinds = resources
        .iter()
        .filter_map(|resource| schema::of_kind(resource.group, resource.version, resource.kind));
    let mut open: Vec<&'static Type> = kinds.collect();
    let mut found: BTreeSet<&str> = open.iter().map(|of| of.definition).collect();
    let mut types = Vec::new();
    while let Some(of) = open.pop() {
        types.push(of);
        let below = of
            .fields
            .iter()
            .filter_map(|field| field.shape.object().or_else(|| field.element()));
        for of in below {
            if found.insert(of.definition) {
                open.push(of);
            }
        }
    }
    types.sort_unstable_by_key(|of| of.definition);
    types
}

/// The collection's path and the object's, with the operations that clients look up by kind.
fn resource_paths(resource: &Resource) -> Vec<(String, Value)> {
    let base = format!("/{}", name(resource));
    let plural = resource.plural;
    let operation = |action: &str| operation(resource, action);
    let all = format!("{base}/{plural}");
    let own = match resource.namespaced {
        true => format!("{base}/namespaces/{{namespace}}/{plural}"),
        false => all.clone(),
    };
    let mut paths = vec![
        (
            format!("{own}/{{name}}"),
            json!({
                "get": operation("get"), "put": operation("put"), "patch": patch(resource),
                "delete": operation("delete"),
            }),
        ),
        (own, json!({"get": operation("list"), "post": operation("post")})),
    ];
    if resource.namespaced {
        paths.push((all, json!({"get": operation("list")})));
    }
    paths
}

fn operation(resource: &Resource, action: &str) -> Value {
    let writes = matches!(action, "post" | "put" | "patch");
    let parameters: &[&str] = if writes {
        &["dryRun", "fieldManager", "fieldValidation"]
    } else {
        &[]
    };
    let parameters: Vec<Value> = parameters
        .iter()
        .map(|name| json!({"name": name, "in": "query", "schema": {"type": "string", "uniqueItems": true}}))
        .collect();
    json!({
        "parameters": parameters,
        "responses": {"200": {"description": "OK"}},
        "x-kubernetes-action": action,
        "x-kubernetes-group-version-kind":
            {"group": resource.group, "kind": resource.kind, "version": resource.version},
    })
}

fn patch(resource: &Resource) -> Value {
    const FORMS: [&str; 4] = [
        "application/apply-patch+yaml",
        "application/json-patch+json",
        "application/merge-patch+json",
        "application/strategic-merge-patch+json",
    ];
    let mut patch = operation(resource, "patch");
    let content: Map<String, Value> = FORMS
        .iter()
        .map(|form| ((*form).to_owned(), json!({"schema": {"type": "object"}})))
        .collect();
    patch["requestBody"] = json!({"content": content});
    patch
}

#[cfg(test)]
mod tests {
    use super::*;

    fn get(path: &str) -> Response {
        let request = Request::new("GET", path);
        let name = request
            .path
            .trim_start_matches("/openapi/v3")
            .trim_matches('/')
            .to_owned();
        answer(&request, &name).unwrap()
    }

    #[test]
    fn the_index_leads_to_every_document() {
        let index = get("/openapi/v3").body_json();
        let paths = index["paths"].as_object().unwrap();
        assert!(paths.contains_key("api/v1") && paths.contains_key("apis/apps/v1"));
        for (name, entry) in paths {
            let document = get(entry["serverRelativeURL"].as_str().unwrap());
            assert_eq!(document.status, 200, "{name}");
            assert_eq!(document.body_json()["openapi"], "3.0.0", "{name}");
        }
        assert!(answer(&Request::new("GET", "/openapi/v3/apis/none/v1"), "apis/none/v1").is_none());
    }

    #[test]
    fn an_old_hash_is_sent_on_to_the_new_one() {
        let moved = get("/openapi/v3/api/v1?hash=0");
        assert_eq!(moved.status, 301);
        let (_, location) = moved.headers.iter().find(|(name, _)| name == "Location").unwrap();
        assert_eq!(get(location).status, 200);
    }

    #[test]
    fn kubectl_finds_that_a_kind_can_be_validated_and_merged() {
        let document = get("/openapi/v3/apis/apps/v1").body_json();
        let patch = &document["paths"]["/apis/apps/v1/namespaces/{namespace}/deployments/{name}"]["patch"];
        assert_eq!(
            patch["x-kubernetes-group-version-kind"],
            json!({"group": "apps", "version": "v1", "kind": "Deployment"})
        );
        let parameters = patch["parameters"].as_array().unwrap();
        assert!(
            parameters
                .iter()
                .any(|parameter| parameter["name"] == "fieldValidation")
        );
        assert!(patch["requestBody"]["content"]["application/strategic-merge-patch+json"].is_object());
    }

    #[test]
    fn every_reference_leads_to_a_definition() {
        for (name, document) in documents() {
            let content: Value = serde_json::from_slice(&document.bytes).unwrap();
            let schemas = content["components"]["schemas"].as_object().unwrap();
            let mut open: Vec<&Value> = vec![&content];
            while let Some(value) = open.pop() {
                if let Some(reference) = value.get("$ref").and_then(Value::as_str) {
                    let target = reference.trim_start_matches("#/components/schemas/");
                    assert!(schemas.contains_key(target), "{name}: {reference}");
                }
                match value {
                    Value::Object(entries) => open.extend(entries.values()),
                    Value::Array(items) => open.extend(items),
                    _ => {}
                }
            }
        }
    }
}
