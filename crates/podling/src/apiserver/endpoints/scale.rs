//! The scale subresource: the replicas of a workload, seen as an `autoscaling/v1` Scale.
//!
//! Source: `k8s.io/kubernetes/pkg/registry/apps/deployment/storage/storage.go`, `ScaleREST`.

use serde_json::{Value, json};

use super::mutate::{self, media_type};
use super::presentation::Presentation;
use super::query;
use crate::apiserver::decode::{self, FieldValidation};
use crate::apiserver::route::Route;
use crate::apiserver::selector::line::label_selector;
use crate::apiserver::write::{Ownership, Target};
use crate::apiserver::{ApiServer, WriteOptions};
use crate::request::{Request, Response};
use crate::status::{Status, field};

pub(super) fn handle(api: &mut ApiServer, request: &Request, route: &Route) -> Result<Response, Status> {
    let target = mutate::target(route);
    match request.method.as_str() {
        "GET" | "HEAD" => get(api, request, &target),
        "PUT" => {
            let options = query::write_options(request, "UpdateOptions")?;
            let scale = ("autoscaling", "v1", "Scale");
            let body = decode::decode_kind(scale, mutate::body_of(request)?, FieldValidation::Ignore)?.object;
            mutate::check_name(&body, route.name())?;
            write(api, &target, &options, |_| Ok(body))
        }
        "PATCH" => {
            let options = query::write_options(request, "PatchOptions")?;
            let kind = media_type(request).to_owned();
            write(api, &target, &options, |scale| {
                mutate::patched_plainly(&kind, scale, &request.body)
            })
        }
        _ => Err(Status::method_not_allowed()),
    }
}

fn get(api: &ApiServer, request: &Request, target: &Target<'_>) -> Result<Response, Status> {
    let presentation = Presentation::of(request, false)?;
    let object = api
        .get(target.resource, &target.namespace, &target.name)
        .ok_or_else(|| target.not_found())?;
    Ok(Response::json(
        200,
        &presentation.scale(&shown(object), api.now()),
    ))
}

fn write(
    api: &mut ApiServer,
    target: &Target<'_>,
    options: &WriteOptions,
    make: impl FnOnce(&Value) -> Result<Value, Status>,
) -> Result<Response, Status> {
    let object = api.update_with(target, options, Ownership::Tracked, |old| {
        let mut before = shown(old);
        // A patch sees the number even where the shown form leaves a zero out.
        before["spec"]["replicas"] = old["spec"]["replicas"].clone();
        let scale = make(&before)?;
        let replicas = wanted(target, &scale)?;
        let mut new = old.clone();
        new["spec"]["replicas"] = replicas.into();
        new["metadata"]["resourceVersion"] = scale["metadata"]["resourceVersion"].clone();
        Ok(new)
    })?;
    Ok(Response::json(200, &shown(&object)))
}

fn wanted(target: &Target<'_>, scale: &Value) -> Result<i64, Status> {
    let replicas = scale["spec"]["replicas"].as_i64().unwrap_or(0);
    if replicas >= 0 {
        return Ok(replicas);
    }
    let error = field::Error::invalid("spec.replicas", replicas, "must be greater than or equal to 0");
    Err(Status::invalid("autoscaling", "Scale", &target.name, &[error]))
}

/// A workload as its Scale; a number of zero is left out of the spec, as Go's `omitempty` does.
fn shown(object: &Value) -> Value {
    let metadata = &object["metadata"];
    let mut scale = json!({
        "kind": "Scale",
        "apiVersion": "autoscaling/v1",
        "metadata": {},
        "spec": {},
        "status": {"replicas": object["status"]["replicas"].as_i64().unwrap_or(0)},
    });
    for key in ["name", "namespace", "uid", "resourceVersion", "creationTimestamp"] {
        scale["metadata"][key] = metadata[key].clone();
    }
    if let Some(replicas) = object["spec"]["replicas"]
        .as_i64()
        .filter(|replicas| *replicas != 0)
    {
        scale["spec"]["replicas"] = replicas.into();
    }
    let selector = label_selector(&object["spec"]["selector"]);
    if !selector.is_empty() {
        scale["status"]["selector"] = selector.into();
    }
    scale
}
