//! POST, PUT, DELETE.
//!
//! Source: `k8s.io/apiserver/pkg/endpoints/handlers/{create,update,delete}.go`.

use serde_json::{Value, json};

use super::presentation::Presentation;
use super::query::{self, field_validation};
use super::read;
use crate::apiserver::decode::{self, Body, Decoded};
use crate::apiserver::route::Route;
use crate::apiserver::selector::Selection;
use crate::apiserver::versions::{self, stored_as};
use crate::apiserver::write::{Ownership, Target};
use crate::apiserver::{ApiServer, DeleteOptions, registry};
use crate::request::{Request, Response};
use crate::resource::{PODS, Resource};
use crate::status::Status;
use crate::storage::{Object, text};

pub(super) fn create(
    api: &mut ApiServer,
    request: &Request,
    route: &Route,
    warnings: &mut Vec<String>,
) -> Result<Response, Status> {
    let presentation = Presentation::of(request)?;
    let options = query::write_options(request)?;
    let body = decode_body(request, route.resource, warnings)?;
    let namespace = match route.resource.namespaced {
        true if route.namespace.is_none() => text(&body, &["metadata", "namespace"]).to_owned(),
        _ => route.namespace().to_owned(),
    };
    let object = api.create(stored_as(route.resource), &namespace, body, &options)?;
    warnings.extend(registry::warnings_on_create(route.resource, &object));
    warnings.extend(api.admission_warnings(&target(route), &object, None));
    Ok(answer(api, &presentation, route.resource, 201, &object))
}

pub(super) fn update(
    api: &mut ApiServer,
    request: &Request,
    route: &Route,
    warnings: &mut Vec<String>,
) -> Result<Response, Status> {
    let presentation = Presentation::of(request)?;
    let options = query::write_options(request)?;
    let body = decode_body(request, route.resource, warnings)?;
    check_name(&body, route.name())?;
    let old = stored(api, route);
    let new = api.update_with(&target(route), &options, Ownership::Tracked, |_| Ok(body))?;
    let change = Change { old, new };
    Ok(change.answer(api, &presentation, route, warnings))
}

/// `pods/binding`.
pub(super) fn bind(api: &mut ApiServer, request: &Request, route: &Route) -> Result<Response, Status> {
    let options = query::write_options(request)?;
    let binding = binding(request)?;
    api.bind(&target(route), &binding, &options)?;
    Ok(Response::json(201, &success(&json!({"code": 201}))))
}

/// `bindings`, the way that names the Pod in the body.
pub(super) fn bind_named(api: &mut ApiServer, request: &Request, route: &Route) -> Result<Response, Status> {
    let options = query::write_options(request)?;
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
    Ok(decode_as(request, ("", "v1", "Binding"))?.object)
}

pub(super) fn delete(
    api: &mut ApiServer,
    request: &Request,
    route: &Route,
    warnings: &mut Vec<String>,
) -> Result<Response, Status> {
    let options = query::delete_options(request)?;
    let resource = stored_as(route.resource);
    warnings.extend(deletion_warning(resource, &options));
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
    let presentation = Presentation::of(request)?;
    Ok(answer(api, &presentation, route.resource, 200, &object))
}

/// What the client should know if it leaves open what becomes of dependents.
fn deletion_warning(resource: &Resource, options: &DeleteOptions) -> Option<String> {
    let warning = registry::warning_on_default_deletion(resource)?;
    options.propagation_policy.is_none().then(|| warning.to_owned())
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
    warnings: &mut Vec<String>,
) -> Result<Response, Status> {
    let options = query::delete_options(request)?;
    warnings.extend(deletion_warning(route.resource, &options));
    let presentation = Presentation::of(request)?;
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
        return Ok(presentation.list(route.resource, &objects, &metadata, api.now()));
    }
    Err(Status::method_not_allowed())
}

/// A `metav1.Status` that says success, with `more`.
pub(super) fn success(more: &Value) -> Value {
    let mut body = json!({"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Success"});
    for (key, value) in more.as_object().into_iter().flatten() {
        body[key] = value.clone();
    }
    body
}

/// What a PUT or PATCH has done.
pub(super) struct Change {
    /// What was stored before; `None` if the write has created the object.
    pub(super) old: Option<Object>,
    pub(super) new: Object,
}

impl Change {
    /// The answer, with what the client should be warned of.
    pub(super) fn answer(
        &self,
        api: &ApiServer,
        presentation: &Presentation,
        route: &Route,
        warnings: &mut Vec<String>,
    ) -> Response {
        let old = self.old.as_deref();
        // About a part of an object only admission says anything.
        if route.subresource.is_none() {
            warnings.extend(registry::warnings_on_update(route.resource, &self.new, old));
        }
        warnings.extend(api.admission_warnings(&target(route), &self.new, old));
        let code = if old.is_some() { 200 } else { 201 };
        answer(api, presentation, route.resource, code, &self.new)
    }
}

/// What is stored where a request goes.
pub(super) fn stored(api: &ApiServer, route: &Route) -> Option<Object> {
    api.get(stored_as(route.resource), route.namespace(), route.name())
        .cloned()
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

/// The media type without its parameters; JSON if none is given.
pub(super) fn media_type(request: &Request) -> &str {
    match request.content_type.split(';').next().unwrap_or_default().trim() {
        "" => "application/json",
        media_type => media_type,
    }
}

fn decode_body(
    request: &Request,
    resource: &'static Resource,
    warnings: &mut Vec<String>,
) -> Result<Value, Status> {
    let decoded = decode::decode(resource, body_of(request)?, field_validation(request)?)?;
    warnings.extend(decoded.warnings);
    Ok(versions::to_stored(resource, decoded.object))
}

/// The body as an object of a kind (group, version, kind), which may be another than the resource's.
pub(super) fn decode_as(request: &Request, kind: (&str, &str, &str)) -> Result<Decoded, Status> {
    decode::decode_kind(kind, body_of(request)?, field_validation(request)?)
}

/// The body in the form that its `Content-Type` names.
pub(super) fn body_of(request: &Request) -> Result<Body<'_>, Status> {
    Body::of(media_type(request), &request.body)
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
