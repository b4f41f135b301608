//! The scale subresource: the replicas of a workload, seen as an `autoscaling/v1` Scale.
//!
//! Source: `k8s.io/kubernetes/pkg/registry/apps/deployment/storage/storage.go`, `ScaleREST`.

use serde_json::{Value, json};

use super::mutate;
use super::patch;
use super::presentation::Presentation;
use super::query::{self, field_validation};
use crate::apiserver::decode::{FieldValidation, GroupVersionKind};
use crate::apiserver::managed_fields::{self, Writer};
use crate::apiserver::route::Route;
use crate::apiserver::selector::line::label_selector;
use crate::apiserver::write::{Ownership, Target};
use crate::apiserver::{ApiServer, WriteOptions};
use crate::request::{Request, Response};
use crate::resource::REPLICATION_CONTROLLERS;
use crate::status::{Status, field};
use crate::storage::text;

const SCALE: GroupVersionKind<'static> = GroupVersionKind {
    group: "autoscaling",
    version: "v1",
    kind: "Scale",
};

pub(super) fn handle(
    api: &mut ApiServer,
    request: &Request,
    route: &Route,
    warnings: &mut Vec<String>,
) -> Result<Response, Status> {
    let presentation = Presentation::of(request)?;
    let target = mutate::target(route);
    let scale = match request.method.as_str() {
        "GET" | "HEAD" => {
            let workload = api.get(target.resource, &target.namespace, &target.name);
            shown(workload.ok_or_else(|| target.not_found())?)
        }
        "PUT" => {
            let options = query::write_options(request)?;
            let kind = (SCALE.group, SCALE.version, SCALE.kind);
            let decoded = mutate::decode_as(request, kind)?;
            warnings.extend(decoded.warnings);
            mutate::check_name(&decoded.object, route.name())?;
            write(api, &target, &options, |before, writer| {
                Ok(tracked(before, decoded.object, writer))
            })?
        }
        "PATCH" => {
            let options = query::write_options(request)?;
            let kind = patch::kind_of(request)?;
            let validation = field_validation(request)?;
            write(api, &target, &options, |before, writer| {
                patched(request, kind, before, validation, writer, warnings)
            })?
        }
        _ => return Err(Status::method_not_allowed()),
    };
    Ok(Response::json(200, &presentation.scale(&scale, api.now())))
}

/// Writes what `make` makes of the workload's Scale; the answer is the new one.
fn write(
    api: &mut ApiServer,
    target: &Target<'_>,
    options: &WriteOptions,
    make: impl FnOnce(&Value, &Writer<'_>) -> Result<Value, Status>,
) -> Result<Value, Status> {
    let writer = options.writer(target.subresource, api.now());
    let object = api.update_with(target, options, Ownership::Applied, |old| {
        let mut before = shown(old);
        managed_fields::scale::show_owners(old, &mut before);
        let scale = make(&before, &writer)?;
        let replicas = wanted(target, &scale)?;
        check_uid(target, &scale, old)?;
        let mut new = old.clone();
        new["spec"]["replicas"] = replicas.into();
        new["metadata"]["resourceVersion"] = scale["metadata"]["resourceVersion"].clone();
        managed_fields::scale::take_owners(&mut new, &scale);
        Ok(new)
    })?;
    Ok(shown(&object))
}

/// `new` with its changes put down to the writer.
fn tracked(before: &Value, mut new: Value, writer: &Writer<'_>) -> Value {
    managed_fields::track_update(Some(before), &mut new, SCALE, writer);
    new
}

fn patched(
    request: &Request,
    kind: patch::Kind<'_>,
    before: &Value,
    validation: FieldValidation,
    writer: &Writer<'_>,
    warnings: &mut Vec<String>,
) -> Result<Value, Status> {
    match kind {
        patch::Kind::Change(change) => {
            let new = patch::patched_kind(change, SCALE, before, validation, warnings)?;
            mutate::check_name(&new, text(before, &["metadata", "name"]))?;
            Ok(tracked(before, new, writer))
        }
        patch::Kind::Apply => {
            let configuration = crate::apiserver::patch::configuration(&request.body)?;
            managed_fields::apply(SCALE, Some(before), &configuration, request.flag("force"), writer)
        }
    }
}

fn check_uid(target: &Target<'_>, scale: &Value, workload: &Value) -> Result<(), Status> {
    let (uid, of_workload) = (
        text(scale, &["metadata", "uid"]),
        text(workload, &["metadata", "uid"]),
    );
    if uid.is_empty() || uid == of_workload {
        return Ok(());
    }
    let resource = format!("{}/scale", target.resource.plural);
    let why = format!("Precondition failed: UID in precondition: {uid}, UID in object meta: {of_workload}");
    Err(Status::conflict(
        target.resource.group,
        &resource,
        &target.name,
        &why,
    ))
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
    let selector = &object["spec"]["selector"];
    let selector = if object["kind"] == REPLICATION_CONTROLLERS.kind {
        label_selector(&json!({"matchLabels": selector}))
    } else {
        label_selector(selector)
    };
    if !selector.is_empty() {
        scale["status"]["selector"] = selector.into();
    }
    scale
}
