//! POST, PUT, PATCH, DELETE.
//!
//! Source: `k8s.io/apiserver/pkg/endpoints/handlers/{create,update,patch,delete}.go`.

use serde_json::{Value, json};

use super::presentation::{Presentation, stored_as};
use super::{query, read};
use crate::apiserver::decode::{self, Body, Decoded, FieldValidation};
use crate::apiserver::route::Route;
use crate::apiserver::selector::Selection;
use crate::apiserver::write::{Ownership, Target};
use crate::apiserver::{ApiServer, WriteOptions, event_conversion, managed_fields, patch, registry};
use crate::request::{Request, Response};
use crate::resource::{EVENTS_V1, PODS, Resource};
use crate::status::{Status, field};
use crate::storage::{Object, text};

const JSON_PATCH: &str = "application/json-patch+json";
const MERGE_PATCH: &str = "application/merge-patch+json";
const STRATEGIC_MERGE_PATCH: &str = "application/strategic-merge-patch+json";
const APPLY_PATCH: &str = "application/apply-patch+yaml";

pub(super) fn create(api: &mut ApiServer, request: &Request, route: &Route) -> Result<Response, Status> {
    let presentation = Presentation::of(request, false)?;
    let options = query::write_options(request, "CreateOptions")?;
    let decoded = decode_body(request, route.resource)?;
    let namespace = match route.resource.namespaced {
        true if route.namespace.is_none() => text(&decoded.object, &["metadata", "namespace"]).to_owned(),
        _ => route.namespace().to_owned(),
    };
    let object = api.create(stored_as(route.resource), &namespace, decoded.object, &options)?;
    let mut warnings = decoded.warnings;
    warnings.extend(registry::warnings_on_create(route.resource, &object));
    Ok(answer(api, &presentation, route.resource, 201, &object).with_warnings(&warnings))
}

pub(super) fn update(api: &mut ApiServer, request: &Request, route: &Route) -> Result<Response, Status> {
    let presentation = Presentation::of(request, false)?;
    let options = query::write_options(request, "UpdateOptions")?;
    let decoded = decode_body(request, route.resource)?;
    check_name(&decoded.object, route.name())?;
    let target = target(route);
    let existed = api
        .get(target.resource, &target.namespace, &target.name)
        .is_some();
    let object = api.update_with(&target, &options, Ownership::Tracked, |_| Ok(decoded.object))?;
    let mut warnings = decoded.warnings;
    warnings.extend(registry::warnings_on_update(route.resource, &object));
    let code = if existed { 200 } else { 201 };
    Ok(answer(api, &presentation, route.resource, code, &object).with_warnings(&warnings))
}

pub(super) fn change(api: &mut ApiServer, request: &Request, route: &Route) -> Result<Response, Status> {
    let presentation = Presentation::of(request, false)?;
    let options = query::write_options(request, "PatchOptions")?;
    let existed = api
        .get(stored_as(route.resource), route.namespace(), route.name())
        .is_some();
    let mut warnings = Vec::new();
    let object = match media_type(request) {
        APPLY_PATCH => apply(api, request, route, &options, &mut warnings)?,
        kind @ (JSON_PATCH | MERGE_PATCH | STRATEGIC_MERGE_PATCH) => {
            let target = Target {
                patch: true,
                ..target(route)
            };
            refuse_force(request)?;
            if !existed {
                return Err(target.not_found());
            }
            let change = |old: &Value| {
                let new = patched(request, route.resource, kind, old, &mut warnings)?;
                check_place(&new, &target).map(|()| new)
            };
            api.update_with(&target, &options, Ownership::Tracked, change)?
        }
        _ => return Err(unsupported_patch()),
    };
    warnings.extend(registry::warnings_on_update(route.resource, &object));
    let code = if existed { 200 } else { 201 };
    Ok(answer(api, &presentation, route.resource, code, &object).with_warnings(&warnings))
}

/// Only an apply can be forced.
fn refuse_force(request: &Request) -> Result<(), Status> {
    if request.parameter("force").is_none() {
        return Ok(());
    }
    let error = field::Error::forbidden("force", "may not be specified for non-apply patch");
    Err(Status::invalid("meta.k8s.io", "PatchOptions", "", &[error]))
}

fn patched(
    request: &Request,
    resource: &'static Resource,
    kind: &str,
    old: &Value,
    warnings: &mut Vec<String>,
) -> Result<Value, Status> {
    let faced = if resource == &EVENTS_V1 {
        event_conversion::to_events_v1(old)
    } else {
        old.clone()
    };
    let patched = match kind {
        JSON_PATCH => patch::json(&faced, &request.body),
        MERGE_PATCH => patch::merge(&faced, &request.body),
        _ => patch::strategic(resource, &faced, &request.body),
    }?;
    let decoded = decode::decode_patched(resource, &patched, field_validation(request)?)
        .map_err(|why| unfit(&patched, why))?;
    warnings.extend(decoded.warnings);
    Ok(stored_face(resource, decoded.object))
}

/// Patches something that has no schema of its own, such as a Scale.
pub(super) fn patched_plainly(kind: &str, old: &Value, patch: &[u8]) -> Result<Value, Status> {
    match kind {
        JSON_PATCH => patch::json(old, patch),
        MERGE_PATCH | STRATEGIC_MERGE_PATCH => patch::merge(old, patch),
        _ => Err(unsupported_patch()),
    }
}

fn apply(
    api: &mut ApiServer,
    request: &Request,
    route: &Route,
    options: &WriteOptions,
    warnings: &mut Vec<String>,
) -> Result<Object, Status> {
    if request
        .parameter("fieldManager")
        .is_none_or(|manager| manager.is_empty())
    {
        return Err(Status::invalid(
            "meta.k8s.io",
            "PatchOptions",
            "",
            &[field::Error::required(
                "fieldManager",
                "is required for apply patch",
            )],
        ));
    }
    let configuration = patch::configuration(&request.body)?;
    let force = request.flag("force");
    let target = target(route);
    let live = api.get(target.resource, &target.namespace, &target.name).cloned();
    let now = api.now();
    let writer = options.writer(target.subresource, now);
    let merged = managed_fields::apply(route.resource, live.as_deref(), &configuration, force, &writer)?;
    check_name(&merged, &target.name)?;
    let decoded = decode::decode_patched(route.resource, &merged, field_validation(request)?)
        .map_err(|why| unfit(&merged, why))?;
    warnings.extend(decoded.warnings);
    let merged = decoded.object;
    match live {
        Some(_) => api.update_with(&target, options, Ownership::Applied, |_| Ok(merged)),
        None if target.subresource.is_some() => Err(target.not_found()),
        None if !text(&merged, &["metadata", "uid"]).is_empty() => Err(target.no_such_uid(&merged)),
        None => api.create_with(
            target.resource,
            &target.namespace,
            merged,
            options,
            Ownership::Applied,
        ),
    }
}

/// `pods/binding`.
pub(super) fn bind(api: &mut ApiServer, request: &Request, route: &Route) -> Result<Response, Status> {
    let options = query::write_options(request, "CreateOptions")?;
    let binding = binding(request)?;
    api.bind(&target(route), &binding, &options)?;
    Ok(Response::json(201, &success(&json!({"code": 201}))))
}

/// `bindings`, the way that names the Pod in the body.
pub(super) fn bind_named(api: &mut ApiServer, request: &Request, route: &Route) -> Result<Response, Status> {
    let options = query::write_options(request, "CreateOptions")?;
    let binding = binding(request)?;
    let target = Target {
        resource: &PODS,
        subresource: Some("binding"),
        namespace: route.namespace().to_owned(),
        name: text(&binding, &["metadata", "name"]).to_owned(),
        patch: false,
    };
    api.bind(&target, &binding, &options)?;
    Ok(Response::json(201, &success(&json!({"code": 201}))))
}

fn binding(request: &Request) -> Result<Value, Status> {
    let kind = ("", "v1", "Binding");
    Ok(decode::decode_kind(kind, body_of(request)?, field_validation(request)?)?.object)
}

pub(super) fn delete(api: &mut ApiServer, request: &Request, route: &Route) -> Result<Response, Status> {
    let options = query::delete_options(request)?;
    let resource = stored_as(route.resource);
    let object = api.delete(resource, route.namespace(), route.name(), &options)?;
    let gone = options.dry_run || api.get(resource, route.namespace(), route.name()).is_none();
    if gone && !answers_deletion_with_object(resource) {
        let details = json!({
            "details": {"name": route.name(), "kind": resource.plural, "uid": text(&object, &["metadata", "uid"])},
        });
        let mut body = success(&details);
        if !resource.group.is_empty() {
            body["details"]["group"] = resource.group.into();
        }
        return Ok(Response::json(200, &body));
    }
    let presentation = Presentation::of(request, false)?;
    Ok(answer(api, &presentation, route.resource, 200, &object))
}

/// Kinds whose deletion is answered with the object (`ReturnDeletedObject`), and not only with a Status.
fn answers_deletion_with_object(resource: &Resource) -> bool {
    const KINDS: [&str; 11] = [
        "CSIDriver",
        "CSINode",
        "Namespace",
        "PersistentVolume",
        "PersistentVolumeClaim",
        "Pod",
        "Service",
        "ServiceAccount",
        "StorageClass",
        "VolumeAttachment",
        "VolumeAttributesClass",
    ];
    KINDS.contains(&resource.kind)
}

pub(super) fn delete_collection(
    api: &mut ApiServer,
    request: &Request,
    route: &Route,
) -> Result<Response, Status> {
    let options = query::delete_options(request)?;
    let presentation = Presentation::of(request, false)?;
    let selection = Selection::parse(
        route.resource,
        &request.parameter("labelSelector").unwrap_or_default(),
        &request.parameter("fieldSelector").unwrap_or_default(),
    )?;
    if !route.resource.namespaced || route.namespace.is_some() {
        let objects = read::selected(api, route, &selection);
        for object in &objects {
            let place = Target::of(stored_as(route.resource), None, object);
            api.delete(place.resource, &place.namespace, &place.name, &options)?;
        }
        let metadata = json!({"resourceVersion": api.revision().to_string()});
        let items = objects.iter().map(AsRef::as_ref);
        return Ok(Response::json(
            200,
            &presentation.list(route.resource, items, &metadata, api.now()),
        ));
    }
    Err(Status::method_not_allowed())
}

fn success(more: &Value) -> Value {
    let mut body = json!({"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Success"});
    for (key, value) in more.as_object().into_iter().flatten() {
        body[key] = value.clone();
    }
    body
}

fn answer(
    api: &ApiServer,
    presentation: &Presentation,
    resource: &'static Resource,
    code: u16,
    object: &Value,
) -> Response {
    Response::json(code, &presentation.object(resource, object, api.now()))
}

pub(super) fn target(route: &Route) -> Target<'_> {
    Target {
        resource: stored_as(route.resource),
        subresource: route.subresource.map(|subresource| subresource.name),
        namespace: route.namespace().to_owned(),
        name: route.name().to_owned(),
        patch: false,
    }
}

/// 422 for a patch that makes something that is no object of the kind.
fn unfit(patched: &Value, why: String) -> Status {
    Status::invalid(
        "",
        "",
        "",
        &[field::Error::invalid("patch", patched.to_string(), why)],
    )
}

/// A patch may not move an object.
fn check_place(object: &Value, target: &Target<'_>) -> Result<(), Status> {
    check_name(object, &target.name)?;
    let namespace = text(object, &["metadata", "namespace"]);
    if namespace.is_empty() || namespace == target.namespace {
        return Ok(());
    }
    Err(Status::bad_request(
        "the namespace of the provided object does not match the namespace sent on the request",
    ))
}

/// The media type without its parameters; JSON if none is given.
pub(super) fn media_type(request: &Request) -> &str {
    match request.content_type.split(';').next().unwrap_or_default().trim() {
        "" => "application/json",
        media_type => media_type,
    }
}

fn decode_body(request: &Request, resource: &'static Resource) -> Result<Decoded, Status> {
    let mut decoded = decode::decode(resource, body_of(request)?, field_validation(request)?)?;
    decoded.object = stored_face(resource, decoded.object);
    Ok(decoded)
}

/// The body in the form that its `Content-Type` names.
pub(super) fn body_of(request: &Request) -> Result<Body<'_>, Status> {
    Body::of(media_type(request), &request.body)
}

/// The object as it is stored: an Event of `events.k8s.io` lives as a core one.
fn stored_face(resource: &Resource, object: Value) -> Value {
    if resource == &EVENTS_V1 {
        event_conversion::from_events_v1(&object)
    } else {
        object
    }
}

fn field_validation(request: &Request) -> Result<FieldValidation, Status> {
    let text = request.parameter("fieldValidation").unwrap_or_default();
    FieldValidation::parse(&text).ok_or_else(|| {
        let kind = match request.method.as_str() {
            "POST" => "CreateOptions",
            "PUT" => "UpdateOptions",
            _ => "PatchOptions",
        };
        let error = field::Error::not_supported("fieldValidation", text, &FieldValidation::VALUES);
        Status::invalid("meta.k8s.io", kind, "", &[error])
    })
}

fn unsupported_patch() -> Status {
    let mut status = Status::new(415, "UnsupportedMediaType", "415: Unsupported Media Type");
    status.details = Some(Box::default());
    status
}

pub(super) fn check_name(object: &Value, name: &str) -> Result<(), Status> {
    match text(object, &["metadata", "name"]) {
        "" => Err(Status::bad_request(format!(
            "the name of the object ({name} based on URL) was undeterminable: name must be provided"
        ))),
        own if own != name => Err(Status::bad_request(format!(
            "the name of the object ({own}) does not match the name on the URL ({name})"
        ))),
        _ => Ok(()),
    }
}
